"""hearth-proxy beside nginx, HAProxy, h2o and Caddy on one core, before the same upstream.

Interleaved rounds. `direct` is the load against the upstream itself, the limit of the rig.
"""

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.contest import Arena, cpu_seconds, family, measured, memory_mib, pinned, program_version, urgent
from bench.proxy_changes import Changes
from bench.proxy_floods import Floods
from bench.proxy_rounds import Figures, Rounds
from bench.proxy_servers import HOST, MAX_CONNECTIONS, Caddy, H2o, Haproxy, Hearth, Nginx, ProxyServer
from bench.proxy_tls import TlsRounds, make_certificate
from bench.proxy_uploads import Uploads
from bench.report import Report, median
from tests.lab.netns import Network

PEERS = {"nginx": "nginx-light", "haproxy": "haproxy", "h2o": "h2o", "caddy": "caddy", "h2load": "nghttp2-client"}
PROGRAMS = ("hearth-proxy", "bench-http-load", "bench-tls-load", "bench-http-flood", "bench-delay-relay", "bench-http-responder")

GIB = 1 << 30


@dataclass(frozen=True)
class Pace:
    rounds: int  # of pairs
    seconds: float  # of each server in a pair, after a warm-up
    latency_rounds: int  # the same where p99 is measured, which varies most
    latency_seconds: float
    bodies: int  # transfers of 1 GiB each way
    big_bodies: int  # of 8 MiB, of each server in a pair
    idle: int  # connections held
    rest_tenths: int  # of a second, in which the memory they need stays the same
    reloads: int
    restarts: int
    flood_rounds: int
    flood_seconds: float
    uploads: int
    upload_mib: int


QUICK = Pace(rounds=1, seconds=0.3, latency_rounds=1, latency_seconds=0.3, bodies=1, big_bodies=8, idle=500, rest_tenths=2,
             reloads=5, restarts=1, flood_rounds=1, flood_seconds=1, uploads=1, upload_mib=4)
FULL = Pace(rounds=31, seconds=0.3, latency_rounds=501, latency_seconds=0.1, bodies=9, big_bodies=24,
            idle=min(10_000, MAX_CONNECTIONS - 500), rest_tenths=30, reloads=100, restarts=10, flood_rounds=3, flood_seconds=3,
            uploads=5, upload_mib=32)
WARM_UP_S = 0.1


