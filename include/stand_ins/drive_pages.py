"""The pages that Google Drive shows in place of a file, and the errors of its API, as faults (see `wire`).

Each is a `Fault`: it can stand for good (`DriveFile.problem`) or be scripted for one answer (`DriveServer.script`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

from .wire import Answer, Fault, refuse

__all__ = [
    "access_denied",
    "api_error",
    "api_says",
    "automated_queries",
    "captcha",
    "consent_page",
    "download_url",
    "downloads_forbidden",
    "folder_view",
    "form",
    "html_page",
    "link",
    "login",
    "missing",
    "native",
    "quota_exceeded",
    "redirect_to",
    "too_many_requests",
    "unknown_error",
    "warning_page",
]

_HTML: Final = "text/html; charset=utf-8"
_JSON: Final = "application/json; charset=UTF-8"

_QUOTA: Final = {
    "en": (
        "Google Drive - Quota exceeded",
        "Sorry, you can't view or download this file at this time.",
        "Too many users have viewed or downloaded this file recently. It may take up to 24 hours until it can be had.",
    ),
    "de": (
        "Google Drive - Kontingent überschritten",
        "Sie können diese Datei momentan leider nicht ansehen oder herunterladen.",
        "Diese Datei wurde in letzter Zeit von zu vielen Nutzern aufgerufen oder heruntergeladen.",
    ),
    "ja": (
        "Google ドライブ - 割り当て超過",
        "現在、このファイルの表示やダウンロードはできません。",
        "最近、多数のユーザーがこのファイルを表示またはダウンロードしています。",
    ),
}
_FORBIDDEN: Final = {
    "en": (
        "Google Drive - Can't download file",
        "Sorry, the owner hasn't given you permission to download this file.",
        "Only the owner and editors can download this file. To download it, please contact the owner.",
    ),
    "de": (
        "Google Drive \u2013 Datei kann nicht heruntergeladen werden",
        "Der Eigent\u00fcmer hat Ihnen keine Berechtigung zum Herunterladen dieser Datei gegeben.",
        "Nur Eigent\u00fcmer und Mitbearbeiter k\u00f6nnen diese Datei herunterladen.",
    ),
    "text": (
        "Google Drive",
        "Sorry, the owner hasn\u2019t given you permission to download this file.",
        "Only the owner and editors can download this file.",
    ),
}
_ERROR: Final = '<p class="uc-error-caption">{}</p><p class="uc-error-subcaption">{}</p>'


def html_page(title: str, body: str, status: int = 200, **headers: str) -> Answer:
    """A page."""
    text = f"<!DOCTYPE html><html><head><title>{escape(title)}</title></head><body>{body}</body></html>"
    return refuse(status, text.encode(), Content_Type=_HTML, **headers)(Answer(status, {}))


def _shows(title: str, body: str, status: int, **headers: str) -> Fault:
    return lambda _: html_page(title, body, status, **headers)


def quota_exceeded(status: int = 200, language: str = "en") -> Fault:
    """Too many have fetched the file: 200, 403 or 429. The text is in `language` (en, de, ja), the classes are not."""
    title, caption, subcaption = _QUOTA[language]
    return _shows(title, _ERROR.format(escape(caption), escape(subcaption)), status)


def downloads_forbidden(language: str = "en") -> Fault:
    """The owner does not let viewers download the file: HTTP 200, and the classes of a quota's page."""
    return _error_page(*_FORBIDDEN[language])


def unknown_error(title: str) -> Fault:
    """An error of Drive's in a language or of a kind that is new: its classes are those of all errors."""
    return _error_page(title, "Samahani, huwezi kupakua faili hii.", "Jaribu tena baadaye.")


def _error_page(title: str, caption: str, subcaption: str) -> Fault:
    return _shows(title, _ERROR.format(escape(caption), escape(subcaption)), 200)


def access_denied(status: int = 200) -> Fault:
    """A private file, as a page."""
    return _shows(
        "Google Drive - Access Denied", "<p>You need access</p><p>Ask for access, or switch account.</p>", status
    )


def login(host: str = "https://accounts.google.com") -> Fault:
    """A private file, as a redirect to the login on another host."""
    return redirect_to(f"{host}/ServiceLogin?service=wise&passive=1209600&continue=https://drive.google.com/")


def redirect_to(address: str, status: int = 302) -> Fault:
    """Sends the client to any address."""
    return _shows("Moved", "<h1>Moved</h1>", status, Location=address)


def missing(_: Answer | None = None) -> Answer:
    """No such file."""
    return html_page("Error 404 (Not Found)!!1", "<p>The requested URL was not found on this server.</p>", 404)


