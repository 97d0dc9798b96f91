"""A module of ours as a process that reads orders and prints answers, each a line of JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

__all__ = ["ServerProcess"]

_PATIENCE = 5.0


class ServerProcess:
    """A context manager: leaving it ends the process. It also ends by itself when this process dies."""

    def __init__(self, module: str, *arguments: object, log: Path) -> None:
        """``python -m module arguments``; `log` takes its standard error."""
        self._log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.announced: dict[str, Any] = self._answer()
        """The first line that it prints: the port, for example."""

    def order(self, order: object) -> dict[str, Any]:
        """Sends an order and returns the answer. Raises RuntimeError if the process has ended."""
        orders = _pipe(self._process.stdin)
        with suppress(BrokenPipeError):  # it has ended: its log says why
            orders.write(json.dumps(order) + "\n")
            orders.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = _pipe(self._process.stdout).readline()
        if not line:
            raise RuntimeError(f"a server has ended: {self._log.read_text(errors='replace')[-2000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(BrokenPipeError):
            _pipe(self._process.stdin).close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise ValueError("the process was started without it")
    return pipe
