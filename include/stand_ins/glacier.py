"""Archive tiers in front of another S3 server: what is archived, what is being restored, and when it is ready.

The server behind (moto) keeps the objects, lists them and knows their storage classes. What Amazon S3 does over hours
is decided here, by whoever runs the test: `make_ready`, `freeze`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import unquote_plus

import urllib3

from . import wire
from .contents import pieces
from .object_server import ObjectRequest, refuse
from .wire import Answer, Fault, StandIn

__all__ = ["GlacierServer", "RestoreRequest", "glacier_in_front"]

_TIERING: Final = frozenset({"ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS"})
"""Tiers of the storage class ``INTELLIGENT_TIERING``, which no listing tells."""
_DEEP: Final = frozenset({"DEEP_ARCHIVE", "DEEP_ARCHIVE_ACCESS"})
_ENTRY: Final = re.compile(r"<Contents>.*?</Contents>", re.DOTALL)
_KEY: Final = re.compile(r"<Key>(.*?)</Key>", re.DOTALL)
_HOP_BY_HOP: Final = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})
_STATE: Final = "The operation is not valid for the object's {what}"


@dataclass(frozen=True)
class RestoreRequest:
    """What was asked for. `days`: None where it was left out."""

    key: str
    tier: str
    days: int | None


@dataclass(frozen=True)
class _Archived:
    tier: str
    under_way: bool = False
    expires: datetime | None = None
    """Of the restored copy. An object of Intelligent-Tiering has none: it is moved out of its archive tier."""

    @property
    def ready(self) -> bool:
        return self.expires is not None


@dataclass
class GlacierServer(StandIn):
    """One bucket of the server at `behind`. `tells`: whether its listings have ``RestoreStatus``."""

    behind: str = ""
    tells: bool = True
    refuses: Callable[[RestoreRequest], Fault | None] = lambda _: None
    """Sees each request for a restore first, and may answer with a fault."""
    requests: list[ObjectRequest] = field(default_factory=list)
    restores: list[RestoreRequest] = field(default_factory=list)
    """Those that were accepted."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._http = urllib3.PoolManager(maxsize=64, retries=False)
        self._archived: dict[str, _Archived] = {}

    def archive(self, *keys: str, tier: str = "GLACIER") -> None:
        """Puts objects into an archive tier. The server behind has their storage class already."""
        with self._lock:
            self._archived |= {key: _Archived(tier) for key in keys}

    def freeze(self, *keys: str) -> None:
        """The restored copies have expired."""
        with self._lock:
            self._archived |= {key: _Archived(self._archived[key].tier) for key in keys}

    def make_ready(self, *keys: str, days: int = 7) -> None:
        """Restores are done: of `keys`, or all that are under way."""
        with self._lock:
            for key in keys or [key for key, each in self._archived.items() if each.under_way]:
                if self._archived[key].tier in _TIERING:
                    del self._archived[key]
                else:
                    self._archived[key] = replace(self._archived[key], under_way=False, expires=_in(days))

    def counted(self, method: str, part: str = "") -> int:
        """Requests by that method with `part` in their address."""
        with self._lock:
            return sum(each.method == method and part in each.uri for each in self.requests)

    def take(self, request: wire.Request) -> Answer:
        """What `request` gets."""
        asked = ObjectRequest(request.method, request.uri, request.headers, request.body, request.at)
        with self._lock:
            self.requests.append(asked)
            held = self._archived.get(asked.key)
        if asked.method == "POST" and "restore" in asked.query:
            return self._restore(asked)
        if asked.lists:
            return self._listed(asked)
        if held is None or held.ready:
            return self._with_state(self._forwarded(asked), held)
        if asked.method == "HEAD":
            return self._with_state(self._forwarded(asked), held)
        return _invalid(held)

    def _restore(self, asked: ObjectRequest) -> Answer:
        wanted = _wanted(asked)
        fault = self.refuses(wanted)
        if fault is not None:
            return fault(Answer(200, {}))
        with self._lock:
            held = self._archived.get(asked.key)
            if held is None:
                return _invalid(_Archived("STANDARD"))
            if (wanted.days is None) is not (held.tier in _TIERING):
                return refuse(400, "InvalidArgument", "Days")(Answer(400, {}))
            if wanted.tier == "Expedited" and held.tier in _DEEP:
                message = "Retrieval option is not supported by this storage class"
                return refuse(400, "InvalidArgument", message)(Answer(400, {}))
            if held.under_way:
                message = "Object restore is already in progress"
                return refuse(409, "RestoreAlreadyInProgress", message)(Answer(409, {}))
            self.restores.append(wanted)
            if held.ready:
                self._archived[asked.key] = replace(held, expires=_in(wanted.days or 0))
                return Answer(200, {})
            self._archived[asked.key] = replace(held, under_way=True)
        return Answer(202, {}) if held.tier in _TIERING else replace(self._forwarded(asked), status=202)

    def _listed(self, asked: ObjectRequest) -> Answer:
        answer = self._forwarded(asked)
        wants = "RestoreStatus" in asked.headers.get("x-amz-optional-object-attributes", "")
        if not (wants and self.tells):
            return answer
        page = b"".join(pieces(answer.body)).decode()
        return replace(answer, body=_ENTRY.sub(self._with_status, page).encode())

    def _with_status(self, entry: re.Match[str]) -> str:
        found = _KEY.search(entry[0])
        held = self._archived.get(unquote_plus(found[1])) if found else None
        if held is None or held.tier in _TIERING or not (held.under_way or held.ready):
            return entry[0]
        expires = (
            f"<RestoreExpiryDate>{held.expires:%Y-%m-%dT%H:%M:%S.000Z}</RestoreExpiryDate>" if held.expires else ""
        )
        status = f"<IsRestoreInProgress>{str(held.under_way).lower()}</IsRestoreInProgress>{expires}"
        return entry[0].replace("</Contents>", f"<RestoreStatus>{status}</RestoreStatus></Contents>")

    def _with_state(self, answer: Answer, held: _Archived | None) -> Answer:
        headers = {name: value for name, value in answer.headers.items() if name.lower() != "x-amz-restore"}
        if held is not None and held.tier in _TIERING:
            headers["x-amz-archive-status"] = held.tier
        if held is not None and held.under_way:
            headers["x-amz-restore"] = 'ongoing-request="true"'
        elif held is not None and held.expires:
            expires = f"{held.expires:%a, %d %b %Y %H:%M:%S GMT}"
            headers["x-amz-restore"] = f'ongoing-request="false", expiry-date="{expires}"'
        return replace(answer, headers=headers)

    def _forwarded(self, asked: ObjectRequest) -> Answer:
        headers = {name: value for name, value in asked.headers.items() if name not in {*_HOP_BY_HOP, "host"}}
        found = self._http.request(asked.method, f"{self.behind}{asked.uri}", body=asked.body or None, headers=headers)
        kept = {name: value for name, value in found.headers.items() if name.lower() not in _HOP_BY_HOP}
        if asked.method == "HEAD":
            return Answer(found.status, {**kept, "Content-Length": found.headers.get("content-length", "0")})
        return Answer(found.status, kept, found.data, found.data)


def _wanted(asked: ObjectRequest) -> RestoreRequest:
    body = asked.body.decode()
    tier, days = re.search(r"<Tier>(\w+)</Tier>", body), re.search(r"<Days>(\d+)</Days>", body)
    return RestoreRequest(asked.key, tier[1] if tier else "", int(days[1]) if days else None)


def _invalid(held: _Archived) -> Answer:
    what = "access tier" if held.tier in _TIERING else "storage class"
    return refuse(403, "InvalidObjectState", _STATE.format(what=what))(Answer(403, {}))


def _in(days: int) -> datetime:
    """Midnight, as S3 rounds it."""
    return (datetime.now(UTC) + timedelta(days=days + 1)).replace(hour=0, minute=0, second=0, microsecond=0)


@contextmanager
def glacier_in_front(behind: str) -> Iterator[GlacierServer]:
    """Archive tiers in front of the server at `behind`, on a free port."""
    with wire.serving(GlacierServer(behind=behind)) as served:
        yield served
