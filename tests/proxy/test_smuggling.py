"""What two HTTP implementations could read differently: asserted on the wire on both sides."""

import pytest

from tests.proxy.house import OK, WEB, get

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
    "TLS hello": bytes.fromhex("160301020001000001fc0303") + b"\n",
}


@pytest.fixture
def web(house):
    upstream = house.upstream(9000)
    house.start(WEB)
    return upstream


def test_refused_requests_never_reach_the_upstream(house, web):
    for name, request in REFUSED.items():
        client = house.client()
        client.send(request + SMUGGLED)
        answer = client.read_all()
        assert answer.startswith(b"HTTP/1.1 400 "), f"{name}: {answer[:100]!r}"
        assert answer.count(b"HTTP/1.1 ") == 1, f"{name}: answered more than once"
        assert b"Connection: close" in answer, name
    assert web.received == b""


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
    "folded trailer": b"0\r\nA: b\r\n c\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_a_bad_chunk_ends_both_connections(house, name):
    upstream = house.upstream(9000, lambda peer: peer.read_all())
    house.start(WEB)
    client = house.client()
    client.send(post(b"Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n" + BAD_CHUNKS[name]) + SMUGGLED)
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
