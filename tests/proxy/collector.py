"""Receivers of what the proxy tells others: an OTLP/HTTP collector, and journald's socket."""

import http.server
import json
import socket
import ssl
import struct
import threading
from pathlib import Path

from tests.lab.netns import Namespace
from tests.lab.waiting import wait_until


class Collector:
    """Takes OTLP in JSON as the specification has it; `spans` are plain dictionaries."""

    def __init__(self, host: Namespace, port: int = 4318, answers: list[int] | None = None,
                 context: ssl.SSLContext | None = None) -> None:
        self.spans: list[dict] = []
        self.resources: list[dict] = []
        self.requests: list[tuple[str, dict]] = []
        answers = answers if answers is not None else []
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.requests.append((self.path, dict(self.headers)))
                status = answers.pop(0) if answers else 200
                if status == 200:
                    collector._take(json.loads(body))
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        with host.entered():
            self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True,
                                                      do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _take(self, message: dict) -> None:
        for resource in message["resourceSpans"]:
            self.resources.append(plain(resource["resource"]["attributes"]))
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
                    assert len(bytes.fromhex(span["traceId"])) == 16
                    assert len(bytes.fromhex(span["spanId"])) == 8
                    self.spans.append({**span, "attributes": plain(span["attributes"])})

    def wait_for(self, count: int) -> list[dict]:
        wait_until(lambda: len(self.spans) >= count, what=f"{count} spans")
        return self.spans

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def plain(attributes: list[dict]) -> dict:
    """Attributes as a dictionary; numbers of 64 bits are strings on the wire."""
    found = {}
    for one in attributes:
        ((kind, value),) = one["value"].items()
        assert kind in ("stringValue", "intValue"), kind
        assert isinstance(value, str)
        assert one["key"] not in found
        found[one["key"]] = int(value) if kind == "intValue" else value
    return found


class Journal:
    """A socket that decodes journald's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL)."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.directory = directory
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(20)
        self._socket.bind(str(directory / "socket"))

    def wrap(self, argv: list) -> list:
        """Runs a program with this journal in place of the machine's."""
        script = (
            "mkdir -p /run/systemd/journal && "
            'mount --bind "$0" /run/systemd/journal && exec "$@"'
        )
        return ["unshare", "--mount", "sh", "-c", script, self.directory, *argv]

    def read(self) -> dict[str, str]:
        return decode_entry(self._socket.recv(1 << 20))

    def find(self, event: str) -> dict[str, str]:
        while True:
            entry = self.read()
            if entry.get("HEARTH_EVENT") == event:
                return entry

    def close(self) -> None:
        self._socket.close()


def decode_entry(octets: bytes) -> dict[str, str]:
    entry = {}
    while octets:
        line, _, octets = octets.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            (size,) = struct.unpack("<Q", octets[:8])
            value, octets = octets[8 : 8 + size], octets[9 + size :]
        assert name.isascii() and name.decode() == name.decode().upper(), name
        entry[name.decode()] = value.decode()
    return entry
