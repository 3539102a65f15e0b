import pytest

from tests.proxy.house import House


@pytest.fixture
def house(network, binaries):
    made = House(network.host("home"), binaries["hearth-proxy"])
    yield made
    made.close()
