"""A machine whose blocklists come from files and from a web server of its own."""

import contextlib
import http.server
import json
import threading
from collections.abc import Callable
from pathlib import Path

from tests.dns.list_image import ListImage
from tests.lab.netns import Namespace
from tests.lab.process import Process

GOOD = b"# ours\n||ads.example^\n0.0.0.0 tracker.example\n@@||good.ads.example^\n"


class Web(http.server.BaseHTTPRequestHandler):
    """Answers a path with what `pages` has for it: bytes, or a function of this handler."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.requests.append(dict(self.headers))
        page = self.server.pages[self.path]
        if callable(page):
            page(self)
        else:
            self.reply(page)

    def reply(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, host: Namespace) -> None:
        self.pages: dict[str, bytes | Callable[[Web], None]] = {}
        self.requests: list[dict[str, str]] = []
        with host.entered():
            super().__init__(("127.0.0.1", 0), Web)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Home:
    """A machine with a document whose lists are those of `sources`, by name."""

    def __init__(self, host: Namespace, program: Path) -> None:
        self.host, self.program = host, program
        self.directory = host.directory
        self.state = self.directory / "state"
        self.document = self.directory / "hearth.yaml"
        self.sources: dict[str, str] = {}
        self.extra = ""

    def write_document(self) -> None:
        lists = ", ".join(f"{name}: {{{self._source(where)}}}" for name, where in self.sources.items())
        self.document.write_text(
            "version: 1\ndomain: home\nlan: [127.0.0.0/8]\nnodes: {here: 127.0.0.1}\n"
            'dns: {listen: ["127.0.0.1:5300"], upstreams: [192.0.2.1]}\n'
            f"blocking: {{lists: {{{lists}}}{self.extra}}}\n"
        )

    @staticmethod
    def _source(where: str) -> str:
        if ": " in where:
            return where  # written out
        return f'url: "{where}"' if where.startswith("http") else f'file: "{where}"'

    def command(self, *arguments: str) -> list[str]:
        return [str(self.program), "--config", str(self.document), "--state-dir", str(self.state),
                "--run-dir", str(self.directory), *arguments]

    def run(self, *arguments: str, expect: int = 0) -> str:
        """Returns what it said, after checking how it ended."""
        self.write_document()
        result = self.host.run(self.command(*arguments), check=False)
        assert result.returncode == expect, result.stdout + result.stderr
        return result.stdout + result.stderr

    def kill_after(self, process: Process, moved: int) -> None:
        """Kills it as soon as it has read and written so many bytes, unless it ends before."""
        counters = Path(f"/proc/{process.pid}/io")
        while process.alive():
            with contextlib.suppress(OSError):  # it has just ended
                values = dict(line.split(": ") for line in counters.read_text().splitlines())
                if int(values["rchar"]) + int(values["wchar"]) >= moved:
                    break
        process.kill()

    def file(self, name: str, content: bytes) -> Path:
        path = self.directory / name
        path.write_bytes(content)
        return path

    def report(self, name: str) -> dict:
        status = json.loads((self.state / "lists/status.json").read_text())
        return next(entry for entry in status["lists"] if entry["name"] == name)

    @property
    def image_path(self) -> Path:
        return self.state / "lists/compiled.hbl"

    def image(self) -> ListImage:
        return ListImage(self.image_path)

    def verdicts(self, *names: str) -> list[str]:
        image = self.image()
        return [image.verdict(name) for name in names]
