"""A home that speaks IPv6: clients, upstreams, and what is counted of them."""

import contextlib
import json
import socket

import pytest

from tests.lab.waiting import wait_until
from tests.proxy.house import Peer, Upstream, get, is_closed
from tests.proxy.test_routing import header

HERE, ANN, BOB, STRANGER = "fd00::1", "fd00::50", "fd00::51", "2001:db8::50"


@pytest.fixture
def home(house):
    """start(middleware) and ask(client, request); `web` is at [::1]:9000."""
    for address in (HERE, ANN, BOB, STRANGER, "2001:db8::51"):
        house.host.ip(f"address add {address}/128 dev lo nodad")
    house.upstreams.append(Upstream(house.host, 9000, answer, address="::1"))

    def start(**middleware):
        house.write({"web": {"upstream": "http://[::1]:9000", "middleware": middleware}}, listen=[f"[{HERE}]:80"])
        document = json.loads(house.config.read_text())
        document["lan"].append("fd00::/64")
        house.write = lambda services, **proxy: house.config.write_text(json.dumps(document))
        house.start({})
        return house.upstreams[0]

    def ask(client: str, request: bytes) -> tuple[int, bytes, bytes]:
        with house.host.entered():
            peer = Peer(socket.create_connection((HERE, 80), timeout=10, source_address=(client, 0)))
        peer.send(request)
        try:
            return peer.read_response()
        finally:
            peer.close()

    return start, ask


def answer(peer: Peer) -> None:
    while head := peer.read_head():
        seen = json.dumps({name: header(head, name) for name in ("Host", "X-Forwarded-For", "X-Real-IP", "X-Forwarded-Host")})
        peer.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(seen)}\r\n\r\n{seen}".encode())


def test_the_service_learns_who_asked(home):
    start, ask = home
    start()
    status, _, body = ask(ANN, get("web.home:80"))
    assert status == 200
    assert json.loads(body) == {"Host": "web.home:80", "X-Forwarded-For": ANN, "X-Real-IP": ANN, "X-Forwarded-Host": "web.home:80"}


def test_details_are_for_the_house(home):
    start, ask = home
    start()
    for client, knows in ((ANN, True), (STRANGER, False)):
        status, _, page = ask(client, get("nobody.home"))
        assert status == 404 and (b"web.home" in page) is knows
    assert ask(ANN, get(f"[{HERE}]"))[0] == 404, "an address is no name of a service"


def test_networks_of_an_allow_list(home):
    start, ask = home
    start(allow=["fd00::/64"])
    assert [ask(client, get())[0] for client in (ANN, BOB, STRANGER)] == [200, 200, 403]


def test_a_device_at_home_is_counted_by_itself(home):
    """All of them share one /64. Strangers choose their addresses out of one."""
    start, ask = home
    start(rate_limit={"client": "1/h", "burst": 1})
    assert [ask(client, get())[0] for client in (ANN, ANN, BOB)] == [200, 429, 200]
    assert [ask(client, get())[0] for client in (STRANGER, "2001:db8::51")] == [200, 429]


def test_connections_of_strangers_are_counted_together_and_those_of_the_house_apart(home, house):
    """512 of one client: who has a /64 outside has as many addresses as it likes, at home all share one."""
    start, ask = home
    start()
    neighbour = "2001:db8:0:1::50"
    house.host.ip(f"address add {neighbour}/128 dev lo nodad")

    def many(address: str, count: int) -> list[socket.socket]:
        with house.host.entered():
            return [socket.create_connection((HERE, 80), timeout=10, source_address=(address, 0)) for _ in range(count)]

    def closed(some: list[socket.socket]) -> int:
        return sum(map(is_closed, some))

    with contextlib.ExitStack() as opened:
        def hold(some: list[socket.socket]) -> list[socket.socket]:
            for one in some:
                opened.enter_context(one)
            return some

        of_the_house = hold(many(ANN, 400)) + hold(many(BOB, 400))
        assert (ask(ANN, get())[0], ask(BOB, get())[0]) == (200, 200)
        strangers = hold(many(STRANGER, 400)) + hold(many("2001:db8::51", 200))
        workers = 4
        wait_until(lambda: closed(strangers) >= 600 - 512 - workers, 30, what="the others are closed")
        assert closed(strangers) <= 600 - 512 and closed(of_the_house) == 0
        assert ask(neighbour, get())[0] == 200, "another /64 is another client"
    # What has ended counts no more.
    wait_until(lambda: served(lambda: ask("2001:db8::51", get())), 30, what="it is let in")


def served(asks) -> bool:
    with contextlib.suppress(OSError, AssertionError):
        return asks()[0] == 200
    return False
