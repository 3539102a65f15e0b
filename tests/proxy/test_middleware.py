"""What requests must pass: addresses, rates, sizes, passwords, another service."""

import base64
import crypt
import threading

import pytest

from tests.lab.waiting import wait_until
from tests.proxy.house import OK, get
from tests.proxy.test_routing import header
from tests.proxy.test_tls import ask, secure

URL = "http://127.0.0.1:9000"


def start(house, *used, shared: dict | None = None, **options):
    web = house.upstream(9000)
    write = house.write

    def with_shared(services, **proxy):
        write(services, **proxy)
        if shared:
            text = house.config.read_text().rstrip().removesuffix("}")
            import json

            house.config.write_text(f'{text}, "middleware": {json.dumps(shared)}}}')

    house.write = with_shared
    house.start({"web": {"upstream": URL, "middleware": list(used)}, "open": {"upstream": URL}}, **options)
    return web


def test_addresses(house):
    house.host.ip("address add 198.51.100.1/32 dev lo")
    web = start(house, "lan-only", shared={"lan-only": {"allow": ["127.0.0.0/8"]}}, trusted_proxies=["127.0.0.1"])
    assert house.ask(get())[0] == 200
    status, _, _ = house.ask(get(headers="X-Forwarded-For: 203.0.113.9\r\n"))
    assert status == 403, "the client counts, not the proxy in front"
    assert web.received.count(b"GET") == 1
    assert house.ask(get("open", headers="X-Forwarded-For: 203.0.113.9\r\n"))[0] == 200


def test_rates(house):
    web = start(house, {"rate_limit": {"client": "1/h", "burst": 2}}, workers=2)
    assert [house.ask(get())[0] for _ in range(4)] == [200, 200, 429, 429]
    _, head, _ = house.ask(get())
    assert b"Retry-After: " in head
    assert house.ask(get("open"))[0] == 200
    assert web.received.count(b"GET") == 3
    house.reload({"web": {"upstream": URL, "middleware": [{"rate_limit": {"client": "1/h", "burst": 2}}]}}, workers=2)
    assert house.ask(get())[0] == 429, "a reload forgets nothing"


def test_sizes(house):
    def play(peer):
        while head := peer.read_head():
            if b"chunked" in head:
                peer.read_chunks()
            elif b"Content-Length" in head:
                peer.read_exactly(int(header(head, "Content-Length")))
            peer.send(OK)

    house.upstream(9000, play)
    house.start({"web": {"upstream": URL, "middleware": {"body_limit": "1KiB"}}})

    def post(size: int, framing: str) -> int:
        body = b"x" * size
        if framing == "chunked":
            head = b"Transfer-Encoding: chunked"
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (size, body)
        else:
            head = b"Content-Length: %d" % size
        return house.ask(b"POST / HTTP/1.1\r\nHost: web\r\n%s\r\n\r\n%s" % (head, body))[0]

    for framing in ("length", "chunked"):
        assert post(1024, framing) == 200
        assert post(1025, framing) == 413


def test_security_headers(house, authority):
    start(house, {"security_headers": True, "hsts": "365d"}, **secure(house, authority.leaf("web.home")))
    _, head, _ = ask(house, authority)
    for line in (b"X-Content-Type-Options: nosniff", b"X-Frame-Options: SAMEORIGIN",
                 b"Strict-Transport-Security: max-age=31536000"):
        assert line + b"\r\n" in head
    _, head, _ = house.ask(get("open"))
    assert b"Strict-Transport" not in head and b"nosniff" not in head


def basic(user: str, password: str) -> str:
    return f"Authorization: Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}\r\n"



@pytest.fixture
def users(house):
    file = house.directory / "users.txt"
    file.write_text(f"# ours\nann:{crypt.crypt('secret', crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16))}\n")
    return file


def test_a_password(house, users):
    web = start(house, {"basic_auth": {"users": str(users), "realm": "Home"}}, workers=1)
    status, head, _ = house.ask(get())
    assert status == 401 and b'WWW-Authenticate: Basic realm="Home", charset="UTF-8"\r\n' in head
    assert house.ask(get(headers=basic("ann", "wrong")))[0] == 401
    assert house.ask(get(headers=basic("bob", "secret")))[0] == 401
    assert not web.received
    for _ in range(3):
        assert house.ask(get(headers=basic("ann", "secret") + "Remote-User: root\r\n"))[0] == 200
    assert header(web.received, "Remote-User") == "ann"
    assert b"Authorization" not in web.received and b"root" not in web.received


# What argon2(1) makes of "secret" with -id: a small one, and one with 64 MiB and four lanes as Authelia's are.
ARGON2 = {
    "small": "$argon2id$v=19$m=4096,t=3,p=1$c2FsdHNhbHQ$OLeWCvLwvsLRPgRDUFsaPr4TPYfqZKBxQuyYI2VLP2w",
    "large": "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$lyligmaadO8t6Wd5OWqlLqeOiwtOAx3kMzjoDklIKL8",
}


def test_passwords_of_argon2id(house, users):
    users.write_text("".join(f"{name}:{hashed}\n" for name, hashed in ARGON2.items()))
    web = start(house, {"basic_auth": str(users)}, workers=1)
    for name in ARGON2:
        assert house.ask(get(headers=basic(name, "wrong")))[0] == 401
        assert house.ask(get(headers=basic(name, "secret")))[0] == 200
    assert web.received.count(b"GET") == 2


