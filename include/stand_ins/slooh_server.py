"""Slooh's web API on one port, as clients have observed it, and its image host below ``/images/``.

It answers 200 to nearly everything. Who is not logged in, whose session ran out, or who does not send the session's
token back as a cookie is told nothing: the lists are empty.

`SloohServer.script` queues faults by key: an API path (``PICTURES``, ``LOGIN``, ...), or the name of a file for its
bytes.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import quote

from .contents import FileContent
from .pictures import fits, jpeg, png
from .secrets import secret
from .wire import Answer, Fault, Request, StandIn, chunked, ranged, refuse, serving

__all__ = [
    "FITS",
    "LOGIN",
    "MISSING",
    "MISSIONS",
    "PICTURES",
    "PRODUCT",
    "SESSION",
    "STATUS",
    "Frame",
    "Member",
    "Picture",
    "SloohServer",
    "api_error",
    "says",
    "serving",
    "too_many_requests",
]

SESSION: Final = "/api/app/generateSessionToken"
LOGIN: Final = "/api/users/login"
STATUS: Final = "/api/newdashboard/getUserGravityStatus"
MISSIONS: Final = "/api/images/getMissionImages"
PICTURES: Final = "/api/images/getMyPictures"
FITS: Final = "/api/images/getMissionFITS"
PRODUCT: Final = "ee26fb6d-3351-11eb-83b9-0655cc43ca95"
MISSING: Final = object()
"""In `Picture.row`: the row lacks this value. None is null."""

_COOKIE: Final = "_sloohsstkn"
_IMAGES: Final = "/images/"
_TYPES: Final = {"PNG": "image/png", "JPG": "image/jpeg", "JPEG": "image/jpeg", "FITS": "application/fits"}
_MADE: Final[Mapping[str, Callable[..., bytes]]] = {"PNG": png, "JPG": jpeg, "JPEG": jpeg, "FITS": fits}

Json = dict[str, Any]
_Row = TypeVar("_Row")


@dataclass(kw_only=True)
class _File:
    """A file on the image host."""

    file: str = ""
    """Its name: the last segment of its address."""
    content: FileContent = b""
    """Nothing: a small whole file of `kind`."""
    kind: str = "PNG"
    """``PNG``, ``JPG``, ``JPEG``, ``FITS``."""
    honours_ranges: bool = True
    announces_length: bool = True
    """False: chunked."""
    host: str = ""
    """What stands before the file's name in its row, such as ``https://polaris.slooh.com/a``; nothing: `image_url`."""


@dataclass
class Picture(_File):
    """A picture, and its row in the list."""

    number: int
    """Its ``imageId``; makes all that is not given."""
    mission: int = 0
    """0: one of its own."""
    row: Mapping[str, object] = field(default_factory=dict)
    """Values of the row that are otherwise; None is null, MISSING is none at all."""
    query: str | None = None
    """Behind the file's address: what signs it. None: what Slooh writes, ``rand=...`` behind a PNG's."""

    def __post_init__(self) -> None:
        self.mission = self.mission or 10_000 + self.number
        self.file = self.file or f"ngc3372_20260207_063727_{self.number}_re5tkp_lrgb.{self.kind.lower()}"
        self.content = self.content or _MADE[self.kind](seed=self.number)
        if self.query is None:
            self.query = f"rand=17707{self.number:05}.7" if self.kind == "PNG" else ""


@dataclass
class Frame(_File):
    """A raw FITS frame of a mission."""

    number: int
    mission: int
    group: str = "Canary One Wide Field"
    """The instrument."""
    kind: str = field(default="FITS", kw_only=True)

    def __post_init__(self) -> None:
        self.file = self.file or f"ngc3372_{self.number}_l.fits"
        self.content = self.content or fits(seed=self.number)


@dataclass(frozen=True)
class Member:
    """Whose account it is."""

    username: str = "astronomer@example.org"
    password: str = secret("slooh")
    name: str = "Cosmic Explorer"
    tier: str = "Astronomer"
    may_fits: bool = True
    """Whether raw frames are there for this member."""


@dataclass
class _Session:
    """A login, as it is handed out: `at`, `cid` and `token`."""

    keys: Json = field(default_factory=dict)
    calls: int = 0
    """Since the login."""


def says(held: object) -> Answer:
    """An answer of the API."""
    return Answer(200, {"Content-Type": "application/json"}, json.dumps(held).encode())


def api_error(message: str = "Something went wrong") -> Fault:
    """HTTP 200 with ``apiError: true``."""
    return lambda _: says({"apiError": True, "errorCode": 500, "errorMessage": message})


