"""The report as text: its exact layout, read back without loss, and impossible to forge from a name."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader.errors import AlteredCopy, IncompleteCopy, MissingCopy, NetworkError
from downloader.report import AUDIT_FORMAT, Report, ReportError, Status, parse, render, shown_size
from downloader.results import SIZE_ONLY, UNVERIFIED, FileResult, Outcome, failed

MD5 = "md5:9b2cf535f27731c974343645a3985328"
ETAG = "s3-etag:5d41402abc4b2a76b9719d911017c592-24"

EXAMPLE = Report(
    title="S3 Download Status Report",
    head=(("Raw File ID", "20250115_sample"), ("Project ID", "PRID001"), ("S3 Bucket", "alphakraken-PRID001")),
    timestamp=datetime(2025, 2, 4, 14, 30, 22, tzinfo=UTC),
    destination="/fs/pool/output/PRID001",
    results=(
        FileResult("sample.raw", Outcome.DOWNLOADED, 1_294_467_072, 1_294_467_072, 45.2, MD5),
        FileResult("sample.d/subfile1.bin", Outcome.SKIPPED, 4096, 0, 0.0, ETAG),
        FileResult("sample.d/subfile2.bin", Outcome.SELF_HEALED, 512, 512, 0.4, MD5, "hash mismatch detected"),
        FileResult("sample.d/subfile3.bin", Outcome.FAILED, message="Network error: Connection timeout"),
    ),
    duration=46.1,
)
EXAMPLE_TEXT = """\
S3 Download Status Report
=========================
Raw File ID: 20250115_sample
Project ID: PRID001
S3 Bucket: alphakraken-PRID001
Timestamp: 2025-02-04 14:30:22 UTC
Destination: /fs/pool/output/PRID001

Files:
------
sample.d/subfile1.bin: OK - Skipped (already exists) [4096 bytes, s3-etag:5d41402abc4b2a76b9719d911017c592-24]
sample.d/subfile2.bin: OK - Self-healed (hash mismatch detected, re-downloaded) \
[512 bytes, 0.4s, md5:9b2cf535f27731c974343645a3985328]
sample.d/subfile3.bin: FAILURE - Network error: Connection timeout
sample.raw: OK - Downloaded and verified (1234.5 MB in 45.2s) [1294467072 bytes, md5:9b2cf535f27731c974343645a3985328]

Summary:
--------
Total files: 4
Successful: 3
Failed: 1
Downloaded: 1
Resumed: 0
Self-healed: 1
Skipped (already exist): 1
Total size: 1234.5 MB
Duration: 46.1s
Status: PARTIAL FAILURE
"""


def report_of(*results: FileResult) -> Report:
    intact = any(result.outcome is Outcome.INTACT for result in results)
    return replace(EXAMPLE, results=results, format=AUDIT_FORMAT if intact else EXAMPLE.format)


def line_of(result: FileResult) -> str:
    """The only line of the files' part."""
    text = render(report_of(result))
    assert parse(text).results == (result,)
    return text.split("------\n")[1].split("\n\nSummary:")[0]


