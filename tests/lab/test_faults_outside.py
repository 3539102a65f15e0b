"""Faults that are not the nodes' own: nothing local may change hands or stop for them."""

import json

import pytest

from tests.lab.clients import curl, dig
from tests.lab.home import CANDIDATES, DNS_VIP, PROXY_VIP, Home, Settings
from tests.lab.internet import EXAMPLE_COM
from tests.lab.prober import Probe
from tests.lab.waiting import wait_until

SHORT_S = 1  # a busy machine's pause; waiting for who does not answer takes longer

DROP_VRRP = """
table inet firewall {
  chain input {
    type filter hook input priority 0; policy accept;
    meta l4proto 112 counter drop
  }
}
"""


@pytest.fixture(scope="module")
def house(make_home) -> Home:
    return make_home(Settings(vip={"preempt_delay": "1h"}))


def transitions(home: Home) -> float:
    """How often the candidates have changed their minds, as they count it themselves."""
    return sum(home.nodes[name].control("lb").metric("hearth_vip_transitions_total") for name in CANDIDATES)


def test_nothing_local_notices_that_the_internet_is_gone(house: Home) -> None:
    assert dig(house.client, "example.com").values == [EXAMPLE_COM]
    before = transitions(house)
    names = Probe.dns(house.client, DNS_VIP, "immich.home")
    pages = Probe.http(house.client, PROXY_VIP, "immich.home")
    with house.watch() as watch:
        house.internet.cut()
        # Questions that nobody can answer now; several, so that they would fill a queue.
        house.client.run(
            ["sh", "-c", "for i in $(seq 40); do dig +tries=1 +time=4 n$i.example.net >/dev/null & done; wait"]
        )
        assert dig(house.client, "immich.home").values == [PROXY_VIP]
        assert curl(house.client, "http://immich.home").status == 200
        house.internet.heal()
        results = names.finish(), pages.finish()
        owners = watch.owners(DNS_VIP), watch.owners(PROXY_VIP)
    for result in results:
        assert result.lost == 0 and result.outage < SHORT_S, result
    assert all(len(succession) <= 1 for succession in owners), owners
    assert transitions(house) == before
    wait_until(
        lambda: dig(house.client, "again.example.net").rcode == "NOERROR", 30, what="outside names again"
    )


def test_a_firewall_that_drops_vrrp_leaves_one_owner(house: Home) -> None:
    owners = house.owner(DNS_VIP), house.owner(PROXY_VIP)
    before = transitions(house)
    with house.watch() as watch:
        for node in house.nodes.values():
            node.host.nft(DROP_VRRP)
        probe = Probe.dns(house.client, DNS_VIP, "immich.home")
        # Ten times as long as a backup waits for an advert.
        wait_until(lambda: _dropped(house) >= 60, 30, what="adverts that the firewall dropped")
        assert probe.finish().outage < SHORT_S
        assert house.answering(DNS_VIP) == {owners[0].name}
        assert house.answering(PROXY_VIP) == {owners[1].name}
        assert transitions(house) == before
        assert all(len(watch.owners(address)) <= 1 for address in (DNS_VIP, PROXY_VIP))


def _dropped(home: Home) -> int:
    """Adverts that the input firewalls of the candidates have thrown away."""
    total = 0
    for name in CANDIDATES:
        listed = home.nodes[name].host.run(["nft", "-j", "list", "chain", "inet", "firewall", "input"])
        for item in json.loads(listed.stdout)["nftables"]:
            for part in item.get("rule", {}).get("expr", []):
                total += part.get("counter", {}).get("packets", 0)
    return total


def test_behind_that_firewall_the_addresses_still_move(house: Home) -> None:
    owner = house.owner(DNS_VIP)
    probe = Probe.dns(house.client, DNS_VIP, "immich.home")
    owner.kill()
    result = probe.finish()
    assert result.settled and result.outage < 1.0, result
    assert house.owner(DNS_VIP) is house.other(owner)
    owner.start()
