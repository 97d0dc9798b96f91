"""Files over HTTP: what is sent and where to, what answers are taken for, and what is reported when they break."""

from __future__ import annotations

import gzip
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from requests.cookies import RequestsCookieJar
from urllib3.connection import HTTPConnection

from downloader.errors import (
    AccessDenied,
    DownloadError,
    Misconfigured,
    NetworkError,
    ObjectNotFound,
    PermanentError,
    RangeRefused,
    ServerBusy,
    SizeMismatch,
    StreamStalled,
)
from downloader.source import Timeouts
from downloader.sources.http import HttpClient, stream_of
from downloader.sources.http.errors import Advice, OtherHost
from downloader.sources.http.request import Hosts, HttpRequest
from include.stand_ins.secrets import secret
from include.stand_ins.wire import (
    Answer,
    Fault,
    StandIn,
    chunked,
    cut_at,
    limited,
    ranged,
    refuse,
    reset_at,
    serving,
    stall_at,
    without,
)
from include.stand_ins.wire import Request as Received
from support.certificates import authority_and_server

SECRET = secret("http")
BODY = bytes(range(251)) * 4_000  # 1 MB: several buffers
ADVICE = Advice(missing="look for it", denied="ask for it", size="measure it")
NAME = "frames/a.fits"


@dataclass(kw_only=True)
class Plain(StandIn):
    """Serves one body at any path, and keeps what it was asked."""

    body: bytes = BODY
    headers: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)

    def take(self, request: Received) -> Answer:
        self.received.append(request)
        due = ranged(Answer(200, self.headers, self.body, self.body), request.headers.get("range", ""))
        return self.play(request.path, due)


@pytest.fixture
def server() -> Iterator[Plain]:
    with serving(Plain()) as served:
        yield served


@pytest.fixture
def other() -> Iterator[Plain]:
    with serving(Plain()) as served:
        yield served


def client(*servers: StandIn, stall: float = 5.0, before: Callable[[], None] = lambda: None) -> HttpClient:
    return HttpClient(Hosts(tuple(one.url for one in servers)), ADVICE, Timeouts(5, stall), before)


def at(server: StandIn, path: str = f"/f?sig={SECRET}") -> HttpRequest:
    return HttpRequest(f"{server.url}{path}", NAME, cookies=RequestsCookieJar())


def to(address: str, status: int = 302, **headers: str) -> Fault:
    return refuse(status, b"elsewhere", Location=address, **headers)


def problem(action: Callable[[], object]) -> DownloadError:
    with pytest.raises(DownloadError) as caught:
        action()
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


# --- what is sent -----------------------------------------------------------------------------------------------------


def test_a_file_is_one_get_that_wants_no_encoding(server: Plain) -> None:
    stream = client(server).open(at(server))
    assert (stream.start, stream.size, stream.etag) == (0, len(BODY), None)
    assert b"".join(stream) == BODY
    (received,) = server.received
    assert (received.method, received.uri) == ("GET", f"/f?sig={SECRET}")
    assert received.headers["accept-encoding"] == "identity"
    assert not received.headers.keys() & {"range", "cookie", "authorization"}


@pytest.mark.parametrize(
    ("span", "header"), [((5, None), "bytes=5-"), ((0, 9), "bytes=0-8"), ((7, 8), "bytes=7-7"), ((0, None), None)]
)
def test_a_range_is_asked_for_where_one_is_due(server: Plain, span: tuple[int, int | None], header: str | None) -> None:
    stream = client(server).open(at(server), *span)
    assert (stream.start, stream.size) == (span[0], len(BODY))
    assert b"".join(stream) == BODY[slice(*span)]
    assert server.received[0].headers.get("range") == header


def test_params_headers_forms_and_json_are_sent(server: Plain) -> None:
    sends = client(server)
    sends.send(HttpRequest(f"{server.url}/p", NAME, {"a": "b c"}, {"User-Agent": "me"}, {"X-Key": "k"})).close()
    sends.send(HttpRequest(f"{server.url}/p", NAME, method="POST", form={"a": "&"})).close()
    sends.send(HttpRequest(f"{server.url}/p", NAME, method="POST", json={"a": 1})).close()
    get, form, posted = server.received
    assert (get.query, get.headers["user-agent"], get.headers["x-key"]) == ({"a": "b c"}, "me", "k")
    assert (form.method, form.form) == ("POST", {"a": "&"})
    assert posted.json == {"a": 1}


