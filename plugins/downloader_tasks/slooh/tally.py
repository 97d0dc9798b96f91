"""What the summary of a report says besides the files: counts of the list, pictures by object and by telescope.

A `Tally` is made where the list was read, and handed to the report; `lines` are made where that is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from downloader.planning import local_name
from downloader.report import Pairs
from downloader.results import FileResult, Outcome
from downloader.sources.slooh import PicturePlan, Select, Wish, object_of

from ..download_run import MOST_NAMES, named

__all__ = ["Tally", "lines", "tally"]

_LEFT_OUT: Final = "Left out (another picture has the path)"
_WITHOUT_MISSION: Final = "Pictures without a mission"
_UNLISTED: Final = "Not in Slooh's list any more, or not asked for"

Counts = list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Tally:
    """`listed`: counts of Slooh's list. `frames`: None where none were asked for. `note`: why nothing is to do."""

    listed: Counts
    left_out: int
    left_out_names: list[str]
    unlisted: int
    unlisted_names: list[str]
    frames: int | None
    objects: Counts
    telescopes: Counts
    note: str
    without_mission: int = 0
    """Pictures whose FITS frames could not be requested."""


def tally(survey: PicturePlan, wish: Wish, results: Sequence[FileResult], unknown: str) -> Tally:
    """The tally, kept small. `unknown`: what stands for an object or a telescope that is not known."""
    pictures = [survey.pictures[result.name] for result in results if result.ok and result.name in survey.pictures]
    unlisted = _unlisted(survey, wish)
    return Tally(
        listed=_of_list(survey, wish),
        left_out=len(survey.dropped),
        left_out_names=[f"picture {one.record.key}: {one.why}" for one in survey.dropped[:MOST_NAMES]],
        unlisted=len(unlisted),
        unlisted_names=unlisted[:MOST_NAMES],
        frames=sum(picture.is_frame for picture in survey.pictures.values()) if wish.include_fits else None,
        objects=_most(object_of(picture.title) or unknown for picture in pictures),
        telescopes=_most(picture.telescope or unknown for picture in pictures),
        note="" if results else _nothing(survey, wish),
        without_mission=survey.counts.without_mission,
    )


def lines(results: Sequence[FileResult], figures: Tally | None) -> Pairs:
    """For the summary. `figures`: None where the task died before it made them."""
    return (*_counts(results, figures), *(_details(figures) if figures else ()))


def _counts(results: Sequence[FileResult], figures: Tally | None) -> Iterator[tuple[str, str]]:
    """The seven counts that Slooh's users know, and how much of the list was looked at."""
    for label, count in figures.listed if figures else ():
        yield label, f"{count:,}"
    queued = [result for result in results if result.outcome is not Outcome.SKIPPED]
    downloaded = [result for result in queued if result.ok]
    yield "Skipped existing", f"{len(results) - len(queued):,}"
    yield "Queued", f"{len(queued):,}"
    yield "Queued and downloaded", f"{len(downloaded):,}"
    yield "Queued and failed", f"{len(queued) - len(downloaded):,}"
    yield "Total bytes", f"{sum(result.size for result in downloaded):,}"


def _details(figures: Tally) -> Iterator[tuple[str, str]]:
    if figures.left_out:
        yield from named(_LEFT_OUT, figures.left_out_names, figures.left_out)
    if figures.unlisted:
        yield from named(_UNLISTED, figures.unlisted_names, figures.unlisted)
    if figures.frames is not None:
        yield "FITS frames to bring", f"{figures.frames:,}"
    if figures.without_mission:
        yield _WITHOUT_MISSION, f"{figures.without_mission:,}, whose FITS frames cannot be requested"
    for name, count in figures.objects:
        yield f"Pictures of {name}", f"{count:,}"
    for name, count in figures.telescopes:
        yield f"Pictures by {name}", f"{count:,}"
    if figures.note:
        yield "Nothing to do", figures.note


def _of_list(survey: PicturePlan, wish: Wish) -> Counts:
    """Nothing where the list was not read, because nothing is to be tried again."""
    if wish.select is Select.FAILED and not wish.known:
        return []
    counts = survey.counts
    return [("Total available", counts.available), ("Looked at", counts.scanned), ("Already downloaded", counts.home)]


def _unlisted(survey: PicturePlan, wish: Wish) -> list[str]:
    """What was to be tried again, and is not in the plan."""
    if wish.select is not Select.FAILED:
        return []
    return sorted(wish.known.keys() - {local_name(item) for item in survey.planned})


def _most(names: Iterable[str]) -> Counts:
    """The names that come most often, by name, and all the rest as one."""
    counted = Counter(names)
    most = counted.most_common(MOST_NAMES)
    rest = counted.total() - sum(count for _, count in most)
    return sorted(most) + ([(f"{len(counted) - len(most):,} others", rest)] if rest else [])


def _nothing(survey: PicturePlan, wish: Wish) -> str:
    counts = survey.counts
    if wish.select is Select.FAILED:
        return "none of the failed pictures is in Slooh's list" if wish.known else "the latest report names no failure"
    if not counts.available:
        return f"there is no picture in mission {wish.mission_id}" if wish.mission_id else "the account has no pictures"
    return "everything was downloaded before" if counts.home else "no picture matches the parameters"
