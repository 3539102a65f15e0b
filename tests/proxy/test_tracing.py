"""Traces: what upstreams and collectors are told of a request, and who is believed."""

import json
import re
import ssl

import pytest

from tests.lab.authority import Authority
from tests.lab.waiting import wait_until
from tests.proxy.collector import Collector
from tests.proxy.house import ADDRESS, OK, WEB, get

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE, SPAN = PARENT.split("-")[1:3]
TRACED = f"traceparent: {PARENT}\r\ntracestate: vendor=1,other=2\r\n"
FIELD = re.compile(rb"traceparent: 00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])\r\n")
TO_COLLECTOR = {"otlp": f"http://{ADDRESS}:4318"}
EVERYBODY = {"continue_from": ["127.0.0.0/8"]}


def forwarded(upstream) -> tuple[str, str, str]:
    """Trace, span and flags as the upstream got them last, in one field of each request."""
    found = FIELD.findall(upstream.received)[-1]
    requests = upstream.received.count(b" HTTP/1.1\r\n")
    assert upstream.received.lower().count(b"traceparent") == requests
    return tuple(part.decode() for part in found)


def test_without_the_section_traces_pass_as_they_are(house):
    upstream = house.upstream(9000)
    house.start(WEB)
    house.ask(get(headers=TRACED))
    assert f"traceparent: {PARENT}".encode() in upstream.received
    assert b"tracestate: vendor=1,other=2" in upstream.received


def test_a_strangers_trace_is_replaced(house):
    upstream = house.upstream(9000)
    house.start(WEB, tracing={})
    house.ask(get(headers=TRACED))
    trace, span, flags = forwarded(upstream)
    assert trace != TRACE and span != SPAN and flags == "01"
    assert b"tracestate" not in upstream.received


def test_a_trusted_trace_goes_on(house):
    upstream = house.upstream(9000)
    house.start(WEB, tracing=EVERYBODY)
    house.ask(get(headers=TRACED))
    trace, span, flags = forwarded(upstream)
    assert (trace, flags) == (TRACE, "01")
    assert span != SPAN
    assert b"tracestate: vendor=1,other=2" in upstream.received


def test_trusted_proxies_traces_go_on(house):
    upstream = house.upstream(9000)
    house.start(WEB, tracing={}, trusted_proxies=[ADDRESS])
    house.ask(get(headers=TRACED))
    assert forwarded(upstream)[0] == TRACE


def test_what_is_malformed_begins_a_new_trace(house):
    upstream = house.upstream(9000)
    house.start(WEB, tracing=EVERYBODY)
    for bad in (PARENT[:-1], PARENT.upper(), "ff" + PARENT[2:], f"{PARENT}\r\ntraceparent: {PARENT}", ""):
        house.ask(get(headers=f"traceparent: {bad}\r\ntracestate: a=b\r\n"))
        assert forwarded(upstream)[0] != TRACE, bad
        assert b"tracestate" not in upstream.received


def test_the_sampled_flag_of_the_caller_holds_and_ours_follows_the_share(house):
    upstream = house.upstream(9000)
    house.start(WEB, tracing={**EVERYBODY, "sample": "0%"})
    house.ask(get(headers=f"traceparent: {PARENT}\r\n"))
    assert forwarded(upstream)[2] == "01"
    house.ask(get())
    assert forwarded(upstream)[2] == "00"


def test_a_collector_gets_both_spans_of_a_request(house):
    house.upstream(9000)
    collector = Collector(house.host)
    house.start(WEB, tracing={**TO_COLLECTOR, **EVERYBODY})
    house.ask(get(path="/a/b?token=hidden&x=1", headers=f"traceparent: {PARENT}\r\nUser-Agent: probe\r\n"))
    spans = {span["kind"]: span for span in collector.wait_for(2)}
    server, client = spans[2], spans[3]
    assert server["traceId"] == client["traceId"] == TRACE
    assert server["parentSpanId"] == SPAN
    assert client["parentSpanId"] == server["spanId"]
    assert server["name"] == "GET"
    assert int(server["startTimeUnixNano"]) <= int(client["startTimeUnixNano"])
    expected = {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "url.scheme": "http",
        "url.path": "/a/b",
        "url.query": "token=***&x=1",
        "server.address": "web.home",
        "client.address": ADDRESS,
        "network.protocol.version": "1.1",
        "user_agent.original": "probe",
        "hearth.service": "web",
        "http.response.body.size": 2,
    }
    assert expected.items() <= server["attributes"].items()
    assert {"server.address": ADDRESS, "server.port": 9000}.items() <= client["attributes"].items()
    assert "status" not in server and "status" not in client
    assert collector.resources[0]["service.name"] == "hearth-proxy"
    assert collector.resources[0]["host.name"] == "here"
    path, headers = collector.requests[0]
    assert (path, headers["Content-Type"]) == ("/v1/traces", "application/json")
    collector.close()


