"""The configuration: `include/config.yaml`, or the file that DOWNLOADER_CONFIG names, checked as a whole.

Every value has a default but the locations, and these have theirs where there is no file at all. All problems are
reported at once, each with its line, its key and what to write instead. Secrets do not belong here: they live in
Airflow's connections.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, ValidationError

from downloader.sources.slooh import PictureNames

from ..failures import SetupError
from .configuration_file import ConfigurationError, Document, Problem, parse, read
from .explaining import explain

__all__ = [
    "MB",
    "S3",
    "SPEEDS",
    "Configuration",
    "ConfigurationError",
    "Drive",
    "LocationError",
    "Locations",
    "Minio",
    "Mongo",
    "Notifier",
    "Shards",
    "Slooh",
    "Transfer",
    "configuration_file",
    "load",
    "readable_location",
    "writable_location",
]

VARIABLE: Final = "DOWNLOADER_CONFIG"
MB: Final = 1_000_000
"""Bytes. Speeds are in powers of ten, as networks have them."""
SPEEDS: Final = (0.01, 100_000)
"""The lowest limit of speed and the highest, in MB a second."""
PROJECT: Final = Path(__file__).resolve().parents[3]
"""The folder that holds `dags`, `plugins` and `include`."""
_NO_FILE: Final = """
locations:
  output: ${DOWNLOADER_OUTPUT:-/data/output}
  minio: ${DOWNLOADER_MINIO:-/data/fhir}
  datasets: ${DOWNLOADER_DATASETS:-/data/datasets}
  slooh: ${DOWNLOADER_SLOOH:-/data/slooh}
minio:
  bucket: ${MINIO_BUCKET_NAME:-fhir-data}
