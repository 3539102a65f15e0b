"""How long a virtual IP is away: Hearth beside keepalived at the same advertisement interval.

Two nodes and a client on one switch. The client asks a name of hearth-dns behind the VIP every
millisecond, whoever moves the VIP. An outage is the longest time between two good answers, less
the millisecond. Each trial hits the node that owns at that moment; the other takes over and
nobody preempts, so the next trial hits the other way round. Both makes take turns (at 1 s they run
side by side), and what is hit at a phase of the owner's interval is hit at the same phases, evenly
spread over it.
"""

import contextlib
import datetime
import itertools
import os
import re
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from bench import vip_busy
from bench.contest import hurry
from bench.report import Report, median
from bench.stalls import Stalls
from tests.lab import tcp_echo
from tests.lab.netns import Network
from tests.lab.prober import Probe, ProbeResult
from tests.lab.process import Process
from tests.lab.waiting import wait_until
from tests.lb.vip_lan import VIP, Node, VipLan

PEERS = {"keepalived": "keepalived"}
PROGRAMS = ["hearth-lb", "hearth-dns"]

_NAME = "router.home"
_DNS = "dns: {vip: dns, upstreams: [10.0.0.50], records: {router: 10.0.0.1}}\n"
_OTHER_VIP, _ECHO_PORT = "10.0.0.54", 7
_ECHO = f"services: {{echo: {{vip: other, ports: {{tcp/{_ECHO_PORT}: [a, b]}}}}}}\n"
_PROBE_EVERY = 0.001
_AT_ONCE = ("chrt", "--rr", "1")  # a question that goes late would count as an outage
_LOWEST_PRIORITY = 116  # of a healthy node: its skew is the longest
_ANY = 0x0003  # ETH_P_ALL: the bridge takes frames before other sockets see them
_OUTGOING = 4
_SO_TIMESTAMPNS = 35


class Hearth:
    """hearth-lb with its default settings, but for the preempt delay."""

    name = "hearth"

    def __init__(self, lan: VipLan, interval_ms: int) -> None:
        vip = f", advert_interval: {interval_ms}ms, preempt_delay: 600s"
        other = f"  other: {{address: {_OTHER_VIP}, prefer: [b, a]{vip}}}\n"
        lan.write_document(lan.document(vip=vip, more=_DNS + _ECHO).replace("peers:", f"{other}peers:"))
        for node in lan.nodes:
            tcp_echo.serve(node.host, _ECHO_PORT)
        self.lan = lan

    def start(self, node: Node) -> None:
        node.start_lb()

    def stop(self, node: Node) -> None:
        assert node.lb.stop() == 0

    def kill(self, node: Node) -> None:
        node.lb.signal(9)

    def owns(self, node: Node) -> bool:
        return node.state() == "master"

    def processes(self, node: Node) -> list[int]:
        return [node.lb.pid]

    def takeovers(self, node: Node) -> int:
        return node.lb.log().count("to=master cause")

    def story(self, since: float) -> str:
        """Who took the VIP, and how long after that moment of time.time()."""
        found = []
        for node in self.lan.nodes:
            for when, cause in re.findall(r"^(\S+)Z info vip_state vip=dns .* to=master cause=(\w+)", node.lb.log(), re.M):
                after = datetime.datetime.fromisoformat(f"{when}+00:00").timestamp() - since
                if after > -0.001:
                    found.append(f"{node.name} owned after {after * 1000:.0f} ms ({cause})")
        return ", ".join(found) or "nobody took it"

    def settled(self, node: Node) -> bool:
        """Well, knows what the others do, and would take over."""
        status = node.control.status()
        vip = next(vip for vip in status["vips"] if vip["name"] == "dns")
        problems = {problem["name"] for problem in status["problems"]}
        known = "peer_away" not in problems and "service_backends" not in problems
        return vip["healthy"] and vip["state"] in ("master", "backup") and known


