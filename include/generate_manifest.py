"""Makes the manifest of the data sets that drive_datasets downloads from a public folder of Google Drive.

    python include/generate_manifest.py https://drive.google.com/drive/folders/ID

If it is run again, it prints what has changed. Known checksums and paths that were changed by hand are kept.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "plugins"))

try:
    from downloader.datasets import (
        FolderSurvey,
        Manifest,
        ManifestError,
        MappingError,
        Merged,
        Places,
        What,
        merge_datasets,
        read_manifest,
        survey_folder,
        write_manifest,
    )
    from downloader.errors import DownloadError
    from downloader.retry import Clock, RetryPolicy
    from downloader.source import Timeouts
    from downloader.sources.drive import DriveAccess, DriveKey, parse_folder
    from downloader_tasks.settings import Configuration, ConfigurationError, load
    from downloader_tasks.settings import read as read_yaml
    from downloader_tasks.wording import a_few, counted, one_line, shown_size
except ModuleNotFoundError as lacking:
    sys.exit(f"{lacking.name} is not installed; run bash include/setup.sh once, then use .venv/bin/python")

KEY_VARIABLE = "GOOGLE_API_KEY"
MOST_NAMES = 20
EPILOG = f"""
without a key, the folder's public page is read: it gives neither sizes, which are requested file by file, nor
checksums. With one, Drive's API gives both. The key is taken from the environment variable {KEY_VARIABLE}.

a mapping says where files go; the first pattern that fits a name or a whole path counts, and what fits none keeps its
place in the folder:

    "fan_*.dat": evio/data/fan/
    "*.glb": "models/{{stem}}/{{name}}"

exit code: 0 done, 1 failed with a sentence that says why, 2 wrong usage.
"""


class ManifestTrouble(Exception):
    """Ends the program: a sentence, or a few lines."""

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)
        self.lines = lines


@dataclass(frozen=True)
class Surroundings:
    """What the program finds around it."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    clock: Clock = field(default_factory=Clock)
    today: date = field(default_factory=lambda: datetime.now(UTC).date())


def main(argv: Sequence[str] | None = None, around: Surroundings | None = None) -> int:
    """The exit code."""
    around = around or Surroundings()
    try:
        wanted = arguments(argv, around.environ)
        run(wanted, load(around.environ), around)
    except ManifestTrouble as trouble:
        return failed(*trouble.lines)
    except DownloadError as error:
        return failed(str(error))
    except (ManifestError, ConfigurationError) as error:
        return failed(*str(error).splitlines())
    except OSError as error:
        return failed(f"{error.filename or 'the disk'}: {error.strerror}")
    except KeyboardInterrupt:
        print("generate_manifest: stopped; nothing was written", file=sys.stderr)
        return 130
    return 0


def failed(*lines: str) -> int:
    """The exit code. What others wrote cannot break out of its line."""
    print("generate_manifest:", "\n".join(map(one_line, lines)), file=sys.stderr)
    return 1


def arguments(argv: Sequence[str] | None, environ: Mapping[str, str]) -> argparse.Namespace:
    """The command line; `key` holds the API key. Exits with 2 if it is wrong."""
    parser = argparse.ArgumentParser(
        prog="generate_manifest.py",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", metavar="FOLDER_URL", help="the folder's address, or its id")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="default: the configured one, include/datasets.json"
    )
    parser.add_argument("--mapping", type=Path, metavar="FILE", help="YAML or JSON: patterns, and the paths they mean")
    parser.add_argument("--remap", action="store_true", help="compute all paths again, also those kept so far")
    parser.add_argument("--api-key-env", metavar="NAME", help=f"take the key from another variable than {KEY_VARIABLE}")
    parser.add_argument("--skip-unknown", action="store_true", help="leave out files whose size cannot be read")
    parser.add_argument("--dry-run", action="store_true", help="only print what would change")
    wanted = parser.parse_args(argv)
    try:
        wanted.folder = parse_folder(wanted.folder)
    except ValueError as error:
        parser.error(f"FOLDER_URL {error}")
    wanted.key = environ.get(wanted.api_key_env or KEY_VARIABLE, "").strip()
    if wanted.api_key_env and not wanted.key:
        parser.error(f"--api-key-env: the environment variable {wanted.api_key_env} is not set; put the key there")
    if not (wanted.key.isascii() and wanted.key.isprintable()):
        parser.error(f"the environment variable {wanted.api_key_env or KEY_VARIABLE} does not hold an API key")
    return wanted


