"""Calls the notifiers that the configuration names: when a run succeeded, failed or missed its deadline.

A notifier gets the context that Airflow's own callbacks get, and `notification` in it: what happened, in three lines.
"""

from __future__ import annotations

import html
import logging
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final, NamedTuple

from airflow.sdk.log import mask_secret

from downloader.errors import cut
from downloader.report import visible

from .settings import ConfigurationError, Notifier, find_connection, load
from .wording import counted, duration, one_line, shown_size
from .xcoms import RESULT

__all__ = ["DEADLINE", "FAILURE", "SUCCESS", "Notification", "notification_of", "notify"]

SUCCESS: Final = "success"
FAILURE: Final = "failure"
DEADLINE: Final = "deadline"

_NOT_CALLED: Final = "The configured notifier could not be called for the %s of this run"
_LONGEST_NAME: Final = 80
_LONGEST_LINE: Final = 500
"""Characters."""

log = logging.getLogger(__name__)


class Notification(NamedTuple):
    """What a notifier's templates can use.

    `event`: success, failure or deadline. `subject`: the first of the three lines. `text`: all three. `html`: the same
    for an e-mail, escaped. `result`: see `download_run.result`; empty where the run has none.
    """

    event: str
    subject: str
    text: str
    html: str
    result: dict[str, Any]


def notify(event: str, context: Mapping[str, Any]) -> None:
    """Calls each notifier that is to know of `event`. The configuration is read now, not when the DAG is parsed.

    A notifier that cannot be loaded, or fails, is a line in the log: it must not hide what happened to the run.
    """
    try:
        notifiers = [notifier for notifier in load().notifier if event in notifier.when]
    except ConfigurationError as error:
        log.error("%s: %s", _NOT_CALLED % event, visible(str(error)))
        return
    if not notifiers:
        return
    told = {**context, "notification": notification_of(event, context)}
    for notifier in notifiers:
        try:
            _call(notifier, told)
        except Exception:
            log.exception(_NOT_CALLED, event)


def notification_of(event: str, context: Mapping[str, Any]) -> Notification:
    """What happened to the run of `context`: that of a task, or the smaller one that Airflow has for a deadline."""
    result: dict[str, Any] = {}
    if event == DEADLINE:
        lines = _missed(context["dag_run"], context["deadline"])
    else:
        result = _result(context)
        lines = _ended(context, result)
    lines = [cut(line, _LONGEST_LINE) for line in lines]
    text = "\n".join(lines)
    return Notification(event, lines[0], text, f"<p>{html.escape(text)}</p>".replace("\n", "<br>\n"), result)


def _call(notifier: Notifier, context: Mapping[str, Any]) -> None:
    module, _, name = notifier.callable.rpartition(".")
    found = getattr(import_module(module), name)
    _mask_addresses(notifier.arguments)
    if isinstance(found, type) or notifier.arguments:
        found = found(**notifier.arguments)
    found(context)


def _mask_addresses(arguments: Mapping[str, Any]) -> None:
    """Keeps what stands behind the host of an address out of the logs: with most chat servers it is the secret.

    Airflow masks passwords and the like, but requests and its own hooks tell addresses, above all where they fail.
    """
    for name, value in arguments.items():
        if not isinstance(value, str):
            continue
        connection = find_connection(value) if name.endswith("conn_id") else None
        address = value if connection is None else connection.host or ""
        if connection is not None or "://" in value or name == "endpoint":
            _, apart, rest = address.rpartition("://")
            path = rest.partition("/")[2] if apart or connection is not None else rest
            mask_secret(path.strip("/"))


def _result(context: Mapping[str, Any]) -> dict[str, Any]:
    """What the task `report` pushed; empty where it was stopped before."""
    try:
        found = context["ti"].xcom_pull(task_ids="report", key=RESULT)
    except Exception:  # of a task that was killed, Airflow's DAG processor calls, which has no XComs
        log.warning("The result of the run could not be read", exc_info=True)
        return {}
    return found if isinstance(found, dict) else {}


def _ended(context: Mapping[str, Any], result: Mapping[str, Any]) -> list[str]:
    run = context["dag_run"]
    reports, problems = result.get("reports", []), result.get("problems", [])
    about = f", {cut(reports[0]['about'], _LONGEST_NAME)}{_more(reports)}" if reports else ""
    paths = [report["path"] for report in reports if report["path"]]
    sentence = one_line(str(context.get("exception") or "it has no reports"))
    return [
        f"{run.dag_id}{', audit' if result.get('audit') else ''}: {result.get('status', 'FAILED')}{about}",
        _counts(reports, problems) if reports else one_line(problems[0]) if problems else sentence,
        f"{paths[0]}{_more(paths)}" if paths else f"run {one_line(run.run_id)}",
    ]


def _counts(reports: list[dict[str, Any]], problems: list[str]) -> str:
    """``3 of 4 files, 1234.5 MB in 46 s; first failure: sample.d/subfile3.bin: Network error: ...``."""
    files, size = (sum(report[name] for report in reports) for name in ("files", "bytes"))
    if not all("successful" in report for report in reports):
        return f"{counted(files)}, {shown_size(size)}; nothing was downloaded"
    successful = sum(report["successful"] for report in reports)
    seconds = f" in {duration(reports[0]['seconds'])}" if len(reports) == 1 else ""
    failures = [f"{each['name']}: {each['message']}" for report in reports for each in report["failures"]]
    first = [*failures, *map(one_line, problems)][:1]
    failure = f"; first failure: {first[0]}" if first else ""
    return f"{successful:,} of {counted(files)}, {shown_size(size)}{seconds}{failure}"


def _missed(run: Mapping[str, Any], deadline: Mapping[str, Any]) -> list[str]:
    """`run`, `deadline`: as JSON has them."""
    due = str(deadline["deadline_time"])[:19].replace("T", " ")
    return [
        f"{run['dag_id']}: DEADLINE MISSED",
        f"the run is {run['state']}; it was due at {due} UTC",
        f"run {one_line(str(run['dag_run_id']))}",
    ]


def _more(items: list[Any]) -> str:
    return f" and {len(items) - 1:,} more" if len(items) > 1 else ""
