"""The tab Restore in a real Chromium, before a real Airflow.

One run is watched from its start to its red end. The other states are made of its tasks, with results, figures and
answers of Airflow that the tests write: through Airflow's API, or between it and the browser.

SCREENSHOTS=FOLDER keeps a picture of each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import requests
from playwright.sync_api import Page, Route, expect

from include.demo.airflow_api import TriggeredRun
from include.stand_ins.wire import limited
from support.browser import PHONE, Visitor
from support.real_airflow import RealAirflow

pytestmark = pytest.mark.timeout(300)

MB: Final = 1024 * 1024
DAG: Final = "s3_downloader"
SLOW: Final = 3.0 * MB
TASKS: Final = re.compile(r"/taskInstances\?limit=100&offset=0&order_by=map_index$")
"""A request of the tab alone."""
HOSTILE: Final = "<img src=x onerror=\"window.broken=1\">\u202egpj.exe</style><script>window.broken=1</script>"

FAILURES: Final = [
    {"name": "2026/frame_0007.d/analysis.tdf", "kind": "Network error", "message": "the server closed the stream; try again later"},
    {"name": "2026/frame_0009.raw", "kind": "Not found", "message": "Not found: there is no object s3://raw/frame_0009.raw; restore it from the instrument"},
]


def report(**changed: Any) -> dict[str, Any]:
    """One report of the XCom `result`."""
    made: dict[str, Any] = {
        "about": "20250115_sample",
        "path": "/data/output/PRID001/_download_status_20250115_sample_20261128_003238.txt",
        "destination": "/data/output/PRID001",
        "status": "PARTIAL FAILURE",
        "files": 412,
        "successful": 410,
        "failed": 2,
        "bytes": 129_446_707_200,
        "seconds": 1846.1,
        "outcomes": {"downloaded": 380, "resumed": 3, "self-healed": 1, "skipped": 26, "failed": 2},
        "assurances": {"MD5": 300, "s3-etag": 98, "size": 11, "none": 1},
        "failures": FAILURES,
    }
    return made | changed


def text_of(names: list[str], *, failed: tuple[str, ...] = ()) -> str:
    """The text of a report on files of these names."""
    head = "S3 Download Status Report\n=========================\nRaw File ID: 20250115_sample\n\nFiles:\n------\n"
    lines = [f"{name}: FAILURE - Network error: cut off; try again" for name in failed]
    lines += [f"{name}: OK - Skipped (already exists) [5 bytes, md5:9b2c]" for name in names]
    return head + "\n".join(lines) + f"\n\nSummary:\n--------\nTotal files: {len(lines)}\nStatus: SUCCESS\n"


class Desk:
    """The ended run, and what its tasks left."""

    def __init__(self, airflow: RealAirflow, run: TriggeredRun) -> None:
        self.airflow = airflow
        self.run = run

    def leave(self, key: str, value: Any) -> None:
        """Puts an XCom of the task `report` in the place of the one before; None takes it away."""
        where = f"{self.airflow._path(self.run)}/taskInstances/report/xcomEntries"
        self._delete(f"{where}/{key}")
        if value is not None:
            self.airflow._ask("POST", where, {"key": key, "value": value, "map_index": -1})

    def outcome(self, *reports: dict[str, Any], text: str = "", status: str = "PARTIAL FAILURE", **more: Any) -> None:
        """Leaves a result, and the text of its first report."""
        self.leave("result", {"status": status, "reports": list(reports), "problems": [], **more})
        texts = [{"about": each["about"], "path": each["path"], "text": text, "left_out": 0} for each in reports]
        self.leave("report_text", texts if text else None)

    def _delete(self, path: str) -> None:
        session = self.airflow.airflow.api._session
        session.delete(f"{self.airflow.airflow.address}/api/v2/{path}", timeout=30)


@pytest.fixture(scope="module")
def ended(airflow: RealAirflow) -> TriggeredRun:
    """A run of four shards, the third of which fails."""
    files = {"a_large.raw": bytes(8 * MB), "b_large.raw": bytes(8 * MB), "c_gone.raw": b"c", "d.raw": b"d" * 1000}
    airflow.record("watched", files)
    del airflow.objects._objects["watched/c_gone.raw"]
    return TriggeredRun(DAG, "")


@pytest.fixture(scope="module")
def watched(airflow: RealAirflow, ended: TriggeredRun) -> TriggeredRun:
    """That run, triggered while its large files come slowly."""
    airflow.objects.intercept = lambda asked: limited(SLOW) if asked.method == "GET" and "large" in asked.key else None
    return airflow.trigger(DAG, {"raw_file_id": "watched"})


@pytest.fixture
def desk(airflow: RealAirflow, watched: TriggeredRun) -> Desk:
    """The run, once it has ended."""
    airflow.wait(watched)
    return Desk(airflow, watched)


def whole(page: Page) -> Any:
    """The tab."""
    return page.get_by_role("region", name="Restore", exact=True)


def test_a_run_is_watched_from_its_start_to_its_red_end(visitor: Visitor, watched: TriggeredRun) -> None:
    page = visitor.tab(watched)
    progress = page.get_by_role("region", name="Progress")
    expect(progress).to_be_visible()
    shards = page.get_by_role("region", name="Shards")
    under_way = shards.get_by_role("list", name=re.compile("Files under way in .*")).first
    expect(under_way).to_contain_text(re.compile(r"_large\.raw.*[\d.]+ MB of 8\.0 MB, [\d.]+ [KM]B/s"))
    assert int(under_way.get_by_role("progressbar").first.get_attribute("aria-valuenow") or 0) > 0
    expect(progress.get_by_role("progressbar", name="The whole run")).to_be_visible()
    expect(progress).to_contain_text(re.compile(r"Bytes[\d.]+ MB of 16\.0 MB"))
    expect(progress).to_contain_text(re.compile(r"\d shards? waits? for a slot of the pool s3_download_pool: \d of 2 in use"))
    visitor.look(page, "under_way")
    # Nobody reloads the page.
    expect(progress).to_be_hidden(timeout=60_000)
    expect(shards).to_contain_text("failed")
    expect(page.get_by_role("region", name="Bytes over time").locator("canvas")).to_be_visible()
    expect(page.get_by_role("region", name="Failures")).to_contain_text("c_gone.raw")
    visitor.look(page, "red_end")


def test_the_outcome_tells_failures_first_and_hands_them_over(visitor: Visitor, desk: Desk) -> None:
    desk.outcome(report(), text=text_of(["a", "b"], failed=("c",)))
    page = visitor.tab(desk.run)
    failures = page.get_by_role("region", name="Failures")
    expect(failures).to_contain_text("2 files failed")
    expect(failures).to_contain_text("Network error: the server closed the stream")
    expect(failures).to_contain_text("What to do: restore it from the instrument")
    order = whole(page).locator("section").evaluate_all("all => all.map(each => each.getAttribute('aria-label'))")
    assert order[:3] == ["Failures", "Outcomes", "How sure"]
    failures.get_by_role("button", name="Copy", exact=True).last.click()
    expect(failures.get_by_role("button", name="Copied")).to_be_visible()
    copied = "2026/frame_0009.raw: Not found: there is no object s3://raw/frame_0009.raw; restore it from the instrument"
    assert page.evaluate("navigator.clipboard.readText()") == copied

    expect(page.get_by_role("region", name="Outcomes")).to_contain_text("downloaded 380")
    expect(page.get_by_role("region", name="How sure")).to_contain_text("not verified 1")
    on = page.get_by_role("region", name="Report on 20250115_sample")
    expect(on).to_contain_text("120.6 GB")
    on.get_by_role("button", name="Copy path").last.click()
    expect(on.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == report()["path"]
    with page.expect_download() as handed:
        page.get_by_role("button", name="Download text").click()
    assert handed.value.suggested_filename == Path(report()["path"]).name
    assert Path(handed.value.path()).read_text() == text_of(["a", "b"], failed=("c",))
    visitor.look(page, "outcome")


@pytest.mark.parametrize(("name", "size", "dark"), [("dark", None, True), ("phone", PHONE, False), ("phone_dark", PHONE, True)])
def test_it_fits_the_theme_and_the_width(
    visitor: Visitor, desk: Desk, name: str, size: tuple[int, int] | None, dark: bool
) -> None:
    long = "a_very_long_name_without_any_break_" * 6 + ".raw"
    failures = [*FAILURES, {"name": long, "kind": "Disk full", "message": "no room; make some"}]
    desk.outcome(report(failures=failures, failed=3), text=text_of([long], failed=("c",)))
    page = visitor.tab(desk.run, size, dark=dark) if size else visitor.tab(desk.run, dark=dark)
    expect(page.get_by_role("region", name="Failures")).to_contain_text("a_very_long_name")
    visitor.look(page, name)
    light_of = "color => { const c = document.createElement('canvas').getContext('2d'); c.fillStyle = color; c.fillRect(0, 0, 1, 1); return c.getImageData(0, 0, 1, 1).data[1] }"
    color = whole(page).evaluate("element => getComputedStyle(element).color")
    assert (page.evaluate(light_of, color) > 128) == dark
    panel = page.get_by_role("region", name="Failures").evaluate("element => getComputedStyle(element).backgroundColor")
    assert (page.evaluate(light_of, panel) < 128) == dark
    place = whole(page).bounding_box()
    assert place is not None
    wide = whole(page).locator(":scope *:not(.dl-line, .dl-line *)").evaluate_all(
        "all => Math.max(...all.map(each => each.getBoundingClientRect().right))"
    )
    assert wide <= place["x"] + place["width"] + 1


def test_no_name_becomes_html(visitor: Visitor, desk: Desk) -> None:
    failure = {"name": HOSTILE, "kind": HOSTILE, "message": f"{HOSTILE}; {HOSTILE}"}
    hostile = report(about=HOSTILE, path=f"/data/{HOSTILE}", destination=HOSTILE, failures=[failure], status=HOSTILE)
    hostile |= {"outcomes": {HOSTILE: 3}, "assurances": {HOSTILE: 3}}
    desk.outcome(hostile, text=text_of([HOSTILE]), status=HOSTILE, problems=[HOSTILE])
    page = visitor.tab(desk.run)
    failures = page.get_by_role("region", name="Failures")
    expect(failures).to_contain_text('<img src=x onerror="window.broken=1">\\u202egpj.exe</style><script>')
    expect(page.get_by_role("region", name="Text of the report")).to_contain_text("<img src=x")
    assert page.evaluate("window.broken") is None
    assert whole(page).locator("img, script, iframe, object").count() == 0
    visitor.look(page, "hostile")


def test_a_hundred_thousand_lines(visitor: Visitor, desk: Desk) -> None:
    names = [f"plate_{number:06}.fits" for number in range(100_000)]
    desk.outcome(report(), text=text_of(names, failed=("broken.fits",)))
    page = visitor.tab(desk.run)
    text = page.get_by_role("region", name="Text of the report")
    expect(text).to_contain_text("100,011 lines")
    lines = text.get_by_role("list", name="Lines of the report")
    rows = lines.get_by_role("listitem")
    assert 20 < rows.count() < 100
    lines.focus()
    page.keyboard.press("End")
    expect(lines).to_contain_text("Status: SUCCESS")
    assert rows.count() < 100
    assert rows.last.get_attribute("aria-posinset") == rows.last.get_attribute("aria-setsize") == "100011"

    text.get_by_role("searchbox", name="Search in the report").fill("plate_09999")
    expect(text).to_contain_text("10 of 100,011 lines")
    expect(lines.locator("mark").first).to_have_text("plate_09999")
    text.get_by_role("searchbox").fill("")
    text.get_by_role("button", name="failed 1").click()
    expect(lines.get_by_role("listitem")).to_have_count(1)
    expect(lines).to_contain_text("broken.fits: FAILURE")
    visitor.look(page, "hundred_thousand")


def test_what_would_be_done(visitor: Visitor, desk: Desk) -> None:
    actions = {
        "keep": {"files": 3, "bytes": 3 * MB},
        "resume": {"files": 1, "bytes": 40 * MB},
        "heal": {"files": 0, "bytes": 0},
        "download": {"files": 2, "bytes": 9000 * MB},
        "thaw": {"files": 0, "bytes": 0},
    }
    dry = report(path="", status="DRY RUN", failures=[], actions=actions, free=1000 * MB, to_fetch=9040 * MB)
    desk.outcome(dry, status="DRY RUN", text="a.raw: DOWNLOAD - 12.0 MB\nb.raw: KEEP - 1.0 MB\n")
    page = visitor.tab(desk.run)
    would = page.get_by_role("region", name="Dry run of 20250115_sample")
    expect(would.get_by_role("row", name=re.compile("Downloaded: not there 2 8.8 GB"))).to_be_visible()
    expect(would).to_contain_text("The disk lacks 7.9 GB")
    text = page.get_by_role("region", name="Text of the report")
    text.get_by_role("button", name="keep 1").click()
    expect(text.get_by_role("listitem")).to_have_text(["b.raw: KEEP - 1.0 MB"])
    visitor.look(page, "dry_run")


def test_a_run_without_a_result_is_told_so(visitor: Visitor, desk: Desk) -> None:
    desk.leave("result", None)
    desk.leave("report_text", None)
    page = visitor.tab(desk.run)
    expect(whole(page)).to_contain_text("The task report left no result")
    link = page.get_by_role("link", name="See the task report")
    link.click()
    expect(page).to_have_url(re.compile("/tasks/report"))


def test_what_was_refused_is_told(visitor: Visitor, desk: Desk) -> None:
    desk.outcome(status="REFUSED", problems=["raw file nosuch: the catalogue has no such record; look at its id"])
    page = visitor.tab(desk.run)
    expect(page.get_by_role("alert")).to_contain_text("the catalogue has no such record")


def altered(change: Callable[[dict[str, Any]], None]) -> Callable[[Route], None]:
    """Changes each task of an answer on its way to the browser."""

    def handle(route: Route) -> None:
        answer = route.fetch()
        found = answer.json()
        for task in found["task_instances"]:
            change(task)
        route.fulfill(response=answer, body=json.dumps(found))

    return handle


def as_it_runs(page: Page, desk: Desk, change: Callable[[dict[str, Any]], None]) -> None:
    """The run as if it were running, with other tasks."""
    page.route(TASKS, altered(change))
    run = re.compile(rf"/dagRuns/{re.escape(desk.run.run_id).replace(':', '(:|%3A)').replace(re.escape('+'), '(%2B|[+])')}$")

    def running(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=json.dumps(answer.json() | {"state": "running", "end_date": None}))

    page.route(run, running)


def test_a_pool_that_is_missing_is_told(visitor: Visitor, desk: Desk) -> None:
    def wait(task: dict[str, Any]) -> None:
        if task["task_id"] != "validate":
            task |= {"state": "scheduled" if task["task_id"] == "download" else None, "pool": "no_such_pool"}

    page = visitor.page()
    as_it_runs(page, desk, wait)
    visitor.open_tab(page, desk.run)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("4 shards wait, and for ever: there is no pool no_such_pool")
    visitor.look(page, "missing_pool")


def test_tries_are_told(visitor: Visitor, desk: Desk) -> None:
    def again(task: dict[str, Any]) -> None:
        if task["map_index"] == 1:
            task |= {"state": "up_for_retry", "try_number": 2, "max_tries": 2}

    page = visitor.page()
    as_it_runs(page, desk, again)
    visitor.open_tab(page, desk.run)
    expect(page.get_by_role("region", name="Shards")).to_contain_text("try 2 of 3")
    expect(page.get_by_role("region", name="Progress")).to_contain_text("Retries1")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "Your login has expired"),
        (403, "You lack the permission"),
        (404, "does not have this"),
        (500, "failed (500); its log has the reason. It is asked again by itself."),
        (0, "does not answer"),
    ],
)
def test_what_the_api_refuses_is_told(visitor: Visitor, desk: Desk, status: int, words: str) -> None:
    page = visitor.page()
    if status:
        page.route(TASKS, lambda route: route.fulfill(status=status, json={"detail": "so it is"}))
    else:
        page.route(TASKS, lambda route: route.abort())
    visitor.open_tab(page, desk.run)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(words)
    if status == 401:
        expect(alert.get_by_role("link", name="Log in")).to_have_attribute("href", re.compile(r"/api/v2/auth/login\?next=http"))
        return
    page.unroute(TASKS)
    alert.get_by_role("button", name="Try again").click()
    expect(alert).to_be_hidden()
    expect(page.get_by_role("region", name="Shards")).to_be_visible()


def test_it_asks_no_more_once_the_run_is_over(visitor: Visitor, desk: Desk) -> None:
    desk.outcome(report())
    page = visitor.page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if TASKS.search(request.url) else None)
    page.clock.install()
    visitor.open_tab(page, desk.run)
    expect(page.get_by_role("region", name="Failures")).to_be_visible()
    expect(page.get_by_role("region", name="Bytes over time")).to_be_visible()
    before = len(asked)
    page.clock.fast_forward(600_000)
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_role("region", name="Failures")).to_be_visible()
    assert len(asked) <= before + 1


def test_it_never_asks_twice_at_once(visitor: Visitor, desk: Desk) -> None:
    held: list[Route] = []
    page = visitor.page()
    page.clock.install()
    page.route(TASKS, held.append)
    with page.expect_request(TASKS):
        visitor.open_tab(page, desk.run)
    page.clock.fast_forward(600_000)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(whole(page)).to_contain_text("Reading the run")
    assert len(held) == 1


def test_it_runs_again_with_the_same_parameters(visitor: Visitor, desk: Desk, airflow: RealAirflow) -> None:
    page = visitor.tab(desk.run)
    page.get_by_role("button", name="Run again").click()
    again = page.get_by_role("group", name="Run again")
    expect(again).to_contain_text('"raw_file_id": "watched"')
    with page.expect_response(lambda answer: answer.request.method == "POST") as posted:
        again.get_by_role("button", name="Start").click()
    made = posted.value.json()
    assert made["conf"] == {"raw_file_id": "watched"}
    expect(page).to_have_url(re.compile(r"/plugin/restore$"))
    assert desk.run.run_id not in page.url
    airflow.mark(TriggeredRun(DAG, made["dag_run_id"]), "failed")


def test_the_keyboard_reaches_all_of_it(visitor: Visitor, desk: Desk) -> None:
    desk.outcome(report(), text=text_of(["a"], failed=("c",)))
    page = visitor.tab(desk.run)
    page.get_by_role("button", name="Refresh").focus()
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.textContent"))
    wanted = {"Run again", "Copy all", "Copy path", "Download text", "Search in the report", "Lines of the report"}
    assert wanted <= reached
    outline = page.get_by_role("searchbox").evaluate("element => { element.focus(); return getComputedStyle(element).outlineStyle }")
    assert outline == "solid"


def test_the_files_of_the_pages_are_for_those_who_are_logged_in(airflow: RealAirflow, visitor: Visitor) -> None:
    for app in ("restore_tab", "restores_page"):
        address = f"{airflow.airflow.address}/downloader/{app}.js"
        assert requests.get(address, timeout=30).status_code == 401
        assert requests.get(address, cookies={"_token": "no such"}, timeout=30).status_code == 403
        cookies = {"_token": visitor.login()}
        answer = requests.get(address, cookies=cookies, timeout=30)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
        unchanged = requests.get(
            address, cookies=cookies, headers={"If-None-Match": answer.headers["ETag"]}, timeout=30
        )
        assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert requests.get(f"{airflow.airflow.address}/downloader/nothing.js", timeout=30).status_code in (401, 404)
