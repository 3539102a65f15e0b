"""The lab's own ground: namespaces, processes, and that nothing survives."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.lab.netns import Network
from tests.lab.process import ProcessFailed
from tests.lab.waiting import wait_until

PYTHON = "/usr/bin/python3"


def test_hosts_on_a_switch_reach_each_other(network: Network) -> None:
    lan = network.switch("lan")
    a, b = network.host("a"), network.host("b")
    lan.attach(a, "10.0.0.1/24")
    port = lan.attach(b, "10.0.0.2/24")
    a.run(["ping", "-c1", "-W2", "10.0.0.2"])
    assert len(b.mac()) == 17

    receiver = b.udp("10.0.0.2")
    sender = a.udp("10.0.0.1")
    sender.sendto(b"hello", receiver.getsockname())
    assert receiver.recvfrom(64) == (b"hello", sender.getsockname())

    port.cut()
    assert a.run(["ping", "-c1", "-W1", "10.0.0.2"], check=False).returncode != 0
    port.heal()
    a.run(["ping", "-c1", "-W2", "10.0.0.2"])


def test_a_host_has_its_own_resolver(network: Network) -> None:
    host = network.host("a")
    host.use_resolver("10.0.0.53", search="home")
    assert host.run(["cat", "/etc/resolv.conf"]).stdout == "nameserver 10.0.0.53\nsearch home\n"
    assert "10.0.0.53" not in Path("/etc/resolv.conf").read_text()


READY = """
import os, socket, sys, time
time.sleep(0.05)
print("listening on 42", flush=True)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
    s.sendto(b"READY=1\\nSTATUS=fine", os.environ["NOTIFY_SOCKET"])
time.sleep(60)
"""


def test_a_process_is_awaited_and_ended(network: Network) -> None:
    host = network.host("a")
    process = host.start([PYTHON, "-c", READY], name="ready").wait_ready()
    assert "STATUS=fine" in process.wait_notify("STATUS")
    assert process.wait_line(r"listening on (\d+)")[1] == "42"
    assert 1 << 20 < process.rss_bytes() <= process.peak_rss_bytes()
    assert process.stop() == -signal.SIGTERM
    assert not process.alive()


def test_a_process_that_ends_early_is_reported_with_its_output(network: Network) -> None:
    process = network.host("a").start(["sh", "-c", "echo no such luck; exit 3"])
    with pytest.raises(ProcessFailed, match="ended with 3(.|\n)*no such luck"):
        process.wait_ready()


def test_what_a_sanitizer_says_is_raised_in_the_end() -> None:
    network = Network()
    network.host("a").start(["echo", "core/x.cpp:1:2: runtime error: overflow"]).wait()
    with pytest.raises(AssertionError, match="a sanitizer spoke in echo-1.log"):
        network.close()


VICTIM = """
import sys, time
sys.path.insert(0, {root!r})
from tests.lab.isolation import isolate
isolate()
from tests.lab.netns import Network
net = Network()
net.host("a").start(["sleep", {marker!r}])
print("started", flush=True)
time.sleep(60)
"""


def _sleeping(marker: str) -> bool:
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if entry.read_bytes().split(b"\0")[:2] == [b"sleep", marker.encode()]:
                return True
        except OSError:
            continue
    return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_survives_its_maker(source_dir: Path, number: int) -> None:
    marker = f"86{os.getpid()}.{int(number)}{time.monotonic_ns() % 100000}"
    code = VICTIM.format(root=str(source_dir), marker=marker)
    victim = subprocess.Popen([PYTHON, "-c", code], stdout=subprocess.PIPE)
    assert victim.stdout is not None and victim.stdout.readline() == b"started\n"
    wait_until(lambda: _sleeping(marker), what="the victim's process starts")
    victim.send_signal(number)
    assert victim.wait(20) != 0
    wait_until(lambda: not _sleeping(marker), what="the victim's process is gone")
    victim.stdout.close()
