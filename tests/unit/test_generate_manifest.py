"""include/generate_manifest.py, as people run it: against a stand-in, with a key and without, once and again."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from downloader.datasets.manifest import read_manifest
from include.demo.drive import RECORDINGS, manifest_of
from include.stand_ins.contents import digest
from include.stand_ins.drive_pages import folder_view
from include.stand_ins.drive_server import (
    DriveFile,
    DriveFolder,
    DriveServer,
    ScanWarning,
    file_id,
    quota_exceeded,
    serving,
    too_many_requests,
)
from include.stand_ins.secrets import secret
from include.stand_ins.wire import refuse
from support.restoring import FakeClock

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "include" / "generate_manifest.py"
TOP = file_id("folder")
URL = f"https://drive.google.com/drive/folders/{TOP}?usp=sharing"
FAN = bytes(range(256)) * 20
CITY = b"city" * 500


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_manifest", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


generate_manifest = loaded()


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@dataclass
class Desk:
    """Where the program is run."""

    drive: DriveServer
    folder: Path
    capsys: pytest.CaptureFixture[str]
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.output = self.folder / "datasets.json"
        url, api_url = self.drive.url, self.drive.api_url
        drive = f"web_url: '{url}', download_url: '{url}', api_url: '{api_url}', max_retries: 1, retry_delay: 0"
        config = self.folder / "config.yaml"
        config.write_text(f"drive: {{{drive}, manifest: {self.output}}}\n")
        self.environ["DOWNLOADER_CONFIG"] = str(config)

    def use_key(self) -> None:
        self.environ["GOOGLE_API_KEY"] = self.drive.api_key

    def run(self, *arguments: str, url: str = URL) -> Ran:
        around = generate_manifest.Surroundings(self.environ, FakeClock().clock, date(2026, 2, 7))
        try:
            code = generate_manifest.main([url, *arguments], around)
        except SystemExit as left:
            code = left.code
        out, err = self.capsys.readouterr()
        assert self.drive.api_key not in out + err
        return Ran(code, out, err)

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    @property
    def entries(self) -> dict[str, dict[str, Any]]:
        """By their paths."""
        return {entry["path"]: entry for entry in json.loads(self.output.read_text())["datasets"]}

    def change(self, place: str, **values: object) -> None:
        """Someone edits the manifest by hand."""
        held = json.loads(self.output.read_text())
        for entry in held["datasets"]:
            if entry["path"] == place:
                entry.update(values)
        self.output.write_text(json.dumps(held))

    def add_by_hand(self, entry: dict[str, Any]) -> None:
        """Someone adds a data set to the manifest."""
        held = json.loads(self.output.read_text())
        held["datasets"].append(entry)
        self.output.write_text(json.dumps(held))


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    with serving(DriveServer()) as drive:
        drive.add_folder(DriveFolder(TOP, "Cameras"))
        drive.add_folder(DriveFolder(file_id("fan"), "fan", TOP))
        drive.add(DriveFile(file_id("const"), "fan_const.dat", FAN, folder=file_id("fan"), warning=ScanWarning()))
        drive.add(DriveFile(file_id("city"), "city.glb", CITY, folder=TOP))
        yield Desk(drive, tmp_path, capsys)


def test_a_first_manifest_without_a_key(desk: Desk) -> None:
    ran = desk.run()
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines == [
        "Reading the folder without an API key ...",
        "+ added            city.glb  (2,000 bytes)",
        "+ added            fan/fan_const.dat  (5,120 bytes)",
        "Cameras: 2 files, 7.0 KB; 2 added, 0 unchanged",
        "Without a checksum: 2. Use an API key to get them, or write them into the file by hand.",
        f"Written: {desk.output}",
    ]
    held = json.loads(desk.output.read_text())
    assert held == {
        "version": "1.0",
        "source": f"https://drive.google.com/drive/folders/{TOP}",
        "generated": "2026-02-07",
        "datasets": [
            {"id": file_id("city"), "name": "city.glb", "path": "city.glb", "size": 2000, "sha256": ""},
            {
                "id": file_id("const"),
                "name": "fan_const.dat",
                "path": "fan/fan_const.dat",
                "size": 5120,
                "sha256": "",
            },
        ],
    }
    assert len(read_manifest(desk.output).datasets) == 2


def test_a_key_brings_checksums_to_what_is_there(desk: Desk) -> None:
    desk.run()
    desk.use_key()
    ran = desk.run()
    assert ran.lines == [
        "Reading the folder by the API ...",
        "~ checksum learnt  city.glb  (sha256, md5)",
        "~ checksum learnt  fan/fan_const.dat  (sha256, md5)",
        "Cameras: 2 files, 7.0 KB; 2 checksum learnt, 0 unchanged",
        f"Written: {desk.output}",
    ]
    assert desk.entries["city.glb"]["sha256"] == digest(CITY, "sha256")
    assert desk.entries["city.glb"]["md5"] == digest(CITY, "md5")
    del desk.environ["GOOGLE_API_KEY"]
    before = desk.output.read_bytes()
    assert desk.run().lines[1:-1] == ["Cameras: 2 files, 7.0 KB; 2 unchanged"]
    assert desk.output.read_bytes() == before


def test_made_again_it_says_what_has_changed(desk: Desk) -> None:
    desk.use_key()
    desk.run()
    desk.change("fan/fan_const.dat", path="by hand/fan.dat")
    desk.change("city.glb", md5="0" * 32)
    desk.drive.add(DriveFile(file_id("const"), "fan_const.dat", FAN + b"!", folder=file_id("fan")))
    desk.drive.add(DriveFile(file_id("new"), "new.dat", b"n", folder=TOP))
    ran = desk.run()
    old = f"sha256:{digest(FAN, 'sha256')}, md5:{digest(FAN, 'md5')}"
    resized = f"from 5,120 bytes to 5,121 bytes; dropped, being of the old content: {old}"
    assert ran.lines[1:4] == [
        f"~ size changed     by hand/fan.dat  ({resized})",
        f"! CHECKSUM CHANGED city.glb  (md5 was {'0' * 32}, Google Drive says {digest(CITY, 'md5')}, at the same size)",
        "+ added            new.dat  (1 byte)",
    ]
    assert ran.lines[4:] == [
        "Cameras: 3 files, 7.0 KB; 1 size changed, 1 checksum changed, 1 added, 0 unchanged",
        "Kept at their paths: by hand/fan.dat. --remap places them as the folder and the mapping do.",
        f"Written: {desk.output}",
    ]
    moved = desk.run("--remap")
    assert "> moved            fan/fan_const.dat  (from by hand/fan.dat)" in moved.lines


def test_what_was_removed_is_told_with_all_that_was_known(desk: Desk) -> None:
    desk.run()
    desk.change("city.glb", sha256="a" * 64)
    desk.drive.add(DriveFile(file_id("city"), "city.glb", CITY, folder="elsewhere"))
    ran = desk.run()
    assert ran.lines[1] == f"- removed          city.glb  (2,000 bytes, sha256:{'a' * 64}, id {file_id('city')})"
    assert any("listed in part without a key" in line for line in ran.lines)


def test_a_dry_run_writes_nothing(desk: Desk) -> None:
    ran = desk.run("--dry-run")
    assert ran.code == 0
    assert "+ added            city.glb  (2,000 bytes)" in ran.lines
    assert ran.lines[-1] == f"A dry run: {desk.output} is left as it is."
    assert not desk.output.exists()
    desk.run()
    before = desk.output.read_bytes()
    desk.drive.add(DriveFile(file_id("new"), "new.dat", b"n", folder=TOP))
    assert "1 added" in desk.run("--dry-run").out
    assert desk.output.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("paths.yaml", '"fan_*": evio/data/{folder}/\n"*.glb": "models/{stem}/{name}"\n"*.raw": raw/\n'),
        ("paths.json", '{"fan_*": "evio/data/{folder}/",\n\t"*.glb": "models/{stem}/{name}", "*.raw": "raw/"}'),
    ],
)
def test_a_mapping_places_names(desk: Desk, name: str, text: str) -> None:
    ran = desk.run("--mapping", desk.write(name, text))
    assert desk.entries.keys() == {"evio/data/fan/fan_const.dat", "models/city/city.glb"}
    assert "Patterns of the mapping that fit no file: *.raw." in ran.lines


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('"*": 5\n', ", line 1, *: is not a path; write one, such as fan/{name}, in quotes"),
        ('"*": ../out/\n', ": '*': '../out/x' would leave the destination; write a path below the destination"),
        ("*.dat: x\n", ", line 1: is not valid YAML"),
        ("- x\n", ", line 1: is not a group of keys"),
        ('"a": b\n"a": c\n', ", line 2, a: is given again here, first in line 1; keep one"),
    ],
)
def test_a_mapping_that_is_none_is_told_by_its_line(desk: Desk, text: str, sentence: str) -> None:
    mapping = desk.write("paths.yaml", text)
    ran = desk.run("--mapping", mapping)
    assert ran.code == 1
    assert ran.err.startswith(f"generate_manifest: {mapping}{sentence}")
    assert not desk.drive.requests


def test_a_size_that_cannot_be_learnt_fails_unless_it_is_skipped(desk: Desk) -> None:
    desk.run()
    desk.change("city.glb", sha256="a" * 64)
    desk.drive.add(DriveFile(file_id("city"), "city.glb", CITY, folder=TOP, problem=quota_exceeded()))
    desk.drive.add(DriveFile(file_id("evil"), "a\nb", FAN, folder=TOP, problem=quota_exceeded()))
    before = desk.output.read_bytes()
    ran = desk.run()
    assert ran.code == 1
    head, city, evil = ran.err.splitlines()
    assert head == (
        "generate_manifest: the size of these files, or all of these folders, cannot be read; correct that, or leave "
        "them out with --skip-unknown:"
    )
    assert city.startswith("  city.glb: Quota exceeded: the download quota of city.glb at Google Drive is exceeded;")
    assert evil.startswith("  a\\nb: Quota exceeded: the download quota of a_b at Google Drive is exceeded;")
    assert desk.output.read_bytes() == before
    skipped = desk.run("--skip-unknown")
    assert skipped.code == 0
    assert "= kept as it was   city.glb  (it is there, and its size is not known)" in skipped.lines
    assert any(line.startswith("  left out         a\\nb  (Quota exceeded:") for line in skipped.lines)
    assert desk.entries["city.glb"]["sha256"] == "a" * 64


def test_where_no_size_can_be_learnt_nothing_is_written(desk: Desk) -> None:
    for word in ("const", "city"):
        desk.drive.add(DriveFile(file_id(word), word, FAN, folder=TOP, problem=quota_exceeded()))
    ran = desk.run("--skip-unknown")
    assert ran.code == 1
    assert ran.err.startswith("generate_manifest: no file in the folder has a size that can be read:\n  const: ")
    assert not desk.output.exists()


def test_what_is_not_understood_has_its_line(desk: Desk) -> None:
    rows = [
        (file_id("city"), "city.glb", f"https://drive.google.com/file/d/{file_id('city')}/view"),
        ("x", "train\n.ipynb", f"https://colab.research.google.com/drive/{file_id('colab')}"),
        ("y", "old.bin", f"https://drive.google.com/open?id={file_id('open')}"),
    ]
    page, others = folder_view("Cameras", rows), folder_view("Cameras", rows[1:])
    desk.drive.script(f"folder {TOP}", lambda _: page)
    ran = desk.run()
    lines = [
        "  left out         train\\n.ipynb  (not understood: it is at colab.research.google.com/drive)",
        "  left out         old.bin  (not understood: it is at drive.google.com/open)",
    ]
    assert (ran.code, [line for line in ran.lines if "left out" in line]) == (0, lines)
    entry = {"id": file_id("open"), "name": "old.bin", "path": "old.bin", "size": 9, "sha256": "a" * 64}
    desk.add_by_hand(entry)
    desk.drive.script(f"folder {TOP}", lambda _: page)
    assert "= kept as it was   old.bin  (it is there, and its size is not known)" in desk.run().lines
    assert desk.entries["old.bin"]["sha256"] == "a" * 64
    desk.drive.script(f"folder {TOP}", lambda _: others)
    nothing = desk.run()
    assert nothing.code == 1
    assert nothing.err.splitlines() == [
        "generate_manifest: there are no files in the folder that can be downloaded; it holds:",
        "  train\\n.ipynb: not understood: it is at colab.research.google.com/drive",
        "  old.bin: not understood: it is at drive.google.com/open",
    ]


def test_a_list_that_ends_early_replaces_nothing_and_loses_nothing(desk: Desk) -> None:
    desk.run()
    whole = folder_view(
        "Cameras", [(file_id("city"), "city.glb", f"https://drive.google.com/file/d/{file_id('city')}/view")]
    )
    cut_short = refuse(200, whole.body[:-14], Content_Type="text/html; charset=utf-8")
    before = desk.output.read_bytes()
    desk.drive.script(f"folder {TOP}", *[cut_short] * 6)
    ran = desk.run()
    assert ran.code == 1
    assert f"  {TOP}: Server busy: the list of {TOP} ends early, after 1 entry;" in ran.err
    assert desk.output.read_bytes() == before
    skipped = desk.run("--skip-unknown")
    assert skipped.code == 0
    assert "= kept as it was   fan/fan_const.dat  (not seen, and not all folders could be read)" in skipped.lines


def test_a_key_that_is_refused_is_told_with_the_place_where_it_is_set(desk: Desk) -> None:
    desk.environ["MY_KEY"] = secret("other-key")
    ran = desk.run("--api-key-env", "MY_KEY")
    assert ran.code == 1
    assert "correct the API key in the environment variable MY_KEY" in ran.err


def test_an_empty_folder_replaces_nothing(desk: Desk) -> None:
    desk.run()
    desk.drive.add_folder(DriveFolder(TOP, "Cameras", empty_views=3))
    before = desk.output.read_bytes()
    ran = desk.run()
    assert (ran.code, "there are no files in the folder" in ran.err) == (1, True)
    assert desk.output.read_bytes() == before


def test_the_list_of_another_folder_is_not_replaced(desk: Desk) -> None:
    desk.run()
    other = "https://drive.google.com/drive/folders/18ORzE9_aHABYqOHzVdL0GANk_eIMaSuE"
    requests = len(desk.drive.requests)
    ran = desk.run(url=other)
    assert ran.code == 1
    assert "lists another folder" in ran.err
    assert len(desk.drive.requests) == requests
    desk.output.write_text(json.dumps({"version": "1.0", "source": other, "datasets": []}))
    assert desk.run().code == 0, "an empty one is for the taking"


def test_an_earlier_manifest_that_is_broken_is_not_replaced(desk: Desk) -> None:
    desk.output.write_text('{"version": "2", "datasets": [5]}')
    ran = desk.run()
    assert ran.code == 1
    assert ran.err.splitlines() == [
        f"generate_manifest: {desk.output} has 2 problems:",
        '  version: is "2"; write "1.0"',
        '  datasets[0]: is 5; write an entry such as {"id": ..., "name": ..., "path": ..., "size": ...}',
    ]


def test_what_is_wrong_is_one_sentence(desk: Desk) -> None:
    desk.drive.script(f"folder {TOP}", *[refuse(404)] * 9)
    ran = desk.run()
    assert (ran.code, len(ran.err.splitlines())) == (1, 1)
    assert ran.err.startswith(f"generate_manifest: Not found: Google Drive shows no folder {TOP}; see that")
    nowhere = desk.run("--output", str(desk.folder / "nowhere" / "x.json"))
    assert (nowhere.code, "there is no folder" in nowhere.err) == (1, True)
    desk.environ["DOWNLOADER_CONFIG"] = desk.write("other.yaml", "drive: {webb_url: x}\n")
    wrong = desk.run()
    assert (wrong.code, "did you mean web_url?" in wrong.err) == (1, True)


def test_patience_that_is_asked_for_is_not_slept_through_here(desk: Desk) -> None:
    desk.drive.script(f"download {file_id('city')}", too_many_requests("30"))
    assert desk.run().code == 0


def test_wrong_usage(desk: Desk) -> None:
    file = desk.run(url=f"https://drive.google.com/file/d/{TOP}/view")
    assert (file.code, "FOLDER_URL is the address of a file" in file.err) == (2, True)
    desk.environ["GOOGLE_API_KEY"] = desk.drive.api_key
    unset = desk.run("--api-key-env", "MY_KEY")
    assert (unset.code, "the environment variable MY_KEY is not set" in unset.err) == (2, True)
    desk.environ["GOOGLE_API_KEY"] = secret("google", "\n")
    assert "the environment variable GOOGLE_API_KEY does not hold an API key" in desk.run().err
    assert desk.run("--frobnicate").code == 2
    assert not desk.drive.requests


def test_the_key_may_stand_in_another_variable(desk: Desk) -> None:
    desk.environ["MY_KEY"] = f" {desk.drive.api_key}\n"
    assert desk.run("--api-key-env", "MY_KEY").lines[0] == "Reading the folder by the API ..."
    assert desk.entries["city.glb"]["md5"]


def test_it_runs_by_itself(desk: Desk) -> None:
    def started(*arguments: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, **desk.environ}
        command = [sys.executable, str(SCRIPT), *arguments]
        return subprocess.run(command, cwd=desk.folder, env=environ, capture_output=True, text=True, check=False)

    helped = started("--help")
    assert helped.returncode == 0
    for word in ("FOLDER_URL", "--mapping", "--dry-run", "GOOGLE_API_KEY", "exit code"):
        assert word in helped.stdout
    done = started(URL, "--output", "mine.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(read_manifest(desk.folder / "mine.json").datasets) == 2


def test_the_manifest_that_is_shipped_can_be_read() -> None:
    held = read_manifest(ROOT / "include" / "datasets.json")
    assert held.source.startswith("https://drive.google.com/drive/folders/")
    demo = manifest_of(RECORDINGS)
    assert json.loads((ROOT / "include" / "datasets.json").read_text(encoding="utf-8")) == demo, "an example that works"
