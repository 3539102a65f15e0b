"""What servers get wrong (RFC 8906 §8): each odd question gets the answer that its RFC wants, never silence.

The questions are those of the RFC's list, asked over UDP and TCP and over IPv4 and IPv6.
"""

import socket
import struct
from collections.abc import Callable

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from tests.dns.dns_house import DNS, House, question, wire_name
from tests.dns.test_names import DNS6, NamesHouse
from tests.lab.netns import Network

ZONE = "home"  # of which the server knows everything
OPT_FLAGS = 0x7FFF  # all of EDNS's flags but DO


@pytest.fixture(scope="module")
def house(network_of_module: Network, binaries) -> House:
    return NamesHouse(network_of_module, binaries["hearth-dns"]).document_with().start()


@pytest.fixture(scope="module")
def network_of_module():
    with Network() as network:
        yield network


Ask = Callable[[dns.message.Message], dns.message.Message]


@pytest.fixture(params=[("udp", DNS), ("tcp", DNS), ("udp", DNS6), ("tcp", DNS6)], ids=lambda p: f"{p[0]}-{p[1]}")
def ask(request, house: House) -> Ask:
    transport, server = request.param
    send = dns.query.udp if transport == "udp" else dns.query.tcp

    def asker(query: dns.message.Message) -> dns.message.Message:
        with house.client.entered():
            return send(query, server, timeout=10)

    return asker


def query(name: str = ZONE, qtype: str | int = "SOA", *, version: int = 0, **options) -> dns.message.Message:
    message = dns.message.make_query(name, qtype, **options)
    message.flags &= ~dns.flags.RD
    message.ednsflags |= version << 16
    return message


def flags_of(answer: dns.message.Message) -> set[str]:
    return set(dns.flags.to_text(answer.flags).split())


def test_8_1_1_does_the_server_know_the_zone(ask: Ask) -> None:
    answer = ask(query())
    assert answer.rcode() == dns.rcode.NOERROR and len(answer.answer) == 1 and answer.edns == -1
    assert "AA" in flags_of(answer) and not flags_of(answer) & {"AD", "TC"}


@pytest.mark.parametrize("qtype", [1000, 65280, 32768])
def test_8_1_2_unknown_types(ask: Ask, qtype: int) -> None:
    for name in (ZONE, "printer.home"):
        answer = ask(query(name, qtype))
        assert (answer.rcode(), answer.answer) == (dns.rcode.NOERROR, [])
        assert answer.authority[0].rdtype == dns.rdatatype.SOA and answer.question[0].rdtype == qtype


@pytest.mark.parametrize("bit", ["AD", "CD", "RD"])
def test_8_1_3_header_flags(ask: Ask, bit: str) -> None:
    asked = query()
    asked.flags |= dns.flags.from_text(bit)
    answer = ask(asked)
    assert answer.rcode() == dns.rcode.NOERROR and len(answer.answer) == 1
    assert "AD" not in flags_of(answer), "nothing here was validated"
    assert ("RD" in flags_of(answer)) == (bit == "RD")


def test_8_1_3_2_the_reserved_bit(ask: Ask) -> None:
    asked = query()
    asked.flags |= 0x0040
    answer = ask(asked)
    assert answer.rcode() == dns.rcode.NOERROR and len(answer.answer) == 1 and not answer.flags & 0x0040


def test_8_1_3_3_recursive_questions(ask: Ask) -> None:
    asked = query("printer.home", "A")
    asked.flags |= dns.flags.RD
    assert {"RD", "RA", "AA"} <= flags_of(ask(asked))


@pytest.mark.parametrize("server", [DNS, DNS6])
@pytest.mark.parametrize("opcode", [1, 2, 3, 6, 7, 15])
def test_8_1_4_unknown_opcodes(house: House, server: str, opcode: int) -> None:
    packet = struct.pack(">6H", 77, opcode << 11, 1, 0, 0, 0) + question(ZONE)[12:]
    with house.client.udp() as asker, house.client.connect(server, 53) as connection:
        asker.sendto(packet, (DNS, 53))
        connection.sendall(struct.pack(">H", len(packet)) + packet)
        for answer in (asker.recv(4096), connection.recv(4096)[2:]):
            number, flags, _, answers = struct.unpack(">4H", answer[:8])
            assert (number, flags & 15, flags >> 11 & 15, answers) == (77, dns.rcode.NOTIMP, opcode, 0)


def test_8_1_4_an_unknown_opcode_without_a_question(house: House) -> None:
    with house.client.udp() as asker:
        asker.sendto(struct.pack(">6H", 77, 15 << 11, 0, 0, 0, 0), (DNS, 53))
        answer = asker.recv(4096)
    assert struct.unpack(">HH", answer[:4])[0] == 77 and answer[3] & 15 == dns.rcode.NOTIMP


