"""Credentials of a boto3 session for obstore, renewed during a long restore.

boto3 renews the credentials of a role some minutes before they expire, when they are read. obstore reads them again
when the last ones are about to expire. So they are given to obstore with an early expiry, whatever the real one is.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from ...errors import AccessDenied, CredentialsExpired, DownloadError

if TYPE_CHECKING:  # exists for type checkers alone
    from obstore.store import S3Credential

__all__ = ["RenewedCredentials"]

_AHEAD: Final = timedelta(minutes=5)
"""object_store renews credentials that expire within five minutes (its TokenCache)."""
_LOOK_AGAIN: Final = timedelta(seconds=60)


def _without_traceback(record: logging.LogRecord) -> bool:
    record.exc_info = None
    return True


# It logs the issuer's text when credentials are not renewed, which may hold anything. `problem` has the reason.
logging.getLogger("botocore.credentials").addFilter(_without_traceback)


class RenewedCredentials:
    """An obstore credential provider over the credentials of a boto3 session.

    `credentials`: the result of ``session.get_credentials()``. `renewable`: whether they are ever
    renewed. `problem`: why the last renewal failed; obstore itself
    would only show the traceback.
    """

    def __init__(self, credentials: Any) -> None:
        self._credentials = credentials
        self.renewable = hasattr(credentials, "refresh_needed")
        self.problem: DownloadError | None = None

    @property
    def may_hold_token(self) -> bool:
        """Whether there is a session token: a second secret, beside the signature."""
        return self.renewable or bool(getattr(self._credentials, "token", None))

    def __call__(self) -> S3Credential:
        """The current credentials. Raises RuntimeError, with the reason in `problem`."""
        self.problem = None
        frozen: Any = None
        try:
            frozen = self._credentials.get_frozen_credentials()
        except (BotoCoreError, ClientError, OSError) as error:
            self.problem = _not_renewed(error)
        if frozen is None:
            raise RuntimeError("not renewed")
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token or None,
            "expires_at": datetime.now(UTC) + _AHEAD + _LOOK_AGAIN if self.renewable else None,
        }


def _not_renewed(error: Exception) -> DownloadError:
    if not isinstance(error, ClientError):
        return CredentialsExpired(f"the credentials could not be renewed ({type(error).__name__})")
    code = error.response.get("Error", {}).get("Code", "refused")
    return AccessDenied(f"the credentials could not be renewed ({code})", "check the role and who may assume it")
