#!/usr/bin/python3
"""Adds up JUnit files, or folders of them, and ends with one line: `N passed, N failed[, N unsteady][, N skipped]`.

A test that is in several reports has the best of its outcomes; one that failed first is unsteady.
"""

import pathlib
import sys
import xml.etree.ElementTree as ET


def outcome_of(case):
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"


def reports_in(paths):
    """The reports of second runs come after all others."""
    for path in map(pathlib.Path, paths):
        if path.is_dir():
            yield from sorted(path.glob("*.xml"), key=lambda report: (report.suffixes[:-1], report.name))
        else:
            yield path


def main(paths):
    outcomes, before = {}, {}
    for report in reports_in(paths):
        try:
            cases = ET.parse(report).getroot().iter("testcase")
        except (OSError, ET.ParseError):
            outcomes[str(report), "is missing or broken: its runner did not finish"] = "failed"
            continue
        for case in cases:
            key = (case.get("classname"), case.get("name"))
            if outcomes.get(key) == "passed":
                continue
            if key in outcomes:
                before[key] = outcomes[key]
            outcomes[key] = outcome_of(case)
    counts = {"passed": 0, "failed": 0, "unsteady": 0, "skipped": 0}
    for (place, name), outcome in outcomes.items():
        counts[outcome] += 1
        if outcome == "failed":
            print(f"FAILED {place}: {name}", file=sys.stderr)
        elif before.get((place, name)) == "failed":
            counts["unsteady"] += 1
            print(f"UNSTEADY {place}: {name} failed beside others and passed alone", file=sys.stderr)
    shown = [f"{count} {what}" for what, count in counts.items() if count or what in ("passed", "failed")]
    print(", ".join(shown))
    return 0 if counts["failed"] == 0 and counts["passed"] > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
