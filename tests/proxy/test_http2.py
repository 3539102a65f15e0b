"""HTTP/2 in front, HTTP/1.1 behind: what the upstream gets, what the client gets."""

import threading

import pytest

from tests.lab import services
from tests.lab.waiting import wait_until
from tests.proxy.h2_client import connect, get
from tests.proxy.house import ADDRESS, OK, WEB, answer_all

MIB = 1 << 20


def chunked(peer, *parts: bytes, trailers: bytes = b"") -> None:
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for part in parts:
        peer.send(b"%x\r\n%s\r\n" % (len(part), part))
    peer.send(b"0\r\n" + trailers + b"\r\n")


def test_a_request_reaches_the_upstream_as_http1(house):
    upstream = house.upstream(9000)
    house.start(WEB, workers=1)
    client = connect(house)
    answer = client.ask([*get("/a%2Fb?c"), (b"cookie", b"a=1"), (b"accept", b"*/*"), (b"cookie", b"b=2"),
                         (b"cookie", b"c=3"), (b"te", b"trailers"), (b"x-padded", b"  inside \t")])
    assert answer.status == 200 and answer.body == b"ok"
    assert answer.headers[b"content-length"] == b"2"
    assert upstream.received == (
        b"GET /a%2Fb?c HTTP/1.1\r\nHost: web.home\r\ncookie: a=1; b=2; c=3\r\naccept: */*\r\nx-padded: inside\r\n"
        b"X-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n"
        b"X-Forwarded-Host: web.home\r\n\r\n"
    )


def test_many_streams_at_once_over_one_connection(house):
    def script(peer):
        while head := peer.read_head():
            path = head.split(b" ")[1]
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(path), path))

    upstream = house.upstream(9000, script)
    house.start(WEB, workers=1)
    client = connect(house)
    for _ in range(3):
        streams = {client.request(get(f"/{i}")): i for i in range(100)}
        for stream, i in streams.items():
            assert client.wait(stream).body == b"/%d" % i
    assert upstream.asked <= 100, "kept connections are used again"
    assert house.control.metric("hearth_proxy_http2_connections_total") == 1


@pytest.mark.parametrize("length", [b"known", b"unknown"])
def test_a_body_is_sent_on_in_its_framing(house, length):
    body = bytes(range(256)) * 4096  # 1 MiB
    got = []

    def script(peer):
        head = peer.read_head()
        got.append(peer.read_exactly(len(body)) if b"content-length:" in head.lower() else peer.read_chunks())
        peer.send(OK)

    upstream = house.upstream(9000, script)
    house.start(WEB)
    client = connect(house)
    headers = get(method="POST")
    if length == b"known":
        headers.append((b"content-length", b"%d" % len(body)))
    assert client.ask(headers, body).status == 200
    assert got == [body]
    assert (b"Transfer-Encoding: chunked" in upstream.received) == (length == b"unknown")


def test_answers_of_every_framing(house):
    def script(peer):
        path = peer.read_head().split(b" ")[1]
        if path == b"/chunked":
            chunked(peer, b"hello ", b"world")
        elif path == b"/until-close":
            peer.send(b"HTTP/1.1 200 OK\r\n\r\nhello world")
        elif path == b"/empty-chunked":
            chunked(peer)
        elif path == b"/no-content":
            peer.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        elif path == b"/head":
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n")

    house.upstream(9000, script)
    house.start(WEB)
    client = connect(house)
    for path in ("/chunked", "/until-close"):
        answer = client.ask(get(path))
        assert answer.body == b"hello world" and b"transfer-encoding" not in answer.headers
    assert client.ask(get("/empty-chunked")).body == b""
    assert client.ask(get("/no-content")).status == 204
    answer = client.ask(get("/head", method="HEAD"))
    assert answer.headers[b"content-length"] == b"11" and answer.ended and answer.body == b""


def test_trailers_pass_both_ways(house):
    def script(peer):
        peer.read_head()
        peer.read_until(b"\r\n0\r\n")
        peer.read_until(b"\r\n\r\n")
        chunked(peer, b"x", trailers=b"Grpc-Status: 0\r\nX-Other: no\r\n")
        peer.read_head()
        chunked(peer, trailers=b"Grpc-Status: 5\r\n")

    upstream = house.upstream(9000, script)
    house.start(WEB, workers=1)
    client = connect(house)
    stream = client.request(get(method="POST"), b"body", end=False)
    client.h2.send_headers(stream, [(b"content-digest", b"abc"), (b"x-evil", b"1")], end_stream=True)
    client.flush()
    answer = client.wait(stream)
    assert answer.body == b"x" and answer.trailers == {b"grpc-status": b"0"}
    assert b"4\r\nbody\r\n0\r\ncontent-digest: abc\r\n\r\n" in upstream.received
    answer = client.ask(get())
    assert answer.ended and answer.body == b"" and answer.trailers == {b"grpc-status": b"5"}


