"""HTTPS: which certificate, what is refused, what plain HTTP gets, and new files while it runs."""

import os
import socket
import ssl
import threading

import pytest

from tests.lab.clock import clock_environment
from tests.lab.waiting import wait_until
from tests.proxy.h2_client import H2Client
from tests.proxy.h2_client import get as h2_get
from tests.proxy.house import ADDRESS, OK, Peer, get

TLS = f"{ADDRESS}:443"
TWO = {
    "web": {"upstream": f"http://{ADDRESS}:9000"},
    "chat": {"upstream": f"http://{ADDRESS}:9000", "aliases": ["talk"]},
}
MIB = 1 << 20


def secure(house, *leaves, unknown: str = "refuse", **proxy) -> dict:
    tls = {"certificates": [leaf.document for leaf in leaves], "unknown_name": unknown}
    return {"listen_https": [TLS], "tls": tls, **proxy}


def client_context(authority, version=None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.root))
    if version:
        context.minimum_version = context.maximum_version = version
    return context


def connect(house, authority, name: str | None = "web.home", *, context=None, session=None) -> Peer:
    bare = house.host.connect(ADDRESS, 443)
    context = context or client_context(authority)
    if name is None:
        context.check_hostname = False
    return Peer(context.wrap_socket(bare, server_hostname=name, session=session, suppress_ragged_eofs=False))


def ask(house, authority, host: str = "web.home", **options) -> tuple[int, bytes, bytes]:
    peer = connect(house, authority, host, **options)
    peer.send(get(host))
    try:
        return peer.read_response()
    finally:
        peer.close()


def detail_of(house, problem: str) -> str:
    return next(one["detail"] for one in house.control.status()["problems"] if one["name"] == problem)


@pytest.fixture
def home(house, authority):
    house.upstream(9000)
    house.start(TWO, **secure(house, authority.leaf("web.home"), authority.leaf("*.home", file="any")))
    return house


def test_http2_is_agreed_where_the_client_offers_it(home, authority):
    context = client_context(authority)
    context.set_alpn_protocols(["http/1.1", "h2"])
    peer = connect(home, authority, context=context)
    assert peer.connection.selected_alpn_protocol() == "h2"
    client = H2Client(peer.connection)
    for _ in range(3):
        assert client.ask(h2_get(scheme="https")).body == b"ok"
    assert b"X-Forwarded-Proto: https\r\n" in home.upstreams[0].received
    # web.home has a certificate of its own, which this connection does not show.
    context.check_hostname = False  # OpenSSL refuses *.home
    peer = connect(home, authority, "chat.home", context=context)
    assert H2Client(peer.connection).ask(h2_get(scheme="https")).status == 421


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_page_over_tls(home, authority, version):
    context = client_context(authority, version)
    context.set_alpn_protocols(["http/1.1"])
    peer = connect(home, authority, context=context)
    assert peer.connection.selected_alpn_protocol() == "http/1.1"
    for _ in range(3):
        peer.send(get())
        assert peer.read_response()[::2] == (200, b"ok")
    assert b"X-Forwarded-Proto: https\r\n" in home.upstreams[0].received
    metrics = home.control.get("/metrics").text()
    assert "hearth_proxy_tls_handshakes_total" in metrics and "hearth_tls_certs_not_after_seconds{" in metrics


def test_the_name_chooses_the_certificate(home, authority):
    exact = connect(home, authority, "WEB.home")
    assert exact.connection.getpeercert()["subjectAltName"] == (("DNS", "web.home"),)
    trusting = client_context(authority)
    trusting.check_hostname = False  # OpenSSL takes no wildcard right below a top-level name
    wild = connect(home, authority, "chat.home", context=trusting)
    assert wild.connection.getpeercert()["subjectAltName"] == (("DNS", "*.home"),)


@pytest.mark.parametrize("name", ["web", "web.example", "a.b.home", "home", None])
def test_another_name_is_refused(home, authority, name):
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME|unrecognized name"):
        connect(home, authority, name)
    wait_until(lambda: "handshake_failures_total 1" in home.control.get("/metrics").text())


def test_another_name_gets_the_first_where_the_document_says_so(house, authority):
    house.upstream(9000)
    house.start(TWO, **secure(house, authority.leaf("web.home"), unknown="first"))
    peer = connect(house, authority, None)
    assert peer.connection.getpeercert()["subjectAltName"] == (("DNS", "web.home"),)
    peer.send(get())
    assert peer.read_response()[0] == 200


