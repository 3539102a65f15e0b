"""Whether the machine stood still: a timer with real-time priority on each core, and how late it came.

    with Stalls() as stalls:
        begin = time.monotonic()
        …measure…
        stalls.longest(begin)  # seconds

What is told of a machine that did not run anything for a while (a hypervisor with other guests, a kernel that was
busy with itself) is its, and not what was measured on it. Nobody can be faster than that.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_EVERY = 0.002
_WORTH_TELLING = 0.003


class Stalls:
    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile("w+")
        self._watches: list[subprocess.Popen] = []

    def __enter__(self) -> "Stalls":
        for core in sorted(os.sched_getaffinity(0)):
            script = ["/usr/bin/python3", str(Path(__file__).resolve())]
            command = ["chrt", "--rr", "2", "taskset", "-c", str(core), *script]
            self._watches.append(subprocess.Popen(command, stdout=self._file, start_new_session=True))
        return self

    def __exit__(self, *_) -> None:
        for watch in self._watches:
            watch.kill()
            watch.wait()
        self._file.close()

    def longest(self, begin: float, end: float | None = None) -> float:
        """Seconds that a core stood still at a time, between these moments of time.monotonic()."""
        time.sleep(_EVERY)  # a stall is told when it is over
        octets = os.pread(self._file.fileno(), 1 << 26, 0)
        last = time.monotonic() if end is None else end
        found = 0.0
        for line in octets.decode().splitlines():
            due, late = map(float, line.split())
            found = max(found, min(due + late, last) - max(due, begin))
        return found


def _watch() -> None:
    due = time.monotonic()
    while True:
        due = max(due + _EVERY, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
        late = time.monotonic() - due
        if late > _WORTH_TELLING:
            os.write(sys.stdout.fileno(), f"{due:.6f} {late:.6f}\n".encode())


if __name__ == "__main__":
    _watch()
