"""Lists of a bucket with anything in them: XML that swells, lies, contradicts itself, or never ends."""

from __future__ import annotations

import itertools
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader.errors import DownloadError, Misconfigured, NetworkError
from downloader.retry import RetryPolicy
from downloader.source import Timeouts
from downloader.sources.s3.minio import answers as minio_answers
from downloader.sources.s3.minio.listing import BucketListing
from downloader.sources.s3.minio.pages import Listed
from include.stand_ins.secrets import secret
from support.hostile_answers import cases, damaged, mutated_markup, outcome
from support.hostile_server import HOLD, HostileServer, answer
from support.minio import listing_page, minio_at
from support.restoring import FakeClock

pytestmark = [pytest.mark.timeout(110, method="thread"), pytest.mark.usefixtures("tried")]

SECRET: Final = secret("hostile-minio")
KEYS: Final = ["a/1.ndjson", "a/2.ndjson", "b c.ndjson", "\xe4.ndjson"]


@pytest.fixture(scope="module")
def listing(server: HostileServer) -> BucketListing:
    return listing_of(server)


def listing_of(server: HostileServer, stall: float = 5.0) -> BucketListing:
    there = minio_at(server.url, "AKIATESTONLY", SECRET, timeouts=Timeouts(5, stall))
    return BucketListing(there, "bucket", RetryPolicy(attempts=2, clock=FakeClock().clock))


def sent(body: bytes, status: int = 200, kind: bytes = b"application/xml", more: bytes = b"") -> bytes:
    head = b"Content-Type: %b\r\nContent-Length: %d\r\nConnection: close\r\n" % (kind, len(body))
    return answer(more + head, body, b"%d X" % status)


def listed(server: HostileServer, listing: BucketListing, *pages: bytes) -> list[Listed] | DownloadError:
    """What comes of `pages`, the last of them again and again."""
    server.play(*pages[:-1])
    server.otherwise = lambda request: pages[-1]
    return outcome(lambda: list(listing.objects()))


def is_sound(found: list[Listed]) -> None:
    keys = [one.key.encode("utf-8", "surrogatepass") for one in found]
    assert keys == sorted(set(keys))
    assert all(0 <= one.size < 2**63 for one in found)
    assert all(one.etag.isascii() and one.etag.isprintable() and len(one.etag) <= 256 for one in found)


PAGE: Final = listing_page(KEYS)
ODD: Final = [
    *(
        b"<Size>%b</Size>" % value
        for value in (b"-1", b"1_0", b"9" * 400, b"9" * 5_000, b"1e9", b"\xd9\xa3", b"", b" 7 ", b"0x7")
    ),
    *(
        b"<ETag>%b</ETag>" % value
        for value in (b"", b"\xc3\xa4", b"a" * 5_000, b"&#10;X: y", b'""', b"W/&quot;a&quot;", b"a b")
    ),
    *(
        b"<Key>%b</Key>" % value
        for value in (b"", b"/", b"../../x", b"%2e%2e%2fx", b"%00", b"%ff", b"%", b"x" * 5_000, b"&#27;[2J")
    ),
    *(b"<IsTruncated>%b</IsTruncated>" % value for value in (b"true", b"TRUE", b"1", b"maybe", b"")),
    *(
        b"<NextContinuationToken>%b</NextContinuationToken>" % value
        for value in (b"", b"t", b"x" * 9_000, b"\xc3\xa4", b"a&amp;b")
    ),
    *(
        b"<LastModified>%b</LastModified>" % value
        for value in (b"", b"never", b"9999-99-99T99:99:99Z", b"0000-01-01T00:00:00.000Z")
    ),
    *(b"<EncodingType>%b</EncodingType>" % value for value in (b"", b"url", b"gzip")),
    *(
        b"<Name></Name>",
        b"<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>",
        b"<DeleteMarker><Key>k</Key></DeleteMarker>",
    ),
    *(
        b"<Version><Key>v</Key></Version>",
        b"<Contents/>",
        b"<Owner/>",
        b"<UserTags>a=b=c</UserTags>",
        b"<UserMetadata/>",
    ),
    *(b"<NextMarker>m</NextMarker>", b"<NextKeyMarker>m</NextKeyMarker>", b"<Error><Code>NoSuchBucket</Code></Error>"),
    *(
        b"<!DOCTYPE x>",
        b'<!DOCTYPE x [<!ENTITY a "b">]>',
        b"&a;",
        b"<?xml version='1.0' encoding='utf-16'?>",
        b"<x:y/>",
    ),
    *(b"<a>" * 5_000, b"<a " + b"b='c' " * 500 + b"/>", b"<![CDATA[<Key>]]>", b"xmlns='http://evil.example/'"),
]


