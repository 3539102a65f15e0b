#!/usr/bin/python3
"""Measures Hearth beside Debian's own peers, in one run.

    /usr/bin/python3 bench/run.py dns|dns_lists|dns_streams|l4|proxy|vip ... [--quick] [--trials N] [--json FILE] [--build-dir DIR]

Each bench is a module here with PEERS, the programs it needs besides Hearth's own and the Debian
package that brings each, PROGRAMS, the built programs it needs, and run(options) -> Report.
Exit status: 0 measured (whatever the bars say), 2 something is missing.
"""

import argparse
import contextlib
import importlib
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

SOURCE_DIR = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SOURCE_DIR))

from bench.machine import Machine  # noqa: E402
from bench.report import Report, write_json  # noqa: E402
from tests.lab.isolation import isolate  # noqa: E402

BENCHES = ("dns", "dns_lists", "dns_streams", "l4", "proxy", "vip")


@dataclass(frozen=True)
class Options:
    quick: bool  # coarser figures within a minute
    build_dir: Path
    trials: int = 0  # of each kind, where a bench has trials; 0: as many as it usually has

    def program(self, name: str) -> Path:
        return self.build_dir / "bin" / name


def missing(module, options: Options) -> list[str]:
    found = [f"{program} is missing: apt-get install {package}"
             for program, package in module.PEERS.items() if shutil.which(program) is None]
    found += [f"{options.program(program)} is missing: ./dev build"
              for program in module.PROGRAMS if not options.program(program).exists()]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures Hearth beside Debian's own peers.")
    parser.add_argument("benches", nargs="+", choices=BENCHES, metavar="|".join(BENCHES))
    parser.add_argument("--quick", action="store_true", help="coarser figures within a minute")
    parser.add_argument("--trials", type=int, default=0, help="of each kind, where a bench has trials")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    parser.add_argument("--build-dir", type=Path, default=SOURCE_DIR / "build/release")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print("bench: network namespaces need root: run as root, or with sudo", file=sys.stderr)
        return 2
    os.environ["PATH"] += ":/usr/sbin:/sbin"

    options = Options(arguments.quick, arguments.build_dir.resolve(), arguments.trials)
    modules = [importlib.import_module(f"bench.{name}") for name in arguments.benches]
    if lacking := [line for module in modules for line in missing(module, options)]:
        print("\n".join(f"bench: {line}" for line in lacking), file=sys.stderr)
        return 2

    json_path = arguments.json.resolve() if arguments.json else None
    isolate()
    with usual_priority_afterwards():
        reports = measure(modules, options)
    if json_path is not None:
        write_json(json_path, reports)
    return 0


@contextlib.contextmanager
def usual_priority_afterwards():
    """Loads raise that of their session, which is also the shell's that we were called from."""
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            Path("/proc/self/autogroup").write_text("0")


def measure(modules, options: Options) -> list[Report]:
    reports = []
    for module in modules:
        machine = Machine()
        report = module.run(options)
        report.note(machine.told())
        print(report.text(), flush=True)
        reports.append(report)
    return reports


if __name__ == "__main__":
    sys.exit(main())
