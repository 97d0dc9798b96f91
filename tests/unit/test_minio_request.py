"""What a run of `minio_downloader` is asked for: the filter, and the folder that it fills."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from downloader_tasks.failures import Refusal
from downloader_tasks.minio.request import ExportRequest
from downloader_tasks.settings.configuration import Configuration, LocationError, load


@pytest.fixture
def location(tmp_path: Path) -> Path:
    location = tmp_path / "location"
    location.mkdir()
    return location


@pytest.fixture
def configuration(tmp_path: Path, location: Path) -> Configuration:
    file = tmp_path / "config.yaml"
    file.write_text(f"locations: {{minio: {location}}}\nminio: {{bucket: fhir-data}}\n")
    return load({"DOWNLOADER_CONFIG": str(file)})


def asked(configuration: Configuration, **params: Any) -> ExportRequest:
    return ExportRequest.from_params(params, configuration)


# --- what is chosen ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params", [{}, {"bucket": None, "prefix": None, "filter": None, "output": None}, {"filter": " , "}, {"filter": []}]
)
def test_nothing_said_is_everything_in_the_configured_bucket(
    configuration: Configuration, location: Path, params: dict[str, Any]
) -> None:
    request = asked(configuration, **params)
    assert request == ExportRequest("fhir-data", "", frozenset(), (), False, False, False, location, location)
    assert request.wants("Patient")
    assert request.wants("Unknown")


def test_all_that_can_be_said(configuration: Configuration, location: Path) -> None:
    request = asked(
        configuration,
        bucket=" other\n",
        prefix=" exports/2024 ",
        filter="Patient",
        organize=True,
        overwrite=True,
        check_ndjson=True,
        output="2024",
    )
    assert (request.bucket, request.prefix) == ("other", " exports/2024 "), "a key may begin and end with a space"
    assert (request.organize, request.overwrite, request.check_ndjson) == (True, True, True)
    assert (request.location, request.output) == (location, location / "2024")


@pytest.mark.parametrize(
    ("written", "types", "unheard"),
    [
        ("Patient,Observation", {"Patient", "Observation"}, ()),
        (" patient ,,\tOBSERVATION\n,", {"Patient", "Observation"}, ()),
        ("patient,Patient,PATIENT", {"Patient"}, ()),
        ("medicationrequest", {"MedicationRequest"}, ()),
        ("unknown", {"Unknown"}, ()),
        ("Patient,Bogus", {"Patient"}, ("Bogus",)),
        (" bogus , Bogus, bogus", set(), ("bogus", "Bogus")),
        ("Patient Observation", set(), ("Patient Observation",)),
        ("Patient;Group", set(), ("Patient;Group",)),
        ("*", set(), ("*",)),
    ],
)
def test_the_filter_in_any_spacing_and_case(
    configuration: Configuration, written: str, types: set[str], unheard: tuple[str, ...]
) -> None:
    request = asked(configuration, filter=written)
    for form in ([written], written.split(",")):
        assert asked(configuration, filter=form) == request
    assert set(request.types) == types
    assert request.unheard == unheard
    assert [kind for kind in ("Patient", "Observation", "Group") if request.wants(kind)] == [
        kind for kind in ("Patient", "Observation", "Group") if kind in types
    ]


@pytest.mark.parametrize(
    ("bucket", "prefix", "place"),
    [
        ("s3://other", None, ("other", "")),
        ("s3://other/", None, ("other", "")),
        ("other/", None, ("other", "")),
        ("s3://other/exports/2024/", None, ("other", "exports/2024/")),
        ("other/exports/2024", None, ("other", "exports/2024")),
        ("other/exports", "exports", ("other", "exports")),
        ("s3a://other", "exports", ("other", "exports")),
        (None, "s3://other/exports/", ("other", "exports/")),
        ("other", " S3://other/exports/", ("other", "exports/")),
        ("s3://other", "s3://other/exports/", ("other", "exports/")),
        (None, "s3://other", ("other", "")),
        (None, "/exports", ("fhir-data", "/exports")),
        (None, "exports s3://", ("fhir-data", "exports s3://")),
    ],
)
def test_bucket_and_prefix_as_an_address_of_s3(
    configuration: Configuration, bucket: str | None, prefix: str | None, place: tuple[str, str]
) -> None:
    request = asked(configuration, bucket=bucket, prefix=prefix)
    assert (request.bucket, request.prefix) == place


@pytest.mark.parametrize(
    ("bucket", "prefix", "told"),
    [
        ("mine", "s3://other/exports", "prefix is s3://other/exports, and bucket is mine; name one bucket only"),
        ("s3://mine", "s3://other", "prefix is s3://other, and bucket is mine; name one bucket only"),
        ("s3://mine/a", "b", "bucket is s3://mine/a, and prefix is b; give prefix alone"),
        ("http://minio:9000/mine", "", "bucket is http://minio:9000/mine, which is an address; give the bucket's name"),
    ],
)
def test_bucket_and_prefix_that_contradict_each_other(
    configuration: Configuration, bucket: str, prefix: str, told: str
) -> None:
    with pytest.raises(Refusal) as raised:
        asked(configuration, bucket=bucket, prefix=prefix)
    assert str(raised.value).startswith(told)


# --- where it goes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "folder"),
    [
        ("", "."),
        ("  ", "."),
        (".", "."),
        ("./", "."),
        ("2024", "2024"),
        (" exports/2024/ ", "exports/2024"),
        ("./exports//2024", "exports/2024"),
        ("with space/größe", "with space/größe"),
        ("~", "~"),
        ("$HOME", "$HOME"),
        ("a\\b", "a\\b"),
        ("..a/b..", "..a/b.."),
        ("{location}", "."),
        ("{location}/", "."),
        ("{location}/a/b", "a/b"),
    ],
)
def test_a_folder_below_the_location(configuration: Configuration, location: Path, written: str, folder: str) -> None:
    assert asked(configuration, output=written.format(location=location)).output == location / folder
    assert list(location.iterdir()) == [], "asking makes nothing"


@pytest.mark.parametrize(
    "written",
    [
        "..",
        "../elsewhere",
        "a/../../b",
        "a/..",
        "/",
        "/etc",
        "//etc",
        "{location}/..",
        "{location}/../elsewhere",
        "{location}-more",
        "{location}/a/../../..",
        "a\0b",
        "a/" + "x" * 256,
        "_download_status_x",
        "...",
    ],
)
def test_anything_else_is_refused_in_a_sentence(configuration: Configuration, location: Path, written: str) -> None:
    with pytest.raises(Refusal) as raised:
        asked(configuration, output=written.format(location=location))
    told = str(raised.value)
    assert (
        f"which is not a folder below {location} (locations.minio of the configuration); give the name of one" in told
    )
    assert "\0" not in told


def test_a_link_out_of_the_location_is_refused(configuration: Configuration, location: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (location / "link").symlink_to(outside)
    (location / "loop").symlink_to(location)
    (location / "itself").symlink_to("itself")
    for written in ("link", "link/a", f"{location}/link/a/b", "itself/a"):
        with pytest.raises(Refusal, match="is not a folder below"):
            asked(configuration, output=written)
    assert asked(configuration, output="loop/a").output == location / "loop/a"


def test_a_location_that_is_a_link_itself_is_one(configuration: Configuration, location: Path, tmp_path: Path) -> None:
    location.rmdir()
    (tmp_path / "disk").mkdir()
    location.symlink_to(tmp_path / "disk")
    assert asked(configuration, output="2024").output == location / "2024"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["..", ".", "", "a", "/", "link", "{location}"]), max_size=6).map("/".join))
def test_whatever_is_written_the_folder_lies_below(configuration: Configuration, location: Path, written: str) -> None:
    try:
        output = asked(configuration, output=written.format(location=location)).output
    except Refusal:
        return
    assert output.resolve().is_relative_to(location.resolve())
    assert ".." not in output.relative_to(location).parts


@pytest.mark.parametrize("written", ["a\nb", "\x1b[31m", "x" * 5000])
def test_what_was_written_forges_no_line(configuration: Configuration, written: str) -> None:
    with pytest.raises(Refusal) as raised:
        asked(configuration, output=f"../{written}")
    assert str(raised.value).isprintable()


def test_a_location_that_is_missing_is_told(configuration: Configuration, location: Path) -> None:
    location.rmdir()
    with pytest.raises(LocationError, match="does not exist: create it"):
        asked(configuration)


def test_a_location_that_is_not_set_is_told(tmp_path: Path) -> None:
    file = tmp_path / "other.yaml"
    file.write_text("minio: {bucket: fhir-data}\n")
    with pytest.raises(LocationError, match=r"locations\.minio is not set"):
        asked(load({"DOWNLOADER_CONFIG": str(file)}))
