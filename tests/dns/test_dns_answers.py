"""hearth-dns as its clients see it, with a real resolver behind it."""

import json
import socket
import struct

import pytest

from tests.dns.dns_house import BIG, CLIENT, DNS, ROUTER, STRANGER, VIP, House, question
from tests.lab.netns import Network


@pytest.fixture
def house(network: Network, binaries) -> House:
    return House(network, binaries["hearth-dns"])


@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
@pytest.mark.parametrize("server", [VIP, DNS])
def test_local_names(house: House, transport: str, server: str) -> None:
    house.unbound()
    house.start()

    def ask(*arguments: str):
        return house.dig(transport, *arguments, server=server)

    for name in ("immich.home", "immich", "photos.home", "IMMICH.Home"):
        assert ask(name).data == ["10.0.0.100"], name
    assert ask("pi.home").data == [DNS]
    assert ask("printer.home").data == ["10.0.0.40"]
    assert ask("cluster.home").data == ["10.0.0.41", "10.0.0.42"]
    assert ask("any.thing.apps.home").data == ["10.0.0.43"]
    assert ask("-x", "10.0.0.40").data == ["printer.home."]
    assert ask("-x", "10.0.0.100").data == ["proxy.home."]
    assert ask("web.home").data == ["192.0.2.80", "www.example."]

    missing = ask("missing.home")
    assert (missing.rcode, missing.answers) == ("NXDOMAIN", [])
    assert missing.authority[0].startswith("home. 60 IN SOA dns.home.")
    nodata = ask("immich.home", "AAAA")
    assert (nodata.rcode, nodata.answers, len(nodata.authority)) == ("NOERROR", [], 1)
    assert ask("home", "SOA").flags >= {"qr", "aa", "rd", "ra"}
    assert ask("-x", "10.9.9.9").rcode == "NXDOMAIN"
    assert ask("x.test").rcode == "NXDOMAIN"


def test_answers_come_from_the_address_that_was_asked(house: House) -> None:
    house.start()
    for server in (VIP, DNS):
        with house.client.udp() as asker:
            asker.sendto(question("immich.home"), (server, 53))
            assert asker.recvfrom(4096)[1] == (server, 53)


def test_forwarded_names(house: House) -> None:
    house.unbound()
    house.start(dns=f"upstreams: [{ROUTER}]\n  forward: [{{zones: [lan, 0.0.10.in-addr.arpa], to: [{ROUTER}]}}]")
    assert house.data("www.example") == ["192.0.2.80"]
    assert house.data("www.example", "AAAA") == ["2001:db8::80"]
    assert house.data("laptop.lan") == ["10.0.0.60"]
    assert house.data("-x", "10.0.0.60") == ["laptop.lan."], "the router owns the rest of the reverse zone"
    assert house.data("-x", "10.0.0.40") == ["printer.home."], "but not ours"
    missing = house.dig("missing.example")
    assert missing.rcode == "NXDOMAIN" and "SOA" in missing.authority[0]
    assert "aa" not in missing.flags


def test_blocked_names(house: House) -> None:
    house.unbound()
    house.start()
    for name in ("ads.example", "x.ads.example"):
        answer = house.dig(name)
        assert answer.data == ["0.0.0.0"]
        assert "EDE: 15 (Blocked)" in answer.text
    assert house.data("ads.example", "AAAA") == ["::"]
    assert house.dig("ads.example", "HTTPS").authority
    house.write(extra="  answer: nxdomain\n  ttl: 30s")
    assert house.control.post("/reload").status == 200
    answer = house.dig("ads.example")
    assert answer.rcode == "NXDOMAIN" and " 30 IN SOA" in answer.authority[0]
    house.write(extra="  allow: [ads.example]")
    assert house.control.post("/reload").status == 200
    assert house.data("ads.example") == ["192.0.2.66"]


def test_large_answers_take_tcp_on_both_sides(house: House) -> None:
    house.unbound(max_udp_size=512, extra=BIG)
    house.start()
    udp = house.dig("big.example", "TXT", "+ignore", "+notcp")
    assert "tc" in udp.flags and not udp.answers
    assert len(house.dig("big.example", "TXT").answers) == 40
    assert len(house.dig("big.example", "TXT", "+tcp", "+noedns").answers) == 40


def test_edns_is_exact(house: House) -> None:
    house.start()
    assert "OPT PSEUDOSECTION" not in house.dig("immich.home", "+noedns").text
    assert "udp: 1232" in house.dig("immich.home", "+edns=0").text
    version = house.dig("immich.home", "+edns=1", "+noednsnegotiation")
    assert version.rcode == "BADVERS" and not version.answers
    assert house.data("immich.home", "+ednsopt=65001:beef") == ["10.0.0.100"]
    assert house.dig("immich.home", "+opcode=status").rcode == "NOTIMP"
    assert house.dig("home", "AXFR").answers == []
    assert house.dig("version.bind", "TXT", "CH").rcode == "REFUSED"


