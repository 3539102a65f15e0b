"""`hearth` on a node of a home that is well, but for one service."""

import json

from tests.lab.blocklists import Blocklists
from tests.lab.home import CANDIDATES, NODES, PROXY_VIP, Home
from tests.lab.waiting import wait_until


def test_status_knows_every_daemon_and_the_one_problem(home: Home) -> None:
    """filebrowser is in the document, but nobody has started it."""
    node = home.nodes["pi4-1"]

    def proxy_problems() -> list[str]:
        return [problem["detail"] for problem in node.control("proxy").status()["problems"]]

    wait_until(
        lambda: len(found := proxy_problems()) == 1 and "immich" not in found[0] and "filebrowser" in found[0],
        40,  # upstreams are looked at every 15 s
        what="filebrowser's dead upstream is known, and no other",
    )
    for daemon in ("dns", "lb"):
        status = node.control(daemon).status()
        assert status["state"] == "ok", status["problems"]
        assert status["node"] == "pi4-1"
    shown = node.hearth("status")
    assert shown.returncode == 1, shown.stdout + shown.stderr
    assert all(name in shown.stdout for name in (*home.nodes, "filebrowser"))


def test_nodes_serve_the_same_document(home: Home) -> None:
    hashes = {
        node.control(daemon).status()["config"]["hash"]
        for node in home.nodes.values()
        for daemon in ("dns", "lb", "proxy")
    }
    assert len(hashes) == 1


def test_why_a_name_is_blocked(home: Home, blocklists: Blocklists) -> None:
    node, blocked = home.nodes["pi4-1"], blocklists.names("domains-ads", 1)[0]
    answer = node.hearth("why", blocked)
    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert "domains-ads" in answer.stdout
    assert node.hearth("why", "example.com").returncode == 0
    assert json.loads(node.hearth("why", blocked, "--json").stdout)


def test_explain_walks_to_the_service(home: Home) -> None:
    node = home.nodes["pi4-2"]
    good = node.hearth("explain", "immich")
    assert good.returncode == 0, good.stdout + good.stderr
    assert PROXY_VIP in good.stdout and f"{NODES['pi5']}:2283" in good.stdout
    assert node.hearth("explain", "filebrowser").returncode == 1  # nothing listens there


def test_vip_ls_names_the_owners(home: Home) -> None:
    for node in (home.nodes[name] for name in CANDIDATES):
        listed = node.hearth("vip", "ls", "--json")
        owners = {row["address"]: row["owner"] for row in json.loads(listed.stdout)}
        assert owners == {"10.0.0.53": "pi4-1", "10.0.0.100": "pi4-2"}, node.name


def test_metrics_tell_the_owner(home: Home) -> None:
    metric = home.nodes["pi4-1"].control("lb").metric
    assert metric("hearth_vip_owner", vip="dns", node="pi4-1") == 1
    assert metric("hearth_vip_owner", vip="proxy", node="pi4-1") == 0
