"""The files of a record as a sequence that makes them on demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import overload

from ..remote_file import Planned

__all__ = ["RecordedFiles"]


class RecordedFiles(Sequence[Planned]):
    """Planned files, sorted by relative path.

    A task needs a few thousand of up to a million files: an index or a slice makes only those, and makes them again
    each time. To iterate over all of them more than once, make a list first.
    """

    def __init__(self, names: Sequence[str], make: Callable[[int], Planned], *, apart: bool) -> None:
        """`names`: the local names, in order. `make`: the file at an index.

        `apart`: whether the names are known to be distinct on every disk, also on one that ignores case.
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
        """The files whose local names are `wanted`."""
        kept = [index for index, name in enumerate(self.names) if wanted(name)]
        if len(kept) == len(self):
            return self
        return RecordedFiles([self.names[at] for at in kept], lambda at: self._make(kept[at]), apart=self.apart)