def test_interim_answers_pass(house):
    def script(peer):
        peer.read_head()
        peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
        assert peer.read_exactly(4) == b"body"
        peer.send(OK)

    upstream = house.upstream(9000, script)
    house.start(WEB)
    client = connect(house)
    stream = client.request([*get(method="PUT"), (b"content-length", b"4"), (b"expect", b"100-continue")], end=False)
    while 100 not in client.answers[stream].interim:
        assert client.receive()
    client.send(stream, b"body", end=True)
    assert client.wait(stream).status == 200 and client.answers[stream].interim == [103, 100]
    assert b"expect: 100-continue\r\n" in upstream.received


def test_pages_are_answered_as_well(house):
    house.start(WEB)  # nobody listens on 9000
    client = connect(house)
    answer = client.ask(get())
    assert answer.status == 502 and b"nothing listens on that port" in answer.body
    assert b"connection" not in answer.headers
    assert client.ask(get(host="nobody.home")).status == 404
    answer = client.ask(get(method="HEAD", host="nobody.home"))
    assert answer.status == 404 and answer.ended and answer.body == b""
    assert client.ask(get(host="nobody.home", method="POST"), b"x" * 100_000).status == 404
    assert client.ask(get(host="nobody.home")).status == 404, "the connection stays"


def test_a_slow_reader_holds_its_upstream_back_and_only_its_own(house, sanitized):
    """64 MiB are offered; what is not read stays with the upstream."""
    sent = []
    stop = threading.Event()

    def script(peer):
        path = peer.read_head().split(b" ")[1]
        if path != b"/big":
            return peer.send(OK)
        peer.connection.settimeout(0.2)
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 * MIB))
        block = bytes(65536)
        while not stop.is_set() and sum(sent) < 64 * MIB:
            try:
                sent.append(peer.connection.send(block))
            except TimeoutError:
                pass

    house.upstream(9000, script)
    house.start(WEB, workers=1)
    client = connect(house, reads=False)
    before = house.daemon.rss_bytes()
    big = client.request(get("/big"))
    client.wait_body(big, 65535)
    assert client.ask(get("/small")).body == b"ok", "another stream of the same connection is served"
    assert len(client.answers[big].body) == 65535, "no more than the window"
    assert sum(sent) < 16 * MIB and (sanitized or house.daemon.rss_bytes() - before < 4 * MIB)
    stop.set()


def test_a_slow_upstream_holds_the_client_back(house, sanitized):
    """The upstream does not read: the client may send its windows' worth and no more."""
    go_on = threading.Event()

    def script(peer):
        peer.read_head()
        go_on.wait(20)
        while peer.connection.recv(65536):
            pass

    house.upstream(9000, script)
    house.start(WEB, workers=1)
    client = connect(house)
    stream = client.request(get(method="POST"), end=False)
    sent = 0
    client.sock.settimeout(1)
    try:
        while sent < 64 * MIB:
            client.send(stream, bytes(16384))
            sent += 16384
    except TimeoutError:
        pass
    assert sent < 16 * MIB and (sanitized or house.daemon.rss_bytes() < 64 * MIB)
    go_on.set()
    client.sock.settimeout(20)
    client.send(stream, bytes(MIB), end=True)


def test_a_window_grows_while_the_upstream_takes_what_comes(house):
    def script(peer):
        peer.read_head()
        peer.read_exactly(8 * MIB)
        peer.send(OK)

    house.upstream(9000, script)
    house.start(WEB, workers=1)
    client = connect(house)
    stream = client.request([*get(method="POST"), (b"content-length", str(8 * MIB).encode())], end=False)
    for _ in range(8 * 64 - 1):
        client.send(stream, bytes(16 * 1024))
    while client.h2.streams[stream].outbound_flow_control_window < 256 * 1024:
        assert client.receive()
    client.send(stream, bytes(16 * 1024), end=True)
    assert client.wait(stream).status == 200


def test_an_early_answer_ends_an_upload(house):
    def script(peer):
        peer.read_head()
        peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")

    house.upstream(9000, script)
    house.start(WEB)
    client = connect(house)
    stream = client.request(get(method="POST"), end=False)
    answer = client.wait_head(stream)
    while answer.reset is None and client.receive():
        pass
    assert answer.status == 413 and answer.body == b"no" and answer.ended and answer.reset == 0
    assert client.ask(get("/", host="nobody.home")).status == 404


def test_a_reset_by_the_client_ends_the_request_at_the_upstream(house):
    gone = threading.Event()

    def script(peer):
        if b"/other" in peer.read_head():
            return peer.send(OK)
        peer.read_all()
        gone.set()

    house.upstream(9000, script)
    house.start(WEB, workers=1)
    client = connect(house)
    stream = client.request(get("/wait"))
    assert client.ask(get("/other")).status == 200
    client.h2.reset_stream(stream)
    client.flush()
    assert gone.wait(10)
    assert client.ask(get("/other")).status == 200
    wait_until(lambda: 'reason="client_gone"' in house.control.get("/metrics").text(), what="it is counted")


