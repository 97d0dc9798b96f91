"""Servers for the suites that every source and every catalogue join, which say what was found and what was expected."""

from __future__ import annotations

import pytest

from support.catalogues import database, mongo, opened, sqlite_database
from support.fast_folder import tmp_path

__all__ = ["database", "mongo", "opened", "sqlite_database", "tmp_path"]

pytest.register_assert_rewrite("contract.source_contract")
