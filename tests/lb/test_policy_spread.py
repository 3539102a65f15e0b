"""What `hearth allow`, `deny`, `forget` and `blocking off` say on one node holds on all."""

import json
import subprocess

import pytest

from tests.lab.clock import clock_environment
from tests.lab.control import Control
from tests.lab.waiting import wait_until

MORE = "dns: {{upstreams: [192.0.2.1], listen: [127.0.0.1:53]}}\nblocking: {{deny: [ads.example]}}\n"


class Home:
    """Nodes with hearth-lb and hearth-dns, all reached through their sockets."""

    def __init__(self, make_lan, nodes: int) -> None:
        self.lan = make_lan(nodes)
        self.lan.write_document(self.lan.document(more=MORE.format()))
        self.dns = {}
        for node in self.lan.nodes:
            self.dns[node.name] = node.start_dns()
        self.lan.start()
        for node in self.lan.nodes:
            wait_until(lambda node=node: "peer_away" not in node.control.problems(), 10, what=f"{node.name} connected")

    def node(self, name: str):
        return next(node for node in self.lan.nodes if node.name == name)

    def verdict(self, node: str, name: str) -> str:
        return Control(self.node(node).run_dir / "dns.sock").get(f"/why?name={name}").json()["verdict"]

    def everywhere(self, name: str) -> list[str]:
        return [self.verdict(node.name, name) for node in self.lan.nodes if self.dns[node.name]]

    def say(self, node: str, target: str) -> dict:
        reply = Control(self.node(node).run_dir / "dns.sock").post("/policy?" + target)
        assert reply.status == 200, reply.text()
        answer = reply.json()
        assert answer["saved"]
        return {entry["node"]: entry.get("why", "") for entry in answer["nodes"]}

    def stop_dns(self, name: str) -> None:
        self.dns[name].stop()
        self.dns[name] = None

    def start_dns(self, name: str, **options) -> None:
        self.dns[name] = self.node(name).start_dns(**options)

    def kept(self, node: str) -> list[dict]:
        return json.loads((self.node(node).host.directory / "policy.json").read_text())["overrides"]


@pytest.fixture
def make_home(make_lan, binaries):
    binaries["hearth-dns"]
    return lambda nodes=2: Home(make_lan, nodes)


def test_what_is_said_on_one_node_holds_on_all_when_it_is_answered(make_home):
    home = make_home(3)
    assert home.say("a", "action=deny&name=www.example") == {"a": "", "b": "", "c": ""}
    assert home.everywhere("www.example") == ["blocked"] * 3
    assert [said["name"] for said in home.kept("c")] == ["www.example"]
    home.say("b", "action=forget&name=www.example")
    assert "blocked" not in home.everywhere("www.example")
    home.say("c", "action=pause&ttl_s=300")
    assert "blocked" not in home.everywhere("ads.example")
    home.say("a", "action=resume")
    assert home.everywhere("ads.example") == ["blocked"] * 3


def test_a_node_that_was_off_learns_of_it_when_it_is_back(make_home):
    home = make_home()
    home.stop_dns("b")
    assert "does not run there" in home.say("a", "action=deny&name=one.example")["b"]
    home.start_dns("b")
    wait_until(lambda: home.verdict("b", "one.example") == "blocked", what="hearth-dns is back")

    a, b = home.lan.nodes
    b.lb.stop()
    wait_until(lambda: "peer_away" in a.control.problems())
    assert "when it is back" in home.say("a", "action=deny&name=two.example")["b"]
    assert "hearth-lb does not answer here" in home.say("b", "action=deny&name=three.example")["a"]
    b.start_lb()
    wait_until(lambda: home.verdict("b", "two.example") == "blocked", what="hearth-lb is back")
    wait_until(lambda: home.verdict("a", "three.example") == "blocked", what="and tells, too")


