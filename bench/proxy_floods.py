"""What others notice while somebody is a nuisance: latency of their requests at a modest fixed rate."""

import contextlib
import json
import subprocess
import time

from bench.contest import measured, urgent
from bench.proxy_servers import HOST, ProxyServer
from bench.report import Report, median

# Kind, and how many connections it has.
FLOODS = {"none": 1, "slowloris": 1000, "slow-read": 200, "reset": 8, "continuation": 8, "ping": 8, "settings": 8}
CONTESTANTS = ("hearth", "nginx", "haproxy")
RATE = 1000
MOST_MS = 50.0


class Floods:
    def __init__(self, bench) -> None:
        self.bench = bench
        self.report: Report = bench.report
        self.address = bench.arena.address(4, bench.arena.load)  # which no server trusts
        self.flooder, self.asker = bench.arena.cores.load[0], bench.arena.cores.load[-1]

    def run(self) -> None:
        for server in self.bench.servers:
            server.stop()
        servers = [server for server in self.bench.servers if server.name in CONTESTANTS]
        for kind in FLOODS:
            title = "no flood" if kind == "none" else f"{kind} flood"
            found: dict[str, list[dict]] = {}
            for _ in range(self.bench.pace.flood_rounds):
                for server in servers:  # alone on its core: who was flooded may be busy with it long afterwards
                    server.start()
                    found.setdefault(server.name, []).append(self.during(kind, server))
                    server.stop()
            for name, rounds in found.items():
                asked = sum(said["answered"] + said["failed"] for said in rounds)
                if asked == 0:
                    self.report.note(f"{name} answered nobody during the {title}")
                failed = sum(said["failed"] for said in rounds)
                ours = name == "hearth"
                self.report.add(f"{title}: p99 of others", name, median(said["p99_us"] / 1e3 for said in rounds) if asked else None, "ms",
                                at_most=MOST_MS if ours else None)
                self.report.add(f"{title}: busy", name, median(said["busy"] for said in rounds), "% of its core")
                self.report.add(f"{title}: requests of others failed", name, failed, "", at_most=0 if ours else None)

    def during(self, kind: str, server: ProxyServer) -> dict:
        """What the others' load says, and what the server spent of its core."""
        seconds = self.bench.pace.flood_seconds
        with contextlib.ExitStack() as stack:
            flood = None
            if kind != "none":
                argv = urgent([self.bench.flood_program, kind, "--server", f"{server.address}:{server.http2_port}",
                               "--host", HOST, "--connections", FLOODS[kind], "--from", self.address,
                               "--seconds", seconds + 1, "--cpu", self.flooder])
                flood = stack.enter_context(subprocess.Popen([*self.bench.arena.load.prefix(), *map(str, argv)],
                                                             stdout=subprocess.PIPE, text=True))
                time.sleep(0.5)  # it is under way
            spent = measured(server.pid, lambda: self.bench.load("rate", server.address, rate=RATE, connections=16,
                                                                 seconds=seconds, cpus=self.asker))
            if flood and json.loads(flood.communicate()[0])["sent"] == 0:
                raise SystemExit(f"bench: no flood reached {server.name} ({kind})")
        return {**spent.outcome, "busy": 100 * spent.cpu_seconds / spent.seconds}
