"""Pages and JSON of Google Drive with anything in them: warnings, refusals, folders, records, lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader.errors import DownloadError, PermanentError
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile
from downloader.retry import RetryPolicy
from downloader.source import Timeouts
from downloader.sources.drive import DriveAccess, DriveSource
from downloader.sources.drive import folder_api as drive_folder_api
from downloader.sources.drive.access import GOOGLE_HOSTS
from downloader.sources.drive.api import record_of
from downloader.sources.drive.errors import Wanted
from downloader.sources.drive.folder import Bounds, FolderEntry, FolderListing, Kind, list_folder
from downloader.sources.drive.folder_api import FolderByKey
from downloader.sources.drive.folder_link import is_id
from downloader.sources.drive.folder_view import FolderView
from downloader.sources.drive.key import DriveKey
from downloader.sources.drive.pages import PAGE_BYTES, DrivePage, links_of, title_of
from include.stand_ins import drive_pages as pages
from include.stand_ins.drive_files import FOLDER, SHORTCUT, file_id
from include.stand_ins.secrets import secret
from include.stand_ins.wire import Answer, Fault
from support.hostile_answers import ELSEWHERE, cases, damaged, mutated_json, mutated_markup, outcome
from support.hostile_server import HostileServer, answer
from support.restoring import FakeClock

pytestmark = [pytest.mark.timeout(110, method="thread"), pytest.mark.usefixtures("tried")]

KEY: Final = secret("hostile-drive-key")
RESOURCE_KEY: Final = secret("hostile-resource-key")
COOKIE: Final = secret("hostile-drive-cookie")
DATA: Final = bytes(range(256)) * 2
ID: Final = file_id("hostile")
NAME: Final = "sets/a.bin"
FILE: Final = answer(
    b"Content-Type: application/octet-stream\r\nContent-Disposition: attachment\r\nContent-Length: %d\r\n"
    b"Connection: close\r\n" % len(DATA),
    DATA,
)
POLICY: Final = RetryPolicy(attempts=1, clock=FakeClock().clock)


@pytest.fixture(autouse=True, scope="module")
def few_pages() -> Iterator[None]:
    """A list without an end is given up at its third page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drive_folder_api, "_MOST_PAGES", 3)
        yield


def access(server: HostileServer, key: str = "") -> DriveAccess:
    return DriveAccess(server.url, server.url, f"{server.url}/drive/v3", key, Timeouts(5, 5))


def source(server: HostileServer, key: str = "") -> tuple[DriveSource, RemoteFile]:
    file = RemoteFile(safe_path(NAME), len(DATA), str(DriveKey(ID, resource_key=RESOURCE_KEY)))
    return DriveSource(access(server, key), clock=FakeClock().clock), file


def body_of(page: Answer) -> bytes:
    return page.body[:]


def raw(page: Answer) -> bytes:
    return sent(body_of(page), page.status, page.headers.get("Content-Type", ""))


def sent(body: bytes, status: int = 200, kind: str = "text/html; charset=utf-8", more: bytes = b"") -> bytes:
    head = b"Content-Type: %b\r\nContent-Length: %d\r\nConnection: close\r\n" % (kind.encode(), len(body))
    return answer(more + head, body, b"%d X" % status)


def shown(fault: Fault) -> bytes:
    return body_of(fault(Answer(200, {})))


def is_google(address: tuple[str, int]) -> bool:
    host, port = address
    return port == 443 and (host in GOOGLE_HOSTS or host.endswith(".googleusercontent.com"))


# --- in place of a file -----------------------------------------------------------------------------------------------

