"""Names of the house: records of all types, zone files, leases, suffixes that stand for others."""

import time
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from tests.dns.dns_house import DNS, ROUTER, House
from tests.lab.netns import Network
from tests.lab.waiting import wait_until

DNS6, CLIENT6 = "fd00::2", "fd00::50"

DOCUMENT = """version: 1
domain: home
lan: [10.0.0.0/24, "fd00::/64"]
nodes: {{pi: {dns}}}
dns:
  listen: ["{dns}:53", "[{dns6}]:53"]
  workers: 2
  upstreams: [{router}]
  records:
    printer: 10.0.0.40
    cluster: [10.0.0.41, 10.0.0.42, 10.0.0.43, "fd00::41", "fd00::42"]
    home:
      mx: ["10 mail", "20 mx2.example."]
      txt: ["v=spf1 -all", '"two" "strings"']
      caa: '0 issue "ca.example"'
      ttl: 5m
    mail: {{a: 10.0.0.45, aaaa: "fd00::45", https: "1 . alpn=h2", ttl: 2m}}
    _sip._tcp: {{srv: "0 5 5060 mail"}}
    svc: {{svcb: "1 mail port=853", naptr: '10 100 "s" "SIP+D2U" "" _sip._udp', uri: '10 1 "https://x/"'}}
    küche: 10.0.0.46
    one: {{cname: two}}
    two: {{cname: mail}}
    "*.wild": {{a: 10.0.0.50, txt: wild}}
    host.sub.wild.home: 10.0.0.51
    "nas.example.com.": {{a: 10.0.0.9, ttl: 30s}}
    "*.apps.example.com.": 10.0.0.10
    "9.0.0.10.in-addr.arpa.": {{ptr: nas.example.com}}
{extra}
"""

ZONE = """$TTL 10m
@    IN SOA ns admin 7 3600 600 86400 30
     IN NS ns
ns   IN A 10.0.0.5
web  IN A 10.0.0.6
     IN TXT "from the file"
alias IN CNAME web
sub  IN NS ns.sub
ns.sub IN A 10.0.0.7
"""


class NamesHouse(House):
    def __init__(self, network: Network, program: Path) -> None:
        super().__init__(network, program)
        for host, address in ((self.dns, DNS6), (self.client, CLIENT6)):
            host.ip(f"address add {address}/64 dev eth0 nodad")

    def document_with(self, extra: str = "") -> "NamesHouse":
        self.document.write_text(DOCUMENT.format(dns=DNS, dns6=DNS6, router=ROUTER, extra=extra))
        return self

    def ask(self, name: str, qtype: str = "A", *, server: str = DNS, tcp: bool = False, **options) -> dns.message.Message:
        query = dns.message.make_query(name, qtype, use_edns=0, payload=1232, **options)
        with self.client.entered():
            send = dns.query.tcp if tcp else dns.query.udp
            return send(query, server, timeout=10)

    def texts(self, name: str, qtype: str = "A", **options) -> list[str]:
        answer = self.ask(name, qtype, **options)
        return sorted(rdata.to_text() for rrset in answer.answer for rdata in rrset)


@pytest.fixture
def house(network: Network, binaries) -> NamesHouse:
    return NamesHouse(network, binaries["hearth-dns"])


