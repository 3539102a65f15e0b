"""Nodes on several networks: each has VIPs of its own, and nothing of one is seen on another."""

import socket
import struct

import pytest

from tests.lab import arp, tcp_echo, vlan
from tests.lab.netns import Switch
from tests.lab.waiting import wait_until
from tests.lb.vip_lan import CLIENT, VIP

IOT, IOT6 = "10.0.20.53", "fd00:20::53"
IOT_CLIENT = "10.0.20.50"


class TwoNetworks:
    """A VipLan whose nodes are on 10.0.20.0/24 as well, by the interface that `attach` makes; `dns`
    is a's, and `iot` on the other network b's."""

    def __init__(self, lan, attach, links: str = "10.0.20.{}", vip: str = "") -> None:
        self.lan = lan
        self.a, self.b = lan.nodes
        self.interface = attach(lan.client, f"{IOT_CLIENT}/24")
        for number, node in enumerate(lan.nodes, 11):
            assert attach(node.host, f"10.0.20.{number}/24") == self.interface
        self.document = self._document(links, vip)
        lan.write_document(self.document)

    def _document(self, links: str, vip: str) -> str:
        text = self.lan.document(vip=", preempt_delay: 500ms").replace("lan: [", 'lan: [10.0.20.0/24, "fd00:20::/64", ')
        for number, node in enumerate(self.lan.nodes, 11):
            link = links.format(number)
            text = text.replace(f"{node.name}: {node.address}", f"{node.name}: {{address: {node.address}, links: [{link}]}}")
        return text.replace("peers:", f"  iot: {{address: {IOT}, prefer: [b, a], preempt_delay: 500ms{vip}}}\npeers:")

    def start(self) -> "TwoNetworks":
        self.lan.start()
        self.b.wait_state("master", "iot")
        return self

    def answering(self, address: str = IOT) -> list[str]:
        """Who answers on the second network."""
        names = {node.host.mac(self.interface): node.name for node in self.lan.nodes}
        found = arp.who_has(self.lan.client, address, source=IOT_CLIENT, interface=self.interface)
        return sorted(names.get(mac, mac) for mac in found)

    def wait_owner(self, node, address: str = IOT) -> None:
        wait_until(lambda: self.answering(address) == [node.name], deadline=20, what=f"{address} at {node.name}")


def second_switch(lan):
    """Two interfaces, two switches."""
    switch = Switch(lan.network, "iot")
    ports = {}

    def attach(host, address: str) -> str:
        ports[host] = switch.attach(host, address, interface="eth1")
        return "eth1"

    return attach, ports


def bridge(lan):
    """The second interface is a bridge's port: the bridge is the link."""
    switch = Switch(lan.network, "iot")

    def attach(host, address: str) -> str:
        switch.attach(host, interface="eth1")
        host.ip(
            "link add br1 type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
            "link set eth1 master br1",
            f"address add {address} dev br1",
            "link set br1 up",
        )
        return "br1"

    return attach, {}


def tagged(lan):
    """One cable, two VLANs."""
    return lambda host, address: vlan.add(host, "eth0", 20, address), {}


@pytest.mark.parametrize("kind", [second_switch, bridge, tagged])
def test_vips_of_each_network_are_announced_there_and_nowhere_else(make_lan, kind):
    lan = make_lan(2)
    home = TwoNetworks(lan, kind(lan)[0]).start()
    a, b = lan.nodes
    lan.wait_owner(a)
    home.wait_owner(b)
    assert lan.answering(IOT) == [] and home.answering(VIP) == []
    assert (a.vip()["interface"], b.vip("iot")["interface"]) == ("eth0", home.interface)
    wait_until(lambda: (a.vip("iot")["owner"], b.vip()["owner"]) == ("b", "a"))
    assert b.vip()["vrid"] == b.vip("iot")["vrid"] == 53  # each network counts for itself
    lan.client.run(["ping", "-c", "1", "-W", "5", "-I", IOT_CLIENT, IOT])
    assert lan.client.run(["ip", "neigh", "show", IOT]).stdout.split()[2] == home.interface
    b.lb.kill()
    home.wait_owner(a)
    b.start_lb()
    home.wait_owner(b)
    lan.wait_owner(a)


