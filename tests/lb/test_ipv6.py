"""Virtual IPs for IPv6: neighbour discovery, duplicate address detection, fail-over, dual stack."""

import pytest

from tests.lab import ndp
from tests.lab.prober import Probe
from tests.lab.waiting import wait_until
from tests.lb.vip_lan import CLIENT, VIP, VipLan

VIP6 = "fd00::53"
CLIENT6 = "fd00::50"


@pytest.fixture
def make_lan6(make_lan):
    """A dual-stack LAN of nodes that the document knows by their IPv4 addresses."""

    def make(nodes: int = 2, address: str = f'"{VIP6}"', vip: str = "", **options) -> VipLan:
        lan = make_lan(nodes, **options)
        lan.client.ip(f"address add {CLIENT6}/64 dev eth0 nodad")
        for i, node in enumerate(lan.nodes):
            node.host.ip(f"address add fd00::{11 + i}/64 dev eth0 nodad")
        lan.write_document(document(lan, address, vip))
        return lan

    return make


def document(lan: VipLan, address: str, vip: str = "") -> str:
    text = lan.document(vip=f", vrid: 53{vip}")
    return text.replace(f"address: {VIP}", f"address: {address}").replace(
        "lan: [10.0.0.0/24]", 'lan: [10.0.0.0/24, "fd00::/64"]'
    )


def answering(lan: VipLan) -> list[str]:
    names = {node.host.mac(): node.name for node in lan.nodes}
    return sorted(names.get(mac, mac) for mac in ndp.who_has(lan.client, VIP6))


def ping(lan: VipLan, address: str = VIP6) -> bool:
    return lan.client.run(["ping", "-c", "1", "-W", "1", address], check=False).returncode == 0


def test_the_owner_answers_as_rfc_4861_has_it(make_lan6):
    lan = make_lan6().start()
    mac = lan.nodes[0].host.mac()
    with ndp.Wire(lan.client) as wire:
        wire.hear(2.5)  # its own announcements at the start are over
        (answer,) = wire.solicit(VIP6)
        assert (answer.mac, answer.link, answer.hop_limit) == (mac, mac, 255)
        assert (answer.destination, answer.flags) == (wire.own, ndp.SOLICITED | ndp.OVERRIDE)
        # Unreachability detection asks the owner alone, and does not say where it is.
        wire.send(ndp.packet(ndp.SOLICITATION, wire.own, VIP6, VIP6), destination=mac)
        (answer,) = wire.answers(VIP6)
        assert (answer.destination, answer.flags, answer.link) == (wire.own, ndp.SOLICITED | ndp.OVERRIDE, mac)
        # Duplicate address detection: to all nodes, S=0.
        wire.send(ndp.packet(ndp.SOLICITATION, "::", ndp.group_of(VIP6), VIP6))
        (answer,) = wire.answers(VIP6)
        assert (answer.destination, answer.flags, answer.link) == (ndp.ALL_NODES, ndp.OVERRIDE, mac)
    assert ping(lan)


def test_nobody_else_gets_the_address(make_lan6):
    """Linux's own duplicate address detection is told that it is taken."""
    lan = make_lan6().start()
    lan.client.sysctl("net.ipv6.conf.eth0.accept_dad", 1)
    lan.client.ip(f"address add {VIP6}/64 dev eth0")
    shown = ["ip", "-6", "address", "show", "dev", "eth0"]
    wait_until(lambda: "dadfailed" in lan.client.run(shown).stdout, 5)


def test_clients_that_did_not_answer_before_are_served_at_once(make_lan6):
    """The kernel asks a silent neighbour only from time to time, and holds back what is for it."""
    lan = make_lan6().start()
    a, b = lan.nodes
    b.host.sysctl("net.ipv6.neigh.eth0.retrans_time_ms", 3_600_000)
    assert ping(lan)
    lan.client.nft("table ip6 deaf { chain in { type filter hook input priority 0; icmpv6 type nd-neighbor-solicit drop; }; }")
    b.host.run(["ping", "-c", "1", "-W", "0.1", CLIENT6], check=False)
    assert "INCOMPLETE" in b.host.run(["ip", "-6", "neigh", "show", CLIENT6]).stdout
    lan.client.nft("delete table ip6 deaf")
    a.lb.kill()
    wait_until(lambda: answering(lan) == ["b"])
    assert ping(lan)


