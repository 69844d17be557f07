#!/usr/bin/env python3
"""What targets really mean, row by row: semantics.py AIRTIGHT [WORD]

Each case is a few artifacts and the one right answer of the command line: verdict, exit code, findings, assumptions.
WORD runs only the cases that have it in their names and prints their answers.
"""
import concurrent.futures
import os
import sys

sys.dont_write_bytecode = True  # the tree is often read-only, and nothing else of it is generated

from semantics import declared, kubernetes, surroundings, tiers, plugins, firewall, dns, text_input
from semantics.case import digest
from semantics.known_wrong import KNOWN_WRONG

SECTIONS = (kubernetes, surroundings, declared, tiers, plugins, firewall, dns, text_input)


def main():
    airtight, word = os.path.abspath(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    cases = [case for section in SECTIONS for case in section.CASES if word is None or word in case.name]
    names = [case.name for case in cases]
    twice = {name for name in names if names.count(name) > 1}
    strange = set(KNOWN_WRONG) - set(names) if word is None else set()
    if twice or strange:
        print(f"names given twice: {sorted(twice)}; known wrong without a case: {sorted(strange)}")
        return 1
    failed = known = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for case, (wrong, answer) in zip(cases, pool.map(lambda one: one.answer(airtight), cases)):
            if word is not None:
                print(f"--- {case.name}\n{digest(answer)}")
            if wrong and case.name in KNOWN_WRONG:
                known += 1
                print(f"KNOWN WRONG {case.name}: {KNOWN_WRONG[case.name]}")
            elif wrong:
                failed += 1
                print(f"FAIL {case.name}: {'; '.join(wrong)}")
            elif case.name in KNOWN_WRONG:
                failed += 1
                print(f"FAIL {case.name}: right by now, take it from the list")
    print(f"{len(cases) - failed - known} passed, {known} known wrong, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