HIDDEN: Final = {"id": ID, "export": "download", "confirm": "t", "uuid": "0-1", "at": "x"}
WARNINGS: Final = [
    body_of(page)
    for page in (
        pages.warning_page("a.bin", pages.form("download-form", "/download", "get", HIDDEN)),
        pages.warning_page("a.bin", pages.form("downloadForm", "/uc?export=download&confirm=t", "post", HIDDEN)),
        pages.warning_page("a.bin", pages.link(f"/uc?export=download&id={ID}&confirm=t")),
        pages.download_url(f"/download?id={ID}&confirm=t", bare=False),
        pages.download_url(f"/download?id={ID}&confirm=t", bare=True),
    )
]
REFUSALS: Final = [
    *(shown(pages.quota_exceeded(language=language)) for language in ("en", "de", "ja")),
    *(shown(fault) for fault in (pages.access_denied(), pages.too_many_requests())),
    *(body_of(page()) for page in (pages.missing, pages.native, pages.automated_queries)),
]
PLACES: Final = [
    f'{name}="{place}"'.encode() for name in ("action", "href", "value") for place in ELSEWHERE if '"' not in place
]
TAGS: Final = [
    *(
        b'<form id="download-form" action="http://169.254.169.254/">',
        b'<form id="download-form">',
        b"</form>",
        b"<form>",
    ),
    *(b'<input type="hidden" name="x" value="\r\nCookie: y">', b'<input type=hidden name="\xe4" value=1>'),
    *(
        b'<a href="//evil.example/?confirm=t&id=1">',
        b'"downloadUrl":"http:\\/\\/169.254.169.254"',
        b'"downloadUrl":"\\ud800"',
    ),
    *(
        b"<title>Quota exceeded</title>",
        b"<title>&#" + b"9" * 5_000 + b";</title>",
        b'<base href="http://evil.example/">',
    ),
]
ANY_PAGE: Final = st.one_of(*(mutated_markup(page, PLACES + TAGS) for page in [*WARNINGS, *WARNINGS, *REFUSALS]))
STATUSES: Final = st.sampled_from([200, 200, 200, 200, 403, 404, 429, 500])
KINDS: Final = st.sampled_from(["text/html; charset=utf-8", "text/html", "application/json", ""])


def test_any_page_for_a_file(server: HostileServer, tried: set[tuple[str, int]]) -> None:
    """Warnings are passed, and refusals are told."""
    cookie = b"Set-Cookie: download_warning_1=%s\r\n" % COOKIE.encode()
    seen: Counter[str] = Counter()

    @cases(800)
    @given(ANY_PAGE, STATUSES, KINDS)
    def take(page: bytes, status: int, kind: str) -> None:
        tried.clear()
        server.play(sent(page, status, kind, cookie), FILE)
        opens, file = source(server)
        found = outcome(lambda: b"".join(opens.open(file)))
        assert isinstance(found, DownloadError) or found == DATA
        assert all(is_google(address) for address in tried - {("127.0.0.1", server.port)})
        assert len(server.received) <= 3
        seen[type(found).__name__] += 1

    take()
    assert sum(seen.values()) >= 800
    assert seen["bytes"] >= 80
    assert {"QuotaExceeded", "AccessDenied", "ObjectNotFound", "ServerBusy"} <= seen.keys()


@cases(250)
@given(st.one_of(*map(damaged, [*WARNINGS, *REFUSALS])), st.sampled_from([200, 403]))
def test_any_bytes_for_a_file(server: HostileServer, page: bytes, status: int) -> None:
    server.play(sent(page, status), sent(page, status), FILE)
    opens, file = source(server)
    found = outcome(lambda: b"".join(opens.open(file)))
    assert isinstance(found, DownloadError) or found == DATA


@pytest.mark.parametrize("place", ELSEWHERE)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_form_that_leads_elsewhere_is_not_sent(
    server: HostileServer, tried: set[tuple[str, int]], place: str, method: str
) -> None:
    tried.clear()
    server.play(raw(pages.warning_page("a", pages.form("download-form", place, method, HIDDEN))), FILE)
    opens, file = source(server)
    assert isinstance(outcome(lambda: opens.open(file)), PermanentError)
    assert tried == {("127.0.0.1", server.port)}