class ProxyBench:
    def __init__(self, options, network: Network) -> None:
        self.pace = QUICK if options.quick else FULL
        self.report = Report("proxy")
        self.arena = Arena(network)
        self.load_program = options.program("bench-http-load")
        self.tls_program = options.program("bench-tls-load")
        self.relay_program = options.program("bench-delay-relay")
        self.flood_program = options.program("bench-http-flood")
        self.upstream = self.arena.address(3, self.arena.load)
        core = str(self.arena.cores.upstream)
        self.arena.load.start(pinned(core, [options.program("bench-http-responder"), "0.0.0.0", "80"]))
        # Each knows it by another address: ports to it that one has used up are not missing to the next.
        upstream = [self.arena.address(21 + i, self.arena.load) for i in range(5)]
        self.hearth = Hearth(self.arena, 11, upstream[0], options.program("hearth-proxy"))
        self.servers: list[ProxyServer] = [
            self.hearth,
            *(peer(self.arena, 12 + i, upstream[1 + i]) for i, peer in enumerate((Nginx, Haproxy, H2o, Caddy))),
        ]
        make_certificate(self.arena.directory, HOST, [server.address for server in self.servers])

    def argv(self, mode: str, address: str, **options) -> list[str | Path]:
        cores = self.arena.cores.load
        argv = urgent([self.load_program, mode, "--server", f"{address}:80", "--host", HOST])
        for key, value in {"seconds": self.pace.seconds, "cpus": ",".join(map(str, cores)), **options}.items():
            argv += [f"--{key}", str(value)]
        return argv

    def load(self, mode: str, address: str, **options) -> dict:
        return self.arena.run_load(self.argv(mode, address, **options))

    def pairs(self, measure: Callable[[ProxyServer], Figures], bars: dict[str, float], rounds: int = 0,
              peers: list[ProxyServer] | None = None) -> Rounds:
        return Rounds(self.hearth, self.servers[1:] if peers is None else peers, rounds or self.pace.rounds, bars, measure)

    @staticmethod
    def window(server: ProxyServer) -> dict[str, object]:
        """Options of a generator that measures after a warm-up, the server's CPU time included."""
        return {"warm-up": WARM_UP_S, "account": ",".join(map(str, family(server.pid)))}

    def run(self) -> Report:
        for server in self.servers:
            server.start()
        self.base_memory()
        self.requests("keep", "keep-alive, 64 connections, 1 KiB", bars={"nginx": 1.05, "haproxy": 1.05})
        self.requests("close", "new connection each", bars={})
        self.fixed_rate()
        tls = TlsRounds(self)
        tls.run()
        self.bodies()
        Uploads(self).run()
        for server in self.servers:
            self.report.add("RSS after load", server.name, memory_mib(server.pid), "MiB")
        self.held_connections("idle connection", self.idle_holder, {})
        tls.idle_connections()
        Changes(self).run()
        Floods(self).run()
        for server in self.servers:
            server.stop()
        said = ", ".join(f"{name} {program_version(argv)}" for name, argv in (
            ("nginx", ["nginx", "-v"]), ("HAProxy", ["haproxy", "-v"]), ("h2o", ["h2o", "--version"]),
            ("Caddy", ["caddy", "version"])))
        self.report.note(
            f"{said}; {self.pace.rounds} rounds of pairs, {self.pace.seconds} s each, medians; no access logs, TLS 1.3; "
            "\"hearth / this\": how many times as much Hearth does with a CPU-second, \"at least\" with 95 % confidence"
            + (" (not so few rounds)" if self.pace.rounds < 5 else ""))
        return self.report

    def base_memory(self) -> None:
        sizes = {server.name: memory_mib(server.pid, "Pss") for server in self.servers}
        for name, size in sizes.items():
            self.report.add("base memory (PSS)", name, size, "MiB",
                            at_most=sizes["nginx"] if name == "hearth" else None)

    def requests(self, mode: str, title: str, bars: dict[str, float]) -> None:
        rounds = self.pairs(lambda server: self.asked(mode, title, server), bars)
        for name, values in rounds.values("cpu").items():
            self.report.add(f"{title}: CPU per request", name, median(values), "us")
        rate = rounds.values("rate")
        if mode == "keep":
            self.saturation = {name: median(values) * 1e3 for name, values in rate.items()}
            direct = [self.load(mode, self.upstream, **{"warm-up": WARM_UP_S}) for _ in range(min(self.pace.rounds, 5))]
            rate = {"direct": [said["answered"] / said["seconds"] / 1e3 for said in direct], **rate}
        for name, values in rate.items():
            self.report.add(f"{title}: requests", name, median(values), "k/s")
        self.report.compare(title, rounds.ratios("cpu"), bars)

    def asked(self, mode: str, title: str, server: ProxyServer) -> Figures:
        said = self.load(mode, server.address, **self.window(server))
        if said["answered"] == 0:
            raise SystemExit(f"bench: {server.name} answered nothing ({title})")
        if said["failed"] > 0:
            self.report.note(f"{server.name}, {title}: {said['failed']} of {said['answered']} failed")
        return {"cpu": said["cpu_seconds"] * 1e6 / said["answered"], "rate": said["answered"] / said["seconds"] / 1e3}

    def fixed_rate(self) -> None:
        """At half of nginx's saturation; who saturates below that has nothing to show here."""
        rate = int(min(self.saturation["nginx"], self.saturation["hearth"]) / 2)
        title = f"at half of saturation ({rate / 1e3:.0f} k/s)"
        able = [server for server in self.servers[1:] if self.saturation[server.name] > 1.2 * rate]
        rounds = self.pairs(lambda server: self.load("rate", server.address, rate=rate, seconds=self.pace.latency_seconds,
                                                     **self.window(server)), {"nginx": 1.0}, self.pace.latency_rounds, able)
        for quantile in ("p50", "p99"):
            for name, values in rounds.values(f"{quantile}_us").items():
                self.report.add(f"{title}: {quantile}", name, median(values), "us")
        for name, values in rounds.values("p99_us").items():
            self.report.add(f"{title}: p99 in nine windows of ten", name, sorted(values)[len(values) * 9 // 10], "us")
        self.report.compare(f"{title}: p99", rounds.ratios("p99_us"), {"nginx": 1.0})

    def bodies(self) -> None:
        self.hearth.restart()  # what it takes for bodies alone
        for mode, title, bars in (("down", "1 GiB down", {"haproxy": 1.0, "h2o": 1.0}), ("up", "1 GiB up", {})):
            rounds = self.pairs(lambda server: self.transferred(mode, title, server), bars, self.pace.bodies)
            for name, values in rounds.values("cpu").items():
                self.report.add(f"{title}: CPU", name, median(values), "s")
            for name, values in rounds.values("speed").items():
                self.report.add(f"{title}: speed", name, median(values), "MiB/s")
            self.report.compare(title, rounds.ratios("cpu"), bars)
        peak = self.hearth.process.peak_rss_bytes() / (1 << 20)
        self.report.add("peak RSS of a fresh process, 1 GiB both ways", "hearth", peak, "MiB", at_most=32)

    def transferred(self, mode: str, title: str, server: ProxyServer) -> Figures:
        spent = measured(server.pid, lambda: self.load(mode, server.address, bytes=GIB))
        if spent.outcome["failed"]:
            raise SystemExit(f"bench: {server.name} failed at {title}")
        return {"cpu": spent.cpu_seconds, "speed": 1024 / spent.outcome["seconds"]}

    def idle_holder(self, server: ProxyServer, count: int) -> list[str | Path]:
        return self.argv("idle", server.address, connections=count)

    def held_connections(self, title: str, holder: Callable[[ProxyServer, int], list[str | Path]],
                         bars: dict[str, float]) -> None:
        """Memory of connections that made one request and stay. A fresh process for each: one that has been busy holds
        them in what it has freed, and seems to need nothing."""
        sizes = {}
        for server in self.servers:
            server.restart()
            self._rss_with(holder(server, 20), server)  # its code is in memory now
            before = memory_mib(server.pid)
            sizes[server.name] = (self._rss_with(holder(server, self.pace.idle), server) - before) * 1024 / self.pace.idle
        bar = min((factor * sizes[peer] for peer, factor in bars.items()), default=None)
        for name, size in sizes.items():
            self.report.add(f"per {title}, {self.pace.idle} held", name, size, "KiB",
                            at_most=bar if name == "hearth" else None)

    def _rss_with(self, argv: list[str | Path], server: ProxyServer) -> float:
        with subprocess.Popen([*self.arena.load.prefix(), *map(str, argv)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as holder:
            if not holder.stdout.readline():
                raise SystemExit(f"bench: {server.name} did not take the connections")
            self._settle(server.pid)
            held = self._memory_at_rest(server.pid)
            holder.stdin.close()
        self._settle(server.pid)
        return held

    def _memory_at_rest(self, pid: int) -> float:
        """MiB once it has been the same for a while: what a crowd needed for its requests alone has gone back."""
        held, same = memory_mib(pid), 0
        for _ in range(100):
            if same == self.pace.rest_tenths:
                break
            time.sleep(0.1)
            before, held = held, memory_mib(pid)
            same = same + 1 if held == before else 0
        return held

    def _settle(self, pid: int) -> None:
        """Until the server rests, or does so much of its own accord that it never will."""
        for _ in range(100):
            cpu = cpu_seconds(pid)
            time.sleep(0.1)
            if cpu_seconds(pid) - cpu < 0.005:
                return


def run(options) -> Report:
    with Network() as network:
        return ProxyBench(options, network).run()
