"""Real network file systems, each mounted twice as two machines would.

The mounts are seen by this process alone, and all daemons end with it. Where none can be mounted the test is skipped.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from support.machine import require, unable

__all__ = ["NETWORKS", "NetworkDisk", "network_disk"]

_WAIT: Final = 30.0
_BRICK: Final = """\
volume posix
    type storage/posix
    option directory {folder}/served
end-volume
volume locks
    type features/locks
    subvolumes posix
end-volume
volume threads
    type performance/io-threads
    subvolumes locks
end-volume
volume server
    type protocol/server
    option transport-type tcp
    option transport.socket.bind-address 127.0.0.1
    option transport.socket.listen-port {port}
    option auth.addr.threads.allow 127.0.0.1
    subvolumes threads
end-volume
"""
_CLIENT: Final = """\
volume client
    type protocol/client
    option transport-type tcp
    option remote-host 127.0.0.1
    option remote-port {port}
    option remote-subvolume threads
end-volume
volume distribute
    type cluster/distribute
    subvolumes client
end-volume
volume write-behind
    type performance/write-behind
    subvolumes distribute
end-volume
volume md-cache
    type performance/md-cache
    subvolumes write-behind
end-volume
"""
"""As a volume of one brick is made up, without the daemon that hands these files out: it refuses loopback addresses."""


@dataclass(frozen=True)
class NetworkDisk:
    """`first` and `second`: the same folder, by two mounts. `served`: what it is in truth, where nothing is cached."""

    served: Path
    first: Path
    second: Path


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _gluster(folder: Path, held: ExitStack) -> NetworkDisk:
    port = _free_port()
    for name, text in (("brick", _BRICK), ("client", _CLIENT)):
        (folder / f"{name}.vol").write_text(text.format(folder=folder, port=port))
    common = ("glusterfs", "--no-daemon", "-l", f"{folder}/log")
    _serve(held, port, "glusterfsd", *common[1:], "-f", f"{folder}/brick.vol")
    return _mounted_twice(folder, held, *common, f"--volfile={folder}/client.vol")


def _sshfs(folder: Path, held: ExitStack) -> NetworkDisk:
    port = _free_port()
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
    Path("/run/sshd").mkdir(exist_ok=True)  # sshd wants it, empty
    options = {
        "ListenAddress": "127.0.0.1",
        "AuthorizedKeysFile": f"{folder}/user.pub",
        "StrictModes": "no",
        "UsePAM": "no",
        "PermitRootLogin": "prohibit-password",
        "PidFile": "none",
        "Subsystem": "sftp internal-sftp",
    }
    server = (f"-o{name}={value}" for name, value in options.items())
    _serve(held, port, "/usr/sbin/sshd", "-D", "-e", "-f", os.devnull, "-p", str(port), "-h", f"{folder}/host", *server)
    known = f"IdentityFile={folder}/user,UserKnownHostsFile=/dev/null,StrictHostKeyChecking=no,BatchMode=yes"
    client = ("sshfs", "-f", "-p", str(port), "-o", known, f"root@127.0.0.1:{folder}/served")
    return _mounted_twice(folder, held, *client)


NETWORKS: Final = {
    "glusterfs": (_gluster, ("glusterfs", "glusterfsd")),
    "sshfs": (_sshfs, ("sshfs", "sshd", "ssh-keygen")),
}
"""What two mounts share: GlusterFS `flock` as well, sshfs none."""


@contextmanager
def network_disk(kind: str, folder: Path) -> Iterator[NetworkDisk]:
    """One of NETWORKS, below the new `folder`. Raises LackingError."""
    make, programs = NETWORKS[kind]
    require(*programs, "setpriv")
    if not os.path.exists("/dev/fuse"):
        raise unable("FUSE", "there is no /dev/fuse", "load the module fuse (in a container: --device /dev/fuse)")
    for name in ("served", "first", "second"):
        (folder / name).mkdir(parents=True)
    with ExitStack() as held:
        yield make(folder, held)


def _mounted_twice(folder: Path, held: ExitStack, *command: str) -> NetworkDisk:
    disk = NetworkDisk(folder / "served", folder / "first", folder / "second")
    for path in (disk.first, disk.second):
        process = _started(held, *command, str(path))
        held.callback(subprocess.run, ["umount", "--lazy", str(path)], check=False, capture_output=True)
        _wait_for(process, partial(os.path.ismount, path))
    return disk


def _serve(held: ExitStack, port: int, *command: str) -> None:
    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    _wait_for(_started(held, *command), answers)


def _started(held: ExitStack, *command: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    held.callback(process.wait)
    held.callback(process.kill)
    return process


def _wait_for(process: subprocess.Popen[str], is_ready: Callable[[], bool]) -> None:
    """Returns once a daemon is at work. Raises LackingError where it ends before that."""
    deadline = time.monotonic() + _WAIT
    while not is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            why = process.stderr.read() if process.stderr and process.poll() is not None else "no answer"
            raise unable("network file systems", why.strip(), "run where root may mount by FUSE")
        time.sleep(0.02)