def test_no_open_resolver(house: House) -> None:
    house.unbound()
    house.start()
    for name in ("immich.home", "www.example"):
        for transport in ("+tcp", "+notcp"):
            answer = house.dig("-b", STRANGER, transport, name, server=DNS)
            assert (answer.rcode, answer.answers) == ("REFUSED", []), (name, transport)
    house.write(extra="", dns=f"upstreams: [{ROUTER}]\n  clients: [203.0.113.0/24]")
    assert house.control.post("/reload").status == 200
    assert house.dig("-b", STRANGER, "www.example", server=DNS).data == ["192.0.2.80"]
    assert house.dig("www.example", server="127.0.0.1", host=house.dns).rcode == "", "no wildcard bind"


def test_malformed_packets_change_nothing(house: House) -> None:
    house.start()
    good = question("immich.home")
    with house.client.udp(timeout=1) as asker:
        asker.connect((VIP, 53))
        for size in range(len(good)):
            asker.send(good[:size])
        for at in range(len(good)):
            for value in (0x00, 0x3F, 0xC0, 0xFF):
                asker.send(good[:at] + bytes([value]) + good[at + 1 :])
        asker.send(b"\xff" * 4096)
        asker.send(good + b"\0" * 1000)
    assert house.data("immich.home") == ["10.0.0.100"]
    assert house.process.alive()
    with house.client.connect(VIP, 53) as stream:
        stream.sendall(struct.pack(">H", 3) + b"abc")
        assert stream.recv(100) == b"", "what is no message ends the connection"
    with house.client.connect(VIP, 53) as stream:
        stream.sendall(struct.pack(">H", 0xFFFF) + b"x" * 1000)
    assert house.data("immich.home") == ["10.0.0.100"]


def test_reload_is_all_or_nothing(house: House) -> None:
    house.start()
    before = house.control.status()["config"]["hash"]
    good = house.document.read_text()
    house.document.write_text(good.replace("printer: 10.0.0.40", "printer: 10.0.0.999"))
    reply = house.control.post("/reload")
    assert reply.status == 422 and "10.0.0.999" in reply.json()["error"]
    status = house.control.status()
    assert status["config"]["stale"] and status["config"]["hash"] == before
    assert house.problem("config_rejected")
    assert house.data("printer.home") == ["10.0.0.40"]

    house.document.write_text(good.replace("printer: 10.0.0.40", "printer: 10.0.0.77"))
    assert house.control.post("/reload").status == 200
    assert house.data("printer.home") == ["10.0.0.77"]
    assert house.control.problems() == {"lists_missing"} - {"lists_missing"}


def test_why_queries_and_events(house: House) -> None:
    house.unbound()
    house.start()

    def why(name: str) -> dict:
        return house.control.get(f"/why?name={name}").json()

    assert why("x.ads.example")["verdict"] == "blocked"
    assert why("x.ads.example")["rule"] == "ads.example"
    assert why("immich")["verdict"] == "local" and why("immich")["addresses"] == ["10.0.0.100"]
    assert why("www.example")["upstreams"] == [f"{ROUTER}:53"]
    assert why("x.onion")["verdict"] == "special"
    assert house.control.get("/why").status == 400

    house.dig("immich.home")
    house.dig("www.example")
    house.dig("ads.example", "+tcp")
    newest = house.control.get("/queries?limit=3").json()["queries"]
    assert [(q["name"], q["reason"], q["client"], q["transport"]) for q in newest] == [
        ("ads.example", "blocked", CLIENT, "tcp"),
        ("www.example", "forwarded", CLIENT, "udp"),
        ("immich.home", "local", CLIENT, "udp"),
    ]
    metrics = house.control.get("/metrics").text()
    assert 'hearth_dns_responses_total{rcode="NOERROR",reason="blocked"} 1' in metrics
    assert 'hearth_dns_requests_total{proto="tcp",type="A"} 1' in metrics

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.settimeout(10)
        stream.connect(str(house.control.path))
        stream.sendall(b"GET /events?topic=query HTTP/1.1\r\nHost: x\r\n\r\n")
        seen = stream.recv(4096)
        assert b"200" in seen.split(b"\r\n")[0]
        while b"photos.home" not in seen:
            house.dig("photos.home")
            seen += stream.recv(4096)
    line = next(line for line in seen.decode().splitlines() if "photos.home" in line)
    assert json.loads(line.removeprefix("data: "))["reason"] == "local"


def test_networks_this_machine_is_in_are_served(house: House) -> None:
    house.dns.ip("address add 172.20.0.2/24 dev eth0")
    house.client.ip("address add 172.20.0.50/24 dev eth0", "address add 172.21.0.50/24 dev eth0")
    house.dns.ip("route add 172.21.0.0/24 dev eth0")
    house.start()
    assert house.dig("-b", "172.20.0.50", "immich.home").data == ["10.0.0.100"]
    assert house.dig("-b", "172.21.0.50", "immich.home").rcode == "REFUSED", "routed, but not ours"
