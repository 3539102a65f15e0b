"""Upstreams that were called https and speak something else, or nothing: told before anybody asks."""

import pytest

from tests.lab.authority import Authority
from tests.lab.waiting import wait_until
from tests.proxy.h2_upstream import H2Upstream
from tests.proxy.house import ADDRESS, OK, Peer, get
from tests.proxy.test_http2_upstream import server_context

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


def test_tls_behind_a_proxy_header_is_not_tried_without_one(house):
    """Who expects the header would take the handshake for a bad one."""
    house.upstream(9000, lambda peer: peer.send(OK))
    house.start({"web": {"upstreams": [{"url": URL, "verify": False}], "send_proxy_protocol": "v1"}}, workers=1)
    wait_until(lambda: state(house)["up"] is True, what="a connection is enough")
