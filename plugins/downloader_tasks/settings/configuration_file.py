"""Reads a YAML file as plain values with their lines, with the environment filled in.

Stricter than YAML: no key twice, a value is written where it is used (no aliases), and there are no types but
texts, numbers, true and false, null, lists and groups of keys. The environment is filled in after parsing and in single
values only, so that what a variable holds is never read as YAML.

The nodes come from ruamel.yaml. Its round-trip loader knows lines as well, but resolves aliases, tags and dates before
anything can refuse them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.scanner import Scanner

from downloader.errors import cut
from downloader.report import escape, visible

from ..failures import SetupError

__all__ = ["ConfigurationError", "Document", "KeyPath", "Problem", "parse", "read", "shown_value"]

KeyPath = tuple[str | int, ...]
"""Where a value stands: the keys, and the numbers in lists, that lead to it."""

_MOST_BYTES: Final = 64 * 1024
"""Many times the size of the shipped file. The parser takes seconds for more, and for some texts minutes."""
_DEEPEST: Final = 200
"""Lists and groups in brackets within each other. Python's stack allows for some hundred."""
_MOST_PROBLEMS: Final = 20
"""Problems that are shown one by one; the others are counted."""
_LONGEST_PATH: Final = 120
_LONGEST_PROBLEM: Final = 400
_LONGEST_SHOWN: Final = 60
_LONGEST_NUMBER: Final = 100
_REFERENCE: Final = re.compile(r"\$\$|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}$]*))?\}|\$\{")
_USER_INFO: Final = re.compile(r"://[^/\s]*@")
_OWN_TAG: Final = "tag:yaml.org,2002:"
_TEXTS: Final = frozenset({f"{_OWN_TAG}str", f"{_OWN_TAG}timestamp"})
_TAGS: Final = frozenset(f"{_OWN_TAG}{kind}" for kind in ("int", "float", "bool", "null"))
_UNREADABLE: Final = (YAMLError, ValueError, ArithmeticError, LookupError)
"""What the parser raises for a text that is no YAML, or a value that is none of its type."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: at which line (0: nowhere in particular), with which key, and what to do."""

    line: int
    path: KeyPath
    what: str

    def __str__(self) -> str:
        where = [f"line {self.line}"] if self.line else []
        where += [cut(escape(dotted(self.path)), _LONGEST_PATH)] if self.path else []
        what = cut(visible(self.what).replace("\n", "\\n"), _LONGEST_PROBLEM)
        return f"{', '.join(where)}: {what}" if where else what


class ConfigurationError(SetupError):
    """The configuration cannot be used. Names the file, and for each problem its line and key."""

    def __init__(self, file: Path, problems: list[Problem]) -> None:
        self.file = file
        self.problems = sorted(problems, key=lambda problem: (problem.line, dotted(problem.path)))
        super().__init__(self._text())

    def _text(self) -> str:
        if len(self.problems) == 1:
            return f"{self.file}{', ' if self.problems[0].line else ' '}{self.problems[0]}"
        shown = [str(problem) for problem in self.problems[:_MOST_PROBLEMS]]
        if len(shown) < len(self.problems):
            shown.append(f"and {len(self.problems) - len(shown):,} more")
        return f"{self.file} has {len(self.problems):,} problems:" + "".join(f"\n  {line}" for line in shown)


