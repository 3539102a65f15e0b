"""hearth-dns and upstreams that are slow, dead, wrong, or itself."""

import concurrent.futures
import contextlib
import itertools
import struct
import time

import dns.edns
import dns.message
import pytest

from tests.dns.dns_house import (DNS, ROUTER, VIP, House, ScriptedUpstream, answer_a, name_in,
                                 question, wire_name)
from tests.lab.netns import Network
from tests.lab.unbound import start_unbound
from tests.lab.waiting import wait_until


@pytest.fixture
def house(network: Network, binaries) -> House:
    return House(network, binaries["hearth-dns"])


def ask(house: House, name: str, number: int = 7, timeout: float = 10) -> bytes:
    with house.client.udp(timeout=timeout) as asker:
        asker.sendto(question(name, number=number), (VIP, 53))
        return asker.recv(4096)


def test_equal_questions_are_asked_once_per_worker(house: House) -> None:
    waiting: list[tuple] = []
    upstream = ScriptedUpstream(house.router, lambda packet, peer, sock: waiting.append((packet, peer, sock)))
    house.start()
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        asked = [pool.submit(ask, house, "slow.example", n) for n in range(40)]
        wait_until(lambda: len(waiting) >= 1)
        wait_until(lambda: house.control.metric("hearth_dns_waiting") == 40)
        for packet, peer, sock in list(waiting):
            sock.sendto(answer_a(packet), peer)
        answers = [future.result() for future in asked]
    assert {struct.unpack(">H", answer[:2])[0] for answer in answers} == set(range(40))
    assert len(upstream.names) <= 4, "at most once per worker, and once more if one was slow"
    upstream.close()


def test_negative_and_positive_answers_are_cached(house: House) -> None:
    def script(packet: bytes, peer, sock) -> None:
        if name_in(packet) == "yes.example":
            sock.sendto(answer_a(packet), peer)
            return
        end = packet.index(b"\0", 12) + 5
        soa = (b"\xc0\x0c" + struct.pack(">HHIH", 6, 1, 300, 22) + b"\0\0" + struct.pack(">5I", 1, 2, 3, 4, 60))
        sock.sendto(packet[:2] + struct.pack(">5H", 0x8183, 1, 0, 1, 0) + packet[12:end] + soa, peer)

    upstream = ScriptedUpstream(house.router, script)
    house.start(dns=f"upstreams: [{ROUTER}]\n  cache_size: 1MiB")
    for _ in range(8):
        assert house.data("yes.example") == ["192.0.2.99"]
        assert house.dig("no.example").rcode == "NXDOMAIN"
    assert upstream.names.count("yes.example") <= 2, "once per worker"
    assert upstream.names.count("no.example") <= 2
    upstream.close()


def cookie_in(packet: bytes) -> bytes:
    """The data of the COOKIE option of a question without other sections than the OPT's."""
    at = packet.index(b"\0", 12) + 5 + 11
    while at + 4 <= len(packet):
        code, size = struct.unpack(">HH", packet[at : at + 4])
        if code == 10:
            return packet[at + 4 : at + 4 + size]
        at += 4 + size
    return b""


def with_cookie(answer: bytes, cookie: bytes, rcode: int = 0) -> bytes:
    option = struct.pack(">HH", 10, len(cookie)) + cookie
    opt = b"\0" + struct.pack(">HHBBHH", 41, 1232, rcode >> 4, 0, 0, len(option)) + option
    return answer[:3] + bytes([answer[3] | rcode & 15]) + answer[4:10] + b"\0\1" + answer[12:] + opt


def test_wrong_answers_are_dropped(house: House) -> None:
    def script(packet: bytes, peer, sock) -> None:
        forged = answer_a(packet, "192.0.2.66")
        size = len(wire_name(name_in(packet)))
        hostile = {
            "unexpected": [bytes([packet[0] ^ 1]) + forged[1:]],
            "question": [answer_a(packet[:13] + b"evil" + packet[17:], "192.0.2.66")],
            "malformed": [packet, b"", b"x", forged[:-2], forged[:20],
                          forged[:12] + b"\xc0\x0c" + forged[12 + size :],
                          forged[: 12 + size + 4] + b"\xc0" + bytes([12 + size + 4]) + forged[12 + size + 6 :],
                          forged[:6] + b"\xff\xff" + forged[8:]],
            "oversize": [forged + bytes(1232), forged + bytes(9000)],
            "cookie": [with_cookie(forged, bytes(16)), with_cookie(forged, cookie_in(packet)[:8])],
        }
        for reason, packets in hostile.items():
            for one in packets:
                sock.sendto(one, peer)
                sent[reason] = sent.get(reason, 0) + 1
        elsewhere = house.router.udp(ROUTER, 0)
        elsewhere.sendto(forged, peer)  # another port: the kernel keeps it from us
        elsewhere.close()
        sock.sendto(answer_a(packet), peer)

    sent: dict[str, int] = {}
    upstream = ScriptedUpstream(house.router, script)
    house.start(workers=1)
    for n in range(3):
        assert house.data(f"good{n}.example") == ["192.0.2.99"]
    for reason, count in sent.items():
        assert house.control.metric("hearth_dns_upstream_mismatched_total", reason=reason) == count, reason
        assert house.control.status()["dropped_answers"][reason] == count
    upstream.close()


