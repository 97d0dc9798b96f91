"""Newline-delimited JSON of FHIR resources, checked and counted while the bytes arrive.

Source of the rules: "Newline Delimited JSON" (ndjson.org): one JSON value a line, lines end with a line feed, which is
optional after the last; RFC 8259: what JSON is; and FHIR's bulk data export: each value is a resource with its type.

Memory: a line is held as long as it is short (`_SHORT`), for the parser; a longer one is scanned as it comes. Gzip is
decompressed in steps, so that neither long lines nor what decompresses to a thousand times its size takes more.
"""

from __future__ import annotations

import re
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

import orjson

from ..checksums import MIB
from ..errors import BrokenContent
from ..fhir import RESOURCE_TYPES, UNKNOWN
from ..remote_file import RemoteFile
from .check import ContentInfo
from .json_scanner import MISSING, JsonScanner, NotJson
from .signatures import ENOUGH, foreign_form, may_be_gzip

__all__ = ["NdjsonCheck", "NdjsonContent", "first_type"]

_SHORT: Final = MIB
"""Bytes of a line that is held and parsed: the parser takes some five times as much memory."""
_STEP: Final = MIB
"""Bytes that are taken, or decompressed, at once."""
_LAYERS: Final = 2
"""A file may be compressed twice: once by its maker, once more by what uploaded it."""
_TYPE: Final = re.compile(r"[A-Z][A-Za-z]{1,63}")
_SHOWN_TYPE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
"""A text that may be shown: it is a name, and nothing of a patient."""
_KEY: Final = "resourceType"
_FORMS: Final = {dict: "object", list: "array", str: "string", int: "number", float: "number"}
_GZIP: Final = 16 + zlib.MAX_WBITS
_BLANK: Final = b" \t\r"
_BOM: Final = b"\xef\xbb\xbf"
"""Before the first line it is nothing unusual: parsers of JSON may ignore it (RFC 8259, section 8.1)."""
_ADVICE: Final = (
    "the file is like this at its source: replace it there, or download it without the check of its content"
)


def first_type(head: bytes) -> str:
    """The type of the first resource of a file that begins with `head`; `UNKNOWN` if that cannot be told."""
    for _ in range(_LAYERS):
        if may_be_gzip(head):
            with suppress(zlib.error):
                head = zlib.decompressobj(_GZIP).decompress(head, _STEP)
    scanner = JsonScanner()
    with suppress(NotJson):  # the lines behind the first are no part of its value
        scanner.feed(head.removeprefix(_BOM))
    return scanner.kind if isinstance(scanner.kind, str) and scanner.kind in RESOURCE_TYPES else UNKNOWN


