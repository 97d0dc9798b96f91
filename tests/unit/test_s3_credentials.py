"""Credentials of a session for obstore."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import ClientError

from downloader.errors import AccessDenied, CredentialsExpired
from downloader.sources.s3.credentials import RenewedCredentials
from include.stand_ins.secrets import secret

SECRET, TOKEN = secret("aws"), secret("aws-session")


def refreshable(refresh: Any) -> RefreshableCredentials:
    ended = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    metadata = {"access_key": "a", "secret_key": SECRET, "token": TOKEN, "expiry_time": ended}
    return RefreshableCredentials.create_from_metadata(metadata, refresh, "test")


def raising(error: Exception) -> Any:
    def refresh() -> None:
        raise error

    return refresh


def test_fixed_credentials_are_looked_at_once() -> None:
    given = RenewedCredentials(Credentials("key", SECRET))()
    assert given == {"access_key_id": "key", "secret_access_key": SECRET, "token": None, "expires_at": None}


def test_renewable_ones_are_looked_at_every_minute() -> None:
    """object_store looks again when five minutes are left."""
    ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    new = {"access_key": "key", "secret_key": SECRET, "token": TOKEN, "expiry_time": ends}
    given = RenewedCredentials(refreshable(lambda: new))()
    assert (given["access_key_id"], given["token"]) == ("key", TOKEN)
    assert given["expires_at"] is not None
    assert timedelta(minutes=5, seconds=50) < given["expires_at"] - datetime.now(UTC) < timedelta(minutes=6, seconds=10)


def test_who_may_not_assume_the_role_is_told_so() -> None:
    refused = ClientError({"Error": {"Code": "AccessDenied", "Message": f"arn:aws:iam::1:role/{SECRET}"}}, "AssumeRole")
    provider = RenewedCredentials(refreshable(raising(refused)))
    with pytest.raises(RuntimeError, match="not renewed"):
        provider()
    assert isinstance(provider.problem, AccessDenied)
    assert "arn:" not in str(provider.problem)


def test_an_unreachable_issuer_may_pass() -> None:
    provider = RenewedCredentials(refreshable(raising(OSError("no route"))))
    with pytest.raises(RuntimeError):
        provider()
    assert isinstance(provider.problem, CredentialsExpired)