def test_cookies_are_given_and_given_back(house: House) -> None:
    """RFC 7873 §5: BADCOOKIE is asked again, an answer without one who gave one before is not believed."""
    theirs = b"server-1"
    seen: list[bytes] = []

    def script(packet: bytes, peer, sock) -> None:
        cookie = cookie_in(packet)
        seen.append(cookie)
        if cookie[8:] != theirs:
            sock.sendto(with_cookie(answer_a(packet, "192.0.2.66"), cookie[:8] + theirs, 23), peer)
        elif name_in(packet).startswith("forged"):
            sock.sendto(answer_a(packet, "192.0.2.66"), peer)
        else:
            sock.sendto(with_cookie(answer_a(packet), cookie), peer)

    upstream = ScriptedUpstream(house.router, script)
    house.start(workers=1)
    for n in range(4):
        assert house.data(f"n{n}.example") == ["192.0.2.99"]
    assert len(seen[0]) == 8 and seen[1] == seen[0] + theirs
    assert len(set(seen[1:])) == 1, "one of ours for one server"
    answer = house.dig("forged.example")
    assert "192.0.2.66" not in answer.text, "asked over TCP, where nobody listens"
    assert house.control.metric("hearth_dns_upstream_mismatched_total", reason="cookie") == 1
    upstream.close()


def test_upstreams_are_told_of_one_network_for_everybody_and_only_when_wanted(house: House) -> None:
    """RFC 7871: what a client says of itself goes no further."""
    subnets: list[list] = []

    def script(packet: bytes, peer, sock) -> None:
        options = dns.message.from_wire(packet).options
        subnets.append([option.to_text() for option in options if option.otype == dns.edns.ECS])
        sock.sendto(answer_a(packet), peer)

    upstream = ScriptedUpstream(house.router, script)
    house.start(workers=1)
    assert house.data("+subnet=192.0.2.0/24", "one.example") == ["192.0.2.99"]
    house.write(dns=f"upstreams: [{ROUTER}]\n  client_subnet: 198.18.7.0/24", workers=1)
    assert house.control.post("/reload").status == 200
    assert house.data("two.example") == house.data("+subnet=192.0.2.0/24", "three.example") == ["192.0.2.99"]
    assert subnets == [[], ["ECS 198.18.7.0/24 scope/0"], ["ECS 198.18.7.0/24 scope/0"]]
    upstream.close()


def test_a_dead_upstream_is_left_alone_and_taken_back(house: House) -> None:
    house.unbound()
    house.router.ip("address add 10.0.0.3/24 dev eth0")
    house.start(dns=f"upstreams: [10.0.0.3, {ROUTER}]")
    slow = 0
    for i in range(30):
        begin = time.monotonic()
        assert house.dig(f"n{i}.example").rcode == "NXDOMAIN"
        slow += time.monotonic() - begin > 0.3
    assert slow <= 12, "a few questions find out, the others do not wait"

    def dead() -> bool:
        house.dig(f"n{time.monotonic_ns()}.example")
        return "10.0.0.3:53" in house.problem("upstream_dead")

    wait_until(dead, 30)
    upstream = ScriptedUpstream(house.router, lambda p, peer, s: s.sendto(answer_a(p), peer), "10.0.0.3")

    def back() -> bool:
        house.dig(f"n{time.monotonic_ns()}.example")
        return not house.problem("upstream_dead")

    wait_until(back, 30)
    upstream.close()


def test_without_any_upstream_local_names_go_on(house: House) -> None:
    house.start()
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(ask, house, f"n{n}.example") for n in range(20)]
        wait_until(lambda: house.control.metric("hearth_dns_waiting") > 0)
        for _ in range(20):
            begin = time.monotonic()
            assert ask(house, "immich.home")[3] & 15 == 0
            assert time.monotonic() - begin < 0.2
        assert {future.result()[3] & 15 for future in asked} == {2}
    answer = house.dig("other.example")
    assert answer.rcode == "SERVFAIL" and "EDE: 22" in answer.text
    wait_until(lambda: f"{ROUTER}:53" in house.problem("upstream_dead"))


