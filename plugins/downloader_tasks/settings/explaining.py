"""What pydantic found in a file of settings, in words for the author of the file."""

from __future__ import annotations

from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from downloader.sources.slooh import TemplateError
from downloader.spelling import did_you_mean

from .configuration_file import Document, KeyPath, shown_value

__all__ = ["explain"]


def explain(error: ValidationError, document: Document, model: type[BaseModel], within: KeyPath = ()) -> None:
    """Notes the errors of `model`, which reads what stands at `within`. A value has one problem at most."""
    known = {problem.path for problem in document.problems}
    above = {step for path in known for step in _steps(path)}
    for found in error.errors():
        path = _as_written((*within, *found["loc"]), document)
        # The problem of a list is that of its items.
        if found["type"] == "extra_forbidden" or not (path in above or known.intersection(_steps(path))):
            document.complain(path, _sentence(found, path, document, model))
            known.add(path)
            above.update(_steps(path))


def _as_written(path: KeyPath, document: Document) -> KeyPath:
    """Where a value stands in the file: what is one may be written without the list that it is read into."""
    written: list[str | int] = []
    value: object = document.values
    for step in path:
        if isinstance(step, int) and not isinstance(value, list):
            continue
        written.append(step)
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step] if step < len(value) else None
    return tuple(written)


def _steps(path: KeyPath) -> list[KeyPath]:
    """The paths that lead to `path`, and itself."""
    return [path[:length] for length in range(len(path) + 1)]


def _sentence(found: ErrorDetails, path: KeyPath, document: Document, model: type[BaseModel]) -> str:
    name = str(path[-1])
    if found["type"] == "extra_forbidden":
        return _unknown_key(name, _model_at(found["loc"][:-1], model))
    if found["type"] == "missing":
        return f"is missing; write {_expected(found['loc'], model)}"
    if found["type"] in ("model_type", "dict_type"):
        return "is not a group of keys; write its keys below it, each in a line of its own"
    problem = found.get("ctx", {}).get("error")
    if isinstance(problem, TemplateError) and path not in document.filled:
        return str(problem).removeprefix(f"{name} ")
    # What a variable holds is not shown: it may be a secret that strayed here.
    shown = f"filled from {document.filled[path]}" if path in document.filled else shown_value(found["input"])
    quotes = ", in quotes" if found["type"] == "string_type" and found["input"] is not None else ""
    return f"is {shown}; write {_expected(found['loc'], model)}{quotes}"


def _unknown_key(name: str, model: type[BaseModel]) -> str:
    others = f"remove it, or use one of {', '.join(model.model_fields)}"
    return f"is not a known key; {did_you_mean(name, model.model_fields) or others}"


def _expected(path: KeyPath, model: type[BaseModel]) -> str:
    """The description of the field that `path` leads to or into."""
    for key in _words(path):
        field = model.model_fields[key]
        if field.description:
            return field.description
        model = _section(field.annotation)
    return "a group of keys"


def _model_at(path: KeyPath, model: type[BaseModel]) -> type[BaseModel]:
    for key in _words(path):
        model = _section(model.model_fields[key].annotation)
    return model


def _words(path: KeyPath) -> list[str]:
    """The keys of `path`, without numbers in lists."""
    return [key for key in path if isinstance(key, str)]


def _section(annotation: object) -> type[BaseModel]:
    """The section that a field of that type holds, there or not."""
    kinds = (annotation, *get_args(annotation))
    return next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
