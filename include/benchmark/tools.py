"""The programs that take part: where they are, and which versions; and the machine that they run on."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .measure import Broken

__all__ = ["Tools", "facts", "find_tools"]

_ADVICE = {
    "nginx": "Debian and Ubuntu: apt-get install nginx-light libnginx-mod-http-lua, or run.sh --install as root",
    "curl": "Debian and Ubuntu: apt-get install curl, or run.sh --install as root",
    "md5sum": "it is part of coreutils",
}
_PEERS = "bash include/setup.sh installs it"
_VERSIONS = {
    "nginx": ("-v",),
    "curl": ("--version",),
    "md5sum": ("--version",),
    "rclone": ("version",),
    "s5cmd": ("version",),
    "aws": ("--version",),
}


@dataclass(frozen=True, slots=True)
class Tools:
    """Absolute paths of the programs. `python` runs ours."""

    python: str
    nginx: str
    curl: str
    md5sum: str
    rclone: str
    s5cmd: str
    aws: str


def find_tools(python: str, peers: Path) -> Tools:
    """The programs; those in the folder `peers` go first. Raises Broken, naming what lacks and how to get it."""
    path = os.pathsep.join([str(peers), os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    found = {name: shutil.which(name, path=path) for name in _VERSIONS}
    lacking = [f"{name} is missing: {_ADVICE.get(name, _PEERS)}" for name, where in found.items() if where is None]
    if lacking:
        raise Broken("\n".join(lacking))
    return Tools(python=python, **{name: where or "" for name, where in found.items()})


def facts(tools: Tools, work: Path) -> list[str]:
    """Lines about the machine and the versions."""
    versions = [f"{name} {_version(getattr(tools, name), *how)}" for name, how in _VERSIONS.items()]
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return [
        f"{os.cpu_count()} cores ({_processor()}), {_memory()} GiB of memory, {_file_system(work)}",
        f"load of the machine before the first run: {load}",
        f"{platform.system()} {platform.release()}, {_distribution()}",
        f"ours: {_ours(tools.python)}",
        ", ".join(versions),
    ]


def _version(program: str, *how: str) -> str:
    done = subprocess.run([program, *how], capture_output=True, text=True, timeout=60, check=False)
    found = re.search(r"\d+(?:\.\d+)+", done.stdout + done.stderr)
    return found[0] if found else "?"


def _ours(python: str) -> str:
    script = (
        "import platform, obstore, boto3, minio, ssl;"
        "print('Python', platform.python_version() + ', obstore', obstore.__version__ + ', boto3',"
        " boto3.__version__ + ', minio-py', minio.__version__ + ',', ssl.OPENSSL_VERSION)"
    )
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise Broken(f"{python} lacks the packages of requirements.txt (bash include/setup.sh): {done.stderr[-300:]}")
    return done.stdout.strip()


def _processor() -> str:
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _file_system(folder: Path) -> str:
    done = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown file system"


def _distribution() -> str:
    return platform.freedesktop_os_release().get("PRETTY_NAME", "")
