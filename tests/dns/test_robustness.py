"""Whatever goes wrong around hearth-dns, local and blocked names are answered, and at once."""

import contextlib
import random
import resource
import socket
import statistics
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dns.dns_house import VIP, House, ScriptedUpstream, answer_a, question
from tests.dns.list_home import Home
from tests.lab.clock import clock_environment
from tests.lab.netns import Network
from tests.lab.waiting import wait_until

NAMES = ("immich.home", "ads.example", "printer.home", "x.ads.example")


@pytest.fixture
def house(network: Network, binaries) -> House:
    return House(network, binaries["hearth-dns"])


def probe(house: House, count: int = 400) -> float:
    """The median time of an answer to local and blocked names in ms; none may be missing."""
    times = []
    with house.client.udp(timeout=5) as sock:
        sock.connect((VIP, 53))
        for number in range(count):
            begin = time.perf_counter()
            sock.send(question(NAMES[number % len(NAMES)], number=number))
            while struct.unpack(">H", sock.recv(4096)[:2])[0] != number:
                pass
            times.append((time.perf_counter() - begin) * 1000)
    times.sort()
    print(f"local and blocked names: median {times[count // 2]:.2f} ms, p99 {times[count * 99 // 100]:.2f} ms")
    return statistics.median(times)


@contextlib.contextmanager
def small_disk(path: Path, size: str) -> Iterator[None]:
    path.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def test_a_full_disk(house: House) -> None:
    state = house.directory / "state"
    with small_disk(state, "512k"):
        house.start(dns="upstreams: [10.0.0.1]\n  query_log: {flush: 1s}")
        assert probe(house) < 5
        ballast = state / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb") as file:
            while True:
                file.write(b"x" * 4096)
                file.flush()
        assert probe(house) < 5
        wait_until(lambda: "kept in memory" in house.problem("query_log_not_written"), 30)
        assert probe(house) < 5
        assert house.control.status()["query_log"]["unwritten"] > 0
        # Room again: what was kept is written.
        ballast.unlink()
        wait_until(lambda: house.problem("query_log_not_written") == "", 60)
        assert house.process.stop() == 0


def test_a_disk_that_is_full_from_the_start(house: House) -> None:
    state = house.directory / "state"
    with small_disk(state, "8k"):
        house.start(dns="upstreams: [10.0.0.1]\n  query_log: {flush: 1s}")
        assert probe(house) < 5
        wait_until(lambda: house.problem("query_log_not_written"), 30)
        assert house.control.get("/queries?limit=3").json()["queries"] != []
        assert house.process.stop() == 0


def test_a_clock_that_stands_at_1970(house: House) -> None:
    house.write()
    upstream = ScriptedUpstream(house.router, lambda p, peer, s: s.sendto(answer_a(p), peer))
    environment = clock_environment(house.directory, FAKETIME="@1970-01-01 00:00:07")
    command = [house.program, "--config", house.document, "--run-dir", house.directory,
               "--state-dir", house.directory / "state"]
    house.process = house.dns.start(command, env=environment).wait_ready()
    assert probe(house) < 5
    assert house.data("www.example") == ["192.0.2.99"]
    (query,) = house.control.get("/queries?limit=1&name=www.example").json()["queries"]
    assert query["time_ms"] < 3_600_000
    assert house.control.get("/stats?from=0&to=3600000").json()["queries"] > 400
    assert house.process.stop() == 0
    # And then the clock is set: what was logged is still there.
    house.process = house.dns.start(command).wait_ready()
    assert house.control.get("/queries?limit=1&name=www.example").json()["queries"] == [query]
    upstream.close()


def test_upstreams_that_swallow_everything(house: House) -> None:
    upstream = ScriptedUpstream(house.router, lambda p, peer, s: None)
    house.start()
    ended = threading.Event()

    def flood() -> None:
        with house.client.udp(timeout=1) as sock:
            sock.connect((VIP, 53))
            number = 0
            while not ended.is_set():
                number += 1
                sock.send(question(f"n{number}.example", number=number % 0xffff + 1))
                if number % 20 == 0:  # no faster than it answers others
                    sock.send(question("printer.home", number=0))
                    with contextlib.suppress(TimeoutError):
                        while sock.recv(4096)[:2] != b"\0\0":
                            pass

    flooder = threading.Thread(target=flood)
    flooder.start()
    try:
        wait_until(lambda: house.control.metric("hearth_dns_waiting") > 100)
        assert probe(house) < 5
        wait_until(lambda: house.problem("upstream_dead"), 30)
        assert probe(house) < 5
    finally:
        ended.set()
        flooder.join()
        upstream.close()


def test_ten_thousand_slow_tcp_clients(house: House) -> None:
    wanted = 10_000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, wanted + 1000), hard))
    # One address may hold 32 connections in each thread: the clients have 190 of them.
    house.client.ip(*[f"address add 10.0.0.{i}/24 dev eth0" for i in range(60, 250)])
    house.start()
    clients: list[socket.socket] = []
    try:
        with house.client.entered():
            for number in range(wanted):
                sock = socket.socket()
                sock.setblocking(False)
                sock.bind((f"10.0.0.{60 + number % 190}", 0))
                with contextlib.suppress(BlockingIOError):
                    sock.connect((VIP, 53))
                clients.append(sock)
        for sock in clients:
            with contextlib.suppress(OSError):
                sock.send(b"\0")  # half of a length, and no more
        assert probe(house) < 5
        for sock in clients[::2]:
            with contextlib.suppress(OSError):
                sock.send(b"\x40")
        assert probe(house) < 5
        # Somebody who asks whole questions over TCP is still served.
        wait_until(lambda: house.dig("+tcp", "printer.home").data == ["10.0.0.40"], 30)
    finally:
        for sock in clients:
            sock.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_killed_at_any_time_of_a_rebuild(home: Home, binaries) -> None:
    """What is on the disk is the image before or the new one, and hearth-dns starts from it without a network."""
    chance = random.Random(3)
    source = home.directory / "many.txt"
    home.sources = {"many": str(source)}
    home.write_document()
    server = [binaries["hearth-dns"], "--config", home.document, "--state-dir", home.state, "--run-dir", home.directory]

    def names(word: str) -> str:
        return "".join(f"n{i}.{word}.example\n" for i in range(100_000))

    source.write_text(names("old"))
    assert home.host.run(home.command(), check=False).returncode == 0
    size = source.stat().st_size  # read twice, written as a copy, read again, and the image written
    seen = set()
    for number in range(24):
        source.write_text(names("new" if number % 2 == 0 else "old"))
        home.kill_after(home.host.start(home.command()), chance.randrange(6 * size))
        image = home.image()
        assert image.checksum_holds()
        verdicts = image.verdict("n7.old.example"), image.verdict("n7.new.example")
        assert sorted(verdicts) == ["", "block"]
        seen.add(verdicts)
        if number % 6 == 5:
            daemon = home.host.start(server).wait_ready()
            answers = [home.host.run(["dig", "@127.0.0.1", "-p", "5300", "+short", "+tries=1", name]).stdout.strip()
                       for name in ("n7.old.example" if verdicts[0] else "n7.new.example", "x.home")]
            assert answers == ["0.0.0.0", ""]
            assert daemon.stop() == 0
    assert len(seen) == 2  # some runs came to their end, and some did not
    assert home.host.run(home.command(), check=False).returncode == 0
    assert list((home.state / "lists").glob(".*")) == []
