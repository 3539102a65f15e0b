"""Rules of lists that take more than a name, from the text to the answer on the wire."""

import json
from pathlib import Path

import pytest

from tests.dns.dns_house import CLIENT, STRANGER, House
from tests.lab.netns import Network

RULES = """! Title: rules
||plain.t^
@@||good.plain.t^
||strict.t^$important
@@||strict.t^
|only.t^
/^ad[0-9]+\\./
||tele*.t^
||six.t^$dnstype=AAAA
||mine.t^$client=10.0.0.50
||notmine.t^$client=~10.0.0.50
||named.t^$client=desk
||back.t^
||address.t^$dnsrewrite=192.0.2.7
||address.t^$dnsrewrite=192.0.2.8
||gone.t^$dnsrewrite=NXDOMAIN
||refused.t^$dnsrewrite=REFUSED;;
||renamed.t^$dnsrewrite=target.t
||local.t^$dnsrewrite=printer.home
|mail.t^$dnsrewrite=NOERROR;MX;10 mx.t
@@|free.address.t^$dnsrewrite
b\u00fccher.t
||other.t^$third-party
"""
TAKING_BACK = "||back.t^$badfilter\n"
ZONE = """$TTL 60
@ SOA localhost. root.localhost. 1 300 1800 604800 30
  NS localhost.
zone-blocked.t CNAME .
*.zone-blocked.t CNAME *.
fine.zone-blocked.t CNAME rpz-passthru.
zone-address.t A 192.0.2.9
zone-moved.t CNAME target.t.
8.0.2.0.192.rpz-ip CNAME .
"""


class Ruled(House):
    def __init__(self, network: Network, binaries: dict[str, Path]) -> None:
        super().__init__(network, binaries["hearth-dns"])
        self.lists_program = binaries["hearth-lists"]
        self.texts = {"rules": RULES, "taking": TAKING_BACK, "zone": ZONE}
        self.unbound(extra='  local-zone: "t." redirect\n  local-data: "t. 300 IN A 192.0.2.80"\n'
                           '  local-data: "t. 300 IN AAAA 2001:db8::80"')
        places = []
        for name, text in self.texts.items():
            path = self.directory / f"{name}.txt"
            path.write_text(text)
            places.append(f"{name}: {{file: {path}}}")
        self.write(extra=f"  lists: {{{', '.join(places)}}}",
                   dns="upstreams: [10.0.0.1]\n  clients: [203.0.113.0/24]")
        self.document.write_text(self.document.read_text().replace(
            "    printer: 10.0.0.40\n", f"    printer: 10.0.0.40\n    desk: {CLIENT}\n"))
        self.compile()
        self.start()

    def compile(self) -> None:
        self.dns.run([self.lists_program, "--config", self.document, "--run-dir", self.directory,
                      "--state-dir", self.directory / "state"])

    def address(self, name: str, source: str = CLIENT) -> list[str]:
        return self.dig(name, "A", "-b", source).data


@pytest.fixture
def ruled(network: Network, binaries) -> Ruled:
    return Ruled(network, binaries)


BLOCKED, PASSED = ["0.0.0.0"], ["192.0.2.80"]


def test_every_rule_says_what_it_says(ruled: Ruled) -> None:
    for _ in range(2):  # the second time from the cache
        assert ruled.address("x.plain.t") == BLOCKED
        assert ruled.address("x.good.plain.t") == PASSED
        assert ruled.address("strict.t") == BLOCKED
        assert ruled.address("only.t") == BLOCKED
        assert ruled.address("x.only.t") == PASSED
        assert ruled.address("ad12.any.t") == BLOCKED
        assert ruled.address("bad12.any.t") == PASSED
        assert ruled.address("telemetry.t") == BLOCKED
        assert ruled.address("back.t") == PASSED
        assert ruled.address("xn--bcher-kva.t") == BLOCKED
        assert ruled.address("other.t") == PASSED
        assert ruled.address("zone-blocked.t") == BLOCKED
        assert ruled.address("x.zone-blocked.t") == BLOCKED
        assert ruled.address("fine.zone-blocked.t") == PASSED


