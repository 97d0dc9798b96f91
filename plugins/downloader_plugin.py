"""The one file that Airflow loads from this folder (see `.airflowignore`). It stays light: every process imports it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from downloader_tasks.forms import DOCUMENTS
from downloader_tasks.run_ids import RunIds
from downloader_tasks.run_names import RunNotes

__all__ = ["DownloaderPlugin"]


class DownloaderPlugin(AirflowPlugin):
    """Makes the project known to Airflow: a tab on each run, a page in the navigation, and the files of both."""

    name = "downloader"
    listeners = [RunNotes()]  # noqa: RUF012 (as the base class has it)
    fastapi_root_middlewares = [{"name": "run ids", "middleware": RunIds}]  # noqa: RUF012
    react_apps = [  # noqa: RUF012
        {
            "name": "Restore",
            "bundle_url": "downloader/restore_tab.js",
            "destination": "dag_run",
            "url_route": "restore",
        },
        {
            "name": "Restores",
            "bundle_url": "downloader/restores_page.js",
            "destination": "nav",
            "category": "browse",
            "url_route": "restores",
        },
    ]

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]  # only the API server asks for it
        """The files of tab and page, and the documents, to which the forms link."""
        from downloader_tasks.documents import application
        from downloader_ui import make_app

        return [
            {"name": "downloader", "app": make_app(), "url_prefix": "/downloader"},
            {"name": DOCUMENTS, "app": application(), "url_prefix": f"/{DOCUMENTS}"},
        ]
