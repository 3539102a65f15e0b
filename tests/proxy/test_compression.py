"""Compression of answers by real decompressors, streaming, and what is left alone."""

import gzip
import subprocess
import zlib

import pytest

from tests.lab.clients import curl
from tests.proxy.house import Peer, get

TEXT = b"".join(b"<p>paragraph %d of a page that repeats itself</p>\n" % i for i in range(2000))
SERVICES = {"web": {"upstream": "http://127.0.0.1:9000", "middleware": {"compression": ["zstd", "br", "gzip"]}}}


def page(framing: str, more: str = ""):
    def play(peer: Peer) -> None:
        while peer.read_head():
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: \"1\"\r\n{more}"
            if framing == "length":
                peer.send(f"{head}Content-Length: {len(TEXT)}\r\n\r\n".encode() + TEXT)
            elif framing == "chunked":
                peer.send(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
                for i in range(0, len(TEXT), 5000):
                    part = TEXT[i : i + 5000]
                    peer.send(b"%x\r\n%s\r\n" % (len(part), part))
                peer.send(b"0\r\n\r\n")
            else:
                peer.send(f"{head}\r\n".encode() + TEXT)
                return

    return play


def unpacked(coding: str, body: bytes) -> bytes:
    if coding == "gzip":
        return gzip.decompress(body)
    program = {"br": ["brotli", "-dc"], "zstd": ["zstd", "-dc"]}[coding]
    return subprocess.run(program, input=body, capture_output=True, check=True).stdout


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("coding", ["zstd", "br", "gzip"])
def test_a_page_is_compressed_and_is_the_same(house, framing, coding):
    house.upstream(9000, page(framing))
    house.start(SERVICES)
    status, head, body = house.ask(get(headers=f"Accept-Encoding: {coding}\r\n"))
    assert status == 200 and f"Content-Encoding: {coding}\r\n".encode() in head
    assert b"Vary: Accept-Encoding\r\n" in head and b'ETag: W/"1"\r\n' in head and b"Content-Length" not in head
    assert len(body) < len(TEXT) / 5
    assert unpacked(coding, body) == TEXT


def test_curl_reads_it_over_http1_and_2(house):
    house.upstream(9000, page("chunked"))
    house.start(SERVICES)
    for version in ("--http1.1", "--http2-prior-knowledge"):
        answer = curl(house.host, "http://127.0.0.1/", version, "--compressed", "--header", "Host: web")
        assert answer.status == 200 and answer.body.encode() == TEXT
        assert answer.headers["content-encoding"] in ("zstd", "br", "gzip")


@pytest.mark.parametrize(
    ("more", "request_headers"),
    [
        ("Content-Encoding: x\r\n", "Accept-Encoding: gzip\r\n"),
        ("Cache-Control: no-transform\r\n", "Accept-Encoding: gzip\r\n"),
        ("", ""),
        ("", "Accept-Encoding: identity\r\n"),
    ],
)
def test_what_is_left_alone(house, more, request_headers):
    house.upstream(9000, page("length", more))
    house.start(SERVICES)
    _, head, body = house.ask(get(headers=request_headers))
    assert body == TEXT and b"Content-Encoding: gzip" not in head
    assert b"Content-Length: %d\r\n" % len(TEXT) in head


def conditional(more: str = "ETag: \"1\"\r\n"):
    """304 to who has it, in whatever form; the head alone to HEAD; a part to who wants one."""

    def play(peer: Peer) -> None:
        while head := peer.read_head():
            if b"if-none-match: " in head.lower() and b'"1"' in head:
                peer.send(f"HTTP/1.1 304 Not Modified\r\n{more}\r\n".encode())
                continue
            status, body = ("206 Part\r\nContent-Range: bytes 0-4999/9999", TEXT[:5000]) if b"Range" in head else ("200 OK", TEXT)
            peer.send(f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode())
            if not head.startswith(b"HEAD"):
                peer.send(body)

    return play


@pytest.mark.parametrize(
    ("asked_with", "told"), [('W/"1"', 'W/"1"'), ('"1"', '"1"'), ('"0", W/"1"', 'W/"1"'), ('W/"1", "1"', 'W/"1"')]
)
def test_304_says_what_the_page_would_have_said(house, asked_with, told):
    house.upstream(9000, conditional())
    house.start(SERVICES)
    status, head, body = house.ask(get(headers=f"Accept-Encoding: gzip\r\nIf-None-Match: {asked_with}\r\n"))
    assert status == 304 and body == b"" and b"Content-Encoding" not in head
    assert b"Vary: Accept-Encoding\r\n" in head and f"ETag: {told}\r\n".encode() in head


def test_304_of_what_is_never_compressed_is_left_alone(house):
    house.upstream(9000, conditional('ETag: "1"\r\nContent-Type: image/png\r\n'))
    house.start(SERVICES)
    status, head, _ = house.ask(get(headers='Accept-Encoding: gzip\r\nIf-None-Match: W/"1"\r\n'))
    assert status == 304 and b"Vary" not in head and b'ETag: "1"\r\n' in head


def test_curl_revalidates_what_it_got_compressed(house, tmp_path):
    house.upstream(9000, conditional())
    house.start(SERVICES)
    for version in ("--http1.1", "--http2-prior-knowledge"):
        tags = tmp_path / version
        asks = ("--compressed", version, "--header", "Host: web", "--etag-save", tags, "--etag-compare", tags)
        assert curl(house.host, "http://127.0.0.1/", *map(str, asks)).status == 200
        assert tags.read_text().strip() == 'W/"1"'
        again = curl(house.host, "http://127.0.0.1/", *map(str, asks))
        assert again.status == 304 and again.headers["etag"] == 'W/"1"' and again.headers["vary"] == "Accept-Encoding"


def test_head_and_parts_say_that_others_get_it_compressed(house):
    house.upstream(9000, conditional())
    house.start(SERVICES)
    peer = house.client()
    peer.send(get(headers="Accept-Encoding: gzip\r\nConnection: close\r\n").replace(b"GET", b"HEAD", 1))
    head = peer.read_head()
    assert b"Vary: Accept-Encoding\r\n" in head and b'ETag: W/"1"\r\n' in head
    status, head, body = house.ask(get(headers="Accept-Encoding: gzip\r\nRange: bytes=0-4999\r\n"))
    assert status == 206 and body == TEXT[:5000] and b"Content-Encoding" not in head
    assert b"Vary: Accept-Encoding\r\n" in head and b'ETag: "1"\r\n' in head


def test_events_arrive_as_they_are_sent(house):
    def play(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        peer.read_until(b"go on")

    house.upstream(9000, play)
    house.start(SERVICES)
    client = house.client()
    client.send(get(headers="Accept-Encoding: gzip\r\n"))
    assert b"Content-Encoding: gzip" in client.read_head()
    size = int(client.read_until(b"\r\n"), 16)
    assert zlib.decompressobj(31).decompress(client.read_exactly(size)) == b"data: 1\n\n"
