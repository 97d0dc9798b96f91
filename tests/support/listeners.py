"""Who is notified: a webhook and a mail server that keep what they get."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from include.stand_ins.wire import Answer, Request, StandIn

__all__ = ["Webhook", "mail_server"]


@dataclass
class Webhook(StandIn):
    """Answers `status` to everything. `calls`: path, header Authorization and body of each request."""

    status: int = 200
    calls: list[tuple[str, str, Any]] = field(default_factory=list)

    def take(self, request: Request) -> Answer:
        """As `StandIn`."""
        self.calls.append((request.path, request.headers.get("authorization", ""), json.loads(request.body)))
        return Answer(self.status, {}, b"")


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self._say("220 mail")
        while line := self.rfile.readline().strip().upper():
            if line == b"DATA":
                self._say("354 go on")
                data = b"".join(iter(self.rfile.readline, b".\r\n"))
                parsed = message_from_bytes(data, policy=policy.default)
                cast(_Mailbox, self.server).mails.append(parsed)
            self._say("221 bye" if line == b"QUIT" else "250 fine")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


class _Mailbox(socketserver.ThreadingTCPServer):
    daemon_threads = True
    mails: list[EmailMessage]


@contextmanager
def mail_server() -> Iterator[tuple[int, list[EmailMessage]]]:
    """The port of a mail server without a login, and the mails that it takes."""
    with _Mailbox(("127.0.0.1", 0), _Session) as server:
        server.mails = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server.server_address[1], server.mails
        finally:
            server.shutdown()
            thread.join()
