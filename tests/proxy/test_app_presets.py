"""Every application that Hearth knows, before a stand-in that wants of a proxy what the application wants."""

import hashlib
import socket
import threading
from dataclasses import dataclass, field

import pytest

from tests.lab.waiting import wait_until
from tests.proxy.house import ADDRESS, Peer, get

MIB = 1 << 20
FIRST_PORT = 9100


@dataclass
class App:
    """What it is asked: by the health check, by a WebSocket, with a large body, for a stream without end."""

    health: str
    websocket: str = ""
    upload: tuple[str, str] | None = None
    stream: str = ""
    health_status: int = 200
    answer_timeout: str = ""
    headers: dict[str, str] = field(default_factory=dict)  # what its own clients send, which must arrive


APPS = {
    "beszel": App("/api/health", "/api/beszel/agent-connect", None, "/api/realtime", headers={"X-Token": "t", "X-Beszel": "0.9"}),
    "filebrowser": App("/health", "/api/command/", ("PATCH", "/api/tus/a%2Fb.iso"), headers={"X-Auth": "t", "Upload-Offset": "0"}),
    "grafana": App("/api/health", "/api/live/ws", headers={"Origin": "https://grafana.home"}),
    "home-assistant": App("/manifest.json", "/api/websocket", ("POST", "/api/backup/upload"), "/api/stream"),
    "homepage": App("/api/healthcheck"),
    "immich": App("/api/server/ping", "/api/socket.io/?EIO=4", ("POST", "/api/assets"), answer_timeout="600s",
                  headers={"x-api-key": "k", "x-immich-checksum": "c"}),
    "jellyfin": App("/health", "/socket?api_key=k", None, "/Videos/1/stream.mkv", headers={"X-Emby-Authorization": "MediaBrowser"}),
    "mealie": App("/api/app/about", "", ("POST", "/api/admin/backups/upload")),
    "nextcloud": App("/status.php", "", ("PUT", "/remote.php/dav/files/ann/a%20b.bin"), answer_timeout="3600s",
                     headers={"OC-Total-Length": "1", "Destination": "https://nextcloud.home/remote.php/dav/x"}),
    "ollama": App("/", "", ("POST", "/api/blobs/sha256:0"), "/api/chat", answer_timeout="3600s"),
    "pihole": App("/admin/", headers={"X-FTL-SID": "s"}),
    "plex": App("/identity", "/:/websockets/notifications", None, "/:/eventsource/notifications", headers={"X-Plex-Token": "t"}),
    "portainer": App("/api/system/status", "/api/websocket/exec?id=1", ("POST", "/api/upload/tls/ca"), headers={"X-Registry-Auth": "r"}),
    "prowlarr": App("/ping", "/signalr/messages?access_token=t", headers={"X-Api-Key": "k"}),
    "radarr": App("/ping", "/signalr/messages?access_token=t", headers={"X-Api-Key": "k"}),
    "sonarr": App("/ping", "/signalr/messages?access_token=t", headers={"X-Api-Key": "k"}),
    "tandoor": App("/", "", ("POST", "/api/import/"), headers={"Referer": "https://tandoor.home/", "X-CSRFToken": "t"}),
    "transmission": App("/transmission/web/", "", ("POST", "/transmission/rpc"), "", 401, headers={"X-Transmission-Session-Id": "s"}),
    "vaultwarden": App("/alive", "/notifications/anonymous-hub?token=t", ("POST", "/api/ciphers/1/attachment")),
}


