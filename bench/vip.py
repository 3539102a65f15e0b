"""How long a virtual IP is away: Hearth beside keepalived at the same advertisement interval.

Two nodes and a client on one switch. The client asks a name of hearth-dns behind the VIP every
millisecond, whoever moves the VIP. An outage is the longest time between two good answers, less
the millisecond. Each trial hits the node that owns at that moment; the other takes over and
nobody preempts, so the next trial hits the other way round.
"""

import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

from bench.report import Report, median
from tests.lab.netns import Network
from tests.lab.prober import Probe, ProbeResult
from tests.lab.process import Process
from tests.lab.waiting import wait_until
from tests.lb.vip_lan import VIP, Node, VipLan

PEERS = {"keepalived": "keepalived"}
PROGRAMS = ["hearth-lb", "hearth-dns"]

_NAME = "router.home"
_DNS = "dns: {vip: dns, upstreams: [10.0.0.50], records: {router: 10.0.0.1}}\n"
_PROBE_EVERY = 0.001
_LOWEST_PRIORITY = 116  # of a healthy node: its skew is the longest


class Hearth:
    """hearth-lb with its default settings, but for the preempt delay."""

    name = "hearth"

    def __init__(self, lan: VipLan, interval_ms: int) -> None:
        vip = f", advert_interval: {interval_ms}ms, preempt_delay: 600s"
        lan.write_document(lan.document(vip=vip, more=_DNS))
        self.lan = lan

    def start(self, node: Node) -> None:
        node.start_lb()

    def stop(self, node: Node) -> None:
        assert node.lb.stop() == 0

    def kill(self, node: Node) -> None:
        node.lb.signal(9)

    def owns(self, node: Node) -> bool:
        return node.state() == "master"

    def settled(self, node: Node) -> bool:
        """Well, knows what the others do, and would take over."""
        status = node.control.status()
        vip = next(vip for vip in status["vips"] if vip["name"] == "dns")
        problems = {problem["name"] for problem in status["problems"]}
        return vip["healthy"] and vip["state"] in ("master", "backup") and "peer_away" not in problems


class Keepalived:
    """The VIP on the interface, as its manual shows it."""

    name = "keepalived"

    def __init__(self, lan: VipLan, interval_ms: int) -> None:
        lan.write_document(lan.document(more=_DNS))
        self.lan, self.running = lan, {}
        for number, node in enumerate(lan.nodes):
            self._config(node).write_text(
                f"""vrrp_instance home {{
  version 3
  state BACKUP
  nopreempt
  interface eth0
  virtual_router_id 53
  priority {200 - 10 * number}
  advert_int {interval_ms / 1000}
  virtual_ipaddress {{
    {VIP}/24 dev eth0
  }}
}}
"""
            )

    @staticmethod
    def _config(node: Node) -> Path:
        return node.host.directory / "keepalived.conf"

    @staticmethod
    def _pid_files(node: Node) -> dict[str, Path]:
        return {kind: node.host.directory / f"keepalived-{kind}" for kind in ("vrrp_pid", "checkers_pid", "pid")}

    def start(self, node: Node) -> None:
        files = self._pid_files(node)
        for path in files.values():
            path.unlink(missing_ok=True)
        self.running[node.name] = node.host.start(
            [
                *("keepalived", "--dont-fork", "--log-console", "--vrrp", f"--use-file={self._config(node)}"),
                *(f"--{kind}={path}" for kind, path in files.items()),
            ]
        )

    def stop(self, node: Node) -> None:
        self.running[node.name].stop()

    def kill(self, node: Node) -> None:
        os.kill(int(self._pid_files(node)["vrrp_pid"].read_text()), 9)
        self.running[node.name].signal(9)
        node.host.ip(f"address del {VIP}/24 dev eth0")  # as the reboot would

    def owns(self, node: Node) -> bool:
        return VIP in node.host.run(["ip", "-4", "address", "show", "dev", "eth0"]).stdout

    def settled(self, node: Node) -> bool:
        return "STATE" in self.running[node.name].log()


@dataclass
class Trial:
    """One LAN with one contestant on both nodes."""

    contestant: Hearth | Keepalived
    lan: VipLan
    dns: dict[str, Process]

    def start(self) -> None:
        for node in self.lan.nodes:
            self.dns[node.name] = node.start_dns()
        for node in self.lan.nodes:
            self.contestant.start(node)
        self.settle()

    def settle(self) -> None:
        nodes = self.lan.nodes
        wait_until(lambda: all(map(self.contestant.settled, nodes)), 30, what="both nodes settled")
        wait_until(lambda: sum(map(self.contestant.owns, nodes)) == 1, 30, what="one owner")

    def owner(self) -> Node:
        return next(node for node in self.lan.nodes if self.contestant.owns(node))

    def probe(self, action) -> ProbeResult:
        """Measures while `action` hits the owner, at a random moment of its interval."""
        owner = self.owner()
        probe = Probe.dns(self.lan.client, VIP, _NAME, _PROBE_EVERY)
        time.sleep(0.2 + random.random() * 0.2)
        action(owner)
        return probe.finish()

    # --- what may happen to an owner ----------------------------------------------------

    def crash(self) -> list[ProbeResult]:
        victim = self.owner()

        def kill(node: Node) -> None:
            self.dns[node.name].signal(9)
            self.contestant.kill(node)

        result = self.probe(kill)
        self.dns[victim.name].wait()
        self.dns[victim.name] = victim.start_dns()
        self.contestant.start(victim)
        self.settle()
        return [result]

    def cut(self) -> list[ProbeResult]:
        """The cable, and after it the healing: two results."""
        victim = self.owner()
        away = self.probe(lambda node: node.port.cut())
        healed = self.probe(lambda _: victim.port.heal())
        self.settle()
        return [away, healed]

    def graceful(self) -> list[ProbeResult]:
        victim = self.owner()

        def stop(node: Node) -> None:
            self.contestant.stop(node)
            self.dns[node.name].stop()

        result = self.probe(stop)
        self.dns[victim.name] = victim.start_dns()
        self.contestant.start(victim)
        self.settle()
        return [result]

    def daemon_death(self) -> list[ProbeResult]:
        victim = self.owner()
        result = self.probe(lambda node: self.dns[node.name].signal(9))
        self.dns[victim.name].wait()
        self.dns[victim.name] = victim.start_dns()
        self.settle()
        return [result]


    def move(self) -> list[ProbeResult]:
        """`hearth vip move` to the other node."""
        owner = self.owner()
        other = next(node for node in self.lan.nodes if node is not owner)
        result = self.probe(lambda node: node.control.post(f"/vips/move?vip=dns&node={other.name}"))
        wait_until(lambda: self.contestant.owns(other), 10, what="moved")
        self.settle()
        return [result]


