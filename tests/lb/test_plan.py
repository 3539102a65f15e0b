"""`hearth lb plan`: what a document would change, told before it does, and nothing touched."""

import json
import subprocess

from tests.lb.test_services import document, table

BEFORE = "{tcp/1883: [a, b], udp/5060: a}"


def plan(node, *options: str) -> subprocess.CompletedProcess:
    return node.host.run(
        [node.lan.bin_dir / "hearth", "lb", "plan", "--config", node.config, "--run-dir", node.run_dir, *options],
        check=False,
    )


def changes(node) -> dict[tuple[str, str, str], str]:
    answer = json.loads(plan(node, "--json").stdout)
    return {(one["action"], one["kind"], one["subject"]): one["detail"] for one in answer["changes"]}


def start(make_lan):
    lan = make_lan(2)
    lan.write_document(document(lan, BEFORE))
    lan.start()
    return lan, lan.nodes[0]


def test_the_same_document_changes_nothing(make_lan):
    _, a = start(make_lan)
    done = plan(a)
    assert (done.returncode, done.stdout) == (0, "Nothing would change.\n")
    assert json.loads(plan(a, "--json").stdout)["operations"] == {"firewall": 0, "services": 0}


def test_what_is_added_removed_and_changed(make_lan):
    lan, a = start(make_lan)
    before = table(a)
    lan.write_document(
        document(lan, "{tcp/1883: [b, {to: 10.0.0.99, weight: 3}], tcp/8883: a}", ", affinity: 5m")
        .replace("prefer: [a, b]", "prefer: [b, a]")
        .replace("services:", "services:\n  web: {vip: 10.0.0.102, ports: {tcp/80: a}}\n ").replace("  {mqtt: ", "  mqtt: ").rstrip()[:-1]
    )
    done = plan(a)
    assert done.returncode == 1
    assert {line[0] for line in done.stdout.splitlines()[1:-1]} == set("+-~")
    assert done.stdout.splitlines()[-1].endswith("operations on the kernel's tables.")
    found = changes(a)
    assert set(found) == {
        ("add", "service", "mqtt 10.0.0.101 tcp/8883"),
        ("add", "service", "web 10.0.0.102 tcp/80"),
        ("add", "vip", "web 10.0.0.102"),
        ("change", "service", "mqtt 10.0.0.101 tcp/1883"),
        ("change", "vip", "dns 10.0.0.53"),
        ("remove", "service", "mqtt 10.0.0.101 udp/5060"),
    }
    changed = found["change", "service", "mqtt 10.0.0.101 tcp/1883"]
    assert changed == "affinity 0s -> 300s, -10.0.0.11:1883, +10.0.0.99:1883"
    assert found["change", "vip", "dns 10.0.0.53"] == "priority 200 -> 190"
    assert table(a) == before, "nothing was touched"
    assert a.control.post("/reload").status == 200
    assert plan(a).returncode == 0


def test_a_bad_document_is_told_as_by_check(make_lan):
    lan, a = start(make_lan)
    a.config.write_text(document(lan, "{tcp/1883: nobody}"))
    done = plan(a)
    assert done.returncode == 3 and "is neither a node nor an address" in done.stderr
    assert plan(lan.nodes[1]).returncode == 0


def test_without_a_daemon(make_lan):
    lan = make_lan(1)
    assert plan(lan.nodes[0]).returncode == 4
