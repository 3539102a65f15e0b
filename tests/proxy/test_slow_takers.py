"""Who stops in the middle of a big body holds little of the kernel's memory: its sockets grow while all goes well."""

import contextlib
import re
import threading

from tests.lab.waiting import wait_until
from tests.proxy.house import ADDRESS, House, Peer, get

MIB, GIB = 1 << 20, 1 << 30
COUNT = 50
QUICKLY = 8 * MIB  # taken before it stops


def kernel_memory(house: House) -> tuple[int, int]:
    """What waits in the sockets of the proxy: received, and to be sent."""
    received = unsent = 0
    for line in house.host.run(["ss", "-OHtmnp"]).stdout.splitlines():
        if f"pid={house.daemon.pid}," in line and (sizes := re.search(r"skmem:\(r(\d+),.*?,w(\d+),", line)):
            received, unsent = received + int(sizes[1]), unsent + int(sizes[2])
    return received, unsent


def check(house: House, who: str) -> None:
    """When nothing moves any more."""
    seen: list[tuple[int, int]] = []

    def rests() -> bool:
        seen.append(kernel_memory(house))
        return len(seen) > 2 and seen[-1] == seen[-2] == seen[-3]

    wait_until(rests, 60, interval=0.2, what="nothing moves")
    received, unsent = (size / COUNT for size in seen[-1])
    print(f"for each {who}: {received / 1024:.0f} KiB received, {unsent / 1024:.0f} KiB to be sent")
    # Otherwise 4 MiB, by tcp_wmem. What is received grows by how fast it was taken before; no option bounds that.
    assert 0 < unsent < MIB


def pour(peer: Peer) -> None:
    """A body of a GiB, or what of it is taken until the other end closes."""
    octets = bytes(MIB)
    with contextlib.suppress(OSError):
        for _ in range(GIB // MIB):
            peer.send(octets)


def test_slow_readers(house):
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.connection.settimeout(None)
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % GIB)
        pour(peer)

    house.upstream(9000, script)
    house.start({"web": {"upstream": f"http://{ADDRESS}:9000"}}, workers=1)
    readers = [house.client() for _ in range(COUNT)]
    for reader in readers:
        reader.send(get())
    for reader in readers:
        taken = 0
        while taken < QUICKLY:
            taken += len(reader.connection.recv(MIB))
    check(house, "slow reader")
    house.close()
    for reader in readers:
        reader.close()


def test_slow_upstreams(house):
    stopped = threading.Semaphore(0)
    ended = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_head()
        taken = 0
        while taken < QUICKLY:
            taken += len(peer.connection.recv(MIB))
        stopped.release()
        ended.wait(60)

    house.upstream(9000, script)
    house.start({"web": {"upstream": f"http://{ADDRESS}:9000"}}, workers=1)
    senders = [house.client() for _ in range(COUNT)]

    for sender in senders:
        sender.connection.settimeout(60)
        sender.send(b"POST / HTTP/1.1\r\nHost: web\r\nContent-Length: %d\r\n\r\n" % GIB)
        threading.Thread(target=pour, args=(sender,), daemon=True).start()
    for _ in senders:
        assert stopped.acquire(timeout=60)
    check(house, "slow upstream")
    ended.set()
    house.close()
    for sender in senders:
        sender.close()
