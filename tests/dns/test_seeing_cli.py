"""`hearth queries`, `hearth stats` and `hearth tail dns` with filters, beside a running hearth-dns."""

import json

import pytest

from tests.dns.dns_house import CLIENT, House
from tests.lab.netns import Network


@pytest.fixture
def house(network: Network, binaries) -> House:
    return House(network, binaries["hearth-dns"]).start()


@pytest.fixture
def hearth(house: House, binaries):
    def command(*words: str, code: int = 0):
        ended = house.dns.run([binaries["hearth"], "--run-dir", house.directory, *words], check=False)
        assert ended.returncode == code, ended.stdout + ended.stderr
        return ended
    return command


def test_queries(house: House, hearth) -> None:
    for name in ("ads.example", "printer.home", "x.ads.example"):
        house.dig(name)
    lines = hearth("queries").stdout.splitlines()
    assert len(lines) == 3
    assert "x.ads.example NOERROR blocked (ads.example)" in lines[2]  # the newest is the last
    assert CLIENT in lines[0]
    assert "printer.home" in hearth("queries", "--reason", "local").stdout
    page = hearth("queries", "--blocked", "--limit", "1")
    assert "x.ads.example" in page.stdout
    older = page.stderr.split("--before ")[1].split()[0]
    assert " ads.example" in hearth("queries", "--blocked", "--before", older).stdout
    answer = json.loads(hearth("queries", "--json", "--suffix", "home").stdout)
    assert [query["name"] for query in answer["queries"]] == ["printer.home"]
    assert "type" in hearth("queries", "--type", "XYZ", code=2).stderr


def test_stats(house: House, hearth) -> None:
    for _ in range(3):
        house.dig("ads.example")
    house.dig("printer.home")
    for words in (["stats"], ["stats", "today"], ["stats", "7d"]):
        text = hearth(*words).stdout
        assert "4 queries, 3 blocked (75.0%)" in text
        assert "BLOCKED NAME" in text
        assert CLIENT in text
    assert json.loads(hearth("stats", "24h", "--json").stdout)["blocked"] == 3
    hearth("stats", "soon", code=2)


def test_tail_chooses(house: House, hearth, binaries) -> None:
    tail = house.dns.start([binaries["hearth"], "--run-dir", house.directory,
                            "tail", "dns", "--blocked", "--client", "10.0.0.0/24"], name="tail")
    while "x.ads.example" not in tail.log():
        house.dig("printer.home")
        house.dig("x.ads.example")
    tail.stop()
    assert "printer.home" not in tail.log()
    assert "colour" in hearth("tail", "dns", "--colour", "red", code=2).stderr
    assert "reason" in hearth("tail", "dns", "--reason", "whim", code=2).stderr
    hearth("tail", "log", "--blocked", code=2)
