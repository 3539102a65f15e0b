"""What may happen to the owner of a VIP, and how long the VIP was away then.

A machine that stands still for a while (a hypervisor with other guests, a kernel that is busy with itself) is not
what is measured on it: a timed trial in which a core did, for longer than STOOD_STILL and not with the contestant's
own work, before the VIP was back is void, and repeated, at most as often as there are trials of its kind. After
that it counts.
"""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.stalls import Stalls
from bench.vip_adverts import Adverts
from bench.vip_rivals import ECHO_PORT, NAME, OTHER_VIP, Hearth, Keepalived
from tests.lab import tcp_echo
from tests.lab.prober import Probe, ProbeResult
from tests.lab.process import Process
from tests.lab.waiting import wait_until
from tests.lb.vip_lan import VIP, Node, VipLan

STOOD_STILL = 0.005  # seconds

_PROBE_EVERY = 0.001
_AT_ONCE = ("chrt", "--rr", "1")  # a question that goes late would count as an outage


@dataclass
class Outcome:
    """Of one trial."""

    kind: str
    result: ProbeResult
    story: str
    begin: float  # time.monotonic()
    own_work: float  # seconds of CPU time of those who move the VIP, meanwhile
    two_owners: float = 0.0  # seconds, after a split healed
    stood_still: float = 0.0  # seconds that a core did at a time, until the VIP was back

    def judge(self, stalls: Stalls) -> None:
        end = max(self.result.ended, self.begin + self.two_owners)
        self.stood_still = stalls.longest(self.begin, end)

    @property
    def is_void(self) -> bool:
        return self.stood_still - self.own_work > STOOD_STILL

    def beside(self) -> str:
        return (f"{self.story}; meanwhile a core stood still for {self.stood_still * 1000:.0f} ms at a time, "
                f"and the client for {self.result.late * 1000:.0f}")


