"""hearth-lists beside a hearth-dns that serves: what is updated blocks, what fails is said."""

import fcntl
import json
from pathlib import Path

import pytest

from tests.dns.list_home import GOOD, Home, Server
from tests.lab import linux
from tests.lab.control import Control
from tests.lab.process import Process


class Serving:
    def __init__(self, home: Home, program: Path) -> None:
        self.home = home
        home.write_document()
        self.process: Process = home.host.start(
            [program, "--config", home.document, "--state-dir", home.state, "--run-dir", home.directory]
        ).wait_ready()
        self.control = Control(home.directory / "dns.sock")

    def asks(self, name: str) -> str:
        argv = ["dig", "@127.0.0.1", "-p", "5300", "+short", "+tries=1", "+time=1", name, "A"]
        return self.home.host.run(argv, check=False).stdout.strip()

    def problem(self, name: str) -> str:
        return next((p["detail"] for p in self.control.status()["problems"] if p["name"] == name), "")


@pytest.fixture
def serving(home: Home, binaries) -> Serving:
    home.state.mkdir()
    linux.mount("tmpfs", str(home.state), "tmpfs", 0, "size=256k")
    home.sources = {"ours": str(home.file("ours.txt", GOOD))}
    return Serving(home, binaries["hearth-dns"])


def test_update_takes_effect_at_once(serving: Serving) -> None:
    assert "Run hearth-lists" in serving.problem("lists_missing")
    serving.home.run()
    assert serving.asks("x.ads.example") == "0.0.0.0"
    assert serving.asks("tracker.example") == "0.0.0.0"
    assert not serving.control.problems() & {"lists_missing", "lists_failing", "lists_not_compiled"}
    ours, = serving.control.status()["blocking"]["lists"]
    assert (ours["name"], ours["rules"], ours["state"], ours["invalid"]) == ("ours", 3, "ok", 0)

    serving.home.file("ours.txt", GOOD + b"more.example\n")
    serving.home.run()
    assert serving.asks("more.example") == "0.0.0.0"


def test_failed_source_is_said_and_blocks_on(serving: Serving, web: Server) -> None:
    web.pages["/list"] = b"||web.example^\n"
    serving.home.sources["web"] = web.url("/list")
    serving.home.run()
    serving.control.post("/reload")
    assert serving.asks("web.example") == "0.0.0.0"

    web.pages["/list"] = lambda handler: handler.reply(b"", 503)
    serving.home.run("--force", expect=1)
    detail = serving.problem("lists_failing")
    assert detail.startswith("web: the server answered 503 (the copy of 20")
    assert serving.asks("web.example") == "0.0.0.0"

    web.pages["/list"] = b"||web2.example^\n"
    serving.home.run()
    assert serving.problem("lists_failing") == ""
    assert serving.asks("web2.example") == "0.0.0.0"


def test_full_disk_is_said_though_nothing_can_be_written(serving: Serving) -> None:
    serving.home.run()
    filler = serving.home.state / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(b"x" * 4096)
    serving.home.file("ours.txt", GOOD + b"more.example\n")
    serving.home.run(expect=1)
    assert "no space left" in serving.problem("lists_failing")
    assert "no space left" in serving.problem("lists_not_compiled")
    assert serving.asks("ads.example") == "0.0.0.0"

    filler.unlink()
    serving.home.run()
    assert not serving.control.problems() & {"lists_failing", "lists_not_compiled"}
    assert serving.asks("more.example") == "0.0.0.0"


def test_damaged_image_is_refused_and_the_one_before_blocks(serving: Serving) -> None:
    serving.home.run()
    image = serving.home.image_path
    good = image.read_bytes()
    for damaged in (good[:-1], b"", good[:100] + bytes([good[100] ^ 1]) + good[101:]):
        image.write_bytes(damaged)
        assert serving.control.post("/lists/reload").status == 422
        assert "blocking" in serving.problem("lists_unreadable")
        assert serving.asks("ads.example") == "0.0.0.0"
    image.unlink()
    serving.home.run()
    assert serving.problem("lists_unreadable") == ""
    assert serving.asks("ads.example") == "0.0.0.0"


def test_image_is_there_before_any_network(serving: Serving, binaries) -> None:
    serving.home.run()
    serving.process.kill()
    serving.home.host.ip("link set lo down", "link set lo up")
    again = Serving(serving.home, binaries["hearth-dns"])
    assert again.asks("ads.example") == "0.0.0.0"


def test_people_see_and_update_lists(serving: Serving, web: Server, binaries) -> None:
    web.pages["/list"] = b"||web.example^\n||page.example^$popup\na..b\n"
    serving.home.sources["web"] = web.url("/list")
    serving.home.write_document()
    serving.control.post("/reload")

    def hearth(*arguments: str, expect: int = 0) -> str:
        result = serving.home.host.run(
            [binaries["hearth"], *arguments, "--config", serving.home.document, "--run-dir", serving.home.directory],
            check=False)
        assert result.returncode == expect, result.stdout + result.stderr
        return result.stdout + result.stderr

    hearth("lists", "update", "--state-dir", str(serving.home.state))
    assert serving.asks("web.example") == "0.0.0.0"
    table = {line.split()[0]: line.split() for line in hearth("lists", "ls").splitlines()}
    assert table["LIST"] == ["LIST", "KIND", "STATE", "RULES", "SKIPPED", "INVALID", "AGE", "NEXT"]
    assert table["web"][1:6] == ["block", "ok", "1", "1", "1"]
    assert table["web"][-2] == "in" and table["ours"][-2:] == ["each", "run"]
    shown = hearth("lists", "ls", "web")
    assert web.url("/list") in shown
    assert "line 2: ||page.example^$popup  (has the modifier popup)" in shown
    assert "line 3: a..b  (not a domain name)" in shown
    assert [entry["name"] for entry in json.loads(hearth("lists", "ls", "--json"))] == ["ours", "web"]
    assert "no list other" in hearth("lists", "ls", "other", expect=1)

    web.pages["/list"] = b"||newer.example^\n"
    hearth("lists", "update", "web", "--state-dir", str(serving.home.state))
    assert serving.asks("newer.example") == "0.0.0.0"
    web.pages["/list"] = lambda handler: handler.reply(b"", 503)
    assert "older copies go on serving" in hearth(
        "lists", "update", "web", "--state-dir", str(serving.home.state), expect=1)
    assert "answered 503" in hearth("lists", "ls", "web", expect=1)

    state = ("--state-dir", str(serving.home.state))
    assert "no list of this name" in hearth("lists", "update", "wed", *state, expect=2)
    with (serving.home.state / "lists/lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = hearth("lists", "update", *state, expect=5)
    assert "another hearth-lists is running" in said and "older copies" not in said
