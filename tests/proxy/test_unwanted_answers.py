"""What becomes of an answer whose client has taken its request back."""

import contextlib
import itertools
import threading

import pytest

from tests.lab.waiting import wait_until
from tests.proxy.h2_client import H2Client, connect, get
from tests.proxy.house import OK, WEB


def ping(client: H2Client) -> None:
    """What was sent before has been done when its answer comes."""
    client.pongs = 0
    client.h2.ping(bytes(8))
    client.flush()
    while not client.pongs:
        assert client.receive()


def test_requests_taken_back_use_up_no_connections(house):
    """Each would cost a port to the upstream for a minute, and there are 28,000."""
    go_on, answered = threading.Event(), itertools.count()
    done = [0]

    def script(peer):
        while peer.read_head():
            go_on.wait(20)
            peer.send(OK)
            done[0] = next(answered) + 1

    web = house.upstream(9000, script)
    house.start(WEB, workers=1)
    client = connect(house)
    at_a_time, rounds = 20, 15
    for turn in range(rounds):
        go_on.clear()
        streams = [client.request(get()) for _ in range(at_a_time)]
        asked = (at_a_time + 1) * turn + at_a_time
        wait_until(lambda: web.received.count(b"\r\n\r\n") == asked, what="the upstream has been asked")
        for stream in streams:
            client.h2.reset_stream(stream)
        client.flush()
        ping(client)
        go_on.set()
        wait_until(lambda: done[0] == asked, what="the upstream has answered")
        assert client.ask(get()).status == 200, "on a connection that was taken back"
    assert web.asked < 3 * at_a_time, f"connections for {at_a_time * rounds} requests"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_answer_that_nobody_wants_is_not_awaited_for_long(house, method):
    """By a reset, which leaves no port waiting; but what may have an effect has been received for certain."""
    ends: list[str] = []

    def script(peer):
        peer.read_head()
        try:
            ends.append("end" if peer.connection.recv(1) == b"" else "more")
        except ConnectionResetError:
            ends.append("reset")

    web = house.upstream(9000, script)
    house.start(WEB, workers=1)
    client = connect(house)
    stream = client.request(get(method=method))
    wait_until(lambda: b"\r\n\r\n" in web.received, what="the upstream has been asked")
    client.h2.reset_stream(stream)
    client.flush()
    wait_until(lambda: ends, what="the connection has ended")
    assert ends == ["reset" if method == "GET" else "end"]


def test_a_big_answer_that_nobody_wants_is_not_read(house):
    sent = threading.Event()
    ended = threading.Event()

    def script(peer):
        peer.read_head()
        sent.wait(20)
        with contextlib.suppress(OSError):
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + bytes(100_000_000))
            return
        ended.set()

    web = house.upstream(9000, script)
    house.start(WEB, workers=1)
    client = connect(house)
    stream = client.request(get())
    wait_until(lambda: b"\r\n\r\n" in web.received, what="the upstream has been asked")
    client.h2.reset_stream(stream)
    client.flush()
    ping(client)
    sent.set()
    assert ended.wait(20)
