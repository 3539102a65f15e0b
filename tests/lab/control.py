"""A client of the daemons' control sockets: HTTP/1.1 + JSON on a Unix socket."""

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Reply:
    def __init__(self, status: int, headers: http.client.HTTPMessage, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


class Control:
    """`Control(run_dir / "dns.sock").status()["state"]`"""

    def __init__(self, path: Path, timeout: float = 30.0) -> None:
        self.path, self.timeout = path, timeout

    def request(self, method: str, target: str, body: bytes | None = None, headers=None) -> Reply:
        connection = _UnixConnection(self.path, self.timeout)
        try:
            connection.request(method, target, body=body, headers=headers or {})
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, target: str) -> Reply:
        return self.request("GET", target)

    def post(self, target: str, document: Any = None) -> Reply:
        if document is None:
            return self.request("POST", target, b"")
        return self.request(
            "POST", target, json.dumps(document).encode(), {"Content-Type": "application/json"}
        )

    def status(self) -> dict[str, Any]:
        reply = self.get("/status")
        assert reply.status == 200, f"{self.path} /status: {reply.status} {reply.body!r}"
        return reply.json()

    def problems(self) -> set[str]:
        """The names of what is wrong now."""
        return {problem["name"] for problem in self.status()["problems"]}

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples of `name` whose labels include `labels`."""
        total, found = 0.0, False
        for line in self.get("/metrics").text().splitlines():
            key, _, value = line.rpartition(" ")
            base, _, rest = key.partition("{")
            if base == name and all(f'{label}="{want}"' in rest for label, want in labels.items()):
                total, found = total + float(value), True
        assert found, f"{self.path}: no metric {name} {labels}"
        return total

    def events(self, topic: str, timeout: float = 10.0) -> Iterator[dict[str, Any]]:
        """Server-sent events as they come; ends when the daemon closes."""
        connection = _UnixConnection(self.path, timeout)
        connection.request("GET", f"/events?topic={topic}")
        response = connection.getresponse()
        assert response.status == 200, f"/events: {response.status}"
        event: dict[str, Any] = {}
        try:
            while line := response.readline():
                text = line.decode().rstrip("\r\n")
                if not text:
                    if event:
                        yield event
                    event = {}
                elif not text.startswith(":"):
                    field, _, value = text.partition(":")
                    value = value.removeprefix(" ")
                    event[field] = json.loads(value) if field == "data" else value
        finally:
            connection.close()
