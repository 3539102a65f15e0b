"""What a bench found: rows, printed as tables and written as JSON.

    report = Report("vip")
    report.add("outage after kill -9", "hearth", 212, "ms", at_most=1000)
    report.add("outage after kill -9", "keepalived", 3400, "ms")
    report.note("5 ms probes, median of 5")

A row with `at_most` or `at_least` has a bar, and holds it or not.
"""

import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    bench: str
    metric: str
    contestant: str
    value: float | None  # None: could not be measured (see the report's notes)
    unit: str
    bar: str | None = None  # "<= 1.15"
    holds: bool | None = None


class Report:
    def __init__(self, bench: str) -> None:
        self.bench = bench
        self.rows: list[Row] = []
        self.notes: list[str] = []

    def add(
        self,
        metric: str,
        contestant: str,
        value: float | None,
        unit: str,
        *,
        at_most: float | None = None,
        at_least: float | None = None,
    ) -> None:
        bar = holds = None
        if at_most is not None:
            bar, holds = f"<= {_number(at_most)}", value is not None and value <= at_most
        elif at_least is not None:
            bar, holds = f">= {_number(at_least)}", value is not None and value >= at_least
        self.rows.append(Row(self.bench, metric, contestant, value, unit, bar, holds))

    def compare(self, metric: str, ratios: Mapping[str, Sequence[float]], bars: Mapping[str, float],
                ours: str = "hearth") -> None:
        """How many times ours each peer's cost was, pair by pair; bars are for the lower bound."""
        for peer, values in ratios.items():
            self.add(f"{metric}: {ours} / this", peer, median(values), "x")
            self.add(f"{metric}: {ours} / this, at least", peer, lower_bound(values), "x", at_least=bars.get(peer))

    def note(self, text: str) -> None:
        self.notes.append(text)

    def table(self) -> str:
        """One line per metric and unit, one column per contestant."""
        contestants = list(dict.fromkeys(row.contestant for row in self.rows))
        metrics = list(dict.fromkeys((row.metric, row.unit) for row in self.rows))
        lines = [[f"{self.bench}", *contestants]]
        for metric, unit in metrics:
            cells = {row.contestant: row for row in self.rows if (row.metric, row.unit) == (metric, unit)}
            lines.append([f"{metric} [{unit}]", *(_cell(cells.get(name)) for name in contestants)])
        return _aligned(lines)

    def bars(self) -> str:
        """What is promised, beside what the others do, as a table of Markdown."""
        rows = [row for row in self.rows if row.bar is not None]
        lines = [f"| {self.bench} | | | bar | holds | beside it |", "|---|---|---|---|---|---|"] if rows else []
        for row in rows:
            beside = [f"{other.contestant} {_cell(other)}" for other in self.rows
                      if (other.metric, other.unit) == (row.metric, row.unit) and other.bar is None]
            holds = "yes" if row.holds else "**no**"
            value = "-" if row.value is None else f"{row.value:.4g} {row.unit}".rstrip()  # 1.054 is not 1.05
            lines.append(f"| {row.metric} | {row.contestant} | {value} | {row.bar} | {holds} | {', '.join(beside)} |")
        return "\n".join(lines)

    def text(self) -> str:
        notes = "\n".join(f"note: {text}" for text in self.notes)
        return "\n\n".join(part for part in (self.table(), self.bars(), notes) if part) + "\n"

    def holds(self) -> bool:
        return all(row.holds is not False for row in self.rows)


def write_json(path: Path, reports: Iterable[Report]) -> None:
    rows = [asdict(row) for report in reports for row in report.rows]
    path.write_text(json.dumps(rows, indent=1) + "\n")


def median(values: Iterable[float]) -> float:
    return float(statistics.median(values))


def lower_bound(values: Sequence[float], confidence: float = 0.95) -> float:
    """What the median is not below, with this confidence, whatever the distribution (the order statistics' binomial);
    the least of the values when they are too few to say."""
    ordered, count = sorted(values), len(values)
    doubt, rank = 0.0, 0  # of the chance that so few values are below the median
    while (doubt := doubt + math.comb(count, rank) / 2**count) <= 1 - confidence:
        rank += 1
    return float(ordered[max(rank - 1, 0)])


def _number(value: float) -> str:
    if value != value or abs(value) == float("inf"):
        return str(value)
    if abs(value) >= 1000 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.1f}"


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    return "-" if row.value is None else _number(row.value)


def _aligned(lines: list[list[str]]) -> str:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    out = []
    for number, line in enumerate(lines):
        cells = [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:]))]
        out.append("  ".join(cells).rstrip())
        if number == 0:
            out.append("  ".join("-" * width for width in widths))
    return "\n".join(out)
