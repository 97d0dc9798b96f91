"""The page Restores in a real Chromium, before a real Airflow with real runs.

Thousands of runs, and refusals of Airflow, are put between it and the browser. SCREENSHOTS=FOLDER keeps pictures.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
import requests
from playwright.sync_api import Locator, Page, Route, expect

from include.demo.airflow_api import TriggeredRun
from include.stand_ins.secrets import MARK, secret
from support.browser import DESK, PHONE, Visitor
from support.real_airflow import RealAirflow

pytestmark = pytest.mark.timeout(300)

S3: Final = "s3_downloader"
SLOOH: Final = "slooh_images"
DAGS: Final = (S3, "minio_downloader", "drive_datasets", SLOOH)
HOSTILE: Final = '<img src=x onerror="window.broken=1">\u202egpj.exe</style><script>window.broken=1</script>'
RUNS: Final = re.compile(r"/api/v2/dags/~/dagRuns/list$")
RESULTS: Final = re.compile(r"/downloader/results\?")
READY: Final = re.compile(r"/downloader/ready$")
MANY: Final = 3000


@pytest.fixture(scope="module")
def runs(airflow: RealAirflow) -> dict[str, TriggeredRun]:
    """A run that succeeded, one that missed a file, one that was refused, and one of another DAG.

    Nothing was run: a DAG that is paused leaves them to those who mark them, and write what its tasks would have left.
    """
    for dag_id in (S3, SLOOH):
        airflow._ask("PATCH", f"dags/{dag_id}", {"is_paused": True})
    made: dict[str, tuple[str, dict[str, Any], str]] = {
        "fine": (S3, {"raw_file_id": "plate_fine"}, "success"),
        "gone": (S3, {"raw_file_ids": ["plate_gone", "plate_fine"]}, "failed"),
        "hostile": (S3, {"raw_file_id": HOSTILE}, "failed"),
        "slooh": (SLOOH, {"select": "all", "file_types": ["PNG"]}, "success"),
    }
    runs = {}
    for name, (dag_id, conf, state) in made.items():
        runs[name] = airflow.trigger(dag_id, conf)
        airflow.mark(runs[name], state)
    report = {"about": "plate", "files": 2, "successful": 2, "failed": 0, "bytes": 3 * 2**30, "fetched": 2**30}
    failure = {
        "name": "d.raw",
        "kind": "Not found",
        "message": "Not found: there is no object s3://bucket/plate_gone/d.raw",
    }
    leave(airflow, runs["fine"], "SUCCESS", [report])
    leave(airflow, runs["gone"], "PARTIAL FAILURE", [report | {"successful": 1, "failed": 1, "failures": [failure]}])
    leave(airflow, runs["hostile"], "REFUSED", [], problems=[f"no raw file {HOSTILE}"])
    for dag_id in (S3, SLOOH):
        airflow._ask("PATCH", f"dags/{dag_id}", {"is_paused": False})
    return runs


def leave(
    airflow: RealAirflow, run: TriggeredRun, status: str, reports: list[Any], problems: Sequence[str] = ()
) -> None:
    """Puts down what the task `report` of a run leaves."""
    where = f"{airflow._path(run)}/taskInstances/report/xcomEntries"
    value = {"status": status, "reports": reports, "problems": list(problems)}
    airflow._ask("POST", where, {"key": "result", "value": value, "map_index": -1})


@pytest.fixture(scope="module")
def names(airflow: RealAirflow) -> dict[str, str]:
    """What the DAGs are called in Airflow's pages."""
    return {dag_id: str(airflow._ask("GET", f"dags/{dag_id}")["dag_display_name"]) for dag_id in DAGS}


def opened(visitor: Visitor, query: str = "", size: tuple[int, int] = DESK, *, dark: bool = False) -> Page:
    page = visitor.page(size, dark=dark)
    go(page, visitor, query)
    return page


def go(page: Page, visitor: Visitor, query: str = "") -> None:
    page.goto(f"{visitor.airflow.airflow.address}/plugin/restores{query}")


