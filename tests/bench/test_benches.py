"""Each bench runs from end to end and says what it should; where a peer is not installed it says so."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

CONTESTANTS = {
    "dns": {"hearth", "unbound", "dnsdist", "dnsmasq", "raw echo"},
    "l4": {"hearth", "by hand"},
    "vip": {"hearth", "keepalived"},
    "proxy": {"hearth", "nginx", "haproxy", "h2o", "caddy", "direct"},
}
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


@pytest.mark.parametrize("name", CONTESTANTS)
def test_quick_bench(name: str, source_dir: Path, build_dir: Path, tmp_path: Path) -> None:
    module = __import__(f"bench.{name}", fromlist=["PEERS"])
    rows_path = tmp_path / "rows.json"
    argv = ["/usr/bin/python3", source_dir / "bench/run.py", name, "--quick", "--json", rows_path,
            "--build-dir", build_dir]
    result = subprocess.run(argv, capture_output=True, text=True, timeout=400, check=False)

    absent = [peer for peer in module.PEERS if shutil.which(peer, path=PATH) is None]
    absent += [program for program in module.PROGRAMS if not (build_dir / "bin" / program).exists()]
    if absent:
        assert result.returncode == 2
        assert all(f"{what} is missing" in result.stderr for what in absent)
        return

    assert result.returncode == 0, result.stdout + result.stderr
    rows = json.loads(rows_path.read_text())
    assert {row["contestant"] for row in rows} == CONTESTANTS[name]
    for row in rows:
        assert set(row) == {"bench", "metric", "contestant", "value", "unit", "bar", "holds"}
        assert row["bench"] == name
        # Another make may do nothing at all for others during a flood, which a note says.
        answers = row["contestant"] == "hearth" or f"note: {row['contestant']} answered nobody" not in result.stdout
        assert isinstance(row["value"], int | float) or not answers, row
        assert (row["bar"] is None) == (row["holds"] is None)
        assert row["metric"] in result.stdout
    assert any(row["bar"] is not None for row in rows)
