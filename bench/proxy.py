"""hearth-proxy beside nginx and HAProxy on one core, before the same upstream.

Interleaved rounds, medians. `direct` is the load against the upstream itself, the limit of the rig.
"""

import resource
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from bench.contest import LOAD, Arena, cpu_seconds, measured, memory_mib, program_version
from bench.proxy_tls import TlsRounds, make_certificate
from bench.report import Report, median
from tests.lab.netns import Network
from tests.lab.process import Process
from tests.lab.waiting import wait_until

PEERS = {"nginx": "nginx-light", "haproxy": "haproxy", "wrk": "wrk", "h2load": "nghttp2-client"}
PROGRAMS = ("hearth-proxy", "bench-http-load", "bench-http-responder")

HOST = "bench.home"
GIB = 1 << 30

# HAProxy wants two descriptors for each connection that it may hold.
MAX_CONNECTIONS = min(12_000, (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 500) // 2)


@dataclass(frozen=True)
class Pace:
    rounds: int
    seconds: float
    bodies: int  # transfers of 1 GiB each way
    idle: int  # connections held
    tls_rounds: int  # of a second at least


QUICK = Pace(rounds=2, seconds=0.6, bodies=1, idle=2000, tls_rounds=1)
FULL = Pace(rounds=7, seconds=2.0, bodies=5, idle=min(10_000, MAX_CONNECTIONS - 500), tls_rounds=7)


class ProxyServer:
    name = ""

    def __init__(self, arena: Arena, number: int, upstream: str) -> None:
        self.arena, self.upstream = arena, upstream
        self.address = arena.address(number)
        self.directory = arena.directory / self.name
        self.directory.mkdir()
        self.process: Process | None = None

    def argv(self) -> list[str | Path]:
        raise NotImplementedError

    def start(self) -> None:
        self.process = self.arena.start(self.argv(), name=self.name)
        try:
            wait_until(self._answers, 20, what=f"{self.name} answers")
        except TimeoutError as error:
            raise SystemExit(f"bench: {error}; it said:\n{self.process.log()}") from None

    def _answers(self) -> bool:
        try:
            with self.arena.load.connect(self.address, 80, timeout=1) as sock:
                sock.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
                return sock.recv(64).startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()
            self.process = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid


class Hearth(ProxyServer):
    name = "hearth"

    def __init__(self, arena: Arena, number: int, upstream: str, program: Path) -> None:
        super().__init__(arena, number, upstream)
        self.program = program

    def argv(self) -> list[str | Path]:
        document = self.directory / "hearth.yaml"
        document.write_text(
            "version: 1\ndomain: home\nlan: [10.9.0.0/24]\n"
            f"nodes: {{server: {self.address}}}\n"
            f'proxy: {{listen: ["{self.address}:80"], workers: 1, max_connections: {MAX_CONNECTIONS},\n'
            # One address may hold 512 connections unless it is trusted.
            f'  trusted_proxies: [{LOAD}],\n'
            f'  listen_https: ["{self.address}:443"], tls: {{unknown_name: first,\n'
            f'  certificates: [{{certificate: {self.arena.directory}/home.pem, key: {self.arena.directory}/home.key}}]}}}}\n'
            f'services: {{bench: {{upstream: "http://{self.upstream}:80", https: optional}}}}\n'
        )
        return [self.program, "--config", document, "--run-dir", self.directory, "--state-dir", self.directory]


class Nginx(ProxyServer):
    name = "nginx"

    def argv(self) -> list[str | Path]:
        config = self.directory / "nginx.conf"
        config.write_text(
            f"""daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile {2 * MAX_CONNECTIONS};
pid {self.directory}/pid;
error_log stderr error;
events {{ worker_connections {2 * MAX_CONNECTIONS}; }}
http {{
  access_log off;
  client_body_temp_path {self.directory}/body;
  proxy_temp_path {self.directory}/proxy;
  keepalive_requests 1000000000;
  keepalive_timeout 600;
  client_max_body_size 0;
  upstream up {{ server {self.upstream}:80; keepalive 128; keepalive_requests 1000000000; }}
  server {{
    listen {self.address}:80 backlog=4096;
    listen {self.address}:443 ssl http2 backlog=4096;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate {self.arena.directory}/home.pem;
    ssl_certificate_key {self.arena.directory}/home.key;
    server_name {HOST};
    location / {{
      proxy_pass http://up;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_buffering on;
      proxy_max_temp_file_size 0;
      proxy_request_buffering off;
    }}
  }}
}}
"""
        )
        return ["nginx", "-e", "stderr", "-c", config]


class Haproxy(ProxyServer):
    name = "haproxy"

    def argv(self) -> list[str | Path]:
        config = self.directory / "haproxy.cfg"
        config.write_text(
            f"""global
  nbthread 1
  maxconn {MAX_CONNECTIONS}
defaults
  mode http
  timeout client 600s
  timeout server 600s
  timeout connect 3s
  timeout http-keep-alive 600s
  option forwardfor
  http-reuse always
frontend front
  bind {self.address}:80 backlog 4096
  bind {self.address}:443 ssl crt {self.arena.directory}/both.pem alpn h2,http/1.1 backlog 4096
  acl bench hdr(host) -i {HOST}
  use_backend up if bench
backend up
  server up {self.upstream}:80 pool-max-conn 256
"""
        )
        return ["haproxy", "-db", "-f", config]


class ProxyBench:
    def __init__(self, options, network: Network) -> None:
        self.pace = QUICK if options.quick else FULL
        self.report = Report("proxy")
        self.arena = Arena(network)
        self.host = HOST
        make_certificate(self.arena.directory, HOST)
        self.load_program = options.program("bench-http-load")
        self.upstream = self.arena.address(3, self.arena.load)
        core = str(self.arena.cores.upstream)
        self.arena.load.start(
            ["nice", "-n", "-10", "taskset", "-c", core, options.program("bench-http-responder"), self.upstream, "80"])
        self.servers: list[ProxyServer] = [
            Hearth(self.arena, 11, self.upstream, options.program("hearth-proxy")),
            Nginx(self.arena, 12, self.upstream),
            Haproxy(self.arena, 13, self.upstream),
        ]

    def argv(self, mode: str, address: str, **options) -> list[str | Path]:
        cores = self.arena.cores.load
        argv = ["nice", "-n", "-10", self.load_program, mode, "--server", f"{address}:80", "--host", HOST,
                "--cpus", ",".join(map(str, cores))]
        for key, value in {"seconds": self.pace.seconds, **options}.items():
            argv += [f"--{key}", str(value)]
        return argv

    def load(self, mode: str, address: str, **options) -> dict:
        return self.arena.run_load(self.argv(mode, address, **options))

    @staticmethod
    def cpu(server: ProxyServer) -> float:
        return cpu_seconds(server.pid)

    def run(self) -> Report:
        for server in self.servers:
            server.start()
        self.base_memory()
        self.requests("keep", "keep-alive, 64 connections, 1 KiB", bar=1.05)
        self.requests("close", "new connection each")
        self.fixed_rate()
        tls = TlsRounds(self)
        tls.run()
        self.bodies()
        for server in self.servers:
            self.report.add("RSS after load", server.name, memory_mib(server.pid), "MiB")
        self.idle_connections()
        tls.idle_connections()
        for server in self.servers:
            server.stop()
        self.report.note(
            f"nginx {program_version(['nginx', '-v'])}, HAProxy {program_version(['haproxy', '-v'])}; "
            f"{self.pace.rounds} interleaved rounds of {self.pace.seconds} s, medians; no access logs, TLS 1.3")
        return self.report

    def base_memory(self) -> None:
        sizes = {server.name: memory_mib(server.pid, "Pss") for server in self.servers}
        for name, size in sizes.items():
            self.report.add("base memory (PSS)", name, size, "MiB",
                            at_most=sizes["nginx"] if name == "hearth" else None)

    def requests(self, mode: str, title: str, bar: float | None = None) -> None:
        cost: dict[str, list[float]] = {}
        rate: dict[str, list[float]] = {}
        for _ in range(self.pace.rounds):
            if mode == "keep":
                direct = self.load(mode, self.upstream)
                rate.setdefault("direct", []).append(direct["answered"] / direct["seconds"] / 1e3)
            for server in self.servers:
                spent = measured(server.pid, lambda: self.load(mode, server.address))
                outcome = spent.outcome
                if outcome["answered"] == 0:
                    raise SystemExit(f"bench: {server.name} answered nothing ({title})")
                if outcome["failed"] > 0:
                    self.report.note(f"{server.name}, {title}: {outcome['failed']} of {outcome['answered']} failed")
                cost.setdefault(server.name, []).append(spent.cpu_seconds * 1e6 / outcome["answered"])
                rate.setdefault(server.name, []).append(outcome["answered"] / outcome["seconds"] / 1e3)
        for name, values in cost.items():
            self.report.add(f"{title}: CPU per request", name, median(values), "us")
        for name, values in rate.items():
            self.report.add(f"{title}: requests", name, median(values), "k/s")
        for peer in self.servers[1:]:
            ratio = median(cost[peer.name]) / median(cost["hearth"])
            self.report.add(f"{title}: requests per CPU-second / {peer.name}", "hearth", ratio, "x", at_least=bar)
        if mode == "keep":
            self.half_rate = min(median(rate[server.name]) for server in self.servers) * 1e3 / 2

    def fixed_rate(self) -> None:
        p50: dict[str, list[float]] = {}
        p99: dict[str, list[float]] = {}
        for _ in range(self.pace.rounds):
            for server in self.servers:
                outcome = self.load("rate", server.address, rate=int(self.half_rate))
                p50.setdefault(server.name, []).append(outcome["p50_us"])
                p99.setdefault(server.name, []).append(outcome["p99_us"])
        title = "at half of the slowest's saturation"
        for server in self.servers:
            self.report.add(f"{title}: p50", server.name, median(p50[server.name]), "us")
        for server in self.servers:
            bar = median(p99["nginx"]) if server.name == "hearth" else None
            self.report.add(f"{title}: p99", server.name, median(p99[server.name]), "us", at_most=bar)

    def bodies(self) -> None:
        for mode, title in (("down", "1 GiB down"), ("up", "1 GiB up")):
            cost: dict[str, list[float]] = {}
            speed: dict[str, list[float]] = {}
            for _ in range(self.pace.bodies):
                for server in self.servers:
                    spent = measured(server.pid, lambda: self.load(mode, server.address, bytes=GIB))
                    if spent.outcome["failed"]:
                        raise SystemExit(f"bench: {server.name} failed at {title}")
                    cost.setdefault(server.name, []).append(spent.cpu_seconds)
                    speed.setdefault(server.name, []).append(1024 / spent.outcome["seconds"])
            for name, values in cost.items():
                self.report.add(f"{title}: CPU", name, median(values), "s",
                                at_most=median(cost["haproxy"]) if (name, mode) == ("hearth", "down") else None)
            for name, values in speed.items():
                self.report.add(f"{title}: speed", name, median(values), "MiB/s")
        hearth = self.servers[0]
        self.report.add("peak RSS after 1 GiB both ways", "hearth", hearth.process.peak_rss_bytes() / (1 << 20), "MiB",
                        at_most=32)

    def idle_connections(self) -> None:
        """Memory of connections that made one request and stay."""
        sizes = {}
        for server in self.servers:
            before = memory_mib(server.pid)
            argv = self.argv("idle", server.address, connections=self.pace.idle)
            with subprocess.Popen([*self.arena.load.prefix(), *map(str, argv)], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True) as holder:
                holder.stdout.readline()
                self._settle(server.pid)
                held = memory_mib(server.pid)
                holder.stdin.close()
            sizes[server.name] = (held - before) * 1024 / self.pace.idle
        for name, size in sizes.items():
            bar = max(sizes["nginx"], sizes["haproxy"]) if name == "hearth" else None
            self.report.add(f"per idle connection, {self.pace.idle} held", name, size, "KiB", at_most=bar)

    def _settle(self, pid: int) -> None:
        """Until the server rests."""
        def rests() -> bool:
            cpu = cpu_seconds(pid)
            time.sleep(0.05)
            return cpu_seconds(pid) - cpu < 0.001
        wait_until(rests, 10, what="the server rests")


def run(options) -> Report:
    with Network() as network:
        return ProxyBench(options, network).run()
