"""HTTP/2 to upstreams: shared connections, bodies, trailers, gRPC, TLS and its certificates."""

import socket
import threading

import pytest

from tests.lab.waiting import wait_until
from tests.proxy.h2_client import connect
from tests.proxy.h2_client import get as get2
from tests.proxy.h2_upstream import ok, server_context
from tests.proxy.house import ADDRESS, get

H2C = {"web": {"upstream": f"h2c://{ADDRESS}:9000"}}
MIB = 1 << 20


def test_a_request_of_http1_over_h2c(house, upstreams):
    upstream = upstreams()
    house.start(H2C, workers=1)
    client = house.client()
    for _ in range(3):
        client.send(get(path="/a%2Fb?c", headers="X-Mixed-Case: Kept\r\nConnection: x-hop\r\nX-Hop: 1\r\n"))
        assert client.read_response()[::2] == (200, b"ok")
    assert len(upstream.connections) == 1
    assert upstream.asked[0].headers == [
        (b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"web.home"), (b":path", b"/a%2Fb?c"),
        (b"x-mixed-case", b"Kept"), (b"x-forwarded-for", ADDRESS.encode()), (b"x-real-ip", ADDRESS.encode()),
        (b"x-forwarded-proto", b"http"), (b"x-forwarded-host", b"web.home")]


def test_many_requests_share_a_connection(house, upstreams):
    together = threading.Barrier(50)

    def script(connection, asked):
        if asked[b":path"] == b"/first":
            return ok(connection, asked)
        together.wait(20)
        connection.head(asked)
        connection.body(asked, asked[b":path"])

    upstream = upstreams(script)
    house.start(H2C, workers=1)
    client = connect(house)
    client.ask(get2("/first"))
    streams = {client.request(get2(f"/{i}")): i for i in range(50)}
    for stream, i in streams.items():
        assert client.wait(stream).body == b"/%d" % i
    assert len(upstream.connections) == 1


@pytest.mark.parametrize("framing", ["Content-Length: %d", "Transfer-Encoding: chunked"])
def test_bodies_both_ways(house, upstreams, framing):
    body = bytes(range(256)) * 8192  # 2 MiB: more than any window

    def script(connection, asked):
        connection.head(asked)
        connection.body(asked, asked.body)

    upstream = upstreams(script)
    house.start(H2C, workers=1)
    client = house.client()
    if "%d" in framing:
        framing, sent = framing % len(body), body
    else:
        sent = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    head = f"POST / HTTP/1.1\r\nHost: web\r\n{framing}\r\n\r\n".encode()
    sender = threading.Thread(target=client.send, args=(head + sent,))
    sender.start()
    status, _, got = client.read_response()
    sender.join()
    assert status == 200 and got == body == upstream.asked[0].body


def test_answers_without_a_body(house, upstreams):
    def script(connection, asked):
        if asked[b":path"] == b"/204":
            return connection.head(asked, 204, end=True)
        if asked[b":path"] == b"/empty":
            return connection.head(asked, 200, end=True)
        connection.head(asked, 200, (b"content-length", b"5"), end=True)

    upstreams(script)
    house.start(H2C, workers=1)
    client = house.client()
    client.send(get(path="/204"))
    assert client.read_response()[0] == 204
    client.send(get(path="/empty"))
    assert client.read_response()[::2] == (200, b"")
    client.send(b"HEAD /head HTTP/1.1\r\nHost: web\r\n\r\n")
    assert b"content-length: 5\r\n" in client.read_head().lower()
    client.send(get(path="/204"))
    assert client.read_response()[0] == 204


def grpc(path: str = "/echo.Echo/Say") -> list[tuple]:
    return [*get2(path, method="POST"), (b"content-type", b"application/grpc"), (b"te", b"trailers")]


def test_grpc_from_end_to_end(house, upstreams):
    """A call answered with trailers, one of nothing but trailers, and a stream both ways."""
    go_on = threading.Event()

    def script(connection, asked):
        assert asked[b"te"] == b"trailers"
        if asked[b":path"].endswith(b"/Fail"):
            return connection.head(asked, 200, (b"content-type", b"application/grpc"), (b"grpc-status", b"12"),
                                   (b"grpc-message", b"no such thing"), end=True)
        connection.head(asked, 200, (b"content-type", b"application/grpc"))
        connection.body(asked, b"first", end=False)
        go_on.wait(20)
        connection.body(asked, asked.body, end=False)
        connection.trailers(asked, (b"grpc-status", b"0"), (b"grpc-message", b"fine"))

    upstreams(script)
    house.start(H2C, workers=1)
    client = connect(house)
    stream = client.request(grpc(), b"\0\0\0\0\5hello")
    assert client.wait_body(stream, 5) == b"first", "what is there arrives before the rest"
    go_on.set()
    answer = client.wait(stream)
    assert answer.body == b"first\0\0\0\0\5hello"
    assert answer.trailers == {b"grpc-status": b"0", b"grpc-message": b"fine"}
    answer = client.ask(grpc("/echo.Echo/Fail"), b"")
    assert answer.headers[b"grpc-status"] == b"12" and answer.ended and answer.trailers is None


