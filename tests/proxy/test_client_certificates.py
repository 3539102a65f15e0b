"""Certificates of clients: who is asked, who gets in, what the service is told, and no way round."""

import json
import ssl
import subprocess

import pytest

from tests.certs.certs_house import CertsHouse, openssl
from tests.lab.authority import Authority
from tests.lab.waiting import wait_until
from tests.proxy.h2_client import H2Client
from tests.proxy.h2_client import get as h2_get
from tests.proxy.house import ADDRESS, Peer, get

TLS = f"{ADDRESS}:443"
BOTH = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
UPSTREAM = f"http://{ADDRESS}:9000"


@pytest.fixture
def servers(house):
    return Authority(house.directory / "tls")


@pytest.fixture
def family(house):
    return Authority(house.directory / "family", "Family")


def services(family, **more) -> dict:
    asked = {"ca": str(family.root)}
    return {
        "web": {"upstream": UPSTREAM},
        "safe": {"upstream": UPSTREAM, "client_certificates": {"use": "required", **asked}},
        "maybe": {"upstream": UPSTREAM, "client_certificates": {"use": "optional", **asked}},
        "anns": {"upstream": UPSTREAM, "client_certificates": {"use": "required", "names": ["ann"], **asked}},
        **more,
    }


NAMES = ("web.home", "safe.home", "maybe.home", "anns.home", "other.home")


@pytest.fixture
def home(house, servers, family):
    house.upstream(9000)
    tls = {"certificates": [servers.leaf(*NAMES).document]}
    house.options = {"listen_https": [TLS], "tls": tls, "workers": 1}
    return house.start(services(family), **house.options)


def context_of(servers, leaf=None, version=None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(servers.root))
    context.check_hostname = False
    if leaf:
        context.load_cert_chain(leaf.certificate, leaf.key)
    if version:
        context.minimum_version = context.maximum_version = version
    return context


def connect(house, name: str, context, session=None) -> Peer:
    return Peer(context.wrap_socket(house.host.connect(ADDRESS, 443), server_hostname=name, session=session))


def ask(peer: Peer, host: str, headers: str = "") -> tuple[int, bytes]:
    peer.send(get(host, "/", headers))
    status, _, body = peer.read_response()
    return status, body


def told(house) -> dict[str, str]:
    """What the upstream was told about certificates in its last request."""
    head = house.upstreams[0].received.decode().strip().split("\r\n\r\n")[-1]
    fields = (line.split(": ", 1) for line in head.split("\r\n")[1:])
    return {name: value for name, value in fields if "client" in name.lower()}


@pytest.mark.parametrize("version", BOTH)
def test_who_gets_in(home, servers, family, version):
    ann, bob = family.leaf("ann"), family.leaf("bob")
    stranger = Authority(home.directory / "strangers", "Family").leaf("ann")
    for leaf, safe, anns in ((None, 403, 403), (ann, 200, 200), (bob, 200, 403), (stranger, 403, 403)):
        context = context_of(servers, leaf, version)
        assert ask(connect(home, "web.home", context), "web.home")[0] == 200
        assert ask(connect(home, "safe.home", context), "safe.home")[0] == safe
        assert ask(connect(home, "anns.home", context), "anns.home")[0] == anns
        assert ask(connect(home, "maybe.home", context), "maybe.home")[0] == 200
    status, page = ask(connect(home, "safe.home", context_of(servers)), "safe.home", "Accept: text/html\r\n")
    assert status == 403 and b"hearth ca client" in page


@pytest.mark.parametrize("version", BOTH)
def test_what_the_service_is_told(home, servers, family, version):
    ann = family.leaf("ann")
    print_of = openssl("x509", "-in", ann.certificate, "-noout", "-fingerprint", "-sha256").split("=")[1].strip()
    forged = ("X-SSL-Client-Verify: SUCCESS\r\nX-SSL-Client-CN: root\r\nX_SSL_Client_DN: CN=root\r\n"
              "Client-Cert: :AAAA:\r\nX-Client-Cert: x\r\n")
    assert ask(connect(home, "maybe.home", context_of(servers, ann, version)), "maybe.home", forged)[0] == 200
    assert told(home) == {"X-SSL-Client-Verify": "SUCCESS", "X-SSL-Client-CN": "ann", "X-SSL-Client-DN": "CN=ann",
                          "X-SSL-Client-Fingerprint": print_of.replace(":", "").lower()}
    assert ask(connect(home, "maybe.home", context_of(servers, None, version)), "maybe.home", forged)[0] == 200
    assert told(home) == {"X-SSL-Client-Verify": "NONE"}
    stranger = Authority(home.directory / "strangers").leaf("ann")
    assert ask(connect(home, "maybe.home", context_of(servers, stranger, version)), "maybe.home", forged)[0] == 200
    assert told(home) == {"X-SSL-Client-Verify": "FAILED"}
    assert ask(connect(home, "web.home", context_of(servers, ann, version)), "web.home", forged)[0] == 200
    assert told(home) == {}


