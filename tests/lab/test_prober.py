"""What the prober says about a succession of answers, and about a service that goes away."""

import pytest

from tests.lab import services
from tests.lab.netns import Network
from tests.lab.prober import Probe, Timeline


def timeline(*answers: float, interval: float = 0.005) -> Timeline:
    made = Timeline(interval)
    for when in answers:
        made.probe_sent(when - 0.001)
        made.answer(when - 0.001, when)
    return made


STEADY = [0.5 + i * 0.005 for i in range(100)]


def test_steady_answers_are_no_outage() -> None:
    result = timeline(*STEADY).result(1.0)
    assert result.outage == pytest.approx(0, abs=1e-9)
    assert (result.sent, result.answered, result.lost, result.settled) == (100, 100, 0, True)


def test_the_longest_gap_counts() -> None:
    later = [when + 0.8 for when in STEADY]
    result = timeline(*STEADY, *later).result(2.0)
    assert result.outage == pytest.approx(0.3, abs=1e-6)
    assert result.ended == later[0]


def test_what_was_over_at_the_mark_does_not_count() -> None:
    made = timeline(*STEADY, *(when + 0.8 for when in STEADY))
    made.mark()
    for when in STEADY:
        made.answer(when + 1.4, when + 1.4)
    assert made.result(3.0).outage == pytest.approx(0.1, abs=1e-6), "the gap that the mark lies in does"


def test_only_what_was_sent_after_the_first_answered_probe_counts() -> None:
    made = Timeline(0.005)
    for when in (0.1, 0.2, 0.3, 0.4):
        made.probe_sent(when)
    made.answer(0.2, 0.35)
    made.answer(0.1, 0.36)
    made.answer(0.4, 0.41)
    made.probe_sent(0.5)
    result = made.result(0.6)
    assert (result.sent, result.answered, result.lost) == (4, 2, 2)


def test_a_prober_that_was_held_up_says_so() -> None:
    made = timeline(*STEADY)
    made.probe_sent(1.0, 1.25)
    assert made.result(2.0).late == pytest.approx(0.25)
    made.mark()
    assert made.result(2.0).late == 0


def test_a_service_that_never_returns_is_away_until_the_end() -> None:
    gone = timeline(*STEADY)
    gone.lost()
    result = gone.result(STEADY[-1] + 4)
    assert result.outage == pytest.approx(3.995, abs=1e-6)
    assert not result.settled


def test_a_service_that_is_killed_and_returns(network: Network) -> None:
    lan = network.switch("lan")
    server, client = network.host("server"), network.host("client")
    lan.attach(server, "10.0.0.2/24")
    lan.attach(client, "10.0.0.3/24")
    running = services.start(server, "page", "here", 80).wait_ready()
    probe = Probe.http(client, "10.0.0.2", "here.home")
    running.kill()
    services.start(server, "page", "here", 80).wait_ready()
    result = probe.finish()
    assert result.settled
    assert 0.02 < result.outage < 5
    assert result.lost > 0