def test_the_exact_text_of_the_example() -> None:
    assert render(EXAMPLE) == EXAMPLE_TEXT
    assert parse(EXAMPLE_TEXT) == EXAMPLE


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (
            FileResult("a", Outcome.DOWNLOADED, 5, 9, 0.1, MD5),
            f"a: OK - Downloaded and verified (5 B in 0.1s) [5 bytes, fetched 9 bytes, {MD5}]",
        ),
        (
            FileResult("a", Outcome.RESUMED, 2048, 1024, 3, ETAG),
            f"a: OK - Resumed and verified (2.0 KB in 3.0s) [2048 bytes, fetched 1024 bytes, {ETAG}]",
        ),
        (
            FileResult("a", Outcome.DOWNLOADED, 5, 5, 0.1, SIZE_ONLY),
            "a: OK - Downloaded (size verified, no checksum available) [5 bytes, 0.1s]",
        ),
        (
            FileResult("a", Outcome.RESUMED, 5, 5, 0, UNVERIFIED),
            "a: OK - Resumed (not verified, neither size nor checksum known) [5 bytes]",
        ),
        (
            FileResult("a", Outcome.SELF_HEALED, 5, 5, 0, SIZE_ONLY, "too short"),
            "a: OK - Self-healed (too short, re-downloaded; size verified, no checksum available) [5 bytes]",
        ),
        (
            FileResult("a", Outcome.SELF_HEALED, 5, 5, 0, MD5),
            f"a: OK - Self-healed (re-downloaded) [5 bytes, {MD5}]",
        ),
        (
            FileResult("a", Outcome.SKIPPED, 5, 0, 0, SIZE_ONLY),
            "a: OK - Skipped (already exists; size verified, no checksum available) [5 bytes]",
        ),
        (
            FileResult("a", Outcome.SKIPPED, 5, 0, 1.5, MD5, "same as b"),
            f"a: OK - Skipped (already exists; same as b) [5 bytes, 1.5s, {MD5}]",
        ),
        (
            failed("a", NetworkError("it broke", "wait"), fetched=7, seconds=2),
            "a: FAILURE - Network error: it broke; wait [fetched 7 bytes, 2.0s, retryable]",
        ),
        (FileResult("a", Outcome.FAILED), "a: FAILURE - "),
        (
            FileResult("a", Outcome.INTACT, 2 * 1024 * 1024, 0, 0.1, MD5),
            f"a: OK - Intact (verified, 2.0 MB in 0.1s) [2097152 bytes, {MD5}]",
        ),
        (
            FileResult("a", Outcome.INTACT, 5, 0, 0.1, SIZE_ONLY, "its source told no more"),
            "a: OK - Intact (size verified, no checksum available; its source told no more) [5 bytes, 0.1s]",
        ),
        (
            failed("a", MissingCopy("a is not there")),
            "a: FAILURE - Missing: a is not there; run the restore (the same run without audit), which downloads it",
        ),
    ],
)
def test_the_exact_words_of_every_line(result: FileResult, line: str) -> None:
    assert line_of(result) == line


@pytest.mark.parametrize("assurance", [SIZE_ONLY, UNVERIFIED, ""])
@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.FAILED])
def test_a_file_without_a_checksum_is_never_called_verified(outcome: Outcome, assurance: str) -> None:
    line = line_of(FileResult("a", outcome, 5, 5, 1.0, assurance))
    assert "and verified" not in line
    assert ("size verified, no checksum" if assurance == SIZE_ONLY else "not verified") in line


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KB"),
        (1024 * 1024 - 1024, "1023.0 KB"),
        (1024 * 1024, "1.0 MB"),
        (5 * 1024**4, "5242880.0 MB"),
    ],
)
def test_sizes(size: int, shown: str) -> None:
    assert shown_size(size) == shown


def test_a_negative_zero_of_a_clock_is_zero() -> None:
    assert "(5 B in 0.0s)" in line_of(FileResult("a", Outcome.DOWNLOADED, 5, 5, -0.04, MD5))


def test_status_and_counts_follow_from_the_results() -> None:
    good, bad = FileResult("a", Outcome.RESUMED, 5, 5, 0, MD5), FileResult("b", Outcome.FAILED, message="x")
    assert report_of().summary.status is Status.SUCCESS
    assert report_of(good).summary.status is Status.SUCCESS
    assert report_of(good, bad).summary.status is Status.PARTIAL_FAILURE
    assert report_of(bad).summary.status is Status.COMPLETE_FAILURE
    summary = report_of(good, bad).summary
    assert (summary.total, summary.successful, summary.failed, summary.resumed, summary.size) == (2, 1, 1, 1, 5)
    assert render(report_of()).endswith("Total size: 0 B\nDuration: 46.1s\nStatus: SUCCESS\n")


def test_extra_lines_stand_between_the_duration_and_the_status() -> None:
    report = replace(EXAMPLE, extra=(("Pages listed", "12"), ("Status", "SUCCESS")))
    assert render(report).endswith("Duration: 46.1s\nPages listed: 12\n\\x53tatus: SUCCESS\nStatus: PARTIAL FAILURE\n")
    assert parse(render(report)) == report


def test_a_report_is_stored_in_utc_whole_seconds_tenths_and_sorted() -> None:
    there = timezone(timedelta(hours=2))
    report = replace(EXAMPLE, timestamp=datetime(2025, 2, 4, 16, 30, 22, 999_999, there), duration=46.149)
    assert report == EXAMPLE
    assert [result.name for result in report.results] == sorted(result.name for result in report.results)


