"""Servers for the suite that every source joins."""

from __future__ import annotations

import pytest

from support.s3_fixtures import ceph, moto, object_server, rclone

__all__ = ["ceph", "moto", "object_server", "rclone"]

pytest.register_assert_rewrite("contract.source_contract")
