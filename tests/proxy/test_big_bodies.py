"""Bodies far larger than memory, each way and by every protocol, in 32 MiB.

`--big-bodies` says how many MiB; the suite does with few, `./dev soak` has 10 GiB.
"""

import json

import pytest

from tests.lab import services
from tests.lab.authority import Authority
from tests.proxy.house import ADDRESS
from tests.proxy.test_tls import secure

MIB = 1 << 20
HTTP, HTTPS = f"web.home:80:{ADDRESS}", f"web.home:443:{ADDRESS}"
WAYS = {
    "http1": ["--http1.1", "--resolve", HTTP, "http://web.home"],
    "http1 chunked": ["--header", "Transfer-Encoding: chunked", "--http1.1", "--resolve", HTTP, "http://web.home"],
    "http1 tls": ["--http1.1", "--resolve", HTTPS, "https://web.home"],
    "http2": ["--http2-prior-knowledge", "--resolve", HTTP, "http://web.home"],
    "http2 tls": ["--http2", "--resolve", HTTPS, "https://web.home"],
}


@pytest.fixture
def size(request, sanitized) -> int:
    return (32 if sanitized else request.config.getoption("--big-bodies")) * MIB


@pytest.fixture
def home(house):
    services.start(house.host, "page", "page", 9000).wait_ready()
    authority = Authority(house.directory / "tls")
    house.start({"web": {"upstream": f"http://{ADDRESS}:9000", "https": "optional"}},
                **secure(house, authority.leaf("web.home")))
    return house


@pytest.mark.parametrize("direction, way", [*(("down", way) for way in WAYS if "chunked" not in way),
                                            *(("up", way) for way in WAYS)])
def test_big_bodies_in_little_memory(home, size, way, direction, sanitized):
    *options, site = WAYS[way]
    argv = ["curl", "--silent", "--show-error", "--cacert", home.directory / "tls/root.pem",
            "--write-out", "\n%{http_code} %{size_download} %{time_total}", *options]
    if direction == "up":
        source = home.directory / "big"
        with source.open("wb") as file:
            file.truncate(size)  # of holes
        argv += ["--upload-file", source, f"{site}/sink"]
    else:
        argv += ["--output", "/dev/null", f"{site}/bytes/{size}"]
    body, told = home.host.run(argv, timeout=900).stdout.rsplit("\n", 1)
    status, down, seconds = told.split()
    assert (status, json.loads(body)["bytes"] if direction == "up" else int(down)) == ("200", size)
    peak = home.daemon.peak_rss_bytes()
    print(f"{way} {direction}: {size / MIB / float(seconds):.0f} MiB/s, peak RSS {peak / MIB:.1f} MiB")
    assert sanitized or peak < 32 * MIB
