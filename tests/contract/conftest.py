"""Servers for the suite that every source joins."""

from __future__ import annotations

import pytest

from support.s3_fixtures import moto, object_server, rclone

__all__ = ["moto", "object_server", "rclone"]

pytest.register_assert_rewrite("contract.source_contract")
