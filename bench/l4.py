"""What services on ports cost: one backend that changes among a thousand services, a cold start of
them, and each packet, beside rules written by hand for one service.

A node between a client and a machine that stands for every backend, on one switch.
"""

import contextlib
import queue
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.contest import Cores, cpu_seconds, hurry, pinned
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
_PACKETS = 2_000  # at a time: 10 ms, in which the machine hardly changes
_BY_HAND_RULES = f"""
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
        self.cpu = cpu_seconds(self.node.lb.pid)
        self.cold = self.node.control.status()["service_timings"]["whole_us"]
        self.node.wait_state("master")
        name = "toggled"
        self.node.wait_state("master", name)
        return took

    def stop(self) -> None:
        self.node.lb.stop()
        self.node.host.run(["nft", "flush", "ruleset"])  # it leaves its own for the next one

    def kernel_cpu(self) -> float:
        """Seconds of the thread that changes the kernel's tables."""
        threads = Path(f"/proc/{self.node.lb.pid}/task").iterdir()
        kernel = next(one for one in threads if (one / "comm").read_text().strip() == "kernel")
        return int((kernel / "schedstat").read_text().split()[0]) / 1e9

    def change_us(self) -> int:
        """How long the last change of a backend took, until the kernel had it."""
        return self.node.control.status()["service_timings"]["change_us"]

    def open_flood(self, core: int) -> None:
        program = self.options.build_dir / "bin" / "bench-udp-flood"
        self.sender = subprocess.Popen([*self.lan.client.prefix(), *pinned(core, [program, _VIP, "2000"])],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def flood(self, packets: int) -> float:
        """Nanoseconds of CPU time for each."""
        self.sender.stdin.write(f"{packets}\n")
        return float(self.sender.stdout.readline().split()[0])

    def close_flood(self) -> None:
        self.sender.stdin.close()
        self.sender.wait()


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


@dataclass
class _Changes:
    took: list[float] = field(default_factory=list)  # milliseconds
    cpu: float = 0.0  # milliseconds of each, beyond what the thread that makes them used before
    lost: int = 0


def _changes(home: _Home, count: int) -> _Changes:
    """One backend comes and dies, with a datagram each millisecond through another service."""
    found = _Changes()
    states: queue.SimpleQueue[str] = queue.SimpleQueue()

    def listen() -> None:
        with contextlib.suppress(OSError):  # hearth-lb ends
            for event in home.node.control.events("services", timeout=600):
                if event["data"]["backend"].startswith(_BACKENDS[1] + ":"):
                    states.put(event["data"]["state"])

    def change(state: str) -> None:
        while states.get(timeout=20) != state:
            pass
        found.took.append(home.change_us() / 1000)

    def toggle() -> None:
        with _listening(home.machine, _BACKENDS[1]):
            change("up")
        change("down")

    threading.Thread(target=listen, daemon=True).start()
    with _Traffic(home) as traffic:
        wait_until(lambda: home.node.control.status()["services"]["down"], 20, what="the dead are known")
        toggle()
        found.took.clear()
        begun, used = time.monotonic(), home.kernel_cpu()
        time.sleep(2)
        idle = (home.kernel_cpu() - used) / (time.monotonic() - begun)
        begun, used = time.monotonic(), home.kernel_cpu()
        for _ in range(count):
            toggle()
        spent = home.kernel_cpu() - used - idle * (time.monotonic() - begun)
    found.cpu = spent * 1000 / len(found.took)
    found.lost = traffic.sent - traffic.answered
    return found


def run(options) -> Report:
    hurry()
    report = Report("l4")
    trials = options.trials or (2 if options.quick else 10)
    with Network() as network:
        home = _Home(options, network)
        cpu: dict[int, float] = {}
        for services in (10, 1000):
            home.start(services)
            changes = _changes(home, trials)
            bar = {"at_most": 5} if services == 1000 else {}
            report.add(f"one backend changed among {services} services", "hearth", median(changes.took), "ms", **bar)
            cpu[services] = changes.cpu
            report.add(f"one backend changed among {services} services, CPU time", "hearth", round(changes.cpu, 2), "ms")
            if services == 1000:
                report.add("datagrams lost beside it", "hearth", changes.lost, "", at_most=0)
            home.stop()
        _cold_starts(report, home, trials)
    report.add("CPU time of a change among 1000 services, among 10 = 1", "hearth", round(cpu[1000] / cpu[10], 2), "",
               at_most=1.25)
    _forwarding(report, options, 100 if options.quick else 1500)
    report.note("packets: CPU time, medians over rounds in which all take turns; the bounds hold the median ratio with 95 %")
    report.note("a change: from the answer of a check until the kernel had it; 10 backends for each service")
    return report


def _cold_starts(report: Report, home: _Home, trials: int) -> None:
    found = []
    for _ in range(trials):
        ready = home.start(1000)
        found.append((home.cold / 1000, ready * 1000, home.cpu * 1000))
        home.stop()
    kernel, ready, cpu = (median(values) for values in zip(*found, strict=True))
    title = "cold start of 1000 services"
    report.add(f"{title}: in the kernel", "hearth", kernel, "ms", at_most=300)
    report.add(f"{title}: until ready", "hearth", ready, "ms", at_most=300)
    report.add(f"{title}: until ready, longest", "hearth", max(times[1] for times in found), "ms")
    report.add(f"{title}: CPU time until ready", "hearth", cpu, "ms")


# --- what a packet costs ------------------------------------------------------------------------

_HEARTH_1, _HEARTH_1000 = "one service", "one of 1000"
_BY_HAND, _ALONE = "by hand, hearth-lb holds the VIP", "by hand, no hearth-lb"


def _set_up(home: _Home, kind: str) -> None:
    if kind in (_HEARTH_1, _HEARTH_1000):
        home.start(10 if kind == _HEARTH_1 else 1000)
    else:
        host = home.node.host
        if kind == _BY_HAND:  # only the services' rules are others
            vips = f"  dns: {{address: 10.0.0.53, prefer: [a]}}\n  mqtt: {{address: {_VIP}, prefer: [a]}}\n"
            text = home.lan.document()
            home.lan.write_document(text[: text.index("vips:")] + "vips:\n" + vips + text[text.index("peers:"):])
            home.node.start_lb()
            home.node.wait_state("master", "mqtt")
        else:
            host.ip(f"address add {_VIP}/32 dev lo")
        host.sysctl("net.ipv4.conf.eth0.forwarding", 1)
        host.nft(_BY_HAND_RULES)
        home.lan.client.ip(f"neighbour replace {_VIP} lladdr {host.mac()} dev eth0")
    with home.machine.entered():  # takes them and drops them: no answer
        home.sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        home.sink.bind((_ALIVE, 2000))


def _forwarding(report: Report, options, rounds: int) -> None:
    """Each kind on a LAN of its own; in each round every one in turn, 10 ms each, on the same core."""
    with contextlib.ExitStack() as stack:
        homes = {}
        for kind in (_HEARTH_1, _HEARTH_1000, _BY_HAND, _ALONE):
            homes[kind] = _Home(options, stack.enter_context(Network()))
            _set_up(homes[kind], kind)
            stack.callback(homes[kind].sink.close)
        core = Cores.choose().server
        for home in homes.values():
            home.open_flood(core)
            stack.callback(home.close_flood)
        costs: dict[str, list[float]] = {kind: [] for kind in homes}
        for number in range(rounds + 1):
            for kind in reversed(homes) if number % 2 else homes:  # nobody always follows the same
                cost = homes[kind].flood(_PACKETS)
                if number > 0:  # the first one fills caches
                    costs[kind].append(cost)
    for kind, name in ((_HEARTH_1, "hearth"), (_HEARTH_1000, "hearth"), (_BY_HAND, "by hand"), (_ALONE, "by hand")):
        report.add(f"a packet through {kind}" if name == "hearth" else f"a packet through {kind.removeprefix('by hand, ')}",
                   name, round(median(costs[kind])), "ns")
    for kind in (_HEARTH_1, _HEARTH_1000):
        for other, bar in ((_BY_HAND, None), (_ALONE, 1.05)):
            ratios = sorted(mine / theirs for mine, theirs in zip(costs[kind], costs[other], strict=True))
            low, high = _bounds(ratios)
            what = f"a packet through {kind}, {other} = 1"
            report.add(what, "hearth", round(median(ratios), 3), "", at_most=bar)
            report.add(f"{what}, bounds", "hearth", round(low, 3), "from")
            report.add(f"{what}, bounds", "hearth", round(high, 3), "to")
    flat = median(many / one for many, one in zip(costs[_HEARTH_1000], costs[_HEARTH_1], strict=True))
    report.add(f"a packet through {_HEARTH_1000}, {_HEARTH_1} = 1", "hearth", round(flat, 3), "", at_most=1.05)


def _bounds(ordered: list[float]) -> tuple[float, float]:
    """Between which the median of all such rounds lies, with 95 %: by order statistics."""
    count = len(ordered)
    reach = int(0.98 * count**0.5 + 0.5)
    middle = count // 2
    return ordered[max(0, middle - reach)], ordered[min(count - 1, middle + reach)]
