"""Upstreams that die, lie and talk out of turn, behind every protocol and before every protocol.

Each fault is a path; after each the same upstream is asked for something good, so that nothing of the fault can be left in a
connection that is used again.
"""

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.lab.authority import Authority
from tests.lab.netns import Network
from tests.proxy.h2_client import Answer, connect
from tests.proxy.h2_client import get as get2
from tests.proxy.h2_upstream import Asked, H2Connection, H2Upstream, server_context
from tests.proxy.house import ADDRESS, OK, House, Peer, Upstream

MIB = 1 << 20
BIG_HEAD = [(f"x-big-{i}", "y" * 1000) for i in range(40)]


@dataclass(frozen=True)
class Fault:
    http1: Callable[[Peer], None]
    http2: Callable[[H2Connection, Asked], None]
    status: set[int]  # 0: nothing but a reset
    body: bytes | None = b""  # None: cut short, or the proxy's own page
    method: str = "GET"
    upload: int = 0
    fields: dict[str, str] = field(default_factory=dict)


def says(octets: bytes) -> Callable[[Peer], None]:
    return lambda peer: peer.send(octets)


def killed(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    peer.connection.shutdown(socket.SHUT_RDWR)


def killed2(connection: H2Connection, asked: Asked) -> None:
    connection.head(asked, 200, (b"content-length", b"100"))
    connection.body(asked, b"half", end=False)
    connection.sock.shutdown(socket.SHUT_RDWR)


def reset(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
    if isinstance(peer.connection, socket.socket):
        peer.reset()


def reset2(connection: H2Connection, asked: Asked) -> None:
    connection.head(asked)
    connection.body(asked, b"half", end=False)
    connection.reset(asked)


def half_closed(peer: Peer) -> None:
    """Has said everything, and still listens."""
    peer.send(OK)
    peer.connection.shutdown(socket.SHUT_WR)
    peer.read_all()


def whole2(connection: H2Connection, asked: Asked) -> None:
    connection.head(asked, 200, (b"content-length", b"2"))
    connection.body(asked, b"ok")


def answer2(status: int, body: bytes, *fields: tuple[bytes, bytes]) -> Callable[[H2Connection, Asked], None]:
    def script(connection: H2Connection, asked: Asked) -> None:
        connection.head(asked, status, *fields)
        connection.body(asked, body)

    return script


def interim_flood(peer: Peer) -> None:
    while True:
        peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 100)


def interim_flood2(connection: H2Connection, asked: Asked) -> None:
    while True:
        connection.head(asked, 103, (b"link", b"</a>"))


def some_interim(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 102 Processing\r\n\r\n" * 5 + OK)


def some_interim2(connection: H2Connection, asked: Asked) -> None:
    for _ in range(5):
        connection.head(asked, 102)
    whole2(connection, asked)


def early(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno")
    peer.read_all()


def early_and_gone(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 413 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")


def early2(connection: H2Connection, asked: Asked) -> None:
    connection.head(asked, 413, (b"content-length", b"2"))
    connection.body(asked, b"no")
    connection.reset(asked, 0)


def mind_changed(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    peer.read_exactly(MIB)
    early(peer)


def mind_changed2(connection: H2Connection, asked: Asked) -> None:
    connection.head(asked, 100)
    early2(connection, asked)


def head1(*fields: tuple[str, str]) -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields).encode() + b"\r\n"


def with_trailers2(connection: H2Connection, asked: Asked) -> None:
    connection.head(asked)
    connection.body(asked, b"ok", end=False)
    connection.trailers(asked, (b"server-timing", b"db;dur=1"), (b"x-other", b"no"))


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
FAULTS = {
    "closes without a word": Fault(lambda peer: None, lambda c, asked: c.sock.shutdown(socket.SHUT_RDWR), {502}, None),
    "killed in the body": Fault(killed, killed2, {200, 0}, None),
    "reset in the body": Fault(reset, reset2, {200, 0}, None),
    "reset before the answer": Fault(lambda peer: peer.reset(), lambda c, asked: c.reset(asked), {502}, None),
    "closes its side": Fault(half_closed, whole2, {200}, b"ok"),
    "too short": Fault(says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
                       answer2(200, b"half", (b"content-length", b"100")), {200, 0, 502}, None),
    "too long": Fault(says(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"),
                      answer2(200, b"okpoison", (b"content-length", b"2")), {200, 0, 502}, b"ok"),
    "two lengths": Fault(says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
                         answer2(200, b"abc", (b"content-length", b"2"), (b"content-length", b"3")), {502}, None),
    "interim answers without end": Fault(interim_flood, interim_flood2, {502}, None),
    "some interim answers, and is gone": Fault(some_interim, some_interim2, {200}, b"ok"),
    "a huge head": Fault(says(head1(*BIG_HEAD, ("Content-Length", "0"))),
                         answer2(200, b"", *((a.encode(), b.encode()) for a, b in BIG_HEAD)), {502}, None),
    "a head without end": Fault(lambda peer: [peer.send(b"HTTP/1.1 200 OK\r\n"), *(peer.send(b"a: b\r\n") for _ in range(10**6))],
                                lambda c, asked: c.head(asked, 200, *[(b"a", b"b")] * 2000), {502}, None),
    "too many fields": Fault(says(head1(*[("a", "b")] * 300)), answer2(200, b"", *[(b"a", b"b")] * 300), {502}, None),
    "101 that nobody asked for": Fault(says(b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nGET / HTTP/1.1"),
                                       lambda c, asked: c.head(asked, 101), {502}, None),
    "204 with a body": Fault(says(b"HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\npoison"), answer2(204, b"poison"),
                             {204, 502, 0}),
    "304 with a body": Fault(says(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\npoison"),
                             answer2(304, b"poison", (b"content-length", b"6")), {304, 502, 0}),
    "HEAD with a body": Fault(says(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"),
                              answer2(200, b"poison", (b"content-length", b"6")), {200, 502, 0}, method="HEAD"),
    "trailers": Fault(says(CHUNKED + b"2\r\nok\r\n0\r\nServer-Timing: db;dur=1\r\nX-Other: no\r\n\r\n"), with_trailers2, {200}, b"ok"),
    "a chunk that is none": Fault(says(CHUNKED + b"2\r\nok\r\nzz\r\n"), reset2, {200, 0}, None),
    "no end of chunks": Fault(says(CHUNKED + b"4\r\nhalf\r\n"), killed2, {200, 0}, None),
    "not HTTP at all": Fault(says(b"SSH-2.0-OpenSSH_9.2\r\n"), lambda c, asked: c.sock.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" * 9), {502}, None),
    "answers before the body": Fault(early, early2, {413}, b"no", method="POST", upload=8 * MIB),
    "answers before the body and is gone": Fault(early_and_gone, early2, {413}, b"no", method="POST", upload=8 * MIB),
    "refuses what it was to expect": Fault(early, early2, {413}, b"no", method="PUT", upload=8 * MIB,
                                           fields={"Expect": "100-continue"}),
    "changes its mind after 100": Fault(mind_changed, mind_changed2, {413}, b"no", method="PUT", upload=8 * MIB,
                                        fields={"Expect": "100-continue"}),
    "dies while it is sent to": Fault(lambda peer: (peer.read_exactly(MIB), peer.reset()),
                                      lambda c, asked: c.sock.shutdown(socket.SHUT_RDWR), {502}, None, method="POST", upload=8 * MIB),
}
HASTY = {"answers before the body", "answers before the body and is gone", "refuses what it was to expect",
         "changes its mind after 100", "dies while it is sent to"}
PATHS = {f"/{i}": name for i, name in enumerate(FAULTS)}
PATH_OF = {name: path for path, name in PATHS.items()}


def script1(peer: Peer) -> None:
    while head := peer.read_head():
        name = PATHS.get(head.split(b" ")[1].decode())
        if name is None:
            peer.send(OK)
            continue
        return FAULTS[name].http1(peer)


def script2(connection: H2Connection, asked: Asked) -> None:
    name = PATHS.get(asked[b":path"].decode())
    whole2(connection, asked) if name is None else FAULTS[name].http2(connection, asked)


def is_hasty(asked: Asked) -> bool:
    return PATHS.get(asked[b":path"].decode()) in HASTY


@pytest.fixture(scope="module")
def house(binaries):
    with Network() as network:
        made = House(network.host("home"), binaries["hearth-proxy"])
        authority = Authority(made.directory / "tls")
        leaf = authority.leaf("localhost")
        secure = [Upstream(made.host, 9001, script1, server_context(leaf, "http/1.1"))]
        made.upstreams = [Upstream(made.host, 9000, script1), *secure]
        multiplexed = [H2Upstream(made.host, 9002, script2, None, is_hasty),
                       H2Upstream(made.host, 9003, script2, server_context(leaf, "h2"), is_hasty)]
        ca = str(authority.root)
        made.start({
            "http": {"upstream": f"http://{ADDRESS}:9000"},
            "https": {"upstreams": [{"url": "https://localhost:9001", "ca": ca}]},
            "h2c": {"upstream": f"h2c://{ADDRESS}:9002"},
            "h2": {"upstreams": [{"url": "https://localhost:9003", "ca": ca}]},
        }, workers=1)
        yield made
        assert made.daemon.alive()
        made.close()
        for one in multiplexed:
            one.close()


def upload1(client: Peer, octets: int) -> None:
    """Until nobody wants it any more."""
    with contextlib.suppress(OSError):
        for _ in range(octets // 65536):
            client.send(bytes(65536))


def ask1(house: House, host: str, fault: Fault, path: str) -> tuple[int, bytes, bool, bytes]:
    """Status, body, whether it is whole, all octets."""
    client = house.client()
    fields = "".join(f"{name}: {value}\r\n" for name, value in fault.fields.items())
    if fault.upload:
        fields += f"Content-Length: {fault.upload}\r\n"
    client.send(f"{fault.method} {path} HTTP/1.1\r\nHost: {host}.home\r\n{fields}\r\n".encode())
    sender = threading.Thread(target=upload1, args=(client, fault.upload))
    try:
        if fault.upload and not fault.fields:
            sender.start()
        head = client.read_head()
        while head.startswith(b"HTTP/1.1 1"):
            if fault.upload and b" 100 " in head:
                sender.start()
            head = client.read_head()
        if not head:
            return 0, b"", False, b""
        status, lower = int(head.split(b" ", 2)[1]), head.lower()
        if fault.method == "HEAD" or status in (204, 304):
            return status, b"", True, client.received
        if b"content-length:" in lower:
            length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
            body = client.read_exactly(length)
            return status, body, len(body) == length, client.received
        body, whole = read_chunks(client)
        return status, body, whole, client.received
    except ConnectionResetError:
        return 0, b"", False, client.received
    finally:
        if sender.ident:
            sender.join()
        client.close()


def read_chunks(client: Peer) -> tuple[bytes, bool]:
    body = b""
    while line := client.read_until(b"\r\n"):
        size = int(line, 16)
        if size == 0:
            rest = client.read_until(b"\r\n") if (more := client.read_exactly(2)) != b"\r\n" else b""
            return body, more == b"\r\n" or bool(rest)
        body += client.read_exactly(size)
        client.read_exactly(2)
    return body, False


def ask2(house: House, host: str, fault: Fault, path: str) -> Answer:
    client = connect(house)
    fields = [(name.lower().encode(), value.encode()) for name, value in fault.fields.items()]
    if fault.upload:
        fields.append((b"content-length", b"%d" % fault.upload))
    stream = client.request([*get2(path, f"{host}.home", fault.method), *fields], end=not fault.upload)
    if fault.upload:
        answer = client.answers[stream]
        while fault.fields and not answer.interim and not answer.status and client.receive():
            pass
        if not answer.status:
            client.send(stream, bytes(fault.upload), end=True)
    answer = client.wait(stream)
    client.close()
    return answer


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("behind", ["http", "https", "h2c", "h2"])
@pytest.mark.parametrize("front", ["h1", "h2"])
def test_faults_of_upstreams(house, front, behind, fault):
    what = FAULTS[fault]
    path = PATH_OF[fault]
    if front == "h1":
        status, body, whole, octets = ask1(house, behind, what, path)
        assert b"X-Other" not in octets and b"x-other" not in octets
        if fault == "trailers":
            assert b"server-timing: db;dur=1\r\n" in octets.lower()
    else:
        answer = ask2(house, behind, what, path)
        status, body, whole = answer.status, answer.body, answer.ended
        if fault == "trailers":
            assert answer.trailers == {b"server-timing": b"db;dur=1"}
    assert status in what.status, (status, body)
    assert b"poison" not in body
    if what.body is None:
        assert status == 502 or not whole, "what was cut short must not look whole"
    elif whole and status != 502:
        assert body == what.body
    good = house.ask(f"GET /good HTTP/1.1\r\nHost: {behind}.home\r\n\r\n".encode())
    assert good[0] == 200 and good[2] == b"ok", "the next one is served as if nothing had been"


def test_nothing_is_left_behind(house, sanitized):
    assert sanitized or house.daemon.peak_rss_bytes() < 32 * MIB
