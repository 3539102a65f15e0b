"""DNS over TCP, TLS and HTTPS: hearth-dns beside unbound and dnsdist, each on one core.

dnsperf asks for a thousand cached names over kept connections, in interleaved rounds; figures are medians.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from bench.contest import Arena, measured, program_version
from bench.report import Report, median
from tests.lab.netns import Network, run as run_here
from tests.lab.process import Process

PEERS = {"unbound": "unbound", "dnsdist": "dnsdist", "dnsperf": "dnsperf"}
PROGRAMS = ("hearth-dns", "bench-dns-responder")

CLIENTS, OUTSTANDING = 16, 256
MODES = {"tcp": ("TCP", 53), "dot": ("DoT", 853), "doh": ("DoH", 443)}


@dataclass(frozen=True)
class Server:
    name: str
    address: str
    process: Process


class StreamsBench:
    def __init__(self, options, network: Network) -> None:
        self.rounds, self.seconds = (2, 1) if options.quick else (7, 3)
        self.report = Report("dns streams")
        self.arena = Arena(network)
        self.directory = network.directory
        self.programs = options.build_dir / "bin"
        self.upstream = self.arena.address(3, self.arena.load)
        self.arena.load.start(["taskset", "-c", str(self.arena.cores.upstream),
                               options.program("bench-dns-responder"), "upstream", self.upstream, "53"])
        self.names = self.directory / "names"
        self.names.write_text("".join(f"host{i}.cached-names.example A\n" for i in range(1000)))
        self.certificate, self.key = self.directory / "cert.pem", self.directory / "cert.key"
        run_here(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                  "-days", "2", "-subj", "/CN=dns.home", "-keyout", self.key, "-out", self.certificate])

    # --- the contestants ------------------------------------------------------------------

    def hearth(self, address: str) -> list[str | Path]:
        directory = self.directory / "hearth"
        directory.mkdir()
        document = directory / "hearth.yaml"
        document.write_text(f"""version: 1
domain: home
lan: [10.9.0.0/24]
nodes: {{server: {address}}}
dns:
  upstreams: [{self.upstream}]
  workers: 1
  tls: {{certificate: {self.certificate}, key: {self.key}}}
  https: 443
""")
        return [self.programs / "hearth-dns", "--config", document, "--run-dir", directory, "--state-dir", directory]

    def unbound(self, address: str) -> list[str | Path]:
        config = self.directory / "unbound.conf"
        ports = "\n".join(f"  interface: {address}@{port}" for _, port in MODES.values())
        config.write_text(f"""server:
{ports}
  tls-service-key: {self.key}
  tls-service-pem: {self.certificate}
  https-port: 443
  access-control: 0.0.0.0/0 allow
  num-threads: 1
  incoming-num-tcp: 200
  module-config: "iterator"
  do-ip6: no
  chroot: ""
  username: ""
  directory: "{self.directory}"
  pidfile: ""
  use-syslog: no
  logfile: ""
forward-zone:
  name: "."
  forward-addr: {self.upstream}
remote-control:
  control-enable: no
""")
        return ["unbound", "-d", "-c", config]

    def dnsdist(self, address: str) -> list[str | Path]:
        """It asks over TCP what it is asked over TCP, which the responder does not speak: an unbound of its own does."""
        behind = self.arena.address(4, self.arena.load)
        (self.directory / "behind.conf").write_text(
            f'server:\n  interface: {behind}\n  access-control: 0.0.0.0/0 allow\n  module-config: "iterator"\n'
            f'  incoming-num-tcp: 200\n  do-ip6: no\n  chroot: ""\n  username: ""\n  pidfile: ""\n  use-syslog: no\n'
            f'forward-zone:\n  name: "."\n  forward-addr: {self.upstream}\nremote-control:\n  control-enable: no\n')
        self.arena.load.start(["taskset", "-c", str(self.arena.cores.upstream), "unbound", "-d", "-c",
                               self.directory / "behind.conf"])
        config = self.directory / "dnsdist.conf"
        config.write_text(f"""
