"""Clients and services that people have: curl, h2load, Node's ws, wsproto, hypercorn, nginx, gRPC.

Chromium is in tests/certs/test_browser.py, HTTPie and the like are curl as far as octets go.
"""

import json
import re
import subprocess
from pathlib import Path

import pytest
import wsproto
import wsproto.connection
import wsproto.events

from tests.lab.waiting import wait_until
from tests.proxy.h2_client import H2Client, connect
from tests.proxy.h2_client import get as h2_get
from tests.proxy.house import ADDRESS, get
from tests.proxy.test_tls import client_context, secure

PEERS = Path(__file__).parent / "peers"
NODE = {"NODE_PATH": "/usr/share/nodejs:/usr/lib/nodejs"}
URL = f"http://{ADDRESS}:9000"
MIB = 1 << 20


@pytest.fixture
def home(house, authority):
    """https://web.home for the upstream on port 9000."""

    def start(upstream: str | dict = URL, **more):
        service = {"upstream": upstream} if isinstance(upstream, str) else {"upstreams": [upstream]}
        house.start({"web": {**service, "https": "optional", **more}}, **secure(house, authority.leaf("web.home")))
        return house

    return start


# --- curl and h2load before nginx ---

NGINX = """
daemon off; user root; worker_processes 1; pid %(directory)s/nginx.pid; error_log stderr warn;
events { worker_connections 512; }
http {
  access_log off; default_type application/octet-stream; types { text/css css; }
  client_body_temp_path %(directory)s/body; proxy_temp_path %(directory)s/proxy; fastcgi_temp_path %(directory)s/fastcgi;
  uwsgi_temp_path %(directory)s/uwsgi; scgi_temp_path %(directory)s/scgi;
  client_max_body_size 1g;
  absolute_redirect off; gzip on; gzip_min_length 100; gzip_types text/css;
  server {
    listen 127.0.0.1:9000; root %(directory)s/files;
    location /upload { client_body_in_file_only clean; proxy_pass http://127.0.0.1:9000/taken; }
    location /taken { return 200 "$http_content_length\\n"; }
    location /moved { return 301 /a.css; }
    location /seen { return 200 "$request_method $request_uri $server_protocol $http_host $http_x_forwarded_for $http_x_forwarded_proto\\n"; }
  }
}
"""


@pytest.fixture
def nginx(house):
    directory = house.directory / "nginx"
    files = directory / "files"
    files.mkdir(parents=True)
    (files / "a.css").write_text("body { color: red }\n" * 1000)
    (files / "film").write_bytes(bytes(range(256)) * 4096)
    config = directory / "nginx.conf"
    config.write_text(NGINX % {"directory": directory})
    house.host.start(["nginx", "-e", "stderr", "-c", config], name="nginx")
    wait_until(lambda: not house.host.run(["curl", "-s", URL + "/seen"], check=False).returncode)
    return files


WAYS = {
    "h1": ["--http1.1", "--resolve", f"web.home:80:{ADDRESS}", "http://web.home"],
    "h1 tls": ["--http1.1", "--resolve", f"web.home:443:{ADDRESS}", "https://web.home"],
    "h2 tls": ["--http2", "--resolve", f"web.home:443:{ADDRESS}", "https://web.home"],
    "h2c": ["--http2-prior-knowledge", "--resolve", f"web.home:80:{ADDRESS}", "http://web.home"],
}


