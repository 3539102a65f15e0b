"""Services that are asked for permission, as Authelia, Authentik and oauth2-proxy document their endpoints.

Debian has none of the three. What stands for them here insists on what they insist on (the fields of the question, GET, no body) and
answers as they answer: where to, with which cookies, and to whom 401 instead.
"""

import contextlib
from urllib.parse import quote

import pytest

from tests.lab.authority import Authority
from tests.proxy.h2_client import H2Client
from tests.proxy.h2_client import get as get2
from tests.proxy.house import ADDRESS, OK, get
from tests.proxy.test_routing import header
from tests.proxy.test_tls import client_context, connect, secure

PAGE = "Accept: text/html,application/xhtml+xml\r\nSec-Fetch-Mode: navigate\r\n"
API = "Accept: application/json\r\n"
SOCKET = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nAccept: text/html\r\n"
KNOWN = "Cookie: session=good\r\n"


def answer(status: str, *fields: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, "Content-Length: 0", "", ""]).encode()


def url_of(head: bytes) -> str:
    return "{}://{}{}".format(*(header(head, f"X-Forwarded-{part}") for part in ("Proto", "Host", "Uri")))


def authelia(head: bytes) -> bytes:
    """/api/authz/forward-auth: redirects pages to its portal, 401 to others, 403 to those who may not."""
    if b"session=good" in head:
        return answer("200 OK", "Remote-User: ann", "Remote-Groups: admins,users", "Remote-Name: Ann", "Remote-Email: ann@home")
    if b"session=other" in head:
        return answer("403 Forbidden")
    if "text/html" not in (header(head, "Accept") or ""):
        return answer("401 Unauthorized", "WWW-Authenticate: Basic realm=\"Authorization Required\"")
    return answer("302 Found", f"Location: https://auth.home/?rd={quote(url_of(head), safe='')}&rm={header(head, 'X-Forwarded-Method')}",
                  "Set-Cookie: authelia_session=new; Domain=home.example; Secure")


def authentik(head: bytes) -> bytes:
    """/outpost.goauthentik.io/auth/traefik: redirects to its outpost under the service's own name."""
    if b"session=good" in head:
        return answer("200 OK", "X-authentik-username: ann", "X-authentik-groups: admins|users", "X-authentik-uid: 1")
    host = header(head, "X-Forwarded-Host")
    return answer("302 Found", f"Location: https://{host}/outpost.goauthentik.io/start?rd={quote(url_of(head), safe='')}",
                  "Set-Cookie: authentik_proxy_x=new; HttpOnly; Path=/")


def oauth2_proxy(head: bytes) -> bytes:
    """/oauth2/auth: 202 or 401, nothing else."""
    if b"session=good" in head:
        return answer("202 Accepted", "X-Auth-Request-User: ann", "X-Auth-Request-Email: ann@home", "Set-Cookie: _oauth2_proxy=renewed; Secure")
    return answer("401 Unauthorized")


RD = quote("https://web.home/a?b=c", safe="")
PRODUCTS = {
    "authelia": (authelia, {"path": "/api/authz/forward-auth", "headers": ["Remote-User", "Remote-Groups", "Remote-Email", "Remote-Name"]},
                 f"https://auth.home/?rd={RD}&rm=GET", {"Remote-User": "ann", "Remote-Groups": "admins,users", "Remote-Email": "ann@home"}),
    "authentik": (authentik, {"path": "/outpost.goauthentik.io/auth/traefik", "headers": ["X-authentik-username", "X-authentik-groups"]},
                  f"https://web.home/outpost.goauthentik.io/start?rd={RD}", {"X-authentik-username": "ann", "X-authentik-groups": "admins|users"}),
    "oauth2-proxy": (oauth2_proxy, {"path": "/oauth2/auth", "headers": ["X-Auth-Request-User", "X-Auth-Request-Email"],
                                    "sign_in": "https://auth.home/oauth2/sign_in?rd={url}"},
                     f"https://auth.home/oauth2/sign_in?rd={RD}", {"X-Auth-Request-User": "ann", "X-Auth-Request-Email": "ann@home"}),
}


