#!/usr/bin/python3
"""Opens TLS connections, asks once on each, prints "ready" and keeps them until its input ends.

    idle_tls.py ADDRESS HOST COUNT http/1.1|h2
"""

import resource
import socket
import ssl
import sys

END_STREAM, END_HEADERS, ACK = 0x1, 0x4, 0x1
DATA, HEADERS, SETTINGS = 0, 1, 4


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """RFC 9113 §4.1."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def ask(connection: ssl.SSLSocket, host: str) -> bool:
    connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    return connection.recv(16384).startswith(b"HTTP/1.1 200")


def ask_http2(connection: ssl.SSLSocket, host: str) -> bool:
    # :method GET, :scheme https and :path / are in the static table, :authority's name is (RFC 7541).
    fields = b"\x82\x87\x84\x01" + bytes([len(host)]) + host.encode()
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0)
                       + frame(HEADERS, END_STREAM | END_HEADERS, 1, fields))
    unread, answered = b"", False
    while True:
        while len(unread) >= 9 and len(unread) >= 9 + int.from_bytes(unread[:3], "big"):
            size, kind, flags = int.from_bytes(unread[:3], "big"), unread[3], unread[4]
            if kind == SETTINGS and not flags & ACK:
                connection.sendall(frame(SETTINGS, ACK, 0))
            answered |= kind == HEADERS and unread[9:10] == b"\x88"  # :status 200
            unread = unread[9 + size:]
            if kind == DATA and flags & END_STREAM:
                return answered
        got = connection.recv(16384)
        if not got:
            return False
        unread += got


def main() -> None:
    address, host, count, protocol = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([protocol])
    held = []
    for _ in range(count):
        held.append(context.wrap_socket(socket.create_connection((address, 443)), server_hostname=host))
        if not (ask_http2 if protocol == "h2" else ask)(held[-1], host):
            raise SystemExit("not answered with 200")
    print("ready", flush=True)
    sys.stdin.read()


main()