def test_a_request_for_a_name_of_another_certificate_is_misdirected(home, authority):
    peer = connect(home, authority, "web.home")
    peer.send(get("chat.home"))
    status, _, body = peer.read_response()
    assert status == 421 and b"made for another name" in body
    peer.send(get("nobody.home"))  # no service: no certificate is the matter
    assert peer.read_response()[0] == 404


@pytest.mark.parametrize(
    ("connected_for", "asked", "status"),
    [
        ("web.home", "web.home", 200),
        ("web.home", "WEB.home.:443", 200),
        ("web.home", "chat.home", 421),  # no certificate has it, and it is not what was connected for
        ("web.home", "chat", 421),
        ("chat.home", "chat.home", 200),  # shown the first certificate, and gone on
        ("CHAT.home", "chat.home", 200),
        ("chat.home", "talk.home", 421),
        ("chat.home", "web.home", 200),  # what the certificate shown is for
        (None, "chat.home", 200),
        (None, "web.home", 200),
    ],
)
@pytest.mark.parametrize("protocol", ["http/1.1", "h2"])
def test_names_without_a_certificate_stay_with_their_connection(house, authority, connected_for, asked, status, protocol):
    house.upstream(9000)
    house.start(TWO, **secure(house, authority.leaf("web.home"), unknown="first"))
    context = client_context(authority)
    context.check_hostname = False
    context.set_alpn_protocols([protocol])
    peer = connect(house, authority, connected_for, context=context)
    if protocol == "h2":
        assert H2Client(peer.connection).ask(h2_get(host=asked, scheme="https")).status == status
    else:
        peer.send(get(asked))
        assert peer.read_response()[0] == status


def test_a_session_is_resumed_by_whichever_worker(house, authority):
    house.upstream(9000)
    house.start(TWO, **secure(house, authority.leaf("web.home")), workers=4)
    context = client_context(authority, ssl.TLSVersion.TLSv1_2)
    session = connect(house, authority, context=context).connection.session
    reused = [connect(house, authority, context=context, session=session).connection.session_reused for _ in range(12)]
    assert all(reused)
    modern = client_context(authority)
    first = connect(house, authority, context=modern)
    first.send(get())
    first.read_response()  # the ticket comes after the handshake
    assert connect(house, authority, context=modern, session=first.connection.session).connection.session_reused


def test_a_ticket_does_not_wait_for_a_request(home, authority):
    arrived, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = client_context(authority, ssl.TLSVersion.TLSv1_3).wrap_bio(arrived, leaving, server_hostname="web.home")
    with home.host.connect(ADDRESS, 443) as sock:
        while True:
            try:
                session.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(leaving.read())
                arrived.write(sock.recv(65536))
        sock.sendall(leaving.read())  # Finished
        assert sock.recv(1), "the ticket"


def old_client(version: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = version
    return context


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_is_outdated_is_refused(home, authority):
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        with pytest.raises(ssl.SSLError):
            connect(home, authority, context=old_client(version))
    weak = old_client(ssl.TLSVersion.TLSv1_2)
    weak.set_ciphers("AES128-SHA:AES256-SHA:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        connect(home, authority, context=weak)
    other = client_context(authority)
    other.set_alpn_protocols(["spdy/3"])
    with pytest.raises(ssl.SSLError):
        connect(home, authority, context=other)
    assert ask(home, authority)[0] == 200


def test_a_client_that_prefers_chacha_gets_it(home, authority):
    context = client_context(authority, ssl.TLSVersion.TLSv1_2)
    context.set_ciphers("ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256")
    assert "CHACHA20" in connect(home, authority, context=context).connection.cipher()[0]


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        ("web.home", b"https://web.home/x?y=1"),
        ("WEB.home.", b"https://WEB.home/x?y=1"),
        ("web", b"https://web.home/x?y=1"),
        ("talk", b"https://talk.home/x?y=1"),
    ],
)
def test_plain_http_is_sent_to_https(home, asked, location):
    client = home.client()
    for request in (get(asked, "/x?y=1"), get(asked, "/x?y=1").replace(b"GET", b"HEAD")):
        client.send(request)
        status, head, _ = client.read_response()
        assert status == 308 and b"Location: " + location + b"\r\n" in head
    body = b"POST /x?y=1 HTTP/1.1\r\nHost: %s\r\nContent-Length: 5\r\n\r\nhello" % asked.encode()
    assert home.ask(body)[0] == 308
    assert home.upstreams[0].asked == 0


