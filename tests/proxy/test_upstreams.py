"""Upstreams: by name, as it changes; asked on purpose; known to be down before anybody asks."""

import socket
import struct
import threading

from tests.lab.waiting import wait_until
from tests.proxy.house import WEB, get


class NameServer:
    """Answers every A question with `address`, any other with no data; NXDOMAIN without one."""

    def __init__(self, host, address: str) -> None:
        self.address = address
        self.asked = 0
        with host.entered():
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            query, client = self._socket.recvfrom(512)
            self.asked += 1
            end = query.index(b"\0", 12) + 5
            question = query[12:end]
            wants_a = question[-4:-2] == b"\0\1"
            answers = b""
            if self.address and wants_a:
                answers = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 1, 4) + socket.inet_aton(self.address)
            flags = 0x8180 if self.address else 0x8183
            head = query[:2] + struct.pack("!HHHHH", flags, 1, 1 if answers else 0, 0, 0)
            self._socket.sendto(head + question + answers, client)


NAMED = {"web": {"upstream": "http://backend.lan:9000"}}


def test_a_name_is_resolved_and_followed(house):
    house.host.ip("address add 127.0.0.2/8 dev lo")
    house.host.use_resolver("127.0.0.1")
    names = NameServer(house.host, "127.0.0.1")
    house.upstream(9000)
    house.start(NAMED)
    wait_until(lambda: house.ask(get())[0] == 200)
    names.address = "127.0.0.9"  # nobody listens there
    wait_until(lambda: house.ask(get())[0] == 502, 20, interval=0.2)
    names.address = ""  # a name that stops resolving keeps its last addresses
    before = names.asked
    wait_until(lambda: names.asked >= before + 6, 20)  # A and AAAA, more than once
    assert house.ask(get())[0] == 502
    names.address = "127.0.0.1"
    wait_until(lambda: house.ask(get())[0] == 200, 20, interval=0.2)


def test_a_name_that_does_not_resolve_is_said_to(house):
    house.host.use_resolver("127.0.0.1")
    NameServer(house.host, "")
    house.start(NAMED)
    status, _, body = house.ask(get())
    assert status == 503 and b"could not be resolved" in body
    route = house.control.status()["routes"][0]
    assert route["upstreams"] == [
        {"url": "http://backend.lan:9000", "up": False, "detail": "name_not_resolved"}
    ]
    probe = house.control.get("/probe?service=web").json()
    assert probe["ok"] is False and probe["upstreams"][0]["reason"] == "name_not_resolved"


def test_a_probe_asks_now(house):
    house.upstream(9000)
    house.start(WEB)
    probe = house.control.get("/probe?service=web").json()
    assert probe["ok"] is True and probe["host"] == "web.home"
    upstream = probe["upstreams"][0]
    assert upstream["url"] == "http://127.0.0.1:9000" and upstream["status"] == 200
    assert 0 < upstream["connect_ms"] <= upstream["answer_ms"]
    assert house.control.get("/probe?service=nobody").status == 404


def test_a_probe_says_what_is_wrong(house):
    def ssh(peer):
        peer.send(b"SSH-2.0-x\r\n")
        peer.read_all()

    house.upstream(9001, ssh)
    house.start({"dead": {"upstreams": ["http://127.0.0.1:9000", "http://127.0.0.1:9001"]}})
    probe = house.control.get("/probe?service=dead").json()
    assert probe["ok"] is False
    reasons = {upstream["url"]: upstream["reason"] for upstream in probe["upstreams"]}
    assert reasons == {
        "http://127.0.0.1:9000": "connect_refused",
        "http://127.0.0.1:9001": "bad_response",
    }


def test_a_dead_upstream_is_known_before_anybody_asks(house):
    house.start(WEB)
    wait_until(lambda: house.control.problems() == {"upstream_down"})
    assert house.control.metric("hearth_proxy_upstream_up", service="web") == 0
    house.upstream(9000)
    assert house.ask(get())[0] == 200
    wait_until(lambda: house.control.problems() == set())
    assert house.control.metric("hearth_proxy_upstream_up", service="web") == 1