def forwards_back(packet: bytes, peer, sock) -> None:
    """A router as dnsmasq would be: the question goes on as it is, under another ID."""
    with sock.dup() as sender:
        sender.sendto(bytes([packet[0] ^ 0x55]) + packet[1:], (VIP, 53))


def test_a_router_that_asks_us_is_found_out(house: House) -> None:
    relayed: dict[bytes, tuple] = {}

    def script(packet: bytes, peer, sock) -> None:
        if packet[2] & 0x80:  # our answer to the router's question: back to who asked the router
            identity, asker = relayed.pop(packet[12:], (None, None))
            if asker:
                sock.sendto(identity + packet[2:], asker)
            return
        relayed[packet[12 : packet.index(b"\0", 12) + 5]] = (packet[:2], peer)
        forwards_back(packet, peer, sock)

    upstream = ScriptedUpstream(house.router, script)
    house.start()
    for i in range(10):
        answer = house.dig(f"n{i}.example")
        assert answer.rcode == "SERVFAIL", answer.text
    wait_until(lambda: ROUTER in house.problem("forwarding_loop"))
    assert "another upstream" in house.problem("forwarding_loop")
    assert len(upstream.names) < 40, "nothing circles"
    assert house.data("immich.home") == ["10.0.0.100"]
    upstream.close()


def test_a_loop_through_a_real_resolver_is_found_out(house: House) -> None:
    # unbound makes its own OPT record, so our tag does not come back.
    start_unbound(house.router, f"""
  interface: {ROUTER}
forward-zone:
  name: "."
  forward-addr: {VIP}
""")
    house.start()

    def found() -> bool:
        house.dig(f"n{time.monotonic_ns()}.example", "+time=1")
        return ROUTER in house.problem("forwarding_loop")

    wait_until(found, 30)
    begin = time.monotonic()
    answer = house.dig("last.example")
    assert answer.rcode == "SERVFAIL" and "loop" in answer.text
    assert time.monotonic() - begin < 1
    assert house.data("immich.home") == ["10.0.0.100"]


def test_tcp_answers_come_as_they_are_ready(house: House) -> None:
    waiting: list[tuple] = []
    upstream = ScriptedUpstream(house.router, lambda packet, peer, sock: waiting.append((packet, peer, sock)))
    house.start()

    def framed(name: str, number: int) -> bytes:
        packet = question(name, number=number)
        return struct.pack(">H", len(packet)) + packet

    def read(stream) -> int:
        size, = struct.unpack(">H", stream.recv(2, 0x100))
        return struct.unpack(">H", stream.recv(size, 0x100)[:2])[0]

    with house.client.connect(VIP, 53) as stream:
        stream.sendall(framed("slow.example", 1) + framed("immich.home", 2) + framed("printer.home", 3)[:5])
        assert read(stream) == 2
        stream.sendall(framed("printer.home", 3)[5:])
        assert read(stream) == 3
        wait_until(lambda: waiting)
        packet, peer, sock = waiting[0]
        sock.sendto(answer_a(packet), peer)
        assert read(stream) == 1
    upstream.close()


def test_a_listed_port_in_use_is_said_and_tried_again(house: House) -> None:
    holder = house.dns.udp(VIP, 53)
    house.start()
    assert house.problem("listen_failed").startswith(f"{VIP}:53"), house.problem("listen_failed")
    assert house.control.get("/health").status == 503
    assert house.dig("immich.home", server=DNS).data == ["10.0.0.100"], "the other address serves"
    holder.close()
    wait_until(lambda: not house.problem("listen_failed"))
    assert house.data("immich.home") == ["10.0.0.100"]
    assert house.control.get("/health").status == 200


def test_starts_without_network_and_with_a_broken_image(house: House) -> None:
    image = house.directory / "state/lists/compiled.hbl"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"HEARTHBL" + b"\0" * 500)
    house.dns.ip("link set eth0 down", f"address del {VIP}/32 dev lo")
    house.start(extra="  lists: {ours: {file: nowhere.txt}}")
    assert "compiled.hbl" in house.problem("lists_unreadable")
    house.dns.ip("link set eth0 up", f"address add {VIP}/32 dev lo")
    assert house.data("immich.home") == ["10.0.0.100"]
    assert house.data("ads.example") == ["0.0.0.0"]