@pytest.mark.parametrize("way", WAYS)
def test_curl_before_nginx(home, nginx, authority, way, tmp_path):
    house = home()
    *options, site = WAYS[way]

    def curl(path: str, *more: str) -> str:
        return house.host.run(["curl", "--silent", "--show-error", "--max-time", "60", "--cacert", authority.root,
                               *options, *more, site + path]).stdout

    scheme = site.split(":")[0]
    assert curl("/seen?a=%2F") == f"GET /seen?a=%2F HTTP/1.1 web.home {ADDRESS} {scheme}\n"
    fetched = tmp_path / "film"
    curl("/film", "--output", str(fetched))
    assert fetched.read_bytes() == (nginx / "film").read_bytes()
    head = curl("/film", "--range", "1000-1999", "--dump-header", "-", "--output", str(fetched))
    assert " 206" in head and "content-range: bytes 1000-1999/1048576" in head.lower()
    assert fetched.read_bytes() == (nginx / "film").read_bytes()[1000:2000]
    curl("/film", "--continue-at", "-", "--output", str(fetched))  # after the thousand there are
    assert fetched.stat().st_size == MIB
    head = curl("/film", "--range", "9999999-", "--dump-header", "-", "--output", "/dev/null")
    assert " 416" in head
    etag = re.search(r"etag: (\S+)", curl("/film", "--head"), re.IGNORECASE)[1]
    assert " 304" in curl("/film", "--header", f"If-None-Match: {etag}", "--dump-header", "-", "--output", "/dev/null")
    assert curl("/a.css", "--compressed") == (nginx / "a.css").read_text()
    assert "content-encoding: gzip" in curl("/a.css", "--compressed", "--dump-header", "-", "--output", "/dev/null").lower()
    if way != "h2c":  # curl 7.88 begins a kept connection of that kind anew, with nginx as well
        assert curl("/moved", "--location", "--write-out", "%{num_redirects}", "--output", "/dev/null") == "1"
    source = tmp_path / "upload"
    source.write_bytes(bytes(5 * MIB))
    assert curl("/upload", "--upload-file", str(source), "--header", "Expect: 100-continue") == f"{5 * MIB}\n"
    with source.open() as pipe:  # of a size that nobody knows: chunks, or a stream
        argv = ["curl", "--silent", "--cacert", authority.root, *options, "--upload-file", "-", site + "/upload"]
        sent = subprocess.run([*house.host.prefix(), *argv], stdin=pipe, capture_output=True, text=True, timeout=60)
    assert sent.stdout == f"{5 * MIB}\n"


@pytest.mark.parametrize("way", ["h1", "h1 tls", "h2 tls", "h2c"])
def test_h2load_before_nginx(home, nginx, way):
    house = home()
    scheme, port = ("https", 443) if "tls" in way else ("http", 80)
    options = ["--h1"] if way.startswith("h1") else ["-m", "20"]
    told = house.host.run(["h2load", "-n", "4000", "-c", "20", *options, f"--connect-to={ADDRESS}:{port}",
                           f"{scheme}://web.home/a.css"]).stdout
    assert "4000 succeeded, 0 failed, 0 errored, 0 timeout" in told, told
    assert "status codes: 4000 2xx" in told


# --- WebSockets ---


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_ws_of_node_at_both_ends(home, authority, scheme):
    house = home()
    server = house.host.start(["node", PEERS / "ws_server.js", "9000"], name="ws-server", env=NODE)
    server.wait_line("listening")
    port = 80 if scheme == "ws" else 443
    argv = ["env", *(f"{name}={value}" for name, value in NODE.items()), "node", PEERS / "ws_client.js",
            f"{scheme}://web.home:{port}/chat", f"{ADDRESS}:{port}", *([authority.root] if scheme == "wss" else [])]
    told = json.loads(house.host.run(argv).stdout)
    assert told["told"] == [f"hello {ADDRESS} {'https' if scheme == 'wss' else 'http'}", "hello", MIB, "0001ff"]
    assert (told["code"], told["reason"]) == (4001, "bye"), "its own close code came back"
    assert told["extensions"] == "permessage-deflate"
    server.wait_line("closed 4001 bye")