def run(wanted: argparse.Namespace, configuration: Configuration, around: Surroundings) -> None:
    """Lists, compares, tells, writes. Raises ManifestTrouble and what the engine raises."""
    output = wanted.output or PROJECT / configuration.drive.manifest
    places = Places() if wanted.mapping is None else mapped(wanted.mapping, around.environ)
    earlier = earlier_manifest(output, wanted.folder)
    drive = configuration.drive
    policy = RetryPolicy(drive.max_retries + 1, first_wait=drive.retry_delay, clock=around.clock)
    place = f"the API key in the environment variable {wanted.api_key_env or KEY_VARIABLE}"
    access = DriveAccess(
        drive.web_url,
        drive.download_url,
        drive.api_url,
        wanted.key,
        Timeouts(stall=drive.timeout),
        key_place=place,
    )
    print("Reading the folder", "by the API" if wanted.key else "without an API key", "...", flush=True)
    seen = survey_folder(access, wanted.folder, policy)
    refuse_unknown(seen, skip=wanted.skip_unknown)
    merged = merge_datasets(seen.found, places, earlier.datasets if earlier else (), remap=wanted.remap)
    tell(seen, merged, keyless=not wanted.key)
    tell_idle(places)
    manifest = Manifest(
        version="1.0", source=address_of(wanted.folder), generated=f"{around.today}", datasets=merged.datasets
    )
    if wanted.dry_run:
        print(f"A dry run: {output} is left as it is.")
    else:
        write_manifest(manifest, output)
        print(f"Written: {output}")


def address_of(folder: DriveKey) -> str:
    """Without its resource key: what stands in a manifest stands in reports."""
    return f"https://drive.google.com/drive/folders/{folder.id}"


def mapped(file: Path, environ: Mapping[str, str]) -> Places:
    """The mapping in `file`."""
    document = read_yaml(file, environ)
    destinations: dict[str, str] = {}
    for pattern, destination in document.values.items():
        if isinstance(destination, str):
            destinations[pattern] = destination
        else:
            document.complain((pattern,), "is not a path; write one, such as fan/{name}, in quotes")
    if document.problems:
        raise ConfigurationError(file, document.problems)
    try:
        return Places(destinations)
    except MappingError as error:
        raise ManifestTrouble(f"{file}: {error}") from None


def earlier_manifest(file: Path, folder: DriveKey) -> Manifest | None:
    """What is there already. Raises ManifestTrouble where it must not be replaced."""
    if not file.parent.is_dir():
        raise ManifestTrouble(f"there is no folder {file.parent} to write {file.name} into; create it first")
    if not file.exists():
        return None
    earlier = read_manifest(file)
    try:
        other = parse_folder(earlier.source).id
    except ValueError:
        return earlier
    if earlier.datasets and other != folder.id:
        raise ManifestTrouble(
            f"{file} lists another folder ({earlier.source}); give another --output, or move that file away"
        )
    return earlier


def refuse_unknown(seen: FolderSurvey, *, skip: bool) -> None:
    """Raises ManifestTrouble for what cannot be listed as it should be."""
    if not seen.found.entries and not seen.unknown:
        others = [f"  {path}: {why}" for path, why in seen.left_out[:MOST_NAMES]]
        if others:
            raise ManifestTrouble("there are no files in the folder that can be downloaded; it holds:", *others)
        raise ManifestTrouble("there are no files in the folder; check its address, and that it is shared")
    names = [f"  {path}: {error}" for path, error in seen.unknown[:MOST_NAMES]]
    if len(seen.unknown) > MOST_NAMES:
        names.append(f"  and {len(seen.unknown) - MOST_NAMES:,} more")
    if not seen.found.entries:
        raise ManifestTrouble("no file in the folder has a size that can be read:", *names)
    if seen.unknown and not skip:
        raise ManifestTrouble(
            "the size of these files, or all of these folders, cannot be read; correct that, or leave them out with "
            "--skip-unknown:",
            *names,
        )


def tell(seen: FolderSurvey, merged: Merged, *, keyless: bool) -> None:
    """Prints what is different, and the totals."""
    for change in merged.changes:
        print(one_line(f"{change.what.sign} {change.what.word:<16} {change.path}  ({change.detail})"))
    for path, why in [*seen.left_out, *((path, str(error)) for path, error in seen.unknown)]:
        print(one_line(f"  {'left out':<16} {path}  ({why})"))
    datasets, size = merged.datasets, sum(one.size or 0 for one in merged.datasets)
    print(f"{one_line(seen.name)}: {counted(len(datasets))}, {shown_size(size)}; {totals(merged)}")
    bare = sum(not (one.sha256 or one.md5 or one.export) for one in datasets)
    if bare:
        print(f"Without a checksum: {bare:,}. Use an API key to get them, or write them into the file by hand.")
    if merged.elsewhere:
        kept = a_few(merged.elsewhere, MOST_NAMES)
        print(f"Kept at their paths: {kept}. --remap places them as the folder and the mapping do.")
    if keyless and What.REMOVED in merged.totals:
        print("A large folder may be listed in part without a key: check that what was removed is really gone.")


def tell_idle(places: Places) -> None:
    """Prints what of the mapping was of no use."""
    if places.idle:
        print(f"Patterns of the mapping that fit no file: {a_few(places.idle, MOST_NAMES)}.")


def totals(merged: Merged) -> str:
    """``1 added, 2 removed, 9 unchanged``."""
    touched = {change.path for change in merged.changes if change.what is not What.REMOVED}
    told = [f"{count:,} {what.word.lower()}" for what, count in merged.totals.items()]
    return ", ".join([*told, f"{sum(one.path not in touched for one in merged.datasets):,} unchanged"])


if __name__ == "__main__":
    sys.exit(main())
