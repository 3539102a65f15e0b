"""Health of the daemons behind a VIP moves it, and can never remove it."""

import pytest

from tests.lab.waiting import wait_until

MORE = "dns: {vip: dns, upstreams: [10.0.0.50]}\n"


@pytest.fixture
def lan(make_lan, binaries):
    binaries["hearth-dns"]
    made = make_lan(2, vip=", preempt_delay: 1s")
    made.write_document(made.document(vip=", preempt_delay: 1s", more=MORE))
    for node in made.nodes:
        node.dns = node.start_dns()
    made.start()
    for node in made.nodes:
        wait_until(lambda node=node: node.vip()["healthy"])
    made.wait_owner(made.nodes[0])
    return made


def test_killed_dns_moves_the_vip_and_its_return_brings_it_back(lan):
    a, b = lan.nodes
    a.dns.kill()
    b.wait_state("master", deadline=2)
    lan.wait_owner(b)
    assert a.vip()["priority"] == 100 and b.vip()["priority"] == 190
    assert a.control.status()["daemons"]["hearth-dns"] == "not running"
    a.dns = a.start_dns()
    lan.wait_owner(a)


def test_dns_that_no_longer_answers_moves_the_vip(lan):
    a, b = lan.nodes
    a.dns.signal(19)
    b.wait_state("master", deadline=6)
    assert a.control.status()["daemons"]["hearth-dns"] == "does not answer"
    a.dns.signal(18)
    lan.wait_owner(a)


def test_last_owner_keeps_the_vip_when_nobody_is_well(lan):
    a, b = lan.nodes
    b.dns.kill()
    wait_until(lambda: not b.vip()["healthy"])
    a.dns.kill()
    wait_until(lambda: not a.vip()["healthy"])
    lan.wait_owner(a)
    assert [a.vip()["transitions"], b.vip()["transitions"]] == [3, 2]
    b.dns = b.start_dns()
    lan.wait_owner(b)
