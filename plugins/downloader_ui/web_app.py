"""What the API server mounts. Airflow guards nothing that a plugin mounts: every route here asks for the login."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import Depends, FastAPI, Header, Response

from . import ready, results

__all__ = ["make_app"]

_FOLDER = Path(__file__).parent


def make_app() -> FastAPI:
    """The routes, all of them for visitors that may see Airflow's pages. Without a login they answer 401."""
    logged_in = Depends(requires_access_view(AccessView.WEBSITE))
    app = FastAPI(title="downloader", dependencies=[logged_in], openapi_url=None, docs_url=None, redoc_url=None)

    @app.get("/{app_name}.js")
    def built(
        app_name: Literal["restore_tab", "restores_page"],
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        """The file of an app. A browser asks each time whether its copy is the newest."""
        content, tag = _read(app_name)
        headers = {"ETag": tag, "Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
        if if_none_match is not None and tag in if_none_match:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type="text/javascript", headers=headers)

    app.include_router(ready.router)
    app.include_router(results.router)
    return app


@cache
def _read(app_name: str) -> tuple[bytes, str]:
    """A built file and its ETag. Like the plugin's code it is read once, when the API server has started."""
    content = (_FOLDER / f"{app_name}.js").read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'
