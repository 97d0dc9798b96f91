"""The XCom `preview`: what `validate` of a dry run hands to `report`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from .values import read

__all__ = ["Previews", "pull_previews", "push_previews"]

_PREVIEW: Final = "preview"


@dataclass(frozen=True, slots=True)
class Previews:
    """`reports` and `texts`: those of `result` and of `report_text`. `problems`: what is in none of them."""

    reports: list[dict[str, Any]]
    texts: list[dict[str, Any]]
    problems: list[str]


def push_previews(ti: Any, previews: Previews) -> None:
    """Pushes what a run would do."""
    ti.xcom_push(key=_PREVIEW, value=asdict(previews))


def pull_previews(ti: Any) -> Previews | None:
    """What `validate` pushed; None where there is nothing that can be read."""
    return read(Previews, ti.xcom_pull(task_ids="validate", key=_PREVIEW))
