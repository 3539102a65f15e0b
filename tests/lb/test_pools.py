"""Addresses from pools: every node gives the same, restarts and edits keep them, and names follow."""

import pytest

from tests.lab.clients import dig
from tests.lab.control import Control
from tests.lab.waiting import wait_until
from tests.lb.test_services import ask, name_server

POOL = "10.0.0.240-10.0.0.243"


def document(lan, services: dict[str, str], pools: str = POOL, vips: str = "", more: str = "") -> str:
    """`services`: what each says of its VIP."""
    backends = ", ".join(node.name for node in lan.nodes[:2])
    lines = "".join(f"  {name}: {{{vip}, ports: {{tcp/1883: [{backends}]}}}}\n" for name, vip in services.items())
    text = lan.document(more=f"pools: {{home: {{addresses: [{pools}]}}{more}}}\nservices:\n{lines}")
    return text.replace("peers:", f"{vips}dns: {{vip: dns}}\npeers:")


def reload(lan, text: str, nodes=None) -> None:
    lan.write_document(text)
    for node in nodes or lan.nodes:
        assert node.control.post("/reload").status == 200


def addresses(node) -> dict[str, str]:
    """What each VIP has, as the node knows it."""
    return {one["vip"]: one["address"] for one in node.control.status()["addresses"] if one["address"]}


def wait_addresses(lan, *names: str) -> dict[str, str]:
    """All nodes know an address of each of `names`, the same one, and somebody owns it."""
    first = lan.nodes[0]

    def is_settled() -> bool:
        known = [addresses(node) for node in lan.nodes]
        owned = {vip["name"] for vip in first.control.status()["vips"] if vip["owner"]}
        return all(one == known[0] for one in known) and set(names) == set(known[0]) and set(names) <= owned

    wait_until(is_settled, 20, what=f"addresses of {names}")
    return addresses(first)


def start(lan, services: dict[str, str], **more):
    lan.write_document(document(lan, services, **more))
    lan.start()
    return lan


def owner(lan, address: str):
    """The node that alone answers for the address."""
    wait_until(lambda: len(lan.answering(address)) == 1, 20, what=f"an owner of {address}")
    (name,) = lan.answering(address)
    return next(node for node in lan.nodes if node.name == name)


AUTO = "vip: auto"


def test_nodes_agree_and_clients_are_served(make_lan):
    lan = start(make_lan(2), {"mqtt": AUTO, "zigbee": AUTO})
    a, b = lan.nodes
    given = wait_addresses(lan, "mqtt", "zigbee")
    assert len(set(given.values())) == 2
    assert all(address.startswith("10.0.0.24") for address in given.values())
    with name_server(a.host, "a"), name_server(b.host, "b"):
        for address in given.values():
            owner(lan, address)
            assert {ask(lan.client, vip=address)[0] for _ in range(32)} == {"a", "b"}


def test_restart_keeps_assignments_while_new_services_wait(make_lan):
    """All nodes are down; the document got a service more that would have come first; one starts alone."""
    lan = start(make_lan(2), {"mqtt": AUTO, "zigbee": AUTO})
    given = wait_addresses(lan, "mqtt", "zigbee")
    for node in lan.nodes:
        assert node.lb.stop() == 0
    lan.write_document(document(lan, {"aaa": AUTO, "zigbee": AUTO, "mqtt": AUTO}))
    a, b = lan.nodes
    a.start_lb()
    states = {one["vip"]: one["state"] for one in a.control.status()["addresses"]}
    assert states == {"aaa": "waiting", "mqtt": "assigned", "zigbee": "assigned"}
    assert addresses(a) == given, "those known are there at once"
    b.start_lb()
    with_new = wait_addresses(lan, "aaa", "mqtt", "zigbee")
    assert {name: with_new[name] for name in given} == given
    assert with_new["aaa"] not in given.values()


