"""`./dev lab` itself: its calls work, and nothing is left of it when it is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.waiting import wait_until


@pytest.fixture
def checkout(source_dir: Path, tmp_path: Path) -> Path:
    """A tree of our own: the lab of the real one may be running for a person."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/lab").symlink_to(source_dir / "tests/lab")
    return tmp_path


class LiveLab:
    def __init__(self, checkout: Path, build_dir: Path) -> None:
        self._checkout = checkout
        self._command = [sys.executable, "-m", "tests.lab", "--build-dir", str(build_dir)]
        self.output = checkout / "output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                self._command, cwd=checkout, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command, *words], cwd=self._checkout, capture_output=True, text=True, timeout=60
        )


@pytest.fixture
def lab(checkout: Path, build_dir: Path, binaries) -> Iterator[LiveLab]:
    binaries["hearth-lb"]
    live = LiveLab(checkout, build_dir)
    wait_until(
        lambda: "A home in network namespaces is running" in live.output.read_text()
        or live.process.poll() is not None,
        60,
        what="the lab runs",
    )
    assert live.process.poll() is None, live.output.read_text()
    yield live
    live.process.kill()
    live.process.wait()


def programs_of(checkout: Path) -> list[str]:
    """Processes that live in the lab's mount namespace: its daemons, probers, services."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if any(word.startswith(b"/run/hearth-lab/") for word in command) and _beside_us(process):
            found.append(" ".join(word.decode(errors="replace") for word in command))
    return found


def _beside_us(process: Path) -> bool:
    try:
        return os.readlink(process / "ns/mnt") != os.readlink("/proc/self/ns/mnt")
    except OSError:
        return False


def test_what_the_lab_tells_to_try_works(lab: LiveLab) -> None:
    assert "10.0.0.100" in lab.call("exec", "client", "dig", "+short", "immich.home").stdout
    assert lab.call("exec", "client", "curl", "-s", "http://immich.home").stdout == "<h1>immich</h1>\n"
    assert "pi4-2" in lab.call("exec", "pi4-2", "hearth", "status").stdout
    assert "10.0.0.53" in lab.call("status").stdout

    assert lab.call("kill", "pi4-1").returncode == 0
    status = lab.call("status").stdout
    assert any(line.startswith("pi4-1") and "down" in line for line in status.splitlines())
    wait_until(
        lambda: "10.0.0.100" in lab.call("exec", "client", "dig", "+short", "immich.home").stdout,
        what="names from the other node",
    )
    assert lab.call("start", "pi4-1").returncode == 0
    assert lab.call("cut", "internet").returncode == 0
    assert "cut off" in lab.call("status").stdout
    assert lab.call("heal", "internet").returncode == 0
    assert lab.call("kill", "pi4-2", "dns").returncode == 0
    assert lab.call("logs", "pi4-2", "dns").returncode == 0
    for wrong in (["frobnicate"], ["kill"], ["kill", "pi9"], ["exec", "client"], ["start", "pi5"]):
        refused = lab.call(*wrong)
        assert refused.returncode == 2 and refused.stderr, wrong

    assert lab.call("stop").returncode == 0
    assert lab.process.wait(60) == 0
    assert lab.call("status").returncode == 4


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_of_a_lab_that_is_ended(lab: LiveLab, checkout: Path, number: int) -> None:
    assert programs_of(checkout)
    if number == signal.SIGINT:
        os.killpg(lab.process.pid, number)  # as Ctrl-C does
    else:
        lab.process.send_signal(number)
    lab.process.wait(60)
    wait_until(lambda: not programs_of(checkout), 20, what="the lab's programs are gone")
    assert lab.call("status").returncode == 4
