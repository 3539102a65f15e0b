"""Reload is all or nothing, and disturbs only what changed."""

from tests.lab.waiting import wait_until
from tests.lb.vip_lan import VIP

SECOND = "10.0.0.100"


def with_second(document: str) -> str:
    return document.replace("peers:", f"  proxy: {{address: {SECOND}, prefer: [b, a]}}\npeers:")


def reload_all(lan) -> None:
    for node in lan.nodes:
        assert node.control.post("/reload").status == 200


def start_as_nobody(lan, node):
    for path in (lan.network.directory, node.config.parent, node.run_dir):
        path.chmod(0o777)
    return node.host.start(["setpriv", "--reuid=65534", "--clear-groups", *node.command("hearth-lb")]).wait_ready()


def test_vip_added_and_removed_beside_one_that_does_not_notice(make_lan):
    lan = make_lan(2).start()
    a, b = lan.nodes
    lan.write_document(with_second(lan.document()))
    reload_all(lan)
    lan.wait_owner(b, SECOND)
    assert a.loopback() == b.loopback() == {VIP, SECOND}
    assert [node.vip("proxy")["owner"] for node in lan.nodes] == ["b", "b"]
    lan.write_document(lan.document())
    reload_all(lan)
    wait_until(lambda: a.loopback() == b.loopback() == {VIP})
    assert lan.answering(SECOND) == []
    assert a.vip()["transitions"] == 3 and b.vip()["transitions"] == 2
    lan.wait_owner(a)


def test_new_order_of_preference_moves_the_vip_after_the_delay(make_lan):
    lan = make_lan(2, vip=", preempt_delay: 500ms").start()
    a, b = lan.nodes
    lan.write_document(lan.document(vip=", preempt_delay: 500ms").replace("prefer: [a, b]", "prefer: [b, a]"))
    reload_all(lan)
    lan.wait_owner(b)
    wait_until(lambda: a.state() == "backup")


def test_rejected_document_changes_nothing(make_lan):
    lan = make_lan(1).start()
    (a,) = lan.nodes
    a.config.write_text(lan.document().replace(VIP, "172.16.0.1"))
    assert a.control.post("/reload").status != 200
    status = a.control.status()
    assert status["config"]["stale"] and "config_rejected" in a.control.problems()
    assert a.state() == "master" and a.loopback() == {VIP}


def test_without_vips_nothing_is_needed(make_lan):
    """As the quickstart runs: no capability, no VIP."""
    lan = make_lan(1)
    (a,) = lan.nodes
    a.config.write_text("version: 1\ndomain: home\nlan: [127.0.0.0/8]\nnodes: {a: 127.0.0.1}\n")
    process = start_as_nobody(lan, a)
    status = a.control.status()
    assert status["vips"] == [] and status["state"] == "ok" and status["problems"] == []
    assert process.stop() == 0


def test_missing_capability_is_a_problem_and_not_the_end(make_lan):
    lan = make_lan(1)
    (a,) = lan.nodes
    process = start_as_nobody(lan, a)
    assert {"vip_no_socket", "vip_firewall", "vip_address"} <= a.control.problems()
    assert a.control.status()["state"] == "error"
    assert process.stop() == 0
