"""What the nodes of a LAN say about who owns the VIP, as their ports of the switch hear it."""

import contextlib
import select
import socket
import struct
import time

from tests.lb.vip_lan import VIP, Node, VipLan

_ANY = 0x0003  # ETH_P_ALL: the bridge takes frames before other sockets see them
_OUTGOING = 4
_SO_TIMESTAMPNS = 35
_VRRP = b"\x70"  # the protocol's number
_VIP = socket.inet_aton(VIP)


class Adverts:
    def __init__(self, lan: VipLan) -> None:
        self._sockets = {}
        for node in lan.nodes:
            with lan.switch.namespace.entered():
                heard = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ANY))
                heard.bind((node.port.name, _ANY))
            heard.setblocking(False)
            heard.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self._sockets[node.name] = heard

    def wait(self, node: Node) -> None:
        """The next one of `node`."""
        heard = self._sockets[node.name]
        _forget(heard)
        while select.select([heard], [], [], 10)[0]:
            if is_claim(_receive(heard)[0]):
                return
        raise TimeoutError(f"{node.name} owns and does not say so")

    def since(self, begin: float, node: Node) -> float:
        """How long after `begin` (and after its forget()) `node` still claimed to own."""
        heard, last = self._sockets[node.name], begin
        with contextlib.suppress(BlockingIOError):
            while True:
                packet, when = _receive(heard)
                if is_claim(packet):
                    last = max(last, when)
        return last - begin

    def forget(self) -> None:
        for heard in self._sockets.values():
            _forget(heard)

    def of(self, node: Node) -> socket.socket:
        self.forget()
        return self._sockets[node.name]


def _receive(heard: socket.socket) -> tuple[bytes, float]:
    """A packet that has come from the node, nothing for one to it, and when that was."""
    packet, ancillary, _, sender = heard.recvmsg(64, 64)
    seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
    return b"" if sender[2] == _OUTGOING else packet, seconds + nanoseconds / 1e9


def is_claim(packet: bytes) -> bool:
    """VRRP for the VIP (there may be others at other nodes), of any priority but 0."""
    return packet[9:10] == _VRRP and packet[28:32] == _VIP and packet[22] != 0


def _forget(heard: socket.socket) -> None:
    heard.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # the port was down meanwhile
    with contextlib.suppress(BlockingIOError):
        while True:
            heard.recv(64)


def longest_gaps(heard: list[socket.socket], seconds: float) -> list[float]:
    """Seconds between two adverts, on each of the sockets."""
    last: dict[socket.socket, float] = {}
    gaps = dict.fromkeys(heard, 0.0)
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for ready in select.select(heard, [], [], left)[0]:
            packet, when = _receive(ready)
            if not is_claim(packet):
                continue
            gaps[ready] = max(gaps[ready], when - last.get(ready, when))
            last[ready] = when
    return list(gaps.values())
