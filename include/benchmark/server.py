"""nginx as the object server: one worker, `sendfile`, ETags of its own, keys as S3 lays them out (``/bucket/key``).

It knows no buckets, no signatures and no parts: it sends bytes, whole or by range, as fast as a server can, so that the
client is what is measured. Its ETags are made of time and size, and ``If-Match`` works with them as with
S3's; the checksums come from the record. A folder is no object: 404, as with S3.

Buckets of FHIR exports (``/fhir-<count>``) belong to `exports`, which runs behind it: nginx passes questions for lists
on, and answers those for objects from its cache, with their own ETags.
"""

from __future__ import annotations

import os
import pwd
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..processes import Processes, ProgramError, free_port
from .measure import Broken
from .objects import BUCKET

__all__ = ["serve", "serve_drive", "serve_exports", "serve_long"]

_CONFIG = """
{user}
worker_processes 1;
daemon off;
pid {home}/pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    etag on;
    keepalive_requests 10000000;
    default_type application/octet-stream;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    proxy_cache_path {home}/cache keys_zone=exports:8m inactive=1d use_temp_path=off;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_buffers 64 16k;
    proxy_max_temp_file_size 0;
    upstream exports {{
        server 127.0.0.1:{exports};
        keepalive 8;
    }}
    server {{
        listen 127.0.0.1:{port};
        root {root};
        error_page 301 403 404 =404 @none;
        location @none {{ return 404; }}
        location ~ ^/fhir-\\d+/?$ {{ proxy_pass http://exports; }}
        location ~ "^/fhir-\\d+/Observation-\\d{{3}}(\\d{{3}})[.]ndjson$" {{
            proxy_pass http://exports/object/$1;
            proxy_cache exports;
            proxy_cache_key $1;
            proxy_cache_valid 200 1d;
            proxy_cache_lock on;
        }}
        # Many names for the objects that are there: number n is n modulo their number, a power of ten.
        rewrite "^/{bucket}/many/\\d{{{dropped}}}(\\d{{{kept}}})[.]bin$" /{bucket}/small/{zeros}$1.bin;
    }}
}}
"""
_ROOT = Path(__file__).resolve().parents[2]
_PATIENCE = 300.0
"""Seconds in which a server has to answer. One that computes the checksum of twenty gigabytes first takes a while."""
_DIGITS = 6
"""Digits in the name of a small object."""


@contextmanager
def serve(nginx: str, root: Path, home: Path, small: int, exports: int) -> Iterator[str]:
    """Serves the files below `root`; yields the address. `home` takes nginx's own files. Stopped when left.

    `small` is the number of small objects, a power of ten; `exports` the port of `serve_exports`. Raises Broken where
    nginx does not start.
    """
    home.mkdir()
    port = free_port()
    config = home / "nginx.conf"
    config.write_text(_config(root, home, small, {"port": port, "exports": exports}))
    command = [nginx, "-e", "stderr", "-p", str(home), "-c", str(config)]
    with _running(command, {}, f"http://127.0.0.1:{port}", home / "nginx.log") as address:
        yield address


@contextmanager
def serve_exports(python: str, log: Path) -> Iterator[int]:
    """Serves buckets of FHIR exports (see `exports`); yields the port. Stopped when left. Raises Broken."""
    port = free_port()
    env = {"PYTHONPATH": str(_ROOT)}
    with _running([python, "-m", "include.benchmark.exports", str(port)], env, f"http://127.0.0.1:{port}", log):
        yield port


@contextmanager
def serve_drive(
    python: str, home: Path, manifest: Path, pace: tuple[float, float], *, google: bool = False
) -> Iterator[str]:
    """Serves the data sets of `recordings`; yields the address. Stopped when left. Raises Broken.

    `pace`: bytes a second of one stream, and how large the files are. `manifest` is written where it is missing.
    """
    more = ["--google"] if google else []
    with _standing_in(python, home, "drive_stand_in", [*map(str, pace), str(manifest), *more]) as address:
        yield address


@contextmanager
def serve_long(python: str, home: Path, record: Path, size: int) -> Iterator[str]:
    """Serves one object of `size` bytes (see `long_stand_in`); yields the address. Stopped when left. Raises Broken.

    `record` is written.
    """
    with _standing_in(python, home, "long_stand_in", [str(size), "0", str(record)]) as address:
        yield address


@contextmanager
def _standing_in(python: str, home: Path, module: str, arguments: list[str]) -> Iterator[str]:
    """A stand-in with the files of one case."""
    port = free_port()
    env = {"PYTHONPATH": str(_ROOT)}
    command = [python, "-m", f"include.benchmark.{module}", str(port), *arguments]
    with _running(command, env, f"http://127.0.0.1:{port}", home / f"{module}-{port}.log") as address:
        yield address


@contextmanager
def _running(command: list[str], env: dict[str, str], address: str, log: Path) -> Iterator[str]:
    with Processes(log.parent, {**os.environ, **env}) as processes:
        processes.start(log.stem, command)
        try:
            processes.wait_until(log.stem, lambda: _serves(address), _PATIENCE)
        except ProgramError as error:
            raise Broken(str(error)) from None
        yield address


def _serves(address: str) -> bool:
    """Whether the server answers, with 404 for a folder."""
    try:
        urllib.request.urlopen(f"{address}/{BUCKET}", timeout=1).close()  # noqa: S310 (http, to ourselves)
    except urllib.error.HTTPError as answer:
        return answer.code == 404
    except OSError:
        pass
    return False


def _config(root: Path, home: Path, small: int, ports: dict[str, int]) -> str:
    kept = len(str(small)) - 1
    if small != 10**kept:
        raise ValueError(f"{small} small objects are no power of ten")
    return _CONFIG.format(
        user=f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else "",
        home=home,
        **ports,
        root=root,
        bucket=BUCKET,
        kept=kept,
        dropped=_DIGITS - kept,
        zeros="0" * (_DIGITS - kept),
    )
