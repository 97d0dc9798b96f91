"""Answers to listings that are no S3 server's: of a console, of a proxy, of another port.

Both clients that list (`boto3`, `minio`) take some of them for empty buckets, and others for faults that may pass.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from ...errors import DownloadError, Misconfigured
from .errors import BUSY_STATUSES, Subject, from_answer, from_body, plain_address

__all__ = [
    "ForeignAnswer",
    "NoListing",
    "PlainOnTls",
    "Redirected",
    "WebPage",
    "from_foreign",
    "not_s3",
    "refuse_foreign",
    "refuse_foreign_listings",
]

_CODE: Final = b"<Code>"
_PAGE: Final = re.compile(rb"[\xef\xbb\xbf\s]*<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_LOGIN: Final = re.compile(r"log-?in|sign-?in|sso|oauth|openid|saml|/auth", re.IGNORECASE)
_HEAD: Final = 1024
"""First bytes of an answer, which hold its outermost tag."""
_ROOTS: Final = (b"ListBucketResult", b"<Error")
_WANTS_TLS: Final = (b"HTTPS server", b"HTTPS port")
"""What Go's servers, and nginx, say to HTTP on their port of HTTPS."""


class ForeignAnswer(ValueError):
    """Not an S3 server's. `minio` does not catch ValueErrors."""

    why = "its answer is not XML, or not a listing"


class NoListing(ForeignAnswer):
    """Something else than an S3 server's XML."""


class PlainOnTls(ForeignAnswer):
    """The server speaks TLS, and was not spoken to by TLS."""


class WebPage(ForeignAnswer):
    """A web page, as a console or a proxy sends it, with its HTTP `status`."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Redirected(ForeignAnswer):
    """A redirect that is not S3's own, which names a region. `location`: where to."""

    def __init__(self, location: str) -> None:
        super().__init__()
        self.location = location


def refuse_foreign(status: int, headers: Mapping[str, str], data: bytes) -> None:
    """Raises Redirected, PlainOnTls, WebPage for an answer that is not an S3 server's."""
    if 300 <= status < 400 and _CODE not in data and "x-amz-bucket-region" not in headers:
        raise Redirected(headers.get("location", ""))
    if status == 400 and any(sign in data for sign in _WANTS_TLS):
        raise PlainOnTls
    is_page = _PAGE.match(data) or headers.get("content-type", "").lower().startswith("text/html")
    if data and is_page and status not in BUSY_STATUSES:  # a gateway's page says that the server behind it is busy
        raise WebPage(status)


def refuse_foreign_listings(client: Any) -> None:
    """Makes a boto3 client raise ForeignAnswer where a listing is none."""
    # botocore makes a 500, which would be retried, of what it cannot parse. The first star gets here before it.
    client.meta.events.register(
        "before-parse.*.ListObjectsV2", _refuse_foreign_listing, unique_id="downloader-foreign-listings"
    )


def _refuse_foreign_listing(response_dict: Any, **_: object) -> None:
    status, data = response_dict["status_code"], response_dict["body"]
    refuse_foreign(status, response_dict["headers"], data)
    if status < 300 and not any(root in data[:_HEAD] for root in _ROOTS):
        raise NoListing if data.strip() else ValueError("the answer is empty")


def from_foreign(error: ForeignAnswer, about: Subject) -> DownloadError:
    """The error for an answer that is not an S3 server's."""
    if isinstance(error, WebPage):
        return _web_page(error, about)
    if isinstance(error, Redirected):
        return _redirected(error, about)
    if isinstance(error, PlainOnTls):
        return from_body(about, 400, _WANTS_TLS[0].decode())
    return not_s3(about, error.why)


def not_s3(about: Subject, why: str) -> DownloadError:
    """The error of a server that speaks otherwise."""
    return Misconfigured(
        f"{about.address} did not answer as an S3 server does: {why}",
        f"check {about.fields.address} of the connection: it may be another server, or another port of this one",
    )


def _web_page(page: WebPage, about: Subject) -> DownloadError:
    """The status decides on the kind of the error; 200 is the console's."""
    kind = Misconfigured if page.status < 300 else type(from_answer(about, page.status))
    return kind(
        f"{about.address} answered {page.status} with a web page, and not as an S3 server does",
        f"check {about.fields.address} of the connection: it may be MinIO's console (its port is often 9001, and 9000 "
        "that of the S3 API), or a proxy that answers for the server",
    )


def _redirected(redirect: Redirected, about: Subject) -> DownloadError:
    location = _absolute(redirect.location, about.address)
    place = "another address"
    if location:
        place = ("a login page at " if _LOGIN.search(location) else "") + plain_address(location)
    here, there = urlsplit(about.address), urlsplit(location)
    if (here.scheme, there.scheme) == ("http", "https") and here.hostname == there.hostname:
        return Misconfigured(
            f"{about.address} redirects to {place}, and S3 clients do not follow",
            f"{about.fields.with_tls}, and check {about.fields.address}",
        )
    return Misconfigured(
        f"{about.address} redirects to {place}, and not as an S3 server does",
        f"check {about.fields.address} of the connection: it may be MinIO's console, or a proxy that asks for a login; "
        "give the address of the S3 API",
    )


def _absolute(location: str, base: str) -> str:
    """``""`` for what is no address of HTTP."""
    try:
        absolute = urljoin(base, location) if location else ""
        return absolute if urlsplit(absolute).scheme in ("http", "https") else ""
    except ValueError:  # such as http://[
        return ""
