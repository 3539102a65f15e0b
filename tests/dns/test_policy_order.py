"""Who is in which group, what comes first for them, and what a blocked name is answered with."""

from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from tests.dns.dns_house import CLIENT, DNS, ROUTER, House, ScriptedUpstream, answer_a
from tests.lab.netns import Network
from tests.lab.waiting import wait_until

KID = "10.0.0.60"
LISTS = {"ours": "both.example\n||listed.example^\n@@||good.listed.example^\n", "strict": "strict.example\n"}


class Listed(House):
    """A house with the lists of LISTS, and an upstream that has an address for every name."""

    def __init__(self, network: Network, binaries: dict[str, Path]) -> None:
        super().__init__(network, binaries["hearth-dns"])
        self.lists_program = binaries["hearth-lists"]
        self.client.ip(f"address add {KID}/24 dev eth0")
        for name, text in LISTS.items():
            (self.directory / f"{name}.txt").write_text(text)
        self.upstream = ScriptedUpstream(self.router, lambda p, peer, s: s.sendto(answer_a(p), peer))

    def lists(self) -> str:
        return "  lists: {%s}\n" % ", ".join(
            f"{name}: {{file: {self.directory / name}.txt}}" for name in LISTS)

    def compile(self) -> None:
        self.dns.run([self.lists_program, "--config", self.document, "--run-dir", self.directory,
                      "--state-dir", self.directory / "state"])

    def reload(self, **document) -> None:
        self.write(**document)
        reply = self.control.post("/reload")
        assert reply.status == 200, reply.text()


@pytest.fixture
def house(network: Network, binaries) -> Iterator[Listed]:
    house = Listed(network, binaries)
    yield house
    house.upstream.close()


# --- groups ---

GROUPS = """
  groups:
    guests: {interfaces: [guest0], deny: [who.example], answer: 192.0.2.5}
    wide: {clients: [10.0.0.0/24], deny: [who.example], answer: 192.0.2.4}
    narrow: {clients: [10.0.0.192/27], deny: [who.example], answer: 192.0.2.3}
    named: {clients: [printer, gadget.home], deny: [who.example], answer: 192.0.2.2}
    mac: {clients: ["%s"], deny: [who.example], answer: 192.0.2.1}
    alone: {clients: [10.0.0.201, 10.0.0.211], deny: [who.example], answer: 192.0.2.9}
"""


def test_the_most_telling_match_decides(house: Listed, network: Network) -> None:
    guests, visitor, gadget = network.switch("guests"), network.host("visitor"), network.host("gadget")
    guests.attach(house.dns, "10.0.9.2/24", interface="guest0")
    guests.attach(visitor, "10.0.9.50/24", gateway="10.0.9.2")
    lan = house.network.switch("lan2")  # the gadget hangs on a network of its own cable
    lan.attach(house.dns, "10.0.8.2/24", interface="eth8")
    lan.attach(gadget, "10.0.8.210/24", "10.0.8.211/24", gateway="10.0.8.2")
    house.client.ip(*(f"address add {a}/24 dev eth0" for a in ("10.0.0.40", "10.0.0.193", "10.0.0.201")))
    groups = GROUPS.replace("10.0.0.211", "10.0.8.211") % gadget.mac()
    house.write(extra=groups)
    house.document.write_text(house.document.read_text().replace(
        "    printer: 10.0.0.40\n", "    printer: 10.0.0.40\n    gadget: 10.0.8.210\n"))
    house.start()
    for source, group in ((CLIENT, 4), ("10.0.0.193", 3), ("10.0.0.40", 2), ("10.0.0.201", 9)):
        assert house.data("-b", source, "who.example") == [f"192.0.2.{group}"], source
    assert house.dig("who.example", server=DNS, host=visitor).data == ["192.0.2.5"]
    wait_until(lambda: house.dig("-b", "10.0.8.210", "who.example", server=DNS, host=gadget).data == ["192.0.2.1"],
               what="its hardware address, before its name")
    assert house.dig("-b", "10.0.8.211", "who.example", server=DNS, host=gadget).data == ["192.0.2.9"]


def test_a_lease_tells_who_a_client_is(house: Listed) -> None:
    leases = house.directory / "dnsmasq.leases"
    leases.write_text("")
    house.start(dns=f"upstreams: [{ROUTER}]\n  leases: [{leases}]",
                extra="  groups: {kids: {clients: [tablet], deny: [games.example]}}")
    assert house.data("-b", KID, "games.example") == ["192.0.2.99"]
    leases.write_text(f"4102444800 02:00:00:00:00:60 {KID} tablet *\n")
    wait_until(lambda: house.data("-b", KID, "games.example") == ["0.0.0.0"], what="the lease")
    leases.write_text("4102444800 02:00:00:00:00:60 10.0.0.61 tablet *\n")
    wait_until(lambda: house.data("-b", KID, "games.example") == ["192.0.2.99"], what="another address")


