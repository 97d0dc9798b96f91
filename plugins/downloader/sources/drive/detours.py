"""Where Google sends a request instead of answering it: to a login, a request for consent, or a check for robots.

None of these hosts is ever contacted. They exist in every country (``www.google.de``, ``consent.google.co.uk``); a host
whose name only looks like one of them stays a wrong host.
"""

from __future__ import annotations

import re
from typing import Final

from ...errors import DownloadError
from ..http import HttpAnswer, HttpClient, HttpRequest, OtherHost
from . import errors
from .errors import Wanted
from .throttle import Throttle

__all__ = ["send", "slowed_down"]

_OF_GOOGLE: Final = r"google\.(?:com|cat|[a-z]{2}|com?\.[a-z]{2})"
_LOGIN: Final = re.compile(rf"accounts\.(?:{_OF_GOOGLE}|youtube\.com)")
_CONSENT: Final = re.compile(rf"consent\.(?:{_OF_GOOGLE}|youtube\.com)")
_ROBOT_CHECK: Final = re.compile(rf"(?:[a-z0-9-]+\.)*{_OF_GOOGLE}")
_CHECK_PATH: Final = re.compile(r"/+sorry(?:/|$)")


def send(client: HttpClient, request: HttpRequest, wanted: Wanted, throttle: Throttle) -> HttpAnswer:
    """The answer to `request`. Raises what a detour stands for, and as `HttpClient.send`."""
    try:
        return client.send(request)
    except OtherHost as error:
        elsewhere = error
    raise _from_detour(elsewhere, wanted, throttle)


def _from_detour(elsewhere: OtherHost, wanted: Wanted, throttle: Throttle) -> DownloadError:
    """The error that a redirect to a host that is not allowed stands for: `elsewhere` itself for any unknown one."""
    host = elsewhere.host.lower().removesuffix(".")
    if _LOGIN.fullmatch(host):
        return errors.private(wanted)
    if _CONSENT.fullmatch(host):
        return errors.consent(wanted)
    if _ROBOT_CHECK.fullmatch(host) and _CHECK_PATH.match(elsewhere.path):
        return slowed_down(wanted, throttle, None, robot=True)
    return elsewhere


def slowed_down(wanted: Wanted, throttle: Throttle, wait: float | None, *, robot: bool = False) -> DownloadError:
    """The error of a request for patience, of `wait` seconds if Google says so. From now on the throttle waits."""
    throttle.slow_down(wait)
    return errors.robot_check(wanted, wait) if robot else errors.throttled(wanted, wait)
