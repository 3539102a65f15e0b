"""Asks a service at a fixed rate and says how long it was away.

Probe k goes out at start + k * interval whether earlier ones were answered or not, so a
stall is never hidden by a prober that waits for it. The outage is the longest time between two
good answers that follow each other (less the interval): an answer that comes late counts as
away until it comes, and so does a stall of the prober itself.

    probe = Probe.dns(client, "10.0.0.53", "immich.home")
    …kill something…
    result = probe.finish()
    assert result.outage < 1.0
"""

import argparse
import errno
import json
import os
import selectors
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

# A service that is back must answer this often in a row before `finish` reports.
_SETTLED = 40
_SETTLE_LIMIT = 8.0  # seconds
_DRAIN_LIMIT = 0.5
_PROBE_LIMIT = 2.0  # seconds until a probe counts as lost


@dataclass(frozen=True)
class ProbeResult:
    sent: int
    answered: int
    outage: float  # seconds
    slowest: float  # seconds, of the answered ones, from the intended time of sending
    settled: bool  # answered again at the end
    late: float  # seconds that a probe went out after the intended time, at most
    ended: float  # time.monotonic() when the outage was over

    @property
    def lost(self) -> int:
        return self.sent - self.answered


class Probe:
    """A prober that runs on a host; it is ready when it has had its first good answer."""

    def __init__(self, host, arguments: list[str], interval: float, before: Sequence[str] = ()) -> None:
        script = [sys.executable, str(Path(__file__).resolve()), "--interval", str(interval)]
        self._process = host.start([*before, *script, *arguments])
        self._process.wait_ready()

    @staticmethod
    def dns(host, server: str, name: str, interval: float = 0.005, before: Sequence[str] = ()) -> "Probe":
        """`before`: what starts it, as `chrt`."""
        return Probe(host, ["dns", server, name], interval, before)

    @staticmethod
    def http(host, address: str, authority: str, interval: float = 0.005) -> "Probe":
        return Probe(host, ["http", address, authority], interval)

    def mark(self) -> None:
        """Something happens now: outages that are over are none of it."""
        self._process.signal(signal.SIGUSR1)

    def finish(self) -> ProbeResult:
        """Goes on until the service answers steadily (8 s at most), then reports."""
        assert self._process.stop(_SETTLE_LIMIT + 20) == 0, self._process.log()
        return ProbeResult(**json.loads(self._process.log().splitlines()[-1]))


