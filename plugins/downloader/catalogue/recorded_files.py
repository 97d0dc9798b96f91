"""The files of a record as a sequence that makes each of them when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import overload

from ..remote_file import Planned

__all__ = ["RecordedFiles"]


class RecordedFiles(Sequence[Planned]):
    """Planned files, sorted by relative path.

    A task needs a few thousand of what may be a million: looking at one, or at a slice, makes those alone, and makes
    them anew each time. Who looks at all of them more than once makes a list of them first.
    """

    def __init__(self, names: Sequence[str], make: Callable[[int], Planned], *, apart: bool) -> None:
        """`names`: the local names, in order. `make` answers the file at an index.

        `apart`: whether it is known that no disk takes two of them for one, be it that it folds case.
        """
        self.names = names
        self.apart = apart
        self._make = make

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, at: int) -> Planned: ...

    @overload
    def __getitem__(self, at: slice) -> list[Planned]: ...

    def __getitem__(self, at: int | slice) -> Planned | list[Planned]:
        found = range(len(self))[at]
        return self._make(found) if isinstance(found, int) else [self._make(index) for index in found]

    def chosen(self, wanted: Callable[[str], bool]) -> RecordedFiles:
        """Those whose local names are `wanted`."""
        kept = [index for index, name in enumerate(self.names) if wanted(name)]
        if len(kept) == len(self):
            return self
        return RecordedFiles([self.names[at] for at in kept], lambda at: self._make(kept[at]), apart=self.apart)
