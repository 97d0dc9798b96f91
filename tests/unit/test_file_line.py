"""The line of a file: with the resources in it and the form of its content, read back without loss."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader.report.file_line import parse_line, render_line
from downloader.results import FORMS, SIZE_ONLY, UNVERIFIED, FileResult, Outcome

MD5 = "md5:9b2cf535f27731c974343645a3985328"
PNG = FORMS[0]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
assurances = st.sampled_from([MD5, SIZE_ONLY, UNVERIFIED, *FORMS])
resources = st.none() | st.integers(0, 2**50)
results = st.one_of(
    st.builds(
        FileResult,
        texts.filter(bool),
        st.sampled_from([outcome for outcome in Outcome if outcome is not Outcome.FAILED]),
        st.integers(0, 2**50),
        st.integers(0, 2**50),
        st.floats(0, 1e6),
        assurances,
        texts,
        st.booleans(),
        resources,
    ),
    st.builds(
        lambda name, message, retryable: FileResult(name, Outcome.FAILED, message=message, retryable=retryable),
        texts.filter(bool),
        texts,
        st.booleans(),
    ),
)


@given(results)
def test_every_line_reads_back_as_its_result(result: FileResult) -> None:
    line = render_line(result)
    assert parse_line(line) == result
    assert "\n" not in line


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (
            FileResult("a", Outcome.DOWNLOADED, 5, 5, 0.1, MD5, resources=1204),
            f"a: OK - Downloaded and verified (5 B in 0.1s) [5 bytes, 1204 resources, {MD5}]",
        ),
        (
            FileResult("a", Outcome.DOWNLOADED, 5, 5, 0.1, MD5, resources=0),
            f"a: OK - Downloaded and verified (5 B in 0.1s) [5 bytes, 0 resources, {MD5}]",
        ),
        (
            FileResult("a", Outcome.SKIPPED, 5, 0, 1.5, MD5, resources=7),
            f"a: OK - Skipped (already exists) [5 bytes, 1.5s, 7 resources, {MD5}]",
        ),
        (
            FileResult("a", Outcome.SELF_HEALED, 5, 5, 0, SIZE_ONLY, "short", resources=7),
            "a: OK - Self-healed (short, re-downloaded; size verified, no checksum available) [5 bytes, 7 resources]",
        ),
        (
            FileResult("a", Outcome.DOWNLOADED, 5, 5, 0.1, PNG),
            "a: OK - Downloaded (complete PNG, no checksum available) [5 bytes, 0.1s]",
        ),
        (
            FileResult("a", Outcome.SKIPPED, 5, 0, 0, FORMS[2]),
            "a: OK - Skipped (already exists; complete FITS, no checksum available) [5 bytes]",
        ),
        (
            FileResult("a", Outcome.SELF_HEALED, 5, 5, 0, FORMS[1], "cut off"),
            "a: OK - Self-healed (cut off, re-downloaded; complete JPEG, no checksum available) [5 bytes]",
        ),
    ],
)
def test_the_exact_words(result: FileResult, line: str) -> None:
    assert render_line(result) == line
    assert parse_line(line) == result


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.FAILED])
def test_a_form_is_never_called_verified(form: str, outcome: Outcome) -> None:
    result = FileResult("a", outcome, 5, 5, 1.0, form)
    assert not result.verified
    assert "and verified" not in render_line(result)
    assert f"{form}, no checksum available" in render_line(result)


def test_a_name_cannot_forge_resources() -> None:
    name = "a: OK - Skipped (already exists) [5 bytes, 9 resources]"
    result = FileResult(name, Outcome.SKIPPED, 5, 0, 0, MD5)
    assert parse_line(render_line(result)) == result
