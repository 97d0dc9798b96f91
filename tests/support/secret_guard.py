"""A plugin of pytest that fails each test in which a secret was shown: in a log, an exception, a report, an XCom.

It listens where texts pass, and looks at what a test leaves behind:

- records of all loggers, with their exceptions; those of our own also below the level that is set;
- what was printed, also where the test took it (`capsys`, `capfd`), and what programs that it started printed;
- exceptions of ours and of Airflow's at the end of their lives, and all that `pytest.raises` caught: text, arguments,
  attributes, notes, and all that led to them;
- below `tmp_path` and in Airflow's logs: names of files, and what stands in reports and logs. What is deleted is looked
  at before it goes;
- all tables of Airflow's database, but for that of the connections: see `airflow_rows`.

What stands in none of these has been shown to nobody. See `include.stand_ins.secrets` for what a secret is.
"""

from __future__ import annotations

import gc
import logging
import os
import shutil
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Container, Generator, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from support.airflow_rows import AirflowRows
from support.secret_search import bears_secret, hidden, shown_in

__all__ = ["pytest_configure"]

_OURS: Final = ("downloader", "downloader_tasks")
_AIRFLOWS: Final = "airflow.sdk.exceptions"
_NAME: Final = "secrets"


def pytest_configure(config: pytest.Config) -> None:
    """Begins to listen."""
    guard = Guard()
    config.pluginmanager.register(guard, _NAME)
    config.add_cleanup(guard.close)


class Finds:
    """Where secrets were shown. Safe to use from many threads."""

    def __init__(self) -> None:
        self._held: list[str] = []
        self._lock = threading.RLock()  # an exception may end while it is held

    def look(self, text: str, where: str | Callable[[], str]) -> None:
        """Keeps `where`, and what stood around it, if `text` bears a secret."""
        if bears_secret(text):
            place = where if isinstance(where, str) else where()
            with self._lock:
                self._held.append(f"{hidden(place)}: {shown_in(text)!r}")

    def taken(self) -> list[str]:
        """Those since the last time, each once."""
        with self._lock:
            found, self._held = self._held, []
        return list(dict.fromkeys(found))


class Guard:
    """The plugin."""

    def __init__(self) -> None:
        self.finds = Finds()
        self._late: list[str] = []
        self._rows = AirflowRows(Path(os.environ.get("AIRFLOW_HOME", os.devnull), "airflow.db"))
        self._exceptions = Exceptions(self.finds)
        self._looked_through: set[str] = set()
        self._patches = ExitStack()
        patch = self._patches.enter_context(pytest.MonkeyPatch.context())
        for listen in (_to_loggers, _to_captured, _to_raised, _to_programs, _to_deleted):
            listen(patch, self.finds)

    def close(self) -> None:
        """Listens no longer."""
        self._exceptions.let_go()
        self._patches.close()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """A test's name is shown by everybody: where a case is a secret, it needs an ``id``."""
        named = [shown_in(item.nodeid) for item in items if bears_secret(item.nodeid)]
        if named:
            raise pytest.UsageError("a test's name shows a secret, give the case an id: " + ", ".join(named))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        self._exceptions.adopt()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.when == "teardown":
            self._look_behind(item, report)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """What no test is known to have left behind."""
        gc.collect()
        factory: Any = getattr(session.config, "_tmp_path_factory", None)
        if factory is not None and factory._basetemp is not None:
            look_through(factory._basetemp, self.finds, self._looked_through)
        look_through(Path(os.environ.get("AIRFLOW_HOME", os.devnull)) / "logs", self.finds)
        self._late = self.finds.taken()
        if self._late:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self._patches.close()  # what pytest deletes now are the folders of earlier sessions

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._late:
            terminalreporter.section("secrets were shown, and no test is known to have done it", red=True)
            terminalreporter.write_line("\n".join(self._late))

    def _look_behind(self, item: pytest.Item, report: pytest.TestReport) -> None:
        """At what the test has left behind. Its teardown fails where anything was found since the last one."""
        for name, text in report.sections:
            self.finds.look(text, name)
        folder = getattr(item, "funcargs", {}).get("tmp_path")
        if isinstance(folder, Path):
            self._looked_through.add(str(folder))
            look_through(folder, self.finds)
        if "airflow_database" in getattr(item, "fixturenames", ()):
            self._rows.look(self.finds.look)
        found = self.finds.taken()
        if found:
            report.outcome = "failed"
            report.longrepr = "\n".join(["secrets were shown:", *found])
            report.sections = [(name, hidden(text)) for name, text in report.sections]


