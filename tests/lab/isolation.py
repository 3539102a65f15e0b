"""Everything that a lab or a test makes vanishes with it, however it ends.

`isolate()` continues the program in a PID and mount namespace of its own:

    waiter    the process that was started: passes signals on, takes over the exit status
    └─ init   PID 1 of the new namespace, dies with the waiter
       └─ worker   returns from isolate(); every process it starts lives in the namespace

When any of the three dies, also by SIGKILL, the kernel kills every process in the PID
namespace. The network namespaces (their names are mounts inside our mount namespace) and the
scratch directory (a tmpfs of ours) go with the last of them. Nothing is left to clean up, and
two runs beside each other cannot see each other's names.
"""

import os
import signal
import sys
from pathlib import Path

from tests.lab import linux

SCRATCH = Path("/run/hearth-lab")
_isolated = False


def is_isolated() -> bool:
    return _isolated


def isolate() -> None:
    """Returns in the worker only. Needs root, and no threads yet."""
    global _isolated
    if _isolated:
        return
    sys.stdout.flush()
    sys.stderr.flush()
    linux.unshare(linux.CLONE_NEWPID | linux.CLONE_NEWNS)
    child = os.fork()
    if child != 0:
        os._exit(_pass_on(child))
    linux.die_with_parent(signal.SIGKILL)
    _private_mounts()
    worker = os.fork()
    if worker != 0:
        os._exit(_pass_on(worker))
    _isolated = True


def _private_mounts() -> None:
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    linux.mount("proc", "/proc", "proc")
    for directory in (Path("/run/netns"), SCRATCH):
        directory.mkdir(exist_ok=True)
        linux.mount("hearth-lab", str(directory), "tmpfs", 0, "mode=0755")


def _pass_on(child: int) -> int:
    """Waits for `child`, reaping orphans; Ctrl-C reaches the child through the terminal."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: os.kill(child, received))
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
