"""What `validate` tries by the client that will download: one byte of the first file that is to come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from dags.drive_lab import DriveLab
from dags.fhir_lab import FhirLab, resources
from dags.lab import ROOT, Lab, Parts, Runner, md5
from dags.slooh_lab import SloohLab
from downloader_tasks.download_run import DownloadRun, validate
from downloader_tasks.drive import DriveRun
from downloader_tasks.minio import MinioRun
from downloader_tasks.raw_files import RawFilesRun
from downloader_tasks.slooh import SloohRun
from include.stand_ins import wire
from include.stand_ins.drive_pages import access_denied, missing
from include.stand_ins.drive_server import DriveServer
from include.stand_ins.object_server import ObjectRequest, ObjectServer, refuse, serving
from include.stand_ins.s3_servers import S3Server
from include.stand_ins.slooh_server import Picture, SloohServer
from include.stand_ins.wire import Answer, Fault, Request
from support.certificates import authority_and_server
from support.minio import listing_page

pytestmark = pytest.mark.usefixtures("no_proxy")

SAMPLE = "20250115_sample"
NOBODY = "http://127.0.0.1:9"
RUNS: dict[str, type[DownloadRun]] = {
    "s3_downloader": RawFilesRun,
    "minio_downloader": MinioRun,
    "drive_datasets": DriveRun,
    "slooh_images": SloohRun,
}


@dataclass
class Way:
    """One of the DAGs, with two files to download from a stand-in."""

    dag_id: str
    lab: Runner
    conf: dict[str, Any]
    asked: Callable[[], list[Request]]
    """The requests for the bytes of the first file so far."""

    def validate(self, **conf: Any) -> int:
        """How many shards `validate` answers. Raises as the task does."""
        pushed: dict[str, Any] = {}
        params = DagBag(str(ROOT / "dags" / f"{self.dag_id}.py")).dags[self.dag_id].params
        asked = {**self.conf, **conf}
        context = {
            "dag_run": SimpleNamespace(conf=asked),
            "dag": SimpleNamespace(params=params),
            "params": {**params.dump(), **asked},
            "ti": SimpleNamespace(xcom_push=lambda key, value: pushed.update({key: value})),
        }
        try:
            return len(validate(RUNS[self.dag_id], context))
        except AirflowException as error:
            assert "\n" not in pushed["problem"]
            raise type(error)(pushed["problem"]) from None

    def refusal(self, *, retryable: bool) -> str:
        """The sentence that `validate` fails with."""
        with pytest.raises(AirflowException) as raised:
            self.validate()
        assert isinstance(raised.value, AirflowFailException) is not retryable
        return str(raised.value)


@dataclass(kw_only=True)
class Guarded(wire.StandIn):
    """A proxy that wants a login."""

    def take(self, request: Request) -> Answer:
        return Answer(407, {})


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def store() -> Iterator[ObjectServer]:
    with serving() as found:
        yield found


@pytest.fixture
def raw(parts: Parts, moto: S3Server, store: ObjectServer) -> Way:
    lab = Lab(*parts, moto)
    lab.connect(endpoint_url=store.url)
    for name in ("a.raw", "b.raw"):
        store.put(f"{SAMPLE}/{name}", name.encode())
    record(lab, store)
    return Way("s3_downloader", lab, {"raw_file_id": SAMPLE}, lambda: list(store.gets(f"{SAMPLE}/a.raw")))


def record(lab: Lab, store: ObjectServer, first: bytes = b"a.raw") -> None:
    entries = {name: [len(data), md5(data)] for name, data in {"a.raw": first, "b.raw": b"b.raw"}.items()}
    lab.record(SAMPLE, entries, s3_upload_path=f"{store.bucket}/{SAMPLE}")


@pytest.fixture
def exports(parts: Parts, moto: S3Server, store: ObjectServer) -> Way:
    lab = FhirLab(*parts, moto)
    lab.connect(port=store.port)
    lab.bucket = store.bucket
    lab.configure()
    data = resources("Patient", 1)
    for name in ("a.ndjson", "b.ndjson"):
        store.put(name, data)
    page = listing_page(["a.ndjson", "b.ndjson"], size=len(data), etag=md5(data))
    listing = Answer(200, {"Content-Type": "application/xml"}, page)
    store.intercept = lambda request: (lambda _: listing) if request.lists else None
    return Way("minio_downloader", lab, {}, lambda: list(store.gets("a.ndjson")))


@pytest.fixture
def datasets(parts: Parts, drive: DriveServer) -> Way:
    lab = DriveLab(*parts, drive)
    held = [lab.add(name, name.encode()) for name in ("a.dat", "b.dat")]
    return Way("drive_datasets", lab, {}, lambda: drive.asked(held[0].id))


@pytest.fixture
def pictures(parts: Parts) -> Iterator[Way]:
    with wire.serving(SloohServer()) as slooh:
        lab = SloohLab(*parts, slooh)
        lab.add(1, 2)
        yield Way("slooh_images", lab, {}, lambda: [one for one in slooh.requests if one.path.endswith("/2.png")])


@pytest.fixture(params=["raw", "exports", "datasets", "pictures"])
def way(request: pytest.FixtureRequest) -> Way:
    """Each of the four DAGs."""
    found: Way = request.getfixturevalue(request.param)
    return found


# --- what is tried ----------------------------------------------------------------------------------------------------


def test_one_byte_of_the_first_file_is_read_once_and_none_where_all_is_there(way: Way) -> None:
    assert way.validate() == 1
    assert [request.headers.get("range") for request in way.asked()] == ["bytes=0-0"]
    run = way.lab.run_dag(way.dag_id, way.conf)
    assert run.state == "success", run.log
    before = len(way.asked())
    assert way.validate() == 1
    assert len(way.asked()) == before


def test_a_dry_run_tries_as_much(way: Way) -> None:
    assert way.validate(dry_run=True) == 0
    assert [request.headers.get("range") for request in way.asked() if request.method == "GET"] == ["bytes=0-0"]


# --- what is wrong with one file --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        refuse(404, "NoSuchKey"),
        refuse(403, "InvalidObjectState"),
        refuse(403, "AccessDenied"),
        refuse(412, "PreconditionFailed"),
        refuse(503, "SlowDown"),
        wire.reset_at(-1),
        wire.reset_at(0),
    ],
    ids=["missing", "archived", "forbidden", "changed", "busy", "reset", "cut"],
)
@pytest.mark.parametrize("name", ["raw", "exports"])
def test_an_object_that_cannot_be_read_is_left_to_the_report(
    request: pytest.FixtureRequest, store: ObjectServer, name: str, fault: Fault
) -> None:
    way: Way = request.getfixturevalue(name)
    for key in (f"{SAMPLE}/a.raw", "a.ndjson"):
        store.script(key, fault)
    assert way.validate() == 1
    first, *again = way.asked()
    # A 412 is asked again, once, without the header: the server may refuse that, and not the object.
    assert len(again) <= ("if-match" in first.headers)
    assert not any("if-match" in asked.headers for asked in again)


@pytest.mark.parametrize("page", [missing, access_denied()], ids=["missing", "forbidden"])
def test_a_data_set_that_cannot_be_read_is_left_to_the_report(datasets: Way, page: Any) -> None:
    lab = datasets.lab
    assert isinstance(lab, DriveLab)
    lab.add("0.dat", b"first", problem=page)
    assert datasets.validate() == 1


@pytest.mark.parametrize("status", [403, 404, 503])
def test_a_picture_that_cannot_be_read_is_left_to_the_report(pictures: Way, status: int) -> None:
    lab = pictures.lab
    assert isinstance(lab, SloohLab)
    lab.slooh.script("2.png", wire.refuse(status))
    assert pictures.validate() == 1
    assert len(pictures.asked()) == 1


def test_an_empty_object_is_no_trouble(raw: Way, store: ObjectServer) -> None:
    assert isinstance(raw.lab, Lab)
    store.put(f"{SAMPLE}/a.raw", b"")
    record(raw.lab, store, b"")
    assert raw.validate() == 1
    assert len(raw.asked()) == 1


def test_an_empty_data_set_is_no_trouble(datasets: Way) -> None:
    assert isinstance(datasets.lab, DriveLab)
    first = datasets.lab.add("0.dat", b"")
    assert datasets.validate() == 1
    assert len(datasets.lab.drive.asked(first.id)) == 1


# --- what no file can be read for -------------------------------------------------------------------------------------


def test_a_proxy_that_nobody_answers_at_may_pass(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", NOBODY)
    sentence = way.refusal(retryable=True)
    assert sentence.startswith("Network error: ")
    assert "proxy" in sentence
    assert "HTTP_PROXY" in sentence
    assert way.asked() == []


def test_a_proxy_that_wants_a_login_is_no_trouble_that_passes(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    with wire.serving(Guarded()) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert "wants a login" in way.refusal(retryable=False)


@pytest.mark.parametrize("name", ["raw", "exports"])
def test_what_only_the_client_that_downloads_is_told(
    request: pytest.FixtureRequest, store: ObjectServer, name: str
) -> None:
    """Lists are let through."""
    way: Way = request.getfixturevalue(name)
    first = store.intercept

    def guarded(asked: ObjectRequest) -> Fault | None:
        return first(asked) if asked.lists else refuse(407)

    store.intercept = guarded
    sentence = way.refusal(retryable=False)
    assert sentence.startswith("Wrong settings: the proxy on the way wants a login")


def test_an_image_host_that_cannot_be_reached_is_told_at_once(pictures: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = pictures.lab
    assert isinstance(lab, SloohLab)
    lab.slooh.image_host = "https://images.lab.example"
    lab.slooh.add(Picture(3, file="3.png"))
    lab.configure("image_hosts: [images.lab.example]")
    monkeypatch.setenv("HTTPS_PROXY", NOBODY)
    assert "the proxy to images.lab.example does not answer" in pictures.refusal(retryable=True)


def test_certificates_that_are_not_trusted_are_no_trouble_that_passes(
    way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, context = authority_and_server(tmp_path)
    with serving(tls=context) as server:
        lab, url = way.lab, server.url.replace("http://", "https://")
        if isinstance(lab, Lab):
            lab.connect(endpoint_url=url)
        elif isinstance(lab, FhirLab):
            lab.connect(port=server.port, extra={"secure": True})
        elif isinstance(lab, DriveLab):
            lab.drive.web_host = lab.drive.download_host = url
            lab.configure()
        else:
            assert isinstance(lab, SloohLab)
            lab.connect(host=url)
        sentence = way.refusal(retryable=False)
    assert sentence.startswith("Wrong settings: the certificate of ")
    assert "is not trusted" in sentence
    assert "verify in the connection" in sentence or "REQUESTS_CA_BUNDLE" in sentence
