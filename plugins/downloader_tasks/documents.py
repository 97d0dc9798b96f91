"""The documents of the project as pages of Airflow, for whoever is logged in: the forms of the DAGs link to them."""

from __future__ import annotations

import re
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fastapi import FastAPI
    from markdown_it.token import Token

__all__ = ["application", "html_of"]

_PROJECT: Final = Path(__file__).resolve().parents[2]
_FILES: Final = ("README.md", "include/docs/*.md", ".github/CONTRIBUTING.md")
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}
_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }}
main {{ max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; display: block; overflow-x: auto }}
th, td {{ border: 1px solid #8886; padding: .3rem .6rem; text-align: left; vertical-align: top }}
code {{ background: #8882; padding: .1em .2em }}
pre {{ background: #8882; padding: .6rem; overflow-x: auto }}
pre code {{ background: none; padding: 0 }}
</style>
<main>
{body}
</main>
"""


def application() -> FastAPI:
    """The pages, for the plugin to mount. Without a login they answer 401: a mounted application inherits none."""
    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
    from airflow.api_fastapi.core_api.security import requires_access_view
    from fastapi import Depends, FastAPI
    from fastapi.responses import HTMLResponse

    app = FastAPI(
        title="Documents of the downloaders",
        dependencies=[Depends(requires_access_view(AccessView.WEBSITE))],
        openapi_url=None,
    )

    @app.get("/{name}", response_class=HTMLResponse)
    def document(name: str) -> HTMLResponse:
        file = _documents().get(name.removesuffix(".md"))
        if file is None:
            missing = (
                f"There is no document {name}. If the name is right, the folder include/docs is not on this machine."
            )
            return HTMLResponse(_PAGE.format(title="Not found", body=escape(missing)), 404, _HEADERS)
        page = _PAGE.format(title=escape(file.stem), body=html_of(file.read_text(encoding="utf-8")))
        return HTMLResponse(page, headers=_HEADERS)

    return app


def _documents() -> dict[str, Path]:
    """The files by their names: what is asked for never becomes a path."""
    return {file.stem: file for pattern in _FILES for file in _PROJECT.glob(pattern)}


def html_of(text: str) -> str:
    """A document in Markdown as HTML. HTML in it is shown as text; headings can be linked to as on GitHub."""
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    for token, inline in pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", re.sub(r"[^\w\- ]", "", inline.content.lower()).replace(" ", "-"))
        _link_beside(token)
    return str(markdown.renderer.render(tokens, markdown.options, {}))


def _link_beside(token: Token) -> None:
    """Links of documents name files by their folders; here all are side by side."""
    for link in token.children or ():
        href = str(link.attrs.get("href", ""))
        if ".md" in href and "://" not in href:
            link.attrSet("href", href.rpartition("/")[2])
