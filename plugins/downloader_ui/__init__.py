"""The tab Restore and the page Restores: their files, built from include/ui, and the routes that serve them."""

from __future__ import annotations

from .web_app import make_app

__all__ = ["make_app"]