def native(_: Answer | None = None) -> Answer:
    """What ``/uc`` says of a document that has no bytes of its own."""
    return html_page("Google Docs - Error", "<p>Sorry, unable to open the file at this time.</p>", 500)


def too_many_requests(retry_after: str = "") -> Fault:
    """429, as a page, with ``Retry-After`` where it is given."""
    headers = {"Retry_After": retry_after} if retry_after else {}
    return _shows(
        "Error 429 (Too Many Requests)!!1", "<p>We're sorry, you have sent too many requests.</p>", 429, **headers
    )


def automated_queries(_: Answer | None = None) -> Answer:
    """403: Google takes the client for a robot."""
    text = "... but your computer or network may be sending automated queries. We can't process your request right now."
    return html_page("Sorry...", f"<h1>We're sorry...</h1><p>{text}</p>", 403)


def captcha(status: int = 403) -> Fault:
    """The check for robots in a language other than English: only its form tells what it is."""
    solve = form("captcha-form", "index", "post", {"q": "x", "continue": "https://drive.google.com/"})
    return _shows(
        "https://drive.google.com/uc?id=x", f"{solve}<p>Unsere Systeme haben Datenverkehr erkannt.</p>", status
    )


def consent_page(_: Answer | None = None) -> Answer:
    """Google asks for consent to its terms, as a page of the answer itself."""
    agree = form("", "https://consent.google.com/save", "post", {"continue": "https://drive.google.com/", "gl": "DE"})
    return html_page("Bevor Sie zu Google weitergehen", agree)


def api_error(status: int, reason: str, message: str = "No.", detail: str = "", **headers: str) -> Fault:
    """An error of the API. `detail`: the exact reason, where it has one, such as ``API_KEY_INVALID``."""
    held: dict[str, object] = {
        "code": status,
        "message": message,
        "errors": [{"message": message, "domain": "usageLimits", "reason": reason}],
    }
    if detail:
        kind = "type.googleapis.com/google.rpc.ErrorInfo"
        held["details"] = [{"@type": kind, "reason": detail, "domain": "googleapis.com"}]
    return refuse(status, json.dumps({"error": held}).encode(), Content_Type=_JSON, **headers)


def api_says(held: object) -> Answer:
    """An answer of the API."""
    return Answer(200, {"Content-Type": _JSON}, json.dumps(held).encode())


def form(called: str, action: str, method: str, hidden: Mapping[str, str], plain: Mapping[str, str] = {}) -> str:
    """A form with hidden inputs, and with `plain` ones that have no type."""
    held = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in hidden.items()
    )
    held += "".join(f'<input name="{escape(name)}" value="{escape(value)}">' for name, value in plain.items())
    button = '<input type="submit" id="uc-download-link" value="Download anyway"/>'
    return f'<form id="{called}" action="{escape(action)}" method="{method}">{button}{held}</form>'


def link(address: str) -> str:
    """The way on as a link."""
    return f'<a id="uc-download-link" href="{escape(address)}">Download anyway</a>'


def download_url(address: str, *, bare: bool) -> Answer:
    """The way on in JSON: within a page's script, or bare."""
    held = json.dumps(
        {"disposition": "SCAN_CLEAN", "downloadUrl": address, "scanResult": "WARNING"}, separators=(",", ":")
    )
    escaped = held.replace("=", r"\u003d").replace("&", r"\u0026")
    if bare:
        return Answer(200, {"Content-Type": _JSON}, b")]}'\n" + escaped.encode())
    return html_page("Google Drive - Virus scan warning", f"<script>var _data = {escaped};</script>")


def warning_page(name: str, way_on: str, caption: str = "uc-warning-caption") -> Answer:
    """The virus-scan warning; `way_on` is its form or link. `caption`: the class of its text."""
    text = f'<p class="{caption}">Google Drive can\'t scan this file for viruses.</p><a>{escape(name)}</a>'
    return html_page("Google Drive - Virus scan warning", f"{text}{way_on}")


def folder_view(title: str, entries: Iterable[tuple[str, str, str]]) -> Answer:
    """One level of a public folder, of (id, name, link). A link may carry a resource key."""
    return html_page(title, f'<div class="flip-entries">{"".join(_entry(*entry) for entry in entries)}</div>')


def _entry(id: str, name: str, link: str) -> str:  # noqa: A002 - Drive's own name
    return (
        f'<div class="flip-entry" id="entry-{id}" tabindex="0" role="link"><div class="flip-entry-info">'
        f'<a href="{escape(link)}" target="_blank"><div class="flip-entry-visual"></div>'
        f'<div class="flip-entry-title">{escape(name)}</div></a></div>'
        '<div class="flip-entry-last-modified"><div>1/2/26</div></div></div>'
    )
