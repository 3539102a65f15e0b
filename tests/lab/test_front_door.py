"""What a client at home gets: names, blocking, pages, through the virtual IPs of real daemons."""

import asyncio
import json

import pytest

from tests.lab.blocklists import Blocklists
from tests.lab.clients import curl, dig
from tests.lab.home import DNS_VIP, NODES, PROXY_VIP, Home
from tests.lab.internet import ANY_NAME, DHCP_ADDRESS, DHCP_NAME, EXAMPLE_COM

GIB = 1 << 30
PROXY_RSS_LIMIT = 32 << 20


@pytest.mark.parametrize("name", ["hosts-basic", "domains-ads", "domains-phishing", "abp-tracking"])
def test_names_of_a_list_are_blocked(home: Home, blocklists: Blocklists, name: str) -> None:
    for blocked in blocklists.names(name, 5):
        assert dig(home.client, blocked).values == ["0.0.0.0"], blocked
        assert dig(home.client, blocked, "AAAA").values == ["::"], blocked


def test_deny_and_allow_of_the_document(home: Home) -> None:
    assert dig(home.client, "denied.example").values == ["0.0.0.0"]
    assert dig(home.client, "sub.denied.example").values == ["0.0.0.0"]
    assert dig(home.client, "allowed.example").values == [ANY_NAME]


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("immich.home", PROXY_VIP),
        ("immich", PROXY_VIP),
        ("IMMICH.Home", PROXY_VIP),
        ("ha.home", PROXY_VIP),
        ("home-assistant.home", PROXY_VIP),
        ("pi5.home", NODES["pi5"]),
        ("printer.home", "10.0.0.40"),
        ("anything.apps.home", "10.0.0.41"),
    ],
)
def test_names_of_the_home(home: Home, name: str, address: str) -> None:
    answer = dig(home.client, name, options=("+nosearch",))
    assert (answer.rcode, answer.values) == ("NOERROR", [address])
    assert "aa" in answer.flags
    assert dig(home.client, name, options=("+tcp", "+nosearch")).values == [address]


def test_addresses_have_names(home: Home) -> None:
    assert dig(home.client, "15.0.0.10.in-addr.arpa", "PTR").values == ["pi5.home."]
    assert dig(home.client, "40.0.0.10.in-addr.arpa", "PTR").values == ["printer.home."]


def test_what_the_home_does_not_know(home: Home) -> None:
    unknown = dig(home.client, "nothing.home")
    assert (unknown.rcode, [record.type for record in unknown.authority]) == ("NXDOMAIN", ["SOA"])
    other_type = dig(home.client, "immich.home", "AAAA")
    assert (other_type.rcode, other_type.values) == ("NOERROR", [])
    assert [record.type for record in other_type.authority] == ["SOA"]


def test_the_router_keeps_its_dhcp_names(home: Home) -> None:
    assert dig(home.client, DHCP_NAME).values == [DHCP_ADDRESS]
    assert dig(home.client, "60.0.0.10.in-addr.arpa", "PTR").values == [f"{DHCP_NAME}."]


def test_outside_names_are_forwarded(home: Home) -> None:
    assert dig(home.client, "example.com").values == [EXAMPLE_COM]
    assert dig(home.client, "example.com", "AAAA").values == ["2001:db8::10"]
    assert dig(home.client, "www.example.com").values == ["example.com.", EXAMPLE_COM]
    assert dig(home.client, "gone.nx.example").rcode == "NXDOMAIN"
    assert dig(home.client, "example.com", "MX").rcode == "NOERROR"


def test_an_answer_too_long_for_udp_comes_by_tcp(home: Home) -> None:
    cut = dig(home.client, "big.example.com", "TXT", options=("+ignore", "+bufsize=1232"))
    assert "tc" in cut.flags
    assert len(dig(home.client, "big.example.com", "TXT").values) == 20


def test_every_node_answers_on_its_own_address(home: Home) -> None:
    for address in NODES.values():
        assert dig(home.client, "immich.home", server=address).values == [PROXY_VIP]
        assert curl(home.client, f"http://{address}/", "-H", "Host: immich.home").status == 200


@pytest.mark.parametrize("name", NODES)
def test_nodes_use_the_virtual_ips_themselves(home: Home, name: str) -> None:
    """The owner, the other candidate (which has the addresses, too) and a node that is no candidate."""
    host = home.nodes[name].host
    assert dig(host, "immich.home", server=DNS_VIP).values == [PROXY_VIP]
    assert curl(host, f"http://{PROXY_VIP}/", "-H", "Host: immich.home").status == 200


