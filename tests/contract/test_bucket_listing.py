"""The contract of a bucket's listing: every key once and in order, whatever the keys, the pages, and who reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from downloader.errors import NetworkError
from downloader.retry import RetryPolicy
from downloader.sources.s3.minio import BucketListing
from downloader.sources.s3.minio import answers as minio_answers
from downloader.sources.s3.minio import listing as minio_listing
from downloader.sources.s3.minio.pages import Page, read_page
from include.stand_ins.s3_servers import S3Server
from support.hostile_answers import cases
from support.minio import minio_of
from support.restoring import FakeClock

pytestmark = pytest.mark.timeout(110, method="thread")

# Without control characters: moto repeats `start-after` as it is, and so no XML.
CHARACTERS: Final = st.sampled_from([*"ab/.~+ %&<>'\"\\#?*-=\n\t\x7f\xe4", "a\u0308", "\uffee", "\U0001f600"])
HOSTILE: Final = [
    *("a", "a/", "/a", "//a", "a//b", ".", "..", "./a", "../a", "a/.", "a/..", "a/../b", "a/b", "a b", "a+b", "a%2Fb"),
    *("%", "%41", "&amp;", "<Key>", "]]>", "line\nbreak", "\xe4", "\uffee", "\U0001f600", "x" * 1024),
]
KEYS: Final = st.one_of(st.sampled_from(HOSTILE), st.lists(CHARACTERS, min_size=1, max_size=6).map("".join))
PREFIXES: Final = st.one_of(st.just(""), st.sampled_from(["a", "a/", "/", ".", "../", "%", "\xe4"]), KEYS)
BOUNDS: Final = st.one_of(st.just(""), KEYS)


class Wire:
    """Stands before the server: pages have `most` keys, some fail, and some have an unusual form.

    `full`: whether so many keys are what was asked for. If not, the client asks for more pages by itself.
    """

    def __init__(
        self, most: int, usual: Sequence[bool] = (True,), fails: Sequence[bool] = (False,), *, full: bool = True
    ) -> None:
        self.most, self.full = most, full
        self._usual, self._fails = cycle(usual), cycle(fails)
        self.requests = 0

    def read(self, body: bytes) -> Page | None:
        """As `read_page`, where the page is taken for one in the usual form."""
        return read_page(body) if next(self._usual) else None

    def urlopen(self, answers: minio_answers.BoundedAnswers, method: str, url: str, **more: Any) -> Any:
        self.requests += 1
        if next(self._fails):
            raise ConnectionResetError
        return URLOPEN(answers, method, url.replace("max-keys=1000", f"max-keys={self.most}"), **more)


URLOPEN: Final = minio_answers.BoundedAnswers.urlopen


def wired(patch: pytest.MonkeyPatch, wire: Wire) -> Wire:
    def urlopen(answers: minio_answers.BoundedAnswers, method: str, url: str, **more: Any) -> Any:
        return wire.urlopen(answers, method, url, **more)

    patch.setattr(minio_answers, "read_page", wire.read)
    patch.setattr(minio_answers.BoundedAnswers, "urlopen", urlopen)
    patch.setattr(minio_listing, "_PAGE", wire.most if wire.full else 1000)
    return wire


class Bucket:
    """A bucket of moto's whose content changes."""

    def __init__(self, server: S3Server) -> None:
        self.name = server.new_bucket()
        self._backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        found = minio_of(server)
        self._server = replace(found, transport=found.access().transport())  # once, as the tasks do

    def fill(self, keys: Sequence[str]) -> None:
        self._backend.buckets[self.name].keys.clear()
        for key in keys:
            self._backend.put_object(self.name, key, key.encode())

    def listing(self) -> BucketListing:
        return BucketListing(self._server, self.name, RetryPolicy(clock=FakeClock().clock))


@pytest.fixture(scope="module")
def bucket(moto: S3Server) -> Bucket:
    return Bucket(moto)


