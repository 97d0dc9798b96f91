"""The catalogue in MongoDB, by its driver over the wire: what is sent, what is read, and what each failure says."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import bson
import dns.message
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset
import pytest
from bson.raw_bson import RawBSONDocument

from downloader.catalogue import (
    CatalogueAddress,
    CatalogueError,
    CatalogueRefused,
    CatalogueUnreachable,
    DocumentNames,
    NoSuchRawFile,
    RawFile,
    RecordUnusable,
    find_raw_file,
    open_catalogue,
    plan,
)
from downloader.catalogue import mongo as mongo_module
from downloader.remote_file import Refused, RemoteFile
from include.stand_ins.mongo_server import BREAK, SILENCE, MongoServer, mongod_error
from support.catalogues import NAMESPACE, PASSWORD, USER, MongoDatabase, Opened
from support.certificates import authority_and_server

MD5 = "9b2cf535f27731c974343645a3985328"
INFO = {"sample.d/ü": [1, MD5], "sample.raw": [5, MD5, f"{MD5}-17__100"]}
HANDSHAKE = {"hello", "ismaster", "saslStart", "saslContinue", "endSessions"}


def hasty(address: CatalogueAddress) -> CatalogueAddress:
    """The same, for what is not going to work."""
    return with_options(address, serverSelectionTimeoutMS=1000)


def with_options(address: CatalogueAddress, **options: object) -> CatalogueAddress:
    return replace(address, options={**address.options, **options})


@pytest.fixture
def filled(mongo: MongoDatabase) -> MongoDatabase:
    mongo.insert("sample", INFO)
    return mongo


# What is sent


def test_nothing_but_find_is_ever_sent(filled: MongoDatabase) -> None:
    filled.insert_damaged("broken")
    catalogue = open_catalogue(filled.address)
    catalogue.get("sample")
    catalogue.similar("sampel", 3)
    catalogue.ids_of_project("PRID001", 1)
    catalogue.ids("PRID001", None, 1)
    with pytest.raises(RecordUnusable):
        catalogue.get("broken")
    with pytest.raises(NoSuchRawFile):
        find_raw_file(catalogue, "other")
    filled.server.disconnect()
    catalogue.get("sample")
    catalogue.close()
    assert "find" in filled.asked() <= HANDSHAKE | {"find"}


def test_no_cursor_is_left_behind_however_many_records_there_are(mongo: MongoDatabase, opened: Opened) -> None:
    for number in range(300):
        mongo.insert(f"sample_{number:03}", {})
    catalogue = opened(mongo.address)
    assert catalogue.ids_of_project("PRID001", 250) == [f"sample_{number:03}" for number in range(250)]
    assert len(catalogue.ids_of_project("PRID001", 1001)) == 300
    assert len(catalogue.ids(None, "sample_100", 1001)) == 199
    catalogue.similar("sample", 3)
    assert mongo.asked() <= HANDSHAKE | {"find"}
    finds = [command for command in mongo.server.commands if "find" in command]
    assert all(find["singleBatch"] and find["maxTimeMS"] and find["limit"] for find in finds)


def test_of_a_project_only_the_ids_are_asked_for(filled: MongoDatabase, opened: Opened) -> None:
    opened(filled.address).ids_of_project("PRID001", 10)
    assert filled.server.commands[-1]["projection"] == {"_id": 1}


def test_what_is_asked_is_a_value_and_never_an_operator(filled: MongoDatabase, opened: Opened) -> None:
    catalogue = opened(filled.address)
    for odd in ('{"$ne": null}', "$where", ".*", "^sample$"):
        assert catalogue.get(odd) is None
        assert catalogue.ids_of_project(odd, 10) == []
        catalogue.similar(odd, 3)
    assert filled.server.commands[-1]["filter"]["$or"][0] == {"_id": {"$regex": r"\^sample\$", "$options": "i"}}


def test_secondaries_are_read_where_there_is_no_primary(opened: Opened) -> None:
    with MongoServer(secondary=True, isWritablePrimary=False, ismaster=False, setName="rs0") as server:
        server.hello |= {"hosts": [server.address], "me": server.address}
        database = MongoDatabase(server)
        database.insert("sample", INFO)
        address = with_options(replace(database.address, user=""), replicaSet="rs0")
        assert opened(address).get("sample") is not None
        with pytest.raises(CatalogueUnreachable, match=r"no server that may be read now.*secondaryPreferred"):
            open_catalogue(hasty(with_options(address, readPreference="primary")))


# The connection, as Airflow's provider reads it


def test_the_login_is_checked_in_the_connections_database_or_in_authsource(opened: Opened) -> None:
    with MongoServer(users={("admin", "root"): PASSWORD, ("lab", "me"): PASSWORD}) as server:
        server.insert("lab.raw_file", {"_id": "sample", "file_info": INFO})
        mine = CatalogueAddress("mongo", "127.0.0.1", server.port, "lab", "me", PASSWORD)
        assert opened(mine).get("sample") is not None
        assert opened(with_options(replace(mine, user="root"), authSource="admin")).get("sample") is not None
        names = DocumentNames(database="lab")
        assert opened(replace(mine, user="root", database="", names=names)).get("sample") is not None
        with pytest.raises(CatalogueRefused, match="refused the login"):
            open_catalogue(replace(mine, user="root"))


def test_all_servers_of_a_list_are_tried(filled: MongoDatabase, opened: Opened) -> None:
    host = f"127.0.0.1:1,{filled.server.address}"
    filled.server.hello |= {"setName": "rs0", "hosts": host.split(","), "me": filled.server.address}
    assert opened(replace(filled.address, host=host, port=None)).get("sample") is not None


def test_options_may_be_texts_as_in_a_connection_written_as_an_address(filled: MongoDatabase, opened: Opened) -> None:
    options = {"serverSelectionTimeoutMS": "500", "ssl": "false", "srv": "False", "allow_insecure": "0", "tls": None}
    assert opened(replace(filled.address, options=options)).get("sample") is not None


def test_a_certificate_may_be_the_login(filled: MongoDatabase, tmp_path: Path) -> None:
    authority_and_server(tmp_path)
    options = {"authMechanism": "MONGODB-X509", "tls": True, "tlsCertificateKeyFile": str(tmp_path / "server.pem")}
    with mongo_module.connect(replace(filled.address, user="CN=reader", password="", options=options)) as client:
        assert client.options.pool_options.appname == "downloader"


def test_a_login_without_a_password_is_refused(filled: MongoDatabase) -> None:
    with pytest.raises(CatalogueRefused, match=r"cannot be used .*[Pp]assword"):
        open_catalogue(replace(filled.address, password=""))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"host": ""}, "the host of the catalogue's connection to MongoDB is missing; write"),
        (
            {"host": f"mongodb+srv://me:{PASSWORD}@db.example.org"},
            "holds more than the names of servers; write the names alone",
        ),
        ({"host": f"me:{PASSWORD}@db.example.org"}, "holds more than the names of servers"),
        ({"host": "a b/c"}, "cannot be used|does not answer"),
        ({"port": 99_999}, "cannot be used .*Port must be"),
        ({"options": {"srv": True}}, "has a port, and srv in its extra; remove the port"),
        ({"options": {"ssl": "maybe"}}, "ssl in the extra of the catalogue's connection is neither true nor false"),
        ({"options": {"readpref": "nearest"}}, "Unknown option: readpref.*correct the fields and the extra"),
        ({"options": {"replicaSet": 5}}, "cannot be used"),
        ({"options": {"host": "x"}}, "cannot be used"),
        ({"options": {"document_class": "dict"}}, "cannot be used"),
        ({"options": {"authMechanism": "NONE"}}, "cannot be used"),
        ({"database": "a b"}, "cannot be used"),
        ({"names": DocumentNames(collection="a..b")}, "cannot be used"),
    ],
)
def test_a_connection_that_cannot_be_used_is_refused_by_its_field(
    filled: MongoDatabase, changes: dict[str, Any], words: str
) -> None:
    changes = {**changes, "options": {**filled.address.options, **changes.get("options", {})}}
    with pytest.raises(CatalogueError, match=words) as caught:
        open_catalogue(hasty(replace(filled.address, **changes)))
    assert PASSWORD not in str(caught.value)
    assert caught.value.__cause__ is None, "the driver's own words stay out of the log"
    assert caught.value.__context__ is None


def test_names_may_be_others(opened: Opened, mongo: MongoDatabase) -> None:
    names = DocumentNames("lab", "files", "name", "study", "path", "state", "parts")
    document = {"name": "sample", "study": "P", "path": "b/p/", "state": "upload_done", "parts": INFO, "file_info": 5}
    mongo.server.insert("lab.files", {"_id": 1, **document})
    catalogue = opened(replace(mongo.address, names=names))
    assert catalogue.get("sample") == RawFile("sample", "P", "b/p/", "upload_done", INFO)
    assert (catalogue.ids_of_project("P", 5), catalogue.similar("sampel", 5)) == (["sample"], ["sample"])
    mongo.server.insert("lab.files", {"_id": 2, **document})
    with pytest.raises(RecordUnusable, match="more than one raw file sample"):
        catalogue.get("sample")


# SRV


@dataclass
class Dns:
    """A DNS server. `answer`: the SRV records of any name; None: it never answers."""

    answer: list[str] | None
    asked: list[str] = field(default_factory=list)

    def serve(self, listener: socket.socket) -> None:
        while wire := listener.recvfrom(4096):
            if not wire[0]:
                return
            query = dns.message.from_wire(wire[0])
            name, kind = query.question[0].name, query.question[0].rdtype
            self.asked.append(f"{name} {dns.rdatatype.to_text(kind)}")
            reply = dns.message.make_response(query)
            if kind == dns.rdatatype.SRV and self.answer:
                reply.answer.append(dns.rrset.from_text(name, 60, "IN", "SRV", *self.answer))
            elif kind == dns.rdatatype.SRV:
                reply.set_rcode(dns.rcode.NXDOMAIN)
            if self.answer is not None:
                listener.sendto(reply.to_wire(), wire[1])


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Dns]:
    """What is asked for SRV records instead of this machine's DNS server."""
    server = Dns([])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], listener.getsockname()[1]
        monkeypatch.setattr(dns.resolver, "default_resolver", resolver)
        thread = threading.Thread(target=server.serve, args=(listener,))
        thread.start()
        yield server
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", listener.getsockname())
        thread.join()