def rows(page: Page) -> Locator:
    """Those of the list, without its head."""
    return (
        page.get_by_role("table", name="Runs, the newest first").get_by_role("row").filter(has=page.get_by_role("cell"))
    )


def panel(page: Page, name: str | re.Pattern[str]) -> Locator:
    return page.get_by_role("region", name=name)


def test_it_stands_in_the_navigation(visitor: Visitor, runs: dict[str, TriggeredRun]) -> None:
    page = visitor.page()
    page.goto(visitor.airflow.airflow.address)
    page.get_by_role("button", name="Browse").click()
    page.get_by_role("menuitem", name="Restores").click()
    expect(page.get_by_role("heading", name="Restores", level=2)).to_be_visible()
    expect(rows(page)).to_have_count(len(runs))


def test_runs_of_all_dags_stand_newest_first_with_what_they_did(
    visitor: Visitor, runs: dict[str, TriggeredRun], names: dict[str, str]
) -> None:
    page = opened(visitor)
    expect(rows(page)).to_have_count(len(runs))
    for words in ("all, only PNG", names[SLOOH], "success", "admin"):
        expect(rows(page).nth(0)).to_contain_text(words)
    expect(rows(page).nth(2)).to_contain_text("plate_gone, plate_fine")
    expect(rows(page).nth(2)).to_contain_text("d.raw: Not found: there is no object s3://bucket/plate_gone/d.raw")
    expect(rows(page).nth(2).get_by_role("cell").nth(2)).to_have_text("1 of 2")
    fine = rows(page).nth(3)
    expect(fine.get_by_role("cell").nth(2)).to_have_text("2")
    expect(fine.get_by_role("cell").nth(3)).to_have_text("3.0 GB")
    totals = panel(page, re.compile("Totals of all DAGs in 30 days"))
    expect(totals).to_contain_text(re.compile(r"Runs4 \(2 failed\)"))
    expect(totals).to_contain_text("2.0 GB")
    expect(
        totals.get_by_role("figure", name="Bytes downloaded on each day in 30 days: 2.0 GB on 1 day")
    ).to_be_visible()
    visitor.look(page, "restores")

    fine.get_by_role("link", name="plate_fine", exact=True).click()
    expect(page).to_have_url(re.compile(r"/dags/s3_downloader/runs/[^/]+/plugin/restore$"))
    expect(page.get_by_role("region", name="Restore", exact=True)).to_be_visible()
    page.go_back()
    rows(page).nth(3).get_by_role("link", name=re.compile("^Run ")).click()
    expect(page).to_have_url(re.compile(r"/dags/s3_downloader/runs/[^/]+/?$"))


def test_what_is_chosen_stands_in_the_address(visitor: Visitor, runs: dict[str, TriggeredRun]) -> None:
    page = opened(visitor)
    page.get_by_role("combobox", name="DAG").select_option(S3)
    expect(rows(page)).to_have_count(3)
    expect(panel(page, re.compile("Totals of s3_downloader"))).to_contain_text(re.compile(r"Runs3 \(2 failed\)"))
    page.get_by_role("combobox", name="State").select_option("failed")
    expect(rows(page)).to_have_count(2)
    page.get_by_role("searchbox", name="Search runs").fill("NOT found d.raw")
    expect(rows(page)).to_have_count(1)
    page.get_by_role("combobox", name="Time").select_option("7")
    expect(page).to_have_url(re.compile(r"\?dag=s3_downloader&state=failed&q=NOT\+found\+d\.raw&days=7$"))
    page.reload()
    expect(rows(page)).to_have_count(1)
    expect(page.get_by_role("searchbox", name="Search runs")).to_have_value("NOT found d.raw")
    page.get_by_role("searchbox", name="Search runs").fill("nothing is called that")
    expect(page.get_by_text("No run is like that.")).to_be_visible()
    page.get_by_role("button", name="Show all runs").click()
    expect(rows(page)).to_have_count(len(runs))
    expect(page).to_have_url(re.compile(r"\?days=all$"))


