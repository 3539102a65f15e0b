"""A machine with hearth-certs, and hearth-proxy and hearth-dns where a test wants them."""

import json
import ssl
import subprocess
from pathlib import Path

from tests.lab.control import Control
from tests.lab.netns import Namespace
from tests.lab.process import Process
from tests.lab.waiting import wait_until
from tests.proxy.house import ADDRESS, Peer, Upstream, answer_all

WEB = {"web": {"upstream": f"http://{ADDRESS}:9000", "aliases": ["www"]}}
LOCAL = "10.0.0.11"  # on loopback: a private address, which a root may sign


class CertsHouse:
    def __init__(self, host: Namespace, binaries, name: str = "certs") -> None:
        self.host, self.binaries = host, binaries
        self.directory = host.directory / name
        self.run_dir, self.state = self.directory / "run", self.directory / "state"
        self.config = self.directory / "hearth.yaml"
        self.upstreams: list[Upstream] = []
        self.daemons: dict[str, Process] = {}
        for folder in (self.directory, self.run_dir, self.state):
            folder.mkdir()
        self.control = Control(self.run_dir / "certs.sock")
        host.run(["ip", "address", "replace", f"{LOCAL}/32", "dev", "lo"])

    # --- the document and the daemons ---------------------------------------------------

    def write(self, *, services: dict | None = None, domain: str = "home", nodes: dict | None = None,
              dns: dict | None = None, tls: dict | None = None) -> None:
        document = {
            "version": 1,
            "domain": domain,
            "lan": ["127.0.0.0/8", "10.0.0.0/24"],
            "nodes": nodes or {"here": LOCAL},
            "dns": {"upstreams": ["9.9.9.9"], "listen": [f"{LOCAL}:53"], **(dns or {})},
            "proxy": {"listen": [f"{ADDRESS}:80"], "listen_https": [f"{ADDRESS}:443"], "tls": tls or {}},
            "services": WEB if services is None else services,
        }
        self.config.write_text(json.dumps(document, indent=1))  # JSON is YAML

    def start(self, *names: str, env: dict[str, str] | None = None) -> "CertsHouse":
        """`names`: "certs", "proxy", "dns"."""
        if not self.config.exists():
            self.write()
        for name in names:
            argv = [self.binaries[f"hearth-{name}"], "--config", self.config, "--run-dir", self.run_dir,
                    "--state-dir", self.state]
            self.daemons[name] = self.host.start(argv, name=f"hearth-{name}", env=env).wait_ready()
        return self

    def reload(self, *names: str) -> None:
        for name in names:
            reply = Control(self.run_dir / f"{name}.sock").post("/reload")
            assert reply.status == 200, reply.text()

    def hearth(self, *words: str | Path, check: bool = True) -> subprocess.CompletedProcess:
        return self.host.run([self.binaries["hearth"], *words, "--run-dir", self.run_dir], check=check)

    def upstream(self, port: int = 9000, script=answer_all) -> Upstream:
        self.upstreams.append(Upstream(self.host, port, script))
        return self.upstreams[-1]

    def close(self) -> None:
        for upstream in self.upstreams:
            upstream.close()

    # --- what there is ------------------------------------------------------------------

    @property
    def vault(self) -> Path:
        return self.state / "certs"

    def leaf(self, name: str = "web.home", consumer: str = "proxy") -> Path:
        """As hearth-certs keeps it; waits for it."""
        path = self.vault / consumer / f"{name}.pem"
        wait_until(path.exists)
        return path

    def served(self, *names: str) -> None:
        """Waits until the proxy has certificates for these."""
        control = Control(self.run_dir / "proxy.sock")

        def covered() -> bool:
            return set(names) <= {name for one in control.status()["certificates"] for name in one["names"]}

        wait_until(covered)

    def root(self) -> Path:
        """The root's certificate in a file."""
        path = self.directory / "root.pem"
        if not path.exists():
            wait_until(lambda: self.control.get("/ca").json()["state"] == "ok")
            self.hearth("ca", "export", "--certificate", path)
        return path

    def connect(self, name: str = "web.home", root: Path | None = None) -> Peer:
        context = ssl.create_default_context(cafile=str(root or self.root()))
        return Peer(context.wrap_socket(self.host.connect(ADDRESS, 443), server_hostname=name))

    def problem(self, name: str, daemon: str = "certs") -> str:
        """Its detail; empty when there is none."""
        problems = Control(self.run_dir / f"{daemon}.sock").status()["problems"]
        return next((one["detail"] for one in problems if one["name"] == name), "")


def openssl(*words: str | Path, check: bool = True) -> str:
    done = subprocess.run(["openssl", *map(str, words)], check=False, capture_output=True, text=True)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
