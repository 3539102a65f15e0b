"""Networks made of network namespaces.

    with Network() as net:
        lan = net.switch("lan")
        a, b = net.host("a"), net.host("b")
        lan.attach(a, "10.0.0.1/24")
        port = lan.attach(b, "10.0.0.2/24")
        server = b.start(["socat", "..."])
        a.run(["ping", "-c1", "10.0.0.2"])
        port.cut()

Nothing touches the machine's own network. `Network.close` ends what was started; if even that
does not run, see isolation.py.
"""

import contextlib
import itertools
import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.lab import isolation, links, linux
from tests.lab.kept import KeptSockets
from tests.lab.process import Process

_numbers = itertools.count(1)


def run(argv: Sequence[str | Path], *, stdin: str | None = None, check: bool = True, timeout: float = 60):
    """subprocess.run with text output; a failure shows what the command said."""
    result = subprocess.run(
        [str(word) for word in argv], input=stdin, capture_output=True, text=True, timeout=timeout
    )
    if check and result.returncode != 0:
        raise AssertionError(
            f"{' '.join(map(str, argv))} ended with {result.returncode}: {result.stdout}{result.stderr}"
        )
    return result


def _has_finding(log: Path) -> bool:
    text = log.read_bytes()
    return any(mark in text for mark in (b"ERROR: AddressSanitizer", b"WARNING: ThreadSanitizer", b": runtime error: "))


class Namespace:
    """A network namespace: a machine, as far as packets are concerned."""

    def __init__(self, network: "Network", label: str) -> None:
        self.network = network
        self.label = label
        self.name = f"{network.name}-{label}"
        self.directory = network.directory / label
        self.directory.mkdir()
        self.path = Path("/run/netns") / self.name
        self._resolv_conf: Path | None = None
        self._starts = itertools.count(1)
        run(["ip", "netns", "add", self.name])
        self.ip("link set lo up")

    # --- set-up -------------------------------------------------------------------------

    def ip(self, *commands: str) -> None:
        """`ip` commands in this namespace, as one batch."""
        run(["ip", "-n", self.name, "-batch", "-"], stdin="\n".join(commands) + "\n")

    def sysctl(self, key: str, value: str | int) -> None:
        with self.entered():
            Path("/proc/sys", key.replace(".", "/")).write_text(str(value))

    def nft(self, ruleset: str) -> None:
        self.run(["nft", "-f", "-"], stdin=ruleset)

    def use_resolver(self, *servers: str, search: str = "") -> None:
        """Programs run here see an /etc/resolv.conf of their own."""
        self._resolv_conf = self.directory / "resolv.conf"
        lines = [f"nameserver {server}" for server in servers]
        if search:
            lines.append(f"search {search}")
        self._resolv_conf.write_text("\n".join(lines) + "\n")

    def mac(self, interface: str = "eth0") -> str:
        links = run(["ip", "-n", self.name, "-json", "link", "show", interface])
        return json.loads(links.stdout)[0]["address"]

    # --- programs -----------------------------------------------------------------------

    def prefix(self) -> list[str]:
        """What to put before a command to run it here; the PID stays the command's own."""
        enter = ["nsenter", f"--net={self.path}", "--"]
        if self._resolv_conf is None:
            return enter
        bind = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        return [*enter, "unshare", "--mount", "sh", "-c", bind, str(self._resolv_conf)]

    def run(self, argv: Sequence[str | Path], **options) -> subprocess.CompletedProcess[str]:
        return run([*self.prefix(), *argv], **options)

    def start(
        self,
        argv: Sequence[str | Path],
        *,
        name: str = "",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        kept: KeptSockets | None = None,
    ) -> Process:
        """Starts a program in the background; it ends with the network at the latest."""
        process = Process(
            argv,
            name=name or f"{Path(argv[0]).name}-{next(self._starts)}",
            directory=self.directory,
            prefix=self.prefix(),
            env=env,
            cwd=cwd,
            kept=kept,
        )
        self.network.own(process)
        return process

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """The calling thread is in this namespace; sockets made meanwhile stay in it."""
        with open("/proc/thread-self/ns/net", "rb") as home, self.path.open("rb") as there:
            linux.setns(there.fileno(), linux.CLONE_NEWNET)
            try:
                yield
            finally:
                linux.setns(home.fileno(), linux.CLONE_NEWNET)

    def connect(self, address: str, port: int, timeout: float = 10.0) -> socket.socket:
        """A TCP connection from here."""
        with self.entered():
            return socket.create_connection((address, port), timeout=timeout)

    def udp(self, address: str = "", port: int = 0, timeout: float = 10.0) -> socket.socket:
        """A bound UDP socket here."""
        with self.entered():
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.settimeout(timeout)
        made.bind((address, port))
        return made


