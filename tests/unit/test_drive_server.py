"""The stand-in for Google Drive answers as public captures show Drive to answer. A plain client asks it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
import requests
from bs4 import BeautifulSoup

from include.stand_ins.contents import Generated, digest
from include.stand_ins.drive_server import (
    DriveFile,
    DriveFolder,
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
from include.stand_ins.wire import Fault, cut_at, flip_bit
from support.restoring import FakeClock

BODY = bytes(range(256)) * 20
ID = file_id("sample")
TOP = file_id("folder")
DOCUMENT = "application/vnd.google-apps.document"
SPREADSHEET = "application/vnd.google-apps.spreadsheet"
PRESENTATION = "application/vnd.google-apps.presentation"


class Client:
    """Asks, keeps cookies, follows no redirect by itself."""

    def __init__(self, drive: DriveServer) -> None:
        self.drive, self.session = drive, requests.Session()
        self.session.trust_env = False

    def get(self, path: str, span: str = "", **query: str) -> requests.Response:
        headers = {"Range": span} if span else {}
        address = urljoin(self.drive.url, path)
        return self.session.get(address, params=query, headers=headers, allow_redirects=False, timeout=5)

    def download(self, wanted: str = ID, span: str = "", **query: str) -> requests.Response:
        return self.get("/download", span, id=wanted, export="download", **query)

    def api(self, path: str = "", span: str = "", **query: str) -> requests.Response:
        query = {"key": self.drive.api_key, **query}
        return self.get(f"{self.drive.api_url}/files{path}", span, **{k: v for k, v in query.items() if v})

    def list(self, folder: str = TOP, **query: str) -> Any:
        fields = "nextPageToken,files(id,name,size,md5Checksum,sha256Checksum,mimeType,shortcutDetails,resourceKey)"
        asked = {"q": f"'{folder}' in parents and trashed=false", "fields": fields, "pageSize": "1000"}
        answer = self.api(**asked, supportsAllDrives="true", includeItemsFromAllDrives="true", **query)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def client(drive: DriveServer) -> Client:
    return Client(drive)


def title(page: requests.Response) -> str:
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Content-Disposition" not in page.headers
    found = BeautifulSoup(page.text, "html.parser").title
    assert found is not None
    return found.text


def hidden(page: requests.Response) -> tuple[str, str, str, dict[str, str]]:
    """The form's id, method, address, and hidden inputs."""
    form = BeautifulSoup(page.text, "html.parser").select_one("form")
    assert form is not None
    held = {str(one["name"]): str(one["value"]) for one in form.select("input[type=hidden]")}
    return str(form["id"]), str(form["method"]), str(form["action"]), held


def reason(answer: requests.Response) -> str:
    assert answer.headers["Content-Type"].startswith("application/json")
    error = answer.json()["error"]
    assert error["code"] == answer.status_code
    assert error["errors"][0].keys() >= {"domain", "reason", "message"}
    return str(error["errors"][0]["reason"])


def test_uc_leads_to_the_download_host_and_drops_what_was_confirmed(drive: DriveServer, client: Client) -> None:
    drive.add(DriveFile(ID, "a.bin", BODY))
    for answer in (
        client.get("/uc", id=ID, export="download", confirm="t"),
        client.session.head(f"{drive.url}/uc?id={ID}"),
    ):
        assert answer.status_code == 303
        assert answer.headers["Location"] == f"{drive.download_url}/download?id={ID}&export=download"
    drive.download_host = "https://drive.usercontent.google.com"
    assert client.get("/uc", id=ID).headers["Location"].startswith("https://drive.usercontent.google.com/download?")


def test_a_small_file_comes_at_once(drive: DriveServer, client: Client) -> None:
    drive.add(DriveFile(ID, 'ü "x".bin', BODY, mime="image/tiff"))
    answer = client.download()
    assert (answer.status_code, answer.content) == (200, BODY)
    headers = answer.headers
    assert headers["Content-Disposition"] == "attachment; filename=\"_ _x_.bin\"; filename*=UTF-8''%C3%BC%20%22x%22.bin"
    assert (headers["Content-Type"], headers["Content-Length"]) == ("image/tiff", str(len(BODY)))
    assert headers["Last-Modified"] == "Sat, 07 Feb 2026 20:15:30 GMT"
    head = client.session.head(f"{drive.url}/download?id={ID}")
    assert (head.status_code, head.headers["Content-Length"], head.content) == (200, str(len(BODY)), b"")


