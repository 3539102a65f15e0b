"""What happens to homes sooner or later, one thing at a time."""

import signal
import time

from tests.lab.clock import clock_environment
from tests.lab.waiting import wait_until
from tests.lb.vip_lan import VIP
from tests.lb.test_partition import plug, unplug


def dropped(node, reason: str) -> float:
    return node.control.metric("hearth_lb_dropped_packets_total", reason=reason)


def test_priority_0_hands_over_long_before_the_interval_would(make_lan):
    lan = make_lan(2, vip=", advert_interval: 3s").start()
    a, b = lan.nodes
    wait_until(lambda: b.vip()["owner"] == "a")
    begun = time.monotonic()
    a.lb.stop()
    b.wait_state("master")
    assert time.monotonic() - begun < 7  # three intervals are 9 s


def test_routers_with_different_vip_sets_do_not_believe_each_other(make_lan):
    lan = make_lan(2, vip=", vrid: 53")
    a, b = lan.nodes
    b.config.write_text(
        lan.document(vip=", vrid: 53").replace("peers:", "  two: {address: 10.0.0.54, prefer: [a, b], vrid: 53}\npeers:")
    )
    a.start_lb()
    b.start_lb()
    wait_until(lambda: dropped(b, "wrong_address_set") > 0 and dropped(a, "wrong_address_set") > 0)
    for node, other in ((a, b), (b, a)):  # each is told what is wrong, and what comes of it
        wait_until(lambda: {"vip_adverts", "vip_two_owners"} <= set(node.control.problems()), 30, what="both problems")
        details = {problem["name"]: problem["detail"] for problem in node.control.status()["problems"]}
        assert f"adverts of {other.name} are not followed (wrong_address_set)" in details["vip_adverts"]
        assert f"{VIP} (dns) is owned by {other.name} as well" in details["vip_two_owners"]
    b.config.write_text(lan.document(vip=", vrid: 53"))
    assert b.control.post("/reload").status == 200
    lan.wait_owner(a)
    b.wait_state("backup")
    for node in lan.nodes:
        wait_until(lambda: not {"vip_adverts", "vip_two_owners"} & set(node.control.problems()), 30, what="both problems solved")


def test_switch_that_forgets_ports_sooner_than_clients_forget_macs(make_lan):
    lan = make_lan(2).start()
    a, b = lan.nodes
    lan.switch.namespace.ip("link set br0 type bridge ageing_time 100")  # one second
    lan.client.run(["ping", "-c", "1", VIP])
    a.lb.kill()
    lan.wait_owner(b)
    lan.client.run(["ping", "-c", "1", VIP])
    lan.switch.namespace.run(["bridge", "fdb", "show"])
    lan.switch.namespace.ip("link set br0 type bridge fdb_flush")
    lan.client.run(["ping", "-c", "1", "-W", "2", VIP])  # its ARP entry is as good as before
    lan.wait_owner(b)


def test_clock_that_is_set_moves_nothing(make_lan):
    """Boards without a battery learn the time when they are up already."""
    lan = make_lan(2)
    a, b = lan.nodes
    clock = a.host.directory / "clock"
    clock.write_text("+0")
    environment = clock_environment(a.host.directory, FAKETIME_TIMESTAMP_FILE=str(clock), FAKETIME_NO_CACHE="1")
    a.lb = a.host.start(a.command("hearth-lb"), name="hearth-lb", env=environment).wait_ready()
    b.start_lb()
    a.wait_state("master")
    before = [node.vip()["transitions"] for node in lan.nodes]
    for step in ("+10y", "-10y", "+0"):
        clock.write_text(step)
        time.sleep(0.5)  # five intervals
        assert lan.answering() == ["a"]
    assert [node.vip()["transitions"] for node in lan.nodes] == before


def test_news_of_the_interface_that_were_lost_are_caught_up_with(make_lan):
    """More changes than the netlink socket holds (ENOBUFS): what counts is how things are."""
    lan = make_lan(2).start()
    a, b = lan.nodes
    a.host.ip("link add other type veth peer name end")
    a.lb.signal(signal.SIGSTOP)
    b.wait_state("master")
    noise = [f"address {verb} 192.0.2.{i % 250 + 1}/32 dev other" for i in range(250) for verb in ("add", "del")]
    for _ in range(8):
        a.host.ip(*noise)
    a.host.ip(f"address del {a.address}/24 dev eth0")
    a.lb.signal(signal.SIGCONT)
    wait_until(lambda: "lan_missing" in a.control.problems())
    a.host.ip(f"address add {a.address}/24 dev eth0")
    wait_until(lambda: "lan_missing" not in a.control.problems())
    wait_until(lambda: a.state() in ("backup", "master"))


def test_carrier_that_is_lost_gives_the_vip_away_while_the_node_lives(make_lan):
    lan = make_lan(2, vip=", preempt_delay: 500ms").start()
    a, b = lan.nodes
    a.port.cut()
    lan.wait_owner(b)
    wait_until(lambda: "lan_no_carrier" in a.control.problems())
    assert a.state() == "init"
    a.port.heal()
    lan.wait_owner(a)


def test_three_nodes_cut_apart_and_joined_have_one_owner(make_lan):
    lan = make_lan(3).start()
    for node in lan.nodes[:2]:
        unplug(node)
    wait_until(lambda: [node.state() for node in lan.nodes] == ["master"] * 3, 5)
    for node in lan.nodes[:2]:
        plug(node)
    lan.wait_owner(lan.nodes[0])
    wait_until(lambda: [node.state() for node in lan.nodes] == ["master", "backup", "backup"])
