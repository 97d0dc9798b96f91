"""Ceph's object gateway on free ports: one monitor, one OSD in memory, one gateway. PROGRAMS are Debian's."""

from __future__ import annotations

import base64
import secrets
import socket
import struct
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import requests

from .s3_servers import S3Server
from .secrets import secret

__all__ = ["PROGRAMS", "ceph_server"]

PROGRAMS: Final = ("ceph", "ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "setpriv")
_START_SECONDS: Final = 60
_CAPABILITIES: Final = {
    "mon.": {"mon": "allow *"},
    "osd.0": {"mon": "allow profile osd", "osd": "allow *"},
    "client.admin": {"mon": "allow *", "osd": "allow *"},
}
"""Without keys of cephx the gateway never connects."""
_SETTINGS: Final = """\
[global]
fsid = {fsid}
mon initial members = a
mon host = [v2:127.0.0.1:{monitor}]
mon data = {folder}/mon
osd data = {folder}/osd
rgw data = {folder}/rgw
keyring = {folder}/keyring
run dir = {folder}
admin socket =
log file =
log to stderr = true
err to stderr = true
osd objectstore = memstore
memstore device bytes = 2147483648
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
mon allow pool size one = true
paxos propose interval = 0.05
rgw frontends = beast endpoint=127.0.0.1:{gateway}
[osd]
public addr = 127.0.0.1
"""
"""`paxos propose interval`: at its default of a second, each of the gateway's pools costs one."""


@contextmanager
def ceph_server(folder: Path) -> Iterator[S3Server]:
    """The gateway, with one user. `folder` is empty. Raises RuntimeError if it does not start."""
    server = S3Server("", secret=secret("ceph"), location=None)
    with ExitStack() as daemons:
        cluster = _Cluster(folder, daemons)
        gateway = cluster.configure()
        cluster.run("ceph-mon", "--mkfs", "-i", "a")
        cluster.start("ceph-mon", "-i", "a")
        identity = str(uuid.uuid4())
        cluster.ask("osd", "new", identity, "0")
        cluster.run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", identity)
        cluster.start("ceph-osd", "-i", "0")
        names = ("--uid", "tests", "--display-name", "tests")
        keys = ("--access-key", server.key, "--secret-key", server.secret)
        cluster.run("radosgw-admin", "user", "create", *names, *keys)
        cluster.start_gateway(gateway)
        yield S3Server(gateway, server.key, server.secret, location=None)


@dataclass(frozen=True)
class _Cluster:
    folder: Path
    daemons: ExitStack

    def configure(self) -> str:
        """Writes settings and keys, and answers the address of the gateway to be."""
        for name in ("mon", "osd", "rgw"):
            (self.folder / name).mkdir()
        monitor, gateway = _free_ports()
        settings = _SETTINGS.format(folder=self.folder, fsid=uuid.uuid4(), monitor=monitor, gateway=gateway)
        (self.folder / "ceph.conf").write_text(settings)
        keyring = self.folder / "keyring"
        keyring.touch(0o600)
        keyring.write_text("".join(_keyring_entry(name, allowed) for name, allowed in _CAPABILITIES.items()))
        return f"http://127.0.0.1:{gateway}"

    def ask(self, *arguments: str) -> None:
        """Runs ``ceph``. A monitor that is only starting may leave it without an answer: it is asked anew."""
        for _ in range(2):
            with suppress(subprocess.TimeoutExpired):
                self.run("ceph", *arguments, seconds=_START_SECONDS / 3)
                return
        self.run("ceph", *arguments)

    def run(self, program: str, *arguments: str, seconds: float = _START_SECONDS) -> None:
        """Runs a program to its end."""
        command = [program, "-c", str(self.folder / "ceph.conf"), *arguments]
        done = subprocess.run(
            command,
            stdout=subprocess.DEVNULL,  # it shows the user's secret
            stderr=subprocess.PIPE,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{program} {arguments[0]} failed: {done.stderr}")

    def start(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Starts a daemon, which ends with the cluster, or with the process that started it if that is killed."""
        command = ["setpriv", "--pdeathsig", "KILL", program, "-c", str(self.folder / "ceph.conf"), *arguments, "-f"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=self._log(program))
        self.daemons.callback(process.wait)
        self.daemons.callback(process.kill)  # it holds nothing that must be kept
        return process

    def start_gateway(self, address: str) -> None:
        """Starts the gateway, and waits until it answers."""
        process = self.start("radosgw", "-n", "client.admin")
        while process.poll() is None:
            try:
                requests.get(address, timeout=_START_SECONDS)
            except requests.ConnectionError:
                continue
            return
        raise RuntimeError("radosgw did not start: " + (self.folder / "radosgw.log").read_text())

    def _log(self, program: str) -> IO[bytes]:
        return self.daemons.enter_context((self.folder / f"{program}.log").open("wb"))


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        return first.getsockname()[1], second.getsockname()[1]


def _keyring_entry(name: str, allowed: dict[str, str]) -> str:
    """A section of a keyring: a key of type 1 (AES) of 16 bytes, and capabilities."""
    key = base64.b64encode(struct.pack("<hiih", 1, 0, 0, 16) + secrets.token_bytes(16)).decode()
    return f"[{name}]\n\tkey = {key}\n" + "".join(f'\tcaps {on} = "{what}"\n' for on, what in allowed.items())
