"""Upstreams that were called https and speak something else, or nothing: told before anybody asks."""

import pytest

from tests.lab.authority import Authority
from tests.lab.waiting import wait_until
from tests.proxy.h2_upstream import H2Upstream, server_context
from tests.proxy.house import ADDRESS, OK, Peer, get

URL = f"https://{ADDRESS}:9000"
WEB = {"web": {"upstreams": [{"url": URL, "verify": False}]}}


def silent(peer: Peer) -> None:
    peer.read_all()


def plain(peer: Peer) -> None:
    peer.connection.recv(1)
    peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    peer.read_all()


def mail(peer: Peer) -> None:
    peer.send(b"220 mail.home ESMTP\r\n")
    peer.read_all()


def state(house) -> dict:
    return house.control.status()["routes"][0]["upstreams"][0]


@pytest.mark.parametrize(
    ("script", "reason", "status", "told"),
    [
        (silent, "tls_timeout", 504, b"did not answer the TLS handshake"),
        (plain, "speaks_no_tls", 502, b"does not speak TLS"),
        (mail, "speaks_no_tls", 502, b"does not speak TLS"),
    ],
)
def test_a_port_without_tls_is_told_of(house, binaries, script, reason, status, told):
    house.upstream(9000, script)
    house.start(WEB, workers=1)
    # Nobody has asked for it yet.
    wait_until(lambda: state(house) == {"url": URL, "up": False, "detail": reason}, what="the check")
    problem = next(one for one in house.control.status()["problems"] if one["name"] == "upstream_down")
    assert f"web: {URL} {reason}" in problem["detail"]
    routes = house.host.run([binaries["hearth"], "--run-dir", house.run_dir, "routes"], check=False)
    assert reason in routes.stdout
    answered, _, page = house.ask(get(headers="Accept: text/html\r\n"))
    assert answered == status and told in page and b"<dd>upstream</dd>" in page
    assert f"<dd>{reason}</dd>".encode() in page
    assert house.control.get("/probe?service=web").json()["upstreams"][0]["reason"] == reason


def test_another_upstream_is_asked_meanwhile(house):
    authority = Authority(house.directory / "tls")
    well = H2Upstream(house.host, 9001, context=server_context(authority.leaf("localhost"), "h2"))
    house.upstream(9000, plain)
    house.start({"web": {"upstreams": [WEB["web"]["upstreams"][0], {"url": f"https://{ADDRESS}:9001", "verify": False}]}},
                workers=1)
    assert {house.ask(get())[0] for _ in range(4)} == {200}
    well.close()


def test_a_certificate_that_is_not_accepted_is_told_of_before_anybody_asks(house):
    authority = Authority(house.directory / "tls")
    upstream = H2Upstream(house.host, 9000, context=server_context(authority.leaf("other.example"), "http/1.1"))
    strict = {"url": "https://localhost:9000", "ca": str(authority.root)}
    house.start({"web": {"upstreams": [strict]}}, workers=1)
    wait_until(lambda: state(house)["detail"] == "tls_failed", what="the check")
    house.reload({"web": {"upstreams": [{**strict, "url": "https://localhost:9000", "verify": False}]}}, workers=1)
    wait_until(lambda: state(house)["up"] is True, what="any certificate will do")
    assert not upstream.asked, "a handshake is enough"
    upstream.close()


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_header_goes_ahead_of_what_we_ask_ourselves(house, scheme, version):
    """Who expects the header takes anything else for a bad one: it says that the connection is nobody's (LOCAL)."""
    context = server_context(Authority(house.directory / "tls").leaf("localhost"), "http/1.1")
    ours = b"PROXY UNKNOWN\r\n" if version == "v1" else b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"
    said: list[bytes] = []

    def script(peer: Peer) -> None:
        head = b""
        while not head.endswith(b"\n" if version == "v1" else ours):
            if not (octet := peer.connection.recv(1)):
                return
            head += octet
        said.append(head)
        if scheme == "https":
            peer.connection = context.wrap_socket(peer.connection, server_side=True)
        while peer.connection.recv(65536):
            peer.connection.sendall(OK)

    house.upstream(9000, script)
    upstream = {"url": f"{scheme}://{ADDRESS}:9000", **({"verify": False} if scheme == "https" else {})}
    health = {"path": "/health", "interval": "1s", "fall": 1, "rise": 1}
    house.start({"web": {"upstreams": [upstream], "send_proxy_protocol": version, "health": health}}, workers=1)
    wait_until(lambda: len(said) >= 3, what="checks")
    wait_until(lambda: state(house)["up"] is True, what="it is well")
    assert set(said) == {ours}
    assert house.control.get("/probe?service=web").json()["upstreams"][0]["status"] == 200


def test_a_proxy_header_of_the_client_goes_ahead_of_the_question_who_it_is(house):
    def asked(peer: Peer) -> None:
        line = peer.read_until(b"\n")
        assert line.startswith(b"PROXY TCP4 127.0.0.1 127.0.0.1 ")
        while peer.read_head():
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    house.upstream(9000)
    auth = house.upstream(9001, asked)
    house.start({
        "web": {"upstream": f"http://{ADDRESS}:9000", "middleware": {"forward_auth": {"service": "auth", "path": "/verify"}}},
        "auth": {"upstream": f"http://{ADDRESS}:9001", "send_proxy_protocol": "v1"},
    }, workers=1)
    assert [house.ask(get())[0] for _ in range(3)] == [200] * 3
    assert auth.asked == 3, "each a connection of its own"
