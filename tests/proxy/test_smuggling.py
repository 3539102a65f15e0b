"""What two HTTP implementations could read differently: asserted on the wire on both sides."""

import contextlib
import socket

import pytest

from tests.lab.netns import Network
from tests.proxy.house import OK, WEB, House, get

HOST = b"Host: web\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: web\r\n\r\n"


def post(headers: bytes, body: bytes = b"") -> bytes:
    return b"POST / HTTP/1.1\r\n" + HOST + headers + b"\r\n" + body


REFUSED = {
    "length and coding": post(b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\nX"),
    "coding and length": post(b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n", b"0\r\n\r\nX"),
    "two lengths": post(b"Content-Length: 0\r\nContent-Length: 38\r\n"),
    "two equal lengths": post(b"Content-Length: 1\r\nContent-Length: 1\r\n", b"x"),
    "list of lengths": post(b"Content-Length: 1, 1\r\n", b"x"),
    "empty length": post(b"Content-Length:\r\n"),
    "signed length": post(b"Content-Length: +1\r\n", b"x"),
    "negative length": post(b"Content-Length: -1\r\n"),
    "hexadecimal length": post(b"Content-Length: 0x1\r\n", b"x"),
    "overflowing length": post(b"Content-Length: 18446744073709551616\r\n"),
    "unknown coding": post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"),
    "coding twice": post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", b"0\r\n\r\n"),
    "list of codings": post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
    "chunked not last": post(b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n"),
    "vertical tab in coding": post(b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"),
    "coding in 1.0": b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "space before colon": post(b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n"),
    "tab before colon": post(b"Content-Length\t: 1\r\n", b"x"),
    "folded": post(b"Transfer-Encoding:\r\n chunked\r\n", b"0\r\n\r\n"),
    "folded later": post(b"A: b\r\n\tc\r\n"),
    "space before the first header": b"GET / HTTP/1.1\r\n " + HOST + b"\r\n",
    "empty name": post(b": x\r\n"),
    "name not a token": post(b"a[b]: x\r\n"),
    "no colon": post(b"abc\r\n"),
    "bare LF in the request line": b"GET / HTTP/1.1\n" + HOST + b"\r\n",
    "bare LF in a header": b"GET / HTTP/1.1\r\nHost: web\nA: b\r\n\r\n",
    "bare LF at the end": b"GET / HTTP/1.1\r\nHost: web\r\n\n",
    "bare CR in a header": post(b"A: b\rTransfer-Encoding: chunked\r\n"),
    "NUL": post(b"A: b\0c\r\n"),
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: web\r\nHost: other\r\n\r\n",
    "bad Host": b"GET / HTTP/1.1\r\nHost: web/other\r\n\r\n",
    "Host with user": b"GET / HTTP/1.1\r\nHost: me@web\r\n\r\n",
    "space in target": b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n",
    "fragment": b"GET /a#b HTTP/1.1\r\n" + HOST + b"\r\n",
    "relative target": b"GET a HTTP/1.1\r\n" + HOST + b"\r\n",
    "method not a token": b"GE:T / HTTP/1.1\r\n" + HOST + b"\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\n" + HOST + b"\r\n",
    "HTTP/0.9": b"GET /\r\n",
    "half an HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\n",
    "CONNECT": b"CONNECT web:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "chunked twice": post(b"Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n"),
    "two fields of chunked": post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    "quoted coding": post(b"Transfer-Encoding: \"chunked\"\r\n", b"0\r\n\r\n"),
    "coding with a parameter": post(b"Transfer-Encoding: chunked;q=1\r\n", b"0\r\n\r\n"),
    "empty coding": post(b"Transfer-Encoding:\r\n"),
    "length with a sign within": post(b"Content-Length: 1-\r\n", b"x"),
    "length with a space within": post(b"Content-Length: 1 1\r\n", b"x" * 11),
    "length with an underscore": post(b"Content-Length: 1_0\r\n", b"x" * 10),
    "length in other digits": post("Content-Length: \u0661\r\n".encode(), b"x"),
    "length and coding in 1.0": b"POST / HTTP/1.0\r\n" + HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "non-breaking space before colon": post(b"Transfer-Encoding\xa0: chunked\r\n", b"0\r\n\r\n"),
    "NUL in a name": post(b"Transfer-\0Encoding: chunked\r\n", b"0\r\n\r\n"),
    "NUL in the target": b"GET /\0 HTTP/1.1\r\n" + HOST + b"\r\n",
    "bare CR in the request line": b"GET /\rX HTTP/1.1\r\n" + HOST + b"\r\n",
    "bare CR before the end": b"GET / HTTP/1.1\r\n" + HOST + b"\r\r\n",
    "tab in the request line": b"GET\t/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "two spaces in the request line": b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n",
    "octets beyond ASCII in the target": b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n",
    "control character in a value": post(b"A: b\x01c\r\n"),
    "DEL in a value": post(b"A: b\x7fc\r\n"),
    "empty Host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "Host with a space": b"GET / HTTP/1.1\r\nHost: web other\r\n\r\n",
    "list of Hosts": b"GET / HTTP/1.1\r\nHost: web, other\r\n\r\n",
    "Host with a bad port": b"GET / HTTP/1.1\r\nHost: web:x\r\n\r\n",
    "absolute target without Host": b"GET http://web/ HTTP/1.1\r\n\r\n",
    "absolute target with user": b"GET http://me@web/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "target of another scheme": b"GET file:///etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n",
    "empty method": b" / HTTP/1.1\r\n" + HOST + b"\r\n",
    "HTTP/2.0": b"GET / HTTP/2.0\r\n" + HOST + b"\r\n",
    "http in small letters": b"GET / http/1.1\r\n" + HOST + b"\r\n",
    "HTTP/1.10": b"GET / HTTP/1.10\r\n" + HOST + b"\r\n",
    "TLS hello": bytes.fromhex("160301020001000001fc0303") + b"\n",
}


@pytest.fixture
def web(house):
    upstream = house.upstream(9000)
    house.start(WEB)
    return upstream


@pytest.mark.parametrize("pace", ["whole", "octets"])
@pytest.mark.parametrize("service", ["web", "two"])
@pytest.mark.parametrize("name", REFUSED)
def test_refused_requests_never_reach_the_upstream(both, name, service, pace):
    house, one, two = both
    octets = (REFUSED[name] + SMUGGLED).replace(b"web", service.encode())
    client = house.client()
    client.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(OSError):  # it may be closed long before the end
        for piece in [octets] if pace == "whole" else [bytes([octet]) for octet in octets]:
            client.send(piece)
    answer = client.read_all()
    assert answer.startswith(b"HTTP/1.1 400 "), answer[:100]
    assert answer.count(b"HTTP/1.1 ") == 1, "answered more than once"
    assert b"Connection: close" in answer
    assert one.received == b"" and two.asked == []


BAD_CHUNKS = {
    "empty size": b"\r\nx\r\n",
    "signed size": b"+1\r\nx\r\n",
    "prefixed size": b"0x1\r\nx\r\n",
    "space before size": b" 1\r\nx\r\n",
    "space after size": b"1 \r\nx\r\n",
    "overflowing size": b"1000000000000000001\r\nx\r\n",
    "bare LF after size": b"1\nx\r\n",
    "bare LF in extension": b"1;a\nb\r\nx\r\n",
    "no CRLF after data": b"1\r\nxGET",
    "bare LF after data": b"1\r\nx\n",
    "bare LF after trailer": b"0\r\nA: b\n\r\n",
    "bare CR in extension": b"1;a\rb\r\nx\r\n",
    "NUL in extension": b"1;a\0b\r\nx\r\n",
    "NUL in size": b"1\0\r\nx\r\n",
    "negative size": b"-1\r\nx\r\n",
    "size with an underscore": b"1_0\r\n" + b"x" * 16 + b"\r\n",
    "only an extension": b";a\r\nx\r\n",
    "bare CR after data": b"1\r\nx\rG",
    "too much data": b"1\r\nxy\r\n",
    "NUL in trailer": b"0\r\nA: \0\r\n\r\n",
    "trailer without colon": b"0\r\nabc\r\n\r\n",
    "space before a trailer's colon": b"0\r\nA : b\r\n\r\n",
    "folded trailer": b"0\r\nA: b\r\n c\r\n\r\n",
}


@pytest.fixture(scope="module")
def listening(binaries):
    """An upstream that hears everything and says nothing."""
    with Network() as network:
        house = House(network.host("home"), binaries["hearth-proxy"])
        house.upstream(9000, lambda peer: peer.read_all())
        house.start(WEB)
        yield house
        house.close()


@pytest.mark.parametrize("pace", ["whole", "octets"])
@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_a_bad_chunk_ends_both_connections(listening, name, pace):
    house, upstream = listening, listening.upstreams[0]
    octets = post(b"Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n" + BAD_CHUNKS[name]) + SMUGGLED
    client = house.client()
    client.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(OSError):
        for piece in [octets] if pace == "whole" else [bytes([octet]) for octet in octets]:
            client.send(piece)
    answer = client.read_all()
    assert answer.startswith(b"HTTP/1.1 400 ") and answer.count(b"HTTP/1.1 ") == 1
    assert b"smuggled" not in upstream.received
    assert not upstream.received.endswith(b"0\r\n\r\n"), "the body must not look complete"


def test_what_is_forwarded_is_normal(house, web):
    house.ask(
        b"GET http://web.home/a%2F..?q={1} HTTP/1.1\r\nHost: elsewhere\r\nConnection: close, X-Hop\r\n"
        b"X-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
        b"Proxy-Connection: x\r\nX-Kept:   padded \t \r\n\r\n"
    )
    assert web.received == (
        b"GET /a%2F..?q={1} HTTP/1.1\r\nHost: web.home\r\nHTTP2-Settings: AAMAAABk\r\nX-Kept: padded\r\n"
        b"X-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n"
        b"X-Forwarded-Host: web.home\r\n\r\n"
    )


def test_what_is_forwarded_over_http2_is_normal(both):
    house, _, two = both
    assert house.ask(
        b"GET http://two.home/a%2F..?q={1} HTTP/1.1\r\nHost: elsewhere\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n"
        b"Keep-Alive: 5\r\nTE: trailers, gzip\r\nUpgrade: h2c\r\nProxy-Connection: x\r\nX-Kept:   padded \t \r\n\r\n")[0] == 200
    assert two.asked.pop().headers == [
        (b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"two.home"), (b":path", b"/a%2F..?q={1}"),
        (b"x-kept", b"padded"), (b"x-forwarded-for", b"127.0.0.1"), (b"x-real-ip", b"127.0.0.1"),
        (b"x-forwarded-proto", b"http"), (b"x-forwarded-host", b"two.home")]


@pytest.mark.parametrize("named", ["X-Forwarded-For, X-Forwarded-Proto", "X-Real-IP", "Host", "Content-Length", "Connection"])
def test_naming_it_in_connection_strips_nothing_of_ours(both, named):
    house, _, two = both
    status = house.ask(f"GET / HTTP/1.1\r\nHost: two\r\nConnection: {named}\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n".encode())[0]
    got = dict(two.asked.pop().headers)
    assert status == 200 and got[b":authority"] == b"two" and b"connection" not in got
    assert (got[b"x-forwarded-for"], got[b"x-real-ip"], got[b"x-forwarded-proto"]) == (b"127.0.0.1", b"127.0.0.1", b"http")


IMITATIONS = ["X_Forwarded_For", "x.forwarded.for", "X-Forwarded_Proto", "X_Real_IP", "Remote_User", "remote.user", "Content_Length",
              "Transfer_Encoding", "Proxy", "Forwarded", "X-Original-URL", "X-Rewrite-URL", "X_AUTHENTIK_USERNAME", "Remote-Groups",
              "X-Auth-Request-User", "CF-Connecting-IP", "True-Client-IP", "X-Client-IP", "X-Forwarded-Prefix", "X-SSL-Client-Verify",
              "Client-IP", "Client_IP", "X-Forwarded-Ssl", "X-Forwarded-Scheme", "X-Forwarded-Server", "X-Forwarded", "Forwarded-For",
              "Front-End-Https", "Tailscale-User-Login", "X-User", "x.user"]


@pytest.mark.parametrize("name", IMITATIONS)
def test_what_imitates_an_identity_is_dropped(both, name):
    house, _, two = both
    assert house.ask(f"GET / HTTP/1.1\r\nHost: two\r\n{name}: forged\r\n\r\n".encode())[0] == 200
    assert all(b"forged" not in value for _, value in two.asked.pop().headers)


@pytest.mark.parametrize("name", ["X-Auth-Token", "X-User-Id", "X-Api-Key", "Authorization", "Cookie", "X-Emby-Token", "X-Requested-With"])
def test_what_programs_log_in_with_is_passed_on(both, name):
    house, _, two = both
    assert house.ask(f"GET / HTTP/1.1\r\nHost: two\r\n{name}: theirs\r\n\r\n".encode())[0] == 200
    assert dict(two.asked.pop().headers)[name.lower().encode()] == b"theirs"


def test_chunks_are_written_anew(house):
    def script(peer):
        peer.read_head()
        peer.read_until(b"0\r\n\r\n")
        peer.send(OK)

    upstream = house.upstream(9000, script)
    house.start(WEB)
    body = b"00005;ext=\"x\"\r\nhello\r\n1\r\n!\r\n0;last\r\nX-Trailer: y\r\nHost: evil\r\n\r\n"
    assert house.ask(post(b"Transfer-Encoding: Chunked\r\n", body))[0] == 200
    assert upstream.received.endswith(b"\r\n\r\n6\r\nhello!\r\n0\r\n\r\n")
    assert b"Transfer-Encoding: chunked\r\n" in upstream.received


def test_a_length_with_leading_zeros_is_a_decimal(house):
    def script(peer):
        peer.read_head()
        assert peer.read_exactly(10) == b"0123456789"
        peer.send(OK)

    upstream = house.upstream(9000, script)
    house.start(WEB)
    client = house.client()
    client.send(post(b"Content-Length: 010\r\n", b"0123456789") + get())
    assert client.read_response()[0] == 200
    assert b"Content-Length: 10\r\n" in upstream.received


def test_pipelined_requests_are_answered_in_order(house):
    def script(peer):
        while head := peer.read_head():
            path = head.split(b" ")[1]
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(path), path))

    house.upstream(9000, script)
    house.start(WEB)
    client = house.client()
    client.send(b"".join(get(path=f"/{i}") for i in range(50)))
    assert [client.read_response()[2] for _ in range(50)] == [b"/%d" % i for i in range(50)]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        b"HTTP/1.1 200 OK\r\nA : b\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
    ],
)
def test_ambiguous_answers_are_a_bad_gateway(house, answer):
    def script(peer):
        peer.read_head()
        peer.send(answer)
        peer.read_all()

    house.upstream(9000, script)
    house.start(WEB)
    assert house.ask(get())[0] == 502


def test_octets_after_an_answer_are_not_the_next_answer(house):
    def script(peer):
        while peer.read_head():
            peer.send(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")

    upstream = house.upstream(9000, script)
    house.start(WEB, workers=1)
    client = house.client()
    for _ in range(5):
        client.send(get())
        assert client.read_response()[2] == b"ok"
    assert upstream.asked == 5, "a connection with octets left over must not be used again"