def test_node_that_lost_its_memory_asks_the_others(make_lan):
    lan = start(make_lan(2), {"mqtt": AUTO, "zigbee": AUTO})
    wait_addresses(lan, "mqtt", "zigbee")
    a, b = lan.nodes
    assert a.control.post("/vips/renumber?vip=mqtt").status == 200
    given = wait_addresses(lan, "mqtt", "zigbee")
    a.lb.kill()
    (a.host.directory / "addresses").unlink()
    a.start_lb()
    assert wait_addresses(lan, "mqtt", "zigbee") == given


def test_nodes_that_did_not_hear_each_other_agree_when_they_do(make_lan):
    """Each side got services that the other never saw; afterwards no address is anybody else's, too."""
    lan = start(make_lan(2), {"mqtt": AUTO})
    given = wait_addresses(lan, "mqtt")
    a, b = lan.nodes
    b.lb.kill()
    text = document(lan, {"mqtt": AUTO, "zigbee": AUTO, "voice": AUTO})
    for node, renumbered in ((a, "zigbee"), (b, "voice")):  # so that their first choices differ
        lan.write_document(text)
        if node is b:
            a.lb.kill()
            b.start_lb()
        else:
            assert a.control.post("/reload").status == 200
        wait_until(lambda node=node: set(addresses(node)) == {"mqtt", "zigbee", "voice"}, 15)
        assert node.control.post(f"/vips/renumber?vip={renumbered}").status == 200
    a.start_lb()
    known = wait_addresses(lan, "mqtt", "zigbee", "voice")
    assert known["mqtt"] == given["mqtt"] and len(set(known.values())) == 3
    for address in known.values():
        owner(lan, address)


def test_order_of_the_document_does_not_matter(make_lan):
    lan = start(make_lan(2), {"mqtt": AUTO, "zigbee": AUTO, "voice": AUTO})
    given = wait_addresses(lan, "mqtt", "zigbee", "voice")
    reload(lan, document(lan, {"voice": AUTO, "mqtt": AUTO, "zigbee": AUTO}))
    assert wait_addresses(lan, "mqtt", "zigbee", "voice") == given


def test_pool_edit_that_strands_a_service_is_named_and_moves_nothing(make_lan):
    lan = start(make_lan(2), {"mqtt": AUTO})
    given = wait_addresses(lan, "mqtt")
    a = lan.nodes[0]
    reload(lan, document(lan, {"mqtt": AUTO, "zigbee": AUTO}, pools="10.0.0.200-10.0.0.203"))
    known = wait_addresses(lan, "mqtt", "zigbee")
    assert known["mqtt"] == given["mqtt"] and known["zigbee"].startswith("10.0.0.20")
    assert "pool_stranded" in a.control.problems()
    owner(lan, known["mqtt"])
    assert a.control.post("/vips/renumber?vip=mqtt").status == 200
    wait_until(lambda: "pool_stranded" not in a.control.problems() | lan.nodes[1].control.problems())
    known = wait_addresses(lan, "mqtt", "zigbee")
    assert known["mqtt"].startswith("10.0.0.20")
    owner(lan, known["mqtt"])
    assert lan.answering(given["mqtt"]) == []


def test_exhausted_pool_is_named_and_the_rest_works(make_lan):
    names = ["mqtt", "zigbee", "voice"]
    lan = start(make_lan(2), dict.fromkeys(names, AUTO), pools="10.0.0.240-10.0.0.241")
    a = lan.nodes[0]
    wait_until(lambda: "pool_exhausted" in a.control.problems(), 15)
    given = addresses(a)
    assert len(given) == 2
    for address in given.values():
        owner(lan, address)
    reload(lan, document(lan, dict.fromkeys(names, AUTO), pools="10.0.0.240-10.0.0.242"))
    known = wait_addresses(lan, *names)
    assert {name: known[name] for name in given} == given
    assert "pool_exhausted" not in a.control.problems()


