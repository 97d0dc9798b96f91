"""Checks what a schedule hands over against the parameters of its DAG, when it is read and not when it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from airflow.sdk import Param
from jsonschema import FormatChecker, ValidationError
from jsonschema.exceptions import best_match
from jsonschema.validators import validator_for

from downloader.spelling import did_you_mean

from ..dag_ids import DagId
from ..failures import Refusal
from ..parameters import refuse_contradictions
from ..settings import Document, KeyPath, shown_value

__all__ = ["check_conf"]

_TYPES: Final = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "a group of keys",
    "string": "a text",
}


def _types(wanted: str | list[str]) -> str:
    return " or ".join(_TYPES[name] for name in ([wanted] if isinstance(wanted, str) else wanted))


_EXPECTED: Final[Mapping[str, Callable[[Any], str]]] = {
    "enum": lambda choices: f"one of {', '.join(map(str, choices))}",
    "format": lambda name: "a date, such as 2026-02-28" if name == "date" else f"a {name}",
    "maxItems": lambda most: f"a list of at most {most} items",
    "maxLength": lambda most: f"a text of at most {most} characters",
    "maximum": lambda most: f"a number of at most {most}",
    "minItems": lambda least: f"a list of at least {least} items",
    "minLength": lambda least: f"a text of at least {least} characters",
    "minimum": lambda least: f"a number of at least {least}",
    "type": _types,
}
"""By the keyword of JSON schema that a value breaks: what to write, from what the keyword says."""


def check_conf(
    document: Document, path: KeyPath, dag_id: DagId, conf: Mapping[str, object], params: Mapping[str, Param]
) -> None:
    """Notes what the DAG would refuse. `path`: of `conf` in `document`."""
    before = len(document.problems)
    for name, value in conf.items():
        here = (*path, name)
        if name not in params:
            hint = did_you_mean(name, params) or f"the parameters are {', '.join(params)}"
            document.complain(here, f"is not a parameter of {dag_id}; {hint}")
            continue
        schema = params[name].schema
        problem = best_match(validator_for(schema)(schema, format_checker=FormatChecker()).iter_errors(value))
        if problem is not None:
            where = (*here, *problem.absolute_path)
            document.complain(where, _sentence(problem, document.filled.get(where)))
    if len(document.problems) == before:
        try:
            refuse_contradictions(dag_id, conf)
        except Refusal as refusal:
            document.complain(path, f"does not fit together: {refusal}")


def _sentence(problem: ValidationError, filled: str | None) -> str:
    # What a variable holds is not shown: it may be a secret that strayed here.
    shown = shown_value(problem.instance) if filled is None else f"filled from {filled}"
    expected = _EXPECTED.get(str(problem.validator))
    return f"is {shown}; write {expected(problem.validator_value) if expected else 'what the form of the DAG asks for'}"
