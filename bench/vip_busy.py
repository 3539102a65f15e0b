"""More work than a node can do: its core, its memory and its disk, for as long as the load lasts.

    with Load(pids, directory) as load:
        …measure…
    report.note(load.told)

What is to suffer (`pids`) shares one core with processes that never sleep, and a memory control
group, full all the time, with one that turns its pages over. A file in `directory` is written and
synced again and again. The other cores stay free: they are other machines.
"""

import contextlib
import mmap
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

_SPINNERS = 8
_LIMIT = 96 << 20  # octets of memory for all in the group
_FILE = 64 << 20
_CGROUPS = (  # of version 1 and 2: where, and the file of the limit
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
    (Path("/sys/fs/cgroup"), "memory.max"),
)


class Load:
    def __init__(self, pids: Sequence[int], directory: Path) -> None:
        self._core = max(os.sched_getaffinity(0))
        self._pids = pids
        self._scratch = Path(tempfile.mkdtemp(dir=directory))
        self._group: Path | None = None
        self._children: list[int] = []
        self.told = ""

    def __enter__(self) -> "Load":
        for pid in self._pids:
            for thread in os.listdir(f"/proc/{pid}/task"):
                os.sched_setaffinity(int(thread), {self._core})
        self._group = self._make_group()
        for pid in self._pids if self._group else ():
            (self._group / "cgroup.procs").write_text(str(pid))
        self._children = [self._start(_spin) for _ in range(_SPINNERS)]
        self._children += [self._start(self._turn_pages), self._start(self._write)]
        memory = f"memory limited to {_LIMIT >> 20} MiB and full" if self._group else "memory: no control group here"
        self.told = f"{_SPINNERS} processes that never sleep on the owner's core, {memory}, a file synced all the time"
        return self

    def __exit__(self, *_) -> None:
        for child in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        for child in self._children:
            os.waitpid(child, 0)
        if self._group is not None:
            for pid in self._pids:
                with contextlib.suppress(OSError):
                    (self._group.parent / "cgroup.procs").write_text(str(pid))
            self._group.rmdir()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _make_group(self) -> Path | None:
        for root, limit in _CGROUPS:
            group = root / f"hearth-bench-{os.getpid()}-{os.stat('/proc/self/ns/pid').st_ino}"
            try:
                if limit == "memory.max":
                    (root / "cgroup.subtree_control").write_text("+memory")
                group.mkdir()
            except OSError:
                continue
            with contextlib.suppress(OSError):
                (group / limit).write_text(str(_LIMIT))
                return group
            group.rmdir()
        return None

    def _start(self, work: Callable[[], None]) -> int:
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                os.sched_setaffinity(0, {self._core})
                Path("/proc/self/oom_score_adj").write_text("1000")
                work()
            os._exit(0)
        return child

    def _turn_pages(self) -> None:
        """Its own memory, most of the limit, and a file's pages that are larger than the rest."""
        if self._group is not None:
            (self._group / "cgroup.procs").write_text("0")
        own = mmap.mmap(-1, _LIMIT * 3 // 4)
        path = self._scratch / "pages"
        with path.open("wb") as file:
            file.truncate(2 * _LIMIT)
        with path.open("r+b") as file:
            pages = mmap.mmap(file.fileno(), 0)
            while True:
                for pool in (own, pages):
                    for at in range(0, len(pool), mmap.PAGESIZE):
                        pool[at] = (pool[at] + 1) & 0xFF

    def _write(self) -> None:
        piece = os.urandom(1 << 20)
        with (self._scratch / "disk").open("wb", buffering=0) as file:
            while True:
                file.seek(0)
                for _ in range(_FILE // len(piece)):
                    file.write(piece)
                os.fsync(file.fileno())


def _spin() -> None:
    while True:
        pass
