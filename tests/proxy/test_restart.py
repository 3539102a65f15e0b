"""The sockets stay open while hearth-proxy restarts: nobody is refused, and what is under way ends well."""

import os
import struct
import threading

import pytest

from tests.lab.authority import Authority
from tests.lab.kept import KeptSockets
from tests.lab.process import Process
from tests.lab.waiting import wait_until
from tests.proxy.house import ADDRESS, WEB, House, answer_all, get
from tests.proxy.test_tls import client_context, connect, secure


@pytest.fixture
def house(house):
    house.kept = KeptSockets()
    yield house
    house.kept.close()


class Load(threading.Thread):
    """Requests without a pause: on one connection while the proxy keeps it, or each on its own."""

    def __init__(self, house: House, keeps: bool) -> None:
        super().__init__(daemon=True)
        self.house, self.keeps = house, keeps
        self.answers: list[int] = []
        self.trouble: list[str] = []
        self.ends = False

    def run(self) -> None:
        client = None
        while not self.ends:
            try:
                client = client or self.house.client()
                client.send(get())
                status, head, _ = client.read_response()
                self.answers.append(status)
            except OSError as error:
                self.trouble.append(str(error))
                head = b"Connection: close"
            if not self.keeps or b"connection: close" in head.lower():
                client.close()
                client = None

    def end(self) -> None:
        self.ends = True
        self.join()


def test_ten_restarts_under_load_fail_no_request(house):
    house.upstream(9000, answer_all)
    house.start(WEB, workers=2)
    loads = [Load(house, keeps) for keeps in (True, True, True, False, False, False)]
    for load in loads:
        load.start()
    for _ in range(10):
        seen = [len(load.answers) for load in loads]
        wait_until(lambda: all(len(load.answers) > known + 20 for load, known in zip(loads, seen, strict=True)), 20)
        assert house.daemon.stop() == 0
        house.start(WEB, workers=2)
    for load in loads:
        load.end()
        assert load.trouble == [] and set(load.answers) == {200}


def test_who_comes_while_no_proxy_runs_waits_for_the_next_one(house):
    house.upstream(9000)
    house.start(WEB)
    for end in (Process.stop, Process.kill):
        end(house.daemon)
        client = house.client()
        client.send(get())
        house.start(WEB)
        assert client.read_response()[0] == 200
        client.close()


def wait_kept(house, *names: str) -> None:
    wait_until(lambda: house.kept.names == [*names, "ticket-keys"], what=f"kept: {names}")


def test_sockets_of_workers_that_are_no_more_are_given_up(house):
    house.upstream(9000)
    house.start(WEB, workers=4)
    wait_until(lambda: len(house.kept.names) == 5)
    house.daemon.stop()
    house.start(WEB, workers=1)
    wait_kept(house, "http-127.0.0.1-80-0")
    assert [house.ask(get())[0] for _ in range(40)] == [200] * 40


def test_what_the_document_no_longer_names_is_given_up(house):
    house.upstream(9000)
    house.start(WEB, workers=1, listen=[f"{ADDRESS}:80", "127.0.0.2:80"])
    house.reload(WEB, workers=1, listen=[f"{ADDRESS}:80", f"{ADDRESS}:81"])
    wait_kept(house, "http-127.0.0.1-80-0", "http-127.0.0.1-81-0")
    house.daemon.stop()
    house.start(WEB, workers=1, listen=[f"{ADDRESS}:81"])
    wait_kept(house, "http-127.0.0.1-81-0")
    with pytest.raises(OSError):
        house.client(80)


def test_sessions_are_resumed_after_a_restart(house):
    authority = Authority(house.directory / "tls")
    house.upstream(9000)
    settings = secure(house, authority.leaf("web.home"))
    house.start(WEB, **settings)
    context = client_context(authority)
    first = connect(house, authority, context=context)
    first.send(get())
    first.read_response()  # the ticket comes after the handshake
    for end in (Process.stop, Process.kill):
        end(house.daemon)
        house.start(WEB, **settings)
        again = connect(house, authority, context=context, session=first.connection.session)
        assert again.connection.session_reused
    assert "ticket-keys" in house.kept.names
    house.daemon.stop()
    house.kept.close()
    house.start(WEB, **settings)
    assert not connect(house, authority, context=context, session=first.connection.session).connection.session_reused


def s_client(house, authority, *options) -> str:
    """What openssl s_client says of one request over TLS."""
    argv = ["openssl", "s_client", "-connect", f"{ADDRESS}:443", "-servername", "web.home", "-CAfile", authority.root,
            "-verify_return_error", "-ign_eof", "-crlf", *options]
    said = house.host.run(argv, stdin="GET / HTTP/1.1\nHost: web.home\nConnection: close\n\n").stdout
    assert "HTTP/1.1 200 OK" in said and "Verify return code: 0 (ok)" in said, said
    return said


def age_ticket_keys(house, hours: int) -> None:
    """Whoever finds them in the descriptor store takes them for so much older."""
    made_at = 8 + 2 * (16 + 32 + 32)  # behind the version and two keys
    memory = house.kept.descriptors[[name for name, _ in house.kept._kept].index("ticket-keys")]
    (made,) = struct.unpack("q", os.pread(memory, 8, made_at))
    os.pwrite(memory, struct.pack("q", made - hours * 3600 * 10**9), made_at)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_keys_of_tickets_are_renewed_and_the_last_ones_stay_good(house, version):
    authority = Authority(house.directory / "tls")
    house.upstream(9000)
    settings = secure(house, authority.leaf("web.home"))
    first, second = house.directory / "first.session", house.directory / "second.session"
    house.start(WEB, **settings)
    assert "New, TLS" in s_client(house, authority, version, "-sess_out", first)
    assert "Reused, TLS" in s_client(house, authority, version, "-sess_in", first)

    def a_day_later() -> None:
        wait_until(lambda: "ticket-keys" in house.kept.names, what="the keys are kept")
        house.daemon.stop()
        age_ticket_keys(house, 13)
        house.start(WEB, **settings)

    a_day_later()
    assert "New, TLS" in s_client(house, authority, version, "-sess_out", second)  # with the next key
    assert "Reused, TLS" in s_client(house, authority, version, "-sess_in", first), "the last key is good still"
    a_day_later()
    assert "New, TLS" in s_client(house, authority, version)
    assert "Reused, TLS" in s_client(house, authority, version, "-sess_in", second)
    assert "New, TLS" in s_client(house, authority, version, "-sess_in", first), "the one before is not"


def test_chacha_for_clients_that_prefer_it(house):
    """Those without AES instructions name it first; to all others it is AES."""
    authority = Authority(house.directory / "tls")
    house.upstream(9000)
    house.start(WEB, **secure(house, authority.leaf("web.home")))
    chacha, aes = "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-GCM-SHA256"
    for order, agreed in (((chacha, aes), chacha), ((aes, chacha), aes)):
        assert f"Cipher is {agreed}" in s_client(house, authority, "-tls1_2", "-cipher", ":".join(order))
    chacha, aes = "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_256_GCM_SHA384"
    for order, agreed in (((chacha, aes), chacha), ((aes, chacha), aes)):
        assert f"Cipher is {agreed}" in s_client(house, authority, "-tls1_3", "-ciphersuites", ":".join(order))
