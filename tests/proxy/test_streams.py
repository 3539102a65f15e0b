"""What is passed on without a look inside: TLS by the name asked for, TCP and UDP by port."""

import contextlib
import json
import socket
import ssl
import struct
import threading

import pytest

from tests.lab.waiting import wait_until
from tests.proxy.house import ADDRESS, Peer, Upstream, get

TLS = f"{ADDRESS}:443"
WEB = {"web": {"upstream": f"http://{ADDRESS}:9000"}}
MIB = 1 << 20


def echo(peer: Peer) -> None:
    """A script: everything comes back, and the end as well."""
    while octets := peer.connection.recv(65536):
        peer.received += octets
        peer.send(octets)


class SecureUpstream:
    """openssl s_server-like: ends TLS itself, with a certificate of its own."""

    def __init__(self, house, authority, name: str, port: int) -> None:
        leaf = authority.leaf(name, file=f"own-{name}")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(leaf.certificate, leaf.key)
        self.names: list[str | None] = []
        self.context.sni_callback = lambda _, asked, __: self.names.append(asked)

        def serve(peer: Peer) -> None:
            with contextlib.suppress(ssl.SSLError):
                secure = self.context.wrap_socket(peer.connection, server_side=True)
                while octets := secure.recv(65536):
                    secure.sendall(b"own:" + octets)

        house.upstreams.append(Upstream(house.host, port, serve))


def secure(*leaves, **proxy) -> dict:
    return {"listen_https": [TLS], "tls": {"certificates": [leaf.document for leaf in leaves]}, **proxy}


def connect(house, authority, name: str, context=None) -> Peer:
    context = context or ssl.create_default_context(cafile=str(authority.root))
    return Peer(context.wrap_socket(house.host.connect(ADDRESS, 443), server_hostname=name))


def say(peer: Peer, text: bytes = b"hello") -> bytes:
    peer.send(text)
    return peer.read_exactly(len(b"own:" + text))


def open_streams(house, service: str) -> float:
    return house.control.metric("hearth_proxy_streams_open", service=service)


# --- TLS by name ------------------------------------------------------------------------


@pytest.fixture
def home(house, authority):
    house.upstream(9000)
    house.nas = SecureUpstream(house, authority, "nas.home", 9443)
    house.apps = SecureUpstream(house, authority, "*.apps.home", 9444)
    house.documents = {
        **WEB,
        "nas": {"upstream": f"tls://{ADDRESS}:9443"},
        "apps": {"upstream": f"tls://{ADDRESS}:9444", "hosts": ["*.apps.home"]},
        "one": {"upstream": f"http://{ADDRESS}:9000", "hosts": ["one.apps.home"]},
    }
    house.options = secure(authority.leaf("web.home", "one.apps.home", "nas.home"))
    return house.start(house.documents, **house.options)


def test_names_are_passed_on_beside_hosts(home, authority):
    peer = connect(home, authority, "nas.home")
    assert say(peer) == b"own:hello"
    assert connect(home, authority, "two.apps.home").connection.getpeercert()["subjectAltName"] == (("DNS", "*.apps.home"),)
    assert home.nas.names == ["nas.home"] and home.apps.names == ["two.apps.home"]
    for name in ("web.home", "one.apps.home"):  # an exact host before a wildcard
        web = connect(home, authority, name)
        web.send(get(name))
        assert web.read_response()[::2] == (200, b"ok")
        # a request for the other on this connection wants one of its own
        web.send(get("nas.home"))
        assert web.read_response()[0] == 421
    assert say(peer, b"still") == b"own:still"
    status, head, _ = home.ask(get("nas.home", "/a?b"))
    assert status == 308 and b"Location: https://nas.home/a?b\r\n" in head
    routes = {route["host"]: route for route in home.control.status()["routes"]}
    assert routes["nas.home"]["passed_on"] is True and "passed_on" not in routes["web.home"]
    assert open_streams(home, "nas") == 1


