#!/usr/bin/python3
"""Runs the black-box tests, several files side by side, and what failed once more by itself.

Each file is a pytest of its own with namespaces of its own, so files cannot disturb each other except by
the load they make. A test that fails beside others and passes alone is counted as passed and named as
unsteady (tools/summary.py); one that fails alone has failed.
"""

import argparse
import concurrent.futures
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NO_TESTS_COLLECTED = 5


class Suite:
    def __init__(self, build_dir: Path, pattern: str) -> None:
        self.build_dir = build_dir
        self.pattern = pattern
        self.reports = build_dir / "black-box"
        self.reports.mkdir(parents=True, exist_ok=True)
        for old in self.reports.glob("*.xml"):
            old.unlink()

    def report(self, file: Path, run: str = "1") -> Path:
        name = "-".join(file.relative_to(ROOT / "tests").with_suffix("").parts)
        return self.reports / f"{name}.{run}.xml"

    def pytest(self, targets: list[str], report: Path) -> tuple[int, str]:
        argv = [sys.executable, "-m", "pytest", *targets, "-q", "--build-dir", str(self.build_dir),
                "--junitxml", str(report)]
        if self.pattern:
            argv += ["-k", self.pattern]
        done = subprocess.run(argv, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != NO_TESTS_COLLECTED:
            return done.returncode, done.stdout
        report.unlink(missing_ok=True)
        return 0, done.stdout

    def run(self, file: Path) -> tuple[Path, int, str, float]:
        started = time.monotonic()
        code, output = self.pytest([str(file.relative_to(ROOT))], self.report(file))
        return file, code, output, time.monotonic() - started

    def run_alone(self, file: Path) -> bool:
        """Repeats the file, for its tests may build on each other; tools/summary.py reads both reports."""
        code, output = self.pytest([str(file.relative_to(ROOT))], self.report(file, "2"))
        print(output, flush=True)
        return code == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build-dir", type=Path, required=True)
    parser.add_argument("--filter", default="", help="pytest's -k")
    parser.add_argument("--jobs", type=int, default=(os.cpu_count() or 1) // 2 + 1)
    options = parser.parse_args()
    suite = Suite(options.build_dir.resolve(), options.filter)
    # The longest files come first, so that none of them is left over at the end.
    files = sorted((ROOT / "tests").rglob("test_*.py"), key=lambda file: -file.stat().st_size)
    failed = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for file, code, output, seconds in (done.result() for done in concurrent.futures.as_completed(
                [pool.submit(suite.run, file) for file in files])):
            last = output.strip().splitlines()[-1] if output.strip() else "no output"
            print(f"{file.relative_to(ROOT)} ({seconds:.0f} s): {last}", flush=True)
            if code != 0:
                print(output, flush=True)
                failed.append(file)
    still = [file for file in failed if not suite.run_alone(file)]
    return 1 if still else 0


if __name__ == "__main__":
    sys.exit(main())