@pytest.mark.parametrize(
    "reference", [b"&#" + b"9" * 5_000 + b";", b"&#x" + b"f" * 5_000 + b";", b"&#x110000;", b"&#0;"]
)
@pytest.mark.parametrize(
    "page", [b"<title>%b</title>", b'<form id="download-form" action="%b"></form>', b'<p class="%b">', b"<p>%b</p>"]
)
def test_a_character_that_there_is_not(server: HostileServer, page: bytes, reference: bytes) -> None:
    """Python refuses to read numbers of thousands of digits: a warning with one was a traceback."""
    server.play(sent(page % reference), sent(page % reference), sent(page % reference))
    opens, file = source(server)
    assert isinstance(outcome(lambda: opens.open(file)), DownloadError)


HURTING: Final = [
    *(
        b"<a>",
        b'<a "',
        b"<a '",
        b"<a b=",
        b'<a b="',
        b"<a b=\"'",
        b"<!--",
        b"<",
        b"</a",
        b"<![CDATA[",
        b"<?",
        b"<!a",
        b"&#",
    ),
    *(
        b"<title",
        b"<title>",
        b"<form>",
        b'"downloadUrl":',
        b'"downloadUrl":"',
        b'"downloadUrl":"\\',
        b"a=",
        b"<a href=",
        b" ",
    ),
    b'<a href="https://drive.google.com/drive/folders/%b">' % ID.encode(),
]


