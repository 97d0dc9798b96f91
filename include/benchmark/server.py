"""nginx as the object server: one worker, `sendfile`, ETags of its own, keys as S3 lays them out (``/bucket/key``).

It knows no buckets, no signatures and no parts: it sends bytes, whole or by range, as fast as a server can, so that the
client is what is measured. Its ETags are made of time and size, and ``If-Match`` works with them as with
S3's; the checksums come from the record. A folder is no object: 404, as with S3.

A second port serves the same objects from far away: each answer begins 30 ms after its request, and a stream brings
at most 85 MB a second, as S3 does. nginx needs its Lua module for that.

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
from dataclasses import dataclass
from pathlib import Path

from ..processes import Processes, ProgramError, free_port
from .measure import Broken
from .objects import BUCKET

__all__ = ["DELAY", "RATE", "ObjectServer", "serve", "serve_drive", "serve_exports", "serve_long"]

DELAY = 0.03
"""Seconds before an answer of the server that is far away."""
RATE = 85
"""MB a second of one of its streams."""

_CONFIG = """
{modules}
{user}
worker_processes 1;
daemon off;
pid {home}/pid;
error_log stderr error;
events {{ worker_connections 8192; }}
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
        listen 127.0.0.1:{near} backlog=4096;
        {far}
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
_FAR = """listen 127.0.0.1:{port} backlog=4096;
        set $far 0;
        if ($server_port = {port}) {{ set $far {rate}m; }}
        limit_rate $far;
        access_by_lua_block {{ if ngx.var.server_port == "{port}" then ngx.sleep({delay}) end }}"""
_MODULES = ("ndk_http_module.so", "ngx_http_lua_module.so")
"""What makes nginx wait, in the order in which it is loaded."""
_MODULE_FOLDERS = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/share/nginx/modules")
_ROOT = Path(__file__).resolve().parents[2]
_PATIENCE = 300.0
"""Seconds in which a server has to answer. One that computes the checksum of twenty gigabytes first takes a while."""
_DIGITS = 6
"""Digits in the name of a small object."""


@dataclass(frozen=True, slots=True)
class ObjectServer:
    """Its addresses: one that answers at once, and one that is far away."""

    near: str
    far: str


@contextmanager
def serve(nginx: str, root: Path, home: Path, small: int, exports: int) -> Iterator[ObjectServer]:
    """Serves the files below `root`. `home` takes nginx's own files. Stopped when left.

    `small` is the number of small objects, a power of ten; `exports` the port of `serve_exports`. Raises Broken where
    nginx does not start, or lacks its Lua module.
    """
    home.mkdir()
    ports = {"near": free_port(), "far": free_port(), "exports": exports}
    config = home / "nginx.conf"
    config.write_text(_config(root, home, small, ports))
    command = [nginx, "-e", "stderr", "-p", str(home), "-c", str(config)]
    with _running(command, {}, f"http://127.0.0.1:{ports['near']}", home / "nginx.log") as address:
        yield ObjectServer(address, f"http://127.0.0.1:{ports['far']}")


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
        modules="\n".join(f"load_module {module};" for module in _modules()),
        user=f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else "",
        home=home,
        near=ports["near"],
        far=_FAR.format(port=ports["far"], rate=RATE, delay=DELAY),
        exports=ports["exports"],
        root=root,
        bucket=BUCKET,
        kept=kept,
        dropped=_DIGITS - kept,
        zeros="0" * (_DIGITS - kept),
    )


def _modules() -> list[Path]:
    """The files of nginx's Lua module. Raises Broken where they are missing."""
    for folder in map(Path, _MODULE_FOLDERS):
        found = [folder / name for name in _MODULES]
        if all(path.exists() for path in found):
            return found
    raise Broken(
        "nginx lacks its Lua module, which makes it answer late: Debian and Ubuntu: apt-get install "
        "libnginx-mod-http-lua, or run.sh --install as root"
    )
