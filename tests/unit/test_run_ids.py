"""The id that a run gets on its way to Airflow's API."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader_tasks.run_ids import RunIds, id_of

NOW = datetime(2026, 2, 7, 8, 30, 0, 5, tzinfo=UTC)
OURS = "/api/v2/dags/s3_downloader/dagRuns"
CONF = {"raw_file_id": "20250115_sample"}
ALLOWED = re.compile(r"^[A-Za-z0-9_.~:+-]+$")
"""As Airflow's `[scheduler] allowed_run_id_pattern`."""


def passed(pieces: list[bytes], path: str = OURS, method: str = "POST") -> tuple[bytes, int]:
    """The body that comes out of it, and the length that its head tells."""
    seen: list[tuple[bytes, int]] = []
    coming = [
        {"type": "http.request", "body": piece, "more_body": at < len(pieces)} for at, piece in enumerate(pieces, 1)
    ]

    async def receive() -> MutableMapping[str, Any]:
        return coming.pop(0) if coming else {"type": "http.disconnect"}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message["more_body"]:
                break
        (length,) = [value for name, value in scope["headers"] if name.lower() == b"content-length"]
        seen.append((body, int(length)))

    async def send(message: Any) -> None: ...

    length = str(sum(map(len, pieces))).encode()
    scope = {"type": "http", "method": method, "path": path, "headers": [(b"Content-Length", length), (b"a", b"b")]}
    asyncio.run(RunIds(app)(scope, receive, send))
    (found,) = seen
    return found


@pytest.mark.parametrize("path", [OURS, f"/airflow{OURS}"])
@pytest.mark.parametrize("given_id", [{}, {"dag_run_id": None}])
def test_a_run_without_an_id_gets_one_that_says_what_it_is(path: str, given_id: dict[str, None]) -> None:
    asked = {"logical_date": None, "conf": CONF, "note": "ü", **given_id}
    text = json.dumps(asked).encode()
    body, length = passed([text[:5], text[5:9], b"", text[9:]], path)
    found = json.loads(body)
    run_id = found.pop("dag_run_id")
    assert re.fullmatch(r"restore_20250115_sample__\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", run_id)
    assert found == {"logical_date": None, "conf": CONF, "note": "ü"}
    assert length == len(body)


@pytest.mark.parametrize(
    ("asked", "path", "method"),
    [
        ({"conf": CONF, "dag_run_id": "mine"}, OURS, "POST"),
        ({"conf": CONF}, "/api/v2/dags/of_somebody_else/dagRuns", "POST"),
        ({"conf": CONF}, f"{OURS}/list", "POST"),
        ({"conf": CONF}, OURS, "PATCH"),
        ({"conf": [1]}, OURS, "POST"),
        ({"conf": "text"}, OURS, "POST"),
        ([1], OURS, "POST"),
        (None, OURS, "POST"),
        ({"conf": {"files": ["x" * 1024 * 1024]}}, OURS, "POST"),
    ],
)
def test_anything_else_passes_as_it_came(asked: object, path: str, method: str) -> None:
    text = json.dumps(asked).encode()
    pieces = [text[at : at + 64 * 1024] for at in range(0, len(text), 64 * 1024)]
    assert passed(pieces, path, method) == (text, len(text))


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_for_airflow_to_refuse(text: bytes) -> None:
    assert passed([text]) == (text, len(text))


def test_the_words_of_a_name_are_kept_apart() -> None:
    name = "restore 2 raw files: 20250115_a, ../b: *.tdf"
    assert id_of(name, NOW) == "restore_2_raw_files_20250115_a_b_.tdf__2026-02-07T08:30:00.000005Z"


@given(st.text(st.characters()))
def test_airflow_allows_the_id_of_any_name(name: str) -> None:
    run_id = id_of(name, NOW)
    assert ALLOWED.match(run_id)
    assert ".." not in run_id
    assert len(run_id) <= 250
    assert run_id.endswith("__2026-02-07T08:30:00.000005Z")
