"""The type of an export: by its key, else by what stands in it, and never at the cost of the others."""

from __future__ import annotations

import gzip

import pytest

from downloader.errors import NetworkError
from downloader.retry import RetryPolicy
from downloader.sources.memory import MemorySource
from downloader.sources.s3.minio import Listed
from downloader_tasks.minio.export_types import ExportTypes
from support.restoring import FakeClock
from support.scripted import ScriptedSource, busy, cut_after, refuse_range

OBJECTS = {
    "Group.ndjson": b'{"resourceType":"Patient"}\n',
    "a.ndjson": b'{"resourceType":"Patient"}\n',
    "b.ndjson.gz": gzip.compress(b'{"resourceType":"Flag"}\n'),
    "c.ndjson": b'{"resourceType":"Slot"}\n' + b" " * 200_000,
    "d.ndjson": b"",
    "e.ndjson": b"not a resource",
    "f.txt": b'{"resourceType":"Patient"}\n',
}
BY_CONTENT = ["Group", "Patient", "Flag", "Slot", "Unknown", "Unknown", ""]
LISTED = [Listed(key, len(data), "") for key, data in OBJECTS.items()]


def kinds(source: ScriptedSource | None, clock: FakeClock) -> list[str]:
    pairs = list(ExportTypes(source, RetryPolicy(clock=clock.clock)).of_all(LISTED))
    assert [listed for listed, _ in pairs] == LISTED
    return [kind for _, kind in pairs]


def test_by_their_keys_alone(clock: FakeClock) -> None:
    assert kinds(None, clock) == ["Group", *["Unknown"] * 5, ""]


def test_where_the_key_tells_none_the_content_is_looked_at(clock: FakeClock) -> None:
    source = ScriptedSource(MemorySource(OBJECTS))
    assert kinds(source, clock) == BY_CONTENT
    assert set(source.opens) == {"a.ndjson", "b.ndjson.gz", "c.ndjson", "e.ndjson"}
    assert source.served["c.ndjson"] == 64 * 1024


def test_what_breaks_is_read_again(clock: FakeClock) -> None:
    source = ScriptedSource(MemorySource(OBJECTS), {"a.ndjson": [*busy(1), cut_after(5)], "c.ndjson": [cut_after(0)]})
    assert kinds(source, clock) == BY_CONTENT


def test_what_cannot_be_read_is_of_no_type_and_stops_no_other(clock: FakeClock) -> None:
    memory = MemorySource(OBJECTS)
    memory.remove("a.ndjson")
    source = ScriptedSource(memory, {"b.ndjson.gz": [refuse_range]})
    assert kinds(source, clock) == ["Group", "Unknown", "Unknown", "Slot", "Unknown", "Unknown", ""]


def test_a_server_that_is_away_is_told(clock: FakeClock) -> None:
    with pytest.raises(NetworkError):
        kinds(ScriptedSource(MemorySource(OBJECTS), {"c.ndjson": [cut_after(0)] * 20}), clock)
