"""How many threads fetch small files: more for as long as more of them bring more."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from downloader.retry import Clock
from downloader.transfer.concurrency import Concurrency


@dataclass
class Network:
    """Fetches at a rate that depends on how many fetch, by a clock of its own, and a processor that it keeps busy."""

    now: float = 0.0
    used: float = 0.0
    looks: list[int] = field(default_factory=list)

    def fetch(self, pace: Concurrency, files: int, each_alone: float, most_together: float, cost: float = 0.0) -> None:
        """`each_alone`: files a second of a thread; `most_together`: of all of them. `cost`: seconds of a processor."""
        for _ in range(files):
            rate = min(pace.active * each_alone, most_together)
            self.now += 1 / rate
            self.used += cost
            if not self.looks or self.looks[-1] != pace.active:
                self.looks.append(pace.active)
            pace.count()


@pytest.fixture
def network() -> Network:
    return Network()


def paced(network: Network, most: int) -> Concurrency:
    return Concurrency(most, Clock(now=lambda: network.now), lambda: network.used, cores=2)


def test_on_a_slow_network_all_threads_come_to_work_soon(network: Network) -> None:
    pace = paced(network, 256)
    network.fetch(pace, 2_000, each_alone=33, most_together=1e9)
    assert network.looks == [16, 256]
    assert network.now < 0.5


def test_where_the_processor_is_the_limit_few_stay(network: Network) -> None:
    pace = paced(network, 256)
    network.fetch(pace, 10_000, each_alone=1_000, most_together=4_000, cost=1 / 4_000)
    assert network.looks == [16]


def test_a_network_that_becomes_slow_is_noticed(network: Network) -> None:
    pace = paced(network, 256)
    network.fetch(pace, 10_000, each_alone=1_000, most_together=4_000, cost=1 / 4_000)
    network.fetch(pace, 20_000, each_alone=20, most_together=1e9, cost=1 / 4_000)
    assert pace.active == 256


def test_what_a_server_does_not_bear_is_taken_back(network: Network) -> None:
    pace = paced(network, 256)
    network.fetch(pace, 10_000, each_alone=33, most_together=1_500)
    assert network.looks[:3] == [16, 256, 68]  # 45 bring as much; 33 files a second each
    assert set(network.looks[3:]) <= {68, 136}
    assert pace.active == 68


def test_where_more_bring_nothing_none_of_them_stay(network: Network) -> None:
    pace = paced(network, 256)
    network.fetch(pace, 900, each_alone=33, most_together=400)
    assert network.looks == [16, 256, 16]


def test_a_pause_is_not_taken_for_a_server_that_bears_no_more(network: Network) -> None:
    """All threads wait while a group is flushed."""
    pace = paced(network, 256)
    for _ in range(20):
        network.fetch(pace, 256, each_alone=33, most_together=1e9)
        network.now += 0.04
    assert pace.active == 256


@pytest.mark.parametrize("most", [1, 3, 8, 20])
def test_never_more_than_there_are(network: Network, most: int) -> None:
    pace = paced(network, most)
    network.fetch(pace, 3_000, each_alone=20, most_together=1e9)
    assert pace.active == most


def test_who_waits_is_sent_home_at_the_end(network: Network) -> None:
    pace = paced(network, 32)
    answers: list[bool] = []
    waiting = threading.Thread(target=lambda: answers.append(pace.admit(31)))
    waiting.start()
    assert pace.admit(0)
    pace.end()
    waiting.join(30)
    assert answers == [False]
    assert not pace.admit(0)
