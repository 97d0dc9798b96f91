"""The Drive source against the stand-in: what it asks for, what it takes for the file, and what it says of the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from downloader.checksums import Checksum
from downloader.errors import (
    AccessDenied,
    DownloadError,
    Misconfigured,
    ObjectChanged,
    ObjectNotFound,
    RangeRefused,
    ServerBusy,
    SizeMismatch,
)
from downloader.paths import SafePath
from downloader.remote_file import RemoteFile
from downloader.source import Timeouts
from downloader.sources.drive import DriveAccess, DriveSource
from downloader.sources.drive.access import GOOGLE_HOSTS
from downloader.sources.drive.key import DriveKey
from downloader.sources.http.answer import HttpStream
from downloader.sources.http.request import Hosts
from downloader.transfer.streaming import open_checked
from include.stand_ins.drive_pages import (
    captcha,
    consent_page,
    downloads_forbidden,
    html_page,
    unknown_error,
)
from include.stand_ins.drive_server import (
    DriveFile,
    DriveServer,
    Form,
    ScanWarning,
    access_denied,
    api_error,
    automated_queries,
    file_id,
    login,
    missing,
    quota_exceeded,
    redirect_to,
    too_many_requests,
)
from include.stand_ins.secrets import secret
from include.stand_ins.wire import Answer, Fault, ignore_range, refuse, without
from support.restoring import FakeClock, content
from support.secret_search import bears_secret

RESOURCE_KEY = secret("resource")
BODY = content(600_000, 7)
ID = file_id("fan")
DOCUMENT = "application/vnd.google-apps.document"
PAGE = f"/file/d/{ID}/view"


class Reader:
    """One file of the stand-in, and a source to read it by."""

    def __init__(self, drive: DriveServer, clock: FakeClock) -> None:
        self.drive = drive
        self.clock = clock
        self.file = RemoteFile(SafePath("events/fan.dat"), len(BODY), ID)
        self.keyless = self.source()

    def source(self, key: str = "", *, checksums: bool = True) -> DriveSource:
        access = DriveAccess(self.drive.web_url, self.drive.download_url, self.drive.api_url, key, Timeouts(5, 5))
        return DriveSource(access, clock=self.clock.clock, checksums=checksums)

    @property
    def keyed(self) -> DriveSource:
        return self.source(self.drive.api_key)

    def read(self, source: DriveSource | None = None, start: int = 0, stop: int | None = None) -> bytes:
        stream = (source or self.keyless).open(self.file, start, stop)
        try:
            assert stream.start == start
            return b"".join(stream)
        finally:
            stream.close()

    def refused(self, source: DriveSource | None = None, start: int = 0) -> DownloadError:
        error = refusal(lambda: (source or self.keyless).open(self.file, start))
        assert self.drive.api_key not in str(error)
        return error

    @property
    def asked(self) -> list[str]:
        return [one.uri for one in self.drive.requests]


def refusal(action: Callable[[], object]) -> DownloadError:
    with pytest.raises(DownloadError) as caught:
        action()
    assert caught.value.__cause__ is None
    assert not any(word in str(caught.value) for word in ("uuid", "confirm="))
    assert not bears_secret(str(caught.value))
    return caught.value


@pytest.fixture
def reader(drive: DriveServer, clock: FakeClock) -> Reader:
    drive.add(DriveFile(ID, "fan.dat", BODY))
    return Reader(drive, clock)


# --- without a key ----------------------------------------------------------------------------------------------------


def test_a_small_file_is_one_request(reader: Reader) -> None:
    assert reader.read() == BODY
    assert reader.asked == [f"/download?id={ID}&export=download"]


def test_a_resource_key_is_sent(reader: Reader) -> None:
    reader.file = replace(reader.file, key=f"{ID}?resourcekey={RESOURCE_KEY}")
    assert reader.read() == BODY
    assert reader.drive.requests[0].query == {"id": ID, "export": "download", "resourcekey": RESOURCE_KEY}
    reader.read(reader.keyed)
    by_key = reader.drive.requests[1]
    assert by_key.headers["x-goog-drive-resource-keys"] == f"{ID}/{RESOURCE_KEY}"
    assert not bears_secret(by_key.uri)
    reader.drive.script(ID, missing, api_error(404, "notFound"))
    assert not bears_secret(str(reader.refused()) + str(reader.refused(reader.keyed)))


def test_a_file_without_a_length_is_normal(reader: Reader) -> None:
    reader.drive.add(DriveFile(ID, "fan.dat", BODY, announces_length=False))
    stream = reader.keyless.open(reader.file)
    assert stream.size is None
    assert b"".join(stream) == BODY
    assert reader.read(start=500_000) == BODY[500_000:]


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("needs_cookie", [None, True])
@pytest.mark.parametrize("span", [(0, None), (1000, None), (1000, 5000)])
def test_every_form_of_the_warning_is_passed(
    reader: Reader, form: Form, needs_cookie: bool | None, span: tuple[int, int | None]
) -> None:
    hidden = {"at": "A&B=:1", "authuser": "0"}
    warning = ScanWarning(form, needs_uuid=form in {Form.GET, Form.POST}, hidden=hidden, cookie=needs_cookie)
    reader.drive.add(DriveFile(ID, "fan.dat", BODY, warning=warning))
    assert reader.read(None, *span) == BODY[slice(*span)]
    assert len(reader.drive.requests) == 2


def test_all_named_inputs_are_sent_back(reader: Reader) -> None:
    warning = ScanWarning(plain={"at": "A&B=:1", "authuser": ""}, hidden={"jsid": "x"})
    reader.drive.add(DriveFile(ID, "fan.dat", BODY, warning=warning))
    assert reader.read() == BODY
    sent = reader.drive.requests[-1].query
    assert sent.keys() == {"export", "id", "confirm", "uuid", "jsid", "at", "authuser"}


def test_a_warning_that_bears_the_class_of_an_error_is_passed(reader: Reader) -> None:
    reader.drive.add(DriveFile(ID, "fan.dat", BODY, warning=ScanWarning(as_error=True)))
    assert reader.read() == BODY


def test_a_cookie_alone_is_enough_of_a_way_on(reader: Reader) -> None:
    reader.drive.add(DriveFile(ID, "fan.dat", BODY, warning=ScanWarning(Form.LINK)))
    token = reader.drive.add(DriveFile(ID, "fan.dat", BODY, warning=ScanWarning(Form.LINK)))
    cookie = f"{token.cookie}={token.token}; Path=/"
    reader.drive.script(f"warning {ID}", lambda _: html_page("Warnung", "<p>Weiter?</p>", Set_Cookie=cookie))
    assert reader.read() == BODY


def test_a_warning_that_was_passed_is_not_met_again(reader: Reader) -> None:
    reader.drive.add(DriveFile(ID, "fan.dat", BODY, warning=ScanWarning(cookie=True)))
    assert [reader.read(start=at) for at in (0, 10, 20)] == [BODY, BODY[10:], BODY[20:]]
    assert len(reader.drive.requests) == 4
    assert len({request.headers.get("cookie") for request in reader.drive.requests[1:]}) == 1


@pytest.mark.parametrize("over", [refuse(400), refuse(403), lambda answer: html_page("Expired", "")])
def test_a_passed_warning_that_holds_no_longer_is_passed_anew(reader: Reader, over: Fault) -> None:
    reader.drive.add(DriveFile(ID, "fan.dat", BODY, warning=ScanWarning()))
    reader.read()
    reader.drive.script(ID, over)
    assert reader.read(start=10) == BODY[10:]
    assert len(reader.drive.requests) == 5


def test_a_server_that_is_busy_does_not_undo_a_passed_warning(reader: Reader) -> None:
    reader.drive.add(DriveFile(ID, "fan.dat", BODY, warning=ScanWarning()))
    reader.read()
    reader.drive.script(ID, too_many_requests(), refuse(503))
    assert isinstance(reader.refused(), ServerBusy)
    assert isinstance(reader.refused(), ServerBusy)
    assert reader.read() == BODY
    assert len(reader.drive.requests) == 5


def test_a_range_behind_the_end_does_not_undo_a_passed_warning(reader: Reader) -> None:
    reader.drive.add(DriveFile(ID, "fan.dat", BODY, warning=ScanWarning()))
    reader.read()
    assert isinstance(reader.refused(start=len(BODY)), SizeMismatch)
    assert len(reader.drive.requests) == 3


def test_warnings_without_end_are_given_up(reader: Reader) -> None:
    reader.drive.add(DriveFile(ID, "fan.dat", BODY, warning=ScanWarning(hidden={"at": "x"})))
    page = f'<form id="download-form" action="/download"><input type="hidden" name="id" value="{ID}"></form>'
    reader.drive.script(f"warning {ID}", *[lambda _: html_page("Warning", page)] * 9)
    error = reader.refused()
    assert "again and again" in str(error)
    assert not error.retryable
    assert len(reader.drive.requests) == 3


@pytest.mark.parametrize("action", ["https://evil.example/take", "http://drive.google.com/uc", "javascript:alert(1)"])
def test_a_warning_that_leads_elsewhere_is_not_followed(reader: Reader, action: str) -> None:
    reader.drive.add(DriveFile(ID, "fan.dat", BODY, warning=ScanWarning()))
    page = f'<form id="download-form" action="{action}"><input type="hidden" name="confirm" value="t"></form>'
    reader.drive.script(f"warning {ID}", lambda _: html_page("Warning", page))
    error = reader.refused()
    assert not error.retryable
    assert len(reader.drive.requests) == 1


@pytest.mark.parametrize("action", ["https://[", "x" * 20_000, "/uc?" + "a=b&" * 200])
def test_a_warning_with_a_broken_address_is_a_page(reader: Reader, action: str) -> None:
    page = f'<form id="download-form" action="{action}"></form>'
    reader.drive.script(ID, lambda _: html_page("Warning", page))
    assert "sent a page in place of" in str(reader.refused())


def test_html_is_never_the_file_and_an_html_file_is(reader: Reader) -> None:
    page = b"<html><title>Google Drive - Access Denied</title>" + BODY
    reader.drive.add(DriveFile(ID, "fan.html", page, mime="text/html; charset=utf-8"))
    reader.file = replace(reader.file, size=len(page))
    assert reader.read() == page
    reader.drive.script(ID, without("Content-Disposition"))
    assert "not shared" in str(reader.refused())


@pytest.mark.parametrize("kind", ["text/html", "TEXT/HTML;charset=x", "application/xhtml+xml", "application/json", ""])
def test_what_passes_for_a_page(reader: Reader, kind: str) -> None:
    def as_page(answer: Answer) -> Answer:
        return replace(answer, headers={"Content-Type": kind})

    reader.drive.script(ID, as_page)
    assert f"open {reader.drive.url}{PAGE} by hand" in str(reader.refused())


def test_a_page_is_not_read_to_the_end(reader: Reader) -> None:
    huge = "x" * 3_000_000 + '<form id="download-form" action="/x"></form>'
    reader.drive.script(ID, lambda _: html_page("Huge", huge))
    assert "sent a page in place of" in str(reader.refused())


def test_documents_are_exported(reader: Reader) -> None:
    reader.drive.add(DriveFile(ID, "notes", BODY, mime=DOCUMENT))
    error = reader.refused()
    assert error.retryable
    assert '"export"' in str(error)
    reader.file = replace(reader.file, size=None, key=f"{ID}?export=docx")
    for source in (reader.keyless, reader.keyed):
        assert reader.read(source) == BODY
        assert reader.drive.requests[-1].uri == f"/document/d/{ID}/export?format=docx"
        assert isinstance(refusal(lambda source=source: source.open(reader.file, 10)), RangeRefused)  # type: ignore[misc]
    assert reader.keyed.describe(reader.file) == reader.file


def test_an_export_of_another_kind_is_missing(reader: Reader) -> None:
    reader.drive.add(DriveFile(ID, "notes", BODY, mime=DOCUMENT))
    reader.file = replace(reader.file, size=None, key=f"{ID}?export=xlsx")
    assert isinstance(reader.refused(), ObjectNotFound)


def test_where_documents_are_exported() -> None:
    assert DriveAccess().docs_url == "https://docs.google.com"
    assert DriveAccess(web_url="http://127.0.0.1:1/").docs_url == "http://127.0.0.1:1"


QUOTA = (
    "Quota exceeded: the download quota of events/fan.dat at Google Drive is exceeded; "
    "it will be retried on the next run (up to 24 hours may be needed), or open {page} by hand"
)
PRIVATE = (
    "Access denied: events/fan.dat is not shared with everyone; "
    "ask its owner to share it with anyone who has the link, or open {page} by hand"
)
MISSING = (
    "Not found: Google Drive has no events/fan.dat, or does not share it with everyone; "
    "correct its id in the manifest, or ask its owner to share it; {page} would be its page"
)
LOGIN = (
    "Access denied: Google Drive asks for a login before it gives out events/fan.dat; "
    "ask its owner to share it with anyone who has the link, or open {page} by hand to see why"
)
FORBIDDEN = (
    "Access denied: the owner of events/fan.dat does not allow viewers to download it; "
    "ask its owner to allow viewers to download it; it is at {page}"
)
NO_REASON = (
    "Access denied: Google Drive refused the request for events/fan.dat and gave no reason (403); "
    "open {page} by hand: if that asks for a login, ask its owner to share it"
)
CONSENT = (
    "Refused: Google asks for consent to its terms before it gives out events/fan.dat; "
    "use an API key, or another network; {page} opened by hand shows what Google asks for"
)
ROBOT = (
    "Server busy: Google has had too many requests from this network for now, and refused that for events/fan.dat as a "
    "robot's; run it again later, with a lower concurrency; what is already there is kept"
)
THROTTLED = (
    "Server busy: Google Drive has had too many requests for now, and refused that for events/fan.dat; "
    "run it again later, with a lower concurrency; what is already there is kept"
)
INFECTED = (
    "Refused: Google Drive takes events/fan.dat for malware or spam and does not give it out; "
    "ask its owner for another copy, or open {page} by hand"
)
UNKNOWN = (
    'Refused: Google Drive sent an error page in place of events/fan.dat, titled "Google Drive - Hitilafu"; '
    "open {page} by hand to see what it says"
)
UNKNOWN_403 = (
    'Access denied: Google Drive refused the request for events/fan.dat with a page titled "Hitilafu" (403); '
    "open {page} by hand: if that asks for a login, ask its owner to share it"
)
NO_BYTES = (
    "Refused: events/fan.dat is a Google document or a shortcut, which has no bytes of its own; "
    'set "export" of its entry in the manifest to docx, xlsx or pptx, or open {page} by hand'
)
KEY_REFUSED = (
    "Wrong settings: Google Drive refused the API key when events/fan.dat was requested: "
    "Google does not know the API key; correct the API key where it is set"
)
NOT_ENABLED = (
    "Wrong settings: Google Drive refused the API key when events/fan.dat was requested: "
    "the Drive API is not enabled for the project of the API key; "
    "enable the Google Drive API in Google Cloud's console, under APIs & Services, Library"
)
KEY_USED_UP = (
    "Quota exceeded: the API key's quota for today was used up when events/fan.dat was asked for; "
    "it will be retried on the next run, from tomorrow on; or open {page} by hand"
)
BUSY = "Server busy: 127.0.0.1 answered 503 for events/fan.dat; run it again; what is already there is kept"

INFECTED_PAGE = html_page("Google Drive - Infected file", '<p class="uc-error-caption">Sorry</p>')

ON_THE_WEB: dict[str, tuple[Fault, str]] = {
    "quota": (quota_exceeded(), QUOTA),
    "quota, 403": (quota_exceeded(403), QUOTA),
    "quota, 429, in German": (quota_exceeded(429, "de"), QUOTA),
    "quota in Japanese": (quota_exceeded(200, "ja"), QUOTA),
    "infected": (lambda _: INFECTED_PAGE, INFECTED),
    "login": (login(), PRIVATE),
    "access denied": (access_denied(), PRIVATE),
    "access denied, 403": (access_denied(403), PRIVATE),
    "401": (refuse(401), LOGIN),
    "403 without a page": (refuse(403), NO_REASON),
    "403 with an unknown page": (lambda _: html_page("Hitilafu", "<p>Samahani</p>", 403), UNKNOWN_403),
    "a link to the login": (
        lambda _: html_page("X", "<a href='https://accounts.google.com/ServiceLogin?x'>Anmelden</a>"),
        LOGIN,
    ),
    "the owner forbids downloads": (downloads_forbidden(), FORBIDDEN),
    "the owner forbids downloads, in German": (downloads_forbidden("de"), FORBIDDEN),
    "the owner forbids downloads, by the text": (downloads_forbidden("text"), FORBIDDEN),
    "an error in words that nobody knows": (unknown_error("Google Drive - Hitilafu"), UNKNOWN),
    "a redirect to consent": (redirect_to(f"https://consent.google.de/ml?continue={secret('consent')}"), CONSENT),
    "a page of consent": (consent_page, CONSENT),
    "missing": (missing, MISSING),
    "too many requests": (too_many_requests(), THROTTLED),
    "automated queries": (automated_queries, ROBOT),
    "robot check": (redirect_to(f"https://www.google.com/sorry/index?continue={secret('sorry')}"), ROBOT),
    "robot check in another language": (captcha(), ROBOT),
    "503": (refuse(503), BUSY),
}


@pytest.mark.parametrize("behind_the_warning", [False, True])
@pytest.mark.parametrize("what", ON_THE_WEB)
def test_what_goes_wrong_on_the_web(reader: Reader, what: str, behind_the_warning: bool) -> None:
    fault, message = ON_THE_WEB[what]
    warning = ScanWarning() if behind_the_warning else None
    reader.drive.add(
        DriveFile(ID, "fan.dat", BODY, warning=warning, problem=fault, problem_after_warning=behind_the_warning)
    )
    error = reader.refused()
    assert str(error) == message.format(page=f"{reader.drive.url}{PAGE}")
    assert len(reader.drive.requests) == 1 + behind_the_warning


def test_the_page_to_open_by_hand_is_googles() -> None:
    assert DriveAccess().page(DriveKey(ID, "docx")) == f"https://drive.google.com/file/d/{ID}/view"


def test_a_redirect_to_another_host_is_refused_by_name(reader: Reader) -> None:
    reader.drive.script(ID, redirect_to("https://evil.example/take"))
    error = reader.refused()
    assert not error.retryable
    assert "evil.example" in str(error)


@pytest.mark.parametrize("retry_after", ["", "20"])
@pytest.mark.parametrize("fault", [too_many_requests, lambda _: automated_queries])
def test_one_that_is_throttled_slows_all(
    reader: Reader, clock: FakeClock, fault: Callable[[str], Fault], retry_after: str
) -> None:
    other = file_id("other")
    reader.drive.add(DriveFile(other, "other.dat", BODY))
    reader.drive.script(ID, fault(retry_after))
    asked = 20.0 if retry_after and fault is too_many_requests else None
    assert reader.refused().retry_after == asked
    assert clock.waited == 0
    reader.keyless.open(replace(reader.file, key=other)).close()
    assert clock.waited == (asked or pytest.approx(0.75, abs=0.25))
    before = clock.waited
    assert reader.read() == BODY
    assert clock.waited == before
    reader.drive.script(ID, too_many_requests())
    reader.refused()
    assert reader.read() == BODY
    assert clock.waited - before < 1, "it has not recovered"


# --- the answer is not the planned file -------------------------------------------------------------------------------


def test_another_size_is_told_before_a_byte_is_read(reader: Reader) -> None:
    reader.file = replace(reader.file, size=5)
    for source in (reader.keyless, reader.keyed):
        error = reader.refused(source)
        assert isinstance(error, SizeMismatch)
        assert str(error).startswith(
            "Size mismatch: events/fan.dat has 600000 bytes at Google Drive, the manifest says 5;"
        )
    with pytest.raises(SizeMismatch, match="the manifest says 5"):
        reader.keyed.describe(reader.file)


def test_the_answer_of_another_size_is_closed(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[HttpStream] = []

    def close(stream: HttpStream) -> None:
        closed.append(stream)

    monkeypatch.setattr(HttpStream, "close", close)
    reader.file = replace(reader.file, size=5)
    for source in (reader.keyless, reader.keyed):
        reader.refused(source)
    assert len(closed) == 2


def test_a_range_that_is_not_granted_is_refused(reader: Reader) -> None:
    reader.drive.script(ID, ignore_range)
    assert isinstance(reader.refused(start=10), RangeRefused)


def test_a_range_behind_the_end_is_a_wrong_size(reader: Reader) -> None:
    for source in (reader.keyless, reader.keyed):
        assert isinstance(reader.refused(source, start=len(BODY)), SizeMismatch)


def test_the_etag_is_held_to_where_there_is_one(reader: Reader) -> None:
    def tagged(answer: Answer) -> Answer:
        return replace(answer, headers={**answer.headers, "ETag": '"new"'})

    reader.drive.script(ID, tagged, tagged, tagged)
    assert reader.keyless.open(reader.file).etag == "new"
    reader.file = replace(reader.file, etag="new")
    assert reader.read() == BODY
    reader.file = replace(reader.file, etag="old")
    assert isinstance(refusal(lambda: open_checked(reader.keyless, reader.file)), ObjectChanged)


# --- with a key -------------------------------------------------------------------------------------------------------


def test_the_key_is_sent_as_a_header_alone(reader: Reader) -> None:
    assert reader.read(reader.keyed, 10, 20) == BODY[10:20]
    (request,) = reader.drive.requests
    assert request.headers["x-goog-api-key"] == reader.drive.api_key
    assert request.query == {"alt": "media", "supportsAllDrives": "true"}
    assert request.path == f"/drive/v3/files/{ID}"
    assert reader.drive.api_key not in repr(DriveAccess(key=reader.drive.api_key))


def test_the_key_describes_the_file(reader: Reader) -> None:
    known = reader.keyed.describe(reader.file)
    assert reader.keyed.capabilities.describes
    assert [checksum.algorithm for checksum in known.checksums] == ["sha256", "md5"]
    assert replace(known, checksums=()) == reader.file
    assert reader.keyed.describe(replace(reader.file, size=None)).size == len(BODY)
    assert reader.source(reader.drive.api_key, checksums=False).describe(reader.file) == reader.file


def test_what_the_manifest_says_comes_first(reader: Reader) -> None:
    own = Checksum("sha256", "0" * 64)
    assert reader.keyed.describe(replace(reader.file, checksums=(own,))).checksums[0] == own


def test_without_a_key_no_more_is_known(reader: Reader) -> None:
    assert not reader.keyless.capabilities.describes
    assert reader.keyless.describe(reader.file) is reader.file
    assert reader.asked == []


@pytest.mark.parametrize(
    ("fields", "mime"),
    [
        ({"sha256Checksum": None, "md5Checksum": None}, "text/plain"),
        ({"sha256Checksum": "xyz", "md5Checksum": "0" * 31}, "text/plain"),
        ({"size": "-5", "sha256Checksum": None, "md5Checksum": None}, "text/plain"),
        ({"size": "9" * 30, "sha256Checksum": None, "md5Checksum": None}, "text/plain"),
    ],
)
def test_what_cannot_be_believed_is_left_out(reader: Reader, fields: dict[str, str | None], mime: str) -> None:
    reader.drive.add(DriveFile(ID, "fan.dat", BODY, mime=mime, api_fields=fields))
    assert reader.keyed.describe(reader.file) == reader.file


@pytest.mark.parametrize("body", [b"", b"[]", b"[" * 100_000, b"\xff", b'{"error": 5}', b'{"size": [1]}'])
def test_an_answer_that_is_no_record_tells_nothing(reader: Reader, body: bytes) -> None:
    reader.drive.script(f"meta {ID}", refuse(200, body))
    assert reader.keyed.describe(reader.file) == reader.file


@pytest.mark.parametrize("body", [b"", b"[]", b"[" * 100_000, b'{"error": {"errors": [5]}}', b'{"error": []}'])
def test_an_error_that_says_nothing_goes_by_its_status(reader: Reader, body: bytes) -> None:
    reader.drive.script(ID, refuse(503, body), refuse(404, body), refuse(403, body), refuse(429, body))
    source = reader.keyed
    kinds = [type(reader.refused(source)) for _ in range(4)]
    assert kinds == [ServerBusy, ObjectNotFound, AccessDenied, ServerBusy]


def test_a_flagged_file_is_acknowledged_once(reader: Reader) -> None:
    reader.drive.add(DriveFile(ID, "fan.dat", BODY, abusive=True))
    source = reader.keyed
    assert [reader.read(source), reader.read(source, 10)] == [BODY, BODY[10:]]
    assert ["acknowledgeAbuse" in one.query for one in reader.drive.requests] == [False, True, True]


BY_KEY: dict[str, tuple[Fault, str]] = {
    "rate": (api_error(403, "rateLimitExceeded"), THROTTLED),
    "user rate": (api_error(403, "userRateLimitExceeded"), THROTTLED),
    "429": (api_error(429, "rateLimitExceeded"), THROTTLED),
    "429 without a reason": (refuse(429), THROTTLED),
    "503": (api_error(503, "backendError"), BUSY),
    "gone": (api_error(404, "notFound"), MISSING),
    "quota": (api_error(403, "downloadQuotaExceeded"), QUOTA),
    "quota, 429": (api_error(429, "downloadQuotaExceeded"), QUOTA),
    "abusive": (api_error(403, "cannotDownloadAbusiveFile"), INFECTED),
    "day": (api_error(403, "dailyLimitExceeded"), KEY_USED_UP),
    "bad key": (api_error(400, "badRequest", "API key not valid."), KEY_REFUSED),
    "not enabled": (api_error(403, "accessNotConfigured"), NOT_ENABLED),
    "private": (api_error(403, "insufficientFilePermissions"), PRIVATE),
    "401": (api_error(401, "authError"), LOGIN),
    "the owner forbids downloads": (api_error(403, "cannotDownloadFile"), FORBIDDEN),
    "a check for robots": (automated_queries, ROBOT),
    "a check for robots in another language": (captcha(), ROBOT),
    "a redirect to a check for robots": (redirect_to("https://www.google.co.uk/sorry/index?q=x"), ROBOT),
    "consent": (redirect_to("https://consent.google.fr/ml"), CONSENT),
    "403 without a reason": (refuse(403), NO_REASON),
    "no bytes": (api_error(403, "fileNotDownloadable"), NO_BYTES),
}


@pytest.mark.parametrize("what", BY_KEY)
def test_what_goes_wrong_by_key(reader: Reader, what: str) -> None:
    fault, message = BY_KEY[what]
    reader.drive.add(DriveFile(ID, "fan.dat", BODY, api_problem=fault))
    error = reader.refused(reader.keyed)
    assert str(error) == message.format(page=f"{reader.drive.url}{PAGE}")
    assert len(reader.drive.requests) == (2 if what == "abusive" else 1)


OF_THE_KEY = {
    "API_KEY_INVALID": "Google does not know the API key",
    "API_KEY_SERVICE_BLOCKED": "the API key is restricted to other APIs than Drive's",
    "API_KEY_HTTP_REFERRER_BLOCKED": "the API key is restricted to certain web sites",
    "API_KEY_IP_ADDRESS_BLOCKED": "the API key is restricted to IP addresses, and that of this machine is",
    "API_KEY_ANDROID_APP_BLOCKED": "the API key is restricted to certain Android apps",
    "API_KEY_IOS_APP_BLOCKED": "the API key is restricted to certain iOS apps",
    "API_KEY_SOMETHING_NEW": "the reason is API_KEY_SOMETHING_NEW",
    "SERVICE_DISABLED": "the Drive API is not enabled for the project of the API key",
    "CONSUMER_SUSPENDED": "the project of the API key is suspended",
    "CONSUMER_INVALID": "the project of the API key does not exist, or may not use the Drive API",
    "BILLING_DISABLED": "billing is disabled for the project of the API key",
}


@pytest.mark.parametrize("detail", OF_THE_KEY)
def test_what_is_wrong_with_the_key_is_told(reader: Reader, detail: str) -> None:
    reader.drive.add(DriveFile(ID, "fan.dat", BODY, api_problem=api_error(403, "forbidden", detail=detail)))
    error = reader.refused(reader.keyed)
    assert isinstance(error, Misconfigured)
    assert f"refused the API key when events/fan.dat was requested: {OF_THE_KEY[detail]}" in error.what
    assert not error.retryable


OTHER_REASONS: dict[str, tuple[Fault, str]] = {
    "expired": (api_error(400, "badRequest", "API key expired. Please renew the API key."), "the API key has expired"),
    "expired, old": (api_error(400, "keyExpired"), "the API key has expired"),
    "no key arrived": (
        api_error(403, "dailyLimitExceededUnreg"),
        "Google takes the request for one without a key",
    ),
    "unregistered": (
        api_error(
            403, "forbidden", "Method doesn't allow unregistered callers (callers without established identity)."
        ),
        "Google takes the request for one without a key",
    ),
    "address or site": (api_error(403, "ipRefererBlocked"), "the API key is restricted to certain IP addresses or web"),
    "a quota": (
        api_error(403, "quotaExceeded"),
        "a quota of the API key or of events/fan.dat at Google Drive is exceed",
    ),
    "app": (api_error(403, "appNotAuthorizedToFile"), "events/fan.dat is not shared with the project of the API key"),
    "domain": (api_error(403, "domainPolicy"), "a rule of the organisation that events/fan.dat belongs to forbids"),
    "shared drive": (
        api_error(403, "teamDriveMembershipRequired"),
        "a rule of the shared drive that events/fan.dat is in forbids the request (teamDriveMembershipRequired)",
    ),
    "export": (api_error(403, "exportSizeLimitExceeded"), "events/fan.dat is a Google document that is too large"),
    "unknown": (
        api_error(403, "brandNewReason"),
        'Google Drive refused the request for events/fan.dat for the reason "brandNewReason" (403)',
    ),
    "unknown, exact": (
        api_error(403, "forbidden", detail="BRAND_NEW"),
        'Google Drive refused the request for events/fan.dat for the reason "BRAND_NEW" (403)',
    ),
    "unknown, 400": (
        api_error(400, "invalidParameter", "Invalid value"),
        'Google Drive refused the request for events/fan.dat for the reason "invalidParameter" (400)',
    ),
    "unknown, hostile": (
        api_error(403, "a\nFAILURE - b; \u202e<x>" + "y" * 500),
        f'Google Drive refused the request for events/fan.dat for the reason "a_FAILURE_-_b_x_{"y" * 43}',
    ),
    "nothing": (refuse(400), "Google Drive refused the request for events/fan.dat and gave no reason (400)"),
}


@pytest.mark.parametrize("what", OTHER_REASONS)
def test_each_reason_is_told_as_what_it_is(reader: Reader, what: str) -> None:
    fault, sentence = OTHER_REASONS[what]
    reader.drive.add(DriveFile(ID, "fan.dat", BODY, api_problem=fault))
    error = reader.refused(reader.keyed)
    assert sentence in error.what
    assert not error.retryable
    assert len(str(error)) < 400


@pytest.mark.parametrize("limit", ["defaultPerDayPerProject", "ReadRequestsPerMinutePerProject"])
def test_a_rate_of_a_day_does_not_pass_and_that_of_a_minute_does(reader: Reader, limit: str) -> None:
    detail = {"reason": "RATE_LIMIT_EXCEEDED", "metadata": {"quota_limit": limit}}
    body = json.dumps({"error": {"code": 429, "details": [detail], "errors": [{"reason": "rateLimitExceeded"}]}})
    reader.drive.script(ID, refuse(429, body.encode()))
    error = reader.refused(reader.keyed)
    assert str(error) == (KEY_USED_UP if "Day" in limit else THROTTLED).format(page=f"{reader.drive.url}{PAGE}")


def test_a_web_page_instead_of_the_apis_answer_may_pass(reader: Reader, clock: FakeClock) -> None:
    reader.drive.script(ID, lambda _: html_page("Tafadhali", "<p>Subiri</p>", 403))
    source = reader.keyed
    error = reader.refused(source)
    assert error.retryable
    assert "Google may have had too many requests" in error.what
    assert "or a proxy refuses them" in error.what
    assert reader.read(source) == BODY
    assert clock.waited > 0


def test_where_the_key_is_set_is_told(reader: Reader) -> None:
    drive = reader.drive
    access = DriveAccess(drive.web_url, drive.download_url, drive.api_url, secret("other"), key_place="the key in X")
    assert str(refusal(lambda: DriveSource(access).open(reader.file))).endswith("; correct the key in X")


SORRY = ["www.google.com", "www.google.de", "ipv4.google.com", "ipv6.google.co.uk", "www.google.com.br", "google.cat"]
NOT_GOOGLE = [
    "www.google.com.evil.example",
    "notgoogle.com",
    "google.com-x.example",
    "google.evil",
    "x-google.de.example",
]


@pytest.mark.parametrize("host", SORRY + NOT_GOOGLE)
def test_a_check_for_robots_is_known_by_its_host_in_any_country(reader: Reader, clock: FakeClock, host: str) -> None:
    for source in (reader.keyless, reader.keyed):
        reader.drive.script(ID, redirect_to(f"https://{host}/sorry/index?continue=x"))
        before = clock.waited
        error = reader.refused(source)
        assert isinstance(error, ServerBusy) == (host in SORRY)
        assert ("not among the hosts" in error.what) == (host in NOT_GOOGLE)
        assert reader.read(source) == BODY
        assert (clock.waited > before) == (host in SORRY), "the throttle is held, or not"


CONSENTS = ["consent.google.com", "consent.google.de", "consent.google.co.jp", "consent.youtube.com"]
NO_CONSENTS = ["consent.google.com.evil.example", "consent.notgoogle.com", "consentgoogle.com", "consent.youtube.com.x"]


@pytest.mark.parametrize("host", CONSENTS + NO_CONSENTS)
def test_consent_is_known_by_its_host_in_any_country(reader: Reader, host: str) -> None:
    for source in (reader.keyless, reader.keyed):
        reader.drive.script(ID, redirect_to(f"https://{host}/m?continue=x"))
        error = reader.refused(source)
        assert ("asks for consent" in error.what) == (host in CONSENTS)
        assert ("not among the hosts" in error.what) == (host in NO_CONSENTS)
        assert not error.retryable


def test_another_page_of_google_is_a_wrong_host(reader: Reader) -> None:
    reader.drive.script(ID, redirect_to("https://www.google.com/search?q=/sorry/"))
    assert "not among the hosts" in reader.refused().what


def test_a_wrong_key_is_told_and_not_shown(reader: Reader) -> None:
    error = refusal(lambda: reader.source(secret("wrong")).open(reader.file))
    assert isinstance(error, Misconfigured)


def test_a_native_document_is_told_by_its_record(reader: Reader) -> None:
    reader.drive.add(DriveFile(ID, "notes", BODY, mime=DOCUMENT))
    assert "no bytes of its own" in str(refusal(lambda: reader.keyed.describe(reader.file)))
    assert "no bytes of its own" in str(reader.refused(reader.keyed))


def test_the_api_slows_all_as_well(reader: Reader, clock: FakeClock) -> None:
    reader.drive.script(ID, api_error(403, "userRateLimitExceeded", Retry_After="30"))
    source = reader.keyed
    assert reader.refused(source).retry_after == 30
    assert reader.read(source) == BODY
    assert clock.waited == 30


# --- as declared ------------------------------------------------------------------------------------------------------


def test_concurrency_is_declared() -> None:
    capabilities = DriveSource(concurrency=5).capabilities
    assert (capabilities.connections, capabilities.parallel_ranges, capabilities.ranges) == (5, 1, True)


def test_the_login_is_none_of_googles_hosts_that_are_asked() -> None:
    hosts = Hosts(names=GOOGLE_HOSTS)
    assert hosts.permit("https://doc-0s-3c-docs.googleusercontent.com/x")
    assert not hosts.permit("https://accounts.google.com/ServiceLogin")


def test_an_old_browser_is_not_what_it_calls_itself(reader: Reader) -> None:
    reader.drive.shuns = r"Chrome/|Firefox/|python|urllib|requests"
    assert reader.read() == BODY
