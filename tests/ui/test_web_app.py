"""What the API server mounts for the pages: nothing of it without a login. (The files themselves: test_restore_tab.)"""

from __future__ import annotations

from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from downloader_ui import make_app


def test_no_route_answers_without_a_login() -> None:
    app = make_app()
    routes = [route for route in app.routes if isinstance(route, APIRoute)]
    assert routes
    assert len(routes) == len(app.routes), "mounted apps and documentation inherit no login"
    with TestClient(app) as visitor:
        for route in routes:
            for method in route.methods:
                path = route.path.replace("{app_name}", "restore_tab")
                assert visitor.request(method, path).status_code == 401, f"{method} {path}"


def test_nothing_else_is_served() -> None:
    with TestClient(make_app()) as visitor:
        for path in ("/", "/docs", "/openapi.json", "/web_app.py", "/../web_app.py", "/__init__.py"):
            assert visitor.get(path).status_code in (401, 404), path
