"""Who of the clients gets to whom of the backends: weights, affinity, source ranges, ranges of ports."""

import contextlib
import socket

import pytest

from tests.lab.waiting import wait_until
from tests.lb.test_services import MQTT, ask, document, name_server, reload, serving
from tests.lb.vip_lan import CLIENT, VIP


@pytest.fixture
def lan(make_lan):
    with serving(make_lan(2), "{tcp/1883: [a, b]}") as lan:
        yield lan


def names(lan, count: int) -> list[str]:
    return [ask(lan.client)[0] for _ in range(count)]


def test_weights_share_connections(lan):
    reload(lan, document(lan, "{tcp/1883: [{to: a, weight: 3}, b]}", ", balance: round-robin"))
    seen = names(lan, 24)
    assert seen.count("a") == 18 and seen.count("b") == 6


def test_client_comes_back_to_its_backend_within_the_affinity(lan):
    reload(lan, document(lan, "{tcp/1883: [a, b]}", ", affinity: 1h"))
    (first,) = set(names(lan, 16))
    lan.client.run(["ip", "address", "add", "10.0.0.60/24", "dev", "eth0"])
    others = set()
    for last in range(60, 76):
        lan.client.run(["ip", "address", "replace", f"10.0.0.{last}/24", "dev", "eth0"])
        with lan.client.entered():
            one = socket.create_connection((MQTT, 1883), 5, source_address=(f"10.0.0.{last}", 0))
        with one, one.makefile() as lines:
            others.add(lines.readline().split()[0])
    assert others == {"a", "b"}, "each client for itself"
    keep = "b" if first == "a" else "a"
    reload(lan, document(lan, f"{{tcp/1883: [{{to: {first}, drain: true}}, {keep}]}}", ", affinity: 1h"))
    assert set(names(lan, 8)) == {keep}
    reload(lan, document(lan, "{tcp/1883: [a, b]}", ", affinity: 1h"))
    assert set(names(lan, 8)) == {keep}, "nothing calls it back"


def test_affinity_ends(lan):
    reload(lan, document(lan, "{tcp/1883: [a, b]}", ", affinity: 1s, balance: round-robin"))
    (first,) = set(names(lan, 2))
    a, _ = lan.nodes
    wait_until(
        lambda: "expires" not in a.host.run(["nft", "list", "map", "ip", "hearth", "affinity"]).stdout, 15
    )
    assert set(names(lan, 1)) != {first}, "it is the other one's turn"


def test_only_sources_that_are_allowed_get_through(lan):
    reload(lan, document(lan, "{tcp/1883: [a, b]}", f", allow: [{CLIENT}/32, 10.0.0.12]"))
    assert set(names(lan, 48)) == {"a", "b"}
    lan.client.run(["ip", "address", "add", "10.0.0.60/24", "dev", "eth0"])
    with lan.client.entered(), pytest.raises(ConnectionRefusedError):
        socket.create_connection((MQTT, 1883), 5, source_address=("10.0.0.60", 0))


def test_ports_of_a_range_stay_as_they_are(lan):
    a, b = lan.nodes
    reload(lan, document(lan, "{tcp/8000-8003: b, udp/8000-8003: [a, b]}", ", balance: source-hash"))
    with name_server(b.host, "low", 8000), name_server(b.host, "high", 8003):
        assert ask(lan.client, 8000)[0] == "low"
        assert ask(lan.client, 8003)[0] == "high"
    with pytest.raises(ConnectionRefusedError):
        lan.client.connect(MQTT, 8004, timeout=5)


def test_client_address_is_kept_by_the_owners_own_backend(lan):
    a, b = lan.nodes
    reload(lan, document(lan, "{tcp/1883: [a, b]}", ", keep_client_address: true"))
    assert {tuple(ask(lan.client)) for _ in range(16)} == {("a", CLIENT)}
    a.lb.kill()
    b.wait_state("master", "mqtt")
    wait_until(lambda: lan.answering(MQTT) == ["b"], 15, what="b answers")
    assert {tuple(ask(lan.client)) for _ in range(16)} == {("b", CLIENT)}


def test_several_services_share_an_address(lan):
    reload(
        lan,
        lan.document(
            more=f"services:\n  one: {{vip: {MQTT}, ports: {{tcp/1883: a}}}}\n"
            f"  two: {{vip: {MQTT}, ports: {{tcp/2883: 'b:1883'}}}}\n"
        ),
    )
    assert ask(lan.client)[0] == "a" and ask(lan.client, 2883)[0] == "b"
    wait_until(lambda: len(lan.answering(MQTT)) == 1, 15, what="one node has it with both services")
    assert [vip["name"] for vip in lan.nodes[0].control.status()["vips"] if vip["address"] == MQTT] == ["one"]


def test_a_backend_reaches_itself_and_others_through_the_vip(lan):
    machine = lan.network.host("machine")
    lan.switch.attach(machine, "10.0.0.70/24")
    with name_server(machine, "machine"):
        reload(lan, document(lan, "{tcp/1883: [a, 10.0.0.70]}"))
        assert {ask(machine)[0] for _ in range(48)} == {"a", "machine"}


DOCKER = """
table ip nat {
    chain DOCKER {
        meta l4proto { tcp, udp } th dport { 53, 80, 8080, 1883 } dnat to 172.17.0.2
    }
    chain PREROUTING {
        type nat hook prerouting priority -100
        fib daddr type local jump DOCKER
    }
    chain OUTPUT {
        type nat hook output priority -100
        fib daddr type local jump DOCKER
    }
}
"""


def test_rules_of_docker_and_k3s_capture_neither_services_nor_dns_nor_the_proxy(lan):
    a, _ = lan.nodes
    text = document(lan, "{tcp/1883: [a, b]}")
    reload(lan, text + "dns: {vip: dns, upstreams: [10.0.0.50]}\nproxy: {vip: dns, http: 8080}\n")
    for node in lan.nodes:
        node.host.nft(DOCKER.replace("fib daddr", f"ip daddr != {node.address} fib daddr"))
    with contextlib.ExitStack() as stack:
        for node in lan.nodes:  # the daemons do not run, so that any node may own it
            stack.enter_context(name_server(node.host, "dns", 53, VIP))
            stack.enter_context(name_server(node.host, "proxy", 8080))
        for host in (lan.client, a.host):
            assert {ask(host)[0] for _ in range(16)} <= {"a", "b"}
            for port, name in ((53, b"dns"), (8080, b"proxy")):
                with host.connect(VIP, port, timeout=5) as connection:
                    assert connection.recv(100).split()[0] == name
            with host.udp(timeout=5) as client:
                client.connect((VIP, 53))
                client.send(b"x")
                assert client.recv(100).split()[0] == b"dns"
    flows = a.host.run(["conntrack", "-L", "-d", VIP], check=False).stdout
    assert VIP not in flows, "and they are not tracked at all"


def test_wildcard_listener_gets_nothing_when_no_backend_is_there(lan):
    a, _ = lan.nodes
    reload(lan, document(lan, "{tcp/1883: {backends: [{to: a, drain: true}]}}"))
    with pytest.raises(ConnectionRefusedError):
        lan.client.connect(MQTT, 1883, timeout=5)
    with lan.client.udp(timeout=5) as client, pytest.raises(ConnectionRefusedError):
        client.connect((MQTT, 1883))
        client.send(b"x")
        client.recv(10)
