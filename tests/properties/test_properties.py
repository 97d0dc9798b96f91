"""The promises, held against anything that hypothesis can think of.

A world is a set of remote files, what lies of each at the destination, and a script of faults. After any of them:
a final name holds the whole file, or what it held before; what is called verified is right; nothing is written
anywhere else; a second restore, once all is well, brings everything home, and a third transfers nothing.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from downloader.checksums import MIB, S3_ETAG, Checksum
from downloader.errors import CorruptRecord
from downloader.paths import safe_path
from downloader.remote_file import Planned, Refused, RemoteFile
from downloader.results import SIZE_ONLY, UNVERIFIED, FileResult, Outcome
from downloader.source import Capabilities, Source
from downloader.sources.memory import MemoryObject, MemorySource
from downloader.transfer.batch import restore
from support.fast_folder import fast_folder
from support.restoring import KIB, RANGE, content, part_files, part_path, transfer_options, tree
from support.scripted import (
    Fault,
    ScriptedSource,
    announces_size,
    busy,
    credentials_expire,
    cut_after,
    ends_after,
    flip_bit,
    goes_on,
    ignore_range,
    out_of_range,
    refuse_range,
    replaced,
    reset,
    stall_after,
)

pytestmark = [pytest.mark.usefixtures("quick_disk"), pytest.mark.timeout(100, method="thread")]

WORLDS = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

NAMES = ("a", "b/c", "b/d.raw", "e" * 240)
SIZES = st.sampled_from([0, 1, 1000, 4 * KIB, 4 * KIB + 1, RANGE, 150 * KIB, MIB + 5])


class Blob(bytes):
    """Bytes that a falsifying example shows in one line."""

    def __repr__(self) -> str:
        return f"<{len(self)} bytes {hashlib.md5(self).hexdigest()[:6]}>"


@dataclass(frozen=True)
class Object:
    """A remote file, and what is known of it."""

    name: str
    data: bytes
    known: str
    """``md5``, ``crc``, ``etag`` (multipart, part size known), ``guess`` (unknown), ``odd`` (not to be found), ``size``
    or ``nothing``."""

    @property
    def file(self) -> RemoteFile:
        size = None if self.known == "nothing" else len(self.data)
        return RemoteFile(safe_path(self.name), size, self.name, self._checksums())

    def _checksums(self) -> tuple[Checksum, ...]:
        hasher = {"md5": Checksum("md5", ""), "crc": Checksum("crc64nvme", "")}.get(self.known)
        if hasher is not None:
            return (replace(hasher, value=_value(hasher, self.data)),)
        if self.known == "etag":
            parts = max(1, -(-len(self.data) // 1000))
            blank = Checksum(S3_ETAG, f"0-{parts}", (1000,))
            return (replace(blank, value=_value(blank, self.data)),)
        if self.known in ("guess", "odd"):
            size = MIB if self.known == "guess" else 777
            blank = Checksum(S3_ETAG, "0-1", (size,))
            return (Checksum(S3_ETAG, _value(blank, self.data)),)
        return ()

    @property
    def is_provable(self) -> bool:
        """Whether a wrong copy can be told from a right one: of several parts whose size is a guess it cannot."""
        return self.known in ("md5", "crc", "etag") or (self.known == "guess" and len(self.data) <= MIB)


def _value(form: Checksum, data: bytes) -> str:
    hasher = form.hasher()
    hasher.update(data)
    return hasher.value()


@dataclass(frozen=True)
class World:
    """What there is before a restore."""

    objects: list[Object]
    copies: dict[str, bytes]
    parts: dict[str, bytes]
    script: dict[str, list[Fault | None]]
    always: dict[str, Fault]
    capabilities: Capabilities
    flips: bool
    """Whether the script turns bits, so that only a checksum can tell."""
    refused: list[Refused] = field(default_factory=list)

    @property
    def files(self) -> list[RemoteFile]:
        return [found.file for found in self.objects]

    @property
    def source(self) -> MemorySource:
        objects = {found.name: MemoryObject(found.data) for found in self.objects}
        return MemorySource(objects, self.capabilities, step=3 * KIB)

    @property
    def scripted(self) -> ScriptedSource:
        return ScriptedSource(self.source, self.script, self.always)


POSITIONS = st.sampled_from([0, 1, 999, 1000, 3 * KIB, RANGE - 1, RANGE, 100 * KIB, 150 * KIB - 1, 150 * KIB])
FLIPS = POSITIONS.map(flip_bit)
FAULTS: st.SearchStrategy[Fault] = st.one_of(
    POSITIONS.map(cut_after),
    POSITIONS.map(stall_after),
    POSITIONS.map(ends_after),
    st.sampled_from([b"!", b"!" * RANGE]).map(goes_on),
    st.sampled_from([0, 1, 10**9]).map(announces_size),
    st.sampled_from([None, 0.0, 5.0, 10_000.0]).map(lambda seconds: busy(1, seconds)[0]),
    st.sampled_from([reset, replaced, credentials_expire, refuse_range, ignore_range, out_of_range]),
)
KNOWN = st.sampled_from(["md5", "crc", "etag", "guess", "odd", "size", "nothing"])
CAPABILITIES = st.builds(
    Capabilities,
    ranges=st.booleans(),
    parallel_ranges=st.sampled_from([1, 4]),
    connections=st.sampled_from([2, 32]),
    describes=st.booleans(),
)


@st.composite
def damaged_copies(draw: st.DrawFn, data: bytes) -> bytes | None:
    """What may lie where `data` belongs."""
    how = draw(st.sampled_from(["nothing", "right", "short", "flipped", "long", "other", "empty"]))
    at = draw(st.integers(0, max(len(data) - 1, 0)))
    found: dict[str, bytes | None] = {
        "nothing": None,
        "right": data,
        "short": data[:at],
        "flipped": data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] if data else b"?",
        "long": data + b"!",
        "other": content(at, 99),
        "empty": b"",
    }
    return found[how]


@st.composite
def worlds(draw: st.DrawFn, *, flips: bool = True, faults: bool = True) -> World:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=len(NAMES), unique=True))
    objects = [Object(name, Blob(content(draw(SIZES), n)), draw(KNOWN)) for n, name in enumerate(names)]
    copies = {found.name: draw(damaged_copies(found.data)) for found in objects}
    parts = {found.name: draw(st.none() | damaged_copies(found.data)) for found in objects}
    kinds = st.one_of(FAULTS, FLIPS) if flips else FAULTS
    scripts = st.lists(st.none() | kinds, max_size=5) if faults else st.just([])
    return World(
        objects,
        {name: Blob(data) for name, data in copies.items() if data is not None},
        {name: Blob(data) for name, data in parts.items() if data is not None},
        {name: draw(scripts) for name in names},
        draw(st.dictionaries(st.sampled_from(names), kinds, max_size=1)) if faults else {},
        draw(CAPABILITIES),
        flips,
    )


@contextmanager
def built(world: World) -> Iterator[Path]:
    """A destination in which the world's copies lie, with something beside it that nobody may touch."""
    with tempfile.TemporaryDirectory(dir=fast_folder()) as parent:
        destination = Path(parent, "destination")
        destination.mkdir()
        Path(parent, "treasure").write_bytes(b"treasure")
        for found in world.objects:
            (destination / found.name).parent.mkdir(exist_ok=True)
            if found.name in world.copies:
                (destination / found.name).write_bytes(world.copies[found.name])
            if found.name in world.parts:
                part_path(destination, found.file).write_bytes(world.parts[found.name])
        yield destination


