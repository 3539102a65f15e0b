"""The root and the leaves: what they are, who gets them, and what survives what."""

import itertools
import os
import re
import shutil
import stat
import subprocess
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest

from tests.certs.certs_house import LOCAL, CertsHouse, openssl
from tests.lab.clock import clock_environment
from tests.lab.waiting import wait_until

TWO_NODES = {"here": LOCAL, "there": "10.0.0.12"}


def text_of(certificate) -> str:
    return openssl("x509", "-in", certificate, "-noout", "-text")


def dates_of(certificate):
    shown = dict(line.split("=", 1) for line in openssl("x509", "-in", certificate, "-noout", "-dates").splitlines())
    return parsedate_to_datetime(_rfc(shown["notBefore"])), parsedate_to_datetime(_rfc(shown["notAfter"]))


def _rfc(text: str) -> str:
    month, day, time, year, _ = text.split()
    return f"{day} {month} {year} {time} +0000"


def test_one_node_makes_its_root_by_itself(house):
    house.start("certs")
    text = text_of(house.root())
    assert "ASN1 OID: prime256v1" in text
    assert re.search(r"Basic Constraints: critical\s+CA:TRUE, pathlen:0", text)
    assert re.search(r"Name Constraints: critical\s+Permitted:\s+DNS:home\n", text)
    for network in ("10.0.0.0/255.0.0.0", "172.16.0.0/255.240.0.0", "192.168.0.0/255.255.0.0", "FC00:0:0:0:0:0:0:0/FE00"):
        assert f"IP:{network}" in text
    begin, end = dates_of(house.root())
    assert timedelta(days=3650) < end - begin < timedelta(days=3654)


def test_each_name_has_a_leaf_of_its_own(house):
    house.start("certs")
    for name in ("web.home", "www.home", "hearth.home"):
        leaf = house.leaf(name)
        text = text_of(leaf)
        assert f"Subject: CN = {name}\n" in text
        assert re.search(rf"Subject Alternative Name: \n\s+DNS:{name}\n", text)
        assert "TLS Web Server Authentication" in text
        begin, end = dates_of(leaf)
        assert timedelta(days=46) < end - begin <= timedelta(days=47)
        openssl("verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", name, "-CAfile", house.root(), leaf)
    # here.home: DNS over HTTPS, handed on.
    names = ["hearth.home.pem", "here.home.pem", "web.home.pem", "www.home.pem"]
    assert sorted(path.name for path in (house.vault / "proxy").iterdir()) == names


@pytest.mark.parametrize("names", ["DNS:www.example", "DNS:web.home,DNS:web", "IP:8.8.8.8", "DNS:web.home,IP:2001:db8::1"])
def test_the_root_cannot_vouch_for_others(house, names):
    house.start("certs")
    house.hearth("ca", "export", house.directory / "both.pem")
    both, request, leaf = (house.directory / name for name in ("both.pem", "leaf.csr", "leaf.pem"))
    extension = house.directory / "leaf.ext"
    extension.write_text(f"subjectAltName={names}\n")
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/O=thief",
            "-keyout", house.directory / "leaf.key", "-out", request)
    openssl("x509", "-req", "-in", request, "-CA", both, "-CAkey", both, "-days", "3", "-extfile", extension, "-out", leaf)
    assert "permitted subtree violation" in openssl("verify", "-CAfile", house.root(), leaf, check=False)


def test_nss_thinks_the_same(house):
    house.start("certs")
    store = house.directory / "nss"
    store.mkdir()
    subprocess.run(["certutil", "-N", "-d", f"sql:{store}", "--empty-password"], check=True)
    subprocess.run(["certutil", "-A", "-d", f"sql:{store}", "-t", "C,,", "-n", "root", "-i", house.root()], check=True)
    plain = house.directory / "web.pem"  # NSS wants no key beside it
    openssl("x509", "-in", house.leaf(), "-out", plain)
    subprocess.run(["certutil", "-A", "-d", f"sql:{store}", "-t", ",,", "-n", "web", "-i", plain], check=True)
    judged = subprocess.run(["certutil", "-V", "-d", f"sql:{store}", "-n", "web", "-u", "V"], capture_output=True, text=True)
    assert "certificate is valid" in judged.stdout, judged.stdout + judged.stderr


