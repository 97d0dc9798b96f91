"""What the forms of the DAGs share. Light: the DAG processor imports it at each parse."""

from __future__ import annotations

from typing import Final

from downloader.fhir_types import RESOURCE_TYPES, UNKNOWN

__all__ = ["DOCUMENTS", "FHIR_TYPES", "HOW", "more"]

DOCUMENTS: Final = "downloader-docs"
"""Where the plugin shows the documents, below the address of Airflow."""
HOW: Final = "How it runs"
"""The section of what hardly anybody has to change. Airflow opens the section without a name, and folds the others."""
FHIR_TYPES: Final = [*sorted(RESOURCE_TYPES), UNKNOWN]


def more(section: str, page: str = "parameters") -> str:
    """A link to a section of `include/docs/<page>.md`, in Markdown. It is relative to the base of Airflow's pages."""
    return f"[More]({DOCUMENTS}/{page}#{section})"