def test_logins_of_netrc_are_not_sent(server: Plain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login me password {SECRET}\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    client(server).open(at(server)).close()
    assert "authorization" not in server.received[0].headers


def test_the_hook_is_called_ahead_of_each_request(server: Plain) -> None:
    seen: list[int] = []
    server.script("/f", to("/g"))
    client(server, before=lambda: seen.append(len(server.received))).open(at(server)).close()
    assert seen == [0, 1]


def test_what_the_hook_raises_is_raised_and_nothing_is_sent(server: Plain) -> None:
    def refuse_it() -> None:
        raise PermanentError("not now")

    with pytest.raises(PermanentError, match="not now"):
        client(server, before=refuse_it).open(at(server))
    assert server.received == []


def test_no_address_is_logged(server: Plain, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    client(server).open(at(server)).close()
    server.headers = {"X": "a\r\nno header at all"}
    assert problem(lambda: client(server).open(at(server))).retryable
    assert SECRET not in caplog.text


# --- redirects --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_with_the_range_and_without_the_old_query(server: Plain, status: int) -> None:
    server.script("/f", to("/deep/", status))
    server.script("/deep/", to("g?x=%20ü", status))
    request = HttpRequest(f"{server.url}/f", NAME, {"old": "1"})
    assert b"".join(client(server).open(request, 5, 10)) == BODY[5:10]
    assert [one.path for one in server.received] == ["/f", "/deep/", "/deep/g"]
    assert server.received[-1].query == {"x": " ü"}
    assert server.received[-1].headers["range"] == "bytes=5-9"


def test_cookies_come_back_to_their_own_host_alone(server: Plain, other: Plain) -> None:
    # A cookie knows no port, so the other server is asked by another name.
    elsewhere = other.url.replace("127.0.0.1", "localhost")
    server.script("/f", to("/g", Set_Cookie=f"a={SECRET}; Path=/"))
    server.script("/g", to(f"{elsewhere}/h"))
    asks = HttpClient(Hosts((server.url, elsewhere)), ADVICE)
    asks.open(at(server)).close()
    assert [one.cookies for one in server.received] == [{}, {"a": SECRET}]
    assert other.received[0].path == "/h"
    assert "cookie" not in other.received[0].headers


def test_jars_are_not_shared_unless_they_are(server: Plain) -> None:
    asks = client(server)
    server.script("/f", refuse(200, Set_Cookie=f"a={SECRET}; Path=/"))
    first = at(server)
    for request in (first, first, at(server)):
        asks.open(request).close()
    assert [one.cookies for one in server.received] == [{}, {"a": SECRET}, {}]


def test_a_private_header_stays_at_the_address_it_was_meant_for(server: Plain, other: Plain) -> None:
    server.script("/f", to(f"{server.url}/g"))
    server.script("/g", to(f"{other.url}/h"))
    other.script("/h", to(f"{server.url}/i"))
    request = HttpRequest(f"{server.url}/f", NAME, private={"Authorization": SECRET})
    client(server, other).open(request).close()
    assert ["authorization" in one.headers for one in server.received] == [True, True, True]
    assert "authorization" not in other.received[0].headers


@pytest.mark.parametrize(
    ("location", "named"),
    [
        ("https://accounts.example.com/login?token={}", "accounts.example.com"),
        ("//evil.example", "evil.example"),
        ("http://127.0.0.1:1/f", "127.0.0.1"),
        ("https://127.0.0.1/f", "127.0.0.1"),
        ("ftp://127.0.0.1/f", "127.0.0.1"),
        ("file:///etc/passwd", "an invalid address"),
    ],
)
def test_another_host_is_refused_by_name(server: Plain, location: str, named: str) -> None:
    server.script("/f", to(location.format(SECRET)))
    error = problem(lambda: client(server).open(at(server)))
    assert isinstance(error, PermanentError)
    assert named in str(error)
    assert NAME in str(error)
    assert len(server.received) == 1


def test_a_login_in_an_address_is_refused(server: Plain) -> None:
    server.script("/f", to(server.url.replace("//", f"//me:{SECRET}@")))
    assert isinstance(problem(lambda: client(server).open(at(server))), OtherHost)


def test_a_circle_ends(server: Plain) -> None:
    server.script("/f", *[to(f"/f?sig={SECRET}")] * 50)
    error = problem(lambda: client(server).open(at(server)))
    assert "circle" in str(error)
    assert "127.0.0.1" in str(error)
    assert not error.retryable
    assert len(server.received) == 11


@pytest.mark.parametrize("location", ["http://[", "https://\x1b[1m.example/", "http://a" + "b" * 20_000])
def test_a_redirect_to_no_address_is_refused(server: Plain, location: str) -> None:
    server.script("/f", to(location))
    assert not problem(lambda: client(server).open(at(server))).retryable


def test_a_redirect_to_nowhere_is_a_refusal(server: Plain) -> None:
    server.script("/f", refuse(302))
    assert "302" in str(problem(lambda: client(server).open(at(server))))


def test_what_is_posted_goes_no_further(server: Plain, other: Plain) -> None:
    login = HttpRequest(f"{server.url}/f", NAME, method="POST", json={"password": SECRET})
    asks = client(server, other)
    server.script("/f", to("/g", 303), to("/g", 307), to(f"{other.url}/g", 307), to(f"{other.url}/g", 302))
    asks.send(login).close()
    asks.send(login).close()
    assert isinstance(problem(lambda: asks.send(login)), OtherHost)
    asks.send(login).close()
    again = [(one.method, one.body) for one in server.received if one.path == "/g"]
    assert again == [("GET", b""), ("POST", b'{"password": "%b"}' % SECRET.encode())]
    assert [(one.method, one.body) for one in other.received] == [("GET", b"")]


HOSTS = Hosts(("http://127.0.0.1:8080/a", "https://mirror.example"), ("drive.google.com", "*.usercontent.example"))


@pytest.mark.parametrize(
    ("url", "permitted"),
    [
        ("http://127.0.0.1:8080/b", True),
        ("http://127.0.0.1:8081/b", False),
        ("https://127.0.0.1:8080/b", False),
        ("https://mirror.example/x", True),
        ("https://mirror.example:443/x", True),
        ("http://mirror.example/x", False),
        ("https://drive.google.com/uc", True),
        ("https://DRIVE.google.com/uc", True),
        ("http://drive.google.com/uc", False),
        ("https://drive.google.com:8443/uc", False),
        ("https://drive.google.com.evil.example/uc", False),
        ("https://x.drive.google.com/uc", False),
        ("https://a.b.usercontent.example/", True),
        ("https://usercontent.example/", False),
        ("https://evilusercontent.example/", False),
        ("https://me@drive.google.com/", False),
        ("https://evil.example%2f.usercontent.example/", False),
        ("https://evil.example\\@drive.google.com/", False),
        ("https://drive.google.com\\@evil.example/", True),  # the backslash begins the path, here as in a browser
        ("https:///x", False),
        ("drive.google.com/uc", False),
        ("http://[", False),
    ],
)
def test_where_requests_may_go(url: str, permitted: bool) -> None:
    assert HOSTS.permit(url) is permitted


# --- what answers are taken for ---------------------------------------------------------------------------------------


def says(content_range: str, status: int = 206, body: bytes = b"12345") -> Fault:
    return refuse(status, body, Content_Range=content_range)


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes 10-14/100", (10, 15)),
        ("bytes 10-14/15", (10, None)),
        ("bytes 10-14/15", (10, 99)),
        ("bytes 10-14/*", (10, 15)),
        ("bytes 10-14/*", (10, None)),
    ],
)
def test_a_range_that_is_right_is_taken(server: Plain, header: str, span: tuple[int, int | None]) -> None:
    server.script("/f", says(header))
    stream = client(server).open(at(server), *span)
    assert stream.start == 10
    assert stream.size == (None if header.endswith("*") else int(header.rpartition("/")[2]))
    assert b"".join(stream) == b"12345"


