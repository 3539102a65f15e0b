"""Names, who asked, and the pages for what leads nowhere."""

import json
import threading
import time

import pytest

from tests.lab.clients import curl
from tests.lab.waiting import wait_until
from tests.proxy.house import WEB, get

SERVICES = {
    "web": {"upstream": "http://127.0.0.1:9000", "aliases": ["www"]},
    "other": {"upstream": "http://127.0.0.1:9001"},
    "dead": {"upstream": "http://127.0.0.1:9"},
}


def header(request: bytes, name: str) -> str | None:
    for line in request.decode().split("\r\n")[1:]:
        key, _, value = line.partition(": ")
        if key.lower() == name.lower():
            return value
    return None


@pytest.mark.parametrize(
    "host", ["web.home", "web", "WWW.Home", "www", "web.home.", "web.home:80", "web:8080"]
)
def test_every_spelling_of_a_name_leads_to_its_service(house, host):
    web, other = house.upstream(9000), house.upstream(9001)
    house.start(SERVICES)
    status, _, body = house.ask(get(host))
    assert (status, body) == (200, b"ok")
    assert web.received and not other.received


def test_curl_gets_the_page(house):
    house.upstream(9000)
    house.start(SERVICES)
    answer = curl(house.host, "http://127.0.0.1/", "--header", "Host: web.home")
    assert (answer.status, answer.body) == (200, "ok")


def test_an_unknown_host_gets_a_page_that_lists_the_names(house):
    house.start(SERVICES)
    answer = curl(house.host, "http://127.0.0.1/")
    assert answer.status == 404
    assert "web.home" in answer.body and "No service has this name" in answer.body


def test_a_stranger_learns_nothing(house):
    house.host.ip("address add 198.51.100.1/32 dev lo")
    house.start(SERVICES, listen=["127.0.0.1:80", "198.51.100.1:80"])
    for host, status in (("nowhere", 404), ("dead.home", 502)):
        url = ("http://198.51.100.1/", "--interface", "198.51.100.1", "--header", f"Host: {host}")
        answer = curl(house.host, *url)
        assert answer.status == status
        for secret in ("web.home", "127.0.0.1", "connect_refused"):
            assert secret not in answer.body


def test_a_dead_upstream_is_named(house):
    house.start(SERVICES)
    url = ("http://127.0.0.1/", "--header", "Host: dead.home")
    page = curl(house.host, *url)
    assert page.status == 502
    assert "127.0.0.1:9" in page.body and "nothing listens on that port" in page.body
    told = curl(house.host, *url, "--header", "Accept: application/json")
    assert told.headers["content-type"] == "application/json"
    assert json.loads(told.body)["reason"] == "connect_refused"
    assert house.control.problems() == {"upstream_down"}
    assert house.control.metric("hearth_proxy_requests_total", service="dead", code="502") == 2


def test_an_upstream_that_does_not_answer_a_connection_is_a_timeout(house):
    house.host.nft("table inet t { chain c { type filter hook output priority 0; tcp dport 9 drop; }; }")
    house.start(SERVICES)
    began = time.monotonic()
    status, _, body = house.ask(get("dead"))
    assert status == 504
    assert b"did not answer a connection attempt" in body
    assert 2.9 < time.monotonic() - began < 6


def test_an_answer_that_is_not_http_is_a_bad_gateway(house):
    def ssh(peer):
        peer.read_head()
        peer.send(b"SSH-2.0-OpenSSH_9.2p1\r\n")

    house.upstream(9000, ssh)
    house.start(SERVICES)
    status, _, body = house.ask(get())
    assert status == 502 and b"not valid HTTP" in body


def test_the_service_learns_who_asked(house):
    web = house.upstream(9000)
    house.start(SERVICES)
    house.ask(get("web", headers="X-Forwarded-For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX_Real_IP: 6.6.6.6\r\n"))
    request = web.received
    assert b"6.6.6.6" not in request
    assert header(request, "X-Forwarded-For") == "127.0.0.1"
    assert header(request, "X-Real-IP") == "127.0.0.1"
    assert header(request, "X-Forwarded-Host") == "web"
    assert header(request, "X-Forwarded-Proto") == "http"
    assert header(request, "Host") == "web"


def test_a_trusted_proxy_may_speak_for_its_client(house):
    web = house.upstream(9000)
    house.start(SERVICES, trusted_proxies=["127.0.0.0/8"])
    house.ask(get("web", headers="X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n"))
    assert header(web.received, "X-Forwarded-For") == "203.0.113.9, 127.0.0.1"
    assert header(web.received, "X-Forwarded-Proto") == "https"
    assert header(web.received, "X-Real-IP") == "203.0.113.9"


def test_two_upstreams_share_and_replace_each_other(house):
    first, second = house.upstream(9000), house.upstream(9001)
    both = {"web": {"upstreams": ["http://127.0.0.1:9000", "http://127.0.0.1:9001"]}}
    house.start(both, workers=1)
    for _ in range(4):
        assert house.ask(get())[0] == 200
    assert first.received.count(b"GET") == second.received.count(b"GET") == 2
    first.close()
    for _ in range(4):
        assert house.ask(get())[0] == 200
    assert second.received.count(b"GET") == 6


def test_status_names_the_routes(house):
    house.upstream(9000)
    house.start(SERVICES)
    house.ask(get())
    house.ask(get("dead"))
    routes = {route["host"]: route for route in house.control.status()["routes"]}
    assert routes["www"]["service"] == "web"
    assert routes["web.home"]["upstreams"] == [{"url": "http://127.0.0.1:9000", "up": True, "detail": ""}]
    assert routes["dead"]["upstreams"][0]["up"] is False
    assert routes["dead"]["upstreams"][0]["detail"] == "connect_refused"


def test_requests_can_be_followed(house):
    house.upstream(9000)
    house.start(WEB)
    found: list[dict] = []
    follower = threading.Thread(target=lambda: found.append(next(house.control.events("access"))))
    follower.start()

    def followed() -> bool:
        # The workers look a few times a second whether anybody follows.
        assert house.ask(get(path="/followed?x=1", headers="User-Agent: me\r\n"))[0] == 200
        return bool(found)

    wait_until(followed, interval=0.05)
    follower.join()
    event = found[0]["data"]
    assert event["target"] == "/followed?x=1" and event["status"] == 200 and event["service"] == "web"
    assert event["client"] == "127.0.0.1" and event["user_agent"] == "me"


@pytest.mark.parametrize("form", ["text", "json", "combined"])
def test_the_access_log_has_a_line_for_each_request(house, form):
    house.upstream(9000)
    house.start(SERVICES, access_log=form)
    house.ask(get(path="/logged?x", headers="User-Agent: me\r\n"))
    house.ask(get("dead", path="/gone"))
    pattern = {
        "text": r'127.0.0.1 web.home "GET /logged\?x HTTP/1.1" 200 2 \d+ms 127.0.0.1:9000 trace=[0-9a-f]{32}$',
        "json": r'^\{"time":.*"target":"/logged\?x","status":200,.*"user_agent":"me"\}$',
        "combined": r'^127.0.0.1 - - \[.*\] "GET /logged\?x HTTP/1.1" 200 2 "-" "me"$',
    }[form]
    house.daemon.wait_line(pattern)
    house.daemon.wait_line(r"/gone.*502")
    house.reload(SERVICES)
    house.ask(get(path="/unlogged"))
    assert house.daemon.stop() == 0
    assert "unlogged" not in house.daemon.log()
