"""How long a virtual IP is away: Hearth beside keepalived at the same advertisement interval.

Two nodes and a client on one switch. The client asks a name of hearth-dns behind the VIP every
millisecond, whoever moves the VIP. An outage is the longest time between two good answers, less
the millisecond. Each trial hits the node that owns at that moment; the other takes over and
nobody preempts, so the next trial hits the other way round. Both makes take turns (at 1 s they run
side by side), and what is hit at a phase of the owner's interval is hit at the same phases, evenly
spread over it. A trial beside which the machine stood still is repeated, whosever it was.
"""

import contextlib
import itertools
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench import vip_busy
from bench.contest import hurry
from bench.report import Report, median
from bench.stalls import Stalls
from bench.vip_adverts import longest_gaps
from bench.vip_rivals import Hearth, Keepalived
from bench.vip_trials import STOOD_STILL, Outcome, Trial, cpu_seconds
from tests.lab.netns import Network
from tests.lab.waiting import wait_until
from tests.lb.vip_lan import VIP, VipLan

PEERS = {"keepalived": "keepalived"}
PROGRAMS = ["hearth-lb", "hearth-dns"]

_LOWEST_PRIORITY = 116  # of a healthy node: its skew is the longest


def _milliseconds(outcomes: Sequence[Outcome]) -> list[float]:
    return [outcome.result.outage * 1000 for outcome in outcomes]


def _add(report: Report, what: str, name: str, outcomes: Sequence[Outcome], **bars: float) -> None:
    outages = _milliseconds(outcomes)
    report.add(f"{what}, median", name, round(median(outages), 1), "ms", at_most=bars.get("median"))
    report.add(f"{what}, longest", name, round(max(outages), 1), "ms", at_most=bars.get("longest"))


def _add_timed(report: Report, what: str, rival: Trial, kind: str, **bars: float) -> None:
    name = rival.contestant.name
    _add(report, what, name, rival.found[kind], **bars)
    if void := rival.void.get(kind):
        report.add(f"{what}, longest of trials that do not count", name, round(max(_milliseconds(void)), 1), "ms")


def _explain(report: Report, what: str, outcomes: Sequence[Outcome], bar: float) -> None:
    """Each that took longer than is promised: whether it was the VIP that was late, or the machine."""
    for number, outcome in enumerate(outcomes, start=1):
        if outcome.result.outage * 1000 > bar:
            report.note(f"{what}, trial {number} took {outcome.result.outage * 1000:.1f} ms: {outcome.beside()}")


def _cut_bar(interval_ms: int) -> float:
    skew = (256 - _LOWEST_PRIORITY) / 256 * interval_ms
    return round(3 * interval_ms + skew + 10, 1)


def _compare(report: Report, options, interval_ms: int, trials: int) -> None:
    with contextlib.ExitStack() as stack:
        rivals = []
        stalls = stack.enter_context(Stalls())
        for kind in (Hearth, Keepalived):
            lan = VipLan(options.build_dir / "bin", stack.enter_context(Network()), 2)
            rivals.append(Trial(kind(lan, interval_ms), lan, interval_ms / 1000, stalls, trials))
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
        _add_timed(report, f"{what} {at}", hearth, kind, **bars)
        _explain(report, f"{what} {at}", hearth.found[kind], bars["longest"])
        if kind in keepalived.found:
            _add_timed(report, f"{what} {at}", keepalived, kind)
    for rival, bar in ((hearth, interval_ms + 10), (keepalived, None)):
        longest = max(outcome.two_owners for outcome in rival.found["join"])
        report.add(f"split heals {at}, two owners, longest", rival.contestant.name, round(longest * 1000, 1), "ms",
                   at_most=bar)
    for kind, what in (("move", "planned move"), ("drain", "drain"), ("restart", "restart of hearth-lb"),
                       ("stop", "orderly stop")):
        for rival in (hearth, keepalived):
            if (results := rival.found.get(kind)) is None:
                continue
            _add(report, f"{what} {at}", rival.contestant.name, results)
            report.add(f"{what} {at}, questions lost", rival.contestant.name, sum(one.result.lost for one in results), "",
                       at_most=0 if rival is hearth else None)
    report.add(f"TCP connections broken by these {at}", "hearth", len(hearth.broken), "", at_most=0)
    for told in hearth.broken:
        report.note(f"TCP connection broken {at} by a {told}")
    repeated = {rival.contestant.name: sum(rival.repeated.values()) for rival in (hearth, keepalived)}
    report.note(f"{at} {sum(repeated.values())} trials repeated because the machine stood still for more than "
                f"{STOOD_STILL * 1000:.0f} ms ({', '.join(f'{name} {count}' for name, count in repeated.items())})")
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
        before = {name: sum(map(cpu_seconds, pids)) for name, pids in processes.items()}
        time.sleep(seconds)
        for name, pids in processes.items():
            share = (sum(map(cpu_seconds, pids)) - before[name]) / seconds * 100
            rss = sum(_rss_bytes(pid) for pid in pids) / 2**20
            bars = (0.5, 16) if name == "hearth" else (None, None)
            report.add("owner of 16 VIPs at rest, of one core", name, round(share, 2), "%", at_most=bars[0])
            report.add("owner of 16 VIPs, RSS", name, round(rss, 1), "MiB", at_most=bars[1])


def _rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


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
        begin = time.time()
        with vip_busy.Load(sum(suffering, []), options.build_dir) as load:
            gaps = longest_gaps([rival.adverts.of(owner) for rival, owner in zip(rivals, owners, strict=True)], seconds)
        span = f"owner saturated for {seconds / 60:.2g} min"
        for rival, backup, had, gap in zip(rivals, backups, before, gaps, strict=True):
            name = rival.contestant.name
            bar = 0 if rival is rivals[0] else None
            taken = rival.contestant.takeovers(backup) - had
            report.add(f"false fail-overs, {span}", name, taken, "", at_most=bar)
            if taken > 0:
                report.note(f"{name}, {span}: {rival.story(begin)}")
            report.add(f"longest time between adverts of 100 ms, {span}", name, round(gap * 1000, 1), "ms")
        report.note(f"saturated: {load.told}; RFC 9568 allows 300 ms and more between adverts")


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