class NdjsonCheck:
    """Checks each file, and keeps its counts. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, Counter[str]] = {}

    def begin(self, file: RemoteFile) -> NdjsonContent:
        """A new check of one file. Whether it is compressed by gzip is told by its bytes."""
        return NdjsonContent(file.path.text, self._remember)

    def counts(self, names: Iterable[str]) -> dict[str, int]:
        """Resources by type, of the files `names` (local paths) that were checked to the end.

        Types that FHIR does not have are counted together, as `UNKNOWN`.
        """
        together: Counter[str] = Counter()
        with self._lock:
            for name in names:
                together.update(self._counts.get(name, {}))
        return dict(together)

    def _remember(self, name: str, counts: Counter[str]) -> None:
        with self._lock:
            self._counts[name] = counts


class NdjsonContent:
    """One file (`Content`): decompressed as far as it is, then read line by line."""

    def __init__(self, name: str, remember: Callable[[str, Counter[str]], None]) -> None:
        self._name = name
        self._is_named_gz = name.lower().endswith(".gz")
        self._remember = remember
        self._lines = _Lines(name)
        self._head = bytearray()
        self._decided = False
        self._unpackers: list[Any] = []

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Takes the next bytes. Raises BrokenContent, with the line."""
        view = memoryview(data)
        for at in range(0, len(view), _STEP):
            self._take(bytes(view[at : at + _STEP]), 0)

    def conclude(self, *, whole: bool = False) -> ContentInfo:
        """The number of resources. Raises BrokenContent."""
        layer = 0
        while layer < len(self._unpackers) or not self._decided:
            if layer == len(self._unpackers):
                self._decide(layer)
            else:
                self._end_of_gzip(layer)
                layer += 1
        counts = self._lines.conclude()
        self._remember(self._name, counts)
        return ContentInfo(resources=counts.total(), remark="; ".join([*self._packing(), *self._lines.remarks()]))

    def _take(self, data: bytes, layer: int) -> None:
        """Takes bytes that were decompressed `layer` times."""
        if layer < len(self._unpackers):
            self._unpack(data, layer)
        elif self._decided:
            self._lines.take(data)
        else:
            self._head += data
            if len(self._head) >= ENOUGH:
                self._decide(layer)

    def _decide(self, layer: int) -> None:
        """What the bytes are that were decompressed `layer` times, by the first of them."""
        head, self._head = bytes(self._head), bytearray()
        if may_be_gzip(head) and layer < _LAYERS:
            self._unpackers.append(zlib.decompressobj(_GZIP))
        else:
            form = "compressed more than twice" if may_be_gzip(head) else foreign_form(head)
            if not form and self._is_named_gz and not layer and head.removeprefix(_BOM).lstrip()[:1] not in (b"", b"{"):
                form = "not compressed by gzip, whatever its name says"
            if form:
                raise self._lines.broken(f"it is {form}, and not NDJSON")
            self._decided = True
        self._take(head, layer)

    def _unpack(self, data: bytes, layer: int) -> None:
        unpacker = self._unpackers[layer]
        while data:
            if unpacker.eof:
                data = data.lstrip(b"\0")  # padding, as on tapes
                if not data:
                    return
                unpacker = self._unpackers[layer] = zlib.decompressobj(_GZIP)  # the next member of several
            self._take(self._decompressed(unpacker, data), layer + 1)
            data = unpacker.unconsumed_tail or unpacker.unused_data

    def _end_of_gzip(self, layer: int) -> None:
        unpacker = self._unpackers[layer]
        while not unpacker.eof and (more := self._decompressed(unpacker, b"")):
            self._take(more, layer + 1)  # zlib held it back
        if not unpacker.eof:
            raise self._lines.broken("its gzip data end early")

    def _decompressed(self, unpacker: Any, data: bytes) -> bytes:
        try:
            return bytes(unpacker.decompress(data, _STEP))
        except zlib.error:
            problem = self._lines.broken("its gzip data are damaged, or something else follows them")
        raise problem

    def _packing(self) -> list[str]:
        """What is unusual about the compression."""
        named, layers = self._is_named_gz, len(self._unpackers)
        if named and not layers and not self._lines.is_empty:
            return ["not compressed, though its name ends in .gz"]
        if layers > named:
            times = "twice by gzip" if layers > 1 else "by gzip"
            return [f"compressed {times}" + ("" if named else ", though its name does not end in .gz")]
        return []


