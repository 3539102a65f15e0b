"""What a bench says: rows, bars, tables, and what it does when a peer is not installed."""

import json
import re
import types
from pathlib import Path

import pytest

from bench import run
from bench.machine import Machine
from bench.proxy_rounds import Rounds
from bench.report import Report, lower_bound, write_json


def test_bars_hold_or_not() -> None:
    report = Report("dns")
    report.add("ratio", "hearth", 1.15, "x", at_most=1.15)
    report.add("ratio", "hearth", 1.16, "x", at_most=1.15)
    report.add("rate", "hearth", 1.04, "x", at_least=1.05)
    report.add("rate", "nginx", 1, "x")
    report.add("lost", "hearth", None, "", at_most=0)
    assert [row.holds for row in report.rows] == [True, False, False, None, False]
    assert [row.bar for row in report.rows] == ["<= 1.15", "<= 1.15", ">= 1.05", None, "<= 0"]
    assert not report.holds()


def test_table_has_a_line_per_metric_and_a_column_per_contestant() -> None:
    report = Report("dns")
    report.add("cached", "hearth", 3.456, "us", at_most=4)
    report.add("cached", "unbound", 1234.5, "us")
    report.add("memory", "unbound", 443.21, "MiB")
    report.note("two rounds")
    assert report.table().splitlines() == [
        "dns           hearth  unbound",
        "------------  ------  -------",
        "cached [us]     3.46     1234",
        "memory [MiB]            443.2",
    ]
    assert report.bars().splitlines() == [
        "| dns | | | bar | holds | beside it |",
        "|---|---|---|---|---|---|",
        "| cached | hearth | 3.456 us | <= 4 | yes | unbound 1234 |",
    ]
    assert report.text() == f"{report.table()}\n\n{report.bars()}\n\nnote: two rounds\n"


def test_what_else_ran_is_told() -> None:
    told = Machine().told()
    assert re.fullmatch(r"took 0\.0 min; of \d+ cores other work had .* after", told), told


@pytest.mark.parametrize(("count", "rank"), [(1, 1), (4, 1), (5, 1), (7, 1), (8, 2), (11, 3), (20, 6)])
def test_median_is_not_below_the_order_statistic_of_the_binomial(count: int, rank: int) -> None:
    assert lower_bound(range(count, 0, -1)) == rank


def test_comparison_is_of_pairs() -> None:
    report = Report("proxy")
    report.compare("requests", {"nginx": [1.5, 1.5, 2, 2, 1.1], "h2o": [2, 1, 2, 1, 2]}, {"nginx": 1.05})
    assert [(row.metric, row.contestant, row.value, row.holds) for row in report.rows] == [
        ("requests: hearth / this", "nginx", 1.5, None),
        ("requests: hearth / this, at least", "nginx", 1.1, True),
        ("requests: hearth / this", "h2o", 2, None),
        ("requests: hearth / this, at least", "h2o", 1, None),
    ]


def test_pairs_are_beside_each_other_in_turning_order() -> None:
    asked: list[str] = []

    def measure(server) -> dict[str, float]:
        asked.append(server.name)
        return {"cpu": float(len(asked))}

    ours, *peers = (types.SimpleNamespace(name=name) for name in ("hearth", "nginx", "h2o"))
    rounds = Rounds(ours, peers, 4, {"nginx"}, measure)
    assert asked == ["hearth", "nginx", "hearth", "h2o", "nginx", "hearth", "hearth", "nginx", "nginx", "hearth", "h2o", "hearth"]
    assert rounds.values("cpu") == {"hearth": [1, 6, 7, 10, 3, 12], "nginx": [2, 5, 8, 9], "h2o": [4, 11]}
    assert rounds.ratios("cpu") == {"nginx": [2 / 1, 5 / 6, 8 / 7, 9 / 10], "h2o": [4 / 3, 11 / 12]}


def test_json_rows(tmp_path: Path) -> None:
    report = Report("vip")
    report.add("outage", "hearth", 200, "ms", at_most=1000)
    report.add("outage", "keepalived", 3000, "ms")
    write_json(tmp_path / "rows.json", [report])
    assert json.loads((tmp_path / "rows.json").read_text()) == [
        {"bench": "vip", "metric": "outage", "contestant": "hearth", "value": 200, "unit": "ms",
         "bar": "<= 1000", "holds": True},
        {"bench": "vip", "metric": "outage", "contestant": "keepalived", "value": 3000, "unit": "ms",
         "bar": None, "holds": None},
    ]


@pytest.mark.parametrize("name", ["dns", "proxy"])
def test_each_bench_names_what_it_needs(name: str) -> None:
    module = __import__(f"bench.{name}", fromlist=["PEERS"])
    assert module.PEERS and module.PROGRAMS and callable(module.run)


def test_what_is_missing_is_named_with_its_package(tmp_path: Path) -> None:
    module = types.SimpleNamespace(PEERS={"no-such-peer": "its-package"}, PROGRAMS=("hearth-none",))
    lines = run.missing(module, run.Options(quick=True, build_dir=tmp_path))
    assert lines == ["no-such-peer is missing: apt-get install its-package",
                     f"{tmp_path}/bin/hearth-none is missing: ./dev build"]
