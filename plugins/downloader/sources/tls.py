"""Why a TLS connection was refused, from what a client says of it; and what is wrong with a file of authorities.

OpenSSL (`boto3`, `minio`, `requests`) and rustls (`obstore`) name the same causes in their own words. Each cause has a
sentence of its own. Only an answer without TLS gets the advice to do without.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..errors import DownloadError, Misconfigured, NetworkError

__all__ = ["TlsFields", "TlsRefused", "refused", "unusable_authorities", "unusable_certificate"]


class TlsRefused(Misconfigured):
    """The two sides do not agree on a TLS connection. Another client may."""


@dataclass(frozen=True, slots=True)
class TlsFields:
    """What the advice names: what a user changes for each cause."""

    address: str
    """``endpoint_url of the connection``."""
    authorities: str
    """How to name the file of an authority: ``set verify in the connection to``."""
    without_tls: str
    """What to do if the server speaks no TLS."""
    certificate: str
    """How to give a client certificate, or that there is no way."""


_Maker = Callable[[str, TlsFields], DownloadError]


def _cause(what: str, advice: str) -> _Maker:
    return lambda server, fields: TlsRefused(what.format(server=server), advice.format(fields=fields))


_NO_TLS: Final = _cause("{server} does not speak TLS", "{fields.without_tls}")
_EXPIRED: Final = _cause(
    "the certificate of {server} has expired",
    "have the server's certificate renewed; if it is valid, set the clock of this machine",
)
_NOT_YET: Final = _cause(
    "the certificate of {server} is not valid yet",
    "set the clock of this machine (NTP); if it is right, have the server's certificate renewed",
)
_OTHER_HOST: Final = _cause(
    "the certificate of {server} is for another host",
    "write a name that is in the certificate as {fields.address}, or have a certificate made for this name",
)
_SELF_SIGNED: Final = _cause(
    "the certificate of {server} is self-signed, so it is not trusted",
    "{fields.authorities} the file of that certificate",
)
_UNKNOWN: Final = _cause(
    "the certificate of {server} is not trusted", "{fields.authorities} the file of the authority that signed it"
)
_CLIENT_CERTIFICATE: Final = _cause("{server} wants a client certificate", "{fields.certificate}")
_OTHER_CERTIFICATE: Final = _cause(
    "{server} does not accept the client certificate, or wants one", "{fields.certificate}"
)
_OLD: Final = _cause(
    "{server} and this client have no version of TLS in common: it speaks an old one only",
    "have TLS 1.2 or 1.3 enabled on the server",
)
_NO_AGREEMENT: Final = _cause(
    "{server} refused the TLS handshake: it wants a client certificate, or has no cipher in common with this client",
    "{fields.certificate}; or have the ciphers of TLS 1.2 or 1.3 enabled on the server",
)
_UNKNOWN_NAME: Final = _cause(
    "{server} has no certificate for that name",
    "write the name that the server is known by as {fields.address}, or have a certificate made for this name",
)

_SIGNS: Final[tuple[tuple[tuple[str, ...], _Maker], ...]] = (
    (("certificate has expired", "ExpiredContext", "(Expired"), _EXPIRED),
    (("certificate is not yet valid", "NotValidYet"), _NOT_YET),
    (("Hostname mismatch", "IP address mismatch", "doesn't match", "NotValidForName"), _OTHER_HOST),
    (("verify failed: self-signed certificate (", "verify failed: self signed certificate ("), _SELF_SIGNED),
    (("CERTIFICATE_VERIFY_FAILED", "InvalidCertificate"), _UNKNOWN),
    (("WRONG_VERSION_NUMBER", "InvalidContentType"), _NO_TLS),
    (("ALERT_CERTIFICATE_REQUIRED", "CertificateRequired"), _CLIENT_CERTIFICATE),
    (("ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA", "ALERT_CERTIFICATE_", "ALERT_UNSUPPORTED_CERT"), _OTHER_CERTIFICATE),
    (("BadCertificate", "UnknownCA", "CertificateExpired", "CertificateUnknown"), _OTHER_CERTIFICATE),
    (("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS_AVAILABLE", "VERSION_TOO_LOW"), _OLD),
    (("ProtocolVersion", "ServerDoesNotSupportTls12Or13", "ServerTlsVersionIsDisabled"), _OLD),
    (("HANDSHAKE_FAILURE", "NO_SHARED_CIPHER", "INSUFFICIENT_SECURITY", "DH_KEY_TOO_SMALL"), _NO_AGREEMENT),
    (("HandshakeFailure", "InsufficientSecurity", "PeerIncompatible"), _NO_AGREEMENT),
    (("UNRECOGNIZED_NAME", "UnrecognisedName", "UnrecognizedName"), _UNKNOWN_NAME),
)
"""In the text of an error, the first sign counts. OpenSSL's `TLSV1_ALERT_...` is what the server wrote."""


def refused(text: str, server: str, fields: TlsFields) -> DownloadError:
    """The error of a handshake that failed, from the text of the client's error. `server`: its name in the message.

    A connection that only ended while it was set up may have been ended by anybody.
    """
    for signs, maker in _SIGNS:
        if any(sign in text for sign in signs):
            return maker(server, fields)
    return NetworkError(
        f"the connection to {server} broke while TLS was set up",
        f"run it again; if it stays so, check {fields.address}: the server may want a client certificate, or speak "
        "another protocol there",
    )


def unusable_authorities(path: str, named: str, *, folders: bool = False) -> Misconfigured | None:
    """The error of a file of authorities that cannot be used; None if it can.

    `named`: where the path is written, as the message says it. `folders`: whether the client takes a folder too.
    """
    if not os.path.exists(path):
        wrong = "does not exist on this machine"
    elif os.path.isdir(path):
        if folders:
            return None
        wrong = "is a folder"
    elif not os.access(path, os.R_OK):
        wrong = "may not be read by the user of this task"
    elif not os.path.getsize(path):
        wrong = "is empty"
    else:
        try:
            ssl.create_default_context(cafile=path)
        except OSError:  # SSLError is one
            wrong = "holds no certificate that can be read"
        else:
            return None
    return Misconfigured(
        f"the file of trusted authorities, {path}, {wrong}", f"correct {named}: the path of a file in PEM format"
    )


def unusable_certificate(file: str, key: str | None, named: str) -> Misconfigured | None:
    """The error of a client certificate that cannot be used; None if it can. `named`: where its path is written."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(file, key)
    except (OSError, ValueError):  # SSLError is an OSError
        return Misconfigured(
            f"the client certificate {file} cannot be read, or does not belong to its key",
            f"correct {named}: the path of a file in PEM format, or of a certificate and of its key",
        )
    return None
