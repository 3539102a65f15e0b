"""HTTPS on one core, with the same P-256 certificate and TLS 1.3 for all.

The load is bench-tls-load for requests and connections, h2load for HTTP/2 and for bodies: whatever they can do, what
counts is the CPU that the server spent for each.
"""

import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.contest import measured, memory_mib, pinned, urgent
from bench.proxy_servers import HOST, ProxyServer
from bench.report import Report, median

BODY_MIB = 8


def make_certificate(directory: Path, host: str, addresses: Sequence[str]) -> None:
    names = ",".join([f"DNS:{host}", *(f"IP:{address}" for address in addresses)])
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
         "-subj", f"/CN={host}", "-addext", f"subjectAltName={names}",
         "-keyout", directory / "home.key", "-out", directory / "home.pem"], check=True, capture_output=True)


class TlsRounds:
    def __init__(self, bench) -> None:
        self.bench = bench
        self.report: Report = bench.report
        self.cores = ",".join(map(str, bench.arena.cores.load))
        self.not_resuming: set[str] = set()

    def run(self) -> None:
        self.compare("TLS, keep-alive, 64 connections, 1 KiB", lambda server: self.asked(server, "keep", 64), {"nginx": 1.05})
        self.compare("HTTP/2 + TLS, 4 connections of 32 streams", self.http2, {"haproxy": 1.0})
        self.compare("TLS, full handshake and a request", lambda server: self.asked(server, "full", 32), {"haproxy": 1.0})
        self.compare("TLS, resumed connection and a request", lambda server: self.asked(server, "resumed", 32), {"nginx": 1.0})
        for name in sorted(self.not_resuming):
            self.report.note(f"{name} did not resume the sessions whose tickets it gave: full handshakes each time")
        cost = self.compare("TLS, 8 MiB bodies", self.big_bodies, {"haproxy": 1.0, "h2o": 1.0})
        for name, values in cost.items():
            self.report.add("TLS, 8 MiB bodies: each CPU-second", name, BODY_MIB * 1e6 / median(values), "MiB")
        for server in self.bench.servers:
            self.report.add("RSS after TLS load", server.name, memory_mib(server.pid), "MiB")

    def compare(self, title: str, cost_us: Callable[[ProxyServer], float], bars: dict[str, float]) -> dict[str, list[float]]:
        rounds = self.bench.pairs(lambda server: {"cpu": cost_us(server)}, bars)
        cost = rounds.values("cpu")
        for name, values in cost.items():
            self.report.add(f"{title}: CPU for each", name, median(values), "us")
        self.report.compare(title, rounds.ratios("cpu"), bars)
        return cost

    def asked(self, server: ProxyServer, mode: str, connections: int) -> float:
        said = self.bench.arena.run_load(self.argv(server, mode, connections=connections, seconds=self.bench.pace.seconds,
                                                   **self.bench.window(server)))
        if said["failed"] or not said["answered"]:
            raise SystemExit(f"bench: {server.name}: {said['failed']} failed beside {said['answered']} ({mode})")
        if mode == "resumed" and said["resumed"] < 0.8 * said["answered"]:
            self.not_resuming.add(server.name)
        return said["cpu_seconds"] * 1e6 / said["answered"]

    def argv(self, server: ProxyServer, mode: str, **options) -> list[str | Path]:
        argv = urgent([self.bench.tls_program, mode, "--server", f"{server.address}:443", "--host", HOST, "--cpus", self.cores])
        for key, value in options.items():
            argv += [f"--{key}", str(value)]
        return argv

    def http2(self, server: ProxyServer) -> float:
        return self.h2load(server, "/", "-c4", "-m32", f"-D{round(1000 * self.bench.pace.seconds)}ms")

    def big_bodies(self, server: ProxyServer) -> float:
        return self.h2load(server, f"/bytes/{BODY_MIB << 20}", "--h1", "-c4", f"-n{self.bench.pace.big_bodies}")

    def h2load(self, server: ProxyServer, path: str, *options: str) -> float:
        """The server does nothing before it and after it."""
        argv = pinned(self.cores, ["h2load", "-t2", *options, "-H", f":authority: {HOST}", f"https://{server.address}:443{path}"])
        spent = measured(server.pid, lambda: {"said": self.bench.arena.load.run(argv, timeout=60).stdout})
        said = spent.outcome["said"]
        if "--h1" not in options and "Application protocol: h2\n" not in said:
            raise SystemExit(f"bench: {server.name} does not speak HTTP/2")
        counts = {name: int(count) for count, name in re.findall(r"(\d+) (succeeded|2xx)", said)}
        if counts["2xx"] == 0 or counts["2xx"] < counts["succeeded"]:
            raise SystemExit(f"bench: {server.name} did not answer all with 2xx: {counts}")
        return spent.cpu_seconds * 1e6 / counts["2xx"]

    def idle_connections(self) -> None:
        """Memory of TLS connections that made one request and stay."""
        def holder(protocol: str):
            return lambda server, count: self.argv(server, "idle", protocol=protocol, connections=count)
        self.bench.held_connections("idle TLS connection", holder("http/1.1"), {"nginx": 1.0, "haproxy": 1.0})
        self.bench.held_connections("idle HTTP/2 connection under TLS", holder("h2"), {})
