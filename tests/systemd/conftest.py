"""A Debian machine under systemd-nspawn, with the package of the built tree."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.netns import Network, run
from tests.systemd.machine import Machine, debian_root


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The package is made of the release build; a sanitizer's libraries are not in its dependencies."""
    cache = Path(config.getoption("--build-dir")) / "CMakeCache.txt"
    if cache.exists() and "-fsanitize" in cache.read_text():
        here = Path(__file__).parent
        items[:] = [item for item in items if here not in item.path.parents]


@pytest.fixture(scope="session")
def package(build_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("package")
    run(["cpack", "--config", build_dir / "CPackConfig.cmake", "-B", directory], timeout=300)
    (made,) = directory.glob("hearth_*.deb")
    return made


@pytest.fixture(scope="module")
def machine(package: Path) -> Iterator[Machine]:
    with Network() as network:
        booted = Machine(network, debian_root(package))
        try:
            yield booted.boot()
        finally:
            booted.close()