def test_no_name_becomes_html(visitor: Visitor, runs: dict[str, TriggeredRun]) -> None:
    def hostile(route: Route) -> None:
        answer = route.fetch()
        found = answer.json()
        for run in found["dag_runs"]:
            run |= {"triggering_user_name": HOSTILE, "note": HOSTILE, "dag_display_name": HOSTILE}
        route.fulfill(response=answer, body=json.dumps(found))

    page = visitor.page()
    page.route(RUNS, hostile)
    go(page, visitor, "?q=img")
    expect(rows(page).nth(1)).to_contain_text('<img src=x onerror="window.broken=1">\\u202egpj.exe</style><script>')
    visitor.look(page, "restores_hostile")
    assert page.evaluate("window.broken") is None
    assert panel(page, "Restores").locator("img, script, iframe, object").count() == 0


def many(page: Page) -> list[str]:
    """Lets Airflow answer thousands of runs. Answers what was asked."""
    asked: list[str] = []
    now = datetime.now(UTC)

    def run(number: int) -> dict[str, Any]:
        due = (now - timedelta(hours=2 * number + 1)).isoformat()
        return {
            "dag_id": S3,
            "dag_run_id": f"manual__{number}",
            "state": "failed" if number % 10 == 0 else "success",
            "run_after": due,
            "start_date": due,
            "end_date": due,
            "duration": 61.0,
            "conf": {"raw_file_id": f"plate_{number:05}"},
            "triggering_user_name": "ada",
            "dag_display_name": S3,
        }

    def list_runs(route: Route) -> None:
        body: dict[str, Any] = json.loads(route.request.post_data or "")
        asked.append(f"runs {body['page_offset']}")
        first = body["page_offset"]
        found = [run(number) for number in range(first, min(first + body["page_limit"], MANY))]
        route.fulfill(json={"dag_runs": found, "total_entries": MANY})

    def list_results(route: Route) -> None:
        at = re.search(r"before=(\d+)", route.request.url)
        before = int(at[1]) if at else MANY + 1
        asked.append(f"results {before}")
        numbers = range(before - 1, max(0, before - 501), -1)
        found = []
        for number in numbers:
            one = run(MANY - number)
            figures = {
                "status": "SUCCESS",
                "about": [],
                "reports": 1,
                "files": 10,
                "successful": 10,
                "fetched": 2**20 * (number % 97),
            }
            found.append(
                {**{key: one[key] for key in ("dag_id", "state", "run_after")}, "run_id": one["dag_run_id"], **figures}
            )
        route.fulfill(json={"runs": found, "next": numbers[-1] if numbers[-1] > 1 else None})

    page.route(RUNS, list_runs)
    page.route(RESULTS, list_results)
    return asked


def test_thousands_of_runs_are_paged_and_searched(visitor: Visitor, runs: dict[str, TriggeredRun]) -> None:
    page = visitor.page()
    asked = many(page)
    go(page, visitor, "?days=365")
    expect(page.get_by_text("Runs 1 to 50 of 3,000")).to_be_visible()
    expect(panel(page, re.compile("Totals"))).to_contain_text("30,000")
    assert rows(page).count() == 50
    assert [each for each in asked if each.startswith("runs")] == ["runs 0"]
    page.get_by_role("button", name="Older").click()
    page.get_by_role("button", name="Older").click()
    expect(page.get_by_text("Runs 101 to 150 of 3,000")).to_be_visible()
    expect(rows(page).first).to_contain_text("plate_00100")
    expect(page).to_have_url(re.compile(r"page=3$"))
    page.go_back()
    expect(rows(page).first).to_contain_text("plate_00050")
    visitor.look(page, "restores_many")

    page.get_by_role("searchbox", name="Search runs").fill("plate_02999")
    expect(page.get_by_text("Runs 1 to 1 of 1")).to_be_visible()
    expect(rows(page)).to_have_count(1)
    assert "runs 2900" in asked