def test_what_a_group_may_have_of_its_own(house: Listed) -> None:
    house.router.ip("address add 10.0.0.9/24 dev eth0")
    family = ScriptedUpstream(house.router, lambda p, peer, s: s.sendto(answer_a(p, "192.0.2.55"), peer), "10.0.0.9")
    try:
        house.write(extra=house.lists() + f"""
  groups:
    kids:
      clients: [{KID}]
      lists: [strict]
      allow: [ads.example]
      deny: [games.example]
      upstreams: [10.0.0.9]
      safe_search: google
""")
        house.compile()
        house.start()
        for _ in range(2):  # from the upstreams, then from the cache
            others = {name: house.data("-b", CLIENT, name) for name in (
                "listed.example", "strict.example", "ads.example", "games.example", "www.google.com")}
            assert others == {"listed.example": ["0.0.0.0"], "strict.example": ["0.0.0.0"],
                              "ads.example": ["0.0.0.0"], "games.example": ["192.0.2.99"],
                              "www.google.com": ["192.0.2.99"]}
            kids = {name: house.data("-b", KID, name) for name in others}
            assert kids == {"listed.example": ["192.0.2.55"], "strict.example": ["0.0.0.0"],
                            "ads.example": ["192.0.2.55"], "games.example": ["0.0.0.0"],
                            "www.google.com": ["192.0.2.55", "forcesafesearch.google.com."]}
        assert "games.example" not in family.names and "forcesafesearch.google.com" in family.names
    finally:
        family.close()


# --- what comes first ---


def test_each_layer_goes_before_those_below_it(house: Listed) -> None:
    """From the lists up, each step turns the one before it."""
    def group(**keys: str) -> str:
        words = "".join(f", {key}: {value}" for key, value in keys.items())
        return f"  groups: {{kids: {{clients: [{KID}]{words}}}}}\n"

    def judged(expected: list[str], place: str, ede: str = "") -> None:
        for _ in range(2):
            answer = house.dig("-b", KID, "both.example")
            assert answer.data == expected, place
            assert ede in answer.text, place
        why = house.control.get(f"/why?name=both.example&client={KID}").json()
        assert why["verdict"] == ("blocked" if ede else "forwarded"), place
        assert why.get("place", why.get("list")) == place
        assert why["undo"]

    def say(words: str) -> None:
        reply = house.control.post(f"/policy?{words}&name=both.example")
        assert reply.status == 200, reply.text()

    blocked, passed = ["0.0.0.0"], ["192.0.2.99"]
    base = house.lists()
    house.write(extra=base + group())
    house.compile()
    house.start()
    judged(blocked, "ours", "EDE: 15 (Blocked): (Blocked by list ours)")
    base += "  allow: [both.example]\n"
    house.reload(extra=base + group())
    judged(passed, "blocking.allow")
    house.reload(extra=base + group(deny="[both.example]"))
    judged(blocked, "blocking.groups.kids.deny", "EDE: 17 (Filtered): (Filtered for group kids)")
    house.reload(extra=base + group(deny="[both.example]", allow="[both.example]"))
    judged(passed, "blocking.groups.kids.allow")
    always = '[{times: ["0:00-24:00"], then: deny, deny: [both.example]}]'
    house.reload(extra=base + group(allow="[both.example]", schedule=always))
    judged(blocked, "blocking.groups.kids.schedule", "EDE: 17 (Filtered): (Not at this time for group kids)")
    say("action=allow")
    judged(passed, "hearth allow")
    say("action=deny&client=kids")
    judged(blocked, "hearth deny", "EDE: 17 (Filtered)")
    say(f"action=allow&client={KID}")
    judged(passed, "hearth allow")
    assert house.data("-b", CLIENT, "both.example") == passed
    for client in ("", "&client=kids", f"&client={KID}"):
        say("action=forget" + client)
    judged(blocked, "blocking.groups.kids.schedule", "EDE: 17")


