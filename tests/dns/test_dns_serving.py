"""How clients reach hearth-dns: TCP, TLS, HTTPS, a proxy's hop; what their EDNS options get them."""

import base64
import socket
import ssl
import struct
import time
from collections.abc import Callable
from pathlib import Path

import dns.message
import dns.query
import dns.rdatatype
import h2.config
import h2.connection
import h2.events
import pytest

from tests.dns.dns_house import CLIENT, DNS, STRANGER, VIP, House, ScriptedUpstream, answer_a, question
from tests.lab.netns import Network, run
from tests.lab.waiting import wait_until

TLS = "tls: {certificate: dns.pem, key: dns.key, name: dns.home}"
DNS6, CLIENT6, STRANGER6 = "fd00:53::2", "fd00:53::50", "2001:db8:bad::9"
MESSAGE = "application/dns-message"


def make_certificate(directory: Path, name: str = "dns.home", stem: str = "dns") -> None:
    """A certificate that is its own authority; both files appear at once, as a careful renewer does it."""
    new = directory / "new"
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-days", "30", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},IP:{VIP},IP:{DNS}",
         "-keyout", f"{new}.key", "-out", f"{new}.pem"])
    Path(f"{new}.key").rename(directory / f"{stem}.key")
    Path(f"{new}.pem").rename(directory / f"{stem}.pem")


@pytest.fixture
def house(network: Network, binaries) -> House:
    house = House(network, binaries["hearth-dns"])
    house.dns.ip(f"address add {DNS6}/64 dev eth0 nodad", f"route add {STRANGER6}/128 via {CLIENT6}")
    house.client.ip(f"address add {CLIENT6}/64 dev eth0 nodad", f"address add {STRANGER6}/128 dev lo")
    make_certificate(house.directory)
    house.start(dns=TLS)
    return house


