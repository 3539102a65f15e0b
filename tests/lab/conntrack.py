"""A kernel that tracks as many connections as it can, by ctnetlink."""

import socket
import struct
from pathlib import Path

_NEW = 1 << 8 | 0  # ctnetlink, IPCTNL_MSG_CT_NEW
_REQUEST, _CREATE, _EXCL = 1, 0x400, 0x200
_NESTED = 0x8000
_ASSURED = 1 << 1 | 1 << 2 | 1 << 3  # answered, not to be dropped for others, confirmed
_BATCH = 500


def _attribute(kind: int, payload: bytes) -> bytes:
    return struct.pack("HH", 4 + len(payload), kind) + payload + bytes(-len(payload) % 4)


def _tuple(kind: int, source: bytes, destination: bytes, ports: tuple[int, int]) -> bytes:
    ip = _attribute(1, source) + _attribute(2, destination)
    protocol = _attribute(1, b"\x11")
    protocol += _attribute(2, struct.pack("!H", ports[0])) + _attribute(3, struct.pack("!H", ports[1]))
    return _attribute(_NESTED | kind, _attribute(_NESTED | 1, ip) + _attribute(_NESTED | 2, protocol))


def _flow(number: int) -> bytes:
    source, destination = struct.pack("!I", 0xC6120000 + (number >> 15)), b"\xc6\x13\x00\x01"  # 198.18.0.0/15
    ports = (1024 + (number & 0x7FFF), 9)
    body = struct.pack("BBH", socket.AF_INET, 0, 0)
    body += _tuple(1, source, destination, ports) + _tuple(2, destination, source, ports[::-1])
    body += _attribute(3, struct.pack("!I", _ASSURED)) + _attribute(7, struct.pack("!I", 600))
    return struct.pack("IHHII", 16 + len(body), _NEW, _REQUEST | _CREATE | _EXCL, number, 0) + body


def most() -> int:
    return int(Path("/proc/sys/net/netfilter/nf_conntrack_max").read_text())


def fill(host) -> None:
    """Every place is taken by a flow that lasts for ten minutes."""
    with host.entered():
        netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    with netlink:
        netlink.setsockopt(socket.SOL_SOCKET, 32, 8 << 20)  # SO_SNDBUFFORCE
        wanted = most() + _BATCH
        for begin in range(0, wanted, _BATCH):
            netlink.send(b"".join(map(_flow, range(begin, begin + _BATCH))))


def flush(host) -> None:
    host.run(["conntrack", "-F"])
