"""Secrets that somebody wrote into a program by hand: where they turned up, nobody would know them again."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

__all__ = ["secret_literals"]

_NAMES: Final = re.compile(
    r"(?:^|[^a-z])(?:(?:ssl)?passw(?:or)?d|passwd|secret|(?:secret(?:[_-]access)?|api)[_-]?key|token"
    r"|authorization|(?<!skip.)signature|set[_-]cookie)$",
    re.IGNORECASE,
)
"""Of variables, arguments, fields and settings that hold a secret.

A ``nextPageToken`` opens nothing, and the ``resource_key`` of a shared file stands in manifests for all to read.
"""
_IN_TEXT: Final = re.compile(
    r"[?&](?:x-amz-)?(?:sig(?:nature)?|(?:security-)?token|key|credential)=[^{*&\s\"']{3}"  # a signed query
    r"|://[^/\s:@]+:[^/\s@{*]+@"  # a login in an address
    r"|cookie[\"']?: [^=;\s]+=[^\s\"';{*%]{3}"
    r"|(?:passw(?:or)?d|secret|secret_key|token)[\"']?[:=] ?[\"']?[^\s\"':=,.;|){%]{3}",  # a setting
    re.IGNORECASE,
)


def secret_literals(program: str) -> list[int]:
    """The lines in which something that is named as secrets are is given a value by hand."""
    tree = ast.parse(program)
    named = (value.lineno for name, value in _given(tree) if _NAMES.search(name) and _is_written_out(value))
    spelt = (node.lineno for node in ast.walk(tree) if isinstance(node, ast.Constant) and _IN_TEXT.search(_text(node)))
    return sorted({*named, *spelt})


def _given(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """All that is given a name: variables, attributes, entries, arguments and their defaults."""
    for node in ast.walk(tree):
        match node:
            case ast.Dict():
                yield from ((_named(key), value) for key, value in zip(node.keys, node.values, strict=True))
            case ast.Assign():
                yield from ((_named(name), node.value) for name in node.targets)
            case ast.AnnAssign(value=ast.expr() as value):
                yield _named(node.target), value
            case ast.keyword(arg=str(name)):
                yield name, node.value
            case ast.Call():
                yield from ((_named(name), value) for name, value in pairwise(node.args))
            case ast.arguments():
                yield from _defaults(node)


def _defaults(node: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    placed = [*node.posonlyargs, *node.args]
    given = zip(placed[len(placed) - len(node.defaults) :], node.defaults, strict=True)
    for argument, default in (*given, *zip(node.kwonlyargs, node.kw_defaults, strict=True)):
        if default is not None:
            yield argument.arg, default


def _named(node: ast.expr | None) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.expr() as inner):
            return _named(inner)
        case ast.Constant():
            return _text(node)
    return ""


def _is_written_out(value: ast.expr) -> bool:
    if isinstance(value, ast.BinOp):
        return _is_written_out(value.left)
    if isinstance(value, ast.JoinedStr):
        return all(isinstance(part, ast.Constant) for part in value.values)
    return isinstance(value, ast.Constant) and bool(_text(value))


def _text(node: ast.Constant) -> str:
    held = node.value
    return held.decode("latin-1") if isinstance(held, bytes) else held if isinstance(held, str) else ""
