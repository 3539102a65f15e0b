"""Nodes that run hearth-lb only, on one switch, and a client: enough to see VIPs move."""

import secrets
from pathlib import Path

from tests.lab import arp
from tests.lab.control import Control
from tests.lab.netns import Namespace, Network, Port, Switch
from tests.lab.process import Process
from tests.lab.waiting import wait_until

VIP = "10.0.0.53"
CLIENT = "10.0.0.50"
_NAMES = ("a", "b", "c")


class Node:
    """A machine of the LAN: `name` is its node name, 10.0.0.11 and up its address."""

    def __init__(self, lan: "VipLan", name: str, number: int) -> None:
        self.lan, self.name, self.address = lan, name, f"10.0.0.{11 + number}"
        self.host: Namespace = lan.network.host(name)
        self.port: Port = lan.switch.attach(self.host, f"{self.address}/24")
        self.run_dir = self.host.directory / "run"
        self.config = self.host.directory / "hearth.yaml"
        self.run_dir.mkdir()
        self.lb: Process | None = None

    def command(self, program: str, *arguments: str) -> list[str | Path]:
        return [
            self.lan.bin_dir / program,
            *("--config", self.config, "--node", self.name),
            *("--run-dir", self.run_dir, "--state-dir", self.host.directory),
            *arguments,
        ]

    def start_lb(self) -> Process:
        self.lb = self.host.start(self.command("hearth-lb"), name="hearth-lb")
        return self.lb.wait_ready()

    def start_dns(self, **options) -> Process:
        return self.host.start(self.command("hearth-dns"), name="hearth-dns", **options).wait_ready()

    @property
    def control(self) -> Control:
        return Control(self.run_dir / "lb.sock")

    def vip(self, name: str = "dns") -> dict:
        return next(vip for vip in self.control.status()["vips"] if vip["name"] == name)

    def state(self, name: str = "dns") -> str:
        return self.vip(name)["state"]

    def wait_state(self, state: str, name: str = "dns", deadline: float = 15) -> None:
        wait_until(lambda: self.state(name) == state, deadline, what=f"{self.name} {state}")

    def loopback(self) -> set[str]:
        """The IPv4 addresses on lo."""
        lines = self.host.run(["ip", "-4", "-o", "address", "show", "dev", "lo"]).stdout.splitlines()
        return {line.split()[3].split("/")[0] for line in lines} - {"127.0.0.1"}


class VipLan:
    def __init__(self, bin_dir: Path, network: Network, nodes: int = 2, document: str = "", vip: str = "") -> None:
        self.bin_dir, self.network = bin_dir, network
        self.switch: Switch = network.switch("lan")
        self.client: Namespace = network.host("client")
        self.switch.attach(self.client, f"{CLIENT}/24")
        self.nodes = [Node(self, _NAMES[i], i) for i in range(nodes)]
        self.peer_key = secrets.token_hex(32)
        self.write_document(document or self.document(vip=vip))

    def document(self, vip: str = "", more: str = "") -> str:
        names = ", ".join(node.name for node in self.nodes)
        addresses = ", ".join(f"{node.name}: {node.address}" for node in self.nodes)
        return (
            f"version: 1\ndomain: home\nlan: [10.0.0.0/24]\nnodes: {{{addresses}}}\n"
            f"vips:\n  dns: {{address: {VIP}, prefer: [{names}]{vip}}}\n"
            f"peers: {{key_file: peer.key}}\n{more}"
        )

    def write_document(self, text: str) -> None:
        for node in self.nodes:
            node.config.write_text(text)
            key = node.config.parent / "peer.key"
            key.write_text(self.peer_key + "\n")
            key.chmod(0o600)

    def start(self) -> "VipLan":
        """Every node runs, and the first one owns."""
        for node in self.nodes:
            node.start_lb()
        self.nodes[0].wait_state("master")
        return self

    def answering(self, address: str = VIP) -> list[str]:
        """The names of the nodes that answer ARP for `address` now."""
        names = {node.host.mac(): node.name for node in self.nodes}
        return sorted(names.get(mac, mac) for mac in arp.who_has(self.client, address, source=CLIENT))

    def wait_owner(self, node: Node, address: str = VIP, deadline: float = 15) -> None:
        """`node` and nobody else answers for `address`."""
        wait_until(lambda: self.answering(address) == [node.name], deadline, what=f"{address} at {node.name}")
