"""Pages that Google Drive shows in place of a file: what they say, and how to continue.

Their texts come in all languages, so they are distinguished by classes, names of inputs and addresses; titles count
only if they are English, which is requested. A page may hold anything, so tags are found by expressions that look at
each character once, and everything is bounded. No available HTML parser keeps that promise: 64 KiB of a malicious page
take `html.parser` minutes, and one tag of 1 MB with 100,000 attributes takes lxml 35 s and selectolax 60 s.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from itertools import islice
from typing import Final

__all__ = ["PAGE_BYTES", "DrivePage", "Link", "WayOn", "links_of", "plain_text", "title_of"]

PAGE_BYTES: Final = 1024 * 1024
"""The part of a page that is read."""
_MOST_INPUTS: Final = 50
_LONGEST_VALUE: Final = 4096

_TAG: Final = re.compile(r"""<(/?[a-zA-Z][a-zA-Z0-9]*+)((?:[^<>"']|"[^"<]*+"|'[^'<]*+')*+)>""")
_ATTRIBUTE: Final = re.compile(r"""(?<![\w:.-])([a-zA-Z][\w:.-]*+)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))""")
_TITLE: Final = re.compile(r"<title[^<>]*+>([^<]*+)</title", re.IGNORECASE)
_DOWNLOAD_URL: Final = re.compile(r'"downloadUrl"\s*+:\s*+("(?:[^"\\\n]|\\.)*+")')
_LINK: Final = re.compile(
    r"""<a(?=[\s>])((?:[^<>"']|"[^"<]*+"|'[^'<]*+')*+)>((?:[^<]++|<(?!/?a[\s/>]))*+)""", re.IGNORECASE
)
"""An opening tag, and what follows up to its end tag, or to the next link."""
_MARKUP: Final = re.compile(r"<[^<>]*+>?")
_ROBOT: Final = re.compile(r"automated queries|google\.com/sorry/", re.IGNORECASE)
_LOGIN: Final = re.compile(r"//accounts\.google\.com/")
_FORMS: Final = frozenset({"download-form", "downloadForm"})

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
    hidden: dict[str, str] = field(default_factory=dict)

    @property
    def is_confirmation(self) -> bool:
        confirms = "confirm" in self.hidden or "confirm=" in self.attributes.get("action", "")
        return self.attributes.get("id") in _FORMS or confirms


class DrivePage:
    """One page, parsed."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tags = [(found[1].lower(), _attributes(found[2])) for found in _TAG.finditer(text)]
        self._title = (title_of(text) or "").lower()
        self._classes = {name for _, held in self._tags for name in held.get("class", "").split()}

    @property
    def is_quota(self) -> bool:
        """Whether the file was downloaded too often."""
        return "quota exceeded" in self._title or (not self.is_infected and "uc-error-caption" in self._classes)

    @property
    def is_infected(self) -> bool:
        """Whether the file is taken for malware."""
        return "infected" in self._title

    @property
    def is_denied(self) -> bool:
        """Whether the file is not public. Check it last: many pages have a link to the login."""
        return "access denied" in self._title or bool(_LOGIN.search(self._text))

    @property
    def is_robot_check(self) -> bool:
        """Whether the client is taken for a robot."""
        return bool(_ROBOT.search(self._text)) or self._title.startswith("sorry...")

    def way_on(self) -> WayOn | None:
        """What the virus-scan warning offers: a form, a link, or an address in a script. None for any other page."""
        return self._by_form() or self._by_link() or self._by_script()

    def _by_form(self) -> WayOn | None:
        forms: list[_Form] = []
        for tag, attributes in self._tags:
            if tag == "form":
                forms.append(_Form(attributes))
            elif forms and tag == "input" and attributes.get("type", "").lower() == "hidden":
                hidden = forms[-1].hidden
                name, value = attributes.get("name", ""), attributes.get("value", "")
                if name and len(hidden) < _MOST_INPUTS and len(name) + len(value) <= _LONGEST_VALUE:
                    hidden[name] = value
        form = next((form for form in forms if form.is_confirmation), None)
        if form is None:
            return None
        method = "POST" if form.attributes.get("method", "").lower() == "post" else "GET"
        return WayOn(form.attributes.get("action", ""), method, form.hidden)

    def _by_link(self) -> WayOn | None:
        links = [attributes.get("href", "") for tag, attributes in self._tags if tag == "a"]
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
    """The address of a link, and its visible text."""

    address: str = field(repr=False)
    text: str


def title_of(page: str) -> str | None:
    """The title of a page; None if it has none."""
    found = _TITLE.search(page)
    return plain_text(found[1]).strip() if found else None


def links_of(page: str, most: int) -> list[Link]:
    """The first `most` links of a page, in order."""
    links: list[Link] = []
    for found in islice(_LINK.finditer(page), most):
        seen = "".join(plain_text(part).strip() for part in _MARKUP.split(found[2]))
        links.append(Link(_attributes(found[1]).get("href", ""), seen))
    return links


def _attributes(text: str) -> Attributes:
    found = islice(_ATTRIBUTE.finditer(text), _MOST_INPUTS)
    return {one[1].lower(): plain_text(one[2] or one[3] or one[4] or "") for one in found}


def plain_text(text: str) -> str:
    """`text` with its character references resolved; unchanged if one of them is too large a number."""
    try:
        return unescape(text)
    except ValueError:  # Python reads no number of more than 4,300 digits
        return text
