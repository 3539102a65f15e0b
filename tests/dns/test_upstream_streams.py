"""Upstreams over TCP, TLS and HTTPS: real unbound behind them, certificates that are right and wrong."""

import base64
import concurrent.futures
import hashlib
import re
import socket
import struct
import subprocess
import threading

import pytest

from tests.dns.dns_house import ROUTER, House, answer_a, name_in
from tests.lab.authority import Authority
from tests.lab.netns import Network
from tests.lab.waiting import wait_until

NAME = "dns.example"


@pytest.fixture
def house(network: Network, binaries) -> House:
    return House(network, binaries["hearth-dns"])


@pytest.fixture
def authority(house: House) -> Authority:
    return Authority(house.directory / "tls")


def encrypted(house: House, leaf):
    """unbound on ports 53, 853 and 443."""
    return house.unbound(extra=f"""
  interface: {ROUTER}@853
  interface: {ROUTER}@443
  tls-port: 853
  https-port: 443
  tls-service-key: "{leaf.key}"
  tls-service-pem: "{leaf.certificate}"
  log-queries: yes
""")


def start(house: House, authority: Authority, *upstreams: str, more: str = "", workers: int = 2) -> None:
    listed = ", ".join(f'"{one}"' for one in upstreams)
    house.start(dns=f"upstreams: [{listed}]\n  tls_ca: {authority.root}\n  {more}", workers=workers)


TLS = f"tls://{ROUTER}#{NAME}"
HTTPS = f"https://{ROUTER}/dns-query#{NAME}"


@pytest.mark.parametrize("upstream", [TLS, HTTPS, f"tcp://{ROUTER}", f"tls://{ROUTER}:853#{NAME.upper()}"])
def test_names_are_resolved_over_a_connection(house: House, authority: Authority, upstream: str) -> None:
    encrypted(house, authority.leaf(NAME))
    start(house, authority, upstream)
    house.router.run(["nft", "add table inet f; add chain inet f i { type filter hook input priority 0; }; "
                             "add rule inet f i udp dport 53 counter drop"])
    assert house.data("www.example") == ["192.0.2.80"]
    assert house.data("www.example", "AAAA") == ["2001:db8::80"]
    assert house.dig("nothing.example").rcode == "NXDOMAIN"
    names = [f"n{i}.example" for i in range(200)]
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda name: house.dig(name).rcode, names))
    assert answers == ["NXDOMAIN"] * 200
    connections = house.dns.run(["ss", "-Htn", "state", "established", "dst", ROUTER]).stdout.splitlines()
    assert 1 <= len(connections) <= 2, "one for each worker"
    counter = house.router.run(["nft", "list", "table", "inet", "f"]).stdout
    assert re.search(r"packets 0 ", counter), "nothing goes in the clear"


@pytest.mark.parametrize(("names", "upstream", "reason"), [
    (["other.example"], TLS, "mismatch"),
    ([NAME], f"tls://{ROUTER}", "mismatch"),  # the certificate has no address in it
    (["other.example"], HTTPS, "mismatch"),
])
def test_another_certificate_is_no_upstream(house: House, authority: Authority, names, upstream, reason) -> None:
    encrypted(house, authority.leaf(*names))
    start(house, authority, upstream)
    assert house.dig("www.example").rcode == "SERVFAIL"
    assert house.data("printer.home") == ["10.0.0.40"]
    wait_until(lambda: reason in house.control.status()["upstreams"][0].get("trouble", ""))


def test_an_authority_that_nobody_trusts(house: House, authority: Authority) -> None:
    encrypted(house, Authority(house.directory / "evil", "Evil").leaf(NAME))
    start(house, authority, TLS)
    assert house.dig("www.example").rcode == "SERVFAIL"
    wait_until(lambda: "issuer" in house.control.status()["upstreams"][0].get("trouble", ""))


def test_an_expired_certificate(house: House, authority: Authority) -> None:
    encrypted(house, authority.leaf(NAME, days=-1))
    start(house, authority, TLS)
    assert house.dig("www.example").rcode == "SERVFAIL"
    wait_until(lambda: "expired" in house.control.status()["upstreams"][0].get("trouble", ""))


def test_a_wrong_ca_file_changes_nothing(house: House, authority: Authority) -> None:
    encrypted(house, authority.leaf(NAME))
    start(house, authority, TLS)
    house.write(dns=f'upstreams: ["{TLS}"]\n  tls_ca: {house.directory}/nowhere.pem')
    reply = house.control.post("/reload")
    assert reply.status == 422 and "nowhere.pem" in reply.text()
    assert house.data("www.example") == ["192.0.2.80"]


def test_a_restarted_server_is_asked_again_at_once(house: House, authority: Authority) -> None:
    leaf = authority.leaf(NAME)
    first = encrypted(house, leaf)
    start(house, authority, TLS)
    assert house.data("www.example") == ["192.0.2.80"]
    first.stop()
    encrypted(house, leaf)
    for i in range(6):  # more than the workers there are
        assert house.dig(f"n{i}.example").rcode == "NXDOMAIN"


