"""Links of a network namespace changed by rtnetlink, at once: to start `ip` takes a busy machine longer than a fail-over.

    change(switch.namespace, "port2", up=False)
    change(switch.namespace, "port2", master="br0")
"""

import socket
import struct

_RTM_NEWLINK = 16
_REQUEST_AND_ACK = 0x1 | 0x4
_ERROR = 2
_IFF_UP = 1
_IFLA_MASTER = 10


def change(namespace, link: str, *, up: bool | None = None, master: str | None = None) -> None:
    """`master` "": none. Returns when the kernel has done it."""
    with namespace.entered():
        netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        index = socket.if_nametoindex(link)
        master_index = socket.if_nametoindex(master) if master else 0
    flags, mask = (0, 0) if up is None else (int(up) * _IFF_UP, _IFF_UP)
    body = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, flags, mask)
    if master is not None:
        body += struct.pack("=HHI", 8, _IFLA_MASTER, master_index)
    with netlink:
        netlink.send(struct.pack("=IHHII", 16 + len(body), _RTM_NEWLINK, _REQUEST_AND_ACK, 1, 0) + body)
        answer = netlink.recv(4096)
    kind, code = struct.unpack_from("=H", answer, 4)[0], struct.unpack_from("=i", answer, 16)[0]
    if kind != _ERROR or code != 0:
        raise OSError(-code, f"{link}: the kernel refused to change it")
