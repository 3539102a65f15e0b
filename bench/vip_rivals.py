"""Who moves the VIP of hearth-dns from node to node: Hearth, or keepalived."""

import datetime
import os
import re
from collections.abc import Sequence
from pathlib import Path

from tests.lab import tcp_echo
from tests.lb.vip_lan import VIP, Node, VipLan

NAME = "router.home"
OTHER_VIP, ECHO_PORT = "10.0.0.54", 7  # a service on a port

_DNS = "dns: {vip: dns, upstreams: [10.0.0.50], records: {router: 10.0.0.1}}\n"
_ECHO = f"services: {{echo: {{vip: other, ports: {{tcp/{ECHO_PORT}: [a, b]}}}}}}\n"


class Hearth:
    """hearth-lb with its default settings, but that a better node that comes back takes nothing, as in keepalived's."""

    name = "hearth"

    def __init__(self, lan: VipLan, interval_ms: int) -> None:
        vip = f", advert_interval: {interval_ms}ms, preempt: false"
        other = f"  other: {{address: {OTHER_VIP}, prefer: [b, a]{vip}}}\n"
        lan.write_document(lan.document(vip=vip, more=_DNS + _ECHO).replace("peers:", f"{other}peers:"))
        for node in lan.nodes:
            tcp_echo.serve(node.host, ECHO_PORT)
        self.lan = lan

    def start(self, node: Node) -> None:
        node.start_lb()

    def stop(self, node: Node) -> None:
        assert node.lb.stop() == 0

    def kill(self, node: Node) -> None:
        node.lb.signal(9)

    def owns(self, node: Node) -> bool:
        return node.state() == "master"

    def processes(self, node: Node) -> list[int]:
        return [node.lb.pid]

    def takeovers(self, node: Node) -> int:
        return node.lb.log().count("to=master cause")

    def story(self, since: float) -> str:
        """Who took the VIP, and how long after that moment of time.time()."""
        found = []
        for node in self.lan.nodes:
            for when, cause in re.findall(r"^(\S+)Z info vip_state vip=dns .* to=master cause=(\w+)", node.lb.log(), re.M):
                after = datetime.datetime.fromisoformat(f"{when}+00:00").timestamp() - since
                if after > -0.001:
                    found.append(f"{node.name} owned after {after * 1000:.0f} ms ({cause})")
        return ", ".join(found) or "nobody took it"

    def settled(self, node: Node) -> bool:
        """Well, knows what the others do, and would take over."""
        status = node.control.status()
        vip = next(vip for vip in status["vips"] if vip["name"] == "dns")
        problems = {problem["name"] for problem in status["problems"]}
        known = "peer_away" not in problems and "service_backends" not in problems
        return vip["healthy"] and vip["state"] in ("master", "backup") and known


class Keepalived:
    """The VIP on the interface, as its manual shows it."""

    name = "keepalived"

    def __init__(self, lan: VipLan, interval_ms: int, vips: Sequence[str] = (VIP,)) -> None:
        lan.write_document(lan.document(more=_DNS))
        self.lan, self.running = lan, {}
        for number, node in enumerate(lan.nodes):
            self._config(node).write_text(
                "".join(
                    f"""vrrp_instance home{vrid} {{
  version 3
  state BACKUP
  nopreempt
  interface eth0
  virtual_router_id {vrid}
  priority {200 - 10 * number}
  advert_int {interval_ms / 1000}
  virtual_ipaddress {{
    {vip}/24 dev eth0
  }}
}}
"""
                    for vrid, vip in enumerate(vips, start=53)
                )
            )

    @staticmethod
    def _config(node: Node) -> Path:
        return node.host.directory / "keepalived.conf"

    @staticmethod
    def _pid_files(node: Node) -> dict[str, Path]:
        return {kind: node.host.directory / f"keepalived-{kind}" for kind in ("vrrp_pid", "checkers_pid", "pid")}

    def start(self, node: Node) -> None:
        files = self._pid_files(node)
        for path in files.values():
            path.unlink(missing_ok=True)
        self.running[node.name] = node.host.start(
            [
                *("keepalived", "--dont-fork", "--log-console", "--vrrp", f"--use-file={self._config(node)}"),
                *(f"--{kind}={path}" for kind, path in files.items()),
            ]
        )

    def stop(self, node: Node) -> None:
        self.running[node.name].stop()
        node.host.run(["ip", "address", "del", f"{VIP}/24", "dev", "eth0"], check=False)  # it may forget it

    def kill(self, node: Node) -> None:
        os.kill(int(self._pid_files(node)["vrrp_pid"].read_text()), 9)
        self.running[node.name].signal(9)
        node.host.ip(f"address del {VIP}/24 dev eth0")  # as the reboot would

    def owns(self, node: Node) -> bool:
        return VIP in node.host.run(["ip", "-4", "address", "show", "dev", "eth0"]).stdout

    def processes(self, node: Node) -> list[int]:
        return [int(self._pid_files(node)[kind].read_text()) for kind in ("pid", "vrrp_pid")]

    def takeovers(self, node: Node) -> int:
        return self.running[node.name].log().count("Entering MASTER STATE")

    def settled(self, node: Node) -> bool:
        return "STATE" in self.running[node.name].log()
