"""Whom a service takes for its client: forged headers, trusted proxies, the PROXY protocol both ways."""

import ipaddress
import struct

import pytest

from tests.lab.clients import curl
from tests.proxy.house import OK, WEB, get
from tests.proxy.test_routing import header
from tests.proxy.test_tls import client_context, secure

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v2(client: str, port: int = 4711, command: int = 0x21) -> bytes:
    source = ipaddress.ip_address(client)
    there = ipaddress.ip_address("10.0.0.1" if source.version == 4 else "fd00::1")
    rest = source.packed + there.packed + struct.pack("!HH", port, 80)
    family = 0x11 if source.version == 4 else 0x21
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(rest)) + rest


V1 = b"PROXY TCP4 203.0.113.9 10.0.0.1 4711 80\r\n"


@pytest.mark.parametrize("preamble", [V1, v2("203.0.113.9")])
def test_a_listed_balancer_says_whose_connection_it_is(house, preamble):
    web = house.upstream(9000)
    house.start(WEB, proxy_protocol_from=["127.0.0.1"])
    status, _, _ = house.ask(preamble + get())
    assert status == 200
    assert header(web.received, "X-Forwarded-For") == "203.0.113.9"
    assert header(web.received, "X-Real-IP") == "203.0.113.9"


def test_the_header_may_come_octet_by_octet(house):
    web = house.upstream(9000)
    house.start(WEB, proxy_protocol_from=["127.0.0.1"])
    client = house.client()
    for octet in v2("2001:db8::9") + get():
        client.send(bytes([octet]))
    assert client.read_response()[0] == 200
    assert header(web.received, "X-Real-IP") == "2001:db8::9"


def test_the_balancers_own_connection_is_its_own(house):
    web = house.upstream(9000)
    house.start(WEB, proxy_protocol_from=["127.0.0.1"])
    assert house.ask(v2("203.0.113.9", command=0x20) + get())[0] == 200
    assert header(web.received, "X-Real-IP") == "127.0.0.1"


@pytest.mark.parametrize("first", [get(), b"PROXY TCP4 203.0.113.9 10.0.0.1 1\r\n" + get(), SIGNATURE + bytes(4)])
def test_without_its_header_a_balancers_connection_is_closed(house, first):
    web = house.upstream(9000)
    house.start(WEB, proxy_protocol_from=["127.0.0.1"])
    client = house.client()
    client.send(first)
    assert client.read_all() == b""
    assert not web.received


def test_nobody_else_may_send_one(house):
    web = house.upstream(9000)
    house.start(WEB, proxy_protocol_from=["10.9.9.9"])
    for preamble in (V1, v2("203.0.113.9")):
        assert house.ask(preamble + get())[0] == 400
    assert not web.received


def test_the_header_comes_before_tls(house, authority):
    web = house.upstream(9000)
    house.start(WEB, proxy_protocol_from=["127.0.0.1"], **secure(house, authority.leaf("web.home")))
    client = house.client(443)
    client.send(V1)
    tls = client_context(authority).wrap_socket(client.connection, server_hostname="web.home")
    tls.sendall(get())
    assert tls.recv(100).startswith(b"HTTP/1.1 200")
    tls.close()
    assert header(web.received, "X-Real-IP") == "203.0.113.9"
    assert header(web.received, "X-Forwarded-Proto") == "https"


def test_curl_speaks_it(house):
    web = house.upstream(9000)
    house.start(WEB, proxy_protocol_from=["127.0.0.1"])
    answer = curl(house.host, "http://127.0.0.1/", "--haproxy-protocol", "--header", "Host: web.home")
    assert answer.status == 200 and header(web.received, "X-Real-IP") == "127.0.0.1"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_an_upstream_is_told_of_each_connection(house, version):
    """Nothing is kept: the next client's request must not travel under the first one's name."""

    def play(peer):
        if version == "v1":
            assert peer.read_until(b"\r\n").startswith(b"PROXY TCP4 127.0.0.1 127.0.0.1 ")
        else:
            start = peer.read_exactly(28)
            assert start[:16] == SIGNATURE + b"\x21\x11\0\x0c"
        assert peer.read_head().startswith(b"GET / ")
        peer.send(OK)
        assert peer.read_all() == b""

    web = house.upstream(9000, play)
    house.start({"web": {"upstream": "http://127.0.0.1:9000", "send_proxy_protocol": version}}, workers=1)
    client = house.client()
    for _ in range(2):
        client.send(get())
        assert client.read_response()[0] == 200
    assert web.asked == 2


def test_forwarded_is_believed_and_told(house):
    web = house.upstream(9000)
    services = {"web": {"upstream": "http://127.0.0.1:9000", "send_forwarded": True}}
    house.start(services, trusted_proxies=["127.0.0.1"], trusted_header="forwarded")
    house.ask(get(headers="Forwarded: for=203.0.113.9;proto=https;host=photos.example\r\nX-Forwarded-For: 6.6.6.6\r\n"))
    assert b"6.6.6.6" not in web.received
    assert header(web.received, "X-Real-IP") == "203.0.113.9"
    assert header(web.received, "X-Forwarded-Proto") == "https"
    assert header(web.received, "X-Forwarded-Host") == "photos.example"
    assert header(web.received, "Forwarded") == 'for=203.0.113.9, for=127.0.0.1;host="web.home";proto=http'


def test_a_lan_client_forges_nothing(house):
    web = house.upstream(9000)
    house.start(WEB, trusted_proxies=["10.9.9.9"])
    names = ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Real-IP", "X-Client-IP", "True-Client-IP",
             "CF-Connecting-IP", "Remote-User", "X-Forwarded-User", "X-Auth-Request-User", "X-WEBAUTH-USER",
             "X_Forwarded_For", "Remote.User", "Forwarded"]
    fields = "".join(f"{name}: for=6.6.6.6\r\n" for name in names)
    assert house.ask(get(headers=fields + "Connection: X-Real-IP, X-Forwarded-For\r\n"))[0] == 200
    assert b"6.6.6.6" not in web.received
    assert header(web.received, "X-Real-IP") == "127.0.0.1"
