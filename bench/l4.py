"""What services on ports cost: one backend that changes among a thousand services, a cold start of
them, and each packet, beside rules written by hand for one service.

A node between a client and a machine that stands for every backend, on one switch.
"""

import contextlib
import socket
import threading
import time

from bench.report import Report, median
from tests.lab.netns import Network
from tests.lab.waiting import wait_until
from tests.lb.vip_lan import VipLan

PEERS = {"nft": "nftables"}
PROGRAMS = ["hearth-lb", "bench-udp-flood"]

_VIP = "10.0.0.101"
_BACKENDS = [f"10.0.0.{200 + i}" for i in range(10)]
_ALIVE = _BACKENDS[0]
_TOGGLED, _CHECK = "udp/1999", 1998
_BY_HAND = f"""
table ip mine {{
    chain pre {{
        type nat hook prerouting priority dstnat
        ip daddr {_VIP} udp dport 2000 dnat to {_ALIVE}:2000
    }}
    chain post {{
        type nat hook postrouting priority srcnat
        ct status dnat masquerade
    }}
}}
"""


def _document(lan: VipLan, services: int) -> str:
    ten = ", ".join(_BACKENDS)
    lines = [f"  toggled: {{vip: {_VIP}, ports: {{{_TOGGLED}: [{ten}]}}, "
             f"check: {{kind: tcp, port: {_CHECK}, interval: 100ms, timeout: 1s, rise: 1, fall: 1}}}}",
             f"  one: {{vip: {_VIP}, ports: {{udp/2000: {_ALIVE}}}}}"]
    lines += [f"  s{i}: {{vip: {_VIP}, ports: {{tcp/{2000 + i}: [{ten}]}}}}" for i in range(services - 2)]
    return lan.document(more="services:\n" + "\n".join(lines) + "\n")


class _Home:
    def __init__(self, options, network: Network) -> None:
        self.options = options
        self.lan = VipLan(options.build_dir / "bin", network, 1)
        self.machine = network.host("machine")
        self.lan.switch.attach(self.machine, f"{_ALIVE}/24")
        for address in _BACKENDS[1:]:
            self.machine.ip(f"address add {address}/24 dev eth0")
        (self.node,) = self.lan.nodes

    def start(self, services: int) -> float:
        """Seconds until hearth-lb is ready, with every service in the kernel."""
        self.lan.write_document(_document(self.lan, services))
        begin = time.monotonic()
        self.node.start_lb()
        took = time.monotonic() - begin
        self.cold = self.node.control.status()["service_timings"]["whole_us"]
        self.node.wait_state("master")
        name = "toggled"
        self.node.wait_state("master", name)
        return took

    def stop(self) -> None:
        self.node.lb.stop()

    def change_us(self) -> int:
        """How long the last change of a backend took, until the kernel had it."""
        return self.node.control.status()["service_timings"]["change_us"]

    def flood(self, packets: int) -> float:
        with self.machine.entered():  # takes them and drops them: no answer
            sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sink.bind((_ALIVE, 2000))
        with sink:
            return self._flood(packets)

    def _flood(self, packets: int) -> float:
        program = self.options.build_dir / "bin" / "bench-udp-flood"
        return float(self.lan.client.run([program, _VIP, "2000", str(packets)]).stdout)


@contextlib.contextmanager
def _listening(host, address: str):
    with host.entered():
        listener = socket.create_server((address, _CHECK), backlog=64)
    try:
        yield
    finally:
        listener.close()


class _Traffic:
    """A datagram each millisecond through another service while things change."""

    def __init__(self, home: _Home) -> None:
        with home.machine.entered():
            self.echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.echo.bind((_ALIVE, 2000))
        self.echo.settimeout(0.5)
        self.client = home.lan.client.udp(timeout=1)
        self.client.connect((_VIP, 2000))
        self.sent = self.answered = 0
        self.done = False
        self.threads = [threading.Thread(target=run, daemon=True) for run in (self._serve, self._listen, self._send)]

    def __enter__(self) -> "_Traffic":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.done = True
        for thread in reversed(self.threads):
            thread.join()
        self.echo.close()
        self.client.close()

    def _serve(self) -> None:
        while not self.done:
            with contextlib.suppress(TimeoutError):
                data, peer = self.echo.recvfrom(100)
                self.echo.sendto(data, peer)

    def _send(self) -> None:
        while not self.done:
            self.client.send(b"x")
            self.sent += 1
            time.sleep(0.001)

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self.client.recv(100)
                self.answered += 1


