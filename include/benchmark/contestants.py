"""Who takes part, with which flags, and how it is seen that the work was done.

Every peer gets the flags that make it fastest: nothing is checked, no avoidable request is sent, rclone writes
to the final name at once. All but curl sign their requests; curl shows the least that fetching can cost.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from .exports import SIZE, bucket_of
from .measure import Broken
from .objects import BUCKET, LARGE, SMALL_SIZE, small_name
from .tools import Tools

__all__ = [
    "Arena",
    "Check",
    "Contestant",
    "Ours",
    "bucket_peers",
    "check_files",
    "floor",
    "interrupted",
    "large_peers",
    "listing_peer",
    "md5sum",
    "python_command",
    "python_env",
    "small_peers",
]

_ROOT = Path(__file__).resolve().parents[2]
_AT_ONCE = "32"
_SHOWN = 200
"""Characters of an output that is not what it should be."""
_STREAMS = "16"
"""Of one large object: what makes the peers fastest, near and far."""

Check = Callable[[Path, str], None]
"""Looks at the folder and at what was printed. Raises Broken where the work was not done."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A program with its arguments, for a folder to fill."""

    name: str
    command: Callable[[Path], list[str]]
    check: Check
    env: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    """Where its files already are; None: an empty folder for each run."""
    then: Contestant | None = None
    """What a user of it has to run afterwards."""


@dataclass(frozen=True, slots=True)
class Arena:
    """Where they compete. `lists` is a folder for configurations and lists of names; `far` another address of the
    server, from which its answers come late."""

    tools: Tools
    endpoint: str
    lists: Path
    far: str = ""

    @property
    def far_away(self) -> Arena:
        """The same, at the other address."""
        return replace(self, endpoint=self.far)

    @property
    def env(self) -> dict[str, str]:
        """The environment of all: no settings of whoever runs this, no proxies."""
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.lists),
            "LANG": "C.UTF-8",
            "AWS_ACCESS_KEY_ID": "benchmark",
            "AWS_SECRET_ACCESS_KEY": "benchmark",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@dataclass(frozen=True, slots=True)
class Ours:
    """Makes contestants of our own."""

    arena: Arena

    def fetch(self, name: str, prefix: str, record: Path, count: int, assurance: str) -> Contestant:
        """One that fetches the `count` files of the record, each checked by a checksum called `assurance`."""
        return Contestant(name, self._command(prefix, record), _results("downloaded", assurance, count), self._env())

    def keep(self, name: str, record: Path, folder: Path, count: int, assurance: str) -> Contestant:
        """One that finds `count` files there and right, by a checksum called `assurance`."""
        check = _results("skipped", assurance, count)
        return Contestant(name, self._command("large/", record), check, self._env(), folder)

    def bucket(self, name: str, count: int) -> Contestant:
        """One that downloads a bucket of `count` FHIR exports, as `minio_downloader` does."""
        return Contestant(name, self._fhir(count), _results("downloaded", "md5", count), self._env())

    def listing(self, name: str, count: int) -> Contestant:
        """One that only lists a bucket of `count` FHIR exports, and cuts it into shards."""
        return Contestant(name, self._fhir(count, "--list"), _counted(count), self._env())

    def plan(self, name: str, catalogue: Path, count: int) -> Contestant:
        """One that plans the raw file of a catalogue, of `count` files, and cuts it into shards."""
        return Contestant(name, self._raw_file(catalogue, "plan"), _counted(count), self._env())

    def slice(self, name: str, catalogue: Path) -> Contestant:
        """One that takes one shard of it."""
        return Contestant(name, self._raw_file(catalogue, "slice"), lambda *_: None, self._env())

    def raw_file(self, name: str, catalogue: Path, count: int) -> Contestant:
        """One that downloads it, `count` files, each checked by its MD5."""
        check = _results("downloaded", "md5", count)
        command = self._raw_file(catalogue)
        return Contestant(name, command, lambda folder, output: check(folder / "project", output), self._env())

    def report(self, name: str, lines: int) -> Contestant:
        """One that writes a report of so many lines, and reads it."""
        fixed = [*python_command(self.arena, "receipt"), str(lines)]
        return Contestant(name, lambda folder: [*fixed, str(folder)], lambda *_: None, self._env())

    def ndjson(self, name: str, files: int, size: int, line: int) -> Contestant:
        """One that checks so many files of NDJSON at once, each of `size` bytes in lines of `line` bytes."""
        command = [*python_command(self.arena, "ndjson"), str(files), str(size), str(line)]
        return Contestant(name, lambda _: command, lambda *_: None, self._env())

    def without_flush(self, contestant: Contestant) -> Contestant:
        """The same without flushes."""
        env = {**contestant.env, "BENCHMARK_WITHOUT_FLUSH": "1"}
        return Contestant(f"{contestant.name}, without flushing", contestant.command, contestant.check, env)

    def _env(self) -> dict[str, str]:
        return python_env(self.arena)

    def _raw_file(self, catalogue: Path, *only: str) -> Callable[[Path], list[str]]:
        fixed = [*python_command(self.arena, "raw_file"), "--endpoint", self.arena.endpoint]
        fixed += ["--catalogue", str(catalogue), *(f"--only={word}" for word in only)]
        return lambda folder: [*fixed, "--destination", str(folder)]

    def _fhir(self, count: int, *more: str) -> Callable[[Path], list[str]]:
        fixed = [
            *python_command(self.arena, "fhir"),
            "--endpoint",
            _host(self.arena),
            "--bucket",
            bucket_of(count),
            *more,
        ]
        return lambda folder: [*fixed, "--destination", str(folder)]

    def _command(self, prefix: str, record: Path) -> Callable[[Path], list[str]]:
        fixed = [*python_command(self.arena, "restore"), "--endpoint", self.arena.endpoint]
        fixed += ["--bucket", BUCKET, "--prefix", prefix, "--record", str(record)]
        return lambda folder: [*fixed, "--destination", str(folder)]