class Keepalived:
    """The VIP on the interface, as its manual shows it."""

    name = "keepalived"

    def __init__(self, lan: VipLan, interval_ms: int, vips: Sequence[str] = (VIP,)) -> None:
        lan.write_document(lan.document(more=_DNS))
        self.lan, self.running = lan, {}
        for number, node in enumerate(lan.nodes):
            self._config(node).write_text(
                "".join(
                    f"""vrrp_instance home{vrid} {{
  version 3
  state BACKUP
  nopreempt
  interface eth0
  virtual_router_id {vrid}
  priority {200 - 10 * number}
  advert_int {interval_ms / 1000}
  virtual_ipaddress {{
    {vip}/24 dev eth0
  }}
}}
"""
                    for vrid, vip in enumerate(vips, start=53)
                )
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
        node.host.run(["ip", "address", "del", f"{VIP}/24", "dev", "eth0"], check=False)  # it may forget it

    def kill(self, node: Node) -> None:
        os.kill(int(self._pid_files(node)["vrrp_pid"].read_text()), 9)
        self.running[node.name].signal(9)
        node.host.ip(f"address del {VIP}/24 dev eth0")  # as the reboot would

    def owns(self, node: Node) -> bool:
        return VIP in node.host.run(["ip", "-4", "address", "show", "dev", "eth0"]).stdout

    def processes(self, node: Node) -> list[int]:
        return [int(self._pid_files(node)[kind].read_text()) for kind in ("pid", "vrrp_pid")]

    def takeovers(self, node: Node) -> int:
        return self.running[node.name].log().count("Entering MASTER STATE")

    def settled(self, node: Node) -> bool:
        return "STATE" in self.running[node.name].log()


class Adverts:
    """What the nodes advertise, as their ports of the switch hear it."""

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
            if _is_claim(_receive(heard)[0]):
                return
        raise TimeoutError(f"{node.name} owns and does not say so")

    def since(self, begin: float, node: Node) -> float:
        """How long after `begin` (and after its forget()) `node` still claimed to own."""
        heard, last = self._sockets[node.name], begin
        with contextlib.suppress(BlockingIOError):
            while True:
                packet, when = _receive(heard)
                if _is_claim(packet):
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


def _is_claim(packet: bytes) -> bool:
    """VRRP of any priority but 0."""
    return len(packet) > 22 and packet[9] == 112 and packet[22] != 0


def _forget(heard: socket.socket) -> None:
    heard.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # the port was down meanwhile
    with contextlib.suppress(BlockingIOError):
        while True:
            heard.recv(64)


@dataclass
class Trial:
    """One LAN with one contestant on both nodes."""

    contestant: Hearth | Keepalived
    lan: VipLan
    interval: float  # seconds
    stalls: Stalls | None = None
    dns: dict[str, Process] = field(default_factory=dict)
    found: dict[str, list[ProbeResult]] = field(default_factory=dict)
    two_owners: list[float] = field(default_factory=list)  # seconds, after each split healed
    broken: list[str] = field(default_factory=list)  # TCP connections, over planned moves
    beside: dict[str, list[str]] = field(default_factory=dict)  # what else happened, of each in `found`
    stood_still: float = 0.0  # seconds that a core did at a time
    stuck: int = 0  # trials that ended without one owner within 30 s

    def start(self) -> None:
        for node in self.lan.nodes:
            self.dns[node.name] = node.start_dns()
        for node in self.lan.nodes:
            self.contestant.start(node)
        self.settle()
        self.adverts = Adverts(self.lan)

    def settle(self) -> None:
        nodes = self.lan.nodes
        wait_until(lambda: all(map(self.contestant.settled, nodes)), 30, what="both nodes settled")
        wait_until(lambda: sum(map(self.contestant.owns, nodes)) == 1, 30, what="one owner")

    def owner(self) -> Node:
        return wait_until(lambda: list(filter(self.contestant.owns, self.lan.nodes)), 30, what="an owner")[0]

    def other(self, node: Node) -> Node:
        return next(each for each in self.lan.nodes if each is not node)

    def probe(self, kind: str, action: Callable[[Node], None], phase: float | None = None) -> None:
        """Measures while `action` hits the owner, at `phase` of its interval."""
        owner = self.owner()
        probe = Probe.dns(self.lan.client, VIP, _NAME, _PROBE_EVERY, before=_AT_ONCE)
        time.sleep(0.2)
        if phase is not None:
            self.adverts.wait(owner)
            time.sleep(phase * self.interval)
        begin, since = time.monotonic(), time.time()
        probe.mark()
        action(owner)
        result = probe.finish()
        self.found.setdefault(kind, []).append(result)
        stood_still = self.stalls.longest(begin)
        self.stood_still = max(self.stood_still, stood_still)
        self.beside.setdefault(kind, []).append(
            f"{self._story(since)}; meanwhile a core stood still for {stood_still * 1000:.0f} ms at a time, "
            f"and the client for {result.late * 1000:.0f}")

    def _story(self, since: float) -> str:
        return self.contestant.story(since) if isinstance(self.contestant, Hearth) else self.contestant.name

    def round(self, phase: float) -> None:
        try:
            self.trial(phase)
        except TimeoutError:  # keepalived at 10 ms on a busy machine
            self.start_anew()

    def start_anew(self) -> None:
        self.stuck += 1
        for node in self.lan.nodes:
            node.port.heal()
            node.port.join()
            self.contestant.stop(node)
            if not self.dns[node.name].alive():
                self.dns[node.name] = node.start_dns()
        for node in self.lan.nodes:
            self.contestant.start(node)
        self.settle()

    def trial(self, phase: float) -> None:
        self.crash(phase)
        self.cut(phase)
        self.split(phase)
        self.stop(phase)
        if isinstance(self.contestant, Hearth):
            self.daemon_death(phase)
            self.move()
            self.restart()
            self.drain()

    # --- what may happen to an owner ----------------------------------------------------

    def crash(self, phase: float) -> None:
        victim = self.owner()

        def kill(node: Node) -> None:
            self.dns[node.name].signal(9)
            self.contestant.kill(node)

        self.probe("crash", kill, phase)
        self.dns[victim.name].wait()
        self.dns[victim.name] = victim.start_dns()
        self.contestant.start(victim)
        self.settle()

    def cut(self, phase: float) -> None:
        """The cable, and after it the healing."""
        victim = self.owner()
        self.probe("cut", lambda node: node.port.cut(), phase)
        self.probe("heal", lambda _: victim.port.heal())
        self.settle()

    def split(self, phase: float) -> None:
        """The switch falls apart between the nodes, who keep their links and both own, and heals."""
        owner = self.owner()
        self.probe("split", lambda node: node.port.part(), phase)
        wait_until(lambda: all(map(self.contestant.owns, self.lan.nodes)), 30, what="two owners")
        begin: list[float] = []

        def join(_: Node) -> None:
            self.adverts.forget()
            begin.append(time.time())
            owner.port.join()

        self.probe("join", join)
        self.settle()
        self.two_owners.append(self.adverts.since(begin[0], self.other(self.owner())))

    def stop(self, phase: float) -> None:
        """Of the whole node."""
        victim = self.owner()

        def stop(node: Node) -> None:
            self.contestant.stop(node)
            self.dns[node.name].stop()

        self.probe("stop", stop, phase)
        self.dns[victim.name] = victim.start_dns()
        self.contestant.start(victim)
        self.settle()

    def daemon_death(self, phase: float) -> None:
        victim = self.owner()
        self.probe("daemon", lambda node: self.dns[node.name].signal(9), phase)
        self.dns[victim.name].wait()
        self.dns[victim.name] = victim.start_dns()
        self.settle()

    # --- what people plan -----------------------------------------------------------------

    @contextlib.contextmanager
    def connected(self, kind: str) -> Iterator[None]:
        """TCP connections to this VIP and to another are asked a thousand times a second meanwhile."""
        client = self.lan.client
        echoes = {VIP: tcp_echo.Dns(client, VIP, _NAME), _OTHER_VIP: tcp_echo.Echo(client, _OTHER_VIP, _ECHO_PORT)}
        begin, since = time.monotonic(), time.time()
        yield
        for address, echo in echoes.items():
            result = echo.finish()
            if result.broken or result.answered != result.sent:
                self.broken.append(f"{kind}, {address}: {result.broken or 'no answer'}; {self._story(since)}; meanwhile "
                                   f"a core stood still for {self.stalls.longest(begin) * 1000:.0f} ms at a time")

    def move(self) -> None:
        """`hearth vip move` to the other node."""
        other = self.other(self.owner())
        order = f"/vips/move?vip=dns&node={other.name}"
        with self.connected("planned move"):
            self.probe("move", lambda node: node.control.post(order))
            wait_until(lambda: self.contestant.owns(other), 10, what="moved")
        self.settle()

    def restart(self) -> None:
        """hearth-lb alone, as an upgrade does it."""

        def restart(node: Node) -> None:
            self.contestant.stop(node)
            self.contestant.start(node)

        with self.connected("restart of hearth-lb"):
            self.probe("restart", restart)
            self.settle()

    def drain(self) -> None:
        drained = self.owner()
        with self.connected("drain"):
            self.probe("drain", lambda node: node.control.post("/node/drain"))
            wait_until(lambda: not self.contestant.owns(drained), 10, what="drained")
        assert drained.control.post("/node/undrain").status == 200
        self.settle()


def _milliseconds(results: list[ProbeResult]) -> list[float]:
    return [result.outage * 1000 for result in results]


def _add(report: Report, what: str, name: str, results: list[ProbeResult], **bars: float) -> None:
    outages = _milliseconds(results)
    report.add(f"{what}, median", name, round(median(outages), 1), "ms", at_most=bars.get("median"))
    report.add(f"{what}, longest", name, round(max(outages), 1), "ms", at_most=bars.get("longest"))


def _explain(report: Report, what: str, trial: Trial, kind: str, bar: float) -> None:
    """Each that took longer than is promised: whether it was the VIP that was late, or the machine."""
    for number, (result, beside) in enumerate(zip(trial.found[kind], trial.beside[kind], strict=True), start=1):
        if result.outage * 1000 > bar:
            report.note(f"{what}, trial {number} took {result.outage * 1000:.1f} ms: {beside}")


def _cut_bar(interval_ms: int) -> float:
    skew = (256 - _LOWEST_PRIORITY) / 256 * interval_ms
    return round(3 * interval_ms + skew + 10, 1)


def _compare(report: Report, options, interval_ms: int, trials: int) -> None:
    with contextlib.ExitStack() as stack:
        rivals = []
        stalls = stack.enter_context(Stalls())
        for kind in (Hearth, Keepalived):
            lan = VipLan(options.build_dir / "bin", stack.enter_context(Network()), 2)
            rivals.append(Trial(kind(lan, interval_ms), lan, interval_ms / 1000, stalls))
            rivals[-1].start()
        # Where timers take seconds the makes wait together; elsewhere each has the machine to itself.
        with ThreadPoolExecutor(len(rivals) if interval_ms >= 1000 else 1) as together:
            for number in range(trials):
                list(together.map(Trial.round, rivals, itertools.repeat((number + 0.5) / trials)))
        _tell(report, interval_ms, *rivals)


def _tell(report: Report, interval_ms: int, hearth: Trial, keepalived: Trial) -> None:
    at = f"at {interval_ms} ms"
    theirs = round(median(_milliseconds(keepalived.found["cut"])), 1)
    rows = (
        ("crash", "all processes killed", {"longest": 20}),
        ("daemon", "hearth-dns killed", {"longest": 20}),
        ("cut", "cable cut", {"median": theirs, "longest": _cut_bar(interval_ms)}),
        ("heal", "cut heals", {"longest": interval_ms + 10}),
        ("split", "LAN split", {"longest": _cut_bar(interval_ms)}),
        ("join", "split heals", {"longest": interval_ms + 10}),
    )
    for kind, what, bars in rows:
        _add(report, f"{what} {at}", "hearth", hearth.found[kind], **bars)
        _explain(report, f"{what} {at}", hearth, kind, bars["longest"])
        if kind in keepalived.found:
            _add(report, f"{what} {at}", "keepalived", keepalived.found[kind])
    for rival, bar in ((hearth, interval_ms + 10), (keepalived, None)):
        report.add(f"split heals {at}, two owners, longest", rival.contestant.name,
                   round(max(rival.two_owners) * 1000, 1), "ms", at_most=bar)
    for kind, what in (("move", "planned move"), ("drain", "drain"), ("restart", "restart of hearth-lb"),
                       ("stop", "orderly stop")):
        for rival in (hearth, keepalived):
            if (results := rival.found.get(kind)) is None:
                continue
            _add(report, f"{what} {at}", rival.contestant.name, results)
            report.add(f"{what} {at}, questions lost", rival.contestant.name, sum(one.lost for one in results), "",
                       at_most=0 if rival is hearth else None)
    report.add(f"TCP connections broken by these {at}", "hearth", len(hearth.broken), "", at_most=0)
    for told in hearth.broken:
        report.note(f"TCP connection broken {at} by a {told}")
    stood_still = max(hearth.stood_still, keepalived.stood_still) * 1000
    report.note(f"{at} a core of this machine stood still for {stood_still:.0f} ms at a time, at most")
    for rival, bar in ((hearth, 0), (keepalived, None)):
        report.add(f"trials that ended without one owner within 30 s {at}", rival.contestant.name, rival.stuck, "", at_most=bar)


def _rest(report: Report, options, seconds: float) -> None:
    """What 16 VIPs cost their owner when nothing happens."""
    with contextlib.ExitStack() as stack:
        lans = [VipLan(options.build_dir / "bin", stack.enter_context(Network()), 2) for _ in range(2)]
        vips = "".join(f"  v{i}: {{address: 10.0.0.{100 + i}, prefer: [a, b]}}\n" for i in range(15))
        lans[0].write_document(lans[0].document().replace("peers:", vips + "peers:"))
        lans[0].start()
        owner = lans[0].nodes[0]
        wait_until(lambda: all(vip["state"] == "master" for vip in owner.control.status()["vips"]))
        keepalived = Keepalived(lans[1], 100, [VIP, *(f"10.0.0.{100 + i}" for i in range(15))])
        for node in lans[1].nodes:
            keepalived.start(node)
        rival = next(wait_until(lambda: [node for node in lans[1].nodes if keepalived.owns(node)], 30).__iter__())
        time.sleep(4)  # their announcements
        processes = {"hearth": [owner.lb.pid], "keepalived": keepalived.processes(rival)}
        before = {name: sum(map(_cpu_seconds, pids)) for name, pids in processes.items()}
        time.sleep(seconds)
        for name, pids in processes.items():
            share = (sum(map(_cpu_seconds, pids)) - before[name]) / seconds * 100
            rss = sum(_rss_bytes(pid) for pid in pids) / 2**20
            bars = (0.5, 16) if name == "hearth" else (None, None)
            report.add("owner of 16 VIPs at rest, of one core", name, round(share, 2), "%", at_most=bars[0])
            report.add("owner of 16 VIPs, RSS", name, round(rss, 1), "MiB", at_most=bars[1])


def _rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _cpu_seconds(pid: int) -> float:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def _busy(report: Report, options, seconds: float) -> None:
    """An owner whose CPUs, memory and disk have more to do than they can."""
    with contextlib.ExitStack() as stack:
        rivals = []
        for kind in (Hearth, Keepalived):
            lan = VipLan(options.build_dir / "bin", stack.enter_context(Network()), 2)
            rivals.append(Trial(kind(lan, 100), lan, 0.1))
            rivals[-1].start()
        owners = [rival.owner() for rival in rivals]
        backups = [rival.other(owner) for rival, owner in zip(rivals, owners, strict=True)]
        before = [rival.contestant.takeovers(backup) for rival, backup in zip(rivals, backups, strict=True)]
        suffering = [rival.contestant.processes(owner) for rival, owner in zip(rivals, owners, strict=True)]
        with vip_busy.Load(sum(suffering, []), options.build_dir) as load:
            gaps = _longest_gaps([rival.adverts.of(owner) for rival, owner in zip(rivals, owners, strict=True)], seconds)
        span = f"owner saturated for {seconds / 60:.2g} min"
        for rival, backup, had, gap in zip(rivals, backups, before, gaps, strict=True):
            name = rival.contestant.name
            bar = 0 if rival is rivals[0] else None
            report.add(f"false fail-overs, {span}", name, rival.contestant.takeovers(backup) - had, "", at_most=bar)
            report.add(f"longest time between adverts of 100 ms, {span}", name, round(gap * 1000, 1), "ms")
        report.note(f"saturated: {load.told}; RFC 9568 allows 300 ms and more between adverts")


def _longest_gaps(heard: list[socket.socket], seconds: float) -> list[float]:
    """Seconds between two adverts, on each of the sockets."""
    last: dict[socket.socket, float] = {}
    gaps = dict.fromkeys(heard, 0.0)
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for ready in select.select(heard, [], [], left)[0]:
            packet, when = _receive(ready)
            if not _is_claim(packet):
                continue
            gaps[ready] = max(gaps[ready], when - last.get(ready, when))
            last[ready] = when
    return list(gaps.values())


def run(options) -> Report:
    hurry()
    report = Report("vip")
    plan = dict.fromkeys((100,) if options.quick else (100, 10, 1000), options.trials or (2 if options.quick else 10))
    for interval_ms, trials in plan.items():
        _compare(report, options, interval_ms, trials)
        report.note(f"{trials} trials at {interval_ms} ms, one question a millisecond")
    _rest(report, options, 3 if options.quick else 20)
    _busy(report, options, 10 if options.quick else 600)
    return report
