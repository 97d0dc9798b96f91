"""One worker process, controlled from outside."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

__all__ = ["ChaosRun"]

Results = list[dict[str, Any]]

_LAST_WORDS: Final = 5.0
_TICK: Final = 0.02


class ChaosRun:
    """Starts at once. End it with `kill` or `results`."""

    def __init__(self, worker: str, plan: Path, log: Path) -> None:
        """`worker`: a module that is run with the plan; `log` takes its standard error."""
        self._log = log
        self._output = b""
        self._pipe, end = os.pipe()
        try:
            with log.open("ab") as errors:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", worker, str(plan)],
                    stdin=subprocess.DEVNULL,
                    stdout=end,
                    stderr=errors,
                )
        finally:
            os.close(end)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def wait_until_begun(self, seconds: float) -> None:
        """Returns once it restores, has ended, or the time is over."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self._output and (left := deadline - time.monotonic()) > 0:
            if not self._listen(left):
                return

    def pause(self, seconds: float) -> None:
        """Returns after so many seconds, or once it has ended."""
        deadline = time.monotonic() + seconds
        while self.is_running and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, _TICK))

    def kill(self) -> bool:
        """Kills it with SIGKILL. Returns whether it was still running: one that had ended has its results."""
        self._process.kill()
        killed = self._process.wait() == -signal.SIGKILL
        if killed:
            self._close()
        return killed

    def results(self, seconds: float) -> Results | None:
        """The results that it prints at its end; None if it ends without any.

        Raises TimeoutError if it does not end in time: it is killed then, and the stacks of its threads are in its log.
        """
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not self._listen(left):
                break
        else:
            self._process.send_signal(signal.SIGABRT)
            self.pause(_LAST_WORDS)
            self._process.kill()
            self._close()
            raise TimeoutError
        self._close()
        _, _, line = self._output.partition(b"\n")
        return json.loads(line) if line.endswith(b"\n") and self._process.returncode == 0 else None

    def errors(self) -> str:
        """The end of its log."""
        return self._log.read_text(errors="replace")[-3000:]

    def _listen(self, seconds: float) -> bool:
        """Waits for output; False once there is no more."""
        ready, _, _ = select.select([self._pipe], [], [], seconds)
        if not ready:
            return True
        piece = os.read(self._pipe, 65536)
        self._output += piece
        return bool(piece)

    def _close(self) -> None:
        os.close(self._pipe)
        self._process.wait()