class Port:
    """A switch port with its cable: `host`'s interface at the other end."""

    def __init__(self, switch: "Switch", name: str, host: Namespace, interface: str) -> None:
        self.switch, self.name, self.host, self.interface = switch, name, host, interface

    def cut(self) -> None:
        links.change(self.switch.namespace, self.name, up=False)

    def heal(self) -> None:
        links.change(self.switch.namespace, self.name, up=True)

    def part(self) -> None:
        """Both ends keep their link, and nothing passes."""
        links.change(self.switch.namespace, self.name, master="")

    def join(self) -> None:
        links.change(self.switch.namespace, self.name, master="br0")


class Switch:
    """A bridge without spanning tree, in a namespace of its own."""

    def __init__(self, network: "Network", label: str) -> None:
        self.namespace = network.host(label)
        self.namespace.ip(
            "link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
            "link set br0 up",
        )
        self._ports = itertools.count(1)

    def attach(self, host: Namespace, *addresses: str, interface: str = "eth0", gateway: str = "") -> Port:
        """Plugs `host` in; its interface comes up with `addresses` ("10.0.0.11/24")."""
        port = f"port{next(self._ports)}"
        self.namespace.ip(
            f"link add {port} type veth peer name {interface} netns {host.name}",
            f"link set {port} master br0 up",
        )
        host.sysctl(f"net.ipv6.conf.{interface}.accept_dad", 0)
        commands = [f"link set {interface} up"]
        commands += [f"address add {address} dev {interface}" for address in addresses]
        if gateway:
            commands.append(f"route add default via {gateway}")
        host.ip(*commands)
        return Port(self, port, host, interface)


class Network:
    """Hosts, switches and the programs that run on them."""

    def __init__(self) -> None:
        if not isolation.is_isolated():
            raise PermissionError("network namespaces need root: run as root, or with sudo")
        self.name = f"hearth-{os.getpid()}-{next(_numbers)}"
        self.directory = Path(tempfile.mkdtemp(dir=isolation.SCRATCH))
        self._hosts: list[Namespace] = []
        self._processes: list[Process] = []

    def host(self, label: str) -> Namespace:
        made = Namespace(self, label)
        self._hosts.append(made)
        return made

    def switch(self, label: str = "lan") -> Switch:
        return Switch(self, label)

    def own(self, process: Process) -> None:
        self._processes.append(process)

    def logs(self) -> str:
        """The end of every program's output, for the report of a failed test."""
        parts = []
        for path in sorted(self.directory.glob("*/*.log")):
            tail = path.read_text(errors="replace").splitlines()[-40:]
            parts.append("\n".join([f"--- {path.relative_to(self.directory)}", *tail]))
        return "\n".join(parts)

    def close(self) -> None:
        """Ends everything; what a sanitizer has found in a program meanwhile is raised."""
        for process in reversed(self._processes):
            process.close()
        findings = [path.name for path in self.directory.glob("*/*.log") if _has_finding(path)]
        report = self.logs() if findings else ""
        for host in self._hosts:
            run(["ip", "netns", "del", host.name], check=False)
        shutil.rmtree(self.directory, ignore_errors=True)
        self._processes, self._hosts = [], []
        assert not findings, f"a sanitizer spoke in {', '.join(findings)}:\n{report}"

    def __enter__(self) -> "Network":
        return self

    def __exit__(self, *_) -> None:
        self.close()