def test_a_stale_answer_stands_in_while_the_upstream_is_dead(house: House) -> None:
    upstream = ScriptedUpstream(house.router, lambda p, peer, s: s.sendto(answer_a(p).replace(
        struct.pack(">I", 300), struct.pack(">I", 1)), peer))
    house.start()
    for _ in range(12):  # each worker has a cache of its own
        assert house.data("kept.example") == ["192.0.2.99"]
    upstream.close()

    def stale() -> bool:
        answer = house.dig("kept.example")
        assert answer.rcode == "NOERROR" and answer.data == ["192.0.2.99"], answer.text
        return "EDE: 3 (Stale Answer)" in answer.text

    wait_until(stale, 30)
    assert house.control.metric("hearth_dns_cache_stale_total") > 0
    assert house.dig("never.example").rcode == "SERVFAIL"
    back = ScriptedUpstream(house.router, lambda p, peer, s: s.sendto(answer_a(p, "192.0.2.1"), peer))
    wait_until(lambda: house.data("kept.example") == ["192.0.2.1"], 60)
    back.close()


def test_what_is_asked_often_does_not_expire(house: House) -> None:
    upstream = ScriptedUpstream(house.router, lambda p, peer, s: s.sendto(answer_a(p).replace(
        struct.pack(">I", 300), struct.pack(">I", 10)), peer))
    house.start()

    def prefetched() -> bool:
        assert house.data("busy.example") == ["192.0.2.99"]
        return house.control.metric("hearth_dns_cache_prefetches_total") > 0

    wait_until(prefetched, 60)
    upstream.close()


def test_an_upstream_may_write_names_as_it_likes(house: House) -> None:
    upstream = ScriptedUpstream(house.router, lambda p, peer, s: s.sendto(
        answer_a(p[:12] + wire_name(name_in(p)) + p[12 + len(wire_name(name_in(p))):]), peer))
    house.start()
    for n in range(10):
        assert house.data(f"lower-{n}.example") == ["192.0.2.99"]
    assert 11 <= len(upstream.names) <= 14, "each worker finds out once"
    upstream.close()


def test_an_answer_in_other_letters_is_a_forgery(house: House) -> None:
    def script(packet: bytes, peer, sock) -> None:
        if name_in(packet).startswith("forged"):
            size = len(wire_name(name_in(packet)))
            sock.sendto(answer_a(packet[:12] + packet[12:12 + size].swapcase() + packet[12 + size:],
                                 "192.0.2.66"), peer)
        sock.sendto(answer_a(packet), peer)

    upstream = ScriptedUpstream(house.router, script)
    house.start()
    for n in range(12):
        assert house.data(f"honest-{n}.example") == ["192.0.2.99"]
    before = house.control.metric("hearth_dns_upstream_mismatched_total", reason="letters")
    for n in range(4):
        assert house.data(f"forged-{n}.example") == ["192.0.2.99"]
    assert house.control.metric("hearth_dns_upstream_mismatched_total", reason="letters") == before + 4
    upstream.close()


def test_the_greedy_are_refused_and_others_are_answered(house: House) -> None:
    """Thousands of questions at once to an upstream that answers one name only: memory is the limit, and its half is
    left for others."""
    def script(packet: bytes, peer, sock) -> None:
        if name_in(packet).startswith("quick"):
            sock.sendto(answer_a(packet), peer)

    upstream = ScriptedUpstream(house.router, script)
    house.start(dns=f"upstreams: [{ROUTER}]\n  waiting_memory: 2MiB", workers=1)
    numbers = itertools.count()
    most_waiting = 0.0

    def is_refused() -> bool:
        """More than fit at once. On a slow machine the upstream may be found to be dead before, when all fail: then again."""
        nonlocal most_waiting
        refused = 0
        with house.client.udp(timeout=1) as greedy:
            greedy.connect((VIP, 53))
            for number in itertools.islice(numbers, 2_400):
                greedy.send(question(f"n{number}.slow.example", number=number & 0xFFFF))
            wait_until(lambda: house.data("immich.home") == ["10.0.0.100"], what="the end of the burst")
            most_waiting = max(most_waiting, house.control.metric("hearth_dns_waiting"))
            # Asked again where it is dead by now.
            wait_until(lambda: house.dig("quick.example", host=house.router, server=DNS).data == ["192.0.2.99"])
            with contextlib.suppress(TimeoutError):
                while True:
                    refused += greedy.recv(4096)[3] & 15 == 5
        return refused > 0 and most_waiting > 500

    wait_until(is_refused, 60)
    assert house.control.metric("hearth_dns_responses_total", reason="limited") > 0
    wait_until(lambda: house.control.metric("hearth_dns_waiting") == 0, 60)
    upstream.close()