def test_a_slow_client_holds_the_upstream_back(house, upstreams, sanitized):
    sent = []

    def script(connection, asked):
        if asked[b":path"] == b"/small":
            return ok(connection, asked)
        connection.head(asked)
        for _ in range(64):
            connection.body(asked, bytes(MIB), end=False)
            sent.append(MIB)

    upstreams(script)
    house.start(H2C, workers=1)
    client = connect(house, reads=False)
    big = client.request(get2("/big"))
    client.wait_body(big, 65535)
    assert client.ask(get2("/small")).body == b"ok", "others on the same upstream connection go on"
    assert sum(sent) < 4 * MIB and (sanitized or house.daemon.rss_bytes() < 64 * MIB)


def test_resets_and_lost_connections_cut_answers_short(house, upstreams):
    def script(connection, asked):
        if asked[b":path"] == b"/fine":
            return ok(connection, asked)
        if asked[b":path"] == b"/early":
            return connection.reset(asked)
        connection.head(asked, 200)
        connection.body(asked, b"half", end=False)
        if asked[b":path"] == b"/reset":
            connection.reset(asked)
        else:
            connection.sock.shutdown(socket.SHUT_RDWR)

    upstreams(script)
    house.start(H2C, workers=1)
    client = connect(house)
    assert client.ask(get2("/fine")).status == 200
    answer = client.ask(get2("/reset"))
    assert answer.reset is not None and not answer.ended
    assert client.ask(get2("/early")).status == 502
    answer = client.ask(get2("/lost"))
    assert answer.reset is not None
    assert client.ask(get2("/fine")).status == 200, "over a new connection"


def test_a_client_that_goes_away_resets_its_stream_only(house, upstreams):
    def script(connection, asked):
        if asked[b":path"] == b"/fine":
            ok(connection, asked)

    upstream = upstreams(script)
    house.start(H2C, workers=1)
    client = house.client()
    client.send(get(path="/wait"))
    wait_until(lambda: upstream.asked, what="the request arrives")
    client.reset()
    wait_until(lambda: upstream.connections[0].resets == [1], what="it is taken back")
    assert house.ask(get(path="/fine"))[0] == 200
    assert len(upstream.connections) == 1


def test_after_goaway_there_is_another_connection(house, upstreams):
    upstream = upstreams()
    house.start(H2C, workers=1)
    assert house.ask(get())[0] == 200
    upstream.connections[0].goaway()
    wait_until(lambda: house.ask(get())[0] == 200 and len(upstream.connections) == 2, what="a second connection")


def https(authority, **more) -> dict:
    return {"web": {"upstreams": [{"url": "https://localhost:9000", **more}]}}


@pytest.mark.parametrize("protocols", [("h2", "http/1.1"), ("http/1.1",)])
def test_tls_with_what_the_upstream_speaks(house, upstreams, authority, protocols):
    upstream = upstreams(context=server_context(authority.leaf("localhost"), *protocols))
    house.start(https(authority, ca=str(authority.root)), workers=1)
    client = house.client()
    for _ in range(3):
        client.send(get())
        assert client.read_response()[::2] == (200, b"ok" if "h2" in protocols else b"http1")
    assert (len(upstream.connections), upstream.http1) == ((1, 0) if "h2" in protocols else (0, 1))


def test_a_websocket_over_tls_has_a_connection_of_http1(house, upstreams, authority):
    def serve_http1(sock):
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        while octets := sock.recv(65536):
            sock.sendall(octets)

    upstream = upstreams(context=server_context(authority.leaf("localhost"), "h2", "http/1.1"))
    upstream.serve_http1 = serve_http1
    house.start(https(authority, ca=str(authority.root)), workers=1)
    assert house.ask(get())[2] == b"ok"
    client = house.client()
    client.send(get(headers="Connection: Upgrade\r\nUpgrade: websocket\r\n"))
    assert client.read_head().startswith(b"HTTP/1.1 101 ")
    client.send(b"hello")
    assert client.read_exactly(5) == b"hello"


def test_certificates_of_upstreams_are_looked_at(house, upstreams, authority):
    upstreams(context=server_context(authority.leaf("localhost"), "h2"))
    upstreams(context=server_context(authority.leaf("other.example"), "h2"), port=9001)
    trusted = {"ca": str(authority.root)}
    house.start({
        "good": {"upstreams": [{"url": "https://localhost:9000", **trusted}]},
        "stranger": {"upstreams": [{"url": "https://localhost:9000"}]},
        "misnamed": {"upstreams": [{"url": "https://localhost:9001", **trusted}]},
        "whoever": {"upstreams": [{"url": "https://localhost:9001", "verify": False}]},
    }, workers=1)
    assert house.ask(get("good"))[0] == 200
    for name in ("stranger", "misnamed"):
        status, _, body = house.ask(get(name))
        assert status == 502 and b"tls_failed" in body and b"upstream_verify" not in body
    assert house.ask(get("whoever"))[0] == 200
    assert house.ask(get("stranger"))[0] == 502, "connections are not shared with who asks for less"