def test_rules_of_one_place(house: Listed) -> None:
    house.write(extra=house.lists() + "  allow: [a.example]\n")
    house.document.write_text(house.document.read_text().replace(
        "  deny: [ads.example]\n", "  deny: [ads.example, a.example, x.a.example, good.listed.example]\n"))
    house.compile()
    house.start()
    passed = ["192.0.2.99"]
    assert house.data("a.example") == passed, "allow goes before deny"
    assert house.data("x.a.example") == passed, "whichever is closer"
    assert house.data("good.listed.example") == ["0.0.0.0"], "a list's allow does not lift the document's deny"
    assert house.data("x.listed.example") == ["0.0.0.0"]
    house.reload(extra=house.lists())
    assert house.data("good.listed.example") == passed, "it lifts a list's block"


# --- cloaks ---

CHAINS = {
    "one.t A": ["one.t 60 IN CNAME ads.example", "ads.example 60 IN A 192.0.2.66"],
    "two.t A": ["two.t 60 IN CNAME mid.t", "mid.t 60 IN CNAME end.t", "end.t 60 IN CNAME x.ads.example",
                "x.ads.example 60 IN A 192.0.2.66"],
    "two.t AAAA": ["two.t 60 IN CNAME mid.t", "mid.t 60 IN CNAME end.t", "end.t 60 IN CNAME x.ads.example"],
    "alias.t HTTPS": ["alias.t 60 IN HTTPS 0 ads.example."],
    "service.t HTTPS": ["service.t 60 IN HTTPS 1 x.ads.example. alpn=h2"],
    "second.t HTTPS": ["second.t 60 IN HTTPS 1 . alpn=h2", "second.t 60 IN HTTPS 2 ads.example. alpn=h3"],
    "behind.t HTTPS": ["behind.t 60 IN CNAME mid.t", "mid.t 60 IN HTTPS 1 ads.example. alpn=h2"],
    "resolver.t SVCB": ["resolver.t 60 IN SVCB 1 ads.example. alpn=dot"],
}
HONEST = {
    "self.t HTTPS": ["self.t 60 IN HTTPS 1 . alpn=h2"],
    "cdn.t A": ["cdn.t 60 IN CNAME edge.t", "edge.t 60 IN A 192.0.2.7"],
}


def chains(packet: bytes, peer: tuple, sock) -> None:
    query = dns.message.from_wire(packet)
    reply = dns.message.make_response(query, recursion_available=True)
    asked = query.question[0]
    name = str(asked.name).rstrip(".").lower()
    known = CHAINS | HONEST
    for record in known.get(f"{name} {dns.rdatatype.to_text(asked.rdtype)}", []):
        owner, ttl, _, qtype, data = record.split(" ", 4)
        data = data if qtype in ("A", "AAAA") else data.rstrip(".") + "." if qtype == "CNAME" else data
        shown = asked.name if owner == name else owner + "."
        reply.answer.append(dns.rrset.from_text(shown, int(ttl), "IN", qtype, data))
    sock.sendto(reply.to_wire(), peer)


@pytest.fixture
def cloaking(network: Network, binaries) -> Iterator[House]:
    house = House(network, binaries["hearth-dns"])
    upstream = ScriptedUpstream(house.router, chains)
    yield house.start()
    upstream.close()


def test_names_behind_names_are_judged_to_the_end_of_the_chain(cloaking: House) -> None:
    for _ in range(2):
        for asked in CHAINS:
            answer = cloaking.dig(*asked.split())
            assert "ads" not in " ".join(answer.answers), asked
            assert answer.data in ([], ["0.0.0.0"], ["::"]), asked
            assert "EDE: 15 (Blocked)" in answer.text, asked
        for asked, records in HONEST.items():
            assert len(cloaking.dig(*asked.split()).answers) == len(records), asked


def test_why_names_what_a_name_leads_to(cloaking: House, binaries) -> None:
    why = cloaking.control.get(f"/why?name=two.t&client={CLIENT}").json()
    assert (why["verdict"], why["leads_to"], why["place"]) == ("blocked", "x.ads.example", "blocking.deny")
    said = cloaking.dns.run([binaries["hearth"], "why", "one.t", "--run-dir", cloaking.directory], check=False)
    assert said.returncode == 1
    assert "BLOCKED one.t, which leads to ads.example: blocking.deny ads.example" in said.stdout
    why = cloaking.control.get("/why?name=cdn.t").json()
    assert why["verdict"] == "forwarded" and "leads_to" not in why


def test_an_allowed_name_may_lead_anywhere(cloaking: House) -> None:
    cloaking.write(extra="  allow: [t]")
    assert cloaking.control.post("/reload").status == 200
    for asked, records in CHAINS.items():
        assert len(cloaking.dig(*asked.split()).answers) == len(records), asked


# --- answers ---

