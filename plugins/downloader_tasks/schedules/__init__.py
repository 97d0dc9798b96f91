"""The scheduled DAGs: what `schedules.yaml` says, and the DAGs that are made of it."""

from __future__ import annotations

from .dags import make_dags

__all__ = ["make_dags"]