@pytest.mark.parametrize("version", BOTH)
def test_no_way_round_by_another_name(home, servers, family, version):
    """One certificate covers all names here, as a wildcard would: the connection's own name decides."""
    ann = family.leaf("ann")
    for leaf in (None, ann):
        for host in ("safe.home", "maybe.home", "anns.home"):
            assert ask(connect(home, "web.home", context_of(servers, leaf, version)), host)[0] == 421
    # shown for one of the same authorities counts for another of them, name by name
    peer = connect(home, "safe.home", context_of(servers, family.leaf("bob"), version))
    assert [ask(peer, host)[0] for host in ("safe.home", "anns.home", "web.home")] == [200, 403, 200]
    peer = connect(home, "maybe.home", context_of(servers, None, version))
    assert ask(peer, "safe.home")[0] == 403
    # no TLS, no certificate
    status, head, _ = home.ask(get("safe.home"))
    assert status == 308 and b"https://safe.home/" in head
    assert home.ask(get("safe.home", "/.well-known/acme-challenge/x"))[0] == 403


def test_a_second_hello_changes_nothing(home, servers, family):
    """A client whose first key share does not suit is asked again (HelloRetryRequest)."""
    ann = family.leaf("ann")
    for name, status in (("safe.home", "200"), ("web.home", "200")):
        done = home.host.run(["curl", "--silent", "--cacert", servers.root, "--connect-to", f"::{ADDRESS}:", "--curves",
                              "P-384:P-256", "--tlsv1.3", "--cert", ann.certificate, "--key", ann.key, "--output", "/dev/null",
                              "--write-out", "%{http_code}", f"https://{name}/"])
        assert done.stdout == status


def test_coalesced_http2_is_sent_away(home, servers, family):
    context = context_of(servers, family.leaf("ann"))
    context.set_alpn_protocols(["h2"])
    client = H2Client(connect(home, "web.home", context).connection)
    assert client.ask(h2_get(host="web.home", scheme="https")).status == 200
    assert client.ask(h2_get(host="safe.home", scheme="https")).status == 421
    client = H2Client(connect(home, "safe.home", context).connection)
    assert client.ask(h2_get(host="safe.home", scheme="https")).status == 200


def test_a_trusted_proxy_shows_nothing_for_others(home, servers, family):
    home.reload(services(family), trusted_proxies=[f"{ADDRESS}/32"], **home.options)
    assert home.ask(get("safe.home", "/", "X-Forwarded-Proto: https\r\n"))[0] == 403
    assert home.ask(get("web.home", "/", "X-Forwarded-Proto: https\r\n"))[0] == 200


@pytest.mark.parametrize("version", BOTH)
def test_resumption_is_no_way_round(home, servers, family, version):
    """A session begun without a certificate, or for other authorities, opens nothing."""
    others = Authority(home.directory / "others", "Others")
    more = {"other": {"upstream": UPSTREAM, "client_certificates": {"use": "required", "ca": str(others.root)}}}
    home.reload(services(family, **more), **home.options)

    def session(name: str, leaf):
        context = context_of(servers, leaf, version)
        peer = connect(home, name, context)
        ask(peer, name)
        return context, peer.connection.session

    context, kept = session("web.home", None)
    assert kept is not None and kept.has_ticket
    again = connect(home, "web.home", context, kept)
    assert again.connection.session_reused and ask(again, "web.home")[0] == 200
    again = connect(home, "safe.home", context, kept)
    assert not again.connection.session_reused and ask(again, "safe.home")[0] == 403

    context, kept = session("safe.home", family.leaf("ann"))
    for name, expected in (("safe.home", 200), ("other.home", 403), ("web.home", 200)):
        again = connect(home, name, context, kept)
        assert not again.connection.session_reused
        assert ask(again, name)[0] == expected


