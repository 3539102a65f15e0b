"""What systemd's descriptor store does for a unit: keeps sockets while no process of it runs."""

import os
import re
from collections.abc import Sequence

# Puts the descriptors where sd_listen_fds(3) looks for them, in the process that it becomes.
HAND_OVER = """
import fcntl, os, sys
fds, names, argv = [int(fd) for fd in sys.argv[1].split()], sys.argv[2], sys.argv[3:]
aside = [fcntl.fcntl(fd, fcntl.F_DUPFD, max(fds) + len(fds) + 3) for fd in fds]
for place, fd in enumerate(aside):
    os.dup2(fd, 3 + place, inheritable=True)
os.closerange(3 + len(fds), 1024)
os.environ.update(LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=names, LISTEN_PID=str(os.getpid()))
os.execvp(argv[0], argv)
"""


class KeptSockets:
    def __init__(self) -> None:
        self._kept: list[tuple[str, int]] = []

    def note(self, message: str, descriptors: Sequence[int]) -> None:
        """Of an sd_notify message and what came with it."""
        name = re.search(r"^FDNAME=(.*)$", message, re.MULTILINE)
        if "FDSTOREREMOVE=1" in message and name:
            for entry in [entry for entry in self._kept if entry[0] == name[1]]:
                os.close(entry[1])
                self._kept.remove(entry)
        elif "FDSTORE=1" in message and name:
            self._kept += [(name[1], descriptor) for descriptor in descriptors]
        else:
            for descriptor in descriptors:
                os.close(descriptor)

    @property
    def names(self) -> list[str]:
        return sorted(name for name, _ in self._kept)

    @property
    def descriptors(self) -> list[int]:
        return [descriptor for _, descriptor in self._kept]

    def command(self, argv: Sequence[str]) -> list[str]:
        """`argv` begun with all of them."""
        if not self._kept:
            return list(argv)
        numbers = " ".join(str(descriptor) for descriptor in self.descriptors)
        names = ":".join(name for name, _ in self._kept)
        return ["/usr/bin/python3", "-c", HAND_OVER, numbers, names, *argv]

    def close(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)
        self._kept.clear()
