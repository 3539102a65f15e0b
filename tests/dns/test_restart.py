"""The sockets stay open while hearth-dns restarts: what is asked meanwhile is answered afterwards."""

import pytest

from tests.dns.dns_house import VIP, House, question
from tests.lab.kept import KeptSockets
from tests.lab.netns import Network
from tests.lab.process import Process
from tests.lab.waiting import wait_until


@pytest.fixture
def house(network: Network, binaries) -> House:
    house = House(network, binaries["hearth-dns"])
    house.kept = KeptSockets()
    yield house
    house.kept.close()


def framed(packet: bytes) -> bytes:
    return len(packet).to_bytes(2) + packet


def test_who_asks_while_no_server_runs_is_answered_by_the_next_one(house: House) -> None:
    house.start()
    for end in (Process.stop, Process.kill):
        end(house.process)
        with house.client.udp(timeout=10) as asker, house.client.connect(VIP, 53) as stream:
            for number in range(50):
                asker.sendto(question("immich.home", number=number), (VIP, 53))
            stream.sendall(framed(question("immich.home", number=77)))
            house.start()
            numbers = {int.from_bytes(asker.recv(4096)[:2]) for _ in range(50)}
            assert numbers == set(range(50))
            stream.settimeout(10)
            assert stream.recv(4096)[2:4] == (77).to_bytes(2)


def test_sockets_that_nobody_reads_are_given_up(house: House) -> None:
    house.start(workers=2)
    wait_until(lambda: len(house.kept.names) == 8, what="UDP and TCP, VIP and node, twice")
    house.process.stop()
    house.start(workers=1)
    wait_until(lambda: [name[-1] for name in house.kept.names] == ["0"] * 4)
    assert [house.data("immich.home") for _ in range(20)] == [["10.0.0.100"]] * 20
    house.write(vip="10.0.0.54", workers=1)
    assert house.control.post("/reload").status == 200
    wait_until(lambda: "udp-10.0.0.54-53-0" in house.kept.names and f"udp-{VIP}-53-0" not in house.kept.names)