@pytest.mark.parametrize(
    ("name", "size", "dark"), [("dark", DESK, True), ("phone", PHONE, False), ("phone_dark", PHONE, True)]
)
def test_it_fits_the_theme_and_the_width(
    visitor: Visitor, runs: dict[str, TriggeredRun], name: str, size: tuple[int, int], dark: bool
) -> None:
    page = opened(visitor, size=size, dark=dark)
    expect(rows(page)).to_have_count(len(runs))
    expect(panel(page, re.compile("Totals")).locator("canvas")).to_be_visible()
    page.get_by_role("button", name="details").click()
    visitor.look(page, f"restores_{name}")
    whole = panel(page, "Restores")
    place = whole.bounding_box()
    assert place is not None
    wide = whole.locator(":scope *:not(.dl-hidden, .dl-runs-head, .dl-runs-head *)").evaluate_all(
        "all => Math.max(...all.map(each => each.getBoundingClientRect().right))"
    )
    assert wide <= place["x"] + place["width"] + 1
    assert place["x"] + place["width"] <= size[0]


def test_what_the_dags_need_is_told(
    visitor: Visitor, runs: dict[str, TriggeredRun], names: dict[str, str], airflow: RealAirflow
) -> None:
    page = opened(visitor)
    ready = panel(page, "Ready?")
    for dag_id in (S3, "minio_downloader", SLOOH):
        expect(ready.get_by_role("listitem").filter(has_text=f"{names[dag_id]}: ready")).to_be_visible()
    # The manifest of this Airflow is missing, which may be so on this machine alone.
    expect(
        ready.get_by_role("listitem").filter(has_text=f"{names['drive_datasets']}: not seen from here")
    ).to_be_visible()
    ready.get_by_role("button", name="Show details").click()
    about = ready.get_by_role("region", name=names[S3])
    expect(about).to_contain_text("s3_download_pool has 2 slots")
    expect(about).to_contain_text("the connection aws_default is filled in")
    expect(about).to_contain_text("the catalogue of the connection raw_files answers")
    expect(about).to_contain_text(
        re.compile(re.escape(f"{airflow.location(S3)} can be written to (") + r"[\d.]+ .B free")
    )
    visitor.look(page, "ready")
    page.reload()
    expect(ready.get_by_role("button", name="Hide details")).to_be_visible()


def test_what_is_missing_is_told_with_what_to_do(
    visitor: Visitor, runs: dict[str, TriggeredRun], names: dict[str, str], airflow: RealAirflow
) -> None:
    location = airflow.location(S3)
    moved = location.rename(location.with_name("moved"))
    airflow._ask("PATCH", f"dags/{SLOOH}", {"is_paused": True})
    airflow.airflow.api._session.delete(f"{airflow.airflow.address}/api/v2/pools/minio_download_pool", timeout=30)
    try:
        page = opened(visitor)
        ready = panel(page, "Ready?")
        expect(ready.get_by_role("region", name=names["minio_downloader"])).to_contain_text(
            "there is no pool minio_download_pool, so the tasks wait for ever; run: airflow pools import"
        )
        expect(ready.get_by_role("region", name=names[SLOOH])).to_contain_text("it is paused")
        about = ready.get_by_role("region", name=names[S3])
        missing = f"locations.output is {location}, which does not exist: create it"
        look_again = page.get_by_role("button", name="Look again")
        look_again.click()  # once: the server hands out what it has seen for five seconds, and is asked again then
        expect(about).to_contain_text(missing)
        expect(ready.get_by_role("listitem").filter(has_text=f"{names[S3]}: not seen from here")).to_be_visible()
        visitor.look(page, "not_ready")
    finally:
        moved.rename(location)
        airflow._ask("PATCH", f"dags/{SLOOH}", {"is_paused": False})
        pool = {"name": "minio_download_pool", "slots": 2, "description": "", "include_deferred": False}
        airflow._ask("POST", "pools", pool)


