#!/usr/bin/python3
"""Adds up JUnit files and ends with one line: `N passed, N failed[, N skipped]`."""

import pathlib
import sys
import xml.etree.ElementTree as ET


def main(files):
    passed = failed = skipped = 0
    for file in map(pathlib.Path, files):
        if not file.exists():
            print(f"summary: {file} is missing: its runner did not finish", file=sys.stderr)
            failed += 1
            continue
        for case in ET.parse(file).getroot().iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
                print(f"FAILED {case.get('classname')}: {case.get('name')}", file=sys.stderr)
            elif case.find("skipped") is not None:
                skipped += 1
            else:
                passed += 1
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