@pytest.mark.parametrize(
    "fault",
    [
        says("bytes 11-15/100"),
        says("bytes 11-14/100"),
        says("bytes 0-4/100"),
        says("bytes 10-13/100"),
        says("bytes 10-15/100"),
        says("bytes 10-14/14"),
        says("bytes 14-10/100"),
        says("bytes 10-15/*"),
        says("10-14/100"),
        says("bytes 10-14"),
        says("bytes=10-14/100"),
        says("bytes  10-14/100"),
        says("bytes 10-14/100, bytes 10-14/100"),
        says("bytes +10-14/100"),
        says(f"bytes 10-14/{'9' * 40}"),
        says(""),
        without("Content-Range"),
        says("bytes 10-14/100", 200),
        refuse(200, BODY),
    ],
)
def test_anything_else_for_a_range_is_refused(server: Plain, fault: Fault) -> None:
    server.script("/f", fault)
    assert isinstance(problem(lambda: client(server).open(at(server), 10, 15)), RangeRefused)


def test_an_answer_that_is_refused_is_closed(server: Plain) -> None:
    answer = client(server).send(at(server))
    assert isinstance(problem(lambda: stream_of(answer, 5)), RangeRefused)
    assert "the stream of" in str(problem(lambda: list(answer.buffers())))