def test_what_is_late_is_asked_for_again(
    visitor: Visitor, runs: dict[str, TriggeredRun], names: dict[str, str]
) -> None:
    late = {"folder": {"state": "late", "sentence": "no answer yet"}}
    answers = [dict.fromkeys(DAGS, late)]

    def first(route: Route) -> None:
        if answers:
            route.fulfill(json=answers.pop())
        else:
            route.continue_()

    page = visitor.page()
    page.route(READY, first)
    go(page, visitor)
    expect(panel(page, "Ready?")).to_contain_text(f"{names[S3]}: looking")
    expect(panel(page, "Ready?")).to_contain_text(f"{names[S3]}: ready")


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        (RUNS, 401, "Your login has expired"),
        (RUNS, 403, "You lack the permission"),
        (RESULTS, 500, "failed (500); its log has the reason. It is asked again by itself."),
        (RESULTS, 0, "does not answer"),
        (READY, 503, "failed (503)"),
    ],
)
def test_what_the_api_refuses_is_told(
    visitor: Visitor, runs: dict[str, TriggeredRun], asked: re.Pattern[str], status: int, words: str
) -> None:
    page = visitor.page()
    page.route(asked, lambda route: route.fulfill(status=status, json={"detail": "why"}) if status else route.abort())
    go(page, visitor)
    alert = page.get_by_role("alert").filter(has_text=words)
    expect(alert).to_be_visible()
    if status == 401:
        return
    page.unroute(asked)
    alert.get_by_role("button", name="Try again").click()
    expect(alert).to_be_hidden()
    expect(rows(page)).to_have_count(len(runs))


def test_a_refusal_of_one_part_leaves_the_others(
    visitor: Visitor, runs: dict[str, TriggeredRun], names: dict[str, str]
) -> None:
    page = visitor.page()
    page.route(READY, lambda route: route.fulfill(status=403, json={"detail": "Forbidden"}))
    page.route(re.compile("/api/v2/pools/"), lambda route: route.fulfill(status=403, json={"detail": "Forbidden"}))
    go(page, visitor)
    expect(panel(page, "Ready?")).to_contain_text(f"{names[S3]}: not seen from here")
    expect(rows(page)).to_have_count(len(runs))


def test_the_keyboard_reaches_all_of_it(visitor: Visitor, runs: dict[str, TriggeredRun]) -> None:
    page = opened(visitor)
    expect(rows(page)).to_have_count(len(runs))
    expect(page.get_by_role("button", name="Show details")).to_be_enabled()
    page.get_by_role("combobox", name="DAG").focus()
    reached = []
    for _ in range(14):
        reached.append(
            page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.textContent")
        )
        page.keyboard.press("Tab")
    wanted = ["DAG", "Time", "Show details", "Search runs", "State", "all, only PNG"]
    assert [name for name in reached if name in wanted] == wanted


def test_the_routes_are_for_those_who_are_logged_in(airflow: RealAirflow, visitor: Visitor) -> None:
    for route in ("ready", "results"):
        address = f"{airflow.airflow.address}/downloader/{route}"
        assert requests.get(address, timeout=30).status_code == 401
        assert requests.get(address, cookies={"_token": secret("forged")}, timeout=30).status_code == 403
        answer = requests.get(address, cookies={"_token": visitor.login()}, timeout=30)
        assert answer.status_code == 200
        assert MARK not in answer.text


def test_a_run_appears_and_is_followed_to_its_end(
    visitor: Visitor, runs: dict[str, TriggeredRun], airflow: RealAirflow
) -> None:
    """The last one: it adds a run, a real one."""
    page = visitor.page()
    page.clock.install()
    go(page, visitor, "?q=plate_live")
    expect(page.get_by_text("No run is like that.")).to_be_visible()
    airflow.record("plate_live", {"a.raw": b"a" * 5000, "b.raw": b"b" * 7000})
    run = airflow.trigger(S3, {"raw_file_id": "plate_live"})
    page.clock.fast_forward(30_000)  # where no run is under way, it looks that seldom
    expect(rows(page)).to_have_count(1)
    assert airflow.wait(run) == "success"
    live = rows(page).first
    expect(live).to_contain_text("success")
    expect(live.get_by_role("cell").nth(2)).to_have_text("2")
    expect(live.get_by_role("cell").nth(3)).to_have_text("11.7 KB")
