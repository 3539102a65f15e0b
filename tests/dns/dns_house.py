"""A small house for hearth-dns alone: its machine, a client, and a router that resolves.

    client 10.0.0.50 ── lan ── 10.0.0.2 dns (VIP 10.0.0.53 on lo)
                         └──── 10.0.0.1 router: unbound, or an upstream that a test scripts
"""

import re
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.control import Control
from tests.lab.kept import KeptSockets
from tests.lab.netns import Namespace, Network
from tests.lab.process import Process
from tests.lab.unbound import start_unbound

DNS, VIP, ROUTER, CLIENT, STRANGER = "10.0.0.2", "10.0.0.53", "10.0.0.1", "10.0.0.50", "203.0.113.9"

ZONE = """
  interface: {address}
  max-udp-size: {max_udp_size}
  local-zone: "example." static
  local-data: "example. 300 IN SOA ns.example. host.example. 1 3600 600 86400 30"
  local-data: "www.example. 300 IN A 192.0.2.80"
  local-data: "www.example. 300 IN AAAA 2001:db8::80"
  local-data: "ads.example. 300 IN A 192.0.2.66"
  local-zone: "lan." static
  local-data: "lan. 300 IN SOA ns.lan. host.lan. 1 3600 600 86400 30"
  local-data: "laptop.lan. 300 IN A 10.0.0.60"
  local-zone: "10.in-addr.arpa." static
  local-data-ptr: "10.0.0.60 300 laptop.lan"
{extra}
"""

BIG = "\n".join(f"""  local-data: 'big.example. 300 IN TXT "{i:02} {"x" * 60}"'""" for i in range(40))


@dataclass
class Answer:
    """What dig printed."""

    text: str
    rcode: str = ""
    flags: set[str] = field(default_factory=set)
    answers: list[str] = field(default_factory=list)
    authority: list[str] = field(default_factory=list)

    @staticmethod
    def parse(text: str) -> "Answer":
        answer = Answer(text)
        if match := re.search(r"status: (\w+)", text):
            answer.rcode = match[1]
        if match := re.search(r"flags: ([a-z ]*);", text):
            answer.flags = set(match[1].split())
        section = None
        for line in text.splitlines():
            if line.startswith(";; ANSWER SECTION"):
                section = answer.answers
            elif line.startswith(";; AUTHORITY SECTION"):
                section = answer.authority
            elif line.startswith(";") or not line:
                section = None if line.startswith(";; ") else section
            elif section is not None:
                section.append(" ".join(line.split()))
        return answer

    @property
    def data(self) -> list[str]:
        """The records' data, sorted."""
        return sorted(line.split(" ", 4)[4] for line in self.answers)


def wire_name(name: str) -> bytes:
    labels = [label.encode() for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def question(name: str, qtype: int = 1, number: int = 1) -> bytes:
    return struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + wire_name(name) + struct.pack(">HH", qtype, 1)


def name_in(packet: bytes) -> str:
    at, labels = 12, []
    while packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode())
        at += packet[at] + 1
    return ".".join(labels).lower()


def answer_a(packet: bytes, address: str = "192.0.2.99") -> bytes:
    """An answer to `packet` with one address; the OPT record is left away."""
    end = 12 + len(wire_name(name_in(packet))) + 4
    head = packet[:2] + struct.pack(">5H", 0x8180, 1, 1, 0, 0)
    record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 300, 4) + socket.inet_aton(address)
    return head + packet[12:end] + record


class ScriptedUpstream:
    """Calls `script(packet, peer, sock)` for each datagram on port 53 of `host`, and counts them."""

    def __init__(self, host: Namespace, script: Callable[[bytes, tuple, socket.socket], None],
                 address: str = ROUTER) -> None:
        self.names: list[str] = []
        self._script = script
        self._socket = host.udp(address, 53, timeout=0.1)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._ended.is_set():
            try:
                packet, peer = self._socket.recvfrom(4096)
            except TimeoutError:
                continue
            self.names.append(name_in(packet))
            self._script(packet, peer, self._socket)

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()


class House:
    def __init__(self, network: Network, program: Path) -> None:
        self.network, self.program = network, program
        lan = network.switch("lan")
        self.dns, self.router, self.client = (network.host(n) for n in ("dns", "router", "client"))
        lan.attach(self.dns, f"{DNS}/24")
        lan.attach(self.router, f"{ROUTER}/24")
        lan.attach(self.client, f"{CLIENT}/24")
        self.dns.ip(f"address add {VIP}/32 dev lo", f"route add {STRANGER}/32 via {CLIENT}")
        self.client.ip(f"address add {STRANGER}/32 dev lo")
        self.directory = self.dns.directory
        self.document = self.directory / "hearth.yaml"
        self.control = Control(self.directory / "dns.sock")
        self.process: Process | None = None
        self.kept: KeptSockets | None = None

    def write(self, *, dns: str = f"upstreams: [{ROUTER}]", extra: str = "", vip: str = VIP,
              workers: int = 2) -> None:
        self.document.write_text(f"""version: 1
domain: home
lan: [10.0.0.0/24]
nodes: {{pi: {DNS}}}
vips:
  dns: {{address: {vip}}}
  proxy: {{address: 10.0.0.100}}
proxy: {{vip: proxy}}
dns:
  vip: dns
  workers: {workers}
  {dns}
  records:
    printer: 10.0.0.40
    cluster: [10.0.0.41, 10.0.0.42]
    "*.apps": 10.0.0.43
    web: {{cname: www.example}}
services:
  immich: {{upstream: "http://pi:2283", aliases: [photos]}}
blocking:
  deny: [ads.example]
{extra}
""")

    def start(self, **document) -> "House":
        if not self.document.exists() or document:
            self.write(**document)
        self.process = self.dns.start([
            self.program, "--config", self.document, "--run-dir", self.directory,
            "--state-dir", self.directory / "state",
        ], kept=self.kept).wait_ready()
        return self

    def unbound(self, *, max_udp_size: int = 1232, extra: str = "") -> Process:
        return start_unbound(self.router, ZONE.format(address=ROUTER, max_udp_size=max_udp_size, extra=extra))

    def dig(self, *arguments: str, server: str = VIP, host: Namespace | None = None) -> Answer:
        argv = ["dig", f"@{server}", "+tries=1", "+time=6", *arguments]
        return Answer.parse((host or self.client).run(argv, check=False).stdout)

    def data(self, *arguments: str) -> list[str]:
        return self.dig(*arguments).data

    def problem(self, name: str) -> str:
        return next((p["detail"] for p in self.control.status()["problems"] if p["name"] == name), "")
