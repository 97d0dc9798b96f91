"""A plugin of pytest: S3 servers, one of each kind for a whole session."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

import pytest
from botocore import hooks, regions, session

from include.stand_ins import ceph_server
from include.stand_ins.object_server import ObjectServer, serving
from include.stand_ins.s3_servers import S3Server, moto_server, rclone_server
from support.machine import require

__all__ = ["ceph", "models_read_once", "moto", "object_server", "rclone"]

_Hooks: Final[Any] = hooks
_Regions: Final[Any] = regions
"""What the stubs of botocore do not tell of."""
_accepts: Final = _Hooks.accepts_kwargs
_alias: Final = _Hooks.EventAliaser._alias_event_name


@pytest.fixture(scope="session", autouse=True)
def models_read_once() -> Iterator[None]:
    """Each new session of boto3 would read megabytes of models again, and each client work out the same of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "create_loader", cache(session.create_loader))
        patch.setattr(hooks, "accepts_kwargs", _accepts_by_its_code)
        patch.setattr(hooks.EventAliaser, "_alias_event_name", _alias_once({}))
        patch.setattr(regions, "EndpointProvider", _provide_once(_Regions.EndpointProvider))
        yield


def _accepts_by_its_code(handler: Callable[..., Any]) -> bool:
    """As botocore's, which makes a whole signature of each of a session's hundred handlers."""
    code = getattr(handler, "__code__", None)
    return bool(code.co_flags & inspect.CO_VARKEYWORDS) if code else bool(_accepts(handler))


def _alias_once(known: dict[str, str]) -> Callable[[hooks.EventAliaser, str], str]:
    """The aliases are the same for all sessions."""

    def alias(self: hooks.EventAliaser, name: str) -> str:
        if name not in known:
            known[name] = _alias(self, name)
        return known[name]

    return alias


def _provide_once(provider: type[Any]) -> Callable[..., Any]:
    """The rules of a service's addresses, which hold no state, once for the same data (see `create_loader`)."""
    known: dict[tuple[int, ...], tuple[Any, ...]] = {}

    def provide(**data: Any) -> Any:
        key = tuple(map(id, data.values()))
        if key not in known:  # the data are held, so that no others get their ids
            known[key] = provider(**data), data
        return known[key][0]

    return provide


@pytest.fixture(scope="session")
def moto() -> Iterator[S3Server]:
    """moto's server."""
    with moto_server() as server:
        yield server


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """``rclone serve s3``."""
    with rclone_server(tmp_path_factory.mktemp("buckets")) as server:
        yield server


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Ceph's object gateway."""
    require(*ceph_server.PROGRAMS)
    with ceph_server.ceph_server(tmp_path_factory.mktemp("ceph")) as server:
        yield server


@pytest.fixture
def object_server() -> Iterator[ObjectServer]:
    """An empty bucket with scripted faults."""
    with serving() as server:
        yield server
