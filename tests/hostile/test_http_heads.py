"""Heads of answers that lie, contradict themselves, or never end, as they pass through all the layers of the client."""

from __future__ import annotations

import gzip
import itertools
import tracemalloc
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.cookies import RequestsCookieJar

from downloader.errors import DownloadError, NetworkError, PermanentError, StreamStalled
from downloader.source import Timeouts
from downloader.sources.http import HttpClient
from downloader.sources.http import answer as http_answer
from downloader.sources.http import heads as http_heads
from downloader.sources.http.errors import Advice
from downloader.sources.http.headers import content_length, content_range, entity_tag, retry_after, total_of_unsatisfied
from downloader.sources.http.request import Hosts, HttpRequest
from include.stand_ins.secrets import secret
from support.hostile_answers import ELSEWHERE, cases, damaged, outcome
from support.hostile_server import HOLD, HostileServer, answer, hostile, walled

pytestmark = pytest.mark.timeout(110, method="thread")

SECRET: Final = secret("hostile-heads")
DATA: Final = bytes(range(256)) * 2
SIZE: Final = len(DATA)
ADVICE: Final = Advice("look for it", "ask for it", "measure it")
MOST: Final = 64 * 1024 * 1024
"""Bytes that a server gets rid of at a client that reads no more: what is under way in the sockets' buffers."""


@pytest.fixture(scope="module")
def other() -> Iterator[HostileServer]:
    with hostile() as found:
        yield found


@pytest.fixture(scope="module", autouse=True)
def tried(server: HostileServer, other: HostileServer) -> Iterator[set[tuple[str, int]]]:
    """All that a connection was tried to."""
    with walled(server, other) as found:
        yield found


def client(*servers: HostileServer, stall: float = 5.0) -> HttpClient:
    return HttpClient(Hosts(tuple(one.url for one in servers), ("*.slooh.com",)), ADVICE, Timeouts(5, stall))


def request(server: HostileServer) -> HttpRequest:
    """For a file at a signed address, with a key and a jar."""
    private = {"X-Key": SECRET}
    return HttpRequest(f"{server.url}/f?sig={SECRET}", "frames/a.fits", private=private, cookies=RequestsCookieJar())


# --- where a body ends ------------------------------------------------------------------------------------------------

