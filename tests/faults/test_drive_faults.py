"""What Drive and the way to it do wrong, over the wire, and what becomes of the files.

Whatever happens, a final name holds what was there before, or the whole file; what came once is not fetched again where
ranges are granted; one file's trouble is its own.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from pathlib import Path

import pytest

from downloader.checksums import Checksum
from downloader.datasets.manifest import Dataset, planned
from downloader.remote_file import RemoteFile
from downloader.results import SIZE_ONLY, UNVERIFIED, FileResult, Outcome
from downloader.source import Timeouts
from downloader.sources.drive import DriveAccess, DriveSource
from downloader.transfer.batch import restore
from include.stand_ins.drive_pages import (
    access_denied,
    api_error,
    automated_queries,
    html_page,
    login,
    quota_exceeded,
    redirect_to,
    too_many_requests,
)
from include.stand_ins.drive_server import DriveFile, DriveServer, Form, ScanWarning, file_id
from include.stand_ins.wire import (
    Fault,
    chunked,
    cut_at,
    flip_bit,
    ignore_range,
    refuse,
    reset_at,
    stall_at,
)
from support.restoring import KIB, FakeClock, content, part_files, plain_copy, transfer_options, tree

pytestmark = [pytest.mark.usefixtures("quick_disk"), pytest.mark.timeout(100, method="thread")]

DATA = content(700 * KIB, 3)
NAMES = ("fan.dat", "drone.dat", "cars.dat")


def sum_of(data: bytes) -> Checksum:
    return Checksum("sha256", hashlib.sha256(data).hexdigest())


class Play:
    """Data sets of one folder, restored while a script is played."""

    def __init__(self, drive: DriveServer, folder: Path, key: str = "") -> None:
        self.drive = drive
        self.destination = folder / "destination"
        self.destination.mkdir()
        self.key = key
        self.clock = FakeClock()
        self.stall = 5.0
        """Seconds without a byte. Few only where none are to come: a loaded machine may take some for itself."""
        self.files: dict[str, RemoteFile] = {}
        for number, name in enumerate(NAMES):
            self.add(name, content(700 * KIB, 3 + number))

    def add(self, name: str, data: bytes, **quirks: object) -> RemoteFile:
        held = DriveFile(self.id(name), name, data)
        self.drive.add(replace(held, **quirks))  # type: ignore[arg-type]
        dataset = Dataset(id=held.id, name=name, path=name, size=len(data), sha256=sum_of(data).value)
        (file,) = planned([dataset])
        assert isinstance(file, RemoteFile)
        self.files[name] = file
        return file

    def id(self, name: str = "fan.dat") -> str:
        return file_id(name.partition(".")[0])

    def script(self, *faults: Fault | None, about: str = "") -> None:
        self.drive.script(f"{about} {self.id()}".strip(), *faults)

    def restore(self, *files: RemoteFile) -> dict[str, FileResult]:
        timeouts = Timeouts(5, self.stall)
        access = DriveAccess(self.drive.web_url, self.drive.download_url, self.drive.api_url, self.key, timeouts)
        plan = list(files or self.files.values())
        source = DriveSource(access, clock=self.clock.clock)
        return {result.name: result for result in restore(plan, source, self.destination, transfer_options(self.clock))}

    def fan(self, **changes: object) -> FileResult:
        """The one file that faults are played at, restored alone."""
        file = replace(self.files["fan.dat"], **changes)  # type: ignore[arg-type]
        return self.restore(file)["fan.dat"]

    def came_home(self, result: FileResult) -> None:
        assert result.ok, result.message
        assert result.verified
        assert plain_copy(self.destination, "fan.dat") == DATA
        assert part_files(self.destination) == []

    def asked(self) -> int:
        return len(self.drive.asked(self.id()))


@pytest.fixture
def play(drive: DriveServer, tmp_path: Path) -> Play:
    return Play(drive, tmp_path)


# --- what passes ------------------------------------------------------------------------------------------------------

RETRYABLE: dict[str, list[Fault | None]] = {
    "cut": [cut_at(0), cut_at(1), cut_at(300 * KIB)],
    "cut without a length": [lambda answer: cut_at(300 * KIB)(chunked(answer))],
    "reset": [reset_at(-1), reset_at(0), reset_at(300 * KIB)],
    "stalled": [stall_at(-1), stall_at(300 * KIB)],
    "no answer of use": [refuse(500), refuse(502), refuse(503)],
    "a bit is flipped once": [flip_bit(400 * KIB)],
    "too many requests": [too_many_requests(), too_many_requests("3")],
    "taken for a robot": [automated_queries, automated_queries],
    "in the middle of it": [cut_at(100 * KIB), automated_queries, cut_at(100 * KIB), refuse(503), cut_at(100 * KIB)],
    "the whole comes for a range": [cut_at(100 * KIB), ignore_range],
    "the whole comes for a range, and breaks": [cut_at(100 * KIB), ignore_range, cut_at(100 * KIB), ignore_range],
}


@pytest.mark.parametrize("form", [None, Form.GET, Form.LINK])
@pytest.mark.parametrize("what", RETRYABLE)
def test_what_passes_is_sat_out(play: Play, what: str, form: Form | None) -> None:
    warning = None if form is None else ScanWarning(form, needs_uuid=form is Form.GET)
    play.add("fan.dat", DATA, warning=warning)
    play.stall = 0.4
    play.script(*RETRYABLE[what])
    play.came_home(play.fan())


@pytest.mark.parametrize("what", RETRYABLE)
def test_what_passes_is_sat_out_by_key(drive: DriveServer, tmp_path: Path, what: str) -> None:
    play = Play(drive, tmp_path, drive.api_key)
    play.stall = 0.4
    slow_down = api_error(403, "userRateLimitExceeded")
    play.script(*[slow_down if fault is automated_queries else fault for fault in RETRYABLE[what]])
    play.came_home(play.fan())


@pytest.mark.parametrize("seed", range(12))
def test_any_row_of_faults_is_sat_out(play: Play, seed: int) -> None:
    dice = random.Random(seed)
    at = dice.randrange(len(DATA))
    faults = [cut_at(at), reset_at(at // 2), stall_at(at), refuse(503), automated_queries, ignore_range, chunked, None]
    play.add("fan.dat", DATA, warning=dice.choice([None, ScanWarning(cookie=True)]))
    play.stall = 0.4
    play.script(*dice.choices(faults, k=5))
    play.came_home(play.fan())


@pytest.mark.parametrize("at", [1, 100 * KIB, 256 * KIB, len(DATA) - 1])
def test_a_stream_that_breaks_goes_on_where_it_ended(play: Play, at: int) -> None:
    play.script(cut_at(at))
    result = play.fan()
    play.came_home(result)
    assert result.fetched == len(DATA), "what came before the break was fetched twice"
    assert play.drive.requests[-1].headers["range"] == f"bytes={at}-"


def test_a_passed_warning_that_ends_in_the_middle_is_passed_anew(play: Play) -> None:
    play.add("fan.dat", DATA, warning=ScanWarning(cookie=True))
    play.script(cut_at(300 * KIB), lambda _: html_page("Expired", "<p>Once more</p>"))
    result = play.fan()
    play.came_home(result)
    assert result.fetched == len(DATA)


def test_a_run_that_ended_half_way_is_gone_on_with(play: Play) -> None:
    play.script(cut_at(400 * KIB), *[reset_at(-1)] * 5)
    first = play.fan()
    assert (first.ok, first.retryable) == (False, True)
    second = play.fan()
    play.came_home(second)
    assert second.outcome is Outcome.RESUMED
    assert second.fetched == len(DATA) - 400 * KIB


def test_a_server_without_ranges_is_read_from_the_start(play: Play) -> None:
    play.add("fan.dat", DATA, honours_ranges=False)
    play.script(cut_at(300 * KIB), cut_at(1))
    play.came_home(play.fan())


def test_a_damaged_copy_is_healed(play: Play) -> None:
    (play.destination / "fan.dat").write_bytes(bytes(len(DATA)))
    result = play.fan()
    play.came_home(result)
    assert result.outcome is Outcome.SELF_HEALED


def test_a_file_that_is_right_is_not_asked_for(play: Play) -> None:
    (play.destination / "fan.dat").write_bytes(DATA)
    assert play.fan().outcome is Outcome.SKIPPED
    assert play.asked() == 0


# --- what does not pass -----------------------------------------------------------------------------------------------

PERMANENT: dict[str, Fault] = {
    "quota": quota_exceeded(),
    "quota, 429": quota_exceeded(429, "de"),
    "login": login(),
    "access denied": access_denied(),
    "another host": redirect_to("https://evil.example/"),
    "any page": lambda _: html_page("Wartung", "<p>Bitte warten</p>" * 5_000),
    "a page as long as the file": lambda _: refuse(200, DATA, Content_Type="text/html")(html_page("", "")),
}


@pytest.mark.parametrize("copy", [None, b"old"], ids=["nothing", "old"])
@pytest.mark.parametrize("warning", [None, ScanWarning(Form.LINK)], ids=["plain", "warned"])
@pytest.mark.parametrize("what", PERMANENT)
def test_what_does_not_pass_is_that_files_failure_alone(
    play: Play, what: str, warning: ScanWarning | None, copy: bytes | None
) -> None:
    play.add("fan.dat", DATA, warning=warning, problem=PERMANENT[what], problem_after_warning=True)
    if copy is not None:
        (play.destination / "fan.dat").write_bytes(copy)
    results = play.restore()
    assert {name: result.ok for name, result in results.items()} == {name: name != "fan.dat" for name in NAMES}
    assert not results["fan.dat"].retryable
    assert plain_copy(play.destination, "fan.dat") == copy
    assert play.clock.waited == 0
    assert play.asked() <= 4


@pytest.mark.parametrize("copy", [None, b"old"], ids=["nothing", "old"])
@pytest.mark.parametrize(
    "other", [DATA + b"more", DATA[:-1], DATA[::-1], b""], ids=["longer", "shorter", "other", "empty"]
)
def test_another_file_than_the_manifests_never_comes_home(play: Play, other: bytes, copy: bytes | None) -> None:
    if copy is not None:
        (play.destination / "fan.dat").write_bytes(copy)
    play.drive.add(DriveFile(play.id(), "fan.dat", other))
    result = play.fan()
    assert result.message.startswith("Checksum mismatch: " if len(other) == len(DATA) else "Size mismatch: ")
    assert not result.retryable
    assert plain_copy(play.destination, "fan.dat") == copy


def test_a_quota_that_comes_in_the_middle_keeps_what_came(play: Play) -> None:
    play.script(cut_at(400 * KIB), quota_exceeded())
    result = play.fan()
    assert "it will be retried on the next run" in result.message
    assert plain_copy(play.destination, "fan.dat") is None
    again = play.fan()
    play.came_home(again)
    assert again.fetched == len(DATA) - 400 * KIB


@pytest.mark.parametrize("fault", [too_many_requests(), automated_queries])
def test_throttling_without_end_fails_in_bounded_time(play: Play, fault: Fault) -> None:
    play.add("fan.dat", DATA, problem=fault)
    result = play.fan()
    assert result.retryable
    assert result.message.startswith("Server busy: Google ")
    assert "has had too many requests" in result.message
    assert play.asked() == 6
    assert play.clock.waited < 120


def test_one_that_is_throttled_slows_the_others(play: Play) -> None:
    play.script(*[too_many_requests("40")] * 2)
    results = play.restore()
    assert all(result.ok for result in results.values())
    assert play.clock.waited >= 80


# --- how sure we are --------------------------------------------------------------------------------------------------


def test_without_a_checksum_the_size_is_verified(play: Play) -> None:
    assert play.fan(checksums=()).assurance == SIZE_ONLY


def test_a_key_brings_the_checksum_that_the_manifest_lacks(drive: DriveServer, tmp_path: Path) -> None:
    play = Play(drive, tmp_path, drive.api_key)
    assert play.fan(checksums=()).assurance == str(sum_of(DATA))
    play.add("fan.dat", DATA[::-1])
    play.drive.add(DriveFile(play.id(), "fan.dat", DATA, api_fields={"sha256Checksum": "0" * 64, "md5Checksum": None}))
    (play.destination / "fan.dat").unlink()
    assert play.fan(checksums=()).message.startswith("Checksum mismatch: ")


def test_an_exported_document_is_not_called_verified(play: Play) -> None:
    notes = play.add("notes.docx", DATA, mime="application/vnd.google-apps.document")
    notes = replace(notes, size=None, checksums=(), key=f"{notes.key}?export=docx")
    play.drive.script(play.id("notes.docx"), cut_at(300 * KIB))
    result = play.restore(notes)["notes.docx"]
    assert (result.ok, result.assurance, result.size) == (True, UNVERIFIED, len(DATA))
    assert tree(play.destination) == {"notes.docx": DATA}


def test_a_checksum_of_media_proves_and_never_condemns(drive: DriveServer, tmp_path: Path) -> None:
    play = Play(drive, tmp_path, drive.api_key)
    clip = replace(play.add("clip.mp4", DATA, mime="video/mp4"), checksums=())
    assert play.restore(clip)["clip.mp4"].assurance == str(sum_of(DATA))
    other = {"sha256Checksum": "0" * 64, "md5Checksum": "0" * 32}
    play.drive.add(DriveFile(play.id("clip.mp4"), "clip.mp4", DATA, mime="video/mp4", api_fields=other))
    (play.destination / "clip.mp4").unlink()
    for outcome in (Outcome.DOWNLOADED, Outcome.SKIPPED):
        result = play.restore(clip)["clip.mp4"]
        assert (result.outcome, result.assurance) == (outcome, SIZE_ONLY), result.message
        assert result.message == OF_ORIGINAL
    # A manifest that repeats Drive's checksum knows no more than Drive.
    (play.destination / "clip.mp4").unlink()
    repeated = replace(clip, checksums=(Checksum("sha256", "0" * 64),))
    assert play.restore(repeated)["clip.mp4"].message == OF_ORIGINAL
    (play.destination / "clip.mp4").unlink()
    own = replace(clip, checksums=(sum_of(DATA[::-1]),))
    assert play.restore(own)["clip.mp4"].message.startswith("Checksum mismatch: ")


OF_ORIGINAL = (
    "Google Drive's checksum differs, which proves nothing for pictures, videos and sounds: it may be of the original"
)
