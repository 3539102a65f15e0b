"""A Debian machine with a real systemd as PID 1, and a client on its LAN.

The root file system is made by debootstrap once, with what the package depends on, and kept in the user's cache
folder; a machine writes into an overlay above it.
"""

import fcntl
import hashlib
import os
import re
import secrets
import shutil
import signal
import subprocess
from pathlib import Path

from tests.lab import isolation
from tests.lab.netns import Network, run
from tests.lab.process import Process
from tests.lab.waiting import wait_until

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "hearth-test"
PACKAGES = ["systemd", "systemd-sysv", "iproute2", "ca-certificates"]
CGROUPS = [Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup/systemd")]


def _suite() -> str:
    fields = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return fields["VERSION_CODENAME"].strip('"')


def _mirror() -> str:
    """The first archive that this machine's apt uses."""
    for source in sorted(Path("/etc/apt/sources.list.d").glob("*.sources")):
        if match := re.search(r"^URIs:\s*(\S+)", source.read_text(), re.MULTILINE):
            return match[1]
    lines = Path("/etc/apt/sources.list").read_text()
    match = re.search(r"^deb\s+(?:\[[^]]*\]\s+)?(\S+)", lines, re.MULTILINE)
    assert match, "no archive in /etc/apt"
    return match[1]


def _dependencies(package: Path) -> list[str]:
    text = run(["dpkg-deb", "-f", package, "Depends"]).stdout
    return [re.split(r"[\s(|]", entry.strip())[0] for entry in text.split(",")]


def _use_our_apt(root: Path) -> None:
    """The same archives, keys and certificates as this machine's."""
    (root / "etc/apt/sources.list").unlink(missing_ok=True)
    for name in ("sources.list.d", "apt.conf.d"):
        shutil.copytree(f"/etc/apt/{name}", root / "etc/apt" / name, dirs_exist_ok=True)
    if Path("/etc/apt/sources.list").exists():
        shutil.copy("/etc/apt/sources.list", root / "etc/apt/sources.list")
    for folder in ("usr/share/keyrings", "usr/local/share/ca-certificates"):
        if Path("/", folder).is_dir():
            shutil.copytree(Path("/", folder), root / folder, dirs_exist_ok=True)
    for file in ("etc/resolv.conf", "etc/hosts", "etc/ssl/certs/ca-certificates.crt"):
        if Path("/", file).exists():
            shutil.copy(Path("/", file), root / file)


def _make_root(root: Path, dependencies: list[str]) -> None:
    include = "--include=" + ",".join(PACKAGES)
    run(["debootstrap", "--variant=minbase", include, _suite(), root, _mirror()], timeout=900)
    _use_our_apt(root)
    install = "apt-get update -q && apt-get install -y -q --no-install-recommends " + " ".join(dependencies)
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive"]
    run(["chroot", root, *quiet, "sh", "-c", f"{install} && apt-get clean"], timeout=900)
    (root / "etc/resolv.conf").unlink()
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")


def debian_root(package: Path) -> Path:
    """A directory with a Debian that could install `package`; never written to once it is made."""
    dependencies = _dependencies(package)
    key = hashlib.sha256(" ".join([_suite(), *PACKAGES, *dependencies]).encode()).hexdigest()[:12]
    root = CACHE / f"debian-{key}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            unfinished = CACHE / "unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            _make_root(unfinished, dependencies)
            unfinished.rename(root)
    return root


class Machine:
    ADDRESS = "10.77.0.2"

    def __init__(self, network: Network, debian: Path) -> None:
        self.network = network
        self.client = network.host("client")
        scratch = isolation.SCRATCH / "machine"
        for name in ("upper", "work", "root"):
            (scratch / name).mkdir(parents=True)
        self.root = scratch / "root"
        layers = f"lowerdir={debian},upperdir={scratch}/upper,workdir={scratch}/work"
        run(["mount", "-t", "overlay", "overlay", "-o", layers, self.root])
        self._cgroup = f"hearth-test-{secrets.token_hex(4)}"
        self._container: Process | None = None
        self.pid = 0

    def boot(self) -> "Machine":
        # In a control group of its own, so that two machines beside each other do not meet.
        enter = "".join(
            f"mkdir -p {group}/{self._cgroup} && echo $$ > {group}/{self._cgroup}/cgroup.procs; "
            for group in CGROUPS
            if (group / "cgroup.procs").exists()
        )
        # Nobody reads its notifications: it would wait for room to send them.
        nspawn = (
            f"unset NOTIFY_SOCKET; exec systemd-nspawn -D {self.root} -b --register=no --keep-unit --private-network "
            "--console=pipe --hostname=node"
        )
        self._container = Process(
            ["sh", "-c", enter + nspawn], name="machine", directory=self.network.directory
        )
        self.network.own(self._container)
        self.pid = wait_until(self._leader, 60, what="PID 1 of the machine")
        wait_until(lambda: self.run("systemctl", "is-system-running", check=False).stdout.strip() in
                   ("running", "degraded"), 90, what="a booted machine", interval=0.2)
        self.client.ip(f"link add eth0 type veth peer name eth0 netns {self.pid}",
                       "addr add 10.77.0.9/24 dev eth0", "link set eth0 up")
        self.run("ip", "addr", "add", f"{self.ADDRESS}/24", "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "up")
        return self

    def _leader(self) -> int:
        nspawn = self._container.pid
        if not self._container.alive():
            raise AssertionError(f"systemd-nspawn ended: {self._container.log()}")
        children = Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text().split()
        for child in map(int, children):
            status = Path(f"/proc/{child}/status").read_text()
            if re.search(r"^NSpid:.*\t1$", status, re.MULTILINE) and "Name:\tsystemd\n" in status:
                return child
        return 0

    def run(self, *argv: str, check: bool = True, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        return run(["nsenter", "-t", str(self.pid), "-a", "-r", "-w", *argv], check=check, timeout=timeout)

    def write(self, path: str, text: str) -> None:
        """A file of the machine; not below /run, which has its own file system there."""
        target = self.root / path.removeprefix("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def show(self, unit: str, key: str) -> str:
        return self.run("systemctl", "show", "--value", "-p", key, unit).stdout.strip()

    def is_active(self, unit: str) -> bool:
        return self.show(unit, "ActiveState") == "active"

    def journal(self) -> str:
        return self.run("journalctl", "--no-pager", "-o", "short-monotonic", "-u", "hearth*").stdout

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)  # PID 1: its processes go with it, then nspawn
            self._container.wait()
        if self._container:
            self._container.close()
        run(["umount", "-l", self.root], check=False)
        wait_until(self._remove_cgroups, 30, what="the end of the machine's processes")

    def _remove_cgroups(self) -> bool:
        try:
            for group in CGROUPS:
                for folder in sorted(group.glob(f"{self._cgroup}/**/"), reverse=True):
                    folder.rmdir()
        except OSError:  # busy: a process in it is about to end
            return False
        return True