def test_a_file_without_a_length_has_one_in_its_ranges(drive: DriveServer, client: Client) -> None:
    drive.add(DriveFile(ID, "a.bin", BODY, announces_length=False))
    whole, first = client.download(), client.download(span="bytes=0-0")
    assert (whole.content, whole.headers.get("Content-Length")) == (BODY, None)
    assert (first.content, first.headers["Content-Range"]) == (BODY[:1], f"bytes 0-0/{len(BODY)}")


def test_an_html_file_has_the_disposition(drive: DriveServer, client: Client) -> None:
    drive.add(DriveFile(ID, "a.html", b"<html></html>", mime="text/html"))
    answer = client.download()
    assert (answer.headers["Content-Type"], "Content-Disposition" in answer.headers) == ("text/html", True)


@pytest.mark.parametrize(
    ("file", "span", "status", "body"),
    [
        (DriveFile(ID, "a", BODY), "bytes=100-", 206, BODY[100:]),
        (DriveFile(ID, "a", BODY), f"bytes={len(BODY)}-", 416, b""),
        (DriveFile(ID, "a", b""), "bytes=0-", 416, b""),
        (DriveFile(ID, "a", BODY, honours_ranges=False), "bytes=100-", 200, BODY),
    ],
)
def test_ranges(drive: DriveServer, client: Client, file: DriveFile, span: str, status: int, body: bytes) -> None:
    drive.add(file)
    answer = client.download(span=span)
    assert (answer.status_code, answer.content) == (status, body)
    says = {206: f"bytes 100-{len(BODY) - 1}/{len(BODY)}", 416: f"bytes */{len(file.content)}", 200: None}
    assert answer.headers.get("Content-Range") == says[status]


def test_a_huge_file_needs_no_memory(drive: DriveServer, client: Client) -> None:
    huge = Generated(10**12, seed=3)
    drive.add(DriveFile(ID, "huge.bin", huge))
    assert client.download(span=f"bytes={10**12 - 9}-").content == huge[10**12 - 9 :]


def test_the_warning_is_a_form_whose_hidden_inputs_all_have_to_come_back(drive: DriveServer, client: Client) -> None:
    """Large files: 200 and html, a form with `id`, `export`, `confirm=t`, `uuid` and whatever else is hidden there."""
    drive.add(DriveFile(ID, "a.bin", BODY, warning=ScanWarning(hidden={"at": "x&<y", "authuser": "0"})))
    page = client.download(span="bytes=7-")
    assert (page.status_code, title(page)) == (200, "Google Drive - Virus scan warning")
    assert 'value="x&amp;&lt;y"' in page.text
    called, method, address, held = hidden(page)
    assert (called, method, address) == ("download-form", "get", f"{drive.download_url}/download")
    assert held.keys() == {"id", "export", "confirm", "uuid", "at", "authuser"}
    assert (held["id"], held["export"], held["confirm"], held["at"]) == (ID, "download", "t", "x&<y")
    assert re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", held["uuid"])
    answer = client.get(address, "bytes=7-", **held)
    assert (answer.status_code, answer.content) == (206, BODY[7:])
    for name in held.keys() - {"id", "export"}:
        assert title(client.get(address, **{**held, name: "no"})).endswith("warning"), name
        assert title(client.get(address, **{key: value for key, value in held.items() if key != name})).endswith(
            "warning"
        ), name


def test_a_uuid_is_good_for_its_own_file_only(drive: DriveServer, client: Client) -> None:
    other = file_id("other")
    for one in (ID, other):
        drive.add(DriveFile(one, "a.bin", BODY, warning=ScanWarning()))
    *_, held = hidden(client.download())
    assert title(client.get("/download", **{**held, "id": other})).endswith("warning")
    assert held["uuid"] != hidden(client.download())[-1]["uuid"]
    assert client.get("/download", **held).content == BODY


