"""Folders of Google Drive: what addresses mean, and what the stand-in's folders hold, with a key and without."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from downloader.checksums import Checksum
from downloader.datasets.survey import FolderSurvey, survey_folder
from downloader.errors import AccessDenied, DownloadError, Misconfigured, ObjectNotFound, PermanentError, ServerBusy
from downloader.retry import RetryPolicy
from downloader.source import Timeouts
from downloader.sources.drive import DriveAccess
from downloader.sources.drive.folder import Bounds, FolderEntry, FolderLevel, FolderListing, Kind, list_folder
from downloader.sources.drive.folder_api import FolderByKey
from downloader.sources.drive.folder_link import parse_folder
from downloader.sources.drive.folder_view import FolderView
from downloader.sources.drive.key import DriveKey
from include.stand_ins.contents import digest
from include.stand_ins.drive_pages import captcha, consent_page, folder_view, html_page, redirect_to, unknown_error
from include.stand_ins.drive_server import (
    DriveFile,
    DriveFolder,
    DriveServer,
    ScanWarning,
    access_denied,
    api_error,
    automated_queries,
    file_id,
    login,
    quota_exceeded,
    too_many_requests,
)
from include.stand_ins.secrets import secret
from include.stand_ins.wire import Answer, Fault, cut_at, refuse
from support.restoring import FakeClock
from support.secret_search import bears_secret

BODY = bytes(range(256)) * 20
TOP = file_id("folder")
BELOW = file_id("below")
NATIVE = "application/vnd.google-apps."
NOT_UNDERSTOOD = FolderEntry(DriveKey(""), "x", Kind.NO_BYTES)
ID = "18ORzE9_aHABYqOHzVdL0GANk_eIMaSuE"


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"https://drive.google.com/drive/folders/{ID}",
        f"https://drive.google.com/drive/folders/{ID}?usp=sharing",
        f"  <https://drive.google.com/drive/folders/{ID}/?usp=drive_link#x>\n",
        f"https://drive.google.com/drive/u/0/folders/{ID}",
        f"https://drive.google.com/drive/u/12/folders/{ID}?hl=de",
        f"https://drive.google.com/drive/mobile/folders/{ID}",
        f"https://drive.google.com/drive/mobile/folders/{ID}/1ZXEhzbLRLU1giKKRJkjm8N04cO_JoYE2?sort=13",
        f"https://drive.google.com/open?id={ID}&usp=drive_fs",
        f"https://drive.google.com/folderview?id={ID}",
        f"https://drive.google.com/a/example.org/folderview?id={ID}&usp=sharing",
        f"https://drive.google.com/embeddedfolderview?id={ID}#list",
        f"https://drive.google.com/folder/d/{ID}/edit",
        f"https://docs.google.com/folder/d/{ID}/edit?usp=sharing",
        f"https://drive.google.com/#folders/{ID}",
        f"http://www.drive.google.com/drive/folders/{ID}",
        f"drive.google.com/drive/folders/{ID}",
        f"'{ID}'",
        ID,
    ],
)
def test_every_form_of_an_address_means_the_folder(text: str) -> None:
    assert parse_folder(text) == DriveKey(ID)


@pytest.mark.parametrize(
    "text",
    [
        f"https://drive.google.com/drive/folders/{ID}?resourcekey={{}}&usp=sharing",
        f"https://drive.google.com/open?id={ID}&resourcekey={{}}",
        f"{ID}?resourcekey={{}}",
    ],
)
def test_a_resource_key_comes_along(text: str) -> None:
    key = secret("resource-aB_c")
    assert parse_folder(text.format(key)) == DriveKey(ID, resource_key=key)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f"https://drive.google.com/file/d/{ID}/view?usp=sharing", "is the address of a file;"),
        (f"https://docs.google.com/document/d/{ID}/edit", "is the address of a file;"),
        (f"https://drive.google.com/uc?id={ID}", "is the address of a file;"),
        ("https://drive.google.com/drive/my-drive", "names no folder;"),
        ("https://drive.google.com/drive/folders/", "names no folder;"),
        ("https://drive.google.com/drive/folders/short", "names no folder;"),
        ("https://drive.google.com/open?id=a'b+or+trashed=true", "names no folder;"),
        (f"https://drive.google.com/drive/folders/..%2f{ID}", "names no folder;"),
        (f"https://evil.example/drive/folders/{ID}", "is not an address of Google Drive;"),
        (f"https://drive.google.com.evil.example/drive/folders/{ID}", "is not an address of Google Drive;"),
        (f"https://drive.google.com@evil.example/drive/folders/{ID}", "is not an address of Google Drive;"),
        (f"file:///drive/folders/{ID}", "is not an address of Google Drive;"),
        ("https://[", "is not an address;"),
        ("", "is not an address of Google Drive;"),
        ("x" * 300_000, "is too long for an address;"),
    ],
)
def test_what_means_no_folder_is_told(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=r"copy the folder's address from the browser") as caught:
        parse_folder(text)
    assert str(caught.value).startswith(sentence)


# --- the walk ---------------------------------------------------------------------------------------------------------


@dataclass
class Tree:
    """Folders in memory, by their ids."""

    levels: dict[str, list[FolderEntry]]
    shut: dict[str, DownloadError] = field(default_factory=dict)
    read_ids: list[str] = field(default_factory=list)

    def read(self, folder: DriveKey, shown: str) -> FolderLevel:
        self.read_ids.append(folder.id)
        if folder.id in self.shut:
            raise self.shut[folder.id]
        return FolderLevel(f"name of {folder.id}", iter(self.levels.get(folder.id, [])))

    def listed(self, bounds: Bounds | None = None) -> FolderListing:
        return list_folder(self, DriveKey("top"), bounds)


def a_file(id_: str, name: str = "", *, shortcut: bool = False) -> FolderEntry:
    return FolderEntry(DriveKey(id_), name or id_, size=1, shortcut=shortcut)


def a_folder(id_: str, name: str = "", *, shortcut: bool = False) -> FolderEntry:
    return FolderEntry(DriveKey(id_), name or id_, Kind.FOLDER, shortcut=shortcut)


def test_folders_that_lie_in_one_another_in_a_circle_are_entered_once() -> None:
    tree = Tree({"top": [a_folder("x"), a_file("1")], "x": [a_folder("top"), a_folder("x"), a_file("2")]})
    found = tree.listed()
    assert [entry.shown for entry in found.files] == ["1", "x/2"]
    assert tree.read_ids == ["top", "x"]
    assert found.name == "name of top"


def test_a_file_is_listed_once_at_its_own_place() -> None:
    tree = Tree(
        {
            "top": [a_file("1", "short", shortcut=True), a_folder("x", "short x", shortcut=True), a_folder("y")],
            "y": [a_file("1", "own"), a_folder("x", "own x"), a_file("2", "short 2", shortcut=True)],
            "x": [a_file("3")],
        }
    )
    assert [entry.shown for entry in tree.listed().files] == ["y/own", "y/short 2", "y/own x/3"]


def test_a_folder_that_is_shut_leaves_the_others() -> None:
    tree = Tree({"top": [a_folder("x"), a_folder("y")], "y": [a_file("1")]}, {"x": AccessDenied("no")})
    found = tree.listed()
    assert [entry.shown for entry in found.files] == ["y/1"]
    assert [path for path, _ in found.unread] == ["x"]
    tree.shut = {"top": AccessDenied("no")}
    with pytest.raises(AccessDenied):
        tree.listed()
    tree.shut = {"x": ServerBusy("later")}
    with pytest.raises(ServerBusy):
        tree.listed()


@pytest.mark.parametrize(
    ("bounds", "sentence"),
    [
        (Bounds(files=2), "the folder holds more than 2 files; make a manifest for each of the folders in it"),
        (Bounds(folders=3), "the folder holds more than 3 folders;"),
        (Bounds(depth=3), "the folder holds more than 3 folders one in another;"),
    ],
)
def test_a_folder_without_end_is_refused(bounds: Bounds, sentence: str) -> None:
    tree = Tree({"top": [a_folder("0")], **{f"{n}": [a_folder(f"{n + 1}"), a_file(f"f{n}")] for n in range(9)}})
    with pytest.raises(PermanentError) as caught:
        tree.listed(bounds)
    assert sentence in str(caught.value)


def test_folders_may_be_nested_up_to_the_bound() -> None:
    tree = Tree({"top": [a_folder("x")], "x": [a_folder("y")], "y": [a_file("1")]})
    assert [entry.shown for entry in tree.listed(Bounds(depth=2)).files] == ["x/y/1"]
    with pytest.raises(PermanentError):
        tree.listed(Bounds(depth=1))


# --- the stand-in's folders -------------------------------------------------------------------------------------------


@pytest.fixture
def drive(drive: DriveServer) -> DriveServer:
    drive.add_folder(DriveFolder(TOP, "Top & <all>"))
    drive.add_folder(DriveFolder(BELOW, "below", TOP))
    drive.add(DriveFile(file_id("one"), "Tom & <Jerry>.bin", BODY, folder=TOP, warning=ScanWarning()))
    drive.add(DriveFile(file_id("sheet"), "Sheet", BODY, mime=f"{NATIVE}spreadsheet", folder=TOP))
    drive.add(DriveFile(file_id("deep"), "deep.bin", b"", folder=BELOW))
    return drive


class Asker:
    """Asks the stand-in, in a time that nobody sits out."""

    def __init__(self, drive: DriveServer) -> None:
        self.drive = drive
        self.clock = FakeClock()
        self.policy = RetryPolicy(3, clock=self.clock.clock)

    def access(self, key: str = "") -> DriveAccess:
        return DriveAccess(self.drive.web_url, self.drive.download_url, self.drive.api_url, key, Timeouts(5, 5))

    def by_key(self, folder: str = TOP, key: str = "", resource_key: str = "") -> FolderListing:
        reader = FolderByKey(self.access(key or self.drive.api_key), self.policy)
        return list_folder(reader, DriveKey(folder, resource_key=resource_key))

    def by_view(self, folder: str = TOP, resource_key: str = "") -> FolderListing:
        return list_folder(FolderView(self.access(), self.policy), DriveKey(folder, resource_key=resource_key))

    def survey(self, key: str = "") -> FolderSurvey:
        return survey_folder(self.access(key), DriveKey(TOP), self.policy)


@pytest.fixture
def asker(drive: DriveServer) -> Asker:
    return Asker(drive)


def refusal(action: Callable[[], object]) -> DownloadError:
    with pytest.raises(DownloadError) as caught:
        action()
    assert caught.value.__cause__ is None
    return caught.value


def sums(body: bytes) -> tuple[Checksum, ...]:
    return Checksum("sha256", digest(body, "sha256")), Checksum("md5", digest(body, "md5"))


def test_by_key_all_is_told_at_once(asker: Asker) -> None:
    found = asker.by_key()
    assert found.name == "Top & <all>"
    assert found.files == (
        FolderEntry(DriveKey(file_id("one")), "Tom & <Jerry>.bin", Kind.FILE, len(BODY), sums(BODY)),
        FolderEntry(DriveKey(file_id("sheet"), "xlsx"), "Sheet"),
        FolderEntry(DriveKey(file_id("deep")), "deep.bin", Kind.FILE, 0, sums(b""), folders=("below",)),
    )
    assert all("key" not in one.query for one in asker.drive.requests), "it would stand in logs"
    assert len(asker.drive.requests) == 4


def test_without_a_key_the_view_tells_names(asker: Asker) -> None:
    found = asker.by_view()
    assert found.name == "Top & <all>"
    assert found.files == (
        FolderEntry(DriveKey(file_id("one")), "Tom & <Jerry>.bin"),
        FolderEntry(DriveKey(file_id("sheet"), "xlsx"), "Sheet"),
        FolderEntry(DriveKey(file_id("deep")), "deep.bin", folders=("below",)),
    )
    assert {one.path for one in asker.drive.requests} == {"/embeddedfolderview"}


def test_a_list_of_many_pages(asker: Asker) -> None:
    asker.drive.page_size = 2
    for number in range(7):
        asker.drive.add(DriveFile(file_id(f"n{number}"), f"{number}", b"x", folder=BELOW))
    asker.drive.script(f"list {BELOW}", None, api_error(403, "rateLimitExceeded"), refuse(500))
    names = [entry.name for entry in asker.by_key().files if entry.folders]
    assert names == ["deep.bin", *"0123456"]
    assert asker.clock.waited > 0


def test_resource_keys_are_sent_and_found(asker: Asker) -> None:
    of_file, of_top = secret("resource-file"), secret("resource-top")
    fields = {"resourceKey": of_file}
    asker.drive.add(DriveFile(file_id("one"), "one", BODY, folder=TOP, api_fields=fields))
    assert asker.by_key(resource_key=of_top).files[0].key == DriveKey(file_id("one"), resource_key=of_file)
    first, second, *_ = asker.drive.requests
    header = "x-goog-drive-resource-keys"
    assert first.headers[header] == second.headers[header] == f"{TOP}/{of_top}"
    asker.by_view(resource_key=of_top)
    assert {"id": TOP, "resourcekey": of_top} in [one.query for one in asker.drive.requests]


def test_shortcuts_are_followed_by_key(asker: Asker) -> None:
    away = file_id("away")
    asker.drive.add_folder(DriveFolder(away, "away"))
    asker.drive.add(DriveFile(file_id("far"), "far.bin", BODY, folder=away))
    asker.drive.add(DriveFile(file_id("far2"), "far2.bin", BODY[:9], folder=file_id("elsewhere")))
    for name, to in {"to deep": "deep", "to far2": "far2", "to away": "away", "to sheet": "sheet"}.items():
        asker.drive.add(DriveFile(file_id(f"s{to}"), name, shortcut_to=file_id(to), folder=TOP))
    asker.drive.add(DriveFile(file_id("sgone"), "to nothing", shortcut_to=file_id("gone"), folder=TOP))
    asker.drive.add(DriveFile(file_id("ss"), "to a shortcut", shortcut_to=file_id("sdeep"), folder=TOP))
    found = asker.by_key()
    by_id = {entry.key.id: entry for entry in found.files}
    assert by_id[file_id("far2")] == FolderEntry(
        DriveKey(file_id("far2")), "to far2", Kind.FILE, 9, sums(BODY[:9]), shortcut=True
    )
    assert by_id[file_id("deep")].shown == "below/deep.bin"
    assert by_id[file_id("sheet")].shown == "Sheet"
    assert by_id[file_id("far")].shown == "to away/far.bin"
    assert by_id[file_id("gone")].needs_size
    assert [(entry.name, entry.why) for entry in found.left_out] == [
        ("to a shortcut", "a shortcut that leads to no file or folder")
    ]


def test_a_shortcut_to_a_folder_is_that_folder(asker: Asker) -> None:
    asker.drive.add(DriveFile(file_id("short"), "to top", shortcut_to=TOP))
    assert asker.by_key(file_id("short")).name == "Top & <all>"


def test_a_file_is_no_folder(asker: Asker) -> None:
    assert "is not a folder; give the address of the folder" in str(refusal(lambda: asker.by_key(file_id("one"))))


def test_what_has_no_bytes_is_left_out(asker: Asker) -> None:
    asker.drive.add(DriveFile(file_id("form"), "Survey", mime=f"{NATIVE}form", folder=TOP))
    assert [(entry.name, entry.why) for entry in asker.by_key().left_out] == [
        ("Survey", "a Google form, which cannot be exported")
    ]
    link = f"https://docs.google.com/forms/d/{file_id('form')}/viewform"
    page = html_page("Top", f'<div class="flip-entry"><a href="{link}">Survey</a></div>')
    asker.drive.script(f"folder {TOP}", lambda _: page)
    found = asker.by_view()
    assert found.files == ()
    assert [(entry.name, entry.why) for entry in found.left_out] == [
        ("Survey", "a Google form, which cannot be exported")
    ]


@pytest.mark.parametrize(
    ("address", "entry"),
    [
        ("drive.google.com/file/d/{}/view?usp=drive_web", FolderEntry(DriveKey(ID), "x")),
        ("drive.google.com/drive/folders/{}", FolderEntry(DriveKey(ID), "x", Kind.FOLDER)),
        ("docs.google.com/drive/folders/{}?usp=sharing", FolderEntry(DriveKey(ID), "x", Kind.FOLDER)),
        ("docs.google.com/document/d/{}/edit", FolderEntry(DriveKey(ID, "docx"), "x")),
        ("docs.google.com/spreadsheets/d/{}/edit#gid=0", FolderEntry(DriveKey(ID, "xlsx"), "x")),
        ("docs.google.com/presentation/d/{}/edit", FolderEntry(DriveKey(ID, "pptx"), "x")),
        ("drive.google.com/file/d/{0}{0}{0}{0}{0}{0}{0}/view", FolderEntry(DriveKey(""), "x", Kind.NO_BYTES)),
        ("drive.google.com/file/d/short/view", NOT_UNDERSTOOD),
        ("drive.google.com/drive/folders/{}.html", FolderEntry(DriveKey(ID), "x", Kind.NO_BYTES)),
        ("drive.google.com.evil.example/file/d/{}/view", NOT_UNDERSTOOD),
        ("evil.example/https://drive.google.com/file/d/{}/view", NOT_UNDERSTOOD),
    ],
)
def test_the_address_of_a_link_tells_what_it_leads_to(asker: Asker, address: str, entry: FolderEntry) -> None:
    page = folder_view("Top", [("x", "x", f"https://{address.format(ID)}")])
    asker.drive.script(f"folder {TOP}", *[lambda _: page] * 3)
    level = FolderView(asker.access(), asker.policy).read(DriveKey(TOP), TOP)
    assert [replace(one, why="") for one in level.entries] == [entry]


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("https://colab.research.google.com/drive/{}", "not understood: it is at colab.research.google.com/drive"),
        ("https://script.google.com/d/{}/edit", "not understood: it is at script.google.com/d"),
        ("https://jamboard.google.com/d/{}/viewer", "not understood: it is at jamboard.google.com/d"),
        ("https://sites.google.com/d/{}/edit", "not understood: it is at sites.google.com/d"),
        ("https://www.google.com/maps/d/edit?mid={}", "not understood: it is at www.google.com/maps"),
        ("https://drive.google.com/open?id={}", "not understood: it is at drive.google.com/open"),
        ("https://docs.google.com/forms/d/e/{}/viewform", "not understood: it is at docs.google.com/forms"),
        ("https://docs.google.com/drawings/d/{}/edit", "a Google drawing, which cannot be exported"),
        ("https://[", "not understood: its address is not valid"),
        ("", "not understood: it has no address"),
    ],
)
def test_an_entry_that_is_not_understood_is_listed(asker: Asker, address: str, why: str) -> None:
    rows = [("x", "Tom & <Jerry>", address.format(ID)), (ID, "y", f"https://drive.google.com/file/d/{ID}/view")]
    page = folder_view("Top", rows)
    asker.drive.script(f"folder {TOP}", lambda _: page)
    found = asker.by_view()
    assert [(entry.name, entry.why) for entry in found.left_out] == [("Tom & <Jerry>", why)]
    assert [entry.name for entry in found.files] == ["y"]
    assert found.unread == ()


def test_resource_keys_of_entries_are_kept_and_sent(asker: Asker) -> None:
    of_file, of_folder = secret("resource-entry"), secret("resource-below")
    rows = [
        (ID, "old.bin", f"https://drive.google.com/file/d/{ID}/view?usp=drive_web&resourcekey={of_file}"),
        (ID, "notes", f"https://docs.google.com/document/d/{ID[::-1]}/edit?resourcekey={of_file}"),
        (BELOW, "below", f"https://drive.google.com/drive/folders/{BELOW}?resourcekey={of_folder}"),
    ]
    page = folder_view("Top", rows)
    asker.drive.script(f"folder {TOP}", lambda _: page)
    asker.drive.add(DriveFile(ID, "old.bin", BODY, warning=ScanWarning()))
    seen = asker.survey()
    keys = {entry.name: entry.key.resource_key for entry in seen.found.entries}
    assert keys == {"old.bin": of_file, "notes": of_file, "deep.bin": ""}
    assert asker.drive.asked(BELOW)[0].query["resourcekey"] == of_folder
    assert [one.query["resourcekey"] for one in asker.drive.asked(ID, "/download")] == [of_file, of_file]


WHOLE = folder_view("Top", [("x", "a.bin", f"https://drive.google.com/file/d/{ID}/view"), ("y", "b", "https://x.y/z")])


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (WHOLE.body[:].partition(b"</body>")[0], "the list of {id} ends early, after 2 entries"),
        (WHOLE.body[:].partition(b'<div class="flip-entry" id="entry-y')[0], "ends early, after 1 entry"),
        (WHOLE.body[:].partition(b'<div class="flip-entry"')[0], "the list of {id} ends early, after 0 entries"),
        (
            WHOLE.body[:].replace(b'id="entry-y"', b'id="entry-y'),
            "the list of {id} holds 2 entries, of which 1 could be read",
        ),
    ],
)
def test_a_list_that_ends_early_is_asked_for_again_and_told(asker: Asker, body: bytes, sentence: str) -> None:
    cut_short = refuse(200, body, Content_Type="text/html; charset=utf-8")
    asker.drive.script(f"folder {TOP}", *[cut_short] * 2)
    assert (len(asker.by_view().files), asker.clock.waited) == (3, 4)
    asker.drive.script(f"folder {TOP}", *[cut_short] * 3)
    found = asker.by_view()
    ((path, problem),) = found.unread
    assert path == TOP
    assert sentence.format(id=TOP) in str(problem)


def test_an_answer_that_breaks_off_is_no_list(asker: Asker) -> None:
    asker.drive.script(f"folder {TOP}", cut_at(300), cut_at(300))
    found = asker.by_view()
    assert (len(found.files), found.unread) == (3, ())


@pytest.mark.parametrize(
    ("name", "mime"),
    [
        ("a.jpg", "image/jpeg"),
        ("a", "video/mp4"),
        ("a.mp4", "application/octet-stream"),
        ("A.MOV", ""),
        ("a", "audio/mpeg"),
        ("a", "application/mp4"),
    ],
)
def test_a_checksum_of_media_is_not_written_down(asker: Asker, name: str, mime: str) -> None:
    asker.drive.add(DriveFile(file_id("one"), name, BODY, mime=mime, folder=TOP))
    assert asker.by_key().files[0].checksums == ()


@pytest.mark.parametrize(
    "page",
    [
        {},
        {"files": None},
        {"files": [5]},
        {"files": [], "nextPageToken": 5},
        {"files": [], "nextPageToken": "x" * 5000},
    ],
)
def test_a_list_that_is_none_is_asked_for_again_and_refused(asker: Asker, page: dict[str, object]) -> None:
    def odd(_: Answer) -> Answer:
        return Answer(200, {"Content-Type": "application/json"}, json.dumps(page).encode())

    asker.drive.script(f"list {TOP}", odd)
    assert asker.by_key().files
    asker.drive.script(f"list {TOP}", *[odd] * 3)
    assert "answered with something else than the list of" in str(refusal(asker.by_key))


def test_entries_without_an_id_are_left_out(asker: Asker) -> None:
    odd = {"files": [{"id": "a' or", "name": "x"}, {"name": 5}, {"id": file_id("one"), "size": "x", "name": "one"}]}
    asker.drive.script(f"list {TOP}", lambda _: Answer(200, {}, json.dumps(odd).encode()))
    found = asker.by_key()
    assert [entry.needs_size for entry in found.files] == [True]
    assert [(entry.name, entry.why) for entry in found.left_out] == [
        ("x", "Google Drive gives no valid id for it"),
        ("", "Google Drive gives no valid id for it"),
    ]


# --- what goes wrong --------------------------------------------------------------------------------------------------

NOT_SHOWN = "Not found: Google Drive shows no folder {id}; see that {url}/drive/folders/{id} opens without a login;"
PRIVATE = "Access denied: {id} is not shared with everyone; ask its owner to share it with anyone who has the link"
THROTTLED = "Server busy: Google Drive has had too many requests for now, and refused that for {id};"
ROBOT = "Server busy: Google has had too many requests from this network for now, and refused that for {id}"
CONSENT = "Refused: Google asks for consent to its terms before it gives out {id};"


def test_a_folder_that_is_not_shared_is_no_empty_one(asker: Asker) -> None:
    asker.drive.add_folder(DriveFolder(TOP, "Top", visible=False))
    for ask in (asker.by_key, asker.by_view):
        error = refusal(ask)
        assert isinstance(error, ObjectNotFound)
        assert str(error).startswith(NOT_SHOWN.format(id=TOP, url=asker.drive.url))


@pytest.mark.parametrize(
    ("fault", "kind", "sentence"),
    [
        (login(), AccessDenied, PRIVATE),
        (access_denied(), AccessDenied, PRIVATE),
        (access_denied(403), AccessDenied, PRIVATE),
        (too_many_requests(), ServerBusy, THROTTLED),
        (automated_queries, ServerBusy, ROBOT),
        (captcha(), ServerBusy, ROBOT),
        (captcha(200), ServerBusy, ROBOT),
        (redirect_to("https://ipv4.google.com/sorry/index?q=x"), ServerBusy, ROBOT),
        (redirect_to("https://www.google.de/sorry/index"), ServerBusy, ROBOT),
        (redirect_to("https://consent.google.com.br/ml?continue=x"), PermanentError, CONSENT),
        (redirect_to("https://consent.youtube.com/m"), PermanentError, CONSENT),
        (consent_page, PermanentError, CONSENT),
        (redirect_to("https://consent.google.com.evil.example/"), PermanentError, "Refused: the list of {id} is redir"),
        (unknown_error("Hitilafu"), PermanentError, "Refused: Google Drive sent an error page in place of the list"),
        (
            refuse(403),
            AccessDenied,
            "Access denied: Google Drive refused the request for {id} and gave no reason (403);",
        ),
        (refuse(401), AccessDenied, "Access denied: Google Drive asks for a login before it gives out {id};"),
        (refuse(503), ServerBusy, "Server busy: 127.0.0.1 answered 503 for the list of {id};"),
        (refuse(200, b"<p>Hello"), PermanentError, "Refused: Google Drive sent a page in place of the list of {id};"),
    ],
)
def test_what_goes_wrong_with_the_view(asker: Asker, fault: Fault, kind: type[DownloadError], sentence: str) -> None:
    asker.drive.script(f"folder {TOP}", *[fault] * 3)
    error = refusal(asker.by_view)
    assert isinstance(error, kind)
    assert str(error).startswith(sentence.format(id=TOP))
    assert len(asker.drive.requests) == (3 if error.retryable else 1)


def test_who_is_asked_for_patience_has_it(asker: Asker) -> None:
    asker.drive.script(f"folder {TOP}", too_many_requests("20"))
    assert asker.by_view().files
    assert asker.clock.waited >= 20
    before = asker.clock.waited
    asker.policy = replace(asker.policy, first_wait=0)
    asker.drive.script(f"folder {TOP}", automated_queries)
    assert asker.by_view().files
    assert asker.clock.waited >= before + 0.5, "although it did not say for how long"


def test_a_view_that_is_empty_for_a_moment_is_asked_for_again(asker: Asker) -> None:
    asker.drive.add_folder(DriveFolder(TOP, "Top", empty_views=1))
    asker.drive.add_folder(DriveFolder(BELOW, "below", TOP, empty_views=2))
    assert len(asker.by_view().files) == 3
    assert asker.clock.waited == 6
    asker.drive.add_folder(DriveFolder(BELOW, "below", TOP, empty_views=3))
    assert len(asker.by_view().files) == 2


def test_a_view_is_not_read_without_end(asker: Asker) -> None:
    huge = html_page("Top", "x" * (17 * 1024 * 1024))
    asker.drive.script(f"folder {TOP}", lambda _: huge)
    assert "with more than 16777216 bytes" in str(refusal(asker.by_view))


@pytest.mark.parametrize(
    ("fault", "kind", "sentence"),
    [
        (api_error(403, "dailyLimitExceeded"), PermanentError, "the API key's quota for today was used up"),
        (
            api_error(403, "accessNotConfigured"),
            Misconfigured,
            "the Drive API is not enabled for the project of the API key",
        ),
        (api_error(403, "forbidden"), AccessDenied, 'for the reason "forbidden" (403)'),
        (api_error(403, "userRateLimitExceeded"), ServerBusy, "too many requests"),
        (automated_queries, ServerBusy, "Google has had too many requests from this network for now"),
        (redirect_to("https://www.google.it/sorry/index"), ServerBusy, "Google has had too many requests from this"),
        (redirect_to("https://consent.google.it/ml"), PermanentError, "Google asks for consent to its terms"),
        (api_error(400, "invalid", "Invalid Value"), PermanentError, 'for the reason "invalid" (400)'),
        (api_error(500, "backendError"), ServerBusy, "answered 500"),
    ],
)
def test_what_goes_wrong_with_the_api(asker: Asker, fault: Fault, kind: type[DownloadError], sentence: str) -> None:
    for word in ("meta", "list"):
        asker.drive.script(f"{word} {TOP}", *[fault] * 3)
        error = refusal(asker.by_key)
        assert isinstance(error, kind)
        assert sentence in str(error)


def test_a_wrong_key_is_refused_without_being_shown(asker: Asker) -> None:
    error = refusal(lambda: asker.by_key(key=secret("wrong")))
    assert isinstance(error, Misconfigured)
    assert not bears_secret(str(error))
    assert "connection" not in str(error), "there is none here"


# --- the sizes that no list tells -------------------------------------------------------------------------------------


def test_sizes_are_learnt_past_the_warning(asker: Asker) -> None:
    asker.drive.add(DriveFile(file_id("whole"), "whole.bin", BODY, folder=TOP, honours_ranges=False))
    asker.drive.add(DriveFile(file_id("chunked"), "chunked.bin", BODY, folder=TOP, announces_length=False))
    seen = asker.survey()
    sizes = {entry.name: entry.size for entry in seen.found.entries}
    assert sizes == {
        "Tom & <Jerry>.bin": len(BODY),
        "Sheet": None,
        "deep.bin": 0,
        "whole.bin": len(BODY),
        "chunked.bin": len(BODY),
    }
    assert (seen.name, seen.unknown, seen.found.complete) == ("Top & <all>", [], True)
    spans = {one.headers.get("range") for one in asker.drive.asked(file_id("one"))}
    assert spans == {"bytes=0-0"}


def test_a_size_that_cannot_be_learnt_is_told_with_its_reason(asker: Asker) -> None:
    asker.drive.add(DriveFile(file_id("quota"), "q.bin", BODY, folder=TOP, problem=quota_exceeded()))
    asker.drive.add(DriveFile(file_id("short"), "to one", shortcut_to=file_id("one"), folder=TOP))
    asker.drive.add_folder(DriveFolder(file_id("shut"), "shut", BELOW, visible=False))
    seen = asker.survey()
    assert [path for path, _ in seen.unknown] == ["q.bin", "to one", "below/shut"]
    reasons = [str(error) for _, error in seen.unknown]
    assert "download quota" in reasons[0]
    assert "if it is a shortcut, give an API key to follow it" in reasons[1]
    assert seen.found.doubtful == {file_id("quota"), file_id("short")}
    assert not seen.found.complete
    assert len(seen.found.entries) == 3


def test_by_key_no_byte_is_asked_for(asker: Asker) -> None:
    seen = asker.survey(asker.drive.api_key)
    assert [entry.size for entry in seen.found.entries] == [len(BODY), None, 0]
    assert {one.path.removesuffix(f"/{TOP}").removesuffix(f"/{BELOW}") for one in asker.drive.requests} == {
        "/drive/v3/files"
    }
    asker.drive.add(replace(DriveFile(file_id("one"), "a", BODY, folder=TOP), api_fields={"size": None}))
    assert asker.survey(asker.drive.api_key).found.entries[0].size == len(BODY)
