"""What every catalogue must do: in a real SQLite, a real PostgreSQL, and MongoDB by its own driver over the wire."""

from __future__ import annotations

import threading

import pytest

from downloader.catalogue import (
    CatalogueRefused,
    NoSuchRawFile,
    RawFile,
    RecordUnusable,
    each_id,
    find_raw_file,
    open_catalogue,
    plan,
)
from downloader.remote_file import Refused, RemoteFile
from support.catalogues import Database, Opened

MD5 = "9b2cf535f27731c974343645a3985328"
INFO = {"sample.d/ü": [1, MD5], "sample.raw": [5, MD5, f"{MD5}-17__100"], "bad": [1]}


def test_a_record_is_read_as_it_was_written(database: Database, opened: Opened) -> None:
    database.insert("20250115_sample", INFO)
    found = opened(database.address).get("20250115_sample")
    assert found == RawFile("20250115_sample", "PRID001", "bucket/prefix/", "upload_done", INFO)
    planned = plan(found)
    assert [type(item) for item in planned] == [Refused, RemoteFile, RemoteFile]


def test_nulls_are_read_as_nothing(database: Database, opened: Opened) -> None:
    database.insert_bare("bare")
    assert opened(database.address).get("bare") == RawFile("bare", "", None, None, {})


def test_an_id_that_is_not_there_is_none(database: Database, opened: Opened) -> None:
    database.insert("sample", INFO)
    catalogue = opened(database.address)
    for unknown in ("", "Sample", "sampl", "sample'", "' OR ''='", "%", "x" * 5000, "nul\0", "\ud800"):
        assert catalogue.get(unknown) is None
        catalogue.similar(unknown, 3)


def test_the_ids_of_a_project_are_those_whose_backup_is_done(database: Database, opened: Opened) -> None:
    for number in (3, 1, 2):
        database.insert(f"sample_{number}", INFO)
    database.insert("other", INFO, project_id="PRID002")
    database.insert("none", INFO, project_id=None)
    database.insert_bare("_not_yet", project_id="PRID001", backup_status="upload_in_progress")
    database.insert_bare("bare", project_id="PRID001")
    catalogue = opened(database.address)
    assert catalogue.ids_of_project("PRID001", 10) == ["sample_1", "sample_2", "sample_3"]
    assert catalogue.ids_of_project("PRID001", 2) == ["sample_1", "sample_2"]
    for unknown in ("", "prid001", "PRID", "PRID001'", "' OR ''='", "%", "x" * 5000, "nul\0", "\ud800"):
        assert catalogue.ids_of_project(unknown, 10) == []


def test_every_id_is_listed_page_by_page_whatever_became_of_its_backup(database: Database, opened: Opened) -> None:
    for name in ("b", "é", "a'", "B", "c"):
        database.insert(name, INFO)
    database.insert("other", INFO, project_id="PRID002")
    database.insert("none", INFO, project_id=None)
    database.insert_bare("bare", project_id="PRID001")
    catalogue = opened(database.address)
    found = page = catalogue.ids("PRID001", None, 2)
    while page := catalogue.ids("PRID001", page[-1], 2):
        found = found + page
    assert sorted(found) == sorted(["b", "é", "a'", "B", "c", "bare"])
    assert sorted(each_id(catalogue)) == sorted([*found, "other", "none"])
    assert list(each_id(catalogue, "PRID001")) == found
    for unknown in ("", "prid001", "' OR ''='", "nul\0", "\ud800"):
        assert list(each_id(catalogue, unknown)) == []


def test_file_info_that_is_damaged_names_its_record_and_spoils_no_other(database: Database, opened: Opened) -> None:
    database.insert_damaged("broken")
    database.insert("sample", INFO)
    catalogue = opened(database.address)
    with pytest.raises(RecordUnusable, match="file_info of raw file broken is not valid JSON"):
        catalogue.get("broken")
    assert catalogue.get("sample") is not None


def test_what_is_missing_is_named_and_no_matter_of_patience(database: Database, opened: Opened) -> None:
    database.drop()
    with pytest.raises(CatalogueRefused, match="raw_file") as caught:
        opened(database.address).get("sample")
    assert not caught.value.retryable


def test_the_records_of_a_project_may_be_damaged(database: Database, opened: Opened) -> None:
    """Only their ids are read; each record is an error of its own."""
    database.insert_damaged("broken")
    assert opened(database.address).ids_of_project("PRID001", 10) == ["broken"]


def test_a_catalogue_is_not_changed_by_reading_it(database: Database, opened: Opened) -> None:
    database.insert("sample", INFO)
    before = database.holds()
    catalogue = opened(database.address)
    catalogue.get("sample")
    catalogue.similar("sampel", 3)
    catalogue.ids_of_project("PRID001", 3)
    list(each_id(catalogue))
    with pytest.raises(NoSuchRawFile):
        find_raw_file(catalogue, "other")
    catalogue.close()
    assert database.holds() == before


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("20250115_sampel", "20250115_sample"),
        ("20250115_SAMPLE", "20250115_sample"),
        ("sample", "20250115_sample"),
        ("SAMPLE", "20250115_sample"),
        ("20250115_sample.raw", "20250115_sample"),
        ("2025_sample", "20250115_sample"),
        ("100%_pure", "100%_pure_water"),
    ],
)
def test_a_mistyped_id_is_answered_with_what_was_meant(
    database: Database, opened: Opened, asked: str, meant: str
) -> None:
    for name in ("20250115_sample", "100%_pure_water", "blank", "20240202_control", "1000_purely"):
        database.insert(name, {})
    with pytest.raises(NoSuchRawFile) as caught:
        find_raw_file(opened(database.address), asked)
    assert str(caught.value).startswith(f"no raw file {asked} in the catalogue; did you mean {meant}")


def test_an_id_like_no_other_is_answered_plainly(database: Database, opened: Opened) -> None:
    database.insert("20250115_sample", {})
    with pytest.raises(NoSuchRawFile) as caught:
        find_raw_file(opened(database.address), "zzz")
    assert str(caught.value) == "no raw file zzz in the catalogue; check the id"


def test_a_record_that_is_there_is_found(database: Database, opened: Opened) -> None:
    database.insert("sample", INFO)
    assert find_raw_file(opened(database.address), "sample").id == "sample"


def test_many_threads_may_ask_at_once(database: Database, opened: Opened) -> None:
    for number in range(8):
        database.insert(f"sample{number}", {str(number): [number, MD5]})
    catalogue = opened(database.address)
    found: dict[int, RawFile | None] = {}

    def ask(number: int) -> None:
        for _ in range(5):
            found[number] = catalogue.get(f"sample{number}")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {number: raw_file and list(raw_file.file_info) for number, raw_file in found.items()} == {
        number: [str(number)] for number in range(8)
    }


def test_closing_twice_is_fine(database: Database) -> None:
    database.insert("sample", INFO)
    catalogue = open_catalogue(database.address)
    catalogue.close()
    catalogue.close()
