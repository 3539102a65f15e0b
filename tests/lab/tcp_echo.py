"""One TCP connection that is used at a fixed rate: DNS questions, or octets that come back.

    echo = tcp_echo.Dns(client, "10.0.0.53", "a.home")
    …move the address…
    result = echo.finish()
    assert not result.broken
"""

import json
import signal
import socket
import struct
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = str(Path(__file__).resolve())


@dataclass(frozen=True)
class EchoResult:
    sent: int
    answered: int
    slowest: float  # seconds
    broken: str  # why the connection ended; "" when it did not


def serve(host, port: int) -> None:
    """Whatever comes to `port` goes back."""
    host.start([sys.executable, _SCRIPT, "serve", str(port)]).wait_line("ready")


class _Echo:
    """One open connection; ready when its first message has come back."""

    def __init__(self, host, *arguments: object) -> None:
        self._process = host.start([sys.executable, _SCRIPT, "ask", *map(str, arguments)])
        self._process.wait_line("ready")

    def finish(self) -> EchoResult:
        self._process.signal(signal.SIGTERM)
        self._process.wait()
        return EchoResult(**json.loads(self._process.log().splitlines()[-1]))


class Dns(_Echo):
    def __init__(self, host, address: str, name: str, interval: float = 0.001) -> None:
        super().__init__(host, address, 53, interval, name)


class Echo(_Echo):
    def __init__(self, host, address: str, port: int, interval: float = 0.001) -> None:
        super().__init__(host, address, port, interval, "")


def _serve(port: int) -> None:
    listener = socket.create_server(("", port), backlog=128)
    print("ready", flush=True)

    def echo(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while data := connection.recv(4096):
            connection.sendall(data)

    while True:
        threading.Thread(target=echo, args=(listener.accept()[0],), daemon=True).start()


def _message(name: str) -> bytes:
    if not name:
        return b"12345678"
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    question = struct.pack("!HHHHHH", 1, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)
    return struct.pack("!H", len(question)) + question


def _read(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise ConnectionError("closed by the server")
        data += part
    return data


def _ask(address: str, port: int, interval: float, name: str) -> None:
    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: ended.append(number))
    connection = socket.create_connection((address, port), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    message = _message(name)
    sent = answered = 0
    slowest, broken = 0.0, ""
    due = time.monotonic()
    while not ended:
        begun = time.monotonic()
        try:
            connection.sendall(message)
            sent += 1
            _read(connection, struct.unpack("!H", _read(connection, 2))[0] if name else len(message))
        except OSError as error:
            broken = str(error) or type(error).__name__
            break
        answered += 1
        slowest = max(slowest, time.monotonic() - begun)
        if answered == 1:
            print("ready", flush=True)
        due += interval
        time.sleep(max(0.0, due - time.monotonic()))
    print(json.dumps({"sent": sent, "answered": answered, "slowest": slowest, "broken": broken}), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        _serve(int(sys.argv[2]))
    else:
        _ask(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), sys.argv[5])
