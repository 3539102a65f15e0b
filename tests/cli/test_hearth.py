"""`hearth` against real daemons on one machine, and against none."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.lab.appliance import DNS_PORT, HTTP_PORT, Appliance
from tests.lab.clients import curl, dig
from tests.lab.netns import Network
from tests.lab.waiting import wait_until


@pytest.fixture(scope="module")
def appliance(binaries):
    with Network() as network:
        yield Appliance(network.host("cli"), binaries.directory).start()


@pytest.fixture
def hearth(binaries):
    def run(*arguments: str | Path, **options):
        return subprocess.run([binaries["hearth"], *arguments], capture_output=True, text=True, timeout=30, **options)

    return run


def test_status_of_a_home_that_is_well(appliance: Appliance) -> None:
    shown = appliance.hearth("status")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    heading, row = shown.stdout.splitlines()
    assert heading.split() == ["NODE", "STATE", "DNS", "LB", "PROXY", "CERTS", "VIPS", "DOCUMENT"]
    assert row.split()[:5] == ["here", "ok", "ok", "ok", "ok"]
    answer = json.loads(appliance.hearth("status", "--json").stdout)
    assert answer["ok"] and answer["node"] == "here" and set(answer["daemons"]) == {"dns", "lb", "proxy"}


def test_why(appliance: Appliance) -> None:
    blocked = appliance.hearth("why", "ads.example")
    assert blocked.returncode == 1, blocked.stdout + blocked.stderr
    assert "BLOCKED" in blocked.stdout and "list ours line 2" in blocked.stdout and "undo:" in blocked.stdout
    assert json.loads(appliance.hearth("why", "ads.example", "--json").stdout)["verdict"] == "blocked"
    local = appliance.hearth("why", "hello.home")
    assert (local.returncode, "LOCAL" in local.stdout) == (0, True)
    assert appliance.hearth("why", "example.com").returncode == 0
    served = appliance.hearth("why", "example.com", "--client", "127.0.0.9")
    stranger = appliance.hearth("why", "example.com", "--client", "203.0.113.9")
    assert (served.returncode, stranger.returncode) == (0, 1)
    assert "REFUSED" in stranger.stdout and "dns.clients" in stranger.stdout
    assert appliance.hearth("why", "example.com", "--client", "nobody").returncode == 2
    bad = appliance.hearth("why", "a..b")
    assert bad.returncode == 2 and bad.stderr.startswith("hearth: ")


def test_explain_walks_every_hop(appliance: Appliance) -> None:
    good = appliance.hearth("explain", "hi")
    assert good.returncode == 0, good.stdout + good.stderr
    assert [line.split()[0] for line in good.stdout.splitlines()] == ["HOP", "dns", "route", "upstream"]
    assert "FAILS" not in good.stdout and "127.0.0.1:8081" in good.stdout
    unknown = appliance.hearth("explain", "helo")
    assert unknown.returncode == 2 and "did you mean hello?" in unknown.stderr


def test_explain_and_status_name_the_hop_that_fails(binaries) -> None:
    with Network() as network:
        appliance = Appliance(network.host("silent"), binaries.directory).start()
        appliance.service.kill()
        bad = appliance.hearth("explain", "hello.home", "--json")
        assert bad.returncode == 1
        hops = {hop["hop"]: hop for hop in json.loads(bad.stdout)["hops"]}
        assert hops["dns"]["ok"] and not hops["route"]["ok"] and not hops["upstream"]["ok"]
        assert "nothing listens" in hops["upstream"]["detail"]

        def told():
            shown = appliance.hearth("status")
            return shown.returncode == 1 and "hello: http://127.0.0.1:8081" in shown.stdout

        wait_until(told, 30)


def test_vip_ls_without_virtual_addresses(appliance: Appliance) -> None:
    assert json.loads(appliance.hearth("vip", "ls", "--json").stdout) == []


def test_tail_shows_questions_and_requests_as_they_come(appliance: Appliance) -> None:
    followers = {
        what: appliance.host.start([appliance.bin_dir / "hearth", "--run-dir", appliance.run_dir, "tail", what], name=f"tail-{what}")
        for what in ("dns", "proxy", "log")
    }

    def until(what: str, act, pattern: str) -> None:
        """Acts until the follower, which may not be connected yet, shows it."""
        for _ in range(200):
            act()
            try:
                followers[what].wait_line(pattern, deadline=0.1)
                return
            except AssertionError:
                assert followers[what].alive(), followers[what].log()
        pytest.fail(followers[what].log())

    until("dns", lambda: dig(appliance.host, "ads.example", server="127.0.0.1", options=("-p", str(DNS_PORT))),
          r"^\d\d:\d\d:\d\d here +A +ads\.example NOERROR blocked \(ours\)")  # fmt: skip
    until("proxy", lambda: curl(appliance.host, f"http://127.0.0.1:{HTTP_PORT}/", "-H", "Host: hello.home"),
          r"^\d\d:\d\d:\d\d 127\.0\.0\.1 +GET hello\.home/ 200 ")  # fmt: skip
    until("log", lambda: appliance.hearth("reload"), r"^\d\d:\d\d:\d\d hearth-dns +info +config_loaded hash=")
    for follower in followers.values():
        follower.kill()


def test_reload_and_lists_update(appliance: Appliance) -> None:
    assert appliance.hearth("reload").stdout.count("serves") == 3
    (appliance.etc / "ours.txt").write_text("# ours\n0.0.0.0 ads.example\n0.0.0.0 new.example\n")
    updated = appliance.hearth("lists", "update", "--state-dir", str(appliance.state_dir))
    assert updated.returncode == 0, updated.stderr
    assert appliance.hearth("why", "new.example").returncode == 1


def test_no_daemon_is_exit_4_and_says_what_to_do(hearth, tmp_path: Path) -> None:
    for words in (["status"], ["why", "x"], ["vip", "ls"], ["reload"], ["tail", "dns"], ["tail", "log"]):
        result = hearth("--run-dir", tmp_path, *words)
        assert result.returncode == 4, words
        assert "systemctl start hearth-" in result.stderr, words


def test_a_daemon_that_died_is_named(binaries) -> None:
    with Network() as network:
        appliance = Appliance(network.host("dead"), binaries.directory).start()
        appliance.daemons["proxy"].kill()
        shown = appliance.hearth("status")
        assert shown.returncode == 1
        assert re.search(r"^here +error .* down ", shown.stdout, re.MULTILINE)
        assert "systemctl start hearth-proxy" in shown.stdout


def test_usage_errors_are_exit_2(hearth) -> None:
    for words in (["statsu"], ["vip"], ["why"], ["status", "--jsno"], ["tail", "x"], ["help", "nothing"]):
        result = hearth(*words)
        assert result.returncode == 2, words
        assert result.stderr.startswith("hearth: ") and not result.stdout
    assert hearth().returncode == 0 and "explain SERVICE" in hearth().stdout
    assert "--client" in hearth("why", "--help").stdout


def test_keygen_makes_a_key_once(hearth, tmp_path: Path) -> None:
    key = tmp_path / "peer.key"
    assert hearth("peer", "keygen", key).returncode == 0
    assert re.fullmatch(r"[0-9a-f]{64}\n", key.read_text())
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_text()
    assert hearth("peer", "keygen", key).returncode == 1
    assert key.read_text() == before
    assert hearth("peer", "keygen", tmp_path / "other").returncode == 0
    assert (tmp_path / "other").read_text() != before


def test_colour_only_on_a_terminal(binaries, source_dir: Path) -> None:
    document = source_dir / "tests/config/bad/unknown-key.yaml"

    def on_a_terminal(**environment: str) -> bytes:
        master, slave = os.openpty()
        env = {"PATH": os.environ["PATH"], "TERM": "xterm", **environment}
        subprocess.run([binaries["hearth"], "check", document], stdout=slave, env=env, timeout=20, check=False)
        os.close(slave)
        shown = os.read(master, 65536)
        os.close(master)
        return shown

    assert b"\x1b[" in on_a_terminal()
    assert b"\x1b[" not in on_a_terminal(NO_COLOR="1")
    assert b"\x1b[" not in on_a_terminal(TERM="dumb")
    plain = subprocess.run([binaries["hearth"], "check", document], capture_output=True, timeout=20)
    assert b"\x1b[" not in plain.stdout


def test_completion_is_understood_by_bash(hearth) -> None:
    script = hearth("completion", "bash").stdout
    ask = f'{script}\nCOMP_WORDS=(hearth tail ""); COMP_CWORD=2; _hearth; echo "${{COMPREPLY[@]}}"'
    assert subprocess.run(["bash", "-c", ask], capture_output=True, text=True).stdout.split() == ["dns", "proxy", "log"]
