"""Pages of the household's own, and who gets to know what."""

import json

from tests.lab.waiting import wait_until
from tests.proxy.house import ADDRESS, WEB, get

BODY = "<p class=\"{{status}}\">{{ title }}|{{host}}|{{service}}|{{hop}}|{{reason}}|{{upstream}}|{{nothing}}|{b}</p>"
API = "Accept: application/json\r\n"


def page(house, name: str, text: str) -> str:
    (house.directory / name).write_text(text)
    return name


def test_a_page_of_ones_own_is_filled_in(house):
    house.start(WEB, error_pages={"5xx": page(house, "down.html", BODY)})
    status, head, body = house.ask(get("web.home"))
    assert status == 502
    assert b"content-type: text/html" in head.lower()
    assert body.decode() == (
        '<p class="502">Bad Gateway|web.home|web|upstream|connect_refused|127.0.0.1:9000|{{nothing}}|{b}</p>'
    )


def test_one_status_goes_before_its_class_and_a_service_before_all(house):
    services = {
        "web": {"upstream": f"http://{ADDRESS}:9000", "error_pages": {"5xx": page(house, "web.html", "web 5xx")}},
        "wiki": {"upstream": f"http://{ADDRESS}:9000"},
    }
    pages = {"5xx": page(house, "5.html", "5xx"), "502": page(house, "502.html", "502"), "4xx": page(house, "4.html", "4xx")}
    house.start(services, error_pages=pages)
    assert house.ask(get("web"))[2] == b"web 5xx"
    assert house.ask(get("wiki"))[2] == b"502"
    assert house.ask(get("nobody"))[2] == b"4xx"
    assert house.ask(get("web", headers=API))[0] == 502


def test_programs_get_json_all_the_same(house):
    house.start(WEB, error_pages={"5xx": page(house, "down.html", BODY)})
    _, head, body = house.ask(get(headers=API))
    assert b"content-type: application/json" in head.lower()
    assert json.loads(body)["reason"] == "connect_refused"


def test_a_missing_page_harms_nothing_and_one_that_appears_is_shown(house):
    house.start(WEB, error_pages={"502": "later.html"})
    assert b"nothing listens" in house.ask(get())[2]
    assert "error_page_refused" in house.control.problems()
    page(house, "later.html", "now there")
    wait_until(lambda: house.ask(get())[2] == b"now there", 20, what="the page")
    page(house, "later.html", "changed again")
    wait_until(lambda: house.ask(get())[2] == b"changed again", 20, what="the changed page")
    assert "error_page_refused" not in house.control.problems()


def test_a_page_that_is_too_large_is_not_shown(house):
    house.start(WEB, error_pages={"502": page(house, "large.html", "x" * (256 * 1024 + 1))})
    assert b"nothing listens" in house.ask(get())[2]
    assert "error_page_refused" in house.control.problems()


def test_strangers_learn_the_status_and_an_id_alone(house):
    house.start(WEB, trusted_proxies=[ADDRESS])
    stranger = "X-Forwarded-For: 203.0.113.9\r\n"
    _, _, body = house.ask(get(headers=stranger + API))
    told = json.loads(body)
    assert told.keys() == {"status", "error", "request_id"}
    _, _, html = house.ask(get(headers=stranger))
    for secret in (b"9000", b"connect_refused", b"127.0.0.1", b"hearth.yaml"):
        assert secret not in html
    _, _, unknown = house.ask(get("nobody", headers=stranger))
    assert b"web.home" not in unknown
    house.reload(WEB, trusted_proxies=[ADDRESS], error_pages={"5xx": page(house, "own.html", BODY)})
    _, _, own = house.ask(get(headers=stranger))
    assert own == b'<p class="502">Bad Gateway|web.home|||||{{nothing}}|{b}</p>'
    assert b"connect_refused" in house.ask(get())[2]


def test_the_bodys_length_is_the_filled_pages(house):
    house.start(WEB, error_pages={"5xx": page(house, "down.html", BODY)})
    client = house.client()
    for _ in range(2):
        client.send(get())
        status, _, body = client.read_response()
        assert status == 502 and body.endswith(b"{b}</p>")
    client.close()
