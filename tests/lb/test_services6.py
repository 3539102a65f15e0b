"""Services on ports of an IPv6 VIP: the same as for IPv4."""

import contextlib
import socket
import threading

import pytest

from tests.lab.waiting import wait_until
from tests.lb.vip_lan import VIP

MQTT6 = "fd00::101"
CLIENT6 = "fd00::50"


@contextlib.contextmanager
def name_server6(host, name: str):
    """Tells everybody who connects its own name and whom it sees."""
    with host.entered():
        listener = socket.create_server(("::", 1883), family=socket.AF_INET6)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, peer = listener.accept()
                with connection, contextlib.suppress(ConnectionError):
                    connection.sendall(f"{name} {peer[0]}".encode())

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


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
            stack.enter_context(name_server6(node.host, node.name))
        yield made


def document(lan, more: str = "") -> str:
    backends = '["[fd00::11]:1883", "[fd00::12]:1883"]'
    text = lan.document(more=f'services: {{mqtt: {{vip: "{MQTT6}", ports: {{tcp/1883: {backends}}}{more}}}}}\n')
    assert VIP in text
    return text.replace("lan: [10.0.0.0/24]", 'lan: [10.0.0.0/24, "fd00::/64"]')


def test_connections_are_spread_from_clients_and_nodes(lan):
    a, _ = lan.nodes
    seen = {ask(lan.client) for _ in range(64)}
    assert seen == {("a", CLIENT6), ("b", "fd00::11")}
    assert {ask(a.host)[0] for _ in range(64)} == {"a", "b"}
    assert a.host.run(["sysctl", "-n", "net.ipv6.conf.all.forwarding"]).stdout.strip() == "1"
    assert a.host.run(["sysctl", "-n", "net.ipv6.conf.eth0.accept_ra"]).stdout.strip() == "2"
    assert a.host.run(["sysctl", "-n", "net.ipv4.conf.eth0.forwarding"]).stdout.strip() == "0", "nobody needs it"


def test_dead_backend_and_affinity(lan):
    options = ", check: {kind: tcp, interval: 100ms, fall: 1, rise: 1}, affinity: 1h, balance: source-hash"
    for node in lan.nodes:
        node.config.write_text(document(lan, options))
        assert node.control.post("/reload").status == 200
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
