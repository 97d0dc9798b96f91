"""What a DAG adds to the tasks that all DAGs share: its request, its listing, the words of its reports."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from downloader.remote_file import Planned
from downloader.report import Pairs
from downloader.results import FileResult
from downloader.transfer import TransferOptions

from ..execution import ThawLook, ThawTerms
from ..settings import Configuration
from ..shards import RunTarget, ShardFiles
from ..xcoms import Shard, ShardResults, ShardThaw, Validated

__all__ = ["DownloadRun", "RunItem", "Show", "SingleItemRun", "ignore"]

Show = Callable[[Mapping[str, Any]], None]
"""Takes the figures of how far a listing has been read, in terms of JSON."""


def ignore(figures: Mapping[str, Any]) -> None:
    """A `Show` for where nobody watches."""


class RunItem(ABC):
    """What one report is on: a raw file, a bucket, a manifest, an account."""

    __slots__ = ()

    @property
    @abstractmethod
    def run_target(self) -> RunTarget:
        """Where its files go."""

    @abstractmethod
    def listed(self, shard: Shard, show: Show = ignore) -> ShardFiles:
        """The files of a shard as they are now. Raises DownloadError, among them PlanChanged."""

    def archived(self, files: ShardFiles) -> Mapping[str, bool]:
        """The names of `files` that would be thawed, and whether their restore is under way. Raises DownloadError."""
        return {}

    def thaw(self, files: ShardFiles, terms: ThawTerms) -> ThawLook:
        """Has those of `files` restored that are archived and to come. Raises DownloadError."""
        raise NotImplementedError

    def explained(self, files: ShardFiles, thaw: ShardThaw) -> ShardFiles:
        """`files`, of which those that are found in an archive tier fail for what the task `thaw` says of them."""
        return files

    def planned(self, shard: Shard) -> Sequence[Planned]:
        """The files of a shard whose task pushed no plan, for the report. Raises as `listed`."""
        return self.listed(shard).planned

    def unplanned(self, last: Shard) -> Sequence[FileResult]:
        """Failures of the files that are in no shard, because they came after the run began. `last`: its last shard."""
        return ()

    def plan_summary(self, first: Shard) -> Pairs:
        """Lines of the report's summary on what `validate` saw. `first`: its first shard."""
        return ()

    def summary(self, results: Sequence[FileResult], handed: Sequence[ShardResults]) -> Pairs:
        """More lines of the report's summary. `handed`: from the tasks that got so far."""
        return ()


class DownloadRun(ABC):
    """One run of a DAG, seen from one of its tasks."""

    __slots__ = ()

    options: TransferOptions
    quiet: bool
    """Whether the log is kept to failures and the summary."""

    @property
    def thaw_terms(self) -> ThawTerms | None:
        """How archived objects are restored; None where they are not."""
        return None

    @classmethod
    @abstractmethod
    def of(cls, params: Mapping[str, Any], configuration: Configuration) -> Self:
        """What parameters, configuration and connections say. Raises SetupError, DownloadError."""

    @abstractmethod
    def validated(self) -> Validated:
        """The shards, and what is refused beside them. Raises SetupError, DownloadError, CatalogueError."""

    @abstractmethod
    def item(self, name: str) -> RunItem:
        """The item of that name (`Shard.item`). Raises Refusal, DownloadError, CatalogueError."""

    @abstractmethod
    def about(self, name: str) -> str:
        """What an item is called in the log: ``raw file 20250115_sample``."""

    def close(self) -> None:  # noqa: B027 (most runs hold nothing open)
        """Closes what the run holds open."""


class SingleItemRun(DownloadRun, RunItem):
    """A run of which all files are of one item."""

    __slots__ = ()

    def item(self, name: str) -> Self:
        """The run itself."""
        return self
