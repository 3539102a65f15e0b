"""The web services of the lab home.

`page`: a page at /, /bytes/N sends N bytes, PUT or POST /sink counts what it is sent,
/headers shows the request as it arrived. `websocket`: a page, and an echo for who asks for a
WebSocket. `files`: the files of a directory.
"""

import argparse
import asyncio
import json
import os
import socket
import socketserver
import sys
import zlib
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler
from pathlib import Path

_CHUNK = bytes(range(256)) * 1024  # 256 KiB


def start(host, kind: str, name: str, port: int):
    """Runs a service on a namespace; await it with `wait_ready`."""
    script = [sys.executable, str(Path(__file__).resolve())]
    return host.start([*script, kind, name, str(port)], name=f"service-{port}")


def notify_ready() -> None:
    path = os.environ.get("NOTIFY_SOCKET")
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto(b"READY=1", path)


class PageHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    name = ""

    def do_GET(self) -> None:
        if self.path.startswith("/bytes/"):
            self._send_bytes(int(self.path.removeprefix("/bytes/")))
        elif self.path == "/headers":
            self._answer(json.dumps([[key, value] for key, value in self.headers.items()]))
        elif self.path == "/":
            self._answer(f"<h1>{self.name}</h1>\n")
        else:
            self._answer("no such page\n", 404)

    def _send_bytes(self, count: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(count))
        self.end_headers()
        while count > 0:
            sent = min(count, len(_CHUNK))
            self.wfile.write(memoryview(_CHUNK)[:sent])
            count -= sent

    def do_PUT(self) -> None:
        total, checksum, buffer = 0, 0, memoryview(bytearray(256 * 1024))
        for part in self._body(buffer):
            total += len(part)
            checksum = zlib.crc32(part, checksum)
        self._answer(json.dumps({"bytes": total, "crc32": checksum}))

    do_POST = do_PUT

    def _body(self, buffer: memoryview):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", 0))
        while left > 0 and (count := self.rfile.readinto(buffer[: min(left, len(buffer))])):
            yield buffer[:count]
            left -= count

    def _answer(self, text: str, status: int = 200) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass


class HttpServer(socketserver.ThreadingTCPServer):
    # Not http.server's: that one looks its own name up in the DNS first.
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 1024

    def handle_error(self, request, client_address) -> None:
        pass  # a client that went away


def serve(handler, port: int) -> None:
    server = HttpServer(("", port), handler)
    notify_ready()
    server.serve_forever()


async def serve_websocket(name: str, port: int) -> None:
    import websockets

    async def echo(connection, _path: str) -> None:
        async for message in connection:
            await connection.send(message)

    async def page(path: str, headers):
        if "websocket" in headers.get("Upgrade", "").lower():
            return None
        body = f"<h1>{name}</h1>\n".encode()
        return HTTPStatus.OK, [("Content-Type", "text/html"), ("Content-Length", str(len(body)))], body

    async with websockets.serve(echo, "", port, process_request=page, max_size=None):
        notify_ready()
        await asyncio.Future()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["page", "websocket", "files"])
    parser.add_argument("name", help="of the service; the directory for files")
    parser.add_argument("port", type=int)
    options = parser.parse_args()
    if options.kind == "websocket":
        asyncio.run(serve_websocket(options.name, options.port))
    elif options.kind == "files":
        serve(partial(SimpleHTTPRequestHandler, directory=options.name), options.port)
    else:
        PageHandler.name = options.name
        serve(PageHandler, options.port)


if __name__ == "__main__":
    main()
