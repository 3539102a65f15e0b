"""hearth-dns beside unbound, dnsdist and dnsmasq, each with a million blocked names on one core.

Every server answers the same questions over the same wire from the same upstream, in interleaved rounds;
figures are medians. The raw echo shows what the kernel's sockets alone cost here and now.
"""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from bench.contest import Arena, measured, memory_mib, program_version, timed
from bench.dns_servers import Dnsdist, Dnsmasq, DnsServer, Echo, Hearth, Lists, Unbound, wait_blocked
from bench.report import Report, median
from tests.lab import blocklists
from tests.lab.netns import Network

PEERS = {"dnsmasq": "dnsmasq-base", "unbound": "unbound", "dnsdist": "dnsdist", "cdb": "tinycdb"}
PROGRAMS = ("hearth-dns", "hearth-lists", "bench-dns-load", "bench-dns-tcp-load", "bench-dns-responder")

MILLION = 1_000_000
RATE = 20_000
FRESH = "fresh.example"
LOADS = {"cached": (100, 0), "blocked": (0, 100), "mix 70/20/10": (70, 20)}


@dataclass(frozen=True)
class Pace:
    rounds: int
    seconds: float  # of each load
    starts: int  # for the time to the first answer
    swaps: int


QUICK = Pace(rounds=2, seconds=0.5, starts=3, swaps=3)
FULL = Pace(rounds=7, seconds=2.0, starts=5, swaps=9)


