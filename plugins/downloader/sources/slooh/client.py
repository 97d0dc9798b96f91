"""Slooh's web API: a session, a login, and the four calls for listing pictures.

All calls are POSTs with a JSON body, and all answers are JSON, also refusals. No text of an answer is passed on.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from ...errors import AccessDenied, ServerBusy
from ...retry import RetryPolicy
from ...source import Timeouts
from ..http import Advice, Hosts, HttpClient, HttpRequest
from .rows import (
    MemberStatus,
    Mission,
    RowPage,
    SloohPicture,
    frames_of,
    is_true,
    missions_of,
    pictures_of,
    status_of,
    text,
)

__all__ = ["Account", "SloohClient"]

_PRODUCT: Final = "ee26fb6d-3351-11eb-83b9-0655cc43ca95"
_LOCALE: Final = "en"
_COOKIE: Final = "_sloohsstkn"
_MOST_BYTES: Final = 16 * 1024 * 1024
"""The limit of one answer. Fifty rows are about 50 KB."""
_TOKEN: Final = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,4096}")
"""The characters of a cookie: RFC 6265, section 4.1.1."""
_CODE: Final = re.compile(r"[0-9]{1,5}")

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Account:
    """The account, and the address of its server."""

    base_url: str
    """``https://app.slooh.com``."""
    username: str = field(repr=False)
    password: str = field(repr=False)
    connection: str = "slooh_default"
    """The connection that holds them, for messages."""

    @property
    def advice(self) -> Advice:
        """What to do about refusals of the server."""
        host = f"the host of the connection {self.connection}"
        return Advice(
            missing=f"correct {host}",
            denied=f"correct login and password of the connection {self.connection}",
            size=f"check {host}",
            refused=f"check {host}",
            unreachable=f"check {host} and the network, then run it again",
            address=host,
        )


@dataclass(frozen=True, slots=True)
class _ApiSession:
    """One login. Until it expires, its values are as secret as the password."""

    token: str = field(repr=False)
    member: Json = field(default_factory=dict, repr=False)
    """`at`, `cid` and `token`, as Slooh gave them; empty before the login."""
    display_name: str | None = None

    def body(self, more: Json, token_field: str = "sloohSessionToken") -> Json:  # noqa: S107 the name of a field
        """The body of a call."""
        return {token_field: self.token, **self.member, "productId": _PRODUCT, "locale": _LOCALE, **more}


@dataclass(frozen=True, slots=True)
class _Call:
    """One kind of call."""

    path: str
    about: str
    """What it requests, for messages."""
    token_field: str = "sloohSessionToken"  # noqa: S105 the name of a field


_NEW_SESSION: Final = _Call("/api/app/generateSessionToken", "a session")
_LOGIN: Final = _Call("/api/users/login", "the login")
_STATUS: Final = _Call("/api/newdashboard/getUserGravityStatus", "the member's status")
_MISSIONS: Final = _Call("/api/images/getMissionImages", "the list of missions")
_PICTURES: Final = _Call("/api/images/getMyPictures", "the list of pictures")
_FRAMES: Final = _Call("/api/images/getMissionFITS", "a mission's FITS frames", "sloohSiteSessionToken")


