"""Flushes that can be trusted."""

from __future__ import annotations

import pytest

from downloader.disk import flushing


@pytest.mark.parametrize(
    ("release", "tells"),
    [
        ("5.7.19", False),
        ("4.18.0-553.el8_10.x86_64", False),
        ("5.8.0", True),
        ("5.10.0-32-amd64", True),
        ("6.1.0-18-amd64", True),
        ("10.0", True),
        ("of its own kind", False),
    ],
)
def test_a_kernel_whose_flush_of_all_does_not_tell_of_errors_is_known(release: str, tells: bool) -> None:
    """Where it is, files are flushed one by one: `flush_file_system` answers False."""
    assert flushing._tells_of_errors(release) is tells
