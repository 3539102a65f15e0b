"""A home network like one that people run: two Pi 4, a Pi 5, a router, services, a client.

    internet ── router 10.0.0.1 ──┬── pi4-1 10.0.0.11   candidate for both virtual IPs
                                  ├── pi4-2 10.0.0.12   candidate for both; home-assistant :8123
                                  ├── pi5   10.0.0.15   no candidate; immich :2283
                                  └── client 10.0.0.50  resolver 10.0.0.53

    dns VIP 10.0.0.53 (prefers pi4-1), proxy VIP 10.0.0.100 (prefers pi4-2)

Every node runs all daemons from the same document. `./dev lab` and the end-to-end tests are
both made of this.
"""

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab import arp, services
from tests.lab.blocklists import Blocklists
from tests.lab.control import Control
from tests.lab.internet import ROUTER, Internet
from tests.lab.netns import Namespace, Network, Port
from tests.lab.process import Process
from tests.lab.waiting import wait_until

DNS_VIP = "10.0.0.53"
PROXY_VIP = "10.0.0.100"
CLIENT = "10.0.0.50"
NODES = {"pi4-1": "10.0.0.11", "pi4-2": "10.0.0.12", "pi5": "10.0.0.15"}
CANDIDATES = ("pi4-1", "pi4-2")  # for the virtual IPs
IMMICH_PORT, HOME_ASSISTANT_PORT = 2283, 8123
DAEMONS = ("dns", "proxy", "lb")  # in the order of starting; each is hearth-<name>

_DOCUMENT = """\
version: 1
domain: home
lan: [10.0.0.0/24]
nodes: {{pi4-1: 10.0.0.11, pi4-2: 10.0.0.12, pi5: 10.0.0.15}}
vips:
  dns:   {{address: 10.0.0.53, prefer: [pi4-1, pi4-2]{vip}}}
  proxy: {{address: 10.0.0.100, prefer: [pi4-2, pi4-1]{vip}}}
dns:
  vip: dns
  upstreams: [{router}]
  forward: [{{zones: [lan, 0.0.10.in-addr.arpa], to: [{router}]}}]
  records: {{router: {router}, printer: 10.0.0.40, "*.apps.home": 10.0.0.41}}
blocking:
  lists: {lists}
  allow: [{allow}]
  deny: [denied.example]
proxy: {{vip: proxy, tls: {{local_ca: false}}}}
services:
  immich:         {{upstream: "http://pi5:2283"}}
  home-assistant: {{upstream: "http://pi4-2:8123", aliases: [ha]}}
  filebrowser:    {{upstream: "http://pi5:8082"}}
peers: {{key_file: {key_file}}}
"""


@dataclass
class Settings:
    """What a test may change about the home."""

    lists: str = "{}"  # the document's `blocking.lists`
    allow: str = "allowed.example"
    vip: dict[str, str] = field(default_factory=dict)  # further keys of both virtual IPs
    supervised: bool = False  # restart what dies, as systemd does
    peer_key: bool = True
    log_level: str = "info"


class Node:
    """A machine that runs Hearth, and perhaps a service."""

    def __init__(self, home: "Home", name: str, address: str) -> None:
        self.home, self.name, self.address = home, name, address
        self.host: Namespace = home.network.host(name)
        self.port: Port = home.lan.attach(self.host, f"{address}/24", gateway=ROUTER)
        self.host.use_resolver(ROUTER)
        base = self.host.directory
        self.run_dir, self.state_dir, self.config = base / "run", base / "state", base / "etc/hearth.yaml"
        for directory in (self.run_dir, self.state_dir, self.config.parent):
            directory.mkdir()
        self.daemons: dict[str, Process] = {}
        self.services: dict[int, Process] = {}
        self._offered: list[tuple[str, str, int]] = []

    def command(self, program: str, *arguments: str | Path) -> list[str | Path]:
        """A program of Hearth with this node's document and directories."""
        where = ["--config", self.config, "--run-dir", self.run_dir, "--state-dir", self.state_dir]
        return [self.home.bin_dir / program, *where, *arguments]

    def offer(self, kind: str, name: str, port: int) -> None:
        """A web service that starts and dies with this node."""
        self._offered.append((kind, name, port))

    def start_daemon(self, name: str) -> Process:
        arguments = ["--node", self.name, "--log-format", "text", "--log-level", self.home.settings.log_level]
        process = self.host.start(self.command(f"hearth-{name}", *arguments), name=f"hearth-{name}")
        self.daemons[name] = process
        return process

    def compile_lists(self) -> Process:
        return self.host.start(self.command("hearth-lists"), name="hearth-lists")

    def start(self) -> None:
        """As at boot; returns when every daemon has said that it is ready and the lists are compiled."""
        lists = self.compile_lists()
        for kind, name, port in self._offered:
            self.services[port] = services.start(self.host, kind, name, port)
        started = [self.start_daemon(name) for name in DAEMONS]
        for process in [*started, *self.services.values()]:
            process.wait_ready()
        lists.wait(120)

    def kill(self) -> None:
        """kill -9 of everything, at one moment."""
        victims = [*self.daemons.values(), *self.services.values()]
        self.daemons, self.services = {}, {}
        for process in victims:
            process.signal(9)
        for process in victims:
            process.wait()

    def stop(self) -> None:
        """As at shutdown: the VIPs are handed over first."""
        daemons, self.daemons = self.daemons, {}
        others, self.services = self.services, {}
        for name in reversed(DAEMONS):
            if name in daemons:
                daemons[name].stop()
        for process in others.values():
            process.kill()

    def running(self) -> bool:
        return bool(self.daemons)

    def control(self, daemon: str) -> Control:
        return Control(self.run_dir / f"{daemon}.sock")

    def hearth_command(self, *arguments: str) -> list[str | Path]:
        where = ["--config", self.config, "--run-dir", self.run_dir]
        return [self.home.bin_dir / "hearth", *where, *arguments]

    def hearth(self, *arguments: str):
        """The command line on this node."""
        return self.host.run(self.hearth_command(*arguments), check=False)