def test_8_1_5_tcp(house: House) -> None:
    with house.client.connect(DNS, 53) as connection:
        for number in (1, 2, 3):  # one connection carries several
            packet = question("printer.home", number=number)
            connection.sendall(struct.pack(">H", len(packet)) + packet)
        connection.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: connection.recv(4096), b""))
    numbers = set()
    while received:
        size = struct.unpack(">H", received[:2])[0]
        numbers.add(struct.unpack(">H", received[2:4])[0])
        received = received[2 + size :]
    assert numbers == {1, 2, 3}


@pytest.mark.parametrize("dnssec_ok", [False, True])
def test_8_2_1_minimal_edns(ask: Ask, dnssec_ok: bool) -> None:
    answer = ask(query(use_edns=0, payload=4096, want_dnssec=dnssec_ok))
    assert answer.rcode() == dns.rcode.NOERROR and len(answer.answer) == 1
    assert answer.edns == 0 and bool(answer.ednsflags & dns.flags.DO) == dnssec_ok and answer.payload >= 512


def test_8_2_2_edns_version_1(ask: Ask) -> None:
    answer = ask(query(use_edns=0, version=1))
    assert answer.rcode() == dns.rcode.BADVERS and answer.edns == 0 and answer.answer == []


@pytest.mark.parametrize("version", [0, 1])
def test_8_2_3_unknown_options(ask: Ask, version: int) -> None:
    answer = ask(query(use_edns=0, version=version, options=[dns.edns.GenericOption(65300, b"\xbe\xef"), dns.edns.GenericOption(100, b"")]))
    assert answer.rcode() == (dns.rcode.NOERROR if version == 0 else dns.rcode.BADVERS)
    assert len(answer.answer) == (1 if version == 0 else 0) and answer.edns == 0
    assert not {o.otype for o in answer.options} & {100, 65300}, "not echoed"


@pytest.mark.parametrize("version", [0, 1])
def test_8_2_4_unknown_edns_flags(ask: Ask, version: int) -> None:
    answer = ask(query(use_edns=0, version=version, ednsflags=OPT_FLAGS))
    assert answer.rcode() == (dns.rcode.NOERROR if version == 0 else dns.rcode.BADVERS)
    assert answer.edns == 0 and answer.ednsflags & OPT_FLAGS == 0


def test_8_2_6_truncated_answers_keep_opt(house: House) -> None:
    house.document_with('''    big: {txt: [%s]}''' % ", ".join(f'"{i:03}{"x" * 200}"' for i in range(20)))
    assert house.control.post("/reload").status == 200
    with house.client.entered():
        for payload, edns in ((512, 0), (1232, 0), (0, False)):
            asked = query("big.home", "TXT", use_edns=edns, payload=payload or None)
            for server in (DNS, DNS6):
                answer = dns.query.udp(asked, server, timeout=10)
                assert "TC" in flags_of(answer) and answer.answer == []
                assert answer.edns == (-1 if edns is False else 0)
                assert len(answer.to_wire()) <= 512
        assert len(dns.query.tcp(asked, DNS, timeout=10).answer[0]) == 20


@pytest.mark.parametrize("code,data", [(3, b""), (8, bytes.fromhex("00011800 0a0000")), (9, b""), (10, b"12345678"),
                                       (12, b"\0" * 32), (15, b"\0\0")],
                         ids=["nsid", "client-subnet", "expire", "cookie", "padding", "extended-error"])
def test_8_2_7_known_options(ask: Ask, code: int, data: bytes) -> None:
    answer = ask(query(use_edns=0, payload=1232, options=[dns.edns.GenericOption(code, data)]))
    assert answer.rcode() == dns.rcode.NOERROR and len(answer.answer) == 1 and answer.edns == 0


def test_options_that_do_not_fit_their_record_are_format_errors(house: House) -> None:
    bad = b"\0" + struct.pack(">HHIHHH", 41, 1232, 0, 4, 10, 99)
    packet = struct.pack(">6H", 5, 0, 1, 0, 0, 1) + wire_name("home") + struct.pack(">HH", 6, 1) + bad
    with house.client.udp() as asker:
        asker.sendto(packet, (DNS, 53))
        assert asker.recv(4096)[3] & 15 == dns.rcode.FORMERR


def test_two_opt_records_are_a_format_error(house: House) -> None:
    opt = b"\0" + struct.pack(">HHIH", 41, 1232, 0, 0)
    packet = struct.pack(">6H", 6, 0, 1, 0, 0, 2) + wire_name("home") + struct.pack(">HH", 6, 1) + opt * 2
    with house.client.udp() as asker:
        asker.sendto(packet, (DNS, 53))
        assert asker.recv(4096)[3] & 15 == dns.rcode.FORMERR


def test_names_that_are_none_of_ours_are_refused_without_recursion(ask: Ask) -> None:
    answer = ask(query("www.example", "A"))
    assert answer.rcode() == dns.rcode.REFUSED and answer.answer == []