@pytest.mark.parametrize(
    "nonsense",
    [
        lambda: replace(EXAMPLE, timestamp=datetime(2025, 2, 4)),  # noqa: DTZ001 - it is what is refused
        lambda: replace(EXAMPLE, duration=-0.1),
        lambda: replace(EXAMPLE, duration=float("nan")),
        lambda: report_of(FileResult("a", Outcome.SKIPPED, -1)),
        lambda: report_of(FileResult("a", Outcome.SKIPPED, 1, -1)),
        lambda: report_of(FileResult("a", Outcome.SKIPPED, 1, 1, float("inf"))),
    ],
)
def test_invalid_amounts_are_refused(nonsense: object) -> None:
    with pytest.raises(ValueError, match=r"zone|duration|amount"):
        nonsense()  # type: ignore[operator]


# Could be taken for a part of a line, end one, or be invisible.
TRICKS = (
    ": OK - ", ": FAILURE - ", ": OK", " OK - ", " - ", ": ", ":", "; ", ", ", "(", ")", ") [", "[", " [", "]",
    "\\", "\\n", "\\x3a", "\\u20", "\n", "\r\n", "\r", "\t", "\x00", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x1b[2J",
    "\x7f", "\x85", "\u2028", "\u2029", "\u061c", "\u200b", "\u200e", "\u202e", "\u2066", "\ufeff", "\U000e0041",
    "\ud800", "\udc80", "\U0010ffff", "é", "日本語", "🧬", " ", "/", "0", "-", ".", "already exists", "re-downloaded",
    ", re-downloaded", " and verified", "size verified, no checksum available", "not verified, nothing recorded",
    "1.0 MB in 3.2s", "5 bytes", "fetched 5 bytes", "3.2s", "retryable", "md5:0", "size", "none", "Status",
    "Status: SUCCESS", "Skipped (already exists) [5 bytes, md5:0]", "x: OK - Skipped (already exists)", "Timestamp",
    "Destination", "Files:", "------", "Summary:", "--------", "Report Format", "Report Format: 2",
)  # fmt: skip

DIRECTIONS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
"""Bidirectional classes of the characters that change the direction of text."""

texts = st.lists(st.sampled_from(TRICKS) | st.text(st.characters(), max_size=4), max_size=6).map("".join)
pairs = st.lists(st.tuples(texts, texts), max_size=3).map(tuple)
amounts = st.integers(0, 2**63) | st.integers(0, 3)
results = st.builds(
    FileResult,
    name=texts,
    outcome=st.sampled_from([outcome for outcome in Outcome if outcome is not Outcome.INTACT]),
    size=amounts,
    fetched=amounts,
    seconds=st.floats(0, 1e9),
    assurance=st.sampled_from([MD5, ETAG, SIZE_ONLY, UNVERIFIED, ""]) | texts,
    message=texts,
    retryable=st.booleans(),
)


def format_of(report: Report, *, audit: bool) -> Report:
    """`report` with the successes of an audit, or of a download."""
    if not audit:
        return report
    results = tuple(replace(result, outcome=Outcome.INTACT) if result.ok else result for result in report.results)
    return replace(report, results=results, format=AUDIT_FORMAT)


downloads = st.builds(
    Report,
    title=texts,
    head=pairs,
    timestamp=st.datetimes(timezones=st.just(UTC)),
    destination=texts,
    results=st.lists(results, max_size=4).map(tuple),
    duration=st.floats(0, 1e9),
    extra=pairs,
)
reports = st.builds(lambda report, audit: format_of(report, audit=audit), downloads, st.booleans())


@given(reports)
def test_every_report_reads_back_as_it_was(report: Report) -> None:
    assert parse(render(report)) == report


@given(reports)
def test_nothing_leaves_its_line(report: Report) -> None:
    text = render(report)
    wanted = 2 + report.audit + len(report.head) + 2 + 1 + 2 + len(report.results) + 1 + 2 + 9 + len(report.extra) + 1
    assert len(text.splitlines()) == text.count("\n") == wanted
    hidden = {character for character in text if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")}
    assert hidden <= {"\n"}
    turned = {character for character in text if unicodedata.bidirectional(character) in DIRECTIONS}
    assert turned | (set(text) & {"\u061c", "\u200e", "\u200f"}) == set()
    text.encode("utf-8")


@given(reports, st.data())
def test_no_beginning_of_a_report_is_taken_for_a_complete_one(report: Report, data: st.DataObject) -> None:
    text = render(report)
    end = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(ReportError):
        parse(text[:end])
    lines = text.splitlines(keepends=True)
    for count in range(len(lines)):
        with pytest.raises(ReportError):
            parse("".join(lines[:count]))


def test_the_example_cut_off_anywhere_is_refused() -> None:
    for end in range(len(EXAMPLE_TEXT)):
        with pytest.raises(ReportError):
            parse(EXAMPLE_TEXT[:end])


@pytest.mark.parametrize(
    "name", ["sample (1).raw", "Übung.raw", "日本語.d/データ", "a: b", "a - b", "[x]", "OK - x", "a;b,c"]
)
def test_ordinary_names_stay_as_they_are(name: str) -> None:
    assert line_of(FileResult(name, Outcome.SKIPPED, 5, 0, 0, MD5)).startswith(f"{name}: OK - ")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (
            "a\nb: OK - Skipped (already exists) [5 bytes, md5:0]",
            r"a\nb\x3a OK - Skipped (already exists) [5 bytes, md5:0]",
        ),
        ("a: FAILURE - x", r"a\x3a FAILURE - x"),
        ("a\\nb", r"a\\nb"),
        ("a\u2028b\x85c\x1bd", r"a\u2028b\x85c\x1bd"),
        ("fdp\u202eexe", r"fdp\u202eexe"),
        ("a\udc80", r"a\udc80"),
        ("a\U000e0041", r"a\U000e0041"),
    ],
)
def test_names_that_could_forge_a_line_are_escaped(name: str, shown: str) -> None:
    line = line_of(FileResult(name, Outcome.FAILED, message="x"))
    assert line == f"{shown}: FAILURE - x"


