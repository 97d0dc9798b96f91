"""The one file that Airflow loads from this folder (see `.airflowignore`). It stays light: every process imports it."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

__all__ = ["DownloaderPlugin"]


class DownloaderPlugin(AirflowPlugin):
    """Makes the project known to Airflow."""

    name = "downloader"
