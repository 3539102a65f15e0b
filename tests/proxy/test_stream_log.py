"""Streams in the access log and to who follows it: one line when each ends."""

import contextlib
import json
import socket

import pytest

from tests.lab.authority import Authority
from tests.lab.waiting import wait_until
from tests.proxy.collector import Journal
from tests.proxy.house import ADDRESS, Peer
from tests.proxy.test_streams import SecureUpstream, echo, secure
from tests.proxy.test_streams import connect as connect_tls


@pytest.fixture
def services(house) -> dict:
    house.upstream(9883, echo)
    return {
        "mqtt": {"upstream": f"tcp://{ADDRESS}:9883", "listen": 1883},
        "quiet": {"upstream": f"tcp://{ADDRESS}:9883", "listen": 1884, "idle_timeout": "1s"},
        "closed": {"upstream": f"tcp://{ADDRESS}:9883", "listen": 1885, "allow": ["10.0.0.0/24"]},
        "dead": {"upstream": f"tcp://{ADDRESS}:9884", "listen": 1886},
        "syslog": {"upstream": f"udp://{ADDRESS}:9514", "listen": 514, "idle_timeout": "1s"},
    }


def lines(house, service: str) -> list[dict]:
    """Those of one service, as they stand in the daemon's output."""
    found = []
    for line in house.daemon.log().splitlines():
        if line.startswith('{"time"') and '"stream"' in line:
            entry = json.loads(line)
            if entry["service"] == service:
                found.append(entry)
    return found


def line(house, service: str) -> dict:
    (found,) = wait_until(lambda: lines(house, service), 20, what=f"a line of {service}")
    assert found.pop("duration_us") >= 0 and found.pop("time")
    return found


def end(peer: Peer) -> bytes:
    peer.connection.shutdown(socket.SHUT_WR)
    return peer.read_all()


def test_each_end_has_its_reason(house, services):
    house.start(services, access_log="json", workers=1)
    peer = house.client(1883)
    port = peer.connection.getsockname()[1]
    peer.send(b"hello")
    assert peer.read_exactly(5) == b"hello"
    assert lines(house, "mqtt") == []
    assert end(peer) == b""
    assert line(house, "mqtt") == {
        "stream": "tcp", "client": ADDRESS, "client_port": port, "service": "mqtt", "upstream": f"{ADDRESS}:9883",
        "request_octets": 5, "response_octets": 5, "end": "closed"}

    peer = house.client(1884)
    peer.send(b"x")
    assert peer.read_exactly(1) == b"x" and peer.read_all() == b""
    assert line(house, "quiet")["end"] == "idle"

    for port, service, hop, reason in ((1885, "closed", "proxy", "forbidden"), (1886, "dead", "upstream", "connect_refused")):
        with contextlib.suppress(OSError):  # reset, maybe before it stands
            house.client(port).read_all()
        told = line(house, service)
        assert (told["end"], told["hop"], told["reason"]) == ("failed", hop, reason)
        assert "upstream" not in told and told["request_octets"] == 0

    peer = house.client(1883)
    peer.send(b"abc")
    assert peer.read_exactly(3) == b"abc"
    peer.reset()
    wait_until(lambda: len(lines(house, "mqtt")) == 2, what="the line of one that was reset")
    assert (lines(house, "mqtt")[1]["end"], lines(house, "mqtt")[1]["reason"]) == ("failed", "reset")


def test_clients_of_udp(house, services):
    with house.host.entered():
        upstream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    upstream.bind((ADDRESS, 9514))
    upstream.settimeout(20)
    client.settimeout(20)
    house.start(services, access_log="json", workers=1)
    client.sendto(b"question", (ADDRESS, 514))
    asked, back = upstream.recvfrom(100)
    assert asked == b"question"
    upstream.sendto(b"an answer", back)
    assert client.recv(100) == b"an answer"
    assert line(house, "syslog") == {
        "stream": "udp", "client": ADDRESS, "client_port": client.getsockname()[1], "service": "syslog",
        "upstream": f"{ADDRESS}:9514", "request_octets": 8, "response_octets": 9, "end": "idle"}
    upstream.close()
    client.close()


def test_an_upstream_of_udp_is_unknown_until_it_is_used(house, services, binaries):
    house.start({"syslog": services["syslog"]}, workers=1)
    route = house.control.status()["routes"][0]["upstreams"][0]
    assert route == {"url": f"udp://{ADDRESS}:9514", "up": None, "detail": "unknown until a client uses it"}
    told = house.host.run([binaries["hearth"], "routes", "--run-dir", house.run_dir]).stdout
    assert "unknown until a client uses it" in told


def test_tls_by_name_and_a_stop(house):
    authority = Authority(house.directory / "tls")
    SecureUpstream(house, authority, "nas.home", 9443)
    house.start({"nas": {"upstream": f"tls://{ADDRESS}:9443"}}, access_log="json", workers=1,
                **secure(authority.leaf("nas.home")))
    peer = connect_tls(house, authority, "nas.home")
    peer.send(b"hello")
    assert peer.read_exactly(9) == b"own:hello"
    house.daemon.stop()
    told = line(house, "nas")
    assert (told["stream"], told["end"]) == ("tls", "stopped") and told["request_octets"] > 500


def test_tail_follows_them(house, services, binaries):
    house.start(services, workers=1)
    tail = house.host.start([binaries["hearth"], "tail", "proxy", "--service", "mqtt", "--run-dir", house.run_dir])

    def told() -> bool:
        end(house.client(1883))
        return " tcp mqtt 0/0 octets " in tail.log() and f"{ADDRESS}:9883 closed" in tail.log()

    wait_until(told, 20, interval=0.3, what="the line of a stream")


def test_entries_of_the_journal(house, services):
    journal = Journal(house.directory / "journal")
    house.write(services, access_log="journal", workers=1)
    state = house.directory / "state"
    state.mkdir()
    argv = [house._program, "--config", house.config, "--run-dir", house.run_dir, "--state-dir", state]
    house.daemon = house.host.start(journal.wrap(argv), name="hearth-proxy").wait_ready()
    end(house.client(1883))
    entry = journal.find("stream")
    assert entry["MESSAGE"].startswith(f"{ADDRESS}:") and entry["MESSAGE"].endswith(f" {ADDRESS}:9883 closed")
    assert (entry["HEARTH_SERVICE"], entry["HEARTH_STREAM"], entry["HEARTH_END"]) == ("mqtt", "tcp", "closed")
    assert entry["PRIORITY"] == "6" and entry["MESSAGE_ID"]
    journal.close()