def run(world: World, source: Source, destination: Path) -> dict[str, FileResult]:
    results = restore(world.files, source, destination, transfer_options())
    assert [result.name for result in results] == [found.name for found in world.objects]
    return {result.name: result for result in results}


def named(destination: Path) -> dict[str, bytes]:
    """The files under final names."""
    seen = {name: data for name, data in tree(destination).items() if isinstance(data, bytes)}
    return {name: data for name, data in seen.items() if not name.endswith(".part")}


@dataclass(frozen=True)
class Played:
    """A world after a restore."""

    world: World
    source: ScriptedSource
    results: dict[str, FileResult]
    everything: dict[str, bytes | str]
    """All that lies beside and in the destination."""

    @property
    def here(self) -> dict[str, bytes]:
        """The files under final names."""
        seen = {name.removeprefix("destination/"): data for name, data in self.everything.items()}
        return {n: d for n, d in seen.items() if isinstance(d, bytes) and not n.endswith(".part") and n != "treasure"}


def a_final_name_holds_the_file_or_what_it_held_before(played: Played) -> None:
    for found in played.world.objects:
        result, before = played.results[found.name], played.world.copies.get(found.name)
        after = played.here.get(found.name)
        if not result.ok or result.outcome is Outcome.SKIPPED:
            assert after == before
        elif result.verified or found.is_provable:
            assert after == found.data
        else:
            assert after is not None
            assert len(after) == result.size
    assert played.here.keys() <= {found.name for found in played.world.objects}


def without_flipped_bits_it_is_right_even_where_nothing_proves_it(played: Played) -> None:
    for found in played.world.objects:
        result = played.results[found.name]
        fresh = result.ok and result.outcome is not Outcome.SKIPPED and found.name not in played.world.parts
        if fresh and not played.world.flips:
            assert played.here[found.name] == found.data


