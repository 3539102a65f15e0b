"""TCP connections that are open when a VIP moves go on where they were opened."""

import signal

import pytest

from tests.lab import tcp_echo
from tests.lab.waiting import wait_until
from tests.lb.vip_lan import VIP

VIP6 = "fd00::53"
MQTT = "10.0.0.101"
BACKEND = "10.0.0.60"


def make(make_lan, address: str = VIP, more: str = "", vip: str = ""):
    """Two nodes whose hearth-dns answers behind the VIP."""
    lan = make_lan(2)
    lan.client.ip("address add fd00::50/64 dev eth0 nodad")
    text = lan.document(vip=f", vrid: 53{vip}", more="dns: {vip: dns, upstreams: [10.0.0.50]}\n" + more)
    text = text.replace(f"address: {VIP}", f"address: {address}").replace("/24]", '/24, "fd00::/64"]')
    lan.write_document(text)
    lan.dns = {}
    for i, node in enumerate(lan.nodes):
        node.host.ip(f"address add fd00::{11 + i}/64 dev eth0 nodad")
        lan.dns[node] = node.start_dns()
    return lan.start()


def move(lan, node, vip: str = "dns") -> None:
    # The newest wish wins once the one before it is a second old.
    order = f"/vips/move?vip={vip}&node={node.name}"
    wait_until(lambda: node.control.post(order).status == 200, what=f"{vip} moves to {node.name}")
    node.wait_state("master", vip)
    other = next(each for each in lan.nodes if each is not node)
    other.wait_state("backup", vip)


@pytest.mark.parametrize("address", [VIP, VIP6])
def test_connections_survive_moves_to_and_fro(make_lan, address):
    """One that was opened before each move, at 1,000 questions a second."""
    lan = make(make_lan, address=f'[{VIP}, "{VIP6}"]')
    a, b = lan.nodes
    open_ones = []
    for node in (b, a, b, a):
        open_ones.append(tcp_echo.Dns(lan.client, address, "a.home"))
        move(lan, node)
    lan.wait_owner(a)
    for echo in open_ones:
        result = echo.finish()
        assert (result.broken, result.answered) == ("", result.sent)
        assert result.slowest < 1


def test_connections_survive_a_drain(make_lan):
    lan = make(make_lan)
    a, b = lan.nodes
    echo = tcp_echo.Dns(lan.client, VIP, "a.home")
    assert a.control.post("/node/drain").status == 200
    lan.wait_owner(b)
    result = echo.finish()
    assert (result.broken, result.answered) == ("", result.sent)


def test_connections_survive_a_restart_of_hearth_lb(make_lan):
    """Its VIPs are away from `lo` for a moment, and what was sent then is sent again."""
    lan = make(make_lan, vip=", preempt_delay: 500ms")
    a, b = lan.nodes
    echo = tcp_echo.Dns(lan.client, VIP, "a.home")
    a.lb.stop()
    lan.wait_owner(b)
    a.start_lb()
    lan.wait_owner(a)
    result = echo.finish()
    assert (result.broken, result.answered) == ("", result.sent)


def test_connections_of_an_l4_service_survive(make_lan):
    lan = make(make_lan, more=f"services: {{mqtt: {{vip: {MQTT}, ports: {{tcp/1883: [a, b]}}}}}}\n")
    a, b = lan.nodes
    for node in lan.nodes:
        tcp_echo.serve(node.host, 1883)
    a.wait_state("master", "mqtt")
    open_ones = []
    for node in (b, a, b):
        open_ones += [tcp_echo.Echo(lan.client, MQTT, 1883, 0.005) for _ in range(3)]
        move(lan, node, "mqtt")
    for echo in open_ones:
        result = echo.finish()
        assert (result.broken, result.answered) == ("", result.sent)


def test_connections_of_an_l4_service_survive_a_restart_of_hearth_lb(make_lan):
    """The backends are elsewhere, and nothing else on the node makes the kernel track connections."""
    text = f"services: {{mqtt: {{vip: mqtt, ports: {{tcp/1883: [{BACKEND}]}}}}}}\n"
    lan = make_lan(2)
    mqtt = f"  mqtt: {{address: {MQTT}, prefer: [a, b], preempt_delay: 500ms}}\n"
    lan.write_document(lan.document(more=text).replace("peers:", f"{mqtt}peers:"))
    machine = lan.network.host("machine")
    lan.switch.attach(machine, f"{BACKEND}/24")
    tcp_echo.serve(machine, 1883)
    lan.start()
    a, b = lan.nodes
    a.wait_state("master", "mqtt")
    echo = tcp_echo.Echo(lan.client, MQTT, 1883)
    assert a.lb.stop() == 0
    lan.wait_owner(b, MQTT)
    a.start_lb()
    lan.wait_owner(a, MQTT)
    result = echo.finish()
    assert (result.broken, result.answered) == ("", result.sent)


