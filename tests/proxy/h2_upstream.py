"""An upstream of HTTP/2 that does as it is told, over h2c or TLS."""

import contextlib
import select
import socket
import ssl
import threading
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from tests.proxy.house import ADDRESS


def server_context(leaf, *protocols: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.certificate, leaf.key)
    context.set_alpn_protocols(list(protocols))
    return context


@dataclass
class Asked:
    """A request as it arrived."""

    stream: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)

    def __getitem__(self, name: bytes) -> bytes | None:
        return dict(self.headers).get(name)


class H2Connection:
    """One connection; the script is called with each complete request."""

    SETTINGS: dict[int, int] = {}

    def __init__(self, upstream: "H2Upstream", sock) -> None:
        self.upstream, self.sock = upstream, sock
        config = h2.config.H2Configuration(client_side=False, header_encoding=False)
        self.h2 = h2.connection.H2Connection(config)
        self.h2.local_settings.update(self.SETTINGS)
        self.h2.local_settings.acknowledge()
        self.h2.initiate_connection()
        self.lock = threading.RLock()
        self.window = threading.Condition(self.lock)
        self.open: dict[int, Asked] = {}
        self.resets: list[int] = []

    def run(self) -> None:
        self.flush()
        while octets := self._receive():
            if self not in self.upstream.connections:
                self.upstream.connections.append(self)
            with self.lock:
                for event in self.h2.receive_data(octets):
                    self._take(event)
                self.flush()
                self.window.notify_all()

    def _receive(self) -> bytes:
        """Never beside somebody who sends: OpenSSL's connections belong to one thread at a time."""
        if not isinstance(self.sock, ssl.SSLSocket):
            return self.sock.recv(65536)
        if not self.sock.pending() and not select.select([self.sock], [], [], 30)[0]:
            return b""
        with self.lock:
            return self.sock.recv(65536)

    def flush(self) -> None:
        with self.lock:
            self.sock.sendall(self.h2.data_to_send())

    def _take(self, event) -> None:
        match event:
            case h2.events.RequestReceived():
                asked = self.open[event.stream_id] = Asked(event.stream_id, event.headers)
                if self.upstream.is_hasty(asked):
                    self._begin(asked)
            case h2.events.DataReceived():
                self.open[event.stream_id].body += event.data
                if event.flow_controlled_length:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.TrailersReceived():
                self.open[event.stream_id].trailers = event.headers
            case h2.events.StreamReset():
                self.resets.append(event.stream_id)
            case h2.events.StreamEnded():
                asked = self.open.pop(event.stream_id)
                if not self.upstream.is_hasty(asked):
                    self._begin(asked)

    def _begin(self, asked: Asked) -> None:
        self.upstream.asked.append(asked)
        threading.Thread(target=self._answer, args=(asked,), daemon=True).start()

    def _answer(self, asked: Asked) -> None:
        with contextlib.suppress(OSError, h2.exceptions.ProtocolError):
            self.upstream.script(self, asked)

    def head(self, asked: Asked, status: int = 200, *fields: tuple[bytes, bytes], end: bool = False) -> None:
        with self.lock:
            self.h2.send_headers(asked.stream, [(b":status", b"%d" % status), *fields], end_stream=end)
            self.flush()

    def body(self, asked: Asked, body: bytes, *, end: bool = True) -> None:
        view = memoryview(body)
        with self.lock:
            while view:
                size = min(len(view), self.h2.local_flow_control_window(asked.stream), self.h2.max_outbound_frame_size)
                if size == 0:
                    self.window.wait(20)
                    continue
                self.h2.send_data(asked.stream, bytes(view[:size]))
                view = view[size:]
                self.flush()
            if end:
                self.h2.end_stream(asked.stream)
                self.flush()

    def trailers(self, asked: Asked, *fields: tuple[bytes, bytes]) -> None:
        with self.lock:
            self.h2.send_headers(asked.stream, list(fields), end_stream=True)
            self.flush()

    def reset(self, asked: Asked, code: int = 2) -> None:
        with self.lock:
            self.h2.reset_stream(asked.stream, code)
            self.flush()

    def goaway(self) -> None:
        with self.lock:
            self.h2.close_connection()
            self.flush()


def ok(connection: H2Connection, asked: Asked) -> None:
    connection.head(asked, 200, (b"content-length", b"2"))
    connection.body(asked, b"ok")


def hang_up(sock) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


class H2Upstream:
    """`is_hasty`: whether a request is answered before its body has arrived."""

    def __init__(self, host, port: int, script=ok, context: ssl.SSLContext | None = None,
                 is_hasty=lambda asked: False, connection=H2Connection) -> None:
        self.script, self.context, self.is_hasty, self.connection = script, context, is_hasty, connection
        self.connections: list[H2Connection] = []  # on which something was said
        self.asked: list[Asked] = []
        self.http1 = 0  # the same for those that agreed on HTTP/1.1
        with host.entered():
            self._listener = socket.create_server((ADDRESS, port), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock) -> None:
        with contextlib.suppress(OSError, h2.exceptions.ProtocolError):
            sock.settimeout(30)
            # The proxy also connects to see whether somebody listens, and says nothing.
            if not sock.recv(1, socket.MSG_PEEK):
                return
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
                if sock.selected_alpn_protocol() != "h2":
                    self.serve_http1(sock)
                    return
            connection = self.connection(self, sock)
            try:
                connection.run()
            finally:
                hang_up(sock)

    def serve_http1(self, sock) -> None:
        is_first = True
        while sock.recv(65536):
            self.http1 += is_first
            is_first = False
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhttp1")

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.connections:
            hang_up(connection.sock)
