"""hearth-lists as a program: real files, a real HTTP server, and everything that goes wrong."""

import contextlib
import fcntl
import datetime
import gzip
import http.server
import json
import os
import re
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.dns.list_home import GOOD, Home, Server, Web
from tests.lab import linux


def test_every_form_is_compiled(home: Home, blocklists) -> None:
    home.sources = {name: str(path) for name, path in blocklists.files.items()}
    home.run()
    image = home.image()
    for name in blocklists.files:
        report = home.report(name)
        assert report["state"] == "ok" and report["entries"] == image.lists[name] > 0
        assert report["invalid"] == 0 and report["error"] is None
        listed = blocklists.names(name)
        assert [image.verdict(listed_name) for listed_name in listed] == ["block"] * len(listed)
    below = blocklists.names("abp-tracking")[0]
    assert image.verdict(f"x.y.{below}") == "block"
    assert image.verdict("www.kernel.org") == ""


def test_image_is_as_documented(home: Home) -> None:
    home.sources = {"ours": str(home.file("ours.txt", GOOD + b"bad..name\nexample.com##.ad\n"))}
    home.run()
    image = home.image()
    assert image.checksum_holds() and image.names == 3 and image.lists == {"ours": 3}
    assert home.verdicts("ads.example", "x.ads.example", "good.ads.example", "x.good.ads.example") == [
        "block", "block", "allow", "allow"]
    assert home.verdicts("tracker.example", "x.tracker.example", "example") == ["block", "", ""]
    report = home.report("ours")
    assert (report["entries"], report["skipped"], report["invalid"]) == (3, 1, 1)
    assert report["invalid_examples"] == [{"line": 5, "text": "bad..name", "reason": "not a domain name"}]
    assert report["skipped_examples"][0]["line"] == 6


def test_nothing_is_written_when_nothing_changed(home: Home) -> None:
    home.sources = {"ours": str(home.file("ours.txt", GOOD))}
    home.run()
    copy = home.state / "lists/ours.list"
    before = [(path.stat().st_ino, path.stat().st_mtime_ns) for path in (home.image_path, copy)]
    home.run()
    assert [(path.stat().st_ino, path.stat().st_mtime_ns) for path in (home.image_path, copy)] == before


def test_unchanged_list_is_not_fetched_again(home: Home, web: Server) -> None:
    def page(handler: Web) -> None:
        if handler.headers.get("If-None-Match") == '"v1"':
            handler.reply(b"", 304, ETag='"v1"')
        else:
            handler.reply(GOOD, ETag='"v1"', Last_Modified="Fri, 20 Nov 2026 10:00:00 GMT")

    web.pages["/list"] = page
    home.sources = {"web": web.url("/list")}
    home.run()
    fetched = home.report("web")["fetched_at"]
    home.run()  # checked a moment ago
    assert len(web.requests) == 1
    home.run("--force")
    assert web.requests[1]["If-None-Match"] == '"v1"'
    assert web.requests[1]["If-Modified-Since"] == "Fri, 20 Nov 2026 10:00:00 GMT"
    report = home.report("web")
    assert report["state"] == "ok" and report["fetched_at"] == fetched and report["entries"] == 3
    (home.state / "lists/web.list").unlink()
    home.run()  # without a copy nothing is "unchanged"
    assert "If-None-Match" not in web.requests[2]
    assert home.verdicts("ads.example") == ["block"]


def test_named_list_alone_is_fetched(home: Home, web: Server) -> None:
    web.pages |= {"/a": b"a.example\n", "/b": b"b.example\n"}
    home.sources = {"a": web.url("/a"), "b": web.url("/b")}
    home.run()
    web.pages |= {"/a": b"a2.example\n", "/b": b"b2.example\n"}
    home.run("b")
    assert home.verdicts("a.example", "b.example", "b2.example") == ["block", "", "block"]
    assert "no list of this name" in home.run("c", expect=2)


def test_gzip_and_redirects(home: Home, web: Server) -> None:
    web.pages["/gzip"] = lambda handler: handler.reply(gzip.compress(GOOD), Content_Encoding="gzip")
    web.pages["/moved"] = lambda handler: handler.reply(b"", 301, Location="/gzip")
    home.sources = {"web": web.url("/moved")}
    home.run()
    assert home.report("web")["entries"] == 3


