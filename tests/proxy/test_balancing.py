"""Several upstreams: shares, stickiness, health, circuits, draining, and limits with a queue."""

import re
import threading
from collections import Counter

from tests.lab.waiting import wait_until
from tests.proxy.house import OK, Peer, get

URLS = ["http://127.0.0.1:9000", "http://127.0.0.1:9001"]


def named(name: str, health: list[int] | None = None):
    """A script that answers with its name; GET /health with health[0]."""

    def play(peer: Peer) -> None:
        while head := peer.read_head():
            status = health[0] if health and b" /health " in head else 200
            peer.send(b"HTTP/1.1 %d Told\r\nContent-Length: %d\r\n\r\n%s" % (status, len(name), name.encode()))

    return play


def in_turn(turn: threading.Semaphore):
    """A script that answers each request when it may."""

    def play(peer: Peer) -> None:
        while peer.read_head():
            turn.acquire(timeout=20)
            peer.send(OK)

    return play


def two(house, answers: list[int] | None = None, **service) -> None:
    house.upstream(9000, named("a", answers))
    house.upstream(9001, named("b"))
    house.start({"web": {"upstreams": URLS, **service}}, workers=1)


def spread(house, count: int, **options) -> Counter:
    return Counter(house.ask(get(**options))[2].decode() for _ in range(count))


def upstreams(house) -> list[dict]:
    return house.control.status()["routes"][0]["upstreams"]


def test_weights_are_shares(house):
    house.upstream(9000, named("a"))
    house.upstream(9001, named("b"))
    house.start({"web": {"upstreams": [{"url": URLS[0], "weight": 3}, URLS[1]]}}, workers=1)
    assert spread(house, 8) == {"a": 6, "b": 2}


def test_least_conn_goes_where_less_is_under_way(house):
    held = threading.Event()

    def slow(peer):
        while head := peer.read_head():
            if b"/slow" in head:
                held.wait(20)
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na")

    house.upstream(9000, slow)
    other = house.upstream(9001, named("b"))
    house.start({"web": {"upstreams": URLS, "balance": "least-conn"}}, workers=1)
    waiting = house.client()
    waiting.send(get(path="/slow"))
    wait_until(lambda: house.upstreams[0].received.count(b"/slow") == 1)
    assert spread(house, 4) == {"b": 4}
    held.set()
    assert waiting.read_response()[0] == 200
    assert other.received


def test_least_conn_knows_what_other_workers_have_under_way(house):
    """Clients of all of them: each of eight requests at a time is where the fewest are, and a reload forgets none."""
    held = threading.Event()

    def slow(peer):
        while head := peer.read_head():
            if b"/slow" in head:
                held.wait(60)
            peer.send(OK)

    ups = [house.upstream(9000, slow), house.upstream(9001, slow)]
    services = {"web": {"upstreams": URLS, "balance": "least-conn"}}
    house.start(services, workers=4)

    def running() -> list[int]:
        return [up.received.count(b"/slow") for up in ups]

    waiting = []
    for count in range(1, 9):
        waiting.append(house.client())
        waiting[-1].send(get(path="/slow"))
        wait_until(lambda count=count: sum(running()) == count, 20, what=f"{count} requests under way")
        assert abs(running()[0] - running()[1]) <= 1, running()
        if count == 5:
            house.reload(services)
    held.set()
    for client in waiting:
        assert client.read_response()[0] == 200


def test_source_hash_keeps_a_client_at_its_upstream(house):
    two(house, balance="source-hash")
    assert len(spread(house, 6)) == 1


def test_a_cookie_keeps_a_client_at_its_upstream(house):
    two(house, sticky="web_at")
    _, head, first = house.ask(get())
    cookie = re.search(rb"(?i)set-cookie: (web_at=[0-9a-f]+); Path=/; HttpOnly; SameSite=Lax\r\n", head).group(1)
    assert b"127.0.0.1" not in cookie
    for _ in range(4):
        _, head, again = house.ask(get(headers=f"Cookie: other=1; {cookie.decode()}\r\n"))
        assert again == first and b"Set-Cookie" not in head
    house.upstreams[0 if first == b"a" else 1].close()
    _, head, other = house.ask(get(headers=f"Cookie: {cookie.decode()}\r\n"))
    assert other != first and b"Set-Cookie: web_at=" in head
    assert b"Set-Cookie" in house.ask(get(headers="Cookie: web_at=garbage\r\n"))[1]


