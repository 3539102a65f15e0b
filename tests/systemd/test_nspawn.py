"""The package on a real systemd: installed, started, killed, hung, reloaded, stopped, removed.

One machine; the tests tell its life in order.
"""

import json
import re
from pathlib import Path

from tests.lab.waiting import wait_until
from tests.systemd.machine import Machine

CLIENT = "10.77.0.9"
DAEMONS = ["hearth-dns", "hearth-proxy", "hearth-certs", "hearth-lb"]

DOCUMENT = """
version: 1
domain: home
lan: [10.77.0.0/24]
nodes: {solo: 10.77.0.2}
vips: {dns: 10.77.0.53, proxy: 10.77.0.80}
dns:
  vip: dns
  upstreams: [10.77.0.1]
  records: {router: 10.77.0.1}
blocking:
  lists:
    ours: {file: lists/ours.txt}
proxy: {vip: proxy, access_log: journal}
services:
  hello: {upstream: "http://127.0.0.1:8081", https: optional}
"""


def ask(machine: Machine, name: str) -> str:
    """What the client gets through the DNS VIP; empty when nothing."""
    command = ["dig", "+short", "+time=1", "+tries=1", "@10.77.0.53", name]
    answer = machine.client.run(command, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else ""


def wait_for_answer(machine: Machine, name: str, expected: str) -> None:
    try:
        wait_until(lambda: ask(machine, name) == expected, 30, interval=0.05)
    except TimeoutError as error:
        raise AssertionError(f"{name} is not answered {expected}:\n{machine.journal()}") from error


def uid_of(machine: Machine, unit: str) -> int:
    inside = machine.show(unit, "MainPID")
    return int(machine.run("stat", "-c", "%u", f"/proc/{inside}").stdout)


def install(machine: Machine, package: Path) -> str:
    target = machine.root / "root/hearth.deb"
    target.write_bytes(package.read_bytes())
    done = machine.run("dpkg", "--force-confold", "-i", "/root/hearth.deb")
    return done.stdout + done.stderr


def test_installs_and_says_what_to_edit(machine, package):
    output = install(machine, package)
    assert "installed, not started" in output
    assert "systemctl start hearth.target" in output
    for unit in DAEMONS:
        assert machine.show(unit, "UnitFileState") == "enabled"
        assert not machine.is_active(unit)


def test_serves_once_the_document_is_there(machine):
    machine.write("/etc/hearth/hearth.yaml", DOCUMENT)
    machine.write("/etc/hearth/lists/ours.txt", "0.0.0.0 ads.example\n")
    machine.run("systemctl", "start", "hearth.target")
    for unit in DAEMONS:
        wait_until(lambda unit=unit: machine.is_active(unit), 30, what=unit)
    wait_for_answer(machine, "hello.home", "10.77.0.80")
    wait_for_answer(machine, "router.home", "10.77.0.1")
    wait_for_answer(machine, "ads.example", "0.0.0.0")  # the timer has run hearth-lists
    page = machine.client.run(["curl", "-s", "-H", "Host: hello.home", "http://10.77.0.80/"])
    assert "127.0.0.1:8081" in page.stdout  # a 502 that names the hop: nobody serves hello


def test_requests_are_entries_of_the_journal(machine):
    machine.client.run(["curl", "-s", "-o", "/dev/null", "-A", "tester", "-H", "Host: hello.home",
                        f"http://{machine.ADDRESS}/x?token=hidden"])
    query = ["journalctl", "-o", "json", "HEARTH_EVENT=request", "HEARTH_SERVICE=hello", "HEARTH_USER_AGENT=tester"]
    (line,) = wait_until(lambda: machine.run(*query).stdout.splitlines(), 30, what="the entry")
    entry = json.loads(line)
    wanted = {
        "_SYSTEMD_UNIT": "hearth-proxy.service", "SYSLOG_IDENTIFIER": "hearth-proxy", "PRIORITY": "4",
        "HEARTH_CLIENT": CLIENT, "HEARTH_METHOD": "GET", "HEARTH_PROTOCOL": "HTTP/1.1",
        "HEARTH_HOST": "hello.home", "HEARTH_TARGET": "/x?token=***", "HEARTH_STATUS": "502",
        "HEARTH_UPSTREAM": "127.0.0.1:8081", "HEARTH_HOP": "upstream", "HEARTH_REASON": "connect_refused"}
    assert {name: entry.get(name) for name in wanted} == wanted
    assert "hidden" not in line and re.fullmatch(r"[0-9a-f]{32}", entry["TRACE_ID"])
    assert int(entry["HEARTH_DURATION_US"]) > 0 and entry["MESSAGE"].startswith(CLIENT + " hello.home ")


def test_services_have_certificates_by_themselves(machine):
    root = machine.root.parent / "root.pem"
    root.write_text(json.loads(machine.run("hearth", "ca", "show", "--json").stdout)["certificate"])
    command = ["curl", "-sS", "--cacert", root, "--resolve", "hello.home:443:10.77.0.80", "https://hello.home/"]
    wait_until(lambda: "127.0.0.1:8081" in machine.client.run(command, check=False).stdout, 30)
    keys = ["/var/lib/hearth/certs/root.pem", "/var/lib/hearth/proxy/hello.home.pem"]
    assert machine.run("stat", "-c", "%U %a", *keys).stdout == "hearth-certs 600\nhearth-proxy 600\n"
    as_dns = ["setpriv", "--reuid=hearth-dns", "--regid=hearth", "--clear-groups", "hearth", "ca"]
    assert machine.run(*as_dns, "show", check=False).returncode == 0
    assert machine.run(*as_dns, "export", "/tmp/root.pem", check=False).returncode == 5


def test_command_line_finds_the_daemons(machine):
    status = machine.run("hearth", "status", check=False)
    assert status.returncode == 1  # degraded: nobody serves hello, and there is no Internet
    assert "upstream_down" in status.stdout
    blocked = machine.run("hearth", "why", "ads.example", check=False)
    assert (blocked.returncode, "ours" in blocked.stdout) == (1, True)


def test_peer_key_belongs_to_the_daemon_that_reads_it(machine):
    machine.run("hearth", "peer", "keygen")
    assert machine.run("stat", "-c", "%U %a", "/etc/hearth/peer.key").stdout == "hearth-lb 600\n"
    machine.run("systemctl", "reload", "hearth-lb")
    assert "peer.key" not in machine.run("hearth", "status", check=False).stdout


def test_no_unit_runs_as_root(machine):
    uids = {unit: uid_of(machine, unit) for unit in DAEMONS}
    assert 0 not in uids.values()
    assert len(set(uids.values())) == len(DAEMONS)
    assert machine.show("hearth-lists.service", "User") == "hearth-lists"
    for unit in DAEMONS:
        pid = machine.show(unit, "MainPID")
        status = machine.run("cat", f"/proc/{pid}/status").stdout
        assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE)
        assert re.search(r"^Seccomp:\t2$", status, re.MULTILINE)
        effective = int(re.search(r"^CapEff:\t(\w+)$", status, re.MULTILINE)[1], 16)
        net_admin_and_raw, bind_service = 0x3000, 0x400
        assert effective == {"hearth-lb": net_admin_and_raw, "hearth-certs": 0}.get(unit, bind_service)