def test_a_hello_in_pieces(home, authority):
    """One octet at a time, and in many records: who ends TLS gets it as it was."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=str(authority.root))
    for cut in (1, 7, 100):
        for name in ("nas.home", "web.home"):
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(incoming, outgoing, server_hostname=name)
            with pytest.raises(ssl.SSLWantReadError):
                tls.do_handshake()
            hello = outgoing.read()[5:]
            pieces = [hello[at : at + 64] for at in range(0, len(hello), 64)]
            octets = b"".join(b"\x16\x03\x01" + struct.pack("!H", len(piece)) + piece for piece in pieces)
            bare = home.host.connect(ADDRESS, 443)
            bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            bare.settimeout(20)
            for at in range(0, len(octets), cut):
                bare.sendall(octets[at : at + cut])
            while True:
                with contextlib.suppress(ssl.SSLWantReadError):
                    tls.do_handshake()
                    break
                bare.sendall(outgoing.read())
                incoming.write(bare.recv(65536))
            assert tls.version() == "TLSv1.3"
            bare.close()


def test_what_is_no_hello(home):
    for octets in (b"GET / HTTP/1.1\r\nHost: nas.home\r\n\r\n", b"\x16\x03\x01\0\0", b"\x16\x03\x01\x40\0\x01\0\xff\xff" + b"x" * 20000):
        peer = Peer(home.host.connect(ADDRESS, 443))
        with contextlib.suppress(OSError):  # it may have been refused before all was said
            peer.send(octets)
            peer.connection.shutdown(socket.SHUT_WR)
        answer = peer.read_all()
        assert answer[:1] in (b"\x15", b"H", b""), answer
    peer = Peer(home.host.connect(ADDRESS, 443))
    peer.send(b"\x16\x03\x01\x02\0\x01")
    peer.connection.shutdown(socket.SHUT_WR)
    assert peer.read_all() == b""


def test_an_upstream_that_is_not_there(home, authority):
    home.upstreams[1].close()
    with pytest.raises(ssl.SSLError, match="INTERNAL_ERROR"):
        connect(home, authority, "nas.home")
    wait_until(lambda: any(one["name"] == "upstream_down" for one in home.control.status()["problems"]))
    home.nas = SecureUpstream(home, authority, "nas.home", 9443)
    wait_until(lambda: _reaches(home, authority))


def _reaches(home, authority) -> bool:
    try:
        return say(connect(home, authority, "nas.home")) == b"own:hello"
    except OSError:
        return False


def test_who_may_not_is_told(house, authority):
    house.host.ip("address add 127.0.0.7/8 dev lo")
    SecureUpstream(house, authority, "nas.home", 9443)
    house.start({**WEB, "nas": {"upstream": f"tls://{ADDRESS}:9443", "allow": ["127.0.0.7"]}},
                **secure(authority.leaf("web.home")))
    with pytest.raises(ssl.SSLError, match="ACCESS_DENIED"):
        connect(house, authority, "nas.home")
    context = ssl.create_default_context(cafile=str(authority.root))
    with house.host.entered():
        bare = socket.create_connection((ADDRESS, 443), source_address=("127.0.0.7", 0))
    assert say(Peer(context.wrap_socket(bare, server_hostname="nas.home"))) == b"own:hello"


def test_openssl_and_curl_see_the_services_own_certificate(home, authority):
    openssl = ["openssl", "s_client", "-connect", f"{ADDRESS}:443", "-servername", "nas.home", "-CAfile", authority.root,
               "-verify_return_error", "-brief"]
    shown = home.host.run(openssl, check=False).stderr
    assert "Verification: OK" in shown and "CN = nas.home" in shown, shown
    curl = ["curl", "--silent", "--show-error", "--cacert", authority.root, "--connect-to", f"::{ADDRESS}:"]
    assert home.host.run([*curl, "https://web.home/"]).stdout == "ok"


def test_reload_and_stop(home, authority):
    peer = connect(home, authority, "nas.home")
    assert say(peer) == b"own:hello"
    home.reload(WEB, **home.options)
    assert say(peer) == b"own:hello"  # goes on by the document it began with
    with pytest.raises(ssl.SSLError):
        say(connect(home, authority, "two.apps.home"))
    home.reload(home.documents, **home.options)
    assert say(connect(home, authority, "nas.home")) == b"own:hello"
    home.daemon.stop()
    assert peer.read_all() == b""


# --- TCP --------------------------------------------------------------------------------


def tcp(port: int = 7000, **options) -> dict:
    return {"mqtt": {"upstream": f"tcp://{ADDRESS}:{port}", "listen": 1883, **options}}


def test_both_ends_close_by_themselves(house):
    def answers_at_the_end(peer: Peer) -> None:
        everything = b""
        while octets := peer.connection.recv(65536):
            everything += octets
        peer.send(everything[::-1])

    house.upstream(7000, answers_at_the_end)
    house.start(tcp())
    client = house.client(1883)
    client.send(b"abc")
    client.connection.shutdown(socket.SHUT_WR)
    assert client.read_all() == b"cba"
    wait_until(lambda: open_streams(house, "mqtt") == 0)
    assert house.control.metric("hearth_proxy_stream_bytes_total", service="mqtt", direction="in") == 3
    assert house.control.metric("hearth_proxy_streams_total", service="mqtt") == 1


def test_a_server_that_speaks_first(house):
    def greets(peer: Peer) -> None:
        peer.send(b"220 hello\r\n")
        peer.read_until(b"\n")

    with house.host.entered():
        listener = socket.create_server((ADDRESS, 7000))

    def serve() -> None:
        while True:
            peer = Peer(listener.accept()[0])
            with contextlib.suppress(OSError):
                greets(peer)
            peer.close()

    threading.Thread(target=serve, daemon=True).start()
    house.start(tcp())
    client = house.client(1883)
    assert client.read_until(b"\n") == b"220 hello\r\n"


def test_a_slow_reader_slows_the_sender(house):
    """64 MiB against a reader that waits: the sender stands still, and the daemon stays small."""
    sent = []

    def pours(peer: Peer) -> None:
        peer.read_exactly(1)
        for _ in range(64):
            peer.send(bytes(MIB))
            sent.append(MIB)

    house.upstream(7000, pours)
    house.start(tcp())
    client = house.client(1883)
    client.send(b"x")
    wait_until(lambda: len(sent) > 0)
    before = -1
    while before != len(sent):
        before = len(sent)
        threading.Event().wait(0.3)
    assert len(sent) < 40
    left = 64 * MIB
    while left:
        left -= len(client.connection.recv(MIB))
    assert house.control.metric("hearth_proxy_stream_bytes_total", service="mqtt", direction="out") == 64 * MIB


def test_a_reset_is_passed_on(house):
    house.upstream(7000, lambda peer: (peer.read_exactly(1), peer.reset()))
    house.start(tcp())
    client = house.client(1883)
    client.send(b"x")
    with pytest.raises(ConnectionResetError):
        assert client.connection.recv(1) != b""


def test_several_share_and_stand_in(house):
    for port, word in ((7000, b"a"), (7001, b"b")):
        house.upstream(port, lambda peer, word=word: (peer.read_exactly(1), peer.send(word)))
    upstreams = [f"tcp://{ADDRESS}:{port}" for port in (7000, 7001)]

    def ask() -> bytes:
        client = house.client(1883)
        client.send(b"?")
        return client.read_all()

    house.start({"mqtt": {"upstreams": upstreams, "listen": [f"{ADDRESS}:1883"]}})
    assert sorted(ask() for _ in range(4)) == [b"a", b"a", b"b", b"b"] or {ask() for _ in range(8)} == {b"a", b"b"}
    house.upstreams[0].close()
    assert {ask() for _ in range(6)} == {b"b"}
    assert house.control.post(f"/upstreams/drain?service=mqtt&upstream={upstreams[1]}").status == 200
    with pytest.raises(ConnectionResetError):
        house.client(1883).connection.recv(1)


def test_checks_take_one_out(house):
    sick = Upstream(house.host, 7002, echo)
    house.upstream(7000, lambda peer: (peer.read_exactly(1), peer.send(b"a")))
    house.upstream(7001, lambda peer: (peer.read_exactly(1), peer.send(b"b")))
    house.start({"mqtt": {"upstreams": [f"tcp://{ADDRESS}:7000", f"tcp://{ADDRESS}:7001"], "listen": 1883,
                          "check": {"kind": "tcp", "port": 7002, "interval": "1s", "rise": 1, "fall": 1}}})
    sick.close()
    wait_until(lambda: all(one["up"] is False for one in house.control.status()["routes"][0]["upstreams"]))
    with pytest.raises(ConnectionResetError):
        house.client(1883).connection.recv(1)


def test_who_comes_is_told_and_limited(house):
    house.host.ip("address add 127.0.0.7/8 dev lo")
    upstream = house.upstream(7000, echo)
    house.start(tcp(send_proxy_protocol="v1", max_connections=2, allow=["127.0.0.1"]))
    first, second = house.client(1883), house.client(1883)
    for one in (first, second):
        one.send(b"x")
        line = one.read_until(b"\r\n")
        assert line.startswith(f"PROXY TCP4 {ADDRESS} {ADDRESS} ".encode()) and line.endswith(b" 1883\r\n")
    with pytest.raises(ConnectionResetError):
        house.client(1883).connection.recv(1)
    first.close()
    wait_until(lambda: open_streams(house, "mqtt") == 1)
    with house.host.entered(), pytest.raises(ConnectionResetError):
        socket.create_connection((ADDRESS, 1883), 20, ("127.0.0.7", 0)).recv(1)
    asked = upstream.asked
    house.reload(tcp(send_proxy_protocol="v2"))
    fourth = house.client(1883)
    fourth.send(b"y")
    assert fourth.read_exactly(28)[:13] == b"\r\n\r\n\0\r\nQUIT\n\x21"
    assert upstream.asked == asked + 1


def test_silence_ends_it(house):
    house.upstream(7000, echo)
    house.start(tcp(idle_timeout="1s"))
    client = house.client(1883)
    client.send(b"x")
    assert client.read_exactly(1) == b"x"
    assert client.read_all() == b""  # within the socket's own 20 s


def test_open_streams_outlive_reloads(house):
    house.upstream(7000, echo)
    house.start({**tcp(), **WEB})
    client = house.client(1883)
    for turn in range(20):
        client.send(b"%03d" % turn)
        assert client.read_exactly(3) == b"%03d" % turn
        house.reload({**tcp(), **(WEB if turn % 2 else {})})
    house.reload(WEB)  # not even its port is there any more
    client.send(b"end")
    assert client.read_exactly(3) == b"end"
    with pytest.raises(ConnectionRefusedError):
        house.client(1883)


def test_a_real_broker(house):
    """mosquitto behind a port, with its own clients."""
    settings = house.directory / "mosquitto.conf"
    settings.write_text(f"listener 7000 {ADDRESS}\nallow_anonymous true\nuser root\n")
    house.host.start(["mosquitto", "-c", settings], name="mosquitto")
    wait_until(lambda: _listens(house, 7000))
    house.start(tcp())
    listener = house.host.start(["mosquitto_sub", "-h", ADDRESS, "-p", "1883", "-t", "home/#", "-C", "1", "-v"], name="sub")
    wait_until(lambda: open_streams(house, "mqtt") == 1)
    def published() -> bool:
        house.host.run(["mosquitto_pub", "-h", ADDRESS, "-p", "1883", "-t", "home/lamp", "-m", "on"])
        return "home/lamp on" in listener.log()
    wait_until(published)


def _listens(house, port: int) -> bool:
    with contextlib.suppress(ConnectionRefusedError):
        house.client(port).close()
        return True
    return False


# --- UDP --------------------------------------------------------------------------------


class UdpUpstream:
    def __init__(self, host, port: int, answer) -> None:
        self.received: list[bytes] = []
        self.peers: set = set()
        with host.entered():
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.bind((ADDRESS, port))
        threading.Thread(target=self._serve, args=(answer,), daemon=True).start()

    def _serve(self, answer) -> None:
        with contextlib.suppress(OSError):
            while True:
                octets, peer = self._socket.recvfrom(65536)
                self.received.append(octets)
                self.peers.add(peer)
                for one in answer(octets):
                    self._socket.sendto(one, peer)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def udp_client(house, source: str = ADDRESS) -> socket.socket:
    with house.host.entered():
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.bind((source, 0))
    client.connect((ADDRESS, 5300))
    client.settimeout(10)
    return client


def udp(*ports: int, **options) -> dict:
    return {"names": {"upstreams": [f"udp://{ADDRESS}:{port}" for port in ports or (7000,)], "listen": 5300, **options}}


def test_datagrams_find_their_way_back(house):
    upstream = UdpUpstream(house.host, 7000, lambda octets: [octets, b"two"])
    house.start(udp())
    clients = [udp_client(house) for _ in range(3)]
    for size in (1, 1472, 9000, 60000):
        for number, client in enumerate(clients):
            client.send(bytes([number]) * size)
            assert client.recv(65536) == bytes([number]) * size
            assert client.recv(65536) == b"two"
    assert len(upstream.peers) == 3  # each has a socket of its own, and keeps it
    assert open_streams(house, "names") == 3
    house.reload({**udp(), **WEB})
    clients[0].send(b"again")
    assert clients[0].recv(10) == b"again" and len(upstream.peers) == 3


def test_silent_clients_are_forgotten_and_counted(house):
    house.host.ip("address add 127.0.0.7/8 dev lo")
    UdpUpstream(house.host, 7000, lambda octets: [octets])
    house.start(udp(idle_timeout="1s", max_connections=2, allow=["127.0.0.1"]), workers=1)
    first, second, third = (udp_client(house) for _ in range(3))
    for one in (first, second):
        one.send(b"x")
        assert one.recv(1) == b"x"
    third.settimeout(0.3)
    third.send(b"x")
    with pytest.raises(TimeoutError):
        third.recv(1)
    stranger = udp_client(house, "127.0.0.7")
    stranger.settimeout(0.3)
    wait_until(lambda: open_streams(house, "names") == 0)
    stranger.send(b"x")
    with pytest.raises(TimeoutError):
        stranger.recv(1)
    third.settimeout(10)
    third.send(b"y")
    assert third.recv(1) == b"y"


def test_one_that_refuses_loses_its_clients(house):
    good = UdpUpstream(house.host, 7001, lambda octets: [b"b"])
    house.start(udp(7000, 7001))
    client = udp_client(house)
    client.settimeout(0.3)

    def answered() -> bool:
        client.send(b"x")
        try:
            return client.recv(1) == b"b"
        except TimeoutError:
            return False

    wait_until(answered)
    assert good.received


def test_datagrams_say_whose_they_are(house):
    upstream = UdpUpstream(house.host, 7000, lambda octets: [octets[28:]])
    house.start(udp(send_proxy_protocol="v2"))
    client = udp_client(house)
    for _ in range(2):
        client.send(b"payload")
        assert client.recv(100) == b"payload"
    port = client.getsockname()[1]
    expected = b"\r\n\r\n\0\r\nQUIT\n\x21\x12\0\x0c" + socket.inet_aton(ADDRESS) * 2 + struct.pack("!HH", port, 5300)
    assert upstream.received == [expected + b"payload"] * 2


def test_a_real_name_server_behind_udp_and_tcp(house, binaries):
    """hearth-dns on another port, asked by kdig through the proxy."""
    document = {"version": 1, "domain": "home", "lan": ["127.0.0.0/8"], "nodes": {"here": ADDRESS},
                "dns": {"listen": [f"{ADDRESS}:7053"], "upstreams": ["9.9.9.9"], "records": {"printer": "10.0.0.40"}}}
    folder = house.directory / "dns"
    for part in (folder, folder / "run", folder / "state"):
        part.mkdir()
    (folder / "hearth.yaml").write_text(json.dumps(document))
    house.host.start([binaries["hearth-dns"], "--config", folder / "hearth.yaml", "--run-dir", folder / "run",
                      "--state-dir", folder / "state"], name="hearth-dns").wait_ready()
    house.start({"names": {"upstream": f"udp://{ADDRESS}:7053", "listen": 5300},
                 "names-tcp": {"upstream": f"tcp://{ADDRESS}:7053", "listen": 5300}})
    for words in ([], ["+tcp"]):
        answer = house.host.run(["kdig", f"@{ADDRESS}", "-p", "5300", "+short", *words, "printer.home", "A"])
        assert answer.stdout == "10.0.0.40\n"
    table = house.host.run([binaries["hearth"], "routes", "--run-dir", house.run_dir]).stdout
    assert f"udp/{ADDRESS}:5300" in table and f"tcp/{ADDRESS}:5300" in table
