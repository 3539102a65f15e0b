"""Leaves on their way to hearth-proxy and hearth-dns, and what these do with them."""

import plistlib
import ssl

import pytest

from tests.certs.certs_house import LOCAL, CertsHouse, openssl
from tests.lab.authority import Authority
from tests.lab.control import Control
from tests.lab.waiting import wait_until
from tests.proxy.house import ADDRESS, Peer, get

WEB = f"http://{ADDRESS}:9000"


def start(house: CertsHouse, *daemons: str, **document) -> CertsHouse:
    house.upstream()
    house.write(**document)
    house.start(*(daemons or ("certs", "proxy")))
    if not daemons:
        house.served("hearth.home")
    return house


def ask(house: CertsHouse, name: str = "web.home", path: str = "/", root=None) -> tuple[int, bytes, bytes]:
    peer = house.connect(name, root)
    peer.send(get(name, path))
    try:
        return peer.read_response()
    finally:
        peer.close()


def plain(house: CertsHouse, host: str, path: str = "/", method: str = "GET") -> tuple[int, bytes, bytes]:
    peer = Peer(house.host.connect(ADDRESS, 80))
    peer.send(get(host, path).replace(b"GET", method.encode(), 1))
    try:
        return peer.read_response() if method != "HEAD" else (0, peer.read_head(), b"")
    finally:
        peer.close()


def shown(house: CertsHouse, name: str = "web.home") -> str:
    """The serial number of the certificate that the proxy shows."""
    return house.connect(name).connection.getpeercert()["serialNumber"]


def test_services_are_there_by_https(house):
    start(house)
    for name in ("web.home", "www.home"):
        assert ask(house, name)[::2] == (200, b"ok")
        assert house.connect(name).connection.getpeercert()["subjectAltName"] == (("DNS", name),)
    curl = ["curl", "--silent", "--show-error", "--cacert", house.root(), "--connect-to", f"::{ADDRESS}:", "--write-out",
            "%{http_version}"]
    assert house.host.run([*curl, "https://web.home/"]).stdout == "ok2"
    assert house.host.run([*curl, "https://hearth.home/trust/check"]).stdout == "trusted\n2"
    assert house.host.run([*curl, "--http1.1", "https://web.home/"]).stdout == "ok1.1"


def test_a_restart_without_hearth_certs_serves(house):
    start(house)
    house.root()
    house.daemons["certs"].kill()
    house.daemons["proxy"].kill()
    house.start("proxy")
    assert ask(house)[0] == 200
    wait_until(lambda: "systemctl start hearth-certs" in house.problem("certs_unreachable", "proxy"))
    house.start("certs")
    wait_until(lambda: not house.problem("certs_unreachable", "proxy"))


def test_new_leaves_are_taken_at_once_and_connections_stay(house):
    start(house)
    before = shown(house)
    kept = house.connect()
    house.hearth("ca", "init", "--replace")
    old, new = house.root(), house.directory / "new.pem"
    house.hearth("ca", "export", "--certificate", new)
    old.unlink()
    new.rename(old)

    def is_new() -> bool:
        try:
            return shown(house) != before
        except ssl.SSLError:
            return False

    wait_until(is_new)
    kept.send(get())
    assert kept.read_response()[0] == 200


def test_certificates_of_the_document_go_first(house):
    own = Authority(house.directory / "tls")
    exact, wild = own.leaf("web.home"), own.leaf("*.home", file="any")
    start(house, tls={"certificates": [exact.document]})
    house.served("www.home")
    assert ask(house, "web.home", root=own.root)[0] == 200
    assert ask(house, "www.home")[0] == 200
    house.write(tls={"certificates": [wild.document]})
    house.reload("proxy")
    context = ssl.create_default_context(cafile=str(own.root))
    context.check_hostname = False  # OpenSSL takes no wildcard right below a top-level name
    bare = house.host.connect(ADDRESS, 443)
    assert context.wrap_socket(bare, server_hostname="www.home").getpeercert()["subjectAltName"] == (("DNS", "*.home"),)


def test_plain_http(house):
    services = {"web": {"upstream": WEB}, "tv": {"upstream": WEB, "https": "optional"}}
    start(house, services=services)
    house.served("web.home", "tv.home")
    for host in ("web.home", "web"):
        status, head, _ = plain(house, host, "/x?y")
        assert status == 308 and b"Location: https://web.home/x?y\r\n" in head
    for host in ("tv.home", "tv"):
        assert plain(house, host)[0] == 200
    assert plain(house, "web.home", "/.well-known/acme-challenge/x")[0] == 200
    assert ask(house, "tv.home")[0] == 200


def test_without_a_root_services_are_there_by_plain_http(house):
    start(house, "certs", "proxy", nodes={"here": LOCAL, "there": "10.0.0.12"})
    assert plain(house, "web.home")[0] == 200
    status, _, page = plain(house, "hearth.home", "/trust")
    assert status == 200 and b"hearth ca init" in page
    house.hearth("ca", "init")
    house.served("web.home")
    assert plain(house, "web.home")[0] == 308
    assert house.problem("certs_unreachable", "proxy") == ""


def test_a_document_may_do_without(house):
    start(house, "certs", "proxy", tls={"local_ca": False})
    assert plain(house, "web.home")[0] == 200
    with pytest.raises(OSError):
        house.host.connect(ADDRESS, 443)
    assert house.control.get("/ca").json() == {"state": "none"}