def talk_with_wsproto(send, receive, connection) -> list:
    """Text in pieces, octets, a ping, and an end that both agree on."""
    heard, text, over = [], "", False
    for event in (wsproto.events.TextMessage("hel", message_finished=False), wsproto.events.TextMessage("lo"),
                  wsproto.events.BytesMessage(bytes(300_000)), wsproto.events.Ping(b"there?")):
        send(connection.send(event))
    while not over:
        connection.receive_data(receive())
        for event in connection.events():
            match event:
                case wsproto.events.TextMessage():
                    text += event.data
                    if event.message_finished:
                        heard.append(text)
                        text = ""
                case wsproto.events.BytesMessage():
                    heard.append(len(event.data))
                case wsproto.events.Pong():
                    heard.append(bytes(event.payload))
                    send(connection.send(wsproto.events.CloseConnection(4002, "enough")))
                case wsproto.events.CloseConnection():
                    heard.append(event.code)
                    over = True
    return heard


def check_heard(heard: list) -> None:
    assert heard[0].startswith(f"hello {ADDRESS}") and heard[1] == "hello" and heard[-1] == 4002
    assert b"there?" in heard and sum(one for one in heard if isinstance(one, int)) == 300_000 + 4002


@pytest.fixture
def ws_server(house):
    house.host.start(["node", PEERS / "ws_server.js", "9000"], name="ws-server", env=NODE).wait_line("listening")


def talk_over_http1(house) -> list:
    peer = house.client()
    client = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
    peer.send(client.send(wsproto.events.Request(host="web.home", target="/")))
    while not any(isinstance(event, wsproto.events.AcceptConnection) for event in client.events()):
        client.receive_data(peer.connection.recv(65536))
    return talk_with_wsproto(peer.send, lambda: peer.connection.recv(65536), client)


def test_wsproto_over_http1(home, ws_server):
    check_heard(talk_over_http1(home()))


@pytest.mark.parametrize("tls", [False, True])
def test_wsproto_to_hypercorn_over_http2(home, authority, tls):
    """An upstream that is asked for its WebSockets by extended CONNECT."""
    argv = ["env", f"PYTHONPATH={PEERS}", "hypercorn", "--bind", f"{ADDRESS}:9000", "--websocket-ping-interval", "5"]
    if tls:
        leaf = authority.leaf("localhost")
        argv += ["--certfile", leaf.certificate, "--keyfile", leaf.key]
        house = home({"url": "https://localhost:9000", "ca": str(authority.root)})
    else:
        house = home(f"h2c://{ADDRESS}:9000")
    house.host.start([*argv, "asgi_peer:app"], name="hypercorn").wait_line("Running on")
    heard = talk_over_http1(house)
    check_heard(heard)
    assert heard[0] == f"hello {ADDRESS} http HTTP/2"


@pytest.mark.parametrize("tls", [False, True])
def test_wsproto_over_http2(home, ws_server, authority, tls):
    """RFC 8441: the frames are those of RFC 6455, in a stream."""
    house = home()
    if tls:
        context = client_context(authority)
        context.set_alpn_protocols(["h2"])
        client = H2Client(context.wrap_socket(house.host.connect(ADDRESS, 443), server_hostname="web.home"))
    else:
        client = connect(house)
    stream = client.request([*h2_get(method="CONNECT", scheme="https" if tls else "http"), (b":protocol", b"websocket"),
                             (b"sec-websocket-version", b"13"), (b"origin", b"https://web.home")], end=False)
    assert client.wait_head(stream).status == 200

    def receive() -> bytes:
        answer = client.answers[stream]
        while not answer.body:
            assert client.receive()
        octets, answer.body = answer.body, b""
        return octets

    connection = wsproto.connection.Connection(wsproto.ConnectionType.CLIENT)
    check_heard(talk_with_wsproto(lambda octets: client.send(stream, octets), receive, connection))
    assert client.wait(stream).ended


# --- gRPC ---