def test_compressed_lists(home: Home, web: Server) -> None:
    """By URL and as a file, in one member or several."""
    web.pages["/list.gz"] = gzip.compress(GOOD) + gzip.compress(b"second.example\n")
    packed = home.file("ours.txt.gz", gzip.compress(b"packed.example\n"))
    home.sources = {"web": web.url("/list.gz"), "ours": str(packed)}
    home.run()
    assert home.verdicts("x.ads.example", "second.example", "packed.example") == ["block"] * 3
    copy = home.state / "lists/ours.list"
    assert copy.read_bytes() == b"packed.example\n"
    written = copy.stat().st_mtime_ns
    home.run()  # the same text
    assert copy.stat().st_mtime_ns == written
    packed.write_bytes(gzip.compress(b"newer.example\n"))
    os.utime(packed, (0, 0))  # restored from a backup, as old as it was
    home.run()
    assert home.verdicts("packed.example", "newer.example") == ["", "block"]


def test_every_rule_of_an_allow_list_allows(home: Home) -> None:
    allowed = home.file("fine.txt", b"0.0.0.0 tracker.example\n||ads.example^\n")
    home.sources = {"ours": str(home.file("ours.txt", GOOD)), "fine": f'file: "{allowed}", kind: allow'}
    home.run()
    assert home.verdicts("x.ads.example", "tracker.example", "x.tracker.example") == ["allow", "allow", ""]
    assert home.report("fine")["kind"] == "allow"


def test_a_list_has_its_own_size_and_interval(home: Home, web: Server) -> None:
    web.pages |= {"/small": GOOD, "/large": b"x" * 500 + b".example\n" * 300, "/often": GOOD}
    home.extra = ", refresh: 30d"
    home.sources = {"small": f'url: "{web.url("/small")}", max_size: 1KiB',
                    "large": f'url: "{web.url("/large")}", max_size: 1KiB',
                    "often": f'url: "{web.url("/often")}", refresh: 1h'}
    home.run(expect=1)
    assert home.report("small")["state"] == "ok"
    assert "larger than 1024 bytes; the list's max_size is the limit" in home.report("large")["error"]
    asked = len(web.requests)
    # As if it had been two hours ago.
    status = home.state / "lists/status.json"
    document = json.loads(status.read_text())
    for entry in document["lists"]:
        if entry["checked_at"]:
            then = datetime.datetime.fromisoformat(entry["checked_at"].rstrip("Z")) - datetime.timedelta(hours=2)
            entry["checked_at"] = then.strftime("%Y-%m-%dT%H:%M:%SZ")
    status.write_text(json.dumps(document))
    home.run(expect=1)
    assert len(web.requests) == asked + 2  # "often" is due, "large" had failed


def cut(handler: Web) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(GOOD) + 1000))
    handler.end_headers()
    handler.wfile.write(GOOD)
    handler.close_connection = True


def endless(handler: Web) -> None:
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    with contextlib.suppress(OSError):
        while True:
            handler.wfile.write(b"||ads.example^\n" * 10_000)


def silent(handler: Web) -> None:
    handler.connection.recv(1)  # until the client gives up
    handler.close_connection = True


BAD_ANSWERS = {
    "error": (lambda handler: handler.reply(GOOD, 500), "answered 500"),
    "gone": (lambda handler: handler.reply(GOOD, 404), "answered 404"),
    "part": (lambda handler: handler.reply(GOOD, 206), "answered 206"),
    "cut": (cut, "cut short"),
    "announced": (b"# Entries: 100\n" + GOOD, "cut short: its head announces 100 entries and 3 came"),
    "empty": (b"", "empty"),
    "blank": (b"\n \r\n", "empty"),
    "page": (b"\n<!DOCTYPE html><html>sign in.example</html>", "web page"),
    "words": (b"Service Unavailable\nplease come back\n", "more lines are invalid than rules"),
    "binary": (bytes(range(256)) * 16, "more lines are invalid than rules"),
    "cut encoding": (lambda handler: handler.reply(gzip.compress(GOOD * 50)[:-9], Content_Encoding="gzip"),
                     "cut short: the compressed data has no end"),
    "cut gzip": (gzip.compress(GOOD)[:-9], "cut short: the compressed data has no end"),
    "bad gzip": (gzip.compress(GOOD)[:20] + b"x" * 40, "the compressed data is damaged"),
    "page in gzip": (gzip.compress(b"<html>"), "web page"),
    "bomb in gzip": (gzip.compress(GOOD * 100_000), "larger than 1048576 bytes"),
    "bomb": (lambda handler: handler.reply(gzip.compress(GOOD * 100_000), Content_Encoding="gzip"),
             "larger than 1048576 bytes"),
    "endless": (endless, "larger than 1048576 bytes"),
    "silent": (silent, "too slow|timed out"),
    "loop": (lambda handler: handler.reply(b"", 302, Location="/list"), "redirects"),
    "local": (lambda handler: handler.reply(b"", 302, Location="file:///etc/hosts"), "not supported|disabled"),
}


