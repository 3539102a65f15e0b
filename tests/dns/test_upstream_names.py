"""Upstreams that the document names: found through dns.bootstrap, remembered, found again."""

import struct

import pytest

from tests.dns.dns_house import ROUTER, House, ScriptedUpstream, answer_a, name_in
from tests.lab.authority import Authority
from tests.lab.netns import Network
from tests.lab.unbound import start_unbound
from tests.lab.waiting import wait_until

NAME = "dns.example"
FIRST, SECOND, BOOTSTRAP = "10.0.0.3", "10.0.0.4", "10.0.0.9"


@pytest.fixture
def house(network: Network, binaries) -> House:
    house = House(network, binaries["hearth-dns"])
    for address in (FIRST, SECOND, BOOTSTRAP):
        house.router.ip(f"address add {address}/24 dev eth0")
    return house


class Places(ScriptedUpstream):
    """A plain server that knows where the upstream is, and nothing else."""

    def __init__(self, house: House, *addresses: str, ttl: int = 60) -> None:
        self.addresses = list(addresses)
        self.ttl = ttl
        self.silent = False
        super().__init__(house.router, self._answer, BOOTSTRAP)

    def _answer(self, packet: bytes, peer, sock) -> None:
        assert name_in(packet) == NAME, "nothing else is asked here"
        end = packet.index(b"\0", 12) + 5
        is_a = packet[end - 4 : end - 2] == b"\0\1"
        if self.silent:
            return
        if not is_a:
            sock.sendto(packet[:2] + struct.pack(">5H", 0x8180, 1, 0, 0, 0) + packet[12:end], peer)
            return
        records = b"".join(answer_a(packet, address)[end:] for address in self.addresses)
        records = records.replace(struct.pack(">I", 300), struct.pack(">I", self.ttl))
        head = packet[:2] + struct.pack(">5H", 0x8180, 1, len(self.addresses), 0, 0)
        sock.sendto(head + packet[12:end] + records, peer)


def encrypted(house: House, address: str, authority: Authority):
    leaf = authority.leaf(NAME)
    return start_unbound(house.router, name=f"unbound-{address}", more=f"""
  interface: {address}@853
  interface: {address}@443
  tls-port: 853
  https-port: 443
  tls-service-key: "{leaf.key}"
  tls-service-pem: "{leaf.certificate}"
  local-zone: "example." redirect
  local-data: "example. 300 IN A 192.0.2.80"
""")


def start(house: House, authority: Authority, upstream: str) -> None:
    house.start(dns=f'upstreams: ["{upstream}"]\n  bootstrap: [{BOOTSTRAP}]\n  tls_ca: {authority.root}')


@pytest.mark.parametrize("upstream", [f"tls://{NAME}", f"https://{NAME}/dns-query", f"tls://{NAME}:853#{NAME}"])
def test_an_upstream_is_found_by_its_name(house: House, upstream: str) -> None:
    authority = Authority(house.directory / "tls")
    encrypted(house, FIRST, authority)
    places = Places(house, FIRST)
    start(house, authority, upstream)
    wait_until(lambda: house.data("www.example") == ["192.0.2.80"])
    assert not house.problem("upstream_name_unknown")
    assert any(FIRST in one["address"] and NAME in one["address"] for one in house.control.status()["upstreams"])
    places.close()


def test_the_last_known_addresses_do_after_a_start(house: House) -> None:
    authority = Authority(house.directory / "tls")
    encrypted(house, FIRST, authority)
    places = Places(house, FIRST)
    start(house, authority, f"tls://{NAME}")
    kept = house.directory / "state/upstreams"
    wait_until(lambda: kept.exists() and kept.read_text() == f"{NAME} {FIRST}\n")
    assert house.process.stop() == 0
    places.silent = True
    house.start()
    assert house.data("www.example") == ["192.0.2.80"], "at once, and without working DNS"
    places.close()


def test_an_upstream_that_moves_is_found_again(house: House) -> None:
    authority = Authority(house.directory / "tls")
    (house.directory / "state").mkdir()
    (house.directory / "state/upstreams").write_text(f"{NAME} {SECOND}\nrubbish\n\x01\x02 1.2.3\n")
    encrypted(house, FIRST, authority)
    places = Places(house, FIRST, SECOND)
    start(house, authority, f"tls://{NAME}")
    wait_until(lambda: len([one for one in house.control.status()["upstreams"] if NAME in one["address"]]) == 2)
    wait_until(lambda: house.data("www.example") == ["192.0.2.80"])
    places.close()


def test_a_name_that_nobody_knows_is_a_problem(house: House) -> None:
    authority = Authority(house.directory / "tls")
    places = Places(house, FIRST)
    places.silent = True
    start(house, authority, f"tls://{NAME}")
    assert NAME in house.problem("upstream_name_unknown")
    assert house.data("immich.home") == ["10.0.0.100"]
    assert house.dig("www.example").rcode == "SERVFAIL"
    encrypted(house, FIRST, authority)
    places.silent = False
    wait_until(lambda: house.data("www.example") == ["192.0.2.80"], 60)
    assert not house.problem("upstream_name_unknown")
    places.close()


def test_a_name_takes_a_bootstrap_server(house: House) -> None:
    house.write(dns=f'upstreams: ["tls://{NAME}"]')
    result = house.dns.run([house.program, "--config", house.document, "--check"], check=False)
    assert result.returncode == 3 and "dns.bootstrap" in result.stderr
    house.write(dns=f'upstreams: [{ROUTER}]\n  bootstrap: ["tls://{NAME}"]')
    result = house.dns.run([house.program, "--config", house.document, "--check"], check=False)
    assert result.returncode == 3 and "has no address" in result.stderr
