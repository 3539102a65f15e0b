from collections.abc import Iterator

import pytest

from tests.dns.list_home import Home, Server
from tests.lab.netns import Network


@pytest.fixture
def home(network: Network, binaries) -> Home:
    return Home(network.host("lists"), binaries["hearth-lists"])


@pytest.fixture
def web(home: Home) -> Iterator[Server]:
    server = Server(home.host)
    yield server
    server.shutdown()
    server.server_close()
