"""What a run of `s3_downloader` was asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from typing import Any, Final, Self

from downloader.catalogue import BACKED_UP, Catalogue

from ..failures import Refusal
from ..parameters import refuse_contradictions, trimmed
from ..wording import a_few, counted, one_line

__all__ = ["MOST_RAW_FILES", "RawFileRequest", "Selection"]

MOST_RAW_FILES: Final = 1000
"""Raw files of one run: each takes a task at least, and Airflow maps a task over 1,024 at most. `raw_file_ids` has the
same limit in the form."""


@dataclass(frozen=True, slots=True)
class RawFileRequest:
    """The raw files to restore, each once, and the patterns that choose among their files (none: all of them).

    `project_id`: instead of ids; which raw files it has, the catalogue says. `thaw`: the tier by which archived objects
    are restored; ``""``: they are not. `audit`: whether what is on the disk is only read and compared.
    """

    raw_file_ids: tuple[str, ...]
    patterns: tuple[str, ...]
    project_id: str = ""
    thaw: str = ""
    audit: bool = False

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Self:
        """Raises Refusal where the parameters do not fit together."""
        refuse_contradictions("s3_downloader", params)
        one, several = params.get("raw_file_id"), params.get("raw_file_ids")
        ids = trimmed([one] if one else several or [])
        project_id = (params.get("project_id") or "").strip()
        return cls(
            ids,
            trimmed(params.get("files") or []),
            project_id,
            thaw=params.get("thaw") or "",
            audit=bool(params.get("audit")),
        )

    def ids_in(self, catalogue: Catalogue) -> Sequence[str]:
        """The ids of the raw files to restore: as asked for, or those of the project whose backup is done.

        Raises CatalogueError, and Refusal where the project has none, or more than `MOST_RAW_FILES`.
        """
        if not self.project_id:
            return self.raw_file_ids
        ids, project = catalogue.ids_of_project(self.project_id, MOST_RAW_FILES + 1), one_line(self.project_id)
        if not ids:
            raise Refusal(
                f"the catalogue has no raw file of project {project} whose backup is done (backup_status "
                f"{BACKED_UP}); check the project's id, or name raw files by raw_file_ids"
            )
        if len(ids) > MOST_RAW_FILES:
            raise Refusal(
                f"project {project} has more than {MOST_RAW_FILES:,} raw files whose backup is done, which is too many "
                f"for one run; name them by raw_file_ids, up to {MOST_RAW_FILES:,} at a time"
            )
        return ids


class Selection:
    """The files that patterns choose. `*` also stands for `/`; the name of a folder stands for all that is in it."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = patterns
        wanted = [form for pattern in patterns for form in (pattern, pattern.rstrip("/") + "/*")]
        self._forms = re.compile("|".join(f"(?:{translate(form)})" for form in wanted))

    def __contains__(self, name: str) -> bool:
        return not self._patterns or name in self._patterns or self._forms.match(name) is not None

    def refuse_empty(self, raw_file_id: str, names: Sequence[str]) -> None:
        """Raises Refusal where none of `names` is chosen."""
        if not any(name in self for name in names):
            raise Refusal(
                f"files ({a_few(self._patterns)}) matches none of the {counted(len(names))} of raw file "
                f"{one_line(raw_file_id)}; it has {a_few(names)}"
            )