def test_servers_are_looked_up_by_srv(
    filled: MongoDatabase, names: Dns, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    names.answer = [f"0 0 {filled.server.port} db1.lab.example."]
    plain = socket.getaddrinfo

    def here(host: Any, *rest: Any, **named: Any) -> Any:
        return plain("127.0.0.1" if host == "db1.lab.example" else host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    address = replace(filled.address, host="cluster.lab.example", port=None)
    assert opened(with_options(address, srv=True, ssl=False)).get("sample") is not None
    assert opened(with_options(replace(address, kind="mongodb+srv"), ssl=False)).get("sample") is not None
    assert "_mongodb._tcp.cluster.lab.example. SRV" in names.asked


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ([], CatalogueRefused, "the DNS has no SRV record of .*cluster.lab.example.*set srv to false"),
        (None, CatalogueUnreachable, "could not be looked up .*reaches its DNS server"),
        (["0 0 27017 db1.elsewhere.example."], CatalogueRefused, "cannot be used .*Invalid SRV host"),
    ],
)
def test_a_name_without_srv_records_is_told(
    filled: MongoDatabase, names: Dns, answer: list[str] | None, error: type[CatalogueError], words: str
) -> None:
    names.answer = answer
    address = replace(filled.address, host="cluster.lab.example", port=None)
    with pytest.raises(error, match=words):
        open_catalogue(with_options(address, srv=True, ssl=False, connectTimeoutMS=300))


