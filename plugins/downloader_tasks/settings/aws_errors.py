"""Errors of a connection of type aws, as one sentence. boto3 and Airflow's Amazon provider raise all kinds."""

from __future__ import annotations

import os
from typing import Any, Final

from downloader.errors import AccessDenied, DownloadError, NetworkError, ServerBusy, TooManyFiles, lacks_files

from ..failures import Refusal

__all__ = ["aws_error", "of_aws"]

_PROFILES: Final = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")


def of_aws() -> tuple[type[Exception], ...]:
    """What boto3 and the provider raise for a connection. They do not check its fields, they fail on them."""
    from botocore import exceptions as boto

    failures = (ValueError, TypeError, KeyError, AttributeError, NotImplementedError)
    return (*failures, boto.BotoCoreError, boto.ClientError)


def aws_error(error: Exception, connection_id: str) -> Refusal | DownloadError:
    """What was raised while the connection was used. Its text is not shown: it may hold values of the fields."""
    from botocore import exceptions as boto

    if lacks_files(error):
        return TooManyFiles(f"AWS could not be asked for the role of the connection {connection_id}")
    if isinstance(error, boto.ClientError):
        return _answered(error, connection_id)
    if isinstance(
        error, boto.HTTPClientError | boto.ConnectionError | boto.CredentialRetrievalError | boto.MetadataRetrievalError
    ):
        return NetworkError(
            f"AWS could not be asked for the role of the connection {connection_id}",
            "check the network and the region_name in its extra, then run it again",
        )
    if isinstance(error, boto.InvalidConfigError):  # of a file of authorities that is an empty text
        return Refusal(
            "AWS_CA_BUNDLE or REQUESTS_CA_BUNDLE in the environment, or ca_bundle in the AWS configuration, is empty; "
            "remove it, or write the path of a file of trusted authorities"
        )
    if isinstance(error, boto.ProfileNotFound) and error.kwargs.get("profile") in map(os.environ.get, _PROFILES):
        return Refusal(
            "AWS_PROFILE in the environment names a profile that this machine does not have; write one of "
            "~/.aws/config there, or remove it"
        )
    wrong, instead = _field(error)
    return Refusal(f"{wrong} in the extra of the connection {connection_id}; {instead}")


def _answered(error: Any, connection_id: str) -> DownloadError:
    from downloader.sources.s3 import BUSY_CODES

    code = str(error.response.get("Error", {}).get("Code", "no code"))[:60]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    if code in BUSY_CODES or status == 429 or status >= 500:
        return ServerBusy(f"AWS had no time to give the connection {connection_id} credentials for its role ({code})")
    what = f"AWS gave the connection {connection_id} no credentials for its role ({code})"
    if code not in _STS:
        return AccessDenied(what, "check role_arn in its extra, and that its login may assume that role")
    cause, advice = _STS[code]
    return AccessDenied(f"{what}: {cause}", advice)


_STS: Final = {
    "InvalidClientTokenId": ("it does not know the access key", "correct the login of the connection"),
    "UnrecognizedClientException": ("it does not know the access key", "correct the login of the connection"),
    "SignatureDoesNotMatch": (
        "the secret key is wrong, a proxy changes the request, or the clock of this machine is wrong",
        "correct the password of the connection, and check the clock and any proxy",
    ),
    "RequestExpired": ("the clock of this machine is wrong", "set this machine's clock (NTP)"),
    "ExpiredToken": (
        "the session token of its login has expired, and nothing renews it",
        "write a new aws_session_token, with its login and password, into the connection",
    ),
    "ExpiredTokenException": (
        "the web identity or the session token of its login has expired",
        "renew the token where it is issued",
    ),
    "RegionDisabledException": (
        "the region is not enabled in the account, or not for STS",
        "enable the region in the account, or set region_name to another",
    ),
    "MalformedPolicyDocument": ("the policy in assume_role_kwargs is invalid", "correct it"),
    "PackedPolicyTooLarge": ("the policy or the tags in assume_role_kwargs are too large", "shorten them"),
}
"""What STS answers, by its code: the cause, and what to do."""


def _field(error: Exception) -> tuple[str, str]:
    """What is wrong, and what to write instead."""
    from botocore import exceptions as boto

    if isinstance(error, boto.InvalidRegionError):
        return "region_name is not a valid region", "write one such as eu-central-1"
    if isinstance(error, boto.ProfileNotFound):
        return "profile_name is not a profile of this machine", "write one of ~/.aws/config there, or leave it out"
    if isinstance(error, ValueError) and str(error).startswith("Invalid endpoint"):
        return "endpoint_url is not an address", "write one such as http://localhost:9000"
    return (
        f"there is something that cannot be used ({type(error).__name__})",
        "write its fields as Airflow's Amazon provider describes them",
    )
