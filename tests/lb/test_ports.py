"""Ports of a VIP that the document does not name are refused from everyone, at once."""

import signal
import socket

import pytest

from tests.lab.waiting import wait_until
from tests.lb.vip_lan import VIP

MORE = "dns: {vip: dns, upstreams: [10.0.0.50]}\nproxy: {vip: dns, http: 8080}\n"


def ruleset(node) -> str:
    """Sorted by table: they come back in any order."""
    text = node.host.run(["nft", "list", "ruleset"]).stdout
    return "table ".join(sorted(text.split("table ")))


@pytest.fixture
def lan(make_lan):
    made = make_lan(1)
    made.write_document(made.document(more=MORE))
    return made.start()


def test_unnamed_ports_are_refused_named_ones_and_icmp_are_not(lan):
    (a,) = lan.nodes
    listeners = []
    for port in (8080, 9999):
        with a.host.entered():
            listener = socket.create_server(("0.0.0.0", port))
        listeners.append(listener)
    lan.client.connect(VIP, 8080, timeout=2).close()
    a.host.connect(VIP, 8080, timeout=2).close()
    with pytest.raises(ConnectionRefusedError):
        lan.client.connect(VIP, 9999, timeout=2)
    lan.client.connect(a.address, 9999, timeout=2).close()  # the node's own address is free
    with pytest.raises(ConnectionRefusedError):
        a.host.connect(VIP, 9999, timeout=2)  # from the node itself too
    udp = lan.client.udp(timeout=2)
    udp.connect((VIP, 9999))
    udp.send(b"x")
    with pytest.raises(ConnectionRefusedError):
        udp.recv(10)
    lan.client.run(["ping", "-c", "1", "-W", "2", VIP])
    for listener in listeners:
        listener.close()


def test_table_is_read_by_nft_adopted_after_a_crash_and_removed_at_the_end(lan):
    (a,) = lan.nodes
    a.host.nft("add table inet mine\nadd chain inet mine input")
    before = ruleset(a)
    assert f"{VIP} . udp . 53" in before and f"{VIP} . tcp . 8080" in before
    a.lb.kill()
    assert ruleset(a) == before
    handle = a.host.run(["nft", "-a", "list", "table", "inet", "hearth"]).stdout
    a.start_lb()
    assert a.host.run(["nft", "-a", "list", "table", "inet", "hearth"]).stdout == handle
    assert a.lb.stop() == 0
    assert "table inet hearth" not in ruleset(a)
    assert "table inet mine" in ruleset(a)


def test_reload_changes_only_what_differs(lan):
    (a,) = lan.nodes
    lan.write_document(lan.document(more=MORE.replace("8080", "8081")))
    assert a.control.post("/reload").status == 200
    after = ruleset(a)
    assert f"{VIP} . tcp . 8081" in after and "8080" not in after


def test_what_is_forwarded_passes_no_chain_of_ours_where_no_port_is_open(lan):
    (a,) = lan.nodes
    table = ["nft", "-a", "list", "table", "inet", "hearth"]
    handles = lambda: a.host.run(table).stdout
    assert "hook prerouting" in handles()
    lan.write_document(lan.document())
    assert a.control.post("/reload").status == 200
    before = handles()
    assert "hook input" in before and "hook prerouting" not in before and "hook output" not in before
    with pytest.raises(ConnectionRefusedError):
        lan.client.connect(VIP, 8080, timeout=2)
    a.lb.kill()
    a.start_lb()
    assert handles() == before, "it is adopted"
    lan.write_document(lan.document(more=MORE))
    assert a.control.post("/reload").status == 200
    assert "hook prerouting" in handles()


def test_flushed_and_stale_tables_are_repaired(lan):
    (a,) = lan.nodes
    before = ruleset(a)
    a.host.nft("flush ruleset")
    wait_until(lambda: ruleset(a) == before, 10, what="the table is back")
    a.host.nft(f"delete element inet hearth ports {{ {VIP} . tcp . 8080 }}")
    wait_until(lambda: ruleset(a) == before, 10, what="the port is back")
    a.host.nft("delete element inet hearth numbers { 53 }")
    wait_until(lambda: ruleset(a) == before, 10, what="the number is back")
    # More news than the netlink socket holds (ENOBUFS): what counts is how things are.
    a.lb.signal(signal.SIGSTOP)
    a.host.nft("add table inet mine\nadd set inet mine many { type ipv4_addr; }")
    for _ in range(6):
        many = ", ".join(f"10.{i >> 8}.{i & 255}.1" for i in range(4000))
        a.host.nft(f"add element inet mine many {{ {many} }}\nflush set inet mine many")
    a.host.nft("flush ruleset")
    a.lb.signal(signal.SIGCONT)
    wait_until(lambda: ruleset(a) == before, 10, what="the table is back, unheard")
    a.lb.kill()
    a.host.nft("delete table inet hearth\nadd table inet hearth\nadd chain inet hearth odd")
    a.start_lb()
    assert ruleset(a) == before


def test_the_table_of_another_version_is_replaced(lan):
    (a,) = lan.nodes
    before = ruleset(a)
    a.lb.kill()
    a.host.nft(f"""
        delete table inet hearth
        table inet hearth {{
            comment "hearth-lb, shape 5"
            set vips {{ type ipv4_addr; elements = {{ {VIP} }}; }}
            chain vip {{ reject; }}
            chain input {{ type filter hook input priority 110; ip daddr @vips jump vip; }}
        }}""")
    a.start_lb()
    assert ruleset(a) == before


def test_nft_prints_the_table_as_documented(lan):
    (a,) = lan.nodes
    text = ruleset(a)
    for rule in (
        "type filter hook input priority 110; policy accept;",
        "ip daddr @vips jump vip",
        "ip daddr . meta l4proto . th dport @ports accept",
        "ip saddr . meta l4proto . th sport @ports accept",
        "ip saddr . meta l4proto . th sport @passing accept",
        "type filter hook prerouting priority raw; policy accept;",
        "th dport & 57424 == 16 th dport @numbers jump to",
        "th sport & 57424 == 16 th sport @numbers jump from",
        "ip daddr . meta l4proto . th dport @ports notrack",
        "tcp flags & rst == rst accept",
        "meta l4proto icmp accept",
        "meta l4proto tcp reject with tcp reset",
        "reject",
    ):
        assert rule in text, text
