"""Services that one word blocks: for everybody, for a group, at certain times."""

import json

import pytest

from tests.dns.dns_house import CLIENT, House
from tests.lab.netns import Network

KID, TV, GUEST = "10.0.0.60", "10.0.0.61", "10.0.0.62"
ZONES = "\n".join(
    f'  local-zone: "{name}." redirect\n  local-data: "{name}. 300 IN A 192.0.2.80"'
    for name in ("tiktok.com", "tiktokcdn.com", "youtube.com", "googlevideo.com", "reddit.com"))
POLICY = f"""
  block: [tiktok]
  allow: [fine.tiktok.com]
  groups:
    kids:
      clients: [{KID}]
      block: [youtube]
      allow: [good.youtube.com]
      schedule: [{{times: ["0:00-24:00"], then: deny, block: [reddit]}}]
    tv: {{clients: [{TV}], allow: [tiktok.com]}}
"""
BLOCKED, PASSED = ["0.0.0.0"], ["192.0.2.80"]


@pytest.fixture
def house(network: Network, binaries) -> House:
    house = House(network, binaries["hearth-dns"])
    house.unbound(extra=ZONES)
    house.client.ip(*(f"address add {a}/24 dev eth0" for a in (KID, TV, GUEST)))
    return house.start(extra=POLICY)


def test_one_word_blocks_all_names_of_a_service(house: House) -> None:
    for _ in range(2):
        assert house.data("-b", GUEST, "www.tiktok.com") == BLOCKED
        assert house.data("-b", GUEST, "v1.tiktokcdn.com") == BLOCKED
        assert house.data("-b", GUEST, "fine.tiktok.com") == PASSED
        assert house.data("-b", GUEST, "www.youtube.com") == PASSED
    assert "EDE: 17 (Filtered): (Filtered for everybody: tiktok)" in house.dig("tiktok.com").text


def test_a_group_has_services_of_its_own(house: House) -> None:
    for _ in range(2):
        assert house.data("-b", KID, "www.youtube.com") == BLOCKED
        assert house.data("-b", KID, "r1.googlevideo.com") == BLOCKED
        assert house.data("-b", KID, "good.youtube.com") == PASSED
        assert house.data("-b", KID, "www.tiktok.com") == BLOCKED
        assert house.data("-b", KID, "reddit.com") == BLOCKED  # at this time
        assert house.data("-b", TV, "www.tiktok.com") == PASSED  # what the group allows
        assert house.data("-b", TV, "reddit.com") == PASSED


def test_why_names_the_service(house: House, binaries) -> None:
    why = house.control.get(f"/why?name=www.youtube.com&client={KID}").json()
    assert (why["service"], why["place"], why["rule"]) == ("youtube", "blocking.groups.kids.block", "youtube.com")
    assert why["undo"] == "take youtube out of blocking.groups.kids.block"
    said = house.dns.run([binaries["hearth"], "why", "www.tiktok.com", "--client", CLIENT, "--run-dir",
                          house.directory], check=False).stdout
    assert "blocking.block tiktok, tiktok.com" in said


def test_services_are_listed_and_misspelt_ones_are_named(house: House, binaries) -> None:
    known = json.loads(house.dns.run([binaries["hearth"], "lists", "services", "--json"]).stdout)
    names = [service["name"] for service in known]
    assert names == sorted(names) and len(names) >= 40 and {"youtube", "tiktok", "roblox"} <= set(names)
    house.document.write_text(house.document.read_text().replace("block: [tiktok]", "block: [tiktik]"))
    reply = house.control.post("/reload")
    assert reply.status != 200 and "did you mean tiktok" in reply.text()
    assert house.data("www.tiktok.com") == BLOCKED
