"""What every bench needs: cores, a wire, pinned programs, and what they cost."""

import contextlib
import json
import os
import re
import select
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.kept import KeptSockets
from tests.lab.netns import Namespace, Network
from tests.lab.process import Process

SERVER, LOAD = "10.9.0.1", "10.9.0.2"


@dataclass(frozen=True)
class Cores:
    """The server alone on one core; load and upstreams on the others."""

    server: int
    load: tuple[int, ...]
    upstream: int

    @staticmethod
    def choose() -> "Cores":
        have = sorted(os.sched_getaffinity(0))
        if len(have) < 2:
            raise SystemExit("bench: two cores are needed, one for the server and one for the load")
        return Cores(have[-1], tuple(have[-3:-1]), have[0])


class Arena:
    """Two machines and the wire between them: 10.9.0.1 serves, 10.9.0.2 asks."""

    def __init__(self, network: Network) -> None:
        self.cores = Cores.choose()
        self.server, self.load = network.host("server"), network.host("load")
        self.directory = network.directory
        self.server.ip(
            f"link add eth0 type veth peer name eth0 netns {self.load.name}",
            f"address add {SERVER}/24 dev eth0",
            "link set eth0 up",
        )
        self.load.ip(f"address add {LOAD}/24 dev eth0", "link set eth0 up")

    def address(self, number: int, host: Namespace | None = None) -> str:
        """A further address on the wire, of the serving machine unless told otherwise."""
        address = f"10.9.0.{number}"
        (host or self.server).ip(f"address add {address}/24 dev eth0")
        return address

    def start(self, argv: Sequence[str | Path], *, name: str, cores: str = "",
              kept: KeptSockets | None = None) -> Process:
        return self.server.start(pinned(cores or self.cores.server, argv), name=name, cwd=self.directory, kept=kept)

    def run_load(self, argv: Sequence[str | Path], timeout: float = 120) -> dict:
        """Runs a generator that prints one JSON object."""
        return json.loads(self.load.run(argv, timeout=timeout).stdout)


def hurry() -> None:
    """This process and what it starts go before what else the machine may be doing."""
    os.nice(-10 - os.nice(0))
    with contextlib.suppress(OSError):  # niceness counts inside a session only, but for this
        Path("/proc/self/autogroup").write_text("-10")


# Niceness counts within a session where the kernel groups them (sched_autogroup_enabled); so the session's, too.
_URGENTLY = '{ echo -10 > /proc/self/autogroup; } 2>/dev/null; exec nice -n -10 "$@"'


def urgent(argv: Sequence[str | Path]) -> list[str | Path]:
    """The same priority for all, above what else the machine may be doing."""
    return ["sh", "-c", _URGENTLY, "sh", *argv]


def pinned(cores: int | str, argv: Sequence[str | Path]) -> list[str | Path]:
    return urgent(["taskset", "-c", str(cores), *argv])


def family(pid: int) -> list[int]:
    """The process and all its descendants."""
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += [int(child) for child in children.read_text().split()]
            except OSError:
                continue
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its descendants, to the nanosecond."""
    total = 0
    for member in family(pid):
        for stat in Path(f"/proc/{member}/task").glob("*/schedstat"):
            try:
                total += int(stat.read_text().split()[0])
            except OSError:
                continue
    return total / 1e9


def memory_mib(pid: int, key: str = "Rss") -> float:
    """Resident (Rss) or proportional (Pss) memory of a process and its descendants."""
    kib = 0
    for member in family(pid):
        try:
            match = re.search(rf"^{key}:\s+(\d+) kB", Path(f"/proc/{member}/smaps_rollup").read_text(), re.MULTILINE)
        except OSError:
            continue
        kib += int(match[1]) if match else 0
    return kib / 1024


@dataclass(frozen=True)
class Spent:
    seconds: float
    cpu_seconds: float
    outcome: dict


def measured(pid: int, load: Callable[[], dict]) -> Spent:
    """What the server spent while `load` ran."""
    cpu, start = cpu_seconds(pid), time.monotonic()
    outcome = load()
    return Spent(time.monotonic() - start, cpu_seconds(pid) - cpu, outcome)


_RUSAGE = (
    "import json, resource, subprocess, sys, time; start = time.monotonic(); "
    "code = subprocess.run(sys.argv[1:], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL).returncode; "
    "print(json.dumps({'code': code, 'seconds': time.monotonic() - start, "
    "'peak_mib': resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024}))"
)


def timed(host: Namespace, core: int, argv: Sequence[str | Path]) -> dict:
    """Runs a program to its end: its exit code, seconds and peak memory."""
    command = pinned(core, ["/usr/bin/python3", "-c", _RUSAGE, *argv])
    return json.loads(host.run(command, timeout=120).stdout)


def wait_readable(sock, seconds: float) -> bool:
    return bool(select.select([sock], [], [], seconds)[0])


def program_version(argv: Sequence[str]) -> str:
    """The first line that tells a version."""
    result = subprocess.run(argv, capture_output=True, text=True, check=False)
    text = result.stdout + result.stderr
    match = re.search(r"\d+\.\d+(\.\d+)?", text)
    return match[0] if match else "?"
