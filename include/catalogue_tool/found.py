"""Raw files that were found in a bucket or in a folder, and whose records are still to be made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from downloader.catalogue import BACKED_UP, RawFile

from .progress import Advance, progress

__all__ = ["Entry", "Found", "by_first_segment"]

Entry = list[Any]
"""An entry of `file_info`."""


@dataclass(frozen=True, slots=True)
class Found:
    """`files`: the relative paths of each raw file's files, by its id. `amount`: bytes, or a number of objects."""

    files: Mapping[str, Sequence[str]]
    s3_upload_path: str | None
    """None: not known."""
    look: Callable[[str, Advance], Entry]
    """Makes the entry of a relative path, and tells how far it is. It may be called by many threads."""
    threads: int
    amount: int
    in_bytes: bool
    left_out: Sequence[tuple[str, str]] = ()
    """Names of what is no part of any raw file, and why."""

    @contextmanager
    def raw_files(self, project_id: str) -> Iterator[Iterator[RawFile]]:
        """The records, one after the other, each as soon as all its files were looked at.

        The iterator raises what `look` raises; then no further file is looked at.
        """
        names = [name for group in self.files.values() for name in group]
        about = "Hashing" if self.in_bytes else "Asking for checksums"
        pool = ThreadPoolExecutor(self.threads, "catalogue")
        with progress(about, self.amount, in_bytes=self.in_bytes) as advance:
            try:
                yield self._records(pool.map(lambda name: self.look(name, advance), names), project_id)
            finally:
                pool.shutdown(cancel_futures=True)

    def _records(self, entries: Iterator[Entry], project_id: str) -> Iterator[RawFile]:
        status = BACKED_UP if self.s3_upload_path else None
        for raw_file_id, names in self.files.items():
            file_info = {name: next(entries) for name in names}
            yield RawFile(raw_file_id, project_id, self.s3_upload_path, status, file_info)


def by_first_segment(names: Iterable[str]) -> dict[str, list[str]]:
    """Relative paths by the entry, a file or a folder, that they are or lie in."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.partition("/")[0], []).append(name)
    return groups