def small_peers(arena: Arena, count: int) -> list[Contestant]:
    """Peers that fetch `count` small objects below ``many/``, each with several numbers of requests at once."""
    names = [small_name(number) for number in range(count)]
    check = check_files(count, count * SMALL_SIZE)
    commands = {
        f"{make.__name__.rpartition('_')[2]}, {at_once} at once": make(arena, names, at_once)
        for make, numbers in _SMALL.items()
        for at_once in numbers
    }
    return [Contestant(name, command, check, arena.env) for name, command in commands.items()]


def floor(arena: Arena, record: Path, count: int, threads: int) -> Contestant:
    """What the same library can do at best: see `floor`."""
    fixed = [*python_command(arena, "floor"), arena.endpoint, BUCKET, "many/", str(record), str(threads)]
    return Contestant(
        f"floor, {threads} threads",
        lambda folder: [*fixed, str(folder)],
        check_files(count, count * SMALL_SIZE),
        python_env(arena),
    )


def large_peers(arena: Arena, size: int, md5: str) -> list[Contestant]:
    """Peers that fetch the large object, and check it with md5sum afterwards."""
    made = {"rclone": _large_rclone, "s5cmd": _large_s5cmd, "aws-cli": _large_aws}
    check, then = check_files(1, size), md5sum(arena, md5)
    env = {**arena.env, "AWS_CONFIG_FILE": str(_aws_config(arena))}
    return [Contestant(name, make(arena), check, env, then=then) for name, make in made.items()]


def bucket_peers(arena: Arena, count: int, some: int) -> tuple[Contestant, Contestant]:
    """Peers that list a bucket of `count` FHIR exports themselves: rclone, which fetches all of them,
    and the plain loop, which fetches `some`."""
    rclone = Contestant("rclone", _bucket_rclone(arena, count), check_files(count, count * SIZE), arena.env)
    fixed = [*python_command(arena, "plain"), _host(arena), bucket_of(count)]
    loop = Contestant(
        f"minio-py's fget_object in a loop, {some:,} objects",
        lambda folder: [*fixed, str(folder), str(some)],
        check_files(some, some * SIZE),
        python_env(arena),
    )
    return rclone, loop


def listing_peer(arena: Arena, count: int) -> Contestant:
    """rclone, which prints the keys of a bucket of `count` FHIR exports."""

    def check(_: Path, output: str) -> None:
        if output.count("\n") != count:
            raise Broken(f"not {count} keys: {output[:_SHOWN]}")

    command = [*_rclone(arena, "Minio"), "lsf", "--recursive", "--fast-list", f"peer:{bucket_of(count)}"]
    return Contestant("rclone lsf", lambda _: command, check, arena.env)


def md5sum(arena: Arena, expected: str, folder: Path | None = None) -> Contestant:
    """md5sum over the large object, as it lies in the folder."""

    def check(_: Path, output: str) -> None:
        if not output.startswith(expected):
            raise Broken(f"the object has another MD5: {output}")

    return Contestant("md5sum", lambda where: [arena.tools.md5sum, str(where / LARGE)], check, arena.env, folder)


def check_files(count: int, size: int) -> Check:
    """Sees that a folder holds `count` files of `size` bytes together."""

    def check(folder: Path, _: str) -> None:
        sizes = [path.stat().st_size for path in folder.iterdir()]
        if (len(sizes), sum(sizes)) != (count, size):
            raise Broken(f"{len(sizes)} files of {sum(sizes)} bytes are there, not {count} of {size}")

    return check


def interrupted(arena: Arena, contestant: Contestant, kills_and_size: tuple[int, int], url: str) -> Contestant:
    """The contestant, killed and started again so many times while it downloads so many bytes from `url`."""
    fixed = [*python_command(arena, "interrupted"), *map(str, kills_and_size), url]
    return replace(contestant, command=lambda folder: [*fixed, str(folder), *contestant.command(folder)])


def _counted(count: int) -> Check:
    def check(_: Path, output: str) -> None:
        if json.loads(output)["files"] != count:
            raise Broken(f"not {count} files: {output}")

    return check


