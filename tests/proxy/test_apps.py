"""Applications that Hearth knows: what it does for them, and what it says they must be told."""

from tests.lab.waiting import wait_until
from tests.proxy.house import ADDRESS, Peer, get

SERVICE = {"upstream": f"http://{ADDRESS}:9000", "app": "home-assistant"}


def manifest(peer: Peer) -> None:
    """Home Assistant without its trusted_proxies: healthy, and 400 to what comes through a proxy."""
    while head := peer.read_head():
        status = b"400 Bad Request" if b"X-Forwarded-For" in head else b"200 OK"
        if not head.startswith(b"GET /manifest.json") and b"X-Forwarded-For" not in head:
            status = b"404 Not Found"
        peer.send(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")


def test_its_health_is_asked(house):
    upstream = house.upstream(9000, manifest)
    house.start({"ha": SERVICE})
    wait_until(lambda: b"GET /manifest.json" in upstream.received)
    assert house.ask(get("ha.home"))[0] == 400
    assert house.control.status()["routes"][0]["upstreams"][0]["up"] is True


def test_what_it_must_be_told(house, binaries):
    house.upstream(9000, manifest)
    house.start({"ha": SERVICE})
    hearth = [binaries["hearth"], "--config", house.config, "--run-dir", house.run_dir]
    told = house.host.run([hearth[0], "app", "home-assistant", *hearth[1:]]).stdout
    assert f"    trusted_proxies:\n      - {ADDRESS}\n" in told and "health /manifest.json" in told
    explained = house.host.run([hearth[0], "explain", "ha", *hearth[1:]], check=False).stdout
    assert f"      - {ADDRESS}\n" in explained
    listed = house.host.run([hearth[0], "app", *hearth[1:]]).stdout
    assert "nextcloud" in listed and "answer_timeout 3600s" in listed
    unknown = house.host.run([hearth[0], "app", "home-asistant", *hearth[1:]], check=False)
    assert unknown.returncode == 1 and "Did you mean home-assistant?" in unknown.stderr


def test_an_answer_may_take_its_time(house):
    house.upstream(9000, lambda peer: (peer.read_head(), peer.read_all()))
    house.start({"ha": {**SERVICE, "health": "/mine", "answer_timeout": "1s"}})
    assert house.ask(get("ha.home"))[0] == 504
