"""Slooh's web API: a session, a login, and the four questions that bring pictures home.

All calls are POSTs with a JSON body and answered in JSON, refusals too. No text of an answer is handed on.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from ...errors import AccessDenied, ServerBusy
from ...retry import RetryPolicy
from ..http import Hosts, HttpClient, Request, Timeouts, Words
from .rows import Mission, Page, Picture, Status, frames_of, is_true, missions_of, pictures_of, status_of, text

__all__ = ["Account", "SloohClient"]

_PRODUCT: Final = "ee26fb6d-3351-11eb-83b9-0655cc43ca95"
_LOCALE: Final = "en"
_COOKIE: Final = "_sloohsstkn"
_MOST_BYTES: Final = 16 * 1024 * 1024
"""Of one answer. Fifty rows are some 50 KB."""
_TOKEN: Final = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,4096}")
"""What may stand in a cookie: RFC 6265, section 4.1.1."""
_CODE: Final = re.compile(r"[0-9]{1,5}")

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Account:
    """Whose pictures, and where."""

    base_url: str
    """``https://app.slooh.com``."""
    username: str = field(repr=False)
    password: str = field(repr=False)
    connection: str = "slooh_default"
    """What the connection is called that holds them, for messages."""

    @property
    def words(self) -> Words:
        """What to do about a server that is not as it should be."""
        host = f"the host of the connection {self.connection}"
        return Words(
            missing=f"correct {host}",
            denied=f"correct login and password of the connection {self.connection}",
            size=f"check {host}",
            refused=f"check {host}",
            unreachable=f"check {host} and the network, then run it again",
        )


@dataclass(frozen=True, slots=True)
class _Session:
    """One login. What it holds is worth as much as the password while it lasts."""

    token: str = field(repr=False)
    member: Json = field(default_factory=dict, repr=False)
    """`at`, `cid` and `token`, as Slooh gave them; empty before the login."""
    display_name: str | None = None

    def body(self, more: Json, token_field: str = "sloohSessionToken") -> Json:  # noqa: S107 the name of a field
        """A call's body."""
        return {token_field: self.token, **self.member, "productId": _PRODUCT, "locale": _LOCALE, **more}


@dataclass(frozen=True, slots=True)
class _Call:
    """One question."""

    path: str
    about: str
    """What it asks for, for messages."""
    token_field: str = "sloohSessionToken"  # noqa: S105 the name of a field


_NEW_SESSION: Final = _Call("/api/app/generateSessionToken", "a session")
_LOGIN: Final = _Call("/api/users/login", "the login")
_STATUS: Final = _Call("/api/newdashboard/getUserGravityStatus", "the member's status")
_MISSIONS: Final = _Call("/api/images/getMissionImages", "the list of missions")
_PICTURES: Final = _Call("/api/images/getMyPictures", "the list of pictures")
_FRAMES: Final = _Call("/api/images/getMissionFITS", "a mission's FITS frames", "sloohSiteSessionToken")


