"""A client of HTTP/2 that sends what it is told, however wrong: python3-h2 with its checks switched off."""

from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from tests.proxy.house import ADDRESS, House

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def get(path: str = "/", host: str = "web.home", method: str = "GET", scheme: str = "http") -> list[tuple]:
    return [(b":method", method.encode()), (b":scheme", scheme.encode()), (b":path", path.encode()),
            (b":authority", host.encode())]


@dataclass
class Answer:
    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""
    interim: list[int] = field(default_factory=list)
    trailers: dict[bytes, bytes] | None = None
    ended: bool = False
    reset: int | None = None

    @property
    def over(self) -> bool:
        return self.ended or self.reset is not None


class H2Client:
    """`answers[stream]` grows as frames arrive. Windows are opened as octets arrive, unless `reads` is false."""

    def __init__(self, sock, *, reads: bool = True) -> None:
        self.sock, self.reads = sock, reads
        self.sock.settimeout(20)
        config = h2.config.H2Configuration(client_side=True, header_encoding=False, validate_outbound_headers=False,
                                           normalize_outbound_headers=False, validate_inbound_headers=True)
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(1 << 24)  # of the connection; streams have 64 KiB each
        self.answers: dict[int, Answer] = {}
        self.goaway: h2.events.ConnectionTerminated | None = None
        self.goaways: list[int] = []
        self.pongs = 0
        self.closed = False
        self.flush()

    def flush(self) -> None:
        self.sock.sendall(self.h2.data_to_send())

    def raw(self, octets: bytes) -> None:
        self.sock.sendall(octets)

    def request(self, headers: list[tuple], body: bytes | None = None, *, end: bool = True) -> int:
        stream = self.h2.get_next_available_stream_id()
        self.answers[stream] = Answer()
        self.h2.send_headers(stream, headers, end_stream=end and body is None)
        self.flush()
        if body is not None:
            self.send(stream, body, end=end)
        return stream

    def send(self, stream: int, body: bytes, *, end: bool = False) -> None:
        """As windows allow, which it waits for; no longer than until the answer is there."""
        view = memoryview(body)
        while view:
            if self.answers[stream].over:
                return
            size = min(len(view), self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if size == 0:
                if not self.receive():
                    raise ConnectionResetError("closed while sending")
                continue
            self.h2.send_data(stream, bytes(view[:size]))
            view = view[size:]
            self.flush()
        if end and not self.answers[stream].over:
            self.h2.end_stream(stream)
            self.flush()

    def receive(self) -> bool:
        """One read of the socket. False: the other side has closed."""
        try:
            octets = self.sock.recv(65536)
        except ConnectionResetError:
            octets = b""
        if not octets:
            self.closed = True
            return False
        for event in self.h2.receive_data(octets):
            self._take(event)
        try:
            self.flush()
        except OSError:
            pass  # what it has sent is what counts
        return True

    def _take(self, event) -> None:
        answer = self.answers.setdefault(getattr(event, "stream_id", None) or 0, Answer())
        match event:
            case h2.events.InformationalResponseReceived():
                answer.interim.append(int(dict(event.headers)[b":status"]))
            case h2.events.ResponseReceived():
                answer.headers = dict(event.headers)
                answer.status = int(answer.headers[b":status"])
            case h2.events.DataReceived():
                answer.body += event.data
                if self.reads and event.flow_controlled_length:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.TrailersReceived():
                answer.trailers = dict(event.headers)
            case h2.events.StreamEnded():
                answer.ended = True
            case h2.events.StreamReset():
                answer.reset = int(event.error_code)
            case h2.events.PingAckReceived():
                self.pongs += 1
            case h2.events.ConnectionTerminated():
                self.goaway = event
                self.goaways.append(int(event.error_code))
                # Streams under way go on (RFC 9113 §6.8), which python3-h2 does not know.
                self.h2.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN

    def wait(self, stream: int) -> Answer:
        """Until the stream is over or the connection is."""
        while not self.answers[stream].over and self.receive():
            pass
        return self.answers[stream]

    def wait_body(self, stream: int, octets: int) -> bytes:
        while len(self.answers[stream].body) < octets and not self.answers[stream].over and self.receive():
            pass
        return self.answers[stream].body

    def wait_head(self, stream: int) -> Answer:
        while not self.answers[stream].status and not self.answers[stream].over and self.receive():
            pass
        return self.answers[stream]

    def wait_closed(self) -> "H2Client":
        while not self.closed:
            try:
                self.receive()
            except h2.exceptions.ProtocolError:
                pass
        return self

    def ask(self, headers: list[tuple], body: bytes | None = None) -> Answer:
        return self.wait(self.request(headers, body))

    def close(self) -> None:
        self.sock.close()


def connect(house: House, **options) -> H2Client:
    """With prior knowledge, over plain TCP."""
    return H2Client(house.host.connect(ADDRESS, 80), **options)