def _results(outcome: str, assurance: str, count: int) -> Check:
    def check(folder: Path, output: str) -> None:
        found = json.loads(output)
        if found["outcomes"] != {outcome: count} or found["assurances"] != {assurance: count}:
            raise Broken(f"not {count} {outcome} by {assurance}: {output}")
        if sum(1 for _ in folder.iterdir()) != count:
            raise Broken(f"not {count} files in {folder}")

    return check


def python_command(arena: Arena, module: str) -> list[str]:
    """A program of this package."""
    return [arena.tools.python, "-X", "faulthandler", "-m", f"include.benchmark.{module}"]


def python_env(arena: Arena) -> dict[str, str]:
    """What such a program finds our code by."""
    return {**arena.env, "PYTHONPATH": os.pathsep.join([str(_ROOT / "plugins"), str(_ROOT)])}


def _host(arena: Arena) -> str:
    return arena.endpoint.removeprefix("http://")


def _written(path: Path, lines: Iterable[str]) -> str:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


def _rclone(arena: Arena, provider: str = "Other") -> list[str]:
    config = arena.lists / f"rclone-{provider}-{_host(arena).replace(':', '-')}.conf"
    remote = ["[peer]", "type = s3", f"provider = {provider}", "env_auth = true", "force_path_style = true"]
    _written(config, [*remote, f"endpoint = {arena.endpoint}"])
    quick = ["--no-check-dest", "--ignore-checksum", "--use-server-modtime", "--inplace", "--s3-no-check-bucket"]
    return [arena.tools.rclone, "--config", str(config), *quick]


def _small_rclone(arena: Arena, names: list[str], at_once: int) -> Callable[[Path], list[str]]:
    listed = _written(arena.lists / "rclone.txt", names)
    which = ["--files-from-raw", listed, "--no-traverse", "--transfers", str(at_once), "--checkers", str(at_once)]
    return lambda folder: [*_rclone(arena), "copy", f"peer:{BUCKET}/many", str(folder), *which]


def _bucket_rclone(arena: Arena, count: int) -> Callable[[Path], list[str]]:
    which = ["--transfers", _AT_ONCE, "--checkers", _AT_ONCE]
    return lambda folder: [*_rclone(arena, "Minio"), "copy", f"peer:{bucket_of(count)}", str(folder), *which]


def _s5cmd(arena: Arena) -> list[str]:
    return [arena.tools.s5cmd, "--endpoint-url", arena.endpoint, "--log", "error"]


def _small_s5cmd(arena: Arena, names: list[str], at_once: int) -> Callable[[Path], list[str]]:
    def command(folder: Path) -> list[str]:
        lines = (f"cp s3://{BUCKET}/many/{name} {folder}/{name}" for name in names)
        return [*_s5cmd(arena), "--numworkers", str(at_once), "run", _written(arena.lists / "s5cmd.txt", lines)]

    return command


def _small_curl(arena: Arena, names: list[str], at_once: int) -> Callable[[Path], list[str]]:
    def command(folder: Path) -> list[str]:
        lines = (f"url = {arena.endpoint}/{BUCKET}/many/{name}\noutput = {folder}/{name}" for name in names)
        listed = _written(arena.lists / "curl.txt", lines)
        many = ["--parallel", "--parallel-immediate", "--parallel-max", str(at_once)]
        return [arena.tools.curl, "--fail", "--silent", "--show-error", *many, "--config", listed]

    return command


_SMALL: dict[Callable[[Arena, list[str], int], Callable[[Path], list[str]]], tuple[int, ...]] = {
    _small_rclone: (4, 32, 256),
    _small_s5cmd: (256,),
    _small_curl: (32, 256),
}
"""Requests at once: the best number depends on how far the server is."""


def _large_rclone(arena: Arena) -> Callable[[Path], list[str]]:
    streams = ["--multi-thread-streams", _STREAMS, "--multi-thread-cutoff", "16Mi"]
    source = f"peer:{BUCKET}/large/{LARGE}"
    return lambda folder: [*_rclone(arena), "copyto", source, str(folder / LARGE), *streams]


def _large_s5cmd(arena: Arena) -> Callable[[Path], list[str]]:
    source = f"s3://{BUCKET}/large/{LARGE}"
    return lambda folder: [*_s5cmd(arena), "cp", "--concurrency", _STREAMS, source, str(folder / LARGE)]


def _large_aws(arena: Arena) -> Callable[[Path], list[str]]:
    source = f"s3://{BUCKET}/large/{LARGE}"
    fixed = [arena.tools.aws, "--endpoint-url", arena.endpoint, "s3", "cp", "--only-show-errors", source]
    return lambda folder: [*fixed, str(folder / LARGE)]


def _aws_config(arena: Arena) -> Path:
    path = arena.lists / "aws.conf"
    _written(path, ["[default]", "s3 =", f"  max_concurrent_requests = {_STREAMS}", "  multipart_chunksize = 16MB"])
    return path