def test_ipv6_only(make_lan):
    lan = make_lan(1)
    (a,) = lan.nodes
    text = document(lan, {"mqtt": AUTO}, pools='"fd00::100-fd00::1ff"').replace("/24]", '/24, "fd00::/64"]')
    lan.write_document(text.replace("tcp/1883: [a]", 'tcp/1883: "[fd00::99]:1883"'))
    lan.start()
    assert wait_addresses(lan, "mqtt")["mqtt"].startswith("fd00::1")


def test_address_that_the_document_gives_away_is_left(make_lan):
    lan = start(make_lan(2), {"mqtt": AUTO})
    given = wait_addresses(lan, "mqtt")
    text = document(lan, {"mqtt": AUTO}).replace("dns: {vip: dns}", f"dns: {{vip: dns, records: {{nas: {given['mqtt']}}}}}")
    reload(lan, text)
    assert wait_addresses(lan, "mqtt") != given
    # Who owned it answers a little longer, as with every planned move.
    wait_until(lambda: lan.answering(given["mqtt"]) == [])


def test_named_pool_and_the_one_with_priority(make_lan):
    more = ", first: {addresses: 10.0.0.220/30, priority: 1}, guests: {addresses: 10.0.0.210, auto_assign: false}"
    services = {"mqtt": AUTO, "voice": "pool: guests", "zigbee": "pool: home"}
    lan = start(make_lan(1), services, more=more)
    given = wait_addresses(lan, *services)
    assert given["voice"] == "10.0.0.210"
    assert given["mqtt"].startswith("10.0.0.22") and given["zigbee"].startswith("10.0.0.24")
    reload(lan, document(lan, services | {"mqtt": "pool: home"}, more=more))
    moved = wait_addresses(lan, *services)
    assert moved["mqtt"].startswith("10.0.0.24") and moved["mqtt"] != moved["zigbee"]
    assert {name: moved[name] for name in ("voice", "zigbee")} == {name: given[name] for name in ("voice", "zigbee")}


def test_services_that_share_an_address_stay_on_one_node(make_lan):
    """Shared IP stays on one node, with every port of it, through moves."""
    lan = make_lan(2)
    text = document(lan, {"mqtt": "vip: media"}, vips="  media: auto\n")
    text += "  films: {vip: media, ports: {tcp/8096: [a, b]}}\n"
    lan.write_document(text)
    lan.start()
    address = wait_addresses(lan, "media")["media"]
    a, b = lan.nodes
    with name_server(a.host, "a"), name_server(b.host, "b"), name_server(a.host, "a", 8096), name_server(b.host, "b", 8096):
        for target in (a, b, a):
            move = "/vips/move?vip=media&node=" + target.name
            wait_until(lambda: target.control.post(move).status == 200, what="a move, after the one before")
            lan.wait_owner(target, address)
            for port in (1883, 8096):
                assert ask(lan.client, port, vip=address)[0] in "ab"
    assert {one["vip"] for one in a.control.get("/services").json()["services"]} == {address}


def test_vips_are_spread_over_the_nodes(make_lan):
    names = ["mqtt", "zigbee", "voice", "films", "music"]
    lan = start(make_lan(3), dict.fromkeys(names, AUTO), pools="10.0.0.224/27")
    given = wait_addresses(lan, *names)

    def held() -> list[int]:
        owners = [owner(lan, address).name for address in given.values()]
        return [owners.count(name) for name in "abc"]

    wait_until(lambda: held() == [1, 2, 2], 30, what="one is at the node that has dns")
    victim = lan.nodes[1]
    victim.lb.kill()
    wait_until(lambda: all(lan.answering(one) not in ([], ["b"]) for one in given.values()), 15)