class SloohClient:
    """Calls the API. Safe to use from many threads; calls are retried as the policy says.

    Logs in before the first call. Raises `AccessDenied` if login or password are refused.
    """

    def __init__(
        self,
        account: Account,
        policy: RetryPolicy,
        before: Callable[[], None] = lambda: None,
        timeouts: Timeouts | None = None,
    ) -> None:
        """`before` is called before each request: the `RequestLimit` of the account."""
        self._account = account
        self._policy = policy
        self._http = HttpClient(Hosts(addresses=(account.base_url,)), account.advice, timeouts, before, connections=1)
        self._renewing = threading.Lock()
        self._session: _ApiSession | None = None
        self._unused = True
        self.logins = 0
        """The number of logins so far."""

    @property
    def is_fresh(self) -> bool:
        """Whether the next call is the first one after a login, so that an empty answer can be trusted."""
        return self._unused

    def login(self) -> str | None:
        """Logs in again, and returns the member's displayed name."""
        return self.renew().display_name

    def renew(self) -> _ApiSession:
        """Replaces the session by a new one."""
        with self._renewing:
            return self._log_in()

    def status(self) -> MemberStatus:
        """What Slooh knows of the member. One try: no download depends on it."""
        answer = self._accepted(_STATUS, self._current().body({}))
        self._unused = False
        return status_of(answer)

    def missions(self, first: int, most: int) -> RowPage[Mission]:
        """At most `most` missions, from number `first` (counted from 1) on."""
        return missions_of(self._ask(_MISSIONS, {"maxMissionCount": most, "firstMissionNumber": first}))

    def pictures(self, first: int, most: int, mission_id: int = 0) -> RowPage[SloohPicture]:
        """At most `most` pictures, the newest first, from number `first` (counted from 1) on; mission 0 stands for all.

        An expired session gets the answer of an account without pictures: see `listing`.
        """
        view = "missions" if mission_id else "photoRoll"  # "missions" without a mission returns one picture only
        more = {"scheduledMissionId": mission_id, "maxImageCount": most, "firstImageNumber": first, "viewType": view}
        return pictures_of(self._ask(_PICTURES, more), mission_id or None)

    def frames(self, mission_id: int, first: int, most: int) -> RowPage[SloohPicture]:
        """The FITS frames of one mission. Empty also if the member has no right to them."""
        if mission_id <= 0:
            raise ValueError(f"{mission_id} is no mission")
        more = {
            "scheduledMissionId": mission_id,
            "maxImageCount": most,
            "firstImageNumber": first,
            "viewType": "missions",
        }
        return frames_of(self._ask(_FRAMES, more), mission_id)

    def _ask(self, call: _Call, more: Json) -> Json:
        """The answer to a call of the member, after a new login if the session is refused."""
        session = self._current()
        answer: Json | None = None
        with suppress(AccessDenied):  # the session was probably refused
            answer = self._policy.call(lambda: self._post(call, session.body(more, call.token_field), session.token))
        if answer is None or is_true(answer.get("apiError")):
            self.renew()
            answer = self._policy.call(lambda: self._accepted(call, self._current().body(more, call.token_field)))
        self._unused = False
        return answer

    def _current(self) -> _ApiSession:
        with self._renewing:
            return self._session or self._log_in()

    def _log_in(self) -> _ApiSession:
        account = self._account
        if not (account.username and account.password):
            advice = f"fill in login and password of the connection {account.connection}"
            raise AccessDenied(f"the connection {account.connection} has no login or no password", advice)
        token = self._policy.call(self._new_token)
        body = _ApiSession(token).body({"username": account.username, "passwd": account.password})
        answer = self._policy.call(lambda: self._accepted(_LOGIN, body))
        member = {name: answer.get(name) for name in ("at", "cid", "token")}
        known = text(answer.get("userid")) or text(answer.get("userId"))
        whole = all(text(value, 4096) for value in member.values())
        if is_true(answer.get("loginError")) or known is None or not whole:
            what = f"Slooh refused the login of the connection {account.connection}"
            raise AccessDenied(what, account.advice.denied)
        self._session = _ApiSession(token, member, text(answer.get("displayName")))
        self._unused = True
        self.logins += 1
        return self._session

    def _new_token(self) -> str:
        token = text(self._accepted(_NEW_SESSION, None).get("sloohSessionToken"), 4096)
        if token is None or not _TOKEN.fullmatch(token):
            raise ServerBusy(f"{self._host} answered without a session token")
        return token

    def _accepted(self, call: _Call, body: Json | None) -> Json:
        """A successful answer. Raises ServerBusy for a refusal of the API, whose reason is unknown."""
        token = None if body is None else body.get(call.token_field)
        answer = self._post(call, body, token)
        if is_true(answer.get("apiError")):
            code = text(answer.get("errorCode")) or ""
            shown = f" (error {code})" if _CODE.fullmatch(code) else ""
            raise ServerBusy(f"{self._host} refused {call.about}{shown}")
        return answer

    def _post(self, call: _Call, body: Json | None, token: str | None) -> Json:
        """One request. The token is sent only to the account's own address, whatever the redirects."""
        url = f"{self._account.base_url.rstrip('/')}{call.path}"
        private = {"Cookie": f"{_COOKIE}={token}"} if token else {}
        answer = self._http.send(HttpRequest(url, call.about, private=private, method="POST", json=body))
        if answer.status != 200:
            raise answer.refusal()
        data = answer.body(_MOST_BYTES)
        try:
            found = orjson.loads(data)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            what = f"{self._host} answered {call.about} with something that is not a JSON object"
            raise ServerBusy(what, f"check the host of the connection {self._account.connection}, then run it again")
        return found

    @property
    def _host(self) -> str:
        return HttpRequest(self._account.base_url, "").host
