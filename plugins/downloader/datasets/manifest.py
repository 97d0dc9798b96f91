"""The manifest: the list of data sets to download from Google Drive, a JSON file that is validated as a whole.

    {"version": "1.0", "source": "https://drive.google.com/drive/folders/...", "generated": "2026-02-07",
     "datasets": [{"id": "...", "name": "fan.dat", "path": "fan/fan.dat", "size": 212336640, "sha256": "..."}]}

A manifest with an error is not used at all; the message lists all errors, entry by entry.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from ..checksums import Checksum
from ..errors import DownloadError, cut
from ..paths import safe_path
from ..planning import refuse_conflicts
from ..remote_file import Planned, Refused, RemoteFile
from ..sources.drive import DriveKey
from ..spelling import did_you_mean

__all__ = ["Dataset", "Manifest", "ManifestError", "planned", "read_manifest", "select"]

_MOST_BYTES: Final = 32 * 1024 * 1024
_MOST_DATASETS: Final = 100_000
_MOST_PROBLEMS: Final = 20
"""Problems that are listed; the others are counted."""
_MOST_TOLD: Final = 10_000
"""Problems that are formatted at all."""
_MOST_NAMES: Final = 20
_LONGEST_SHOWN: Final = 60
_KEY_IN_ADDRESS: Final = re.compile(r"(resourcekey=)[\w-]+", re.IGNORECASE)
_MOST_SIZE: Final = 2**63 - 1
_PLACEHOLDER: Final = re.compile(r"PLACEHOLDER|XXX|TODO", re.IGNORECASE)


class ManifestError(Exception):
    """The manifest is invalid, or contains nothing that was selected. `problems`: one sentence each."""

    def __init__(self, file: str, problems: Sequence[str]) -> None:
        self.file = file
        self.problems = list(problems)
        super().__init__(self._text())

    def _text(self) -> str:
        if len(self.problems) == 1:
            return f"{self.file}: {self.problems[0]}"
        shown = self.problems[:_MOST_PROBLEMS]
        if len(shown) < len(self.problems):
            shown.append(f"and {len(self.problems) - len(shown)} more")
        return f"{self.file} has {len(self.problems)} problems:" + "".join(f"\n  {problem}" for problem in shown)


def _checked_id(value: object) -> object:
    if isinstance(value, str) and _PLACEHOLDER.match(value):
        raise PydanticCustomError("placeholder", "is a placeholder; write {due}", {"due": _ID})
    return value


def _checked_path(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return safe_path(value).text
    except DownloadError as error:
        problem = error.what
    raise PydanticCustomError("path", "{problem}; write {due}", {"problem": problem, "due": _PATH})


def _empty_as_none(value: object) -> object:
    return None if value == "" else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


_ID: Final = "the id that stands in the file's address, such as 18ORzE9_aHABYqOHzVdL0GANk_eIMaSuE"
_ENTRY: Final = '{"id": ..., "name": ..., "path": ..., "size": ...}'
_SIZE: Final = "the number of bytes, 0 or more"
_MAKE_ANEW: Final = "create it again: python include/generate_manifest.py FOLDER_URL"
_PATH: Final = 'a path below the destination, such as "fan/fan_const_rpm.dat"'

_Optional = BeforeValidator(_empty_as_none)
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$"), BeforeValidator(_lower)]
_Md5 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$"), BeforeValidator(_lower)]
_ResourceKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,200}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Dataset(_Strict):
    """One file."""

    id: Annotated[str, BeforeValidator(_checked_id)] = Field(pattern=r"^[A-Za-z0-9_-]{10,200}$", description=_ID)
    name: str = Field(min_length=1, max_length=1000, description="the file's name at Google Drive")
    path: Annotated[str, BeforeValidator(_checked_path)] = Field(description=_PATH)
    size: int | None = Field(default=None, ge=0, le=_MOST_SIZE, description=_SIZE)
    sha256: Annotated[_Sha256 | None, _Optional] = Field(default=None, description='64 hex digits, or ""')
    md5: Annotated[_Md5 | None, _Optional] = Field(default=None, description='32 hex digits, or ""')
    resource_key: Annotated[_ResourceKey | None, _Optional] = Field(
        default=None, repr=False, description="what stands behind resourcekey= in the file's address"
    )
    export: Literal["docx", "xlsx", "pptx"] | None = Field(
        default=None, description="docx, xlsx or pptx for a Google document, and leave it out for any other file"
    )

    @model_validator(mode="after")
    def _has_a_size(self) -> Dataset:
        """Each export is made on request, so its size is not known beforehand."""
        if self.size is None and self.export is None:
            raise PydanticCustomError("size", "is missing; write {due}", {"due": _SIZE})
        return self

    def remote_file(self, *, checksums: bool = True) -> RemoteFile:
        """The planned file; without `checksums` only its size is verified."""
        known = [Checksum("sha256", self.sha256)] if self.sha256 else []
        known += [Checksum("md5", self.md5)] if self.md5 else []
        key = DriveKey(self.id, self.export or "", self.resource_key or "")
        return RemoteFile(safe_path(self.path), self.size, str(key), tuple(known) if checksums else ())


class Manifest(_Strict):
    """A whole manifest. Its paths do not conflict on any disk."""

    version: str = Field(pattern=r"^1(\.[0-9]+){0,2}$", description='"1.0"')
    source: str = Field(default="", max_length=2000, description="the folder's address, as a text")
    generated: str = Field(default="", max_length=100, description='a date as a text, such as "2026-02-07"')
    datasets: tuple[Dataset, ...] = Field(
        max_length=_MOST_DATASETS,
        description='a list of entries such as {"id": ..., "name": ...}',
        strict=False,
    )


def read_manifest(file: Path) -> Manifest:
    """The manifest in `file`. Raises ManifestError, with all its errors."""
    values = _parsed(file)
    try:
        manifest = Manifest.model_validate(values)
    except ValidationError as error:
        if error.error_count() > _MOST_TOLD:
            raise ManifestError(str(file), [f"has {error.error_count():,} problems; {_MAKE_ANEW}"]) from None
        found = error.errors(include_url=False)
    else:
        conflicts = list(_conflicts(manifest.datasets))
        if conflicts:
            raise ManifestError(str(file), conflicts)
        return manifest
    raise ManifestError(str(file), [_sentence(one, values) for one in found])


def planned(datasets: Iterable[Dataset], *, checksums: bool = True) -> list[Planned]:
    """The data sets as planned files, in order; without `checksums` only their sizes are verified."""
    return [dataset.remote_file(checksums=checksums) for dataset in datasets]


def select(manifest: Manifest, patterns: Sequence[str], file: Path) -> list[Dataset]:
    """The data sets that a pattern matches, in the manifest's order; all of them if there is no pattern.

    A pattern is a name, a path, or a glob over either. Raises ManifestError for patterns without a match; `file` is
    the file of the manifest.
    """
    if not patterns:
        return list(manifest.datasets)
    idle = [pattern for pattern in patterns if not any(_matches(pattern, one) for one in manifest.datasets)]
    if idle:
        raise ManifestError(
            str(file), [f"{_shown(pattern)} matches no data set; {_what_there_is(manifest)}" for pattern in idle]
        )
    return [one for one in manifest.datasets if any(_matches(pattern, one) for pattern in patterns)]


def _matches(pattern: str, dataset: Dataset) -> bool:
    """A name that contains characters of a glob matches itself as well."""
    names = (dataset.name, dataset.path)
    return pattern in names or any(fnmatchcase(name, pattern) for name in names)


def _what_there_is(manifest: Manifest) -> str:
    names = [_on_one_line(one.name) for one in manifest.datasets]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"there are {', '.join(names[:_MOST_NAMES])}{more}"


def _conflicts(datasets: Sequence[Dataset]) -> Iterable[str]:
    """The conflicts of paths: a duplicate, or a file that is a folder of others."""
    files = planned(datasets)
    places = {id(file): f"datasets[{index}]" for index, file in enumerate(files)}
    judged = refuse_conflicts(files, lambda file: places[id(file)])
    for index, item in enumerate(judged):
        if isinstance(item, Refused):
            yield f"{_place(index, datasets[index].name)}, path: {_on_one_line(item.error.what)}; write another path"


# --- reading ----------------------------------------------------------------------------------------------------------


def _parsed(file: Path) -> dict[str, Any]:
    """The JSON object in `file`. Raises ManifestError if there is none."""
    repeated: list[str] = []

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        held = dict(pairs)
        if len(held) < len(pairs):
            repeated.extend(_repeated(pairs))
        return held

    try:
        values = json.loads(_text(file), object_pairs_hook=once)
    except json.JSONDecodeError as error:
        problem = f"line {error.lineno}, column {error.colno}: is not valid JSON ({error.msg}); correct it there"
    except (RecursionError, ValueError):
        problem = "is not a manifest: it holds lists nested without end, or an invalid number"
    else:
        if repeated:
            raise ManifestError(str(file), repeated)
        if isinstance(values, dict):
            _refuse_many(values.get("datasets"), file)
            return values
        problem = 'is not a manifest; write {"version": "1.0", "datasets": [...]}'
    raise ManifestError(str(file), [problem])


def _refuse_many(datasets: object, file: Path) -> None:
    """Raises ManifestError before millions of entries are validated."""
    if isinstance(datasets, list) and len(datasets) > _MOST_DATASETS:
        problem = f"lists {len(datasets):,} data sets, more than {_MOST_DATASETS:,}; split it into several manifests"
        raise ManifestError(str(file), [problem])


def _text(file: Path) -> str:
    """The text of `file`. Raises ManifestError if it cannot be read."""
    try:
        with file.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
        if len(data) <= _MOST_BYTES:
            return data.decode("utf-8-sig")
        problem = f"has more than {_MOST_BYTES // 2**20} MiB; split it into several manifests"
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    except UnicodeDecodeError:
        problem = "is not written in UTF-8; save it in that encoding"
    raise ManifestError(str(file), [problem])


def _repeated(pairs: list[tuple[str, Any]]) -> Iterable[str]:
    entry = next((f" of {_shown(value)}" for key, value in pairs if key == "name"), "")
    for key, count in Counter(key for key, _ in pairs).items():
        if count > 1:
            yield f"the key {_shown(key)}{entry} is given more than once; keep one"


# --- messages ---------------------------------------------------------------------------------------------------------


def _sentence(found: ErrorDetails, values: dict[str, Any]) -> str:
    """``datasets[3] "fan.dat", size: is -5; write the number of bytes, 0 or more``."""
    path = (*found["loc"], "size") if found["type"] == "size" else found["loc"]
    place = ", ".join(part for part in (_entry(path, values), _field(path)) if part)
    return f"{place or 'a key'}: {_what(found)}"


def _entry(path: tuple[int | str, ...], values: dict[str, Any]) -> str:
    if len(path) < 2 or not isinstance(path[1], int):
        return ""
    entry = values["datasets"][path[1]]
    return _place(path[1], entry.get("name") if isinstance(entry, dict) else None)


def _place(index: int, name: object) -> str:
    return f"datasets[{index}]" + (f" {_shown(name)}" if isinstance(name, str) else "")


def _field(path: tuple[int | str, ...]) -> str:
    name = str(path[-1]) if path and isinstance(path[-1], str) else ""
    if not name or (name.isidentifier() and len(name) <= _LONGEST_SHOWN):
        return name
    return _shown(name)


def _what(found: ErrorDetails) -> str:
    kind, name = found["type"], str(found["loc"][-1]) if found["loc"] else ""
    model = Dataset if len(found["loc"]) > 1 else Manifest
    if kind in {"placeholder", "path", "size"}:
        return found["msg"]
    if kind == "extra_forbidden":
        return f"is not a known key; {did_you_mean(name, model.model_fields) or 'remove it'}"
    if kind in {"model_type", "dict_type"}:
        return (
            f'is {_shown(found["input"])}; write an entry such as {{"id": ..., "name": ..., "path": ..., "size": ...}}'
        )
    due = model.model_fields[name].description if name in model.model_fields else "another value"
    if kind == "missing":
        return f"is missing; write {due}"
    # The key gives access to the file: it is not shown, even if it is invalid.
    return f"is not valid; write {due}" if name == "resource_key" else f"is {_shown(found['input'])}; write {due}"


def _shown(value: object) -> str:
    """A value as it is in the file, shortened."""
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, dict):
        return "a group of keys"
    text = _KEY_IN_ADDRESS.sub(r"\1***", json.dumps(value, ensure_ascii=False))
    return _on_one_line(cut(text, _LONGEST_SHOWN))


def _on_one_line(text: str) -> str:
    """`text` with all characters escaped that end a line or are invisible."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
