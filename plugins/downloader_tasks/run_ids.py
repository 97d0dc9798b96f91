"""The id of a run that the form or the REST API triggers without one: ``restore_20250115_sample__2026-02-07T...``.

Airflow's list of runs shows and searches ids; notes it shows at a click only. `airflow dags trigger` passes elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any, Final

from .run_names import name_of

__all__ = ["RunIds", "id_of"]

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_App = Callable[[_Message, _Receive, _Send], Awaitable[None]]

_TRIGGER: Final = re.compile(r".*/api/v2/dags/([a-z0-9_]+)/dagRuns")
_NOT_IN_AN_ID: Final = re.compile(r"(?:[^A-Za-z0-9_.~+-]|\.{2,})+")
"""All the rest, and colons, Airflow allows in ids by default."""
_LONGEST: Final = 100
"""Characters of a name in an id. An id may have 250, and becomes a folder of logs."""
_MOST_BYTES: Final = 1024 * 1024
"""Of a request that is looked into. Parameters are shorter."""


def id_of(name: str, now: datetime) -> str:
    """The id of the run that is called `name`, triggered now. No two are triggered in one microsecond."""
    words = _NOT_IN_AN_ID.sub("_", name)[:_LONGEST].strip("_.")
    return f"{words}__{now.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


class RunIds:
    """Middleware of Airflow's API. What it cannot read passes as it came: Airflow says what is wrong with it."""

    def __init__(self, app: _App) -> None:
        self._app = app

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """As ASGI has it."""
        found = _TRIGGER.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if found is None or not name_of(found[1], {}):
            await self._app(scope, receive, send)
            return
        messages = [await receive()]
        while messages[-1].get("more_body") and sum(map(_length, messages)) < _MOST_BYTES:
            messages.append(await receive())
        body = b"".join(message.get("body", b"") for message in messages)
        named = None if messages[-1].get("more_body") else _named(found[1], body)
        if named is not None:
            messages = [{"type": "http.request", "body": named, "more_body": False}]
            length = (b"content-length", str(len(named)).encode())
            scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0].lower() != length[0]] + [length]}

        async def again() -> _Message:
            return messages.pop(0) if messages else await receive()

        await self._app(scope, again, send)


def _length(message: _Message) -> int:
    return len(message.get("body", b""))


def _named(dag_id: str, body: bytes) -> bytes | None:
    """The request with an id; None where it has one, or cannot be read."""
    try:
        asked = json.loads(body)
        conf = asked.get("conf") or {}
        if asked.get("dag_run_id") is not None:
            return None
        asked["dag_run_id"] = id_of(name_of(dag_id, conf), datetime.now(UTC))
        return json.dumps(asked).encode()
    except (ValueError, AttributeError, TypeError, RecursionError):
        return None