class Home:
    def __init__(self, bin_dir: Path, settings: Settings | None = None) -> None:
        self.bin_dir = bin_dir
        self.settings = settings or Settings()
        self.network = Network()
        self.lan = self.network.switch("lan")
        self.internet = Internet(self.network, self.lan)
        self.client: Namespace = self.network.host("client")
        self.lan.attach(self.client, f"{CLIENT}/24", gateway=ROUTER)
        self.client.use_resolver(DNS_VIP, search="home")
        self.nodes = {name: Node(self, name, address) for name, address in NODES.items()}
        self.nodes["pi5"].offer("page", "immich", IMMICH_PORT)
        self.nodes["pi4-2"].offer("websocket", "home-assistant", HOME_ASSISTANT_PORT)
        self._macs = {node.host.mac(): name for name, node in self.nodes.items()}
        self._supervisor: threading.Thread | None = None
        self._closing = threading.Event()
        self._peer_key = secrets.token_hex(32)
        self.write_document()

    def document(self) -> str:
        settings = self.settings
        return _DOCUMENT.format(
            router=ROUTER,
            lists=settings.lists,
            allow=settings.allow,
            vip="".join(f", {key}: {value}" for key, value in settings.vip.items()),
            key_file="peer.key",
        )

    def write_document(self, text: str = "") -> None:
        """The same document on every node; nothing is reloaded."""
        for node in self.nodes.values():
            node.config.write_text(text or self.document())
            if self.settings.peer_key:
                key = node.config.parent / "peer.key"
                key.write_text(self._peer_key + "\n")
                key.chmod(0o600)

    def start(self) -> "Home":
        """Returns when both virtual IPs answer to exactly one owner."""
        try:
            self.internet.start()
            with ThreadPoolExecutor() as pool:
                list(pool.map(Node.start, self.nodes.values()))
            self.owner(DNS_VIP)
            self.owner(PROXY_VIP)
        except BaseException as error:
            error.add_note(self.network.logs())
            self.close()
            raise
        if self.settings.supervised:
            self._supervisor = threading.Thread(target=self._supervise, daemon=True)
            self._supervisor.start()
        return self

    def answering(self, address: str) -> set[str]:
        """The names of the nodes that answer ARP for `address` now."""
        return {
            self._macs.get(mac, mac) for mac in arp.who_has(self.client, address, source=CLIENT)
        }

    def watch(self) -> arp.Watch:
        """Notes every change of hands of the virtual IPs, as the client's wire shows it."""
        return arp.Watch(self.client, [DNS_VIP, PROXY_VIP], self._macs)

    def owner(self, address: str, deadline: float = 15.0) -> Node:
        """The one node that answers for `address`, as soon as there is one."""

        def only() -> str:
            found = self.answering(address)
            return next(iter(found)) if len(found) == 1 else ""

        return self.nodes[wait_until(only, deadline, what=f"one owner of {address}")]

    def wait_preferred(self, deadline: float = 30.0) -> None:
        """Until both virtual IPs are where the document prefers them: whoever started first may hold
        them until the preempt delay is over."""
        for address, name in ((DNS_VIP, "pi4-1"), (PROXY_VIP, "pi4-2")):
            wait_until(
                lambda address=address, name=name: self.answering(address) == {name},
                deadline,
                what=f"{name} owns {address}",
            )

    def other(self, node: Node) -> Node:
        """The other candidate for the virtual IPs."""
        return next(self.nodes[name] for name in CANDIDATES if name != node.name)

    def _supervise(self) -> None:
        """Starts again what died by itself, 100 ms later (systemd's RestartSec)."""
        while not self._closing.wait(0.1):
            for node in self.nodes.values():
                for name, process in list(node.daemons.items()):
                    if not process.alive() and node.daemons.get(name) is process:
                        node.start_daemon(name)

    def close(self) -> None:
        self._closing.set()
        if self._supervisor is not None:
            self._supervisor.join()
        self.network.close()

    def __enter__(self) -> "Home":
        return self.start()

    def __exit__(self, *_) -> None:
        self.close()


def with_lists(lists: Blocklists, **others) -> Settings:
    return Settings(lists=lists.document(), **others)