@pytest.mark.parametrize("server", [DNS, DNS6])
@pytest.mark.parametrize("tcp", [False, True])
def test_records_of_every_type(house: NamesHouse, server: str, tcp: bool) -> None:
    house.document_with().start()

    def texts(name: str, qtype: str) -> list[str]:
        return house.texts(name, qtype, server=server, tcp=tcp)

    assert texts("home", "MX") == ["10 mail.home.", "20 mx2.example."]
    assert texts("home", "TXT") == ['"two" "strings"', '"v=spf1 -all"']
    assert texts("home", "CAA") == ['0 issue "ca.example"']
    assert texts("mail.home", "HTTPS") == ['1 . alpn="h2"']
    assert texts("_sip._tcp.home", "SRV") == ["0 5 5060 mail.home."]
    assert texts("svc.home", "SVCB") == ['1 mail.home. port="853"']
    assert texts("svc.home", "NAPTR") == ['10 100 "s" "SIP+D2U" "" _sip._udp.home.']
    assert texts("svc.home", "URI") == ['10 1 "https://x/"']
    assert texts("one.home", "AAAA") == ["fd00::45", "mail.home.", "two.home."]
    assert texts("one.home", "CNAME") == ["two.home."]
    assert texts("xn--kche-0ra.home", "A") == ["10.0.0.46"], "küche, as programs ask for it"
    assert texts("9.0.0.10.in-addr.arpa", "PTR") == ["nas.example.com."]
    assert texts("45.0.0.10.in-addr.arpa", "PTR") == ["mail.home."]
    answer = house.ask("home", "MX", server=server, tcp=tcp)
    assert answer.answer[0].ttl == 300 and answer.flags & dns.flags.AA
    assert {(str(r.name), dns.rdatatype.to_text(r.rdtype)) for r in answer.additional} == {("mail.home.", "A"), ("mail.home.", "AAAA")}


def test_names_with_records_are_known_whole(house: NamesHouse) -> None:
    house.unbound(extra='  local-zone: "example.com." redirect\n  local-data: "example.com. 60 IN A 192.0.2.1"')
    house.document_with().start()
    for name, apex in (("mail.home", "home."), ("nas.example.com", "nas.example.com.")):
        answer = house.ask(name, "LOC")
        assert (answer.rcode(), answer.answer) == (dns.rcode.NOERROR, [])
        assert (str(answer.authority[0].name), answer.authority[0].rdtype) == (apex, dns.rdatatype.SOA)
        assert len(house.ask(name, "ANY").answer) == 1, "one RRset is enough (RFC 8482)"
    assert house.texts("nas.example.com") == ["10.0.0.9"]
    assert house.texts("other.example.com") == ["192.0.2.1"], "what is beside it is asked outside"
    assert house.texts("x.apps.example.com") == ["10.0.0.10"]
    assert house.texts("below.nas.example.com") == ["192.0.2.1"]
    assert house.ask("missing.home").rcode() == dns.rcode.NXDOMAIN


def test_wildcards_reach_as_far_as_rfc_4592_lets_them(house: NamesHouse) -> None:
    house.document_with().start()
    assert house.texts("a.wild.home") == ["10.0.0.50"]
    assert house.texts("a.b.wild.home", "TXT") == ['"wild"']
    assert house.ask("a.wild.home", "AAAA").rcode() == dns.rcode.NOERROR, "NODATA, not NXDOMAIN"
    assert house.texts("host.sub.wild.home") == ["10.0.0.51"]
    assert house.ask("host.sub.wild.home", "TXT").answer == [], "nothing of the wildcard is mixed in"
    empty = house.ask("sub.wild.home")
    assert (empty.rcode(), empty.answer) == (dns.rcode.NOERROR, []), "an empty non-terminal exists"
    assert house.ask("other.sub.wild.home").rcode() == dns.rcode.NXDOMAIN, "the closest encloser is sub.wild"
    assert house.texts("*.wild.home") == ["10.0.0.50"], "asked for literally"
    answer = house.ask("A.wILd.home")
    assert str(answer.question[0].name) == "A.wILd.home." and str(answer.answer[0].name).lower() == "a.wild.home."


def test_several_addresses_take_turns(house: NamesHouse) -> None:
    house.document_with().start()
    firsts = {house.ask("cluster.home").answer[0][0].to_text() for _ in range(64)}
    assert firsts == {"10.0.0.41", "10.0.0.42", "10.0.0.43"}
    assert len(house.texts("cluster.home")) == 3
    assert house.texts("cluster.home", "AAAA") == ["fd00::41", "fd00::42"]


