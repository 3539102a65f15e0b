"""Names that standards give a meaning: what dig is told, and what of it the document can change."""

from collections.abc import Iterator

import pytest

from tests.dns.dns_house import ROUTER, House, ScriptedUpstream, answer_a
from tests.lab.netns import Network

NXDOMAIN, NODATA = ("NXDOMAIN", []), ("NOERROR", [])
CANARIES = ("use-application-dns.net", "mask.icloud.com", "mask-h2.icloud.com")

SPECIAL = {
    "localhost A": ("NOERROR", ["127.0.0.1"]),
    "localhost AAAA": ("NOERROR", ["::1"]),
    "a.b.localhost A": ("NOERROR", ["127.0.0.1"]),
    "localhost MX": NODATA,
    **{f"{name} {qtype}": NXDOMAIN for qtype in ("A", "AAAA", "TXT") for name in (
        "x.test", "x.invalid", "x.onion", "printer.local", "x.alt", "x.internal",
        "x.home.arpa", "x.default.service.arpa", *CANARIES)},
    "home.arpa A": NODATA,
    "resolver.arpa A": NODATA,
    "x.resolver.arpa A": NODATA,
    "_dns.resolver.arpa SVCB": NODATA,  # no certificate here
    "1.0.0.127.in-addr.arpa PTR": ("NOERROR", ["localhost."]),
    f"1.{'0.' * 31}ip6.arpa PTR": ("NOERROR", ["localhost."]),
    # RFC 6303 §4 and RFC 7793; each network's first and last where it is no whole label
    **{f"{name} PTR": NXDOMAIN for name in (
        "7.0.9.10.in-addr.arpa", "7.0.16.172.in-addr.arpa", "7.0.31.172.in-addr.arpa",
        "7.9.168.192.in-addr.arpa", "7.0.0.0.in-addr.arpa", "7.0.0.127.in-addr.arpa",
        "7.9.254.169.in-addr.arpa", "7.2.0.192.in-addr.arpa", "7.100.51.198.in-addr.arpa",
        "7.113.0.203.in-addr.arpa", "7.0.64.100.in-addr.arpa", "7.0.127.100.in-addr.arpa",
        "7.0.d.f.ip6.arpa", "7.8.e.f.ip6.arpa", "7.9.e.f.ip6.arpa", "7.a.e.f.ip6.arpa",
        "7.b.e.f.ip6.arpa", "7.8.b.d.0.1.0.0.2.ip6.arpa")},
    "255.255.255.255.in-addr.arpa PTR": NODATA,
    f"{'0.' * 32}ip6.arpa PTR": NODATA,
    "com A": NXDOMAIN,  # single labels are a search list's business
}
ORDINARY = ("www.example A", "ipv4only.arpa A", "home.arpa DS", "7.0.15.172.in-addr.arpa PTR",
            "7.0.32.172.in-addr.arpa PTR", "7.0.63.100.in-addr.arpa PTR", "7.0.128.100.in-addr.arpa PTR",
            "7.c.e.f.ip6.arpa PTR", "7.c.f.ip6.arpa PTR", "www.icloud.com A", "com NS")


@pytest.fixture
def house(network: Network, binaries) -> House:
    return House(network, binaries["hearth-dns"])


@pytest.fixture
def outside(house: House) -> Iterator[ScriptedUpstream]:
    """Has an address for every name, and remembers what was asked."""
    upstream = ScriptedUpstream(house.router, lambda packet, peer, sock: sock.sendto(answer_a(packet), peer))
    yield upstream
    upstream.close()


def reload(house: House, **document) -> None:
    house.write(**document)
    reply = house.control.post("/reload")
    assert reply.status == 200, reply.text()


def test_special_names_stay_in_the_house(house: House, outside: ScriptedUpstream) -> None:
    house.start()
    for asked, expected in SPECIAL.items():
        answer = house.dig(*asked.split())
        assert (answer.rcode, answer.data) == expected, asked
        if expected[1] == []:
            assert len(answer.authority) == 1 and " IN SOA " in answer.authority[0], asked
    assert outside.names == []


def test_their_neighbours_do_not(house: House, outside: ScriptedUpstream) -> None:
    house.start()
    for asked in ORDINARY:
        name, qtype = asked.split()
        house.dig(name, qtype)
        assert outside.names[-1] == name, asked