# TLS


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[MongoDatabase, Path]]:
    """A catalogue behind TLS, and the file of its authority."""
    pem, context = authority_and_server(tmp_path)
    with MongoServer(users={USER: PASSWORD}, tls=context) as server:
        database = MongoDatabase(server)
        database.insert("sample", INFO)
        yield database, pem


def test_tls_is_spoken_and_the_certificate_checked(secure: tuple[MongoDatabase, Path], opened: Opened) -> None:
    database, pem = secure
    assert opened(with_options(database.address, ssl=True, tlsCAFile=str(pem))).get("sample") is not None
    assert opened(with_options(database.address, tls="true", allow_insecure="true")).get("sample") is not None
    with pytest.raises(CatalogueRefused, match=r"a certificate is not accepted .*tlsCAFile") as caught:
        open_catalogue(hasty(with_options(database.address, tls=True)))
    assert not caught.value.retryable


def test_a_server_that_accepts_tls_alone_is_told(secure: tuple[MongoDatabase, Path]) -> None:
    with pytest.raises(CatalogueUnreachable, match=r"closed the connection .*set ssl to true in the extra"):
        open_catalogue(hasty(secure[0].address))


def test_a_server_without_tls_is_told(filled: MongoDatabase) -> None:
    with pytest.raises(CatalogueError, match=r"TLS with the catalogue in MongoDB .* failed"):
        open_catalogue(hasty(with_options(filled.address, tls=True)))


