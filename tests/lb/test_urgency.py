"""What keeps adverts in time on a busy node: memory that stays, and a thread that runs first."""

import os
from pathlib import Path


def memory_kib(pid: int, key: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1])


def lan_thread_policy(pid: int) -> int:
    (thread,) = (t for t in Path(f"/proc/{pid}/task").iterdir() if (t / "comm").read_text().strip() == "lan")
    return os.sched_getscheduler(int(thread.name))


def start(node, *wrapper: str) -> int:
    node.lb = node.host.start([*wrapper, *node.command("hearth-lb")], name="hearth-lb")
    node.lb.wait_ready()
    node.wait_state("master")
    return node.lb.pid


def test_memory_stays_and_the_lan_thread_runs_first(make_lan, sanitized):
    (node,) = make_lan(1).nodes
    pid = start(node)
    assert sanitized or 0 < memory_kib(pid, "VmLck")
    assert sanitized or memory_kib(pid, "VmRSS") <= 16 * 1024
    assert lan_thread_policy(pid) == os.SCHED_RR


def test_serves_as_well_where_the_kernel_refuses(make_lan):
    lan = make_lan(1)
    (node,) = lan.nodes
    pid = start(node, "setpriv", "--bounding-set=-ipc_lock,-sys_nice", "--inh-caps=-all")
    assert memory_kib(pid, "VmLck") == 0
    assert lan_thread_policy(pid) == os.SCHED_OTHER
    assert "not_urgent" in node.lb.log()
    lan.wait_owner(node)