class SloohClient:
    """Asks. Safe to use from many threads; each call is tried again as the policy says.

    Logs in by itself when first asked. Raises `AccessDenied` where login or password are refused.
    """

    def __init__(
        self,
        account: Account,
        policy: RetryPolicy,
        before: Callable[[], None] = lambda: None,
        timeouts: Timeouts | None = None,
    ) -> None:
        """`before` is called ahead of each request: the account's `RequestLimit`."""
        self._account = account
        self._policy = policy
        self._http = HttpClient(Hosts(addresses=(account.base_url,)), account.words, timeouts, before, connections=1)
        self._renewing = threading.Lock()
        self._session: _Session | None = None
        self._unused = True
        self.logins = 0
        """How often it has logged in so far."""

    @property
    def is_fresh(self) -> bool:
        """Whether the next question is the first of its login, so that an empty answer is what it seems."""
        return self._unused

    def login(self) -> str | None:
        """Logs in anew, whatever there was, and answers the member's displayed name."""
        return self.renew().display_name

    def renew(self) -> _Session:
        """A new session in place of the one there is."""
        with self._renewing:
            return self._log_in()

    def status(self) -> Status:
        """What Slooh says of the member."""
        return status_of(self._ask(_STATUS, {}))

    def missions(self, first: int, most: int) -> Page[Mission]:
        """Missions from number `first` (from 1) on, `most` at most."""
        return missions_of(self._ask(_MISSIONS, {"maxMissionCount": most, "firstMissionNumber": first}))

    def pictures(self, first: int, most: int, mission_id: int = 0) -> Page[Picture]:
        """Pictures from number `first` (from 1) on, the newest first, `most` at most; 0 for those of all missions.

        What a session that ran out is answered looks like an account without pictures: see `slooh_listing`.
        """
        view = "missions" if mission_id else "photoRoll"  # "missions" without a mission is answered with one picture
        more = {"scheduledMissionId": mission_id, "maxImageCount": most, "firstImageNumber": first, "viewType": view}
        return pictures_of(self._ask(_PICTURES, more))

    def frames(self, mission_id: int, first: int, most: int) -> Page[Picture]:
        """The FITS frames of one mission. Empty for a member without the right to them, too."""
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
        """The answer to a member's question, with a new login where the first one is refused."""
        answer = self._answer_once(call, more)
        if answer is None:
            self.renew()
            answer = self._policy.call(lambda: self._accepted(call, self._current().body(more, call.token_field)))
        self._unused = False
        return answer

    def _answer_once(self, call: _Call, more: Json) -> Json | None:
        """None where the session is refused, as far as can be told."""
        session = self._current()
        try:
            answer = self._policy.call(lambda: self._post(call, session.body(more, call.token_field), session.token))
        except AccessDenied:
            return None
        return None if is_true(answer.get("apiError")) else answer

    def _current(self) -> _Session:
        with self._renewing:
            return self._session or self._log_in()

    def _log_in(self) -> _Session:
        account = self._account
        if not (account.username and account.password):
            advice = f"fill in login and password of the connection {account.connection}"
            raise AccessDenied(f"the connection {account.connection} holds no login", advice)
        token = self._policy.call(self._new_token)
        names = {"username": account.username, "passwd": account.password}
        body = _Session(token).body(names)
        answer = self._policy.call(lambda: self._accepted(_LOGIN, body))
        self._session = self._session_of(token, answer)
        self._unused = True
        self.logins += 1
        return self._session

    def _new_token(self) -> str:
        token = text(self._accepted(_NEW_SESSION, None).get("sloohSessionToken"), 4096)
        if token is None or not _TOKEN.fullmatch(token):
            raise ServerBusy(f"{self._host} gave no session token")
        return token

    def _session_of(self, token: str, answer: Json) -> _Session:
        """The session that a login's answer opens."""
        member = {name: answer.get(name) for name in ("at", "cid", "token")}
        known = text(answer.get("userid")) or text(answer.get("userId"))
        whole = all(text(value, 4096) for value in member.values())
        if is_true(answer.get("loginError")) or known is None or not whole:
            what = f"Slooh refused the login of the connection {self._account.connection}"
            raise AccessDenied(what, self._account.words.denied)
        return _Session(token, member, text(answer.get("displayName")))

    def _accepted(self, call: _Call, body: Json | None) -> Json:
        """An answer that is no refusal. Raises ServerBusy for a refusal of the API: nobody knows what it means."""
        token = None if body is None else body.get(call.token_field)
        answer = self._post(call, body, token)
        if is_true(answer.get("apiError")):
            code = text(answer.get("errorCode")) or ""
            shown = f" (error {code})" if _CODE.fullmatch(code) else ""
            raise ServerBusy(f"{self._host} refused {call.about}{shown}")
        return answer

    def _post(self, call: _Call, body: Json | None, token: str | None) -> Json:
        """One request. The token is sent to the account's own address alone, wherever that redirects."""
        url = f"{self._account.base_url.rstrip('/')}{call.path}"
        private = {"Cookie": f"{_COOKIE}={token}"} if token else {}
        answer = self._http.send(Request(url, call.about, private=private, method="POST", json=body))
        if answer.status != 200:
            raise answer.refusal()
        return self._json(call, answer.body(_MOST_BYTES))

    def _json(self, call: _Call, data: bytes) -> Json:
        try:
            found = orjson.loads(data)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            what = f"{self._host} answered {call.about} with something that is no JSON object"
            raise ServerBusy(what, f"check the host of the connection {self._account.connection}, then run it again")
        return found

    @property
    def _host(self) -> str:
        return Request(self._account.base_url, "").host
