"""The DAGs' lab, for what becomes of a whole run."""

from dags.conftest import lab, moto, parts

__all__ = ["lab", "moto", "parts"]
