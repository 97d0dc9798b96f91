"""Pages that Google Drive shows in place of a file: what they say, and how to continue.

English is requested, and yet their texts may come in any language, so they are distinguished by names of inputs and by
addresses first. One class, ``uc-error-caption``, stands for all errors alike: which one it is, its title and its text
say, as far as the patterns below know their words. A page may hold anything, so tags are found by expressions that look
at each character once, and everything is bounded. No available HTML parser keeps that promise: 64 KiB of a malicious
page take `html.parser` minutes, and one tag of 1 MB with 100,000 attributes takes lxml 35 s and selectolax 60 s.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from itertools import islice, pairwise
from typing import Final

from ...errors import cut

__all__ = ["PAGE_BYTES", "DrivePage", "Link", "WayOn", "entries_of", "links_of", "plain_text", "title_of"]

PAGE_BYTES: Final = 1024 * 1024
"""The part of a page that is read."""
_MOST_INPUTS: Final = 50
_LONGEST_VALUE: Final = 4096

# Possessive repetitions of groups end in (?!): see `_repeated` in content/json_scanner.py.
_TAG: Final = re.compile(
    r"""<(/?[a-zA-Z][a-zA-Z0-9]*+)((?:[^<>"']|"[^"<]*+"|'[^'<]*+'|(?!))++|(?<=[fF][oO][rR][mM]))>"""
)
"""A tag with attributes, or the begin or end of a form: all that say anything. A page may be a megabyte of others."""
_ATTRIBUTE: Final = re.compile(
    r"""(?<![\w:.-])([a-zA-Z][\w:.-]*+)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++)))?"""
)
_TITLE: Final = re.compile(r"<title[^<>]*+>([^<]*+)</title", re.IGNORECASE)
_DOWNLOAD_URL: Final = re.compile(r'"downloadUrl"\s*+:\s*+("(?:[^"\\\n]|\\.|(?!))*+")')
_LINK: Final = re.compile(
    r"""<a(?=[\s>])((?:[^<>"']|"[^"<]*+"|'[^'<]*+'|(?!))*+)>((?:[^<]++|<(?!/?a[\s/>])|(?!))*+)""", re.IGNORECASE
)
"""An opening tag, and what follows up to its end tag, or to the next link."""
_MARKUP: Final = re.compile(r"<[^<>]*+>?")
_ROBOT: Final = re.compile(r"automated queries|\bgoogle(?:\.[a-z]{2,3}){1,2}/sorry/", re.IGNORECASE)
_LOGIN: Final = re.compile(r"//accounts\.google\.com/")
_CONSENT: Final = re.compile(r"https://consent\.(?:google(?:\.[a-z]{2,3}){1,2}|youtube\.com)(?:[/:?]|$)")
_ENTRY_CLASS: Final = "flip-entry"
_FORMS: Final = frozenset({"download-form", "downloadForm"})
_NOT_SENT: Final = frozenset({"button", "reset", "image", "file"})
"""Types of inputs that a form is sent without, whatever their names."""
_ON_CHOICE: Final = frozenset({"checkbox", "radio"})
_ERROR_CLASSES: Final = frozenset({"uc-error-caption", "uc-error-subcaption"})
_BLOCK_END: Final = re.compile(r"</(?:p|div|h[1-6]|td)\b", re.IGNORECASE)
_MOST_ERROR_TEXTS: Final = 4
_LONGEST_ERROR_TEXT: Final = 2000
_LONGEST_TITLE: Final = 80
_ADDRESS: Final = re.compile(r"://|=")
"""What a title may hold that is not shown: an address, or what a query holds."""

_QUOTA_TITLE: Final = re.compile("quota exceeded")
_QUOTA: Final = re.compile(
    r"\bquota\b|kontingent|\bcuota\b|\bcota\b|quotum|квот|割り当て|配额|配額|할당량"
    r"|too many users|zu vielen nutzern|trop d.utilisateurs|demasiados usuarios|muitos usuários"
    r"|demasiados utilizadores|troppi utenti|te veel gebruikers|слишком много пользователей|多数のユーザー"
    r"|太多用户|过多用户|太多使用者|過多使用者|너무 많은 사용자|zbyt wielu użytkowników"
)
_FORBIDDEN_TITLE: Final = re.compile(
    r"can(?:not|'?t) download|kann nicht heruntergeladen werden|impossible de télécharger|no se puede descargar"
    r"|não é possível (?:baixar|fazer o download|transferir)|impossibile scaricare|kan .{0,40}niet .{0,40}download"
    r"|не(?:возможно| удается| удаётся) скачать"
    r"|nie można pobrać|ダウンロードできません|无法下载|無法下載|다운로드할 수 없"
)
_FORBIDDEN: Final = re.compile(
    r"given (?:you )?permission to download|owners? and editors can download|owner and editors alone"
)
_INFECTED: Final = re.compile(r"infected with a virus|download infected files")
_BLOCKED: Final = re.compile(r"violation of (?:our|google'?s) terms|violates (?:our|google'?s) terms")
_MISSING: Final = re.compile(r"(?:file|item) you (?:have )?requested does not exist|file does not exist")

Attributes = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class WayOn:
    """What to request after a warning. `address` may be relative, and may have a query."""

    address: str = field(repr=False)
    method: str = "GET"
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass
class _Form:
    attributes: Attributes
    fields: dict[str, str] = field(default_factory=dict)
    has_button: bool = False
    """Whether the field of the button that is pressed, the first one with a name, is among `fields`."""

    @property
    def is_confirmation(self) -> bool:
        confirms = "confirm" in self.fields or "confirm=" in self.attributes.get("action", "")
        return self.attributes.get("id") in _FORMS or confirms

    def take(self, tag: str, attributes: Attributes) -> None:
        """Takes an input, if a browser sends it, and it is within bounds."""
        name, kind = attributes.get("name", ""), attributes.get("type", "").lower()
        button = kind == "submit" or (tag == "button" and kind not in _NOT_SENT)
        if not name or kind in _NOT_SENT or "disabled" in attributes or (button and self.has_button):
            return
        if kind in _ON_CHOICE and "checked" not in attributes:
            return
        value = attributes.get("value", "on" if kind in _ON_CHOICE else "")
        if len(self.fields) < _MOST_INPUTS and len(name) + len(value) <= _LONGEST_VALUE:
            self.fields[name] = value
            self.has_button = self.has_button or button


class DrivePage:
    """One page, parsed."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tags = [(found[1].lower(), _attributes(found[2]), found.end()) for found in _TAG.finditer(text)]
        self._title = _folded(title_of(text) or "")
        self._errors = self._error_texts()

    @property
    def title(self) -> str:
        """The title for a message, shortened; ``""`` if there is none, or if it holds an address."""
        seen = " ".join("".join(one if one.isprintable() else " " for one in title_of(self._text) or "").split())
        return "" if _ADDRESS.search(seen) else cut(seen, _LONGEST_TITLE)

    @property
    def has_title(self) -> bool:
        """Whether it has a title, which may be in any words."""
        return bool(self._title)

    @property
    def is_error(self) -> bool:
        """Whether it is an error of Drive's, whichever."""
        return self._errors is not None

    @property
    def is_quota(self) -> bool:
        """Whether the file was downloaded too often."""
        named = self.is_error and bool(_QUOTA.search(self._title) or _QUOTA.search(self._errors or ""))
        return not self.is_infected and (named or bool(_QUOTA_TITLE.search(self._title)))

    @property
    def is_forbidden(self) -> bool:
        """Whether the owner does not allow viewers to download the file."""
        return not self.is_quota and (bool(_FORBIDDEN_TITLE.search(self._title)) or self._says(_FORBIDDEN))

    @property
    def is_infected(self) -> bool:
        """Whether the file is taken for malware."""
        return "infected" in self._title or self._says(_INFECTED)

    @property
    def is_blocked(self) -> bool:
        """Whether the file violates Google's terms."""
        return self._says(_BLOCKED)

    @property
    def is_missing(self) -> bool:
        """Whether there is no such file."""
        return self._says(_MISSING)

    @property
    def is_denied(self) -> bool:
        """Whether the file is not public."""
        return "access denied" in self._title

    @property
    def offers_login(self) -> bool:
        """Whether it has a link to the login. Check it last: many pages do."""
        return bool(_LOGIN.search(self._text))

    @property
    def is_consent(self) -> bool:
        """Whether Google asks for consent to its terms first."""
        actions = (attributes.get("action", "") for tag, attributes, _ in self._tags if tag == "form")
        return any(_CONSENT.match(action) for action in actions)

    @property
    def is_robot_check(self) -> bool:
        """Whether the client is taken for a robot."""
        if _ROBOT.search(self._text) or self._title.startswith("sorry..."):
            return True
        return any(
            attributes.get("id") == "captcha-form" or "g-recaptcha" in attributes.get("class", "").split()
            for _, attributes, _ in self._tags
        )

    def _error_texts(self) -> str | None:
        """The texts of the elements that tell an error, in lower case; None if there are none."""
        ends = (end for _, held, end in self._tags if _ERROR_CLASSES & set(held.get("class", "").split()))
        texts = [
            plain_text(_MARKUP.sub(" ", _BLOCK_END.split(self._text[end : end + _LONGEST_ERROR_TEXT], 1)[0]))
            for end in islice(ends, _MOST_ERROR_TEXTS)
        ]
        return _folded(" ".join(texts)) if texts else None

    def _says(self, words: re.Pattern[str]) -> bool:
        return bool(words.search(self._errors or ""))

    def way_on(self) -> WayOn | None:
        """What the virus-scan warning offers: a form, a link, or an address in a script. None for any other page."""
        return self._by_form() or self._by_link() or self._by_script()

    def _by_form(self) -> WayOn | None:
        """The form that confirms, with all its inputs as a browser sends them, whatever their types."""
        forms = [_Form(attributes) for tag, attributes, _ in self._tags if tag == "form"]
        named = {form.attributes["id"]: form for form in reversed(forms) if "id" in form.attributes}
        following, current = iter(forms), None
        for tag, attributes, _ in self._tags:
            if tag in ("form", "/form"):
                current = next(following) if tag == "form" else None
            elif tag in ("input", "button"):
                owner = named.get(attributes["form"]) if "form" in attributes else current
                if owner is not None:
                    owner.take(tag, attributes)
        form = next((form for form in forms if form.is_confirmation), None)
        if form is None:
            return None
        method = "POST" if form.attributes.get("method", "").lower() == "post" else "GET"
        return WayOn(form.attributes.get("action", ""), method, form.fields)

    def _by_link(self) -> WayOn | None:
        links = [attributes.get("href", "") for tag, attributes, _ in self._tags if tag == "a"]
        found = next((link for link in links if "confirm=" in link and "id=" in link), None)
        return None if found is None else WayOn(found)

    def _by_script(self) -> WayOn | None:
        found = _DOWNLOAD_URL.search(self._text)
        if found is None:
            return None
        try:
            return WayOn(json.loads(found[1]))
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Link:
    """The address of a link, and its visible text. `is_entry`: whether it is one of the entries of a folder's list."""

    address: str = field(repr=False)
    text: str
    is_entry: bool = False


def title_of(page: str) -> str | None:
    """The title of a page; None if it has none."""
    found = _TITLE.search(page)
    return plain_text(found[1]).strip() if found else None


def links_of(page: str, most: int) -> list[Link]:
    """The first `most` links of a page, in order."""
    return [
        Link(_attributes(found[1]).get("href", ""), _visible(found[2])) for found in islice(_LINK.finditer(page), most)
    ]


def entries_of(page: str, most: int) -> list[Link]:
    """The first `most` entries of a folder's list, each by its first link; one without a link has an empty address.

    A page that marks no entries has its links instead.
    """
    begins: list[int] = []
    titles: dict[int, int] = {}
    for found in _TAG.finditer(page):
        if _ENTRY_CLASS not in found[2] or found[1].lower() != "div":
            continue
        classes = _attributes(found[2]).get("class", "").split()
        if _ENTRY_CLASS in classes:
            begins.append(found.start())
        elif begins and f"{_ENTRY_CLASS}-title" in classes:
            titles.setdefault(begins[-1], found.end())
    if not begins:
        return links_of(page, most)
    return [
        _entry(page, start, stop, titles.get(start)) for start, stop in islice(pairwise([*begins, len(page)]), most)
    ]


def _entry(page: str, start: int, stop: int, title: int | None) -> Link:
    link = _LINK.search(page, start, stop)
    address = _attributes(link[1]).get("href", "") if link else ""
    if title is None:
        return Link(address, _visible(link[2]) if link else "", is_entry=True)
    end = page.find("</div", title, stop)
    return Link(address, _visible(page[title : stop if end < 0 else end]), is_entry=True)


def _folded(text: str) -> str:
    """`text` as the patterns expect it."""
    return " ".join(text.replace("\u2019", "'").lower().split())


def _visible(markup: str) -> str:
    if "<" not in markup:
        return plain_text(markup).strip()
    return "".join(plain_text(part).strip() for part in _MARKUP.split(markup))


def _attributes(text: str) -> Attributes:
    """The attributes in a tag, by their names in lower case; those without a value have an empty one."""
    if not text:
        return {}
    found = islice(_ATTRIBUTE.finditer(text), _MOST_INPUTS)
    return {one[1].lower(): plain_text(one[2] or one[3] or one[4] or "") for one in found}


def plain_text(text: str) -> str:
    """`text` with its character references resolved; unchanged if one of them is too large a number."""
    try:
        return unescape(text)
    except ValueError:  # Python reads no number of more than 4,300 digits
        return text
