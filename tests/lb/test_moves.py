"""Moves that people plan: `hearth vip move`, `hearth node drain` and what stays over a restart."""

from tests.lab.waiting import wait_until
from tests.lb.vip_lan import VIP


def hearth(node, *words: str, check: bool = True):
    argv = [node.lan.bin_dir / "hearth", *words, "--run-dir", node.run_dir, "--config", node.config]
    return node.host.run(argv, check=check)


def wait_connected(lan) -> None:
    for node in lan.nodes:
        wait_until(lambda node=node: "peer_away" not in node.control.problems(), 10, what=f"{node.name} connected")


def wait_daemons_well(lan) -> None:
    for node in lan.nodes:
        node.start_dns()
    for node in lan.nodes:
        wait_until(lambda node=node: node.vip()["healthy"], 10, what=f"{node.name} well")


def start(make_lan, nodes: int):
    lan = make_lan(nodes, vip=", preempt_delay: 1s")
    wait = lan.start()
    wait_daemons_well(lan)
    wait_connected(lan)
    lan.wait_owner(lan.nodes[0])
    return wait


def ping_throughout(lan):
    lan.client.run(["ping", "-c", "1", VIP])
    return lan.client.start(["ping", "-i", "0.002", "-c", "2000", "-W", "1", VIP], name="ping")


def lost_none(ping) -> bool:
    return ping.wait() == 0 and ", 0% packet loss" in ping.log()


def test_move_to_any_node_from_any_node_without_a_lost_probe(make_lan):
    lan = start(make_lan, 3)
    a, b, c = lan.nodes
    ping = ping_throughout(lan)
    assert "dns is at c" in hearth(b, "vip", "move", "dns", "c").stdout
    lan.wait_owner(c)
    assert lost_none(ping)
    a.lb.stop()  # the preferred node comes back, and leaves it where people wanted it
    a.start_lb()
    wait_until(lambda: a.state() == "backup" and a.vip()["healthy"])
    assert a.vip()["owner"] == "c"
    assert hearth(a, "vip", "move", "dns", "elsewhere", check=False).returncode != 0
    for node in ("a", "c"):  # also when another node would be asked
        unknown = hearth(a, "vip", "move", "other", node, check=False)
        assert unknown.returncode == 1 and "the document has no VIP `other`" in unknown.stderr
    c.lb.kill()
    wait_until(lambda: "peer_away" in a.control.problems())
    away = hearth(a, "vip", "move", "dns", "c", check=False)
    assert away.returncode == 1 and "no connection to c" in away.stderr


def test_drain_hands_over_without_a_lost_probe_and_outlasts_a_restart(make_lan):
    lan = start(make_lan, 2)
    a, b = lan.nodes
    ping = ping_throughout(lan)
    assert "drained" in hearth(a, "node", "drain").stdout
    lan.wait_owner(b)
    assert lost_none(ping)
    assert "drained" in a.control.problems() and a.control.status()["drained"]
    a.lb.stop()
    a.start_lb()
    wait_until(lambda: a.state() == "backup")
    assert a.control.status()["drained"]
    assert hearth(a, "vip", "move", "dns", "a", check=False).returncode != 0
    wait_connected(lan)
    hearth(b, "node", "undrain", "a")
    wait_until(lambda: not a.control.status()["drained"])
    lan.wait_owner(a)
    assert "drained" not in a.control.problems()


def test_drain_of_the_only_well_node_keeps_it_serving(make_lan):
    lan = make_lan(1).start()
    (a,) = lan.nodes
    answer = hearth(a, "node", "drain", check=False)
    assert answer.returncode == 1 and "goes on serving dns" in answer.stderr
    lan.wait_owner(a)


def test_upgrade_of_one_node_right_after_the_other_at_a_long_interval(make_lan):
    lan = make_lan(2, vip=", advert_interval: 1s, preempt_delay: 600s").start()
    wait_daemons_well(lan)
    wait_connected(lan)
    for first, second in (lan.nodes, reversed(lan.nodes)):
        owner, other = (first, second) if first.state() == "master" else (second, first)
        assert other.lb.stop() == 0
        other.start_lb()
        wait_until(lambda other=other: other.state() == "backup", what="back")
        ping = ping_throughout(lan)
        assert owner.lb.stop() == 0
        lan.wait_owner(other)
        assert lost_none(ping)
        owner.start_lb()
        wait_connected(lan)
