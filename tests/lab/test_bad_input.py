"""Lists, disks, upstreams and documents that are not as they should be: DNS goes on and says so."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.blocklists import Blocklists
from tests.lab.clients import curl, dig
from tests.lab.home import DNS_VIP, PROXY_VIP, Home, Node, Settings
from tests.lab.internet import EXAMPLE_COM
from tests.lab.netns import run
from tests.lab.prober import Probe
from tests.lab.waiting import wait_until

HUGE = 200 << 20


@pytest.fixture(scope="module")
def odd_lists(blocklists: Blocklists, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Five list files, of which only the good one and a part of the truncated one are of use."""
    directory = tmp_path_factory.mktemp("odd-lists")
    whole = blocklists.files["hosts-basic"].read_bytes()
    files = {name: directory / f"{name}.txt" for name in ("good", "empty", "truncated", "huge")}
    shutil.copy(blocklists.files["domains-ads"], files["good"])
    files["empty"].write_bytes(b"")
    cut = whole.rindex(b".", 0, len(whole) // 2)  # inside a name
    files["truncated"].write_bytes(whole[:cut])
    line = b"0.0.0.0 a-name-of-a-list-that-is-far-too-long.example\n"
    with files["huge"].open("wb") as huge:
        for _ in range(HUGE // (len(line) * 10_000) + 1):
            huge.write(line * 10_000)
    files["missing"] = directory / "missing.txt"
    yield files
    files["huge"].unlink()


@pytest.fixture(scope="module")
def house(make_home, odd_lists: dict[str, Path]) -> Home:
    entries = [f"{name}: {{file: {path}}}" for name, path in odd_lists.items()]
    entries.append('dead-url: {url: "http://192.0.2.99/hosts.txt"}')
    entries.append('not-found: {url: "http://lists.example.com/nothing.txt"}')
    return make_home(Settings(lists="{" + ", ".join(entries) + "}", vip={"preempt_delay": "1h"}))


def status_text(node: Node) -> str:
    shown = node.hearth("status")
    assert shown.returncode in (0, 1), shown.stdout + shown.stderr
    return shown.stdout


def test_good_lists_block_beside_bad_ones(house: Home, blocklists: Blocklists) -> None:
    for blocked in blocklists.names("domains-ads", 5):
        assert dig(house.client, blocked).values == ["0.0.0.0"], blocked
    assert dig(house.client, "example.com").values == [EXAMPLE_COM]


def test_each_bad_list_is_named_in_status(house: Home) -> None:
    node = house.nodes["pi4-1"]
    details = " ".join(problem["detail"] for problem in node.control("dns").status()["problems"])
    shown = status_text(node)
    for name in ("missing", "huge", "dead-url", "not-found", "empty"):
        assert name in details, f"{name} is not among the problems: {details}"
        assert name in shown, f"{name} is not in `hearth status`: {shown}"
    assert "good" not in details


def test_a_truncated_list_is_used_or_named(house: Home, blocklists: Blocklists) -> None:
    """A list whose head says how long it is, as real ones do, is known to be cut; of others the rest is used."""
    if blocklists.real:
        assert "truncated" in status_text(house.nodes["pi4-1"])
    else:
        assert dig(house.client, blocklists.names("hosts-basic", 100)[1]).values == ["0.0.0.0"]


def test_a_huge_list_does_not_grow_the_daemon(house: Home, sanitized: bool) -> None:
    for node in house.nodes.values():
        assert sanitized or node.daemons["dns"].peak_rss_bytes() < 150 << 20


def test_a_full_disk_keeps_the_lists_that_serve(house: Home, blocklists: Blocklists) -> None:
    node = house.nodes["pi4-1"]
    blocked = blocklists.names("domains-ads", 3)
    small = node.host.directory / "small"
    small.mkdir()
    run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small])
    try:
        (small / "filler").write_bytes(bytes(60 * 1024))
        command = [house.bin_dir / "hearth-lists", "--config", node.config, "--run-dir", node.run_dir]
        full = node.host.start([*command, "--state-dir", small], name="hearth-lists-full")
        assert full.wait(120) != 0, full.log()
        assert "space" in full.log().lower(), full.log()
        for name in blocked:
            assert dig(house.client, name, server=node.address).values == ["0.0.0.0"]
    finally:
        run(["umount", small])


