from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from downloader.checksums import Checksum
from downloader.errors import NetworkError
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile
from downloader.results import FileResult, Outcome, failed
from downloader_tasks.execution.ledger import Ledger
from support.plans import file_results, plans

MD5 = Checksum("md5", "0" * 32)
FILES = [RemoteFile(safe_path(name), 5, name, (MD5,)) for name in ("a", "b", "c")]
BROUGHT = FileResult("a", Outcome.DOWNLOADED, 5, 5, 1.5, str(MD5))
THERE = FileResult("a", Outcome.SKIPPED, 5, 0, 0.0, str(MD5))
BROKE = failed("a", NetworkError("the connection broke"))


def after(*tries: FileResult | None) -> FileResult | None:
    """What is written of the file `a` after these tries; None: the try did not come to it."""
    packed = ""
    for result in tries:
        ledger = Ledger(FILES, packed)
        if result is not None:
            ledger.note(result)
        packed = ledger.packed()
    return Ledger(FILES, packed).results()[0]


def test_what_an_earlier_try_brought_home_was_brought_home() -> None:
    assert after(BROUGHT, THERE) == BROUGHT
    assert after(BROUGHT, THERE, THERE) == BROUGHT
    assert after(THERE, THERE) == THERE


def test_the_last_try_decides_all_else() -> None:
    assert after(BROKE, BROUGHT) == BROUGHT
    assert after(BROUGHT, BROKE) == BROKE
    assert after(BROKE, THERE) == THERE


def test_a_try_that_did_not_come_to_a_file_changes_nothing() -> None:
    assert after(BROKE, None) == BROKE
    assert after(BROUGHT, None) == BROUGHT
    assert after(None) is None


def test_what_cannot_be_read_is_forgotten() -> None:
    assert Ledger(FILES, "what another version kept").results() == [None] * 3
    assert Ledger(FILES, Ledger(FILES[:1]).packed()).results() == [None] * 3


def test_sizes_are_those_of_the_plan() -> None:
    assert Ledger(FILES).planned_size("b") == 5


@given(st.data())
def test_it_holds_what_was_noted(data: st.DataObject) -> None:
    planned = data.draw(plans())
    ledger = Ledger(planned)
    results = [data.draw(file_results(item)) for item in planned]
    for result in data.draw(st.permutations(results)):
        ledger.note(result)
    assert ledger.results() == results
    assert Ledger(planned, ledger.packed()).results() == results
