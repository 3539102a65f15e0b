"""VLAN interfaces of a host, for kernels without 802.1Q: a tap device whose frames carry the tag on
the interface below.

    interface = vlan.add(host, "eth0", 20, "10.0.20.11/24")     # "vlan20"
"""

import array
import contextlib
import fcntl
import os
import select
import socket
import struct
import sys

from tests.lab.netns import Namespace

_ETH_P_ALL, _TPID = 3, 0x8100
_SOL_PACKET, _PACKET_AUXDATA, _PACKET_IGNORE_OUTGOING = 263, 8, 23
_VLAN_VALID = 1 << 4
_TUNSETIFF, _IFF_TAP_NO_PI = 0x400454CA, 0x1002


class Tagged:
    """Frames with a VLAN's tag on an interface, as they are on the wire."""

    def __init__(self, interface: str, vlan: int, *, priority: int = 0) -> None:
        self._tag = struct.pack("!HH", _TPID, priority << 13 | vlan)
        self._vlan = vlan
        self._raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        self._raw.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
        self._raw.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        self._raw.bind((interface, _ETH_P_ALL))

    def fileno(self) -> int:
        return self._raw.fileno()

    def send(self, frame: bytes) -> None:
        self._raw.send(frame[:12] + self._tag + frame[12:])

    def receive(self, deadline: float | None = None) -> bytes | None:
        """The next frame, without its tag; none when it has none or another."""
        self._raw.settimeout(deadline)
        frame, notes, _, _ = self._raw.recvmsg(65536, 64)
        for _, kind, data in notes:
            if kind == _PACKET_AUXDATA:
                status, tci = struct.unpack("=I12xHxx", data[:20])
                if status & _VLAN_VALID and tci & 0xFFF == self._vlan:
                    return frame
        return None

    def close(self) -> None:
        self._raw.close()


def add(host: Namespace, below: str, vlan: int, *addresses: str) -> str:
    """The name of the interface, up, with `addresses`."""
    name = f"vlan{vlan}"
    program = host.start([sys.executable, "-m", "tests.lab.vlan", below, str(vlan), name], name=name)
    program.wait_line("^ready$")
    host.sysctl(f"net.ipv6.conf.{name}.accept_dad", 0)
    host.ip(f"link set {name} up", *[f"address add {one} dev {name}" for one in addresses])
    return name


def _tap(name: str) -> int:
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, _TUNSETIFF, array.array("B", struct.pack("16sH22x", name.encode(), _IFF_TAP_NO_PI)))
    return device


def _pump(below: str, vlan: int, name: str) -> None:
    device, wire = _tap(name), Tagged(below, vlan)
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([device, wire], [], [])
        if wire in ready and (frame := wire.receive()):
            with contextlib.suppress(OSError):  # it is down
                os.write(device, frame)
        if device in ready:
            with contextlib.suppress(OSError):
                wire.send(os.read(device, 65536))


if __name__ == "__main__":
    _pump(sys.argv[1], int(sys.argv[2]), sys.argv[3])
