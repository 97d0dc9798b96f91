"""No file or connection more may be opened, from the start or in the middle."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import obstore
import pytest
from obstore.store import MemoryStore

from downloader.disk.destination import Destination
from downloader.errors import DownloadError, TooManyFiles
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile
from downloader.sources.http import HttpClient
from downloader.sources.http.errors import Advice
from downloader.sources.http.request import Hosts, HttpRequest
from downloader.sources.s3 import S3Source
from downloader.transfer.inspection import compare, look
from include.stand_ins.s3_servers import S3Server
from support.lanes import LANES, Lane, came_home, each_lane, settled
from support.open_files import no_more_than
from support.restoring import file_for

pytestmark = pytest.mark.timeout(60, method="thread")

RAISE_IT = "raise the limit of open files (ulimit -n) where the worker is started, then run it again"
SENTENCE = f"Too many open files: NAME could not be opened; {RAISE_IT}"
SMALL = LANES[0]


@each_lane
def test_not_one_more_from_the_start(tmp_path: Path, lane: Lane) -> None:
    with no_more_than(0):
        failed = settled(lane, tmp_path)
    assert (len(failed), set(failed.values())) == (lane.files, {SENTENCE})
    came_home(lane, tmp_path)


@each_lane
@pytest.mark.parametrize("room", [1, 3, 5])
def test_hardly_any_in_the_middle(tmp_path: Path, lane: Lane, room: int) -> None:
    """What comes home and what does not is left to chance: who opens when. The rest is not."""
    with no_more_than(room):
        failed = settled(lane, tmp_path)
    assert set(failed.values()) <= {SENTENCE}
    came_home(lane, tmp_path, kept=lane.objects.keys() - failed.keys())


def test_a_group_of_small_files_is_no_larger_than_may_be_open(tmp_path: Path) -> None:
    with no_more_than(20):
        assert settled(SMALL, tmp_path) == {}


def test_a_copy_that_cannot_be_opened_is_not_taken_for_a_wrong_one(tmp_path: Path) -> None:
    """It would be fetched anew, as soon as a file may be opened again."""
    (tmp_path / "x").write_bytes(b"right")
    place = Destination(tmp_path).place(safe_path("x"))
    seen = look(place)
    assert seen is not None
    with no_more_than(0), pytest.raises(TooManyFiles, match="x could not be opened"):
        compare(place, file_for("x", b"right"), seen, lambda: None)


# --- connections ------------------------------------------------------------------------------------------------------

NOBODY = "http://127.0.0.1:9"
"""Never asked: there is no socket to ask with."""
FILE = RemoteFile(safe_path("x"), 1, "x")


def refusal(action: Callable[[], object]) -> DownloadError:
    with no_more_than(0), pytest.raises(DownloadError) as caught:
        action()
    return caught.value


def bucket() -> S3Source:
    return S3Source("bucket", S3Server(NOBODY).access())


def test_a_bucket_cannot_be_connected_to() -> None:
    obstore.put(MemoryStore(), "x", b"")  # what the client needs for itself
    source = bucket()
    for action in (lambda: source.open(FILE), lambda: source.describe(FILE)):
        error = refusal(action)
        assert type(error) is TooManyFiles
        assert str(error) == f"Too many open files: no connection to {NOBODY} could be opened; {RAISE_IT}"


def test_a_web_server_cannot_be_connected_to() -> None:
    client = HttpClient(Hosts((NOBODY,)), Advice(missing="", denied="", size=""))
    error = refusal(lambda: client.open(HttpRequest(f"{NOBODY}/x", "x")))
    assert str(error) == f"Too many open files: no connection to 127.0.0.1 could be opened; {RAISE_IT}"


_FIRST_REQUEST = f"""
from downloader.sources.s3.object_store import BucketAddress, ObjectStore
from support.open_files import no_more_than
from support.restoring import file_for

store = ObjectStore(BucketAddress("bucket", {NOBODY!r}), None)
with no_more_than(0):
    for _ in range(2):
        try:
            store.open(file_for("x", b"x"))
        except Exception as error:
            print(error)
"""


def test_a_client_that_breaks_down_over_it_fails_in_a_sentence() -> None:
    """It panics, as Rust says, at the first request of a process, and at each one behind it."""
    environment = {"PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, "-c", _FIRST_REQUEST]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    sentence = (
        "Unexpected error: the S3 client broke down when x was asked for; raise the limit of open files (ulimit -n) of "
        "the worker and run it again; report it if that is no help"
    )
    assert done.stdout.splitlines() == [sentence] * 2