def test_keys_are_for_nobody_else(house):
    house.start("certs", "proxy")
    house.served("web.home")
    for folder in (house.vault, house.vault / "proxy", house.vault / "dns", house.state / "proxy"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
    for file in itertools.chain(house.vault.rglob("*.pem"), (house.state / "proxy").iterdir()):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_a_folder_that_was_copied_here_is_closed(house):
    house.start("certs")
    house.root()
    house.daemons["certs"].stop()
    house.vault.chmod(0o755)
    house.start("certs")
    assert stat.S_IMODE(house.vault.stat().st_mode) == 0o700


def as_user(house: CertsHouse, *words: str) -> str:
    """curl's status code, as nobody of the socket's group."""
    socket = house.run_dir / "certs.sock"
    curl = ["setpriv", "--reuid", "65534", "--regid", str(socket.stat().st_gid), "--clear-groups", "curl", "--silent",
            "--output", "/dev/null", "--write-out", "%{http_code}", "--unix-socket", str(socket), *words]
    return subprocess.run(curl, capture_output=True, text=True).stdout


def test_the_group_may_look_and_takes_no_key(house):
    house.start("certs")
    house.root()
    for folder in (house.run_dir, *house.run_dir.parents):
        if folder.owner() == "root" and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    assert as_user(house, "http://x/status") == "200"
    assert as_user(house, "http://x/ca") == "200"
    for path in ("ca/export", "leaves?for=proxy", "leaves?for=dns"):
        assert as_user(house, f"http://x/{path}") == "403", path
    for path in ("ca/init", "ca/init?replace=1", "ca/import"):
        assert as_user(house, "--data", "", f"http://x/{path}") == "403", path
    assert "PRIVATE" not in house.control.get("/ca").text() + house.control.get("/status").text()


def test_several_nodes_share_a_root(network, binaries):
    first = CertsHouse(network.host("here"), binaries)
    second = CertsHouse(network.host("there"), binaries)
    for house in (first, second):
        house.write(nodes=TWO_NODES)
        house.start("certs")
        wait_until(lambda house=house: "hearth ca init" in house.problem("ca_missing"))
    assert first.hearth("ca", "show", check=False).returncode == 1
    first.hearth("ca", "init")
    assert first.hearth("ca", "init", check=False).returncode == 1  # there is one already
    wait_until(lambda: not first.problem("ca_missing"))
    copy = first.directory / "copy.pem"
    first.hearth("ca", "export", copy)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert first.hearth("ca", "export", copy, check=False).returncode == 1  # never overwritten
    second.hearth("ca", "import", copy)
    second.hearth("ca", "import", copy)  # the same again is fine
    for house in (first, second):
        openssl("verify", "-CAfile", first.root(), house.leaf())
    assert first.control.get("/ca").json()["fingerprint"] == second.control.get("/ca").json()["fingerprint"]


def test_another_root_takes_its_place_only_when_told(network, binaries):
    house = CertsHouse(network.host("here"), binaries)
    other = CertsHouse(network.host("there"), binaries)
    for each in (house, other):
        each.start("certs")
        each.leaf()
    copy = other.directory / "copy.pem"
    other.hearth("ca", "export", copy)
    refused = house.hearth("ca", "import", copy, check=False)
    assert refused.returncode == 1 and "--replace" in refused.stderr
    house.hearth("ca", "import", "--replace", copy)
    wait_until(lambda: "OK" in openssl("verify", "-CAfile", other.root(), house.leaf(), check=False))


def make_root(directory, name: str, *options: str):
    """As mkcert makes it: RSA, no constraints, certificate and key in two files."""
    pem, key = directory / f"{name}.pem", directory / f"{name}-key.pem"
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/O={name}/CN={name}",
            "-addext", "keyUsage=critical,keyCertSign", "-keyout", key, "-out", pem, *options)
    return pem, key


def test_a_root_of_mkcert_is_taken(house):
    house.write(nodes=TWO_NODES)
    house.start("certs")
    root, key = make_root(house.directory, "mkcert development CA")
    shown = house.hearth("ca", "import", root, key)
    assert "mkcert development CA" in shown.stdout and "any" in shown.stdout
    openssl("verify", "-x509_strict", "-CAfile", root, house.leaf())


def test_what_is_no_root_is_refused(house):
    house.write(nodes=TWO_NODES)
    house.start("certs")
    root, key = make_root(house.directory, "one")
    _, other_key = make_root(house.directory, "two")
    for words, why in (
        ([root], "key: there is none"),
        ([key], "certificate: there is none"),
        ([root, other_key], "another certificate"),
    ):
        refused = house.hearth("ca", "import", *words, check=False)
        assert refused.returncode == 1 and why in refused.stderr, refused.stderr
    foreign, foreign_key = make_root(house.directory, "three", "-addext", "nameConstraints=critical,permitted;DNS:example")
    refused = house.hearth("ca", "import", foreign, foreign_key, check=False)
    assert refused.returncode == 1 and "not for the domain home" in refused.stderr
    assert house.control.get("/ca").json() == {"state": "none"}


def test_nothing_is_dated_by_a_clock_that_is_not_set(house):
    clock = house.directory / "clock"
    clock.write_text("@1970-01-01 00:00:07")
    environment = clock_environment(house.directory, FAKETIME_TIMESTAMP_FILE=str(clock), FAKETIME_NO_CACHE="1")
    house.start("certs", env=environment)
    wait_until(lambda: "clock is not set" in house.problem("clock_untrusted"))
    assert house.hearth("ca", "init", check=False).returncode != 0
    assert house.control.get("/ca").json() == {"state": "none"} and not list(house.vault.rglob("*.pem"))
    clock.write_text("+0")
    openssl("verify", "-CAfile", house.root(), house.leaf())
    wait_until(lambda: not house.problem("clock_untrusted"))
    # Behind the day the root was made.
    clock.write_text("@2026-01-02 00:00:00")
    wait_until(lambda: "before the day the root was made" in house.problem("clock_untrusted"))


