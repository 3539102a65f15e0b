"""What the proxy asks upstreams by itself, whatever is spoken there: who is well, and who may pass."""

import pytest

from tests.lab.waiting import wait_until
from tests.proxy.h2_upstream import server_context
from tests.proxy.house import ADDRESS, OK, get

CHECK = {"path": "/health", "interval": "1s", "fall": 1, "rise": 1}
SSO = {"service": "auth", "path": "/verify", "headers": ["Remote-User"]}
URL = f"http://{ADDRESS}:9000"


def state(house) -> dict:
    return house.control.status()["routes"][0]["upstreams"][0]


def with_health(status: list[int]):
    """Answers /health with what stands in `status`."""

    def script(connection, asked):
        connection.head(asked, status[0] if asked[b":path"] == b"/health" else 200, end=True)

    return script


def test_the_health_of_an_h2c_upstream(house, upstreams):
    status = [200]
    upstream = upstreams(with_health(status))
    house.start({"web": {"upstream": f"h2c://{ADDRESS}:9000", "health": CHECK}}, workers=1)
    wait_until(lambda: any(one[b":path"] == b"/health" for one in upstream.asked), what="the check")
    assert house.ask(get())[0] == 200
    status[0] = 503
    wait_until(lambda: state(house)["detail"] == "answers 503 at /health", what="it is down")
    assert house.ask(get())[0] == 503
    status[0] = 200
    wait_until(lambda: house.ask(get())[0] == 200, what="it is up")
    checks = [one for one in upstream.asked if one[b":path"] == b"/health"]
    assert all(one[b":authority"] == b"web.home" and one[b":method"] == b"GET" for one in checks)


@pytest.mark.parametrize("protocols", [("h2", "http/1.1"), ("http/1.1",)])
def test_the_health_of_an_https_upstream(house, upstreams, authority, protocols):
    upstreams(context=server_context(authority.leaf("localhost"), *protocols))
    trusted = {"url": "https://localhost:9000", "ca": str(authority.root)}
    house.start({"web": {"upstreams": [trusted], "health": {**CHECK, "status": 200}}}, workers=1)
    wait_until(lambda: state(house)["up"] is True, what="it is well")
    assert house.ask(get())[0] == 200


def test_a_check_looks_at_the_certificate_unless_told_not_to(house, upstreams, authority):
    upstreams(context=server_context(authority.leaf("other.example"), "h2"))
    strict = {"url": "https://localhost:9000", "ca": str(authority.root)}
    house.start({"web": {"upstreams": [strict], "health": CHECK}}, workers=1)
    wait_until(lambda: state(house)["detail"] == "tls_failed", what="it is refused")
    house.reload({"web": {"upstreams": [{"url": "https://localhost:9000", "verify": False}], "health": CHECK}},
                 workers=1)
    wait_until(lambda: house.ask(get())[0] == 200, what="any certificate will do")


def test_a_check_that_nobody_answers_fails_in_time(house):
    house.upstream(9000, lambda peer: peer.read_all())
    check = {**CHECK, "timeout": "300ms"}
    house.start({"web": {"upstream": f"h2c://{ADDRESS}:9000", "health": check}}, workers=1)
    wait_until(lambda: state(house)["detail"] == "response_timeout", what="it is given up")