def test_a_damaged_image_is_refused(house: Home, blocklists: Blocklists) -> None:
    """Half of it gone, as after a power cut on a bad disk: what is loaded goes on, also over a restart."""
    node = house.nodes["pi5"]
    image = node.state_dir / "lists/compiled.hbl"
    whole = image.read_bytes()
    image.write_bytes(whole[: len(whole) // 2])
    node.control("dns").post("/lists/reload")
    blocked = blocklists.names("domains-ads", 1)[0]
    assert dig(house.client, blocked, server=node.address).values == ["0.0.0.0"]
    assert node.control("dns").problems(), "the damaged image is a problem in the status"

    node.daemons["dns"].stop()
    node.start_daemon("dns").wait_ready()
    assert dig(house.client, "immich.home", server=node.address).values == [PROXY_VIP]
    assert node.control("dns").problems()

    assert node.compile_lists().wait(120) in (0, 1)
    wait_until(
        lambda: dig(house.client, blocked, server=node.address).values == ["0.0.0.0"], 20, what="lists are back"
    )


def test_a_dead_upstream_is_said_and_local_names_stay(house: Home, blocklists: Blocklists) -> None:
    node = house.owner(DNS_VIP)
    before = node.control("dns").problems()
    house.internet.kill_resolver()
    try:
        assert dig(house.client, "dead1.example.net", options=("+time=8",)).rcode == "SERVFAIL"
        probe = Probe.dns(house.client, DNS_VIP, "immich.home")
        assert dig(house.client, "dead2.example.net", options=("+time=8",)).rcode == "SERVFAIL"
        assert dig(house.client, blocklists.names("domains-ads", 1)[0]).values == ["0.0.0.0"]
        assert probe.finish().lost == 0
        new = wait_until(
            lambda: node.control("dns").problems() - before, 20, what="a problem about the upstream"
        )
        assert any("upstream" in name for name in new), new
        assert "upstream" in status_text(node)
        assert node.control("dns").get("/health").status == 200, "an upstream is nobody's health"
    finally:
        house.internet.start_resolver()
    wait_until(lambda: dig(house.client, "alive.example.net").rcode == "NOERROR", 30, what="forwarding again")
    wait_until(lambda: node.control("dns").problems() <= before, 30, what="the problem is gone")


BAD = {
    "yaml": ("domain: home", "domain: [home"),
    "unknown key": ("domain: home", "domain: home\ndomian: lan"),
    "unknown node": ("http://pi5:2283", "http://pi6:2283"),
    "outside the lan": ("address: 10.0.0.100", "address: 10.9.0.100"),
    "port": ("http://pi5:2283", "http://pi5:99999"),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("how", ["SIGHUP", "POST"])
def test_a_bad_document_changes_nothing_that_runs(house: Home, kind: str, how: str) -> None:
    node = house.nodes["pi4-2"]
    good = house.document()
    before, after = BAD[kind]
    assert before in good
    controls = {name: node.control(name) for name in ("dns", "proxy", "lb")}
    hashes = {name: control.status()["config"]["hash"] for name, control in controls.items()}
    pids = {name: process.pid for name, process in node.daemons.items()}
    owners = house.owner(DNS_VIP).name, house.owner(PROXY_VIP).name
    node.config.write_text(good.replace(before, after))
    try:
        for name, control in controls.items():
            if how == "POST":
                refused = control.post("/reload")
                assert 400 <= refused.status < 500, refused.body
                assert "hearth.yaml:" in refused.text()
            else:
                node.daemons[name].signal(1)
            wait_until(lambda: control.status()["config"]["stale"], what=f"hearth-{name} says stale")
            status = control.status()
            assert status["config"]["hash"] == hashes[name]
            assert "hearth.yaml:" in status["config"]["error"]
            assert "config_rejected" in control.problems()
        assert "hearth.yaml:" in status_text(node)
        assert dig(house.client, "immich.home", server=node.address).values == [PROXY_VIP]
        assert curl(house.client, f"http://{node.address}/", "-H", "Host: immich.home").status == 200
        assert (house.owner(DNS_VIP).name, house.owner(PROXY_VIP).name) == owners
        assert {name: process.pid for name, process in node.daemons.items() if process.alive()} == pids
        checked = node.hearth("check")
        assert checked.returncode == 3 and "^" in checked.stdout + checked.stderr
    finally:
        node.config.write_text(good)
        for name, control in controls.items():
            assert control.post("/reload").status == 200
            assert "config_rejected" not in control.problems()


def test_a_good_document_is_taken_without_a_lost_probe(house: Home) -> None:
    good = house.document()
    names = Probe.dns(house.client, DNS_VIP, "immich.home")
    pages = Probe.http(house.client, PROXY_VIP, "immich.home")
    changed = good.replace("printer: 10.0.0.40", "printer: 10.0.0.42")
    house.write_document(changed.replace("services:\n", 'services:\n  photos: {upstream: "http://pi5:2283"}\n'))
    try:
        for node in house.nodes.values():
            for daemon in ("dns", "proxy", "lb"):
                assert node.control(daemon).post("/reload").status == 200
        assert dig(house.client, "printer.home").values == ["10.0.0.42"]
        assert curl(house.client, "http://photos.home").body == "<h1>immich</h1>\n"
        results = names.finish(), pages.finish()
    finally:
        house.write_document(good)
        for node in house.nodes.values():
            for daemon in ("dns", "proxy", "lb"):
                node.control(daemon).post("/reload")
    for result in results:
        assert result.settled and result.lost == 0, result
