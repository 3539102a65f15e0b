"""Backends of services: asked, found dead, left alone, drained; and clients that must find another one."""

import contextlib
import os
import socket
from pathlib import Path

import pytest

from tests.lab.waiting import wait_until
from tests.lb.test_services import MQTT, ask, document, name_server, reload

FAST = "interval: 100ms, timeout: 2s, fall: 2, rise: 2"


@pytest.fixture
def lan(make_lan):
    made = make_lan(2)
    made.write_document(document(made, "{tcp/1883: [a, b]}", f", check: {{kind: tcp, {FAST}}}"))
    made.start()
    made.nodes[0].wait_state("master", "mqtt")
    return made


def service(node, port: str = "tcp/1883") -> dict:
    return next(one for one in node.control.get("/services").json()["services"] if one["port"] == port)


def backend(node, name: str, port: str = "tcp/1883") -> dict:
    address = next(each.address for each in node.lan.nodes if each.name == name)
    return next(one for one in service(node, port)["backends"] if one["backend"].startswith(address + ":"))


def wait_backend(node, name: str, state: str, port: str = "tcp/1883") -> None:
    wait_until(lambda: backend(node, name, port)["state"] == state, 20, what=f"{name} is {state}")


def test_dead_backend_gets_no_connections_until_it_lives_again(lan):
    a, b = lan.nodes
    wait_backend(a, "b", "down")
    assert service(a)["state"] == "down"
    with name_server(a.host, "a"):
        with name_server(b.host, "b"):
            wait_backend(a, "a", "up")
            wait_backend(a, "b", "up")
            assert service(a)["state"] == "up"
            assert {ask(lan.client)[0] for _ in range(48)} == {"a", "b"}
        wait_backend(a, "b", "down")
        assert {ask(lan.client)[0] for _ in range(24)} == {"a"}
        assert service(a)["state"] == "degraded"
        problems = {one["name"]: one["detail"] for one in a.control.status()["problems"]}
        assert b.address in problems["service_backends"]
        with name_server(b.host, "b"):
            wait_backend(a, "b", "up")
            assert {ask(lan.client)[0] for _ in range(48)} == {"a", "b"}


def test_services_are_shown(lan, binaries):
    a, b = lan.nodes
    hearth = [binaries["hearth"], "--run-dir", a.run_dir, "services"]
    with name_server(a.host, "a"):
        wait_backend(a, "a", "up")
        wait_backend(a, "b", "down")
        for _ in range(3):
            ask(lan.client)
        lines = a.host.run(hearth).stdout.splitlines()
        assert lines[1].split() == ["mqtt", MQTT, "tcp/1883", "degraded", "10.0.0.11:1883", "up", "1", "3"]
        assert lines[2].split()[4:] == ["10.0.0.12:1883", "down", "1", "0"]
        assert a.control.status()["services"] == {"ports": 1, "up": 0, "degraded": 1, "down": 0}
        (one,) = a.control.get("/services?name=mqtt").json()["services"]
        assert one["connections"] == 3
        assert a.control.get("/services?name=other").status == 404
    wait_backend(a, "a", "down")
    assert a.host.run([*hearth, "--json"], check=False).returncode == 1
    metrics = a.control.request("GET", "/metrics").text()
    assert 'hearth_service_connections_total{service="mqtt",port="tcp/1883",backend="10.0.0.11:1883"} 3' in metrics
    assert 'hearth_service_backend_up{service="mqtt",port="tcp/1883",backend="10.0.0.12:1883"} 0' in metrics


def test_without_a_backend_connections_are_refused_at_once(lan):
    a, _ = lan.nodes
    wait_backend(a, "a", "down")
    wait_backend(a, "b", "down")
    with a.host.entered():
        other = socket.create_server(("0.0.0.0", 9999))  # so that something of this node listens
    with pytest.raises(ConnectionRefusedError):
        lan.client.connect(MQTT, 1883, timeout=5)
    other.close()


def test_restart_does_not_bring_a_dead_backend_back(lan):
    a, _ = lan.nodes
    with name_server(a.host, "a"):
        wait_backend(a, "a", "up")
        wait_backend(a, "b", "down")
        a.lb.kill()
        a.start_lb()
        listed = a.host.run(["nft", "list", "map", "ip", "hearth", "backends"]).stdout
        assert "10.0.0.11 . 1883" in listed and "10.0.0.12 . 1883" not in listed


