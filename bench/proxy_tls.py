"""HTTPS on one core: hearth-proxy, nginx and HAProxy with the same P-256 certificate and TLS 1.3.

The load is wrk for requests and resumed connections, h2load for HTTP/2, `openssl s_time` for full handshakes: whatever they
can do, what counts is the CPU that the server spent for each.
"""

import re
import subprocess
from pathlib import Path

from bench.contest import memory_mib
from bench.report import Report, median


IDLE = Path(__file__).with_name("idle_tls.py")


def make_certificate(directory, host: str) -> None:
    """home.pem, home.key, and both.pem for HAProxy."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
         "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}",
         "-keyout", directory / "home.key", "-out", directory / "home.pem"], check=True, capture_output=True)
    (directory / "both.pem").write_text((directory / "home.pem").read_text() + (directory / "home.key").read_text())


class TlsRounds:
    def __init__(self, bench) -> None:
        self.bench = bench
        self.report: Report = bench.report
        self.cores = ",".join(map(str, bench.arena.cores.load))

    def run(self) -> None:
        self.compare("TLS, keep-alive, 64 connections", lambda server: self.wrk(server), {"nginx": 1.05})
        self.compare("TLS, resumed connection each",
                     lambda server: self.wrk(server, "-H", "Connection: close"), {"nginx": 1.0})
        self.compare("TLS, full handshake", self.handshakes, {"haproxy": 1.0})
        self.compare("HTTP/2 + TLS, 4 connections of 32 streams", self.h2load, {"haproxy": 1.0})
        self.compare("TLS, 8 MiB bodies", self.big_bodies, {"haproxy": 1.0})
        for server in self.bench.servers:
            self.report.add("RSS after TLS load", server.name, memory_mib(server.pid), "MiB")

    def compare(self, title: str, load, bars: dict[str, float]) -> None:
        cost: dict[str, list[float]] = {}
        for _ in range(self.bench.pace.tls_rounds):
            for server in self.bench.servers:
                before = self.bench.cpu(server)
                done = load(server)
                if done == 0:
                    raise SystemExit(f"bench: {server.name} did nothing ({title})")
                cost.setdefault(server.name, []).append((self.bench.cpu(server) - before) * 1e6 / done)
        for name, values in cost.items():
            self.report.add(f"{title}: CPU for each", name, median(values), "us")
        for peer in ("nginx", "haproxy"):
            self.report.add(f"{title}: per CPU-second / {peer}", "hearth", median(cost[peer]) / median(cost["hearth"]),
                            "x", at_least=bars.get(peer))

    def loader(self, *argv: str) -> str:
        words = ["nice", "-n", "-10", "taskset", "-c", self.cores, *argv]
        return self.bench.arena.load.run(words, timeout=60).stdout

    def big_bodies(self, server) -> int:
        return self.wrk(server, path="/bytes/8388608", connections=4, seconds=4)

    def wrk(self, server, *options: str, path: str = "/", connections: int = 64, seconds: int = 0) -> int:
        seconds = seconds or max(1, round(self.bench.pace.seconds))
        said = self.loader("wrk", "-t2", f"-c{connections}", f"-d{seconds}", "-H", f"Host: {self.bench.host}", *options,
                           f"https://{server.address}:443{path}")
        if found := re.search(r"Non-2xx.*", said):
            raise SystemExit(f"bench: {server.name}: {found[0]}")
        return int(re.search(r"(\d+) requests in", said)[1])

    def handshakes(self, server) -> int:
        seconds = str(max(1, round(self.bench.pace.seconds)))
        said = self.loader("openssl", "s_time", "-new", "-tls1_3", "-www", "/", "-time", seconds,
                           "-connect", f"{server.address}:443")
        return int(re.search(r"(\d+) connections in \d+ real", said)[1])

    def h2load(self, server) -> int:
        seconds = str(max(1, round(self.bench.pace.seconds)))
        said = self.loader("h2load", "-t2", "-c4", "-m32", f"-D{seconds}", "-H", f":authority: {self.bench.host}",
                           f"https://{server.address}:443/")
        if "Application protocol: h2\n" not in said:
            raise SystemExit(f"bench: {server.name} does not speak HTTP/2")
        counts = {name: int(count) for count, name in re.findall(r"(\d+) (succeeded|2xx)", said)}
        if counts["succeeded"] != counts["2xx"]:
            raise SystemExit(f"bench: {server.name} did not answer all with 2xx: {counts}")
        return counts["2xx"]

    def idle_connections(self) -> None:
        """Memory of TLS connections that made one request and stay."""
        sizes = {}
        count = self.bench.pace.idle
        for server in self.bench.servers:
            before = memory_mib(server.pid)
            argv = ["/usr/bin/python3", IDLE, server.address, self.bench.host, str(count)]
            with subprocess.Popen([*self.bench.arena.load.prefix(), *map(str, argv)], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True) as holder:
                if holder.stdout.readline() != "ready\n":
                    raise SystemExit(f"bench: {server.name} did not take {count} TLS connections")
                held = memory_mib(server.pid)
                holder.stdin.close()
            sizes[server.name] = (held - before) * 1024 / count
        for name, size in sizes.items():
            bar = max(sizes["nginx"], sizes["haproxy"]) if name == "hearth" else None
            self.report.add(f"per idle TLS connection, {count} held", name, size, "KiB", at_most=bar)
