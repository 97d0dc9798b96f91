"""All pictures that the sdists of astropy and Pillow ship, as real files of many programs, and what becomes of each.

``pictures_of_astropy_and_pillow.tsv`` lists them: what astropy.io.fits (FITS) and Pillow (the others) did with the file
when it was opened by hand (``shown``, ``truncated``, ``refused``), and what is due here. The sdists are large, so they
are downloaded by pip once, into the cache of pytest, and the test of the files is skipped where that is not possible.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import pytest

from downloader.content.pictures import WholePicture
from downloader.errors import DownloadError

TABLE: Final = Path(__file__).parents[1] / "fixtures/pictures_of_astropy_and_pillow.tsv"
SDISTS: Final = {
    "astropy-8.0.2": "e6af35823099ad6a40b57dbe5ff845f577374ea131925c9fa4b49eeab06c5310",
    "pillow-12.0.0": "87d4f8125c9988bfbed67af47dd7a953e2fc7b0cc1e7800ec6d2080d490bb353",
}
"""SHA-256 of each."""
EXTENSIONS: Final = (".png", ".jpg", ".jpeg", ".fits", ".fit", ".fts")
MAGIC: Final = (b"\x89PNG", b"\xff\xd8", b"SIMPLE")
BROKEN: Final = "broken; "

OTHERWISE: Final = {
    # Opened by nobody, and whole.
    "Tests/images/apng/chunk_no_fctl.png": "its animation lacks a frame's control chunk; the picture itself is there",
    "Tests/images/png_decompression_dos.png": "Pillow limits texts; the pixels are there",
    "Tests/images/hopper_naxis_zero.fits": "its header announces no data, and data follow",
    # Opened, and refused here: a header of SIMPLE = F announces no length.
    "astropy/wcs/tests/data/header_with_time.fits": "astropy shows its bytes as they are",
    "astropy/wcs/tests/data/header_with_time_wcslib71.fits": "astropy shows its bytes as they are",
}
"""Where another word is due than the viewer's, and why."""

BUILD_META: Final = """
import re
from pathlib import Path
from shutil import copyfile


class Backend:
    def prepare_metadata_for_build_wheel(self, folder, settings=None):
        known = dict(re.findall("^(Name|Version): (.+)$", Path("PKG-INFO").read_text(encoding="utf-8"), re.MULTILINE))
        made = Path(folder, f"{known['Name']}-{known['Version']}.dist-info")
        made.mkdir()
        copyfile("PKG-INFO", made / "METADATA")
        return made.name

    def build_wheel(self, *settings):
        raise NotImplementedError  # Pillow's own backend looks for it, and is never asked for a wheel


backend = Backend()
build_wheel = backend.build_wheel
prepare_metadata_for_build_wheel = backend.prepare_metadata_for_build_wheel
"""
"""In the place of setuptools: the metadata that pip asks for stand in the sdist. To make them anew, pip would install
setuptools, numpy, Cython and more."""

Rows = dict[tuple[str, str], tuple[str, str]]


def rows() -> Rows:
    """Sdist and name of each file, with what the viewer did and what is due here."""
    lines = [line.split("\t") for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    return {(sdist, name): (viewer, due) for sdist, name, viewer, due in lines}


def test_what_viewers_show_is_accepted_and_what_they_call_truncated_is_refused() -> None:
    found = rows()
    assert len(found) > 600
    others = {name for (_, name), (viewer, due) in found.items() if (viewer == "shown") is due.startswith(BROKEN)}
    assert others == OTHERWISE.keys()
    assert all(due.startswith(BROKEN) for viewer, due in found.values() if viewer == "truncated")


@pytest.fixture(scope="module")
def sdists(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The archives. pip wants the metadata of an sdist that it downloads: see `BUILD_META`."""
    cache = request.config.cache
    if cache is None:
        pytest.skip("pytest has no cache")
    folder = cache.mkdir("sdists")
    missing = [sdist for sdist in SDISTS if not (folder / f"{sdist}.tar.gz").is_file()]
    requirements = folder / "requirements.txt"
    requirements.write_text("".join(f"{sdist.replace('-', '==')} --hash=sha256:{SDISTS[sdist]}\n" for sdist in missing))
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation"]
    pip += ["--retries=1", "--timeout=10"]
    names = ",".join(sdist.partition("-")[0] for sdist in SDISTS)
    command = [*pip, f"--no-binary={names}", f"--dest={folder}", f"--requirement={requirements}"]
    done, env = None, with_backend(tmp_path_factory.mktemp("backend"))
    try:
        if missing:
            done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=280, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("the sdists of astropy and Pillow did not come within 280 seconds")
    if done is not None and done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        pytest.skip(f"pip could not download the sdists of astropy and Pillow: {reason[:200]}")
    return [folder / f"{sdist}.tar.gz" for sdist in SDISTS]


def with_backend(folder: Path) -> dict[str, str]:
    """The environment of a pip that finds `BUILD_META`."""
    setuptools = folder / "setuptools"
    setuptools.mkdir()
    (setuptools / "__init__.py").touch()
    (setuptools / "build_meta.py").write_text(BUILD_META)
    return os.environ | {"PYTHONPATH": str(folder)}


@pytest.mark.timeout(360)
def test_each_file_gets_what_is_due(sdists: list[Path]) -> None:
    found = {
        (path.name.removesuffix(".tar.gz"), name): outcome for path in sdists for name, outcome in pictures_of(path)
    }
    assert found == {key: due for key, (_, due) in rows().items()}


def pictures_of(path: Path) -> Iterator[tuple[str, str]]:
    with tarfile.open(path) as archive:
        for member in archive:
            name = member.name.partition("/")[2]
            content = archive.extractfile(member)
            if content is None:
                continue
            beginning = content.read(10)
            if beginning.startswith(MAGIC) or name.lower().endswith(EXTENSIONS):
                yield name, outcome(beginning, content)


def outcome(beginning: bytes, rest: IO[bytes]) -> str:
    picture = WholePicture("it")
    try:
        picture.update(beginning)
        while data := rest.read(100_000):
            picture.update(data)
        found = picture.conclude(whole=True)
    except DownloadError as error:
        return f"{BROKEN}{error.what.removeprefix('it ')}"
    return "; ".join(filter(None, (found.form, found.remark)))
