"""Who answers ARP for an address, seen from the wire."""

import socket
import struct
import threading
import time

from tests.lab.netns import Namespace

_REQUEST, _REPLY = 1, 2
_ETHERTYPE = 0x0806


def who_has(
    host: Namespace, address: str, *, source: str, listen: float = 0.3, interface: str = "eth0"
) -> set[str]:
    """The MAC addresses of all who answer one broadcast request within `listen` seconds.

    More than one is a split brain, none is an address that nobody serves.
    """
    mac = bytes.fromhex(host.mac(interface).replace(":", ""))
    target = socket.inet_aton(address)
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, _REQUEST)
    body += mac + socket.inet_aton(source) + bytes(6) + target
    with host.entered():
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETHERTYPE))
    with raw:
        raw.bind((interface, _ETHERTYPE))
        raw.send(b"\xff" * 6 + mac + struct.pack("!H", _ETHERTYPE) + body)
        found: set[str] = set()
        end = time.monotonic() + listen
        while (left := end - time.monotonic()) > 0:
            raw.settimeout(left)
            try:
                frame = raw.recv(128)
            except TimeoutError:
                break
            operation = struct.unpack("!H", frame[20:22])[0]
            if operation == _REPLY and frame[28:32] == target and frame[:6] == mac:
                found.add(frame[22:28].hex(":"))
        return found


class Watch:
    """Notes who claims `addresses` in any ARP frame that reaches `host`, in order of time.

    `owners(address)` is the succession without repetitions: ["pi4-1", "pi4-2"] is one move.
    """

    def __init__(self, host: Namespace, addresses: list[str], names: dict[str, str]) -> None:
        self._seen: dict[bytes, list[str]] = {socket.inet_aton(address): [] for address in addresses}
        self._names = names
        with host.entered():
            self._raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETHERTYPE))
        self._raw.bind(("eth0", _ETHERTYPE))
        self._raw.settimeout(0.1)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._ended.is_set():
            try:
                frame = self._raw.recv(128)
            except TimeoutError:
                continue
            succession = self._seen.get(frame[28:32])
            if succession is None:
                continue
            mac = frame[22:28].hex(":")
            owner = self._names.get(mac, mac)
            if not succession or succession[-1] != owner:
                succession.append(owner)

    def owners(self, address: str) -> list[str]:
        return list(self._seen[socket.inet_aton(address)])

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._raw.close()

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_) -> None:
        self.close()