def test_at_times_the_uuid_is_not_needed(drive: DriveServer, client: Client) -> None:
    drive.add(DriveFile(ID, "a.bin", BODY, warning=ScanWarning(needs_uuid=False)))
    assert "uuid" in hidden(client.download())[-1]
    assert client.download(confirm="t").content == BODY


def test_a_form_may_want_a_cookie_too(drive: DriveServer, client: Client) -> None:
    drive.add(DriveFile(ID, "a.bin", BODY, warning=ScanWarning(cookie=True)))
    *_, held = hidden(client.download())
    assert title(Client(drive).get("/download", **held)).endswith("warning")
    assert client.get("/download", **held).content == BODY


def test_the_old_link_needs_its_cookie(drive: DriveServer, client: Client) -> None:
    """``href="/uc?export=download&amp;id=...&amp;confirm=TOKEN"``, and a cookie ``download_warning...=TOKEN``."""
    file = drive.add(DriveFile(ID, "a.bin", BODY, warning=ScanWarning(Form.LINK)))
    page = client.get("/uc", id=ID, export="download")
    found = re.search(r'href="(/uc\?export=download&amp;id=[^"&]+&amp;confirm=[^"&]+)"', page.text)
    assert found, page.text
    ((name, value),) = client.session.cookies.get_dict().items()
    assert name.startswith("download_warning")
    assert value == file.token
    address = found[1].replace("&amp;", "&")
    assert file.token in address
    assert title(Client(drive).get(address)).endswith("warning")
    assert client.get(address, "bytes=9-").content == BODY[9:]


def test_the_old_form_is_posted_with_its_cookie(drive: DriveServer, client: Client) -> None:
    drive.add(DriveFile(ID, "a.bin", BODY, warning=ScanWarning(Form.POST, hidden={"at": "1"})))
    _, method, address, held = hidden(client.get("/uc", id=ID, export="download"))
    assert (method, set(held)) == ("post", {"uuid", "at"})
    assert parse_qs(urlsplit(address).query).keys() == {"export", "id", "confirm"}
    assert client.session.post(address, data=held).content == BODY
    assert title(requests.post(address, data=held, timeout=5)).endswith("warning")
    assert title(client.session.post(address, data={"uuid": held["uuid"]})).endswith("warning")
    assert title(client.get(address, **held)).endswith("warning")


@pytest.mark.parametrize("form", [Form.JSON_PAGE, Form.JSON])
def test_the_way_on_may_be_escaped_json(drive: DriveServer, client: Client, form: Form) -> None:
    drive.add(DriveFile(ID, "a.bin", BODY, warning=ScanWarning(form)))
    page = client.download()
    found = re.search(r'"downloadUrl":("[^"]+")', page.text)
    assert found
    assert r"id\u003d" in found[1]
    assert not set("=&") & set(found[1])
    assert "Content-Disposition" not in page.headers
    assert page.headers["Content-Type"].startswith("text/html" if form is Form.JSON_PAGE else "application/json")
    assert client.get(json.loads(found[1])).content == BODY


@pytest.mark.parametrize("status", [200, 403, 429])
@pytest.mark.parametrize("language", ["en", "de", "ja"])
def test_quota_exceeded_is_a_page_whose_text_is_localised(
    drive: DriveServer, client: Client, status: int, language: str
) -> None:
    drive.add(DriveFile(ID, "a.bin", BODY, problem=quota_exceeded(status, language)))
    page = client.download(span="bytes=0-0")
    assert page.status_code == status
    assert (title(page) == "Google Drive - Quota exceeded") == (language == "en")
    soup = BeautifulSoup(page.text, "html.parser")
    assert soup.select_one(".uc-error-caption")
    assert soup.select_one(".uc-error-subcaption")