@pytest.mark.parametrize("answer", BAD_ANSWERS)
def test_bad_answer_leaves_the_last_good_copy(home: Home, web: Server, answer: str) -> None:
    page, message = BAD_ANSWERS[answer]
    home.extra = ", max_list_size: 1MiB"
    home.sources = {"web": web.url("/list"), "other": str(home.file("other.txt", b"other.example\n"))}
    web.pages["/list"] = GOOD
    home.run()
    before = home.image_path.read_bytes()

    web.pages["/list"] = page
    said = home.run("--force", "--timeout", "1", expect=1)
    report = home.report("web")
    assert report["state"] == "stale" and report["entries"] == 3
    assert re.search(message, report["error"]), report["error"]
    assert "list_failed list=web" in said
    assert home.image_path.read_bytes() == before
    assert [path.name for path in (home.state / "lists").glob(".*")] == []

    web.pages["/list"] = GOOD + b"new.example\n"
    home.run()  # what failed is due at once
    assert home.report("web")["error"] is None
    assert home.verdicts("new.example", "other.example") == ["block", "block"]


def test_dead_url_from_the_start_harms_only_itself(home: Home) -> None:
    with home.host.entered(), socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    home.sources = {"dead": f"http://127.0.0.1:{port}/", "ours": str(home.file("ours.txt", GOOD))}
    home.run(expect=1)
    assert home.report("dead")["state"] == "missing"
    assert home.image().lists == {"ours": 3}


@pytest.mark.parametrize("resolver", ["refuses", "is silent"])
def test_name_without_a_resolver_fails_in_time(home: Home, resolver: str) -> None:
    home.host.use_resolver("127.0.0.1")
    if resolver == "is silent":
        home.host.nft("table inet t {\n chain i {\n type filter hook input priority 0;\n udp dport 53 drop;\n }\n}\n")
    home.sources = {"dead": "http://lists.invalid/x", "ours": str(home.file("ours.txt", GOOD))}
    started = time.monotonic()
    home.run("--timeout", "2", expect=1)
    assert time.monotonic() - started < 8  # the C library alone would try for ten seconds and more
    assert home.image().lists == {"ours": 3}


BAD_FILES = {
    "missing": (lambda path: path.unlink(), "No such file"),
    "directory": (lambda path: (path.unlink(), path.mkdir()), "not a regular file"),
    "empty": (lambda path: path.write_bytes(b""), "empty"),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:100]), "cut short"),
    "200 MB": (lambda path: path.write_bytes(b"||ads.example^\n" * 14_000_000), "larger than 134217728 bytes"),
    "sparse": (lambda path: enlarge(path, 200 << 20), "larger than 134217728 bytes"),
    "NUL bytes": (lambda path: path.write_bytes(b"\0" * 100_000), "more lines are invalid than rules"),
}


def enlarge(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)


@pytest.mark.parametrize("damage", BAD_FILES)
def test_bad_file_leaves_the_last_good_copy(home: Home, damage: str) -> None:
    spoil, message = BAD_FILES[damage]
    names = b"".join(b"n%d.example\n" % i for i in range(50))
    path = home.file("ours.txt", b"# Number of entries: 50\n" + names)
    home.sources = {"ours": str(path)}
    home.run()
    before = home.image_path.read_bytes()
    spoil(path)
    home.run(expect=1)
    report = home.report("ours")
    assert report["state"] == "stale" and report["entries"] == 50 and message in report["error"]
    assert home.image_path.read_bytes() == before


