"""Debian's keepalived and hearth-lb in one VRRP group, each in turn master and backup."""

import shutil
import time

import pytest

from tests.lab import ndp
from tests.lab.waiting import wait_until
from tests.lb.test_partition import plug, unplug
from tests.lb.vip_lan import VIP

ROUTER = "10.0.0.21"
VRID = 53
VIP6 = "fd00::53"
VIP2 = "10.0.0.100"


class Keepalived:
    """A third machine whose keepalived holds the VIP on its interface when it is master."""

    def __init__(self, lan, priority: int, vip: str = f"{VIP}/24", options: str = "version 3\n  advert_int 0.1") -> None:
        if shutil.which("keepalived") is None:
            pytest.fail("keepalived is not installed: ./dev deps", pytrace=False)
        self.lan, self.vip = lan, vip
        self.host = lan.network.host("router")
        lan.switch.attach(self.host, f"{ROUTER}/24")
        self.config = self.host.directory / "keepalived.conf"
        self.config.write_text(
            f"""global_defs {{ vrrp_garp_master_delay 1 }}
            vrrp_instance home {{
              {options}
              state BACKUP
              interface eth0
              virtual_router_id {VRID}
              priority {priority}
              virtual_ipaddress {{ {vip} dev eth0 }}
            }}
            """.replace("\n            ", "\n")
        )
        self.process = None

    def start(self) -> None:
        pids = [f"--{kind}pid={self.host.directory}/{kind}.pid" for kind in ("", "vrrp_", "checkers_")]
        pids[0] = f"--pid={self.host.directory}/keepalived.pid"
        self.process = self.host.start(
            ["keepalived", "--dont-fork", "--log-console", "--log-detail", "--vrrp", f"--use-file={self.config}", *pids]
        )

    def stop(self) -> None:
        self.process.stop()

    def owns(self) -> bool:
        return self.vip in self.host.run(["ip", "address", "show", "dev", "eth0"]).stdout


def make_group(make_lan, priority: int, nodes: int = 1):
    lan = make_lan(nodes, vip=f", vrid: {VRID}, foreign_peers: [{ROUTER}], preempt_delay: 500ms")
    return lan, Keepalived(lan, priority)


def answering_macs(lan, router) -> list[str]:
    names = {router.host.mac(): "keepalived"}
    return [names.get(owner, owner) for owner in lan.answering()]


def keepalived_takes_over_and_gives_back(lan, router, answering) -> None:
    lan.start()
    router.start()
    (a,) = lan.nodes
    router.process.wait_line("Entering BACKUP STATE")
    assert not router.owns()
    a.lb.kill()  # crash: after the master-down interval
    wait_until(router.owns, 5)
    a.start_lb()  # better: takes it back after its preempt delay
    wait_until(lambda: a.state() == "master")
    wait_until(lambda: not router.owns(), 5)
    wait_until(lambda: answering(lan, router) == ["a"])
    a.lb.stop()  # releases with priority 0
    wait_until(router.owns, 5)
    wait_until(lambda: answering(lan, router) == ["keepalived"])


def hearth_takes_over_and_gives_back(lan, router, answering, address: str) -> None:
    router.start()
    wait_until(router.owns, 10)
    (a,) = lan.nodes
    a.start_lb()
    a.wait_state("backup")
    assert a.vip()["owner"] == address
    assert answering(lan, router) == ["keepalived"]
    router.stop()  # priority 0
    a.wait_state("master", deadline=2)
    wait_until(lambda: answering(lan, router) == ["a"])
    router.start()
    wait_until(router.owns, 10)
    a.wait_state("backup")
    wait_until(lambda: answering(lan, router) == ["keepalived"])
    for line in ("checksum", "mismatch", "unexpected", "invalid"):
        assert line not in router.process.log().lower()


def test_keepalived_backs_up_hearth(make_lan):
    keepalived_takes_over_and_gives_back(*make_group(make_lan, priority=90), answering_macs)


def test_hearth_backs_up_keepalived(make_lan):
    hearth_takes_over_and_gives_back(*make_group(make_lan, priority=250), answering_macs, ROUTER)


UNICAST = f"version 3\n  advert_int 0.1\n  unicast_src_ip {ROUTER}\n  unicast_peer {{ 10.0.0.11 }}"


def make_unicast_group(make_lan, priority: int):
    """As most instructions for two Pi-holes have it: without multicast."""
    lan = make_lan(1, vip=f", vrid: {VRID}, foreign_peers: [{ROUTER}], foreign_adverts: unicast, preempt_delay: 500ms")
    return lan, Keepalived(lan, priority, options=UNICAST)


def test_keepalived_backs_up_hearth_by_unicast(make_lan):
    keepalived_takes_over_and_gives_back(*make_unicast_group(make_lan, priority=90), answering_macs)


def test_hearth_backs_up_keepalived_by_unicast(make_lan):
    hearth_takes_over_and_gives_back(*make_unicast_group(make_lan, priority=250), answering_macs, ROUTER)