def test_a_leaf_is_renewed_in_time(house):
    clock = house.directory / "clock"
    clock.write_text("+0")
    environment = clock_environment(house.directory, FAKETIME_TIMESTAMP_FILE=str(clock), FAKETIME_NO_CACHE="1")
    house.start("certs", env=environment)
    first = house.leaf().read_bytes()
    clock.write_text("+30d")
    wait_until(lambda: house.control.metric("hearth_certs_issued_total") == 4)
    assert house.leaf().read_bytes() == first
    clock.write_text("+32d")
    wait_until(lambda: house.control.metric("hearth_certs_issued_total") == 8)
    openssl("verify", "-attime", str(int(dates_of(house.leaf())[1].timestamp()) - 60), "-CAfile", house.root(), house.leaf())
    # A clock that was years ahead for a while.
    clock.write_text("+2000d")
    wait_until(lambda: house.control.metric("hearth_certs_issued_total") == 12)
    clock.write_text("+0")
    wait_until(lambda: house.control.metric("hearth_certs_issued_total") == 16)
    openssl("verify", "-CAfile", house.root(), house.leaf())


def test_what_was_made_is_kept_over_a_restart(house):
    house.start("certs")
    root, leaf = house.root().read_bytes(), house.leaf().read_bytes()
    wait_until(lambda: house.control.metric("hearth_certs_issued_total") == 4)
    house.daemons["certs"].stop()
    house.start("certs")
    assert house.control.get("/ca").json()["certificate"].encode() == root
    assert house.leaf().read_bytes() == leaf and house.control.metric("hearth_certs_issued_total") == 0


def test_killed_while_it_writes(house):
    """Whatever is there after kill -9 is whole, and what is missing is made."""
    services = {f"s{i}": {"upstream": "http://127.0.0.1:9000"} for i in range(40)}
    house.write(services=services)
    root = None
    for count in range(12):
        house.start("certs")
        if count:
            wait_until(lambda wanted=count * 3: len(list((house.vault / "proxy").glob("*.pem"))) >= wanted)
        house.daemons["certs"].kill()
        for leaf in (house.vault / "proxy").glob("*.pem"):
            openssl("x509", "-in", leaf, "-noout")
            openssl("pkey", "-in", leaf, "-noout")
        if (house.vault / "root.pem").exists():
            now = openssl("x509", "-in", house.vault / "root.pem", "-fingerprint", "-noout")
            assert root in (None, now)
            root = now
    house.start("certs")
    house.leaf("s39.home")
    wait_until(lambda: len(list((house.vault / "proxy").iterdir())) == 42)  # with hearth.home and here.home, no temporary file


def test_a_broken_root_is_never_overwritten(house):
    house.start("certs")
    house.root()
    house.daemons["certs"].stop()
    whole = (house.vault / "root.pem").read_bytes()
    (house.vault / "root.pem").write_bytes(whole[:400])
    house.start("certs")
    wait_until(lambda: "bring back a copy" in house.problem("ca_unreadable"))
    assert house.hearth("ca", "init", check=False).returncode == 1
    assert (house.vault / "root.pem").read_bytes() == whole[:400]
    house.hearth("ca", "init", "--replace")
    wait_until(lambda: not house.problem("ca_unreadable"))


def test_a_full_disk_is_said_and_passes(house):
    full = house.directory / "small"
    full.mkdir()
    house.host.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", full])
    house.state = full
    try:
        (full / "filler").write_bytes(b"x" * 40_000)
        house.write(services={f"s{i}": {"upstream": "http://127.0.0.1:9000"} for i in range(20)})
        house.start("certs")
        wait_until(lambda: "no space left" in house.problem("leaf_not_made"))
        assert house.control.get("/health").status == 200
        house.daemons["certs"].stop()
    finally:
        house.host.run(["umount", "-l", full])


def test_names_come_and_go_with_the_document(house):
    house.start("certs")
    house.leaf("www.home")
    house.write(services={"chat": {"upstream": "http://127.0.0.1:9000"}})
    house.reload("certs")
    house.leaf("chat.home")
    assert not (house.vault / "proxy/www.home.pem").exists()
    house.write(domain="other")
    house.reload("certs")
    wait_until(lambda: "not for the domain other" in house.problem("ca_domain"))
    house.hearth("ca", "init", "--replace")
    house.leaf("web.other")
    wait_until(lambda: not house.problem("ca_domain"))


def test_a_backup_is_the_folder(house):
    house.start("certs")
    fingerprint = house.root() and house.control.get("/ca").json()["fingerprint"]
    house.daemons["certs"].stop()
    shutil.copytree(house.vault, house.directory / "backup")
    shutil.rmtree(house.vault)
    os.rename(house.directory / "backup", house.vault)
    house.start("certs")
    assert house.control.get("/ca").json()["fingerprint"] == fingerprint
