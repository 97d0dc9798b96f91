"""The catalogue in MongoDB: read by `find` alone, so a user with the right to find is enough.

Every query asks for one batch, which the server closes itself: not even a cursor is left to be killed. The fields and
the extra of the connection mean what they mean to Airflow's MongoDB provider.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import dns.exception
import dns.resolver
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
)

from ..errors import cut
from .documents import RAW, id_of, to_raw_file
from .errors import CatalogueError, CatalogueRefused, CatalogueUnreachable, RecordUnusable
from .interface import CatalogueAddress, closest
from .raw_file import BACKED_UP, RawFile
from .rows import MOST_SIMILAR, can_be_id

__all__ = ["MongoCatalogue", "connect", "open_catalogue"]

_DATABASE: Final = "krakendb"
"""AlphaKraken's."""
_TIME_LIMIT_MS: Final = 60_000
_HINT_TIME_LIMIT_MS: Final = 3_000
"""Of the query for similar ids."""
_DEFAULTS: Final[dict[str, Any]] = {
    "appname": "downloader",
    "connectTimeoutMS": 10_000,
    "serverSelectionTimeoutMS": 15_000,
    "socketTimeoutMS": _TIME_LIMIT_MS + 30_000,
    "readPreference": "primaryPreferred",
    "maxPoolSize": 8,
}
_SWITCH: Final = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
_SHOWN: Final = 300
"""Characters of what a server or the driver says."""
_CHECK_CONNECTION: Final = "correct the fields and the extra of the catalogue's connection"


class _Refusal(NamedTuple):
    """The error for texts of the driver, of TLS and of servers. `what` and `advice` are formats."""

    pattern: re.Pattern[str]
    error: type[CatalogueError]
    what: str
    advice: str


_LOGIN: Final = _Refusal(
    re.compile(r"authentication failed|bad auth|auth(?:entication)? error|mechanism", re.IGNORECASE),
    CatalogueRefused,
    "{where} refused the login",
    "correct login and password of the catalogue's connection, and authSource in its extra: the database that the user"
    " was made in",
)
_RIGHTS: Final = _Refusal(
    re.compile(r"not authorized|requires authentication|not allowed", re.IGNORECASE),
    CatalogueRefused,
    "{where} may not be read",
    "give the catalogue's connection the login of a user that may read the database (MongoDB's role read)",
)
_SLOW: Final = _Refusal(
    re.compile(r"exceeded time limit"),
    CatalogueUnreachable,
    "{where} gave no answer in time",
    "run it again later; if this happens often, make the index that include/docs/catalogue.md shows",
)
_CODES: Final = {11: _LOGIN, 18: _LOGIN, 334: _LOGIN, 13: _RIGHTS, 50: _SLOW}
"""By the code of the server's error."""
_REFUSALS: Final = (
    _LOGIN,
    _RIGHTS,
    _Refusal(
        re.compile(r"certificate[_ ]required", re.IGNORECASE),
        CatalogueRefused,
        "TLS with {where} failed: it asks for a certificate",
        "name the file with the certificate and its key as tlsCertificateKeyFile in the extra of the catalogue's"
        " connection",
    ),
    _Refusal(
        re.compile(r"certificate", re.IGNORECASE),
        CatalogueRefused,
        "TLS with {where} failed: a certificate is not accepted",
        "name the file of the authority that signed the server's as tlsCAFile in the extra of the catalogue's"
        " connection, and the host as the certificate does",
    ),
    _Refusal(
        re.compile(r"WRONG_VERSION_NUMBER|record layer failure|UNSUPPORTED_PROTOCOL|no shared cipher", re.IGNORECASE),
        CatalogueRefused,
        "TLS with {where} failed: that port speaks none, or another version",
        "correct host and port of the catalogue's connection, or set ssl to false in its extra",
    ),
    _Refusal(
        re.compile(r"\bSSL\b|\bTLS\b|_ssl\.c"),
        CatalogueUnreachable,
        "TLS with {where} failed",
        "see that it runs and that this port speaks TLS, then run it again; if it asks for a certificate, name it as"
        " tlsCertificateKeyFile in the extra of the catalogue's connection",
    ),
    _Refusal(
        re.compile(r"configured to connect to a replica set|available for replica set name"),
        CatalogueRefused,
        "{where} is no member of the replica set that the connection names",
        "correct replicaSet in the extra of the catalogue's connection, or remove it",
    ),
    _Refusal(
        re.compile(r"No primary|No replica set member|not (?:primary|master)", re.IGNORECASE),
        CatalogueUnreachable,
        "{where} has no server that may be read now",
        "run it again when the replica set has a primary, or allow its secondaries: readPreference"
        " secondaryPreferred in the extra of the catalogue's connection",
    ),
    _Refusal(
        re.compile(r"connection closed|Connection reset"),
        CatalogueUnreachable,
        "{where} closed the connection",
        "see that it runs, then run it again; if it accepts TLS alone, set ssl to true in the extra of the catalogue's"
        " connection",
    ),
)
"""The first that fits counts."""