def test_plain_http_where_it_is_to_be_served(house, authority):
    house.upstream(9000)
    services_now = {**TWO, "tv": {"upstream": f"http://{ADDRESS}:9000", "https": "optional"}}
    house.start(services_now, **secure(house, authority.leaf("web.home", "tv.home")), trusted_proxies=["127.0.0.1"])
    assert house.ask(get("tv.home"))[0] == 200
    assert house.ask(get("chat.home"))[0] == 200  # no certificate has that name
    assert house.ask(get("web.home", "/.well-known/acme-challenge/token"))[0] == 200
    assert house.ask(get("web.home", headers="X-Forwarded-Proto: https\r\n"))[0] == 200  # said by a proxy of ours
    assert house.ask(get("web.home", headers="X-Forwarded-Proto: http\r\n"))[0] == 308


def test_plain_http_on_the_port_of_https_is_told_so(home):
    client = home.client(443)
    client.send(get())
    status, _, body = client.read_response()
    assert status == 400 and b"https://" in body


def test_a_tunnel_ends_cleanly_and_a_broken_answer_does_not(house, authority):
    def script(peer):
        head = peer.read_head()
        if b"Upgrade" in head:
            peer.send(b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            while octets := peer.connection.recv(100):
                peer.send(octets)
        else:
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    house.upstream(9000, script)
    house.start(TWO, **secure(house, authority.leaf("web.home")))
    tunnel = connect(house, authority)
    tunnel.send(get(headers="Connection: Upgrade\r\nUpgrade: websocket\r\n"))
    assert b" 101 " in tunnel.read_head()
    for size in (1, 1000, 60000):
        tunnel.send(b"x" * size)
        assert tunnel.read_exactly(size) == b"x" * size
    plain = tunnel.connection.unwrap()  # says close_notify, and gets one
    assert plain.recv(10) == b""
    broken = connect(house, authority)
    broken.send(get())
    broken.read_head()
    with pytest.raises((ssl.SSLEOFError, ConnectionResetError)):
        while broken.connection.recv(100):
            pass


def test_a_handshake_and_a_request_octet_by_octet(home, authority):
    bare = home.host.connect(ADDRESS, 443)
    bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    bare.settimeout(20)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = client_context(authority).wrap_bio(incoming, outgoing, server_hostname="web.home")

    def send_pending():
        for octet in outgoing.read():
            bare.send(bytes([octet]))

    def until_done(step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                send_pending()
                incoming.write(bare.recv(1))

    until_done(tls.do_handshake)
    tls.write(get())
    send_pending()
    answer = b""
    while not answer.endswith(b"\r\n\r\nok"):
        answer += until_done(lambda: tls.read(100))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_new_files_are_taken_while_it_runs(house, authority):
    house.upstream(9000)
    leaf = authority.leaf("web.home")
    house.start(TWO, **secure(house, leaf))
    kept = connect(house, authority)
    before = connect(house, authority).connection.getpeercert()["serialNumber"]
    authority.leaf("web.home")  # the same files
    wait_until(lambda: connect(house, authority).connection.getpeercert()["serialNumber"] != before, 20)
    kept.send(get())
    assert kept.read_response()[0] == 200
    leaf.key.write_text("not a key")
    os.utime(leaf.key)
    wait_until(lambda: "certificate_refused" in house.control.problems(), 20)
    assert ask(house, authority)[0] == 200
    authority.leaf("web.home")
    wait_until(lambda: "certificate_refused" not in house.control.problems(), 20)


def test_a_bad_certificate_harms_only_its_own_names(house, authority):
    house.upstream(9000)
    good, other = authority.leaf("web.home"), authority.leaf("chat.home")
    mixed = type(good)(other.certificate, good.key)
    lost = type(good)(house.directory / "nowhere.pem", good.key)
    house.start(TWO, **secure(house, mixed, lost, good))
    assert ask(house, authority)[0] == 200
    with pytest.raises(ssl.SSLError):
        connect(house, authority, "chat.home")
    detail = detail_of(house, "certificate_refused")
    assert "not the key of" in detail and "nowhere.pem" in detail
    assert house.ask(get("chat.home"))[0] == 200  # no certificate: plain HTTP goes on
    listed = house.control.status()["certificates"]
    assert [one["names"] for one in listed] == [["web.home"]]


def test_certificates_are_added_and_taken_away_by_a_reload(house, authority):
    house.upstream(9000)
    house.start(TWO)
    assert house.ask(get())[0] == 200
    house.reload(TWO, **secure(house, authority.leaf("web.home")))
    assert ask(house, authority)[0] == 200 and house.ask(get())[0] == 308
    house.reload(TWO)
    assert house.ask(get())[0] == 200
    with pytest.raises(OSError):
        house.host.connect(ADDRESS, 443)


def test_a_certificate_that_ends_soon_is_a_problem(house, authority):
    house.upstream(9000)
    house.start(TWO, **secure(house, authority.leaf("web.home", days=2)))
    assert "ends within three days" in detail_of(house, "certificate_ends")


def test_time_brings_an_end_nearer(house, authority):
    """Nothing changes but the clock on the wall."""
    clock = house.directory / "clock"

    def set_clock(offset: str) -> None:
        aside = clock.with_suffix(".new")
        aside.write_text(offset + "\n")
        aside.replace(clock)

    set_clock("+0d")
    house.write(TWO, **secure(house, authority.leaf("web.home", days=30)))
    (house.directory / "state").mkdir()
    argv = [house._program, "--config", house.config, "--run-dir", house.run_dir, "--state-dir", house.directory / "state"]
    environment = clock_environment(house.directory, FAKETIME_TIMESTAMP_FILE=str(clock), FAKETIME_NO_CACHE="1")
    house.daemon = house.host.start(argv, name="hearth-proxy", env=environment).wait_ready()
    assert "certificate_ends" not in house.control.problems()
    for offset, told in (("+28d", "ends within three days"), ("+31d", "has expired")):
        set_clock(offset)
        wait_until(lambda: "certificate_ends" in house.control.problems()
                   and told in detail_of(house, "certificate_ends"), 30, what=told)  # noqa: B023
    set_clock("+0d")
    wait_until(lambda: "certificate_ends" not in house.control.problems(), 30, what="the end of it")


def test_silent_clients_in_the_handshake_keep_nobody_out(home, authority):
    silent = [home.host.connect(ADDRESS, 443) for _ in range(200)]
    for one in silent[::2]:
        one.send(b"\x16\x03\x01\x02\x00\x01")
    assert ask(home, authority)[0] == 200
    for one in silent:
        one.close()


def test_what_arrives_while_records_wait_is_not_forgotten(house, authority):
    """A record waits behind a request under way, and its rest comes meanwhile: that edge is told only once."""
    go_on = threading.Event()

    def script(peer):
        while head := peer.read_head():
            if b"/first" in head:
                go_on.wait(20)
            peer.send(OK)

    upstream = house.upstream(9000, script)
    house.start(TWO, **secure(house, authority.leaf("web.home")), workers=1)
    bare = house.host.connect(ADDRESS, 443)
    bare.settimeout(10)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = client_context(authority).wrap_bio(incoming, outgoing, server_hostname="web.home")

    def receive(step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                bare.sendall(outgoing.read())
                incoming.write(bare.recv(65536))

    receive(tls.do_handshake)
    second = get(path="/second")
    tls.write(get(path="/first"))
    tls.write(second[:10])
    bare.sendall(outgoing.read())  # both records at once
    wait_until(lambda: b"/first" in upstream.received)
    tls.write(second[10:])
    bare.sendall(outgoing.read())
    assert ask(house, authority)[0] == 200, "by the same worker, which has seen the second arrival before"
    go_on.set()
    answers = b""
    while answers.count(b"\r\n\r\nok") < 2:
        answers += receive(lambda: tls.read(4096))


def test_a_reader_that_takes_little_gets_every_octet_once(house, authority):
    """Records that the kernel did not take are kept, and go before all others."""
    body = os.urandom(3 * MIB)

    def script(peer):
        while peer.read_head():
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    house.upstream(9000, script)
    house.start(TWO, **secure(house, authority.leaf("web.home")), workers=1)
    peer = connect(house, authority)
    peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    for _ in range(2):
        peer.send(get())
        assert peer.read_response() == (200, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body), body)
