"""Each bad document of tests/config/bad: refused by `hearth check`, by every daemon's --check and by a
reload, at the right place, while what runs goes on as it was."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.lab.appliance import DAEMONS, DNS_PORT, DOCUMENT, HTTP_PORT, Appliance
from tests.lab.clients import curl, dig
from tests.lab.netns import Network

BAD = Path(__file__).parent / "bad"
NAMES = sorted(path.name for path in BAD.iterdir())


class Expected:
    """What the first line of a bad document says must be found."""

    def __init__(self, name: str) -> None:
        path = BAD / name
        self.main = path / "hearth.yaml" if path.is_dir() else path
        first = self.main.read_bytes().split(b"\n", 1)[0].decode()
        match = re.fullmatch(r"# expect (?:(\S+):)?(\d+):(\d+) (.+)", first)
        assert match, f"{name}: its first line must say what is expected"
        self.file = match[1] or self.main.name
        self.line, self.column, self.text = int(match[2]), int(match[3]), match[4]

    def place(self, folder: Path, main: str) -> str:
        file = main if self.file == self.main.name else self.file
        return f"{folder / file}:{self.line}:{self.column}: error: "

    def install(self, folder: Path) -> None:
        """In the place of the document of `folder`."""
        shutil.rmtree(folder / "conf.d", ignore_errors=True)
        shutil.copy(self.main, folder / "hearth.yaml")
        if (self.main.parent / "conf.d").is_dir():
            shutil.copytree(self.main.parent / "conf.d", folder / "conf.d")


def test_there_is_one_for_each_rule() -> None:
    assert len(NAMES) >= 30
    texts = [Expected(name).text for name in NAMES]
    assert len(set(texts)) > len(texts) * 0.8


@pytest.mark.parametrize("name", NAMES)
def test_check_names_the_place(binaries, name: str, tmp_path: Path) -> None:
    expected = Expected(name)
    expected.install(tmp_path)

    result = subprocess.run(
        [binaries["hearth"], "check", tmp_path / "hearth.yaml"], capture_output=True, text=True, timeout=20
    )
    assert result.returncode == 3, result.stderr
    headline, *excerpt = result.stdout.splitlines()
    assert headline.startswith(expected.place(tmp_path, "hearth.yaml")), result.stdout
    assert expected.text in headline
    # The caret stands under the column; tabs before it are tabs.
    caret = next(line for line in excerpt if line.strip("\t ~^") == "" and "^" in line)
    assert caret.index("^") == expected.column - 1

    result = subprocess.run(
        [binaries["hearth"], "check", "--json", tmp_path / "hearth.yaml"], capture_output=True, text=True, timeout=20
    )
    assert result.returncode == 3
    answer = json.loads(result.stdout)
    (finding,) = answer["findings"]
    assert not answer["ok"] and finding["severity"] == "error"
    assert (finding["line"], finding["column"]) == (expected.line, expected.column)


@pytest.fixture(scope="module")
def appliance(binaries):
    with Network() as network:
        yield Appliance(network.host("bad"), binaries.directory).start()


def still_serves(appliance: Appliance) -> None:
    answer = dig(appliance.host, "hello.home", server="127.0.0.1", options=("-p", str(DNS_PORT)))
    assert answer.values == ["127.0.0.1"]
    page = curl(appliance.host, f"http://127.0.0.1:{HTTP_PORT}/", "-H", "Host: hello.home")
    assert page.status == 200


def test_no_bad_document_changes_what_runs(appliance: Appliance) -> None:
    controls = {name: appliance.control(name) for name in DAEMONS}
    hashes = {name: control.status()["config"]["hash"] for name, control in controls.items()}
    pids = {name: process.pid for name, process in appliance.daemons.items()}
    still_serves(appliance)
    for name in NAMES:
        expected = Expected(name)
        expected.install(appliance.etc)
        for daemon, control in controls.items():
            reply = control.post("/reload")
            error = reply.json()["error"]
            assert reply.status == 422, f"{name}: {daemon} took it"
            assert expected.place(appliance.etc, "hearth.yaml") in error, f"{name}: {daemon}: {error}"
            assert expected.text in error
            status = control.status()
            assert status["config"]["stale"] and status["config"]["hash"] == hashes[daemon]
            assert "config_rejected" in {problem["name"] for problem in status["problems"]}
        still_serves(appliance)
    shown = appliance.hearth("status")
    assert shown.returncode == 1 and "config_rejected" in shown.stdout
    assert {name: process.pid for name, process in appliance.daemons.items() if process.alive()} == pids

    shutil.rmtree(appliance.etc / "conf.d", ignore_errors=True)
    appliance.config.write_text(DOCUMENT)
    assert appliance.hearth("reload").returncode == 0
    for control in controls.values():
        status = control.status()
        assert not status["config"]["stale"] and "config_rejected" not in str(status["problems"])


@pytest.mark.parametrize("daemon", [*(f"hearth-{name}" for name in DAEMONS), "hearth-lists"])
def test_a_bad_document_keeps_a_daemon_from_starting(binaries, daemon: str, tmp_path: Path) -> None:

    Expected("unknown-node-upstream.yaml").install(tmp_path)
    folders = ["--run-dir", tmp_path, "--state-dir", tmp_path]
    result = subprocess.run(
        [binaries[daemon], "--config", tmp_path / "hearth.yaml", *folders], capture_output=True, text=True, timeout=20
    )
    assert result.returncode == 3, result.stderr
    assert "hearth.yaml:6:17: error: upstream pi6 is not a node" in result.stderr + result.stdout