def test_probe_asks_https_upstreams_too(house, upstreams, authority):
    upstreams(context=server_context(authority.leaf("localhost"), "h2"))
    house.start({"web": {"upstreams": [{"url": "https://localhost:9000", "ca": str(authority.root)}]}}, workers=1)
    found = wait_until(lambda: house.control.get("/probe?service=web").json()["upstreams"], what="an answer")
    assert (found[0]["ok"], found[0]["status"]) == (True, 200)
    assert found[0]["connect_ms"] > 0


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_proxy_header_goes_ahead_of_tls(house, authority, version):
    context = server_context(authority.leaf("localhost"), "http/1.1")
    seen: list[bytes] = []

    def script(peer):
        if version == "v1":
            line = b""
            while not line.endswith(b"\r\n"):
                line += peer.connection.recv(1)
        else:
            line = peer.connection.recv(16)
            line += peer.connection.recv(int.from_bytes(line[14:16], "big"))
        seen.append(line)
        with context.wrap_socket(peer.connection, server_side=True) as tls:
            while tls.recv(65536):
                tls.sendall(OK)

    house.upstream(9000, script)
    service = {"upstreams": [{"url": "https://localhost:9000", "ca": str(authority.root)}],
               "send_proxy_protocol": version}
    house.start({"web": service}, workers=1)
    for _ in range(2):
        assert house.ask(get()) == (200, OK.split(b"ok")[0], b"ok")
    begins = b"PROXY TCP4 127.0.0.1 127.0.0.1 " if version == "v1" else b"\r\n\r\n\0\r\nQUIT\n\x21\x11"
    nobody = b"PROXY UNKNOWN" if version == "v1" else b"\r\n\r\n\0\r\nQUIT\n\x20"
    named = [line for line in seen if not line.startswith(nobody)]  # others are the proxy's own look
    assert len(named) == 2, "a connection for each"
    assert all(line.startswith(begins) for line in named)


def allowing(peer):
    while peer.read_head():
        peer.send(b"HTTP/1.1 200 OK\r\nRemote-User: ann\r\nContent-Length: 0\r\n\r\n")


def guarded(auth: dict) -> dict:
    return {"web": {"upstream": URL, "middleware": {"forward_auth": SSO}}, "auth": auth}


def test_who_is_asked_is_asked_over_kept_connections(house):
    web = house.upstream(9000)
    asked = house.upstream(9001, allowing)
    house.start(guarded({"upstream": f"http://{ADDRESS}:9001"}), workers=1)
    client = house.client()
    for _ in range(10):
        client.send(get())
        assert client.read_response()[0] == 200
    assert asked.received.count(b"GET /verify ") == 10
    assert asked.asked == 1
    assert web.received.count(b"Remote-User: ann") == 10


def test_a_kept_connection_that_was_closed_is_made_again(house):
    def once(peer):
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    house.upstream(9000)
    asked = house.upstream(9001, once)
    house.start(guarded({"upstream": f"http://{ADDRESS}:9001"}), workers=1)
    client = house.client()
    for _ in range(10):
        client.send(get())
        assert client.read_response()[0] == 200
    assert asked.asked == 10


def test_who_is_asked_may_speak_https_or_h2c(house, upstreams, authority):
    def allow(connection, asked):
        connection.head(asked, 200, (b"remote-user", b"ann"), end=True)

    web = house.upstream(9000)
    secure = upstreams(allow, server_context(authority.leaf("localhost"), "h2"), port=9001)
    plain = upstreams(allow, port=9002)
    house.start(guarded({"upstreams": [{"url": "https://localhost:9001", "ca": str(authority.root)}]}), workers=1)
    wait_until(lambda: house.ask(get())[0] == 200, what="https is asked")
    house.reload(guarded({"upstream": f"h2c://{ADDRESS}:9002"}), workers=1)
    assert house.ask(get())[0] == 200
    for upstream in (secure, plain):
        assert upstream.asked[-1][b":path"] == b"/verify"
        assert upstream.asked[-1][b"x-forwarded-host"] == b"web.home"
    assert web.received.count(b"remote-user: ann") == web.received.count(b"GET / ")


def test_a_certificate_that_does_not_hold_lets_nobody_pass(house, upstreams, authority):
    web = house.upstream(9000)
    upstreams(context=server_context(authority.leaf("other.example"), "h2"), port=9001)
    house.start(guarded({"upstreams": [{"url": "https://localhost:9001", "ca": str(authority.root)}]}), workers=1)
    assert house.ask(get())[0] == 503
    assert not web.received
