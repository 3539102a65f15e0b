"""Connections: kept, lost, slow, upgraded, and carried over a reload."""

import asyncio
import select
import threading
import time

import pytest

from tests.lab import services
from tests.lab.waiting import wait_until
from tests.proxy.h2_client import connect as connect_http2
from tests.proxy.h2_client import get as get_http2
from tests.proxy.house import ADDRESS, OK, WEB, Peer, answer_all, get, is_closed


def test_both_sides_keep_their_connection(house):
    upstream = house.upstream(9000)
    house.start(WEB, workers=1)
    client = house.client()
    for _ in range(20):
        client.send(get())
        assert client.read_response()[0] == 200
    assert upstream.asked == 1
    for _ in range(5):
        assert house.ask(get())[0] == 200
    assert upstream.asked == 1, "other clients share it"
    assert house.control.metric("hearth_proxy_upstream_reuses_total") == 24


def test_workers_leave_idle_connections_to_each_other(house):
    """Each request comes by a connection of its own, to whichever worker the kernel chooses."""
    upstream = house.upstream(9000)
    house.start(WEB, workers=4)
    for turn in range(12):
        assert house.ask(get())[0] == 200
        wait_until(lambda: house.control.metric("hearth_proxy_upstream_hand_overs_total") == turn + 1)
    assert upstream.asked == 1
    assert house.control.metric("hearth_proxy_upstream_reuses_total") == 11


def test_an_upstream_that_closes_idle_connections_is_no_failure(house):
    """It answers each connection once and closes it only when the next request is under way."""

    def script(peer):
        peer.read_head()
        peer.send(OK)
        peer.read_head()

    upstream = house.upstream(9000, script)
    house.start(WEB, workers=1)
    client = house.client()
    for _ in range(10):
        client.send(get())
        assert client.read_response()[0] == 200
    assert upstream.asked == 10


def test_a_request_that_may_have_taken_effect_is_not_sent_twice(house):
    def script(peer):
        peer.read_head()
        peer.send(OK)
        peer.read_head()

    upstream = house.upstream(9000, script)
    house.start(WEB, workers=1)
    client = house.client()
    client.send(get())
    assert client.read_response()[0] == 200
    client.send(b"POST /once HTTP/1.1\r\nHost: web\r\nContent-Length: 0\r\n\r\n")
    status, _, body = client.read_response()
    assert status == 502 and b"closed the connection before it had answered" in body
    assert upstream.received.count(b"POST /once") == 1


def test_an_idle_upstream_connection_is_closed_before_node_would(house):
    ended = threading.Event()

    def script(peer):
        if peer.read_head():
            peer.send(OK)
            peer.read_all()
            ended.set()

    house.upstream(9000, script)
    house.start(WEB)
    began = time.monotonic()
    assert house.ask(get())[0] == 200
    assert ended.wait(8)
    assert 3 < time.monotonic() - began < 5


@pytest.mark.parametrize("request_end", [b"", b"Connection: close\r\n"])
def test_close_is_honoured(house, request_end):
    house.upstream(9000)
    house.start(WEB)
    client = house.client()
    version = b"1.1" if request_end else b"1.0"
    client.send(b"GET / HTTP/" + version + b"\r\nHost: web\r\n" + request_end + b"\r\n")
    answer = client.read_all()
    assert b"Connection: close\r\n" in answer and answer.endswith(b"ok")


def test_slow_clients_do_not_keep_others_waiting_and_are_ended(house, sanitized):
    house.upstream(9000)
    house.start(WEB)
    slow = [house.client() for _ in range(300)]
    for client in slow:
        client.send(b"GET / HTTP/1.1\r\nHost: web\r\nX-Slow: ")
    began = time.monotonic()
    for _ in range(100):
        asked = time.monotonic()
        assert house.ask(get())[0] == 200
        assert time.monotonic() - asked < 1
    assert sanitized or house.daemon.rss_bytes() < 48 << 20

    # Each dribbles on; that does not help it.
    def all_ended() -> bool:
        for client in list(slow):
            try:
                client.send(b"a")
            except OSError:
                slow.remove(client)
        return not slow

    wait_until(all_ended, 50, interval=1)
    assert time.monotonic() - began > 28


@pytest.mark.parametrize("workers", [1, 4])
def test_too_many_connections_from_one_address_are_closed(house, workers):
    """Whichever worker they come to."""
    house.host.ip("address add 10.9.9.9/32 dev lo")
    house.upstream(9000)
    house.start(WEB, workers=workers)

    def connect_from(address: str):
        import socket

        with house.host.entered():
            return socket.create_connection((ADDRESS, 80), timeout=10, source_address=(address, 0))

    many = [connect_from("10.9.9.9") for _ in range(600)]

    def closed() -> int:
        return sum(map(is_closed, many))

    # 512 stay; workers that look at the same moment may let in one more each.
    wait_until(lambda: closed() >= 600 - 512 - workers, 30, what="the others are closed")
    assert closed() <= 600 - 512
    assert house.ask(get())[0] == 200, "the machine itself and others are served"
    assert house.control.metric("hearth_proxy_failures_total", reason="too_many_connections") >= 600 - 512 - workers


def test_workers_share_the_limit_of_connections(house):
    """However unevenly the kernel spreads them."""
    house.upstream(9000)
    house.start(WEB, workers=4, max_connections=32)

    def ask() -> Peer:
        client = house.client()
        client.send(get())
        return client

    clients = [ask() for _ in range(32)]
    assert [client.read_response()[0] for client in clients] == [200] * 32
    late = ask()
    assert not select.select([late.connection], [], [], 0.3)[0], "it waits"
    clients.pop().close()
    assert late.read_response()[0] == 200

    more = ask()
    assert not select.select([more.connection], [], [], 0.3)[0]
    house.reload(WEB, workers=4, max_connections=33)
    assert more.read_response()[0] == 200


