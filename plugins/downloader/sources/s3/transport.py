"""How a server is reached: the proxy, the authorities that are trusted, and the client certificate.

All is resolved once, by boto3 and its own rules, from the connection, the environment and the AWS configuration. Who
else speaks to the same server (`obstore`, `minio`) takes what boto3 took, and asks the environment nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError
from botocore.httpsession import get_cert_path
from urllib3 import PoolManager, ProxyManager

from ...errors import Misconfigured
from ..tls import unusable_authorities, unusable_certificate
from .errors import Fields, plain_address

__all__ = ["Transport", "proxy_of", "session_of"]

_ENVIRONMENT: Final = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
_NOBODY: Final = "http://127.0.0.1:9"
"""An address at which nobody listens (the discard port), as the proxy of what must not be sent."""
_ALL_HOSTS: Final = "*,0.0.0.0/0,::/0"
_IN_CONFIG: Final = " in config_kwargs of the connection"
_IN_PROXIES: Final = " in proxies_config, in config_kwargs of the connection"
_SOME_PROXY: Final = "write it as http://HOST:PORT"


def session_of(client: Any) -> Any:
    """The `URLLib3Session` of botocore that a client sends by: its proxy, its authorities, its certificate."""
    return client._endpoint.http_session


def proxy_of(client: Any) -> str:
    """Scheme, host and port of the proxy of a client, without login; ``""``: none."""
    proxy = session_of(client)._proxy_config.proxy_url_for(client.meta.endpoint_url)
    return plain_address(proxy) if proxy else ""


@dataclass(frozen=True)
class Transport:
    """The way to one server. `proxy`: its URL, with its login; ``""``: none."""

    address: str
    """Scheme, host and port of the server, without login."""
    proxy: str = field(default="", repr=False)
    authorities: str | None = None
    """The file of the authorities that are trusted; None: certificates are not checked."""
    session: Any = field(default=None, repr=False)
    """botocore's own, of the client that resolved all this. Nothing public of it says what it resolved."""

    @classmethod
    def of(cls, client: Any, verify: bool | str | None, fields: Fields) -> Transport:
        """What a boto3 client resolved for its endpoint. `verify`: as the connection says it, to name it in errors.

        Raises Misconfigured for a proxy or a file that cannot be used.
        """
        session = session_of(client)
        url = client.meta.endpoint_url
        _refuse_proxy(session._proxy_config, url, fields)
        found = get_cert_path(session._verify) if session._verify else None
        made = cls(
            address=plain_address(url),
            proxy=session._proxy_config.proxy_url_for(url) or "",
            authorities=None if found is None else str(found),
            session=session,
        )
        for problem in made._problems(verify, fields):
            raise problem
        return made

    def _problems(self, verify: bool | str | None, fields: Fields) -> Iterator[Misconfigured]:
        """What is wrong with the files that are named for this way."""
        if self.address.startswith("https:"):
            named = self.authorities
            if named is not None and self.session._verify is not True:
                yield from _some(unusable_authorities(named, _written_as(named, verify, fields)))
            if self.session._cert_file:
                certificate, key = self.session._cert_file, self.session._key_file
                yield from _some(unusable_certificate(certificate, key, f"client_cert{_IN_CONFIG}"))
        if self.proxy.startswith("https:"):
            named, certificate = self.proxy_authorities, self._settings.get("proxy_client_cert")
            if named:
                yield from _some(unusable_authorities(named, f"proxy_ca_bundle{_IN_PROXIES}"))
            if certificate:
                certificate, key = (certificate, None) if isinstance(certificate, str) else certificate
                yield from _some(unusable_certificate(certificate, key, f"proxy_client_cert{_IN_PROXIES}"))

    @property
    def boto3_only(self) -> bool:
        """Whether only boto3 can go this way: `obstore` knows no client certificates."""
        if self.session is None:
            return False
        own = self._settings.get("proxy_client_cert") or self._settings.get("proxy_use_forwarding_for_https")
        return bool(self.session._cert_file or (self.proxy and own))

    @property
    def proxy_authorities(self) -> str | None:
        """The file of those that are trusted for the proxy's own certificate; None: as `authorities`."""
        found: str | None = self._settings.get("proxy_ca_bundle")
        return found

    @property
    def _settings(self) -> dict[str, Any]:
        return {} if self.session is None else self.session._proxy_config.settings

    @property
    def proxy_address(self) -> str:
        """Scheme, host and port of the proxy, without login; ``""``: none."""
        return plain_address(self.proxy) if self.proxy else ""

    def for_obstore(self, *, keep_to_host: bool) -> dict[str, Any]:
        """The client options of `obstore`.

        It follows redirects and takes along all headers but ``Authorization``. `keep_to_host`: whether nothing is sent
        to another host: without a proxy, redirects there end at a proxy where nobody listens.
        """
        host = urlsplit(self.address).hostname or ""
        options: dict[str, Any] = {
            "allow_http": self.address.startswith("http:"),
            "proxy_url": self.proxy or _NOBODY,  # without one it would ask the environment, by rules of its own
            "proxy_excludes": "" if self.proxy else host if keep_to_host else _ALL_HOSTS,
        }
        if self.authorities is None:
            return {**options, "allow_invalid_certificates": True}
        if not self._is_encrypted:  # those of the system take long to read, and not every container has any
            return {**options, "disable_system_certificates": True}
        trusted = self._trusted
        return {**options, "root_certificate": trusted, "disable_system_certificates": True} if trusted else options

    def manager(self, **settings: Any) -> PoolManager:
        """A pool manager of urllib3 that goes the same way."""
        session = self.session
        settings |= {
            "cert_reqs": "CERT_NONE" if self.authorities is None else "CERT_REQUIRED",
            "ca_certs": self.authorities,
            "cert_file": session._cert_file,
            "key_file": session._key_file,
        }
        if not self.proxy:
            return PoolManager(**settings)
        settings |= session._proxies_kwargs(proxy_ssl_context=session._setup_proxy_ssl_context(self.proxy))
        return ProxyManager(self.proxy, proxy_headers=session._proxy_config.proxy_headers_for(self.proxy), **settings)

    @property
    def _is_encrypted(self) -> bool:
        return self.address.startswith("https:") or self.proxy.startswith("https:")

    @cached_property
    def _trusted(self) -> bytes:
        """All authorities. Those of an HTTPS proxy are trusted for the server as well: obstore has one list."""
        files = filter(None, (self.authorities, self.proxy_authorities))
        return b"\n".join(Path(file).read_bytes() for file in files)