STYLES = {
    "zero": {"A": ("NOERROR", ["0.0.0.0"]), "AAAA": ("NOERROR", ["::"])},
    "nxdomain": {"": ("NXDOMAIN", [])},
    "nodata": {"": ("NOERROR", [])},
    "refused": {"": ("REFUSED", [])},
    "192.0.2.200": {"A": ("NOERROR", ["192.0.2.200"])},
    '"2001:db8::200"': {"AAAA": ("NOERROR", ["2001:db8::200"])},
}


@pytest.mark.parametrize("style", STYLES)
def test_every_answer_says_how_long_and_why(house: Listed, style: str) -> None:
    house.write(extra=house.lists() + f"  answer: {style}\n  ttl: 77s\n")
    house.compile()
    house.start()
    for transport in ("+notcp", "+tcp"):
        for qtype in ("A", "AAAA", "HTTPS", "TXT", "MX", "ANY"):
            expected = STYLES[style].get(qtype, STYLES[style].get("", ("NOERROR", [])))
            for _ in range(2):  # made, then kept
                answer = house.dig(transport, "x.listed.example", qtype)
                assert (answer.rcode, answer.data) == expected, qtype
                assert "EDE: 15 (Blocked): (Blocked by list ours)" in answer.text, qtype
                assert "aa" not in answer.flags
                if expected[1]:
                    assert answer.answers[0].split()[1] == "77" and not answer.authority
                elif expected[0] != "REFUSED":
                    (soa,) = answer.authority
                    assert soa.startswith("x.listed.example. 77 IN SOA ") and soa.endswith(" 77"), soa
                else:
                    assert not answer.authority
            assert "EDE" not in house.dig(transport, "+noedns", "x.listed.example", qtype).text
    assert house.upstream.names == []


# --- addresses of the house from outside ---

PRIVATE = {
    "four.t A": "192.168.1.1", "shared.t A": "100.64.0.1", "loop.t A": "127.0.0.1", "link.t A": "169.254.9.9",
    "six.t AAAA": "fd00::1", "link6.t AAAA": "fe80::1", "loop6.t AAAA": "::1", "mapped.t AAAA": "::ffff:10.0.0.1",
    "hint.t HTTPS": "1 . ipv4hint=10.0.0.7", "hint6.t HTTPS": "1 . alpn=h2 ipv6hint=fd00::7",
}
PUBLIC = {"none.t A": "0.0.0.0", "out.t A": "198.51.100.7", "out6.t AAAA": "2001:db8::7",
          "service.t HTTPS": "1 . alpn=h2 ipv4hint=198.51.100.7"}


def test_addresses_of_the_house_come_from_the_house_alone(house: Listed) -> None:
    public = "198.18.0.53"
    house.router.ip(f"address add {public}/32 dev lo")
    house.dns.ip(f"route add {public}/32 via {ROUTER}")

    def script(packet: bytes, peer: tuple, sock) -> None:
        reply = dns.message.make_response(dns.message.from_wire(packet), recursion_available=True)
        asked = reply.question[0]
        data = (PRIVATE | PUBLIC).get(str(asked.name).rstrip(".").lower().removeprefix("fine.") + " " +
                                      dns.rdatatype.to_text(asked.rdtype))
        if data:
            reply.answer.append(dns.rrset.from_text(asked.name, 60, "IN", asked.rdtype, data))
        sock.sendto(reply.to_wire(), peer)

    outside = ScriptedUpstream(house.router, script, public)
    try:
        house.start(dns=f"upstreams: [{public}]\n  rebinding: {{allow: [\"*.loop.t\", six.t, fine.hint.t]}}")
        allowed = {"six.t AAAA"}
        for _ in range(2):
            for asked in PRIVATE.keys() - allowed:
                answer = house.dig(*asked.split())
                assert answer.data in ([], ["0.0.0.0"], ["::"]), asked
                assert "EDE: 15 (Blocked)" in answer.text and "rebinding" in answer.text, asked
            for asked in [*PUBLIC, *allowed, "fine.loop.t A", "fine.hint.t HTTPS"]:
                assert house.dig(*asked.split()).answers, asked
        why = house.control.get("/why?name=four.t").json()
        assert (why["verdict"], why["matched"]) == ("blocked", "rebinding")
        assert why["undo"] == 'add "four.t" to dns.rebinding.allow'
        house.reload(dns=f"upstreams: [{public}]\n  rebinding: false")
        for asked in PRIVATE:
            assert len(house.dig(*asked.split()).answers) == 1, asked
    finally:
        outside.close()