def test_full_disk_leaves_everything_as_it_was(home: Home) -> None:
    home.state.mkdir()
    linux.mount("tmpfs", str(home.state), "tmpfs", 0, "size=256k")
    source = home.file("ours.txt", GOOD)
    home.sources = {"ours": str(source)}
    home.run()
    before = home.image_path.read_bytes()

    source.write_bytes(b"".join(b"||n%d.example^\n" % i for i in range(50_000)))
    said = home.run(expect=1)
    assert "no space left" in said
    assert home.image_path.read_bytes() == before
    assert home.verdicts("ads.example") == ["block"]

    source.write_bytes(b"".join(b"||n%d.example^\n" % i for i in range(8_000)))  # the copy fits, the image no more
    filler = home.state / "filler"
    filler.write_bytes(b"x" * 60_000)
    said = home.run(expect=1)
    assert "image_failed" in said and "no space left" in said
    assert home.image_path.read_bytes() == before
    filler.unlink()
    home.run()
    assert home.verdicts("n1.example") == ["block"]


def test_only_one_runs(home: Home) -> None:
    home.sources = {"ours": str(home.file("ours.txt", GOOD))}
    home.run()
    with (home.state / "lists/lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another hearth-lists is running" in home.run(expect=5)
    home.run()


def test_what_a_killed_run_left_is_swept_away(home: Home) -> None:
    home.sources = {"ours": str(home.file("ours.txt", GOOD))}
    home.run()
    (home.state / "lists" / ".gone.list.new").write_bytes(b"half a l")
    home.run()
    assert list((home.state / "lists").glob(".*")) == []


def test_progress_shows_on_a_terminal_only(home: Home, web: Server) -> None:
    web.pages["/list"] = GOOD
    home.sources = {"web": web.url("/list")}
    home.write_document()
    ours, theirs = os.openpty()
    subprocess.run([*home.host.prefix(), *home.command("--force")], check=True, stderr=theirs)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # the end of a terminal
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    assert b"web 0.0 MB 100%" in shown and b"\x1b[Kcompiling" in shown
    assert "compiling" not in home.run("--force")


def test_hearth_dns_is_told(home: Home) -> None:
    home.sources = {"ours": str(home.file("ours.txt", GOOD))}
    told: list[tuple[str, dict]] = []

    class Control(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.append((self.path, json.loads(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def address_string(self) -> str:
            return "unix"

        def log_message(self, *_) -> None:
            pass

    class UnixServer(http.server.HTTPServer):
        address_family = socket.AF_UNIX

        def server_bind(self) -> None:
            self.socket.bind(self.server_address)

    with UnixServer(str(home.directory / "dns.sock"), Control) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        home.run()
        server.shutdown()
    (path, report), = told
    assert path == "/lists/reload"
    assert report["names"] == 3 and report["lists"][0]["name"] == "ours"


def test_list_that_left_the_document_leaves_the_disk(home: Home) -> None:
    home.sources = {"a": str(home.file("a.txt", b"a.example\n")), "b": str(home.file("b.txt", b"b.example\n"))}
    home.run()
    del home.sources["a"]
    home.run()
    assert home.verdicts("a.example", "b.example") == ["", "block"]
    assert sorted(path.name for path in (home.state / "lists").glob("*.list")) == ["b.list"]


def test_bad_document_changes_nothing(home: Home) -> None:
    home.sources = {"ours": str(home.file("ours.txt", GOOD))}
    home.run()
    before = home.image_path.read_bytes()
    home.extra = ", lsits: {}"
    assert "hearth.yaml:6:" in home.run(expect=3)
    assert home.image_path.read_bytes() == before


@pytest.mark.parametrize("arguments", [["--nonsense"], ["--timeout", "0"], ["--log-format", "xml"], ["--config"]])
def test_usage(home: Home, arguments: list[str]) -> None:
    result = home.host.run([home.program, *arguments], check=False)
    assert result.returncode == 2 and "--help" in result.stderr


def test_million_names_in_little_memory(home: Home) -> None:
    source = home.directory / "million.txt"
    with source.open("wb") as file:
        for i in range(1_000_000):
            file.write(b"0.0.0.0 x%d.ads-%d.example\n" % (i, i % 1000))
    home.sources = {"million": str(source)}
    home.write_document()
    # A small process in between: a child's peak includes its parent's size when it was forked.
    measure = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    peak_kib = int(home.host.run(["/usr/bin/python3", "-c", measure, *home.command()]).stdout)
    code = home.program.read_bytes()
    # The shadow memory of a sanitizer counts as well.
    limit_mib = 256 if b"__asan_init" in code else 1024 if b"__tsan_init" in code else 64
    assert peak_kib < limit_mib << 10
    assert home.image_path.stat().st_size < 9_000_000
