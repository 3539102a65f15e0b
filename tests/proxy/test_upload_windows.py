"""How much of an upload over HTTP/2 may be on the way: more where the way is long, little where nobody takes it."""

import socket
import threading

from tests.proxy.h2_client import H2Client, connect, get
from tests.proxy.house import WEB, Peer

MIB = 1 << 20
PIECE = bytes(16 * 1024)


class Upload:
    """Of zeros, by a client that reads only when it may send no more: as if the way were long."""

    def __init__(self, client: H2Client) -> None:
        self.client, self.sent, self.widest = client, 0, 0
        self.stream = client.request(get(method="POST"), end=False)

    def send(self, octets: int, patience: float = 1) -> None:
        """So many more, or as many as may be sent until nothing has been heard for so many seconds."""
        h2, end = self.client.h2, self.sent + octets
        self.client.sock.settimeout(patience)
        while self.sent < end:
            size = min(h2.local_flow_control_window(self.stream), h2.max_outbound_frame_size, end - self.sent)
            if size > 0:
                h2.send_data(self.stream, PIECE[:size])
                self.client.flush()
                self.sent += size
                continue
            try:
                self.client.receive()
            except TimeoutError:
                break
            self.widest = max(self.widest, h2.local_flow_control_window(self.stream))
        self.client.sock.settimeout(20)

    def end(self) -> bytes:
        self.client.h2.end_stream(self.stream)
        self.client.flush()
        return self.client.wait(self.stream).body


def count(peer: Peer, quickly: int, stopped: threading.Event, go_on: threading.Event) -> None:
    """A script: says how long the body was; stops to read it after a while. The kernel keeps little of it."""
    peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MIB)
    head = peer.read_head()
    taken, tail = len(peer.received) - len(head), peer.received[-5:]
    while not tail.endswith(b"0\r\n\r\n"):
        if taken > quickly and not stopped.is_set():
            stopped.set()
            go_on.wait(60)
        octets = peer.connection.recv(MIB)
        taken, tail = taken + len(octets), (tail + octets)[-5:]
    said = b"%d" % taken
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))


def test_a_long_way_has_room_for_more_and_a_stopped_taker_stops_the_client(house, sanitized):
    stopped, go_on = threading.Event(), threading.Event()
    house.upstream(9000, lambda peer: count(peer, 40 * MIB, stopped, go_on))
    house.start(WEB, workers=1)
    before = house.daemon.peak_rss_bytes()
    upload = Upload(connect(house))
    upload.send(40 * MIB, patience=20)
    assert upload.sent == 40 * MIB
    assert 2 * MIB <= upload.widest <= 8 * MIB, upload.widest

    upload.send(100 * MIB)
    assert stopped.is_set()
    assert upload.sent < 40 * MIB + 8 * MIB + 8 * MIB, "windows, and what the kernel keeps of a connection"
    held = house.daemon.peak_rss_bytes() - before
    print(f"window {upload.widest / MIB:.1f} MiB; {(upload.sent - 40 * MIB) / MIB:.1f} MiB after the upstream had stopped, "
          f"{held / MIB:.1f} MiB of memory")
    assert sanitized or held < 16 * MIB

    go_on.set()
    upload.send(MIB)
    assert int(upload.end()) > upload.sent > 41 * MIB, "all of it, in chunks"


def test_an_upload_that_nobody_takes_gets_little_room(house):
    go_on = threading.Event()
    house.upstream(9000, lambda peer: count(peer, 0, threading.Event(), go_on))
    house.start(WEB, workers=1)
    upload = Upload(connect(house))
    upload.send(100 * MIB)
    assert upload.sent < 8 * MIB, "what the kernel keeps, and a window that grew while it took that"
    go_on.set()
    assert int(upload.end()) > upload.sent
