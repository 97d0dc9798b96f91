"""From a shared folder to the input of a manifest: its files, each with its size."""

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
    FolderByKey,
    FolderEntry,
    FolderListing,
    FolderReader,
    FolderView,
    list_folder,
)
from .merge import Found
from .paths import tidy_path
from .sizes import learn_sizes

__all__ = ["FolderSurvey", "survey_folder"]

_STREAMS = 3
"""As many as `drive_datasets` uses."""


@dataclass(frozen=True, slots=True)
class FolderSurvey:
    """The content of a folder. Names are as their owners wrote them."""

    name: str
    found: Found
    left_out: Sequence[tuple[str, str]]
    """Entries without bytes, and the reason."""
    unknown: Sequence[tuple[str, DownloadError]]
    """Files without a known size, and folders that cannot be read, or in part only."""


def survey_folder(access: DriveAccess, folder: DriveKey, policy: RetryPolicy | None = None) -> FolderSurvey:
    """Lists the folder, through the API if `access.key` is set, and requests the sizes that the list does not have.

    Raises DownloadError if the folder itself cannot be read.
    """
    policy = policy or RetryPolicy()
    reader: FolderReader = FolderByKey(access, policy) if access.key else FolderView(access, policy)
    listing = list_folder(reader, folder)
    learnt = _learnt(listing, access, policy)
    unknown = [(entry, why) for entry in listing.files if isinstance(why := learnt.get(str(entry.key)), DownloadError)]
    doubtful = {entry.key.id for entry, _ in unknown}
    entries = [_sized(entry, learnt) for entry in listing.files if entry.key.id not in doubtful]
    return FolderSurvey(
        listing.name,
        Found(entries, doubtful | {entry.key.id for entry in listing.left_out}, complete=not listing.unread),
        [(entry.shown, entry.why) for entry in listing.left_out],
        [*((entry.shown, why) for entry, why in unknown), *listing.unread],
    )


def _learnt(listing: FolderListing, access: DriveAccess, policy: RetryPolicy) -> Mapping[str, int | DownloadError]:
    files = [
        RemoteFile(tidy_path((*entry.folders, entry.name)), None, str(entry.key))
        for entry in listing.files
        if entry.needs_size
    ]
    # Its waits end when the policy is stopped.
    source = DriveSource(access, _STREAMS, Clock(policy.clock.now, policy.pause))
    learnt = learn_sizes(files, source, policy, _STREAMS)
    return learnt if access.key else {key: _without_key(size) for key, size in learnt.items()}


def _without_key(size: int | DownloadError) -> int | DownloadError:
    """Without a key a shortcut looks like a missing file."""
    if not isinstance(size, ObjectNotFound):
        return size
    return ObjectNotFound(size.what, "if it is a shortcut, give an API key to follow it; else check that it is shared")


def _sized(entry: FolderEntry, learnt: Mapping[str, int | DownloadError]) -> FolderEntry:
    size = learnt.get(str(entry.key))
    return replace(entry, size=size) if isinstance(size, int) else entry