def open_catalogue(address: CatalogueAddress) -> MongoCatalogue:
    """The catalogue at `address`, connected. Raises CatalogueUnreachable, CatalogueRefused."""
    catalogue = MongoCatalogue(address)
    try:
        catalogue.refuse_empty()
    except BaseException:
        catalogue.close()
        raise
    return catalogue


def connect(address: CatalogueAddress) -> MongoClient[RawBSONDocument]:
    """The driver's client, which connects when it is asked.

    Raises PyMongoError, ValueError, TypeError, OSError, CatalogueRefused.
    """
    given = {key: value for key, value in address.options.items() if value is not None}
    srv = _truth("srv", given.pop("srv", False)) or address.kind.lower().endswith("+srv")
    insecure = _truth("allow_insecure", given.pop("allow_insecure", False))
    tls = [_truth(key, given.pop(key)) for key in ("ssl", "tls") if key in given]
    options = {key: value for key, value in _DEFAULTS.items() if key.lower() not in map(str.lower, given)} | given
    if tls:
        options["tls"] = any(tls)
    if insecure and (any(tls) or (srv and not tls)):
        options["tlsAllowInvalidCertificates"] = True
    login = {"username": address.user, "password": address.password}
    options |= {key: value for key, value in login.items() if value}
    return MongoClient(_uri(address, srv=srv), document_class=RawBSONDocument, **options)


