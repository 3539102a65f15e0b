"""One machine that runs all daemons on loopback, in a namespace of its own: the quickstart's shape."""

from pathlib import Path

from tests.lab import services
from tests.lab.control import Control
from tests.lab.netns import Namespace
from tests.lab.process import Process

DNS_PORT, HTTP_PORT, SERVICE_PORT = 5300, 8080, 8081
DAEMONS = ("dns", "lb", "proxy")

DOCUMENT = """\
version: 1
domain: home
lan: [127.0.0.0/8]
nodes: {here: 127.0.0.1}
dns: {listen: "127.0.0.1:5300", upstreams: "127.0.0.1:9"}
blocking:
  lists:
    ours: {file: ours.txt}
proxy: {listen: "127.0.0.1:8080"}
services:
  hello: {upstream: "http://127.0.0.1:8081", aliases: [hi]}
"""


class Appliance:
    def __init__(self, host: Namespace, bin_dir: Path) -> None:
        self.host, self.bin_dir = host, bin_dir
        self.run_dir, self.state_dir = host.directory / "run", host.directory / "state"
        self.etc = host.directory / "etc"
        self.config = self.etc / "hearth.yaml"
        for directory in (self.run_dir, self.state_dir, self.etc):
            directory.mkdir()
        (self.etc / "ours.txt").write_text("# ours\n0.0.0.0 ads.example\n")
        self.config.write_text(DOCUMENT)
        self.daemons: dict[str, Process] = {}

    def start(self) -> "Appliance":
        self.service = services.start(self.host, "page", "hello", SERVICE_PORT).wait_ready()
        self.host.run(self.command("hearth-lists"))
        self.daemons = {name: self.host.start(self.command(f"hearth-{name}"), name=name) for name in DAEMONS}
        for process in self.daemons.values():
            process.wait_ready()
        return self

    def command(self, program: str, *arguments: str) -> list[str | Path]:
        folders = ["--run-dir", self.run_dir, "--state-dir", self.state_dir]
        return [self.bin_dir / program, "--config", self.config, *folders, *arguments]

    def hearth(self, *arguments: str | Path):
        """The command line; never fails by itself."""
        where = ["--config", self.config, "--run-dir", self.run_dir]
        return self.host.run([self.bin_dir / "hearth", *where, *arguments], check=False)

    def control(self, daemon: str) -> Control:
        return Control(self.run_dir / f"{daemon}.sock")
