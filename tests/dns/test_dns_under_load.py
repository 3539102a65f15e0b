"""hearth-dns keeps answering while what it serves is replaced under it."""

import struct
import threading
import time

import pytest

from tests.dns.dns_house import VIP, House, ScriptedUpstream, answer_a, question
from tests.lab.netns import Network

NAMES = ("immich.home", "x.ads.example", "www.example", "missing.home", "localhost")
IN_FLIGHT = 20


@pytest.fixture
def house(network: Network, binaries) -> House:
    return House(network, binaries["hearth-dns"])


class Asker(threading.Thread):
    """Asks without pause, IN_FLIGHT questions at a time, and counts those without an answer."""

    def __init__(self, house: House) -> None:
        super().__init__(daemon=True)
        self.asked = self.lost = 0
        self.ended = threading.Event()
        self._socket = house.client.udp(timeout=3)
        self._socket.connect((VIP, 53))

    def run(self) -> None:
        while not self.ended.is_set():
            waiting = set()
            for number in range(IN_FLIGHT):
                self._socket.send(question(NAMES[number % len(NAMES)], number=number))
                waiting.add(number)
            try:
                while waiting:
                    waiting.discard(struct.unpack(">H", self._socket.recv(4096)[:2])[0])
            except TimeoutError:
                pass
            self.asked += IN_FLIGHT
            self.lost += len(waiting)


def test_nothing_is_lost_while_document_and_lists_are_replaced(house: House) -> None:
    upstream = ScriptedUpstream(house.router, lambda p, peer, s: s.sendto(answer_a(p), peer))
    house.start()
    askers = [Asker(house) for _ in range(3)]
    for asker in askers:
        asker.start()
    end = time.monotonic() + 5
    rounds = 0
    while time.monotonic() < end:
        house.write(extra=f"  ttl: {rounds % 50 + 1}s\n  allow: [n{rounds}.example]")
        assert house.control.post("/reload").status == 200
        house.control.post("/lists/reload")
        rounds += 1
    for asker in askers:
        asker.ended.set()
    for asker in askers:
        asker.join()
    assert rounds >= 5
    assert sum(asker.asked for asker in askers) > 500
    assert [asker.lost for asker in askers] == [0, 0, 0]
    upstream.close()


def test_it_stops_at_once_under_load(house: House) -> None:
    upstream = ScriptedUpstream(house.router, lambda p, peer, s: None)
    house.start()
    asker = Asker(house)
    asker.start()
    with house.client.connect(VIP, 53) as stream:
        packet = question("slow.example")
        stream.sendall(struct.pack(">H", len(packet)) + packet)
        begin = time.monotonic()
        assert house.process.stop() == 0
        assert time.monotonic() - begin < 5
        try:
            assert stream.recv(1) == b""
        except ConnectionResetError:
            pass  # the question had not been read yet: as much of an end
    asker.ended.set()
    upstream.close()


def test_slow_tcp_clients_keep_nobody_waiting(house: House) -> None:
    house.start()
    slow = [house.client.connect(VIP, 53) for _ in range(60)]
    for stream in slow:
        try:
            stream.sendall(b"\0\x40half")
        except OSError:
            pass  # one client may have so many connections in each thread
    begin = time.monotonic()
    for _ in range(20):
        assert house.data("immich.home") == ["10.0.0.100"]
    assert time.monotonic() - begin < 10
    wide = house.dig("immich.home", "+tcp", "-b", "10.0.0.50")
    other = house.dig("immich.home", "+tcp", host=house.router)
    assert other.data == ["10.0.0.100"], wide.text
    for stream in slow:
        stream.close()
