"""What clients notice of reloads and restarts: requests without a pause on kept and on new connections meanwhile."""

import json
import subprocess
from collections.abc import Callable

from bench.report import Report


class Changes:
    def __init__(self, bench) -> None:
        self.bench = bench
        self.report: Report = bench.report

    def run(self) -> None:
        hearth, pace = self.bench.hearth, self.bench.pace
        self.measure(f"{pace.reloads} reloads", pace.reloads, hearth.reload)
        with hearth.kept_sockets():
            self.measure(f"{pace.restarts} restarts", pace.restarts, hearth.restart)

    def measure(self, title: str, times: int, change: Callable[[], None]) -> None:
        hearth = self.bench.hearth
        loads = [self._start(mode, hearth.address) for mode in ("keep", "close")]
        for _ in range(times):
            change()
        asked = failed = 0
        for load in loads:
            said = json.loads(load.communicate(input="")[0])
            asked, failed = asked + said["answered"], failed + said["failed"]
        if asked == 0:
            raise SystemExit(f"bench: no request was answered ({title})")
        self.report.add(f"requests during {title}", hearth.name, asked, "")
        self.report.add(f"requests failed during {title}", hearth.name, failed, "", at_most=0)

    def _start(self, mode: str, address: str) -> subprocess.Popen:
        """Until its input ends."""
        argv = self.bench.argv(mode, address, connections=16, seconds=0)
        return subprocess.Popen([*self.bench.arena.load.prefix(), *map(str, argv)], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)
