"""What a person is asked who approves a run: Markdown, as Airflow's page of a required action shows it.

That page joins the lines of a block of code into one, so each line is an item of a list. What comes from outside stands
in code, in which nothing is Markdown. The whole is bounded: the page becomes slow by thousands of lines, and some
databases of Airflow have room for 64 KiB.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from downloader.errors import cut
from downloader.report import IS_FAILURE

from ..wording import counted, one_line, shown_size
from .preview import ItemPreview, shown_amount
from .result import share

__all__ = ["question_of"]

_INTRODUCTION: Final = (
    "This run waits until a person answers. *Approve* downloads what is listed here, *Reject* ends the run: nothing is "
    "downloaded then. What changes at the source or on the disk until it downloads is handled as in every run."
)
_MOST_ITEMS: Final = 25
"""Items of the run, and refused ones, that are shown."""
_MOST_LISTED: Final = 16 * 1024
"""Bytes of the listings of all items."""
_LONGEST: Final = 300
"""Characters of a line."""
_BACKTICKS: Final = re.compile("`+")
_KEPT: Final = ": KEEP - "


def question_of(previews: Sequence[ItemPreview], refused: Sequence[str]) -> tuple[str, str]:
    """Subject and body. `refused`: sentences on what is in none of the previews."""
    files, to_come = sum(one.files for one in previews), sum(one.files_to_fetch for one in previews)
    amount = shown_amount(sum(one.to_fetch for one in previews), sum(one.unsized for one in previews))
    return (
        f"Download {to_come:,} of {counted(files)} ({amount} to fetch){_thaw(previews)}?",
        "\n".join([_INTRODUCTION, "", *_items(previews), *_refused(refused)]),
    )


def _thaw(previews: Sequence[ItemPreview]) -> str:
    """What would be thawed, behind what would be downloaded: it costs money."""
    files, size = (sum(one.thawed[at] for one in previews) for at in (0, 1))
    tiers = dict.fromkeys(one.terms.tier for one in previews if one.terms)
    return f", and thaw {files:,} of them first ({shown_size(size)}, {', '.join(tiers)})" if files else ""


def _items(previews: Sequence[ItemPreview]) -> Iterator[str]:
    room = share(_MOST_LISTED, len(previews[:_MOST_ITEMS]), least=0, most=_MOST_LISTED)
    for preview in previews[:_MOST_ITEMS]:
        yield from (f"**{_code(preview.about)}**", "")
        yield from map(_summary_line, preview.figures_in_words())
        yield from ("", "Its files:", "")  # without a word between them the two lists would be one, with wide gaps
        listed = _listed(preview, room)
        yield from (f"- {_code(line)}" for line in listed)
        if left := preview.files - len(listed):
            yield f"- {counted(left)} not shown here; the log of validate lists more"
        yield ""
    if (left := len(previews) - _MOST_ITEMS) > 0:
        yield from (f"{left:,} more reports are not shown here; the log of validate has them.", "")


def _listed(preview: ItemPreview, room: int) -> list[str]:
    """The lines of files that fit: those that would fail, then those that would change, then those that are kept."""
    shown = []
    for line in sorted(preview.listed(), key=lambda line: 0 if IS_FAILURE in line else 1 + (_KEPT in line)):
        room -= len(_code(line).encode()) + 3
        if room < 0:
            break
        shown.append(line)
    return shown


def _refused(sentences: Sequence[str]) -> Iterator[str]:
    if sentences:
        yield from ("**Refused**", "")
        yield from (f"- {_code(one_line(sentence))}" for sentence in sentences[:_MOST_ITEMS])
    if (left := len(sentences) - _MOST_ITEMS) > 0:
        yield f"- {left:,} more; the log of validate names them"


def _summary_line(line: str) -> str:
    name, colon, value = line.partition(": ")
    return f"- {name}: {_code(value)}" if colon else f"- {line}"


def _code(text: str) -> str:
    """`text`, of one line, as code of Markdown: between more backticks than there are together in it."""
    text = cut(text, _LONGEST)
    fence = "`" * (1 + max(map(len, _BACKTICKS.findall(text)), default=0))
    return f"{fence} {text} {fence}" if "`" in text else f"{fence}{text}{fence}"
