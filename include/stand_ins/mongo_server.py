"""A MongoDB on a free port: it speaks the wire protocol, logs people in (SCRAM-SHA-256) and answers `find`.

It finds as a real one does: exact values, `$or` of `$regex`, projection, sort, limit, and the sizes of a batch.
Whatever else is asked is refused, and everything that is asked is kept in `MongoServer.commands`. Answers may be
scripted.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import socket
import socketserver
import ssl
import struct
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

__all__ = ["BREAK", "MOST_BYTES", "SILENCE", "MongoServer", "Scripted", "mongod_error"]

MOST_BYTES: Final = 16 * 1024 * 1024
"""Of a document, and of the documents of one answer."""
BREAK: Final = b""
"""A scripted answer: the connection ends instead of one."""
SILENCE: Final[Mapping[str, Any]] = {}
"""A scripted answer: none, on a connection that stays."""
Scripted = Mapping[str, Any] | bytes
"""An answer; bytes are sent as they are, and the connection ends behind them."""

_OP_REPLY, _OP_QUERY, _OP_MSG = 1, 2004, 2013
_HEADER: Final = struct.Struct("<iiii")
_FIRST_BATCH: Final = 101
"""Documents of a first batch for which no size is asked."""
_RAW: Final = CodecOptions(document_class=RawBSONDocument, unicode_decode_error_handler="surrogateescape")
_ITERATIONS: Final = 4096
_HANDSHAKE: Final = frozenset({"hello", "isMaster", "ismaster"})
_WITHOUT_LOGIN: Final = _HANDSHAKE | {"saslStart", "saslContinue", "endSessions", "ping"}
_HELLO: Final[Mapping[str, Any]] = {
    "helloOk": True,
    "isWritablePrimary": True,
    "ismaster": True,
    "maxBsonObjectSize": MOST_BYTES,
    "maxMessageSizeBytes": 48_000_000,
    "maxWriteBatchSize": 100_000,
    "logicalSessionTimeoutMinutes": 30,
    "minWireVersion": 0,
    "maxWireVersion": 21,
    "readOnly": False,
}


def mongod_error(code: int, name: str, message: str) -> dict[str, Any]:
    """An error as mongod answers it."""
    return {"ok": 0.0, "errmsg": message, "code": code, "codeName": name}


class MongoServer:
    """Listens on `address` from when it is made until it is closed. Safe to change while it runs."""

    def __init__(
        self, *, users: Mapping[tuple[str, str], str] | None = None, tls: ssl.SSLContext | None = None, **hello: Any
    ) -> None:
        """`users`: database and name -> password; without any no login is needed. `hello`: more of its greeting."""
        self.users = dict(users or {})
        self.tls = tls
        self.hello = hello
        self.commands: list[dict[str, Any]] = []
        """What was asked, in its order: the commands as they came, with `$db`."""
        self._stored: dict[str, list[bytes]] = {}
        self._scripted: dict[str, deque[Scripted]] = {}
        self._open: set[socket.socket] = set()
        self._server = _Listener(("127.0.0.1", 0), _Connection)
        self._server.mongo = self
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """``host:port``."""
        return f"127.0.0.1:{self.port}"

    def insert(self, namespace: str, document: Mapping[str, Any] | bytes) -> None:
        """Adds a document, or the bytes of one, to ``database.collection``."""
        raw = document if isinstance(document, bytes) else bson.encode(document)
        self._stored.setdefault(namespace, []).append(raw)

    def empty(self, namespace: str) -> None:
        """Takes all documents out of ``database.collection``."""
        self._stored.pop(namespace, None)

    def stored(self, namespace: str) -> list[bytes]:
        """The documents of ``database.collection``."""
        return list(self._stored.get(namespace, ()))

    def script(self, command: str, *answers: Scripted) -> None:
        """The next answers to `command`, instead of those that it would give."""
        self._scripted.setdefault(command, deque()).extend(answers)

    def disconnect(self) -> None:
        """Ends all connections."""
        for held in list(self._open):
            with suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Ends the server. May be called twice."""
        self._server.shutdown()
        self._server.server_close()
        self.disconnect()

    def __enter__(self) -> MongoServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def entered(self, connection: socket.socket) -> None:
        """Called by a connection as it begins."""
        self._open.add(connection)

    def left(self, connection: socket.socket) -> None:
        """Called by a connection as it ends."""
        self._open.discard(connection)

    def answer(self, body: Mapping[str, Any], login: _Login) -> Scripted:
        """The answer to a command."""
        name = next(iter(body))
        self.commands.append(dict(body))
        scripted = self._scripted.get(name)
        if scripted:
            return scripted.popleft()
        if name in _HANDSHAKE:
            return self._greeting(body)
        if self.users and not login.done and name not in _WITHOUT_LOGIN:
            return mongod_error(13, "Unauthorized", f"Command {name} requires authentication")
        if name in ("saslStart", "saslContinue"):
            return login.step(name, body)
        if name == "find":
            return self._find(body)
        if name == "endSessions":
            return {"ok": 1.0}
        return mongod_error(59, "CommandNotFound", f"no such command: '{name}'")

    def _greeting(self, body: Mapping[str, Any]) -> dict[str, Any]:
        greeting = {**_HELLO, **self.hello, "ok": 1.0}
        user = str(body.get("saslSupportedMechs", "")).partition(".")
        if (user[0], user[2]) in self.users:
            greeting["saslSupportedMechs"] = ["SCRAM-SHA-256"]
        return greeting

    def _find(self, body: Mapping[str, Any]) -> dict[str, Any]:
        if self.hello.get("secondary") and body.get("$readPreference", {"mode": "primary"})["mode"] == "primary":
            return mongod_error(13435, "NotPrimaryNoSecondaryOk", "not primary and secondaryOk=false")
        namespace = f"{body['$db']}.{body['find']}"
        documents = [RawBSONDocument(raw, _RAW) for raw in self.stored(namespace)]
        found = [document for document in documents if _fits(document, body.get("filter", {}))]
        for key in body.get("sort", {}):
            found.sort(key=lambda document: str(document.get(key, "")))
        found = found[: body.get("limit") or None]
        batch: list[RawBSONDocument] = []
        size = 0
        for document in found[: body.get("batchSize", _FIRST_BATCH)]:
            seen = _projected(document, body.get("projection"))
            size += len(seen.raw)
            if batch and size > MOST_BYTES:
                break
            batch.append(seen)
        left = len(batch) < len(found) and not body.get("singleBatch")
        return {"cursor": {"firstBatch": batch, "id": bson.Int64(left), "ns": namespace}, "ok": 1.0}


