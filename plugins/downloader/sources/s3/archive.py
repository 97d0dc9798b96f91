"""Objects in archive tiers: which ones are, what is being restored, and the requests that have them restored.

The listing tells the storage class, and with ``RestoreStatus`` how far a restore is: one request for a thousand
objects. What it does not tell is asked object by object:

| storage class | told by |
| --- | --- |
| ``GLACIER``, ``DEEP_ARCHIVE`` | the listing; a HEAD where a server leaves ``RestoreStatus`` out |
| ``INTELLIGENT_TIERING`` | a HEAD each: only ``x-amz-archive-status`` says whether an object lies in an archive tier |
| any other, ``GLACIER_IR`` among them | readable |

Nothing is kept between two looks: how far a restore is, S3 knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice, takewhile
from threading import Lock
from typing import Any, Final, NamedTuple, TypeVar

from ...errors import AccessDenied, Archived, DownloadError, PermanentError, ServerBusy
from ...retry import RetryPolicy
from .bucket import S3Bucket
from .errors import ARCHIVES, NEEDED_RIGHTS, NoRetrievalCapacity, RestoreUnderWay

__all__ = ["EXPEDITED", "TIERS", "Archive", "RestoreStage", "Stored", "ThawOrder", "ThawRefusal"]

EXPEDITED: Final = "Expedited"
TIERS: Final = ("Bulk", "Standard", EXPEDITED)
_DEEP: Final = frozenset({"DEEP_ARCHIVE", "DEEP_ARCHIVE_ACCESS"})
_TIERING: Final = "INTELLIGENT_TIERING"
_PAGE: Final = 1000
"""Keys of one answer: S3's own limit."""
_LONGEST_KEY: Final = 1024
"""Bytes."""
_AT_ONCE: Final = 64
"""Requests on their way."""

T = TypeVar("T")
U = TypeVar("U")


class RestoreStage(StrEnum):
    """Whether an object can be read."""

    READABLE = "readable"
    UNDER_WAY = "under way"
    """Its restore was asked for and is not done."""
    ARCHIVED = "archived"


class Stored(NamedTuple):
    """What is known of one object. `days`: whether its restore takes a number of days. `deep`: see `Archive.thaw`."""

    stage: RestoreStage
    days: bool = True
    deep: bool = False


class ThawRefusal(NamedTuple):
    """Why an object is not restored, in words that fit behind "it lies in an archive tier, and"; and what to do.

    `of_all`: whether the others of the bucket will be refused too.
    """

    why: str
    advice: str
    of_all: bool = False


@dataclass(frozen=True, slots=True)
class ThawOrder:
    """How objects are restored: a retrieval tier of `TIERS`, and for how many days they can be read then."""

    tier: str
    days: int


_READABLE: Final = Stored(RestoreStage.READABLE)
_NOT_DEEP: Final = ThawRefusal("Deep Archive has no Expedited retrievals", "run it again with thaw Standard or Bulk")