def whole(stream: socket.socket) -> bytes:
    """The next message of a stream."""
    def exactly(count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = stream.recv(count - len(data))
            assert part, "the connection ended"
            data += part
        return data
    return exactly(struct.unpack(">H", exactly(2))[0])


def framed(message: bytes) -> bytes:
    return struct.pack(">H", len(message)) + message


def number_of(message: bytes) -> int:
    return struct.unpack(">H", message[:2])[0]


def trusting(house: House, *protocols: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(house.directory / "dns.pem"))
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def tls(house: House, port: int, *protocols: str, server: str = VIP) -> ssl.SSLSocket:
    plain = house.client.connect(server, port)
    return trusting(house, *protocols).wrap_socket(plain, server_hostname="dns.home")


def shown(house: House) -> bytes:
    """The certificate that a client gets to see."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(house.client.connect(VIP, 853)) as stream:
        return stream.getpeercert(binary_form=True)


def kdig(house: House, *arguments: str) -> str:
    return house.client.run(["kdig", "+timeout=6", "+retry=0", *arguments], check=False).stdout


# --- TCP ---


def test_questions_of_a_connection_are_answered_as_answers_become_ready(house: House) -> None:
    held: list[Callable[[], None]] = []
    def upstream(packet: bytes, peer: tuple, sock: socket.socket) -> None:
        held.append(lambda: sock.sendto(answer_a(packet), peer))
    router = ScriptedUpstream(house.router, upstream)
    house.write(dns=TLS + "\n  upstreams: [10.0.0.1]")
    assert house.control.post("/reload").status == 200
    stream = house.client.connect(VIP, 53)
    stream.sendall(framed(question("slow.example", number=1)) + framed(question("immich.home", number=2)) +
                   framed(question("x.ads.example", number=3)))
    assert [number_of(whole(stream)) for _ in range(2)] == [2, 3]
    wait_until(lambda: held, what="the slow question at the upstream")
    held[0]()
    assert number_of(whole(stream)) == 1
    router.close()


def test_a_question_may_come_in_pieces_of_any_size(house: House) -> None:
    octets = framed(question("immich.home", number=7)) * 2
    for cut in range(1, len(octets)):
        stream = house.client.connect(VIP, 53)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream.sendall(octets[:cut])
        stream.sendall(octets[cut:])
        assert [number_of(whole(stream)) for _ in range(2)] == [7, 7]
        stream.close()


def test_a_client_that_has_said_all_still_gets_its_answers(house: House) -> None:
    stream = house.client.connect(VIP, 53)
    stream.sendall(framed(question("immich.home", number=1)) * 20)
    stream.shutdown(socket.SHUT_WR)
    for _ in range(20):
        whole(stream)
    assert stream.recv(1) == b""


def test_a_message_may_have_64_kib(house: House) -> None:
    asked = bytearray(question("immich.home", number=5))
    asked[11] = 1  # an OPT whose only option, an unknown one, fills the message
    room = 65_535 - len(asked) - 11
    asked += struct.pack(">BHHIHHH", 0, 41, 1232, 0, room, 65_001, room - 4) + bytes(room - 4)
    assert len(asked) == 65_535
    stream = house.client.connect(VIP, 53)
    stream.sendall(framed(bytes(asked)))
    answer = dns.message.from_wire(whole(stream))
    assert (answer.id, answer.rcode(), len(answer.answer)) == (5, dns.rcode.NOERROR, 1)


@pytest.mark.timeout(180)
def test_ten_thousand_silent_connections_disturb_nobody(house: House) -> None:
    """From many addresses, each with the beginning of a question. Datagrams, and new connections, are served."""
    addresses = [f"10.0.1.{i}" for i in range(1, 201)]
    house.client.ip("route add local 10.0.1.0/24 dev lo")
    house.dns.ip(f"route add 10.0.1.0/24 via {CLIENT}")
    opened = []
    try:
        with house.client.entered():
            for i in range(10_000):
                stream = socket.socket()
                stream.setblocking(False)
                stream.bind((addresses[i % len(addresses)], 0))
                stream.connect_ex((VIP, 53))
                opened.append(stream)
        datagrams = house.client.udp(timeout=5)
        datagrams.connect((VIP, 53))
        times = []
        for number in range(300):
            for stream in opened[number::300]:
                try:
                    stream.send(b"\0")
                except OSError:
                    pass
            for name in ("immich.home", "x.ads.example"):
                begun = time.monotonic()
                datagrams.send(question(name, number=number))
                assert number_of(datagrams.recv(4096)) == number
                times.append(time.monotonic() - begun)
        # The median: the machine that runs the tests has other work, too.
        assert sorted(times)[len(times) // 2] < 0.005
        with house.dns.entered():
            answer = dns.query.tcp(dns.message.make_query("immich.home", "A"), DNS, timeout=10)
        assert answer.answer
    finally:
        for stream in opened:
            stream.close()


# --- TLS and HTTPS ---


@pytest.mark.parametrize("server", [VIP, DNS])
def test_kdig_asks_over_tls_and_https(house: House, server: str) -> None:
    authority = f"+tls-ca={house.directory}/dns.pem"
    for how in (["+tls"], ["+https", "-p", "8443"], ["+https-get", "-p", "8443"]):
        text = kdig(house, f"@{server}", *how, authority, "+tls-hostname=dns.home", "immich.home")
        assert "10.0.0.100" in text and "NOERROR" in text, (how, text)
        assert "PADDING" in text


def test_answers_of_tls_connections_come_as_they_are_ready(house: House) -> None:
    stream = tls(house, 853, "dot")
    assert stream.selected_alpn_protocol() == "dot"
    octets = b"".join(framed(question("immich.home", number=n)) for n in range(100))
    for at in range(0, len(octets), 7):
        stream.sendall(octets[at : at + 7])
    assert sorted(number_of(whole(stream)) for _ in range(100)) == list(range(100))


def test_curl_asks_over_both_versions_of_http(house: House) -> None:
    query = question("immich.home")
    (house.directory / "query").write_bytes(query)
    text = base64.urlsafe_b64encode(query).rstrip(b"=").decode()
    base = "https://dns.home:8443/dns-query"
    for version in ("--http1.1", "--http2"):
        common = ["curl", "-s", version, "--cacert", house.directory / "dns.pem", "--resolve",
                  f"dns.home:8443:{VIP}", "-D", "-", "-o", house.directory / "answer"]
        for ask in ([f"{base}?dns={text}"],
                    ["-H", f"Content-Type: {MESSAGE}", "--data-binary", f"@{house.directory}/query", base]):
            head = house.client.run([*common, *ask]).stdout.lower()
            assert " 200" in head and f"content-type: {MESSAGE}" in head and "max-age=60" in head
            answer = dns.message.from_wire((house.directory / "answer").read_bytes())
            assert [str(rr) for rrset in answer.answer for rr in rrset] == ["10.0.0.100"]
        for path, status in (("?dns=!", 400), ("", 400), ("/x", 404)):
            head = house.client.run([*common, base + path]).stdout
            assert f" {status}" in head


class H2Client:
    """One HTTP/2 connection; python3-h2 speaks."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        self.h2 = h2.connection.H2Connection(config=h2.config.H2Configuration(client_side=True))
        self.h2.initiate_connection()

    def post(self, body: bytes, path: str = "/dns-query") -> int:
        number = self.h2.get_next_available_stream_id()
        self.h2.send_headers(number, [(":method", "POST"), (":path", path), (":scheme", "https"),
                                      (":authority", "dns.home"), ("content-type", MESSAGE)])
        self.h2.send_data(number, body, end_stream=True)
        return number

    def flush(self) -> None:
        self.stream.sendall(self.h2.data_to_send())

    def answers(self, count: int) -> dict[int, bytes]:
        bodies: dict[int, bytes] = {}
        ended = 0
        while ended < count:
            data = self.stream.recv(65536)
            assert data, "the connection ended"
            for event in self.h2.receive_data(data):
                if isinstance(event, h2.events.DataReceived):
                    bodies[event.stream_id] = bodies.get(event.stream_id, b"") + event.data
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                ended += isinstance(event, h2.events.StreamEnded)
            self.flush()
        return bodies


def test_many_streams_of_http2(house: House) -> None:
    client = H2Client(tls(house, 8443, "h2"))
    numbers = {client.post(question("immich.home", number=n)): n for n in range(100)}
    client.flush()
    bodies = client.answers(100)
    assert {stream: number_of(body) for stream, body in bodies.items()} == numbers


def test_a_new_certificate_is_shown_without_a_word_and_a_bad_one_is_not(house: House) -> None:
    old = shown(house)
    make_certificate(house.directory)
    wait_until(lambda: shown(house) != old, what="the new certificate")
    kept = tls(house, 853)
    new = shown(house)
    (house.directory / "bad.pem").write_text("-----BEGIN CERTIFICATE-----\nnonsense\n")
    good = (house.directory / "dns.pem").read_bytes()
    (house.directory / "bad.pem").rename(house.directory / "dns.pem")
    wait_until(lambda: "goes on serving" in house.problem("certificate_refused"), what="the problem")
    (house.directory / "dns.pem").write_bytes(good)
    wait_until(lambda: not house.problem("certificate_refused"), what="the problem's end")
    assert shown(house) == new
    kept.sendall(framed(question("immich.home", number=9)))
    assert number_of(whole(kept)) == 9


def test_clients_over_https_are_known_by_their_address(house: House) -> None:
    with tls(house, 8443, "http/1.1") as stream:
        text = base64.urlsafe_b64encode(question("immich.home")).rstrip(b"=")
        stream.sendall(b"GET /dns-query?dns=" + text + b" HTTP/1.1\r\nHost: dns.home\r\n\r\n")
        assert b"200 OK" in stream.recv(4096)
    newest = house.control.get("/queries?limit=1").json()["queries"][0]
    assert (newest["client"], newest["transport"]) == (CLIENT, "https")


def proxy_header(client: str, family: int = 0x11) -> bytes:
    kind = socket.AF_INET if family == 0x11 else socket.AF_INET6
    local = VIP if family == 0x11 else DNS6
    body = socket.inet_pton(kind, client) + socket.inet_pton(kind, local) + struct.pack(">HH", 4711, 443)
    return b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x21, family]) + struct.pack(">H", len(body)) + body