class _Lines:
    """The lines of a file, as plain bytes. Holds at most one short line."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._number = 1
        """Of the line that is being read."""
        self._rest: list[bytes] = []
        self._held = 0
        self._scanner: JsonScanner | None = None
        """Of a value that is too long to be held, or that did not end with its line."""
        self._began = 0
        """The line in which such a value began, once that is over."""
        self._counts: Counter[str] = Counter()
        self._oddities: dict[str, list[int]] = {}
        """Lines of each kind: the first, and how many there are."""

    @property
    def is_empty(self) -> bool:
        """Whether there was no resource."""
        return not self._counts

    def take(self, data: bytes) -> None:
        """Takes the next bytes. Raises BrokenContent."""
        *lines, last = data.split(b"\n")
        for line in lines:
            if self._held or self._scanner:
                self._add(line)
                self._end_line()
            else:
                self._line(line)
            self._number += 1
        self._add(last)

    def conclude(self) -> Counter[str]:
        """Resources by type. Raises BrokenContent."""
        self._end_line()
        if self._scanner is not None:
            self._end_value(self._scanner)
        return self._counts

    def remarks(self) -> list[str]:
        """What is unusual about the lines."""
        return [
            f"{oddity} ({f'line {first:,}' if count == 1 else f'{count:,} lines, the first is line {first:,}'})"
            for oddity, (first, count) in self._oddities.items()
        ]

    def broken(self, problem: str, line: int = 0) -> BrokenContent:
        """The error of a line; without one, of the whole file."""
        return BrokenContent(f"{f'line {line:,} of ' if line else ''}{self._name}: {problem}", _ADVICE)

    def _add(self, piece: bytes) -> None:
        """Takes the next bytes of the line."""
        if self._scanner is None:
            self._rest.append(piece)
            self._held += len(piece)
            if self._held <= _SHORT:
                return
            piece = self._without_mark(self._joined())
            self._scanner = JsonScanner()
        self._scan(self._scanner, piece)

    def _joined(self) -> bytes:
        line, self._rest, self._held = b"".join(self._rest), [], 0
        return line

    def _end_line(self) -> None:
        if self._scanner is None:
            self._line(self._joined())
        elif self._scanner.is_open:
            self._began = self._began or self._number
            self._scan(self._scanner, b"\n")
        else:
            self._end_value(self._scanner)

    def _line(self, line: bytes) -> None:
        """Takes a whole line."""
        if line.startswith(_BOM):
            line = self._without_mark(line)
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            if not line.strip(_BLANK):
                return  # parsers of NDJSON ignore empty lines
            self._scanner = JsonScanner()
        else:
            self._count(_FORMS.get(type(value), "literal"), value.get(_KEY, MISSING) if type(value) is dict else None)
            return
        self._scan(self._scanner, line)
        self._end_line()

    def _without_mark(self, line: bytes) -> bytes:
        if line.startswith(_BOM) and self._number > 1:
            self._note(["a byte order mark where a line begins; several files were joined, perhaps"])
        return line.removeprefix(_BOM)

    def _scan(self, scanner: JsonScanner, data: bytes) -> None:
        try:
            scanner.feed(data)
        except NotJson as wrong:
            middle = f"it ends in the middle of a JSON {scanner.begun}"
            problem = self.broken(middle if self._began else str(wrong), self._began or self._number)
        else:
            return
        raise problem

    def _end_value(self, scanner: JsonScanner) -> None:
        """Counts a value that was scanned."""
        began, self._began, self._scanner = self._began, 0, None
        if scanner.is_blank:
            return
        try:
            scanner.conclude()
        except NotJson as wrong:
            problem = self.broken(str(wrong), began or self._number)
        else:
            if not began:
                self._note(f"{oddity}, which other programs may refuse" for oddity in sorted(scanner.oddities))
                self._count(scanner.begun, scanner.kind)
                return
            what = "Bundle" if scanner.kind == "Bundle" else f"JSON {scanner.begun}"
            problem = self.broken(
                f"here begins a {what} of several lines (pretty-printed), which ends in line {self._number:,}; in "
                "NDJSON each line is one resource",
                began,
            )
        raise problem

    def _note(self, oddities: Iterable[str]) -> None:
        for oddity in oddities:
            self._oddities.setdefault(oddity, [self._number, 0])[1] += 1

    def _count(self, form: str, kind: object) -> None:
        """Counts a value of the current line. Raises BrokenContent if it is no resource."""
        if isinstance(kind, str) and (kind in RESOURCE_TYPES or _TYPE.fullmatch(kind)):
            # A file may invent any number of types, too many to keep and to pass on.
            self._counts[kind if kind in RESOURCE_TYPES else UNKNOWN] += 1
            return
        if form != "object":
            problem = f"it is a JSON {form}, and not a resource"
        elif kind is MISSING:
            problem = "it has no resourceType"
        elif not isinstance(kind, str):
            problem = "its resourceType is not text"
        else:
            shown = f"its resourceType, {kind}," if _SHOWN_TYPE.fullmatch(kind) else "its resourceType"
            problem = f"{shown} is not the name of a FHIR type (a capital letter, then letters only)"
        raise self.broken(problem, self._number)