def test_a_client_that_ends_its_side_gets_its_answer(house):
    house.upstream(9000)
    house.start(WEB)
    client = house.client()
    client.send(get())
    client.connection.shutdown(1)
    assert client.read_response()[2] == b"ok"


def test_a_websocket_echoes(house):
    import websockets

    services.start(house.host, "websocket", "echo", 9000).wait_ready()
    house.start(WEB)

    async def talk() -> None:
        sock = house.host.connect(ADDRESS, 80)
        async with websockets.connect("ws://web.home/", sock=sock, max_size=None) as connection:
            for message in ["hello", "x" * 1_000_000, b"\0\1\2"]:
                await connection.send(message)
                assert await asyncio.wait_for(connection.recv(), 20) == message

    asyncio.run(talk())
    wait_until(lambda: 'code="101"' in house.control.get("/metrics").text(), what="the end of the tunnel")


def test_a_tunnel_passes_the_end_of_each_side(house):
    def script(peer):
        peer.read_head()
        peer.send(b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert peer.read_all() == b"question"
        peer.send(b"answer")

    house.upstream(9000, script)
    house.start(WEB)
    client = house.client()
    client.send(get(headers="Connection: Upgrade\r\nUpgrade: websocket\r\n"))
    assert client.read_head().startswith(b"HTTP/1.1 101 ")
    client.send(b"question")
    client.connection.shutdown(1)
    assert client.read_all() == b"answer"


def test_reload_under_load_fails_no_request_and_keeps_tunnels(house):
    house.upstream(9000)

    def tunnel(peer):
        peer.read_head()
        peer.send(b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        while octets := peer.connection.recv(100):
            peer.send(octets)

    house.upstream(9001, tunnel)
    services_now = {**WEB, "chat": {"upstream": f"http://{ADDRESS}:9001"}}
    house.start(services_now)
    chat = house.client()
    chat.send(get("chat", headers="Connection: Upgrade\r\nUpgrade: websocket\r\n"))
    chat.read_head()

    stop = threading.Event()
    results: list[int] = []

    def load(kept: bool) -> None:
        client = house.client()
        while not stop.is_set():
            if not kept:
                client.close()
                client = house.client()
            client.send(get())
            results.append(client.read_response()[0])

    threads = [threading.Thread(target=load, args=(kept,)) for kept in (True, True, False, False)]
    for thread in threads:
        thread.start()
    for i in range(20):
        services_now[f"new{i}"] = {"upstream": f"http://{ADDRESS}:9000"}
        house.reload(services_now, listen=[f"{ADDRESS}:80", f"{ADDRESS}:{8000 + i}"])
        assert house.ask(get(f"new{i}"))[0] == 200
    stop.set()
    for thread in threads:
        thread.join()
    assert len(results) > 20 and set(results) == {200}
    chat.send(b"still here")
    assert chat.read_exactly(10) == b"still here"
    assert house.client(8019) and pytest.raises(OSError, house.client, 8018)


def test_a_changed_number_of_workers_asks_for_a_restart(house):
    house.upstream(9000)
    house.start(WEB, workers=1)
    house.reload(WEB, workers=2)
    assert "restart_needed" in house.control.problems()
    house.reload(WEB, workers=1)
    assert "restart_needed" not in house.control.problems()


def test_a_listener_that_cannot_be_opened_changes_nothing(house):
    house.upstream(9000)
    house.start(WEB)
    with house.host.entered():
        import socket

        taken = socket.create_server((ADDRESS, 8081))
    house.write({}, listen=[f"{ADDRESS}:8080", f"{ADDRESS}:8081"])
    reply = house.control.post("/reload")
    assert reply.status >= 400 and "8081" in reply.text()
    assert house.ask(get())[0] == 200
    with pytest.raises(OSError):
        house.client(8080)
    assert "config_rejected" in house.control.problems()
    taken.close()


def test_stop_finishes_what_is_under_way(house):
    go_on = threading.Event()

    def script(peer):
        peer.read_head()
        go_on.wait(10)
        peer.send(OK)

    upstream = house.upstream(9000, script)
    house.start(WEB)
    client = house.client()
    client.send(get())
    wait_until(lambda: upstream.received)
    house.daemon.signal(15)
    house.daemon.wait_notify("STOPPING=1")
    threading.Timer(0.3, go_on.set).start()
    status, head, body = client.read_response()
    assert (status, body) == (200, b"ok") and b"Connection: close" in head
    assert house.daemon.wait(5) == 0


def test_health_is_what_a_worker_says(house):
    house.upstream(9000, answer_all)
    house.start(WEB)
    reply = house.control.get("/health")
    assert reply.status == 200 and reply.json()["healthy"] is True


def test_connections_that_a_crowd_needed_serve_the_next_one(house):
    """Each that is closed takes a port to the upstream out of use for a minute."""
    at_a_time, rounds = 200, 4
    all_there = threading.Barrier(at_a_time, timeout=60)

    def script(peer):
        while peer.read_head():
            all_there.wait()
            peer.send(OK)

    web = house.upstream(9000, script)
    house.start(WEB, workers=1)
    clients = [connect_http2(house) for _ in range(at_a_time // 100)]
    for _ in range(rounds):
        asked = [(client, client.request(get_http2())) for client in clients for _ in range(100)]
        assert all(client.wait(stream).status == 200 for client, stream in asked)
    assert web.asked < 300, f"for {rounds} times {at_a_time} requests"
