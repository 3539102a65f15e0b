"""Schedules by the clock on the wall, which these tests set: zones, slots, summer time, cached names."""

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.dns.dns_house import CLIENT, House, ScriptedUpstream, answer_a
from tests.lab.clock import clock_environment
from tests.lab.netns import Network
from tests.lab.waiting import wait_until

KID = "10.0.0.60"
OPEN, DENIED = ["192.0.2.99"], ["0.0.0.0"]
TRIES = 3


class Clocked(House):
    """A house whose wall clock stands where a test puts it, in UTC."""

    def __init__(self, network: Network, binaries: dict[str, Path]) -> None:
        super().__init__(network, binaries["hearth-dns"])
        self.client.ip(f"address add {KID}/24 dev eth0")
        self.clock = self.directory / "clock"
        self.upstream = ScriptedUpstream(self.router, lambda p, peer, s: s.sendto(answer_a(p), peer))

    def set_clock(self, moment: str) -> None:
        aside = self.clock.with_suffix(".new")
        aside.write_text(moment + "\n")
        aside.replace(self.clock)

    def start_at(self, moment: str, schedule: str) -> None:
        self.write(workers=1, extra=f"""
  groups:
    kids:
      clients: [{KID}]
      time_zone: Europe/Vienna
      schedule: {schedule}
""")
        self.set_clock(moment)
        environment = clock_environment(self.directory, FAKETIME_TIMESTAMP_FILE=str(self.clock),
                                        FAKETIME_NO_CACHE="1")
        self.process = self.dns.start(
            [self.program, "--config", self.document, "--run-dir", self.directory,
             "--state-dir", self.directory / "state"], env=environment).wait_ready()

    def kid(self, name: str = "www.example") -> list[str]:
        return self.data("-b", KID, name)

    def jump(self, moment: str, name: str, expected: list[str]) -> None:
        """The kid's answer to `name` becomes `expected`.

        The library that fakes the clock has no lock: when two threads read the file at once, one may take half a
        moment for the whole, and keeps it until the file says something else. Then the clock is set a second on.
        """
        first = datetime.fromisoformat(moment)
        for second in range(TRIES):
            self.set_clock(str(first + timedelta(seconds=second)))
            with contextlib.suppress(TimeoutError):
                wait_until(lambda: self.kid(name) == expected)
                return
        raise TimeoutError(f"{name} is not {expected} at {moment}")

    def follow(self, *steps: tuple[str, list[str]]) -> None:
        """Each step changes what the one before it said."""
        for moment, expected in steps:
            self.jump(moment, "www.example", expected)
            assert self.kid() == expected, "and from the cache"
            assert self.data("-b", CLIENT, "www.example") == OPEN, "nobody else's"


@pytest.fixture
def house(network: Network, binaries) -> Iterator[Clocked]:
    house = Clocked(network, binaries)
    yield house
    house.upstream.close()


def test_several_slots_a_day_in_their_zone(house: Clocked) -> None:
    house.start_at("2026-06-15 05:59:59", """
        - {days: sun-thu, times: ["20:30-06:30"]}
        - {days: mon-fri, times: ["08:00-13:00", "14:00-16:00"], then: deny, deny: [www.example]}""")
    assert house.kid() == OPEN  # a Monday, 07:59:59 in Vienna
    house.follow(("2026-06-15 06:00:00", DENIED))
    assert house.kid("news.example") == OPEN, "at school www.example alone is denied"
    house.follow(("2026-06-15 11:00:00", OPEN), ("2026-06-15 12:00:00", DENIED),
                 ("2026-06-15 14:00:00", OPEN), ("2026-06-15 18:30:00", DENIED))
    assert house.kid("news.example") == DENIED, "offline"
    assert house.kid("printer.home") == ["10.0.0.40"], "but for the house"
    house.follow(("2026-06-16 04:30:00", OPEN),    # Tuesday, 06:30
                 ("2026-06-18 22:00:00", DENIED),  # the night that begins on Thursday
                 ("2026-06-19 18:30:00", OPEN),    # Friday night
                 ("2026-06-21 18:30:00", DENIED))  # Sunday night
    assert house.upstream.names.count("www.example") == 1, "what is cached is judged anew, not asked again"


def test_summer_time_begins_and_ends(house: Clocked) -> None:
    slots = '[{times: ["02:30-03:30"], then: deny, deny: [www.example]}]'
    house.start_at("2026-03-29 00:59:59", slots)
    assert house.kid() == OPEN
    house.follow(("2026-03-29 01:00:00", DENIED),  # 01:59:59 is followed by 03:00
                 ("2026-03-29 01:30:00", OPEN),
                 ("2026-10-25 00:30:00", DENIED),  # 02:30, for the first time
                 ("2026-10-25 01:00:00", OPEN),    # 02:59:59 is followed by 02:00
                 ("2026-10-25 01:30:00", DENIED),  # 02:30, for the second time
                 ("2026-10-25 02:30:00", OPEN))


def test_a_clock_that_jumps_takes_schedules_along(house: Clocked) -> None:
    house.start_at("2026-06-15 12:00:00", '[{times: ["20:00-22:00"], then: pause}]')
    assert house.kid("ads.example") == DENIED
    house.jump("2026-06-15 19:00:00", "ads.example", OPEN)
    assert house.data("-b", CLIENT, "ads.example") == DENIED
    house.jump("2026-06-15 12:00:00", "ads.example", DENIED)  # back again
