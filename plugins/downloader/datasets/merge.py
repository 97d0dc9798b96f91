"""Makes a manifest from the content of a folder and from the earlier manifest, and lists what changes.

Nothing that is known is lost: a checksum is kept if the id and the size of the file are the same, a path is kept unless
it is to be computed again. Anything else is listed as a change, with its old value.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from ..paths import SafePath
from ..sources.drive import FolderEntry
from .manifest import Dataset
from .paths import PathReservations, Places

__all__ = ["Change", "Found", "Merged", "What", "merge_datasets"]

_ALGORITHMS: Final = ("sha256", "md5")
_LONGEST_NAME: Final = 1000


class What(Enum):
    """The kind of a change to one data set: its sign, and its name."""

    ADDED = "+", "added"
    REMOVED = "-", "removed"
    MOVED = ">", "moved"
    RENAMED = ">", "renamed"
    SIZE = "~", "size changed"
    LEARNT = "~", "checksum learnt"
    CHECKSUM = "!", "CHECKSUM CHANGED"
    ENTRY = "~", "entry changed"
    KEPT = "=", "kept as it was"

    @property
    def sign(self) -> str:
        """One character."""
        return self.value[0]

    @property
    def word(self) -> str:
        """The name that users see."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference to the earlier manifest. `detail` may contain names as their owners wrote them."""

    what: What
    path: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """The content of the folder. `entries` have sizes, except those that are exported."""

    entries: Sequence[FolderEntry]
    doubtful: Collection[str] = ()
    """Ids of files that exist but could not be read, or are not understood."""
    complete: bool = True
    """Whether the whole folder could be read."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The data sets of the new manifest, sorted by path, and its changes."""

    datasets: tuple[Dataset, ...]
    changes: tuple[Change, ...]
    elsewhere: tuple[str, ...] = ()
    """Paths that were kept, although folder and mapping would give others."""

    @property
    def totals(self) -> Mapping[What, int]:
        """The number of changes of each kind."""
        return Counter(change.what for change in self.changes)


@dataclass(frozen=True, slots=True)
class _Row:
    """An entry of the folder, with its data set of the earlier manifest if there is one."""

    entry: FolderEntry
    old: Dataset | None
    path: str


def merge_datasets(found: Found, places: Places, earlier: Iterable[Dataset] = (), *, remap: bool = False) -> Merged:
    """The manifest of `found`. `remap`: whether the paths of `earlier` are replaced by those of `places`."""
    earlier = list(earlier)
    staying, gone = _unlisted(found, earlier)
    wishes = {entry.key.id: places.path_of(entry.folders, entry.filename) for entry in found.entries}
    pairs = list(_paired(found.entries, earlier, remap=remap))
    fixed = [] if remap else [old.path for _, old in pairs if old]
    free = {entry.key.id: wishes[entry.key.id] for entry, old in pairs if remap or not old}
    reserved = _reserved(free, [*fixed, *(old.path for old, _ in staying)])
    rows = [_Row(entry, old, reserved.get(entry.key.id) or (old.path if old else "")) for entry, old in pairs]
    followed = {id(row.old) for row in rows}
    gone += [old for old in earlier if old.id in wishes and id(old) not in followed]
    changes = [change for row in rows for change in _differences(row)]
    changes += [Change(What.KEPT, old.path, why) for old, why in staying]
    changes += [Change(What.REMOVED, old.path, _all_of(old)) for old in gone]
    datasets = [*map(_dataset, rows), *(old for old, _ in staying)]
    return Merged(
        tuple(sorted(datasets, key=lambda one: one.path)),
        tuple(sorted(changes, key=lambda one: (one.path, one.what.word))),
        () if remap else tuple(_elsewhere(rows, wishes)),
    )


# --- pairs and paths --------------------------------------------------------------------------------------------------


def _unlisted(found: Found, earlier: Iterable[Dataset]) -> tuple[list[tuple[Dataset, str]], list[Dataset]]:
    """The data sets without an entry: those that stay, with the reason, and those that are removed."""
    listed = {entry.key.id for entry in found.entries}
    staying, gone = [], []
    for old in earlier:
        if old.id in found.doubtful:
            staying.append((old, "it is there, and its size is not known"))
        elif old.id not in listed and not found.complete:
            staying.append((old, "not seen, and not all folders could be read"))
        elif old.id not in listed:
            gone.append(old)
    return staying, gone


def _paired(
    entries: Iterable[FolderEntry], earlier: Iterable[Dataset], *, remap: bool
) -> Iterator[tuple[FolderEntry, Dataset | None]]:
    """Each entry with the data set of its id, or with several if a file was given several paths."""
    known: dict[str, list[Dataset]] = defaultdict(list)
    for old in earlier:
        known[old.id].append(old)
    for entry in entries:
        olds = known.get(entry.key.id, [])
        if remap:
            olds = sorted(olds, key=lambda old: len(_checksums(old)), reverse=True)[:1]
        yield from ((entry, old) for old in olds)
        if not olds:
            yield entry, None


