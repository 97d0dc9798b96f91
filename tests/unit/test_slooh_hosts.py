"""Where pictures may be fetched from."""

from __future__ import annotations

import pytest

from downloader.errors import CorruptRecord, DownloadError, PermanentError
from downloader.sources.slooh.hosts import ImageHosts
from include.stand_ins.secrets import secret

BASE = "https://app.slooh.com"
SECRET = secret("image")


@pytest.mark.parametrize(
    "address",
    [
        "https://astroimages.slooh.com/a/b.png?sig={}",
        "https://ASTROIMAGES.slooh.com/b.png",
        "https://app.slooh.com:443/b.png",
        "https://cdn.example.org/b.png",
    ],
)
def test_hosts_of_slooh_and_of_the_configuration(address: str) -> None:
    signed = address.format(SECRET)
    assert ImageHosts(BASE, ["CDN.example.org"]).checked(signed) == signed


@pytest.mark.parametrize(
    ("address", "whole"),
    [("//astroimages.slooh.com/b.png", "https://astroimages.slooh.com/b.png"), ("/b.png", f"{BASE}/b.png")],
)
def test_an_address_without_its_beginning_is_slooh_s(address: str, whole: str) -> None:
    assert ImageHosts(BASE).checked(address) == whole


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://evil.example/b.png?token={}", "evil.example"),
        ("https://slooh.com.evil.example/{}", "slooh.com.evil.example"),
        ("https://notslooh.com/{}", "notslooh.com"),
        ("http://astroimages.slooh.com/{}", "astroimages.slooh.com"),
        ("https://astroimages.slooh.com:8443/{}", "astroimages.slooh.com"),
        ("https://user:{}@astroimages.slooh.com/", "astroimages.slooh.com"),
        ("https://astroimages.slooh.com.:443/{}", "astroimages.slooh.com."),
        ("ftp://astroimages.slooh.com/{}", "astroimages.slooh.com"),
        ("https://127.0.0.1/{}", "127.0.0.1"),
        ("https://evil.example#@astroimages.slooh.com/{}", "evil.example"),
        ("https://" + "e" * 5000 + ".example/{}", "e" * 100),
    ],
)
def test_another_host_is_refused_by_name_and_nothing_else_is_shown(address: str, host: str) -> None:
    with pytest.raises(PermanentError) as caught:
        ImageHosts(BASE).checked(address.format(SECRET))
    assert str(caught.value) == (
        f"Refused: the picture lies at {host}, which is not a host of Slooh, or not reached over https; "
        "add the host to slooh.image_hosts in the configuration, if you trust it"
    )


@pytest.mark.parametrize(
    "address", [None, "", "https://[::1/b.png", "https://a\\@b/", "https://astroimages\n.slooh.com/"]
)
def test_what_is_no_address(address: str | None) -> None:
    with pytest.raises(CorruptRecord):
        ImageHosts(BASE).checked(address)


def test_plain_http_is_for_a_configured_address_that_is_plain_itself() -> None:
    hosts = ImageHosts("http://127.0.0.1:8080", ["127.0.0.1"])
    assert hosts.checked("http://127.0.0.1:8080/images/b.png")
    for address in ("http://127.0.0.1:8081/b.png", "http://localhost:8080/b.png", "http://astroimages.slooh.com/b.png"):
        with pytest.raises(DownloadError):
            hosts.checked(address)
