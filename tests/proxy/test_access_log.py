"""The access log in its forms, and the failures that the daemon's own log tells."""

import json
import re
import threading

import pytest

from tests.lab.control import Control
from tests.proxy.collector import Journal
from tests.proxy.house import ADDRESS, OK, WEB, get

SECRETS = (
    "Authorization: Bearer hidden-1\r\n"
    "Cookie: session=hidden-2\r\n"
    "X-Api-Key: hidden-3\r\n"
    "Referer: https://ann:hidden-4@app.home/?token=hidden-5\r\n"
)
SECRET_PATH = "/x?access_token=hidden-6&page=2"


@pytest.fixture
def journal(house):
    made = Journal(house.directory / "journal")
    yield made
    made.close()


def start_under(journal, house, services, *more, **proxy):
    """With the machine's journal replaced by one of our own."""
    house.write(services, **proxy)
    (house.directory / "state").mkdir(exist_ok=True)
    argv = [house._program, "--config", house.config, "--run-dir", house.run_dir]
    argv += ["--state-dir", house.directory / "state", *more]
    house.daemon = house.host.start(journal.wrap(argv), name="hearth-proxy").wait_ready()


def test_entries_of_the_journal_have_a_field_for_each_thing(house, journal):
    house.upstream(9000)
    start_under(journal, house, WEB, access_log="journal")
    house.ask(get(path=SECRET_PATH, headers=f"User-Agent: a\tb\"c\xe9\r\n{SECRETS}"))
    entry = journal.find("request")
    assert re.fullmatch(r"[0-9a-f]{32}", entry.pop("TRACE_ID"))
    assert re.fullmatch(r"[0-9a-f]{32}", entry.pop("MESSAGE_ID"))
    assert int(entry.pop("HEARTH_DURATION_US")) > 0
    assert entry.pop("MESSAGE").startswith(f'{ADDRESS} web.home "GET /x?access_token=***&page=2 HTTP/1.1" 200 2 ')
    assert entry == {
        "PRIORITY": "6",
        "SYSLOG_IDENTIFIER": "hearth-proxy",
        "HEARTH_EVENT": "request",
        "HEARTH_SERVICE": "web",
        "HEARTH_CLIENT": ADDRESS,
        "HEARTH_METHOD": "GET",
        "HEARTH_PROTOCOL": "HTTP/1.1",
        "HEARTH_HOST": "web.home",
        "HEARTH_TARGET": "/x?access_token=***&page=2",
        "HEARTH_STATUS": "200",
        "HEARTH_REQUEST_OCTETS": "0",
        "HEARTH_RESPONSE_OCTETS": "2",
        "HEARTH_UPSTREAM": f"{ADDRESS}:9000",
        "HEARTH_REFERER": "https://***@app.home/?token=***",
        "HEARTH_USER_AGENT": r"a\x09b\"c\xc3\xa9",
    }


def test_a_failed_request_has_the_same_id_in_page_access_log_and_log(house, journal):
    start_under(journal, house, WEB, "--log-format", "journal", access_log="journal")
    status, _, body = house.ask(get(headers="Accept: application/json\r\n"))
    assert status == 502
    page = json.loads(body)
    found = {}
    while {"request", "request_failed"} - found.keys():
        entry = journal.read()
        found[entry.get("HEARTH_EVENT")] = entry
    assert page["request_id"] == found["request"]["TRACE_ID"] == found["request_failed"]["TRACE_ID"]
    assert found["request"]["HEARTH_REASON"] == found["request_failed"]["HEARTH_REASON"] == "connect_refused"
    assert found["request"]["PRIORITY"] == "4"


@pytest.mark.parametrize("form", ["text", "json", "combined"])
def test_secrets_are_in_no_log(house, form):
    house.upstream(9000)
    house.start(WEB, access_log=form)
    assert house.ask(get(path=SECRET_PATH, headers=SECRETS))[0] == 200
    house.ask(get("nobody.home", path=SECRET_PATH, headers=SECRETS))
    house.daemon.wait_line(r"nobody.home|404")
    assert house.daemon.stop() == 0
    assert "access_token=***&page=2" in house.daemon.log()
    assert "hidden" not in house.daemon.log()


