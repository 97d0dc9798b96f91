"""What a run of `s3_downloader` was asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from typing import Any, Self

from ..failures import Refusal
from ..parameters import trimmed
from ..wording import a_few, counted, one_line

__all__ = ["RawFileRequest", "Selection"]


@dataclass(frozen=True, slots=True)
class RawFileRequest:
    """The raw files to restore, each once, and the patterns that choose among their files (none: all of them)."""

    raw_file_ids: tuple[str, ...]
    patterns: tuple[str, ...]

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Self:
        """Raises Refusal where the parameters do not fit together."""
        one, several = params.get("raw_file_id"), params.get("raw_file_ids")
        if one and several:
            raise Refusal("raw_file_id and raw_file_ids are both given; give only one of them")
        ids = trimmed([one] if one else several or [])
        if not ids:
            raise Refusal('no raw file is named; give raw_file_id, such as {"raw_file_id": "20250115_sample"}')
        return cls(ids, trimmed(params.get("files") or []))


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
