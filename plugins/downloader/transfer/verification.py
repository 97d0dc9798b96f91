"""Comparing bytes with checksums, in the order of trust, and saying which one decided."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..checksums import Checksum
from ..remote_file import RemoteFile
from ..results import SIZE_ONLY, UNPROVEN, UNVERIFIED

__all__ = ["Verdict", "first_to_try", "is_provable", "judge"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the bytes are right, and by what (`FileResult.assurance`); for wrong ones, what they are instead.

    `remark`: what its line in the report has to say about that besides; for wrong bytes, why they may be right.
    """

    good: bool
    assurance: str = ""
    found: str = ""
    remark: str = ""

    @property
    def is_proven(self) -> bool:
        """Whether a checksum says that they are right."""
        return self.good and self.assurance not in UNPROVEN


def first_to_try(file: RemoteFile, size: int) -> Checksum | None:
    """The checksum to compute while the bytes pass; None where there is none that can be computed.

    One over parts goes before a whole one of the same original: parts are hashed side by side, and a match of either
    proves the file. What the source advertises never does: it may speak of another file.
    """
    return next(_fastest(file, size), None) or next(_forms(file, size), None)


def is_provable(file: RemoteFile) -> bool:
    """Whether a checksum decides about the whole file, so that it proves a beginning that is resumed as well.

    One that is likely not that of the bytes (guessed, with a doubt) does not.
    """
    if file.size is None:
        return False
    surer = (checksum for checksum in file.checksums if not (checksum.guessed and checksum.doubt))
    return any(any(True for _ in checksum.candidates(file.size)) for checksum in surer)


def judge(
    file: RemoteFile,
    size: int,
    value_of: Callable[[Checksum], str],
    advertised: Callable[[], tuple[Checksum, ...]] = tuple,
) -> Verdict:
    """Compares `size` bytes with the checksums of `file`, one after the other until one decides.

    `value_of` computes a checksum's value over the bytes; it may answer from what it computed while they passed. The
    fastest one (see `first_to_try`) is tried first, and proves them or tells nothing. A match decides; a mismatch
    decides at once unless there is a doubt, or the checksum is `guessed`. Doubts become the verdict's remark where
    nothing proves the bytes. Where none of the file's own decides, what the answer `advertised`, which is asked only
    then, may prove the bytes by equality and never condemns them: under SSE-KMS an ETag never equals the MD5. Then the
    first mismatch that is doubted but not guessed decides, else the size alone is known.
    """
    if file.size is not None and file.size != size:
        return Verdict(False, found=f"{size} bytes instead of {file.size}")
    for form in _fastest(file, size):
        if value_of(form) == form.value:
            return Verdict(True, str(form))
    refuted: Verdict | None = None
    for form in _forms(file, size):
        value = value_of(form)
        if value == form.value:
            return Verdict(True, str(form))
        if form.guessed:
            continue
        wrong = Verdict(False, found=f"{form.algorithm} {value} instead of {form.value}", remark=form.doubt)
        if not form.doubt:
            return wrong
        refuted = refuted or wrong
    for checksum in advertised():
        for form in checksum.candidates(size):
            if value_of(form) == form.value:
                return Verdict(True, str(form))
    doubts = dict.fromkeys(checksum.doubt for checksum in file.checksums if checksum.doubt)
    return refuted or Verdict(True, UNVERIFIED if file.size is None else SIZE_ONLY, remark="; ".join(doubts))


def _fastest(file: RemoteFile, size: int) -> Iterator[Checksum]:
    """A checksum over several parts of known sizes, behind a whole one of the same original."""
    if len(file.checksums) > 1 and file.checksums[0].parts is None:
        for checksum in file.checksums[1:]:
            if checksum.same_original and (checksum.parts or 0) > 1 and not checksum.doubt:
                yield from (form for form in checksum.candidates(size) if not form.guessed)


def _forms(file: RemoteFile, size: int) -> Iterator[Checksum]:
    for checksum in file.checksums:
        yield from checksum.candidates(size)
