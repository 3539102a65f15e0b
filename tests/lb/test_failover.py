"""VIPs between real hearth-lb daemons in network namespaces."""

import signal

from tests.lab.waiting import wait_until
from tests.lb.vip_lan import CLIENT, VIP


def test_first_preferred_node_owns_and_everyone_holds_the_address(make_lan):
    lan = make_lan(3).start()
    lan.wait_owner(lan.nodes[0])
    assert [node.state() for node in lan.nodes] == ["master", "backup", "backup"]
    assert all(node.vip()["owner"] == "a" for node in lan.nodes)
    assert all(node.loopback() == {VIP} for node in lan.nodes)
    lan.client.run(["ping", "-c", "3", "-i", "0.01", VIP])


def test_kill_of_the_owner_moves_the_vip(make_lan):
    lan = make_lan(2).start()
    a, b = lan.nodes
    a.lb.kill()
    b.wait_state("master", deadline=1)
    lan.wait_owner(b)


def test_cut_cable_moves_the_vip_and_healing_leaves_one_owner(make_lan):
    lan = make_lan(2, vip=", preempt_delay: 500ms").start()
    a, b = lan.nodes
    a.port.cut()
    b.wait_state("master", deadline=2)
    wait_until(lambda: a.state() == "init")
    assert lan.answering() == ["b"]
    assert "lan_no_carrier" in a.control.problems()
    a.port.heal()
    lan.wait_owner(a)
    wait_until(lambda: b.state() == "backup")
    assert "lan_no_carrier" not in a.control.problems()


def test_returning_node_does_not_flap(make_lan):
    lan = make_lan(2, vip=", preempt_delay: 1s").start()
    a, b = lan.nodes
    a.lb.kill()
    lan.wait_owner(b)
    a.start_lb()
    lan.wait_owner(a)
    assert b.vip()["transitions"] == 4  # probing, backup, master, backup
    assert a.vip()["transitions"] == 3  # probing, backup, master


def test_clients_that_did_not_answer_before_are_served_at_once(make_lan):
    """The kernel asks a silent neighbour only from time to time, and holds back what is for it."""
    lan = make_lan(2).start()
    a, b = lan.nodes
    b.host.sysctl("net.ipv4.neigh.eth0.retrans_time_ms", 3_600_000)
    lan.client.run(["ping", "-c", "1", VIP])
    lan.client.sysctl("net.ipv4.conf.eth0.arp_ignore", 8)  # answers nobody
    b.host.run(["ping", "-c", "1", "-W", "0.1", CLIENT], check=False)
    assert "INCOMPLETE" in b.host.run(["ip", "neigh", "show", CLIENT]).stdout
    lan.client.sysctl("net.ipv4.conf.eth0.arp_ignore", 0)
    a.lb.kill()
    lan.wait_owner(b)
    assert lan.client.run(["ping", "-c", "1", "-W", "5", VIP], check=False).returncode == 0


def test_clean_stop_hands_over_without_a_lost_probe(make_lan):
    lan = make_lan(2).start()
    a, b = lan.nodes
    lan.client.run(["ping", "-c", "1", VIP])
    ping = lan.client.start(["ping", "-i", "0.002", "-c", "2000", "-W", "1", VIP], name="ping")
    assert a.lb.stop() == 0
    b.wait_state("master", deadline=1)
    assert ping.wait() == 0
    assert ", 0% packet loss" in ping.log()
    assert a.loopback() == set()
    assert lan.answering() == ["b"]


def test_stale_state_of_a_crashed_instance_is_adopted_or_removed(make_lan):
    lan = make_lan(1).start()
    (a,) = lan.nodes
    a.lb.kill()
    assert a.loopback() == {VIP}
    a.host.ip("address add 10.0.0.99/32 dev lo label lo:hearth", "address add 10.0.0.98/32 dev lo")
    a.start_lb()
    wait_until(lambda: a.loopback() == {VIP, "10.0.0.98"})
    a.wait_state("master")


def test_suspended_owner_answers_nothing_when_it_wakes(make_lan):
    lan = make_lan(2).start()
    a, b = lan.nodes
    for _ in range(3):
        a.lb.signal(signal.SIGSTOP)
        b.wait_state("master", deadline=2)
        assert lan.answering() == ["b"]  # and the question waits in a's socket
        a.lb.signal(signal.SIGCONT)
        a.wait_state("backup")
        assert lan.answering() == ["b"]
        b.lb.signal(signal.SIGSTOP)
        a.wait_state("master", deadline=2)
        b.lb.signal(signal.SIGCONT)
        b.wait_state("backup")


def test_firewall_that_drops_vrrp_leaves_one_owner(make_lan):
    lan = make_lan(2)
    for node in lan.nodes:
        node.host.nft(
            """table inet fw {
                 chain in { type filter hook input priority 0; ip protocol 112 drop; }
                 chain out { type filter hook output priority 0; ip protocol 112 drop; }
               }"""
        )
    lan.start()
    lan.wait_owner(lan.nodes[0])
    assert [node.state() for node in lan.nodes] == ["master", "backup"]
    lan.nodes[0].lb.kill()
    lan.nodes[1].wait_state("master", deadline=2)
