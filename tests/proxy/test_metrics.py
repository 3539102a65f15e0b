"""What the proxy counts, as Prometheus reads it."""

from prometheus_client.parser import text_string_to_metric_families

from tests.lab.waiting import wait_until
from tests.proxy import h2_client
from tests.proxy.house import ADDRESS, WEB, get


def families(house, requests: int) -> dict:
    """Families by name once so many requests are counted; the parser refuses what is not the format."""

    def read() -> dict:
        found = text_string_to_metric_families(house.control.get("/metrics").text())
        return {one.name: one for one in found}

    def are_counted() -> bool:
        # A client has its answer a moment before it is counted.
        counted = read().get("hearth_proxy_requests")
        return counted is not None and value(counted, "_total") == requests

    wait_until(are_counted, what=f"{requests} requests")
    return read()


def value(family, suffix: str = "", **labels: str) -> float:
    found = [s for s in family.samples if s.name.endswith(suffix) and labels.items() <= s.labels.items()]
    assert found, (family.name, suffix, labels, family.samples)
    return sum(sample.value for sample in found)


def test_requests_are_counted_by_service_code_method_and_protocol(house):
    house.upstream(9000)
    house.start({**WEB, "dead": {"upstream": f"http://{ADDRESS}:9001"}})
    for _ in range(3):
        house.ask(get())
    house.ask(get().replace(b"GET", b"POST"))
    house.ask(get("dead"))
    house.ask(get("nobody"))
    house.ask(get().replace(b"HTTP/1.1", b"HTTP/1.0"))
    found = families(house, 7)
    requests = found["hearth_proxy_requests"]
    assert requests.type == "counter"
    assert value(requests, "_total", service="web", code="200", method="GET") == 4
    assert value(requests, "_total", service="web", code="200", method="POST") == 1
    assert value(requests, "_total", service="dead", code="502", method="GET") == 1
    assert value(requests, "_total", service="", code="404") == 1
    protocols = found["hearth_proxy_protocol_requests"]
    assert value(protocols, "_total", service="web", protocol="HTTP/1.1") == 4
    assert value(protocols, "_total", service="web", protocol="HTTP/1.0") == 1
    assert value(found["hearth_proxy_response_body_bytes"], "_total", service="web") == 10


def test_http2_is_a_protocol_of_its_own(house):
    house.upstream(9000)
    house.start(WEB)
    assert h2_client.connect(house).ask(h2_client.get()).status == 200
    protocols = families(house, 1)["hearth_proxy_protocol_requests"]
    assert value(protocols, "_total", service="web", protocol="HTTP/2.0") == 1


def test_upstreams_are_counted_by_class_with_their_time(house):
    def refuse(peer):
        while peer.read_head():
            peer.send(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")

    house.upstream(9000)
    house.upstream(9001, refuse)
    both = {"upstreams": [f"http://{ADDRESS}:9000", f"http://{ADDRESS}:9001", f"http://{ADDRESS}:9002"]}
    house.start({"web": both}, workers=1)
    for _ in range(9):
        house.ask(get())
    found = families(house, 9)
    answers = found["hearth_proxy_upstream_responses"]
    good, bad = f"http://{ADDRESS}:9000", f"http://{ADDRESS}:9001"
    good_count = value(answers, "_total", service="web", upstream=good, **{"class": "2xx"})
    bad_count = value(answers, "_total", service="web", upstream=bad, **{"class": "5xx"})
    assert good_count + bad_count == 9 and good_count and bad_count
    times = found["hearth_proxy_upstream_duration_seconds"]
    assert times.type == "histogram"
    assert value(times, "_count", upstream=good) == good_count
    assert value(times, "_bucket", upstream=good, le="+Inf") == good_count


def test_histograms_are_cumulative_and_end_with_all(house):
    house.upstream(9000)
    house.start(WEB)
    for _ in range(5):
        house.ask(get())
    family = families(house, 5)["hearth_proxy_request_duration_seconds"]
    buckets = [s for s in family.samples if s.name.endswith("_bucket") and s.labels["service"] == "web"]
    counts = [sample.value for sample in buckets]
    assert counts == sorted(counts) and counts[-1] == 5
    assert [float(s.labels["le"]) for s in buckets] == sorted(float(s.labels["le"]) for s in buckets)


def test_no_client_can_make_series_of_its_own(house):
    codes = iter(range(200, 600))

    def answer(peer):
        while peer.read_head():
            peer.send(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % next(codes, 599))

    house.upstream(9000, answer)
    house.start(WEB, workers=1)
    client = house.client()
    for number in range(300):
        method = b"X%d" % number if number % 3 == 0 else b"GET"
        client.send(get(path=f"/{number}").replace(b"GET", method))
        if not client.read_response()[1]:
            client = house.client()
        house.ask(get(f"host-{number}.home")) if number % 30 == 0 else None
    requests = families(house, 310)["hearth_proxy_requests"]
    series = [s for s in requests.samples if s.labels["service"] == "web"]
    assert len(series) <= 97
    assert value(requests, "_total", service="web", code="other") > 100
    assert {s.labels["service"] for s in requests.samples} == {"web", ""}
