"""Records of the catalogue in every wrong shape: a plan, or one sentence that names the record."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import bson
import pytest
from bson.errors import InvalidBSON
from bson.raw_bson import RawBSONDocument
from hypothesis import strategies as st

from downloader.catalogue import (
    CatalogueAddress,
    CatalogueError,
    DocumentNames,
    RawFile,
    RecordUnusable,
    open_catalogue,
    plan,
)
from downloader.catalogue.documents import RAW
from downloader.catalogue.documents import to_raw_file as document_to_raw_file
from downloader.catalogue.rows import to_raw_file
from downloader.errors import CorruptRecord
from downloader.planning import local_name
from downloader.remote_file import Planned, Refused, RemoteFile
from downloader.report.escaping import escape
from support.hostile import NAMES, VALUES, ZOO, assert_readable, damaged, held_against, mutated
from support.postgres import DDL

pytestmark = pytest.mark.timeout(100, method="thread")

MD5 = "9b2cf535f27731c974343645a3985328"
INFO = {
    "sample.raw": [5, MD5],
    "sample.d/a": [1, MD5, f"{MD5}-17__100"],
    "sample.d/b": [None, None],
    "ü": [2, f"{MD5}-3__8"],
}
TEXT = json.dumps(INFO, ensure_ascii=False).encode()
ROW: list[object] = ["20250115_sample", "PRID001", "s3://bucket/prefix/", "upload_done", TEXT]
Answer = TypeVar("Answer")


def judged(row: Sequence[object]) -> tuple[str, list[Planned]]:
    """What a row comes to: ``planned``, ``partly`` (some of its files are refused) or ``refused``; and the plan."""
    try:
        found = to_raw_file([row], "20250115_sample")
        assert found is not None
        found.project_folder()
        planned = plan(found)
    except CatalogueError as error:
        # What the user is shown: `validate` writes it on one line.
        assert_readable(escape(str(error)), most=1_500)
        return "refused", []
    assert len({local_name(item) for item in planned}) == len(planned) == len(found.file_info)
    return "partly" if any(isinstance(item, Refused) for item in planned) else "planned", planned


def rewritten(number: int, value: object) -> list[object]:
    return [*ROW[:number], value, *ROW[number + 1 :]]


# --- thousands --------------------------------------------------------------------------------------------------------

texts = st.one_of(
    damaged(TEXT),
    mutated(INFO).map(lambda info: json.dumps(info).encode()),
    mutated(INFO).map(lambda info: json.dumps(info, ensure_ascii=False).encode("utf-8", "surrogatepass")),
)


@held_against(texts, ["planned", "partly", "refused"])
def test_file_info(text: bytes) -> str:
    outcome, planned = judged(rewritten(4, text))
    for item in planned:
        if isinstance(item, Refused):
            assert len(item.error.what) < 500, "it has to fit a line of the report"
        else:
            assert item.size is None or 0 <= item.size < 2**63
    return outcome


columns = st.sampled_from([*NAMES.values(), *VALUES.values(), b"\xff\xfe", b"a" * 1_000]).map(
    lambda value: value if isinstance(value, str | bytes | int | float | None) else str(value)
)
prefixes = st.sampled_from(["", "s3://", "S3://bucket/", "bucket/", "bucket/a/", "gs://", "/", "PRID001", "a"])


@held_against(
    st.tuples(st.integers(0, 4), prefixes, columns, st.sampled_from(["", "/", " ", "x"])), ["planned", "refused"]
)
def test_columns(case: tuple[int, str, object, str]) -> str:
    number, before, value, behind = case
    whole = f"{before}{value}{behind}" if isinstance(value, str) and number < 4 else value
    outcome, planned = judged(rewritten(number, whole))
    for item in planned:
        assert not isinstance(item, RemoteFile) or item.key.endswith(item.path.text)
    return outcome


FIELDS = {"project_id": "PRID001", "s3_upload_path": "bucket", "backup_status": "upload_done"}
ODD = {"$odd.name": [bson.Int64(5), None, None], "other": {"a": [1.5, b"x", bson.ObjectId(b"x" * 12)]}}


def document_of(file_info: bytes) -> bytes:
    """A record whose file_info are these bytes."""
    body = bson.encode(FIELDS)[4:-1] + b"\x03file_info\0" + file_info + b"\0"
    return (len(body) + 4).to_bytes(4, "little") + body


documents = st.one_of(
    damaged(document_of(bson.encode(INFO)), most=1),
    damaged(bson.encode(INFO | ODD)).map(document_of),
    st.dictionaries(st.sampled_from([*INFO, *ODD, "a.b"]), st.sampled_from([*INFO.values(), *ODD.values(), [1], None]))
    .map(bson.encode)
    .map(document_of),
    damaged(bson.encode(INFO)[4:-1], most=1).map(
        lambda entries: document_of((len(entries) + 5).to_bytes(4, "little") + entries + b"\0")
    ),
)


@held_against(documents, ["planned", "partly", "refused"])
def test_documents(raw: bytes) -> str:
    """What the driver hands over, of which it has looked at the outermost length alone."""
    try:
        document = RawBSONDocument(raw, RAW)
    except (InvalidBSON, IndexError):
        return "refused"  # by the driver
    try:
        found = document_to_raw_file(document, "20250115_sample", DocumentNames())
        found.project_folder()
        planned = plan(found)
    except CatalogueError as error:
        assert_readable(escape(str(error)), most=1_500)
        return "refused"
    assert len(planned) == len(found.file_info)
    return "partly" if any(isinstance(item, Refused) for item in planned) else "planned"


# --- the nastiest -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", VALUES)
def test_each_value_as_an_entry_as_a_part_of_one_and_as_all_of_them(what: str) -> None:
    value = VALUES[what]
    for info in (value, {"a": value}, {"a": [value, MD5]}, {"a": [1, value]}, {"a": [1, MD5, value]}, [value]):
        outcome, planned = judged(rewritten(4, json.dumps(info)))
        assert outcome in ("planned", "partly", "refused")
        for item in planned:
            assert not isinstance(item, Refused) or isinstance(item.error, CorruptRecord)


@pytest.mark.parametrize("what", ZOO)
def test_each_name_as_a_column_and_as_all_of_the_text(what: str) -> None:
    for number in range(5):
        judged(rewritten(number, ZOO[what]))
        judged(rewritten(number, ZOO[what].encode("utf-8", "surrogatepass")))


def at_depth(frames: int, function: Callable[[], Answer]) -> Answer:
    return function() if not frames else at_depth(frames - 1, function)


@pytest.mark.parametrize("shape", ["[%s, null]", "[5, %s]", '[5, "x", %s]', '{"a": %s}', "%s"])
@pytest.mark.parametrize("nest", [("[", "]"), ('{"a":', "}")])
def test_lists_in_lists_as_deep_as_can_be_read_at_all(shape: str, nest: tuple[str, str]) -> None:
    """The plan is made further down in the program than the record is read, where there is less room for recursion."""
    outcomes = set()
    for depth in range(600, 1_000, 7):
        text = nest[0] * depth + "1" + nest[1] * depth
        row = rewritten(4, '{"a": %s, "b": [1, null]}' % (shape % text))
        try:
            found = to_raw_file([row], "20250115_sample")
        except RecordUnusable:
            outcomes.add("refused")
            continue
        assert found is not None
        record = found
        bad, good = at_depth(60, lambda record=record: plan(record))  # type: ignore[misc]
        assert isinstance(bad, Refused)
        assert isinstance(good, RemoteFile)
        outcomes.add("planned")
    assert outcomes == {"refused", "planned"}


def test_megabytes() -> None:
    """Of names, of entries, of one entry, of what the columns hold: a sentence stays a sentence."""
    megabyte = 2**20
    wide = {f"{number}": [1, MD5] for number in range(50_000)}
    assert judged(rewritten(4, json.dumps(wide)))[0] == "planned"
    for info in ({"a": "x" * megabyte}, {"a": [1, "x" * megabyte]}, {"a": [0] * megabyte}, {"x" * megabyte: [1, MD5]}):
        outcome, (refused,) = judged(rewritten(4, json.dumps(info)))
        assert (outcome, isinstance(refused, Refused)) == ("partly", True)
        assert isinstance(refused, Refused)
        assert_readable(str(refused.error))
    for text in ("x" * megabyte, "[" * megabyte, '{"a":' * megabyte, "9" * megabyte, '"' + "\\u0000" * megabyte):
        assert judged(rewritten(4, text))[0] == "refused"
    for number in (1, 2):
        for column in ("/" * megabyte, "\0" * megabyte, "a:" * megabyte, "s3://" * megabyte, "-" * megabyte):
            assert judged(rewritten(number, column))[0] == "refused"
    never = RawFile("a", "P", None, "\x1b[2J" * megabyte, {})
    with pytest.raises(RecordUnusable) as caught:
        never.upload_path()
    assert_readable(str(caught.value))


def test_deep_paths_of_a_record_are_refused_one_by_one() -> None:
    deep = {f"{number}/{'a/' * 1_700}x": [1, MD5] for number in range(2_000)}
    outcome, planned = judged(rewritten(4, json.dumps({**deep, "good": [1, MD5]})))
    assert outcome == "partly"
    assert [item.path.text for item in planned if isinstance(item, RemoteFile)] == ["good"]


# --- in a real catalogue ----------------------------------------------------------------------------------------------


def test_a_catalogue_full_of_them(tmp_path: Path) -> None:
    """SQLite keeps what it is given, whatever the column's type says."""
    file = tmp_path / "catalogue.db"
    odd: list[object] = [*ZOO.values(), *VALUES.values(), b"\xff\xfe", b"", 0.5, 2**62]
    kept = [value for value in odd if value is None or isinstance(value, bytes | float) or _is_plain(value)]
    with closing(sqlite3.connect(file)) as database, database:
        database.executescript(DDL.read_text().replace("file_info       JSON", "file_info"))
        for at, value in enumerate(kept):
            for number in range(1, 5):
                row = [f"{at}-{number}", *rewritten(number, value)[1:]]
                database.execute("INSERT INTO raw_file VALUES (?, ?, ?, ?, ?)", row)
        half = "CAST(x'ff' AS TEXT)"
        broken = f"INSERT INTO raw_file SELECT 'broken', {half}, {half}, 'x', CAST(x'7bff7d' AS TEXT)"
        database.execute(broken)
    catalogue = open_catalogue(CatalogueAddress("sqlite", host=str(file)))
    asked = 0
    for raw_file_id in ["broken", *(f"{at}-{number}" for at in range(len(kept)) for number in range(1, 5))]:
        asked += 1
        try:
            found = catalogue.get(raw_file_id)
            assert found is not None
            found.project_folder()
            plan(found)
        except CatalogueError as error:
            assert_readable(escape(str(error)), most=1_500)
    assert asked > 4 * len(ZOO) // 2


def _is_plain(value: object) -> bool:
    return isinstance(value, str) and value.isprintable()
