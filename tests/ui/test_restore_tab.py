"""The tab Restore in a real Chromium, before a real Airflow.

One run is watched from its start to its red end. The other states are made of its tasks, with results, figures and
answers of Airflow that the tests write: through Airflow's API, or between it and the browser.

SCREENSHOTS=FOLDER keeps a picture of each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import requests
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from include.demo.airflow_api import TriggeredRun
from include.stand_ins.secrets import secret
from include.stand_ins.wire import limited
from support.browser import DESK, PHONE, Visitor
from support.real_airflow import RealAirflow

pytestmark = pytest.mark.timeout(300)

MB: Final = 1024 * 1024
DAG: Final = "s3_downloader"
SLOW: Final = 0.2 * MB
TASKS: Final = re.compile(r"/taskInstances\?limit=100&offset=0&order_by=map_index$")
"""A request of the tab alone."""
RUN: Final = re.compile(r"/dags/s3_downloader/dagRuns/[^/?]+$")
HOSTILE: Final = '<img src=x onerror="window.broken=1">\u202egpj.exe</style><script>window.broken=1</script>'

GONE: Final = "Not found: there is no object s3://raw/frame_0009.raw; restore it from the instrument"
CUT_OFF: Final = "the server closed the stream; try again later"
FAILURES: Final = [
    {"name": "2026/frame_0007.d/analysis.tdf", "kind": "Network error", "message": CUT_OFF},
    {"name": "2026/frame_0009.raw", "kind": "Not found", "message": GONE},
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


@dataclass
class Tab:
    """The tab of the ended run, and what the run's tasks left."""

    airflow: RealAirflow
    run: TriggeredRun
    visitor: Visitor
    page: Page

    def region(self, name: str | re.Pattern[str]) -> Locator:
        """A part of the tab."""
        return self.page.get_by_role("region", name=name, exact=isinstance(name, str))

    @property
    def whole(self) -> Locator:
        """All of it."""
        return self.region("Restore")

    def show(self, *reports: dict[str, Any], text: str = "", status: str = "PARTIAL FAILURE", **more: Any) -> None:
        """Leaves a result, and the text of its reports, and shows it."""
        texts = [{"about": each["about"], "path": each["path"], "text": text, "left_out": 0} for each in reports]
        self.leave("result", {"status": status, "reports": list(reports), "problems": [], **more})
        self.leave("report_text", texts if text else None)
        self.refresh()

    def leave(self, key: str, value: Any) -> None:
        """Puts an XCom of the task `report` in the place of the one before; None takes it away."""
        where = f"{self.airflow._path(self.run)}/taskInstances/report/xcomEntries"
        api = self.airflow.airflow.api
        api._session.delete(f"{self.airflow.airflow.address}/api/v2/{where}/{key}", timeout=30)
        if value is not None:
            self.airflow._ask("POST", where, {"key": key, "value": value, "map_index": -1})

    def refresh(self) -> None:
        """As the button does."""
        with self.page.expect_request(TASKS):
            self.page.get_by_role("button", name="Refresh").click()

    def look(self, name: str) -> None:
        """Takes a picture."""
        self.visitor.look(self.page, name)


@pytest.fixture(scope="module")
def watched(airflow: RealAirflow) -> TriggeredRun:
    """A run of four shards, just triggered. Two come slowly, and the object of the third is gone."""
    files = {"a_large.raw": bytes(8 * MB), "b_large.raw": bytes(8 * MB), "c_gone.raw": b"c", "d.raw": b"d" * 1000}
    airflow.record("watched", files)
    del airflow.objects._objects["watched/c_gone.raw"]
    airflow.objects.intercept = lambda asked: limited(SLOW) if asked.method == "GET" and "large" in asked.key else None
    return airflow.trigger(DAG, {"raw_file_id": "watched"})


@pytest.fixture(scope="module")
def window(browser: BrowserContext, airflow: RealAirflow, watched: TriggeredRun) -> Iterator[tuple[Visitor, Page]]:
    """The tab of that run. One for all tests: Airflow's page takes seconds to load."""
    visitor = Visitor(browser, airflow)
    yield visitor, visitor.tab(watched)
    visitor.leave()


@pytest.fixture
def tab(window: tuple[Visitor, Page], airflow: RealAirflow, watched: TriggeredRun) -> Iterator[Tab]:
    """The tab of the run, which has ended."""
    visitor, page = window
    airflow.wait(watched)
    expect(page.get_by_role("button", name="Refresh")).to_be_visible()
    yield Tab(airflow, watched, visitor, page)
    page.unroute_all()
    page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
    page.emulate_media(color_scheme="light")
    assert visitor.complaints == []


