"""Every metric that the daemons print is in the documentation, and every documented one is printed."""

import json
import re
import secrets

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.lab import arp, services
from tests.lab.clients import curl, dig
from tests.lab.control import Control
from tests.lab.waiting import wait_until

DAEMONS = ("certs", "dns", "proxy", "lb")
NODE, VIP, PORTS, BACKEND, CLIENT = "10.0.0.11", "10.0.0.53", "10.0.0.60", "10.0.0.20", "10.0.0.50"
DOCUMENT = {
    "version": 1,
    "domain": "home",
    "lan": ["10.0.0.0/24"],
    "nodes": {"here": NODE},
    "vips": {"front": VIP},
    "dns": {"vip": "front", "upstreams": [BACKEND], "dnssec": "validate", "dnstap": {"socket": "/nowhere/dnstap.sock"}},
    "blocking": {"lists": {"ours": {"file": "ours.txt"}}},
    "proxy": {"vip": "front", "access_log": "json", "tracing": {"otlp": f"http://{BACKEND}:4318"}},
    "services": {
        "hello": {"upstream": f"http://{BACKEND}:8081"},
        "dead": {"upstream": f"http://{BACKEND}:8082"},
        "raw": {"upstream": f"tcp://{BACKEND}:8081"},
        "mqtt": {"vip": PORTS, "ports": {"tcp/1883": [f"{BACKEND}:8081"]}},
    },
}


class Everything:
    """One node with all daemons, each part of them in use, and who uses it."""

    def __init__(self, network, binaries) -> None:
        self.host, self.client = network.host("here"), network.host("client")
        switch = network.switch("lan")
        switch.attach(self.host, f"{NODE}/24")
        switch.attach(self.client, f"{CLIENT}/24")
        backend = network.host("backend")
        switch.attach(backend, f"{BACKEND}/24")
        services.start(backend, "page", "hello", 8081).wait_ready()
        self.config, self.run_dir = self.host.directory / "hearth.yaml", self.host.directory / "run"
        self.run_dir.mkdir()
        (self.host.directory / "ours.txt").write_text("0.0.0.0 ads.example\n")
        (self.host.directory / "peer.key").write_text(secrets.token_hex(32) + "\n")
        self.config.write_text(json.dumps(DOCUMENT))
        argv = ["--config", self.config, "--run-dir", self.run_dir, "--state-dir", self.host.directory]
        self.host.run([binaries["hearth-lists"], *argv])
        for name in DAEMONS:
            self.host.start([binaries[f"hearth-{name}"], *argv], name=name).wait_ready()

    def control(self, daemon: str) -> Control:
        return Control(self.run_dir / f"{daemon}.sock")

    def scrape(self, daemon: str) -> str:
        return self.control(daemon).get("/metrics").text()

    def printed(self, daemon: str) -> set[str]:
        """The names as series have them; of histograms the name alone."""
        found = set()
        for family in text_string_to_metric_families(self.scrape(daemon)):
            found.add(family.name + ("_total" if family.type == "counter" else ""))
        return found


@pytest.fixture
def everything(network, binaries):
    made = Everything(network, binaries)
    wait_until(lambda: arp.who_has(made.client, VIP, source=CLIENT), what="an owner")
    return made


def use(everything: Everything) -> None:
    for name in ("hello.home", "ads.example", "else.example"):
        dig(everything.client, name, server=VIP)
    wait_until(lambda: curl(everything.client, f"http://{VIP}/", "-H", "Host: hello.home").status in (200, 308), what="a page")
    certificates = Control(everything.run_dir / "proxy.sock")
    wait_until(lambda: "hearth_tls_certs_not_after_seconds" in certificates.get("/metrics").text(), what="certificates")
    for name, status in (("hello", 200), ("dead", 502)):
        page = curl(everything.client, f"https://{name}.home/", "--insecure", "--resolve", f"{name}.home:443:{VIP}")
        assert page.status == status


def documented(source_dir) -> set[str]:
    names: set[str] = set()
    for page in (source_dir / "docs").glob("*.md"):
        names |= set(re.findall(r"`(hearth_[a-z0-9_]+)", page.read_text()))
    return names


def test_what_is_printed_and_what_is_documented_are_the_same(everything, source_dir) -> None:
    use(everything)
    told = documented(source_dir)
    seen = {name for daemon in DAEMONS for name in everything.printed(daemon)}
    assert sorted(seen - told) == [], "printed, and in no page of docs/"
    assert sorted(told - seen) == [], "documented, and printed by nobody"


def test_the_last_reload_is_told_by_every_daemon(everything) -> None:
    def told(daemon: str) -> tuple[float, float]:
        metric = everything.control(daemon).metric
        return metric("hearth_config_last_reload_successful"), metric("hearth_config_stale")

    good = everything.config.read_text()
    for daemon in DAEMONS:
        assert told(daemon) == (1, 0)
        everything.config.write_text("version: 1\nlan: nowhere\n")
        assert everything.control(daemon).post("/reload").status == 422
        assert told(daemon) == (0, 1)
        everything.config.write_text(good)
        assert everything.control(daemon).post("/reload").status == 200
        assert told(daemon) == (1, 0)


def test_requests_by_arp_and_their_answers_are_counted(everything) -> None:
    metric = everything.control("lb").metric

    def counted() -> tuple[float, float]:
        return metric("hearth_arp_requests_total"), metric("hearth_arp_replies_total")

    before = counted()
    for asked in range(1, 4):
        arp.who_has(everything.client, VIP, source=CLIENT)
        wait_until(lambda more=asked: counted() == (before[0] + more, before[1] + more), what="it is counted")
    # What is not ours is neither.
    arp.who_has(everything.client, "10.0.0.99", source=CLIENT)
    assert counted() == (before[0] + 3, before[1] + 3)