def _reserved(wishes: Mapping[str, SafePath], taken: Iterable[str]) -> dict[str, str]:
    """A path for each id, as wished or similar, and not `taken`; the same on each run."""
    reservations = PathReservations(taken, (path.text for path in wishes.values()))
    return {id_: reservations.reserve(path) for id_, path in sorted(wishes.items(), key=lambda one: (one[1], one[0]))}


def _elsewhere(rows: Iterable[_Row], wishes: Mapping[str, SafePath]) -> Iterator[str]:
    due = _reserved(wishes, ())
    return (row.path for row in rows if row.old and row.path != due[row.entry.key.id])


# --- one data set -----------------------------------------------------------------------------------------------------


def _dataset(row: _Row) -> Dataset:
    """The earlier checksums are kept if the size is the same; those of Google Drive replace them."""
    entry, old, key = row.entry, row.old, row.entry.key
    # Of an exported document the folder has no size: the one that was written by hand is kept.
    size = old.size if old and entry.size is None else entry.size
    known = _checksums(old) if old and old.size == size else {}
    sums = known | _from_drive(entry)
    return Dataset(
        id=key.id,
        name=entry.name.encode(errors="replace").decode()[:_LONGEST_NAME] or "unnamed",
        path=row.path,
        size=size,
        sha256=sums.get("sha256"),
        md5=sums.get("md5"),
        resource_key=key.resource_key or (old.resource_key if old else None),
        export=_export(key.export),
    )


def _export(form: str) -> Literal["docx", "xlsx", "pptx"] | None:
    match form:
        case "docx" | "xlsx" | "pptx":
            return form
    return None


def _from_drive(entry: FolderEntry) -> dict[str, str]:
    """The checksums from Google Drive."""
    return {one.algorithm: one.value for one in entry.checksums if one.algorithm in _ALGORITHMS}


def _checksums(dataset: Dataset) -> dict[str, str]:
    held = {"sha256": dataset.sha256, "md5": dataset.md5}
    return {algorithm: value for algorithm, value in held.items() if value}


# --- what changed -----------------------------------------------------------------------------------------------------


def _differences(row: _Row) -> Iterator[Change]:
    old, new = row.old, _dataset(row)
    if old is None:
        yield Change(What.ADDED, new.path, _described(new))
        return
    if old.path != new.path:
        yield Change(What.MOVED, new.path, f"from {old.path}")
    if old.name != new.name:
        yield Change(What.RENAMED, new.path, f"from {old.name} to {new.name}, at Google Drive")
    if old.size != new.size:
        yield Change(What.SIZE, new.path, _resized(old, new))
    else:
        yield from _other_checksums(row, old, new)
    if (old.export, old.resource_key) != (new.export, new.resource_key):
        yield Change(What.ENTRY, new.path, f"its {'export' if old.export != new.export else 'resource key'}")


def _described(dataset: Dataset) -> str:
    """The size; also the name if the path does not contain it."""
    named = "" if dataset.path.endswith(dataset.name) else f", named {dataset.name}"
    return f"{_bytes(dataset.size)}{named}"


def _all_of(dataset: Dataset) -> str:
    """All values of a removed data set, so that it can be restored."""
    sums = [f"{name}:{value}" for name, value in _checksums(dataset).items()]
    return ", ".join([_described(dataset), *sums, f"id {dataset.id}"])


def _bytes(size: int | None) -> str:
    if size is None:
        return "of unknown size"
    return f"{size:,} byte{'' if size == 1 else 's'}"


def _resized(old: Dataset, new: Dataset) -> str:
    lost = [f"{name}:{value}" for name, value in _checksums(old).items() if _checksums(new).get(name) != value]
    dropped = f"; dropped, being of the old content: {', '.join(lost)}" if lost else ""
    return f"from {_bytes(old.size)} to {_bytes(new.size)}{dropped}"


def _other_checksums(row: _Row, old: Dataset, new: Dataset) -> Iterator[Change]:
    before, now = _checksums(old), _from_drive(row.entry)
    other = [name for name in now if before.get(name, now[name]) != now[name]]
    learnt = [name for name in now if name not in before]
    if learnt:
        yield Change(What.LEARNT, new.path, ", ".join(learnt))
    if other:
        shown = ", ".join(f"{name} was {before[name]}, Google Drive says {now[name]}" for name in other)
        kept = [name for name in before if name not in now]
        advice = f"; {kept[0]} is kept, correct it by hand if the file was replaced" if kept else ""
        yield Change(What.CHECKSUM, new.path, f"{shown}, at the same size{advice}")
