"""Which trials of the VIP bench count, and which adverts are claims to the VIP that it measures."""

import socket
import struct
import types

import pytest

from bench.vip_adverts import is_claim
from bench.vip_trials import Outcome, Trial
from tests.lab.prober import ProbeResult
from tests.lb.vip_lan import VIP


class Standstill:
    """A machine of which a core stood still from 10 s for `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def longest(self, begin: float, end: float) -> float:
        return max(0.0, min(10 + self.seconds, end) - max(10.0, begin))


def outcome(began: float, ended: float, own_work: float = 0.0, two_owners: float = 0.0) -> Outcome:
    result = ProbeResult(100, 90, ended - began, 0.0, True, 0.0, ended)
    return Outcome("crash", result, "b owned", began, own_work, two_owners)


@pytest.mark.parametrize(("given", "is_void"), [
    (outcome(9.9, 10.05), True),
    (outcome(9.9, 10.004), False),  # it was over when the machine stood still for long
    (outcome(10.031, 10.05), False),
    (outcome(9.9, 10.05, own_work=0.026), False),  # its own doing
    (outcome(9.9, 9.95, two_owners=0.2), True),
])
def test_a_trial_is_void_when_the_machine_stood_still_before_the_vip_was_back(given: Outcome, is_void: bool) -> None:
    given.judge(Standstill(0.03))
    assert given.is_void == is_void


def trial(stood_still: list[float], repeats: int) -> Trial:
    """One of which each go was beside such a standstill."""
    made = Trial(types.SimpleNamespace(name="hearth"), None, 0.1, Standstill(0), repeats)

    def crash(_phase: float) -> list[Outcome]:
        made.stalls.seconds = stood_still.pop(0)
        return [outcome(9.9, 10.05)]

    made.timed(crash, 0.5)
    return made


def test_void_trials_are_repeated_and_kept_apart() -> None:
    made = trial([0.02, 0.03, 0.001, 0.02], repeats=10)
    assert [one.stood_still for one in made.found["crash"]] == pytest.approx([0.001])
    assert [one.stood_still for one in made.void["crash"]] == pytest.approx([0.02, 0.03])
    assert made.repeated == {"crash": 2}


def test_what_is_void_counts_when_there_are_no_repeats_left() -> None:
    made = trial([0.02, 0.03], repeats=1)
    assert [one.stood_still for one in made.found["crash"]] == pytest.approx([0.03])
    assert len(made.void["crash"]) == 1


def advert(vip: str, priority: int, protocol: int = 112) -> bytes:
    source, group = socket.inet_aton("10.0.0.11"), socket.inet_aton("10.0.0.12")
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0xC0, 32, 0, 0x4000, 255, protocol, 0, source, group)
    return ip + struct.pack("!BBBBHH4s", 0x31, 53, priority, 1, 100, 0, socket.inet_aton(vip))


def test_only_adverts_of_the_vip_that_do_not_release_it_are_claims() -> None:
    assert is_claim(advert(VIP, 200))
    assert not is_claim(advert(VIP, 0))
    assert not is_claim(advert("10.0.0.54", 200))
    assert not is_claim(advert(VIP, 200, protocol=17))
    assert not is_claim(b"")