def test_the_span_that_the_upstream_was_told_is_the_clients(house):
    upstream = house.upstream(9000)
    collector = Collector(house.host)
    house.start(WEB, tracing=TO_COLLECTOR)
    house.ask(get())
    spans = {span["kind"]: span for span in collector.wait_for(2)}
    assert forwarded(upstream)[:2] == (spans[3]["traceId"], spans[3]["spanId"])
    assert "parentSpanId" not in spans[2]
    collector.close()


def test_failures_say_which_hop(house):
    collector = Collector(house.host)
    house.start(WEB, tracing=TO_COLLECTOR)
    status, _, body = house.ask(get(headers="Accept: application/json\r\n"))
    spans = {span["kind"]: span for span in collector.wait_for(2)}
    assert status == 502
    for span in spans.values():
        assert span["status"] == {"code": 2}
        assert span["attributes"]["error.type"] == "connect_refused"
    assert json.loads(body)["request_id"] == spans[2]["traceId"]
    collector.close()


def test_what_is_not_sampled_is_not_sent(house):
    house.upstream(9000)
    collector = Collector(house.host)
    house.start(WEB, tracing={**TO_COLLECTOR, "sample": "0%", "continue_from": ["127.0.0.0/8"]})
    for _ in range(5):
        house.ask(get())
    house.ask(get(headers=f"traceparent: {PARENT}\r\n"))
    assert {span["traceId"] for span in collector.wait_for(2)} == {TRACE}
    collector.close()


def test_a_collector_that_is_gone_harms_nobody_and_gets_what_waited(house):
    house.upstream(9000)
    house.start(WEB, tracing=TO_COLLECTOR)
    for _ in range(20):
        assert house.ask(get())[0] == 200
    wait_until(lambda: "spans_not_taken" in house.control.problems(), what="the problem")
    collector = Collector(house.host, answers=[503])
    assert len(collector.wait_for(40)) == 40
    wait_until(lambda: "spans_not_taken" not in house.control.problems(), what="the problem's end")
    collector.close()


def test_what_a_collector_refuses_is_counted_and_not_sent_again(house):
    house.upstream(9000)
    collector = Collector(house.host, answers=[400])
    house.start(WEB, tracing=TO_COLLECTOR)
    house.ask(get())
    refused = re.compile(r"^hearth_proxy_spans_refused_total 2$", re.M)
    wait_until(lambda: refused.search(house.control.get("/metrics").text()), what="the count")
    assert collector.spans == []
    house.ask(get())
    collector.wait_for(2)
    collector.close()


def serving(authority: Authority, name: str) -> ssl.SSLContext:
    leaf = authority.leaf(name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.certificate, leaf.key)
    return context


def test_a_collector_over_https(house):
    authority = Authority(house.directory / "tls")
    collector = Collector(house.host, context=serving(authority, "localhost"))
    house.upstream(9000)
    house.start(WEB, tracing={"otlp": "https://localhost:4318/v1/spans", "ca": str(authority.root)})
    for _ in range(3):
        assert house.ask(get())[0] == 200
        collector.wait_for(len(collector.spans) + 2)
    assert {path for path, _ in collector.requests} == {"/v1/spans"}
    assert {fields["Host"] for _, fields in collector.requests} == {"localhost:4318"}
    assert "spans_not_taken" not in house.control.problems()
    collector.close()


@pytest.mark.parametrize("name, ca", [("other.example", True), ("localhost", False)])
def test_a_collector_that_is_not_who_it_should_be_gets_nothing(house, name, ca):
    authority = Authority(house.directory / "tls")
    collector = Collector(house.host, context=serving(authority, name))
    house.upstream(9000)
    trusted = {"ca": str(authority.root)} if ca else {}
    house.start(WEB, tracing={"otlp": "https://localhost:4318", **trusted})
    assert house.ask(get())[0] == 200

    def detail() -> str:
        return next((one["detail"] for one in house.control.status()["problems"] if one["name"] == "spans_not_taken"), "")

    wait_until(lambda: "tls_failed" in detail(), what="the problem")
    assert collector.requests == []
    collector.close()


def test_a_collector_that_never_answers_delays_no_request(house):
    def swallow(peer):
        peer.read_all()

    house.upstream(9000)
    house.upstream(4318, swallow)
    house.start(WEB, tracing=TO_COLLECTOR)
    for _ in range(50):
        assert house.ask(get()) == (200, OK.split(b"ok")[0], b"ok")


def test_tracing_can_come_and_go_with_a_reload(house):
    upstream = house.upstream(9000)
    collector = Collector(house.host)
    house.start(WEB)
    house.ask(get())
    assert b"traceparent" not in upstream.received
    house.reload(WEB, tracing=TO_COLLECTOR)
    house.ask(get())
    collector.wait_for(2)
    house.reload(WEB)
    house.ask(get())
    assert upstream.received.count(b"traceparent") == 1
    collector.close()