def test_a_file_of_authorities_that_is_not_there_is_told(filled: MongoDatabase, tmp_path: Path) -> None:
    with pytest.raises(CatalogueRefused, match=r"cannot be used .*No such file"):
        open_catalogue(with_options(filled.address, tls=True, tlsCAFile=str(tmp_path / "none.pem")))


def test_a_client_certificate_that_is_wanted_is_told(tmp_path: Path) -> None:
    pem, context = authority_and_server(tmp_path)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(pem)
    with MongoServer(tls=context) as server:
        database = MongoDatabase(server)
        with pytest.raises(CatalogueError, match=r"TLS with .*tlsCertificateKeyFile"):
            open_catalogue(hasty(with_options(replace(database.address, user=""), tls=True, tlsCAFile=str(pem))))


# Refusals


def test_a_refused_login_is_told_without_the_password(filled: MongoDatabase) -> None:
    with pytest.raises(CatalogueRefused, match=r"refused the login .*correct login and password.*authSource") as caught:
        open_catalogue(replace(filled.address, password=f"{PASSWORD}2"))
    assert not caught.value.retryable
    assert PASSWORD not in str(caught.value)


def test_no_login_where_one_is_needed_is_told(filled: MongoDatabase) -> None:
    with pytest.raises(CatalogueRefused, match=r"may not be read .*requires authentication.*role read"):
        open_catalogue(replace(filled.address, user="", password=""))


def test_what_does_not_exist_is_told_with_where_it_is_named(filled: MongoDatabase) -> None:
    with pytest.raises(
        CatalogueRefused, match=r"127\.0\.0\.1/lab\.raw_file\) is empty, or there is no such database or collection"
    ):
        open_catalogue(replace(filled.address, names=DocumentNames(database="lab")))


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (mongod_error(13, "Unauthorized", "not authorized on krakendb"), CatalogueRefused, "role read"),
        (mongod_error(8000, "AtlasError", "bad auth : Authentication failed."), CatalogueRefused, "refused the login"),
        (mongod_error(8000, "AtlasError", "user is not allowed to do action [find]"), CatalogueRefused, "role read"),
        (mongod_error(50, "MaxTimeMSExpired", "operation exceeded time limit"), CatalogueUnreachable, "make the index"),
        (mongod_error(2, "BadValue", f"unknown {PASSWORD}"), CatalogueRefused, r"refused \(unknown \*\*\*\)"),
        (mongod_error(5, "GraphContainsCycle", "x" * 5000), CatalogueRefused, "x{200,300}"),
        ({"ok": 1.0}, CatalogueRefused, "none of MongoDB's"),
        ({"ok": 1.0, "cursor": 5}, CatalogueRefused, "none of MongoDB's"),
        ({"ok": 1.0, "cursor": {"firstBatch": 5, "id": 0, "ns": NAMESPACE}}, CatalogueRefused, "none of MongoDB's"),
        ({"ok": 1.0, "cursor": {"firstBatch": [], "id": bson.Int64(0), "ns": NAMESPACE}}, CatalogueRefused, "is empty"),
    ],
)  # fmt: skip
def test_each_refusal_of_a_server_is_one_sentence(
    filled: MongoDatabase, answer: dict[str, Any], error: type[CatalogueError], words: str
) -> None:
    filled.server.script("find", answer)
    with pytest.raises(error, match=words) as caught:
        open_catalogue(filled.address)
    assert len(str(caught.value)) < 700
    assert "\n" not in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_a_server_that_is_shutting_down_may_pass(filled: MongoDatabase, opened: Opened) -> None:
    catalogue = opened(filled.address)
    ending = mongod_error(91, "ShutdownInProgress", "shutdown in progress")
    filled.server.script("find", *[ending] * 5)
    with pytest.raises(CatalogueUnreachable) as caught:
        catalogue.get("sample")
    assert caught.value.retryable