def test_part_of_a_file_is_not_taken_for_the_whole(server: Plain) -> None:
    server.script("/f", says("bytes 0-4/100"), says("bytes 0-4/5"))
    assert isinstance(problem(lambda: client(server).open(at(server))), RangeRefused)
    assert client(server).open(at(server)).size == 5


def test_a_range_behind_the_end_says_how_long_the_file_is(server: Plain) -> None:
    error = problem(lambda: client(server).open(at(server), len(BODY)))
    assert isinstance(error, SizeMismatch)
    assert str(len(BODY)) in str(error)
    assert str(error).endswith("; measure it")


def test_a_file_without_a_length_is_read_to_its_end(server: Plain) -> None:
    server.script("/f", chunked)
    stream = client(server).open(at(server))
    assert stream.size is None
    assert b"".join(stream) == BODY


def test_an_empty_file_is_one(server: Plain) -> None:
    server.body = b""
    stream = client(server).open(at(server))
    assert (stream.size, b"".join(stream)) == (0, b"")


@pytest.mark.parametrize(
    ("header", "etag"), [('"abc"', "abc"), ('W/"abc"', "W/abc"), ("abc", None), ('""', None), ('"a" "b"', None)]
)
def test_the_etag_is_the_expected_one(server: Plain, header: str, etag: str | None) -> None:
    server.headers = {"ETag": header}
    assert client(server).open(at(server)).etag == etag


@pytest.mark.parametrize("encoding", ["gzip", "br", "Identity, gzip", "nonsense"])
def test_a_file_that_comes_compressed_is_refused(server: Plain, encoding: str) -> None:
    server.headers = {"Content-Encoding": encoding}
    assert "compressed" in str(problem(lambda: client(server).open(at(server))))
    server.headers = {"Content-Encoding": "Identity"}
    assert b"".join(client(server).open(at(server))) == BODY


@pytest.mark.parametrize(
    ("status", "kind", "ending"),
    [
        (404, ObjectNotFound, "look for it"),
        (410, ObjectNotFound, "look for it"),
        (401, AccessDenied, "ask for it"),
        (403, AccessDenied, "ask for it"),
        (400, PermanentError, "look at the task's log"),
        (204, PermanentError, "look at the task's log"),
        (408, ServerBusy, "is kept"),
        (429, ServerBusy, "is kept"),
        (500, ServerBusy, "is kept"),
        (502, ServerBusy, "is kept"),
        (599, ServerBusy, "is kept"),
    ],
)
def test_what_a_status_means(server: Plain, status: int, kind: type[DownloadError], ending: str) -> None:
    server.script("/f", refuse(status, b"" if status == 204 else SECRET.encode(), Retry_After="7"))
    error = problem(lambda: client(server).open(at(server)))
    assert type(error) is kind
    assert error.retry_after == 7
    assert f"{NAME} ({status})" in str(error) or f"{status} for {NAME}" in str(error)
    assert str(error).endswith(ending)


# --- pages ------------------------------------------------------------------------------------------------------------


