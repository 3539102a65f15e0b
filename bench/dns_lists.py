"""How hearth-lists and hearth-dns grow with their lists: from ten thousand names to five million.

Each size is compiled, served from the start, and rebuilt under the running hearth-dns; a column is a size.
"""

import time
from dataclasses import dataclass

from bench.contest import Arena, memory_mib, timed
from bench.dns_servers import Hearth, wait_blocked
from bench.report import Report, median
from tests.lab.netns import Network

PEERS: dict[str, str] = {}
PROGRAMS = ("hearth-dns", "hearth-lists")

MILLION = 1_000_000
SIZES = {"10 k": 10_000, "100 k": 100_000, "1 M": MILLION, "5 M": 5 * MILLION}


@dataclass(frozen=True)
class Pace:
    sizes: tuple[str, ...]
    runs: int
    rebuilds: int


QUICK = Pace(("10 k", "100 k", "1 M"), runs=2, rebuilds=2)
FULL = Pace(tuple(SIZES), runs=5, rebuilds=5)


def name_of(number: int) -> str:
    return f"x{number}.made-{number % 9973}.example"


class ListsBench:
    def __init__(self, options, network: Network) -> None:
        self.pace = QUICK if options.quick else FULL
        self.report = Report("dns lists")
        self.arena = Arena(network)
        self.text = network.directory / "names.hosts"
        self.fresh = network.directory / "fresh.txt"  # what changes from build to build
        self.hearth = Hearth(self.arena, 11, self.arena.address(3, self.arena.load), options.build_dir / "bin")
        self.hearth.write_document(self.text, self.fresh)
        document = self.hearth.document.read_text()
        self.hearth.document.write_text(document.replace("blocking: {", "blocking: {max_list_size: 1GiB, "))

    def write_names(self, count: int) -> None:
        with self.text.open("w") as file:
            file.writelines(f"0.0.0.0 {name_of(number)}\n" for number in range(count))
        self.fresh.write_text("fresh.example\n")

    def compile(self) -> dict:
        return timed(self.arena.server, self.arena.cores.server, self.hearth.compile_argv())

    def memory(self, key: str = "Rss") -> float:
        return memory_mib(self.hearth.pid, key)

    def run(self) -> Report:
        self.write_names(1)
        self.compile()
        self.hearth.start(name_of(0))
        bare = self.memory()
        self.hearth.stop()
        for title in self.pace.sizes:
            self.size(title, SIZES[title], bare)
        self.report.note(f"medians of {self.pace.runs} runs, {self.pace.rebuilds} rebuilds; hosts lines of made names; "
                         f"RSS with one name {bare:.1f} MiB")
        return self.report

    def size(self, title: str, count: int, bare: float) -> None:
        has_bar = count == MILLION
        add = self.report.add
        self.write_names(count)
        builds = []
        for _ in range(self.pace.runs):
            for old in (self.hearth.directory / "lists").glob("*"):
                old.unlink()
            builds.append(self.compile())
        add("compile", title, median(build["seconds"] for build in builds), "s")
        add("compile, peak", title, max(build["peak_mib"] for build in builds), "MiB",
            at_most=64 if has_bar else None)
        add("image", title, (self.hearth.directory / "lists/compiled.hbl").stat().st_size / 2**20, "MiB")

        starts = []
        for _ in range(self.pace.runs):
            self.hearth.stop()
            starts.append(self.hearth.start(name_of(count // 2)) * 1e3)
        add("exec to first right answer", title, median(starts), "ms", at_most=100 if has_bar else None)
        before, own_before = self.memory(), self.memory("Anonymous")
        add("RSS growth", title, before - bare, "MiB", at_most=12 if has_bar else None)

        add("from text to serving", title, median(self.rebuild(number) for number in range(self.pace.rebuilds)), "s",
            at_most=1.5 if has_bar else None)
        # Pages of the program that had not run before count in the first, not in the second.
        add("RSS after the rebuilds", title, self.memory() - before, "MiB more")
        add("own memory after the rebuilds", title, self.memory("Anonymous") - own_before, "MiB more",
            at_most=0.5 if has_bar else None)
        self.hearth.stop()

    def rebuild(self, number: int) -> float:
        """Seconds from the start of hearth-lists until a name that is new is blocked."""
        self.fresh.write_text(f"fresh-{number}.example\n")
        begin = time.monotonic()
        self.compile()
        wait_blocked(self.arena.load, self.hearth.address, f"fresh-{number}.example")
        return time.monotonic() - begin


def run(options) -> Report:
    with Network() as network:
        return ListsBench(options, network).run()
