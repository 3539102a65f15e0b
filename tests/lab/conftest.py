"""Homes for the end-to-end tests."""

from collections.abc import Callable, Iterator

import pytest

from tests.lab.blocklists import Blocklists
from tests.lab.home import DAEMONS, Home, Settings, with_lists


@pytest.fixture(scope="module")
def make_home(binaries) -> Iterator[Callable[[Settings], Home]]:
    """Homes with settings of their own; each ends with its module at the latest."""
    homes: list[Home] = []

    def make(settings: Settings) -> Home:
        for name in ("hearth", "hearth-lists", *(f"hearth-{daemon}" for daemon in DAEMONS)):
            binaries[name]
        home = Home(binaries.directory, settings)
        homes.append(home)
        return home.start()

    yield make
    for home in homes:
        home.close()


@pytest.fixture(scope="module")
def home(make_home, blocklists: Blocklists) -> Home:
    """A home that is well, with every list: for tests that leave it as they found it."""
    made = make_home(with_lists(blocklists, vip={"preempt_delay": "500ms"}))
    made.wait_preferred()
    return made