class MongoCatalogue:
    """Holds the driver's connections, which are made again where they broke."""

    def __init__(self, address: CatalogueAddress) -> None:
        """Asks nothing. Raises CatalogueRefused, and CatalogueUnreachable where the names of servers are looked up."""
        self._address = address
        self._names = address.names
        self._database = address.names.database or address.database or _DATABASE
        try:
            self._client = connect(address)
            self._collection = self._client.get_database(self._database).get_collection(self._names.collection, RAW)
            return
        except (PyMongoError, ValueError, TypeError, OSError) as error:
            problem = self._refusal(error)
        raise problem  # outside the handler: the driver's exception, with the password, must not be its context

    def refuse_empty(self) -> None:
        """Raises CatalogueRefused if there is nothing to read: to `find`, what does not exist is empty."""
        if not self._find({}, ("_id",), 1):
            raise CatalogueRefused(
                f"{self._where()} is empty, or there is no such database or collection",
                "name them under mongo in the configuration, or the database as the schema of the catalogue's"
                " connection",
            )

    def get(self, raw_file_id: str) -> RawFile | None:
        """The record, None if there is none. Raises CatalogueError."""
        if not can_be_id(raw_file_id):
            return None
        names = self._names
        wanted = {names.id: raw_file_id}
        fields = (names.project_id, names.s3_upload_path, names.backup_status, names.file_info)
        found = self._find(wanted, fields, 1)
        if not found:
            return None
        if names.id != "_id" and len(self._find(wanted, ("_id",), 2)) > 1:
            raise RecordUnusable(f"the catalogue has more than one raw file {raw_file_id}", "remove all but one")
        return to_raw_file(found[0], raw_file_id, names)

    def similar(self, raw_file_id: str, limit: int) -> list[str]:
        """At most `limit` similar ids."""
        if not can_be_id(raw_file_id):
            return []
        half = max(3, len(raw_file_id) // 2)
        patterns = (_quoted(raw_file_id), f"^{_quoted(raw_file_id[:half])}", f"{_quoted(raw_file_id[-half:])}$")
        like = [{self._names.id: {"$regex": pattern, "$options": "i"}} for pattern in patterns]
        rows = self._find({"$or": like}, (self._names.id,), MOST_SIMILAR, _HINT_TIME_LIMIT_MS)
        return closest(raw_file_id, self._ids(rows), limit)

    def ids_of_project(self, project_id: str, limit: int) -> list[str]:
        """As `Catalogue`."""
        if not can_be_id(project_id):
            return []
        wanted = {self._names.project_id: project_id, self._names.backup_status: BACKED_UP}
        return self._sorted_ids(wanted, limit)

    def ids(self, project_id: str | None, after: str | None, limit: int) -> list[str]:
        """As `Catalogue`."""
        if not can_be_id(project_id or ""):
            return []
        wanted: dict[str, object] = {self._names.id: {"$gt": after or ""}}  # texts alone: `get` finds no other
        if project_id is not None:
            wanted[self._names.project_id] = project_id
        return self._sorted_ids(wanted, limit)

    def close(self) -> None:
        """Ends the connections."""
        self._client.close()

    def _sorted_ids(self, wanted: Mapping[str, object], limit: int) -> list[str]:
        return self._ids(self._find(wanted, (self._names.id,), limit, sort=[(self._names.id, 1)]))

    def _ids(self, found: list[RawBSONDocument]) -> list[str]:
        return [known for document in found if (known := id_of(document, self._names.id)) is not None]

    def _find(
        self,
        wanted: Mapping[str, object],
        fields: tuple[str, ...],
        limit: int,
        time_limit: int = _TIME_LIMIT_MS,
        **how: Any,
    ) -> list[RawBSONDocument]:
        """The only command that this module sends. A limit below zero is a single batch, which leaves no cursor."""
        projection = {"_id": 0, **dict.fromkeys(fields, 1)}
        try:
            cursor = self._collection.find(
                wanted, projection, limit=-limit, batch_size=limit, max_time_ms=time_limit, **how
            )
            return list(cursor)
        except (PyMongoError, BSONError) as error:
            problem = self._refusal(error)
        except (LookupError, TypeError, ValueError, OverflowError) as error:  # the driver trusts what servers send
            problem = CatalogueRefused(
                f"{self._where()} gave an answer that is none of MongoDB's ({type(error).__name__})",
                "correct host and port of the catalogue's connection",
            )
        raise problem

    def _where(self) -> str:
        place = f"{self._address.host}/{self._database}.{self._names.collection}"
        return f"the catalogue in MongoDB ({self._address.without_secrets(place)})"

    def _refusal(self, error: Exception) -> CatalogueError:
        text, where = cut(self._address.without_secrets(_text_of(error)), _SHOWN), self._where()
        if isinstance(error, BSONError):
            return RecordUnusable(f"a document of {where} is not valid BSON ({text})")
        fits = _refusal_of(error, text)
        if fits is not None:
            return fits.error(f"{fits.what.format(where=where)} ({text})", fits.advice)
        if isinstance(error, ConfigurationError) and isinstance(error.__cause__, dns.exception.DNSException):
            return _unresolved(error.__cause__, where, text)
        if isinstance(error, ConnectionFailure | ExecutionTimeout):
            return CatalogueUnreachable(f"{where} does not answer ({text})")
        if isinstance(error, OperationFailure):
            return CatalogueRefused(f"{where} refused ({text})")
        return CatalogueRefused(f"the connection to {where} cannot be used ({text})", _CHECK_CONNECTION)


def _refusal_of(error: Exception, text: str) -> _Refusal | None:
    if isinstance(error, OperationFailure) and error.code in _CODES:
        return _CODES[error.code]
    if not isinstance(error, OperationFailure | ConnectionFailure):
        return None
    return next((refusal for refusal in _REFUSALS if refusal.pattern.search(text)), None)


def _unresolved(cause: dns.exception.DNSException, where: str, text: str) -> CatalogueError:
    """The error of SRV records that could not be looked up."""
    if isinstance(cause, dns.resolver.NXDOMAIN | dns.resolver.NoAnswer):
        return CatalogueRefused(
            f"the DNS has no SRV record of {where} ({text})",
            "correct the host of the catalogue's connection, or set srv to false in its extra",
        )
    return CatalogueUnreachable(
        f"the SRV record of {where} could not be looked up ({text})",
        "see that this machine reaches its DNS server, then run it again",
    )


def _text_of(error: Exception) -> str:
    """What happened, without the driver's view of all servers."""
    if isinstance(error, OperationFailure) and isinstance(error.details, Mapping):
        return str(error.details.get("errmsg") or error)
    return re.split(r", Timeout: | \(configured timeouts|, full error: ", str(error))[0]


def _uri(address: CatalogueAddress, *, srv: bool) -> str:
    """Raises CatalogueRefused if the host is none."""
    host = address.host.strip()
    if not host or "://" in host or "@" in host:
        raise CatalogueRefused(
            "the host of the catalogue's connection to MongoDB is missing"
            if not host
            else "the host of the catalogue's connection to MongoDB holds more than the names of servers",
            "write the names alone, such as db1.example.org:27017,db2.example.org:27017, and what else the address has"
            " into the other fields; mongodb+srv:// is srv in the extra",
        )
    if srv and address.port:
        raise CatalogueRefused(
            "the catalogue's connection to MongoDB has a port, and srv in its extra",
            "remove the port: SRV records have those of the servers",
        )
    port = f":{address.port}" if address.port else ""
    scheme = "mongodb+srv" if srv else "mongodb"
    return f"{scheme}://{quote(host, safe=':,[]%')}{port}/{quote(address.database, safe='')}"


def _truth(key: str, value: object) -> bool:
    switch = _SWITCH.get(str(value).strip().lower())
    if switch is None:
        raise CatalogueRefused(
            f"{key} in the extra of the catalogue's connection is neither true nor false", "write true or false"
        )
    return switch


def _quoted(text: str) -> str:
    """For a regular expression of MongoDB (PCRE): every other character stands for itself."""
    return re.sub(r"([^\w])", r"\\\1", text, flags=re.ASCII)