def test_a_virtual_ip_has_one_owner(home: Home) -> None:
    assert home.answering(DNS_VIP) == {"pi4-1"}
    assert home.answering(PROXY_VIP) == {"pi4-2"}
    home.client.run(["ping", "-c1", "-W2", DNS_VIP])


@pytest.mark.parametrize(
    ("url", "title"),
    [
        ("http://immich.home", "immich"),
        ("http://immich", "immich"),
        ("http://ha.home/", "home-assistant"),
        ("http://home-assistant.home", "home-assistant"),
    ],
)
def test_a_service_is_reached_by_name(home: Home, url: str, title: str) -> None:
    answer = curl(home.client, url)
    assert (answer.status, answer.body) == (200, f"<h1>{title}</h1>\n"), answer


def test_the_service_learns_who_asked(home: Home) -> None:
    sent = dict(json.loads(curl(home.client, "http://immich.home/headers").body))
    names = {name.lower(): value for name, value in sent.items()}
    assert names["host"] == "immich.home"
    assert names["x-forwarded-for"] == "10.0.0.50"
    assert names["x-forwarded-proto"] == "http"
    assert names["x-forwarded-host"] == "immich.home"


def test_pages_for_what_does_not_work_name_the_hop(home: Home) -> None:
    unknown = curl(home.client, f"http://{PROXY_VIP}/", "-H", "Host: nothing.home")
    assert unknown.status == 404 and "nothing.home" in unknown.body
    nobody = curl(home.client, "http://filebrowser.home/")
    assert nobody.status in (502, 503) and "10.0.0.15:8082" in nobody.body.replace("pi5:", "10.0.0.15:")


def test_a_websocket_echoes(home: Home) -> None:
    async def talk() -> list:
        import websockets

        connection = home.client.connect(PROXY_VIP, 80)
        async with websockets.connect("ws://ha.home/ws", sock=connection, max_size=None) as socket:
            heard = []
            for message in ("hello", b"\x00\x01\x02", "x" * 1_000_000):
                await socket.send(message)
                heard.append(await socket.recv() == message)
            return heard

    assert asyncio.run(asyncio.wait_for(talk(), 30)) == [True, True, True]


def test_a_gibibyte_each_way_in_little_memory(home: Home, sanitized: bool) -> None:
    proxy = home.owner(PROXY_VIP).daemons["proxy"]
    download = home.client.run(
        ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{size_download}", f"http://immich.home/bytes/{GIB}"],
        timeout=120,
    )
    assert download.stdout == f"200 {GIB}"
    zeros = f"head -c {GIB} /dev/zero | curl -sS -H 'Content-Type: x/y' -X PUT"
    streamed = home.client.run(["sh", "-c", f"{zeros} -T - http://immich.home/sink"], timeout=120)
    measured = home.client.run(
        ["sh", "-c", f"{zeros} -H 'Content-Length: {GIB}' -H 'Transfer-Encoding:' -T - http://immich.home/sink"],
        timeout=120,
    )
    for upload in (streamed, measured):
        assert json.loads(upload.stdout)["bytes"] == GIB
    print(f"hearth-proxy: peak RSS {proxy.peak_rss_bytes() / (1 << 20):.1f} MiB")
    assert sanitized or proxy.peak_rss_bytes() < PROXY_RSS_LIMIT


def test_what_is_sent_is_what_arrives(home: Home) -> None:
    """Sizes around what buffers tend to be, each way, checked by sum."""
    import zlib

    for size in (0, 1, 4095, 4096, 16384, 65537, 1_000_003):
        body = bytes(i * 7 % 251 for i in range(size))
        path = home.client.directory / "body"
        path.write_bytes(body)
        sink = curl(home.client, "http://immich.home/sink", "-T", str(path))
        assert json.loads(sink.body) == {"bytes": size, "crc32": zlib.crc32(body)}, size


def test_ports_that_the_document_does_not_name_are_rejected(home: Home) -> None:
    """A service that listens on every address of a node is not reached through a virtual IP."""
    owner = home.owner(PROXY_VIP)
    assert owner.name == "pi4-2"  # where home-assistant listens on 0.0.0.0:8123
    assert curl(home.client, f"http://{owner.address}:8123/").status == 200
    refused = curl(home.client, f"http://{PROXY_VIP}:8123/", timeout=3)
    assert refused.status == 0 and "Couldn't connect" in refused.error, refused  # at once, not a timeout
