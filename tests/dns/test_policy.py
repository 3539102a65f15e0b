"""Groups of clients, and what is said to the running house."""

import json

import pytest

from tests.dns.dns_house import CLIENT, House, ScriptedUpstream, answer_a
from tests.lab.netns import Network
from tests.lab.waiting import wait_until

PHONE, GUEST, NIGHT, DAY = "10.0.0.60", "10.0.0.130", "10.0.0.61", "10.0.0.62"

GROUPS = """
  groups:
    phone: {clients: [10.0.0.60], deny: [www.example], answer: nxdomain}
    guests: {clients: [10.0.0.128/25], deny: [www.example], answer: refused}
    night: {clients: [10.0.0.61], time_zone: Europe/Vienna, schedule: [{times: ["0:00-24:00"]}]}
    day: {clients: [10.0.0.62], schedule: [{times: ["0:00-24:00"], then: pause}]}
"""


@pytest.fixture
def house(network: Network, binaries) -> House:
    house = House(network, binaries["hearth-dns"])
    house.unbound()
    house.client.ip(*(f"address add {a}/24 dev eth0" for a in (PHONE, GUEST, NIGHT, DAY)))
    return house.start(extra=GROUPS)


def rcode(house: House, source: str, name: str = "www.example") -> str:
    return house.dig("-b", source, name).rcode


def plain(house: House, name: str) -> list[str]:
    """What a client in no group is told."""
    return house.data("-b", CLIENT, name)


def test_each_client_gets_its_groups_policy(house: House) -> None:
    for _ in range(2):  # from the upstream, then from the cache
        assert rcode(house, PHONE) == "NXDOMAIN"
        assert rcode(house, GUEST) == "REFUSED"
        assert house.data("-b", DAY, "www.example") == ["192.0.2.80"]
    assert "EDE: 17 (Filtered): (Filtered for group phone)" in house.dig("-b", PHONE, "www.example").text


def test_a_device_is_known_by_its_hardware_address(house: House) -> None:
    # All addresses of this client are the tablet's: that says more than a network does.
    house.write(extra=f"""
  groups:
    tablet: {{clients: ["{house.client.mac()}"], deny: [tablet.example]}}
    guests: {{clients: [10.0.0.128/25], deny: [www.example], answer: refused}}
""")
    assert house.control.post("/reload").status == 200
    wait_until(lambda: house.data("-b", CLIENT, "tablet.example") == ["0.0.0.0"], what="the tablet")
    why = house.control.get(f"/why?name=tablet.example&client={CLIENT}").json()
    assert (why["group"], why["place"], why["rule"]) == (
        "tablet", "blocking.groups.tablet.deny", "tablet.example")
    wait_until(lambda: house.data("-b", GUEST, "www.example") == ["192.0.2.80"], what="its other address")


def test_schedules_and_their_zone(house: House) -> None:
    assert house.data("-b", NIGHT, "www.example") == ["0.0.0.0"], "offline"
    assert house.data("-b", NIGHT, "immich.home"), "names of the house stay"
    assert house.data("-b", DAY, "ads.example") == ["192.0.2.66"], "paused"


def test_allow_deny_and_pause_hold_at_once_and_over_a_restart(house: House) -> None:
    def say(target: str) -> dict:
        reply = house.control.post("/policy?" + target)
        assert reply.status == 200, reply.text()
        return reply.json()

    assert say("action=deny&name=www.example&client=10.0.0.62")["saved"]
    say("action=allow&name=ads.example&client=phone")
    assert house.data("-b", DAY, "www.example") == ["192.0.2.80"], "nothing is blocked while it pauses"
    assert house.data("-b", PHONE, "ads.example") == ["192.0.2.66"]
    assert say("action=deny&name=www.example&ttl_s=600")["until"] > 0
    assert plain(house, "www.example") == ["0.0.0.0"]
    why = house.control.get("/why?name=www.example").json()
    assert why["undo"] == "hearth forget www.example"

    house.process.stop()
    house.start()
    assert plain(house, "www.example") == ["0.0.0.0"]
    say("action=pause&ttl_s=300")
    assert plain(house, "ads.example") == ["192.0.2.66"]
    say("action=resume")
    say("action=forget&name=www.example")
    assert plain(house, "www.example") == ["192.0.2.80"]
    assert plain(house, "ads.example") == ["0.0.0.0"]
    kept = json.loads((house.directory / "state" / "policy.json").read_text())
    assert {o["name"] for o in kept["overrides"]} == {"www.example", "ads.example", "."}
    for bad in ("action=deny", "action=deny&name=.", "action=sing&name=x.example", "action=pause&ttl_s=x"):
        assert house.control.post("/policy?" + bad).status == 400, bad


def test_public_servers_may_not_name_the_house(network: Network, binaries) -> None:
    house = House(network, binaries["hearth-dns"])
    public = "198.18.0.53"
    house.router.ip(f"address add {public}/32 dev lo")
    house.dns.ip(f"route add {public}/32 via 10.0.0.1")
    upstream = ScriptedUpstream(
        house.router, lambda packet, peer, sock: sock.sendto(answer_a(packet, "192.168.1.1"), peer), public)
    try:
        house.start(dns=f"upstreams: [{public}]\n  rebinding: {{allow: [plex.example]}}")
        for _ in range(2):
            assert house.data("evil.example") == ["0.0.0.0"]
        assert house.data("a.plex.example") == ["192.168.1.1"]
    finally:
        upstream.close()


def test_why_says_how_a_pause_ends(house: House, binaries) -> None:
    def why(client: str) -> tuple[str, str]:
        answer = house.control.get(f"/why?name=ads.example&client={client}").json()
        assert answer["verdict"] == "forwarded"
        return answer["place"], answer["undo"]

    assert why(DAY) == ("blocking.groups.day.schedule",
                        "wait for the schedule to end, or change blocking.groups.day.schedule")
    assert house.control.post("/policy?action=pause&ttl_s=300").status == 200
    assert why(CLIENT) == ("hearth blocking off", "hearth blocking on")
    said = house.dns.run([binaries["hearth"], "why", "ads.example", "--run-dir", house.directory], check=False).stdout
    assert "nothing is blocked (hearth blocking off): hearth blocking on" in said