# --- files -----------------------------------------------------------------------------------------------------------


def look_through(folder: Path, finds: Finds, passed_over: Container[str] = ()) -> None:
    """At the names of all that lies below `folder`, and into reports and logs."""
    due = [str(folder)]
    while due:  # `os.walk` calls itself, and some tests make a folder in a folder a thousand times
        place = due.pop()
        folders, files = _entries(place)
        finds.look("\n".join([*folders, *files]), f"a name in {place}")
        due += [path for name in folders if (path := f"{place}/{name}") not in passed_over]
        for name in files:
            if _tells(place, name):
                _look_into(Path(place, name), finds)


def _entries(place: str) -> tuple[list[str], list[str]]:
    """The names of folders, and of all else; none where it cannot be read."""
    folders: list[str] = []
    files: list[str] = []
    with suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            (folders if entry.is_dir(follow_symlinks=False) else files).append(entry.name)
    return folders, files


def _tells(place: str, name: str) -> bool:
    """Whether it is a report or a log, so that people read it."""
    return name.startswith("_download_status_") or name.endswith((".log", ".out", ".err")) or "/logs/" in f"{place}/"


def _look_into(file: Path, finds: Finds) -> None:
    with suppress(OSError):
        if file.is_file():
            finds.look(file.read_text(errors="replace"), str(file))


def _to_deleted(patch: pytest.MonkeyPatch, finds: Finds) -> None:
    deleted = shutil.rmtree

    def rmtree(path: Any, *args: Any, **more: Any) -> None:
        if isinstance(path, str | Path):
            look_through(Path(path), finds)
        deleted(path, *args, **more)

    rmtree.avoids_symlink_attacks = deleted.avoids_symlink_attacks  # type: ignore[attr-defined]
    patch.setattr(shutil, "rmtree", rmtree)


# --- logs and output -------------------------------------------------------------------------------------------------


def _to_loggers(patch: pytest.MonkeyPatch, finds: Finds) -> None:
    """Our loggers have all levels enabled; other handlers get only the records of the levels that are set."""
    enabled, called = logging.Logger.isEnabledFor, logging.Logger.callHandlers

    def is_enabled_for(self: logging.Logger, level: int) -> bool:
        return enabled(self, level) or self.name.partition(".")[0] in _OURS

    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        finds.look(_texts_of(record), lambda: f"log of {record.name} ({record.pathname}:{record.lineno})")
        if enabled(self, record.levelno):
            called(self, record)

    patch.setattr(logging.Logger, "isEnabledFor", is_enabled_for)
    patch.setattr(logging.Logger, "callHandlers", call_handlers)


_USUAL: Final = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _texts_of(record: logging.LogRecord) -> str:
    """All that a handler could write of it."""
    try:
        texts = [record.getMessage()]
    except (TypeError, ValueError, KeyError):  # a fault of the call, which logging complains of
        texts = [record.msg, repr(record.args)]
    texts += [repr(value) for name, value in vars(record).items() if name not in _USUAL]
    if record.exc_info and record.exc_info[1]:
        texts.append(told_by(record.exc_info[1]))
    return "\n".join(filter(None, [*texts, record.exc_text, record.stack_info]))


def _to_captured(patch: pytest.MonkeyPatch, finds: Finds) -> None:
    """A test that reads what was printed takes it away from its report."""
    taken = pytest.CaptureFixture.readouterr

    def readouterr(self: pytest.CaptureFixture[Any]) -> Any:
        result = taken(self)
        for name, text in zip(("stdout", "stderr"), result, strict=True):
            finds.look(_text(text), f"captured {name}")
        return result

    patch.setattr(pytest.CaptureFixture, "readouterr", readouterr)


def _to_programs(patch: pytest.MonkeyPatch, finds: Finds) -> None:
    original = subprocess.Popen.communicate

    def communicate(self: subprocess.Popen[Any], *args: Any, **more: Any) -> Any:
        result = original(self, *args, **more)
        for name, text in zip(("stdout", "stderr"), result, strict=True):
            finds.look(_text(text), f"{name} of {_program(self)}")
        return result

    patch.setattr(subprocess.Popen, "communicate", communicate)


