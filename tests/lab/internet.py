"""The outside world of the lab home: a router with a resolver, and an Internet behind it.

    lan ── router 10.0.0.1 │ 192.0.2.1 ──(cable that can be cut)── internet 192.0.2.2

The Internet answers every name: those below as written, `nx.example` and what is under it with
NXDOMAIN, all others with 198.51.100.1. So a blocked name that gets through is seen at once.
"""

from pathlib import Path

from tests.lab import services
from tests.lab.netns import Namespace, Network, Switch
from tests.lab.process import Process
from tests.lab.unbound import start_unbound

ROUTER = "10.0.0.1"
INTERNET = "192.0.2.2"
ANY_NAME = "198.51.100.1"
EXAMPLE_COM = "203.0.113.10"
DHCP_NAME, DHCP_ADDRESS = "laptop.lan", "10.0.0.60"

_INTERNET = """
  local-zone: "." redirect
  local-data: ". 300 IN A {any_name}"
  local-zone: "nx.example." static
  local-data: "nx.example. 300 IN SOA ns.nx.example. admin.nx.example. 1 3600 600 86400 60"
  local-zone: "example.com." static
  local-data: "example.com. 300 IN SOA ns.example.com. admin.example.com. 1 3600 600 86400 60"
  local-data: "example.com. 300 IN A {example_com}"
  local-data: "example.com. 300 IN AAAA 2001:db8::10"
  local-data: "www.example.com. 300 IN CNAME example.com."
  local-data: "lists.example.com. 300 IN A {internet}"
{big}
"""

_ROUTER = """
  local-zone: "lan." static
  local-data: "{dhcp_name}. 300 IN A {dhcp_address}"
  local-data-ptr: "{dhcp_address} 300 {dhcp_name}"
forward-zone:
  name: "."
  forward-addr: {internet}
"""


class Internet:
    def __init__(self, network: Network, lan: Switch) -> None:
        self.router: Namespace = network.host("router")
        self.outside: Namespace = network.host("internet")
        lan.attach(self.router, f"{ROUTER}/24")
        wan = network.switch("wan")
        wan.attach(self.router, "192.0.2.1/24", interface="wan0")
        self._cable = wan.attach(self.outside, f"{INTERNET}/24", gateway="192.0.2.1")
        self.router.ip("route add default via 192.0.2.2")
        self.router.sysctl("net.ipv4.ip_forward", 1)
        self.web_root: Path = self.outside.directory / "web"
        self.web_root.mkdir()
        self._resolver: Process | None = None

    def start(self) -> None:
        big = "\n".join(
            f"  local-data: 'big.example.com. 300 IN TXT \"{number:02} {'x' * 200}\"'" for number in range(20)
        )
        zones = _INTERNET.format(any_name=ANY_NAME, example_com=EXAMPLE_COM, internet=INTERNET, big=big)
        start_unbound(self.outside, f"  interface: {INTERNET}\n{zones}")
        web = services.start(self.outside, "files", str(self.web_root), 80)
        self.start_resolver()
        web.wait_ready()

    def start_resolver(self) -> None:
        """The router's; what it has cached is gone."""
        names = _ROUTER.format(dhcp_name=DHCP_NAME, dhcp_address=DHCP_ADDRESS, internet=INTERNET)
        self._resolver = start_unbound(self.router, f"  interface: {ROUTER}\n{names}")

    def kill_resolver(self) -> None:
        assert self._resolver is not None
        self._resolver.kill()

    def cut(self) -> None:
        self._cable.cut()

    def heal(self) -> None:
        self._cable.heal()
