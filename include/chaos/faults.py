"""The faults of the network: for each connection a script of troubles, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

__all__ = ["ALL", "HONEST", "Fault", "NetworkTrouble", "Script", "Troubles", "Weather", "clear", "drawn"]


class Fault(StrEnum):
    """A kind of trouble."""

    CUT = "cut"
    """The connection is closed normally, as if the answer were complete."""
    RESET = "reset"
    """It is reset."""
    STALL = "stalled"
    """No more bytes come, and it stays open until the client gives up."""
    SLOW = "slowed"
    """The next bytes trickle."""
    FLIP = "bit flipped"
    """One bit of one byte is inverted."""
    REPEAT = "bytes repeated"
    """Bytes that were sent are sent once more."""


ALL: Final = tuple(Fault)
HONEST: Final = (Fault.CUT, Fault.RESET, Fault.STALL, Fault.SLOW)
"""Faults that alter no byte: for files without a checksum, where altered bytes could not be detected."""

_WEIGHTS: Final = {Fault.CUT: 4, Fault.RESET: 3, Fault.STALL: 1, Fault.SLOW: 2, Fault.FLIP: 3, Fault.REPEAT: 2}
_HEAD: Final = 600
"""Bytes in which the head of an answer, or a request, is likely to end."""
_IN_HEAD: Final = 0.35
_CALM: Final = 0.2
_CALM_UP: Final = 0.85
"""Shares of connections without troubles; requests are few bytes, and one in each would let nothing through."""
_SLOWEST: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class NetworkTrouble:
    """What happens to byte `at` of one direction of a connection.

    `amount`: the bit that is flipped (0 to 7), or how many bytes trickle or are repeated.
    """

    at: int
    fault: Fault
    amount: int = 0


class Troubles(NamedTuple):
    """Those of one connection, each direction in the order of its bytes."""

    up: Iterator[NetworkTrouble]
    """On the way to the server."""
    down: Iterator[NetworkTrouble]


Script = Callable[[int], Troubles]
"""What happens to connection 0, 1, 2, ..."""


@dataclass(frozen=True, slots=True)
class Weather:
    """How often which faults occur. On average one trouble comes in `reach` / 2 bytes of a connection."""

    seed: str
    faults: tuple[Fault, ...] = ALL
    reach: int = 400_000
    most_repeated: int = 4096

    @classmethod
    def of(cls, values: dict[str, Any]) -> Weather:
        """From the dict of `dataclasses.asdict`, decoded from JSON."""
        return cls(values["seed"], tuple(map(Fault, values["faults"])), values["reach"], values["most_repeated"])


def clear(_: int) -> Troubles:
    """The script without troubles."""
    return Troubles(iter(()), iter(()))


def drawn(weather: Weather) -> Script:
    """The script of a weather: the same for the same seed."""

    def script(number: int) -> Troubles:
        dice = random.Random(f"{weather.seed} {number}")
        up, down = dice.random() > _CALM_UP, dice.random() > _CALM
        first, second = random.Random(dice.random()), random.Random(dice.random())
        return Troubles(_troubles(first, weather, up), _troubles(second, weather, down))

    return script


def _troubles(dice: random.Random, weather: Weather, some: bool) -> Iterator[NetworkTrouble]:
    weights = [_WEIGHTS[fault] for fault in weather.faults]
    at = 0
    while some:
        at += dice.randrange(_HEAD if dice.random() < _IN_HEAD else weather.reach)
        fault = dice.choices(weather.faults, weights)[0]
        yield NetworkTrouble(at, fault, _amount(dice, fault, weather))
        at += 1


def _amount(dice: random.Random, fault: Fault, weather: Weather) -> int:
    most = {Fault.FLIP: 7, Fault.REPEAT: weather.most_repeated, Fault.SLOW: _SLOWEST}.get(fault, 0)
    return dice.randint(0 if fault is Fault.FLIP else min(1, most), most)
