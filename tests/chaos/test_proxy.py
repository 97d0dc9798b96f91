"""The proxy does to a stream what its script says, and nothing else."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice, pairwise
from pathlib import Path

import pytest

from chaos.behind_proxy import at_first, proxied
from include.chaos.faults import ALL, HONEST, Fault, NetworkTrouble, Script, Weather, clear, drawn
from include.chaos.server_process import ServerProcess

PAYLOAD = random.Random(7).randbytes(300_000)
QUESTION = b"what have you?\n"
HERE = "127.0.0.1"


class Shouter:
    """Reads one line, answers `PAYLOAD`, and closes once the client has."""

    def __init__(self) -> None:
        self.heard = b""
        self.left = threading.Event()
        self._socket = socket.create_server((HERE, 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            with client:
                self._answer(client)
            self.left.set()

    def _answer(self, client: socket.socket) -> None:
        try:
            while not self.heard.endswith(b"\n") and (data := client.recv(100)):
                self.heard += data
            client.sendall(PAYLOAD)
            client.shutdown(socket.SHUT_WR)
            client.recv(1)
        except OSError:
            pass

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def shouter() -> Iterator[Shouter]:
    server = Shouter()
    yield server
    server.close()


@contextmanager
def asked(shouter: Shouter, script: Script = clear) -> Iterator[socket.socket]:
    """A connection on which the question has been asked."""
    with proxied(shouter.port, script) as (_, port), socket.create_connection((HERE, port), timeout=10) as client:
        client.sendall(QUESTION)
        yield client


def all_of(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(65536), b""))


def test_without_troubles_all_passes_and_is_counted(shouter: Shouter) -> None:
    with proxied(shouter.port) as (proxy, port), socket.create_connection((HERE, port), timeout=10) as client:
        client.sendall(QUESTION)
        assert all_of(client) == PAYLOAD
        assert proxy.sent == len(PAYLOAD)
        assert not proxy.faults
    assert shouter.heard == QUESTION


@pytest.mark.parametrize("at", [0, 1, 100_000, len(PAYLOAD) - 1])
def test_cut(shouter: Shouter, at: int) -> None:
    with asked(shouter, at_first(NetworkTrouble(at, Fault.CUT))) as client:
        assert all_of(client) == PAYLOAD[:at]


def test_reset(shouter: Shouter) -> None:
    with asked(shouter, at_first(NetworkTrouble(1000, Fault.RESET))) as client, pytest.raises(ConnectionResetError):
        all_of(client)


def test_a_stall_lasts_until_the_client_goes(shouter: Shouter) -> None:
    with asked(shouter, at_first(NetworkTrouble(1000, Fault.STALL))) as client:
        assert client.recv(1000, socket.MSG_WAITALL) == PAYLOAD[:1000]
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert not shouter.left.is_set()
        client.close()
        assert shouter.left.wait(10)


def test_a_stall_on_the_way_up_lasts_until_the_client_goes(shouter: Shouter) -> None:
    with asked(shouter, at_first(up=(NetworkTrouble(5, Fault.STALL),))) as client:
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.close()
        assert shouter.left.wait(10)
    assert shouter.heard == QUESTION[:5]


def test_slow_bytes_are_right_and_late(shouter: Shouter) -> None:
    began = time.monotonic()
    with asked(shouter, at_first(NetworkTrouble(1000, Fault.SLOW, 5120))) as client:
        assert all_of(client) == PAYLOAD
    assert time.monotonic() - began >= 0.1


@pytest.mark.parametrize(("at", "bit"), [(0, 0), (70_000, 7), (len(PAYLOAD) - 1, 3)])
def test_a_flipped_bit_is_the_only_difference(shouter: Shouter, at: int, bit: int) -> None:
    with asked(shouter, at_first(NetworkTrouble(at, Fault.FLIP, bit))) as client:
        came = all_of(client)
    assert [n for n, (one, other) in enumerate(zip(came, PAYLOAD, strict=True)) if one != other] == [at]
    assert came[at] ^ PAYLOAD[at] == 1 << bit


def test_a_flipped_bit_on_the_way_up(shouter: Shouter) -> None:
    with asked(shouter, at_first(up=(NetworkTrouble(0, Fault.FLIP, 1),))) as client:
        assert all_of(client) == PAYLOAD
    assert shouter.heard == b"uhat have you?\n"


@pytest.mark.parametrize(("at", "amount"), [(5, 5), (100_000, 4096), (100_000, 1), (3, 10)])
def test_repeated_bytes(shouter: Shouter, at: int, amount: int) -> None:
    with asked(shouter, at_first(NetworkTrouble(at, Fault.REPEAT, amount))) as client:
        assert all_of(client) == PAYLOAD[:at] + PAYLOAD[max(at - amount, 0) : at] + PAYLOAD[at:]


def test_troubles_follow_one_another_and_are_counted(shouter: Shouter) -> None:
    script = at_first(
        NetworkTrouble(10, Fault.FLIP, 0), NetworkTrouble(20, Fault.REPEAT, 2), NetworkTrouble(20, Fault.CUT)
    )
    with proxied(shouter.port, script) as (proxy, port), socket.create_connection((HERE, port), timeout=10) as client:
        client.sendall(QUESTION)
        assert len(all_of(client)) == 22
        assert proxy.faults == {Fault.FLIP: 1, Fault.REPEAT: 1, Fault.CUT: 1}


def test_only_what_happened_is_counted(shouter: Shouter) -> None:
    with proxied(shouter.port, at_first(NetworkTrouble(len(PAYLOAD), Fault.CUT))) as (proxy, port):
        with socket.create_connection((HERE, port), timeout=10) as client:
            client.sendall(QUESTION)
            assert all_of(client) == PAYLOAD
        assert not proxy.faults


def test_as_a_process_it_takes_orders(shouter: Shouter, tmp_path: Path) -> None:
    with ServerProcess("include.chaos.proxy", HERE, shouter.port, log=tmp_path / "log") as proxy:
        assert proxy.order(None) == {"faults": {}, "sent": 0}
        with socket.create_connection((HERE, proxy.announced["port"]), timeout=10) as client:
            client.sendall(QUESTION)
            assert all_of(client) == PAYLOAD
        assert proxy.order(None) == {"faults": {}, "sent": len(PAYLOAD)}
        assert proxy.order(None) == {"faults": {}, "sent": 0}


# --- the script -------------------------------------------------------------------------------------------------------


def of(weather: Weather, number: int, count: int = 20) -> tuple[list[NetworkTrouble], list[NetworkTrouble]]:
    up, down = drawn(weather)(number)
    return list(islice(up, count)), list(islice(down, count))


def test_the_same_seed_makes_the_same_script() -> None:
    assert [of(Weather("a"), n) for n in range(50)] == [of(Weather("a"), n) for n in range(50)]
    assert [of(Weather("a"), n) for n in range(50)] != [of(Weather("b"), n) for n in range(50)]


@pytest.mark.parametrize("faults", [ALL, HONEST])
def test_all_faults_that_are_allowed_come_in_the_order_of_the_bytes_and_no_others(faults: tuple[Fault, ...]) -> None:
    ways = [way for number in range(100) for way in of(Weather("a", faults, most_repeated=60), number)]
    troubles = [trouble for way in ways for trouble in way]
    assert {trouble.fault for trouble in troubles} == set(faults)
    assert all(one.at < other.at for way in ways for one, other in pairwise(way))
    assert {trouble.amount for trouble in troubles if trouble.fault is Fault.REPEAT} <= set(range(1, 61))
    assert {trouble.amount for trouble in troubles if trouble.fault is Fault.FLIP} <= set(range(8))