def test_three_routers_of_two_makes(make_lan):
    lan, router = make_group(make_lan, priority=195, nodes=2)
    lan.start()
    router.start()
    a, b = lan.nodes
    router.process.wait_line("Entering BACKUP STATE")
    assert [a.state(), b.state()] == ["master", "backup"]
    a.lb.kill()
    wait_until(router.owns, 5)
    assert b.state() == "backup" and b.vip()["owner"] == ROUTER
    router.stop()
    b.wait_state("master", deadline=3)


def test_equal_priority_is_decided_by_the_address(make_lan):
    """Both 200; 10.0.0.21 is the higher one."""
    lan, router = make_group(make_lan, priority=200)
    lan.start()
    (a,) = lan.nodes
    router.start()
    router.process.wait_line("Entering BACKUP STATE")
    assert a.state() == "master"  # nobody is relieved by an equal
    unplug(a)
    wait_until(router.owns, 5)
    plug(a)
    a.wait_state("backup")
    wait_until(lambda: answering_macs(lan, router) == ["keepalived"])


def test_the_masters_interval_is_learned(make_lan):
    """keepalived says so every second, hearth-lb would every 100 ms."""
    lan = make_lan(1, vip=f", vrid: {VRID}, foreign_peers: [{ROUTER}], advert_interval: 100ms")
    router = Keepalived(lan, 250, options="version 3\n  advert_int 1")
    router.start()
    wait_until(router.owns, 10)
    (a,) = lan.nodes
    a.start_lb()
    a.wait_state("backup")
    before = a.vip()["transitions"]
    time.sleep(2.5)  # more than two of its intervals, 25 of ours
    assert (a.state(), a.vip()["transitions"]) == ("backup", before)


# --- version 2 (RFC 3768) -------------------------------------------------------------------------


def make_group_v2(make_lan, priority: int):
    lan = make_lan(1, vip=f", vrid: {VRID}, foreign_peers: [{ROUTER}], preempt_delay: 500ms, vrrp_version: 2, advert_interval: 1s")
    return lan, Keepalived(lan, priority, options="version 2\n  advert_int 1")


def test_keepalived_backs_up_hearth_in_version_2(make_lan):
    lan, router = make_group_v2(make_lan, priority=90)
    lan.start()
    router.start()
    (a,) = lan.nodes
    router.process.wait_line("Entering BACKUP STATE")
    a.lb.kill()
    wait_until(router.owns, 8)
    a.start_lb()
    wait_until(lambda: a.state() == "master")
    wait_until(lambda: not router.owns(), 5)
    wait_until(lambda: answering_macs(lan, router) == ["a"])
    a.lb.stop()
    wait_until(router.owns, 5)


def test_hearth_backs_up_keepalived_in_version_2(make_lan):
    lan, router = make_group_v2(make_lan, priority=250)
    router.start()
    wait_until(router.owns, 10)
    (a,) = lan.nodes
    a.start_lb()
    a.wait_state("backup")
    assert a.vip()["owner"] == ROUTER
    router.stop()
    a.wait_state("master", deadline=5)
    wait_until(lambda: answering_macs(lan, router) == ["a"])
    router.start()
    wait_until(router.owns, 10)
    a.wait_state("backup")
    for line in ("checksum", "mismatch", "unexpected", "invalid"):
        assert line not in router.process.log().lower()


# --- routers that are set up otherwise ------------------------------------------------------------


@pytest.mark.parametrize(
    ("ours", "theirs", "why"),
    [
        ("", "version 2\n  advert_int 1", "(bad_version): it speaks another version than `vrrp_version` says"),
        (
            ", vrrp_version: 2, advert_interval: 1s",
            "version 3\n  advert_int 1",
            "(bad_version): it speaks another version than `vrrp_version` says",
        ),
        (
            ", vrrp_version: 2, advert_interval: 1s",
            "version 2\n  advert_int 2",
            "(bad_interval): version 2 needs the same `advert_interval` everywhere",
        ),
        (
            ", vrrp_version: 2, advert_interval: 1s",
            "version 2\n  advert_int 1\n  authentication {\n auth_type PASS\n auth_pass secret\n }",
            "(password): it uses a password, which VRRP no longer has; remove it there",
        ),
    ],
    ids=["version 2", "version 3", "interval", "password"],
)
def test_a_router_that_is_not_followed_is_named_with_what_differs(make_lan, ours, theirs, why):
    lan = make_lan(1, vip=f", vrid: {VRID}, foreign_peers: [{ROUTER}]{ours}")
    router = Keepalived(lan, 250, options=theirs)
    lan.start()
    (a,) = lan.nodes
    assert "vip_adverts" not in a.control.problems()
    router.start()

    def told() -> str:
        return next((one["detail"] for one in a.control.status()["problems"] if one["name"] == "vip_adverts"), "")

    wait_until(told, 20, what="the problem")
    assert told().startswith(f"adverts of {ROUTER} are not followed {why}")
    assert a.state() == "master"
    router.stop()
    wait_until(lambda: not told(), 60, what="it is forgotten")