def test_a_run_is_watched_from_its_start_to_its_red_end(window: tuple[Visitor, Page], airflow: RealAirflow) -> None:
    visitor, page = window
    progress = page.get_by_role("region", name="Progress")
    expect(progress).to_be_visible()
    shards = page.get_by_role("region", name="Shards")
    under_way = shards.get_by_role("list", name=re.compile("Files under way in .*")).first
    expect(under_way).to_contain_text(re.compile(r"_large\.raw.*[\d.]+ MB of 8\.0 MB, [\d.]+ [KM]B/s"))
    expect(under_way.get_by_role("progressbar").first).to_have_attribute("aria-valuenow", re.compile(r"[1-9]\d?"))
    expect(progress.get_by_role("progressbar", name="The whole run")).to_be_visible()
    expect(progress).to_contain_text(re.compile(r"Bytes[\d.]+ MB of (8|16)\.0 MB\+"))
    expect(progress).to_contain_text(
        re.compile(r"\d shards? waits? for a slot of the pool s3_download_pool: \d of 2 in use")
    )
    visitor.look(page, "under_way")
    airflow.hurry()
    # Nobody reloads the page.
    expect(progress).to_be_hidden()
    expect(shards).to_contain_text("failed")
    expect(page.get_by_role("region", name="Bytes over time").locator("canvas")).to_be_visible()
    failures = page.get_by_role("region", name="Failures")
    expect(failures).to_contain_text("c_gone.raw")
    expect(failures).to_contain_text("Not found: there is no object")
    visitor.look(page, "red_end")
    assert visitor.complaints == []


