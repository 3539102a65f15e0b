"""Services at Unix sockets, and DNS over HTTPS handed on to the hearth-dns beside the proxy."""

import json
import socket
import subprocess
import threading

import pytest

from tests.certs.certs_house import CertsHouse
from tests.lab.control import Control
from tests.lab.waiting import wait_until
from tests.proxy.h2_upstream import H2Connection, ok
from tests.proxy.house import ADDRESS, Peer, answer_all, get

CLIENT = "10.0.0.77"


class SocketUpstream:
    """An upstream at a path; `serve` gets each connection that says something."""

    def __init__(self, path, serve) -> None:
        self.path, self.peers = path, []
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, args=(serve,), daemon=True).start()

    def _accept(self, serve) -> None:
        while True:
            try:
                peer = Peer(self._listener.accept()[0])
            except OSError:
                return
            self.peers.append(peer)
            threading.Thread(target=self._play, args=(peer, serve), daemon=True).start()

    def _play(self, peer: Peer, serve) -> None:
        try:
            if peer.connection.recv(1, socket.MSG_PEEK):
                serve(peer)
        except OSError:
            pass
        finally:
            peer.close()

    @property
    def received(self) -> bytes:
        return b"".join(peer.received for peer in self.peers)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.path.unlink()
        for peer in self.peers:
            try:
                peer.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended by itself


def test_one_that_is_not_there_is_called_by_its_path(house):
    path = house.run_dir / "absent.sock"
    house.start({"web": {"upstream": f"unix:{path}", "health": {"path": "/", "interval": "1s"}}})
    house.daemon.wait_line(f"upstream_down upstream=unix:{path} ")
    house.daemon.wait_line(f"upstream_unhealthy .*upstream=unix:{path} ")
    assert house.ask(get())[0] in (502, 503)
    assert "[100::" not in house.daemon.log() and "[100::" not in house.control.get("/status").text()


def test_a_service_at_a_socket(house):
    path = house.run_dir / "app.sock"
    app = SocketUpstream(path, answer_all)
    house.start({"web": {"upstream": f"unix:{path}"}}, access_log="text")
    client = house.client()
    for _ in range(3):
        client.send(get())
        assert client.read_response()[::2] == (200, b"ok")
    asked = [peer for peer in app.peers if peer.received]
    assert len(asked) == 1  # kept
    assert b"Host: web.home\r\n" in app.received and f"X-Real-IP: {ADDRESS}\r\n".encode() in app.received
    upstream = {"url": f"unix:{path}", "up": True, "detail": ""}
    wait_until(lambda: house.control.status()["routes"][0]["upstreams"] == [upstream])
    probe = house.control.get("/probe?service=web").json()
    assert probe["ok"] and probe["upstreams"][0]["address"] == f"unix:{path}"
    wait_until(lambda: f"unix:{path}" in house.daemon.log())

    app.close()
    client.close()
    status, _, page = house.ask(get())
    assert status == 502 and f"unix:{path}".encode() in page
    SocketUpstream(path, answer_all)
    wait_until(lambda: house.ask(get())[0] == 200)