def test_a_server_that_is_not_there_may_pass(filled: MongoDatabase) -> None:
    filled.server.close()
    with pytest.raises(CatalogueUnreachable, match=r"does not answer .*refused") as caught:
        open_catalogue(hasty(filled.address))
    assert caught.value.retryable


def test_a_name_that_is_not_known_is_told() -> None:
    address = CatalogueAddress("mongo", "db.invalid", options={"serverSelectionTimeoutMS": 200})
    with pytest.raises(CatalogueUnreachable, match=r"db\.invalid"):
        open_catalogue(address)


def test_a_server_that_never_answers_is_not_waited_for(filled: MongoDatabase, opened: Opened) -> None:
    catalogue = opened(with_options(filled.address, socketTimeoutMS=1000))
    filled.server.script("find", *[SILENCE] * 3)
    with pytest.raises(CatalogueUnreachable, match=r"does not answer .*timed out"):
        catalogue.get("sample")


def test_a_connection_that_broke_is_made_anew(filled: MongoDatabase, opened: Opened) -> None:
    catalogue = opened(filled.address)
    filled.server.script("find", BREAK)
    assert catalogue.get("sample") is not None, "the driver asks once more"
    filled.server.script("find", *[BREAK] * 5)
    with pytest.raises(CatalogueUnreachable, match="closed the connection"):
        catalogue.get("sample")


@pytest.mark.parametrize("sent", [b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"x" * 100, b"\x10\0\0\0", b"\xff" * 400])
def test_an_answer_that_is_none_is_told(filled: MongoDatabase, opened: Opened, sent: bytes) -> None:
    catalogue = opened(filled.address)
    filled.server.script("find", *[sent] * 5)
    with pytest.raises(CatalogueError, match="the catalogue in MongoDB"):
        catalogue.get("sample")


# Documents


def planned(catalogue_of: Opened, mongo: MongoDatabase, file_info: Any) -> list[Any]:
    mongo.insert("sample", file_info)
    found = catalogue_of(mongo.address).get("sample")
    assert found is not None
    return plan(found)


def test_keys_with_dots_and_dollars_are_names_of_files(mongo: MongoDatabase, opened: Opened) -> None:
    info: dict[str, Any] = {"a.b.raw": [1, MD5], "$a": [2, MD5], "": [3, MD5], "x.$": [4, None], "ä/$set.d": [5, MD5]}
    assert {item.key: item.size for item in planned(opened, mongo, info) if isinstance(item, RemoteFile)} == {
        f"prefix/{name}": entry[0] for name, entry in info.items() if name
    }


@pytest.mark.parametrize(
    ("entry", "size"),
    [
        ([5, MD5], 5),
        ([bson.Int64(2**40), MD5, None], 2**40),
        ([5.0, MD5], 5),
        ([None, None], None),
        ([None, MD5, f"{MD5}-17__100"], None),
        ([5, f"{MD5}-2"], 5),
    ],
)
def test_entries_are_read_in_all_shapes(mongo: MongoDatabase, opened: Opened, entry: Any, size: int | None) -> None:
    (item,) = planned(opened, mongo, {"a": entry})
    assert isinstance(item, RemoteFile)
    assert (item.size, type(item.size)) == (size, type(size)), "of the driver's own types none travels on"


