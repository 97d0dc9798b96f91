"""A process that may open only few files more."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["no_more_than"]


@contextmanager
def no_more_than(room: int) -> Iterator[None]:
    """Within, `room` files and connections more may be open at once, in all threads together."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    # The limit is on the number of a descriptor, so that all free numbers below it are taken first.
    highest = max(map(int, os.listdir("/proc/self/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1 + room, before[1]))
    taken = list(_all_that_there_are())
    try:
        for _ in range(room):
            os.close(taken.pop())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for descriptor in taken:
            os.close(descriptor)


def _all_that_there_are() -> Iterator[int]:
    while True:
        try:
            yield os.open(os.devnull, os.O_RDONLY)
        except OSError as error:
            if error.errno != errno.EMFILE:
                raise
            return