# --- sync groups ----------------------------------------------------------------------------------


def test_sync_groups_of_both_makes_move_as_one(make_lan):
    """Two virtual routers; keepalived's vrrp_sync_group on the other side."""
    lan = make_lan(1)
    both = "sync_group: front, prefer: [a], preempt_delay: 500ms, foreign_peers: [10.0.0.21]"
    lan.write_document(
        lan.document().replace(
            f"  dns: {{address: {VIP}, prefer: [a]}}\n",
            f"  dns: {{address: {VIP}, {both}}}\n  proxy: {{address: {VIP2}, {both}}}\n",
        )
    )
    router = Keepalived(lan, 90)
    first = router.config.read_text()
    second = first[first.index("vrrp_instance") :].replace("home", "web").replace(VIP, VIP2).replace("id 53", "id 100")
    router.config.write_text(first + second + "\nvrrp_sync_group front {\n group {\n home\n web\n }\n}\n")
    lan.start()
    (a,) = lan.nodes
    router.start()
    router.process.wait_line("Entering BACKUP STATE")
    holders = lambda: [sorted({router.host.mac(): "keepalived"}.get(o, o) for o in lan.answering(vip)) for vip in (VIP, VIP2)]
    wait_until(lambda: holders() == [["a"], ["a"]])
    a.lb.kill()
    wait_until(lambda: holders() == [["keepalived"], ["keepalived"]], 8)
    a.start_lb()
    wait_until(lambda: holders() == [["a"], ["a"]], 10)
    assert {a.vip("dns")["vrid"], a.vip("proxy")["vrid"]} == {53, 100}


# --- IPv6 -----------------------------------------------------------------------------------------


def make_group6(make_lan, priority: int):
    """Over IPv6 routers speak from their link-local addresses: that is how the document names them."""
    lan = make_lan(1)
    lan.client.ip("address add fd00::50/64 dev eth0 nodad")
    lan.nodes[0].host.ip("address add fd00::11/64 dev eth0 nodad")
    router = Keepalived(lan, priority, vip=f"{VIP6}/64")
    text = lan.document(vip=f', vrid: {VRID}, foreign_peers: ["{ndp.link_local(router.host)}"], preempt_delay: 500ms')
    text = text.replace(VIP, f'"{VIP6}"').replace("lan: [10.0.0.0/24]", 'lan: [10.0.0.0/24, "fd00::/64"]')
    lan.write_document(text)
    return lan, router


def answering6(lan, router) -> list[str]:
    names = {router.host.mac(): "keepalived", lan.nodes[0].host.mac(): "a"}
    return sorted(names.get(mac, mac) for mac in ndp.who_has(lan.client, VIP6))


def test_keepalived_backs_up_hearth_over_ipv6(make_lan):
    keepalived_takes_over_and_gives_back(*make_group6(make_lan, priority=90), answering6)


def test_hearth_backs_up_keepalived_over_ipv6(make_lan):
    lan, router = make_group6(make_lan, priority=250)
    hearth_takes_over_and_gives_back(lan, router, answering6, ndp.link_local(router.host))


def make_unicast_group6(make_lan, priority: int):
    """keepalived sends by unicast over IPv6 with a hop limit of 64, unless it is told 255 (RFC 9568 §5.1.2.3)."""
    lan, router = make_group6(make_lan, priority)
    (a,) = lan.nodes
    addresses = f"unicast_src_ip {ndp.link_local(router.host)}\n  unicast_peer {{ {ndp.link_local(a.host)} }}"
    multicast = router.config.read_text()
    router.config.write_text(multicast.replace("advert_int 0.1", f"advert_int 0.1\n  unicast_ttl 255\n  {addresses}"))
    lan.write_document(a.config.read_text().replace("preempt_delay", "foreign_adverts: unicast, preempt_delay"))
    return lan, router


def test_keepalived_backs_up_hearth_by_unicast_over_ipv6(make_lan):
    keepalived_takes_over_and_gives_back(*make_unicast_group6(make_lan, priority=90), answering6)


def test_hearth_backs_up_keepalived_by_unicast_over_ipv6(make_lan):
    lan, router = make_unicast_group6(make_lan, priority=250)
    hearth_takes_over_and_gives_back(lan, router, answering6, ndp.link_local(router.host))


def test_keepalived_without_a_hop_limit_of_255_is_named(make_lan):
    lan, router = make_unicast_group6(make_lan, priority=250)
    router.config.write_text(router.config.read_text().replace("unicast_ttl 255", ""))
    lan.start()
    router.start()
    (a,) = lan.nodes
    wait_until(lambda: "vip_adverts" in a.control.problems(), 20, what="the problem")
    detail = next(one["detail"] for one in a.control.status()["problems"] if one["name"] == "vip_adverts")
    assert f"adverts of {ndp.link_local(router.host)} are not followed (bad_ttl)" in detail and "unicast_ttl 255" in detail
