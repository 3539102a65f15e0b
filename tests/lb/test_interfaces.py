"""hearth-lb follows what happens to its interface."""

import signal
import time

from tests.lab.waiting import wait_until
from tests.lb.vip_lan import VIP


def test_new_mac_is_announced_and_answered_with(make_lan):
    lan = make_lan(2).start()
    a, b = lan.nodes
    lan.client.run(["ping", "-c", "1", VIP])
    a.host.ip("link set eth0 address 02:00:00:00:00:aa")
    lan.wait_owner(a)  # by its MAC as it is now
    neighbour = ["ip", "neigh", "show", VIP]
    wait_until(lambda: "02:00:00:00:00:aa" in lan.client.run(neighbour).stdout)
    lan.client.run(["ping", "-c", "1", "-W", "1", VIP])
    assert b.state() == "backup"


def test_lost_address_gives_the_vip_up_until_it_is_back(make_lan):
    lan = make_lan(2, vip=", preempt_delay: 500ms").start()
    a, b = lan.nodes
    a.host.ip(f"address del {a.address}/24 dev eth0")
    wait_until(lambda: "lan_missing" in a.control.problems())
    lan.wait_owner(b)
    a.host.ip(f"address add {a.address}/24 dev eth0")
    lan.wait_owner(a)
    assert "lan_missing" not in a.control.problems()


def test_interface_that_is_made_anew_is_taken_up(make_lan):
    lan = make_lan(2, vip=", preempt_delay: 500ms").start()
    a, b = lan.nodes
    a.host.ip("link del eth0")
    b.wait_state("master")
    assert a.loopback() == {VIP}
    lan.switch.attach(a.host, f"{a.address}/24")
    lan.wait_owner(a)


def test_flapping_link_never_leaves_the_lan_without_owner(make_lan):
    lan = make_lan(2).start()
    a, b = lan.nodes
    for _ in range(10):
        a.port.cut()
        a.port.heal()
    wait_until(lambda: sorted([a.state(), b.state()]) == ["backup", "master"])
    wait_until(lambda: len(lan.answering()) == 1)


def test_second_interface_in_the_subnet_stays_silent(make_lan):
    lan = make_lan(2)
    a, b = lan.nodes
    for node, address in ((a, "10.0.0.31"), (b, "10.0.0.32")):
        lan.switch.attach(node.host, f"{address}/24", interface="eth1")
    lan.start()
    for _ in range(5):
        assert lan.answering() == ["a"]  # eth1's MACs would show as addresses
    lan.switch.attach(a.host, "10.0.0.33/24", interface="eth2")  # while it runs
    wait_until(lambda: lan.answering() == ["a"])


def test_address_taken_off_the_loopback_is_restored(make_lan):
    lan = make_lan(2).start()
    for node in lan.nodes:
        node.host.ip(f"address del {VIP}/32 dev lo")
        wait_until(lambda node=node: node.loopback() == {VIP})


def test_vip_on_an_interface_is_a_problem(make_lan):
    lan = make_lan(1).start()
    (a,) = lan.nodes
    a.host.ip(f"address add {VIP}/24 dev eth0")
    wait_until(lambda: "vip_on_interface" in a.control.problems())
    a.host.ip(f"address del {VIP}/24 dev eth0")
    wait_until(lambda: "vip_on_interface" not in a.control.problems())


def test_bridge_port_cannot_hold_a_vip_but_its_bridge_can(make_lan):
    lan = make_lan(1)
    (a,) = lan.nodes
    a.host.ip(
        "link add br0 type bridge stp_state 0 forward_delay 0",
        f"address del {a.address}/24 dev eth0",
        "link set eth0 master br0",
        "link set br0 up",
        f"address add {a.address}/24 dev br0",
    )
    lan.start()
    assert a.control.status()["interface"] == "br0"
    mac = a.host.mac("br0")
    assert lan.answering() == ["a" if mac == a.host.mac() else mac]