@pytest.mark.parametrize("end", ["reset", "close"])
def test_an_answer_cut_short_is_reset(house, end):
    def script(peer):
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        peer.reset() if end == "reset" else peer.close()

    house.upstream(9000, script)
    house.start(WEB)
    client = connect(house)
    answer = client.ask(get())
    assert answer.reset is not None and not answer.ended
    assert not client.closed


def test_server_sent_events_arrive_one_by_one(house):
    go_on = [threading.Event() for _ in range(3)]

    def script(peer):
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for i, event in enumerate(go_on):
            peer.send(b"data: %d\n\n" % i)
            event.wait(20)

    house.upstream(9000, script)
    house.start(WEB)
    client = connect(house)
    stream = client.request(get())
    for i, event in enumerate(go_on):
        assert client.wait_body(stream, 9 * (i + 1)).endswith(b"data: %d\n\n" % i)
        event.set()
    assert client.wait(stream).ended


def test_reload_keeps_streams_and_stop_ends_them_gracefully(house):
    go_on = threading.Event()

    def script(peer):
        while head := peer.read_head():
            if b"/slow" in head:
                go_on.wait(20)
            peer.send(OK)

    house.upstream(9000, script)
    house.start(WEB)
    client = connect(house)
    slow = client.request(get("/slow"))
    assert client.ask(get()).status == 200
    house.reload({**WEB, "more": {"upstream": f"http://{ADDRESS}:9000"}})
    assert client.ask(get(host="more.home")).status == 200
    stopping = threading.Thread(target=house.daemon.stop)
    stopping.start()
    while client.goaway is None:
        assert client.receive()
    go_on.set()
    assert client.wait(slow).status == 200
    client.wait_closed()
    assert set(client.goaways) == {0}
    stopping.join()


def test_a_client_that_speaks_http1_still_can(house):
    house.upstream(9000, answer_all)
    house.start(WEB)
    client = house.client()
    for octet in b"P":
        client.send(bytes([octet]))
    client.send(b"OST / HTTP/1.1\r\nHost: web\r\nContent-Length: 0\r\n\r\n")
    assert client.read_response()[0] == 200


def websocket(path: str = "/") -> list[tuple]:
    return [*get(path, method="CONNECT"), (b":protocol", b"websocket"), (b"sec-websocket-version", b"13")]


def test_a_websocket_is_an_upgrade_for_the_upstream(house):
    """RFC 8441: real messages of wsproto's kind would not look different; these are octets both ways."""

    def script(peer):
        head = peer.read_head()
        assert head.startswith(b"GET /chat HTTP/1.1\r\n") and b"Connection: Upgrade\r\nUpgrade: websocket\r\n" in head
        peer.send(b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                  b"Sec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: chat\r\n\r\nhello")
        while octets := peer.connection.recv(65536):
            peer.send(octets)
        peer.send(b"bye")

    house.upstream(9000, script)
    house.start(WEB, workers=1)
    client = connect(house)
    stream = client.request(websocket("/chat"), end=False)
    answer = client.wait_head(stream)
    assert answer.status == 200 and answer.headers == {b":status": b"200", b"sec-websocket-protocol": b"chat"}
    assert client.wait_body(stream, 5) == b"hello"
    client.send(stream, b"x" * 200_000)
    assert client.wait_body(stream, 200_005) == b"hello" + b"x" * 200_000
    client.h2.end_stream(stream)
    client.flush()
    assert client.wait(stream).body.endswith(b"bye") and answer.ended


def test_a_websocket_library_talks_through_it(house):
    """The octets that python3-websockets' server speaks, framed by hand."""
    services.start(house.host, "websocket", "echo", 9000).wait_ready()
    house.start(WEB, workers=1)
    client = connect(house)
    stream = client.request(websocket(), end=False)
    assert client.wait_head(stream).status == 200
    client.send(stream, b"\x81\x85\0\0\0\0hello")  # text, masked with zeros
    assert client.wait_body(stream, 7) == b"\x81\x05hello"


def test_a_websocket_that_is_not_accepted_does_not_look_open(house):
    def script(peer):
        path = peer.read_head().split(b" ")[1]
        peer.send(OK if path == b"/page" else b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")

    house.upstream(9000, script)
    house.start(WEB, workers=1)
    client = connect(house)
    assert client.wait(client.request(websocket("/page"), end=False)).status == 502
    answer = client.wait(client.request(websocket("/secret"), end=False))
    assert answer.status == 403 and answer.body == b"no"


def test_reload_keeps_websockets_over_http2(house):
    def script(peer):
        peer.read_head()
        peer.send(b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        while octets := peer.connection.recv(65536):
            peer.send(octets)

    house.upstream(9000, script)
    house.start(WEB)
    client = connect(house)
    stream = client.request(websocket(), end=False)
    assert client.wait_head(stream).status == 200
    house.reload({**WEB, "more": {"upstream": f"http://{ADDRESS}:9001"}})
    client.send(stream, b"still here")
    assert client.wait_body(stream, 10) == b"still here"