@pytest.fixture(params=PRODUCTS)
def guarded(request, house):
    """https://web.home behind a product; (house, connect, location, identity)."""
    decides, rule, location, identity = PRODUCTS[request.param]

    def auth(peer) -> None:
        while head := peer.read_head():  # what is not a question, such as a body, gets no answer
            for part in ("For", "Method", "Proto", "Host", "Port", "Uri"):
                assert header(head, f"X-Forwarded-{part}"), f"no X-Forwarded-{part}"
            assert head.startswith(f"GET {rule['path']} HTTP/1.1\r\n".encode())
            assert not any(name in head.lower() for name in (b"content-length", b"transfer-encoding", b"expect"))
            peer.send(decides(head))

    def web(peer) -> None:
        while head := peer.read_head():
            if length := header(head, "Content-Length"):
                peer.read_exactly(int(length))
            peer.send(OK)

    house.upstream(9000, web)
    house.upstream(9001, auth)
    authority = Authority(house.directory / "tls")
    url = f"http://{ADDRESS}:9000"
    house.start({"web": {"upstream": url, "middleware": {"forward_auth": {"service": "auth", **rule}}},
                 "outpost": {"upstream": url, "under": "web", "paths": "/outpost.goauthentik.io"},
                 "auth": {"upstream": f"http://{ADDRESS}:9001"}}, **secure(house, authority.leaf("web.home")))

    def ask(request: bytes) -> tuple[int, bytes, bytes]:
        peer = connect(house, authority)
        peer.send(request)
        with contextlib.closing(peer):
            return peer.read_response()

    house.authority = authority
    return house, ask, location, identity


def test_a_page_is_sent_to_sign_in(guarded):
    house, ask, location, _ = guarded
    status, head, _ = ask(get(path="/a?b=c", headers=PAGE))
    assert status == 302 and header(head, "Location") == location
    assert ("_session=new" in str(head) or "_proxy_x=new" in str(head)) == ("sign_in" not in location)
    assert not house.upstreams[0].received, "nobody passes without a yes"


@pytest.mark.parametrize("fields", [API, SOCKET, "Accept: */*\r\n", "Accept: text/html\r\nX-Requested-With: XMLHttpRequest\r\n"])
def test_programs_and_websockets_get_401(guarded, fields):
    house, ask, _, _ = guarded
    status, head, _ = ask(get(path="/api", headers=fields))
    assert status == 401 and b"Location" not in head
    assert not house.upstreams[0].received


def test_who_is_known_passes_with_an_identity_that_cannot_be_forged(guarded):
    house, ask, _, identity = guarded
    forged = "".join(f"{name}: root\r\n{name.replace('-', '_')}: root\r\n" for name in identity)
    status, head, _ = ask(get(path="/a", headers=KNOWN + forged + "Remote-User: root\r\n"))
    assert status == 200 and (b"_oauth2_proxy=renewed" in head) == ("X-Auth-Request-User" in identity)
    seen = house.upstreams[0].received
    assert {name: header(seen, name) for name in identity} == identity
    assert b"root" not in seen + house.upstreams[1].received


def test_a_body_goes_to_the_service_alone(guarded):
    house, ask, _, _ = guarded
    body = b"b" * 300_000
    head = f"POST /a HTTP/1.1\r\nHost: web.home\r\n{KNOWN}Content-Length: {len(body)}\r\n\r\n".encode()
    assert ask(head + body)[0] == 200
    assert house.upstreams[0].received.endswith(body) and b"bbb" not in house.upstreams[1].received
    assert header(house.upstreams[1].received, "X-Forwarded-Method") == "POST"


def test_over_http2_it_is_the_same(guarded):
    house, _, location, identity = guarded
    context = client_context(house.authority)
    context.set_alpn_protocols(["h2"])
    client = H2Client(context.wrap_socket(house.host.connect(ADDRESS, 443), server_hostname="web.home"))
    page = client.ask([*get2("/a?b=c", scheme="https"), (b"accept", b"text/html"), (b"sec-fetch-mode", b"navigate")])
    assert page.status == 302 and page.headers[b"location"].decode() == location
    assert client.ask([*get2("/api", scheme="https"), (b"accept", b"application/json")]).status == 401
    upgrade = [*get2("/s", method="CONNECT", scheme="https"), (b":protocol", b"websocket"), (b"accept", b"text/html")]
    assert client.wait(client.request(upgrade, end=False)).status == 401
    assert not house.upstreams[0].received
    assert client.ask([*get2("/a", scheme="https"), (b"cookie", b"session=good")]).status == 200
    assert {name: header(house.upstreams[0].received, name) for name in identity} == identity


def test_the_outpost_under_the_services_name_is_free(guarded):
    house, ask, _, _ = guarded
    assert ask(get(path="/outpost.goauthentik.io/start"))[0] == 200
    assert not house.upstreams[1].received


@pytest.mark.parametrize("guarded", ["authelia"], indirect=True)
def test_who_may_not_is_told_so(guarded):
    _, ask, _, _ = guarded
    assert ask(get(headers=PAGE + "Cookie: session=other\r\n"))[0] == 403


def test_who_does_not_answer_lets_nobody_pass(house):
    """It is waited for a while, then nobody has said yes."""
    web = house.upstream(9000)
    house.upstream(9001, lambda peer: peer.read_all())
    house.start({"web": {"upstream": f"http://{ADDRESS}:9000", "middleware": {"forward_auth": {"service": "auth", "path": "/"}}},
                 "auth": {"upstream": f"http://{ADDRESS}:9001"}})
    client = house.client()
    client.connection.settimeout(40)
    client.send(get(headers=PAGE))
    assert client.read_response()[0] == 503
    assert not web.received
