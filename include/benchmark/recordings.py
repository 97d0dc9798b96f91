"""The data sets of the case `drive`: a dozen recordings of event cameras, 1.4 GB in all, as a real folder has them."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["RECORDINGS", "SIZE", "STREAMS", "Recording", "scaled"]

STREAMS: Final = 3
_MB: Final = 1_000_000


class Recording(NamedTuple):
    """`seed`: of its bytes. `warned`: whether the virus-scan warning stands before it."""

    path: str
    size: int
    seed: int
    warned: bool


_SIZES: Final = {
    "fan/fan_varying_rpm.dat": 310 * _MB,
    "fan/fan_const_rpm.dat": 212_336_640,
    "fan/fan_varying_rpm_turning.dat": 190 * _MB,
    "drone_moving/drone_moving.dat": 170 * _MB,
    "drone_idle/drone_idle.dat": 150 * _MB,
    "fred-0/events/cam0.raw": 110 * _MB,
    "fred-0/events/cam1.raw": 100 * _MB,
    "fred-0/frames.zip": 70 * _MB,
    "city/hong_kong_city.glb": 45 * _MB,
    "fred-0/calibration.zip": 30 * _MB,
    "fred-0/labels.csv": 12 * _MB,
    "README.pdf": 663_360,
}
_WARNED: Final = 90 * _MB

RECORDINGS: Final = tuple(
    Recording(path, size, seed, size > _WARNED) for seed, (path, size) in enumerate(_SIZES.items())
)
SIZE: Final = sum(recording.size for recording in RECORDINGS)
"""Bytes of them all."""


def scaled(by: float) -> list[Recording]:
    """The same, `by` times as large."""
    return [recording._replace(size=max(int(recording.size * by), 1)) for recording in RECORDINGS]