def expected(keys: Sequence[str], prefix: str, after: str, upto: str | None) -> list[tuple[str, int]]:
    """In the order of the bytes of UTF-8, without markers of folders."""
    return [
        (key, len(key.encode()))
        for key in sorted(keys, key=str.encode)
        if key.startswith(prefix) and key > after and (upto is None or key <= upto) and not key.endswith("/")
    ]


WIRES: Final = st.builds(
    Wire,
    st.integers(1, 5),
    st.lists(st.booleans(), min_size=1, max_size=4),
    st.lists(st.booleans(), max_size=3).map(lambda some: [*some, False]),
    full=st.booleans(),
)


@cases(300)
@given(st.lists(KEYS, unique=True, max_size=12), PREFIXES, BOUNDS, st.none() | KEYS, WIRES)
def test_every_key_once_and_in_order(
    bucket: Bucket, keys: list[str], prefix: str, after: str, upto: str | None, wire: Wire
) -> None:
    bucket.fill(keys)
    with pytest.MonkeyPatch.context() as patch:
        wired(patch, wire)
        found = [(one.key, one.size) for one in bucket.listing().objects(prefix, after, upto)]
    assert found == expected(keys, prefix, after, upto)


@pytest.mark.parametrize("usual", [[True], [False], [False, True], [True, False]], ids=str)
@pytest.mark.parametrize("most", [1, 2, len(HOSTILE), 1000])
def test_ranges_fit_together_at_every_key(bucket: Bucket, usual: list[bool], most: int) -> None:
    """As the shards of one bucket do: three pages before each key, and three behind it."""
    keys, reach = sorted(HOSTILE), 3 * most
    bucket.fill(keys)
    listing = bucket.listing()
    with pytest.MonkeyPatch.context() as patch:
        wired(patch, Wire(most, usual))
        for at, cut in enumerate(keys):
            first, last = max(at - reach, -1), at + reach
            bounds = (keys[first] if first >= 0 else "", keys[last] if last < len(keys) else None)
            found = [one.key for half in ((bounds[0], cut), (cut, bounds[1])) for one in listing.objects("", *half)]
            assert found == [key for key in keys[first + 1 : last + 1] if not key.endswith("/")], cut


def test_as_few_requests_as_there_are_pages(bucket: Bucket) -> None:
    """None behind a range that ends where a page does."""
    keys = [f"{number}.ndjson" for number in range(9)]
    bucket.fill(keys)
    with pytest.MonkeyPatch.context() as patch:
        wire = wired(patch, Wire(3))
        assert [one.key for one in bucket.listing().objects("", keys[2], keys[5])] == keys[3:6]
        assert wire.requests == 1


@pytest.mark.parametrize("usual", [[False], [False, True], [False, True, True], [True, False, False]], ids=str)
def test_pages_that_are_shorter_than_was_asked_for(bucket: Bucket, usual: list[bool]) -> None:
    """The client asks for the next page by itself, which may be read without it."""
    keys = [f"{number}.ndjson" for number in range(9)]
    bucket.fill(keys)
    with pytest.MonkeyPatch.context() as patch:
        wired(patch, Wire(2, usual, full=False))
        assert [one.key for one in bucket.listing().objects()] == keys


@pytest.mark.parametrize("usual", [[True], [False]], ids=str)
def test_a_page_that_never_comes(bucket: Bucket, usual: list[bool]) -> None:
    """What was listed before it is not taken for everything."""
    bucket.fill(["a", "b"])
    with pytest.MonkeyPatch.context() as patch:
        wire = wired(patch, Wire(1, usual, [False, *[True] * 9]))
        listing = bucket.listing().objects()
        assert next(listing).key == "a"
        with pytest.raises(NetworkError, match=r"broke while s3://.* was listed"):
            next(listing)
        assert wire.requests == 1 + RetryPolicy().attempts
