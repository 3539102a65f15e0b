"""The authenticated connection between the nodes' hearth-lb."""

import datetime
import re
import socket
import ssl
import time

import pytest

from tests.lab.waiting import wait_until


def node_seen_by(observer, name: str) -> dict:
    return next(node for node in observer.control.status()["nodes"] if node["name"] == name)


def wait_connected(lan) -> None:
    for node in lan.nodes:
        wait_until(lambda node=node: "peer_away" not in node.control.problems(), 10, what=f"{node.name} connected")


def test_every_node_tells_the_state_of_the_others(make_lan):
    lan = make_lan(3).start()
    wait_connected(lan)
    a, b, c = lan.nodes
    seen = wait_until(lambda: node_seen_by(c, "a").get("version") and node_seen_by(c, "a"))
    assert seen["config_hash"] == a.control.status()["config"]["hash"]
    assert seen["daemons"]["lb"] in ("ok", "warn") and seen["daemons"]["dns"] == "down"
    b.lb.stop()
    wait_until(lambda: node_seen_by(c, "b")["state"] == "unknown")
    assert "b (" in next(p["detail"] for p in c.control.status()["problems"] if p["name"] == "peer_away")


def test_the_others_certificates_are_told_of(make_lan, binaries):
    """Two nodes and no root yet: what hearth-certs of one says is in `hearth status` of the other."""
    lan = make_lan(2).start()
    wait_connected(lan)
    a, b = lan.nodes
    wait_until(lambda: node_seen_by(a, "b").get("daemons"), what="a report")
    assert "certs" not in node_seen_by(a, "b")["daemons"], "it was never there"
    certs = b.host.start(b.command("hearth-certs"), name="hearth-certs").wait_ready()
    wait_until(lambda: node_seen_by(a, "b")["daemons"].get("certs") in ("warn", "error"), what="its state")
    shown = a.host.run([binaries["hearth"], "--run-dir", a.run_dir, "status"], check=False).stdout
    assert "ca_missing" in shown
    certs.kill()
    wait_until(lambda: node_seen_by(a, "b")["daemons"].get("certs") == "down", what="its end")


def test_node_that_is_no_candidate_knows_the_owner(make_lan):
    lan = make_lan(3)
    lan.write_document(lan.document().replace("prefer: [a, b, c]", "prefer: [a, b]"))
    lan.start()
    a, _, c = lan.nodes
    assert c.loopback() == set()
    wait_until(lambda: c.vip()["owner"] == "a")
    assert c.vip()["state"] == "elsewhere"


def test_vip_ls_on_a_node_that_is_no_candidate(make_lan):
    """The document's VIPs, and their owners as long as another node tells."""
    lan = make_lan(3)
    lan.write_document(lan.document().replace("prefer: [a, b, c]", "prefer: [a, b]"))
    *_, c = lan.nodes
    c.start_lb()

    def listed() -> tuple[int, list[str]]:
        command = [lan.bin_dir / "hearth", "vip", "ls", "--run-dir", c.run_dir]
        done = c.host.run(command, check=False)
        return done.returncode, re.split(r"\s{2,}", done.stdout.splitlines()[1].strip())

    assert listed() == (1, ["dns", "10.0.0.53", "unknown", "no candidate", "-", "-", "-"])
    for node in lan.nodes[:2]:
        node.start_lb()
    wait_until(lambda: listed() == (0, ["dns", "10.0.0.53", "a", "no candidate", "-", "-", "-"]))


def test_dead_process_is_replaced_within_milliseconds(make_lan):
    lan = make_lan(3).start()
    wait_connected(lan)
    a, *others = lan.nodes
    killed = time.time()
    a.lb.signal(9)
    wait_until(lambda: any("to=master" in node.lb.log() for node in others), 2)
    log = next(node.lb.log() for node in others if "to=master" in node.lb.log())
    line = re.search(r"^(\S+) info vip_state vip=dns from=backup to=master", log, re.MULTILINE)
    moved = datetime.datetime.fromisoformat(line[1].replace("Z", "+00:00")).timestamp()
    assert moved - killed < 0.2  # VRRP alone needs 0.3 s


def test_suspended_process_is_no_reason_to_hurry(make_lan):
    """Its sockets stay open: only VRRP's timers may tell."""
    lan = make_lan(2, vip=", advert_interval: 1s").start()
    wait_connected(lan)
    a, b = lan.nodes
    a.lb.signal(19)
    with pytest.raises(TimeoutError):
        b.wait_state("master", deadline=1.5)
    b.wait_state("master", deadline=4)
    a.lb.signal(18)


def test_broken_connection_between_living_nodes_moves_nothing(make_lan):
    lan = make_lan(2).start()
    wait_connected(lan)
    a, b = lan.nodes
    for _ in range(3):
        a.host.run(["ss", "-K", "dport", "= :7531", "or", "sport", "= :7531"])
        wait_until(lambda: "peer_disconnected" in b.lb.log())
        wait_connected(lan)
    assert a.vip()["transitions"] == 3 and b.vip()["transitions"] == 2


def nft(host, command: str) -> str:
    return host.run(["nft", command]).stdout


def attempts_seen(host) -> int:
    return int(re.search(r"counter packets (\d+)", nft(host, "list table inet watch"))[1])


def test_wrong_key_and_strangers_are_not_let_in(make_lan):
    lan = make_lan(2)
    a, b = lan.nodes
    (b.config.parent / "peer.key").write_text("ab" * 32 + "\n")
    lan.start()
    wait_until(lambda: "peer_away" in a.control.problems())
    nft(b.host, "add table inet watch")
    nft(b.host, "add chain inet watch input { type filter hook input priority 0 ; }")
    nft(b.host, "add rule inet watch input tcp dport 7531 tcp flags & (syn|ack) == syn counter")
    wait_until(lambda: attempts_seen(b.host) >= 2)
    assert node_seen_by(a, "b")["state"] == "unknown"
    assert [node.state() for node in lan.nodes] == ["master", "backup"]
    for address in (a.address, b.address):
        plain = lan.client.connect(address, 7531, timeout=5)
        plain.settimeout(5)
        assert plain.recv(100) == b""  # the client is no node
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with b.host.entered():
            from_node = socket.create_connection((a.address, 7531), timeout=5, source_address=(b.address, 0))
        with pytest.raises((ssl.SSLError, OSError)):
            context.wrap_socket(from_node).recv(10)


def test_without_a_key_vrrp_decides_alone_and_status_says_so(make_lan):
    lan = make_lan(2)
    for node in lan.nodes:
        (node.config.parent / "peer.key").unlink()
    lan.start()
    a, b = lan.nodes
    problem = next(p for p in a.control.status()["problems"] if p["name"] == "peer_key")
    assert re.search("hearth peer keygen", problem["detail"])
    a.lb.kill()
    b.wait_state("master", deadline=2)