def what_is_not_verified_never_reads_as_verified(played: Played) -> None:
    for found in played.world.objects:
        result = played.results[found.name]
        recorded = {str(checksum) for checksum in found.file.checksums}
        if result.ok:
            assert result.assurance in recorded | {SIZE_ONLY, UNVERIFIED}
            assert result.verified == (result.assurance in recorded)
        else:
            assert (result.size, result.assurance, result.verified) == (0, "", False)
            assert result.message


def nothing_is_written_anywhere_else(played: Played) -> None:
    allowed = {"destination", "treasure"} | {f"destination/{name}" for name in ("b", *NAMES)}
    assert {name for name in played.everything if not name.endswith(".part")} <= allowed
    assert played.everything["treasure"] == b"treasure"


def totals_of_the_results_equal_what_happened(played: Played) -> None:
    results = played.results.values()
    assert sum(result.size for result in results) == sum(len(played.here[r.name]) for r in results if r.ok)
    assert all(result.fetched <= played.source.served[result.name] for result in results)
    assert all(result.fetched == 0 for result in results if result.outcome is Outcome.SKIPPED)


PROMISES = [
    a_final_name_holds_the_file_or_what_it_held_before,
    without_flipped_bits_it_is_right_even_where_nothing_proves_it,
    what_is_not_verified_never_reads_as_verified,
    nothing_is_written_anywhere_else,
    totals_of_the_results_equal_what_happened,
]


@WORLDS
@given(st.booleans().flatmap(lambda flips: worlds(flips=flips)))
def test_whatever_happens_the_promises_are_kept(world: World) -> None:
    with built(world) as destination:
        source = world.scripted
        results = run(world, source, destination)
        played = Played(world, source, results, tree(destination.parent))
    for found in world.objects:
        event(f"{found.known}: {results[found.name].outcome}")
    for promise in PROMISES:
        promise(played)


@WORLDS
@given(worlds())
def test_once_all_is_well_everything_comes_home_and_then_nothing_is_transferred(world: World) -> None:
    with built(world) as destination:
        run(world, world.scripted, destination)
        assert all(result.ok for result in run(world, world.source, destination).values())
        assert part_files(destination) == []
        before = named(destination)
        for found in world.objects:
            if found.is_provable:
                assert before[found.name] == found.data
        source = ScriptedSource(world.source)
        again = run(world, source, destination)
        assert {result.outcome for result in again.values()} == {Outcome.SKIPPED}
        assert source.spans == []
        assert named(destination) == before


@WORLDS
@given(worlds(faults=False))
def test_any_damage_to_local_copies_is_healed(world: World) -> None:
    with built(world) as destination:
        source = ScriptedSource(world.source)
        results = run(world, source, destination)
        for found in world.objects:
            result = results[found.name]
            assert result.ok, result.message
            right = world.copies.get(found.name) == found.data
            if found.is_provable:
                assert (destination / found.name).read_bytes() == found.data
                assert (result.outcome is Outcome.SKIPPED) == right
                assert result.verified
        assert part_files(destination) == []


@WORLDS
@given(worlds(faults=False), st.integers(0, 3), st.data())
def test_files_that_were_refused_have_their_lines_and_change_nothing(
    world: World, count: int, drawn: st.DataObject
) -> None:
    with built(world) as destination:
        planned: list[Planned] = list(world.files)
        for n in range(count):
            name = drawn.draw(st.sampled_from([*NAMES, f"refused {n}", "../evil"]))
            planned.insert(drawn.draw(st.integers(0, len(planned))), Refused(name, CorruptRecord("unreadable")))
        results = restore(planned, world.source, destination, transfer_options())
        assert len(results) == len(planned)
        for item, result in zip(planned, results, strict=True):
            assert result.ok != isinstance(item, Refused)
        assert not (destination.parent / "evil").exists()


@WORLDS
@given(worlds(), st.lists(st.sampled_from(["link", "link out", "fifo", "folder", "file for a folder"]), max_size=3))
def test_whatever_stands_in_the_way_nothing_is_followed_out(world: World, plants: list[str]) -> None:
    with built(world) as destination:
        treasure = destination.parent / "treasure"
        for found, plant in zip(world.objects, plants, strict=False):
            _plant(destination, found.name, plant, treasure)
        run(world, world.scripted, destination)
        assert treasure.read_bytes() == b"treasure"
        assert sorted(os.listdir(destination.parent)) == ["destination", "treasure"]


def _plant(destination: Path, name: str, plant: str, treasure: Path) -> None:
    path = destination / name
    if plant == "file for a folder":
        path.with_name("b").exists() or path.with_name("b").write_bytes(b"mine")
        return
    path.unlink(missing_ok=True)
    if plant == "fifo":
        os.mkfifo(path)
    elif plant == "folder":
        path.mkdir()
    else:
        path.symlink_to(treasure if plant == "link" else treasure.parent)
