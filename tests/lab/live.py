"""The running lab: answers calls, watches the virtual IPs, shows both on the terminal."""

import contextlib
import inspect
import json
import selectors
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.lab import blocklists
from tests.lab.home import DAEMONS, DNS_VIP, NODES, PROXY_VIP, Home, Node, with_lists
from tests.lab.netns import Namespace
from tests.lab.process import ProcessFailed

_WELCOME = """
A home in network namespaces is running. In another terminal, try

  ./dev lab exec client dig immich.home            a service: the proxy's virtual IP
  ./dev lab exec client curl http://immich.home    its page
  ./dev lab exec client dig {blocked}
                                                   blocked: 0.0.0.0
  ./dev lab exec client ping {dns_vip}             keep it running, then
  ./dev lab kill pi4-1                             kill -9 everything on a node
  ./dev lab start pi4-1
  ./dev lab cut internet                           local names and pages stay
  ./dev lab exec pi4-2 hearth status

Ctrl-C or ./dev lab stop ends it. ./dev lab help lists every call.
"""


class Refused(Exception):
    """A call that cannot be done; the text tells why."""


class Lab:
    def __init__(self, source_dir: Path, bin_dir: Path, listener: socket.socket) -> None:
        if not (bin_dir / "hearth-dns").exists():
            raise SystemExit(f"{bin_dir} has no daemons: ./dev build")
        lists = blocklists.find(source_dir)
        self._listener = listener
        self._home = Home(bin_dir)
        if lists is None:
            lists = blocklists.generate(self._home.network.directory)
        self._blocked = lists.names("domains-ads", 1)[0]
        self._home.settings = with_lists(lists, supervised=True)
        self._home.write_document()
        self._connected = True
        self._ended = False
        self._owners: dict[str, str] = {}
        self._drawn: list[str] = []

    def run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: setattr(self, "_ended", True))
        print("starting…", file=sys.stderr)
        with self._home:
            print(_WELCOME.format(blocked=self._blocked, dns_vip=DNS_VIP), flush=True)
            selector = selectors.DefaultSelector()
            selector.register(self._listener, selectors.EVENT_READ)
            while not self._ended:
                if selector.select(0.3):
                    self._serve_one()
                self._show()
            print("stopping…", file=sys.stderr)
        return 0

    # --- calls --------------------------------------------------------------------------

    def _serve_one(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            uid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
            if uid != 0:
                return
            connection.settimeout(2)
            with contextlib.suppress(OSError, ValueError):
                words = json.loads(connection.makefile().readline())
                answer = self._answer(words)
                connection.sendall(json.dumps(answer).encode() + b"\n")

    def _answer(self, words: list[str]) -> dict:
        calls: dict[str, Callable] = {
            "exec": self._exec, "status": self._status, "kill": self._kill, "start": self._start,
            "stop": self._stop, "cut": self._cut, "heal": self._heal, "logs": self._logs,
        }  # fmt: skip
        try:
            if words[0] not in calls:
                raise Refused(f"no call '{words[0]}': ./dev lab help lists them")
            call, arguments = calls[words[0]], words[1:]
            try:
                inspect.signature(call).bind(*arguments)
            except TypeError:
                raise Refused(f"wrong number of words for '{words[0]}': see ./dev lab help") from None
            result = call(*arguments)
            return result if isinstance(result, dict) else {"text": result, "failed": False}
        except (Refused, ProcessFailed) as error:
            return {"text": str(error), "failed": True}

    def _node(self, name: str) -> Node:
        if name not in self._home.nodes:
            raise Refused(f"no node '{name}': {', '.join(NODES)}")
        return self._home.nodes[name]

    def _exec(self, host: str, *command: str) -> dict:
        if not command:
            raise Refused("exec what? ./dev lab exec client dig immich.home")
        home = self._home
        hosts: dict[str, Namespace] = {
            "client": home.client, "router": home.internet.router, "internet": home.internet.outside,
            **{name: node.host for name, node in home.nodes.items()},
        }  # fmt: skip
        if host not in hosts:
            raise Refused(f"no host '{host}': {', '.join(hosts)}")
        if host in home.nodes and command[0] == "hearth":
            command = tuple(map(str, home.nodes[host].hearth_command(*command[1:])))
        return {"exec": [*hosts[host].prefix(), *command]}

    def _kill(self, name: str, daemon: str = "") -> str:
        node = self._node(name)
        if not daemon:
            node.kill()
            return f"killed everything on {name}"
        if daemon not in node.daemons:
            raise Refused(f"no daemon '{daemon}' runs on {name}: {', '.join(node.daemons) or 'none does'}")
        node.daemons[daemon].kill()
        return f"killed hearth-{daemon} on {name}; it is started again, as systemd does"

    def _start(self, name: str) -> str:
        node = self._node(name)
        if node.running():
            raise Refused(f"{name} runs already")
        node.start()
        return f"started {name}"

    def _stop(self, name: str = "") -> str:
        if not name:
            self._ended = True
            return "the lab ends"
        self._node(name).stop()
        return f"shut {name} down"

    def _cut(self, name: str) -> str:
        if name == "internet":
            self._home.internet.cut()
            self._connected = False
        else:
            self._node(name).port.cut()
        return f"cut {name} off"

    def _heal(self, name: str) -> str:
        if name == "internet":
            self._home.internet.heal()
            self._connected = True
        else:
            self._node(name).port.heal()
        return f"plugged {name} in"

    def _logs(self, name: str, daemon: str = "") -> str:
        directory = self._node(name).host.directory
        wanted = f"hearth-{daemon}.log" if daemon else "hearth-*.log"
        parts = [f"--- {path.name}\n{path.read_text()}" for path in sorted(directory.glob(wanted))]
        if not parts:
            raise Refused(f"no daemon '{daemon}': {', '.join(DAEMONS)}")
        return "\n".join(parts)

    def _status(self) -> str:
        self._watch()
        return "\n".join(self._table())

    # --- what is shown ------------------------------------------------------------------

    def _watch(self) -> list[str]:
        """What has changed hands since the last look."""
        news = []
        for address in (DNS_VIP, PROXY_VIP):
            owner = " and ".join(sorted(self._home.answering(address))) or "nobody"
            before = self._owners.get(address, owner)
            if owner != before:
                news.append(f"{time.strftime('%H:%M:%S')} {address} moved from {before} to {owner}")
            self._owners[address] = owner
        return news

    def _table(self) -> list[str]:
        lines = [f"{'NODE':8}{'ADDRESS':12}" + "".join(f"{name.upper():7}" for name in DAEMONS) + "VIPS"]
        for node in self._home.nodes.values():
            states = []
            for name in DAEMONS:
                process = node.daemons.get(name)
                states.append("up" if process is not None and process.alive() else "down")
            held = [address for address, owner in self._owners.items() if owner == node.name]
            row = f"{node.name:8}{node.address:12}" + "".join(f"{state:7}" for state in states)
            lines.append(row + (" ".join(held) or "-"))
        lines.append(f"internet: {'connected' if self._connected else 'cut off'}")
        return lines

    def _show(self) -> None:
        news = self._watch()
        if not sys.stdout.isatty():
            for line in news:
                print(line, flush=True)
            return
        table = self._table()
        if not news and table == self._drawn:
            return
        if self._drawn:
            sys.stdout.write(f"\033[{len(self._drawn)}A\033[J")
        sys.stdout.write("".join(line + "\n" for line in [*news, *table]))
        sys.stdout.flush()
        self._drawn = table