def test_a_page_is_read_in_bounds(server: Plain) -> None:
    asks = client(server)
    assert asks.send(at(server)).beginning(1000) == BODY[:1000]
    assert asks.send(at(server)).body(len(BODY)) == BODY
    assert "more than 999999" in str(problem(lambda: asks.send(at(server)).body(999_999)))


def test_a_compressed_page_is_read_and_a_bomb_is_not(server: Plain) -> None:
    server.headers = {"Content-Encoding": "gzip"}
    server.body = gzip.compress(bytes(50_000_000))
    assert client(server).send(at(server)).beginning(1000) == bytes(1000)
    server.body = gzip.compress(b"page")
    assert client(server).send(at(server)).body(1000) == b"page"
    server.body = b"no gzip"
    assert problem(lambda: client(server).send(at(server)).body(1000)).retryable


# --- what breaks ------------------------------------------------------------------------------------------------------


def received_before_the_break(client_: HttpClient, request: HttpRequest) -> tuple[int, DownloadError]:
    given: list[bytes] = []
    stream = client_.open(request)
    with pytest.raises(DownloadError) as caught:
        given.extend(stream)
    stream.close()
    assert b"".join(given) == BODY[: len(b"".join(given))]
    return len(b"".join(given)), caught.value


@pytest.mark.parametrize("count", [0, 1, 1000, 300_000, len(BODY) - 1])
@pytest.mark.parametrize("framing", [None, chunked])
def test_what_comes_before_a_break_is_given(server: Plain, count: int, framing: Fault | None) -> None:
    def fault(answer: Answer) -> Answer:
        return cut_at(count)(answer if framing is None else framing(answer))

    server.script("/f", fault)
    given, error = received_before_the_break(client(server), at(server))
    assert isinstance(error, NetworkError)
    assert given == count


@pytest.mark.parametrize("count", [0, 1, 300_000])
def test_a_stream_that_stalls_is_cut(server: Plain, count: int) -> None:
    server.script("/f", stall_at(count))
    given, error = received_before_the_break(client(server, stall=0.4), at(server))
    assert isinstance(error, StreamStalled)
    assert given == count


def test_a_connection_that_is_reset_is_a_network_error(server: Plain) -> None:
    server.script("/f", reset_at(-1), reset_at(300_000))
    assert type(problem(lambda: client(server).open(at(server)))) is NetworkError
    _, error = received_before_the_break(client(server), at(server))
    assert type(error) is NetworkError


def test_a_server_that_does_not_answer_is_a_stall(server: Plain) -> None:
    server.script("/f", stall_at(-1))
    assert type(problem(lambda: client(server, stall=0.1).open(at(server)))) is StreamStalled


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    request = HttpRequest(f"http://127.0.0.1:{port}/f?sig={SECRET}", NAME)
    error = problem(lambda: HttpClient(Hosts((request.url,)), ADVICE).open(request))
    assert str(error) == "Network error: 127.0.0.1 cannot be reached; check the network, then run it again"


@pytest.mark.parametrize("url", ["nonsense", "http://", "http://a..b/", f"http://{'a' * 300}/"])
def test_an_address_that_is_none_is_refused_for_good(url: str) -> None:
    assert not problem(lambda: HttpClient(Hosts((url,)), ADVICE).open(HttpRequest(url, NAME))).retryable


def test_a_header_that_cannot_be_sent_is_refused_for_good(server: Plain) -> None:
    request = HttpRequest(f"{server.url}/f", NAME, private={"X-Key": f"{SECRET}\r\nX-More: 1"})
    assert not problem(lambda: client(server).open(request)).retryable
    assert server.received == []


@pytest.mark.parametrize("trusted", [False, True])
def test_certificates_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool) -> None:
    authority, context = authority_and_server(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority) if trusted else "")
    with serving(Plain(), context) as server:
        url = server.url.replace("http://", "https://")
        asks, request = HttpClient(Hosts((url,)), ADVICE, Timeouts(5, 5)), HttpRequest(f"{url}/f?sig={SECRET}", NAME)
        if trusted:
            assert b"".join(asks.open(request)) == BODY
        else:
            error = problem(lambda: asks.open(request))
            assert isinstance(error, Misconfigured)
            assert "REQUESTS_CA_BUNDLE" in str(error)


