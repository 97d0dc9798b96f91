"""Objects in archive tiers: how few requests tell which ones are, and what is asked of S3 and answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from downloader.errors import ServerBusy
from downloader.retry import Clock, RetryPolicy
from downloader.sources.s3 import Archive, RestoreStage, Stored, ThawOrder, ThawRefusal, archive
from downloader.sources.s3.bucket import S3Bucket
from include.stand_ins.glacier import GlacierServer, RestoreRequest, glacier_in_front
from include.stand_ins.object_server import refuse
from include.stand_ins.s3_servers import S3Server
from support.restoring import FakeClock

BULK = ThawOrder("Bulk", 7)
EXPEDITED = ThawOrder("Expedited", 1)


@dataclass
class Ice:
    """A bucket whose objects lie in archive tiers."""

    front: GlacierServer
    moto: S3Server
    name: str

    def put(self, *keys: str, kind: str = "GLACIER", tier: str = "") -> list[str]:
        """Objects of a storage class; `tier`: the archive tier, where it is another word."""
        for key in keys:
            self.moto.client().put_object(Bucket=self.name, Key=key, Body=b"ice", StorageClass=kind)
        if kind not in ("STANDARD", "GLACIER_IR"):
            self.front.archive(*keys, tier=tier or kind)
        return list(keys)

    def archive(self, policy: RetryPolicy | None = None) -> Archive:
        bucket = S3Bucket(self.name, S3Server(self.front.url).client())
        return Archive(bucket, policy or RetryPolicy(attempts=1))

    def stages(self, keys: list[str]) -> dict[str, RestoreStage]:
        return {key: each.stage for key, each in self.archive().stored(keys).items()}


@pytest.fixture
def ice(moto: S3Server) -> Iterator[Ice]:
    with glacier_in_front(moto.url) as front:
        yield Ice(front, moto, moto.new_bucket())


def test_the_listing_tells_which_objects_are_archived_and_how_far_they_are(
    ice: Ice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_PAGE", 5)
    keys = ice.put(*(f"run/{number:02}" for number in range(12)))
    plain = ice.put("run/10a", kind="STANDARD") + ice.put("run/instant", kind="GLACIER_IR")
    stored = ice.archive().stored(keys + plain)
    assert {key for key, each in stored.items() if each.stage is RestoreStage.ARCHIVED} == set(keys)
    assert (ice.front.counted("GET", "list-type"), ice.front.counted("HEAD")) == (3, 1), "a HEAD for all of them"

    answers = ice.archive().thaw({key: stored[key] for key in keys[:2]}, BULK)
    assert answers == dict.fromkeys(keys[:2], RestoreStage.UNDER_WAY)
    assert ice.front.restores == [RestoreRequest(key, "Bulk", 7) for key in keys[:2]]
    ice.front.make_ready(keys[0])
    heads = ice.front.counted("HEAD")
    assert ice.stages(keys[:3]) == {
        keys[0]: RestoreStage.READABLE,
        keys[1]: RestoreStage.UNDER_WAY,
        keys[2]: RestoreStage.ARCHIVED,
    }
    assert ice.front.counted("HEAD") == heads, "RestoreStatus tells"
    ice.front.freeze(keys[0])
    assert ice.stages(keys[:2]) == {keys[0]: RestoreStage.ARCHIVED, keys[1]: RestoreStage.UNDER_WAY}


def test_what_is_between_the_wanted_objects_is_not_listed(ice: Ice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_PAGE", 3)
    ice.put(*(f"run/{letter}/{number}" for letter in "ab" for number in range(9)), kind="STANDARD")
    wanted = ice.put("run/a/0x", "run/c", "run/ü")
    assert ice.stages([*wanted, "run/nowhere"]) == {
        **dict.fromkeys(wanted, RestoreStage.ARCHIVED), "run/nowhere": RestoreStage.READABLE
    }  # fmt: skip
    assert ice.front.counted("GET", "list-type") <= 4, "a page for each wanted object at most"


def test_restores_that_are_under_way_or_done_are_joined(ice: Ice) -> None:
    begun, done, new = ice.put("begun", "done", "new")
    archived = dict.fromkeys((begun, done, new), Stored(RestoreStage.ARCHIVED))
    ice.archive().thaw({key: archived[key] for key in (begun, done)}, BULK)
    ice.front.make_ready(done)
    assert ice.archive().thaw(archived, ThawOrder("Standard", 3)) == {
        begun: RestoreStage.UNDER_WAY, done: RestoreStage.READABLE, new: RestoreStage.UNDER_WAY
    }  # fmt: skip


def test_a_server_without_restore_status_is_asked_about_each_object(ice: Ice) -> None:
    ice.front.tells = False
    keys = ice.put("a", "b", "c")
    ice.archive().thaw(ice.archive().stored(keys), BULK)
    ice.front.make_ready("b")
    assert ice.stages(keys) == {"a": RestoreStage.UNDER_WAY, "b": RestoreStage.READABLE, "c": RestoreStage.UNDER_WAY}


def test_intelligent_tiering_is_asked_about_each_object_and_has_no_days(ice: Ice) -> None:
    (shallow,) = ice.put("shallow", kind="INTELLIGENT_TIERING", tier="ARCHIVE_ACCESS")
    (deep,) = ice.put("deep", kind="INTELLIGENT_TIERING", tier="DEEP_ARCHIVE_ACCESS")
    ice.moto.client().put_object(Bucket=ice.name, Key="warm", Body=b"", StorageClass="INTELLIGENT_TIERING")
    stored = ice.archive().stored([shallow, deep, "warm"])
    assert stored == {
        shallow: Stored(RestoreStage.ARCHIVED, days=False),
        deep: Stored(RestoreStage.ARCHIVED, days=False, deep=True),
        "warm": Stored(RestoreStage.READABLE),
    }
    ice.archive().thaw({key: stored[key] for key in (shallow, deep)}, BULK)
    assert ice.front.restores == [RestoreRequest(shallow, "Bulk", None), RestoreRequest(deep, "Bulk", None)]
    assert ice.stages([shallow, deep]) == dict.fromkeys((shallow, deep), RestoreStage.UNDER_WAY)
    ice.front.make_ready()
    assert ice.stages([shallow, deep]) == dict.fromkeys((shallow, deep), RestoreStage.READABLE)


def test_where_the_listing_is_denied_each_object_is_asked(ice: Ice, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = ice.put("a", "b")
    listed = ice.front._listed
    monkeypatch.setattr(ice.front, "_listed", lambda asked: refuse(403, "AccessDenied")(listed(asked)))
    assert ice.stages(keys) == dict.fromkeys(keys, RestoreStage.ARCHIVED)


def test_without_the_right_one_request_is_refused_and_no_more_are_sent(ice: Ice) -> None:
    keys = ice.put(*"abcdef")
    ice.front.refuses = lambda _: refuse(403, "AccessDenied", "Access Denied")
    answers = ice.archive().thaw(dict.fromkeys(keys, Stored(RestoreStage.ARCHIVED)), BULK)
    (refusal,) = set(answers.values())
    assert isinstance(refusal, ThawRefusal)
    assert refusal.why == "the connection's credentials may not have it restored"
    assert refusal.advice == "give the connection's credentials s3:RestoreObject on the bucket"
    assert (sorted(answers), ice.front.counted("POST")) == (keys, 1)


def test_a_tier_that_is_refused_is_a_sentence_and_the_others_are_restored(ice: Ice) -> None:
    keys = ice.put("a", "b", "c")
    (deep,) = ice.put("deep", kind="DEEP_ARCHIVE")
    full = refuse(503, "GlacierExpeditedRetrievalNotAvailable", "Glacier expedited retrievals are currently not ...")
    ice.front.refuses = lambda asked: full if asked.key == "b" else None
    answers = ice.archive().thaw(ice.archive().stored([*keys, deep]), EXPEDITED)
    assert (answers["a"], answers["c"]) == (RestoreStage.UNDER_WAY, RestoreStage.UNDER_WAY)
    assert answers["b"] == ThawRefusal(
        f"{ice.front.url} has no capacity for Expedited retrievals now",
        "run it again later, or with thaw Standard or Bulk",
    )
    assert answers[deep] == ThawRefusal(
        "Deep Archive has no Expedited retrievals", "run it again with thaw Standard or Bulk"
    )
    assert [asked.key for asked in ice.front.restores] == ["a", "c"]


def test_any_other_refusal_says_what_the_server_said(ice: Ice) -> None:
    ice.put("a")
    ice.front.refuses = lambda _: refuse(501, "NotImplemented", "no such thing")
    (refusal,) = ice.archive().thaw({"a": Stored(RestoreStage.ARCHIVED)}, BULK).values()
    assert isinstance(refusal, ThawRefusal)
    assert refusal.why == (
        f"{ice.front.url} refused the request for it (501 NotImplemented): it is not supported there"
    )


def test_a_pause_that_the_server_asks_for_holds_for_all_requests(ice: Ice) -> None:
    keys = ice.put(*"abcdefgh")
    busy = iter([refuse(503, "SlowDown", Retry_After="7")])
    ice.front.refuses = lambda asked: next(busy, None) if asked.key == "a" else None
    clock = FakeClock()
    policy = RetryPolicy(attempts=2, clock=Clock(clock.now, clock.sleep))
    answers = ice.archive(policy).thaw(dict.fromkeys(keys, Stored(RestoreStage.ARCHIVED)), BULK)
    assert set(answers.values()) == {RestoreStage.UNDER_WAY}
    assert sum(clock.slept) >= 7
    ice.front.refuses = lambda _: refuse(503, "SlowDown")
    with pytest.raises(ServerBusy):
        ice.archive().thaw({"a": Stored(RestoreStage.ARCHIVED)}, BULK)