def test_names_follow_the_addresses(make_lan, binaries):
    binaries["hearth-dns"]
    lan = start(make_lan(1), {"mqtt": AUTO})
    (a,) = lan.nodes
    given = wait_addresses(lan, "mqtt")
    a.start_dns()
    assert dig(lan.client, "mqtt.home", server=a.address).values == [given["mqtt"]]
    explain = [lan.bin_dir / "hearth", "explain", "mqtt", "--config", a.config, "--run-dir", a.run_dir]
    assert f"vip {given['mqtt']} ok held by a" in " ".join(a.host.run(explain, check=False).stdout.split())
    reload(lan, document(lan, {"mqtt": AUTO, "zigbee": AUTO}))
    assert Control(a.run_dir / "dns.sock").post("/reload").status == 200
    known = wait_addresses(lan, "mqtt", "zigbee")
    wait_until(lambda: dig(lan.client, "zigbee.home", server=a.address).values == [known["zigbee"]])


def test_name_without_an_address_exists_and_is_empty(make_lan, binaries):
    """hearth-lb does not run: nobody gives addresses, and DNS serves all the same."""
    binaries["hearth-dns"]
    lan = make_lan(1)
    (a,) = lan.nodes
    lan.write_document(document(lan, {"mqtt": AUTO}))
    a.start_dns()
    answer = dig(lan.client, "mqtt.home", server=a.address)
    assert (answer.rcode, answer.values) == ("NOERROR", [])
    assert dig(lan.client, "a.home", server=a.address).values == [a.address]


@pytest.mark.parametrize("first", ["v4", "dual"])
def test_dual_stack_transitions(make_lan, first):
    """The family that was there keeps its address, the other comes and goes with its backends."""
    lan = make_lan(2)
    six = "tcp/1884: \"[fd00::99]:1884\""
    text = {
        "v4": document(lan, {"mqtt": AUTO}, pools=f"{POOL}, \"fd00::100-fd00::1ff\"").replace("/24]", "/24, \"fd00::/64\"]"),
    }
    text["dual"] = text["v4"].replace("tcp/1883: [a, b]", f"tcp/1883: [a, b], {six}")
    second = "dual" if first == "v4" else "v4"

    def of(node) -> dict[str, str]:
        return {one["family"]: one["address"] for one in node.control.status()["addresses"] if one["address"]}

    def wait_families(which: str) -> dict[str, str]:
        families = {"v4": {"ipv4"}, "dual": {"ipv4", "ipv6"}}[which]
        wait_until(lambda: set(of(lan.nodes[0])) == families and of(lan.nodes[0]) == of(lan.nodes[1]), 15)
        return of(lan.nodes[0])

    lan.write_document(text[first])
    lan.start()
    before = wait_families(first)
    reload(lan, text[second])
    after = wait_families(second)
    assert after["ipv4"] == before["ipv4"]
    reload(lan, text[first])
    assert wait_families(first)["ipv4"] == before["ipv4"]


@pytest.mark.parametrize("option", ["", ", avoid_buggy_ips: true", ", avoid_buggy_ips: false"])
def test_addresses_that_look_like_broadcasts_are_left_out_unless_wanted(make_lan, option):
    """10.0.0.255 and 10.0.1.0 are hosts of 10.0.0.0/22, and some devices do not believe it."""
    lan = make_lan(1)
    text = document(lan, {"mqtt": AUTO, "zigbee": AUTO, "web": AUTO}, "10.0.0.254-10.0.1.1")
    lan.write_document(text.replace("10.0.0.0/24", "10.0.0.0/22").replace("10.0.1.1]", f"10.0.1.1]{option}"))
    (a,) = lan.nodes
    a.start_lb()
    if option.endswith("false"):
        wait_until(lambda: len(addresses(a)) == 3, 20, what="three of four addresses are given")
        assert {"10.0.0.255", "10.0.1.0"} & set(addresses(a).values())
        assert "pool_exhausted" not in a.control.problems()
        return
    wait_until(lambda: "pool_exhausted" in a.control.problems(), 20, what="no address is left for the third")
    assert set(addresses(a).values()) == {"10.0.0.254", "10.0.1.1"}