def test_who_guesses_waits_and_who_knows_does_not(house, users):
    start(house, {"basic_auth": str(users)}, workers=1)
    assert house.ask(get(headers=basic("ann", "secret")))[0] == 200
    told = [house.ask(get(headers=basic("ann", f"guess{i}")))[0] for i in range(5)]
    assert told[:3] == [401] * 3 and told[-1] == 429
    assert house.ask(get(headers=basic("ann", "secret")))[0] == 200


def test_a_password_with_a_body_that_is_on_its_way(house, users):
    web = house.upstream(9000, lambda peer: (peer.read_head(), peer.read_exactly(4), peer.send(OK)))
    house.start({"web": {"upstream": URL, "middleware": {"basic_auth": str(users)}}})
    client = house.client()
    client.send(get(headers=basic("ann", "secret") + "Content-Length: 4\r\n").replace(b"GET", b"PUT"))
    client.send(b"body")
    assert client.read_response()[0] == 200
    assert web.received.endswith(b"\r\n\r\nbody")


def test_a_bad_file_of_users_is_refused(house, users):
    start(house, {"basic_auth": str(users)})
    users.write_text("ann:plaintext\n")
    reply = house.control.post("/reload")
    assert reply.status != 200 and "bcrypt" in reply.text() and "users.txt:1" in reply.text()
    assert house.ask(get())[0] == 401, "the old one goes on"


SSO = {"service": "auth", "path": "/verify", "headers": ["Remote-User"]}


def guard(house, answer: bytes | None, **rule):
    """A service that asks `auth`, which says `answer` (None: nothing)."""
    asked = house.upstream(9001, lambda peer: (peer.read_head(), peer.send(answer) if answer else None))
    web = house.upstream(9000)
    house.start({
        "web": {"upstream": URL, "middleware": {"forward_auth": {**SSO, **rule}}},
        "auth": {"upstream": "http://127.0.0.1:9001"},
    }, workers=1)
    return web, asked


def test_another_service_says_yes(house):
    yes = b"HTTP/1.1 200 OK\r\nRemote-User: ann\r\nSet-Cookie: s=1\r\nContent-Length: 2\r\n\r\nok"
    web, asked = guard(house, yes)
    status, head, _ = house.ask(get(path="/a?b", headers="Remote-User: root\r\nCookie: c=d\r\n"))
    assert status == 200 and b"Set-Cookie: s=1\r\n" in head
    assert asked.received.startswith(b"GET /verify HTTP/1.1\r\nHost: auth.home\r\n")
    assert header(asked.received, "X-Forwarded-Uri") == "/a?b" and header(asked.received, "Cookie") == "c=d"
    assert header(asked.received, "X-Forwarded-For") == "127.0.0.1"
    assert header(web.received, "Remote-User") == "ann" and b"root" not in web.received + asked.received


@pytest.mark.parametrize("name", ["X-App-User", "x_app_user", "X.App-User"])
def test_what_the_other_service_says_cannot_be_imitated(house, name):
    yes = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    web, _ = guard(house, yes, headers=["X-App-User"])
    assert house.ask(get(headers=f"{name}: root\r\nX_App: kept\r\n"))[0] == 200
    assert b"root" not in web.received and b"kept" in web.received


def test_another_service_sends_pages_elsewhere_and_programs_nowhere(house):
    web, _ = guard(house, b"HTTP/1.1 302 Found\r\nLocation: https://auth.home/\r\nContent-Length: 0\r\n\r\n")
    status, head, _ = house.ask(get(headers="Accept: text/html\r\n"))
    assert status == 302 and b"Location: https://auth.home/\r\n" in head
    for fields in ("Accept: application/json\r\n", "Connection: Upgrade\r\nUpgrade: websocket\r\n"):
        assert house.ask(get(headers=fields))[0] == 401
    assert not web.received


def test_what_it_answers_to_head_has_no_body(house):
    """The next answer on that connection would begin with it."""
    guard(house, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\nnope!")
    client = house.client()
    for method in (b"HEAD", b"GET", b"HEAD", b"GET"):
        client.send(get().replace(b"GET", method))
        head = client.read_head()
        assert head.startswith(b"HTTP/1.1 403 ") and b"Content-Length: 5\r\n" in head
        if method == b"GET":
            assert client.read_exactly(5) == b"nope!"


def test_a_sign_in_page_for_those_that_say_401_alone(house):
    guard(house, b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", sign_in="http://auth.home/in?rd={url}")
    status, head, _ = house.ask(get(path="/x", headers="Accept: text/html\r\n"))
    assert status == 302 and b"Location: http://auth.home/in?rd=http%3A%2F%2Fweb.home%2Fx\r\n" in head
    assert house.ask(get())[0] == 401


@pytest.mark.parametrize("answer", [None, b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", b"garbage\r\n\r\n"])
def test_without_an_answer_nobody_passes(house, answer):
    web, _ = guard(house, answer)
    assert house.ask(get())[0] == 503
    house.upstreams[0].close()
    assert house.ask(get())[0] == 503
    assert not web.received


def test_a_client_that_leaves_while_it_is_asked(house):
    leave = threading.Event()
    asked = house.upstream(9001, lambda peer: (peer.read_head(), leave.wait(20), peer.send(OK)))
    house.upstream(9000)
    house.start({
        "web": {"upstream": URL, "middleware": {"forward_auth": SSO}},
        "auth": {"upstream": "http://127.0.0.1:9001"},
    }, workers=1)
    client = house.client()
    client.send(get())
    wait_until(lambda: asked.asked == 1)
    client.reset()
    leave.set()
    assert house.ask(get())[0] == 200