def test_a_network_that_is_lost_does_not_matter_to_the_other(make_lan):
    lan = make_lan(2)
    attach, ports = second_switch(lan)
    home = TwoNetworks(lan, attach).start()
    a, b = lan.nodes
    ports[b.host].cut()
    home.wait_owner(a)
    problem = next(one for one in b.control.status()["problems"] if one["name"] == "lan_no_carrier")
    assert problem["detail"] == "eth1 has no carrier: check the cable"
    ports[b.host].heal()
    home.wait_owner(b)
    b.host.ip("address del 10.0.20.12/24 dev eth1")
    home.wait_owner(a)
    assert "lan_missing" in b.control.problems()
    b.host.ip("address add 10.0.20.12/24 dev eth1")
    home.wait_owner(b)
    b.host.ip("link set eth1 address 02:00:00:00:00:bb")
    home.wait_owner(b)  # by its MAC as it is now
    b.host.ip("link del eth1")
    a.wait_state("master", "iot")
    attach(b.host, "10.0.20.12/24")
    home.wait_owner(b)
    assert b.control.problems().isdisjoint({"lan_missing", "lan_no_carrier"})
    lan.wait_owner(a)
    assert "vip=dns from=backup to=init" not in b.lb.log()
    a.port.cut()  # and the other way round
    lan.wait_owner(b)
    home.wait_owner(b)
    assert "vip=iot from=backup to=init" not in a.lb.log()


def test_dead_nodes_are_known_by_each_of_their_addresses(make_lan):
    lan = make_lan(2)
    home = TwoNetworks(lan, second_switch(lan)[0], vip=", advert_interval: 20s")
    lan.start()
    a, b = lan.nodes
    wait_until(lambda: b.control.post("/vips/move?vip=iot&node=b").status == 200, what="iot moves to b")
    b.wait_state("master", "iot")
    wait_until(lambda: all(n["state"] != "unknown" for n in a.control.status()["nodes"]), what="the nodes' connection")
    a.wait_state("backup", "iot")
    b.lb.kill()
    home.wait_owner(a)  # the interval would tell after a minute


def test_moves_keep_connections_of_each_network(make_lan):
    lan = make_lan(2)
    home = TwoNetworks(lan, second_switch(lan)[0])
    services = "services: {mqtt: {vip: iot, ports: {tcp/1883: [a, b]}}}\n"
    lan.write_document(home.document + services)
    a, b = lan.nodes
    for node in lan.nodes:
        tcp_echo.serve(node.host, 1883)
    home.start()
    echo = tcp_echo.Echo(lan.client, IOT, 1883, 0.005)
    assert a.control.post("/vips/move?vip=iot&node=a").status == 200
    a.wait_state("master", "iot")
    home.wait_owner(a)
    assert b.control.post("/vips/move?vip=dns&node=b").status == 200
    lan.wait_owner(b)
    result = echo.finish()
    assert (result.broken, result.answered) == ("", result.sent)


def test_both_families_on_the_second_network(make_lan):
    lan = make_lan(2)
    home = TwoNetworks(lan, second_switch(lan)[0])
    lan.write_document(home.document.replace(f"address: {IOT},", f'address: [{IOT}, "{IOT6}"],'))
    lan.client.ip("address add fd00:20::50/64 dev eth1 nodad")
    for number, node in enumerate(lan.nodes, 11):
        node.host.ip(f"address add fd00:20::{number}/64 dev eth1 nodad")
    home.start()
    a, b = lan.nodes
    lan.client.run(["ping", "-c", "1", "-W", "5", IOT6])
    home.wait_owner(b)
    b.lb.stop()
    home.wait_owner(a)
    neighbour = lambda: lan.client.run(["ip", "neigh", "show", IOT6]).stdout
    wait_until(lambda: a.host.mac("eth1") in neighbour(), what="the client knows the new owner")
    lan.client.run(["ping", "-c", "1", "-W", "5", IOT6])


def test_networks_come_and_go_with_the_document(make_lan):
    lan = make_lan(2)
    home = TwoNetworks(lan, second_switch(lan)[0])
    before = lan.document()
    lan.write_document(before)
    lan.start()
    a, b = lan.nodes
    for _ in range(2):
        lan.write_document(home.document)
        assert [node.control.post("/reload").status for node in lan.nodes] == [200, 200]
        home.wait_owner(b)
        lan.write_document(before)
        assert [node.control.post("/reload").status for node in lan.nodes] == [200, 200]
        wait_until(lambda: home.answering() == [])
        wait_until(lambda: [node.loopback() for node in lan.nodes] == [{VIP}, {VIP}])
    lan.wait_owner(a)