def test_never_the_source_of_other_traffic(make_lan6):
    lan = make_lan6().start()
    for node in lan.nodes:
        address = node.host.run(["ip", "-6", "address", "show", "dev", "lo"]).stdout
        assert f"{VIP6}/128" in address and "deprecated" in address
        route = node.host.run(["ip", "-6", "route", "get", CLIENT6]).stdout
        assert VIP6 not in route and "src fd00::" in route


def test_fail_over_is_announced_to_those_who_know_the_address(make_lan6):
    lan = make_lan6().start()
    a, b = lan.nodes
    assert ping(lan)
    with ndp.Wire(lan.client) as wire:
        a.lb.kill()
        wait_until(lambda: answering(lan) == ["b"], 5)
        told = [m for m in wire.answers(VIP6, 2.5) if m.destination == ndp.ALL_NODES]
    assert {m.flags for m in told} == {ndp.OVERRIDE}
    assert [m.link for m in told] == [b.host.mac()] * 4  # at once, 30 ms, 1.1 s and 2.2 s later
    assert b.host.mac() in lan.client.run(["ip", "-6", "neigh", "show", VIP6]).stdout
    assert ping(lan)


def test_switches_learn_that_solicitations_belong_here(make_lan6):
    lan = make_lan6(address=f'["{VIP6}", "fd00::1:53"]').start()  # both end alike: one group
    a = lan.nodes[0]
    groups = ["ip", "-6", "maddress", "show", "dev", "eth0"]
    assert "ff02::1:ff00:53" in a.host.run(groups).stdout
    assert "ff02::12" in a.host.run(groups).stdout
    lan.write_document(document(lan, f'"{VIP6}"'))
    assert a.control.post("/reload").status == 200
    wait_until(lambda: a.state() == "master")
    assert "ff02::1:ff00:53" in a.host.run(groups).stdout  # still needed
    a.lb.stop()
    assert "ff02::1:ff00:53" not in a.host.run(groups).stdout


def test_an_address_in_use_is_not_claimed(make_lan6):
    lan = make_lan6(1)
    lan.client.ip(f"address add {VIP6}/64 dev eth0 nodad")
    (a,) = lan.nodes
    a.start_lb()
    wait_until(lambda: "vip_conflict" in a.control.problems())
    assert a.state() == "probing"
    assert a.vip()["conflict"] == lan.client.mac()
    lan.client.ip(f"address del {VIP6}/64 dev eth0")
    a.wait_state("master", deadline=25)


def test_a_stranger_is_reported_and_the_address_defended(make_lan6):
    lan = make_lan6(1).start()
    (a,) = lan.nodes
    forged = ndp.packet(ndp.ADVERTISEMENT, VIP6, ndp.ALL_NODES, VIP6, flags=ndp.OVERRIDE, link=lan.client.mac())
    with ndp.Wire(lan.client) as wire:
        wire.hear(2.5)  # its own announcements at the start are over
        wire.send(forged)
        assert {(defence.link, defence.flags) for defence in wire.answers(VIP6)} == {(a.host.mac(), ndp.OVERRIDE)}
    wait_until(lambda: "vip_conflict" in a.control.problems())
    assert a.vip()["conflict"] == lan.client.mac()
    assert a.state() == "master"


@pytest.mark.parametrize(("name", "change"), [
    ("bad_ttl", lambda p: p[:7] + b"\xfe" + p[8:]),
    ("bad_checksum", lambda p: p[:-1] + bytes([p[-1] ^ 1])),
    ("bad_ndp", lambda p: ndp.packet(ndp.ADVERTISEMENT, VIP6, ndp.ALL_NODES, VIP6, flags=ndp.SOLICITED)),
])
def test_forged_messages_are_counted_and_change_nothing(make_lan6, name, change):
    lan = make_lan6(1).start()
    (a,) = lan.nodes
    forged = ndp.packet(ndp.ADVERTISEMENT, VIP6, ndp.ALL_NODES, VIP6, flags=ndp.OVERRIDE, link=lan.client.mac())
    dropped = lambda: a.control.metric("hearth_lb_dropped_packets_total", reason=name)
    before = dropped()
    with ndp.Wire(lan.client) as wire:
        wire.send(change(forged))
        wait_until(lambda: dropped() == before + 1)
    assert "vip_conflict" not in a.control.problems()


