"""The DAGs' lab, for what becomes of a whole run."""

from dags.conftest import lab, parts

__all__ = ["lab", "parts"]
