"""Several services under one name, paths and headers changed on the way, redirects, hosts."""

import pytest

from tests.lab.clients import curl
from tests.proxy.house import get
from tests.proxy.test_balancing import named
from tests.proxy.test_routing import header
from tests.proxy.test_tls import secure

SERVICES = {
    "web": {"upstream": "http://127.0.0.1:9000", "aliases": ["www"]},
    "api": {"upstream": "http://127.0.0.1:9001", "under": "web", "paths": ["/api", "=/"], "strip_prefix": True},
    "new": {"upstream": "http://127.0.0.1:9002", "under": "web", "paths": "/api/new", "replace_prefix": "/v2"},
}


@pytest.fixture
def three(house):
    for port, name in ((9000, "web"), (9001, "api"), (9002, "new")):
        house.upstream(port, named(name))
    return house


@pytest.mark.parametrize(
    ("path", "service", "forwarded"),
    [
        ("/x", "web", "/x"),
        ("/", "api", "/"),
        ("/api", "api", "/"),
        ("/api/a%2Fb?q=/api", "api", "/a%2Fb?q=/api"),
        ("/apis", "web", "/apis"),
        ("/api/new/x", "new", "/v2/x"),
        ("/%61pi/x", "api", "/x"),
        ("/a%2Fb//c", "web", "/a%2Fb//c"),
        ("/api/../x", "web", "/api/../x"),
    ],
)
def test_the_path_decides_and_travels_as_it_was_written(three, path, service, forwarded):
    three.start(SERVICES)
    for host in ("web.home", "www"):
        assert three.ask(get(host, path=path))[2].decode() == service
    asked = next(one for one in three.upstreams if one.received)
    assert asked.received.split(b" ")[1].decode() == forwarded


def test_a_service_under_another_has_its_own_name_too(three):
    three.start(SERVICES)
    assert three.ask(get("api.home", path="/api/x"))[2] == b"api"
    assert b"GET /api/x " in three.upstreams[1].received, "nothing matched, nothing is stripped"


def test_the_upstream_learns_what_was_stripped(three):
    three.start(SERVICES)
    three.ask(get(path="/api/x", headers="X-Forwarded-Prefix: /forged\r\n"))
    assert header(three.upstreams[1].received, "X-Forwarded-Prefix") == "/api"
    three.ask(get(path="/x", headers="X-Forwarded-Prefix: /forged\r\n"))
    assert header(three.upstreams[0].received, "X-Forwarded-Prefix") is None


@pytest.mark.parametrize("path", ["/x/..%2Fapi/secret", "/x/..%5capi", "/x\\..\\api"])
def test_what_could_be_read_as_another_service_is_refused(three, path):
    three.start(SERVICES)
    status, _, body = three.ask(get(path=path))
    assert status == 400 and b"encoded slashes" in body
    assert not any(one.received for one in three.upstreams)


def test_redirects(house):
    house.start({"old": {"redirect": "https://new.example"}, "page": {"redirect": {"to": "https://a.example/b", "status": 308}}})
    status, head, _ = house.ask(get("old.home", path="/a%2Fb?c"))
    assert status == 302 and b"Location: https://new.example/a%2Fb?c\r\n" in head
    status, head, _ = house.ask(get("page", path="/x"))
    assert status == 308 and b"Location: https://a.example/b\r\n" in head
    answer = curl(house.host, "http://127.0.0.1/", "--header", "Host: old")
    assert answer.status == 302


def test_a_redirect_to_a_query_keeps_no_path(house):
    house.start({"find": {"redirect": "https://search.example?q=1"}})
    _, head, _ = house.ask(get("find.home", path="/x"))
    assert b"Location: https://search.example?q=1\r\n" in head


def test_a_redirect_goes_from_one_path_of_a_host_to_another_and_ends(house):
    house.upstream(9000, named("there"))
    house.start(
        {
            "a": {"upstream": "http://127.0.0.1:9000"},
            "moved": {"redirect": "http://a.home/y", "under": "a", "paths": "/x"},
        }
    )
    answer = curl(house.host, "http://a.home/x/1", "--location", "--resolve", "a.home:80:127.0.0.1")
    assert answer.status == 200 and answer.body == "there"


def test_https_is_asked_for_with_the_path_as_it_was(three, authority):
    three.start(SERVICES, **secure(three, authority.leaf("web.home")))
    _, head, _ = three.ask(get("www", path="/api/x"))
    assert b"Location: " not in head, "no certificate has www.home"
    status, head, _ = three.ask(get("web", path="/api/x"))
    assert status == 308 and b"Location: https://web.home/api/x\r\n" in head


def test_header_fields_are_edited(house):
    def play(peer):
        while peer.read_head():
            peer.send(b"HTTP/1.1 200 OK\r\nServer: app\r\nX-Powered-By: x\r\nVary: a\r\nContent-Length: 0\r\n\r\n")

    web = house.upstream(9000, play)
    house.start({"web": {
        "upstream": "http://127.0.0.1:9000",
        "request_headers": {"set": {"X-Env": "home", "Remote-User": "proxy"}, "remove": ["authorization"]},
        "response_headers": {"set": {"Server": "hearth"}, "add": {"Vary": "b"}, "remove": ["x-powered-by"]},
    }})
    _, head, _ = house.ask(get(headers="X-ENV: forged\r\nRemote-User: root\r\nAuthorization: Basic x\r\nAccept: a\r\n"))
    assert header(web.received, "X-Env") == "home" and web.received.lower().count(b"x-env") == 1
    assert header(web.received, "Remote-User") == "proxy" and header(web.received, "Accept") == "a"
    assert b"Basic" not in web.received and b"root" not in web.received
    assert b"Server: hearth\r\n" in head and b"Powered" not in head
    assert b"Vary: a\r\n" in head and b"Vary: b\r\n" in head


def test_hosts_wildcards_and_the_default(three):
    three.start({
        "web": {"upstream": "http://127.0.0.1:9000", "hosts": ["photos.example.com"]},
        "api": {"upstream": "http://127.0.0.1:9001", "hosts": ["*.apps.home"]},
        "new": {"upstream": "http://127.0.0.1:9002"},
    }, default_service="new")
    for host, service in (("Photos.Example.com", b"web"), ("a.b.apps.home", b"api"), ("127.0.0.1", b"new")):
        assert three.ask(get(host))[2] == service


def test_routes_tell_of_paths(three):
    three.start(SERVICES)
    places = {route["host"]: route["service"] for route in three.control.status()["routes"]}
    assert places["web.home/api"] == "api" and places["web.home=/"] == "api" and places["web.home"] == "web"
