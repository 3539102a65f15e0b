"""Bodies: streamed both ways, in constant memory, with the ends that real upstreams give them."""

import hashlib
import threading
import time

import pytest

from tests.proxy.house import OK, WEB, get

GIB = 1 << 30
RSS_LIMIT = 32 << 20


def test_a_slow_reader_does_not_make_the_proxy_hoard(house, sanitized):
    sent = 0
    full = threading.Event()

    def script(peer):
        nonlocal sent
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % GIB)
        peer.connection.settimeout(1)
        try:
            while True:
                sent += peer.connection.send(bytes(1 << 16))
        except TimeoutError:
            full.set()
            peer.connection.settimeout(20)
            peer.read_all()

    house.upstream(9000, script)
    house.start(WEB)
    client = house.client()
    client.send(get())
    assert full.wait(20), "the upstream was never told to wait"
    assert sent < 64 << 20
    assert sanitized or house.daemon.rss_bytes() < RSS_LIMIT
    client.close()


def test_what_arrives_is_what_was_sent(house):
    body = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(40_000))

    def script(peer):
        peer.read_head()
        received = peer.read_chunks()
        parts = [received[i : i + 70_001] for i in range(0, len(received), 70_001)]
        chunks = b"".join(b"%x;e\r\n%s\r\n" % (len(part), part) for part in parts)
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")

    house.upstream(9000, script)
    house.start(WEB)
    client = house.client()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i : i + 999]), body[i : i + 999]) for i in range(0, len(body), 999))
    client.send(b"POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    status, _, answer = client.read_response()
    assert status == 200
    assert hashlib.sha256(answer).digest() == hashlib.sha256(body).digest()


def test_server_sent_events_arrive_one_by_one(house):
    go_on = threading.Semaphore(0)

    def script(peer):
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for i in range(3):
            go_on.acquire()
            peer.send(b"data: %d\n\n" % i)

    house.upstream(9000, script)
    house.start(WEB)
    client = house.client()
    client.send(get())
    assert b"Transfer-Encoding: chunked" in client.read_head()
    for i in range(3):
        go_on.release()
        assert client.read_until(b"\n\n\r\n").endswith(b"data: %d\n\n\r\n" % i)
    assert client.read_until(b"0\r\n\r\n") == b"0\r\n\r\n"


def test_an_early_answer_reaches_a_client_that_still_sends(house):
    def script(peer):
        peer.read_head()
        peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 8\r\nConnection: close\r\n\r\ntoo much")

    upstream = house.upstream(9000, script)
    house.start(WEB)
    client = house.client()
    client.send(b"POST / HTTP/1.1\r\nHost: web\r\nContent-Length: %d\r\n\r\n" % (8 << 20))
    status, head, body = client.read_response()
    assert (status, body) == (413, b"too much")
    assert b"Connection: close" in head
    client.send(bytes(1 << 20))  # read away, or the answer might be lost to a reset
    client.close()
    status, _, _ = house.ask(b"POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 0\r\n\r\n")
    assert status == 413
    assert upstream.asked == 2, "the connection of an early answer must not be used again"


def test_the_client_waits_for_100_continue(house):
    def script(peer):
        assert b"Expect: 100-continue" in peer.read_head()
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert peer.read_exactly(5) == b"hello"
        peer.send(OK)

    house.upstream(9000, script)
    house.start(WEB)
    client = house.client()
    client.send(b"PUT / HTTP/1.1\r\nHost: web\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    assert client.read_head() == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"hello")
    assert client.read_response()[0] == 200


def test_a_refused_expectation_needs_no_body(house):
    def script(peer):
        peer.read_head()
        peer.send(b"HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno")
        peer.read_all()

    house.upstream(9000, script)
    house.start(WEB)
    client = house.client()
    client.send(b"PUT / HTTP/1.1\r\nHost: web\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    assert client.read_response()[0] == 401


ENDINGS = {
    "inside a counted body": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
    "inside a chunked body": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
}


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_an_upstream_that_dies_in_the_body_is_not_taken_for_complete(house, ending, how):
    def script(peer):
        peer.read_head()
        peer.send(ENDINGS[ending])
        client_has_it.wait(10)
        if how == "reset":
            peer.reset()

    client_has_it = threading.Event()
    house.upstream(9000, script)
    house.start(WEB)
    client = house.client()
    client.send(get())
    client.read_until(b"half")
    client_has_it.set()
    rest = client.read_all()
    assert b"0\r\n\r\n" not in rest
    assert house.control.metric("hearth_proxy_failures_total", hop="upstream") == 1


def test_an_answer_to_head_has_a_length_and_no_body(house):
    def script(peer):
        while peer.read_head():
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")

    house.upstream(9000, script)
    house.start(WEB)
    client = house.client()
    for _ in range(2):
        client.send(b"HEAD / HTTP/1.1\r\nHost: web\r\n\r\n")
        assert b"Content-Length: 5\r\n" in client.read_head()


def test_an_http_1_0_client_gets_the_body_until_the_end(house):
    def script(peer):
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        peer.read_all()

    house.upstream(9000, script)
    house.start(WEB)
    client = house.client()
    client.send(b"GET / HTTP/1.0\r\nHost: web\r\n\r\n")
    answer = client.read_all()
    assert answer.endswith(b"\r\n\r\nhello") and b"chunked" not in answer


def test_bodies_without_end_do_not_keep_others_waiting(house):
    def pour(peer):
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            peer.send(bytes(1 << 18))

    house.upstream(9000)
    house.upstream(9001, pour)
    house.start({**WEB, "pour": {"upstream": "http://127.0.0.1:9001"}}, workers=1)
    argv = ["curl", "--silent", "--output", "/dev/null", "--header", "Host: pour", "http://127.0.0.1/"]
    pouring = [house.host.start(argv) for _ in range(3)]
    slowest = 0.0
    for _ in range(200):
        asked = time.monotonic()
        assert house.ask(get())[0] == 200
        slowest = max(slowest, time.monotonic() - asked)
    assert all(process.alive() for process in pouring)
    assert slowest < 2