def test_quota_may_be_exceeded_only_after_the_warning(drive: DriveServer, client: Client) -> None:
    file = DriveFile(ID, "a.bin", BODY, warning=ScanWarning(), problem=quota_exceeded(), problem_after_warning=True)
    drive.add(file)
    *_, held = hidden(client.download())
    assert title(client.get("/download", **held)) == "Google Drive - Quota exceeded"
    file.problem_after_warning = False
    assert title(client.download()) == "Google Drive - Quota exceeded"


@pytest.mark.parametrize(
    ("problem", "status", "says"),
    [
        (access_denied(), 200, "Google Drive - Access Denied"),
        (missing, 404, "Error 404 (Not Found)!!1"),
        (too_many_requests(), 429, "Error 429 (Too Many Requests)!!1"),
        (too_many_requests("120"), 429, "Error 429 (Too Many Requests)!!1"),
        (automated_queries, 403, "Sorry..."),
    ],
)
def test_problems_are_pages(drive: DriveServer, client: Client, problem: Fault, status: int, says: str) -> None:
    drive.add(DriveFile(ID, "a.bin", BODY, problem=problem))
    page = client.download()
    assert (page.status_code, title(page)) == (status, says)
    assert ("automated queries" in page.text) == (status == 403)


def test_retry_after_is_said_where_it_is_given(drive: DriveServer, client: Client) -> None:
    drive.add(DriveFile(ID, "a.bin", BODY))
    drive.script(ID, too_many_requests("120"), too_many_requests())
    delays = [client.download().headers.get("Retry-After") for _ in range(3)]
    assert (delays, client.download().status_code) == (["120", None, None], 200)


def test_a_private_file_leads_to_the_login_on_another_host(drive: DriveServer, client: Client) -> None:
    drive.add(DriveFile(ID, "a.bin", BODY, problem=login()))
    answer = client.download()
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("https://accounts.google.com/ServiceLogin?")
    drive.add(DriveFile(ID, "a.bin", BODY, problem=login(drive.url)))
    assert client.download().headers["Location"].startswith(f"{drive.url}/ServiceLogin?")


def test_a_redirect_may_lead_anywhere(drive: DriveServer, client: Client) -> None:
    circle = f"{drive.url}/download?id={ID}"
    for address in ("http://169.254.169.254/latest/meta-data/", circle):
        drive.add(DriveFile(ID, "a.bin", BODY, problem=redirect_to(address)))
        assert client.download().headers["Location"] == address
    with pytest.raises(requests.TooManyRedirects):
        client.session.get(circle, timeout=5)


def test_what_is_not_there_is_404(client: Client) -> None:
    for path in ("/download", "/open", "/embeddedfolderview", f"/file/d/{ID}/view", "/ServiceLogin", "/"):
        page = client.get(path, id=ID)
        assert (page.status_code, title(page)) == (404, "Error 404 (Not Found)!!1")


@pytest.mark.parametrize(
    ("mime", "kind", "suffix"),
    [(DOCUMENT, "document", "docx"), (SPREADSHEET, "spreadsheets", "xlsx"), (PRESENTATION, "presentation", "pptx")],
)
def test_native_documents_are_exported(drive: DriveServer, client: Client, mime: str, kind: str, suffix: str) -> None:
    """They have no bytes of their own: ``/uc`` answers 500."""
    file = drive.add(DriveFile(ID, "Notes", BODY, mime=mime))
    assert [client.get(path, id=ID).status_code for path in ("/uc", "/download")] == [500, 500]
    assert client.get("/open", id=ID).headers["Location"] == f"{drive.web_url}/{kind}/d/{ID}/edit"
    assert title(client.get(f"/{kind}/d/{ID}/edit")) == "Notes - Google Drive"
    export = client.get(f"/{kind}/d/{ID}/export", "bytes=5-", format=suffix)
    assert (export.status_code, export.content) == (200, BODY)
    assert "Content-Length" not in export.headers
    assert f'filename="Notes.{suffix}"' in export.headers["Content-Disposition"]
    assert client.get(f"/{kind}/d/{ID}/export", format="exe").status_code == 400
    assert client.get(f"/file/d/{ID}/export", format=suffix).status_code == 404
    file.problem = login()
    assert client.get(f"/{kind}/d/{ID}/export", format=suffix).status_code == 302