def too_many_requests(retry_after: str = "") -> Fault:
    """429, with ``Retry-After`` where it is given."""
    return refuse(429, b"Too many requests", **({"Retry_After": retry_after} if retry_after else {}))


@dataclass(kw_only=True)
class SloohServer(StandIn):
    """All of Slooh."""

    member: Member = Member()
    image_host: str = ""
    """Where the rows say that the files are; nothing: ``/images`` of this server."""
    most_rows: int = 50
    """Rows of one answer."""
    logs_out_after: int | None = None
    """Calls after which a login is forgotten, without a word; None: never."""
    user_id: str = "userid"
    """The login's field: ``userid`` or ``userId``."""
    refusal_has_error: bool = True
    """False: a refused login says nothing, it only lacks the user id."""
    requests: list[Request] = field(default_factory=list)
    """`Request.at` is when each arrived, by `clock`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._pictures: list[Picture] = []
        self._frames: list[Frame] = []
        self._arriving: deque[Picture] = deque()
        self._sessions: dict[str, _Session] = {}
        self._doors: dict[str, Callable[[Json], Json]] = {
            STATUS: self._status,
            MISSIONS: self._missions,
            PICTURES: self._my_pictures,
            FITS: self._mission_fits,
        }

    @property
    def image_url(self) -> str:
        """What stands before a file's name in the rows."""
        return self.image_host or f"{self.url}/images"

    def add(self, *pictures: Picture) -> None:
        """Adds pictures, the newest last: the list begins with it."""
        with self._lock:
            self._pictures[:0] = reversed(pictures)

    def add_frames(self, *frames: Frame) -> None:
        """Adds raw frames."""
        with self._lock:
            self._frames.extend(frames)

    def arrives(self, *pictures: Picture) -> None:
        """Queues pictures that are taken while a client pages: one behind each page of the list."""
        with self._lock:
            self._arriving.extend(pictures)

    def log_out(self) -> None:
        """Forgets all logins, without a word."""
        with self._lock:
            for session in self._sessions.values():
                session.keys = {}

    def asked(self, path: str) -> list[Request]:
        """The requests for an API path, or for a file by its name."""
        with self._lock:
            return [one for one in self.requests if one.path in {path, _IMAGES + path}]

    def take(self, request: Request) -> Answer:
        """What `request` gets."""
        with self._lock:
            self.requests.append(request)
        if request.path.startswith(_IMAGES):
            return self._image(request)
        if request.method != "POST" or not request.path.startswith("/api/"):
            return Answer(404, {"Content-Type": "text/html"}, b"<html><body>Not Found</body></html>")
        with self._lock:
            return self.play(request.path, says({"apiError": False, **self._said(request)}))

    def _said(self, request: Request) -> Json:
        if request.path == SESSION:
            return self._new_session()
        body: Json = request.json if isinstance(request.json, dict) else {}
        session = self._session(request, body)
        if request.path == LOGIN:
            return self._login(session, body)
        door = self._doors.get(request.path)
        if door is None:
            return {"apiError": True, "errorMessage": "Unknown API"}
        return door(body) if self._is_in(session, body) else _NOTHING[request.path]

    def _new_session(self) -> Json:
        token = secret(f"slooh-session-{len(self._sessions) + 1}")
        self._sessions[token] = _Session()
        return {"sloohSessionToken": token}

    def _session(self, request: Request, body: Json) -> _Session | None:
        """The session that both the body and the cookie name."""
        named = body.get("sloohSiteSessionToken" if request.path == FITS else "sloohSessionToken")
        return self._sessions.get(named) if named and request.cookies.get(_COOKIE) == named else None

    def _login(self, session: _Session | None, body: Json) -> Json:
        given = (body.get("username"), body.get("passwd"))
        if session is None or given != (self.member.username, self.member.password):
            return self._refusal()
        session.calls, number = 0, len(self.asked(LOGIN))
        session.keys = {name: secret(f"slooh-{name}-{number}") for name in ("at", "cid", "token")}
        return {**session.keys, self.user_id: "271828", "displayName": self.member.name}

    def _refusal(self) -> Json:
        if not self.refusal_has_error:
            return {"displayName": ""}
        return {"loginError": "true", "errorCode": 401, "errorMsg": "The username or password is not right."}

    def _is_in(self, session: _Session | None, body: Json) -> bool:
        """Whether the call comes from a login that is not forgotten. Counts it."""
        if session is None or not session.keys:
            return False
        common = {**session.keys, "productId": PRODUCT, "locale": "en"}
        session.calls += 1
        if self.logs_out_after is not None and session.calls > self.logs_out_after:
            session.keys = {}
        return bool(session.keys) and common.items() <= body.items()

    def _status(self, body: Json) -> Json:
        return {
            "displayName": self.member.name,
            "tier": self.member.tier,
            "gravityPoints": 4711,
            "memberSince": "Jan. 2020",
        }

    def _missions(self, body: Json) -> Json:
        missions = {picture.mission: picture for picture in self._pictures}
        first, shown = _page(list(missions.values()), body, "firstMissionNumber", "maxMissionCount", self.most_rows)
        rows = [{**self._row(one), "missionId": one.mission} for one in shown]
        count = len(missions)
        return {"imageList": rows, "totalCount": count, "missionCount": len(rows), "firstMissionNumber": first}

    def _my_pictures(self, body: Json) -> Json:
        mission = int(body.get("scheduledMissionId", 0))
        found = [picture for picture in self._pictures if mission in {0, picture.mission}]
        if mission == 0 and body.get("viewType") != "photoRoll":
            found = found[:1]
        first, shown = _page(found, body, "firstImageNumber", "maxImageCount", self.most_rows)
        rows = [self._row(picture) for picture in shown]
        if self._arriving:
            self._pictures.insert(0, self._arriving.popleft())
        return {
            "imageList": rows,
            "imageCount": len(rows),
            "totalCount": str(len(found)),
            "firstImageNumber": first,
        }

    def _mission_fits(self, body: Json) -> Json:
        mission = int(body.get("scheduledMissionId", 0))
        if not mission:
            return {"apiError": True, "errorMessage": "scheduledMissionId is required"}
        if not self.member.may_fits:
            return {"groupList": []}
        found = [frame for frame in self._frames if frame.mission == mission]
        _, shown = _page(found, body, "firstImageNumber", "maxImageCount", self.most_rows)
        groups: dict[str, list[Json]] = {}
        for frame in shown:
            groups.setdefault(frame.group, []).append(self._frame_row(frame))
        return {"groupList": [{"groupName": name, "groupImageList": rows} for name, rows in groups.items()]}

    def _row(self, picture: Picture) -> Json:
        behind, is_png = f"?{picture.query}" if picture.query else "", picture.kind == "PNG"
        usual = {
            "imageId": picture.number,
            "customerImageId": 500_000 + picture.number,
            "missionId": "" if is_png else picture.mission,
            "scheduledMissionId": picture.mission,
            "imageTitle": "Horsehead Nebula (IC 434)",
            "imageDownloadURL": f"{picture.host or self.image_url}/{quote(picture.file)}{behind}",
            "imageType": picture.kind.lower() if is_png else picture.kind,
            "telescopeName": "Canary One",
            "instrumentName": "Wide Field",
            "displayDate": "Feb. 7, 2026",
            "displayTime": "20:15:30 UTC",
        }
        return {name: value for name, value in {**usual, **picture.row}.items() if value is not MISSING}

    def _frame_row(self, frame: Frame) -> Json:
        address = f"{frame.host or self.image_url}/{quote(frame.file)}"
        return {"imageURL": address, "imageTitle": frame.file, "imageId": frame.number}

    def _image(self, request: Request) -> Answer:
        name = request.path.removeprefix(_IMAGES)
        with self._lock:
            files: list[_File] = [*self._pictures, *self._frames]
        held = next((one for one in files if one.file == name), None)
        if held is None:
            return Answer(404, {"Content-Type": "text/html"}, b"<html><body>Not Found</body></html>")
        whole = Answer(200, {"Content-Type": _TYPES[held.kind]}, held.content, held.content)
        due = ranged(whole, request.headers.get("range", "")) if held.honours_ranges else whole
        due = due if held.announces_length or due.status == 416 else chunked(due)
        return due if request.method == "HEAD" else self.play(name, due)


_NOTHING: Final[Mapping[str, Json]] = {
    STATUS: {},
    MISSIONS: {"imageList": [], "totalCount": 0, "missionCount": 0, "firstMissionNumber": 1},
    PICTURES: {"imageList": [], "imageCount": 0, "totalCount": 0, "firstImageNumber": 1},
    FITS: {"groupList": []},
}
"""What each call answers to who is not logged in."""


def _page(held: Sequence[_Row], body: Json, first: str, most: str, limit: int) -> tuple[int, Sequence[_Row]]:
    """The number of the first row that is asked for, and the rows from there."""
    start = max(int(body.get(first, 1)), 1)
    return start, held[start - 1 : start - 1 + min(int(body.get(most, limit)), limit)]