def setting(machine: Machine, name: str) -> str:
    return machine.run("cat", f"/proc/sys/net/ipv6/conf/{name}").stdout.strip()


def restarts(machine: Machine, unit: str) -> int:
    return int(machine.show(unit, "NRestarts"))


def test_killed_daemons_come_back(machine):
    for unit in DAEMONS:
        before = restarts(machine, unit)
        machine.run("systemctl", "kill", "-s", "KILL", unit)
        wait_until(lambda unit=unit, before=before: restarts(machine, unit) > before, 30, what=f"{unit} restarted")
        wait_until(lambda unit=unit: machine.is_active(unit), 30, what=f"{unit} active")
    wait_for_answer(machine, "hello.home", "10.77.0.80")


def test_hung_daemon_is_restarted(machine):
    before = restarts(machine, "hearth-dns")
    machine.run("systemctl", "kill", "-s", "STOP", "hearth-dns")
    wait_until(lambda: restarts(machine, "hearth-dns") > before, 60, what="a restart by the watchdog")
    wait_for_answer(machine, "hello.home", "10.77.0.80")


def test_reloads_a_good_document_and_refuses_a_bad_one(machine):
    machine.write("/etc/hearth/hearth.yaml", DOCUMENT.replace("hello:", "welcome:"))
    machine.run("systemctl", "reload", *DAEMONS)
    wait_for_answer(machine, "welcome.home", "10.77.0.80")

    machine.write("/etc/hearth/hearth.yaml", DOCUMENT.replace("domain:", "domian:"))
    assert machine.run("systemctl", "reload", "hearth-dns", check=False).returncode != 0
    assert "did you mean" in machine.journal()
    assert ask(machine, "welcome.home") == "10.77.0.80"
    machine.write("/etc/hearth/hearth.yaml", DOCUMENT)


