"""What the API server mounts for the pages: nothing of it without a login. (With one: see test_restore_tab.)"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
from fastapi.routing import APIRoute

from downloader_plugin import DownloaderPlugin
from downloader_ui import make_app

BUILT = Path(__file__).parents[2] / "plugins" / "downloader_ui"


def statuses(*requests: tuple[str, str]) -> dict[tuple[str, str], int]:
    """What the app answers to a method and a path of somebody who is not logged in."""

    async def ask() -> dict[tuple[str, str], int]:
        transport = httpx.ASGITransport(app=make_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://airflow") as visitor:
            return {(method, path): (await visitor.request(method, path)).status_code for method, path in requests}

    return asyncio.run(ask())


def test_no_route_answers_without_a_login() -> None:
    app = make_app()
    routes = [route for route in app.routes if isinstance(route, APIRoute)]
    assert routes
    assert len(routes) == len(app.routes), "mounted apps and documentation inherit no login"
    asked = [(method, re.sub(r"{\w+}", "restore_tab", route.path)) for route in routes for method in route.methods]
    assert statuses(*asked) == dict.fromkeys(asked, 401)


def test_nothing_else_is_served() -> None:
    paths = ("/", "/docs", "/openapi.json", "/web_app.py", "/../web_app.py", "/__init__.py")
    assert set(statuses(*(("GET", path) for path in paths)).values()) <= {401, 404}


def test_each_app_of_the_plugin_has_its_file() -> None:
    paths = [app["bundle_url"] for app in DownloaderPlugin.react_apps]
    assert [app["destination"] for app in DownloaderPlugin.react_apps] == ["dag_run", "nav"]
    assert [path for path in paths if not (BUILT / path.removeprefix("downloader/")).is_file()] == []
    assert "/downloader" in [app["url_prefix"] for app in DownloaderPlugin().fastapi_apps]
