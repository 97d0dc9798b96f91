"""A certificate authority for tests."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["authority_and_server"]


def authority_and_server(
    folder: Path, *, self_signed: bool = False, valid_from: int = -1
) -> tuple[Path, ssl.SSLContext]:
    """The file of an authority, and a server's context with a certificate that it signed for 127.0.0.1.

    `self_signed`: the server shows the authority's own certificate. `valid_from`: the day from which the server's is
    valid, for two days, counted from now.
    """
    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    if self_signed:
        server_key = authority_key
    authority = _certificate("Test authority", "Test authority", authority_key, authority_key, is_authority=True)
    server = _certificate(
        "127.0.0.1", "Test authority", server_key, authority_key, is_authority=False, first=valid_from
    )
    if self_signed:
        server = authority
    pem, private = folder / "authority.pem", folder / "server.pem"
    pem.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        server_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + server.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(private)
    return pem, context


def _certificate(
    subject: str,
    issuer: str,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    is_authority: bool,
    first: int = -1,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=first))
        .not_valid_after(now + timedelta(days=first + 2))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = builder.add_extension(names, critical=False)
    return builder.sign(signer, hashes.SHA256())
