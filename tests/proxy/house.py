"""A machine with hearth-proxy on 127.0.0.1:80, and upstreams that do exactly as they are told."""

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

from tests.lab.control import Control
from tests.lab.kept import KeptSockets
from tests.lab.netns import Namespace
from tests.lab.process import Process

ADDRESS = "127.0.0.1"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Upstream:
    """Plays a script for each connection, in a thread of its own.

    The script gets a `Peer`; when it returns the connection is closed. `received` is what all
    connections have got, in order of their arrival.
    """

    def __init__(self, host: Namespace, port: int, script: Callable[["Peer"], None],
                 context: ssl.SSLContext | None = None, address: str = ADDRESS) -> None:
        self.port, self._script, self._context = port, script, context
        self.peers: list[Peer] = []
        with host.entered():
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            self._listener = socket.create_server((address, port), family=family, backlog=512)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            peer = Peer(connection)
            self.peers.append(peer)
            threading.Thread(target=self._play, args=(peer,), daemon=True).start()

    def _play(self, peer: "Peer") -> None:
        try:
            # The proxy also connects to see whether somebody listens, and says nothing.
            if peer.connection.recv(1, socket.MSG_PEEK):
                if self._context:
                    peer.connection = self._context.wrap_socket(peer.connection, server_side=True)
                self._script(peer)
        except OSError:
            pass  # the proxy went away
        finally:
            peer.close()

    @property
    def asked(self) -> int:
        """On how many connections it was asked something."""
        return sum(bool(peer.received) for peer in self.peers)

    @property
    def received(self) -> bytes:
        return b"".join(peer.received for peer in self.peers)

    def close(self) -> None:
        for end in (self._listener, *(peer.connection for peer in self.peers)):
            # A thread that waits in accept() or recv() only wakes up when the socket is shut down.
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Peer:
    """The upstream's end of one connection; also used for a client's."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.connection.settimeout(20)
        self.received = b""
        self._unread = b""

    def read_until(self, marker: bytes) -> bytes:
        """Everything up to and including `marker`; what was there when the other side closed."""
        while marker not in self._unread:
            if not self._fill():
                break
        end = self._unread.find(marker) + len(marker) if marker in self._unread else len(self._unread)
        found, self._unread = self._unread[:end], self._unread[end:]
        return found

    def read_exactly(self, count: int) -> bytes:
        while len(self._unread) < count and self._fill():
            pass
        found, self._unread = self._unread[:count], self._unread[count:]
        return found

    def read_all(self) -> bytes:
        """Until the other side closes or resets."""
        try:
            while self._fill():
                pass
        except ConnectionResetError:
            pass
        found, self._unread = self._unread, b""
        return found

    def read_head(self) -> bytes:
        return self.read_until(b"\r\n\r\n")

    def read_response(self) -> tuple[int, bytes, bytes]:
        """Status, head and body of one response whose length is given or chunked."""
        head = self.read_head()
        status = int(head.split(b" ", 2)[1]) if head else 0
        fields = head.lower()
        if b"content-length:" in fields:
            length = int(fields.split(b"content-length:")[1].split(b"\r\n")[0])
            return status, head, self.read_exactly(length)
        if b"transfer-encoding: chunked" in fields:
            return status, head, self.read_chunks()
        return status, head, b""

    def read_chunks(self) -> bytes:
        body = b""
        while size := int(self.read_until(b"\r\n"), 16):
            body += self.read_exactly(size)
            self.read_exactly(2)
        self.read_exactly(2)
        return body

    def _fill(self) -> bool:
        octets = self.connection.recv(65536)
        self.received += octets
        self._unread += octets
        return bool(octets)

    def send(self, octets: bytes) -> None:
        self.connection.sendall(octets)

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.connection.close()

    def close(self) -> None:
        self.connection.close()


def answer_all(peer: Peer) -> None:
    """A script: 200 "ok" to each request without a body."""
    while peer.read_head():
        peer.send(OK)


class House:
    def __init__(self, host: Namespace, program: Path) -> None:
        self.host, self._program = host, program
        self.directory = host.directory / "proxy"
        self.directory.mkdir()
        self.config = self.directory / "hearth.yaml"
        self.run_dir = self.directory / "run"
        self.run_dir.mkdir()
        self.control = Control(self.run_dir / "proxy.sock")
        self.upstreams: list[Upstream] = []
        self.daemon: Process | None = None
        self.kept: KeptSockets | None = None

    def write(self, services: dict, **proxy) -> None:
        document = {
            "version": 1,
            "domain": "home",
            "lan": ["127.0.0.0/8"],
            "nodes": {"here": ADDRESS},
            "dns": {"upstreams": ["9.9.9.9"]},
            "proxy": {"listen": [f"{ADDRESS}:80"], **proxy},
            "services": services,
        }
        self.config.write_text(json.dumps(document, indent=1))  # JSON is YAML

    def start(self, services: dict, **proxy) -> "House":
        self.write(services, **proxy)
        state = self.directory / "state"
        state.mkdir(exist_ok=True)
        argv = [self._program, "--config", self.config, "--run-dir", self.run_dir, "--state-dir", state]
        self.daemon = self.host.start(argv, name="hearth-proxy", kept=self.kept).wait_ready()
        return self

    def reload(self, services: dict, **proxy) -> None:
        self.write(services, **proxy)
        reply = self.control.post("/reload")
        assert reply.status == 200, reply.text()

    def upstream(self, port: int, script: Callable[[Peer], None] = answer_all) -> Upstream:
        self.upstreams.append(Upstream(self.host, port, script))
        return self.upstreams[-1]

    def client(self, port: int = 80) -> Peer:
        return Peer(self.host.connect(ADDRESS, port))

    def ask(self, request: bytes) -> tuple[int, bytes, bytes]:
        """One request on a connection of its own: status, head, body."""
        client = self.client()
        client.send(request)
        try:
            return client.read_response()
        finally:
            client.close()

    def close(self) -> None:
        for upstream in self.upstreams:
            upstream.close()


def is_closed(connection: socket.socket) -> bool:
    """By the other side."""
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def get(host: str = "web.home", path: str = "/", headers: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n".encode()


WEB = {"web": {"upstream": f"http://{ADDRESS}:9000"}}