def test_a_message_is_not_taken_for_a_bracket_or_a_success() -> None:
    assert line_of(FileResult("a", Outcome.FAILED, message="x [retryable]")) == r"a: FAILURE - x [retryable\x5d"
    line_of(FileResult("a", Outcome.FAILED, message="x: OK - Skipped (already exists)", assurance="md5:0", size=5))


@pytest.mark.parametrize("outcome", Outcome)
def test_messages_and_assurances_that_look_like_other_parts_of_the_line(outcome: Outcome) -> None:
    messages = (
        "",
        "; ",
        "a; b",
        "unreadable copy detected (OSError)",
        "a, re-downloaded",
        "size verified, no checksum available",
        "a) [5 bytes, md5:0]",
        "5]",
    )
    odd = ("retryable", "3.2s", "fetched 5 bytes", "5 bytes", "[a]", "a, b", "md5:0, retryable", "retryable:a", "\\x5d")
    for message in messages:
        for assurance in (MD5, SIZE_ONLY, UNVERIFIED, "", *odd):
            line_of(FileResult("a", outcome, 5, 7, 0.3, assurance, message, retryable=True))
            line_of(FileResult("a", outcome, 0, 0, 0.0, assurance, message))


def test_every_character_reads_back() -> None:
    everything = "".join(map(chr, range(0x110000)))
    line_of(FileResult(everything, Outcome.FAILED, message=everything))
    for code in (0, 0xFF, 0x100, 0xFFFF, 0x10000, 0xFFFFF, 0x100000, 0x10FFFF):
        line_of(FileResult("a", Outcome.SKIPPED, 5, 0, 0, chr(code)))


AUDIT = replace(
    EXAMPLE,
    title="S3 Audit Status Report",
    format=AUDIT_FORMAT,
    results=(
        FileResult("a.raw", Outcome.INTACT, 1_294_467_072, 0, 45.2, MD5),
        FileResult("b.raw", Outcome.INTACT, 5, 0, 0, SIZE_ONLY),
        failed("c.raw", MissingCopy("c.raw is not there")),
        failed("d.raw", AlteredCopy("d.raw: size mismatch detected (6 bytes instead of 5)")),
        failed("e.raw", IncompleteCopy("e.raw has 4 of 5 bytes")),
        failed("f.raw", NetworkError("the server is away")),
    ),
)


def test_an_audit_counts_what_it_found() -> None:
    lines = render(AUDIT).splitlines()
    assert lines[:3] == ["S3 Audit Status Report", "======================", "Report Format: 2"]
    assert lines[lines.index("Summary:") + 2 :] == [
        "Total files: 6", "Successful: 2", "Failed: 4", "Intact: 2", "Missing: 1", "Altered: 1", "Incomplete: 1",
        "Total size: 1234.5 MB", "Duration: 46.1s", "Status: PARTIAL FAILURE",
    ]  # fmt: skip
    assert parse(render(AUDIT)) == AUDIT


