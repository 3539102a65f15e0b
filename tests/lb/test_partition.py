"""A LAN that falls apart behind the switch, so that no node loses its carrier, and grows together again."""

from tests.lab.waiting import wait_until
from tests.lb.vip_lan import VIP


def unplug(node) -> None:
    """The port leaves the bridge, the link stays up."""
    node.port.part()


def plug(node) -> None:
    node.port.join()


def test_partition_has_an_owner_on_each_side_and_one_when_it_heals(make_lan):
    lan = make_lan(2).start()
    a, b = lan.nodes
    for _ in range(3):
        unplug(b)
        b.wait_state("master", deadline=2)
        assert a.state() == "master"
        assert lan.answering() == ["a"]
        assert "lan_no_carrier" not in b.control.problems()
        plug(b)
        b.wait_state("backup", deadline=2)
        lan.wait_owner(a)


def test_client_on_the_losing_side_is_told_who_stays(make_lan):
    lan = make_lan(2).start()
    a, b = lan.nodes
    lan.client.run(["ping", "-c", "1", VIP])
    unplug(a)
    b.wait_state("master", deadline=2)
    lan.client.run(["ping", "-c", "1", VIP])
    plug(a)
    b.wait_state("backup", deadline=2)
    b.lb.signal(9)  # whoever still went there would not be answered by ARP
    wait_until(lambda: a.host.mac() in lan.client.run(["ip", "neigh", "show", VIP]).stdout, 5)
    lan.client.run(["ping", "-c", "1", VIP])
    lan.wait_owner(a)


def test_three_nodes_follow_each_other_in_order_of_priority(make_lan):
    lan = make_lan(3).start()
    a, b, c = lan.nodes
    unplug(a)
    b.wait_state("master", deadline=2)
    assert c.state() == "backup" and lan.answering() == ["b"]
    unplug(b)
    c.wait_state("master", deadline=2)
    assert lan.answering() == ["c"]
    plug(a)
    plug(b)
    lan.wait_owner(a)
    wait_until(lambda: [b.state(), c.state()] == ["backup", "backup"])