def _milliseconds(results: list[ProbeResult]) -> list[float]:
    return [result.outage * 1000 for result in results]


def _add(report: Report, what: str, name: str, results: list[ProbeResult], **bars: float) -> None:
    outages = _milliseconds(results)
    report.add(f"{what}, median", name, round(median(outages), 1), "ms", at_most=bars.get("median"))
    report.add(f"{what}, longest", name, round(max(outages), 1), "ms", at_most=bars.get("longest"))


def _cut_bar(interval_ms: int) -> float:
    skew = (256 - _LOWEST_PRIORITY) / 256 * interval_ms
    return round(3 * interval_ms + skew + 10, 1)


def _measure(options, kind, interval_ms: int, trials: int) -> dict[str, list[ProbeResult]]:
    with Network() as network:
        lan = VipLan(options.build_dir / "bin", network, 2)
        trial = Trial(kind(lan, interval_ms), lan, {})
        trial.start()
        found: dict[str, list[ProbeResult]] = {}
        for _ in range(trials):
            found.setdefault("crash", []).extend(trial.crash())
            away, healed = trial.cut()
            found.setdefault("cut", []).append(away)
            found.setdefault("heal", []).append(healed)
            found.setdefault("stop", []).extend(trial.graceful())
            if kind is Hearth:
                found.setdefault("daemon", []).extend(trial.daemon_death())
                found.setdefault("move", []).extend(trial.move())
        return found


def _compare(report: Report, options, interval_ms: int, trials: int) -> None:
    keepalived = _measure(options, Keepalived, interval_ms, trials)
    hearth = _measure(options, Hearth, interval_ms, trials)
    at = f"at {interval_ms} ms"
    theirs = round(median(_milliseconds(keepalived["cut"])), 1)
    _add(report, f"all processes killed {at}", "hearth", hearth["crash"], longest=20)
    _add(report, f"all processes killed {at}", "keepalived", keepalived["crash"])
    _add(report, f"hearth-dns killed {at}", "hearth", hearth["daemon"], longest=20)
    _add(report, f"planned move {at}", "hearth", hearth["move"])
    lost = sum(result.lost for result in hearth["move"])
    report.add(f"planned move {at}, questions lost", "hearth", lost, "", at_most=0)
    _add(report, f"cable cut {at}", "hearth", hearth["cut"], median=theirs, longest=_cut_bar(interval_ms))
    _add(report, f"cable cut {at}", "keepalived", keepalived["cut"])
    _add(report, f"cut heals {at}", "hearth", hearth["heal"], longest=interval_ms + 10)
    _add(report, f"cut heals {at}", "keepalived", keepalived["heal"])
    for name, results in (("hearth", hearth["stop"]), ("keepalived", keepalived["stop"])):
        _add(report, f"orderly stop {at}", name, results)
        lost = sum(result.lost for result in results)
        report.add(f"orderly stop {at}, questions lost", name, lost, "", at_most=0 if name == "hearth" else None)


def _rest(report: Report, options, seconds: float) -> None:
    """What 16 VIPs cost their owner when nothing happens."""
    with Network() as network:
        lan = VipLan(options.build_dir / "bin", network, 2)
        vips = "".join(f"  v{i}: {{address: 10.0.0.{100 + i}, prefer: [a, b]}}\n" for i in range(15))
        lan.write_document(lan.document().replace("peers:", vips + "peers:"))
        lan.start()
        owner = lan.nodes[0]
        wait_until(lambda: all(vip["state"] == "master" for vip in owner.control.status()["vips"]))
        time.sleep(3)  # its announcements
        before = _cpu_seconds(owner.lb.pid)
        time.sleep(seconds)
        share = (_cpu_seconds(owner.lb.pid) - before) / seconds * 100
        report.add("owner of 16 VIPs at rest, of one core", "hearth", round(share, 2), "%", at_most=0.5)
        report.add("owner of 16 VIPs, RSS", "hearth", round(owner.lb.rss_bytes() / 2**20, 1), "MiB", at_most=16)


def _cpu_seconds(pid: int) -> float:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def run(options) -> Report:
    report = Report("vip")
    plan = dict.fromkeys((100,) if options.quick else (100, 10, 1000), options.trials or (2 if options.quick else 10))
    for interval_ms, trials in plan.items():
        _compare(report, options, interval_ms, trials)
        report.note(f"{trials} trials at {interval_ms} ms, one question a millisecond")
    _rest(report, options, 3 if options.quick else 20)
    return report