@pytest.mark.parametrize("behind", ["h2c", "https"])
@pytest.mark.parametrize("front", ["h2c", "https"])
def test_grpc(home, authority, front, behind):
    serve = ["/usr/bin/python3", PEERS / "grpc_peer.py", "serve", "9000"]
    if behind == "https":
        leaf = authority.leaf("localhost")
        serve += [leaf.certificate, leaf.key]
        house = home({"url": "https://localhost:9000", "ca": str(authority.root)})
    else:
        house = home(f"h2c://{ADDRESS}:9000")
    house.host.start(serve, name="grpc").wait_ready()
    target = [f"{ADDRESS}:443", "web.home", authority.root] if front == "https" else [f"{ADDRESS}:80", "web.home"]
    told = json.loads(house.host.run(["/usr/bin/python3", PEERS / "grpc_peer.py", "call", *target], timeout=120).stdout)
    assert told == {
        "unary": "hello|asked",
        "first": "early",
        "last": ["late", "00ff0a"],
        "big": 3 * MIB + 1,
        "error": ["FAILED_PRECONDITION", "not now: 50% – später"],
        "unknown": "UNIMPLEMENTED",
        "stream down": "499",
        "stream up": "0,1,2,3,4",
        "stream both ways": ["ONE", "TWO", "THREE"],
        "deadline": "DEADLINE_EXCEEDED",
        "cancelled": "yes",
        "early error": ["RESOURCE_EXHAUSTED", "enough"],
    }


def test_a_grpc_service_that_is_away_is_unavailable(home):
    house = home(f"h2c://{ADDRESS}:9000")
    assert house.host.run(["/usr/bin/python3", "-c", AWAY, f"{ADDRESS}:80"]).stdout == "UNAVAILABLE\n"
    assert house.ask(get())[0] == 502


AWAY = """
import sys, grpc
channel = grpc.insecure_channel(sys.argv[1], [("grpc.default_authority", "web.home")])
try:
    channel.unary_unary("/echo.Echo/Say")(b"", timeout=20)
except grpc.RpcError as error:
    print(error.code().name)
"""


@pytest.mark.parametrize("behind", ["h2c", "https"])
def test_health_by_grpc(home, authority, behind):
    """What gRPC's own health checks say decides, for the service that is named."""
    serve = ["/usr/bin/python3", PEERS / "grpc_peer.py", "serve", "9000"]
    upstream = f"h2c://{ADDRESS}:9000"
    check = {"grpc": "echo.Echo", "interval": "1s", "rise": 1, "fall": 1}
    told = Path(authority.root).parent / "health"
    told.write_text("1")
    if behind == "https":
        leaf = authority.leaf("localhost")
        serve += [leaf.certificate, leaf.key]
        upstream = {"url": "https://localhost:9000", "ca": str(authority.root)}
    house = home(upstream, health=check)
    house.host.start(serve, name="grpc", env={"HEALTH": str(told)}).wait_ready()
    client = connect(house)

    def route() -> dict:
        return next(one["upstreams"][0] for one in house.control.status()["routes"] if one["host"] == "web.home")

    def say(number: str) -> None:
        fresh = told.with_suffix(".new")
        fresh.write_text(number)
        fresh.replace(told)

    def call() -> int:
        head = [*h2_get("/echo.Echo/Say", method="POST"), (b"content-type", b"application/grpc"), (b"te", b"trailers")]
        return client.ask(head, b"\0\0\0\0\2hi").status

    wait_until(lambda: route()["up"] is True and call() == 200, 20, what="it serves")
    for number, what in (("2", "is NOT_SERVING"), ("0", "is UNKNOWN")):
        say(number)
        wait_until(lambda: route() | {"up": False, "detail": what} == route(), 20, what=what)
        assert call() == 503
        probed = house.control.get("/probe?service=web").json()
        assert probed["ok"] is False and probed["upstreams"][0]["detail"] == what
    say("1")
    wait_until(lambda: route()["up"] is True and call() == 200, 20, what="it serves again")
    assert house.control.get("/probe?service=web").json()["ok"] is True
    house.reload({"web": {"upstreams": [upstream], "https": "optional", "health": {**check, "grpc": "echo.Other"}}},
                 **secure(house, authority.leaf("web.home")))
    wait_until(lambda: route()["detail"] == "has no such service (gRPC NOT_FOUND)", 20, what="another service")