def test_types_decide(ruled: Ruled) -> None:
    for _ in range(2):
        assert ruled.dig("six.t", "AAAA").data == ["::"]
        assert ruled.address("six.t") == PASSED


def test_clients_of_one_group_are_told_apart(ruled: Ruled) -> None:
    for _ in range(2):
        assert ruled.address("mine.t") == BLOCKED
        assert ruled.address("mine.t", STRANGER) == PASSED
        assert ruled.address("notmine.t") == PASSED
        assert ruled.address("notmine.t", STRANGER) == BLOCKED
        assert ruled.address("named.t") == BLOCKED
        assert ruled.address("named.t", STRANGER) == PASSED


def test_lists_answer_in_a_names_place(ruled: Ruled) -> None:
    for _ in range(2):
        answer = ruled.dig("address.t", "A")
        assert answer.data == ["192.0.2.7", "192.0.2.8"]
        assert "EDE: 4 (Forged Answer)" in answer.text and "rules" in answer.text
        assert ruled.dig("address.t", "AAAA").rcode == "NOERROR"
        assert not ruled.dig("address.t", "AAAA").answers
        assert ruled.address("free.address.t") == PASSED
        assert ruled.dig("gone.t").rcode == "NXDOMAIN"
        assert ruled.dig("refused.t").rcode == "REFUSED"
        assert ruled.address("renamed.t") == ["192.0.2.80", "target.t."]
        assert ruled.address("local.t") == ["10.0.0.40", "printer.home."]
        assert ruled.dig("mail.t", "MX").data == ["10 mx.t."]
        assert ruled.address("zone-address.t") == ["192.0.2.9"]
        assert ruled.address("zone-moved.t") == ["192.0.2.80", "target.t."]


def test_what_is_not_taken_is_counted_with_examples(ruled: Ruled) -> None:
    status = json.loads((ruled.directory / "state/lists/status.json").read_text())
    lists = {entry["name"]: entry for entry in status["lists"]}
    assert lists["rules"]["skipped"] == 1 and lists["rules"]["invalid"] == 0
    example, = lists["rules"]["skipped_examples"]
    assert example["text"] == "||other.t^$third-party" and "third-party" in example["reason"]
    assert lists["zone"]["entries"] == 5 and lists["zone"]["skipped"] == 1


def test_why_names_the_line(ruled: Ruled) -> None:
    why = ruled.control.get(f"/why?name=ad7.any.t&client={CLIENT}").json()
    assert why["verdict"] == "blocked" and why["list"] == "rules"
    assert {"list": "rules", "line": 7, "text": "/^ad[0-9]+\\./", "action": "block"} in why["rules"]
    why = ruled.control.get(f"/why?name=address.t&client={CLIENT}").json()
    assert why["matched"] == "list_rewrite" and why["list"] == "rules"


def test_a_cname_to_a_pattern_is_blocked_too(ruled: Ruled) -> None:
    ruled.document.write_text(ruled.document.read_text().replace("www.example}", "ad9.any.t}"))
    ruled.control.post("/reload")
    assert "0.0.0.0" in ruled.address("web.home")


def test_documents_rules_go_before_the_lists(ruled: Ruled) -> None:
    ruled.document.write_text(ruled.document.read_text().replace(
        "  deny: [ads.example]", "  deny: [ads.example]\n  allow: [strict.t, address.t, ad7.any.t]"))
    ruled.control.post("/reload")
    assert ruled.address("strict.t") == PASSED
    assert ruled.address("address.t") == PASSED
    assert ruled.address("ad7.any.t") == PASSED
    assert ruled.address("ad8.any.t") == BLOCKED


def test_an_image_of_another_version_is_rebuilt(ruled: Ruled) -> None:
    ruled.process.stop()
    image = ruled.directory / "state/lists/compiled.hbl"
    old = bytearray(image.read_bytes())
    old[8] = 1
    image.write_bytes(old)
    ruled.start()
    assert "run hearth-lists" in ruled.problem("lists_unreadable")
    ruled.compile()
    assert ruled.address("x.plain.t") == BLOCKED