class StandIn:
    """The application: refuses what it would refuse, so that a test sees it."""

    def __init__(self, house, name: str, app: App, port: int) -> None:
        self.name, self.app, self.port = name, app, port
        self.asked: list[bytes] = []
        self.wrong: list[str] = []
        self.go_on = threading.Event()
        house.upstream(port, self.play)

    def check(self, head: bytes) -> bool:
        """Its host, one client, one scheme: what trusted_domains, whitelists and known proxies are about."""
        lines = head.decode("latin-1").split("\r\n")[1:]
        fields = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines) if name]
        host = f"{self.name}.home"
        wanted = {"host": host, "x-forwarded-for": ADDRESS, "x-real-ip": ADDRESS, "x-forwarded-host": host,
                  "x-forwarded-proto": "http", **{name.lower(): value for name, value in self.app.headers.items()}}
        for name, value in wanted.items():
            got = [one for field_name, one in fields if field_name == name]
            if got != [value]:
                self.wrong.append(f"{name}: {got}, not {value}")
        return not self.wrong

    def play(self, peer: Peer) -> None:
        while head := peer.read_head():
            method, path = head.decode("latin-1").split(" ")[:2]
            self.asked.append(head)
            if b"User-Agent: hearth-proxy\r\n" in head:
                status = self.app.health_status if (method, path) == ("GET", self.app.health) else 500
                peer.send(b"HTTP/1.1 %d Told\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status)
                return
            if not self.check(head):
                peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            elif b"\r\nUpgrade: websocket\r\n" in head:
                peer.send(b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
                while octets := peer.connection.recv(65536):
                    peer.send(octets)
                return
            elif path == self.app.stream:
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
                self.go_on.wait(20)
                peer.send(b"6\r\nsecond\r\n0\r\n\r\n")
            else:
                body = peer.read_chunks() if b"chunked" in head.lower() else b""
                told = hashlib.sha256(body).hexdigest().encode()
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n" + told)


@pytest.fixture
def home(house):
    house.stand_ins = {name: StandIn(house, name, app, FIRST_PORT + number)
                       for number, (name, app) in enumerate(APPS.items())}
    return house.start({name: {"upstream": f"http://{ADDRESS}:{one.port}", "app": name}
                        for name, one in house.stand_ins.items()})


def fields(app: App, more: str = "") -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in app.headers.items()) + more


def test_each_gets_what_it_wants(home, binaries):
    hearth = [binaries["hearth"], "app", "--config", home.config, "--run-dir", home.run_dir, "--json"]
    listed = home.host.run([*hearth[:2], *hearth[2:6]]).stdout
    known = {line.split()[0] for line in listed.splitlines() if line and line[0].islower() and len(line.split()) > 1}
    assert set(APPS) <= known and all(name in APPS for name in known), "one without a stand-in"

    def state(name: str) -> dict:
        return next(one["upstreams"][0] for one in home.control.status()["routes"] if one["host"] == f"{name}.home")

    for name, one in home.stand_ins.items():
        app = one.app
        probe = f"GET {app.health} HTTP/1.1\r\nHost: {name}.home\r\n".encode()
        wait_until(lambda: any(head.startswith(probe) for head in one.asked), 20, what=f"{name}'s health is asked")  # noqa: B023
        assert state(name)["up"] is True, name

        client = home.client()
        client.send(get(f"{name}.home", "/", fields(app)))
        assert client.read_response()[0] == 200, (name, one.wrong)
        if app.upload:
            body = bytes(range(256)) * (3 * MIB // 256)
            head = f"{app.upload[0]} {app.upload[1]} HTTP/1.1\r\nHost: {name}.home\r\nTransfer-Encoding: chunked\r\n{fields(app)}\r\n"
            client.send(head.encode() + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
            assert client.read_response()[::2] == (200, hashlib.sha256(body).hexdigest().encode()), (name, one.wrong)
            assert any(head.startswith(f"{app.upload[0]} {app.upload[1]} ".encode()) for head in one.asked), name
        if app.stream:
            client.send(get(f"{name}.home", app.stream, fields(app)))
            client.read_head()
            assert client.read_until(b"first") .endswith(b"first"), f"{name}: what is there arrives before the rest"
            one.go_on.set()
            assert client.read_until(b"0\r\n\r\n").endswith(b"0\r\n\r\n")
        if app.websocket:
            client.send(get(f"{name}.home", app.websocket, fields(app, "Connection: Upgrade\r\nUpgrade: websocket\r\n")))
            assert client.read_head().startswith(b"HTTP/1.1 101 "), (name, one.wrong)
            client.send(b"\x81\x02hi")
            assert client.read_exactly(4) == b"\x81\x02hi"
            client.connection.shutdown(socket.SHUT_WR)
            assert client.read_all() == b""
        assert one.wrong == []


@pytest.mark.parametrize("name", APPS)
def test_what_is_said_of_it_is_filled_in(house, binaries, name):
    house.write({name: {"upstream": f"http://{ADDRESS}:9000", "app": name}})
    told = house.host.run([binaries["hearth"], "app", name, "--config", house.config, "--run-dir", house.run_dir]).stdout
    app = APPS[name]
    assert f"health {app.health}" in told.splitlines()[0], told
    assert ("answer_timeout " + app.answer_timeout in told) if app.answer_timeout else "answer_timeout" not in told
    assert "{" not in told.replace("{}", ""), "nothing is left to be filled in"
    for value in (f"{name}.home", ADDRESS):
        if name in ("homepage", "nextcloud", "transmission", "tandoor") and value.endswith(".home"):
            assert value in told