def filled(drive: DriveServer) -> None:
    drive.add_folder(DriveFolder(TOP, "Top & <all>"))
    drive.add_folder(DriveFolder(file_id("below"), "below", TOP))
    drive.add(DriveFile(file_id("one"), "Tom & <Jerry>.bin", BODY, folder=TOP))
    drive.add(DriveFile(file_id("doc"), "Sheet", BODY, mime=SPREADSHEET, folder=TOP))
    drive.add(DriveFile(file_id("short"), "to one", shortcut_to=file_id("one"), folder=TOP))
    drive.add(DriveFile(file_id("deep"), "deep.bin", BODY, folder=file_id("below")))


def entries(page: requests.Response) -> list[tuple[str, str, str]]:
    """Id, name and link of each."""
    found = BeautifulSoup(page.text, "html.parser").select("div.flip-entry")
    return [
        (str(one["id"]), str(one.select(".flip-entry-title")[0].text), str(one.select("a")[0]["href"])) for one in found
    ]


def test_the_public_view_shows_one_level_of_a_folder(drive: DriveServer, client: Client) -> None:
    filled(drive)
    page = client.get("/embeddedfolderview", id=TOP)
    assert title(page) == "Top & <all>"
    assert "Tom &amp; &lt;Jerry&gt;.bin" in page.text
    drive_url, docs_url = "https://drive.google.com", "https://docs.google.com"
    assert entries(page) == [
        (f"entry-{file_id('below')}", "below", f"{drive_url}/drive/folders/{file_id('below')}"),
        (f"entry-{file_id('one')}", "Tom & <Jerry>.bin", f"{drive_url}/file/d/{file_id('one')}/view?usp=drive_web"),
        (f"entry-{file_id('doc')}", "Sheet", f"{docs_url}/spreadsheets/d/{file_id('doc')}/edit?usp=drive_web"),
        (f"entry-{file_id('short')}", "to one", f"{drive_url}/file/d/{file_id('short')}/view?usp=drive_web"),
    ]
    assert client.download(file_id("short")).status_code == 404
    below = client.get("/embeddedfolderview", id=file_id("below"))
    assert [name for _, name, _ in entries(below)] == ["deep.bin"]


def test_the_public_view_may_be_empty_for_a_moment_or_cut_short(drive: DriveServer, client: Client) -> None:
    filled(drive)
    drive.add_folder(DriveFolder(TOP, "Top", empty_views=1, view_limit=2))
    pages = [client.get("/embeddedfolderview", id=TOP) for _ in range(3)]
    assert [len(entries(page)) for page in pages] == [0, 2, 2]
    assert {title(page) for page in pages} == {"Top"}
    drive.add_folder(DriveFolder(TOP, "Top", visible=False))
    assert client.get("/embeddedfolderview", id=TOP).status_code == 404


def test_the_api_lists_what_is_asked_for(drive: DriveServer, client: Client) -> None:
    filled(drive)
    below, one, doc, short = client.list()["files"]
    assert below == {"id": file_id("below"), "name": "below", "mimeType": "application/vnd.google-apps.folder"}
    assert one == {
        "id": file_id("one"),
        "name": "Tom & <Jerry>.bin",
        "mimeType": "application/octet-stream",
        "size": str(len(BODY)),
        "md5Checksum": digest(BODY, "md5"),
        "sha256Checksum": digest(BODY, "sha256"),
    }
    assert doc == {"id": file_id("doc"), "name": "Sheet", "mimeType": SPREADSHEET}
    details = {"targetId": file_id("one"), "targetMimeType": "application/octet-stream"}
    assert short["mimeType"] == "application/vnd.google-apps.shortcut"
    assert (short["shortcutDetails"], "size" in short) == (details, False)
    usual = client.api(q=f"'{TOP}' in parents and trashed=false").json()["files"][1]
    assert usual.keys() == {"kind", "id", "name", "mimeType"}
    assert reason(client.api(q="name contains 'x'")) == "invalid"


