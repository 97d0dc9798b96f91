"""Pages of a listing that are read without the client: they mean what its own parser reads, or are left to it."""

from __future__ import annotations

from datetime import date, timedelta
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from minio.datatypes import parse_list_objects
from urllib3 import HTTPResponse

from downloader.sources.s3.minio.pages import Listed, Page, read_page
from hostile.test_listings import ODD
from support.hostile_answers import cases, mutated_markup
from support.minio import listing_page

KEYS = ["a/1.ndjson", "a//2.ndjson", "a/../b", "b c+d.ndjson", "\xe4&<>\"'.ndjson", "x/", "%41", "\x01"]
PAGE = listing_page(KEYS, following="more")


def by_the_client(body: bytes) -> Page:
    """What the client's own parser reads. Raises what it raises."""
    objects, truncated, _, _ = parse_list_objects(HTTPResponse(body))
    return Page([Listed.of(one.object_name, one.size, one.etag) for one in objects], truncated)


def test_keys_of_any_kind() -> None:
    found = read_page(PAGE)
    assert found == by_the_client(PAGE)
    assert [one.key for one in found.objects] == KEYS
    assert found.truncated


@cases(3_000)
@given(mutated_markup(PAGE, ODD))
def test_a_page_means_what_the_client_reads_in_it_or_is_left_to_it(page: bytes) -> None:
    found = read_page(page)
    assert found is None or found == by_the_client(page)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1), st.booleans())
def test_all_that_is_encoded_is_read(keys: list[str], more: bool) -> None:
    body = listing_page(keys, following="t" if more else "")
    found = read_page(body)
    assert found is not None
    assert [one.key for one in found.objects] == keys
    assert found == by_the_client(body)


@pytest.mark.parametrize("entry", [b"<Contents/>", b"<Contents />", b"<Contents>a</Contents>", b"<CommonPrefixes/>"])
def test_an_entry_without_a_key_is_left_to_the_client(entry: bytes) -> None:
    """Which refuses the page: what an entry stands for must not be passed over."""
    assert read_page(PAGE.replace(b"</ListBucketResult>", entry + b"</ListBucketResult>")) is None


REAL = {
    "Amazon": (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        "<Name>bucket</Name><Prefix></Prefix><KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys>"
        "<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated><Contents><Key>a.ndjson</Key>"
        "<LastModified>2026-01-31T01:02:03.000Z</LastModified><ETag>&quot;abc&quot;</ETag>"
        "<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType><Size>7</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>"
    ),
    "MinIO": (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        "<Name>bucket</Name><Prefix></Prefix><KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys><Delimiter></Delimiter>"
        "<IsTruncated>false</IsTruncated><Contents><Key>a.ndjson</Key>"
        "<LastModified>2026-01-31T01:02:03.123Z</LastModified><ETag>&#34;abc&#34;</ETag><Size>7</Size>"
        "<Owner><ID></ID><DisplayName></DisplayName></Owner><StorageClass>STANDARD</StorageClass></Contents>"
        "<EncodingType>url</EncodingType></ListBucketResult>"
    ),
    "Ceph": (
        '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        "<Name>bucket</Name><Prefix></Prefix><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>"
        "<EncodingType>url</EncodingType><KeyCount>1</KeyCount><Contents><Key>a.ndjson</Key>"
        "<LastModified>2026-01-31T01:02:03.123Z</LastModified><ETag>&quot;abc&quot;</ETag><Size>7</Size>"
        "<StorageClass>STANDARD</StorageClass><Type>Normal</Type></Contents></ListBucketResult>"
    ),
}


@pytest.mark.parametrize("server", REAL)
def test_the_forms_of_servers(server: str) -> None:
    body = REAL[server].encode()
    assert read_page(body) == Page([Listed("a.ndjson", 7, "abc")], truncated=False) == by_the_client(body)


def test_a_page_of_spaces_is_not_searched_at_each_of_them() -> None:
    """That would take hours, and the test's time would be up."""
    spaces = b" " * 8_000_000
    assert read_page(PAGE.replace(b"<Contents>", b"<Contents>" + spaces + b"<", 1)) is None
    assert read_page(PAGE.replace(b"</Contents>", b"</Contents>" + spaces + b"<", 1)) is None


def test_all_days_of_a_year() -> None:
    for day in range(365):
        when = date(2025, 1, 1) + timedelta(day)
        body = PAGE.replace(b"2026-01-02", when.isoformat().encode())
        assert read_page(body) is not None, when
    assert read_page(PAGE.replace(b"2026-01-02", b"2026-02-29")) is None


@pytest.mark.parametrize(
    "change",
    [
        (b"<EncodingType>url</EncodingType>", b""),
        (b"<Name>bucket</Name>", b"<Name></Name>"),
        (b"</ListBucketResult>", b"<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes></ListBucketResult>"),
        (b"</ListBucketResult>", b"<!-- --></ListBucketResult>"),
        (b"<IsTruncated>true</IsTruncated>", b"<IsTruncated>TRUE</IsTruncated>"),
        (b"<IsTruncated>true</IsTruncated>", b""),
        (quote("a/1.ndjson").encode(), b"\xc3\xa4"),
        (quote("a/1.ndjson").encode(), b"a&amp;b"),
        (b"<Size>3</Size>", b"<Size>-3</Size>"),
        (b"<Key>", b"<Key><!-- -->"),
        (b"<Contents>", b"<Contents></Contents><Contents>"),
        (b"</ListBucketResult>", b"<Contents>a</Contents></ListBucketResult>"),
        (b"<Contents>", b"<Prefix></Prefix><Contents>" * 2),
        (b"<Contents>", b"\f<Contents>"),
        (b"<Contents>", b"\v<Contents>"),
        (b"0" * 32, b"0" * 257),
    ],
)
def test_what_is_left_to_the_client(change: tuple[bytes, bytes]) -> None:
    assert change[0] in PAGE
    assert read_page(PAGE.replace(*change, 1)) is None
