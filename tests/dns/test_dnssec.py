"""DNSSEC: a root of our own, asked for by hearth itself, or by it through forwarders."""

import re

import pytest

from tests.dns.dns_house import ROUTER, House
from tests.lab.authority import Authority
from tests.lab.netns import Network
from tests.lab.signed_zones import ADDRESS, FORGED, SignedZones
from tests.lab.waiting import wait_until

# How the house gets at the signed root.
RECURSIVE, FORWARDED = "recursive", f'"{ROUTER}"'


@pytest.fixture
def house(network: Network, binaries) -> House:
    return House(network, binaries["hearth-dns"])


@pytest.fixture
def zones(house: House) -> SignedZones:
    zones = SignedZones(house.router, ROUTER)
    zones.serve()
    return zones


def start(house: House, zones: SignedZones, upstream: str, dnssec: str = "", more: str = "") -> None:
    house.start(dns=f"""upstreams: [{upstream}]
  root_hints: {zones.hints}
  dnssec: {{mode: validate, trust_anchor: {zones.anchor}{dnssec}}}
  {more}""")


@pytest.mark.parametrize("upstream", [RECURSIVE, FORWARDED])
def test_what_is_signed_is_validated(house: House, zones: SignedZones, upstream: str) -> None:
    start(house, zones, upstream)
    for name in ("www.good", "www.proofs", "x.wild.good", "y.wild.proofs", "alias.good"):
        for _ in range(2):  # from the resolver, and from the cache
            answer = house.dig(name, "+adflag")
            assert answer.rcode == "NOERROR" and "ad" in answer.flags, answer.text
            assert ADDRESS in answer.data
            assert "RRSIG" not in answer.text and "NSEC" not in answer.text
    signed = house.dig("www.good", "+dnssec")
    assert "ad" in signed.flags and "RRSIG" in signed.text, signed.text
    assert "ad" not in house.dig("www.good", "+noadflag", "+noedns").flags, "nobody asked"
    for name in ("nothing.good", "nothing.proofs"):
        assert house.dig(name, "+adflag").rcode == "NXDOMAIN"
        assert "ad" in house.dig(name, "+adflag").flags
        proof = house.dig(name, "+dnssec")
        assert "ad" in proof.flags and ("NSEC3" in proof.text) == name.endswith("proofs"), proof.text
        empty = house.dig("www." + name.split(".")[1], "MX", "+adflag")
        assert empty.rcode == "NOERROR" and not empty.answers and "ad" in empty.flags, empty.text
    assert house.control.metric("hearth_dns_validated_total", status="secure") > 0


@pytest.mark.parametrize("upstream", [RECURSIVE, FORWARDED])
def test_what_nobody_signed_is_answered_without_ad(house: House, zones: SignedZones, upstream: str) -> None:
    start(house, zones, upstream)
    for name in ("www.unsigned", "www.child.proofs"):
        answer = house.dig(name, "+adflag")
        assert answer.rcode == "NOERROR" and "ad" not in answer.flags, answer.text
        assert answer.data == [ADDRESS]
    assert house.dig("nothing.unsigned", "+adflag").rcode == "NXDOMAIN"
    assert house.control.metric("hearth_dns_validated_total", status="insecure") > 0
    assert "ad" not in house.dig("printer.home", "+dnssec").flags
    assert house.data("ads.example") == ["0.0.0.0"], "local and blocked names need no signature"


@pytest.mark.parametrize("upstream", [RECURSIVE, FORWARDED])
def test_what_is_wrong_is_servfail_with_the_reason(house: House, zones: SignedZones, upstream: str) -> None:
    start(house, zones, upstream)
    for name, error in (("www.bogus", 6), ("www.expired", 7), ("www.early", 8), ("www.naked", 9),
                        ("alien.good", 6)):
        for _ in range(2):
            answer = house.dig(name)
            assert answer.rcode == "SERVFAIL" and not answer.answers, answer.text
            assert re.search(rf"EDE: {error} ", answer.text), answer.text
        told = house.dig(name, "+cdflag")
        assert told.rcode == "NOERROR" and "ad" not in told.flags, told.text
        assert told.answers, "who sets CD gets what was said"
    assert house.data("www.bogus", "+cdflag") == [FORGED]
    assert house.dig("nothing.expired").rcode == "SERVFAIL"
    assert house.control.metric("hearth_dns_validated_total", status="bogus") > 0

    def shown() -> bool:
        found = {one["name"]: one["reason"] for one in house.control.status()["dnssec"]["bogus"]}
        return "signature expired" in found.get("www.expired", "")

    wait_until(shown)
    why = house.control.get("/why?name=www.expired").json()
    assert why["dnssec"] == "bogus" and "signature expired" in why["dnssec_reason"]
    assert house.data("www.good") == [ADDRESS]


@pytest.mark.parametrize("upstream", [RECURSIVE, FORWARDED])
def test_what_is_named_insecure_is_not_checked(house: House, zones: SignedZones, upstream: str) -> None:
    start(house, zones, upstream, ", insecure: [bogus, expired]")
    assert house.data("www.bogus") == [FORGED]
    assert house.data("www.expired") == [ADDRESS]
    assert house.dig("www.early").rcode == "SERVFAIL"
