"""What the README tells a newcomer to type works as it says."""

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from tests.lab.netns import Network


@pytest.fixture(scope="module")
def commands(source_dir: Path) -> list[str]:
    """The commands of the README's console blocks, without their comments."""
    text = (source_dir / "README.md").read_text()
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [re.sub(r"\s+#.*", "", line).removeprefix("$ ") for line in lines if line.startswith("$ ")]


def test_two_commands_do_it_all(commands: list[str]) -> None:
    assert commands[:2] == ["./dev run", "./dev test"]


def test_every_dev_command_exists(source_dir: Path) -> None:
    shown = subprocess.run([source_dir / "dev", "help"], capture_output=True, text=True, check=True).stdout
    known = set(re.findall(r"^  (\w+)", shown, re.MULTILINE))
    text = (source_dir / "README.md").read_text()
    assert set(re.findall(r"\./dev (\w+)", text)) <= known | {"help"}


def test_every_page_it_points_to_exists(source_dir: Path) -> None:
    text = (source_dir / "README.md").read_text()
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (source_dir / target).exists(), target


def test_run_answers_what_it_prints_and_stops_cleanly(
    network: Network, source_dir: Path, build_dir: Path, commands: list[str], tmp_path: Path
) -> None:
    """In a network namespace, so that the ports are free; of the tree that is being tested."""
    machine = network.host("machine")
    command = shlex.split(commands[0])
    running = machine.start(
        [*command, "--bin", build_dir / "bin", "--dir", tmp_path], name="dev-run", cwd=source_dir
    )
    running.wait_line(r"^Hearth is running", 900)
    running.wait_line(r"^  status:")
    tries = re.findall(r"^  ((?:dig|curl) .*?)  +(\S.*)$", running.log(), re.MULTILINE)
    assert len(tries) == 3
    for text, promised in tries:
        answer = machine.run(["sh", "-c", text]).stdout
        if text.startswith("dig"):
            assert answer.strip() == promised.split()[0], text
        else:
            assert "<h1>" in answer, text

    children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
    assert len(children) == 3
    os.killpg(running.pid, signal.SIGINT)  # as Ctrl-C does
    assert running.wait() == 0
    assert running.log().splitlines()[-1] == "stopped"
    assert not any(Path("/proc", child).exists() for child in children)