@contextlib.contextmanager
def web_server(host, status: int, port: int = 8080):
    import http.server
    import threading

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status if self.path == "/healthz" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with host.entered():
        server = http.server.ThreadingHTTPServer(("0.0.0.0", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("kind", ["http", "https"])
def test_page_must_be_there(lan, kind):
    import ssl

    a, b = lan.nodes
    check = f", check: {{kind: {kind}, port: 8080, path: /healthz, host: mqtt.home, {FAST}}}"
    with web_server(a.host, 204) as well, web_server(b.host, 500) as ill:
        if kind == "https":
            directory = a.host.directory
            a.host.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
                + ["-subj", "/CN=x", "-keyout", directory / "key.pem", "-out", directory / "cert.pem"]
            )
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
            for server in (well, ill):
                server.socket = context.wrap_socket(server.socket, server_side=True)
        reload(lan, document(lan, "{tcp/1883: [a, b]}", check))
        wait_backend(a, "a", "up")
        wait_backend(a, "b", "down")


def test_name_server_is_asked(lan, binaries):
    binaries["hearth-dns"]
    a, b = lan.nodes
    text = document(lan, "{udp/1053: [\"a:53\", \"b:53\"]}", f", check: {{kind: dns, name: home, {FAST}}}")
    reload(lan, text + "dns: {upstreams: [10.0.0.50]}\n")
    a.start_dns()
    wait_backend(a, "a", "up", "udp/1053")
    wait_backend(a, "b", "down", "udp/1053")


def test_script_decides_without_any_privilege(lan, tmp_path):
    a, b = lan.nodes
    tmp_path.chmod(0o755)
    report = tmp_path / "seen"
    report.touch(mode=0o666)
    report.chmod(0o666)
    script = check_script(
        tmp_path,
        f'[ "$1" = {a.address} ] || exit 1\n'
        f'echo "$1 $2 $(id -u) $(grep -E "Cap(Prm|Eff|Bnd|Amb)" /proc/self/status | cut -f2 | sort -u)" > {report}',
    )
    reload(lan, document(lan, "{tcp/1883: [a, b]}", f", check: {{kind: script, script: {script}, {FAST}}}"))
    wait_backend(a, "a", "up")
    wait_backend(a, "b", "down")
    wait_until(lambda: report.read_text().strip(), 5)
    assert report.read_text().split() == [a.address, "1883", "65534", "0000000000000000"]


def open_to_others(directory: Path) -> None:
    """pytest's folders are closed to nobody."""
    while directory != directory.parent:
        if os.stat(directory).st_uid == os.getuid():
            directory.chmod(directory.stat().st_mode | 0o001)
        directory = directory.parent


def check_script(directory: Path, lines: str) -> Path:
    script = directory / "check"
    script.write_text(f"#!/bin/sh\n{lines}\n")
    script.chmod(0o755)
    open_to_others(directory)
    return script


def running(node, program: str) -> list[str]:
    return [line for line in node.host.run(["ps", "-eo", "args"]).stdout.splitlines() if line == program]


ESCAPES = {
    "child": "{forever} &",
    "session": "setsid {forever} &",
    "daemon": "setsid sh -c '{forever} & exit 0'",  # its parent has gone
    "nested": "setsid sh -c 'setsid {forever} & {forever} & wait' &",
}


@pytest.mark.parametrize("escape", ESCAPES)
def test_script_that_hangs_is_killed_with_all_that_it_started(lan, tmp_path, escape):
    a, _ = lan.nodes
    forever = f"sleep {100_000 + os.getpid()}"
    started = tmp_path / "started"
    started.touch(mode=0o666)
    started.chmod(0o666)
    script = check_script(tmp_path, f"{ESCAPES[escape].format(forever=forever)}\necho > {started}\n{forever}")
    check = f", check: {{kind: script, script: {script}, interval: 10s, timeout: 2s}}"
    reload(lan, document(lan, "{tcp/1883: a}", check))
    wait_until(lambda: started.read_text() and len(running(a, forever)) > 1, what="what the script starts")
    wait_backend(a, "a", "down")
    # The kernel ends what was killed when it comes to it.
    wait_until(lambda: not running(a, forever), what="its end")


def test_script_that_is_done_leaves_nothing_behind(lan, tmp_path):
    a, _ = lan.nodes
    forever = f"sleep {200_000 + os.getpid()}"
    script = check_script(tmp_path, f"setsid {forever} &")
    reload(lan, document(lan, "{tcp/1883: a}", f", check: {{kind: script, script: {script}, interval: 1m}}"))
    wait_backend(a, "a", "up")
    wait_until(lambda: not running(a, forever), what="its end")


def test_scripts_end_with_hearth_lb_even_when_it_is_killed(lan, tmp_path):
    a, b = lan.nodes
    forever = f"sleep {300_000 + os.getpid()}"
    script = check_script(tmp_path, f"setsid {forever} &\n{forever}")
    check = f", check: {{kind: script, script: {script}, interval: 2m, timeout: 1m}}"
    reload(lan, document(lan, "{tcp/1883: a}", check))
    wait_until(lambda: len(running(a, forever)) >= 4, what="both nodes' scripts, two processes each")
    a.lb.kill()
    b.lb.kill()
    wait_until(lambda: not running(a, forever), what="their end")


def test_drained_backend_keeps_its_connections_and_gets_no_new_ones(lan):
    a, b = lan.nodes
    with name_server(a.host, "a"), name_server(b.host, "b"):
        reload(lan, document(lan, "{tcp/1883: b}"))
        open_one = lan.client.connect(MQTT, 1883, timeout=5)
        open_one.recv(100)
        reload(lan, document(lan, "{tcp/1883: [a, {to: b, drain: true}]}"))
        assert {ask(lan.client)[0] for _ in range(24)} == {"a"}
        open_one.sendall(b"still here")
        assert open_one.recv(100) == b"still here"
        assert backend(a, "b")["drained"] is True
        open_one.close()


class SamePort:
    """A client that always sends from one port, as name servers and phones do."""

    def __init__(self, host) -> None:
        with host.entered():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(0.5)
        self.socket.bind(("0.0.0.0", 40000))

    def ask(self) -> str:
        self.socket.sendto(b"x", (MQTT, 1883))
        try:
            return self.socket.recv(100).split()[0].decode()
        except (TimeoutError, ConnectionRefusedError):
            return ""


UDP = f", check: {{kind: tcp, port: 1883, {FAST}}}"


def test_same_source_port_udp_client_across_backend_death(lan):
    a, b = lan.nodes
    reload(lan, document(lan, "{udp/1883: [a, b]}", UDP))
    with contextlib.ExitStack() as one, contextlib.ExitStack() as other:
        one.enter_context(name_server(a.host, "a"))
        other.enter_context(name_server(b.host, "b"))
        for name in "ab":
            wait_backend(a, name, "up", "udp/1883")
        client = SamePort(lan.client)
        first = client.ask()
        assert first in ("a", "b")
        assert {client.ask() for _ in range(5)} == {first}, "a flow stays with its backend"
        (one if first == "a" else other).close()
        survivor = "b" if first == "a" else "a"
        wait_until(lambda: client.ask() == survivor, 15, what="the client finds the survivor")
        wait_backend(a, first, "down", "udp/1883")
        assert backend(a, survivor, "udp/1883")["connections"] >= 1


def test_same_source_port_udp_client_from_no_backend_to_some(lan):
    a, b = lan.nodes
    reload(lan, document(lan, "{udp/1883: [a, b]}", UDP))
    for name in "ab":
        wait_backend(a, name, "down", "udp/1883")
    client = SamePort(lan.client)
    assert client.ask() == ""
    with name_server(b.host, "b"):
        wait_until(lambda: client.ask() == "b", 15, what="the client finds b")


def test_same_source_port_udp_client_across_a_vip_move(lan):
    a, b = lan.nodes
    reload(lan, document(lan, "{udp/1883: [a, b]}", UDP))
    with name_server(a.host, "a"), name_server(b.host, "b"):
        for node in (a, b):
            for name in "ab":
                wait_backend(node, name, "up", "udp/1883")
        client = SamePort(lan.client)
        assert client.ask() in ("a", "b")
        assert b.control.post("/vips/move?vip=mqtt").status == 200
        b.wait_state("master", "mqtt")
        assert client.ask() in ("a", "b")
        a.lb.kill()
        b.wait_state("master", "mqtt")
        wait_until(lambda: client.ask() in ("a", "b"), 15, what="somebody answers after the move")


def test_backend_that_moves_takes_no_old_flows_along(lan):
    a, b = lan.nodes
    reload(lan, document(lan, "{udp/1883: b}"))
    with name_server(a.host, "a"), name_server(b.host, "b"):
        client = SamePort(lan.client)
        assert client.ask() == "b"
        reload(lan, document(lan, "{udp/1883: a}"))
        assert client.ask() == "a"
