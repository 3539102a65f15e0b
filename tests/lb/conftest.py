"""LANs for the tests of hearth-lb."""

from collections.abc import Callable

import pytest

from tests.lb.vip_lan import VipLan


@pytest.fixture
def make_lan(binaries, network) -> Callable[..., VipLan]:
    binaries["hearth-lb"]

    def make(nodes: int = 2, **options) -> VipLan:
        return VipLan(binaries.directory, network, nodes, **options)

    return make