def test_the_api_lists_in_pages(drive: DriveServer, client: Client) -> None:
    drive.page_size = 2
    drive.add_folder(DriveFolder(TOP, "Top"))
    for number in range(5):
        drive.add(DriveFile(file_id(f"n{number}"), f"{number}", BODY, folder=TOP))
    first = client.list()
    second = client.list(pageToken=first["nextPageToken"])
    third = client.list(pageToken=second["nextPageToken"])
    assert [one["name"] for page in (first, second, third) for one in page["files"]] == ["0", "1", "2", "3", "4"]
    assert "nextPageToken" not in third
    asked = {"q": f"'{TOP}' in parents and trashed=false", "fields": "files(id)"}
    assert "nextPageToken" not in client.api(**asked).json(), "only what is asked for"
    assert len(client.api(**asked, pageSize="1").json()["files"]) == 1
    assert reason(client.api(**asked, pageToken="bm8=")) == "invalid"


def test_checksums_may_be_missing_or_wrong(drive: DriveServer, client: Client) -> None:
    drive.add_folder(DriveFolder(TOP, "Top"))
    fields = {"md5Checksum": "0" * 32, "sha256Checksum": None, "resourceKey": secret("resource")}
    drive.add(DriveFile(ID, "photo.jpg", BODY, folder=TOP, api_fields=fields))
    (photo,) = client.list()["files"]
    assert photo["md5Checksum"] == "0" * 32
    assert "sha256Checksum" not in photo
    assert (photo["size"], photo["resourceKey"]) == (str(len(BODY)), secret("resource"))


def test_an_invisible_folder_lists_as_empty_and_is_not_found(drive: DriveServer, client: Client) -> None:
    filled(drive)
    fields = "id,name,mimeType"
    assert client.api(f"/{TOP}", fields=fields).json()["name"] == "Top & <all>"
    drive.add_folder(DriveFolder(TOP, "Top", visible=False))
    for folder in (TOP, file_id("nowhere")):
        assert client.list(folder) == {"files": []}
        answer = client.api(f"/{folder}", fields=fields)
        assert (answer.status_code, reason(answer)) == (404, "notFound")


def test_the_api_serves_bytes(drive: DriveServer, client: Client) -> None:
    drive.add(DriveFile(ID, "a.bin", BODY, warning=ScanWarning()))
    whole = client.api(f"/{ID}", alt="media")
    assert (whole.content, "Content-Disposition" in whole.headers) == (BODY, False)
    part = client.api(f"/{ID}", "bytes=11-", alt="media")
    assert (part.status_code, part.content) == (206, BODY[11:])
    drive.add(DriveFile(ID, "a", BODY, mime=DOCUMENT))
    assert reason(client.api(f"/{ID}", alt="media")) == "fileNotDownloadable"


def test_a_flagged_file_has_to_be_acknowledged(drive: DriveServer, client: Client) -> None:
    drive.add(DriveFile(ID, "a.bin", BODY, abusive=True))
    assert reason(client.api(f"/{ID}", alt="media")) == "cannotDownloadAbusiveFile"
    assert client.api(f"/{ID}", alt="media", acknowledgeAbuse="true").content == BODY


@pytest.mark.parametrize(
    ("status", "why"), [(403, "downloadQuotaExceeded"), (403, "rateLimitExceeded"), (500, "backendError")]
)
def test_errors_of_the_api_are_json(drive: DriveServer, client: Client, status: int, why: str) -> None:
    drive.add(DriveFile(ID, "a.bin", BODY, api_problem=api_error(status, why, Retry_After="3")))
    answer = client.api(f"/{ID}", alt="media")
    assert (answer.status_code, reason(answer), answer.headers["Retry-After"]) == (status, why, "3")


def test_the_api_wants_its_key(drive: DriveServer, client: Client) -> None:
    wrong, none = client.api(key="wrong"), client.api(key="")
    assert (wrong.status_code, reason(wrong)) == (400, "badRequest")
    assert "API key not valid" in wrong.json()["error"]["message"]
    assert (none.status_code, reason(none)) == (403, "forbidden")


