"""What others on the LAN may send: strangers on a VIP, malformed and forged packets."""

import socket
import struct

import pytest

from tests.lab.waiting import wait_until
from tests.lb.vip_lan import CLIENT, VIP


def checksum(data: bytes, start: int = 0) -> int:
    total = start + sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def advert(source, destination, *, vrid=53, priority=255, vips=(VIP,), ttl=255, version=0x31, trailing=b"", keep=None, pseudo_header=True) -> bytes:
    """An IPv4 packet whose checksums are right."""
    body = struct.pack("!BBBBHH", version, vrid, priority, len(vips), 10, 0)
    body += b"".join(map(socket.inet_aton, vips)) + trailing
    pseudo = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!BBH", 0, 112, len(body))
    body = body[:6] + struct.pack("!H", checksum(body, ~checksum(pseudo) & 0xFFFF if pseudo_header else 0)) + body[8:]
    body = body[:keep]
    head = struct.pack("!BBHHHBBH", 0x45, 0xC0, 20 + len(body), 0, 0x4000, ttl, 112, 0)
    head += socket.inet_aton(source) + socket.inet_aton(destination)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


class Attacker:
    """Sends frames as it likes from the client's interface."""

    def __init__(self, lan) -> None:
        self.mac = bytes.fromhex(lan.client.mac().replace(":", ""))
        with lan.client.entered():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            self._socket.bind(("eth0", 0))

    def send(self, ethertype: int, payload: bytes, to: bytes = b"\xff" * 6) -> None:
        self._socket.send(to + self.mac + struct.pack("!H", ethertype) + payload)

    def claim(self, operation: int) -> None:
        body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation)
        self.send(0x0806, body + self.mac + socket.inet_aton(VIP) + bytes(6) + socket.inet_aton(VIP))


def dropped(node, reason: str) -> float:
    return node.control.metric("hearth_lb_dropped_packets_total", reason=reason)


@pytest.mark.parametrize(
    "reason, change",
    [
        ("bad_ttl", {"ttl": 254}),
        ("unknown_peer", {"source": CLIENT}),
        ("unknown_vrid", {"vrid": 54}),
        ("wrong_address_set", {"vips": (VIP, "10.0.0.54")}),
        ("wrong_address_set", {"vips": ()}),
        ("trailing_bytes", {"trailing": b"auth"}),
        ("bad_version", {"version": 0x41}),
        ("own_packet", {"source": "10.0.0.11"}),
    ],
)
def test_forged_adverts_are_counted_and_change_nothing(make_lan, reason, change):
    lan = make_lan(2).start()
    a, _ = lan.nodes
    attacker = Attacker(lan)
    before = dropped(a, reason)
    source = change.pop("source", "10.0.0.12")
    for _ in range(20):
        attacker.send(0x0800, advert(source, "10.0.0.11", **change))
    wait_until(lambda: dropped(a, reason) >= before + 20)
    assert a.state() == "master" and a.vip()["transitions"] == 3


@pytest.mark.parametrize("pseudo_header", [True, False])
def test_checksums_with_and_without_the_pseudo_header_are_right(make_lan, pseudo_header):
    """keepalived counts it in, routers of other makes do not: both are followed."""
    lan = make_lan(1, vip=f", vrid: 53, foreign_peers: [{CLIENT}]")
    (a,) = lan.nodes
    attacker = Attacker(lan)
    a.start_lb()
    a.wait_state("master")
    packet = advert(CLIENT, "224.0.0.18", pseudo_header=pseudo_header)
    to = bytes.fromhex("01005e000012")
    def owner() -> str:
        attacker.send(0x0800, packet, to)
        return a.vip()["owner"]
    wait_until(lambda: owner() == CLIENT, 10)
    assert a.state() == "backup"
    assert dropped(a, "bad_checksum") == 0
    attacker.send(0x0800, packet[:26] + b"\0\1" + packet[28:], to)
    wait_until(lambda: dropped(a, "bad_checksum") == 1)


def test_truncated_packets_are_counted(make_lan):
    lan = make_lan(1).start()
    (a,) = lan.nodes
    attacker = Attacker(lan)
    before = dropped(a, "truncated")
    for size in range(12):
        attacker.send(0x0800, advert("10.0.0.12", "10.0.0.11", keep=size))
    wait_until(lambda: dropped(a, "truncated") == before + 12)
    for size in range(28):
        attacker.send(0x0806, bytes(size))
    assert a.state() == "master"


def test_foreign_holder_is_not_robbed_and_is_named(make_lan):
    lan = make_lan(2)
    lan.client.ip(f"address add {VIP}/32 dev eth0")  # its kernel answers
    for node in lan.nodes:
        node.start_lb()
    for node in lan.nodes:
        wait_until(lambda node=node: node.vip().get("conflict") == lan.client.mac())
        assert node.state() == "probing"
        wait_until(lambda node=node: "vip_conflict" in node.control.problems())
        assert node.control.metric("hearth_vip_conflicts_total", vip="dns") == 1
    lan.client.ip(f"address del {VIP}/32 dev eth0")
    lan.wait_owner(lan.nodes[0], deadline=20)


def test_live_conflict_is_defended_at_most_every_ten_seconds(make_lan):
    lan = make_lan(2).start()
    a, b = lan.nodes
    wait_until(lambda: a.vip()["for_s"] >= 3)  # its own announcements are over
    attacker = Attacker(lan)
    before = a.control.metric("hearth_arp_gratuitous_total")
    for _ in range(50):
        attacker.claim(1)
        attacker.claim(2)
    for node in (a, b):
        wait_until(lambda node=node: node.vip().get("conflict") == lan.client.mac())
    wait_until(lambda: a.control.metric("hearth_arp_gratuitous_total") == before + 8)
    assert a.state() == "master"
    lan.wait_owner(a)


def test_flood_does_not_starve_the_election(make_lan):
    lan = make_lan(2).start()
    a, b = lan.nodes
    attacker = Attacker(lan)
    packet = advert(CLIENT, "10.0.0.11")
    for _ in range(40_000):
        attacker.send(0x0800, packet)
        attacker.claim(2)
    assert [a.state(), b.state()] == ["master", "backup"]
    assert a.vip()["transitions"] == 3 and b.vip()["transitions"] == 2
