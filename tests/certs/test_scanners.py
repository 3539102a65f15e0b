"""What scanners of TLS think of a service under the home's own root."""

import json
import xml.etree.ElementTree as ElementTree

import pytest

from tests.lab.netns import run
from tests.proxy.house import ADDRESS

# A leaf of 47 days "expires soon", and nobody asks a home's own root for revocations.
EXPECTED = {"cert_expirationStatus", "cert_notAfter", "cert_revocation"}
FINE = {"OK", "INFO", "LOW", "DEBUG", "WARN"}  # WARN: what the tool could not try


@pytest.fixture
def home(house):
    house.upstream()
    house.start("certs", "proxy")
    house.served("web.home")
    return house


def test_sslscan(home):
    report = home.directory / "sslscan.xml"
    home.host.run(["sslscan", "--sni-name=web.home", f"--xml={report}", f"{ADDRESS}:443"])
    scan = ElementTree.parse(report).getroot().find("ssltest")
    protocols = {(one.get("type"), one.get("version")) for one in scan.findall("protocol") if one.get("enabled") == "1"}
    assert protocols == {("tls", "1.2"), ("tls", "1.3")}
    ciphers = scan.findall("cipher")
    assert len(ciphers) == 6 and {one.get("strength") for one in ciphers} <= {"strong", "acceptable"}
    assert all(one.get("cipher").startswith(("ECDHE-ECDSA-", "TLS_")) for one in ciphers)
    assert scan.find("renegotiation").get("supported") == "0"
    assert {one.get("vulnerable") for one in scan.findall("heartbleed")} == {"0"}
    certificate = scan.find("certificates/certificate")
    assert certificate.find("subject").text == "web.home" and certificate.find("expired").text == "false"


def test_testssl(home):
    report = home.directory / "testssl.json"
    # Everything about TLS but the simulations of clients; what HTTP says is the service's own affair.
    what = ["--protocols", "--std", "--pfs", "--server-preference", "--server-defaults", "--vulnerable"]
    command = ["testssl", "--quiet", "--color", "0", "--warnings", "off", *what, "--add-ca", home.root(), "--ip", ADDRESS,
               "--nodns", "none", "--jsonfile", report, "https://web.home:443/"]
    shown = run([*home.host.prefix(), *command], stdin="", check=False, timeout=300)
    findings = json.loads(report.read_text())
    assert len(findings) > 50, shown.stdout
    bad = {one["id"].split(" ")[0]: f"{one['severity']} {one['finding']}" for one in findings
           if one["severity"] not in FINE}
    assert set(bad) <= EXPECTED, bad
    assert {one["finding"] for one in findings if one["id"] == "cert_chain_of_trust"} == {"passed."}
