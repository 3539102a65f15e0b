"""One child process: started, awaited, measured, ended."""

import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.lab.kept import KeptSockets
from tests.lab.waiting import wait_until


class ProcessFailed(AssertionError):
    pass


class Process:
    """A running program whose output goes to `<directory>/<name>.log`.

    It is given a NOTIFY_SOCKET, so that `wait_ready` returns on the daemon's READY=1
    and `wait_notify` on any other sd_notify message. Its descriptors are kept in `kept`, if
    given, which the next process of the same unit begins with.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        name: str,
        directory: Path,
        prefix: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        kept: KeptSockets | None = None,
    ) -> None:
        self.name = name
        self.argv = [str(word) for word in argv]
        self.log_path = directory / f"{name}.log"
        notify_path = directory / f"{name}.notify"
        notify_path.unlink(missing_ok=True)
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(notify_path))
        notify_path.chmod(0o666)
        self._kept = kept
        self._notified: list[str] = []
        self._silent = False  # the process has ended and all it said was read
        self._news = threading.Condition()
        environment = dict(os.environ if env is None else env)
        environment["NOTIFY_SOCKET"] = str(notify_path)
        self._log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        with self.log_path.open("ab") as log:
            self._child = subprocess.Popen(
                [*prefix, *(kept.command(self.argv) if kept else self.argv)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=cwd,
                start_new_session=True,
                pass_fds=kept.descriptors if kept else (),
            )
        self.pid = self._child.pid
        if niceness := os.nice(0):  # a session is a scheduling group: it counts inside only, but for this
            with contextlib.suppress(OSError):
                Path(f"/proc/{self.pid}/autogroup").write_text(str(niceness))
        self._pidfd = os.pidfd_open(self.pid)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    # --- what it says -------------------------------------------------------------------

    def log(self) -> str:
        """What this process (not an earlier one of the same name) has printed."""
        with self.log_path.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode(errors="replace")

    def wait_ready(self, deadline: float = 20.0) -> "Process":
        self.wait_notify(r"READY=1", deadline)
        return self

    def wait_notify(self, pattern: str, deadline: float = 20.0) -> str:
        """Returns the first sd_notify message, also a past one, that contains `pattern`."""
        end = time.monotonic() + deadline
        with self._news:
            while True:
                for message in self._notified:
                    if re.search(pattern, message):
                        return message
                if self._silent:
                    raise self._failure(f"ended with {self.wait()} before it said {pattern}")
                if not self._news.wait(end - time.monotonic()):
                    raise self._failure(f"did not say {pattern} within {deadline} s")

    def _listen(self) -> None:
        """Reads the notify socket until the process ends: a full one would block the daemon."""
        poller = select.poll()
        poller.register(self._notify, select.POLLIN)
        poller.register(self._pidfd, select.POLLIN)
        while True:
            ready = [descriptor for descriptor, _ in poller.poll()]
            with self._news:
                if self._notify.fileno() in ready:
                    octets, descriptors, _, _ = socket.recv_fds(self._notify, 4096, 16)
                    self._notified.append(octets.decode())
                    if self._kept is not None:
                        self._kept.note(self._notified[-1], descriptors)
                    else:  # kept open, they would take in what the next process is to answer
                        for descriptor in descriptors:
                            os.close(descriptor)
                else:
                    self._silent = True
                self._news.notify_all()
                if self._silent:
                    return

    def wait_line(self, pattern: str, deadline: float = 20.0) -> re.Match[str]:
        """Waits until the output matches `pattern` (re.MULTILINE)."""
        compiled = re.compile(pattern, re.MULTILINE)

        def found() -> re.Match[str] | None:
            match = compiled.search(self.log())
            if match is None and not self.alive() and (match := compiled.search(self.log())) is None:
                raise self._failure(f"ended with {self.wait()} before it printed {pattern!r}")
            return match

        try:
            return wait_until(found, deadline)
        except TimeoutError:
            raise self._failure(f"did not print {pattern!r} within {deadline} s") from None

    def next_notify(self, deadline: float) -> str | None:
        """The next sd_notify message from now on, or None when none comes within `deadline`."""
        with self._news:
            known = len(self._notified)
            self._news.wait_for(lambda: len(self._notified) > known or self._silent, deadline)
            return self._notified[known] if len(self._notified) > known else None

    def _failure(self, what: str) -> ProcessFailed:
        tail = "\n".join(self.log().splitlines()[-30:])
        return ProcessFailed(f"{self.name} ({' '.join(self.argv)}) {what}; its output ends:\n{tail}")

    # --- how it is ----------------------------------------------------------------------

    def alive(self) -> bool:
        return self._child.poll() is None

    def _status_kib(self, key: str) -> int:
        text = Path(f"/proc/{self.pid}/status").read_text()
        match = re.search(rf"^{key}:\s+(\d+) kB$", text, re.MULTILINE)
        assert match is not None, f"{self.name} has no {key}: it ended"
        return int(match[1])

    def rss_bytes(self) -> int:
        return self._status_kib("VmRSS") * 1024

    def peak_rss_bytes(self) -> int:
        return self._status_kib("VmHWM") * 1024

    # --- its end ------------------------------------------------------------------------

    def signal(self, number: int) -> None:
        if self.alive():
            signal.pidfd_send_signal(self._pidfd, number)

    def wait(self, deadline: float = 20.0) -> int:
        """The exit status; negative for a signal."""
        try:
            return self._child.wait(deadline)
        except subprocess.TimeoutExpired:
            raise self._failure(f"still runs after {deadline} s") from None

    def stop(self, deadline: float = 20.0) -> int:
        """SIGTERM, then the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait(deadline)

    def kill(self) -> None:
        """SIGKILL; returns when the process is gone."""
        self.signal(signal.SIGKILL)
        self.wait()

    def close(self) -> None:
        if self._pidfd < 0:
            return
        self.kill()
        self._listener.join()
        os.close(self._pidfd)
        self._pidfd = -1
        self._notify.close()