def test_an_upstream_that_fails_its_checks_gets_nothing_until_it_is_well(house):
    answers = [200]
    two(house, answers, health={"path": "/health", "interval": "1s", "fall": 1, "rise": 1})
    assert len(spread(house, 4)) == 2
    answers[0] = 500
    wait_until(lambda: upstreams(house)[0]["up"] is False, 10)
    assert upstreams(house)[0]["detail"] == "answers 500 at /health"
    assert "upstream_down" in house.control.problems()
    assert spread(house, 4) == {"b": 4}
    answers[0] = 200
    wait_until(lambda: upstreams(house)[0]["up"] is True, 10)
    assert len(spread(house, 4)) == 2


def test_one_that_has_come_back_starts_slowly(house):
    answers = [500]
    two(house, answers, health={"path": "/health", "interval": "1s", "fall": 1, "rise": 1}, slow_start="1h")
    wait_until(lambda: upstreams(house)[0]["up"] is False)
    answers[0] = 200
    wait_until(lambda: upstreams(house)[0]["up"])
    assert 1 <= spread(house, 44)["a"] <= 8, "a tenth of its share, which is half"


def test_when_none_is_well_the_page_says_so(house):
    house.upstream(9000, named("a", [500]))
    house.start({"web": {"upstream": URLS[0], "health": {"path": "/health", "interval": "1s", "status": 200}}})
    wait_until(lambda: house.ask(get())[0] == 503, 10)
    assert b"None of the service&#39;s upstreams is well" in house.ask(get())[2].replace(b"'", b"&#39;")


def test_one_that_breaks_off_answers_is_left_alone(house):
    house.upstream(9000, lambda peer: peer.read_head())
    house.upstream(9001, named("b"))
    house.start({"web": {"upstreams": URLS}}, workers=1)
    told = Counter(house.ask(get())[0] for _ in range(10))
    assert told == {200: 5, 502: 5}
    assert [house.ask(get())[0] for _ in range(4)] == [200] * 4


def test_a_drained_upstream_gets_nothing(house):
    two(house)
    assert house.control.post("/upstreams/drain?service=web&upstream=127.0.0.1:9000").status == 200
    assert spread(house, 4) == {"b": 4}
    assert upstreams(house)[0] == {"url": URLS[0], "up": True, "detail": "drained", "drained": True}
    house.reload({"web": {"upstreams": URLS}}, workers=1)
    assert spread(house, 4) == {"b": 4}, "a reload forgets nothing"
    assert house.control.post("/upstreams/undrain?service=web&upstream=http://127.0.0.1:9000").status == 200
    assert spread(house, 4) == {"a": 2, "b": 2}
    refused = house.control.post("/upstreams/drain?service=web&upstream=pi9")
    assert refused.status == 404 and URLS[0] in refused.text()
    assert house.control.post("/upstreams/drain?service=nothing&upstream=pi9").status == 404


def test_a_request_beyond_the_limit_waits_for_its_turn(house):
    turn = threading.Semaphore(0)
    web = house.upstream(9000, in_turn(turn))
    house.start({"web": {"upstream": URLS[0], "limit": {"requests": 1, "wait": "20s"}}}, workers=2)
    clients = [house.client() for _ in range(3)]
    for client in clients:
        client.send(get())
    for count in (1, 2, 3):
        wait_until(lambda: web.received.count(b"GET") == count)  # noqa: B023
        turn.release()
    assert [client.read_response()[0] for client in clients] == [200] * 3


def test_beyond_the_queue_a_request_is_refused(house):
    turn = threading.Semaphore(0)
    web = house.upstream(9000, in_turn(turn))
    house.start({"web": {"upstream": URLS[0], "limit": {"requests": 1, "queue": 0}}}, workers=2)
    first = house.client()
    first.send(get())
    wait_until(lambda: web.received.count(b"GET") == 1)
    status, head, _ = house.ask(get())
    assert status == 503 and b"Retry-After: 2\r\n" in head
    turn.release(2)
    assert first.read_response()[0] == 200
    # Its client may have the answer before the other worker knows that there is room.
    wait_until(lambda: house.ask(get())[0] == 200)


def test_who_waits_too_long_is_told_to_come_back(house):
    turn = threading.Semaphore(0)
    web = house.upstream(9000, in_turn(turn))
    house.start({"web": {"upstream": URLS[0], "limit": {"requests": 1, "wait": "500ms"}}}, workers=1)
    first, second = house.client(), house.client()
    first.send(get())
    wait_until(lambda: web.received.count(b"GET") == 1)
    second.send(get())
    status, head, _ = second.read_response()
    assert status == 503 and b"Retry-After" in head
    second.send(get())
    second.close()  # while it waits
    turn.release(3)
    assert first.read_response()[0] == 200
    assert house.ask(get())[0] == 200
