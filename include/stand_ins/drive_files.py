"""What lies in the stand-in Drive: files and folders, each with its quirks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cached_property
from typing import Final

from .contents import FileContent, digest
from .secrets import secret
from .wire import Fault

__all__ = ["FOLDER", "NATIVE", "SHORTCUT", "DriveFile", "DriveFolder", "Form", "ScanWarning", "file_id"]

FOLDER: Final = "application/vnd.google-apps.folder"
SHORTCUT: Final = "application/vnd.google-apps.shortcut"
NATIVE: Final = {
    "application/vnd.google-apps.document": ("document", "docx"),
    "application/vnd.google-apps.spreadsheet": ("spreadsheets", "xlsx"),
    "application/vnd.google-apps.presentation": ("presentation", "pptx"),
}
"""MIME types of documents that have no bytes of their own: the kind in their address, and what they are exported as."""


def file_id(word: str) -> str:
    """An id of the usual length that says what it is: some clients know ids by their length."""
    return f"1{word}".ljust(33, "_")


class Form(Enum):
    """How the virus-scan warning offers the way on."""

    GET = auto()
    """A form that is sent by GET: ``confirm=t`` and a uuid among its hidden inputs."""
    POST = auto()
    """A form that is posted, with a cookie; its address carries the confirmation."""
    LINK = auto()
    """A link with ``confirm=TOKEN``, together with a cookie."""
    JSON_PAGE = auto()
    """A page with a script in which ``"downloadUrl"`` stands, its signs escaped (``\\u003d``)."""
    JSON = auto()
    """The same as bare JSON."""


@dataclass(frozen=True)
class ScanWarning:
    """A file's virus-scan warning. What it hands out (hidden inputs, token, cookie) has to come back."""

    form: Form = Form.GET
    needs_uuid: bool = True
    """Forms only: whether ``confirm`` without the page's uuid is not enough."""
    hidden: Mapping[str, str] = field(default_factory=dict)
    """Further hidden inputs, such as ``at`` or ``authuser``."""
    plain: Mapping[str, str] = field(default_factory=dict)
    """Further inputs that are not hidden."""
    as_error: bool = False
    """Forms only: whether its text bears the class of errors."""
    cookie: bool | None = None
    """Whether a cookie has to come back; None: as is usual for the form."""

    @property
    def needs_cookie(self) -> bool:
        """Whether a cookie has to come back."""
        return self.form in {Form.POST, Form.LINK} if self.cookie is None else self.cookie

    @property
    def has_inputs(self) -> bool:
        """Whether it is a form."""
        return self.form in {Form.GET, Form.POST}


@dataclass
class DriveFile:
    """A file, a native document (by its MIME type), or a shortcut (by `shortcut_to`)."""

    id: str
    name: str
    content: FileContent = b""
    """Of a native document: what its export is."""
    mime: str = "application/octet-stream"
    folder: str = ""
    warning: ScanWarning | None = None
    problem: Fault | None = None
    """What the web shows instead of the bytes: `quota_exceeded()`, `login()`, ... or any other fault, every time."""
    problem_after_warning: bool = False
    """Whether the warning comes first."""
    api_problem: Fault | None = None
    """What the API answers instead of the bytes: `api_error(403, "downloadQuotaExceeded")`, ..."""
    honours_ranges: bool = True
    announces_length: bool = True
    """False: chunked."""
    abusive: bool = False
    """Whether the API wants ``acknowledgeAbuse=true``."""
    shortcut_to: str = ""
    """The id that this shortcut leads to."""
    api_fields: Mapping[str, str | None] = field(default_factory=dict)
    """Fields of the API's record that replace the right ones; None leaves one out: ``{"md5Checksum": None}``."""
    speed: float = 0.0
    """Bytes a second of one stream; 0: the server's."""

    @property
    def type(self) -> str:
        """Its MIME type; a shortcut's."""
        return SHORTCUT if self.shortcut_to else self.mime

    @property
    def native(self) -> bool:
        """Whether it has no bytes of its own."""
        return self.type in NATIVE

    @property
    def token(self) -> str:
        """What ``confirm`` says in the older forms."""
        return secret(f"confirm-{digest(self.id.encode(), 'md5')[:4]}")

    @property
    def cookie(self) -> str:
        """The name of the warning's cookie; its value is the token."""
        return f"download_warning_13058876669334088843_{self.id}"

    @cached_property
    def checksums(self) -> dict[str, str]:
        """What the API says of the content."""
        return {f"{name}Checksum": digest(self.content, name) for name in ("md5", "sha256")}


@dataclass
class DriveFolder:
    """A folder."""

    id: str
    name: str
    folder: str = ""
    """The one that it lies in."""
    visible: bool = True
    view_limit: int | None = None
    """How many entries the public view shows, without a word about the others."""
    empty_views: int = 0
    """How many times the public view is empty at first."""

    @property
    def type(self) -> str:
        """Its MIME type."""
        return FOLDER