def test_followers_get_no_secrets_either(house):
    house.upstream(9000)
    house.start(WEB)
    events = Control(house.control.path).events("access")
    seen = None
    def read() -> None:
        nonlocal seen
        seen = next(events)["data"]

    reader = threading.Thread(target=read)
    reader.start()
    while reader.is_alive():
        house.ask(get(path=SECRET_PATH, headers=SECRETS))
        reader.join(0.05)
    assert seen["target"] == "/x?access_token=***&page=2"
    assert re.fullmatch(r"[0-9a-f]{32}", seen["trace_id"])
    assert "hidden" not in json.dumps(seen)


COMBINED = re.compile(
    r"^(?P<host>\S+) (?P<ident>\S+) (?P<user>\S+) \[(?P<time>\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} "
    r'[+-]\d{4})\] "(?P<request>(?:[^"\\]|\\.)*)" (?P<status>[1-5]\d\d) (?P<size>\d+|-) '
    r'"(?P<referer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)"$'
)


def test_combined_lines_are_apaches(house):
    def vanish(peer):
        peer.read_head()
        peer.close()

    house.upstream(9000)
    house.upstream(9001, vanish)
    house.start({**WEB, "gone": {"upstream": f"http://{ADDRESS}:9001"}}, access_log="combined")
    house.ask(get(headers='User-Agent: "quoted" \\ back\xff\r\nReferer: http://x/"\r\n'))
    house.ask(get("gone"))
    house.ask(get().replace(b"GET", b"PROPFIND"))
    house.ask(b"BROKEN\r\n\r\n")
    house.daemon.wait_line(r" 400 ")
    assert house.daemon.stop() == 0
    lines = [line for line in house.daemon.log().splitlines() if " - - [" in line]
    assert len(lines) == 4
    fields = [COMBINED.match(line[line.index(ADDRESS) :]) for line in lines]
    assert all(fields), lines
    by_request = {one["request"]: one for one in fields}
    assert by_request["GET / HTTP/1.1"]["status"] in ("200", "502")
    assert "PROPFIND / HTTP/1.1" in by_request
    assert any(one["agent"] == r"\"quoted\" \\ back\xc3\xbf" for one in fields)


def test_many_failures_are_told_few_times_and_counted(house):
    house.start(WEB)
    for _ in range(200):
        assert house.ask(get())[0] == 502
    house.daemon.wait_line(r"request_failed.*service=web.*reason=connect_refused.*trace_id=[0-9a-f]{32}.*left_out=0")
    house.upstream(9000)  # the next answer is good: nothing to tell
    assert house.daemon.stop() == 0
    assert 1 <= house.daemon.log().count("request_failed") <= 10


def test_a_strangers_mistakes_are_no_failures(house):
    house.upstream(9000)
    house.start(WEB)
    house.ask(b"BROKEN\r\n\r\n")
    house.ask(get("nobody.home"))
    assert house.ask(get()) == (200, OK.split(b"ok")[0], b"ok")
    assert house.daemon.stop() == 0
    assert "request_failed" not in house.daemon.log()


def test_goaccess_reads_combined_lines(house):
    """A foreign parser, told nothing but the format's name."""
    house.upstream(9000)
    house.start({**WEB, "gone": {"upstream": f"http://{ADDRESS}:9001"}}, access_log="combined")
    house.ask(get(headers='User-Agent: Mozilla/5.0 "quoted" \\ back\xff\r\nReferer: http://x/"\r\n'))
    for path in ("/a%2Fb?token=hidden", "/\xfc?x=[1]", "/" + "long" * 300):
        house.ask(get(path=path))
    house.ask(get("gone"))
    house.ask(get().replace(b"GET", b"PUT").replace(b"\r\n\r\n", b"\r\nContent-Length: 0\r\n\r\n"))
    assert house.daemon.stop() == 0
    lines = [line[line.index(ADDRESS):] for line in house.daemon.log().splitlines() if " - - [" in line]
    log, told = house.directory / "access.log", house.directory / "told.json"
    log.write_text("\n".join(lines) + "\n")
    house.host.run(["goaccess", log, "--no-global-config", "--log-format=COMBINED", "-o", told])
    general = json.loads(told.read_text())["general"]
    assert general["total_requests"] == general["valid_requests"] == len(lines) == 6, general
    assert general["failed_requests"] == 0
    statuses = {one["data"][:3] for one in json.loads(told.read_text())["status_codes"]["data"]}
    assert any(code.startswith("2") for code in statuses) and any(code.startswith("5") for code in statuses)