def test_reload_with_other_authorities(home, servers, family):
    ann = family.leaf("ann")
    peer = connect(home, "safe.home", context_of(servers, ann))
    assert ask(peer, "safe.home")[0] == 200
    others = Authority(home.directory / "others", "Others")
    home.reload(services(others), **home.options)
    assert ask(peer, "safe.home")[0] == 421  # shown to whom it no longer counts for
    assert ask(connect(home, "safe.home", context_of(servers, ann)), "safe.home")[0] == 403
    assert ask(connect(home, "safe.home", context_of(servers, others.leaf("eve"))), "safe.home")[0] == 200
    home.write({"safe": {"upstream": UPSTREAM, "client_certificates": {"use": "required", "ca": "/nowhere.pem"}}}, **home.options)
    reply = home.control.post("/reload")
    assert reply.status != 200 and "cannot be read" in reply.text()


def test_curl_and_openssl(home, servers, family):
    ann = family.leaf("ann")
    curl = ["curl", "--silent", "--cacert", servers.root, "--connect-to", f"::{ADDRESS}:", "--output", "/dev/null", "--write-out",
            "%{http_code} %{http_version}"]
    shows = ["--cert", ann.certificate, "--key", ann.key]
    for protocol, version in (("--http1.1", "1.1"), ("--http2", "2")):
        for tls in (["--tlsv1.2", "--tls-max", "1.2"], ["--tlsv1.3"]):
            assert home.host.run([*curl, protocol, *tls, "https://safe.home/"]).stdout == f"403 {version}"
            assert home.host.run([*curl, protocol, *tls, *shows, "https://safe.home/"]).stdout == f"200 {version}"
    # curl makes connections of their own for both: neither is a way round for the other
    both = home.host.run([*curl, "--http2", *shows, "https://web.home/", "--output", "/dev/null", "https://safe.home/"]).stdout
    assert both == "200 2200 2"
    asked = home.host.run(["openssl", "s_client", "-connect", TLS, "-servername", "safe.home", "-CAfile", servers.root], check=False)
    assert "CN = Family" in asked.stdout + asked.stderr
    asked = home.host.run(["openssl", "s_client", "-connect", TLS, "-servername", "web.home", "-CAfile", servers.root], check=False)
    assert "No client certificate CA names sent" in asked.stdout


# --- the home's own authority -----------------------------------------------------------


def test_the_homes_own_root_makes_them(network, binaries):
    house = CertsHouse(network.host("home"), binaries)
    house.upstream()
    house.write(services={"safe": {"upstream": UPSTREAM, "client_certificates": "required"}})
    house.start("certs", "proxy")
    house.served("safe.home")
    root = house.root()
    pem, p12 = house.directory / "ann.pem", house.directory / "phone.p12"
    house.hearth("ca", "client", "ann", pem)
    made = json.loads(house.hearth("ca", "client", "phone", p12, "--days", "30", "--json").stdout)
    text = openssl("x509", "-in", pem, "-noout", "-text")
    assert "CN = ann" in text and "TLS Web Client Authentication" in text
    openssl("verify", "-purpose", "sslclient", "-CAfile", root, pem)
    assert subprocess.run(["openssl", "verify", "-purpose", "sslserver", "-CAfile", root, pem], capture_output=True, check=False).returncode
    assert pem.stat().st_mode & 0o777 == 0o600
    inside = openssl("pkcs12", "-in", p12, "-passin", f"pass:{made['password']}", "-nodes")
    assert "CN = phone" in inside and "PRIVATE KEY" in inside and "Hearth CA home" in inside
    again = house.hearth("ca", "client", "ann", pem, check=False)
    assert again.returncode == 1 and "File exists" in again.stderr
    assert house.hearth("ca", "client", "ann.smith", house.directory / "x.p12", check=False).returncode == 1

    curl = ["curl", "--silent", "--cacert", root, "--connect-to", f"::{ADDRESS}:", "--output", "/dev/null", "--write-out", "%{http_code}"]
    url = "https://safe.home/"
    assert house.host.run([*curl, url]).stdout == "403"
    assert house.host.run([*curl, "--cert", pem, url]).stdout == "200"
    assert house.host.run([*curl, "--cert-type", "P12", "--cert", f"{p12}:{made['password']}", url]).stdout == "200"
    # a new root: what the old one vouched for counts no more
    house.hearth("ca", "init", "--replace")
    root.unlink()
    root = house.root()

    def status() -> str:
        return house.host.run([*curl[:3], root, *curl[4:], "--cert", pem, url], check=False).stdout

    wait_until(lambda: status() == "403")
    house.close()
