"""HTTPS on one core, with the same P-256 certificate and TLS 1.3 for all.

The load is wrk for requests and bodies, h2load for HTTP/2, bench-tls-load for connections: whatever they can do, what
counts is the CPU that the server spent for each.
"""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.contest import cpu_seconds, memory_mib, pinned, urgent
from bench.proxy_servers import HOST
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
        self.seconds = max(1, round(bench.pace.seconds))

    def run(self) -> None:
        self.compare("TLS, keep-alive, 64 connections, 1 KiB", self.wrk, {"nginx": 1.05})
        self.compare("HTTP/2 + TLS, 4 connections of 32 streams", self.h2load, {"haproxy": 1.0})
        self.compare("TLS, full handshake and a request", lambda server: self.connections(server, "full"), {"haproxy": 1.0})
        self.compare("TLS, resumed connection and a request", lambda server: self.connections(server, "resumed"),
                     {"nginx": 1.0})
        for name in sorted(self.not_resuming):
            self.report.note(f"{name} did not resume the sessions whose tickets it gave: full handshakes each time")
        cost = self.compare("TLS, 8 MiB bodies", self.big_bodies, {"haproxy": 1.0, "h2o": 1.0})
        for name, values in cost.items():
            self.report.add("TLS, 8 MiB bodies: each CPU-second", name, BODY_MIB * 1e6 / median(values), "MiB")
        for server in self.bench.servers:
            self.report.add("RSS after TLS load", server.name, memory_mib(server.pid), "MiB")

    def compare(self, title: str, load, bars: dict[str, float]) -> dict[str, list[float]]:
        cost: dict[str, list[float]] = {}
        for _ in range(self.bench.pace.rounds):
            for server in self.bench.servers:
                before = cpu_seconds(server.pid)
                done = load(server)
                if done == 0:
                    raise SystemExit(f"bench: {server.name} did nothing ({title})")
                cost.setdefault(server.name, []).append((cpu_seconds(server.pid) - before) * 1e6 / done)
        for name, values in cost.items():
            self.report.add(f"{title}: CPU for each", name, median(values), "us")
        self.report.compare(title, cost, bars)
        return cost

    def loader(self, *argv: str) -> str:
        return self.bench.arena.load.run(pinned(self.cores, argv), timeout=60).stdout

    def big_bodies(self, server) -> int:
        return self.wrk(server, path=f"/bytes/{BODY_MIB << 20}", connections=4, seconds=2 * self.seconds)

    def wrk(self, server, *options: str, path: str = "/", connections: int = 64, seconds: int = 0) -> int:
        said = self.loader("wrk", "-t2", f"-c{connections}", f"-d{seconds or self.seconds}", "-H", f"Host: {HOST}",
                           *options, f"https://{server.address}:443{path}")
        if found := re.search(r"Non-2xx.*", said):
            raise SystemExit(f"bench: {server.name}: {found[0]}")
        return int(re.search(r"(\d+) requests in", said)[1])

    def connections(self, server, mode: str) -> int:
        said = self.bench.arena.run_load(self.connecting(server, mode, "http/1.1", connections=32))
        if said["failed"]:
            raise SystemExit(f"bench: {server.name}: {said['failed']} of {said['answered']} connections failed ({mode})")
        if mode == "resumed" and said["resumed"] < 0.8 * said["answered"]:
            self.not_resuming.add(server.name)
        return said["answered"]

    def connecting(self, server, mode: str, protocol: str, connections: int) -> list[str | Path]:
        return urgent([self.bench.tls_program, mode, "--server", f"{server.address}:443", "--host", HOST,
                       "--protocol", protocol, "--connections", str(connections), "--seconds", str(self.seconds),
                       "--cpus", self.cores])

    def h2load(self, server) -> int:
        said = self.loader("h2load", "-t2", "-c4", "-m32", f"-D{self.seconds}", "-H", f":authority: {HOST}",
                           f"https://{server.address}:443/")
        if "Application protocol: h2\n" not in said:
            raise SystemExit(f"bench: {server.name} does not speak HTTP/2")
        counts = {name: int(count) for count, name in re.findall(r"(\d+) (succeeded|2xx)", said)}
        if counts["2xx"] < counts["succeeded"]:
            raise SystemExit(f"bench: {server.name} did not answer all with 2xx: {counts}")
        return counts["2xx"]

    def idle_connections(self) -> None:
        """Memory of TLS connections that made one request and stay."""
        def holder(protocol: str):
            return lambda server, count: self.connecting(server, "idle", protocol, count)
        self.bench.held_connections("idle TLS connection", holder("http/1.1"), {"nginx": 1.0, "haproxy": 1.0})
        self.bench.held_connections("idle HTTP/2 connection under TLS", holder("h2"), {})
