"""Services on ports of an IPv6 VIP: the same as for IPv4."""

import contextlib
import socket

import pytest

from tests.lab.waiting import wait_until
from tests.lb.test_services import name_server
from tests.lb.vip_lan import VIP

MQTT6 = "fd00::101"
CLIENT6 = "fd00::50"
BACKENDS = '["[fd00::11]:1883", "[fd00::12]:1883"]'


def ask(host) -> tuple[str, str]:
    with host.connect(MQTT6, 1883, timeout=5) as connection:
        name, seen = connection.recv(100).decode().split()
    return name, seen


@pytest.fixture
def lan(make_lan):
    made = make_lan(2)
    made.client.ip(f"address add {CLIENT6}/64 dev eth0 nodad")
    for i, node in enumerate(made.nodes):
        node.host.ip(f"address add fd00::{11 + i}/64 dev eth0 nodad")
    made.write_document(document(made))
    made.start()
    wait_until(lambda: [v for v in made.nodes[0].control.status()["vips"] if v["address"] == MQTT6][0]["state"] == "master", 15)
    with contextlib.ExitStack() as stack:
        for node in made.nodes:
            stack.enter_context(name_server(node.host, node.name, address="::"))
        yield made


def document(lan, more: str = "", ports: str = "") -> str:
    ports = ports or "{tcp/1883: " + BACKENDS + "}"
    text = lan.document(more=f'services: {{mqtt: {{vip: "{MQTT6}", ports: {ports}{more}}}}}\n')
    assert VIP in text
    return text.replace("lan: [10.0.0.0/24]", 'lan: [10.0.0.0/24, "fd00::/64"]')


def reload(lan, more: str = "", ports: str = "") -> None:
    for node in lan.nodes:
        node.config.write_text(document(lan, more, ports))
        assert node.control.post("/reload").status == 200


def test_connections_are_spread_from_clients_and_nodes(lan):
    a, _ = lan.nodes
    seen = {ask(lan.client) for _ in range(64)}
    assert seen == {("a", CLIENT6), ("b", "fd00::11")}
    for node in lan.nodes:  # the backends themselves, too
        assert {ask(node.host)[0] for _ in range(64)} == {"a", "b"}
    assert a.host.run(["sysctl", "-n", "net.ipv6.conf.all.forwarding"]).stdout.strip() == "1"
    assert a.host.run(["sysctl", "-n", "net.ipv6.conf.eth0.accept_ra"]).stdout.strip() == "2"
    assert a.host.run(["sysctl", "-n", "net.ipv4.conf.eth0.forwarding"]).stdout.strip() == "0", "nobody needs it"


def test_dead_backend_and_affinity(lan):
    options = ", check: {kind: tcp, interval: 100ms, fall: 1, rise: 1}, affinity: 1h, balance: source-hash"
    reload(lan, options)
    (first,) = {ask(lan.client)[0] for _ in range(8)}
    other = next(node for node in lan.nodes if node.name == first)
    other.host.nft("add table inet dead\nadd chain inet dead in { type filter hook input priority 0; }\n"
                   "add rule inet dead in tcp dport 1883 reject with tcp reset")
    wait_until(lambda: _asked(lan) not in (first, ""), 15, what="the other one answers")


def _asked(lan) -> str:
    try:
        return ask(lan.client)[0]
    except OSError:
        return ""


def test_only_sources_that_are_allowed_get_through(lan):
    reload(lan, f', allow: ["{CLIENT6}/128", "fd00::12"]')
    assert {ask(lan.client)[0] for _ in range(48)} == {"a", "b"}
    lan.client.ip("address add fd00::60/64 dev eth0 nodad")
    with lan.client.entered(), pytest.raises(ConnectionRefusedError):
        socket.create_connection((MQTT6, 1883), 5, source_address=("fd00::60", 0))


def test_without_a_backend_both_are_refused_at_once(lan):
    drained = '[{to: "[fd00::11]:1883", drain: true}]'
    reload(lan, ports=f"{{tcp/1883: {drained}, udp/1883: {drained}}}")
    with pytest.raises(ConnectionRefusedError):
        ask(lan.client)
    with _udp(lan) as client, pytest.raises(ConnectionRefusedError):
        client.connect((MQTT6, 1883))
        client.send(b"x")
        client.recv(10)


def test_same_source_port_udp_client_whose_backend_is_taken_out(lan):
    reload(lan, ports=f"{{udp/1883: {BACKENDS}}}")
    with _udp(lan) as client:
        client.settimeout(0.5)

        def asked() -> str:
            with contextlib.suppress(OSError):
                client.sendto(b"x", (MQTT6, 1883))
                return client.recv(100).decode().split()[0]
            return ""

        wait_until(lambda: asked() in ("a", "b"), what="an answer")
        first = asked()
        assert {asked() for _ in range(5)} == {first}, "a flow stays with its backend"
        stays = "fd00::12" if first == "a" else "fd00::11"
        reload(lan, ports=f'{{udp/1883: ["[{stays}]:1883"]}}')
        wait_until(lambda: asked() not in (first, ""), 15, what=f"the client finds {stays}")


def _udp(lan) -> socket.socket:
    with lan.client.entered():
        made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    made.settimeout(5)
    return made
