import pytest

from tests.certs.certs_house import CertsHouse


@pytest.fixture
def house(network, binaries):
    made = CertsHouse(network.host("home"), binaries)
    yield made
    made.close()