@pytest.mark.parametrize(
    ("valid_from", "sentence"), [(-9, "has expired; have"), (3, "is not valid yet; set the clock")]
)
def test_a_certificate_out_of_its_time_is_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, valid_from: int, sentence: str
) -> None:
    authority, context = authority_and_server(tmp_path, valid_from=valid_from)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    with serving(Plain(), context) as server:
        url = server.url.replace("http://", "https://")
        error = problem(lambda: HttpClient(Hosts((url,)), ADVICE, Timeouts(5, 5)).open(HttpRequest(f"{url}/f", NAME)))
    assert isinstance(error, Misconfigured)
    assert f"the certificate of 127.0.0.1 {sentence}" in str(error)


@pytest.mark.parametrize(("content", "wrong"), [(None, "does not exist"), ("", "is empty"), ("text", "no certificate")])
def test_a_file_of_authorities_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, wrong: str
) -> None:
    file = tmp_path / "roots.pem"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
    with serving(Plain(), authority_and_server(tmp_path)[1]) as server:
        url = server.url.replace("http://", "https://")
        error = problem(lambda: HttpClient(Hosts((url,)), ADVICE, Timeouts(5, 5)).open(HttpRequest(f"{url}/f", NAME)))
    assert isinstance(error, Misconfigured)
    assert wrong in str(error)
    assert "correct REQUESTS_CA_BUNDLE in the environment" in str(error)


def test_a_server_without_tls_is_told(server: Plain) -> None:
    url = server.url.replace("http://", "https://")
    error = problem(lambda: HttpClient(Hosts((url,)), ADVICE, Timeouts(5, 5)).open(HttpRequest(f"{url}/f", NAME)))
    assert "does not speak TLS" in str(error)


def is_receiving(thread: threading.Thread) -> bool:
    frame = sys._current_frames().get(thread.ident or 0)
    return frame is not None and frame.f_code.co_name == "readinto"


@pytest.mark.parametrize("framing", [None, chunked])
def test_another_thread_may_close_a_stream_that_waits(server: Plain, framing: Fault | None) -> None:
    def fault(answer: Answer) -> Answer:
        return stall_at(256 * 1024)(answer if framing is None else framing(answer))

    server.script("/f", fault)
    stream = client(server, stall=60).open(at(server))
    received, errors = threading.Event(), []

    def read() -> None:
        count = 0
        try:
            for buffer in stream:
                count += len(buffer)
                if count == 256 * 1024:
                    received.set()
        except DownloadError as error:
            errors.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    assert received.wait(10)
    while not is_receiving(reader):
        time.sleep(0.001)
    stream.close()
    stream.close()
    reader.join(10)
    assert not reader.is_alive()
    assert [type(error) for error in errors] == [NetworkError]


def test_what_comes_behind_the_length_is_not_taken(server: Plain) -> None:
    server.script("/f", refuse(200, BODY, Content_Length="300000"))
    assert b"".join(client(server).open(at(server))) == BODY[:300_000]


def test_a_slow_networks_bytes_are_handed_on(server: Plain) -> None:
    server.sleep = lambda seconds: None
    server.body = BODY[:10_000]
    server.script("/f", lambda answer: limited(1000)(chunked(answer)))  # chunks of 100 bytes
    buffers = list(client(server).open(at(server)))
    assert b"".join(buffers) == server.body
    assert max(len(buffer) for buffer in buffers) <= 1600


def test_closed_is_closed(server: Plain) -> None:
    stream = client(server).open(at(server))
    buffers = iter(stream)
    next(buffers)
    stream.close()
    assert "closed" in str(problem(lambda: list(buffers)))


def test_a_stream_read_to_its_end_leaves_the_connection_for_the_next(
    server: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[object] = []
    connect = HTTPConnection.connect

    def counted(connection: HTTPConnection) -> None:
        connected.append(connection)
        connect(connection)

    monkeypatch.setattr(HTTPConnection, "connect", counted)
    asks = client(server)
    for _ in range(3):
        stream = asks.open(at(server))
        assert b"".join(stream) == BODY
        stream.close()
    assert len(connected) == 1
    asks.open(at(server)).close()  # left unread, it takes its connection with it
    asks.open(at(server)).close()
    assert len(connected) == 2
