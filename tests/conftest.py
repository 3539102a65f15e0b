"""What every Python test has: the built programs, a network of its own, blocklists."""

import os
from pathlib import Path

import pytest

from tests.lab import blocklists as lists
from tests.lab.isolation import isolate
from tests.lab.netns import Network

SOURCE_DIR = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--build-dir", default=str(SOURCE_DIR / "build/release"), help="a built tree")
    parser.addoption("--big-bodies", type=int, default=256, help="MiB of tests/proxy/test_big_bodies.py")


def pytest_configure(config: pytest.Config) -> None:
    if os.geteuid() == 0 and not config.option.collectonly:
        isolate()


@pytest.fixture(scope="session")
def source_dir() -> Path:
    return SOURCE_DIR


@pytest.fixture(scope="session")
def build_dir(request: pytest.FixtureRequest) -> Path:
    return Path(request.config.getoption("--build-dir")).resolve()


@pytest.fixture(scope="session")
def sanitized(build_dir: Path) -> bool:
    """Built with ASan or TSan: its shadow memory and its slowness are not the program's own."""
    cache = build_dir / "CMakeCache.txt"
    return cache.exists() and "-fsanitize" in cache.read_text()


class Binaries:
    """`binaries["hearth-dns"]`: the path of a built program; the test fails where it is missing."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __getitem__(self, name: str) -> Path:
        path = self.directory / name
        if not path.exists():
            pytest.fail(f"{path} is not built: cmake --build --preset release", pytrace=False)
        return path


@pytest.fixture(scope="session")
def binaries(build_dir: Path) -> Binaries:
    return Binaries(build_dir / "bin")


@pytest.fixture(scope="session")
def blocklists(tmp_path_factory: pytest.TempPathFactory) -> lists.Blocklists:
    return lists.find(SOURCE_DIR) or lists.generate(tmp_path_factory.mktemp("blocklists"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """A failed test that used a network shows the end of its programs' logs."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            network = value if isinstance(value, Network) else getattr(value, "network", None)
            if isinstance(network, Network):
                report.sections.append(("programs", network.logs()))


@pytest.fixture
def network():
    with Network() as made:
        yield made
