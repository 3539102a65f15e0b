"""A DNS of our own with a signed root: what is right, and what is wrong in each way there is.

    .            signed, NSEC; the keys that resolvers are to trust
    good.        signed, NSEC; *.wild.good, alias.good -> www.good, alien.good -> www.bogus
    proofs.      signed, NSEC3; child.proofs is not signed, and the NSEC3 says so
    unsigned.    not signed, and the root's NSEC says so
    bogus.       an address was changed after signing
    expired. early. naked.   signatures of the past, of the future, and none at all

Each zone has www with an address and plain text at its apex; nothing else exists.
"""

import datetime
import re
import shutil
import subprocess
from pathlib import Path

from tests.lab.netns import Namespace
from tests.lab.process import Process

ADDRESS = "198.51.100.80"
FORGED = "198.51.100.66"
SIGNED = ("good", "proofs", "bogus", "expired", "early", "naked")
_ALGORITHM = "ECDSAP256SHA256"

_ZONE = """$ORIGIN {origin}
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A {server}
"""
_MORE = {
    ".": "",
    "good": 'alias CNAME www\nalien CNAME www.bogus.\n*.wild A {address}\nbig TXT {big}\n',
    "proofs": "child NS ns.child\nns.child A {server}\n*.wild A {address}\n",
}


def _stamp(days: int) -> str:
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)).strftime("%Y%m%d")


class SignedZones:
    """The files; `serve` has knot answer for them all at one address."""

    def __init__(self, host: Namespace, server: str) -> None:
        self.host, self.server = host, server
        self.directory: Path = host.directory / "zones"
        self.directory.mkdir()
        self.hints = self.directory / "root.hints"
        self.hints.write_text(f". 3600 NS ns.\nns. 3600 A {server}\n")
        for zone in (*SIGNED, "unsigned", "child.proofs"):
            self._write(zone)
        delegations = "".join(f"{zone} NS ns.{zone}.\nns.{zone}. A {server}\n" for zone in (*SIGNED, "unsigned"))
        self._sign("proofs", "-n", "-s", "abcd", "-t", "1")
        self._sign("good")
        self._sign("bogus")
        signed = self._file("bogus").read_text()
        self._file("bogus").write_text(re.sub(rf"(\sA\s+){re.escape(ADDRESS)}", rf"\g<1>{FORGED}", signed))
        self._sign("expired", "-i", _stamp(-60), "-e", _stamp(-30))
        self._sign("early", "-i", _stamp(30), "-e", _stamp(60))
        plain = self._file("naked").read_text()
        self._sign("naked")
        self._file("naked").write_text(plain)
        digests = "".join((self.directory / f"{zone}.ds").read_text() for zone in SIGNED)
        self._write(".", delegations + digests)
        self._sign(".")
        self.anchor = self.directory / "root.ds"

    def serve(self) -> Process:
        for name in ("run", "db"):
            (self.directory / name).mkdir(exist_ok=True)
        zones = "".join(f'  - domain: "{zone if zone == "." else zone + "."}"\n    file: {self._file(zone)}\n'
                        for zone in (".", *SIGNED, "unsigned", "child.proofs"))
        config = self.directory / "knot.conf"
        config.write_text(f"""server:
    listen: {self.server}@53
    rundir: {self.directory}/run
database:
    storage: {self.directory}/db
template:
  - id: default
    storage: {self.directory}
    zonefile-load: whole
    zonefile-sync: -1
    journal-content: none
    semantic-checks: off
log:
  - target: stderr
    any: info
zone:
{zones}""")
        process = self.host.start([shutil.which("knotd") or "/usr/sbin/knotd", "-c", config])
        process.wait_line("server started")
        return process

    def _file(self, zone: str) -> Path:
        return self.directory / ("root.zone" if zone == "." else f"{zone}.zone")

    def _write(self, zone: str, more: str = "") -> None:
        origin = zone if zone == "." else zone + "."
        text = _ZONE.format(origin=origin, server=self.server)
        if zone != ".":
            text += f'@ TXT "plain text"\nwww A {ADDRESS}\n'
        big = " ".join(f'"{number:02} {"x" * 200}"' for number in range(20))
        text += _MORE.get(zone, "").format(address=ADDRESS, server=self.server, big=big) + more
        self._file(zone).write_text(text)

    def _sign(self, zone: str, *how: str) -> None:
        """In place; the digest for the zone above is NAME.ds."""
        origin = zone if zone == "." else zone + "."
        key = self._run("ldns-keygen", "-a", _ALGORITHM, "-k", origin).strip()
        self._run("ldns-signzone", "-o", origin, *how, "-f", self._file(zone).name + ".signed",
                  self._file(zone).name, key)
        (self.directory / (self._file(zone).name + ".signed")).rename(self._file(zone))
        (self.directory / f"{key}.ds").rename(self.directory / (self._file(zone).stem + ".ds"))

    def _run(self, *argv: str) -> str:
        return subprocess.run(argv, cwd=self.directory, check=True, capture_output=True, text=True).stdout
