"""Upstreams that are gone without a word: hung behind a connection that stands, or without power."""

import threading
import time

import h2.events
import pytest

from tests.lab.waiting import wait_until
from tests.proxy.h2_client import H2Client, connect
from tests.proxy.h2_client import get as get2
from tests.proxy.h2_upstream import H2Connection, H2Upstream, ok
from tests.proxy.house import ADDRESS, OK, House, get


class Hanging(H2Connection):
    """Reads nothing while it hangs: its kernel acknowledges, nobody answers."""

    def __init__(self, upstream, sock) -> None:
        super().__init__(upstream, sock)
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.pings = 0

    def _receive(self) -> bytes:
        octets = super()._receive()
        self.goes_on.wait(100)
        return octets

    def _take(self, event) -> None:
        self.pings += isinstance(event, h2.events.PingReceived)
        super()._take(event)


@pytest.fixture
def upstreams(house):
    made: list[H2Upstream] = []

    def make(port: int, script=ok) -> H2Upstream:
        made.append(H2Upstream(house.host, port, script, connection=Hanging))
        return made[-1]

    yield make
    for one in made:
        for connection in one.connections:
            connection.goes_on.set()
        one.close()


def post(path: str) -> list[tuple]:
    return get2(path, method="POST")


def answers_at_once(house: House) -> bool:
    client = house.client()
    client.connection.settimeout(1)
    try:
        client.send(get(path="/new"))
        return client.read_response()[0] == 200
    except TimeoutError:
        return False
    finally:
        client.close()


def client_of_a_hung_upstream(house: House, upstream: H2Upstream) -> tuple[H2Client, Hanging]:
    """It was answered once; now the connection to the upstream stands, and nothing comes."""
    house.start({"web": {"upstream": f"h2c://{ADDRESS}:9000"}}, workers=1)
    client = connect(house)
    assert client.ask(get2("/first")).status == 200
    hung = upstream.connections[0]
    hung.goes_on.clear()
    client.sock.settimeout(90)
    return client, hung


def test_a_hung_connection_swallows_no_requests(house, upstreams):
    """New requests soon go elsewhere; those under way are answered by it, sent again, or failed."""
    upstream = upstreams(9000)
    client, _ = client_of_a_hung_upstream(house, upstream)
    before = time.monotonic()
    again, failed = client.request(get2("/again")), client.request(post("/failed"), b"once")
    wait_until(lambda: answers_at_once(house), 80, what="others get another connection")
    assert len(upstream.connections) == 2
    assert client.wait(again).status == 200, "it may be asked for twice"
    assert client.wait(failed).status == 504, "it may have taken effect"
    assert time.monotonic() - before > 25, "who is only slow gets time"
    assert [asked[b":path"] for asked in upstream.asked].count(b"/failed") == 0
    wait_until(lambda: house.control.metric("hearth_proxy_failures_total", reason="response_timeout") == 1)


def test_a_connection_that_speaks_again_is_used_again(house, upstreams):
    client, hung = client_of_a_hung_upstream(house, upstreams(9000))
    late = client.request(post("/late"), b"once")
    wait_until(lambda: answers_at_once(house), 80, what="others get another connection")
    hung.goes_on.set()
    assert client.wait(late).status == 200
    assert hung.pings == 1


def test_who_thinks_for_long_is_left_to_think(house, upstreams):
    """It is asked for a sign of life, but no more often than servers of gRPC put up with."""
    done = threading.Event()

    def think(connection, asked):
        done.wait(90)
        ok(connection, asked)

    upstream = upstreams(9000, think)
    house.start({"web": {"upstream": f"h2c://{ADDRESS}:9000"}}, workers=1)
    client = connect(house)
    client.sock.settimeout(90)
    asked = client.request(post("/think"), b"deep")
    wait_until(lambda: upstream.connections and upstream.connections[0].pings == 2, 80, what="two PINGs")
    time.sleep(16)  # the third would come now, and be one too many
    assert upstream.connections[0].pings == 2
    done.set()
    assert client.wait(asked).status == 200
    assert len(upstream.connections) == 1


def test_an_upstream_whose_power_went(house):
    """Whether it had got the request or not, on a kept connection or a new one: found by the kernel."""
    got = threading.Semaphore(0)

    def script(peer):
        while head := peer.read_head():
            if b"/wait" in head:
                got.release()
                peer.read_all()
                return
            peer.send(OK)

    house.upstream(9000, script)
    house.start({"web": {"upstream": f"http://{ADDRESS}:9000"}}, workers=1)
    waiting = house.client()
    waiting.send(get(path="/wait"))
    assert got.acquire(timeout=20)
    kept = house.client()
    kept.send(get(path="/kept"))
    assert kept.read_response()[0] == 200
    house.host.nft("table inet t { chain c { type filter hook output priority 0; tcp dport 9000 drop;"
                   " tcp sport 9000 drop; }; }")
    kept.send(b"POST /unheard HTTP/1.1\r\nHost: web\r\nContent-Length: 4\r\n\r\nonce")
    for client, where in ((kept, "nothing of the request arrived"), (waiting, "the answer was being made")):
        client.connection.settimeout(120)
        status, _, body = client.read_response()
        assert status == 504 and b"response_timeout" in body, where
