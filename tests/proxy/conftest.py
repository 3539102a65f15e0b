import pytest

from tests.lab.authority import Authority
from tests.lab.netns import Network
from tests.proxy.h2_upstream import H2Upstream, ok
from tests.proxy.house import ADDRESS, WEB, House


@pytest.fixture
def house(network, binaries):
    made = House(network.host("home"), binaries["hearth-proxy"])
    yield made
    made.close()


@pytest.fixture
def authority(house):
    return Authority(house.directory / "tls")


@pytest.fixture
def upstreams(house):
    """Makes upstreams of HTTP/2."""
    made: list[H2Upstream] = []

    def make(script=ok, context=None, port=9000) -> H2Upstream:
        made.append(H2Upstream(house.host, port, script, context))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def both(binaries):
    """`web` speaks HTTP/1.1 behind the proxy, `two` HTTP/2; for tests in which neither is to hear of anything."""
    with Network() as network:
        made = House(network.host("home"), binaries["hearth-proxy"])
        one, two = made.upstream(9000), H2Upstream(made.host, 9001)
        made.start({**WEB, "two": {"upstream": f"h2c://{ADDRESS}:9001"}})
        yield made, one, two
        made.close()
        two.close()