def test_canaries_pass_while_nothing_is_blocked_and_by_an_allow_rule(
        house: House, outside: ScriptedUpstream) -> None:
    house.start()
    reload(house, extra="  allow: [mask.icloud.com]")
    assert house.data("mask.icloud.com") == ["192.0.2.99"]
    assert house.dig("mask-h2.icloud.com").rcode == "NXDOMAIN"
    why = house.control.get("/why?name=mask-h2.icloud.com").json()
    assert (why["verdict"], why["undo"]) == (
        "special", 'add "mask-h2.icloud.com" to dns.special.except')
    reload(house, extra="  enabled: false")
    for name in CANARIES:
        assert house.data(name) == ["192.0.2.99"], name


def test_the_document_excepts_names(house: House, outside: ScriptedUpstream) -> None:
    house.start()
    reload(house, dns=f"upstreams: [{ROUTER}]\n"
                      "  special: {except: [mask.icloud.com, lab.internal, ads.alt, 172.16.0.0/16]}",
           extra="  allow: []\n  groups: {phone: {clients: [10.0.0.60], deny: [x.lab.internal]}}")
    assert house.data("mask.icloud.com") == ["192.0.2.99"]
    assert house.data("x.lab.internal") == ["192.0.2.99"]
    assert house.data("ads.alt") == ["192.0.2.99"]
    house.dig("-x", "172.16.0.7")
    assert outside.names[-1] == "7.0.16.172.in-addr.arpa"
    for name in ("x.internal", "mask-h2.icloud.com", "x.alt"):
        assert house.dig(name).rcode == "NXDOMAIN", name
    assert house.dig("-x", "172.17.0.7").rcode == "NXDOMAIN"
    house.client.ip("address add 10.0.0.60/24 dev eth0")
    assert house.data("-b", "10.0.0.60", "x.lab.internal") == ["0.0.0.0"], "blocked like any other"
    why = house.control.get("/why?name=x.lab.internal").json()
    assert why["verdict"] == "forwarded"


def test_what_the_document_has_of_its_own_wins(house: House, outside: ScriptedUpstream) -> None:
    zone = house.directory / "internal.zone"
    zone.write_text("$TTL 60\n@ SOA ns admin 1 3600 600 86400 30\n@ NS ns\nns A 10.0.0.5\nnas A 10.0.0.9\n")
    house.write(dns=f"upstreams: [{ROUTER}]\n  zones: [{{file: {zone}, origin: internal}}]\n"
                    f"  forward: [{{zones: [local], to: [{ROUTER}]}}]")
    house.document.write_text(house.document.read_text().replace(
        "    printer: 10.0.0.40\n", '    printer: 10.0.0.40\n    "router.test.": 10.0.0.1\n'))
    house.start()
    assert house.data("nas.internal") == ["10.0.0.9"]
    assert house.dig("x.internal").rcode == "NXDOMAIN"
    assert house.data("printer.local") == ["192.0.2.99"]
    assert house.data("router.test") == ["10.0.0.1"]
    assert house.dig("x.test").rcode == "NXDOMAIN"


@pytest.mark.parametrize("domain", ["home.arpa", "internal", "lan"])
def test_a_special_name_may_be_the_domain(house: House, outside: ScriptedUpstream, domain: str) -> None:
    house.write()
    house.document.write_text(house.document.read_text().replace("domain: home\n", f"domain: {domain}\n"))
    house.start()
    assert house.data(f"immich.{domain}") == ["10.0.0.100"]
    assert house.data("immich") == ["10.0.0.100"]
    assert house.dig(f"missing.{domain}").rcode == "NXDOMAIN"
    assert house.dig(domain, "SOA").answers[0].split()[0] == f"{domain}."
    assert outside.names == []


def test_any_is_answered_small(house: House, outside: ScriptedUpstream) -> None:
    house.start()
    assert house.dig("www.example", "ANY", "+notcp").data == ['"RFC8482" ""']
    assert outside.names == [], "nobody is asked for it"
    assert house.data("immich.home", "ANY", "+notcp") == ["10.0.0.100"]
    blocked = house.dig("ads.example", "ANY", "+notcp")
    assert (blocked.rcode, blocked.answers) == ("NOERROR", [])
    assert "EDE: 15" in blocked.text and " IN SOA " in blocked.authority[0]
    assert house.dig("x.onion", "ANY", "+notcp").rcode == "NXDOMAIN"