def test_a_socket_beside_a_port_and_its_health(house):
    path = house.run_dir / "app.sock"
    health = {"answer": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nunix"}

    def script(peer: Peer) -> None:
        while head := peer.read_head():
            bad = b"/healthz" in head and health.get("bad")
            peer.send(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" if bad else health["answer"])

    SocketUpstream(path, script)
    house.upstream(9000)
    house.start({"web": {"upstreams": [f"unix:{path}", f"http://{ADDRESS}:9000"],
                         "health": {"path": "/healthz", "interval": "1s", "rise": 1, "fall": 1}}})
    wait_until(lambda: {house.ask(get())[2] for _ in range(4)} == {b"ok", b"unix"})
    health["bad"] = True
    wait_until(lambda: {house.ask(get())[2] for _ in range(4)} == {b"ok"})
    health["bad"] = False
    wait_until(lambda: {house.ask(get())[2] for _ in range(4)} == {b"ok", b"unix"})
    assert house.control.post(f"/upstreams/drain?service=web&upstream=unix:{path}").status == 200
    assert {house.ask(get())[2] for _ in range(4)} == {b"ok"}


def test_http2_at_a_socket(house):
    path = house.run_dir / "h2.sock"

    class Script:
        script = staticmethod(ok)
        is_hasty = staticmethod(lambda asked: False)
        asked: list = []
        connections: list = []

    SocketUpstream(path, lambda peer: H2Connection(Script, peer.connection).run())
    house.start({"web": {"upstream": f"h2c+unix:{path}"}})
    assert [house.ask(get())[0] for _ in range(2)] == [200, 200]


# --- DNS over HTTPS ---------------------------------------------------------------------


@pytest.fixture
def home(network, binaries):
    made = CertsHouse(network.host("home"), binaries)
    made.host.run(["ip", "address", "add", f"{CLIENT}/32", "dev", "lo"])
    made.upstream()
    made.write(dns={"records": {"printer": "10.0.0.40"}}, tls={})
    yield made.start("certs", "dns", "proxy")
    made.close()


def newest(home: CertsHouse) -> dict:
    return Control(home.run_dir / "dns.sock").get("/queries?limit=1").json()["queries"][0]


def kdig(home: CertsHouse, *words: str) -> subprocess.CompletedProcess:
    return home.host.run(["kdig", f"@{ADDRESS}", "-b", CLIENT, "+https=/dns-query", "+tls-hostname=here.home",
                          f"+tls-ca={home.root()}", "printer.home", "A", *words])


def test_dns_over_https_beside_websites(home):
    """kdig and curl ask at port 443; the name server knows who they are."""
    home.served("here.home", "web.home")
    answer = kdig(home)
    assert "10.0.0.40" in answer.stdout and "HTTP/2-POST" in answer.stdout, answer.stdout
    assert (newest(home)["client"], newest(home)["transport"]) == (CLIENT, "https")
    assert "10.0.0.40" in kdig(home, "+https-get").stdout

    # curl looks its host up there, and then finds nobody at the printer's address.
    for version in ("--http1.1", "--http2"):
        done = home.host.run(["curl", "--verbose", "--doh-url", "https://here.home/dns-query", version,
                              "--cacert", home.root(), "--connect-timeout", "1", "http://printer.home/",
                              "--resolve", f"here.home:443:{ADDRESS}"], check=False)
        assert "10.0.0.40" in done.stderr, done.stderr
        assert (newest(home)["client"], newest(home)["transport"]) == (ADDRESS, "https")

    # HTTP/1.1 and another path, and a website meanwhile.
    ask = ["curl", "--silent", "--http1.1", "--cacert", home.root(), "--connect-to", f"::{ADDRESS}:", "--output", "/dev/null",
           "--write-out", "%{http_code}"]
    assert home.host.run([*ask, "https://here.home/"]).stdout == "404"
    assert home.host.run([*ask, "https://web.home/"]).stdout == "200"

    routes = json.loads(home.hearth("routes", "--json").stdout)
    assert {"host": "here.home", "service": "hearth.dns"}.items() <= routes[-1].items()
    wait_until(lambda: json.loads(home.hearth("routes", "--json").stdout)[-1]["upstreams"][0]["up"] is True)


def test_without_a_name_server_others_are_served(home):
    home.served("here.home", "web.home")
    home.daemons["dns"].kill()
    done = home.host.run(["curl", "--silent", "--cacert", home.root(), "--connect-to", f"::{ADDRESS}:", "--write-out",
                          "%{http_code}", "https://here.home/dns-query?dns=AAAB"])
    assert done.stdout.endswith("502")
    assert home.problem("upstream_down", "proxy") == ""
    home.start("dns")
    wait_until(lambda: "10.0.0.40" in kdig(home).stdout)


def test_a_service_of_that_name_keeps_it(home):
    home.write(services={"here2": {"upstream": f"http://{ADDRESS}:9000", "hosts": ["here.home"]}})
    home.reload("proxy")
    peer = Peer(home.host.connect(ADDRESS, 80))
    peer.send(get("here.home"))
    assert peer.read_response()[0] in (200, 308)
    routes = Control(home.run_dir / "proxy.sock").status()["routes"]
    assert {route["service"] for route in routes} == {"here2"}
