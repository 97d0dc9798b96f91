"""Reads a YAML file as plain values that remember their lines, with the environment filled in.

Stricter than YAML: a key stands once, a value is written where it is used (no aliases), and there are no types but
texts, numbers, true and false, null, lists and groups of keys. The environment is filled in after parsing and in single
values only, so that what a variable holds is never read as YAML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

__all__ = ["ConfigurationError", "Document", "KeyPath", "Problem", "read"]

KeyPath = tuple[str | int, ...]
"""Where a value stands: the keys, and the numbers in lists, that lead to it."""

_REFERENCE: Final = re.compile(r"\$\$|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}$]*))?\}|\$\{")
_OWN_TAG: Final = "tag:yaml.org,2002:"
_TEXTS: Final = frozenset({f"{_OWN_TAG}str", f"{_OWN_TAG}timestamp"})
_TAGS: Final = frozenset(f"{_OWN_TAG}{kind}" for kind in ("int", "float", "bool", "null"))


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: at which line (0: nowhere in particular), with which key, and what to do."""

    line: int
    path: KeyPath
    what: str

    def __str__(self) -> str:
        where = [f"line {self.line}"] if self.line else []
        where += [dotted(self.path)] if self.path else []
        return f"{', '.join(where)}: {self.what}" if where else self.what


class ConfigurationError(Exception):
    """The configuration cannot be used. Names the file, and for each problem its line and key."""

    def __init__(self, file: Path, problems: list[Problem]) -> None:
        self.file = file
        self.problems = sorted(problems, key=lambda problem: (problem.line, dotted(problem.path)))
        super().__init__(self._text())

    def _text(self) -> str:
        if len(self.problems) == 1:
            return f"{self.file}{', ' if self.problems[0].line else ' '}{self.problems[0]}"
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        return f"{self.file} has {len(self.problems)} problems:{lines}"


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
    yaml = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(file.read_bytes().decode("utf-8"))
    except OSError as error:
        raise ConfigurationError(file, [Problem(0, (), f"cannot be read ({error.strerror})")]) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(file, [Problem(0, (), "is not written in UTF-8; save it in that encoding")]) from error
    except YAMLError as error:
        raise ConfigurationError(file, [_syntax(error)]) from error
    reader = _Reader(yaml, environ)
    if isinstance(root, MappingNode):
        reader.document.values = reader.group(root, ())
    elif root is not None and root.tag != f"{_OWN_TAG}null":
        reader.document.complain((), "is no group of keys; write it as `section:` with `key: value` below", 1)
    return reader.document


def _short(tag: str) -> str:
    """A tag as it is written in a file."""
    return f"!!{tag.removeprefix(_OWN_TAG)}" if tag.startswith(_OWN_TAG) else tag


def _syntax(error: YAMLError) -> Problem:
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    what = getattr(error, "problem", None) or str(error).partition("\n")[0]
    return Problem(mark.line + 1 if mark else 0, (), f"is no valid YAML ({what})")


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
            here = (*path, name)
            if name in found:
                self.document.complain(
                    here, f"stands here again, first in line {self.document.lines[here]}; keep one", line
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
            return self._yaml.constructor.construct_object(node)
        except (YAMLError, ValueError):
            self.document.complain(path, f"is {text!r}, which cannot be read; put it in quotes if it is a text")
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
