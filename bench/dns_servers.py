"""The contestants of bench/dns.py: each with a million blocked names and one upstream."""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from bench.contest import Arena, wait_readable
from tests.lab.control import Control
from tests.lab.netns import Namespace
from tests.lab.process import Process


@dataclass(frozen=True)
class Lists:
    """The names to block, as each server reads them."""

    names: list[str]
    hosts_file: Path


class DnsServer:
    name = ""
    cores = ""  # as taskset has them; empty: the server's one

    def __init__(self, arena: Arena, number: int, upstream: str) -> None:
        self.arena, self.upstream = arena, upstream
        self.address = arena.address(number)
        self.directory = arena.directory / f"{self.name}-{number}"
        self.directory.mkdir()
        self.process: Process | None = None

    def prepare(self, lists: Lists) -> None:
        raise NotImplementedError

    def argv(self) -> list[str | Path]:
        raise NotImplementedError

    def start(self, probe: str) -> float:
        """Seconds from exec to the first answer that is right: `probe` is blocked."""
        start = time.monotonic()
        self.process = self.arena.start(self.argv(), name=f"{self.name}-{self.address}", cores=self.cores)
        wait_blocked(self.arena.load, self.address, probe)
        return time.monotonic() - start

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()
            self.process = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid


def question(name: str, number: int) -> bytes:
    wire = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return number.to_bytes(2, "big") + b"\1\0\0\1\0\0\0\0\0\0" + wire + b"\0\0\1\0\1"


def wait_blocked(host: Namespace, address: str, name: str, deadline: float = 60) -> None:
    """Asks every millisecond until `name` is answered 0.0.0.0."""
    end = time.monotonic() + deadline
    with host.udp() as sock:
        sock.connect((address, 53))
        number = 0
        while time.monotonic() < end:
            number = (number + 1) % 65536
            try:
                sock.send(question(name, number))
                if not wait_readable(sock, 0.001):
                    continue
                answer = sock.recv(1500)
            except ConnectionRefusedError:
                time.sleep(0.001)
                continue
            if answer[6:8] != b"\0\0" and answer[3] & 15 == 0 and answer[-4:] == b"\0\0\0\0":
                return
    raise TimeoutError(f"{address} does not block {name} after {deadline} s")


class Hearth(DnsServer):
    name = "hearth"

    def __init__(self, arena: Arena, number: int, upstream: str, programs: Path) -> None:
        super().__init__(arena, number, upstream)
        self.programs = programs
        self.document = self.directory / "hearth.yaml"
        self.common = ["--config", self.document, "--run-dir", self.directory, "--state-dir", self.directory]

    def write_document(self, *list_files: Path, workers: int = 1) -> None:
        lists = ", ".join(f"l{i}: {{file: {path}}}" for i, path in enumerate(list_files))
        self.document.write_text(
            "version: 1\ndomain: home\nlan: [10.9.0.0/24]\n"
            f'nodes: {{server: {self.address}}}\n'
            f'dns: {{listen: ["{self.address}:53"], upstreams: [{self.upstream}], workers: {workers}}}\n'
            f"blocking: {{lists: {{{lists}}}}}\n"
        )

    def compile_argv(self) -> list[str | Path]:
        return [self.programs / "hearth-lists", *self.common]

    @property
    def own_list(self) -> Path:
        """A small list besides the million."""
        return self.directory / "own.txt"

    def prepare(self, lists: Lists) -> None:
        self.own_list.write_text("own.example\n")
        self.write_document(lists.hosts_file, self.own_list)
        self.arena.server.run(self.compile_argv())

    def argv(self) -> list[str | Path]:
        return [self.programs / "hearth-dns", *self.common]

    def control(self) -> Control:
        return Control(self.directory / "dns.sock")


class Unbound(DnsServer):
    name = "unbound"

    def prepare(self, lists: Lists) -> None:
        zones = "\n".join(f'  local-zone: "{name}" always_null' for name in lists.names)
        (self.directory / "unbound.conf").write_text(
            f"""server:
  interface: {self.address}
  access-control: 0.0.0.0/0 allow
  num-threads: 1
  module-config: "iterator"
  do-ip6: no
  chroot: ""
  username: ""
  directory: "{self.directory}"
  pidfile: ""
  use-syslog: no
  logfile: ""
{zones}
forward-zone:
  name: "."
  forward-addr: {self.upstream}
remote-control:
  control-enable: no
"""
        )

    def argv(self) -> list[str | Path]:
        return ["unbound", "-d", "-c", self.directory / "unbound.conf"]


class Dnsmasq(DnsServer):
    name = "dnsmasq"

    def prepare(self, lists: Lists) -> None:
        addresses = "\n".join(f"address=/{name}/#" for name in lists.names)
        (self.directory / "dnsmasq.conf").write_text(
            f"""listen-address={self.address}
bind-interfaces
no-resolv
no-hosts
server={self.upstream}
cache-size=10000
dns-forward-max=1000
user=root
pid-file
{addresses}
"""
        )

    def argv(self) -> list[str | Path]:
        return ["dnsmasq", "--keep-in-foreground", "--log-facility=-", "-C", self.directory / "dnsmasq.conf"]


class Dnsdist(DnsServer):
    """Its fastest form: names in a CDB, answers in a packet cache."""

    name = "dnsdist"

    def prepare(self, lists: Lists) -> None:
        text, database = self.directory / "names.txt", self.directory / "names.cdb"
        with text.open("wb") as out:
            for name in lists.names:
                key = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
                out.write(b"+%d,1:%s->1\n" % (len(key), key))
            out.write(b"\n")
        subprocess.run(["cdb", "-c", database, text], check=True, stdout=subprocess.DEVNULL)
        (self.directory / "dnsdist.conf").write_text(
            f"""setACL("0.0.0.0/0")
addLocal("{self.address}:53")
newServer("{self.upstream}")
getPool(""):setCache(newPacketCache(10000))
names = newCDBKVStore("{database}", 3600)
addAction(KeyValueStoreLookupRule(names, KeyValueLookupKeyQName()), SpoofAction("0.0.0.0"))
"""
        )

    def argv(self) -> list[str | Path]:
        return ["dnsdist", "--supervised", "--disable-syslog", "-u", "root", "-C", self.directory / "dnsdist.conf"]


class Echo:
    """The limit: receives and sends, 32 packets at a time, and does nothing else."""

    name = "raw echo"

    def __init__(self, arena: Arena, number: int, program: Path) -> None:
        self.address = arena.address(number)
        self.process = arena.start([program, "raw", self.address, "53"], name="echo")
        self.pid = self.process.pid


