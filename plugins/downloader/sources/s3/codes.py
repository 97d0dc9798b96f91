"""What the codes of S3 servers mean, for those that need nothing but a sentence.

Source: "Error responses" of Amazon S3's API reference, and what MinIO, Ceph, Backblaze B2 and Wasabi answer.
"""

from __future__ import annotations

from typing import Final

from ...errors import AccessDenied, DownloadError, Misconfigured, PermanentError, QuotaExceeded, ServerBusy

__all__ = ["MALFORMED", "MEANINGS", "SIGNS", "STATUSES", "Meaning"]

Meaning = tuple[type[DownloadError], str, str]
"""The error, what happened, and what to do. ``{about}``, ``{server}``, ``{fields}`` and ``{shown}`` are filled in."""

_ACCOUNT: Final = "ask the owner of the account, or the server's support"
_WRONG_KEY: Meaning = (AccessDenied, "{server} does not know the access key", "correct the login of the connection")
_WRONG_SECRET: Meaning = (
    AccessDenied,
    (
        "{server} refused the signature: the secret key is wrong, or a proxy before the server changes the host, the "
        "port or the path"
    ),
    (
        "correct the password (the secret access key) of the connection; if it is right, let the proxy pass the Host "
        "header on as it is"
    ),
)
_BAD_TOKEN: Meaning = (
    AccessDenied,
    "{server} refused the session token",
    "correct aws_session_token in the connection, or remove it if its keys need none",
)
_SKEWED: Meaning = (
    AccessDenied,
    "the clock of this machine differs from that of {server}",
    "set this machine's clock (NTP)",
)
_CUSTOMER_KEY: Meaning = (
    AccessDenied,
    "{about} is encrypted with a customer's own key (SSE-C)",
    "copy it to an object without SSE-C",
)
_PAYER: Meaning = (
    AccessDenied,
    "who reads {about} pays for it (requester pays), and the request did not accept that",
    'write "requester_pays": true into the extra of the connection',
)
_CAP: Meaning = (
    QuotaExceeded,
    "the account's cap for downloads or requests at {server} is reached ({shown})",
    "raise the cap in the settings of the account (Backblaze B2: Caps & Alerts), or run it again once it is reset",
)
_DISABLED: Meaning = (AccessDenied, "the account at {server} is suspended or disabled ({shown})", _ACCOUNT)
_BILLING: Meaning = (AccessDenied, "{server} reports a problem with the account or its payment ({shown})", _ACCOUNT)
_NO_KMS: Meaning = (
    AccessDenied,
    "the KMS key that {about} is encrypted with may not be used",
    "give the credentials kms:Decrypt on it",
)
_BAD_HASH: Meaning = (
    PermanentError,
    (
        "{server} refused the hash of the request ({shown}): it does not support this signature, or a proxy changes "
        "the request"
    ),
    "check any proxy on the way, and that the server supports Signature Version 4",
)
_NOT_SERVED: Meaning = (
    PermanentError,
    "{server} refused the request for {about} ({shown}): it is not supported there",
    "check {fields.address} of the connection: the server, or a proxy before it, may not speak all of S3",
)
_NO_ROOM: Meaning = (
    PermanentError,
    "{server} has no room left, and refuses requests ({shown})",
    "ask the operator of the server to make room",
)
MALFORMED: Meaning = (
    AccessDenied,
    "{server} cannot read the access key in the request ({shown})",
    "correct the login of the connection: an access key holds no spaces and no slashes",
)
_BUSY_KMS: Meaning = (
    ServerBusy,
    "the KMS key that {about} is encrypted with could not be used for now ({shown})",
    "run it again; if this happens often, raise the account's quota of KMS requests",
)
_BUSY: Meaning = (ServerBusy, "{server} answered {shown} for {about}", "run it again; what is already there is kept")

