"""Newline-delimited JSON of FHIR resources, checked and counted while the bytes arrive.

Source of the rules: "Newline Delimited JSON" (ndjson.org): one JSON value a line, lines end with a line feed, which is
optional after the last; and FHIR's bulk data export: each value is a resource with its type.
"""

from __future__ import annotations

import re
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

import orjson

from ..checksums import MIB
from ..errors import BrokenContent
from ..fhir import RESOURCE_TYPES, UNKNOWN
from ..remote_file import RemoteFile
from .check import ContentInfo

__all__ = ["NdjsonCheck", "NdjsonContent"]

_LONGEST: Final = 256 * MIB
"""The limit of a line: a scanned document inside a Binary is far smaller."""
_STEP: Final = MIB
"""Bytes that are decompressed at once: they may be a thousand times as many as the compressed ones."""
_TYPE: Final = re.compile(r"[A-Z][A-Za-z]{1,63}")
_GZIP: Final = 16 + zlib.MAX_WBITS
_BLANK: Final = b" \t\r"
_BOM: Final = b"\xef\xbb\xbf"
"""Allowed before the first line: parsers of JSON may ignore it (RFC 8259, section 8.1)."""


class NdjsonCheck:
    """Checks each file, and keeps its counts. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, Counter[str]] = {}

    def begin(self, file: RemoteFile) -> NdjsonContent:
        """A new check of one file. One that ends in ``.gz`` is decompressed for it."""
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
    """One file (`Content`). Holds at most one line."""

    def __init__(self, name: str, remember: Callable[[str, Counter[str]], None]) -> None:
        self._name = name
        self._remember = remember
        self._lines = 0
        self._rest: list[bytes] = []
        self._held = 0
        self._counts: Counter[str] = Counter()
        self._packed = name.lower().endswith(".gz")
        self._unpacker: Any = zlib.decompressobj(_GZIP) if self._packed else None
        self._fed = False

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Takes the next bytes. Raises BrokenContent, with the line."""
        if self._packed:
            self._unpack(bytes(data))
        else:
            self._take(bytes(data))

    def conclude(self) -> ContentInfo:
        """The number of resources. Raises BrokenContent."""
        if self._packed and self._fed:
            while not self._unpacker.eof and (more := self._unpacker.decompress(b"", _STEP)):
                self._take(more)  # zlib held it back
            if not self._unpacker.eof:
                raise self._broken("its packed bytes end in the middle")
        if self._held:
            self._line(b"".join(self._rest))
            self._held = 0
        self._remember(self._name, self._counts)
        return ContentInfo(resources=self._counts.total())

    def _unpack(self, data: bytes) -> None:
        try:
            while data:
                if self._unpacker.eof:
                    data = data.lstrip(b"\0")  # padding, as on tapes
                    if not data:
                        return
                    self._unpacker = zlib.decompressobj(_GZIP)  # the next member of several
                self._fed = True
                self._take(self._unpacker.decompress(data, _STEP))
                data = self._unpacker.unconsumed_tail or self._unpacker.unused_data
        except zlib.error:
            problem = self._broken("it is not packed by gzip, or its packed bytes are damaged")
        else:
            return
        raise problem

    def _take(self, data: bytes) -> None:
        first, *lines = data.split(b"\n")
        self._rest.append(first)
        self._held += len(first)
        if lines:
            self._line(b"".join(self._rest))
            for line in lines[:-1]:
                self._line(line)
            self._rest, self._held = [lines[-1]], len(lines[-1])
        if self._held > _LONGEST:
            self._lines += 1
            raise self._broken(f"the line is longer than {_LONGEST // MIB} MiB")

    def _line(self, line: bytes) -> None:
        self._lines += 1
        if self._lines == 1:
            line = line.removeprefix(_BOM)
        if not line.strip(_BLANK):
            return  # parsers of NDJSON ignore empty lines
        try:
            resource = orjson.loads(line)
        except orjson.JSONDecodeError:
            resource = None
            problem = "it is no JSON"
        else:
            problem = "it has no resourceType"
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
            raise self._broken(problem)
        # A file may invent any number of types, too many to keep and to pass on.
        self._counts[kind if kind in RESOURCE_TYPES else UNKNOWN] += 1

    def _broken(self, problem: str) -> BrokenContent:
        where = f"line {self._lines:,} of " if self._lines else ""
        return BrokenContent(f"{where}{self._name}: {problem}")
