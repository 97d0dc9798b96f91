"""The folder that a run fills: the only place where a safe path becomes a path on the disk."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from ..errors import PathConflict, UnsafePath, from_os_error
from ..paths import SafePath
from .flushing import flush_folder

__all__ = ["Destination", "Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where one file belongs: its folder and its final name, absolute."""

    path: SafePath
    folder: str

    @property
    def final(self) -> str:
        """The final name, absolute."""
        return f"{self.folder}/{self.path.name}"


class Destination:
    """A folder on disk. Symbolic links below it are never followed out of it. Safe to use from many threads."""

    def __init__(self, root: Path) -> None:
        """`root` must exist; it may itself be a symbolic link."""
        self.root = os.path.realpath(root)
        self._real = _real_name_of(self.root)
        self._lock = threading.Lock()
        self._known: dict[str, str] = {"": self.root}
        self._flushed: set[str] = set()
        """Folders whose own names are on the disk, and those of all above them."""
        self.flock_works: dict[str, bool] = {}
        """Whether ``flock`` locks others out in a folder (absolute), as far as `PartFile` has found out."""

    def place(self, path: SafePath) -> Place:
        """Where `path` belongs. Makes nothing.

        Raises:
            UnsafePath: a symbolic link on the way leads out of the destination.
            PathConflict: something on the way is no folder.
            DownloadError: the disk refused (see `from_os_error`).
        """
        folder = path.folder
        known = self._known.get(folder)
        if known is None:
            known = self._check(folder)
        return Place(path, known)

    def prepare(self, place: Place) -> None:
        """Makes the folders that `place` needs. Raises OSError, UnsafePath, PathConflict."""
        folder = place.path.folder
        if folder in self._known:
            return
        with self._lock:
            try:
                self._make(folder)
            finally:
                self._check(folder)
            self._known[folder] = place.folder

    @contextmanager
    def entered(self, place: Place) -> Iterator[str]:
        """A path to the folder of `place`, which must exist, that stays the same folder for as long as it is needed.

        Whatever a name on the way stood for when it was looked at: what it stands for now is held, and then asked where
        it really is. Raises OSError, with the name that people know, and UnsafePath.
        """
        try:
            with _held(place.folder) as folder:
                self._refuse_outside(folder, place.path.folder)
                yield folder
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ESTALE):
                self._forget(place.path.folder)
            error.filename = place.final
            raise

    def _forget(self, folder: str) -> None:
        """Another try makes it anew: another machine, or a person, has removed what was made."""
        for step in _with_those_above(folder):
            self._known.pop(step, None)
            self._flushed.discard(step)

    def open_folder(self, place: Place) -> tuple[int, str]:
        """An open descriptor of the folder of `place`, which must exist, and what the kernel calls the folder.

        Raises OSError, with the name that people know, and UnsafePath.
        """
        with self.entered(place) as folder:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            return descriptor, os.readlink(folder)

    def flush(self, place: Place) -> None:
        """Returns once the name of `place`, and those of all folders on the way to it, are on the disk. Raises OSError.

        Who made a folder does not matter: a run that was killed, or is still at it, may not have flushed its name.
        """
        for folder in _with_those_above(place.path.folder):
            if folder not in self._flushed:
                flush_folder(os.path.dirname(f"{self.root}/{folder}"))
                self._flushed.add(folder)
        flush_folder(place.folder)

    def _make(self, folder: str) -> None:
        """Makes what is missing of `folder`, each step in a folder that is known to lie here."""
        above = self.root
        for step in _with_those_above(folder):
            with _held(above) as here:
                self._refuse_outside(here, above[len(self.root) + 1 :])
                try:
                    os.mkdir(f"{here}/{os.path.basename(step)}")
                except FileExistsError:
                    pass
                except OSError as error:
                    # sshfs calls what exists not permitted, where another machine was faster.
                    if not (isinstance(error, PermissionError) and os.path.isdir(f"{here}/{os.path.basename(step)}")):
                        error.filename = f"{self.root}/{step}"
                        raise
            above = f"{self.root}/{step}"

    def _refuse_outside(self, held: str, folder: str) -> None:
        """Raises UnsafePath where a folder that is `held`, and called `folder` here, lies somewhere else."""
        real = os.readlink(held)
        if real != self._real and not real.startswith(f"{self._real.rstrip('/')}/"):
            raise UnsafePath(
                f"{folder or 'the destination'} is a symbolic link out of the destination, or was moved away",
                "put the folder itself there, or mount one there",
            )

    def _check(self, folder: str) -> str:
        """The folder's absolute name, after a look at every step that exists."""
        here = self.root
        for name in folder.split("/"):
            here = f"{here}/{name}"
            try:
                mode = os.lstat(here).st_mode
            except FileNotFoundError:
                break
            except OSError as error:
                raise from_os_error(error, folder) from error
            self._check_step(here, mode)
        return f"{self.root}/{folder}"

    def _check_step(self, here: str, mode: int) -> None:
        shown = os.path.relpath(here, self.root)
        if stat.S_ISLNK(mode):
            real = os.path.realpath(here)
            if os.path.commonpath([real, self.root]) != self.root:
                raise UnsafePath(f"{shown} is a symbolic link out of the destination", "remove the link")
            mode = os.stat(real).st_mode if os.path.exists(real) else 0
        if not stat.S_ISDIR(mode):
            raise PathConflict(f"{shown} is a file on the disk, and a folder of the same name is needed")


@contextmanager
def _held(folder: str) -> Iterator[str]:
    """A path that stays that of `folder`, whatever happens to its name meanwhile. Raises OSError."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _real_name_of(folder: str) -> str:
    """What the kernel calls `folder`; its own name, if there is no such folder yet."""
    try:
        with _held(folder) as held:
            return os.readlink(held)
    except OSError:
        return folder


def _with_those_above(folder: str) -> list[str]:
    """``a/b`` -> ``a``, ``a/b``; nothing for the destination itself."""
    return list(accumulate(folder.split("/"), "{}/{}".format)) if folder else []
