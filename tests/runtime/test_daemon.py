"""A daemon's life as runtime/daemon.h promises it, from outside: hearth-probe and its socket."""

import json
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.lab.control import Control, Reply
from tests.lab.process import Process
from tests.lab.waiting import wait_until


class Probe:
    def __init__(self, binary: Path, directory: Path) -> None:
        self.binary, self.directory = binary, directory
        self.document = directory / "word.yaml"
        self.socket = directory / "run/probe.sock"
        self.control = Control(self.socket)
        self.process: Process | None = None

    def argv(self, *more: str) -> list[str]:
        folders = ["--run-dir", self.directory / "run", "--state-dir", self.directory / "state"]
        return [str(word) for word in [self.binary, "--config", self.document, *folders, *more]]

    def start(self, word: str = "good", *more: str, env: dict[str, str] | None = None) -> "Probe":
        self.document.write_text(word)
        self.process = Process(self.argv(*more), name="probe", directory=self.directory, env=env)
        self.process.wait_ready()
        return self

    def check(self, word: str, *more: str) -> subprocess.CompletedProcess:
        self.document.write_text(word)
        return subprocess.run(self.argv("--check", *more), capture_output=True, text=True, timeout=20)

    def post(self, target: str, body: bytes = b"") -> Reply:
        return self.control.request("POST", target, body)

    def connect(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.settimeout(20)
        made.connect(str(self.socket))
        return made

    def raw(self, request: bytes) -> bytes:
        """The beginning of what `request` is answered; empty when the connection is just closed."""
        with self.connect() as connection:
            connection.sendall(request)
            return connection.recv(4096)


@pytest.fixture
def probe(binaries, tmp_path):
    made = Probe(binaries["hearth-probe"], tmp_path)
    yield made
    if made.process:
        made.process.close()


def test_answers_its_standard_endpoints(probe):
    probe.start("good1", "--node", "pi4")
    status = probe.control.status()
    assert status["daemon"] == "probe"
    assert status["node"] == "pi4"
    assert status["state"] == "ok"
    assert status["problems"] == []
    assert status["config"]["hash"] == "good1"
    assert status["config"]["stale"] is False
    assert status["word"] == "good1"
    health = probe.control.get("/health")
    assert (health.status, health.json()["healthy"]) == (200, True)
    assert probe.control.metric("hearth_build_info", daemon="probe") == 1
    assert probe.control.metric("hearth_config_stale") == 0
    assert probe.control.get("/nowhere").status == 404
    assert probe.control.get("/reload").status == 405


def test_works_with_curl(probe):
    probe.start()
    command = ["curl", "-sS", "--unix-socket", str(probe.socket), "http://hearth/status"]
    assert '"daemon":"probe"' in subprocess.run(command, capture_output=True, text=True, timeout=20).stdout


def test_socket_is_for_its_user_and_group_only(probe):
    probe.start()
    assert probe.socket.stat().st_mode & 0o7777 == 0o660


def test_check_reads_the_document_and_exits(probe):
    assert probe.check("good").returncode == 0
    invalid = probe.check("wrong")
    assert invalid.returncode == 3
    assert invalid.stderr.endswith(":1:1: error: bad word\nwrong\n^\n")
    assert probe.check("good", "--no-such-flag").returncode == 2
    assert not probe.socket.exists()


def test_invalid_document_at_start_exits_3(probe):
    probe.document.write_text("wrong")
    process = Process(probe.argv(), name="probe", directory=probe.directory)
    assert process.wait() == 3
    assert "error: bad word" in process.log()
    process.close()


def test_rejected_reload_leaves_the_old_document_serving(probe):
    probe.start("good1")
    probe.document.write_text("wrong")
    reply = probe.post("/reload")
    assert reply.status == 422
    assert "error: bad word" in reply.json()["error"]
    status = probe.control.status()
    assert status["word"] == "good1"
    assert status["state"] == "warn"
    assert status["config"]["stale"] is True
    assert status["config"]["hash"] == "good1"
    assert probe.control.problems() == {"config_rejected"}
    assert probe.control.metric("hearth_config_stale") == 1

    probe.document.write_text("unappliable")
    assert probe.post("/reload").status == 422
    assert probe.control.status()["word"] == "good1"

    probe.document.write_text("good2")
    assert probe.post("/reload").json() == {"hash": "good2"}
    assert probe.control.problems() == set()
    assert probe.control.status()["config"]["stale"] is False


def test_sighup_reloads_and_tells_systemd(probe):
    probe.start("good1")
    probe.document.write_text("good2")
    probe.process.signal(signal.SIGHUP)
    assert "MONOTONIC_USEC=" in probe.process.wait_notify("RELOADING=1")
    probe.process.wait_notify("READY=1\nSTATUS=serving good2")
    assert probe.control.status()["word"] == "good2"


def test_answers_while_it_loads(probe):
    probe.start("good")
    probe.document.write_text("slow")
    probe.process.signal(signal.SIGHUP)
    probe.process.wait_notify("RELOADING=1")
    assert probe.control.status()["word"] == "good"
    # Asked for during a reload: done after it, with the document as it then is.
    probe.document.write_text("good2")
    assert probe.post("/reload").json() == {"hash": "good2"}


def test_stops_on_sigterm(probe):
    probe.start()
    assert probe.process.stop() == 0
    probe.process.wait_notify("STOPPING=1")
    assert not probe.socket.exists()


def test_replaces_the_socket_of_a_dead_instance_but_not_of_a_living_one(probe):
    probe.start()
    second = Process(probe.argv(), name="second", directory=probe.directory)
    assert second.wait() == 1
    assert "another instance" in second.log()
    second.close()
    assert probe.control.status()["state"] == "ok"

    probe.process.kill()
    assert probe.socket.exists()
    probe.process.close()
    probe.start()
    assert probe.control.status()["state"] == "ok"


def test_health_is_published_when_it_changes(probe):
    probe.start()
    events = probe.control.events("health")
    assert next(events) == {"event": "health", "data": {"healthy": True, "reason": None}}
    probe.post("/health", b"no socket")
    assert next(events)["data"] == {"healthy": False, "reason": "no socket"}
    assert probe.control.get("/health").status == 503
    assert probe.control.status()["state"] == "error"


def test_event_streams_end_with_the_process(probe):
    probe.start()
    events = probe.control.events("health")
    next(events)
    probe.process.kill()
    assert list(events) == []


def test_log_is_a_topic(probe):
    probe.start()
    events = probe.control.events("log,health")
    assert next(events)["event"] == "health"  # from here on we are subscribed
    probe.post("/problem", b'a "thing"')
    event = next(events)
    assert event["event"] == "log"
    assert event["data"]["event"] == "problem"
    assert event["data"]["detail"] == 'a "thing"'
    assert probe.control.problems() == {"probe"}


def test_slow_subscriber_is_dropped_and_blocks_nobody(probe):
    probe.start()
    slow = probe.connect()
    slow.sendall(b"GET /events?topic=probe HTTP/1.1\r\nHost: x\r\n\r\n")
    assert slow.recv(4096).startswith(b"HTTP/1.1 200 ")
    for _ in range(4):
        assert probe.post("/publish?count=500", b"x" * 4096).status == 200
    assert probe.control.status()["state"] == "ok"
    received = 0
    while chunk := slow.recv(1 << 16):
        received += len(chunk)
    assert 0 < received < 4 * 500 * 4096


def test_large_and_malformed_requests_are_refused(probe):
    probe.start()
    assert probe.post("/echo", b"y" * (1 << 20)).status == 200
    assert probe.control.request("DELETE", "/status").status == 405
    assert probe.control.get("/status?bad=%zz").status == 400
    assert probe.raw(b"POST /echo HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n").startswith(b"HTTP/1.1 413 ")
    assert probe.raw(b"this is no HTTP\r\n\r\n") == b""


def test_dropped_request_is_answered(probe):
    probe.start()
    assert probe.post("/drop").status == 500


def test_strangers_are_refused(probe):
    probe.start()
    probe.socket.chmod(0o666)
    for directory in [probe.socket.parent, *probe.socket.parents]:
        if directory.stat().st_uid == 0 and directory != Path("/"):
            directory.chmod(directory.stat().st_mode | 0o011)
    command = ["curl", "-sS", "--unix-socket", str(probe.socket), "http://hearth/status"]
    answer = subprocess.run(
        command, capture_output=True, text=True, timeout=20, user=65534, group=65534, extra_groups=[]
    )
    assert "only root" in answer.stdout


def test_sandbox_leaves_what_was_named(probe):
    probe.start()
    status = Path(f"/proc/{probe.process.pid}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    bind_service = 1 << 10
    for kind in ("CapPrm", "CapEff", "CapBnd"):
        assert int(fields[kind], 16) == bind_service, kind
    assert int(fields["CapAmb"], 16) == 0
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"
    permission_denied = "1"
    assert probe.post("/exec").text() == permission_denied


def test_watchdog_is_fed_only_while_every_loop_answers(probe):
    probe.start("good", env={"WATCHDOG_USEC": "400000"})
    probe.process.wait_notify("WATCHDOG=1")
    probe.post("/hang")
    for _ in range(20):  # what was asked before the loop hung may still be answered
        if probe.process.next_notify(deadline=1.0) is None:
            break
    else:
        pytest.fail("the watchdog was fed although a loop hangs")
    assert probe.control.status()["state"] == "ok"
    probe.process.kill()


def test_journal_format_does_not_write_to_stderr(probe):
    probe.start("good", "--log-format", "journal")
    assert probe.process.stop() == 0
    assert probe.process.log() == ""


def test_json_log_is_one_object_a_line(probe):
    probe.start("good", "--log-format", "json")
    assert probe.process.stop() == 0
    events = [json.loads(line)["event"] for line in probe.process.log().splitlines()]
    assert "started" in events
    assert events[-1] == "stopping"


def test_counts_what_its_workers_did(probe):
    probe.start()
    host, port = probe.control.get("/udp").text().split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(20)
        client.sendto(b"ping", (host, int(port)))
        assert client.recv(100) == b"ping"
    wait_until(lambda: probe.control.metric("probe_packets_total") == 1)
