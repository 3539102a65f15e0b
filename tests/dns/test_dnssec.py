"""DNSSEC: a root of our own, asked for by hearth itself, or by it through forwarders."""

import re
import time
from pathlib import Path

import pytest

from tests.dns.dns_house import ROUTER, VIP, House
from tests.lab.clock import clock_environment
from tests.lab.authority import Authority
from tests.lab.netns import Network
from tests.lab.signed_zones import ADDRESS, FORGED, SignedZones
from tests.lab.unbound import start_unbound
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


def test_forwarders_are_asked_as_the_document_says(house: House, zones: SignedZones) -> None:
    """Over TLS, and what is large comes through; another resolver finds the same secure."""
    authority = Authority(house.directory / "tls")
    leaf = authority.leaf("dns.example")
    house.router.ip("address add 10.0.0.3/24 dev eth0")
    start_unbound(house.router, name="forwarder", more=f"""
  interface: 10.0.0.3@853
  tls-port: 853
  tls-service-key: "{leaf.key}"
  tls-service-pem: "{leaf.certificate}"
  root-hints: "{zones.hints}"
""")
    start(house, zones, '"tls://10.0.0.3#dns.example"', more=f"tls_ca: {authority.root}")
    answer = house.dig("www.good", "+adflag")
    assert "ad" in answer.flags and answer.data == [ADDRESS], answer.text
    assert house.dig("www.expired").rcode == "SERVFAIL"
    large = house.dig("big.good", "TXT", "+tcp", "+adflag")
    assert "ad" in large.flags and len(large.text) > 4000, large.text
    wait_until(lambda: house.control.status()["upstreams"][0]["answered"] > 3)
    judge = house.client.run(["delv", f"@{VIP}", "-a", _delv_anchor(zones, house), "+root=.", "www.good", "A"],
                             check=False)
    assert "; fully validated" in judge.stdout, judge.stdout + judge.stderr
    judge = house.client.run(["delv", f"@{VIP}", "-a", _delv_anchor(zones, house), "+root=.", "nothing.proofs", "A"],
                             check=False)
    assert "; negative response, fully validated" in judge.stdout, judge.stdout + judge.stderr


def _delv_anchor(zones: SignedZones, house: House) -> Path:
    tag, algorithm, kind, digest = re.search(r"DS\s+(\d+) (\d+) (\d+) (\w+)", zones.anchor.read_text()).groups()
    anchor = house.directory / "delv.key"
    anchor.write_text(f'trust-anchors {{ . static-ds {tag} {algorithm} {kind} "{digest}"; }};\n')
    return anchor


@pytest.mark.parametrize("upstream", [RECURSIVE, FORWARDED])
def test_the_clock_decides_when_it_begins(house: House, zones: SignedZones, upstream: str) -> None:
    house.write(dns=f"""upstreams: [{upstream}]
  root_hints: {zones.hints}
  dnssec: {{mode: validate, trust_anchor: {zones.anchor}}}""")
    clock = house.directory / "clock"
    clock.write_text("@1970-01-01 00:00:07")
    environment = clock_environment(house.directory, FAKETIME_TIMESTAMP_FILE=str(clock), FAKETIME_NO_CACHE="1")
    house.process = house.dns.start(
        [house.program, "--config", house.document, "--run-dir", house.directory,
         "--state-dir", house.directory / "state"], env=environment).wait_ready()
    assert "clock" in house.problem("dnssec_waits_for_clock")
    assert not house.control.status()["dnssec"]["active"]
    answer = house.dig("www.bogus", "+adflag")
    assert answer.rcode == "NOERROR" and answer.data == [FORGED] and "ad" not in answer.flags, answer.text
    clock.write_text("+0")
    wait_until(lambda: not house.problem("dnssec_waits_for_clock"))
    assert house.control.status()["dnssec"]["active"]
    assert house.dig("www.bogus").rcode == "SERVFAIL", "what was cached before does not count"
    wait_until(lambda: "ad" in house.dig("www.good", "+adflag").flags)


def test_a_missing_trust_anchor_is_no_document(house: House, zones: SignedZones) -> None:
    house.write(dns=f"upstreams: [{ROUTER}]\n  dnssec: {{mode: validate, trust_anchor: nowhere.key}}")
    result = house.dns.run([house.program, "--config", house.document, "--check"], check=False)
    assert result.returncode == 3 and "dns-root-data" in result.stderr, result.stderr
    (house.directory / "bad.key").write_text("this is no key\n")
    house.start(dns=f"upstreams: [{ROUTER}]\n  dnssec: {{mode: validate, trust_anchor: bad.key}}")
    assert "bad.key" in house.problem("resolver_failed")
    assert house.dig("www.good").rcode == "SERVFAIL", "never unchecked instead"
    assert house.data("printer.home") == ["10.0.0.40"]


def test_a_reload_begins_and_ends_validation(house: House, zones: SignedZones) -> None:
    house.start(dns=f"upstreams: [{ROUTER}]")
    assert house.data("www.bogus") == [FORGED]
    for _ in range(3):
        house.write(dns=f"upstreams: [{ROUTER}]\n  dnssec: {{mode: validate, trust_anchor: {zones.anchor}}}")
        assert house.control.post("/reload").status == 200
        assert house.dig("www.bogus").rcode == "SERVFAIL"
        house.write(dns=f"upstreams: [recursive]\n  root_hints: {zones.hints}")
        assert house.control.post("/reload").status == 200
        assert house.data("www.bogus") == [FORGED]
    assert house.process.stop() == 0


def test_nothing_is_asked_below_what_is_proven_not_to_be(house: House, zones: SignedZones) -> None:
    """RFC 8020 and RFC 8198; of an unsigned zone each name is asked for."""
    start(house, zones, FORWARDED)

    def asked(name: str) -> float:
        before = house.control.metric("hearth_dns_upstream_queries_total")
        assert house.dig(name).rcode == "NXDOMAIN"
        time.sleep(1.2)  # the workers report once a second
        return house.control.metric("hearth_dns_upstream_queries_total") - before

    assert asked("nothing.good") > 0
    assert asked("below.nothing.good") == 0
    assert asked("deep.below.nothing.good") == 0
    assert asked("nothing.unsigned") > 0
    assert asked("below.nothing.unsigned") > 0


def test_forwarders_stand_in_for_recursion_that_leads_nowhere(house: House, zones: SignedZones) -> None:
    hints = house.directory / "silent.hints"
    hints.write_text(". 3600 NS ns.\nns. 3600 A 10.0.0.77\n")
    house.start(dns=f"""upstreams: [recursive, {ROUTER}]
  strategy: strict
  root_hints: {hints}
  dnssec: {{mode: validate, trust_anchor: {zones.anchor}}}""")
    assert "ad" in house.dig("www.good", "+adflag").flags
    assert house.dig("www.bogus").rcode == "SERVFAIL"
    assert not house.problem("upstream_dead")