def test_addresses_from_a_pool_are_announced_on_its_network(make_lan):
    lan = make_lan(2)
    home = TwoNetworks(lan, second_switch(lan)[0])
    pool = "pools: {things: {addresses: [10.0.20.100]}}\n"
    lan.write_document(home.document.replace("peers:", "  things: {address: auto, prefer: [a, b]}\npeers:") + pool)
    home.start()
    wait_until(lambda: len(home.answering("10.0.20.100")) == 1, 15, what="somebody has 10.0.20.100")
    assert [node.vip("things")["interface"] for node in lan.nodes] == ["eth1", "eth1"]
    assert lan.answering("10.0.20.100") == []


def test_the_interface_of_a_network_can_be_named(make_lan):
    lan = make_lan(2)
    home = TwoNetworks(lan, second_switch(lan)[0], links="{{address: 10.0.20.{}, interface: eth9}}").lan.start()
    a, b = home.nodes
    problem = next(one for one in b.control.status()["problems"] if one["name"] == "lan_missing")
    assert problem["detail"].startswith("eth9 does not carry 10.0.20.12"), problem
    lan.wait_owner(a)
    for node in lan.nodes:
        node.host.ip("link set eth1 down", "link set eth1 name eth9", "link set eth9 up")
    b.wait_state("master", "iot")
    assert b.vip("iot")["interface"] == "eth9"


# --- what is on an interface and not for it -------------------------------------------------------


def question(lan, address: str, to: str = "ff:ff:ff:ff:ff:ff") -> bytes:
    """An Ethernet frame of the client that asks for `address`."""
    mac = bytes.fromhex(lan.client.mac().replace(":", ""))
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + socket.inet_aton(CLIENT) + bytes(6)
    return bytes.fromhex(to.replace(":", "")) + mac + struct.pack("!H", 0x0806) + body + socket.inet_aton(address)


def requests(node) -> float:
    return node.control.metric("hearth_arp_requests_total")


def test_frames_of_other_vlans_do_not_reach_the_interface_below(make_lan):
    """Those without a VLAN, whose tag has a priority alone, do."""
    lan = make_lan(1).start()
    (a,) = lan.nodes
    with lan.client.entered():
        other, own = vlan.Tagged("eth0", 20), vlan.Tagged("eth0", 0, priority=5)
    before = requests(a)
    for _ in range(20):
        other.send(question(lan, VIP))
    own.send(question(lan, VIP))
    wait_until(lambda: requests(a) > before, what="the question with a priority is heard")
    assert requests(a) == before + 1
    other.close()
    own.close()


def test_frames_for_an_interface_above_do_not_reach_the_one_below(make_lan):
    """The kernel hands them to sockets of both."""
    lan = make_lan(1)
    (a,) = lan.nodes
    a.host.ip("link add above link eth0 type macvlan mode bridge")
    a.host.sysctl("net.ipv4.conf.above.arp_ignore", 8)
    a.host.ip("link set above up")
    lan.start()
    with lan.client.entered():
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        raw.bind(("eth0", 0))
    before = requests(a)
    for _ in range(20):
        raw.send(question(lan, VIP, to=a.host.mac("above")))
    raw.send(question(lan, VIP))
    wait_until(lambda: requests(a) > before, what="the broadcast is heard")
    assert requests(a) == before + 1
    raw.close()


def test_a_vlans_frames_carry_its_tag_on_the_wire(make_lan):
    """Adverts and announcements, as somebody on the cable sees them."""
    lan = make_lan(2)
    home = TwoNetworks(lan, tagged(lan)[0])
    with lan.client.entered():
        wire = vlan.Tagged("eth0", 20)
    home.start()

    def is_announced() -> bool:
        frame = wire.receive(10)
        return frame is not None and frame[12:14] == b"\x08\x06" and frame[28:32] == socket.inet_aton(IOT)

    wait_until(is_announced, what="an ARP frame about the VIP with the VLAN's tag")
    wire.close()