def test_vip_is_never_the_source_of_other_traffic(make_lan):
    lan = make_lan(1).start()
    (a,) = lan.nodes
    assert "src 10.0.0.11" in a.host.run(["ip", "route", "get", "10.0.0.50"]).stdout
    a.host.ip(f"address del {a.address}/24 dev eth0", "route add 10.0.0.0/24 dev eth0")
    assert VIP not in a.host.run(["ip", "route", "get", "10.0.0.50"], check=False).stdout


def test_address_on_the_interface_for_chips_that_answer_by_themselves(make_lan):
    """`announce: address`: the owner has it on eth0, and nobody else."""
    lan = make_lan(2, vip=", announce: address, preempt_delay: 500ms").start()
    a, b = lan.nodes
    on_interface = lambda node: VIP in node.host.run(["ip", "address", "show", "dev", "eth0"]).stdout
    assert (on_interface(a), on_interface(b)) == (True, False)
    assert "vip_on_interface" not in a.control.problems()
    assert VIP not in a.host.run(["ip", "route", "get", "10.0.0.50"]).stdout  # not a source
    wait_until(lambda: a.control.post("/vips/move?vip=dns&node=b").status == 200, what="the nodes' connection")
    lan.wait_owner(b)
    wait_until(lambda: (on_interface(a), on_interface(b)) == (False, True))
    b.host.ip(f"address del {VIP}/32 dev eth0")
    wait_until(lambda: on_interface(b))
    b.lb.kill()  # what it leaves there is on loan
    lan.nodes[0].wait_state("master")
    wait_until(lambda: not on_interface(b))
    lan.wait_owner(a)
    b.start_lb()
    b.wait_state("backup")
    wait_until(lambda: b.control.post("/vips/move?vip=dns&node=b").status == 200)
    wait_until(lambda: (on_interface(a), on_interface(b)) == (False, True))
    b.lb.kill()
    b.start_lb()  # taken away at once when it does not own
    wait_until(lambda: not on_interface(b))
    lan.wait_owner(a)
    a.lb.stop()
    assert not on_interface(a)


def test_address_on_the_interface_is_renewed_and_leaves_a_hanging_owner(make_lan):
    lan = make_lan(2, vip=", announce: address, preempt_delay: 500ms").start()
    a, b = lan.nodes

    def on_interface(node) -> bool:
        return VIP in node.host.run(["ip", "address", "show", "dev", "eth0"]).stdout

    end = time.monotonic() + 5  # longer than a loan
    while time.monotonic() < end:
        assert on_interface(a)
    a.lb.signal(signal.SIGSTOP)
    b.wait_state("master")
    wait_until(lambda: (on_interface(a), on_interface(b)) == (False, True))
    lan.wait_owner(b)
    a.lb.signal(signal.SIGCONT)
    lan.wait_owner(a)
    wait_until(lambda: (on_interface(a), on_interface(b)) == (True, False))


def test_interface_that_the_document_names_is_the_one(make_lan):
    """Two carry the node's address, as while one replaces the other."""
    lan = make_lan(1)
    (a,) = lan.nodes
    lan.switch.attach(a.host, interface="eth1")
    a.host.ip(f"address add {a.address}/24 dev eth1")
    lan.write_document(lan.document().replace(f"a: {a.address}", f"a: {{address: {a.address}, interface: eth1}}"))
    lan.start()
    assert a.control.status()["interface"] == "eth1"
    assert lan.answering() == [a.host.mac("eth1")]


def test_announcements_are_repeated_as_often_as_wanted(make_lan):
    """Switches forget where an address is after 300 s: `refresh` reminds them."""
    lan = make_lan(1, vip=", refresh: 1s").start()
    (a,) = lan.nodes
    wait_until(lambda: a.vip()["for_s"] >= 3)
    before = a.control.metric("hearth_arp_gratuitous_total")
    wait_until(lambda: a.control.metric("hearth_arp_gratuitous_total") >= before + 4)