class DnsBench:
    def __init__(self, options, network: Network) -> None:
        self.pace = QUICK if options.quick else FULL
        self.report = Report("dns")
        self.arena = Arena(network)
        self.load_program = options.program("bench-dns-load")
        self.programs = options.build_dir / "bin"
        self.responder = options.program("bench-dns-responder")
        self.files = network.directory
        self.upstream = self.arena.address(3, self.arena.load)
        self.arena.load.start(
            ["taskset", "-c", str(self.arena.cores.upstream), self.responder, "upstream", self.upstream, "53"])
        self.real = blocklists.find(Path(__file__).resolve().parent.parent)
        self.lists = self._million()
        self.probe = self.lists.names[len(self.lists.names) // 2]
        self.cached = self._names_file("cached", [f"host{i}.cached-names.example" for i in range(1000)])
        self.blocked = self._names_file("blocked", self.lists.names[:: len(self.lists.names) // 1000])

    # --- what is asked and blocked --------------------------------------------------------

    def _names_file(self, name: str, names: list[str]) -> Path:
        path = self.files / name
        path.write_text("\n".join(names) + "\n")
        return path

    def _million(self) -> Lists:
        """Real names as far as there are some, then made ones."""
        names: dict[str, None] = {}
        if self.real is not None:
            for listed in self.real.files:
                names.update(dict.fromkeys(self.real.names(listed, count=MILLION)))
        for i in range(MILLION - len(names)):
            names[f"x{i}.made-{i % 9973}.example"] = None
        chosen = sorted(names)[:MILLION]
        hosts = self.files / "million.hosts"
        hosts.write_text("".join(f"0.0.0.0 {name}\n" for name in chosen))
        return Lists(chosen, hosts)

    def load(self, address: str, mix: tuple[int, int], *, seconds: float = 0, rate: int = 0) -> dict:
        argv = [self.load_program, "--server", f"{address}:53", "--seconds", str(seconds or self.pace.seconds),
                "--cached", self.cached, "--blocked", self.blocked, "--fresh", FRESH,
                "--mix", f"{mix[0]},{mix[1]}", "--cpus", ",".join(map(str, self.arena.cores.load))]
        if rate:
            argv += ["--rate", str(rate)]
        return self.arena.run_load(argv)

    # --- the parts ------------------------------------------------------------------------

    def run(self) -> Report:
        servers: list[DnsServer] = [
            Hearth(self.arena, 11, self.upstream, self.programs),
            Unbound(self.arena, 12, self.upstream),
            Dnsdist(self.arena, 15, self.upstream),
            Dnsmasq(self.arena, 13, self.upstream),
        ]
        for server in servers:
            server.prepare(self.lists)
        self.builder(servers[0])
        self.ready(servers)
        echo = Echo(self.arena, 10, self.responder)
        self.saturation(servers, echo)
        self.fixed_rate(servers)
        self.tcp(servers[:2])
        for server in servers:
            self.report.add("RSS with 1 M names, after load", server.name, memory_mib(server.pid), "MiB")
        self.swap(servers[0], echo)
        for server in servers:
            server.stop()
        self.workers()
        self.growth()
        peers = {"unbound": "-V", "dnsdist": "--version", "dnsmasq": "--version"}
        versions = ", ".join(f"{peer} {program_version([peer, option])}" for peer, option in peers.items())
        self.report.note(
            f"{versions}; "
            f"{self.pace.rounds} interleaved rounds of {self.pace.seconds} s, medians; "
            f"{'real and made' if self.real else 'made'} names; query log on in hearth only")
        return self.report

    def builder(self, hearth: Hearth) -> None:
        """A million names from text to an image, when nothing was there before."""
        runs = []
        for _ in range(self.pace.starts):
            for old in (hearth.directory / "lists").glob("*"):
                old.unlink()
            runs.append(timed(self.arena.server, self.arena.cores.server, hearth.compile_argv()))
        self.report.add("compile 1 M names", "hearth", median(run["seconds"] for run in runs), "s")
        self.report.add("compile 1 M names, peak", "hearth", max(run["peak_mib"] for run in runs), "MiB", at_most=64)
        size = (hearth.directory / "lists/compiled.hbl").stat().st_size
        self.report.add("compiled, per name", "hearth", size / len(self.lists.names), "B")

    def ready(self, servers: list[DnsServer]) -> None:
        for server in servers:
            starts = self.pace.starts if isinstance(server, Hearth) else 1
            times = []
            for _ in range(starts):
                server.stop()
                times.append(server.start(self.probe) * 1e3)
            bar = 100 if isinstance(server, Hearth) else None
            self.report.add("exec to first right answer, 1 M names", server.name, median(times), "ms", at_most=bar)

    def saturation(self, servers: list[DnsServer], echo: Echo) -> None:
        cost: dict[tuple[str, str], list[float]] = {}
        rate: dict[tuple[str, str], list[float]] = {}
        for server in servers:
            self.load(server.address, LOADS["cached"])  # fills the cache
        for _ in range(self.pace.rounds):
            for server in [echo, *servers]:
                for load, mix in LOADS.items():
                    if server is echo and load != "cached":
                        continue
                    spent = measured(server.pid, lambda: self.load(server.address, mix))
                    outcome = spent.outcome
                    self._check(server.name, load, outcome, allow_lost=server.name == "dnsmasq")
                    key = (load, server.name)
                    cost.setdefault(key, []).append(spent.cpu_seconds * 1e6 / outcome["received"])
                    rate.setdefault(key, []).append(outcome["received"] / outcome["seconds"] / 1e3)
        limit = median(cost["cached", echo.name])
        for load in LOADS:
            for server in [echo, *servers]:
                if (load, server.name) in cost:
                    self.report.add(f"{load}: CPU per answer", server.name, median(cost[load, server.name]), "us")
        for load in LOADS:
            for server in [echo, *servers]:
                if (load, server.name) in rate:
                    self.report.add(f"{load}: answers", server.name, median(rate[load, server.name]), "k/s")
        for load in ("cached", "blocked"):
            for server in servers:
                ratio = median(cost[load, server.name]) / limit
                bar = 1.15 if server.name == "hearth" else None
                self.report.add(f"{load}: CPU per answer / raw echo", server.name, ratio, "x", at_most=bar)
            for peer in servers[1:]:
                ratio = median(cost[load, "hearth"]) / median(cost[load, peer.name])
                self.report.add(f"{load}: CPU per answer / {peer.name}", "hearth", ratio, "x", at_most=1)

    def _check(self, server: str, load: str, outcome: dict, allow_lost: bool) -> None:
        if outcome["received"] == 0:
            raise SystemExit(f"bench: {server} answered nothing under '{load}'")
        wrong = outcome["wrong"] / outcome["received"]
        if wrong > 0:
            self.report.note(f"{server}, {load}: {wrong:.2%} of the answers were wrong")
        lost = (outcome["sent"] - outcome["received"]) / outcome["sent"]
        if lost > 0.001 and not allow_lost:
            self.report.note(f"{server}, {load}: {lost:.2%} of the questions got no answer")

    def fixed_rate(self, servers: list[DnsServer]) -> None:
        p50: dict[str, list[float]] = {}
        p99: dict[str, list[float]] = {}
        lost: dict[str, list[float]] = {}
        for _ in range(self.pace.rounds):
            for server in servers:
                outcome = self.load(server.address, LOADS["mix 70/20/10"], rate=RATE)
                p50.setdefault(server.name, []).append(outcome["p50_us"])
                p99.setdefault(server.name, []).append(outcome["p99_us"])
                lost.setdefault(server.name, []).append(outcome["sent"] - outcome["received"])
        unbound = median(p99["unbound"])
        for server in servers:
            self.report.add("mix at 20 k/s: p50", server.name, median(p50[server.name]), "us")
        for server in servers:
            bar = unbound if server.name == "hearth" else None
            self.report.add("mix at 20 k/s: p99", server.name, median(p99[server.name]), "us", at_most=bar)
        for server in servers:
            self.report.add("mix at 20 k/s: lost", server.name, sum(lost[server.name]), "")

    def tcp(self, servers: list[DnsServer]) -> None:
        """Eight kept connections, eight questions under way on each. (dnsmasq forks for each connection.)"""
        cost: dict[str, list[float]] = {}
        rate: dict[str, list[float]] = {}
        cores = ",".join(map(str, self.arena.cores.load))
        for _ in range(self.pace.rounds):
            for server in servers:
                argv = [self.programs / "bench-dns-tcp-load", server.address, cores, str(self.pace.seconds), self.cached]
                spent = measured(server.pid, lambda: self.arena.run_load(argv))
                self._check(server.name, "TCP", spent.outcome, allow_lost=False)
                if spent.outcome["broken"]:
                    self.report.note(f"{server.name}, TCP: {spent.outcome['broken']} connections broke")
                cost.setdefault(server.name, []).append(spent.cpu_seconds * 1e6 / spent.outcome["received"])
                rate.setdefault(server.name, []).append(spent.outcome["received"] / spent.outcome["seconds"] / 1e3)
        for server in servers:
            self.report.add("TCP, cached: CPU per answer", server.name, median(cost[server.name]), "us")
        for server in servers:
            self.report.add("TCP, cached: answers", server.name, median(rate[server.name]), "k/s",
                            at_least=median(rate["unbound"]) if server.name == "hearth" else None)

    def swap(self, hearth: Hearth, echo: Echo) -> None:
        """Lists rebuilt and swapped while 20,000 questions a second come, half of them blocked.

        The machine itself holds a packet up for milliseconds now and then, which the echo shows: rounds with
        and without a swap take turns, and medians are compared.
        """
        before = memory_mib(hearth.pid)
        seconds = 2.0
        latencies: dict[str, list[float]] = {"echo": [], "calm": [], "swap": []}
        times, lost = [], 0
        for i in range(self.pace.swaps):
            for kind, address in (("echo", echo.address), ("calm", hearth.address)):
                outcome = self.load(address, (50, 50), seconds=seconds, rate=RATE)
                latencies[kind].append(outcome["p9999_us"])
            argv = [self.load_program, "--server", f"{hearth.address}:53", "--seconds", str(seconds), "--rate", str(RATE),
                    "--cached", self.cached, "--blocked", self.blocked, "--mix", "50,50",
                    "--cpus", ",".join(map(str, self.arena.cores.load))]
            load = self.arena.load.start(argv, name=f"load-swap-{i}")
            name = f"added{i}.example"
            hearth.own_list.write_text(f"{name}\n")
            start = time.monotonic()
            timed(self.arena.server, self.arena.cores.upstream, hearth.compile_argv())
            wait_blocked(self.arena.load, hearth.address, name)
            times.append(time.monotonic() - start)
            load.wait(60)
            swapped = json.loads(load.log().splitlines()[-1])
            latencies["swap"].append(swapped["p9999_us"])
            lost += swapped["sent"] - swapped["received"]
        calm, swap = median(latencies["calm"]), median(latencies["swap"])
        report = self.report
        report.add("1 M names from text to serving, under 20 k/s", "hearth", median(times), "s", at_most=1.5)
        report.add("answers lost over the swaps", "hearth", lost, "", at_most=0)
        report.add("p99.99 without a swap", "raw echo", median(latencies["echo"]), "us")
        report.add("p99.99 without a swap", "hearth", calm, "us")
        report.add("p99.99 over the swaps", "hearth", swap, "us", at_most=max(calm, median(latencies["echo"])))
        report.add("RSS growth by the swaps", "hearth", memory_mib(hearth.pid) - before, "MiB", at_most=0.5)

    def workers(self) -> None:
        """The same load on one worker and on two, each with a core of its own; eight clients' sockets."""
        have = sorted(os.sched_getaffinity(0))
        if len(have) < 4:
            self.report.note("two workers: not measured, it takes four cores")
            return
        serving, asking = have[-2:], have[:2]
        rates = {}
        for count in (1, 2):
            hearth = Hearth(self.arena, 20 + count, self.upstream, self.programs)
            hearth.cores = ",".join(map(str, serving[:count]))
            one = self.files / "one.txt"
            one.write_text(f"{self.probe}\n")
            hearth.write_document(one, workers=count)
            self.arena.server.run(hearth.compile_argv())
            hearth.start(self.probe)
            argv = [self.load_program, "--server", f"{hearth.address}:53", "--seconds", str(self.pace.seconds),
                    "--cached", self.cached, "--outstanding", "16", "--cpus", ",".join(map(str, asking * 4))]
            self.arena.run_load(argv)
            runs = [measured(hearth.pid, lambda: self.arena.run_load(argv)) for _ in range(self.pace.rounds)]
            rates[count] = median(run.outcome["received"] / run.outcome["seconds"] / 1e3 for run in runs)
            cost = median(run.cpu_seconds * 1e6 / run.outcome["received"] for run in runs)
            plural = "s" if count > 1 else ""
            self.report.add(f"cached, {count} worker{plural}: answers", "hearth", rates[count], "k/s")
            self.report.add(f"cached, {count} worker{plural}: CPU per answer", "hearth", cost, "us")
            hearth.stop()
        self.report.add("cached, two workers / one", "hearth", rates[2] / rates[1], "x")

    def growth(self) -> None:
        """What a million names cost in memory, and the whole daemon with four real lists."""
        hearth = Hearth(self.arena, 14, self.upstream, self.programs)
        one = self.files / "one.txt"
        one.write_text(f"{self.probe}\n")
        sizes = []
        for source in (one, self.lists.hosts_file):
            hearth.write_document(source)
            self.arena.server.run(hearth.compile_argv())
            hearth.start(self.probe)
            self.load(hearth.address, (50, 50), seconds=0.5)
            sizes.append(memory_mib(hearth.pid))
            hearth.stop()
        self.report.add("RSS with one name", "hearth", sizes[0], "MiB")
        self.report.add("RSS growth by 1 M names", "hearth", sizes[1] - sizes[0], "MiB", at_most=12)

        source = self.real or blocklists.generate(self.files)
        hearth.write_document(*source.files.values())
        self.arena.server.run(hearth.compile_argv())
        hearth.start(source.names("hosts-basic", count=3)[1])
        names = self._names_file("ten-thousand", [f"name{i}.ten-thousand.example" for i in range(10_000)])
        for _ in range(3):
            self.arena.run_load([self.load_program, "--server", f"{hearth.address}:53", "--seconds", "1",
                                 "--cached", names, "--cpus", str(self.arena.cores.load[0])])
        self.report.add("RSS with four lists and 10 k cached names", "hearth", memory_mib(hearth.pid), "MiB", at_most=30)
        hearth.stop()


def run(options) -> Report:
    with Network() as network:
        return DnsBench(options, network).run()

