"""Credentials of a boto3 session for obstore, renewed while a long restore runs.

boto3 renews by itself: an assumed role's credentials are asked for anew some minutes before they end, whenever somebody
looks at them. obstore looks at them when what it was given last is about to end. So it is told an end that lies close
by, whatever the real one is.
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
"""object_store asks for new credentials when the ones it has end within five minutes (its TokenCache)."""
_LOOK_AGAIN: Final = timedelta(seconds=60)


def _without_traceback(record: logging.LogRecord) -> bool:
    record.exc_info = None
    return True


# It tells why credentials were not renewed in the issuer's words, which may hold anything. `problem` tells it in ours.
logging.getLogger("botocore.credentials").addFilter(_without_traceback)


class RenewedCredentials:
    """An obstore credential provider over the credentials of a boto3 session.

    `credentials` is what ``session.get_credentials()`` answers. `problem` says why the last look failed; obstore itself
    would hand on the exception's traceback.
    """

    def __init__(self, credentials: Any) -> None:
        self._credentials = credentials
        self._renewable = hasattr(credentials, "refresh_needed")
        self.problem: DownloadError | None = None

    def __call__(self) -> S3Credential:
        """The credentials as they are now. Raises RuntimeError, with the reason in `problem`."""
        frozen = self._frozen()
        if frozen is None:
            raise RuntimeError("not renewed")
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token or None,
            "expires_at": datetime.now(UTC) + _AHEAD + _LOOK_AGAIN if self._renewable else None,
        }

    def _frozen(self) -> Any:
        """None where they could not be renewed, with the reason in `problem`."""
        self.problem = None
        try:
            return self._credentials.get_frozen_credentials()
        except (BotoCoreError, ClientError, OSError) as error:
            self.problem = _not_renewed(error)
        return None


def _not_renewed(error: Exception) -> DownloadError:
    if not isinstance(error, ClientError):
        return CredentialsExpired(f"the credentials could not be renewed ({type(error).__name__})")
    code = error.response.get("Error", {}).get("Code", "refused")
    return AccessDenied(f"the credentials could not be renewed ({code})", "check the role and who may assume it")