def cpu_seconds(pid: int) -> float:
    """0 of one that has ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        threads = Path(f"/proc/{pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9
    return 0.0


@dataclass
class Trial:
    """One LAN with one contestant on both nodes."""

    contestant: Hearth | Keepalived
    lan: VipLan
    interval: float  # seconds
    stalls: Stalls | None = None
    repeats: int = 0  # at most, of each kind
    dns: dict[str, Process] = field(default_factory=dict)
    found: dict[str, list[Outcome]] = field(default_factory=dict)
    void: dict[str, list[Outcome]] = field(default_factory=dict)
    repeated: Counter = field(default_factory=Counter)  # by what happened
    broken: list[str] = field(default_factory=list)  # TCP connections, over planned moves
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

    def probe(self, kind: str, action: Callable[[Node], None], phase: float | None = None) -> Outcome:
        """Measures while `action` hits the owner, at `phase` of its interval."""
        owner = self.owner()
        probe = Probe.dns(self.lan.client, VIP, NAME, _PROBE_EVERY, before=_AT_ONCE)
        time.sleep(0.2)
        if phase is not None:
            self.adverts.wait(owner)
            time.sleep(phase * self.interval)
        worked = {pid: cpu_seconds(pid) for node in self.lan.nodes for pid in self.contestant.processes(node)}
        begin, since = time.monotonic(), time.time()
        probe.mark()
        action(owner)
        result = probe.finish()
        own_work = sum(max(0.0, cpu_seconds(pid) - before) for pid, before in worked.items())
        return Outcome(kind, result, self.story(since), begin, own_work)

    def story(self, since: float) -> str:
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
        self.timed(self.crash, phase)
        self.timed(self.cut, phase)
        self.timed(self.split, phase)
        self.lossless(self.stop(phase))
        if isinstance(self.contestant, Hearth):
            self.timed(self.daemon_death, phase)
            self.lossless(self.move())
            self.lossless(self.restart())
            self.lossless(self.drain())

    def timed(self, happens: Callable[[float], list[Outcome]], phase: float) -> None:
        """Once more as long as the machine stood still beside it."""
        while True:
            outcomes = happens(phase)
            for outcome in outcomes:
                outcome.judge(self.stalls)
            may_repeat = self.repeated[happens.__name__] < self.repeats
            for outcome in outcomes:
                kept = self.void if outcome.is_void and may_repeat else self.found
                kept.setdefault(outcome.kind, []).append(outcome)
            if not may_repeat or not any(outcome.is_void for outcome in outcomes):
                return
            self.repeated[happens.__name__] += 1

    def lossless(self, outcome: Outcome) -> None:
        """Counts whatever the machine did: there is nothing to be late for."""
        outcome.judge(self.stalls)
        self.found.setdefault(outcome.kind, []).append(outcome)

    # --- what may happen to an owner ----------------------------------------------------

    def crash(self, phase: float) -> list[Outcome]:
        victim = self.owner()

        def kill(node: Node) -> None:
            self.dns[node.name].signal(9)
            self.contestant.kill(node)

        outcome = self.probe("crash", kill, phase)
        self.dns[victim.name].wait()
        self.dns[victim.name] = victim.start_dns()
        self.contestant.start(victim)
        self.settle()
        return [outcome]

    def cut(self, phase: float) -> list[Outcome]:
        """The cable, and after it the healing."""
        victim = self.owner()
        outcomes = [self.probe("cut", lambda node: node.port.cut(), phase), self.probe("heal", lambda _: victim.port.heal())]
        self.settle()
        return outcomes

    def split(self, phase: float) -> list[Outcome]:
        """The switch falls apart between the nodes, who keep their links and both own, and heals."""
        owner = self.owner()
        outcomes = [self.probe("split", lambda node: node.port.part(), phase)]
        wait_until(lambda: all(map(self.contestant.owns, self.lan.nodes)), 30, what="two owners")
        begin: list[float] = []

        def join(_: Node) -> None:
            self.adverts.forget()
            owner.port.join()
            begin.append(time.time())

        outcomes.append(self.probe("join", join))
        self.settle()
        outcomes[-1].two_owners = self.adverts.since(begin[0], self.other(self.owner()))
        return outcomes

    def stop(self, phase: float) -> Outcome:
        """Of the whole node."""
        victim = self.owner()

        def stop(node: Node) -> None:
            self.contestant.stop(node)
            self.dns[node.name].stop()

        outcome = self.probe("stop", stop, phase)
        self.dns[victim.name] = victim.start_dns()
        self.contestant.start(victim)
        self.settle()
        return outcome

    def daemon_death(self, phase: float) -> list[Outcome]:
        victim = self.owner()
        outcome = self.probe("daemon", lambda node: self.dns[node.name].signal(9), phase)
        self.dns[victim.name].wait()
        self.dns[victim.name] = victim.start_dns()
        self.settle()
        return [outcome]

    # --- what people plan -----------------------------------------------------------------

    @contextlib.contextmanager
    def connected(self, kind: str) -> Iterator[None]:
        """TCP connections to this VIP and to another are asked a thousand times a second meanwhile."""
        client = self.lan.client
        echoes = {VIP: tcp_echo.Dns(client, VIP, NAME), OTHER_VIP: tcp_echo.Echo(client, OTHER_VIP, ECHO_PORT)}
        begin, since = time.monotonic(), time.time()
        yield
        for address, echo in echoes.items():
            result = echo.finish()
            if result.broken or result.answered != result.sent:
                self.broken.append(f"{kind}, {address}: {result.broken or 'no answer'}; {self.story(since)}; meanwhile "
                                   f"a core stood still for {self.stalls.longest(begin) * 1000:.0f} ms at a time")

    def move(self) -> Outcome:
        """`hearth vip move` to the other node."""
        other = self.other(self.owner())
        order = f"/vips/move?vip=dns&node={other.name}"
        with self.connected("planned move"):
            outcome = self.probe("move", lambda node: node.control.post(order))
            wait_until(lambda: self.contestant.owns(other), 10, what="moved")
        self.settle()
        return outcome

    def restart(self) -> Outcome:
        """hearth-lb alone, as an upgrade does it."""

        def restart(node: Node) -> None:
            self.contestant.stop(node)
            self.contestant.start(node)

        with self.connected("restart of hearth-lb"):
            outcome = self.probe("restart", restart)
            self.settle()
        return outcome

    def drain(self) -> Outcome:
        drained = self.owner()
        with self.connected("drain"):
            outcome = self.probe("drain", lambda node: node.control.post("/node/drain"))
            wait_until(lambda: not self.contestant.owns(drained), 10, what="drained")
        assert drained.control.post("/node/undrain").status == 200
        self.settle()
        return outcome