@pytest.mark.parametrize(
    "entry",
    [
        5,
        None,
        "text",
        [],
        [1],
        [1, 2, 3, 4],
        {},
        {"0": 1, "1": MD5},
        [bson.Decimal128("5"), MD5],
        [-1, MD5],
        [True, MD5],
        [1, b"bytes"],
        [1, bson.ObjectId(b"x" * 12)],
        [1, bson.Regex(".*")],
        [datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), MD5],
        bson.DatetimeMS(2**62),
        bson.MinKey(),
        bson.Code("x", {"a": 1}),
        bson.DBRef("raw_file", "x"),
        [[1], MD5],
        [1, "x" * 100_000],
    ],
    ids=repr,
)
def test_an_entry_that_is_none_spoils_no_other(mongo: MongoDatabase, opened: Opened, entry: Any) -> None:
    bad, good = planned(opened, mongo, {"a": entry, "b": [1, MD5]})
    assert isinstance(good, RemoteFile)
    assert isinstance(bad, Refused)
    assert len(bad.error.what) < 500


@pytest.mark.parametrize(
    ("file_info", "words"),
    [
        ([["a", 1, MD5]], "is an array, and not a document of files"),
        (5, "is 5, and not a document"),
        (b"\0", r"is b'\\x00', and not a document"),
        ("[1]", r"is \[1\], and not a JSON object of files"),
    ],
)
def test_file_info_that_is_no_document_is_told(
    mongo: MongoDatabase, opened: Opened, file_info: Any, words: str
) -> None:
    mongo.insert("sample", file_info)
    with pytest.raises(RecordUnusable, match=f"the file_info of raw file sample {words}"):
        opened(mongo.address).get("sample")


def test_file_info_may_be_the_json_of_another_catalogue(mongo: MongoDatabase, opened: Opened) -> None:
    assert len(planned(opened, mongo, '{"a": [1, null]}')) == 1


def element(name: bytes, value: bytes = b"\x01\0\0\0", kind: int = 0x10) -> bytes:
    return bytes([kind]) + name + b"\0" + value


def document(*elements: bytes) -> bytes:
    body = b"".join(elements) + b"\0"
    return (len(body) + 4).to_bytes(4, "little") + body


def record(file_info: bytes, *others: bytes) -> bytes:
    path = bson.encode({"s3_upload_path": "bucket"})[4:-1]
    return document(element(b"_id", b"\2\0\0\0s\0", 2), path, element(b"file_info", file_info, 3), *others)


ENTRY = bson.encode({"": [1, MD5]})[6:-1]
OTHER = bson.encode({"": [2, MD5]})[6:-1]


def test_names_that_stand_twice_or_are_no_text_spoil_no_other(mongo: MongoDatabase, opened: Opened) -> None:
    """The server keeps them as they come."""
    names = (b"a", b"same", b"twice", b"\xff", b"same", b"twice")
    entries = (ENTRY, ENTRY, ENTRY, ENTRY, ENTRY, OTHER)
    info = document(*(element(name, entry, 4) for name, entry in zip(names, entries, strict=True)))
    mongo.server.insert(NAMESPACE, record(info))
    found = opened(mongo.address).get("s")
    assert found is not None
    items = plan(found)
    assert [type(item) for item in items] == [RemoteFile, RemoteFile, Refused, Refused]
    assert "given twice, differently" in str(items[2])


def test_text_that_is_no_utf8_spoils_its_own_entry_alone(mongo: MongoDatabase, opened: Opened) -> None:
    wrong = document(element(b"0"), element(b"1", b"\2\0\0\0\xff\0", 2))
    mongo.server.insert(NAMESPACE, record(document(element(b"a", wrong, 4), element(b"b", ENTRY, 4))))
    found = opened(mongo.address).get("s")
    assert found is not None
    assert [type(item) for item in plan(found)] == [Refused, RemoteFile]