def _changes(home: _Home, count: int) -> tuple[list[float], int]:
    """Milliseconds of each change of one backend, and datagrams lost beside it."""

    def state() -> str:
        services = home.node.control.status()["services"]
        toggled = next(one for one in services if one["port"] == _TOGGLED)
        return toggled["backends"][1]["state"]

    took = []
    with _Traffic(home) as traffic:
        wait_until(lambda: state() == "down", 20)
        for _ in range(count):
            with _listening(home.machine, _BACKENDS[1]):
                wait_until(lambda: state() == "up", 20)
                took.append(home.change_us() / 1000)
            wait_until(lambda: state() == "down", 20)
            took.append(home.change_us() / 1000)
    return took, traffic.sent - traffic.answered


def run(options) -> Report:
    report = Report("l4")
    trials = options.trials or (2 if options.quick else 10)
    packets = 50_000 if options.quick else 300_000
    with Network() as network:
        home = _Home(options, network)
        for services in (10, 1000):
            ready = home.start(services)
            took, lost = _changes(home, trials)
            bar = {"at_most": 5} if services == 1000 else {}
            report.add(f"one backend changed among {services} services", "hearth", median(took), "ms", **bar)
            if services == 1000:
                report.add("datagrams lost beside it", "hearth", lost, "", at_most=0)
                report.add("cold start of 1000 services: in the kernel", "hearth",
                           home.cold / 1000, "ms", at_most=300)
                report.add("cold start of 1000 services: until ready", "hearth", ready * 1000, "ms")
            home.stop()
        costs: dict[str, list[float]] = {"1": [], "1000": [], "by hand": [], "alone": []}
        for _ in range(3 if options.quick else 7):
            for services in (10, 1000):
                home.start(services)
                costs["1" if services == 10 else "1000"].append(home.flood(packets))
                home.stop()
            costs["by hand"].append(_by_hand(home, packets))
            home.node.host.ip(f"address add {_VIP}/32 dev lo")
            costs["alone"].append(_alone(home, packets))
            home.node.host.ip(f"address del {_VIP}/32 dev lo")
        by_hand = min(costs["by hand"])
        report.add("a packet through one service", "hearth", min(costs["1"]), "ns")
        report.add("a packet through one service", "by hand", by_hand, "ns")
        report.add("a packet through one of 1000", "hearth", min(costs["1000"]), "ns")
        report.add("a packet where no hearth-lb runs", "by hand", min(costs["alone"]), "ns")
        for name, text in (("1", "one service"), ("1000", "one of 1000")):
            report.add(f"a packet through {text}, by hand = 1", "hearth", min(costs[name]) / by_hand, "",
                       at_most=1.05)
    report.note("packets: the best of the rounds, taken in turns; by hand: hearth-lb holds the VIP, its services aside")
    report.note("a change: from the answer of a check until the kernel had it; 10 backends for each service")
    return report


def _by_hand(home: _Home, packets: int) -> float:
    """The same node, and the same VIP held by hearth-lb: only the services' rules are others."""
    vips = f"  dns: {{address: 10.0.0.53, prefer: [a]}}\n  mqtt: {{address: {_VIP}, prefer: [a]}}\n"
    text = home.lan.document()
    home.lan.write_document(text[: text.index("vips:")] + "vips:\n" + vips + text[text.index("peers:"):])
    home.node.start_lb()
    home.node.wait_state("master", "mqtt")
    try:
        return _alone(home, packets)
    finally:
        home.stop()


def _alone(home: _Home, packets: int) -> float:
    """Whoever holds the VIP."""
    host = home.node.host
    host.sysctl("net.ipv4.conf.eth0.forwarding", 1)
    host.nft(_BY_HAND)
    home.lan.client.ip(f"neighbour replace {_VIP} lladdr {host.mac()} dev eth0")
    try:
        return home.flood(packets)
    finally:
        host.nft("delete table ip mine")
        home.lan.client.ip(f"neighbour del {_VIP} dev eth0")
