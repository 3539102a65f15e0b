"""Chromium, before and after the home's root is installed in it."""

import queue
import subprocess
from pathlib import Path

import pytest

from tests.certs.certs_house import CertsHouse
from tests.lab import services
from tests.proxy.house import ADDRESS, Peer

DOWNLOAD = 8 << 20
PAGE = """<!doctype html><title>web</title><script>
"use strict";
async function echo() {
  return new Promise(function (done, failed) {
    const socket = new WebSocket("wss://echo.home/");
    socket.onopen = function () { socket.send("hello"); };
    socket.onmessage = function (message) { done(message.data); };
    socket.onerror = function () { failed("websocket"); };
  });
}
async function run() {
  const bytes = (await (await fetch("/download")).arrayBuffer()).byteLength;
  return [isSecureContext, bytes, await echo(), document.cookie].join(" ");
}
run().catch(String).then(function (result) { fetch("/result?" + encodeURIComponent(result)); });
</script>
"""


@pytest.fixture
def results() -> "queue.Queue[str]":
    return queue.Queue()


@pytest.fixture
def home(house: CertsHouse, results) -> CertsHouse:
    def answer(peer: Peer) -> None:
        while head := peer.read_head():
            path = head.split(b" ")[1].decode()
            body = PAGE.encode() if path == "/" else b""
            if path == "/download":
                body = b"x" * DOWNLOAD
            if path.startswith("/result?"):
                results.put(path.removeprefix("/result?"))
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nSet-Cookie: seen=yes; Domain=web.home; Secure\r\n"
                      b"Content-Length: %d\r\n\r\n" % len(body) + body)

    house.upstream(9000, answer)
    services.start(house.host, "websocket", "echo", 9001).wait_ready()
    house.write(services={name: {"upstream": f"http://{ADDRESS}:{port}"} for name, port in (("web", 9000), ("echo", 9001))})
    house.start("certs", "proxy")
    house.served("web.home", "echo.home", "hearth.home")
    return house


def chromium(home: CertsHouse, profile: Path, *words: str) -> list[str | Path]:
    """`profile` is its whole home: what it trusts is in there."""
    return ["env", f"HOME={profile}", "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            f"--host-resolver-rules=MAP *.home {ADDRESS}", f"--user-data-dir={profile}/data", *words]


def install_root(home: CertsHouse, profile: Path) -> None:
    """As the trust page tells Linux."""
    store = profile / ".pki/nssdb"
    store.mkdir(parents=True)
    subprocess.run(["certutil", "-N", "-d", f"sql:{store}", "--empty-password"], check=True)
    subprocess.run(["certutil", "-d", f"sql:{store}", "-A", "-t", "C,,", "-n", "hearth", "-i", home.root()], check=True)


def trust_page(home: CertsHouse, profile: Path) -> str:
    command = chromium(home, profile, "--virtual-time-budget=20000", "--dump-dom", "http://hearth.home/trust")
    return home.host.run(command, check=False).stdout


def test_a_page_a_download_and_a_websocket(home, tmp_path, results):
    install_root(home, tmp_path)
    browser = home.host.start(chromium(home, tmp_path, "--remote-debugging-port=0", "https://web.home/"), name="chromium")
    try:
        assert results.get(timeout=120) == f"true%20{DOWNLOAD}%20hello%20seen%3Dyes"
    finally:
        browser.kill()


def test_the_trust_page_knows_whether_it_is_trusted(home, tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    assert "does not trust this home yet" in trust_page(home, before)
    install_root(home, after)
    shown = trust_page(home, after)
    assert "This browser trusts this home." in shown
    assert '<details data-os="Linux" open' in shown  # its own system's steps


def test_without_the_root_nothing_is_loaded(home, tmp_path):
    shown = home.host.run(chromium(home, tmp_path, "--dump-dom", "https://web.home/"), check=False)
    assert "ERR_CERT_AUTHORITY_INVALID" in shown.stdout + shown.stderr
    assert home.upstreams[0].asked == 0
