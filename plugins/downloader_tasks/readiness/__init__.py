"""Whether what the DAGs need is there, before anybody triggers a run and waits."""

from __future__ import annotations

from .checks import CHECKS, CheckResult, State, check_needs
from .lookout import Lookout

__all__ = ["CHECKS", "CheckResult", "Lookout", "State", "check_needs"]