@pytest.fixture(scope="module", autouse=True)
def few_idle_pages() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(minio_answers, "_MOST_IDLE", 20)
        yield


STATUSES: Final = st.sampled_from([200, 200, 200, 200, 200, 206, 204, 307, 400, 403, 404, 409, 503])


def test_any_page(server: HostileServer, listing: BucketListing) -> None:
    """Some are believed, and some refused."""
    seen: Counter[str] = Counter()

    @cases(1_500)
    @given(mutated_markup(PAGE, ODD), STATUSES)
    def take(page: bytes, status: int) -> None:
        found = listed(server, listing, *[sent(page, status)] * 2, sent(listing_page([])))
        if not isinstance(found, DownloadError):
            is_sound(found)
        assert all(SECRET.encode() not in request for request in server.received)
        seen[type(found).__name__] += 1

    take()
    assert sum(seen.values()) >= 1_500
    assert seen["list"] >= 50
    assert {"Misconfigured", "NetworkError", "AccessDenied", "ServerBusy"} <= seen.keys()


@cases(500)
@given(damaged(PAGE))
def test_any_bytes(server: HostileServer, listing: BucketListing, page: bytes) -> None:
    found = listed(server, listing, sent(page), sent(page))
    if not isinstance(found, DownloadError):
        is_sound(found)


# --- what swells ------------------------------------------------------------------------------------------------------

LAUGHS: Final = (
    b'<!DOCTYPE l [<!ENTITY a "' + b"ha" * 500 + b'">'
    b'<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    + b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">'
    * 1
    + b'<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;">'
    b"]><ListBucketResult><Name>&e;&e;&e;&e;</Name></ListBucketResult>"
)
SWELLING: Final = {
    "entities in entities": LAUGHS,
    "an entity of another place": b'<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><ListBucketResult>&a;</ListBucketResult>',
    "a parameter entity": b'<!DOCTYPE l [<!ENTITY % a SYSTEM "http://169.254.169.254/"> %a;]><l/>',
    "a million elements": b"<ListBucketResult>" + b"<a/>" * 1_000_000 + b"</ListBucketResult>",
    "elements in elements": b"<a>" * 1_000_000,
}