@dataclass(slots=True)
class Document:
    """What a file holds. `filled`: the values that came from the environment, as they are written in the file."""

    values: dict[str, object] = field(default_factory=dict)
    lines: dict[KeyPath, int] = field(default_factory=dict)
    filled: dict[KeyPath, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line_of(self, path: KeyPath) -> int:
        """The line of the key at `path`, or of the nearest group above it that is written down."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)

    def complain(self, path: KeyPath, what: str, line: int | None = None) -> None:
        """Notes a problem."""
        self.problems.append(Problem(self.line_of(path) if line is None else line, path, what))


def dotted(path: KeyPath) -> str:
    """A path as it is shown: ``slooh.image_hosts[0]``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def read(file: Path, environ: Mapping[str, str]) -> Document:
    """What `file` holds, and what is wrong with it so far. Raises ConfigurationError where it cannot be read at all."""
    return parse(_text(file), file, environ)


class _Scanner(Scanner):
    """Refuses brackets within brackets early: it looks at all that are open for each that follows."""

    def fetch_flow_collection_start(self, TokenClass: Any, to_push: str) -> None:  # noqa: N803 that is what it is called
        if len(self.flow_context) >= _DEEPEST:
            raise RecursionError
        super().fetch_flow_collection_start(TokenClass, to_push)


def parse(text: str, file: Path, environ: Mapping[str, str]) -> Document:
    """As `read`, of a text that stands for what is in `file`."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Scanner = _Scanner
    try:
        root = yaml.compose(text)
    except RecursionError:
        problem = Problem(0, (), "is not valid YAML (it is nested without end)")
    except _UNREADABLE as error:
        problem = _syntax(error)
    else:
        return _document(root, _Reader(yaml, environ))
    raise ConfigurationError(file, [problem])


def _text(file: Path) -> str:
    """What `file` holds. Raises ConfigurationError where it cannot be read."""
    try:
        with file.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
        if len(data) <= _MOST_BYTES:
            return data.decode("utf-8")
        problem = f"has more than {_MOST_BYTES // 1024} KiB, which is too large for a configuration"
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    except UnicodeDecodeError:
        problem = "is not written in UTF-8; save it in that encoding"
    raise ConfigurationError(file, [Problem(0, (), problem)])


def _document(root: Node | None, reader: _Reader) -> Document:
    if isinstance(root, MappingNode):
        reader.document.values = reader.group(root, ())
    elif root is not None and root.tag != f"{_OWN_TAG}null":
        reader.document.complain((), "is not a group of keys; write it as `section:` with `key: value` below", 1)
    return reader.document


def _short(tag: str) -> str:
    """A tag as it is written in a file."""
    return f"!!{tag.removeprefix(_OWN_TAG)}" if tag.startswith(_OWN_TAG) else tag


def shown_value(value: object) -> str:
    """A value for a message: on one line, cut, without the user and the password of an address."""
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return cut(_USER_INFO.sub("://***@", text), _LONGEST_SHOWN)


def _is_text(text: str) -> bool:
    """Whether it can be written at all: YAML's escapes make halves of surrogate pairs."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _syntax(error: Exception) -> Problem:
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    what = "a number or a character in it is not valid"
    if isinstance(error, YAMLError):
        what = getattr(error, "problem", None) or str(error).partition("\n")[0]
    return Problem(mark.line + 1 if mark else 0, (), f"is not valid YAML ({what})")


class _Reader:
    """Walks the nodes of one file; what it meets on the way is noted in `document`."""

    def __init__(self, yaml: YAML, environ: Mapping[str, str]) -> None:
        self.document = Document()
        self._yaml = yaml
        self._environ = environ
        self._seen: set[int] = set()

    def group(self, node: MappingNode, path: KeyPath) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if not (isinstance(key, ScalarNode) and _is_text(name)):
                self.document.complain(path, "has a key that is not a word; write one of the known keys", line)
                continue
            here = (*path, name)
            if name in found:
                self.document.complain(
                    here, f"is given again here, first in line {self.document.lines[here]}; keep one", line
                )
                continue
            self.document.lines[here] = line
            found[name] = self.value(value, here)
        return found

    def value(self, node: Node, path: KeyPath) -> object:
        if id(node) in self._seen:
            self.document.complain(path, "is an alias (*name); write the value out")
            return None
        self._seen.add(id(node))
        if isinstance(node, MappingNode):
            return self.group(node, path)
        if isinstance(node, SequenceNode):
            return list(self._items(node, path))
        return self._scalar(node, str(node.value), path)

    def _items(self, node: SequenceNode, path: KeyPath) -> Iterator[object]:
        for number, item in enumerate(node.value):
            here = (*path, number)
            self.document.lines[here] = item.start_mark.line + 1
            yield self.value(item, here)

    def _scalar(self, node: Node, text: str, path: KeyPath) -> object:
        if node.tag in _TEXTS:
            return self._fill(text, path)
        if node.tag not in _TAGS:
            self.document.complain(path, f"has the type {_short(str(node.tag))}; write a plain value")
            return text
        try:
            if len(text) <= _LONGEST_NUMBER:
                return self._yaml.constructor.construct_object(node)
        except _UNREADABLE:
            pass
        self.document.complain(path, f"is {shown_value(text)}, which cannot be read; put it in quotes if it is a text")
        return text

    def _fill(self, text: str, path: KeyPath) -> str:
        """`text` with its variables filled in, once: what they hold is not looked at again."""

        def value_of(found: re.Match[str]) -> str:
            if found[0] == "$$":
                return "$"
            self.document.filled[path] = text
            if found["name"] is None:
                self.document.complain(
                    path, "has `${` without a name; write ${NAME}, ${NAME:-default}, or $$ for a dollar"
                )
                return ""
            return self._variable(found["name"], found["default"], path)

        return _REFERENCE.sub(value_of, text)

    def _variable(self, name: str, default: str | None, path: KeyPath) -> str:
        value = self._environ.get(name)
        if default is not None:
            return value or default
        if value is None:
            self.document.complain(
                path, f"needs the environment variable {name}, which is not set; set it, or write ${{{name}:-default}}"
            )
        return value or ""