def test_what_else_is_on_the_vip_goes_on_when_hearth_dns_is_killed(make_lan):
    """It moves at once: the new owner knows its own connections, and does not ask its kernel for them first."""
    lan = make(make_lan, more=f"services: {{mqtt: {{vip: dns, ports: {{tcp/1883: [{BACKEND}]}}}}}}\n",
               vip=", advert_interval: 1s")
    a, b = lan.nodes
    machine = lan.network.host("machine")
    lan.switch.attach(machine, f"{BACKEND}/24")
    tcp_echo.serve(machine, 1883)
    move(lan, b)
    wait_until(lambda: "service_backends" not in b.control.problems())
    open_ones = [tcp_echo.Echo(lan.client, VIP, 1883)]  # at b
    move(lan, a)
    open_ones.append(tcp_echo.Echo(lan.client, VIP, 1883))
    looked = b.control.metric("hearth_lb_connection_lists_total", when="ahead")
    wait_until(lambda: b.control.metric("hearth_lb_connection_lists_total", when="ahead") > looked)
    asked = b.control.metric("hearth_lb_connection_lists_total", when="takeover")
    assert asked >= 1  # before the planned move
    lan.dns[a].kill()
    lan.wait_owner(b)
    assert b.control.metric("hearth_lb_connection_lists_total", when="takeover") == asked
    for echo in open_ones:
        result = echo.finish()
        assert (result.broken, result.answered) == ("", result.sent)


def test_a_node_that_died_gets_nothing(make_lan):
    """Who takes over from a dead node resets its connections half a second later: clients come again."""
    lan = make(make_lan)
    a, b = lan.nodes
    echo = tcp_echo.Dns(lan.client, VIP, "a.home")
    a.port.cut()
    lan.wait_owner(b)
    wait_until(lambda: "ingress" not in b.host.run(["nft", "list", "ruleset"]).stdout)
    assert echo.finish().broken


def test_connections_survive_an_owner_that_was_only_late(make_lan):
    """Its hearth-lb hangs for longer than the others wait, and nothing else of it."""
    lan = make(make_lan)
    a, b = lan.nodes
    echo = tcp_echo.Dns(lan.client, VIP, "a.home")
    a.lb.signal(signal.SIGSTOP)
    lan.wait_owner(b)
    a.lb.signal(signal.SIGCONT)
    a.wait_state("backup")
    lan.wait_owner(b)
    result = echo.finish()
    assert (result.broken, result.answered) == ("", result.sent)


def test_connections_of_an_l4_service_survive_owners_that_were_only_late(make_lan):
    """What one passes on to a backend goes on there, also when it takes over from one that is silent."""
    lan = make(make_lan, more=f"services: {{mqtt: {{vip: {MQTT}, ports: {{tcp/1883: [{BACKEND}]}}}}}}\n")
    a, b = lan.nodes
    machine = lan.network.host("machine")
    lan.switch.attach(machine, f"{BACKEND}/24")
    tcp_echo.serve(machine, 1883)
    a.wait_state("master", "mqtt")
    echo = tcp_echo.Echo(lan.client, MQTT, 1883)
    move(lan, b, "mqtt")
    for late, next_one in ((b, a), (a, b)):
        late.lb.signal(signal.SIGSTOP)
        lan.wait_owner(next_one, MQTT)
        late.lb.signal(signal.SIGCONT)
        late.wait_state("backup", "mqtt")
    result = echo.finish()
    assert (result.broken, result.answered) == ("", result.sent)


def test_the_table_is_as_documented_and_goes_with_the_vip(make_lan):
    lan = make(make_lan)
    a, b = lan.nodes
    move(lan, b)
    text = b.host.run(["nft", "list", "table", "netdev", "hearth"]).stdout
    old, new = (f'{int(host.mac().replace(":", ""), 16):#x}' for host in (a.host, b.host))
    for rule in (
        'type filter hook ingress device "eth0" priority filter; policy accept;',
        f"ip daddr {VIP} meta l4proto tcp @ll,48,48 {old} accept",
        f"ip daddr {VIP} tcp flags syn / syn,ack update @flows",
        f"ip daddr {VIP} ip saddr . tcp sport . ip daddr . tcp dport @flows accept",
        f'@ll,0,48 set {old} @ll,48,48 set {new} fwd to "eth0"',
    ):
        assert rule in text, text
    b.lb.kill()  # what a crashed instance left is taken away
    b.start_lb()
    assert "ingress" not in b.host.run(["nft", "list", "ruleset"]).stdout
    lan.wait_owner(a)
    move(lan, b)
    move(lan, a)
    wait_until(lambda: "ingress" not in b.host.run(["nft", "list", "ruleset"]).stdout)
    b.lb.stop()
    assert "netdev" not in b.host.run(["nft", "list", "ruleset"]).stdout
