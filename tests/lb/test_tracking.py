"""What makes a node a better or worse owner, besides its daemons."""

import shutil
import tempfile
from pathlib import Path

from tests.lab.waiting import wait_until
from tests.lb.vip_lan import VIP


def listener(node, address: str, port: int):
    """A program that takes connections there."""
    program = f"import socket; s = socket.create_server(({address!r}, {port})); print('ready', flush=True)\nwhile True: s.accept()"
    process = node.host.start(["/usr/bin/python3", "-c", program], name="listener")
    process.wait_line("ready")
    return process


def test_an_owner_that_does_well_is_left_alone_across_link_flaps(make_lan):
    lan = make_lan(2, vip=", preempt: false, preempt_delay: 0ms").start()
    a, b = lan.nodes
    a.port.cut()
    lan.wait_owner(b)
    for _ in range(3):
        a.port.heal()
        a.wait_state("backup")
        a.port.cut()
        a.wait_state("init")
    a.port.heal()
    a.wait_state("backup")
    assert lan.answering() == ["b"]
    b.lb.kill()
    lan.wait_owner(a)
    b.start_lb()
    b.wait_state("backup")
    assert lan.answering() == ["a"]


def test_interface_that_loses_its_carrier_costs_priority(make_lan):
    lan = make_lan(2, vip=", track: [{interface: wan0, lower_by: 20}], preempt_delay: 500ms")
    a, b = lan.nodes
    for node in lan.nodes:
        node.host.ip("link add wan0 type veth peer name modem", "link set wan0 up", "link set modem up")
    lan.start()
    assert a.vip()["priority"] == 200
    a.host.ip("link set modem down")
    lan.wait_owner(b)
    assert a.vip()["priority"] == 180
    assert "vip_track" in a.control.problems()
    a.host.ip("link set modem up")
    lan.wait_owner(a)
    assert "vip_track" not in a.control.problems()
    a.host.ip("link del wan0")
    lan.wait_owner(b)


def test_what_nobody_has_moves_nothing(make_lan):
    lan = make_lan(2, vip=", track: [{interface: wan0}]").start()
    a, b = lan.nodes
    assert [a.vip()["priority"], b.vip()["priority"]] == [100, 90]
    assert lan.answering() == ["a"]


def test_vips_of_a_sync_group_move_together(make_lan):
    lan = make_lan(2)
    lan.write_document(
        lan.document(vip=", sync_group: front").replace(
            "peers:", "  web: {address: 10.0.0.100, prefer: [a, b], sync_group: front}\npeers:"
        )
    )
    lan.start()
    a, b = lan.nodes
    both = lambda: (lan.answering(VIP), lan.answering("10.0.0.100"))
    wait_until(lambda: both() == (["a"], ["a"]))
    assert a.control.post("/vips/move?vip=web&node=b").status == 200
    wait_until(lambda: both() == (["b"], ["b"]))


def test_script_that_fails_costs_priority_until_it_has_risen_again(make_lan):
    """It runs without privileges, and one that hangs is killed."""
    scripts = Path(tempfile.mkdtemp(dir="/tmp"))
    scripts.chmod(0o755)
    checks = {}
    lan = make_lan(2)
    for node in lan.nodes:
        checks[node.name] = scripts / node.name
        checks[node.name].write_text("good")
        checks[node.name].chmod(0o644)
        script = scripts / f"check-{node.name}"
        script.write_text(
            "#!/bin/sh\n"
            f"read -r word < {checks[node.name]}\n"
            '[ "$word" = hang ] && exec sleep 60\n'
            "grep -q '^CapEff:.0000000000000000$' /proc/self/status || exit 1\n"
            '[ "$word" = good ]\n'
        )
        script.chmod(0o755)
        track = f", preempt_delay: 500ms, track: [{{script: {script}, every: 100ms, timeout: 500ms, rise: 2, fall: 2, lower_by: 20}}]"
        node.config.write_text(lan.document(vip=track))
    try:
        lan.start()
        a, b = lan.nodes
        for trouble in ("bad", "hang"):
            checks["a"].write_text(trouble)
            lan.wait_owner(b)
            assert a.vip()["priority"] == 180
            assert "vip_track" in a.control.problems()
            checks["a"].write_text("good")
            lan.wait_owner(a)
            assert a.vip()["priority"] == 200
        checks["a"].write_text("bad")
        lan.wait_owner(b)
        a.config.write_text(lan.document(vip=", preempt_delay: 500ms"))  # tracked no more
        assert a.control.post("/reload").status == 200
        lan.wait_owner(a)
        assert "vip_track" not in a.control.problems()
    finally:
        shutil.rmtree(scripts)


def test_port_that_takes_no_connections_costs_priority(make_lan):
    track = "[{tcp: 1883, every: 100ms, timeout: 500ms, rise: 2, fall: 2, lower_by: 20}, {tcp: '127.0.0.1:1884', every: 100ms}]"
    lan = make_lan(2, vip=f", preempt_delay: 500ms, track: {track}")
    a, b = lan.nodes
    brokers = {node.name: listener(node, node.address, 1883) for node in lan.nodes}
    for node in lan.nodes:
        listener(node, "127.0.0.1", 1884)
    lan.start()
    wait_until(lambda: a.vip()["priority"] == 200)
    brokers["a"].kill()
    lan.wait_owner(b)
    assert a.vip()["priority"] == 180
    problem = next(one for one in a.control.status()["problems"] if one["name"] == "vip_track")
    assert problem["detail"].startswith("dns loses 20 of its priority here: tcp 1883 every 100 ms")
    listener(a, a.address, 1883)
    lan.wait_owner(a)
    assert a.vip()["priority"] == 200
    assert "vip_track" not in a.control.problems()
