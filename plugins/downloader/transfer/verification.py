"""Holding bytes against checksums, in the order of trust, and saying which one decided."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..checksums import Checksum
from ..remote_file import RemoteFile
from ..results import SIZE_ONLY, UNVERIFIED

__all__ = ["Verdict", "first_to_try", "judge"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the bytes are right, and by what (`FileResult.assurance`); for wrong ones, what was found."""

    good: bool
    assurance: str = ""
    found: str = ""


def first_to_try(file: RemoteFile, size: int) -> Checksum | None:
    """The checksum to compute while the bytes pass; None where there is none that can be computed."""
    return next(_forms(file, size), None)


def judge(file: RemoteFile, size: int, value_of: Callable[[Checksum], str]) -> Verdict:
    """Holds `size` bytes against the checksums of `file`, one after the other until one decides.

    `value_of` computes a checksum's value over the bytes; it may answer from what it computed while they passed. A
    match decides; a mismatch decides unless the part size was guessed. Where none decides, the size alone is known.
    """
    if file.size is not None and file.size != size:
        return Verdict(False, found=f"{size} bytes instead of {file.size}")
    for form in _forms(file, size):
        value = value_of(form)
        if value == form.value:
            return Verdict(True, str(form))
        if not form.guessed:
            return Verdict(False, found=f"{form.algorithm} {value} instead of {form.value}")
    return Verdict(True, UNVERIFIED if file.size is None else SIZE_ONLY)


def _forms(file: RemoteFile, size: int) -> Iterator[Checksum]:
    for checksum in file.checksums:
        yield from checksum.candidates(size)
