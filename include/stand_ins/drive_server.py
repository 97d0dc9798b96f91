"""Google Drive on one port, as public captures show it, with scripted faults.

Hosts are told apart by their paths: ``/uc``, ``/open``, ``/file/d/ID/view``, ``/embeddedfolderview``,
``/KIND/d/ID/export`` are the web's (`web_url`), ``/download`` is the downloads' (`download_url`), ``/drive/v3/files``
the API's (`api_url`).

`DriveServer.script` queues faults by key. A file's id is the key of the answers that carry its bytes, whichever way
they are asked for. A word before the id selects other answers: ``"download ID"`` all answers where the bytes are asked
for on the web, warnings too; ``"uc ID"`` the redirect; ``"warning ID"`` the virus-scan warning; ``"folder ID"`` the
public view; ``"list ID"`` and ``"meta ID"`` the API's list and record. HEAD plays no fault.
"""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import quote, urlencode

from .drive_api import USUAL, folder_asked, list_page, record, refused_key
from .drive_files import NATIVE, DriveFile, DriveFolder, Form, ScanWarning, file_id
from .drive_pages import (
    access_denied,
    api_error,
    api_says,
    automated_queries,
    download_url,
    folder_view,
    form,
    html_page,
    link,
    login,
    missing,
    native,
    quota_exceeded,
    redirect_to,
    too_many_requests,
    warning_page,
)
from .secrets import secret
from .wire import Answer, Request, StandIn, chunked, ranged, serving, without

__all__ = [
    "DriveFile",
    "DriveFolder",
    "DriveServer",
    "Form",
    "ScanWarning",
    "access_denied",
    "api_error",
    "automated_queries",
    "file_id",
    "login",
    "missing",
    "native",
    "quota_exceeded",
    "redirect_to",
    "serving",
    "too_many_requests",
]

_API: Final = "/drive/v3/files"
_DRIVE: Final = "https://drive.google.com"
_DOCS: Final = "https://docs.google.com"
_MODIFIED: Final = "Sat, 07 Feb 2026 20:15:30 GMT"
_OF_ONE: Final = re.compile(r"/(file|document|spreadsheets|presentation)/d/([^/]+)/(view|edit|export)")
_OLD: Final = {Form.POST, Form.LINK}
"""Forms of the time before the downloads had a host of their own: ``/uc`` itself answers."""
_NOT_FOUND: Final = api_error(404, "notFound", "File not found.")
_NO_BYTES: Final = api_error(403, "fileNotDownloadable", "Only files with binary content can be downloaded.")
_ABUSIVE: Final = api_error(403, "cannotDownloadAbusiveFile", "This file has been identified as malware or spam.")

_Held = DriveFile | DriveFolder