"""
"""What holds where there is no file: some deployments of Airflow have no folder `include`. As in the shipped file."""


class LocationError(SetupError):
    """A location cannot be used: one sentence that says what to do."""


def _no_boolean(value: object) -> object:
    """`value`; ``true`` and ``false`` are not numbers here."""
    if isinstance(value, bool):
        raise ValueError("expected a number, got true or false")
    return value


def _absolute(value: Path | None) -> Path | None:
    if value is not None and not value.is_absolute():
        raise ValueError("not absolute")
    return value


def _empty_is_none(value: object) -> object:
    return None if value == "" else value


def _whole(default: int, least: int, most: int) -> Any:
    return Field(default=default, ge=least, le=most, description=f"a whole number from {least} to {most}")


def _number(default: float, least: float, most: float, unit: str) -> Any:
    return Field(default=default, ge=least, le=most, description=f"a number of {unit} from {least:g} to {most:g}")


def _speed(value: float) -> float:
    if value and not SPEEDS[0] <= value <= SPEEDS[1]:  # NaN, too, is within no limits
        raise ValueError("no speed")
    return value


def _text(default: str, what: str) -> Any:
    return Field(default=default, min_length=1, description=what)


def _field(default: str) -> Any:
    return Field(default=default, pattern=r"^[^.$\x00][^.\x00]*$", description="the name of a field, without dots")


def _url(default: str) -> Any:
    what = "an address that begins with https:// or http://, without a user and a password"
    return Field(default=default, pattern=r"^https?://[^/@\s?#]+(/[^@\s?#]*)?$", description=what)


def _naming(part: str) -> AfterValidator:
    """Accepts what `PictureNames` accepts as its argument `part`. Raises TemplateError."""

    def checked(value: str) -> str:
        PictureNames(**{part: value})
        return value

    return AfterValidator(checked)


def _location(what: str) -> Any:
    return Field(default=None, description=f"the absolute path of the folder for {what}")


Whole = Annotated[int, BeforeValidator(_no_boolean)]
Number = Annotated[float, BeforeValidator(_no_boolean)]
Location = Annotated[Path | None, BeforeValidator(_empty_is_none), AfterValidator(_absolute)]
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Locations(_Section):
    """The folders that files are downloaded to. Each DAG needs only its own."""

    output: Location = _location("raw files")
    minio: Location = _location("FHIR exports")
    datasets: Location = _location("data sets")
    slooh: Location = _location("Slooh's pictures")


class S3(_Section):
    """Raw files from S3."""

    enabled: bool = Field(default=True, description="true or false")
    connection: str = _text("aws_default", "the id of an Airflow connection")
    catalogue: str = _text("raw_files", "the id of an Airflow connection")
    region: str = _text("eu-central-1", "an AWS region")
    thaw_days: Whole = _whole(7, 1, 365)
    thaw_wait_hours: Number = _number(72, 0, 720, "hours")
    thaw_look_minutes: Number = _number(30, 0.01, 1440, "minutes")


class Mongo(_Section):
    """The names in the catalogue, where it is MongoDB."""

    database: str = Field(
        default="",
        pattern=r"^[^/\\. \"$\x00]{0,63}$",
        description="the name of a database, or an empty text for that of the connection",
    )
    collection: str = Field(default="raw_file", pattern=r"^[^.$\x00][^$\x00]*$", description="the name of a collection")
    id: str = _field("_id")
    project_id: str = _field("project_id")
    s3_upload_path: str = _field("s3_upload_path")
    backup_status: str = _field("backup_status")
    file_info: str = _field("file_info")


class Transfer(_Section):
    """How files are transferred."""

    threads: Whole = _whole(256, 1, 256)
    range_size_mib: Whole = _whole(4, 1, 512)
    read_ahead: Whole = _whole(32, 1, 64)
    small_file_mib: Whole = _whole(1, 0, 1024)
    stall_seconds: Number = _number(60, 1, 3600, "seconds")
    attempts: Whole = _whole(6, 1, 100)
    lock_wait_seconds: Number = _number(30, 0, 86_400, "seconds")
    max_speed: Annotated[Number, AfterValidator(_speed)] = Field(
        default=0, description=f"0 for no limit, or a number of MB a second from {SPEEDS[0]:g} to {SPEEDS[1]:d}"
    )


class Shards(_Section):
    """How much one task of a run downloads."""

    files: Whole = _whole(5000, 1, 1_000_000)
    size_gib: Number = Field(default=50, gt=0, le=1_000_000, description="a number of GiB above 0, at most 1000000")


class Minio(_Section):
    """FHIR exports from MinIO."""

    connection: str = _text("minio_default", "the id of an Airflow connection")
    bucket: str = _text("fhir-data", "the name of a bucket")


class Drive(_Section):
    """Data sets from Google Drive."""

    connection: str = _text("google_drive_default", "the id of an Airflow connection")
    manifest: str = _text("include/datasets.json", "the path of a manifest")
    web_url: str = _url("https://drive.google.com")
    download_url: str = _url("https://drive.usercontent.google.com")
    api_url: str = _url("https://www.googleapis.com/drive/v3")
    timeout: Number = _number(300, 1, 86_400, "seconds")
    max_retries: Whole = _whole(5, 0, 100)
    retry_delay: Number = _number(1, 0, 3600, "seconds")


class Slooh(_Section):
    """Pictures from Slooh."""

    connection: str = _text("slooh_default", "the id of an Airflow connection")
    batch_size: Whole = _whole(50, 1, 1000)
    threads: Whole = _whole(4, 1, 64)
    rate_limit: Whole = Field(
        default=30, ge=0, le=100_000, description="a whole number of requests a minute, 0 for no limit"
    )
    timeout: Number = _number(300, 1, 86_400, "seconds")
    max_retries: Whole = _whole(3, 0, 100)
    retry_delay: Number = _number(5, 0, 3600, "seconds")
    image_hosts: tuple[Host, ...] = Field(
        default=("astroimages.slooh.com",), min_length=1, description="a list of host names, without https:// and path"
    )
    folder_template: Annotated[str, _naming("folder_template")] = _text(
        "{object}/{telescope}/{format}", "a template of folders"
    )
    filename_template: Annotated[str, _naming("filename_template")] = _text(
        "{telescope}_{filename}", "a template of a file name"
    )
    unknown_object: Annotated[str, _naming("unknown")] = _text("Unknown", "the name of a folder")


class Notifier(_Section):
    """What is called when something happens to a run: a function, or a class that is called with `arguments` first."""

    callable: str = Field(
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$",
        description="the dotted path of a callable, such as package.module.name",
    )
    arguments: dict[str, Any] = Field(default={}, description="a group of keyword arguments")
    when: tuple[Literal["success", "failure", "deadline"], ...] = Field(
        default=("failure",), min_length=1, description="a list of success, failure, deadline"
    )


def _notifiers(value: object) -> object:
    """One notifier stands for a list of it, a path alone for a notifier without arguments, and nothing for none."""
    several = [] if value in (None, "") else value if isinstance(value, list) else [value]
    return [{"callable": each} if isinstance(each, str) else each for each in several]


class Configuration(_Section):
    """All of it. Frozen."""

    locations: Locations = Locations()
    s3: S3 = S3()
    mongo: Mongo = Mongo()
    transfer: Transfer = Transfer()
    shards: Shards = Shards()
    minio: Minio = Minio()
    drive: Drive = Drive()
    slooh: Slooh = Slooh()
    notifier: Annotated[tuple[Notifier, ...], BeforeValidator(_notifiers)] = ()
    _file: Path = PrivateAttr(default=PROJECT / "include" / "config.yaml")

    def model_post_init(self, context: Any, /) -> None:
        """Keeps the file that `load` hands over."""
        if isinstance(context, Path):
            self._file = context

    @property
    def file(self) -> Path:
        """The file that it was read from."""
        return self._file

    def slowed_to(self, max_speed: float | None) -> Self:
        """The same with a `transfer.max_speed` of at most `max_speed`, in MB a second; None changes nothing."""
        if max_speed is None:
            return self
        speed = min(max_speed, self.transfer.max_speed or max_speed)
        return self.model_copy(update={"transfer": self.transfer.model_copy(update={"max_speed": speed})})


def configuration_file(environ: Mapping[str, str] = os.environ) -> Path:
    """The file that DOWNLOADER_CONFIG names, else the project's own."""
    named = environ.get(VARIABLE)
    return Path(named) if named else PROJECT / "include" / "config.yaml"