def _fits(document: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    for key, value in wanted.items():
        if key == "$or":
            if not any(_fits(document, one) for one in value):
                return False
        elif isinstance(value, Mapping) and "$regex" in value:
            flags = re.IGNORECASE if "i" in value.get("$options", "") else 0
            held = document.get(key)
            if not isinstance(held, str) or re.search(value["$regex"], held, flags) is None:
                return False
        elif isinstance(value, Mapping) and "$gt" in value:  # values of its own type alone
            held, bound = document.get(key), value["$gt"]
            if not isinstance(held, type(bound)) or held <= bound:
                return False
        elif key not in document or document[key] != value:
            return False
    return True


def _projected(document: RawBSONDocument, projection: Mapping[str, Any] | None) -> RawBSONDocument:
    if not projection:
        return document
    wanted = {key for key, value in projection.items() if value}
    if projection.get("_id", True):
        wanted.add("_id")
    return RawBSONDocument(bson.encode({key: value for key, value in document.items() if key in wanted}), _RAW)


@dataclass
class _Login:
    """One conversation of SCRAM-SHA-256 (RFC 5802, RFC 7677)."""

    users: Mapping[tuple[str, str], str]
    done: bool = False
    _exchanged: list[str] = field(default_factory=list)
    _salt: bytes = field(default_factory=lambda: os.urandom(16))
    _password: str | None = None

    def step(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        payload = bytes(body["payload"]).decode()
        reply = self._first(payload, body["$db"]) if name == "saslStart" else self._last(payload)
        if reply is None:
            return mongod_error(18, "AuthenticationFailed", "Authentication failed.")
        return {"conversationId": 1, "done": self.done, "payload": reply.encode(), "ok": 1.0}

    def _first(self, payload: str, database: str) -> str | None:
        bare = payload.removeprefix("n,,")
        fields = _fields(bare)
        user = fields["n"].replace("=2C", ",").replace("=3D", "=")
        self._password = self.users.get((database, user))
        nonce = fields["r"] + base64.b64encode(os.urandom(12)).decode()
        server = f"r={nonce},s={base64.b64encode(self._salt).decode()},i={_ITERATIONS}"
        self._exchanged = [bare, server]
        return server if self._password is not None else None

    def _last(self, payload: str) -> str | None:
        without_proof, _, proof = payload.rpartition(",p=")
        message = ",".join((*self._exchanged, without_proof)).encode()
        salted = hashlib.pbkdf2_hmac("sha256", (self._password or "").encode(), self._salt, _ITERATIONS)
        client_key = _hmac(salted, b"Client Key")
        expected = bytes(a ^ b for a, b in zip(client_key, _hmac(_sha256(client_key), message), strict=True))
        if not hmac.compare_digest(base64.b64decode(proof), expected):
            return None
        self.done = True
        return f"v={base64.b64encode(_hmac(_hmac(salted, b'Server Key'), message)).decode()}"


def _fields(text: str) -> dict[str, str]:
    return {part[0]: part[2:] for part in text.split(",")}


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    mongo: MongoServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that refuse a certificate, or that are gone, are no news."""


class _Connection(socketserver.BaseRequestHandler):
    server: _Listener

    def handle(self) -> None:
        mongo = self.server.mongo
        mongo.entered(self.request)
        try:
            connection = mongo.tls.wrap_socket(self.request, server_side=True) if mongo.tls else self.request
            with connection:
                self._talk(connection, mongo)
        finally:
            mongo.left(self.request)

    def _talk(self, connection: socket.socket, mongo: MongoServer) -> None:
        login = _Login(mongo.users)
        for request, code, body in _messages(connection):
            answer = mongo.answer(body, login)
            if isinstance(answer, bytes):
                connection.sendall(answer)
                return
            if answer:
                connection.sendall(_packed(answer, request, code))


def _messages(connection: socket.socket) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    """Number, kind and command of each message, until the client ends the connection."""
    while header := _received(connection, _HEADER.size):
        length, request, _, code = _HEADER.unpack(header)
        if code not in (_OP_MSG, _OP_QUERY):
            return  # such as the start of TLS
        message = _received(connection, length - _HEADER.size)
        if code == _OP_MSG:
            yield request, code, bson.decode(message[5:])  # a command that only reads has one section
        else:
            start = message.index(b"\0", 4) + 9  # flags, the name of a collection, two numbers
            yield request, code, {**bson.decode(message[start:]), "$db": "admin"}


def _received(connection: socket.socket, size: int) -> bytes:
    """So many bytes; none where the client is gone."""
    data = bytearray()
    while len(data) < size:
        with suppress(ConnectionError, ssl.SSLError):
            if more := connection.recv(size - len(data)):
                data += more
                continue
        return b""
    return bytes(data)


def _packed(answer: Mapping[str, Any], request: int, code: int) -> bytes:
    document = bson.encode(answer)
    if code == _OP_MSG:
        body, kind = struct.pack("<IB", 0, 0) + document, _OP_MSG
    else:
        body, kind = struct.pack("<iqii", 8, 0, 0, 1) + document, _OP_REPLY
    return _HEADER.pack(_HEADER.size + len(body), 1, request, kind) + body