def test_the_outcome_tells_failures_first_and_hands_them_over(tab: Tab) -> None:
    tab.show(report(), text=text_of(["a", "b"], failed=("c",)))
    failures, page = tab.region("Failures"), tab.page
    expect(failures).to_contain_text("2 files failed")
    expect(failures).to_contain_text("Network error: the server closed the stream")
    expect(failures).to_contain_text("What to do: restore it from the instrument")
    order = tab.whole.locator("section").evaluate_all("all => all.map(each => each.getAttribute('aria-label'))")
    assert order[:3] == ["Failures", "Outcomes", "How sure"]
    failures.get_by_role("button", name="Copy", exact=True).last.click()
    expect(failures.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == f"2026/frame_0009.raw: {GONE}"

    expect(tab.region("Outcomes")).to_contain_text("downloaded 380")
    expect(tab.region("How sure")).to_contain_text("not verified 1")
    on = tab.region("Report on 20250115_sample")
    expect(on).to_contain_text("120.6 GB")
    on.get_by_role("button", name="Copy path").last.click()
    expect(on.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == report()["path"]
    with page.expect_download() as handed:
        page.get_by_role("button", name="Download text").click()
    assert handed.value.suggested_filename == Path(report()["path"]).name
    assert Path(handed.value.path()).read_text() == text_of(["a", "b"], failed=("c",))
    tab.look("outcome")


GREEN: Final = """color => {
    const drawn = document.createElement('canvas').getContext('2d');
    drawn.fillStyle = color;
    drawn.fillRect(0, 0, 1, 1);
    return drawn.getImageData(0, 0, 1, 1).data[1];
}"""
RIGHT: Final = "all => Math.max(...all.map(each => each.getBoundingClientRect().right))"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_it_fits_the_theme_and_the_width(tab: Tab, size: tuple[int, int], dark: bool) -> None:
    long = "a_very_long_name_without_any_break_" * 6 + ".raw"
    failures = [*FAILURES, {"name": long, "kind": "Disk full", "message": "no room; make some"}]
    tab.show(report(failures=failures, failed=3), text=text_of([long], failed=("c",)))
    tab.page.set_viewport_size({"width": size[0], "height": size[1]})
    tab.page.emulate_media(color_scheme="dark" if dark else "light")
    expect(tab.page.locator("html")).to_have_class(re.compile("dark" if dark else "light"))
    expect(tab.region("Failures")).to_contain_text("a_very_long_name")
    tab.look(f"{'phone' if size == PHONE else 'desk'}_{'dark' if dark else 'light'}")
    text = tab.whole.evaluate("element => getComputedStyle(element).color")
    panel = tab.region("Failures").evaluate("element => getComputedStyle(element).backgroundColor")
    assert (tab.page.evaluate(GREEN, text) > 128, tab.page.evaluate(GREEN, panel) > 128) == (dark, not dark)
    place = tab.whole.bounding_box()
    assert place is not None
    assert place["width"] > 0.9 * size[0] or size == DESK
    assert place["x"] + place["width"] <= size[0] + 1
    within = tab.whole.locator(":scope *:not(.dl-line, .dl-line *, .dl-lines > *)")
    assert within.evaluate_all(RIGHT) <= place["x"] + place["width"] + 1


def test_no_name_becomes_html(tab: Tab) -> None:
    failure = {"name": HOSTILE, "kind": HOSTILE, "message": f"{HOSTILE}; {HOSTILE}"}
    hostile = report(about=HOSTILE, path=f"/data/{HOSTILE}", destination=HOSTILE, failures=[failure], status=HOSTILE)
    hostile |= {"outcomes": {HOSTILE: 3}, "assurances": {HOSTILE: 3}}
    tab.show(hostile, text=text_of([HOSTILE]), status=HOSTILE, problems=[HOSTILE])
    shown = '<img src=x onerror="window.broken=1">\\u202egpj.exe</style><script>'
    expect(tab.region("Failures")).to_contain_text(shown)
    expect(tab.page.get_by_role("alert")).to_contain_text(shown)
    expect(tab.region("Outcomes")).to_contain_text(shown)
    expect(tab.region("Text of the report")).to_contain_text("<img src=x")
    assert tab.page.evaluate("window.broken") is None
    assert tab.whole.locator("img, script, iframe, object").count() == 0
    tab.look("hostile")


def test_a_hundred_thousand_lines(tab: Tab) -> None:
    names = [f"plate_{number:06}.fits" for number in range(100_000)]
    tab.show(report(), text=text_of(names, failed=("broken.fits",)))
    text = tab.region("Text of the report")
    expect(text).to_contain_text("100,012 lines")
    lines = text.get_by_role("list", name="Lines of the report")
    rows = lines.get_by_role("listitem")
    assert 20 < rows.count() < 100
    lines.focus()
    tab.page.keyboard.press("End")
    expect(lines).to_contain_text("Status: SUCCESS")
    assert rows.count() < 100
    assert rows.last.get_attribute("aria-posinset") == rows.last.get_attribute("aria-setsize") == "100012"

    text.get_by_role("searchbox", name="Search in the report").fill("plate_09999")
    expect(text).to_contain_text("10 of 100,012 lines")
    expect(lines.locator("mark").first).to_have_text("plate_09999")
    text.get_by_role("searchbox").fill("")
    text.get_by_role("button", name="failed 1").click()
    expect(lines.get_by_role("listitem")).to_have_count(1)
    expect(lines).to_contain_text("broken.fits: FAILURE")
    tab.look("hundred_thousand")


def test_what_would_be_done(tab: Tab) -> None:
    actions = {
        "keep": {"files": 3, "bytes": 3 * MB},
        "resume": {"files": 1, "bytes": 40 * MB},
        "heal": {"files": 0, "bytes": 0},
        "download": {"files": 2, "bytes": 9000 * MB},
        "thaw": {"files": 0, "bytes": 0},
    }
    foreseen = {"failures": FAILURES, "failed": 3, "unsized": 1}
    dry = report(path="", status="DRY RUN", actions=actions, free=1000 * MB, to_fetch=9040 * MB, **foreseen)
    tab.show(dry, status="DRY RUN", text="a.raw: DOWNLOAD - 12.0 MB\nb.raw: KEEP - 1.0 MB\n")
    would = tab.region("Dry run of 20250115_sample")
    expect(would.get_by_role("row", name=re.compile("Downloaded: not there 2 8.8 GB"))).to_be_visible()
    expect(would.get_by_role("row", name="Not downloaded: they would fail 3")).to_be_visible()
    expect(would).to_contain_text("8.8 GB and 1 file of unknown size would be fetched")
    expect(would).to_contain_text("The disk lacks 7.9 GB")
    failures = tab.region("Failures")
    expect(failures).to_contain_text("3 files would fail")
    expect(failures).to_contain_text(GONE.removeprefix("Not found: ").partition(";")[0])
    expect(failures).to_contain_text("1 more would fail: filter the listing by failed")
    listing = tab.region("Listing")
    listing.get_by_role("button", name="keep 1").click()
    expect(listing.get_by_role("listitem")).to_have_text(["b.raw: KEEP - 1.0 MB"])
    tab.leave("report_text", [{"about": "a", "path": "", "text": "a.raw: KEEP - 1 B\n", "left_out": 9000}])
    tab.leave("result", {"status": "DRY RUN", "reports": [dry], "problems": []})
    tab.refresh()
    expect(listing).to_contain_text("9,000 files are not listed here. The figures above count all of them.")
    tab.look("dry_run")


def test_an_audit_says_that_it_is_one_and_leads_to_the_restore(tab: Tab) -> None:
    def audited(route: Route) -> None:
        answer = route.fetch()
        run = answer.json()
        route.fulfill(response=answer, json=run | {"conf": {**run["conf"], "audit": True}})

    tab.page.route(RUN, audited)
    missing = {"name": "b.raw", "kind": "Missing", "message": "Missing: b.raw is not there; run the restore"}
    found = report(outcomes={"intact": 411, "failed": 1}, assurances={"MD5": 411}, failures=[missing], failed=1)
    tab.show(found, audit=True, text=text_of([]).replace("\n\n\n", "\na.raw: OK - Intact (verified, 5 B in 0.1s)\n\n"))
    expect(tab.page.get_by_role("heading", name="Audit of 20250115_sample")).to_be_visible()
    expect(tab.whole).to_contain_text("Modeaudit")
    expect(tab.region("Outcomes")).to_contain_text("intact 411")
    expect(tab.region("Failures")).to_contain_text("Missing: b.raw is not there")
    expect(tab.region("Text of the report").get_by_role("button", name="intact 1")).to_be_visible()
    tab.look("audit")
    tab.page.get_by_role("button", name="Run the restore").click()
    expect(tab.page.get_by_role("group", name="Run again")).to_contain_text('"audit": false')
    tab.page.get_by_role("button", name="Cancel").click()


def test_what_was_refused_is_told(tab: Tab) -> None:
    tab.show(status="REFUSED", problems=["raw file nosuch: the catalogue has no such record; look at its id"])
    expect(tab.page.get_by_role("alert")).to_contain_text("the catalogue has no such record")


def test_a_run_without_a_result_is_told_so(tab: Tab) -> None:
    tab.leave("result", None)
    tab.leave("report_text", None)
    tab.refresh()
    expect(tab.whole).to_contain_text("The task report left no result")
    link = tab.page.get_by_role("link", name="See the task report")
    expect(link).to_have_attribute("href", re.compile(r"/dags/s3_downloader/runs/[^/]+/tasks/report$"))


Change = Callable[[dict[str, Any]], None]


def as_it_runs(tab: Tab, change: Change) -> None:
    """Shows the run as if it were running, with its tasks changed on their way to the browser."""

    def tasks(route: Route) -> None:
        answer = route.fetch()
        found = answer.json()
        for task in found["task_instances"]:
            change(task)
        route.fulfill(response=answer, json=found)

    def running(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"state": "running", "end_date": None})

    tab.page.route(TASKS, tasks)
    tab.page.route(RUN, running)
    tab.refresh()


def test_a_pool_that_is_missing_is_told(tab: Tab) -> None:
    def wait(task: dict[str, Any]) -> None:
        if task["task_id"] != "validate":
            task |= {"state": "scheduled" if task["task_id"] == "download" else None, "pool": "no_such_pool"}

    as_it_runs(tab, wait)
    alert = tab.page.get_by_role("alert")
    expect(alert).to_contain_text("4 shards wait, and for ever: there is no pool no_such_pool")
    tab.look("missing_pool")


def test_a_run_that_waits_for_a_person_says_so(tab: Tab) -> None:
    def ask(task: dict[str, Any]) -> None:
        if task["task_id"] != "validate":
            task |= {"state": "awaiting_input" if task["task_id"] == "approve" else None, "map_index": -1}

    as_it_runs(tab, ask)
    progress = tab.region("Progress")
    expect(progress).to_contain_text("This run waits for a person: nothing is downloaded until it is approved.")
    expect(progress.get_by_role("link")).to_have_attribute("href", re.compile(r"/tasks/approve/required_actions$"))
    tab.look("waits_for_a_person")


def test_tries_are_told(tab: Tab) -> None:
    def again(task: dict[str, Any]) -> None:
        if task["map_index"] == 1:
            task |= {"state": "up_for_retry", "try_number": 2, "max_tries": 2}

    as_it_runs(tab, again)
    expect(tab.region("Shards")).to_contain_text("try 2 of 3")
    expect(tab.region("Progress")).to_contain_text("Task retries1")


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
def test_what_the_api_refuses_is_told(tab: Tab, status: int, words: str) -> None:
    page = tab.page
    if status:
        page.route(TASKS, lambda route: route.fulfill(status=status, json={"detail": "so it is"}))
    else:
        page.route(TASKS, lambda route: route.abort())
    tab.refresh()
    notice = tab.whole.locator(".dl-notice").first
    expect(notice).to_contain_text(words)
    expect(notice).to_contain_text("What is shown here is of before.")
    expect(tab.region("Shards")).to_be_visible()
    page.unroute(TASKS)
    if status == 401:
        log_in = notice.get_by_role("link", name="Log in")
        expect(log_in).to_have_attribute("href", re.compile(r"/api/v2/auth/login\?next=http"))
        tab.refresh()
    else:
        notice.get_by_role("button", name="Try again").click()
    expect(tab.whole.get_by_text(words)).to_be_hidden()


def test_the_keyboard_reaches_all_of_it(tab: Tab) -> None:
    tab.show(report(), text=text_of(["a"], failed=("c",)))
    expect(tab.region("Text of the report")).to_be_visible()
    tab.page.get_by_role("button", name="Refresh").focus()
    reached = set()
    name = "document.activeElement.getAttribute('aria-label') || document.activeElement.textContent"
    for _ in range(30):
        tab.page.keyboard.press("Tab")
        reached.add(tab.page.evaluate(name))
    wanted = {"Run again", "Copy all", "Copy path", "Download text", "Search in the report", "Lines of the report"}
    assert wanted <= reached
    style = "element => { element.focus(); return getComputedStyle(element).outlineStyle }"
    assert tab.page.get_by_role("searchbox").evaluate(style) == "solid"


def test_it_asks_one_round_at_a_time_and_none_once_the_run_is_over(tab: Tab) -> None:
    page = tab.visitor.page()
    asked: list[str] = []
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.on("request", lambda request: asked.append(request.url) if TASKS.search(request.url) else None)
    page.clock.install()
    page.route(TASKS, hold)
    with page.expect_request(TASKS):
        tab.visitor.open_tab(page, tab.run)
    page.clock.fast_forward(600_000)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_role("region", name="Restore", exact=True)).to_contain_text("Reading the run")
    assert len(asked) == 1

    held[0].continue_()
    page.unroute(TASKS)
    refresh = page.get_by_role("button", name="Refresh")
    expect(refresh).to_be_visible()
    page.clock.fast_forward(600_000)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    with page.expect_request(TASKS):
        refresh.click()
    assert len(asked) == 2
    page.close()


