"""Names of a plan as a whole: two that become one, and a file that is a folder for others.

A single name is judged by `paths.safe_path`; here they are compared with each other, before anything is downloaded.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, pairwise
from unicodedata import normalize

from .errors import NameCollision, PathConflict
from .paths import SafePath
from .remote_file import Planned, Refused, RemoteFile

__all__ = ["case_collisions", "folded", "local_name", "refuse_conflicts", "stand_apart"]


def local_name(item: Planned) -> str:
    """The relative path under which an item stands in the report."""
    return item.path.text if isinstance(item, RemoteFile) else item.name


def refuse_conflicts(planned: list[Planned], name_of: Callable[[RemoteFile], str] = lambda f: f.key) -> list[Planned]:
    """`planned`, in its order, with the files refused that cannot all stand on any disk.

    Of several that would get the same path, the one whose own name is nearest to that path is kept (``a/b`` before
    ``a//b``), else the first. A path that is the name of a file refused before stays with that file. A file
    whose path is a folder for others is refused, the others are kept. `name_of` answers the name under which a refused
    file is reported: distinct for distinct files.
    """
    kept = _one_for_each_path(planned)
    folders = _also_folders(kept)
    refused = {item.name for item in planned if isinstance(item, Refused)}
    if not folders and refused.isdisjoint(kept) and len(kept) == sum(isinstance(item, RemoteFile) for item in planned):
        return planned

    def judged(item: Planned) -> Planned:
        if isinstance(item, Refused):
            return item
        winner = kept[item.path.text]
        if winner is not item or item.path.text in refused:
            other = item.path.text if winner is item else name_of(winner)
            error = f"{name_of(item)} and {other} would both be written to {item.path}"
            return Refused(name_of(item), NameCollision(error))
        if item.path.text in folders:
            error = f"{item.path} is a file, and a folder for {folders[item.path.text]}"
            return Refused(name_of(item), PathConflict(error, "rename one of the two remote files"))
        return item

    return [judged(item) for item in planned]


def case_collisions(planned: list[Planned]) -> list[list[SafePath]]:
    """Groups of paths that a disk cannot keep apart if it folds case and Unicode forms.

    Of each group the first can be written there and the others cannot. A file whose path is, but for its case, a
    folder for others stands behind one of those others. Call it on what `refuse_conflicts` answered.
    """
    first: dict[str, SafePath] = {}
    groups: dict[str, list[SafePath]] = {}
    for item in planned:
        if isinstance(item, RemoteFile):
            form = folded(item.path.text)
            held = first.setdefault(form, item.path)
            if held is not item.path:
                groups.setdefault(form, [held]).append(item.path)
    for folder, inside in _also_folders(first).items():
        groups[folder] = [first[inside], *groups.get(folder, [first[folder]])]
    return [groups[form] for form in sorted(groups)]


def stand_apart(names: Sequence[str]) -> bool:
    """Whether plain names (see `paths.is_plain`) can all stand side by side on any disk.

    Then `refuse_conflicts` refuses none of their files, and `case_collisions` finds none, whatever else is wrong with
    them. The other way round it may err: it is answered from the names alone, of which no copies are kept: names are
    compared by Python's own hash, 64 bits with a secret of this process.
    """
    lowered = sorted(hash(name.lower()) for name in names)  # a set of a million takes twice the memory
    if any(one == other for one, other in pairwise(lowered)):
        return False
    last = ""
    for name in names:
        folder = name.rpartition("/")[0]
        if folder != last:
            last = folder
            if any(_holds(lowered, hash(above)) for above in accumulate(folder.lower().split("/"), "{}/{}".format)):
                return False
    return True


def _holds(ordered: Sequence[int], number: int) -> bool:
    at = bisect_left(ordered, number)
    return at < len(ordered) and ordered[at] == number


def _one_for_each_path(planned: list[Planned]) -> dict[str, RemoteFile]:
    kept: dict[str, RemoteFile] = {}
    for item in planned:
        if isinstance(item, RemoteFile):
            held = kept.setdefault(item.path.text, item)
            # What `safe_path` drops only ever shortens a name: the shortest key is the one that says it plainly.
            if held is not item and len(item.key) < len(held.key):
                kept[item.path.text] = item
    return kept


def _also_folders(paths: Iterable[str]) -> dict[str, str]:
    """Those of `paths` that are folders for others, each with one that lies in it.

    The folders themselves are not written down: of a path of 3,500 bytes there are 1,750, and together they are a
    thousand times as long as the path. Where a slash sorts before all else, what lies in a path comes right behind it.
    """
    ordered = sorted(path.replace("/", "\0") for path in paths)
    return {
        path.replace("\0", "/"): behind.replace("\0", "/")
        for path, behind in pairwise(ordered)
        if behind.startswith(path) and behind.startswith("\0", len(path))
    }


def folded(path: str) -> str:
    """`path` as a disk sees it that knows neither case nor Unicode forms."""
    if path.isascii():
        return path.lower()
    return normalize("NFC", normalize("NFD", path).casefold())
