"""What else a machine had to do while a bench ran: whoever reads the figures can judge them by it."""

import os
import resource
import time
from pathlib import Path

_IDLE, _IOWAIT, _STEAL, _GUEST = 3, 4, 7, 8


class Machine:
    """From its making on. What the bench itself used counts when it has ended."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._busy, self._stolen = _spent()
        self._own = _own()
        self._load = os.getloadavg()[0]

    def told(self) -> str:
        seconds = time.monotonic() - self._begun
        busy, stolen = _spent()
        others = max(0.0, busy - self._busy - (_own() - self._own)) / seconds
        return (f"took {seconds / 60:.1f} min; of {os.cpu_count()} cores other work had {others:.1f} on average and the host "
                f"{(stolen - self._stolen) / seconds:.2f}; load average {self._load:.1f} before, {os.getloadavg()[0]:.1f} after")


def _spent() -> tuple[float, float]:
    """Seconds of all cores: those that worked, and those that the host of a virtual machine took."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    second = os.sysconf("SC_CLK_TCK")
    busy = sum(ticks[:_GUEST]) - ticks[_IDLE] - ticks[_IOWAIT] - ticks[_STEAL]
    return busy / second, ticks[_STEAL] / second


def _own() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