class _Throttle:
    """A pause that a server asked for, shared by all requests of one look."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._lock = Lock()
        self._until = 0.0

    def wait(self) -> None:
        self._policy.pause(self._until - self._policy.clock.now())

    def slow_down(self, seconds: float | None) -> None:
        with self._lock:
            self._until = max(self._until, self._policy.clock.now() + (seconds or self._policy.first_wait))


class Archive:
    """The archive tiers of one bucket. `policy` retries each request."""

    def __init__(self, bucket: S3Bucket, policy: RetryPolicy | None = None) -> None:
        self._bucket = bucket
        self._policy = policy or RetryPolicy()
        self._throttle = _Throttle(self._policy)

    def stored(self, keys: Iterable[str]) -> dict[str, Stored]:
        """What is known of the objects `keys`. Raises RetryableError.

        One that is missing, or may not be asked about, counts as readable: whoever reads it is told more.
        """
        wanted = sorted(set(keys))
        found: dict[str, Stored] = {}
        unsure: list[str] = []
        archived: list[str] = []
        tells = False
        for key, entry in self._listed(wanted):
            kind = None if entry is None else entry.get("StorageClass")
            status = None if entry is None else entry.get("RestoreStatus")
            tells = tells or status is not None
            if entry is None or kind == _TIERING:
                unsure.append(key)
            elif kind in ARCHIVES:
                found[key] = Stored(_listed_stage(status), True, kind in _DEEP)
                archived += [key] if status is None else []
            else:
                found[key] = _READABLE
        if archived and not tells:
            # On Amazon S3 nothing was asked for yet. Another server may not know RestoreStatus: one object tells.
            first = self._head(archived[0])
            found[archived[0]] = first
            unsure += archived[1:] if first.stage is not RestoreStage.ARCHIVED else []
        return found | dict(self._side_by_side(lambda key: (key, self._head(key)), unsure))

    def thaw(self, objects: Mapping[str, Stored], order: ThawOrder) -> dict[str, RestoreStage | ThawRefusal]:
        """Asks for the restore of `objects`, and answers where each is then. One that is under way is joined.

        The first is asked for alone: what is refused for all objects is not asked for again. Raises RetryableError.
        """
        answers: dict[str, RestoreStage | ThawRefusal] = {}
        left = iter(objects.items())
        for key, stored in left:
            answer = answers[key] = self._thaw_one(key, stored, order)
            if isinstance(answer, ThawRefusal) and answer.of_all:
                return dict.fromkeys(objects, answer)
            if answer is not _NOT_DEEP:
                break
        rest = list(left)
        return answers | dict(self._side_by_side(lambda item: (item[0], self._thaw_one(*item, order)), rest))

    def _thaw_one(self, key: str, stored: Stored, order: ThawOrder) -> RestoreStage | ThawRefusal:
        if stored.deep and order.tier == EXPEDITED:
            return _NOT_DEEP
        wanted: dict[str, Any] = {"GlacierJobParameters": {"Tier": order.tier}}
        if stored.days:
            wanted["Days"] = order.days
        try:
            answer = self._ask(lambda: self._bucket.request("restore_object", key, RestoreRequest=wanted))
        except RestoreUnderWay:
            return RestoreStage.UNDER_WAY
        except NoRetrievalCapacity as error:
            return ThawRefusal(self._of_it(key, error), error.to_do)
        except Archived as error:  # InvalidObjectState: it is not archived, or not in a tier that can be restored
            stage = self._head(key).stage
            return stage if stage is not RestoreStage.ARCHIVED else ThawRefusal("S3 refused to restore it", error.to_do)
        except AccessDenied as error:
            mine = error.to_do == NEEDED_RIGHTS
            advice = "give the connection's credentials s3:RestoreObject on the bucket" if mine else error.to_do
            why = "the connection's credentials may not have it restored" if mine else self._of_it(key, error)
            return ThawRefusal(why, advice, of_all=mine)
        except PermanentError as error:
            return ThawRefusal(self._of_it(key, error), error.to_do)
        accepted = answer["ResponseMetadata"]["HTTPStatusCode"] == 202
        return RestoreStage.UNDER_WAY if accepted else self._head(key).stage  # 200: it was restored before

    def _of_it(self, key: str, error: DownloadError) -> str:
        """What happened, without the name of the object: the same for all that it happened to."""
        return error.what.replace(str(self._bucket.subject(key)), "it")

    def _head(self, key: str) -> Stored:
        try:
            head = self._ask(lambda: self._bucket.request("head_object", key))
        except PermanentError:
            return _READABLE
        return stored_as(head)

    def _listed(self, wanted: Sequence[str]) -> Iterator[tuple[str, dict[str, Any] | None]]:
        """The entry of each of `wanted`, which are sorted, in the listing; None where it cannot be listed.

        Each page begins at the next wanted key. So there are never more pages than a HEAD each would take, however
        many other objects the bucket has.
        """
        shared, last, at = _common_prefix(wanted[0], wanted[-1]) if wanted else "", "", 0
        while at < len(wanted):
            after = max(last, _before(wanted[at]))
            try:
                page = self._ask(lambda after=after: self._page(shared, after))  # type: ignore[misc]
            except PermanentError:
                break
            entries = {entry["Key"]: entry for entry in page.get("Contents", ())}
            ends = max(entries, default="")
            if page.get("IsTruncated"):
                if ends <= after:  # it does not begin where it was asked to
                    break
                last = ends
            while at < len(wanted) and (wanted[at] <= ends or not page.get("IsTruncated")):
                yield wanted[at], entries.get(wanted[at])
                at += 1
        yield from ((key, None) for key in islice(wanted, at, None))

    def _page(self, prefix: str, after: str) -> dict[str, Any]:
        more = {"StartAfter": after} if after else {}
        return self._bucket.request(
            "list_objects_v2", Prefix=prefix, MaxKeys=_PAGE, OptionalObjectAttributes=["RestoreStatus"], **more
        )

    def _ask(self, request: Callable[[], T]) -> T:
        """The answer to one request, retried. Where the server asks to wait, all requests do."""

        def once() -> T:
            self._throttle.wait()
            try:
                return request()
            except ServerBusy as error:
                self._throttle.slow_down(error.retry_after)
                raise

        return self._policy.call(once)

    def _side_by_side(self, ask: Callable[[U], T], items: Sequence[U]) -> list[T]:
        """What `ask` answers for each of `items`. The first error stops the others, and is raised."""
        with ThreadPoolExecutor(max(1, min(len(items), _AT_ONCE)), "archive") as pool:
            futures = [pool.submit(ask, item) for item in items]
            try:
                return [future.result() for future in futures]
            except BaseException:
                for future in futures:
                    future.cancel()
                raise


def _before(key: str) -> str:
    """A key that comes before `key`, with hardly any in between."""
    last = ord(key[-1])
    if not 0x21 < last < 0x7F or len(key.encode()) >= _LONGEST_KEY:
        return key[:-1]
    return f"{key[:-1]}{chr(last - 1)}~"


def _common_prefix(one: str, other: str) -> str:
    return "".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def stored_as(head: Mapping[str, Any]) -> Stored:
    """What the answer to a HEAD says of the object."""
    kind, status = head.get("StorageClass"), head.get("ArchiveStatus")
    if kind not in ARCHIVES and status is None:
        return _READABLE
    restore = head.get("Restore", "")
    stage = RestoreStage.ARCHIVED
    if 'ongoing-request="true"' in restore:
        stage = RestoreStage.UNDER_WAY
    elif 'ongoing-request="false"' in restore:
        stage = RestoreStage.READABLE
    return Stored(stage, kind in ARCHIVES, (status or kind) in _DEEP)


def _listed_stage(status: Mapping[str, Any] | None) -> RestoreStage:
    """What ``RestoreStatus`` of a listing says; None: it has none."""
    if status is None:
        return RestoreStage.ARCHIVED
    if status.get("IsRestoreInProgress"):
        return RestoreStage.UNDER_WAY
    expires = status.get("RestoreExpiryDate")
    over = isinstance(expires, datetime) and expires <= datetime.now(UTC)
    return RestoreStage.ARCHIVED if over else RestoreStage.READABLE
