"""How fast one upload over HTTP/2 is, near and over a wire of some milliseconds: windows are what limits it there."""

import contextlib
import re

from bench.contest import pinned
from bench.proxy_servers import HOST, ProxyServer
from bench.report import Report, median
from tests.lab.waiting import wait_until

MIB = 1 << 20
DELAYS_MS = (0, 5)  # each way


class Uploads:
    def __init__(self, bench) -> None:
        self.bench = bench
        self.report: Report = bench.report
        self.arena = bench.arena
        self.body = bench.arena.directory / "upload"
        self.size = bench.pace.upload_mib
        self.body.write_bytes(b"x" * MIB * self.size)

    def run(self) -> None:
        for delay in DELAYS_MS:
            speed: dict[str, list[float]] = {}
            with contextlib.ExitStack() as stack:
                targets = {server.name: self._way_to(server, delay, stack) for server in self.bench.servers}
                for _ in range(self.bench.pace.uploads):
                    for name, target in targets.items():
                        speed.setdefault(name, []).append(self.upload(target))
            for name, values in speed.items():
                self.report.add(f"HTTP/2 upload, {delay} ms each way: speed", name, median(values), "MiB/s")

    def _way_to(self, server: ProxyServer, delay: int, stack: contextlib.ExitStack) -> str:
        if delay == 0:
            return f"{server.address}:443"
        listen = f"{self.bench.upstream}:{10_000 + len(self.bench.servers) + self.bench.servers.index(server)}"
        argv = [self.bench.relay_program, "--listen", listen, "--to", f"{server.address}:443", "--delay-ms", delay]
        relay = self.arena.load.start(pinned(self.arena.cores.load[0], [str(word) for word in argv]), name="relay")
        stack.callback(relay.stop)
        address, port = listen.split(":")
        wait_until(lambda: self._listens(address, int(port)), 10, what="the relay listens")
        return listen

    def _listens(self, address: str, port: int) -> bool:
        with contextlib.suppress(OSError):
            self.arena.load.connect(address, port, timeout=1).close()
            return True
        return False

    def upload(self, target: str) -> float:
        said = self.arena.load.run(
            pinned(self.arena.cores.load[-1], ["h2load", "-n1", "-c1", "-m1", "-d", str(self.body), "-H", f":authority: {HOST}",
                                               f"https://{target}/"]), timeout=120).stdout
        if "1 succeeded" not in said:
            raise SystemExit(f"bench: an upload to {target} failed:\n{said}")
        seconds, unit = re.search(r"finished in ([\d.]+)(us|ms|s)", said).groups()
        return self.size / (float(seconds) * {"us": 1e-6, "ms": 1e-3, "s": 1}[unit])
