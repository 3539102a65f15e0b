"""What hearth-dns tells of the questions it answered: pages, filters, totals, privacy, the database."""

import itertools
import json
import random
import re
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.dns.dns_house import CLIENT, VIP, House, ScriptedUpstream, answer_a, question
from tests.lab.netns import Network
from tests.lab.waiting import wait_until


@pytest.fixture
def house(network: Network, binaries) -> House:
    return House(network, binaries["hearth-dns"])


def keep(**settings: str) -> str:
    text = ", ".join(f"{key}: {value}" for key, value in settings.items())
    return f"upstreams: [10.0.0.1]\n  query_log: {{{text}}}"


def get(house: House, path: str) -> dict:
    answer = house.control.get(path)
    assert answer.status == 200, answer
    return answer.json()


def names(page: dict) -> list[str]:
    return [query["name"] for query in page["queries"]]


def ask(house: House, *asked: str) -> None:
    with house.client.udp(timeout=5) as sock:
        sock.connect((VIP, 53))
        for number, name in enumerate(asked):
            sock.send(question(name, number=number))
            sock.recv(4096)


@contextmanager
def following(house: House, topic: str) -> Iterator[Callable[[], dict]]:
    """Subscribed when it is entered; each call gives the next event."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(str(house.control.path))
        sock.sendall(f"GET /events?topic={topic} HTTP/1.1\r\nHost: hearth\r\n\r\n".encode())
        stream = sock.makefile("rb")
        assert b"200" in stream.readline()
        while stream.readline().strip():
            pass

        def following_event() -> dict:
            while not (line := stream.readline()).startswith(b"data:"):
                assert line, "the stream ended"
            return json.loads(line[5:])

        yield following_event


def written(house: House, last_id: int) -> bool:
    """All up to this one are gathered and on disk."""
    log = house.control.status()["query_log"]
    return log["last_id"] >= last_id and log["unwritten"] == 0


def numbered(begin: int, end: int) -> list[str]:
    return [f"n{i}.ads.example" for i in range(begin, end)]


def walk(house: House, path: str, limit: int = 7) -> list[str]:
    """All pages from the newest to the oldest."""
    found: list[str] = []
    page = get(house, f"{path}limit={limit}")
    while True:
        found += names(page)
        if "before" not in page:
            return found
        page = get(house, f"{path}limit={limit}&before={page['before']}")


def test_pages_go_from_memory_to_the_database_without_gap_or_repetition(house: House) -> None:
    house.start(dns=keep(flush="1s") + "\n  query_log_entries: 40")
    asked = numbered(0, 60)
    for part in range(0, 60, 10):
        ask(house, *asked[part : part + 10])
        wait_until(lambda: written(house, part + 10), deadline=30)
    assert walk(house, "/queries?") == asked[::-1]
    # The other way, from the oldest on.
    page = get(house, "/queries?after=0&limit=25")
    found = names(page)[::-1]
    while len(found) < 60:
        page = get(house, f"/queries?after={page['after']}&limit=25")
        found += names(page)[::-1]
    assert found == asked
    assert get(house, f"/queries?after={page['after']}")["queries"] == []
    # What comes later does not move a page.
    page = get(house, "/queries?limit=5")
    ask(house, "late.ads.example")
    assert names(get(house, f"/queries?limit=5&before={page['before']}")) == asked[50:55][::-1]


@pytest.mark.parametrize("where", ["memory", "disk"])
def test_filters(house: House, where: str) -> None:
    upstream = ScriptedUpstream(house.router, lambda p, peer, s: s.sendto(answer_a(p), peer))
    house.start(dns=keep(flush="1s") + ("\n  query_log_entries: 40" if where == "disk" else ""))
    ask(house, "ads.example", "x.ads.example", "www.example", "www.example", "printer.home", "nothere.home")
    assert house.dig("+tcp", "printer.home", "AAAA").rcode == "NOERROR"
    for last in (17, 27, 37, 47, 57):  # pushes the others out of a small memory
        ask(house, *["localhost"] * 10)
        wait_until(lambda: written(house, last), deadline=30)

    def found(query: str) -> list[str]:
        everything = walk(house, f"/queries?{query}&", limit=2)
        return [name for name in everything if name != "localhost"]

    assert found("name=ads.example") == ["ads.example"]
    assert found("suffix=ads.example") == ["x.ads.example", "ads.example"]
    assert found("suffix=example") == ["www.example", "www.example", "x.ads.example", "ads.example"]
    assert found("suffix=xample") == []
    assert found("reason=blocked") == ["x.ads.example", "ads.example"]
    assert found("reason=cached&suffix=www.example") == ["www.example"]
    assert found("list=ads.example&type=A") == ["x.ads.example", "ads.example"]
    assert found("type=AAAA") == ["printer.home"]
    assert found("proto=tcp") == ["printer.home"]
    assert found("rcode=nxdomain") == ["nothere.home"]
    assert found("upstream=10.0.0.1:53") == ["www.example"]
    assert found(f"client={CLIENT}&type=AAAA") == ["printer.home"]
    assert found("client=10.0.0.0/24&type=AAAA") == ["printer.home"]
    assert found("client=10.0.1.0/24") == []
    assert found("from=1h&type=AAAA") == ["printer.home"]
    assert found("to=1h") == []
    for bad in ("type=XYZ", "client=", "name=..", "before=x", "limit=0", "colour=red", "from=soon"):
        answer = house.control.get(f"/queries?{bad}")
        assert answer.status == 400, bad
        assert bad.split("=")[0] in answer.json()["error"]
    upstream.close()


def test_totals_series_and_tops(house: House) -> None:
    upstream = ScriptedUpstream(house.router, lambda p, peer, s: s.sendto(answer_a(p), peer))
    house.start(dns=keep(flush="1s"))
    ask(house, *["ads.example"] * 3, "x.ads.example", "www.example", "www.example", "printer.home")

    def check() -> None:
        stats = get(house, "/stats?from=1h")
        assert stats["queries"] == 7
        assert stats["blocked"] == 4
        assert stats["reasons"] == {"blocked": 4, "cached": 1, "forwarded": 1, "local": 1}
        assert sum(point["queries"] for point in stats["series"]) == 7
        assert sum(point["blocked"] for point in stats["series"]) == 4
        assert stats["blocked_names"] == [
            {"name": "ads.example", "queries": 3}, {"name": "x.ads.example", "queries": 1}]
        assert stats["names"] == [
            {"name": "www.example", "queries": 2}, {"name": "printer.home", "queries": 1}]
        assert stats["clients"] == [{"name": CLIENT, "queries": 7}]
        assert stats["upstreams"] == [{"name": "10.0.0.1:53", "queries": 1}]

    check()
    assert get(house, "/stats?from=2h&to=1h")["queries"] in (0, 7)  # a slot may reach into it
    assert house.process.stop() == 0
    house.start()
    check()
    assert house.control.get("/stats?from=1h&to=2h").status == 400
    upstream.close()


@pytest.mark.parametrize(("privacy", "client", "name"), [
    ("everything", CLIENT, "ads.example"), ("networks", "10.0.0.0", "ads.example"),
    ("names", None, "ads.example"), ("counts", None, None)])
def test_privacy(house: House, privacy: str, client: str | None, name: str | None) -> None:
    house.start(dns=keep(flush="1s", privacy=privacy))
    with following(house, "query") as following_event:
        ask(house, "ads.example")
        followed = following_event()
    (query,) = get(house, "/queries")["queries"]
    for one in (query, followed):
        assert (one.get("client"), one.get("name")) == (client, name)
        assert one["reason"] == "blocked"
    stats = get(house, "/stats")
    assert stats["queries"] == 1
    assert [one["name"] for one in stats["clients"]] == ([client] if client else [])
    assert [one["name"] for one in stats["blocked_names"]] == ([name] if name else [])
    assert house.process.stop() == 0
    stored = (house.directory / "state/queries.db").read_bytes()
    assert (CLIENT.encode() in stored) == (client == CLIENT)
    assert (b"example.ads" in stored) == (name is not None)


def test_nothing_is_kept_when_so_told(house: House) -> None:
    house.start(dns=keep(flush="1s", privacy="nothing"))
    ask(house, "ads.example")
    assert get(house, "/queries")["queries"] == []
    stats = get(house, "/stats")
    assert stats["queries"] == stats["blocked"] == 1
    assert stats["clients"] == stats["blocked_names"] == []


def test_it_is_written_on_stop_and_read_again(house: House) -> None:
    house.start(dns=keep(flush="1h"))
    asked = numbered(0, 30)
    ask(house, *asked)
    assert house.process.stop() == 0
    house.start()
    assert walk(house, "/queries?") == asked[::-1]
    assert "hearth_dns_query_log_bytes_written_total" in house.control.get("/metrics").text()


def test_in_memory_only(house: House) -> None:
    house.start(dns=keep(keep="0s"))
    ask(house, "ads.example")
    assert names(get(house, "/queries")) == ["ads.example"]
    assert house.process.stop() == 0
    assert not (house.directory / "state/queries.db").exists()


def test_old_ones_make_room(house: House) -> None:
    house.start(dns=keep(flush="1s", max_bytes="1MiB") + "\n  query_log_entries: 8000")
    pad = "x" * 60
    total = 0
    while total < 24_000:
        ask(house, *[f"n{total + i}.{pad}.{pad}.ads.example" for i in range(3000)])
        total += 3000
        wait_until(lambda: written(house, total), deadline=30)
    wait_until(lambda: house.control.status()["query_log"]["file_bytes"] <= (1 << 20) + 65536, deadline=30)
    size = (house.directory / "state/queries.db").stat().st_size
    assert size <= (1 << 20) + 65536
    assert len(walk(house, "/queries?", limit=5000)) < total


def break_database(house: House) -> None:
    path = house.directory / "state/queries.db"
    content = bytearray(path.read_bytes())
    for at in range(100, len(content), 7):
        content[at] ^= 0x5a
    path.write_bytes(content)


def test_a_broken_database_is_put_aside(house: House) -> None:
    house.start(dns=keep(flush="1s"))
    ask(house, *numbered(0, 20))
    assert house.process.stop() == 0
    break_database(house)
    house.start()
    ask(house, *numbered(20, 25))
    wait_until(lambda: "put aside" in house.problem("query_log_replaced"))
    assert (house.directory / "state/queries.db.broken").exists()
    wait_until(lambda: house.control.status()["query_log"]["where"] == "disk")
    wait_until(lambda: written(house, 5))
    assert names(get(house, "/queries")) == numbered(20, 25)[::-1]


def kill_while_writing(house: House, moved: int, last: int) -> None:
    """When it has written so many bytes more, or everything up to question `last`."""
    counters = Path(f"/proc/{house.process.pid}/io")

    def count() -> int:
        return int(re.search(r"wchar: (\d+)", counters.read_text())[1])

    begin = count()
    while count() - begin < moved and not written(house, last):
        pass
    house.process.kill()


def test_killed_at_any_time_it_starts_again_and_loses_only_what_was_not_written(house: House) -> None:
    chance = random.Random(7)
    house.start(dns=keep(flush="1s"))
    on_disk: list[str] = []
    number = itertools.count()
    for _ in range(5):
        fresh = [f"k{next(number)}.ads.example" for _ in range(chance.randrange(200, 1500))]
        ask(house, *fresh[: len(fresh) // 2])
        on_disk += fresh[: len(fresh) // 2]
        wait_until(lambda: written(house, len(on_disk)))
        ask(house, *fresh[len(fresh) // 2 :])
        kill_while_writing(house, chance.randrange(150_000), len(on_disk) + len(fresh) - len(fresh) // 2)
        house.start()
        found = walk(house, "/queries?", limit=5000)[::-1]
        assert house.problem("query_log_replaced") == ""
        # All that was written, in its order; of the rest a beginning.
        kept = set(found)
        assert [name for name in on_disk if name not in kept] == []
        rest = [name for name in fresh[len(fresh) // 2 :] if name in kept]
        assert rest == fresh[len(fresh) // 2 :][: len(rest)]
        on_disk += rest
        assert len(found) == len(kept)


def test_filtered_following(house: House) -> None:
    house.start()
    with following(house, "query%3Freason=blocked%26suffix=b.ads.example") as following_event:
        ask(house, "printer.home", "a.ads.example", "x.b.ads.example", "localhost", "y.b.ads.example")
        assert following_event()["name"] == "x.b.ads.example"
        assert following_event()["name"] == "y.b.ads.example"


def test_the_database_is_plain_sqlite(house: House) -> None:
    house.start(dns=keep(flush="1h"))
    ask(house, "ads.example")
    assert house.process.stop() == 0
    with sqlite3.connect(house.directory / "state/queries.db") as database:
        assert database.execute("SELECT text FROM name").fetchall() == [("example.ads",)]
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