def test_what_was_said_at_the_same_time_ends_in_the_same_everywhere(make_home):
    home = make_home()
    a, b = home.lan.nodes
    b.lb.stop()
    wait_until(lambda: "peer_away" in a.control.problems())
    for i in range(20):
        home.say("a", f"action=deny&name=n{i}.example")
        home.say("b", f"action={'allow' if i % 2 else 'deny'}&name=n{19 - i}.example")
    b.start_lb()
    wait_until(lambda: home.kept("a") == home.kept("b"), what="the same on both")
    assert len(home.kept("a")) == 20


def test_the_last_word_stands_though_the_clock_behind_it_is_an_hour_late(make_home, tmp_path):
    home = make_home()
    home.stop_dns("b")
    home.start_dns("b", env=clock_environment(tmp_path, FAKETIME="-1h"))
    assert "its clock differs by 3" in home.say("a", "action=deny&name=www.example")["b"]
    assert home.everywhere("www.example") == ["blocked"] * 2
    assert "its clock differs by 3" in home.say("b", "action=allow&name=www.example")["a"]
    assert home.everywhere("www.example") == ["forwarded"] * 2

    # Where it is an hour earlier a pause of five minutes has not begun, and says so.
    assert "its clock differs" in home.say("a", "action=pause&ttl_s=300")["b"]
    assert home.everywhere("ads.example") == ["forwarded", "blocked"]
    home.stop_dns("b")
    home.start_dns("b")
    assert home.everywhere("ads.example") == ["forwarded"] * 2


def test_a_node_that_has_no_room_for_a_rule_says_so(make_home):
    home = make_home()
    a, b = home.lan.nodes
    b.lb.stop()
    wait_until(lambda: "peer_away" in a.control.problems())
    home.say("a", "action=deny&name=alone.example")
    for i in range(1000):
        home.say("b", f"action=deny&name=n{i}.example")
    refused = Control(b.run_dir / "dns.sock").post("/policy?action=deny&name=more.example")
    assert refused.status == 409 and "hearth rules" in refused.text()
    b.start_lb()
    for node in home.lan.nodes:
        wait_until(lambda node=node: "policy_full" in Control(node.run_dir / "dns.sock").problems(), 30, what=node.name)
    assert len(home.kept("a")) == 1000 and home.verdict("a", "alone.example") == "blocked"
    assert "refused it: there are 1000 rules" in home.say("a", "action=deny&name=alone.example")["b"]


def test_a_full_house_of_rules_is_carried_in_parts(make_home):
    home = make_home()
    home.stop_dns("b")
    label = "x" * 60
    for i in range(250):
        home.say("a", f"action=deny&name=n{i}.{label}.{label}.{label}.example")
    home.start_dns("b")
    wait_until(lambda: (home.node("b").host.directory / "policy.json").exists() and len(home.kept("b")) == 250, 30)


def test_without_a_key_the_answer_says_where_it_holds(make_lan, binaries):
    lan = make_lan(2)
    lan.write_document(lan.document(more=MORE.format()))
    for node in lan.nodes:
        (node.config.parent / "peer.key").unlink()
        node.start_dns()
    lan.start()
    a, b = lan.nodes
    told = subprocess.run(
        [binaries["hearth"], "--run-dir", a.run_dir, "deny", "www.example"], capture_output=True, text=True)
    assert told.returncode == 1, told
    assert "www.example is denied for everybody" in told.stdout
    assert "not on b: the nodes have no connection" in told.stdout
    assert Control(b.run_dir / "dns.sock").get("/why?name=www.example").json()["verdict"] != "blocked"


def test_only_what_is_small_and_addressed_is_relayed(make_home):
    home = make_home()
    a = home.lan.nodes[0].control
    assert a.post("/peers/relay?topic=router/policy").status == 400
    assert a.post("/peers/relay?topic=dns/..%2Freload").status == 400
    assert a.post("/peers/relay?topic=dns/policy", "x" * 50_000).status == 413
    nodes = a.post("/peers/relay?topic=dns/policy", "no policy").json()["nodes"]
    assert [(node["name"], node["status"]) for node in nodes] == [("b", 400)]
    assert a.post("/peers/relay?topic=dns/nothing").json()["nodes"][0]["status"] == 404