class Timeline:
    """What was sent and what came back, and what follows from it."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self.answered = self.in_a_row = 0
        self.slowest = self.late = self._longest_gap = self._ended = 0.0
        self._times: list[float] = []  # intended, of what was sent from the first answered one on
        self._first: float | None = None
        self._last_answer: float | None = None

    def probe_sent(self, intended: float, now: float | None = None) -> None:
        self.late = max(self.late, (now or intended) - intended)
        if self._first is None or intended > self._first:
            self._times.append(intended)

    def answer(self, intended: float, now: float) -> None:
        if self._last_answer is None:  # what was asked before this one does not count
            self._first = intended
            self._times = [when for when in self._times if when >= intended]
        elif intended < self._first:
            return
        else:
            if now - self._last_answer > self._longest_gap:
                self._longest_gap, self._ended = now - self._last_answer, now
        self._last_answer = now
        self.answered += 1
        self.in_a_row += 1
        self.slowest = max(self.slowest, now - intended)

    def lost(self) -> None:
        self.in_a_row = 0

    def mark(self) -> None:
        """What is over now does not count as an outage."""
        self.slowest = self.late = self._longest_gap = 0.0

    def result(self, now: float) -> ProbeResult:
        last = now if self._last_answer is None else self._last_answer
        settled = self.in_a_row >= _SETTLED
        gap, ended = max((self._longest_gap, self._ended), (0.0 if settled else now - last, now))
        outage = max(0.0, gap - self._interval)
        return ProbeResult(len(self._times), self.answered, outage, self.slowest, settled, self.late, ended)


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class DnsProber:
    """One UDP socket; the message ID tells which probe an answer belongs to.

    Asks for the addresses of the family it asks over.
    """

    def __init__(self, selector: selectors.BaseSelector, timeline: Timeline, server: str, name: str) -> None:
        labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
        self._question = labels + b"\0" + struct.pack("!HH", 28 if ":" in server else 1, 1)
        self._server, self._timeline = (server, 53), timeline
        self._socket = socket.socket(_family(server), socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.waiting: dict[int, float] = {}
        selector.register(self._socket, selectors.EVENT_READ, self._readable)

    def send(self, number: int, intended: float) -> None:
        ident = number & 0xFFFF
        header = struct.pack("!HHHHHH", ident, 0x0100, 1, 0, 0, 0)
        self.waiting[ident] = intended
        try:
            self._socket.sendto(header + self._question, self._server)
        except OSError:
            self._timeline.lost()  # no route, full queue: a probe that nobody answers

    def _readable(self, now: float) -> None:
        while True:
            try:
                message = self._socket.recv(4096)
            except OSError:
                return
            ident, flags, _, answers = struct.unpack("!HHHH", message[:8])
            good = flags & 0x8000 and flags & 0xF == 0 and answers > 0
            intended = self.waiting.pop(ident, None)
            if intended is not None and good:
                self._timeline.answer(intended, now)

    def expire(self, now: float) -> None:
        for ident in [i for i, intended in self.waiting.items() if now - intended > _PROBE_LIMIT]:
            del self.waiting[ident]
            self._timeline.lost()


class HttpProber:
    """A new connection for each probe, as a new visitor makes it."""

    def __init__(self, selector: selectors.BaseSelector, timeline: Timeline, address: str, host: str) -> None:
        self._selector, self._timeline = selector, timeline
        ip, _, port = address.partition(":")
        self._address = (ip, int(port or 80))
        self._request = f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
        self.waiting: dict[socket.socket, float] = {}

    def send(self, _number: int, intended: float) -> None:
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        code = made.connect_ex(self._address)
        if code not in (0, errno.EINPROGRESS):
            made.close()
            self._timeline.lost()
            return
        self.waiting[made] = intended
        self._selector.register(made, selectors.EVENT_WRITE, lambda now: self._connected(made))

    def _connected(self, connection: socket.socket) -> None:
        try:
            connection.send(self._request)
        except OSError:
            self._drop(connection)
            self._timeline.lost()
            return
        self._selector.modify(connection, selectors.EVENT_READ, lambda now: self._readable(connection, now))

    def _readable(self, connection: socket.socket, now: float) -> None:
        try:
            start = connection.recv(64)
        except OSError:
            start = b""
        intended = self._drop(connection)
        if start.startswith(b"HTTP/1.1 200"):
            self._timeline.answer(intended, now)
        else:
            self._timeline.lost()

    def _drop(self, connection: socket.socket) -> float:
        self._selector.unregister(connection)
        connection.close()
        return self.waiting.pop(connection)

    def expire(self, now: float) -> None:
        for connection in [c for c, intended in self.waiting.items() if now - intended > _PROBE_LIMIT]:
            self._drop(connection)
            self._timeline.lost()


def _run(prober, selector: selectors.BaseSelector, timeline: Timeline, interval: float) -> ProbeResult:
    stop_at: list[float] = []

    def stop(*_) -> None:
        timeline.in_a_row = 0  # only answers from now on show that the service is back
        stop_at.append(time.monotonic() + _SETTLE_LIMIT)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGUSR1, lambda *_: timeline.mark())
    start, number, ready = time.monotonic(), 0, False

    def serve_until(end: float) -> None:
        for key, _ in selector.select(max(0.0, end - time.monotonic())):
            handle: Callable[[float], None] = key.data
            handle(time.monotonic())
        prober.expire(time.monotonic())

    while True:
        now = time.monotonic()
        if stop_at and (timeline.in_a_row >= _SETTLED or now >= stop_at[0]):
            break
        intended = start + number * interval
        if now >= intended:
            timeline.probe_sent(intended, now)
            prober.send(number, intended)
            number += 1
            continue
        serve_until(intended)
        if timeline.answered and not ready:
            ready = True
            _notify_ready()
    ended = time.monotonic()
    while prober.waiting and time.monotonic() < ended + _DRAIN_LIMIT:  # answers under way
        serve_until(ended + _DRAIN_LIMIT)
    return timeline.result(ended)


def _notify_ready() -> None:
    path = os.environ.get("NOTIFY_SOCKET")
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto(b"READY=1", path)


def main() -> None:
    parser = argparse.ArgumentParser(description="probe DNS or HTTP until SIGTERM, then print the outage")
    parser.add_argument("--interval", type=float, default=0.005, help="seconds")
    parser.add_argument("protocol", choices=["dns", "http"])
    parser.add_argument("address")
    parser.add_argument("name")
    options = parser.parse_args()
    selector, timeline = selectors.DefaultSelector(), Timeline(options.interval)
    kind = DnsProber if options.protocol == "dns" else HttpProber
    prober = kind(selector, timeline, options.address, options.name)
    print(json.dumps(_run(prober, selector, timeline, options.interval).__dict__))


if __name__ == "__main__":
    main()