def test_both_families_move_together(make_lan6):
    lan = make_lan6(address=f'[{VIP}, "{VIP6}"]').start()
    a, b = lan.nodes
    both = lambda: (lan.answering(), answering(lan))
    wait_until(lambda: both() == (["a"], ["a"]))
    assert a.control.post("/vips/move?vip=dns&node=b").status == 200
    wait_until(lambda: both() == (["b"], ["b"]))
    # A node without a link-local address is no owner for half of them either.
    b.host.sysctl("net.ipv6.conf.eth0.disable_ipv6", 1)
    wait_until(lambda: both() == (["a"], ["a"]))
    assert "lan_no_ipv6" in b.control.problems()
    b.host.sysctl("net.ipv6.conf.eth0.disable_ipv6", 0)
    wait_until(lambda: "lan_no_ipv6" not in b.control.problems())
    a.lb.kill()
    wait_until(lambda: both() == (["b"], ["b"]))


def test_families_come_and_go_by_reload(make_lan6):
    lan = make_lan6(address=VIP).start()
    a, b = lan.nodes

    def reload(address: str) -> None:
        lan.write_document(document(lan, address))
        for node in lan.nodes:
            assert node.control.post("/reload").status == 200

    reload(f'[{VIP}, "{VIP6}"]')
    wait_until(lambda: (lan.answering(), answering(lan)) == (["a"], ["a"]), 20)
    reload(f'"{VIP6}"')
    wait_until(lambda: (lan.answering(), answering(lan)) == ([], ["a"]), 20)
    wait_until(lambda: a.loopback() == set(), 10)  # served on for clients that learn late
    reload(VIP)
    wait_until(lambda: (lan.answering(), answering(lan)) == (["a"], []), 20)
    assert b.state() == "backup"


def test_a_home_without_ipv4(binaries, network):
    """Nodes have IPv6 addresses only; names resolve at the VIP across a fail-over."""
    lan = VipLan(binaries.directory, network, 2)
    for i, node in enumerate(lan.nodes):
        old, node.address = node.address, f"fd00::{11 + i}"
        node.host.ip(f"address add {node.address}/64 dev eth0 nodad", f"address del {old}/24 dev eth0")
    lan.client.ip(f"address add {CLIENT6}/64 dev eth0 nodad", f"address del {CLIENT}/24 dev eth0")
    addresses = ", ".join(f'{node.name}: "{node.address}"' for node in lan.nodes)
    lan.write_document(
        f'version: 1\ndomain: home\nlan: ["fd00::/64"]\nnodes: {{{addresses}}}\n'
        f'vips: {{dns: {{address: "{VIP6}", prefer: [a, b]}}}}\n'
        f'dns: {{vip: dns, upstreams: ["{CLIENT6}"]}}\npeers: {{key_file: peer.key}}\n'
    )
    for node in lan.nodes:
        node.start_dns()
    lan.start()
    a, b = lan.nodes
    wait_until(lambda: answering(lan) == ["a"])
    wait_until(lambda: b.vip()["owner"] == "a")
    probe = Probe.dns(lan.client, VIP6, "a.home")
    a.lb.kill()
    wait_until(lambda: answering(lan) == ["b"], 5)
    assert probe.finish().settled


def test_a_partition_that_heals_has_one_owner_and_clients_are_told_which(make_lan6):
    lan = make_lan6().start()
    a, b = lan.nodes
    assert ping(lan)
    a.port.part()  # the link stays up
    b.wait_state("master")
    wait_until(lambda: answering(lan) == ["b"], 5)
    assert ping(lan)
    with ndp.Wire(lan.client) as wire:
        a.port.join()
        b.wait_state("backup")
        told = [m for m in wire.answers(VIP6, 2.5) if m.destination == ndp.ALL_NODES]
    assert a.host.mac() in {m.link for m in told} and {m.flags for m in told} == {ndp.OVERRIDE}
    wait_until(lambda: a.host.mac() in lan.client.run(["ip", "-6", "neigh", "show", VIP6]).stdout, 5)
    wait_until(lambda: answering(lan) == ["a"], 5)
    assert ping(lan)
