"""The entries of a record's `file_info`, which may be a million: parsed when they are asked for."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise

__all__ = ["Entries", "InPlace"]


class InPlace:
    """Replaces an entry that is none, and says why."""

    def __init__(self, why: str = "given twice, differently") -> None:
        self._why = why

    def __repr__(self) -> str:
        return self._why


class Entries(Mapping[str, object]):
    """Entries by their names, which are sorted.

    Names and positions take a quarter of the memory that the values would.
    """

    def __init__(self, found: Iterable[tuple[str, int]], decode: Callable[[int], object]) -> None:
        """`found`: name and position of each entry. `decode`: the entry at a position. Raises what `found` raises."""
        self._decode = decode
        names: list[str] = []
        starts = array("Q")
        for name, start in found:
            names.append(name)
            starts.append(start)
        if any(one > other for one, other in pairwise(names)):  # in their order they need no memory to be sorted
            order = array("Q", sorted(range(len(names)), key=names.__getitem__))
            names = [names[at] for at in order]
            starts = array("Q", (starts[at] for at in order))
        self._names, self._starts = names, starts
        self._twice = frozenset(one for one, other in pairwise(self._names) if one == other)
        if self._twice:
            self._keep_one_of_each()

    def __getitem__(self, name: str) -> object:
        at = bisect_left(self._names, name)
        if at == len(self._names) or self._names[at] != name:
            raise KeyError(name)
        return InPlace() if name in self._twice else self._entry(at)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def _entry(self, at: int) -> object:
        try:
            return self._decode(self._starts[at])
        except RecursionError:  # the program is further down than it was when the text was read
            return InPlace("nested too deeply")

    def _keep_one_of_each(self) -> None:
        """Of those that are given twice and are the same, the last one stays."""
        last = dict(zip(self._names, range(len(self._names)), strict=True))
        self._twice = frozenset(
            name
            for at, name in enumerate(self._names)
            if name in self._twice and self._entry(at) != self._entry(last[name])
        )
        self._starts = array("Q", (self._starts[at] for at in last.values()))
        self._names = list(last)
