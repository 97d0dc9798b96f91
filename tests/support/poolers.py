"""Poolers before the catalogue's PostgreSQL: PgBouncer itself, and any server that refuses a connection with a text."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread

import psycopg

from downloader.catalogue import CatalogueAddress
from support.machine import require
from support.postgres import PostgresDatabase

__all__ = ["client", "pgbouncer", "refusing", "two_server_connections"]


@contextmanager
def pgbouncer(database: PostgresDatabase, **settings: object) -> Iterator[CatalogueAddress]:
    """The address of `database` behind PgBouncer with these `settings`."""
    require("pgbouncer", "setpriv")
    folder = database.address.host  # of the server's socket, which its owner alone may use
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as name:
        values = {
            "listen_addr": "127.0.0.1",
            "listen_port": port,
            "unix_socket_dir": "",
            "auth_type": "any",
            **settings,
        }
        lines = "".join(f"{key} = {value}\n" for key, value in values.items())
        server = f"host={folder} dbname={database.address.database} user=postgres"
        file = Path(name) / "pgbouncer.ini"
        file.write_text(f"[databases]\n{database.address.database} = {server}\n[pgbouncer]\n{lines}")
        Path(name).chmod(0o755)
        command = ["pgbouncer", str(file)]
        if os.geteuid() == 0:
            command = ["setpriv", "--reuid", str(os.stat(folder).st_uid), "--clear-groups", *command]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            try:
                _wait_for(process)
                yield replace(database.address, host="127.0.0.1", port=port)
            finally:
                process.kill()


def _wait_for(process: subprocess.Popen[str]) -> None:
    lines = []
    for line in process.stderr or ():
        lines.append(line)
        if "process up" in line:
            return
    raise RuntimeError("PgBouncer did not start: " + "".join(lines))


def two_server_connections(address: CatalogueAddress) -> None:
    """Lets a pooler open two connections to its server: what holds a transaction has one of its own."""
    with closing(client(address)) as first, closing(client(address)) as second:
        first.execute("SELECT 1")
        second.execute("SELECT 1")
        first.commit()
        second.commit()


def client(address: CatalogueAddress) -> psycopg.Connection:
    """Another program's connection through the pooler."""
    return psycopg.connect(
        host=address.host,
        port=address.port,
        dbname=address.database,
        user="postgres",
        prepare_threshold=None,
    )


@contextmanager
def refusing(message: str, state: str = "08P01") -> Iterator[CatalogueAddress]:
    """The address of a server that answers each connection with this error, in PostgreSQL's protocol."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fields = f"SFATAL\0VFATAL\0C{state}\0M{message}\0\0".encode()
        Thread(target=_refuse, args=(listener, b"E" + struct.pack("!i", len(fields) + 4) + fields)).start()
        try:
            yield CatalogueAddress("postgres", "127.0.0.1", listener.getsockname()[1], "lab", "me", options=_PLAIN)
        finally:
            listener.shutdown(socket.SHUT_RDWR)


_PLAIN = {"sslmode": "disable", "gssencmode": "disable"}


def _refuse(listener: socket.socket, answer: bytes) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        with client:
            client.recv(4096)  # the start-up message
            client.sendall(answer)