def test_zone_files_are_served_and_read_again(house: NamesHouse) -> None:
    house.unbound(extra='  local-data: "delegated.sub.z.home. 60 IN A 192.0.2.7"')
    zone = house.directory / "z.zone"
    zone.write_text(ZONE)
    house.document_with("  zones: [{file: z.zone, origin: z.home}]").start()
    assert house.texts("web.z.home") == ["10.0.0.6"]
    assert house.texts("alias.z.home") == ["10.0.0.6", "web.z.home."]
    assert house.texts("z.home", "SOA") == ["ns.z.home. admin.z.home. 7 3600 600 86400 30"]
    assert house.texts("z.home", "NS") == ["ns.z.home."]
    missing = house.ask("missing.z.home")
    assert missing.rcode() == dns.rcode.NXDOMAIN
    assert (str(missing.authority[0].name), missing.authority[0].ttl) == ("z.home.", 30), "the file's own MINIMUM"
    assert house.texts("delegated.sub.z.home") == ["192.0.2.7"], "a delegation is asked outside"
    assert house.control.status()["zones"] == [{"origin": "z.home", "file": str(zone), "records": 8}]

    new = house.directory / "new"
    new.write_text(ZONE.replace("10.0.0.6", "10.0.0.66"))
    new.rename(zone)
    wait_until(lambda: house.texts("web.z.home") == ["10.0.0.66"], what="the new zone")
    zone.write_text(ZONE.replace("IN A 10.0.0.6", "IN A 10.0.0.600"))
    wait_until(lambda: "z.zone:5: " in house.problem("zone_file_failing"), what="the problem")
    assert house.texts("web.z.home") == ["10.0.0.66"], "what was read before is served on"
    checked = house.dns.run([house.program, "--config", house.document, "--check"], check=False)
    assert checked.returncode == 3 and "z.zone:5: " in checked.stdout + checked.stderr
    zone.write_text(ZONE)
    wait_until(lambda: house.texts("web.z.home") == ["10.0.0.6"], what="the mended zone")
    wait_until(lambda: not house.problem("zone_file_failing"), what="no problem")


def test_leases_give_names_until_they_end(house: NamesHouse) -> None:
    leases = house.directory / "dnsmasq.leases"
    house.document_with("  leases: [dnsmasq.leases]").start()
    assert house.ask("tablet.home").rcode() == dns.rcode.NXDOMAIN
    wait_until(lambda: "dnsmasq.leases" in house.problem("lease_file_unreadable"), what="the problem")
    soon, later = int(time.time()) + 4, int(time.time()) + 3600
    leases.write_text(
        f"{later} aa:bb:cc:dd:ee:01 10.0.0.60 Tablet *\n"
        f"{later} aa:bb:cc:dd:ee:02 10.0.0.61 printer *\n"
        f"{soon} aa:bb:cc:dd:ee:03 10.0.0.62 guest *\n"
        "nonsense\n"
        "duid 00:01\n"
        f"{later} 1 fd00::60 tablet 00:01\n")
    wait_until(lambda: house.texts("tablet.home") == ["10.0.0.60"], what="the lease")
    assert house.texts("tablet.home", "AAAA") == ["fd00::60"]
    assert house.texts("tablet") == ["10.0.0.60"]
    assert house.texts("60.0.0.10.in-addr.arpa", "PTR") == ["tablet.home."]
    assert house.texts("printer.home") == ["10.0.0.40"], "the document's name wins"
    assert house.control.status()["leases"]["invalid"] == 1
    wait_until(lambda: house.ask("guest.home").rcode() == dns.rcode.NXDOMAIN, what="the end of the lease")
    with leases.open("a") as file:
        file.write(f"{later} aa:bb:cc:dd:ee:03 10.0.0.62 guest *\n")
    wait_until(lambda: house.texts("guest.home") == ["10.0.0.62"], what="the renewed lease")
    leases.unlink()
    wait_until(lambda: house.ask("tablet.home").rcode() == dns.rcode.NXDOMAIN, what="no leases")


def test_ten_thousand_leases(house: NamesHouse) -> None:
    leases = house.directory / "kea.csv"
    header = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id\n"
    later = int(time.time()) + 3600
    leases.write_text(header + "".join(
        f"10.1.{i // 250}.{i % 250},,,3600,{later},1,0,0,host{i},0,,0\n" for i in range(12_000)))
    house.document_with("  leases: [kea.csv]").start()
    assert house.texts("host11999.home") == ["10.1.47.249"]
    assert house.control.status()["leases"]["in_use"] == 12_000