def test_the_files_of_the_pages_are_for_those_who_are_logged_in(
    airflow: RealAirflow, window: tuple[Visitor, Page]
) -> None:
    for app in ("restore_tab", "restores_page"):
        address = f"{airflow.airflow.address}/downloader/{app}.js"
        assert requests.get(address, timeout=30).status_code == 401
        assert requests.get(address, cookies={"_token": secret("forged-login")}, timeout=30).status_code == 403
        cookies = {"_token": window[0].login()}
        answer = requests.get(address, cookies=cookies, timeout=30)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
        unchanged = requests.get(
            address, cookies=cookies, headers={"If-None-Match": answer.headers["ETag"]}, timeout=30
        )
        assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert requests.get(f"{airflow.airflow.address}/downloader/nothing.js", timeout=30).status_code in (401, 404)


def test_it_runs_again_with_the_same_parameters(tab: Tab) -> None:
    tab.page.get_by_role("button", name="Run again").click()
    again = tab.page.get_by_role("group", name="Run again")
    expect(again).to_contain_text('"raw_file_id": "watched"')
    posted_to = re.compile(r"/dagRuns$")
    tab.page.route(posted_to, lambda route: route.fulfill(status=403, json={"detail": "Forbidden"}))
    again.get_by_role("button", name="Start").click()
    expect(again.get_by_role("alert")).to_contain_text("You lack the permission")
    tab.page.unroute(posted_to)
    with tab.page.expect_response(lambda answer: answer.request.method == "POST") as posted:
        again.get_by_role("button", name="Start").click()
    made = posted.value.json()
    assert made["conf"] == {"raw_file_id": "watched"}
    expect(tab.page.get_by_role("heading", name=made["dag_run_id"])).to_be_visible()
    expect(tab.region("Restore").get_by_role("heading", name="watched")).to_be_visible()
    assert "/plugin/restore" in tab.page.url
    tab.airflow.mark(TriggeredRun(DAG, made["dag_run_id"]), "failed")