setACL("0.0.0.0/0")
newServer("{behind}")
cache = newPacketCache(10000)
getPool(""):setCache(cache)
setLocal("{address}:53", {{maxInFlight=1000}})
setMaxTCPClientThreads(1)
addTLSLocal("{address}:853", "{self.certificate}", "{self.key}", {{maxInFlight=1000}})
addDOHLocal("{address}:443", "{self.certificate}", "{self.key}", "/dns-query")
""")
        return ["dnsdist", "--supervised", "--disable-syslog", "-u", "root", "-C", config]

    # --- the load -------------------------------------------------------------------------

    def ask(self, server: Server, mode: str, seconds: float) -> dict:
        port = MODES[mode][1]
        cores = ",".join(map(str, self.arena.cores.load))
        argv = ["taskset", "-c", cores, "dnsperf", "-m", mode, "-s", server.address, "-p", str(port), "-d", self.names,
                "-c", str(CLIENTS), "-q", str(OUTSTANDING), "-T", str(len(self.arena.cores.load)), "-l", str(seconds), "-t", "2",
                "-O", f"doh-uri=https://{server.address}/dns-query", "-O", "doh-method=POST"]
        text = self.arena.load.run(argv, timeout=seconds + 60).stdout
        def figure(label: str) -> float:
            found = re.search(rf"{label}:\s+([0-9.]+)", text)
            if found is None:
                raise SystemExit(f"bench: dnsperf says nothing of '{label}':\n{text}")
            return float(found[1])
        return {"answers": figure("Queries completed"), "per_second": figure("Queries per second"),
                "lost": figure("Queries lost")}

    def run(self) -> Report:
        servers = []
        for number, name in enumerate(("hearth", "unbound", "dnsdist"), 11):
            address = self.arena.address(number)
            process = self.arena.start(getattr(self, name)(address), name=name)
            servers.append(Server(name, address, process))
        for server in servers:
            self._wait(server, ("tcp", "dot") if server.name == "dnsdist" else tuple(MODES))
        for mode, (title, _) in MODES.items():
            # dnsdist 1.7 and dnsperf 2.10 do not get on over HTTPS.
            self._contest(servers[:2] if mode == "doh" else servers, mode, title)
        self.report.note(f"unbound {program_version(['unbound', '-V'])}, dnsdist {program_version(['dnsdist', '--version'])}; "
                         f"dnsperf, {CLIENTS} connections, {OUTSTANDING} questions under way; "
                         f"{self.rounds} interleaved rounds of {self.seconds} s, medians; query log on in hearth only")
        return self.report

    def _wait(self, server: Server, modes: tuple[str, ...]) -> None:
        for mode in modes:
            if not any(self.ask(server, mode, 1)["answers"] > 0 for _ in range(10)):
                raise SystemExit(f"bench: {server.name} does not answer over {mode}")

    def _contest(self, servers: list[Server], mode: str, title: str) -> None:
        cost: dict[str, list[float]] = {}
        rate: dict[str, list[float]] = {}
        for _ in range(self.rounds):
            for server in servers:
                spent = measured(server.process.pid, lambda: self.ask(server, mode, self.seconds))
                if spent.outcome["lost"]:
                    self.report.note(f"{server.name}, {title}: {spent.outcome['lost']:.0f} questions got no answer")
                cost.setdefault(server.name, []).append(spent.cpu_seconds * 1e6 / max(spent.outcome["answers"], 1))
                rate.setdefault(server.name, []).append(spent.outcome["per_second"] / 1e3)
        for server in servers:
            self.report.add(f"{title}, cached: CPU per answer", server.name, median(cost[server.name]), "us")
        best = max(median(values) for name, values in rate.items() if name != "hearth")
        for server in servers:
            self.report.add(f"{title}, cached: answers", server.name, median(rate[server.name]), "k/s",
                            at_least=best if server.name == "hearth" else None)


def run(options) -> Report:
    with Network() as network:
        return StreamsBench(options, network).run()