def test_ipv6_is_forwarded_when_a_service_needs_it(machine):
    """The unit's sandbox lets hearth-lb switch it on, and nothing else of the kernel's settings."""
    document = DOCUMENT.replace("[10.77.0.0/24]", '[10.77.0.0/24, "fd77::/64"]')
    document += '  mqtt: {vip: "fd77::101", ports: {tcp/1883: "[fd77::9]:1883"}}\n'
    machine.run("ip", "addr", "add", "fd77::2/64", "dev", "eth0", "nodad")
    assert setting(machine, "all/forwarding") == "0"
    machine.write("/etc/hearth/hearth.yaml", document)
    machine.run("systemctl", "reload", "hearth-lb")
    wait_until(lambda: setting(machine, "all/forwarding") == "1", 15, what="IPv6 forwarding")
    assert setting(machine, "eth0/accept_ra") == "2"
    status = machine.run("hearth", "status", "--json", check=False).stdout
    assert "service_forwarding" not in status
    machine.write("/etc/hearth/hearth.yaml", DOCUMENT)
    machine.run("systemctl", "reload", "hearth-lb")


def test_check_scripts_run_without_capabilities_and_leave_nothing(machine):
    """Also under the unit's sandbox, which refuses system calls and hides the processes of others."""
    find = ["sh", "-c", "for f in $(grep -lzx '432[1]' /proc/[0-9]*/cmdline); do grep CapEff ${f%cmdline}status; done"]
    machine.write("/usr/local/bin/check-router", "#!/bin/sh\nsetsid sleep 4321 &\nsleep 0.3\n")
    machine.run("chmod", "755", "/usr/local/bin/check-router")
    vip = "{address: 10.77.0.53, track: [{script: /usr/local/bin/check-router, every: 500ms}]}"
    machine.write("/etc/hearth/hearth.yaml", DOCUMENT.replace("dns: 10.77.0.53", f"dns: {vip}"))
    machine.run("systemctl", "reload", "hearth-lb")
    said = wait_until(lambda: machine.run(*find, check=False).stdout, 15, what="the script's child")
    assert set(said.splitlines()) == {"CapEff:\t0000000000000000"}
    machine.write("/etc/hearth/hearth.yaml", DOCUMENT)
    machine.run("systemctl", "reload", "hearth-lb")
    wait_until(lambda: not machine.run(*find, check=False).stdout, 15, what="its end")
    assert "check-router" not in machine.run("journalctl", "-u", "hearth-lb", "-g", "vip_track", check=False).stdout


def test_names_of_addresses_from_pools_cross_from_one_user_to_the_other(machine):
    """hearth-lb writes what hearth-dns, another user, reads."""
    pool = "pools: {home: 10.77.0.200}\n"
    machine.write(
        "/etc/hearth/hearth.yaml", DOCUMENT + "  mqtt: {vip: auto, ports: {tcp/1883: 10.77.0.9}}\n" + pool
    )
    machine.run("systemctl", "reload", "hearth-dns", "hearth-lb")
    wait_for_answer(machine, "mqtt.home", "10.77.0.200")
    machine.write("/etc/hearth/hearth.yaml", DOCUMENT)
    machine.run("systemctl", "reload", "hearth-dns", "hearth-lb")


def test_upgrade_keeps_serving(machine, package):
    install(machine, package)
    wait_for_answer(machine, "hello.home", "10.77.0.80")
    assert all(machine.is_active(unit) for unit in DAEMONS)


def test_orderly_stop_ends_hearth_lb_before_dns_and_the_proxy_begin_to(machine):
    """What the VIPs' owner serves, it serves until they are another node's."""
    machine.run("systemctl", "stop", "hearth.target")
    for unit in DAEMONS:
        wait_until(lambda unit=unit: machine.show(unit, "ActiveState") == "inactive", 30, what=unit)
        assert machine.show(unit, "Result") == "success"
    ended = int(machine.show("hearth-lb", "InactiveEnterTimestampMonotonic"))
    for unit in ("hearth-dns", "hearth-proxy"):
        assert int(machine.show(unit, "ActiveExitTimestampMonotonic")) >= ended, unit
    assert "10.77.0.53" not in machine.run("ip", "addr").stdout
    assert machine.show("hearth-lists.service", "Result") == "success", machine.journal()


def test_leaves_dns_stopped_when_port_53_is_held(machine, package):
    machine.run("dpkg", "-r", "hearth")
    machine.write("/etc/systemd/system/holder.socket", "[Socket]\nListenDatagram=10.77.0.2:53\nService=holder.service\n")
    machine.write("/etc/systemd/system/holder.service", "[Service]\nExecStart=cat\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "holder.socket")
    output = install(machine, package)
    assert "port 53 is held by systemd (pid 1)" in output
    assert not machine.is_active("hearth-dns")
    assert machine.is_active("hearth-proxy")
    assert machine.is_active("hearth-lb")


def test_purges_without_a_trace(machine):
    machine.run("dpkg", "-P", "hearth")
    left = machine.run("sh", "-c", "ls -d /var/lib/hearth /usr/sbin/hearth* /run/hearth/*.sock", check=False).stdout
    assert left == ""
    assert "hearth" not in machine.run("systemctl", "list-units", "--all", "--no-legend", "hearth*").stdout