@pytest.mark.parametrize("unit", HURTING)
def test_no_page_takes_long(unit: bytes) -> None:
    """A megabyte of each. A parser that goes back over what it has read would take hours, so no clock is needed."""
    text = (b"<title>t</title>" + unit * (PAGE_BYTES // len(unit)))[:PAGE_BYTES].decode()
    page = DrivePage(text)
    assert not page.is_quota
    assert not page.is_infected
    assert page.way_on() is None or unit.startswith((b"<form", b'"download'))
    assert title_of(text) == "t"
    assert len(links_of(text, 1_000)) <= 1_000


# --- the API ----------------------------------------------------------------------------------------------------------

RECORD: Final[dict[str, Any]] = {
    "id": ID,
    "name": "a.bin",
    "size": str(len(DATA)),
    "mimeType": "application/octet-stream",
    "md5Checksum": "0" * 32,
    "sha256Checksum": "0" * 64,
}
ERROR: Final = {
    "error": {"code": 403, "message": "No.", "errors": [{"reason": "rateLimitExceeded", "domain": "usage"}]}
}
REASONS: Final = [
    "rateLimitExceeded",
    "downloadQuotaExceeded",
    "cannotDownloadAbusiveFile",
    "notFound",
    "badRequest",
    "x",
]


def with_reason(reason: str) -> dict[str, Any]:
    return {"error": {**ERROR["error"], "errors": [{"reason": reason}]}}


@cases(400)
@given(mutated_json(RECORD), st.sampled_from([200, 200, 200, 403]))
def test_any_record_of_a_file(server: HostileServer, record: bytes, status: int) -> None:
    server.play(sent(record, status, "application/json"))
    asks, file = source(server, KEY)
    found = outcome(lambda: asks.describe(file))
    if not isinstance(found, DownloadError):
        assert found.size == len(DATA)
        assert all(len(checksum.value) in (32, 64) for checksum in found.checksums)


@cases(300)
@given(
    st.one_of(*(mutated_json(with_reason(reason)) for reason in REASONS)),
    st.sampled_from([400, 403, 429]),
)
def test_any_refusal_of_a_file(server: HostileServer, error: bytes, status: int) -> None:
    server.play(*[sent(error, status, "application/json")] * 3)
    asks, file = source(server, KEY)
    assert isinstance(outcome(lambda: asks.open(file)), DownloadError)
    assert len(server.received) <= 2


@pytest.mark.parametrize("name", ["size", "mimeType", "md5Checksum", "sha256Checksum"])
def test_json_that_is_deeper_than_pythons_stack_is_no_text(name: str) -> None:
    deep: list[Any] = []
    for _ in range(1_000):
        deep = [deep]
    found = record_of({**RECORD, name: deep})
    assert found.size in (None, len(DATA))


# --- folders ----------------------------------------------------------------------------------------------------------

TOP: Final = DriveKey(file_id("top"))
LINKS: Final = [
    (ID, "a.bin", f"https://drive.google.com/file/d/{ID}/view"),
    (file_id("sub"), "a folder", f"https://drive.google.com/drive/folders/{file_id('sub')}"),
    (file_id("doc"), "a document", f"https://docs.google.com/document/d/{file_id('doc')}/edit"),
    (file_id("form"), "a form", f"https://docs.google.com/forms/d/{file_id('form')}/edit"),
]
VIEW: Final = body_of(pages.folder_view("A & B", LINKS))
NAMES: Final = [
    b">../../x<",
    b">\x1b[2J<",
    b">" + b"x" * 100_000 + b"<",
    b">&#" + b"9" * 5_000 + b";<",
    b"><",
    b">\xff<",
]


def walked(reader: FolderView | FolderByKey) -> FolderListing | DownloadError:
    return outcome(lambda: list_folder(reader, TOP, Bounds(depth=4, files=50, folders=4)))


def is_sound(entry: FolderEntry) -> bool:
    return entry.kind is Kind.NO_BYTES or is_id(entry.key.id)


@cases(250)
@given(mutated_markup(VIEW, [*NAMES, *PLACES]) | damaged(VIEW))
def test_any_page_for_a_folder(server: HostileServer, page: bytes) -> None:
    server.play()
    server.otherwise = lambda request: sent(page)
    found = walked(FolderView(access(server), POLICY))
    if not isinstance(found, DownloadError):
        assert all(map(is_sound, (*found.files, *found.left_out)))


@pytest.mark.parametrize("unit", HURTING)
def test_no_folders_page_takes_long(server: HostileServer, unit: bytes) -> None:
    """`html.parser` takes ten seconds for 32 KiB of some of these, and minutes for 64."""
    page = b"<title>t</title>" + unit * (PAGE_BYTES // 4 // len(unit))
    server.play()
    server.otherwise = lambda request: sent(page)
    walked(FolderView(access(server), POLICY))


LIST: Final = {
    "nextPageToken": "more",
    "files": [
        RECORD,
        {"id": file_id("sub"), "name": "sub", "mimeType": FOLDER, "resourceKey": "0-abc"},
        {
            "id": file_id("cut"),
            "name": "a shortcut",
            "mimeType": SHORTCUT,
            "shortcutDetails": {"targetId": ID, "targetMimeType": "text/plain", "targetResourceKey": "0-abc"},
        },
    ],
}
OF_FOLDER: Final = {"id": TOP.id, "name": "top", "mimeType": FOLDER}


@cases(350)
@given(mutated_json(LIST), mutated_json(OF_FOLDER) | st.just(b""))
def test_any_list_of_a_folder(server: HostileServer, page: bytes, folder: bytes) -> None:
    def take(request: bytes) -> bytes:
        usual = b'{"id": "x", "name": "top", "mimeType": "%b"}' % FOLDER.encode()
        return sent(page if b"/files?" in request else folder or usual, 200, "application/json")

    server.play()
    server.otherwise = take
    found = walked(FolderByKey(access(server, KEY), POLICY))
    if not isinstance(found, DownloadError):
        assert all(map(is_sound, (*found.files, *found.left_out)))
    assert all(b"X-Goog-Api-Key: " + KEY.encode() in request for request in server.received)


def test_a_folder_of_endless_names_is_told_in_a_sentence(server: HostileServer) -> None:
    """Ten folders one in another, each called by thirty thousand characters."""
    server.play()
    server.otherwise = lambda request: sent(
        pages_of_one(f"https://drive.google.com/drive/folders/{file_id(str(len(server.received)))}", "x" * 30_000)
    )
    found = outcome(lambda: list_folder(FolderView(access(server), POLICY), TOP, Bounds(depth=10)))
    assert isinstance(found, PermanentError)


def pages_of_one(address: str, name: str) -> bytes:
    return body_of(pages.folder_view("t", [("x", name, address)]))


def test_what_is_asked_for_shows_no_key() -> None:
    assert RESOURCE_KEY not in str(Wanted(DriveKey(ID, resource_key=RESOURCE_KEY), NAME, "page"))