def test_faults_are_queued_for_each_kind_of_answer(drive: DriveServer, client: Client) -> None:
    drive.add_folder(DriveFolder(TOP, "Top"))
    drive.add(DriveFile(ID, "a.bin", BODY, folder=TOP, warning=ScanWarning(needs_uuid=False)))
    limited = too_many_requests()
    for word in ("uc", "download", "warning", "meta"):
        drive.script(f"{word} {ID}", limited)
    for word in ("folder", "list"):
        drive.script(f"{word} {TOP}", limited)
    listing = {"q": f"'{TOP}' in parents and trashed=false"}
    asked: list[Callable[[], requests.Response]] = [
        lambda: client.get("/uc", id=ID),
        client.download,
        lambda: client.api(f"/{ID}"),
        lambda: client.get("/embeddedfolderview", id=TOP),
        lambda: client.api(**listing),
    ]
    drive.script(f"download {ID}", None)
    assert [ask().status_code for ask in asked] == [429] * 5
    assert [ask().status_code for ask in asked] == [303, 200, 200, 200, 200]
    drive.script(ID, flip_bit(0))
    assert client.session.head(f"{drive.url}/download?id={ID}&confirm=t").status_code == 200
    assert client.download(confirm="t").content == b"\1" + BODY[1:]
    assert client.download(confirm="t").content == BODY


def test_the_bytes_break_whichever_way_they_are_asked_for(drive: DriveServer, client: Client) -> None:
    drive.add(DriveFile(ID, "a.bin", BODY, warning=ScanWarning(needs_uuid=False)))
    drive.script(ID, cut_at(100), cut_at(200))
    assert title(client.download()).endswith("warning"), "the warning plays none of the file's faults"
    with pytest.raises(requests.RequestException):
        client.download(confirm="t")
    with pytest.raises(requests.RequestException):
        client.api(f"/{ID}", alt="media")
    assert client.download(confirm="t").content == BODY


def test_an_outdated_client_is_taken_for_a_robot(drive: DriveServer, client: Client) -> None:
    drive.shuns = r"Chrome/39\b"
    drive.add(DriveFile(ID, "a.bin", BODY))
    assert client.download().status_code == 200
    client.session.headers["User-Agent"] = "Mozilla/5.0 Chrome/39.0"
    assert "automated queries" in client.download().text
    assert client.api(f"/{ID}").status_code == 200


def test_a_stream_is_as_fast_as_it_is_allowed_to_be(drive: DriveServer, client: Client) -> None:
    clock = FakeClock()
    drive.clock, drive.sleep = clock.now, clock.sleep
    drive.speed = len(BODY) / 4
    drive.add(DriveFile(ID, "a.bin", BODY))
    assert client.download().content == BODY
    assert clock.waited == pytest.approx(4)
    assert client.download(span=f"bytes={len(BODY) // 2}-").status_code == 206
    assert clock.waited == pytest.approx(6)
    drive.add(DriveFile(ID, "a.bin", BODY, speed=len(BODY)))
    assert client.download().content == BODY
    assert clock.waited == pytest.approx(7)


def test_all_requests_are_kept(drive: DriveServer, client: Client) -> None:
    drive.add(DriveFile(ID, "a.bin", BODY))
    client.session.cookies.set("NID", "1")
    client.get("/uc", id=ID, export="download", confirm="t")
    client.download(span="bytes=5-")
    client.api(f"/{ID}", alt="media")
    client.download(file_id("another"))
    uc, download, media = drive.asked(ID)
    assert (uc.method, uc.path, uc.query) == ("GET", "/uc", {"id": ID, "export": "download", "confirm": "t"})
    assert (download.headers["range"], download.cookies) == ("bytes=5-", {"NID": "1"})
    assert media.query["key"] == drive.api_key
    assert drive.asked(ID, "/download") == [download]
    assert len(drive.requests) == 4
