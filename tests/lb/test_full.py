"""What is full: the table of connections, the interface's queue."""

from tests.lab import conntrack, tcp_echo
from tests.lab.clients import dig
from tests.lab.waiting import wait_until
from tests.lb.test_services import MQTT, ask, document, name_server
from tests.lb.vip_lan import VIP

DNS = "dns: {vip: dns, upstreams: [10.0.0.50]}\n"


def _is_left_out(lan) -> bool:
    try:
        lan.client.connect(MQTT, 1883, timeout=1.5).close()
    except TimeoutError:
        return True
    return False


def test_full_table_of_connections_is_named_and_names_are_answered_on(make_lan, binaries):
    """What hearth-dns answers is not tracked; services on ports need tracking."""
    binaries["hearth-dns"]
    lan = make_lan(2)
    lan.write_document(document(lan, "{tcp/1883: [a, b]}") + DNS)
    a, b = lan.nodes
    for node in lan.nodes:
        node.start_dns()
    lan.start()
    a.wait_state("master", "mqtt")
    with name_server(a.host, "a"), name_server(b.host, "b"):
        assert ask(lan.client)[0] in "ab"
        conntrack.fill(a.host)
        wait_until(lambda: "connections_full" in a.control.problems(), 20, what="the problem")
        detail = next(p for p in a.control.status()["problems"] if p["name"] == "connections_full")["detail"]
        assert str(conntrack.most()) in detail and "nf_conntrack_max" in detail
        wait_until(lambda: _is_left_out(lan), 20, what="a connection that has no room")  # some entries may still end
        for _ in range(20):
            assert dig(lan.client, "a.home", server=VIP).values == [a.address]
        assert dig(lan.client, "a.home", server=VIP, options=("+tcp",)).values == [a.address]
        assert b.control.post("/vips/move?vip=dns&node=b").status == 200  # elections need no table
        lan.wait_owner(b)
        conntrack.flush(a.host)
        wait_until(lambda: "connections_full" not in a.control.problems(), 20, what="its end")
        assert ask(lan.client)[0] in "ab"


def test_interface_that_takes_nothing_costs_the_vip_and_gives_it_back(make_lan):
    """Its queue is full (ENOBUFS on the packet sockets): nobody hears the owner."""
    lan = make_lan(2, vip=", preempt_delay: 500ms").start()
    a, b = lan.nodes
    a.host.run(["tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "8bit", "burst", "1000", "limit", "1000"])
    b.wait_state("master", deadline=30)
    wait_until(lambda: a.control.metric("hearth_lb_send_failures_total") > 0, what="failures are counted")
    assert lan.answering() == ["b"]
    a.host.run(["tc", "qdisc", "del", "dev", "eth0", "root"])
    lan.wait_owner(a)
    b.wait_state("backup")


def test_flushed_rules_do_not_cost_connections_that_are_elsewhere(make_lan, binaries):
    """The rules that lead them back to the node they were opened at are put back at once."""
    binaries["hearth-dns"]
    lan = make_lan(2)
    lan.write_document(lan.document(more=DNS))
    for node in lan.nodes:
        node.start_dns()
    lan.start()
    a, b = lan.nodes
    echo = tcp_echo.Dns(lan.client, VIP, "a.home", 0.2)
    wait_until(lambda: b.control.post("/vips/move?vip=dns&node=b").status == 200)
    b.wait_state("master")
    ingress = lambda: b.host.run(["nft", "list", "ruleset"]).stdout.count("fwd to")
    assert ingress() == 1
    b.host.nft("flush ruleset")
    wait_until(lambda: ingress() == 1, 10, what="the rules are back")
    result = echo.finish()
    assert (result.broken, result.answered) == ("", result.sent)