MEANINGS: Final[dict[str, Meaning]] = {
    "InvalidAccessKeyId": _WRONG_KEY,
    "InvalidClientTokenId": _WRONG_KEY,
    "UnrecognizedClientException": _WRONG_KEY,
    "SignatureDoesNotMatch": _WRONG_SECRET,
    "InvalidToken": _BAD_TOKEN,
    "RequestTimeTooSkewed": _SKEWED,
    "RequestExpired": _SKEWED,
    "ServerSideEncryptionConfigurationNotFoundError": _CUSTOMER_KEY,
    "KMS.DisabledException": (
        AccessDenied,
        "the KMS key that {about} is encrypted with is disabled",
        "enable the key, or copy the object to one with another key",
    ),
    "KMS.NotFoundException": (
        AccessDenied,
        "the KMS key that {about} is encrypted with does not exist any more, or not in this region",
        "look for the key's identifier in the object's properties; without the key the object cannot be read",
    ),
    "KMS.KMSInvalidStateException": (
        AccessDenied,
        (
            "the KMS key that {about} is encrypted with is in a state in which it cannot be used: its deletion may be "
            "scheduled, or its material is missing"
        ),
        "cancel the deletion, or enable the key",
    ),
    "KMS.InvalidKeyUsageException": (
        AccessDenied,
        "the KMS key that {about} is encrypted with is not made for decryption",
        "look at the key's usage and state",
    ),
    "KMS.AccessDeniedException": _NO_KMS,
    "KMS.ThrottlingException": _BUSY_KMS,
    "KMS.RequestLimitExceeded": _BUSY_KMS,
    "KMS.LimitExceededException": _BUSY_KMS,
    "KMS.InternalException": _BUSY_KMS,
    "KMS.KMSInternalException": _BUSY_KMS,
    "KMS.DependencyTimeoutException": _BUSY_KMS,
    "KMS.KeyUnavailableException": _BUSY_KMS,
    "AccountProblem": _BILLING,
    "InvalidPayer": _BILLING,
    "PaymentRequired": _BILLING,
    "NotSignedUp": (AccessDenied, "the account has no access to S3 at {server} ({shown})", _ACCOUNT),
    "OptInRequired": (AccessDenied, "the account has no access to S3 at {server} ({shown})", _ACCOUNT),
    "AllAccessDisabled": (
        AccessDenied,
        "all access to {about} is disabled at {server} ({shown})",
        f"check the bucket's name; if it is right, {_ACCOUNT}",
    ),
    "AccountSuspended": _DISABLED,
    "UserSuspended": _DISABLED,
    "InvalidSecurity": _DISABLED,
    "AccountDisabled": _DISABLED,
    "download_cap_exceeded": _CAP,
    "transaction_cap_exceeded": _CAP,
    "QuotaExceeded": _CAP,
    "BandwidthLimitExceeded": _CAP,
    "XAmzContentSHA256Mismatch": _BAD_HASH,
    "XMinioContentSHA256Mismatch": _BAD_HASH,
    "BadDigest": _BAD_HASH,
    "NotImplemented": _NOT_SERVED,
    "MethodNotAllowed": _NOT_SERVED,
    "XMinioStorageFull": _NO_ROOM,
    "SlowDownRead": _BUSY,
    "SlowDownWrite": _BUSY,
    "XMinioServerNotInitialized": _BUSY,
    "ServerNotInitialized": _BUSY,
    "OperationAborted": _BUSY,
}
"""By the S3 error code."""

SIGNS: Final[tuple[tuple[str, Meaning], ...]] = (
    ("cap exceeded", _CAP),
    ("requester pays", _PAYER),
    ("requester-pays", _PAYER),
    ("requestpayer", _PAYER),
    ("kms:", _NO_KMS),
)
"""By a part of the server's message, in lower case, where the code alone does not tell (`AccessDenied`)."""

STATUSES: Final[dict[int, Meaning]] = {
    402: _BILLING,
    405: _NOT_SERVED,
    501: _NOT_SERVED,
    507: _NO_ROOM,
    511: (
        Misconfigured,
        "the network wants a login before it lets requests through to {server} ({shown})",
        "log in to the network of this machine",
    ),
}
"""By the HTTP status, where there is no code."""