def test_an_audit_is_not_taken_for_a_download_nor_the_other_way_round() -> None:
    text = render(AUDIT)
    with pytest.raises(ReportError):
        parse(text.replace("Report Format: 2\n", ""))
    with pytest.raises(ReportError):
        parse(EXAMPLE_TEXT.replace("Raw File ID", "Report Format: 2\nRaw File ID"))
    with pytest.raises(ReportError):
        parse(text.replace("Missing: 1", "Missing: 2"))
    with pytest.raises(ValueError, match="intact is no outcome of a download"):
        replace(EXAMPLE, results=AUDIT.results)
    with pytest.raises(ValueError, match="skipped is no outcome of an audit"):
        replace(AUDIT, results=EXAMPLE.results)


def altered(old: str, new: str) -> str:
    assert EXAMPLE_TEXT.count(old) == 1
    return EXAMPLE_TEXT.replace(old, new)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (altered("Total files: 4", "Total files: 5"), 18, "expected 'Total files: 4', found 'Total files: 5'"),
        (altered("\nFailed: 1", "\nFailed: 0"), 20, "expected 'Failed: 1', found"),
        (altered("Total size: 1234.5 MB", "Total size: 1.0 MB"), 25, "expected 'Total size: 1234.5 MB', found"),
        (altered("Duration: 46.1s", "Duration: 46.10s"), 26, "expected 'Duration: 46.1s', found"),
        (altered("Duration: 46.1s", "Duration: soon"), 26, "expected a Duration, found"),
        (altered("Status: PARTIAL FAILURE", "Status: SUCCESS"), 27, "expected 'Status: PARTIAL FAILURE', found"),
        (altered("[512 bytes", "[0512 bytes"), 12, "expected '"),
        (altered("[1294467072 bytes", "[1 bytes"), 14, "expected '"),
        (altered("Network", r"N\x65twork"), 13, "expected '"),
        (altered("FAILURE - Network", "MISSING - Network"), 13, "neither OK nor FAILURE"),
        (altered("Skipped (already exists)", "Skipped (as you like)"), 11, "expected '"),
        (altered("Skipped (already exists)", "Perfect (already exists)"), 11, "not in the words of a report"),
        (altered(" [4096 bytes, s3-etag:5d41402abc4b2a76b9719d911017c592-24]", " [4096 bytes]"), 11, "no checksum"),
        (altered("=" * 25, "=" * 24), 2, "expected '"),
        (altered("Files:\n------", "Files:\n-----"), 10, "expected '"),
        (altered("Timestamp: 2025-02-04 14:30:22 UTC", "Timestamp: yesterday"), 6, "Timestamp"),
        (altered("Timestamp: 2025-02-04 14:30:22 UTC", "Timestamp: 2025-02-04T14:30:22 UTC"), 6, "expected '"),
        (altered("Timestamp: 2025-02-04 14:30:22 UTC\n", ""), 7, "no Timestamp and Destination"),
        (altered("Raw File ID: ", "Raw File ID="), 3, "expected a label and a value, found"),
        (EXAMPLE_TEXT + "Status: PARTIAL FAILURE\n", 27, "expected '"),
        (EXAMPLE_TEXT + "\n", 28, "cut off"),
        (EXAMPLE_TEXT.replace("\n", "\r\n"), 2, "expected '"),
        (EXAMPLE_TEXT[:-1], 27, "cut off in the middle of the line"),
        ("\ufeff" + EXAMPLE_TEXT, 2, "expected '"),
        ("", 1, "cut off"),
    ],
)
def test_a_text_that_is_not_a_complete_report_is_refused_with_its_line(text: str, line: int, problem: str) -> None:
    with pytest.raises(ReportError) as caught:
        parse(text)
    assert caught.value.line == line
    assert problem in caught.value.problem
    assert str(caught.value) == f"line {line}: {caught.value.problem}"


def test_lines_out_of_order_are_refused() -> None:
    lines = EXAMPLE_TEXT.splitlines(keepends=True)
    lines[10], lines[11] = lines[11], lines[10]
    with pytest.raises(ReportError, match="line 11"):
        parse("".join(lines))


def test_a_number_longer_than_python_parses_is_an_error_like_any_other() -> None:
    with pytest.raises(ReportError, match="line 11"):
        parse(altered("[4096 bytes", f"[{'9' * 5000} bytes"))


@given(texts)
def test_any_text_is_refused_as_a_value_error(text: str) -> None:
    with pytest.raises(ReportError):
        parse(text)
