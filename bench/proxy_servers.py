"""The proxies that are compared, each with one worker on the server's core, and no access logs."""

import contextlib
import resource
from pathlib import Path

from bench.contest import LOAD, Arena
from tests.lab.control import Control
from tests.lab.kept import KeptSockets
from tests.lab.process import Process
from tests.lab.waiting import wait_until

HOST = "bench.home"

MOST_FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
MAX_CONNECTIONS = min(11_000, MOST_FILES - 1000)


class ProxyServer:
    """Serves HOST on ports 80 and 443 of its own address, before the upstream that all share."""

    name = ""
    http2_port = 80  # takes HTTP/2 without TLS, too

    def __init__(self, arena: Arena, number: int, upstream: str) -> None:
        self.arena, self.upstream = arena, upstream
        self.address = arena.address(number)
        self.directory = arena.directory / self.name
        self.directory.mkdir()
        self.certificate, self.key = arena.directory / "home.pem", arena.directory / "home.key"
        self.process: Process | None = None

    def argv(self) -> list[str | Path]:
        """Writes its configuration; the command that runs it in the foreground."""
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

    def restart(self) -> None:
        """A fresh process, which has freed nothing yet that it could use again."""
        self.stop()
        self.start()

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
            f"  trusted_proxies: [{LOAD}],\n"
            f'  listen_https: ["{self.address}:443"], tls: {{unknown_name: first,\n'
            f"  certificates: [{{certificate: {self.certificate}, key: {self.key}}}]}}}}\n"
            f'services: {{bench: {{upstream: "http://{self.upstream}:80", https: optional}}}}\n'
        )
        return [self.program, "--config", document, "--run-dir", self.directory, "--state-dir", self.directory]

    def reload(self) -> None:
        reply = Control(self.directory / "proxy.sock", timeout=30).post("/reload")
        if reply.status != 200:
            raise SystemExit(f"bench: hearth does not reload: {reply.text()}")

    @contextlib.contextmanager
    def kept_sockets(self):
        """Its restart() is as under systemd, which keeps its sockets meanwhile."""
        kept, start = KeptSockets(), self.start

        def start_with_sockets() -> None:
            self.process = self.arena.start(self.argv(), name=self.name, kept=kept).wait_ready()

        self.stop()
        self.start = start_with_sockets
        self.start()
        try:
            yield
        finally:
            self.start = start
            self.restart()
            kept.close()


class Nginx(ProxyServer):
    name = "nginx"
    http2_port = 81

    def argv(self) -> list[str | Path]:
        config = self.directory / "nginx.conf"
        config.write_text(
            f"""daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile {MOST_FILES};
pid {self.directory}/pid;
error_log stderr error;
events {{ worker_connections {MOST_FILES}; }}
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
    listen {self.address}:81 http2;
    listen {self.address}:443 ssl http2 backlog=4096;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate {self.certificate};
    ssl_certificate_key {self.key};
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
        both = self.directory / "both.pem"
        both.write_text(self.certificate.read_text() + self.key.read_text())
        config.write_text(
            f"""global
  nbthread 1
  maxconn {MAX_CONNECTIONS}
  no strict-limits  # it wants two descriptors for each, which idle ones do not need
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
  bind {self.address}:443 ssl crt {both} alpn h2,http/1.1 backlog 4096
  acl bench hdr(host) -i {HOST}
  use_backend up if bench
backend up
  server up {self.upstream}:80 pool-max-conn 256
"""
        )
        return ["haproxy", "-db", "-f", config]


class H2o(ProxyServer):
    name = "h2o"

    def argv(self) -> list[str | Path]:
        config = self.directory / "h2o.conf"
        config.write_text(
            f"""user: root
num-threads: 1
max-connections: {MAX_CONNECTIONS}
limit-request-body: 10737418240
http1-request-timeout: 600
http2-idle-timeout: 600
listen: {{host: {self.address}, port: 80}}
listen:
  host: {self.address}
  port: 443
  ssl: {{certificate-file: {self.certificate}, key-file: {self.key}, minimum-version: TLSv1.2, ocsp-update-interval: 0}}
hosts:
  "{HOST}":
    paths:
      "/":
        proxy.reverse.url: "http://{self.upstream}:80/"
        proxy.preserve-host: ON
        proxy.timeout.keepalive: 4000
"""
        )
        return ["h2o", "-c", config]


class Caddy(ProxyServer):
    name = "caddy"

    def argv(self) -> list[str | Path]:
        config = self.directory / "Caddyfile"
        proxied = (f"  bind {self.address}\n  reverse_proxy {self.upstream}:80 {{\n"
                   "    transport http {\n      keepalive_idle_conns_per_host 128\n    }\n  }\n")
        config.write_text(
            f"{{\n  admin off\n  auto_https off\n  default_sni {HOST}\n"
            "  servers {\n    protocols h1 h2\n    timeouts {\n      idle 600s\n    }\n  }\n}\n"
            f"http://{HOST} {{\n{proxied}}}\n"
            # h2load names the address as the server it wants.
            f"https://{HOST}, https://{self.address} {{\n  tls {self.certificate} {self.key}\n{proxied}}}\n"
        )
        return ["env", f"HOME={self.directory}", "caddy", "run", "--adapter", "caddyfile", "--config", config]
