"""WebSockets to upstreams that speak HTTP/2: extended CONNECT (RFC 8441), from clients of either version."""

import contextlib
import queue
import socket
import ssl
import threading

import h2.events
import h2.exceptions
import h2.settings
import pytest

from tests.lab.waiting import wait_until
from tests.proxy.h2_client import connect
from tests.proxy.h2_client import get as get2
from tests.proxy.h2_upstream import H2Connection, H2Upstream, ok
from tests.proxy.house import ADDRESS, get

KEY = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
UPGRADE = f"Connection: Upgrade\r\nUpgrade: websocket\r\n{KEY}"
SWITCHED = (b"HTTP/1.1 101 Switching Protocols\r\nsec-websocket-protocol: chat\r\n"
            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
NO_PROTOCOL = b"\x15\x03\x03\x00\x02\x02\x78"  # the TLS alert no_application_protocol


class Tunnels(H2Connection):
    """Takes tunnels, says what comes out of them again, and ends them when the other side does."""

    SETTINGS = {h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL: 1}

    def _take(self, event) -> None:
        asked = self.open.get(getattr(event, "stream_id", None))
        if asked is None or asked[b":method"] != b"CONNECT":
            super()._take(event)
        elif isinstance(event, h2.events.DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            self.said.put((asked, event.data))
        elif isinstance(event, h2.events.StreamEnded):
            self.said.put((asked, None))
        else:
            super()._take(event)

    def run(self) -> None:
        self.said: queue.Queue = queue.Queue()
        threading.Thread(target=self._echo, daemon=True).start()
        super().run()

    def _echo(self) -> None:
        with contextlib.suppress(OSError, h2.exceptions.ProtocolError):
            while True:
                asked, octets = self.said.get()
                self.body(asked, b"bye" if octets is None else octets, end=octets is None)


def script(connection, asked) -> None:
    if asked[b":method"] != b"CONNECT":
        return ok(connection, asked)
    if asked[b":path"] == b"/secret":
        connection.head(asked, 403, (b"content-length", b"2"))
        return connection.body(asked, b"no")
    connection.head(asked, 200, (b"sec-websocket-protocol", b"chat"))


@pytest.fixture
def upstreams(house):
    made: list[H2Upstream] = []

    def make(kind=Tunnels, context=None) -> H2Upstream:
        made.append(H2Upstream(house.host, 9000, script, context,
                               is_hasty=lambda asked: asked[b":method"] == b"CONNECT", connection=kind))
        return made[-1]

    yield make
    for one in made:
        one.close()


def context_of(authority, *protocols: str) -> ssl.SSLContext:
    leaf = authority.leaf("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.certificate, leaf.key)
    context.set_alpn_protocols(list(protocols))
    return context


def h2c() -> dict:
    return {"web": {"upstream": f"h2c://{ADDRESS}:9000"}}


def https(authority) -> dict:
    return {"web": {"upstreams": [{"url": "https://localhost:9000", "ca": str(authority.root)}]}}


class Http1Tunnel:
    """A WebSocket of a client of HTTP/1.1, as octets."""

    def __init__(self, house, path: str) -> None:
        self.peer = house.client()
        self.peer.send(get(path=path, headers=UPGRADE))
        assert self.peer.read_head() == SWITCHED

    def send(self, octets: bytes) -> None:
        self.peer.send(octets)

    def hear(self, count: int) -> bytes:
        return self.peer.read_exactly(count)

    def end(self) -> bytes:
        self.peer.connection.shutdown(socket.SHUT_WR)
        return self.peer.read_all()


class Http2Tunnel:
    """The same of one of HTTP/2."""

    def __init__(self, house, path: str) -> None:
        self.client = connect(house)
        self.heard = 0
        self.stream = self.client.request([*get2(path, method="CONNECT"), (b":protocol", b"websocket"),
                                           (b"sec-websocket-version", b"13")], end=False)
        answer = self.client.wait_head(self.stream)
        assert answer.headers == {b":status": b"200", b"sec-websocket-protocol": b"chat"}

    def send(self, octets: bytes) -> None:
        self.client.send(self.stream, octets)

    def hear(self, count: int) -> bytes:
        body = self.client.wait_body(self.stream, self.heard + count)[self.heard:]
        self.heard += count
        return body[:count]

    def end(self) -> bytes:
        self.client.h2.end_stream(self.stream)
        self.client.flush()
        answer = self.client.wait(self.stream)
        assert answer.ended
        return answer.body[self.heard:]


@pytest.mark.parametrize("scheme", ["h2c", "https"])
@pytest.mark.parametrize("tunnel", [Http1Tunnel, Http2Tunnel])
def test_octets_both_ways(house, upstreams, authority, tunnel, scheme):
    upstream = upstreams(context=context_of(authority, "h2") if scheme == "https" else None)
    house.start(h2c() if scheme == "h2c" else https(authority), workers=1)
    first, second = tunnel(house, "/chat?a=%2F"), tunnel(house, "/other")
    for octet in b"octet by octet":
        first.send(bytes([octet]))
        assert first.hear(1) == bytes([octet])
    big = bytes(range(256)) * 2000  # more than any window
    sender = threading.Thread(target=second.send, args=(big,))
    if tunnel is Http1Tunnel:
        sender.start()
        assert second.hear(len(big)) == big
        sender.join()
    else:  # one thread talks to it: what it hears meanwhile is kept
        second.send(big)
        assert second.hear(len(big)) == big
    assert house.ask(get())[0] == 200
    assert first.end() == b"bye" and second.end() == b"bye"
    assert len(upstream.connections) == 1, "all of it went over one connection"
    fields = dict(upstream.asked[0].headers)
    assert {name: fields[name] for name in fields if name[:1] == b":"} == {
        b":method": b"CONNECT", b":protocol": b"websocket", b":scheme": b"https" if scheme == "https" else b"http",
        b":authority": b"web.home", b":path": b"/chat?a=%2F"}
    assert fields[b"sec-websocket-version"] == b"13" and fields[b"x-forwarded-for"] == ADDRESS.encode()
    assert not fields.keys() & {b"connection", b"upgrade", b"sec-websocket-key"}


def test_a_refusal_is_an_answer_like_any(house, upstreams):
    upstream = upstreams()
    house.start(h2c(), workers=1)
    client = house.client()
    client.send(get(path="/secret", headers=UPGRADE))
    assert client.read_response()[::2] == (403, b"no")
    answer = connect(house)
    stream = answer.request([*get2("/secret", method="CONNECT"), (b":protocol", b"websocket")], end=False)
    assert (answer.wait(stream).status, answer.answers[stream].body) == (403, b"no")
    wait_until(lambda: len(upstream.connections[0].resets) == 2, what="what it had still to hear is taken back")


def test_what_it_allows_is_waited_for(house, upstreams):
    """SETTINGS may be late; requests do not wait for them, tunnels do."""
    now = threading.Event()

    class Late(Tunnels):
        def run(self) -> None:
            now.wait(20)
            super().run()

    upstreams(Late)
    house.start(h2c(), workers=1)
    client = house.client()
    client.send(get(path="/chat", headers=UPGRADE))
    threading.Timer(0.5, now.set).start()
    assert client.read_head() == SWITCHED
    client.send(b"hello")
    assert client.read_exactly(5) == b"hello"


def test_without_rfc_8441_it_is_said_so(house, upstreams):
    upstream = upstreams(H2Connection)
    house.start(h2c(), workers=1)
    for _ in range(6):
        status, _, body = house.ask(get(headers=UPGRADE))
        assert status == 502 and b"no_tunnel" in body and b"RFC 8441" in body
        assert house.ask(get())[0] == 200, "nobody holds it against the upstream"
    assert len(upstream.connections) == 1
    client = connect(house)
    assert client.wait(client.request([*get2(method="CONNECT"), (b":protocol", b"websocket")], end=False)).status == 502
    assert house.control.metric("hearth_proxy_failures_total", reason="no_tunnel") == 7


def test_https_without_it_goes_by_http1(house, upstreams, authority):
    """A connection of its own, when HTTP/2 is what both had agreed on."""

    def serve_http1(sock) -> None:
        assert b"Upgrade: websocket" in sock.recv(65536)
        upstream.http1 += 1
        sock.sendall(b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        while octets := sock.recv(65536):
            sock.sendall(octets)

    upstream = upstreams(H2Connection, context_of(authority, "h2", "http/1.1"))
    upstream.serve_http1 = serve_http1
    house.start(https(authority), workers=1)
    for _ in range(3):
        client = house.client()
        client.send(get(headers=UPGRADE))
        assert client.read_head().startswith(b"HTTP/1.1 101 ")
        client.send(b"hello")
        assert client.read_exactly(5) == b"hello"
    assert (len(upstream.connections), upstream.http1) == (1, 3)


def test_https_with_neither_is_said_so(house, authority):
    """HTTP/2 alone, and strict about it (RFC 7301 §3.2): HTTP/1.1 gets an alert."""
    context = context_of(authority, "h2")
    upstream = H2Upstream(house.host, 9000, ok)

    def serve(sock) -> None:
        hello = sock.recv(65536, socket.MSG_PEEK)
        with contextlib.suppress(OSError):
            if b"\x02h2" in hello:
                H2Connection(upstream, context.wrap_socket(sock, server_side=True)).run()
            else:
                sock.sendall(NO_PROTOCOL)
                sock.close()

    upstream._serve = serve
    house.start(https(authority), workers=1)
    try:
        for _ in range(2):
            status, _, body = house.ask(get(headers=UPGRADE))
            assert status == 502 and b"no_tunnel" in body
            assert house.ask(get())[0] == 200
        assert len(upstream.connections) == 1
    finally:
        upstream.close()


def test_a_tunnel_that_is_reset_ends_alone(house, upstreams):
    upstream = upstreams()
    house.start(h2c(), workers=1)
    stays, goes = Http1Tunnel(house, "/stays"), Http1Tunnel(house, "/goes")
    asked = next(one for one in upstream.asked if one[b":path"] == b"/goes")
    upstream.connections[0].reset(asked)
    goes.peer.read_all()
    gone = Http1Tunnel(house, "/gone")
    gone.peer.reset()
    wait_until(lambda: upstream.connections[0].resets, what="the client's own reset arrives")
    stays.send(b"still")
    assert stays.hear(5) == b"still" and stays.end() == b"bye"


def test_reload_and_stop(house, upstreams):
    upstreams()
    house.start(h2c(), workers=1)
    tunnel = Http1Tunnel(house, "/chat")
    house.reload(h2c())
    tunnel.send(b"on")
    assert tunnel.hear(2) == b"on"
    house.daemon.stop()
    assert tunnel.peer.read_all() == b""