def _some(problem: Misconfigured | None) -> Iterator[Misconfigured]:
    if problem is not None:
        yield problem


def _refuse_proxy(resolved: Any, url: str, fields: Fields) -> None:
    """Raises Misconfigured for a proxy that boto3 would take for something else."""
    written = resolved._proxies.get(urlsplit(url).scheme)
    if not written:
        return
    kind, mark, _ = str(written).partition("://")
    if mark and kind.lower() not in ("http", "https", ""):
        raise Misconfigured(
            f"the proxy is of the kind {kind[:20]}://, which is not supported", f"{_SOME_PROXY}: {fields.proxy}"
        )
    try:
        parts = urlsplit(resolved.proxy_url_for(url))
        usable = bool(parts.hostname) and (parts.port or 1) > 0
    except (ValueError, BotoCoreError):
        usable = False
    if not usable:
        raise Misconfigured("the proxy is not a valid address", f"{_SOME_PROXY}: {fields.proxy}")


def _written_as(path: str, verify: bool | str | None, fields: Fields) -> str:
    """Where the path of the authorities is written."""
    if verify == path:
        return f"{fields.authority} in the connection"
    for name in _ENVIRONMENT:
        if os.environ.get(name) == path:
            return f"{name} in the environment"
    return "ca_bundle in the AWS configuration file"