def test_home_arpa_may_be_the_domain(house: NamesHouse) -> None:
    house.unbound(extra='  local-data: "home.arpa. 60 IN SOA prisoner.iana.org. root.iana.org. 1 2 3 4 5"')
    house.document_with()
    house.document.write_text(house.document.read_text().replace("domain: home\n", "domain: home.arpa\n")
                              .replace("    home:\n", "    home.arpa:\n").replace("wild.home:", "wild.home.arpa:"))
    house.start()
    assert house.texts("printer.home.arpa") == ["10.0.0.40"]
    assert house.ask("missing.home.arpa").rcode() == dns.rcode.NXDOMAIN
    before = house.control.metric("hearth_dns_cache_misses_total")
    house.ask("home.arpa", "DS")
    assert house.control.metric("hearth_dns_cache_misses_total") == before + 1, "asked outside (RFC 8375 §4)"


CLUSTER = """  local-zone: "default.svc.cluster.local." static
  local-data: "default.svc.cluster.local. 300 IN SOA ns.default.svc.cluster.local. host.cluster.local. 1 3600 600 86400 30"
  local-data: "nas.default.svc.cluster.local. 300 IN A 10.96.0.7"
  local-data: "nas.default.svc.cluster.local. 300 IN AAAA fd96::7"
  local-data: "www.default.svc.cluster.local. 300 IN CNAME nas.default.svc.cluster.local."
  local-data: "out.default.svc.cluster.local. 300 IN CNAME www.example."
  local-data: "_http._tcp.default.svc.cluster.local. 300 IN SRV 0 5 80 nas.default.svc.cluster.local."
  local-data: "default.svc.cluster.local. 300 IN MX 10 nas.default.svc.cluster.local."
  local-data: "default.svc.cluster.local. 300 IN NS ns.default.svc.cluster.local."
"""


@pytest.mark.parametrize("server", [DNS, DNS6])
@pytest.mark.parametrize("tcp", [False, True])
def test_a_suffix_stands_for_another(house: NamesHouse, server: str, tcp: bool) -> None:
    house.unbound(extra=CLUSTER)
    house.document_with(f"""    "pinned.cluster.example.": 10.0.0.77
    viaus: {{cname: nas.cluster.example.}}
  forward: [{{zones: [cluster.local], to: [{ROUTER}]}}]
  rewrite: [{{from: cluster.example, to: default.svc.cluster.local}}]""").start()

    def texts(name: str, qtype: str = "A") -> list[str]:
        return house.texts(name, qtype, server=server, tcp=tcp)

    for _ in range(2):  # from the server, then from the cache
        answer = house.ask("NAS.Cluster.example", server=server, tcp=tcp)
        assert str(answer.question[0].name) == "NAS.Cluster.example."
        assert [(str(r.name).lower(), r[0].to_text()) for r in answer.answer] == [("nas.cluster.example.", "10.96.0.7")]
        assert texts("nas.cluster.example", "AAAA") == ["fd96::7"]
        assert texts("www.cluster.example", "CNAME") == ["nas.cluster.example."]
        assert texts("_http._tcp.cluster.example", "SRV") == ["0 5 80 nas.cluster.example."]
        assert texts("cluster.example", "MX") == ["10 nas.cluster.example."]
        assert texts("viaus.home") == ["10.96.0.7", "nas.cluster.example."]
        missing = house.ask("missing.cluster.example", server=server, tcp=tcp)
        assert missing.rcode() == dns.rcode.NXDOMAIN
        assert str(missing.authority[0].name) == "cluster.example."
        assert missing.authority[0][0].to_text().startswith("ns.cluster.example. host.cluster.local. ")
    assert texts("pinned.cluster.example") == ["10.0.0.77"], "the document's own names come first"
    assert texts("nas.default.svc.cluster.local") == ["10.96.0.7"], "and the other name goes on to work"
    why = house.control.get("/why?name=nas.cluster.example").json()
    assert (why["verdict"], why["asked_as"]) == ("forwarded", "nas.default.svc.cluster.local")
    house.document_with()
    assert house.control.post("/reload").status == 200
    assert texts("nas.cluster.example") == [], "nothing of it is left in the cache"
