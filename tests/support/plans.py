"""Plans and results of any kind, for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from downloader.checksums import S3_ETAG, Checksum
from downloader.errors import CorruptRecord, UnsafePath
from downloader.paths import safe_path
from downloader.planning import local_name
from downloader.remote_file import Planned, Refused, RemoteFile
from downloader.results import UNPROVEN, FileResult, Outcome

__all__ = ["file_results", "plans"]

_hex = st.text("0123456789abcdef", min_size=32, max_size=32)
_checksums = st.one_of(
    _hex.map(lambda value: Checksum("md5", value)),
    _hex.map(lambda value: Checksum(S3_ETAG, f"{value}-3", (5 * 1024 * 1024,))),
    _hex.map(lambda value: Checksum(S3_ETAG, f"{value}-3")),
    _hex.map(lambda value: Checksum("unheard-of", value)),
)
_sizes = st.none() | st.integers(0, 2**50)


def _item(number: int, size: int | None, checksums: list[Checksum], word: str) -> Planned:
    name = f"{word}{number:06}"
    if word == "corrupt":
        return Refused(name, CorruptRecord("its entry is no entry"))
    if word == "../":
        return Refused(name, UnsafePath("it would leave the destination"))
    return RemoteFile(safe_path(name), size, f"prefix/{name}", tuple(checksums))


def plans(most: int = 40) -> st.SearchStrategy[list[Planned]]:
    """Sorted plans with distinct names."""
    parts = st.tuples(_sizes, st.lists(_checksums, max_size=2), st.sampled_from(["a", "ä/", "b/c ", "corrupt", "../"]))
    return st.lists(parts, max_size=most).map(
        lambda chosen: sorted(
            (_item(number, size, checksums, word) for number, (size, checksums, word) in enumerate(chosen)),
            key=local_name,
        )
    )


def file_results(item: Planned) -> st.SearchStrategy[FileResult]:
    """Any result that a planned file may have."""
    usual = [str(checksum) for checksum in item.checksums] if isinstance(item, RemoteFile) else []
    return st.builds(
        FileResult,
        st.just(local_name(item)),
        st.sampled_from(Outcome),
        st.integers(0, 2**50) | st.just(item.size or 0),
        st.integers(0, 2**50) | st.just(item.size or 0),
        st.floats(0, 1e6),
        st.sampled_from([*usual, *sorted(UNPROVEN), "crc64nvme:0123456789abcdef"]),
        st.text(max_size=60),
        st.booleans(),
        st.none() | st.integers(0, 2**40),
    )
