"""What `hearth explain`, `hearth tail proxy` and `hearth routes` tell of a proxy that runs."""

import json
import re

import pytest

from tests.lab.authority import Authority
from tests.lab.waiting import wait_until
from tests.proxy.h2_upstream import H2Upstream, server_context
from tests.proxy.house import ADDRESS, WEB, get


@pytest.fixture
def hearth(house, binaries):
    def run(*words: str) -> tuple[int, str]:
        ended = house.host.run([binaries["hearth"], "--run-dir", house.run_dir, *words], check=False)
        return ended.returncode, ended.stdout

    return run


def explain(hearth, house, service: str) -> dict[str, list[dict]]:
    _, told = hearth("--config", str(house.config), "explain", service, "--json")
    hops: dict[str, list[dict]] = {}
    for hop in json.loads(told)["hops"]:
        hops.setdefault(hop["hop"], []).append(hop)
    return hops


def test_explain_tells_route_guards_and_upstreams(house, hearth):
    house.upstream(9000)
    house.upstream(9001)
    house.start({
        "auth": {"upstream": f"http://{ADDRESS}:9001"},
        "web": {"upstream": f"http://{ADDRESS}:9000", "middleware": [
            {"forward_auth": {"service": "auth"}}, {"body_limit": "1MiB", "rate_limit": "20/s"},
            {"allow": ["127.0.0.0/8"]}]},
    })
    hops = explain(hearth, house, "web")
    assert hops["route"][0]["ok"] and hops["upstream"][0]["ok"]
    assert hops["guard"][0]["tried"] == "only from 127.0.0.0/8 -> 20 in 1s for each client -> bodies to 1MiB -> asks auth"
    assert "200" in hops["upstream"][0]["detail"]


def test_explain_sees_what_is_drained_and_what_is_not_well(house, hearth):
    bad = house.upstream(9000, lambda peer: (peer.read_head(), peer.send(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")))
    house.start({"web": {"upstream": f"http://{ADDRESS}:9000", "health": {"path": "/", "fall": 1, "interval": "1s"}}})
    wait_until(lambda: bad.asked, what="a check")
    wait_until(lambda: "left out: answers 500 at /" in explain(hearth, house, "web")["upstream"][0]["detail"], what="it")
    assert hearth("upstream", "drain", "web", f"{ADDRESS}:9000")[0] == 0
    assert "drained" in explain(hearth, house, "web")["upstream"][0]["detail"]
    code, told = hearth("routes", "--json")
    assert (code, json.loads(told)[0]["upstreams"][0]["drained"]) == (0, True)


def test_explain_asks_https_and_h2c_upstreams_through_the_proxy(house, hearth):
    authority = Authority(house.directory / "tls")
    secure = H2Upstream(house.host, 9000, context=server_context(authority.leaf("localhost"), "h2"))
    plain = H2Upstream(house.host, 9001)
    house.start({
        "nas": {"upstreams": [{"url": "https://localhost:9000", "ca": str(authority.root)}]},
        "stranger": {"upstream": "https://localhost:9000"},
        "echo": {"upstream": f"h2c://{ADDRESS}:9001"},
    }, workers=1)
    for service in ("nas", "echo"):
        wait_until(lambda name=service: explain(hearth, house, name)["upstream"][0]["ok"], what=service)
    upstream = explain(hearth, house, "stranger")["upstream"][0]
    assert (upstream["ok"], upstream["detail"]) == (False, "tls_failed")
    secure.close()
    plain.close()


def test_explain_tells_the_certificates_issuer(house, hearth):
    authority = Authority(house.directory / "tls")
    leaf = authority.leaf("web.home")
    house.upstream(9000)
    house.start(WEB, listen_https=[f"{ADDRESS}:443"], tls={
        "certificates": [{"certificate": str(leaf.certificate), "key": str(leaf.key)}]})
    (issuer,) = {one["issuer"] for one in house.control.status()["certificates"]}
    assert issuer
    assert f"certificate of {issuer} ends in" in explain(hearth, house, "web")["tls"][0]["detail"]


def follow(house, binaries, *words: str):
    words = ["tail", "proxy", *words]
    return house.host.start([binaries["hearth"], "--run-dir", house.run_dir, *words], name="tail")


def ask_until(program, pattern: str, ask) -> None:
    """The workers look a few times a second whether anybody follows."""
    def seen() -> bool:
        ask()
        return re.search(pattern, program.log()) is not None

    wait_until(seen, interval=0.05, what=pattern)


def test_tail_shows_what_the_options_choose(house, binaries, hearth):
    house.upstream(9000)
    house.start({**WEB, "dead": {"upstream": f"http://{ADDRESS}:9001"}})

    def ask() -> None:
        house.ask(get(path="/good"))
        house.ask(get("dead", path="/bad"))
        house.ask(get("nobody", path="/none"))

    chosen = {
        ("--service", "web"): "/good",
        ("--failed", "--service", "dead"): "/bad",
        ("--status", "404"): "/none",
        ("--status", "5xx", "--client", "127.0.0.0/8"): "/bad",
    }
    for words, shown in chosen.items():
        program = follow(house, binaries, *words)
        ask_until(program, shown, ask)
        others = {"/good", "/bad", "/none"} - {shown}
        assert not any(other in program.log() for other in others), words
        program.stop()
    program = follow(house, binaries, "--json", "--status", "502")
    ask_until(program, '"reason":"connect_refused"', ask)
    line = json.loads(next(line for line in program.log().splitlines() if line.startswith("{")))
    assert len(line["trace_id"]) == 32
    program.stop()
    for wrong in (("--status", "abc"), ("--client", "laptop"), ("--rcode", "NOERROR")):
        assert hearth("tail", "proxy", *wrong)[0] == 2
    assert hearth("tail", "dns", "--failed")[0] == 2


def test_a_route_that_leads_nowhere_is_exit_code_1_in_either_form(house, hearth):
    house.start(WEB)
    wait_until(lambda: "connect_refused" in hearth("routes")[1], what="it is known to be down")
    assert hearth("routes")[0] == hearth("routes", "--json")[0] == 1
    house.upstream(9000)
    assert house.ask(get())[0] == 200
    wait_until(lambda: hearth("routes", "--json")[0] == 0, 30, what="it is known to be up")