def frames(connection: socket.socket):
    """DNS messages of a TCP connection."""
    data = b""
    while True:
        while len(data) >= 2 and len(data) >= 2 + struct.unpack(">H", data[:2])[0]:
            size = struct.unpack(">H", data[:2])[0]
            yield data[2 : 2 + size]
            data = data[2 + size :]
        octets = connection.recv(65536)
        if not octets:
            return
        data += octets


class ScriptedStream:
    """A TCP server on port 53 of the router; `script(connection, number)` for each connection."""

    def __init__(self, house: House, script) -> None:
        self.connections = 0
        with house.router.entered():
            self._listener = socket.create_server((ROUTER, 53))
        threading.Thread(target=self._accept, args=(script,), daemon=True).start()

    def _accept(self, script) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._play, args=(script, connection), daemon=True).start()

    def _play(self, script, connection) -> None:
        with connection:
            script(connection, self.connections)


def framed(message: bytes) -> bytes:
    return struct.pack(">H", len(message)) + message


def test_answers_in_another_order_split_at_every_octet(house: House, authority: Authority) -> None:
    def script(connection, _) -> None:
        asked = []
        for message in frames(connection):
            asked.append(message)
            if len(asked) == 5:
                for one in reversed(asked):
                    address = f"192.0.2.{int(name_in(one)[1])}"
                    for octet in framed(answer_a(one, address)):
                        connection.send(bytes([octet]))
                asked.clear()

    ScriptedStream(house, script)
    start(house, authority, f"tcp://{ROUTER}", workers=1)
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda i: house.data(f"n{i}.example"), range(5)))
    assert answers == [[f"192.0.2.{i}"] for i in range(5)]


def test_a_kept_connection_that_breaks_is_opened_again(house: House, authority: Authority) -> None:
    def script(connection, _) -> None:
        for message in frames(connection):
            if name_in(message).startswith("last"):
                return  # closes under the question
            connection.sendall(framed(answer_a(message)))

    server = ScriptedStream(house, script)
    start(house, authority, f"tcp://{ROUTER}", workers=1)
    assert house.data("first.example") == ["192.0.2.99"]
    assert house.dig("last.example").rcode == "SERVFAIL", "asked twice, no answer"
    assert server.connections >= 2
    wait_until(lambda: house.data("next.example") == ["192.0.2.99"])


@pytest.mark.parametrize("octets", [b"\0\5abcde", b"\0\x0c" + b"\xff" * 12, b"\xff\xff" + b"\0" * 100, b""])
def test_nonsense_is_not_an_answer(house: House, authority: Authority, octets: bytes) -> None:
    def script(connection, _) -> None:
        for _message in frames(connection):
            connection.sendall(octets)
            return

    ScriptedStream(house, script)
    start(house, authority, f"tcp://{ROUTER}")
    assert house.dig("www.example").rcode == "SERVFAIL"
    assert house.data("printer.home") == ["10.0.0.40"]


def test_strict_order_and_parallel(house: House, authority: Authority) -> None:
    encrypted(house, authority.leaf(NAME))
    start(house, authority, "10.0.0.250", TLS, more="strategy: parallel")
    assert house.data("www.example") == ["192.0.2.80"]
    house.write(dns=f'upstreams: ["{TLS}", "{HTTPS}"]\n  strategy: strict\n  tls_ca: {authority.root}')
    assert house.control.post("/reload").status == 200
    for i in range(20):
        assert house.dig(f"n{i}.example").rcode == "NXDOMAIN"
    first, second = house.control.status()["upstreams"]
    assert first["address"].startswith("tls://") and second["sent"] == 0


def pin_of(certificate) -> str:
    """SHA-256 of the key in it, as RFC 7858 §4.2 has it."""
    key = subprocess.run(f"openssl x509 -in {certificate} -pubkey -noout | openssl pkey -pubin -outform DER",
                         shell=True, check=True, capture_output=True).stdout
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


@pytest.mark.parametrize("scheme", ["tls://{}#{}", "https://{}/dns-query#{}"])
def test_a_pinned_key_is_believed_and_no_other(house: House, authority: Authority, scheme: str) -> None:
    leaf = authority.leaf("other.example")
    encrypted(house, leaf)
    right, wrong = pin_of(leaf.certificate), pin_of(authority.root)
    # No authority is needed, nor a name.
    house.start(dns=f'upstreams: ["{scheme.format(ROUTER, f"pin-sha256={wrong},pin-sha256={right}")}"]')
    assert house.data("www.example") == ["192.0.2.80"]
    house.write(dns=f'upstreams: ["{scheme.format(ROUTER, f"pin-sha256={wrong}")}"]\n  tls_ca: {authority.root}')
    assert house.control.post("/reload").status == 200
    assert house.dig("www.example").rcode == "SERVFAIL"
    wait_until(lambda: "another key" in house.control.status()["upstreams"][0].get("trouble", ""))
