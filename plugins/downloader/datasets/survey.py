"""From the address of a shared folder to what a manifest is made of: its files, each with its size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import DownloadError, ObjectNotFound
from ..remote_file import RemoteFile
from ..retry import Clock, RetryPolicy
from ..sources.drive import (
    DriveAccess,
    DriveKey,
    DriveSource,
    Entry,
    FolderByKey,
    FolderReader,
    FolderView,
    Listing,
    list_folder,
)
from .merge import Found
from .paths import tidy_path
from .sizes import learn_sizes

__all__ = ["Survey", "survey"]

_STREAMS = 3
"""As many as `drive_datasets` fetches by."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What lies in a folder. Names are as their owners wrote them."""

    name: str
    found: Found
    left_out: Sequence[tuple[str, str]]
    """What has no bytes, and why."""
    unknown: Sequence[tuple[str, DownloadError]]
    """Files that tell no size, and folders that cannot be read."""


def survey(access: DriveAccess, folder: DriveKey, policy: RetryPolicy | None = None) -> Survey:
    """Lists the folder, by `access.key` where there is one, and asks for the sizes that the list does not tell.

    Raises DownloadError where the folder itself cannot be read.
    """
    policy = policy or RetryPolicy()
    reader: FolderReader = FolderByKey(access, policy) if access.key else FolderView(access, policy)
    listing = list_folder(reader, folder)
    learnt = _learnt(listing, access, policy)
    unknown = [(entry, why) for entry in listing.files if isinstance(why := learnt.get(str(entry.key)), DownloadError)]
    doubtful = {entry.key.id for entry, _ in unknown}
    entries = [_sized(entry, learnt) for entry in listing.files if entry.key.id not in doubtful]
    return Survey(
        listing.name,
        Found(entries, doubtful, complete=not listing.unread),
        [(entry.shown, entry.why) for entry in listing.left_out],
        [*((entry.shown, why) for entry, why in unknown), *listing.unread],
    )


def _learnt(listing: Listing, access: DriveAccess, policy: RetryPolicy) -> Mapping[str, int | DownloadError]:
    files = [
        RemoteFile(tidy_path((*entry.folders, entry.name)), None, str(entry.key))
        for entry in listing.files
        if entry.needs_size
    ]
    # Its waits end with the policy's own, should that be stopped.
    source = DriveSource(files, access, _STREAMS, Clock(policy.clock.now, policy.pause))
    learnt = learn_sizes(files, source, policy, _STREAMS)
    return learnt if access.key else {key: _without_key(size) for key, size in learnt.items()}


def _without_key(size: int | DownloadError) -> int | DownloadError:
    """Without a key a shortcut looks like a file that is not there."""
    if not isinstance(size, ObjectNotFound):
        return size
    return ObjectNotFound(size.what, "if it is a shortcut, give an API key to follow it; else see that it is shared")


def _sized(entry: Entry, learnt: Mapping[str, int | DownloadError]) -> Entry:
    size = learnt.get(str(entry.key))
    return replace(entry, size=size) if isinstance(size, int) else entry