def test_a_name_that_nobody_knows(house):
    start(house)
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME|unrecognized name"):
        house.connect("nobody.home")
    house.write(tls={"unknown_name": "page"})
    house.reload("proxy")
    context = ssl.create_default_context(cafile=str(house.root()))
    context.check_hostname = False
    for name in ("nobody.home", "web", None):
        peer = Peer(context.wrap_socket(house.host.connect(ADDRESS, 443), server_hostname=name))
        assert peer.connection.getpeercert()["subjectAltName"] == (("DNS", "hearth.home"),)
        peer.send(get("nobody.home", headers="Accept: text/html\r\n"))
        status, _, page = peer.read_response()
        assert status == 404 and b"web.home" in page


def test_the_trust_page(house):
    start(house)
    for host in ("hearth.home", "HEARTH.home.", "hearth", "hearth.home:80"):
        status, head, page = plain(house, host, "/trust")
        assert status == 200 and b"text/html" in head and b"Content-Security-Policy" in head
        assert house.control.get("/ca").json()["fingerprint"].encode() in page
        assert b"https://hearth.home/trust/check" in page
    assert plain(house, "hearth.home", "/trust", "HEAD")[1].startswith(b"HTTP/1.1 200")
    assert b"Location: /trust\r\n" in plain(house, "hearth.home")[1]
    assert plain(house, "hearth.home", "/x")[0] == 404
    assert plain(house, "hearth.home", "/trust", "DELETE")[0] == 405
    status, head, body = ask(house, "hearth.home", "/trust/check")
    assert (status, body) == (200, b"trusted\n") and b"Access-Control-Allow-Origin: *\r\n" in head


def test_nobody_takes_the_trust_page(house):
    start(house, services={"web": {"upstream": WEB, "hosts": ["*.home"]}})
    assert house.control.get("/ca").json()["fingerprint"].encode() in plain(house, "hearth.home", "/trust")[2]
    assert plain(house, "any.home")[0] in (200, 308)


def test_the_root_is_there_in_every_form(house):
    start(house)
    pem = house.root().read_bytes()
    assert plain(house, "hearth.home", "/trust/root.pem")[2] == pem
    _, head, der = plain(house, "hearth.home", "/trust/root.crt")
    assert b"Content-Type: application/x-x509-ca-cert\r\n" in head
    assert der == ssl.PEM_cert_to_DER_cert(pem.decode())
    _, head, body = plain(house, "hearth.home", "/trust/hearth.mobileconfig")
    assert b"Content-Type: application/x-apple-aspen-config\r\n" in head
    profile = plistlib.loads(body)
    assert profile["PayloadType"] == "Configuration" and profile["PayloadVersion"] == 1
    (payload,) = profile["PayloadContent"]
    assert payload["PayloadType"] == "com.apple.security.root" and payload["PayloadContent"] == der
    assert profile["PayloadUUID"] != payload["PayloadUUID"]


# --- DNS over TLS -----------------------------------------------------------------------------------


def kdig(house: CertsHouse, *words: str) -> str:
    return house.host.run(["kdig", f"@{LOCAL}", *words], check=False).stdout


def start_dns(house: CertsHouse, *daemons: str) -> None:
    house.write(dns={"tls": {}, "listen_tls": [f"{LOCAL}:853"], "listen_https": [f"{LOCAL}:8443"]})
    house.start(*(daemons or ("certs", "dns")))
    wait_until(lambda: Control(house.run_dir / "dns.sock").status()["tls"]["state"] == "ok")


def test_dns_over_tls_and_https(house):
    start_dns(house)
    verified = ["+tls-hostname=here.home", f"+tls-ca={house.root()}", "web.home"]
    assert "NOERROR" in kdig(house, *verified)
    assert "NOERROR" in kdig(house, "+https", "-p", "8443", *verified)
    text = openssl("x509", "-in", house.leaf("here.home", "dns"), "-noout", "-text")
    assert f"DNS:here.home, IP Address:{LOCAL}" in text
    assert "here.home" in kdig(house, "_dns.resolver.arpa", "TYPE64", "+short") or "TYPE64" in kdig(
        house, "_dns.resolver.arpa", "TYPE64")
    house.daemons["certs"].kill()
    house.daemons["dns"].kill()
    house.start("dns")
    assert "NOERROR" in kdig(house, *verified)


def test_dns_says_what_it_waits_for(house):
    house.write(dns={"tls": {}, "listen_tls": [f"{LOCAL}:853"]})
    house.start("dns")
    assert "NOERROR" in kdig(house, "web.home")
    wait_until(lambda: "systemctl start hearth-certs" in house.problem("certs_unreachable", "dns"))
    assert house.problem("certificate_refused", "dns") == ""
    house.start("certs")
    wait_until(lambda: Control(house.run_dir / "dns.sock").status()["tls"]["state"] == "ok")


def test_the_name_of_the_pages_is_known(house):
    house.start("dns")
    assert kdig(house, "hearth.home", "+short").strip() == ADDRESS


def test_the_command_line_shows_them(house):
    start(house)
    walk = house.hearth("explain", "web", "--config", house.config, check=False).stdout
    assert "https://web.home" in walk and "certificate of Hearth CA home" in walk and "ends in 46d" in walk, walk
    assert "CERTS" in house.hearth("status", check=False).stdout
    assert Control(house.run_dir / "proxy.sock").status()["state"] == "ok"