def hop(house: House, octets: bytes) -> socket.socket:
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(10)
    stream.connect(str(house.directory / "doh.sock"))
    stream.sendall(octets)
    return stream


def test_a_proxy_hands_questions_on_with_their_client(house: House) -> None:
    text = base64.urlsafe_b64encode(question("immich.home")).rstrip(b"=")
    get = b"GET /dns-query?dns=" + text + b" HTTP/1.1\r\nHost: dns.home\r\n\r\n"
    stream = hop(house, proxy_header("10.0.0.77") + get * 2)
    head = b""
    while head.count(b"200 OK") < 2:
        part = stream.recv(4096)
        assert part
        head += part
    assert house.control.get("/queries?limit=1").json()["queries"][0]["client"] == "10.0.0.77"

    client = H2Client(hop(house, proxy_header("fd00:53::99", 0x21)))
    client.post(question("immich.home", number=4))
    client.flush()
    assert [number_of(body) for body in client.answers(1).values()] == [4]

    stranger = hop(house, proxy_header(STRANGER) + get)
    assert dns.message.from_wire(stranger.recv(4096).split(b"\r\n\r\n", 1)[1]).rcode() == dns.rcode.REFUSED
    assert hop(house, b"GET / HTTP/1.1\r\n").recv(1) == b""


# --- who is served ---