LENGTHS: Final = (
    *(b"Content-Length: %d" % size for size in (0, 1, SIZE - 5, SIZE - 1, SIZE, SIZE + 1, 2**40)),
    *(b"Content-Length: %s" % value for value in (b"", b"-1", b"-0", b"+512", b"5_12", b"0x200", b"512.0", b"5e2")),
    *(b"Content-Length: %s" % value for value in (b"512, 512", b"512, 500", b"512,", b"512;", b"512 512", b'"512"')),
    *(b"Content-Length: %s" % value for value in (b"9" * 19, b"9" * 5_000, b"\xb2", b"\xff", b"\x00512", b"many")),
    *(b"content-length:512", b"CONTENT-LENGTH:\t512\t", b"Content-Length : 512", b"Content-Length\x00: 512"),
    b"X: y\rContent-Length: 500",
)
FRAMINGS: Final = (
    *(b"Transfer-Encoding: %s" % value for value in (b"chunked", b"Chunked", b"chunked ", b"xchunked", b'"chunked"')),
    *(b"Transfer-Encoding: %s" % value for value in (b"gzip, chunked", b"chunked, gzip", b"chunked, chunked", b"gzip")),
    *(b"Transfer-Encoding: %s" % value for value in (b"identity", b"", b"\x00", b"chunked;q=1", b"\xe4")),
    *(b"Transfer-Encoding : chunked", b"Transfer-Encoding\t: chunked", b"transfer-encoding:chunked"),
)
KNOWN_FRAMINGS: Final = (b"Transfer-Encoding: chunked", b"Transfer-Encoding: Chunked", b"transfer-encoding:chunked")
RANGES: Final = (
    *(
        b"Content-Range: bytes %s" % value
        for value in (b"5-511/512", b"5-511/*", b"0-511/512", b"5-99/512", b"6-511/512")
    ),
    *(
        b"Content-Range: bytes %s" % value
        for value in (b"5-511/511", b"511-5/512", b"5-512/512", b"-5-511/512", b"*/512")
    ),
    *(b"Content-Range: bytes %s" % value for value in (b"5-511/" + b"9" * 40, b"5-511", b"", b"5-511/512, 0-4/512")),
    *(b"Content-Range: %s" % value for value in (b"bytes=5-511/512", b"items 5-511/512", b"\xff", b"5-511/512")),
)
OTHERS: Final = (
    *(
        b"garbage",
        b": empty",
        b" folded",
        b"\tfolded: 1",
        b"From me",
        b"X: a\x00b",
        b"X: a\x0bb",
        b"X: \xe4\xff",
        b"\xe4: x",
    ),
    *(b"X: " + b"a" * 70_000, b"X: y\r\n" * 120, b"Connection: keep-alive", b"Connection: close", b"Keep-Alive: -1"),
    *(
        b"Content-Encoding: %s" % value
        for value in (b"gzip", b"identity", b"", b"br", b"identity, gzip", b"\xff", b"x" * 999)
    ),
    *(
        b"ETag: %s" % value
        for value in (b'"a"', b'W/"a"', b"a", b'""', b'"', b'"\xe4"', b'"' + b"a" * 5_000 + b'"', b'"a" "b"')
    ),
    *(
        b"Content-Disposition: attachment; filename=%s" % value
        for value in (b"../../x", b'"a\x00b"', b"/etc/passwd", b"\xff")
    ),
    *(
        b"Content-Type: %s" % value
        for value in (b"text/html", b"multipart/byteranges; boundary=x", b"message/rfc822", b"\xff")
    ),
    *(
        b"Retry-After: %s" % value
        for value in (b"-1", b"9" * 400, b"soon", b"Sat, 07 Feb 99999 20:15:30 GMT", b"1e9", b"")
    ),
    *(
        b"Set-Cookie: %s" % value
        for value in (b"a=b; Domain=.com", b"=", b";", b"a=b; Max-Age=" + b"9" * 5_000, b"\xff=\xff")
    ),
    *(b"Location: /", b"Upgrade: h2c", b"Trailer: X", b"Age: -1", b"Date: never", b"Content-MD5: x"),
)
STATUSES: Final = (
    *(
        b"200 OK",
        b"200 OK",
        b"200 OK",
        b"206 Partial Content",
        b"206 Partial Content",
        b"200",
        b"200 \xe4\xff",
        b"0200 OK",
    ),
    *(b"%d X" % status for status in (99, 101, 102, 199, 201, 204, 205, 226, 299, 300, 304, 400, 403, 404, 416, 418)),
    *(b"%d X" % status for status in (429, 500, 503, 599, 600, 999, 1000)),
    *(b"", b"OK", b"-200 X", b"2 00", b"\xb2\xb2\xb2 X", b"200 " + b"x" * 70_000),
)
VERSIONS: Final = (*[b"HTTP/1.1"] * 20, b"HTTP/1.0", b"HTTP/2", b"HTTP/0.9", b"http/1.1", b"ICY", b"", b"HTTP/1.1\x00")
PROVISIONAL: Final = tuple(answer(b"Link: </a>\r\n", status=b"%d X" % status) for status in (100, 100, 102, 103, 150))


@dataclass(frozen=True)
class Lie:
    """An answer to a request for the file from `start` on."""

    start: int
    head: bytes
    """Its status line and its headers."""
    body: bytes
    """What it would be without the cut, framing included."""
    came: bytes
    """All of it as it goes over the wire."""

    def values_of(self, name: bytes) -> list[bytes]:
        """What its lines say of a length, or of a framing."""
        pairs = (line.partition(b":") for line in self.head.replace(b"\r", b"\n").split(b"\n")[1:])
        return [value.strip(b" \t") for found, _, value in pairs if found.rstrip(b" \t\x00").lower() == name]

    def bears_out(self, got: bytes) -> bool:
        """Whether `got` can be taken for the file: it is, or what the answer itself says is all."""
        lengths, framings = self.values_of(b"content-length"), self.values_of(b"transfer-encoding")
        whole = DATA[self.start :] if framings else self.body
        told = {one.strip() for value in lengths for one in value.split(b",")}
        untold = not lengths and not framings
        return got == whole or (whole.startswith(got) and (b"%d" % len(got) in told or untold))


