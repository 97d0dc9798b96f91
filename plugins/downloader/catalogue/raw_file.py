"""A raw file as a record of the catalogue, and the files that are planned from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import DownloadError
from ..paths import is_plain, safe_path
from ..planning import local_name, refuse_conflicts, stand_apart
from ..remote_file import Planned, Refused, RemoteFile
from .errors import RecordUnusable
from .file_info import read_entry, shown
from .recorded import RecordedFiles

__all__ = ["BACKED_UP", "NO_PROJECT", "RawFile", "UploadPath", "parse_upload_path", "plan", "recorded_files"]

BACKED_UP = "upload_done"
"""The `backup_status` of a raw file of which all files are in S3."""

NO_PROJECT = "_FALLBACK"
"""AlphaKraken's project for files that belong to none."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30})://")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_UPLOAD_ADVICE = "write it as bucket, bucket/prefix/ or s3://bucket/prefix/"
_PROJECT_ADVICE = "correct the record's project_id: it names the folder that the files go to"


class UploadPath(NamedTuple):
    """The place of a raw file in S3. `prefix` has no outer slashes; it is ``""`` for the top of the bucket."""

    bucket: str
    prefix: str

    def key(self, relative_path: str) -> str:
        """The key of the object that `relative_path` was uploaded to."""
        return f"{self.prefix}/{relative_path}" if self.prefix else relative_path


@dataclass(frozen=True, slots=True)
class RawFile:
    """A record of the catalogue, not validated.

    `project_id` is ``""`` for null. `file_info`: relative path -> entry, as JSON (see `file_info.read_entry`).
    """

    id: str
    project_id: str
    s3_upload_path: str | None
    backup_status: str | None
    file_info: Mapping[str, object]

    def project_folder(self) -> str:
        """The name of the folder below the output location. Raises RecordUnusable if there is none."""
        project = self.project_id
        if project in ("", NO_PROJECT):
            raise RecordUnusable(
                f"raw file {self.id} belongs to no project (project_id is {project!r})", _PROJECT_ADVICE
            )
        try:
            safe = safe_path(project)
        except DownloadError as error:
            raise RecordUnusable(
                f"raw file {self.id} has a project_id that names no folder: {error.what}", _PROJECT_ADVICE
            ) from error
        if safe.text != project or "/" in project or not project.isprintable() or project != project.strip():
            raise RecordUnusable(
                f"raw file {self.id} has a project_id that is not a plain folder name: {shown(project)}",
                _PROJECT_ADVICE,
            )
        return project

    def upload_path(self) -> UploadPath:
        """Its place in S3. Raises RecordUnusable if it was never uploaded, or the path is invalid."""
        if not self.s3_upload_path:
            status = shown(self.backup_status) if self.backup_status else "none"
            raise RecordUnusable(
                f"raw file {self.id} has no S3 backup (s3_upload_path is empty, backup_status is {status})",
                "upload it first, or choose another raw file",
            )
        try:
            return parse_upload_path(self.s3_upload_path)
        except RecordUnusable as error:
            raise RecordUnusable(f"raw file {self.id}: {error.what}", error.to_do) from error


def parse_upload_path(text: str) -> UploadPath:
    """Parses ``bucket``, ``bucket/``, ``bucket/prefix/``, each with or without ``s3://``.

    Slashes at either end of the prefix are dropped; inside it they are kept, since ``a//b`` and ``a/b`` are different
    keys. Raises RecordUnusable.
    """
    rest = text
    scheme = _SCHEME.match(text)
    if scheme is not None:
        if scheme[1].lower() != "s3":
            raise RecordUnusable(f"the S3 path {shown(text)} begins with {scheme[0]}", _UPLOAD_ADVICE)
        rest = text[scheme.end() :]
    bucket, _, prefix = rest.lstrip("/").partition("/")
    if not _BUCKET.fullmatch(bucket):
        problem = f"{shown(bucket)} is not a bucket name" if bucket else "it names no bucket"
        raise RecordUnusable(f"the S3 path {shown(text)} cannot be read ({problem})", _UPLOAD_ADVICE)
    if any("\ud800" <= letter <= "\udfff" for letter in prefix):
        raise RecordUnusable(f"the S3 path {shown(text)} is not text in UTF-8, as keys are", _UPLOAD_ADVICE)
    return UploadPath(bucket, prefix.strip("/"))


def plan(raw_file: RawFile) -> list[Planned]:
    """The files of a record, sorted by relative path: the same list in every run, as long as the record is the same.

    A bad entry or name is refused by itself. `RemoteFile.key` contains the relative path as it was recorded. Raises
    RecordUnusable if the record has no S3 path.
    """
    upload = raw_file.upload_path()
    before = len(upload.key(""))
    planned = [_planned(name, raw_file.file_info[name], upload) for name in sorted(raw_file.file_info)]
    return refuse_conflicts(planned, lambda file: file.key[before:])


def recorded_files(raw_file: RawFile) -> RecordedFiles:
    """The same files as of `plan`. If no name needs a check, each file is made on demand.

    Raises RecordUnusable as `plan` does.
    """
    upload, info = raw_file.upload_path(), raw_file.file_info
    names = sorted(info)
    if all(map(is_plain, names)) and stand_apart(names):
        return RecordedFiles(names, lambda at: _planned(names[at], info[names[at]], upload), apart=True)
    planned = plan(raw_file)
    return RecordedFiles([local_name(item) for item in planned], planned.__getitem__, apart=False)


def _planned(name: str, entry: object, upload: UploadPath) -> Planned:
    try:
        path = safe_path(name)
        size, checksums = read_entry(entry)
    except DownloadError as error:
        return Refused(name, error)
    return RemoteFile(path, size, upload.key(name), checksums)