def _program(process: subprocess.Popen[Any]) -> str:
    command = process.args
    words = command if isinstance(command, list | tuple) else [command]
    return " ".join(str(word) for word in words[:3])


def _text(output: str | bytes | None) -> str:
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""


# --- exceptions ------------------------------------------------------------------------------------------------------


def told_by(error: BaseException) -> str:
    """All that an exception tells: what a traceback shows, and the arguments and attributes of each link."""
    shown = [_shown_of(link) for link in _shown_links(error)]
    return "\n".join([*shown, *(f"{link.args!r}{vars(link)!r}" for link in _links(error))])


def _shown_of(link: BaseException) -> str:
    """What a traceback shows of it alone. Python's own way takes ten times as long: it is for the kinds that need it.

    Its notes are an attribute. Some tests end ten thousand exceptions.
    """
    if isinstance(link, SyntaxError | BaseExceptionGroup):
        return "".join(traceback.TracebackException.from_exception(link, limit=0).format())
    try:
        return f"{type(link).__qualname__}: {link}"
    except Exception as failure:  # noqa: BLE001 whatever its `__str__` meets with
        return f"{type(link).__qualname__}: {failure!r}"


def _links(error: BaseException | None) -> Iterator[BaseException]:
    """It, and those that led to it. Some hand on what a traceback would not show (``from None``)."""
    met: set[int] = set()
    due = [error]
    while due:
        link = due.pop()
        if link is not None and id(link) not in met:
            met.add(id(link))
            yield link
            due += [link.__context__, link.__cause__]


def _shown_links(error: BaseException | None) -> Iterator[BaseException]:
    """Those that a traceback shows."""
    met: set[int] = set()
    while error is not None and id(error) not in met:
        met.add(id(error))
        yield error
        hidden = error.__cause__ is not None or error.__suppress_context__
        error = error.__cause__ if hidden else error.__context__


def _to_raised(patch: pytest.MonkeyPatch, finds: Finds) -> None:
    left = pytest.RaisesExc.__exit__

    def leave(self: pytest.RaisesExc[Any], kind: Any, error: Any, trace: Any) -> bool:
        __tracebackhide__ = True
        if error is not None:
            finds.look(told_by(error), lambda: f"{type(error).__name__} {_raised_at(error)}")
        return left(self, kind, error, trace)

    patch.setattr(pytest.RaisesExc, "__exit__", leave)


def _raised_at(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"raised at {frames[-1].filename}:{frames[-1].lineno}" if frames else "that was never raised"


class Exceptions:
    """Those of ours and of Airflow's tasks: each is looked at when it ends, with whatever was added on its way."""

    def __init__(self, finds: Finds) -> None:
        self._finds = finds
        self._modules = 0
        self._seen: set[str] = set()
        self._adopted: list[Any] = []

    def adopt(self) -> None:
        """Takes in the classes of modules that were imported since the last time."""
        if len(sys.modules) == self._modules:
            return
        self._modules = len(sys.modules)
        names = {name for name in sys.modules if name == _AIRFLOWS or name.partition(".")[0] in _OURS}
        for name in sorted(names - self._seen):
            self._seen.add(name)
            for kind in _own_exceptions(sys.modules[name]):
                self._listen_to(kind)

    def let_go(self) -> None:
        """Leaves them as they were."""
        for kind in self._adopted:
            del kind.__del__

    def _listen_to(self, kind: Any) -> None:
        if hasattr(kind, "__del__"):  # by what it derives from
            return
        finds = self._finds

        def end(error: BaseException) -> None:
            finds.look(told_by(error), lambda: f"{type(error).__name__} {_raised_at(error)}")

        kind.__del__ = end
        self._adopted.append(kind)


def _own_exceptions(module: ModuleType) -> list[type[Exception]]:
    """Exceptions that `module` defines, those first that others derive from."""
    found = [
        held
        for held in vars(module).values()
        if isinstance(held, type) and issubclass(held, Exception) and held.__module__ == module.__name__
    ]
    return sorted(found, key=lambda kind: len(kind.__mro__))