@dataclass(kw_only=True)
class DriveServer(StandIn):
    """All of Drive. Where a host's address is empty, it is this server's own."""

    web_host: str = ""
    """Where posted forms and redirects to documents lead."""
    download_host: str = ""
    """Where ``/uc`` and the warnings send a client for the bytes."""
    api_key: str = secret("drive-api-key")
    page_size: int = 1000
    """The most files on a page of the API's list."""
    speed: float = 0.0
    """Bytes a second of one stream; 0: as fast as can be."""
    shuns: str = ""
    """A pattern: who sends a ``User-Agent`` in which it is found is taken for a robot, on the web."""
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._held: dict[str, _Held] = {}
        self._uuids: set[tuple[str, str]] = set()
        self._dice = random.Random(4)

    @property
    def web_url(self) -> str:
        """For the configuration."""
        return self.web_host or self.url

    @property
    def download_url(self) -> str:
        """For the configuration."""
        return self.download_host or self.url

    @property
    def api_url(self) -> str:
        """For the configuration."""
        return f"{self.url}/drive/v3"

    def add(self, held: DriveFile) -> DriveFile:
        """Adds or replaces a file."""
        self._held[held.id] = held
        return held

    def add_folder(self, held: DriveFolder) -> DriveFolder:
        """Adds or replaces a folder."""
        self._held[held.id] = held
        return held

    def asked(self, about: str, path: str = "") -> list[Request]:
        """The requests about a file or folder so far, at one path or at any."""
        with self._lock:
            found = [one for one in self.requests if about in {one.query.get("id"), *one.path.split("/")}]
        return [one for one in found if path in {"", one.path}]

    def take(self, request: Request) -> Answer:
        """What `request` gets."""
        with self._lock:
            self.requests.append(request)
        if request.path.startswith(_API):
            return self._api(request)
        if self.shuns and re.search(self.shuns, request.headers.get("user-agent", "")):
            return automated_queries()
        return self._web(request)

    def _web(self, request: Request) -> Answer:
        wanted = request.query.get("id", "")
        doors = {
            "/uc": self._uc,
            "/download": self._download,
            "/open": self._open,
            "/embeddedfolderview": self._folder_view,
        }
        if door := doors.get(request.path):
            return door(request, wanted)
        found = _OF_ONE.fullmatch(request.path)
        return self._of_one(request, *found.groups()) if found else missing()

    def _uc(self, request: Request, wanted: str) -> Answer:
        held = self._held.get(wanted)
        if isinstance(held, DriveFile) and (held.native or (held.warning and held.warning.form in _OLD)):
            return self._download(request, wanted)
        # What the request confirms is dropped on the way.
        location = f"{self.download_url}/download?{urlencode({'id': wanted, 'export': 'download'})}"
        return self._played(f"uc {wanted}", request, redirect_to(location, 303)(Answer(303, {})))

    def _download(self, request: Request, wanted: str) -> Answer:
        return self._played(f"download {wanted}", request, self._in_place(request, self._held.get(wanted)))

    def _in_place(self, request: Request, held: _Held | None) -> Answer:
        if not isinstance(held, DriveFile) or held.shortcut_to:
            return missing()
        if held.native:
            return native()
        confirmed = held.warning is None or self._confirms(request, held, held.warning)
        if held.problem and (confirmed or not held.problem_after_warning):
            return held.problem(self._bytes(request, held))
        if held.warning and not confirmed:
            return self._played(f"warning {held.id}", request, self._warning(held, held.warning))
        return self._played(held.id, request, self._bytes(request, held))

    def _bytes(self, request: Request, held: DriveFile) -> Answer:
        headers = {"Content-Type": held.mime, "Last-Modified": _MODIFIED, "Accept-Ranges": "bytes"}
        headers["Content-Disposition"] = _disposition(held.name)
        whole = Answer(200, headers, held.content, held.content, speed=held.speed or self.speed)
        due = ranged(whole, request.headers.get("range", "")) if held.honours_ranges else whole
        return due if held.announces_length or due.status == 416 else chunked(due)

    def _confirms(self, request: Request, held: DriveFile, warning: ScanWarning) -> bool:
        """Whether all that the warning handed out came back."""
        given = request.query | request.form if warning.form is Form.POST else request.query
        due = {**warning.hidden, **warning.plain, "confirm": "t" if warning.form is Form.GET else held.token}
        returned = due.items() <= given.items()
        known = not (warning.has_inputs and warning.needs_uuid) or (held.id, given.get("uuid", "")) in self._uuids
        has_cookie = not warning.needs_cookie or request.cookies.get(held.cookie) == held.token
        return returned and known and has_cookie and (warning.form is not Form.POST or request.method == "POST")

    def _warning(self, held: DriveFile, warning: ScanWarning) -> Answer:
        cookie = {"Set-Cookie": f"{held.cookie}={held.token}; Path=/"} if warning.needs_cookie else {}
        asked = {"export": "download", "id": held.id, "confirm": held.token}
        old, new = f"{self.web_url}/uc?{urlencode(asked)}", f"{self.download_url}/download"
        hidden = {"uuid": self._new_uuid(held.id), **warning.hidden}
        match warning.form:
            case Form.GET:
                fields = {**asked, "confirm": "t", **hidden}
                caption = "uc-error-caption" if warning.as_error else "uc-warning-caption"
                page = warning_page(held.name, form("download-form", new, "get", fields, warning.plain), caption)
            case Form.POST:
                page = warning_page(held.name, form("downloadForm", old, "post", hidden))
            case Form.LINK:
                page = warning_page(held.name, link(f"/uc?{urlencode({**asked, **warning.hidden})}"))
            case _:
                page = download_url(f"{new}?{urlencode({**asked, **warning.hidden})}", bare=warning.form is Form.JSON)
        return replace(page, headers={**page.headers, **cookie})

    def _new_uuid(self, about: str) -> str:
        with self._lock:
            made = secret(str(uuid.UUID(bytes=self._dice.randbytes(16), version=4)))
            self._uuids.add((about, made))
        return made

    def _open(self, request: Request, wanted: str) -> Answer:
        held = self._held.get(wanted)
        if not isinstance(held, DriveFile):
            return missing()
        place = f"{NATIVE[held.mime][0]}/d/{wanted}/edit" if held.native else f"file/d/{wanted}/view"
        return redirect_to(f"{self.web_url}/{place}")(Answer(302, {}))

    def _of_one(self, request: Request, kind: str, wanted: str, door: str) -> Answer:
        held = self._held.get(wanted)
        if not isinstance(held, DriveFile) or kind != (NATIVE[held.mime][0] if held.native else "file"):
            return missing()
        if door == "export" and held.native:
            return self._export(request, held)
        return html_page(f"{held.name} - Google Drive", "<p>A viewer, in scripts.</p>")

    def _export(self, request: Request, held: DriveFile) -> Answer:
        suffix = NATIVE[held.mime][1]
        if request.query.get("format") != suffix:
            return html_page("Error 400 (Bad Request)!!1", "<p>The server cannot process the request.</p>", 400)
        # It is made as it is asked for: no length, no ranges.
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": _disposition(f"{held.name}.{suffix}"),
        }
        due = chunked(Answer(200, headers, held.content, held.content, speed=held.speed or self.speed))
        return held.problem(due) if held.problem else self._played(held.id, request, due)

    def _folder_view(self, request: Request, wanted: str) -> Answer:
        held = self._held.get(wanted)
        if not isinstance(held, DriveFolder) or not held.visible:
            return missing()
        shown = self._in(wanted)[: held.view_limit]
        with self._lock:
            if held.empty_views:
                held.empty_views, shown = held.empty_views - 1, []
        page = folder_view(held.name, [(one.id, one.name, _link(one)) for one in shown])
        return self._played(f"folder {wanted}", request, page)

    def _api(self, request: Request) -> Answer:
        key = request.query.get("key", request.headers.get("x-goog-api-key"))
        if refused := refused_key(key, self.api_key):
            return refused(Answer(403, {}))
        wanted = request.path.removeprefix(_API).strip("/")
        if not wanted:
            return self._list(request)
        held = self._held.get(wanted)
        if held is None or (isinstance(held, DriveFolder) and not held.visible):
            return _NOT_FOUND(Answer(404, {}))
        if request.query.get("alt") == "media":
            return self._media(request, held)
        answer = api_says(record(held, request.query.get("fields", USUAL), self._mime))
        return self._played(f"meta {wanted}", request, answer)

    def _list(self, request: Request) -> Answer:
        wanted = folder_asked(request.query)
        if wanted is None:
            return api_error(400, "invalid", "Invalid Value")(Answer(400, {}))
        parent = self._held.get(wanted)
        shown = self._in(wanted) if isinstance(parent, DriveFolder) and parent.visible else []
        return self._played(f"list {wanted}", request, list_page(shown, request.query, self.page_size, self._mime))

    def _media(self, request: Request, held: _Held) -> Answer:
        if not isinstance(held, DriveFile) or held.native or held.shortcut_to:
            return _NO_BYTES(Answer(403, {}))
        if held.abusive and request.query.get("acknowledgeAbuse") != "true":
            return _ABUSIVE(Answer(403, {}))
        due = without("Content-Disposition")(self._bytes(request, held))
        return held.api_problem(due) if held.api_problem else self._played(held.id, request, due)

    def _in(self, folder: str) -> Sequence[_Held]:
        with self._lock:
            return [held for held in self._held.values() if held.folder == folder]

    def _mime(self, wanted: str) -> str:
        held = self._held.get(wanted)
        return held.type if held else ""

    def _played(self, key: str, request: Request, answer: Answer) -> Answer:
        return answer if request.method == "HEAD" else self.play(key, answer)


def _disposition(name: str) -> str:
    plain = re.sub(r'[^ -~]|["\\\\]', "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _link(held: _Held) -> str:
    if isinstance(held, DriveFolder):
        return f"{_DRIVE}/drive/folders/{held.id}"
    if held.native:
        return f"{_DOCS}/{NATIVE[held.mime][0]}/d/{held.id}/edit?usp=drive_web"
    return f"{_DRIVE}/file/d/{held.id}/view?usp=drive_web"