@pytest.mark.parametrize("what", SWELLING)
def test_xml_that_swells_is_refused(
    server: HostileServer, tried: set[tuple[str, int]], listing: BucketListing, what: str
) -> None:
    tried.clear()
    tracemalloc.start()
    found = listed(server, listing, sent(SWELLING[what]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(found, Misconfigured)
    assert "check host and port" in str(found)
    assert peak < 40_000_000
    assert tried <= {("127.0.0.1", server.port)}


@pytest.mark.parametrize("framing", [b"", b"Content-Length: 999999999999\r\n"])
@pytest.mark.parametrize("status", [b"200 OK", b"403 Forbidden", b"503 Busy"])
def test_a_page_that_never_ends_is_not_read_to_the_end(
    server: HostileServer, listing: BucketListing, framing: bytes, status: bytes
) -> None:
    first = answer(b"Content-Type: application/xml\r\n" + framing, b"<ListBucketResult><Name>", status)
    server.play()
    server.otherwise = lambda request: itertools.chain([first], itertools.repeat(b"x" * 1_000_000, 1_000))
    assert isinstance(outcome(lambda: list(listing.objects())), Misconfigured)
    server.idle()
    assert server.sent < 64_000_000  # what is under way in the sockets' buffers included


@pytest.mark.parametrize(
    "again", [answer(b"", status=b"100 Continue"), answer(b"", status=b"103 Early"), b"X: y\r\n", b"HTTP/1.1 "]
)
def test_a_head_that_never_ends_is_given_up(server: HostileServer, listing: BucketListing, again: bytes) -> None:
    first = b"HTTP/1.1 200 OK\r\n" if again.startswith(b"X") else b""
    server.play()
    server.otherwise = lambda request: itertools.chain([first], itertools.repeat(again * 100, 100_000))
    assert isinstance(outcome(lambda: list(listing.objects())), NetworkError)


def test_a_server_that_falls_silent_is_given_up(server: HostileServer) -> None:
    server.play()
    server.otherwise = lambda request: [answer(b"Content-Length: 500\r\n", b"<List"), HOLD]
    assert isinstance(outcome(lambda: list(listing_of(server, 0.05).objects())), DownloadError)


# --- lists without an end ---------------------------------------------------------------------------------------------


def test_pages_that_bring_nothing_and_the_same_token_end(server: HostileServer, listing: BucketListing) -> None:
    """The client by itself would ask for the next one for ever."""
    found = listed(server, listing, sent(listing_page([], following="the same")))
    assert isinstance(found, Misconfigured)
    assert "lists nothing new" in str(found)
    assert len(server.received) <= 3


def test_pages_that_bring_nothing_and_ever_new_tokens_end(server: HostileServer, listing: BucketListing) -> None:
    numbers = itertools.count()
    server.play()
    server.otherwise = lambda request: sent(listing_page([], following=f"{next(numbers)}"))
    assert isinstance(outcome(lambda: list(listing.objects())), Misconfigured)
    assert len(server.received) <= 21


def test_the_same_keys_again_and_again_end(server: HostileServer, listing: BucketListing) -> None:
    found = listed(server, listing, sent(listing_page(KEYS, following="more")))
    assert isinstance(found, Misconfigured)
    assert "in their order" in str(found)


def test_pages_that_bring_nothing_are_passed_over(server: HostileServer, listing: BucketListing) -> None:
    """S3 sends such, where it has passed over many deleted objects."""
    pages = [sent(listing_page([], following=f"{number}")) for number in range(15)]
    found = listed(
        server, listing, *pages, sent(listing_page(KEYS[:1], following="x")), *pages, sent(listing_page(KEYS[1:]))
    )
    assert isinstance(found, list)
    assert [one.key for one in found] == KEYS


@pytest.mark.parametrize(
    "place", ["http://169.254.169.254/", "file:///etc/passwd", "//evil.example", "/bucket?list-type=2"]
)
@pytest.mark.parametrize("status", [301, 302, 307])
def test_no_redirect_is_followed(
    server: HostileServer, tried: set[tuple[str, int]], listing: BucketListing, place: str, status: int
) -> None:
    tried.clear()
    found = listed(server, listing, sent(b"", status, more=b"Location: %s\r\n" % place.encode()))
    assert isinstance(found, DownloadError)
    assert tried == {("127.0.0.1", server.port)}
    assert len(server.received) <= 2


@pytest.mark.parametrize("etag", ["&#10;X: y", "a" * 5_000, "\xe4", "a b"])
def test_an_etag_that_cannot_be_sent_back_is_no_pin(server: HostileServer, listing: BucketListing, etag: str) -> None:
    page = listing_page(KEYS[:1]).replace(b"0" * 32, etag.encode())
    found = listed(server, listing, sent(page))
    assert isinstance(found, list)
    assert [one.etag for one in found] == [""]