def test_nobody_outside_is_answered_over_any_transport(house: House) -> None:
    query = dns.message.make_query("immich.home", "A")
    context = trusting(house)
    for server, stranger in ((DNS, STRANGER), (DNS6, STRANGER6)):
        house.write(dns=TLS + f"""
  listen: ["{DNS}:53", "[{DNS6}]:53"]
  listen_tls: ["{DNS}:853", "[{DNS6}]:853"]
  listen_https: ["{DNS}:8443", "[{DNS6}]:8443"]
  upstreams: [10.0.0.1]""")
        assert house.control.post("/reload").status == 200
        for source, rcode in ((stranger, dns.rcode.REFUSED),
                              (CLIENT if server == DNS else CLIENT6, dns.rcode.NOERROR)):
            with house.client.entered():
                assert dns.query.udp(query, server, timeout=5, source=source).rcode() == rcode
                assert dns.query.tcp(query, server, timeout=5, source=source).rcode() == rcode
                assert dns.query.tls(query, server, timeout=5, source=source, ssl_context=context,
                                     server_hostname="dns.home").rcode() == rcode
                family = socket.AF_INET if server == DNS else socket.AF_INET6
                with socket.socket(family) as plain:
                    plain.settimeout(5)
                    plain.bind((source, 0))
                    plain.connect((server, 8443))
                    secure = trusting(house, "h2").wrap_socket(plain, server_hostname="dns.home")
                    client = H2Client(secure)
                    client.post(query.to_wire())
                    client.flush()
                    (body,) = client.answers(1).values()
                    assert dns.message.from_wire(body).rcode() == rcode


def test_pods_are_served_where_the_cluster_is_connected(house: House) -> None:
    house.dns.ip("link add cni0 type bridge", "address add 10.42.0.1/24 dev cni0", "link set cni0 up",
                 "route add 10.42.7.0/24 via 10.0.0.50")
    house.client.ip("address add 10.42.0.9/32 dev lo", "address add 10.42.7.9/32 dev lo")
    house.dns.ip("route replace 10.42.0.9/32 via 10.0.0.50")
    wait_until(lambda: house.dig("-b", "10.42.0.9", "immich.home").rcode == "NOERROR", 30, what="connected pods")
    assert house.dig("-b", "10.42.7.9", "immich.home").rcode == "REFUSED"
    house.write(dns=TLS + "\n  clients: [10.42.0.0/16]")
    assert house.control.post("/reload").status == 200
    assert house.dig("-b", "10.42.7.9", "immich.home").rcode == "NOERROR"


# --- discovery ---


def test_devices_find_tls_and_https(house: House) -> None:
    for name in ("_dns.resolver.arpa", "_dns.dns.home"):
        assert sorted(line.split("SVCB ")[1] for line in house.dig(name, "SVCB").answers) == [
            f'1 dns.home. alpn="dot" ipv4hint={VIP}',
            f'2 dns.home. alpn="h2" port=8443 ipv4hint={VIP} key7="/dns-query{{?dns}}"',
        ]
    house.write()
    assert house.control.post("/reload").status == 200
    answer = house.dig("_dns.resolver.arpa", "SVCB")
    assert (answer.rcode, answer.answers) == ("NOERROR", [])
    with pytest.raises(OSError):
        house.client.connect(VIP, 853, timeout=3)


# --- options and limits ---


def test_cookies_are_those_that_dig_and_kdig_understand(house: House) -> None:
    text = house.dig("+cookie=0102030405060708", "immich.home").text
    assert "COOKIE: 0102030405060708010000" in text and "(good)" in text
    cookie = text.split("COOKIE: ")[1].split()[0]
    assert f"COOKIE: {cookie}" in house.dig(f"+cookie={cookie}", "immich.home").text


def test_keepalive_is_told_over_tcp_alone(house: House) -> None:
    assert "KEEPALIVE: 10.0 secs" in house.dig("+tcp", "+keepalive", "immich.home").text
    assert "KEEPALIVE" not in house.dig("+keepalive", "immich.home").text


def test_the_node_says_its_name(house: House) -> None:
    assert '("pi")' in house.dig("+nsid", "immich.home").text


def test_who_asks_too_much_is_sent_to_tcp(house: House) -> None:
    house.write(dns="rate_limit: {queries_per_second: 1, burst: 5}")
    assert house.control.post("/reload").status == 200
    datagrams = house.client.udp(timeout=5)
    datagrams.connect((VIP, 53))
    truncated = []
    for number in range(8):
        datagrams.send(question("immich.home", number=number))
        truncated.append(bool(datagrams.recv(4096)[2] & 2))
    assert truncated == [False] * 5 + [True] * 3
    assert house.data("immich.home") == ["10.0.0.100"]  # dig asks again over TCP
    limited = 'hearth_dns_responses_total{rcode="NOERROR",reason="limited"}'
    assert limited.split("{")[0] in house.control.get("/metrics").text()
