#!/usr/bin/env python3
"""What a run of ctest skipped: skips.py JUNIT_XML SKIPS_TXT

Prints each skip, whole tests and single checks (lines that start with SKIPPED), and the count. With CI=true in the environment a skip
that SKIPS_TXT does not expect makes the exit code 1. SKIPS_TXT has one "TEST: TEXT" a line; * in TEXT stands for anything.
"""
import fnmatch
import os
import re
import sys
import xml.etree.ElementTree as ElementTree


def main():
    if len(sys.argv) != 3:
        print(__doc__)
        return 2
    with open(sys.argv[2], encoding="utf-8") as file:
        expected = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    skips = []
    for case in ElementTree.parse(sys.argv[1]).getroot().iter("testcase"):
        output = case.findtext("system-out") or ""
        lines = [match.group(1).strip() for match in re.finditer(r"^\s*SKIPPED:?\s+(.*)$", output, re.MULTILINE)]
        if not lines and (case.find("skipped") is not None or case.get("status") in ("notrun", "disabled")):
            lines = ["without a reason"]
        skips += [f"{case.get('name')}: {line}" for line in dict.fromkeys(lines)]
    unexpected = [skip for skip in skips if not any(fnmatch.fnmatchcase(skip, pattern) for pattern in expected)]
    for skip in skips:
        print("SKIPPED", skip, "(not expected)" if skip in unexpected else "")
    print(f"{len(skips)} skipped, {len(unexpected)} of them not expected (tests/skips.txt)")
    return 1 if unexpected and os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())