def load(environ: Mapping[str, str] = os.environ) -> Configuration:
    """The configuration, checked: the defaults where there is no file and none is named.

    Raises ConfigurationError with everything that is wrong.
    """
    file = configuration_file(environ)
    document = _document(file, environ)
    # A section of which every key is commented out reads as null: its defaults apply.
    values = {key: value for key, value in document.values.items() if value is not None}
    try:
        configuration = Configuration.model_validate(values, context=file)
    except ValidationError as error:
        explain(error, document, Configuration)
        raise ConfigurationError(file, document.problems) from None
    if document.problems:
        raise ConfigurationError(file, document.problems)
    return configuration


def _document(file: Path, environ: Mapping[str, str]) -> Document:
    """What `file` holds. Raises ConfigurationError."""
    if file.is_file():
        return read(file, environ)
    if environ.get(VARIABLE) or file.exists():
        problem = "is a folder" if file.is_dir() else "does not exist"
        advice = f"correct the environment variable {VARIABLE}" if environ.get(VARIABLE) else "write a file there"
        raise ConfigurationError(file, [Problem(0, (), f"{problem}; {advice}")])
    document = parse(_NO_FILE, file, environ)
    document.lines.clear()  # nobody could look them up
    return document


def writable_location(configuration: Configuration, name: str) -> Path:
    """The folder `locations.<name>`. Raises LocationError where it is not set, not there, or cannot be written to."""
    return _folder_of(configuration, name, _why_not_writable)


def readable_location(configuration: Configuration, name: str) -> Path:
    """The folder `locations.<name>`. Raises LocationError where it is not set, not there, or cannot be entered."""
    return _folder_of(configuration, name, _why_not_readable)


def _folder_of(configuration: Configuration, name: str, why_not: Callable[[Path], str | None]) -> Path:
    key, file = f"locations.{name}", configuration.file
    path: Path | None = getattr(configuration.locations, name)
    if path is None:
        raise LocationError(f"{key} is not set in {file}: write the path of a folder there")
    try:
        problem = why_not(path)
    except OSError as error:
        problem = f"cannot be reached ({error.strerror}): see that its disk is mounted and may be entered"
    if problem is not None:
        elsewhere = f"set DOWNLOADER_{name.upper()} in the environment of Airflow's workers to another folder"
        instead = f"change {key} in {file}" if file.is_file() else elsewhere
        raise LocationError(f"{key} is {path}, which {problem}, or {instead}")
    return path


def _why_not_readable(path: Path) -> str | None:
    """Raises OSError."""
    return _why_no_folder(path) or _why_not_permitted(path, "entered", os.X_OK)


def _why_not_writable(path: Path) -> str | None:
    """Writes nothing to find out. Raises OSError."""
    problem = _why_no_folder(path)
    if problem is None and os.statvfs(path).f_flag & os.ST_RDONLY:
        problem = "is on a disk mounted read-only: mount it for writing"
    # Root passes here, and is stopped by a read-only disk above.
    return problem or _why_not_permitted(path, "written to", os.W_OK | os.X_OK)


def _why_no_folder(path: Path) -> str | None:
    """Raises OSError."""
    if not path.exists():
        return "does not exist: create it"
    return None if path.is_dir() else "is not a folder: move that file away"


def _why_not_permitted(path: Path, what: str, mode: int) -> str | None:
    """Asks for the effective user, who is the one that reads and writes."""
    if os.access(path, mode, effective_ids=os.access in os.supports_effective_ids):
        return None
    return f"may not be {what} by the user with the id {os.geteuid()}: give that user the right"
