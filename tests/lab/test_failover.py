"""A node dies; names and pages go on. Measured by probes every 5 ms from the client."""

import signal
from collections.abc import Callable

import pytest

from tests.lab.clients import dig
from tests.lab.home import CANDIDATES, DNS_VIP, PROXY_VIP, Home, Node, Settings
from tests.lab.prober import Probe, ProbeResult
from tests.lab.waiting import wait_until

LIMIT = 1.0  # seconds that names and pages may be away
NO_RETURN = {"preempt_delay": "1h"}  # whoever has a virtual IP keeps it while it lives


@pytest.fixture(scope="module")
def steady(make_home) -> Home:
    return make_home(Settings(vip=NO_RETURN))


def probes(home: Home) -> tuple[Probe, Probe]:
    names = Probe.dns(home.client, DNS_VIP, "immich.home")
    return names, Probe.http(home.client, PROXY_VIP, "immich.home")


def report(what: str, result: ProbeResult) -> None:
    print(f"{what}: away {result.outage * 1000:.0f} ms, {result.lost} of {result.sent} probes lost")


def killed(node: Node) -> None:
    node.kill()


def without_power(node: Node) -> None:
    """Nobody gets a last packet, not even the FIN that a kernel sends for a killed process."""
    node.port.cut()
    node.kill()


@pytest.mark.parametrize("round_number", range(5))
@pytest.mark.parametrize("dies", [killed, without_power])
def test_everything_on_the_owner_dies(steady: Home, dies: Callable[[Node], None], round_number: int) -> None:
    """The first round takes the DNS address from its owner; from then on one node owns both."""
    owner = steady.owner(DNS_VIP)
    survivor = steady.other(owner)
    names, pages = probes(steady)
    dies(owner)
    for what, probe in (("names", names), ("pages", pages)):
        result = probe.finish()
        report(f"{dies.__name__}, {what}", result)
        assert result.settled, f"{what} never came back: {result}"
        assert result.outage < LIMIT, f"{what}: {result}"
    assert steady.answering(DNS_VIP) == {survivor.name}
    assert steady.answering(PROXY_VIP) == {survivor.name}
    owner.port.heal()
    owner.start()
    assert steady.answering(DNS_VIP) == {survivor.name}, "a node that returns does not take over at once"


@pytest.mark.parametrize(("daemon", "address"), [("dns", DNS_VIP), ("proxy", PROXY_VIP)])
def test_killing_one_daemon_moves_its_address_only(steady: Home, daemon: str, address: str) -> None:
    owner = steady.owner(address)
    other_address = PROXY_VIP if address == DNS_VIP else DNS_VIP
    unrelated = steady.owner(other_address)
    names, pages = probes(steady)
    owner.daemons[daemon].kill()
    results = {DNS_VIP: names.finish(), PROXY_VIP: pages.finish()}
    report(f"hearth-{daemon} killed", results[address])
    assert results[address].settled and results[address].outage < LIMIT, results[address]
    assert steady.owner(address).name == steady.other(owner).name
    assert steady.owner(other_address) is unrelated
    assert results[other_address].lost == 0, results[other_address]
    owner.start_daemon(daemon).wait_ready()


def test_killing_the_announcer_loses_nothing_for_long(steady: Home) -> None:
    owner = steady.owner(DNS_VIP)
    names, pages = probes(steady)
    owner.daemons["lb"].kill()
    for result in (names.finish(), pages.finish()):
        assert result.settled and result.outage < LIMIT, result
    assert steady.owner(DNS_VIP) is steady.other(owner)
    owner.start_daemon("lb").wait_ready()


def test_a_pulled_cable(steady: Home) -> None:
    owner = steady.owner(DNS_VIP)
    names, pages = probes(steady)
    owner.port.cut()
    for what, probe in (("names", names), ("pages", pages)):
        result = probe.finish()
        report(f"cable cut, {what}", result)
        assert result.settled and result.outage < LIMIT, result
    names, pages = probes(steady)
    owner.port.heal()
    survivor = wait_until(lambda: steady.owner(DNS_VIP), what="one owner after the cut heals")
    for result in (names.finish(), pages.finish()):
        assert result.settled and result.outage < LIMIT, result
    assert steady.answering(DNS_VIP) == {survivor.name}


def test_a_planned_stop_loses_no_probe(steady: Home) -> None:
    owner = steady.owner(DNS_VIP)
    names, pages = probes(steady)
    assert owner.daemons.pop("lb").stop() == 0
    results = names.finish(), pages.finish()
    owner.start_daemon("lb").wait_ready()
    for result in results:
        report("hearth-lb stopped", result)
        assert result.settled and result.lost == 0, result


def test_a_frozen_daemon_loses_its_address(steady: Home) -> None:
    """It does not end, so that only a question without an answer can tell."""
    owner = steady.owner(DNS_VIP)
    names = Probe.dns(steady.client, DNS_VIP, "immich.home")
    owner.daemons["dns"].signal(signal.SIGSTOP)
    try:
        result = names.finish()
        report("hearth-dns frozen", result)
        assert result.settled and result.outage < 5, result
        assert steady.owner(DNS_VIP) is steady.other(owner)
    finally:
        owner.daemons["dns"].signal(signal.SIGCONT)


def test_the_last_owner_keeps_its_address_when_nobody_is_healthy(steady: Home) -> None:
    candidates = [steady.nodes[name] for name in CANDIDATES]
    for node in candidates:
        node.daemons["dns"].kill()
    for node in candidates:
        wait_until(lambda node=node: not _says_healthy(node, "dns"), what=f"{node.name} is not healthy")
    owner = steady.owner(DNS_VIP)
    with steady.watch() as watch:
        probe = Probe.http(steady.client, PROXY_VIP, "immich.home")
        assert steady.answering(DNS_VIP) == {owner.name}
        for node in (owner, steady.other(owner)):  # the other one, healthy first, would take it
            node.start_daemon("dns").wait_ready()
            wait_until(lambda node=node: _says_healthy(node, "dns"), what=f"{node.name} is healthy")
        assert probe.finish().lost == 0
        wait_until(lambda: dig(steady.client, "immich.home").values == [PROXY_VIP], what="names again")
        assert watch.owners(DNS_VIP) == [owner.name]


def _says_healthy(node: Node, vip: str) -> bool:
    return next(item for item in node.control("lb").status()["vips"] if item["name"] == vip)["healthy"]


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_node_returns_without_flapping(make_home, how: str) -> None:
    """Away: one move. Back, after the preempt delay: one move, and not one probe lost for it."""
    home = make_home(Settings(vip={"preempt_delay": "2s"}))
    home.wait_preferred()
    with home.watch() as watch:
        preferred = home.owner(DNS_VIP)
        getattr(preferred, how)()
        assert home.owner(DNS_VIP).name == "pi4-2"
        preferred.start()
        names, pages = probes(home)
        wait_until(lambda: home.answering(DNS_VIP) == {"pi4-1"}, 15, what="pi4-1 takes its address back")
        results = names.finish(), pages.finish()
        assert watch.owners(DNS_VIP) == ["pi4-1", "pi4-2", "pi4-1"]
        assert set(watch.owners(PROXY_VIP)) <= {"pi4-2"}
        for result in results:
            report("return", result)
            assert result.settled and result.lost == 0, result
    assert dig(home.client, "immich.home").values == [PROXY_VIP]
    home.close()
