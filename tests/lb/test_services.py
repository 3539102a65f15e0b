"""Services on ports of a VIP: spread over backends by the kernel, from everywhere, through every change."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.lab.waiting import wait_until
from tests.lb.vip_lan import CLIENT

MQTT = "10.0.0.101"


def document(lan, ports: str, more: str = "") -> str:
    return lan.document(more=f"services: {{mqtt: {{vip: {MQTT}, ports: {ports}{more}}}}}\n")


@contextlib.contextmanager
def name_server(host, name: str, port: int = 1883, address: str = "0.0.0.0") -> Iterator[None]:
    """Tells everybody who connects, or sends a datagram, its own name and whom it sees; echoes after that."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with host.entered():
        listener = socket.create_server((address, port), family=family)
        udp = socket.socket(family, socket.SOCK_DGRAM)
        udp.bind((address, port))

    def echo(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(100):
                connection.sendall(data)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, peer = listener.accept()
                with contextlib.suppress(ConnectionError):  # one that was only looked at
                    connection.sendall(f"{name} {peer[0]}\n".encode())
                threading.Thread(target=echo, args=(connection,), daemon=True).start()

    def answer() -> None:
        with contextlib.suppress(OSError):
            while True:
                _, peer = udp.recvfrom(100)
                if peer is None:
                    return  # shut down
                udp.sendto(f"{name} {peer[0]}".encode(), peer)

    for run in (serve, answer):
        threading.Thread(target=run, daemon=True).start()
    try:
        yield
    finally:
        for each in (listener, udp):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def ask(host, port: int = 1883, vip: str = MQTT) -> list[str]:
    """The name of the backend, and the address it sees."""
    connection = host.connect(vip, port, timeout=5)
    with connection, connection.makefile() as lines:
        return lines.readline().split()


def table(node) -> str:
    return node.host.run(["nft", "list", "ruleset"]).stdout


@contextlib.contextmanager
def serving(lan, ports: str):
    """Backends on both nodes; the first one owns the VIP."""
    lan.write_document(document(lan, ports))
    lan.start()
    lan.nodes[0].wait_state("master", "mqtt")
    with contextlib.ExitStack() as stack:
        for node in lan.nodes:
            stack.enter_context(name_server(node.host, node.name))
        yield lan


@pytest.fixture
def lan(make_lan):
    with serving(make_lan(2), "{tcp/1883: [a, b], udp/1883: [a, b]}") as lan:
        yield lan


def reload(lan, text: str) -> None:
    lan.write_document(text)
    for node in lan.nodes:
        assert node.control.post("/reload").status == 200


def test_connections_are_spread_and_backends_here_see_the_client(lan):
    a, b = lan.nodes
    seen = [ask(lan.client) for _ in range(64)]
    assert {name for name, _ in seen} == {"a", "b"}
    assert {peer for name, peer in seen if name == "a"} == {CLIENT}
    assert {peer for name, peer in seen if name == "b"} == {a.address}, "else b would answer the client directly"


def test_nodes_themselves_reach_every_backend(lan):
    for node in lan.nodes:
        assert {ask(node.host)[0] for _ in range(64)} == {"a", "b"}, node.name


def test_udp_is_spread_too_and_stays_with_its_backend(lan):
    names = set()
    for _ in range(64):
        with lan.client.udp(timeout=5) as client:
            client.connect((MQTT, 1883))
            answers = set()
            for _ in range(3):
                client.send(b"x")
                answers.add(client.recv(100))
        assert len(answers) == 1
        names |= {answer.split()[0] for answer in answers}
    assert names == {b"a", b"b"}


def test_round_robin_takes_turns_and_source_hash_does_not(lan):
    reload(lan, document(lan, "{tcp/1883: [a, b]}", ", balance: round-robin"))
    names = [ask(lan.client)[0] for _ in range(8)]
    assert names.count("a") == names.count("b") == 4
    reload(lan, document(lan, "{tcp/1883: [a, b]}", ", balance: source-hash"))
    assert len({ask(lan.client)[0] for _ in range(32)}) == 1


def test_another_port_of_a_backend(lan):
    a, b = lan.nodes
    with name_server(b.host, "other", 2883):
        reload(lan, document(lan, f"{{tcp/1883: {b.address}:2883}}"))
        assert {ask(lan.client)[0] for _ in range(8)} == {"other"}


def test_open_connections_survive_a_change_of_backends(lan):
    connections = [lan.client.connect(MQTT, 1883, timeout=5) for _ in range(16)]
    for connection in connections:
        connection.recv(100)
    reload(lan, document(lan, "{tcp/1883: b}"))
    assert {ask(lan.client)[0] for _ in range(16)} == {"b"}
    for connection in connections:
        connection.sendall(b"still here")
        assert connection.recv(100) == b"still here"
        connection.close()


def test_ports_that_no_service_has_are_refused(lan):
    with pytest.raises(ConnectionRefusedError):
        lan.client.connect(MQTT, 1884, timeout=5)
    reload(lan, document(lan, "{udp/1883: b}"))
    with pytest.raises(ConnectionRefusedError):
        lan.client.connect(MQTT, 1883, timeout=5)


def to_backends(node) -> int:
    """How many slots of all ports lead to a backend."""
    listed = node.host.run(["nft", "list", "map", "ip", "hearth", "backends"], check=False).stdout
    return listed.count(" counter packets ")


def table_itself(node) -> str:
    return node.host.run(["nft", "-a", "list", "table", "ip", "hearth"]).stdout


def test_other_services_do_not_notice_a_change(lan):
    a, _ = lan.nodes
    reload(lan, document(lan, "{tcp/1883: [a, b], tcp/8883: b}"))
    chains = [line for line in table_itself(a).splitlines() if "chain " in line or "handle" in line]
    before = table_itself(a)
    reload(lan, document(lan, "{tcp/1883: [a, b], tcp/8883: a}"))
    after = table_itself(a)
    assert [line for line in after.splitlines() if "chain " in line or "handle" in line] == chains
    assert "10.0.0.12 . 8883" in before and "10.0.0.11 . 8883" in after and "10.0.0.12 . 8883" not in after


def test_table_is_adopted_after_a_crash_repaired_and_removed_at_the_end(lan):
    a, _ = lan.nodes
    a.host.nft("add table ip mine\nadd chain ip mine input")
    before = table_itself(a)
    a.lb.kill()
    a.start_lb()
    assert sorted(table_itself(a).split()) == sorted(before.split()), "maps have no order"
    assert to_backends(a) == 48
    slot = "10.0.0.101 . tcp . 1883 . 0x00000003"
    for damage in (
        "flush ruleset",
        "flush chain ip hearth random-24",
        "flush set ip hearth vips",
        "flush map ip hearth services",
        f"delete element ip hearth backends {{ {slot} }}",
        "add rule ip hearth services accept",
    ):
        a.host.nft(damage)
        wait_until(lambda: to_backends(a) == 48 and "accept" not in table_itself(a).replace("policy accept", ""), 15)
        wait_until(lambda: "elements = { 10.0.0.101 }" in table(a), 15, what="the set is back")
        assert ask(lan.client)[0] in "ab"
    a.host.nft("add table ip mine\nadd chain ip mine input")
    a.host.run(["conntrack", "-F"])  # else it stays for those that are open
    assert a.lb.stop() == 0
    assert "table ip hearth" not in table(a) and "table ip mine" in table(a)


def test_service_moves_with_its_vip(lan):
    a, b = lan.nodes
    a.lb.kill()
    b.wait_state("master", "mqtt")
    wait_until(lambda: lan.answering(MQTT) == ["b"], 15, what="b answers")
    seen = [ask(lan.client) for _ in range(64)]
    assert {name for name, _ in seen} == {"a", "b"}, "the daemon on a is dead, its backend is not"


def test_without_services_nothing_is_tracked_and_forwarded(make_lan):
    lan = make_lan(1).start()
    (a,) = lan.nodes
    assert "nat" not in table(a)
    forwarding = a.host.run(["sh", "-c", "cat /proc/sys/net/ipv4/conf/*/forwarding"]).stdout
    assert "1" not in forwarding


def test_nft_prints_the_table_as_documented(lan):
    text = lan.nodes[0].host.run(["nft", "list", "table", "ip", "hearth"]).stdout
    for rule in (
        "type nat hook prerouting priority dstnat - 10; policy accept;",
        "type nat hook output priority -110; policy accept;",
        "type nat hook postrouting priority srcnat - 10; policy accept;",
        "ip daddr . meta l4proto . th dport vmap @services",
        "ct status dnat ct original ip daddr @vips masquerade",
        "dnat ip to ip daddr . meta l4proto . th dport . numgen random mod 24 map @backends",
        "10.0.0.101 . tcp . 1883 . 0x00000000 counter packets 0 bytes 0 : 10.0.0.11 . 1883",
    ):
        assert rule in text, text


def test_name_leads_to_the_vip(lan, binaries):
    binaries["hearth-dns"]
    (a, _) = lan.nodes
    reload(lan, document(lan, "{tcp/1883: [a, b]}") + "dns: {vip: dns, upstreams: [10.0.0.50]}\n")
    a.start_dns()
    answer = lan.client.run(["dig", "+short", "+timeout=5", f"@{a.address}", "mqtt.home"]).stdout
    assert answer.split() == [MQTT]


def test_a_thousand_services_at_once_and_one_changed(lan):
    a, _ = lan.nodes
    many = ", ".join(f"tcp/{port}: [a, b]" for port in range(2000, 2060))
    names = "".join(f"  s{i}: {{vip: 10.0.0.{110 + i}, ports: {{{many}}}}}\n" for i in range(17))
    reload(lan, lan.document(more=f"services:\n{names}"))
    assert to_backends(a) == 17 * 60 * 24
    reload(lan, lan.document(more=f"services:\n{names}".replace("tcp/2000: [a, b]", "tcp/2000: b", 1)))
    assert to_backends(a) == 17 * 60 * 24 - 23
    assert not [p for p in a.control.status()["problems"] if p["name"] in ("services", "vip_firewall")]


def test_a_thousand_services_are_updated_under_traffic(lan):
    """Connections to one service succeed throughout, one after the other."""
    many = "".join(f"  s{i}: {{vip: {MQTT}, ports: {{udp/{3000 + i}: [a, b]}}}}\n" for i in range(998))
    with_many = lan.document(more=f"services:\n  mqtt: {{vip: {MQTT}, ports: {{tcp/1883: [a, b]}}}}\n{many}")
    failures, done = [], threading.Event()

    def knock() -> None:
        while not done.is_set():
            try:
                ask(lan.client)
            except OSError as error:
                failures.append(error)

    knocking = threading.Thread(target=knock)
    knocking.start()
    try:
        for text in (with_many, with_many.replace("[a, b]", "b"), document(lan, "{tcp/1883: [a, b]}")):
            reload(lan, text)
    finally:
        done.set()
        knocking.join()
    assert not failures
