"""What tests need of the machine besides the packages of .venv, and how to get it.

A test that needs a program asks `require` for it and is skipped without it; machine_report lists what was lacking.
Imports the standard library alone: .ci/run asks which packages are missing before there is a .venv.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import Final

__all__ = ["PACKAGES", "Lack", "LackingError", "missing_packages", "require", "require_root", "unable"]

PACKAGES: Final = {
    "ceph": "ceph-common",  # sets up the cluster below Ceph's object gateway
    "ceph-mon": "ceph-mon",
    "ceph-osd": "ceph-osd",
    "chromium": "chromium",  # looks at the project's pages in Airflow
    "curl": "curl",  # health checks of docker-compose.yaml
    "e2fsck": "e2fsprogs",  # repairs a disk that a test broke
    "glusterfs": "glusterfs-client",  # a network file system: its client, and its server
    "glusterfsd": "glusterfs-common",
    "mkfs.ext4": "e2fsprogs",  # disks that run full or break
    "mount": "mount",  # mounts them
    "node": "nodejs",  # builds and tests what runs in the browser
    "npm": "npm",
    "pgbouncer": "pgbouncer",  # a pooler before the catalogue
    "radosgw": "radosgw",  # Ceph's object gateway, an S3 server
    "radosgw-admin": "radosgw",
    "redis-cli": "redis-tools",  # health checks of docker-compose.yaml
    "redis-server": "redis-server",  # the queue of docker-compose.yaml
    "setpriv": "util-linux",  # ends daemons with the tests that started them
    "ssh-keygen": "openssh-client",
    "sshd": "openssh-server",  # serves sshfs
    "sshfs": "sshfs",  # another network file system
    "strace": "strace",  # the order of system calls
    "umount": "mount",
}
"""Program -> the package of Debian and Ubuntu that it comes in."""


@dataclass(frozen=True)
class Lack:
    """`what` is lacking, and what to do about it. `package`: what installs it; "" where no package does."""

    what: str
    remedy: str
    package: str = ""


class LackingError(Exception):
    """This machine lacks what a test needs. The test is skipped, or failed: see machine_report."""

    def __init__(self, *lacks: Lack) -> None:
        remedies = dict.fromkeys(lack.remedy for lack in lacks)
        super().__init__(f"this machine lacks {', '.join(lack.what for lack in lacks)}: {', '.join(remedies)}")
        self.lacks = lacks


def require(*programs: str) -> None:
    """Raises LackingError unless all `programs`, which PACKAGES has to know, are installed."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise LackingError(
            *(Lack(program, f"apt-get install {PACKAGES[program]}", PACKAGES[program]) for program in missing)
        )


def require_root() -> None:
    """Raises LackingError for a user other than root."""
    if os.geteuid():
        raise LackingError(Lack("the rights of root", "run the tests as root"))


def unable(what: str, why: str, remedy: str) -> LackingError:
    """The error for what the kernel or a container refuses, with the first line of the reason that it gave."""
    reason = why.partition("\n")[0]
    return LackingError(Lack(f"{what} ({reason})" if reason else what, remedy))


def missing_packages() -> list[str]:
    """The packages that would bring all programs that are not installed."""
    return sorted({package for program, package in PACKAGES.items() if shutil.which(program) is None})


if __name__ == "__main__":
    sys.stdout.write(" ".join(missing_packages()))