@pytest.mark.parametrize(
    "info",
    [
        document(element(b"a", b"\xff\xff\xff\x7f" + ENTRY[4:], 4)),
        document(element(b"a", b"\xff\xff\xff\xff" + ENTRY[4:], 4)),
        document(element(b"a", ENTRY, 0x42)),
        document(b"\x04no end"),
        document(element(b"a", b"\x05\0\0\0", 2)),
    ],
)
def test_bytes_that_are_no_document_are_told(mongo: MongoDatabase, opened: Opened, info: bytes) -> None:
    """As a server that is none may send them: a real one stores no such documents."""
    mongo.server.insert(NAMESPACE, {"_id": "other"})
    catalogue = opened(mongo.address)
    batch = element(b"firstBatch", document(element(b"0", record(info), 3)), 4)
    cursor = document(batch, bson.encode({"id": bson.Int64(0), "ns": NAMESPACE})[4:-1])
    mongo.server.script("find", RawBSONDocument(document(element(b"cursor", cursor, 3), OK)))
    with pytest.raises(RecordUnusable, match="is not valid BSON"):
        catalogue.get("s")


OK = bson.encode({"ok": 1.0})[4:-1]


def test_an_entry_of_bytes_that_are_none_spoils_no_other(mongo: MongoDatabase, opened: Opened) -> None:
    broken = document(element(b"0"), b"\x42?\0")
    mongo.server.insert(NAMESPACE, record(document(element(b"a", broken, 4), element(b"b", ENTRY, 4))))
    found = opened(mongo.address).get("s")
    assert found is not None
    bad, good = plan(found)
    assert isinstance(bad, Refused)
    assert "not valid BSON" in str(bad)
    assert isinstance(good, RemoteFile)


@pytest.mark.parametrize("field", ["project_id", "s3_upload_path", "backup_status"])
@pytest.mark.parametrize("value", [{"a": 1}, [1], b"x", True, 1.5, bson.ObjectId(b"x" * 12)], ids=repr)
def test_a_field_that_is_no_text_is_told(mongo: MongoDatabase, opened: Opened, field: str, value: Any) -> None:
    mongo.insert("sample", INFO, **{field: value})
    with pytest.raises(RecordUnusable, match=f"the {field} of raw file sample is .*, and not text"):
        opened(mongo.address).get("sample")


def test_a_project_may_be_a_number(mongo: MongoDatabase, opened: Opened) -> None:
    mongo.insert("sample", INFO, project_id=42)
    found = opened(mongo.address).get("sample")
    assert found is not None
    assert found.project_id == "42"


def test_a_document_that_is_no_record_is_told_with_where_its_fields_are_named(
    mongo: MongoDatabase, opened: Opened
) -> None:
    mongo.server.insert(NAMESPACE, {"_id": "sample", "title": "something else"})
    with pytest.raises(RecordUnusable, match=r"'sample' is no record .*none of the fields project_id.*under mongo in"):
        opened(mongo.address).get("sample")


def test_fields_that_are_left_out_are_null(mongo: MongoDatabase, opened: Opened) -> None:
    """As AlphaKraken leaves them out."""
    mongo.server.insert(NAMESPACE, {"_id": "sample", "project_id": "PRID001"})
    assert opened(mongo.address).get("sample") == RawFile("sample", "PRID001", None, None, {})


def test_ids_that_are_no_text_are_listed_and_not_found(mongo: MongoDatabase, opened: Opened) -> None:
    mongo.insert("x", INFO, _id=5)
    mongo.insert("y", INFO, _id={"a": 1})
    catalogue = opened(mongo.address)
    assert sorted(catalogue.ids_of_project("PRID001", 9)) == ["5", "an embedded document"]
    assert catalogue.get("5") is None


def test_the_driver_is_handed_no_password_in_an_address(filled: MongoDatabase) -> None:
    with mongo_module.connect(filled.address) as client:
        assert PASSWORD not in repr(client)
