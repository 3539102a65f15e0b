"""How much of answers from an upstream of HTTP/2 may be on the way, and whom those hold up that nobody takes."""

import socket

from tests.lab.waiting import wait_until
from tests.proxy.h2_upstream import ok
from tests.proxy.house import ADDRESS, get
from tests.proxy.test_http2_upstream import H2C

MIB = 1 << 20
BIG = 16 * MIB  # more than the kernel keeps of a connection


class Widest:
    """Answers with BIG, and knows the widest window it had."""

    def __init__(self) -> None:
        self.octets = 0

    def __call__(self, connection, asked) -> None:
        connection.head(asked, 200, (b"content-length", b"%d" % BIG))
        piece = bytes(16 * 1024)
        for sent in range(0, BIG, len(piece)):
            with connection.lock:
                self.octets = max(self.octets, connection.h2.local_flow_control_window(asked.stream))
            connection.body(asked, piece, end=sent + len(piece) == BIG)


def by_path(connection, asked) -> None:
    if asked[b":path"] == b"/small":
        return ok(connection, asked)
    connection.head(asked, 200, (b"content-length", b"%d" % BIG))
    connection.body(asked, bytes(BIG))


def test_a_window_grows_while_the_client_takes_what_comes(house, upstreams):
    script = Widest()
    upstreams(script)
    house.start(H2C, workers=1)
    status, _, body = house.ask(get())
    assert (status, len(body)) == (200, BIG)
    assert 512 * 1024 < script.octets <= MIB


def test_the_upstream_hears_of_room_at_once(house, upstreams):
    """Servers that keep small segments back until the last one is acknowledged are not kept waiting."""
    told = []

    def script(connection, asked) -> None:
        connection.head(asked, 200, (b"content-length", b"20000"))
        connection.body(asked, bytes(10_000), end=False)
        with connection.lock:
            room = lambda: connection.h2.streams[asked.stream].outbound_flow_control_window
            told.append(connection.window.wait_for(lambda: room() == 64 * 1024, timeout=10))
        connection.body(asked, bytes(10_000))

    upstreams(script)
    house.start(H2C, workers=1)
    assert house.ask(get())[0] == 200
    assert told == [True]


def test_clients_that_take_nothing_hold_up_nobody_else(house, upstreams, sanitized):
    """On the one connection to the upstream, and with little memory."""
    upstream = upstreams(by_path)
    house.start(H2C, workers=1)
    before = house.daemon.peak_rss_bytes()
    slow = []
    for _ in range(60):
        with house.host.entered():
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect((ADDRESS, 80))
        sock.sendall(get(path="/big"))
        slow.append(sock)
    wait_until(lambda: len(upstream.asked) == 60, 20)
    wait_until(lambda: all(is_stuck(upstream, asked) for asked in list(upstream.asked)), 20, what="all windows are used up")
    for _ in range(3):
        assert house.ask(get(path="/small"))[0] == 200
    assert len(upstream.connections) == 1
    held = house.daemon.peak_rss_bytes() - before
    assert sanitized or held < 40 * MIB, held
    for sock in slow:
        sock.close()
    wait_until(lambda: len(upstream.connections[0].resets) == 60, 20, what="they are given up")
    assert house.ask(get(path="/small"))[0] == 200


def is_stuck(upstream, asked) -> bool:
    connection = upstream.connections[0]
    with connection.lock:
        return connection.h2.local_flow_control_window(asked.stream) == 0