def chunks(data: bytes, size: int, extension: bytes = b"", last: bytes = b"0\r\n\r\n") -> bytes:
    pieces = (data[at : at + size] for at in range(0, len(data), size))
    return b"".join(b"%x%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces) + last


RIGHT: Final = b"as it ought to be"
"""In place of a header: the one that is due."""


def lie(
    start: int, framed: bool, lines: Sequence[bytes], around: tuple[bytes, bytes, bytes], pace: int, cut: int
) -> Lie:
    """`around`: version, status, and what comes before. `cut`: bytes of the body that come."""
    version, status, early = around
    size = b"Transfer-Encoding: chunked" if framed else b"Content-Length: %d" % (SIZE - start)
    span = b"Content-Range: bytes %d-%d/%d" % (start, SIZE - 1, SIZE) if start else b""
    first, *others, last = lines
    due = [size if first == RIGHT else first, *others, span if last == RIGHT else last]
    head = b"%b %b\r\n" % (version, status or (b"206 X" if start else b"200 OK"))
    head += b"".join(line + b"\r\n" for line in due[:: -1 if cut % 2 else 1] if line)
    body = chunks(DATA[start:], pace) if framed else DATA[start:]
    return Lie(start, head, body, early + head + b"\r\n" + body[:cut])


def mostly(usual: bytes, times: int, odd: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    return st.sampled_from([usual] * times + list(odd))


def liars(framed: bool) -> st.SearchStrategy[Lie]:
    """Few draws, and flat ones: what is drawn costs more than what is done with it."""
    sizes = FRAMINGS if framed else LENGTHS
    odd = mostly(b"", 60, LENGTHS + FRAMINGS + RANGES + OTHERS)
    lines = st.tuples(mostly(RIGHT, 25, (b"", *sizes)), odd, odd, mostly(RIGHT, 20, (b"", *RANGES)))
    around = st.tuples(mostly(b"HTTP/1.1", 20, VERSIONS), mostly(b"", 60, STATUSES), mostly(b"", 15, PROVISIONAL))
    cuts = st.sampled_from([5_000, 5_001, 5_002, SIZE - 1, SIZE - 5, SIZE - 6, 500, 499, 5, 0])
    return st.builds(
        lie, st.sampled_from([0, 0, 5]), st.just(framed), lines, around, st.sampled_from([1_000, 100, 7]), cuts
    )


def told(action: Callable[[], bytes]) -> bytes | DownloadError:
    return outcome(action)


def test_no_part_of_a_file_and_nothing_else_is_taken_for_it(server: HostileServer) -> None:
    """Lies are refused, and answers that are odd, but no lies, are not."""
    seen: Counter[str] = Counter()

    @cases(1_200)
    @given(st.booleans().flatmap(liars))
    def take(found: Lie) -> None:
        server.play(found.came)

        def read() -> bytes:
            stream = client(server).open(request(server), found.start)
            assert stream.start == found.start
            return b"".join(stream)

        got = told(read)
        if isinstance(got, bytes):
            assert found.bears_out(got), (found, got)
        seen[type(got).__name__] += 1

    take()
    assert sum(seen.values()) >= 1_200
    assert seen["bytes"] >= 60
    assert seen["NetworkError"] >= 200
    assert {"RangeRefused", "PermanentError"} <= seen.keys()
    assert len(seen) >= 5


@cases(400)
@given(damaged(answer(b'Content-Length: 512\r\nETag: "a"\r\nContent-Type: image/png\r\n', DATA)))
def test_any_bytes_for_an_answer(server: HostileServer, came: bytes) -> None:
    server.play(came)
    told(lambda: b"".join(client(server).open(request(server))))


@pytest.mark.parametrize(
    "head",
    [
        *(b"%s\r\n" % line for line in LENGTHS[7:15]),
        *(b"Content-Length : 512\r\n", b"garbage\r\nContent-Length: 512\r\n", b"X: y\rz\r\nContent-Length: 512\r\n"),
        *(
            b" folded\r\nContent-Length: 512\r\n",
            b"\xe4: y\r\nContent-Length: 512\r\n",
            b": y\r\nContent-Length: 512\r\n",
        ),
        b"Content-Length: 500\r\nContent-Length: 512\r\n",
    ],
)
@pytest.mark.parametrize("cut", [0, 200, 500])
def test_a_file_is_not_cut_short_by_a_head_that_nobody_can_read(server: HostileServer, head: bytes, cut: int) -> None:
    """Known of such heads: all lines behind the one that is no header were passed over, lengths first of all."""
    server.play(answer(head, DATA[:cut]))
    assert isinstance(told(lambda: b"".join(client(server).open(request(server)))), NetworkError)


@pytest.mark.parametrize("framing", [line for line in FRAMINGS if line not in KNOWN_FRAMINGS])
def test_no_framing_gets_into_a_file(server: HostileServer, framing: bytes) -> None:
    server.play(answer(framing + b"\r\n", chunks(DATA, 100)))
    assert isinstance(told(lambda: b"".join(client(server).open(request(server)))), NetworkError)


@pytest.mark.parametrize("status", [100, 102, 103, 199])
def test_provisional_answers_are_passed_over(server: HostileServer, status: int) -> None:
    early = answer(b"Link: </a>\r\nContent-Length: 7\r\n", status=b"%d Early" % status) * 3
    server.play(early + answer(b"Content-Length: 512\r\n", DATA))
    assert told(lambda: b"".join(client(server).open(request(server)))) == DATA


# --- what never ends --------------------------------------------------------------------------------------------------


def endless(first: bytes, again: bytes) -> Iterable[bytes]:
    """Some 256 MB: the server gives up where the client does not."""
    return itertools.chain([first], itertools.repeat(again, 256 * 1024 * 1024 // len(again)))


START: Final = b"HTTP/1.1 200 OK\r\n"
CHUNKED: Final = answer(b"Transfer-Encoding: chunked\r\n")
NEVER_ENDING: Final = {
    "provisional answers": (answer(b"", status=b"100 Continue") * 100, b""),
    "other provisional answers": (answer(b"X: y\r\n", status=b"103 Early Hints") * 100, b""),
    "a status line": (b"x" * 10_000, b"HTTP/1.1 200 "),
    "empty lines": (b"\r\n" * 5_000, b""),
    "headers": (b"X: y\r\n" * 1_000, START),
    "a header of many lines": (b" y\r\n" * 1_000, START + b"X: y\r\n"),
    "one header": (b"y" * 10_000, START + b"X: "),
    "a chunk's length": (b"0" * 10_000, CHUNKED),
    "a chunk's extension": (b"x" * 10_000, CHUNKED + b"5;"),
    "lines behind the last chunk": (b"X: y\r\n" * 1_000, CHUNKED + b"0\r\n"),
}


@pytest.mark.parametrize("what", NEVER_ENDING)
def test_a_head_that_never_ends_is_given_up(server: HostileServer, what: str) -> None:
    again, first = NEVER_ENDING[what]
    server.play(endless(first, again))
    assert isinstance(told(lambda: b"".join(client(server).open(request(server)))), NetworkError)
    server.idle()
    assert server.sent < MOST


@pytest.mark.parametrize(
    "framing", [b"", b"Content-Length: 999999999999\r\n", b"Content-Length: " + b"9" * 18 + b"\r\n"]
)
@pytest.mark.parametrize("most", [0, 1, 1_000_000])
def test_of_a_page_that_never_ends_a_part_is_read(server: HostileServer, framing: bytes, most: int) -> None:
    server.play(endless(answer(framing), b"x" * 100_000))
    assert client(server).send(request(server)).beginning(most) == b"x" * most
    server.play(endless(answer(framing), b"x" * 100_000))
    assert isinstance(outcome(lambda: client(server).send(request(server)).body(most)), PermanentError)


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (b"\x1f\x8b\x08\x10\x00\x00\x00\x00\x00\x03", b"n" * 10_000),  # the name in its head
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", b"\x00\x00\x00\xff\xff" * 2_000),  # empty blocks
    ],
    ids=["a name", "nothing"],
)
def test_a_packed_page_that_yields_nothing_for_ever_is_given_up(
    server: HostileServer, first: bytes, again: bytes
) -> None:
    server.play(endless(answer(b"Content-Encoding: gzip\r\n", first), again))
    assert isinstance(outcome(lambda: client(server).send(request(server)).body(100_000)), NetworkError)


def bomb(layers: int) -> bytes:
    packing = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(packing.compress(bytes(1024 * 1024)) for _ in range(100)) + packing.flush()
    for _ in range(layers - 1):
        packed = gzip.compress(packed)
    return packed


@pytest.mark.parametrize("value", [b"gzip", b"deflate", b"gzip, gzip", b", ".join([b"gzip"] * 50), b"br", b"zstd"])
def test_a_page_that_swells_is_read_in_bounds(server: HostileServer, value: bytes) -> None:
    packed = bomb(1 + value.count(b","))
    server.play(answer(b"Content-Encoding: %s\r\nContent-Length: %d\r\n" % (value, len(packed)), packed))
    tracemalloc.start()
    found = outcome(lambda: client(server).send(request(server)).body(1_000_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(found, PermanentError | NetworkError)
    assert peak < 16_000_000


@cases(500)
@given(
    st.sampled_from(
        [b"gzip", b"x-gzip", b"deflate", b"GZIP ", b"identity", b"br", b"gzip, identity", b"\xff", b"none"]
    ),
    damaged(gzip.compress(DATA)),
    st.sampled_from([0, 1, 100, SIZE, SIZE + 1]),
)
def test_packed_pages_in_pieces(server: HostileServer, value: bytes, body: bytes, most: int) -> None:
    server.play(answer(b"Content-Encoding: %s\r\nContent-Length: %d\r\n" % (value, len(body)), body))
    found = outcome(lambda: client(server).send(request(server)).body(most))
    assert isinstance(found, DownloadError) or len(found) <= most


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute goes by between any two looks at the clock."""
    minutes = itertools.count(0, 60)
    for module in (http_heads, http_answer):
        monkeypatch.setattr(module, "monotonic", lambda: float(next(minutes)))


DRIPPED: Final = [bytes([byte]) for byte in answer(b"X: y\r\n" * 20 + b"Content-Length: 5\r\n", b"12345")]


@pytest.mark.usefixtures("hasty")
def test_a_head_that_comes_in_drops_is_given_up(server: HostileServer) -> None:
    """Each drop would have begun the wait for the next one."""
    server.play(DRIPPED)
    assert isinstance(told(lambda: b"".join(client(server).open(request(server)))), StreamStalled)


@pytest.mark.usefixtures("hasty")
def test_a_page_that_comes_in_drops_is_given_up(server: HostileServer) -> None:
    server.play(endless(answer(b"Content-Length: 9999999\r\n"), b"x" * 1_000))
    asks = HttpClient(Hosts((server.url,)), ADVICE, Timeouts(5, 1_000_000))
    assert isinstance(outcome(lambda: asks.send(request(server)).body(9_999_999)), StreamStalled)


@pytest.mark.parametrize(
    "begun",
    [b"", b"HTTP/1.1 2", START, START + b"Content-Length: 5", answer(b"Content-Length: 5\r\n", b"123"), CHUNKED],
)
def test_a_server_that_falls_silent_is_given_up(server: HostileServer, begun: bytes) -> None:
    server.play([begun, HOLD])
    found = told(lambda: b"".join(client(server, stall=0.05).open(request(server))))
    assert isinstance(found, StreamStalled)


# --- redirects and cookies --------------------------------------------------------------------------------------------

PLACES: Final = (
    *ELSEWHERE,
    *("/g", "g", "", "?", "#", "//", "///", "/\\evil.example", "\\\\evil.example", "?sig=x", "./../..", " /g", "/g\t"),
    *("{here}/g", "{here}", "{here}#x", "{here}\\@evil.example", "{here}@evil.example", "{here}.evil.example"),
    *("{there}/g", "{there}?{here}", "{named}/g", "{login}/g", "HTTP:{here}", "http:/g", "{here}:80/g"),
)


def located(place: str, server: HostileServer, other: HostileServer) -> bytes:
    named, login = (server.url.replace("//", "//" + what) for what in ("localhost.", "me:you@"))
    for word, address in {"{here}": server.url, "{there}": other.url, "{named}": named, "{login}": login}.items():
        place = place.replace(word, address)
    return place.encode("utf-8", "replace")


@cases(600)
@given(
    st.lists(st.tuples(st.sampled_from([301, 303, 307, 308]), st.sampled_from(PLACES)), min_size=1, max_size=3),
    st.sampled_from(["GET", "POST"]),
)
def test_redirects_lead_to_hosts_that_may_be_asked_and_take_no_secret_along(
    server: HostileServer,
    other: HostileServer,
    tried: set[tuple[str, int]],
    hops: list[tuple[int, str]],
    method: str,
) -> None:
    tried.clear()
    answers = [
        answer(
            b"Set-Cookie: a=%s\r\nContent-Length: 0\r\nConnection: close\r\nLocation: %s\r\n"
            % (SECRET.encode(), located(place, server, other)),
            status=b"%d Moved" % status,
        )
        for status, place in hops
    ]
    last = answer(b"Content-Length: 512\r\nConnection: close\r\n", DATA)
    server.play(*answers, last)
    other.play(last)
    sent = {"json": {"password": SECRET}} if method == "POST" else {}
    asked = HttpRequest(
        f"{server.url}/f", "a", private={"X-Key": SECRET}, cookies=RequestsCookieJar(), method=method, **sent
    )
    found = outcome(lambda: client(server, other).send(asked))
    if not isinstance(found, DownloadError):
        found.close()
    assert tried <= {("127.0.0.1", server.port), ("127.0.0.1", other.port)}
    assert all(b"X-Key" not in head and b"password" not in head for head in other.received)


@pytest.mark.parametrize("place", ELSEWHERE)
def test_the_metadata_address_and_its_like_are_refused_for_good(
    server: HostileServer, tried: set[tuple[str, int]], place: str
) -> None:
    tried.clear()
    server.play(answer(b"Content-Length: 0\r\nLocation: %s\r\n" % place.encode(), status=b"302 Found"))
    found = outcome(lambda: client(server).send(request(server)))
    assert isinstance(found, PermanentError)
    assert tried == {("127.0.0.1", server.port)}


@pytest.mark.parametrize("ring", [1, 2, 3])
def test_a_circle_ends(server: HostileServer, ring: int) -> None:
    turns = itertools.cycle([b"/%d" % step for step in range(ring)])
    server.play(*(answer(b"Location: %s\r\nContent-Length: 0\r\n" % next(turns), status=b"302 X") for _ in range(50)))
    found = outcome(lambda: client(server).send(request(server)))
    assert isinstance(found, PermanentError)
    assert "circle" in str(found)
    assert len(server.received) == 11


PARTS: Final = (
    *(
        "Domain=127.0.0.1",
        "Domain=localhost",
        "Domain=.com",
        "Domain=",
        "Domain=.",
        "Domain=169.254.169.254",
        "Domain=\xe4",
    ),
    *("Path=/", "Path=/g", "Path=..", "Path=" + "a" * 5_000, "Path", "Port=80", 'Port="', "Version=9", "Max-Age=-1"),
    *("Max-Age=" + "9" * 5_000, "Max-Age=x", "Expires=never", "Expires=Sat, 07 Feb 99999 20:15:30 GMT", "Secure"),
    *(
        "Expires=" + "1" * 400,
        "Expires=0",
        "HttpOnly=x",
        "SameSite",
        "=",
        ";",
        '"',
        "a=b",
        ", c=d",
        "Discard",
        "Comment=x",
    ),
)


@cases(400)
@given(
    st.sampled_from(["a", "", "$Version", "a b", "\xe4", "a" * 4_000, "a,b", '"', "__Host-a"]),
    st.lists(st.sampled_from(PARTS), max_size=4),
)
def test_cookies_come_back_to_their_own_host_alone(
    server: HostileServer, other: HostileServer, name: str, parts: list[str]
) -> None:
    line = "; ".join([f"{name}={SECRET}", *parts]).encode("latin-1")
    elsewhere = other.url.replace("127.0.0.1", "localhost")
    head = b"Content-Length: 0\r\nConnection: close\r\nSet-Cookie: %s\r\nLocation: %s/g\r\n" % (
        line,
        elsewhere.encode(),
    )
    server.play(answer(head, status=b"302 Found"))
    other.play(answer(b"Content-Length: 512\r\nConnection: close\r\n", DATA))
    asks = HttpClient(Hosts((server.url, elsewhere)), ADVICE, Timeouts(5, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # `http.cookiejar` shows its own faults so, with a traceback
        outcome(lambda: b"".join(asks.open(request(server))))
    assert all(SECRET.encode() not in received for received in other.received)


# --- headers by themselves --------------------------------------------------------------------------------------------

VALUES: Final = st.one_of(
    st.text(max_size=30),
    st.sampled_from([*ELSEWHERE, "9" * 5_000, "-" * 5_000, "\xb2", "\uff11", "1 2", "(" * 5_000, "a" * 100_000]),
    st.datetimes().map(format_datetime),
    st.text("0123456789 :,+-JanFebSatGMT", max_size=40),
    st.text('bytes 0123456789-/*",W', max_size=30),
)


@cases(2_000)
@given(VALUES)
def test_any_text_for_a_header_is_a_value_or_none(text: str) -> None:
    seconds = retry_after(text)
    assert seconds is None or seconds >= 0
    length = content_length(text)
    assert length is None or 0 <= length < 10**18
    span = content_range(text)
    assert span is None or 0 <= span.start < span.stop <= (span.size or span.stop)
    size = total_of_unsatisfied(text)
    assert size is None or 0 <= size < 10**18
    tag = entity_tag(text)
    assert tag is None or (0 < len(tag) <= 260 and "\n" not in tag)
