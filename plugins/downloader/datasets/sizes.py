"""The sizes of remote files whose source lists none: read from the answer to a range of one byte."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from ..errors import DownloadError, PermanentError, RangeRefused, SizeMismatch
from ..remote_file import RemoteFile
from ..retry import RetryPolicy
from ..source import Source

__all__ = ["learn_sizes"]


def learn_sizes(
    files: Iterable[RemoteFile], source: Source, policy: RetryPolicy, streams: int = 3
) -> Mapping[str, int | DownloadError]:
    """Key to size in bytes, or to the error that prevented it. `streams`: requests at once."""
    with ThreadPoolExecutor(streams, thread_name_prefix="size") as threads:
        asked = {file.key: threads.submit(_size_of, file, source, policy) for file in files}
        try:
            return {key: future.result() for key, future in asked.items()}
        except BaseException:
            policy.halt.set("the sizes are not asked for any more")  # ends the waits for retries
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def _size_of(file: RemoteFile, source: Source, policy: RetryPolicy) -> int | DownloadError:
    try:
        return policy.call(lambda: _ask(file, source))
    except DownloadError as error:
        return error


def _ask(file: RemoteFile, source: Source) -> int:
    try:
        size = _size_from_range(file, source, stop=1)
    except (RangeRefused, SizeMismatch):  # the server has no ranges, or the file is empty and has none
        size = None
    if size is None:
        size = _size_from_range(file, source)
    if size is None:
        raise PermanentError(
            f"no answer gives the size of {file.path}", "download it by hand, and write its size into the manifest"
        )
    return size


def _size_from_range(file: RemoteFile, source: Source, stop: int | None = None) -> int | None:
    """The size from the answer to a request for the bytes up to `stop`. At most its first buffer is read."""
    stream = source.open(file, 0, stop)
    try:
        is_empty = stream.size is None and stop is None and not any(stream)
        return 0 if is_empty else stream.size
    finally:
        stream.close()
