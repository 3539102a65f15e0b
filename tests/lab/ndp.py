"""Who answers neighbour solicitations for an address, seen from the wire, and forged ones."""

import ipaddress
import json
import socket
import struct
import time
from dataclasses import dataclass

from tests.lab.netns import Namespace

_ETHERTYPE = 0x86DD
_ICMPV6 = 58
SOLICITATION, ADVERTISEMENT = 135, 136
ROUTER, SOLICITED, OVERRIDE = 0x80, 0x40, 0x20
ALL_NODES = "ff02::1"


@dataclass(frozen=True)
class Message:
    """A neighbour solicitation or advertisement as it came by, from `mac` to `destination`."""

    mac: str
    kind: int
    source: str
    destination: str
    flags: int
    target: str
    link: str  # the link-layer address option, or ""
    hop_limit: int


def link_local(host: Namespace, interface: str = "eth0") -> str:
    text = host.run(["ip", "-6", "-json", "address", "show", "dev", interface, "scope", "link"]).stdout
    found = [item for link in json.loads(text) for item in link.get("addr_info", [])]
    return next(item["local"] for item in found if item.get("scope") == "link")


def _packed(address: str) -> bytes:
    return ipaddress.IPv6Address(address).packed


def group_of(address: str) -> str:
    return str(ipaddress.IPv6Address(_packed("ff02::1:ff00:0")[:13] + _packed(address)[13:]))


def _mac_of_group(group: str) -> bytes:
    return b"\x33\x33" + _packed(group)[12:]


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(kind: int, source: str, destination: str, target: str, *, flags: int = 0, link: str = "") -> bytes:
    """From the IPv6 header on."""
    body = struct.pack("!BBHI", kind, 0, 0, flags << 24) + _packed(target)
    if link:
        body += bytes([1 if kind == SOLICITATION else 2, 1]) + bytes.fromhex(link.replace(":", ""))
    addresses = _packed(source) + _packed(destination)
    checksum = _checksum(addresses + struct.pack("!II", len(body), _ICMPV6) + body)
    body = body[:2] + struct.pack("!H", checksum) + body[4:]
    return struct.pack("!IHBB", 6 << 28, len(body), _ICMPV6, 255) + addresses + body


def _parse(frame: bytes) -> Message | None:
    if len(frame) < 14 + 40 + 24 or frame[20] != _ICMPV6 or frame[54] not in (SOLICITATION, ADVERTISEMENT):
        return None
    text = lambda at: str(ipaddress.IPv6Address(frame[at : at + 16]))
    link = frame[80:86].hex(":") if len(frame) >= 86 and frame[78] in (1, 2) else ""
    return Message(frame[6:12].hex(":"), frame[54], text(22), text(38), frame[58], text(62), link, frame[21])


class Wire:
    """A host's view of neighbour discovery on its interface."""

    def __init__(self, host: Namespace, interface: str = "eth0") -> None:
        self.mac, self.own = host.mac(interface), link_local(host, interface)
        with host.entered():
            self._raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETHERTYPE))
            self._raw.bind((interface, _ETHERTYPE))
            # All groups' frames, as a switch without snooping delivers them.
            membership = struct.pack("iHH8s", socket.if_nametoindex(interface), 2, 0, b"")
            self._raw.setsockopt(263, 1, membership)  # SOL_PACKET, PACKET_ADD_MEMBERSHIP, all multicast

    def send(self, data: bytes, destination: str = "") -> None:
        """`destination` is a MAC; without one it is that of the group."""
        group = str(ipaddress.IPv6Address(data[24:40]))
        to = bytes.fromhex(destination.replace(":", "")) if destination else _mac_of_group(group)
        self._raw.send(to + bytes.fromhex(self.mac.replace(":", "")) + struct.pack("!H", _ETHERTYPE) + data)

    def hear(self, seconds: float) -> list[Message]:
        found, end = [], time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._raw.settimeout(left)
            try:
                message = _parse(self._raw.recv(2048))
            except TimeoutError:
                break
            if message and message.mac != self.mac:
                found.append(message)
        return found

    def answers(self, address: str, seconds: float = 0.3) -> list[Message]:
        """Advertisements of `address` that come now."""
        return [m for m in self.hear(seconds) if m.kind == ADVERTISEMENT and m.target == address]

    def solicit(self, address: str) -> list[Message]:
        self.send(packet(SOLICITATION, self.own, group_of(address), address, link=self.mac))
        return self.answers(address)

    def close(self) -> None:
        self._raw.close()

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_) -> None:
        self.close()


def who_has(host: Namespace, address: str) -> set[str]:
    """The MAC addresses of all who answer one solicitation."""
    with Wire(host) as wire:
        return {answer.link for answer in wire.solicit(address)}
