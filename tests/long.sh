#!/bin/bash
# What does not fit into tests/run.sh: tests/long.sh
#
# All tests again under AddressSanitizer and UndefinedBehaviorSanitizer with AIRTIGHT_LONG=1 (set algebra against its models on a million
# pairs, resolvers watched for 120 s without a client), 30 CPU-minutes of fuzzing, clang-tidy; then the counts that README.md quotes.
# On Debian 12, about an hour and a half on 2 cores. Root installs packages and runs the labs; otherwise it goes on and says what it
# skips. Safe to run again. FUZZ_SECONDS (1800) shortens it. Exit codes: 0 all passed; 1 something failed; 4 it could not be built.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 4
export AIRTIGHT_LONG=1 FUZZ_SECONDS=${FUZZ_SECONDS:-1800}
export PATH=$PATH:/usr/sbin:/sbin
bash packaging/install_packages.sh long || echo "Going on without clang-tidy."

failed=0
AIRTIGHT_PRESET=asan bash tests/run.sh
status=$?
[ $status -ne 4 ] || exit 4
[ $status -eq 0 ] || failed=1

if command -v clang-tidy >/dev/null && command -v clang++ >/dev/null; then
  cmake --preset debug -B build/tidy -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_EXPORT_COMPILE_COMMANDS=ON -DAIRTIGHT_TESTS=OFF >/dev/null || exit 4
  # The built-in tables are generated; the files that include nothing of them are ours.
  find compiler -name '*.cpp' | sort | xargs -P "$(nproc)" -n 4 clang-tidy -p build/tidy --quiet --warnings-as-errors='*' >build/tidy/log 2>build/tidy/errors
  tidy=$?
  sed '/^$/d' build/tidy/log
  [ $tidy -eq 0 ] || { failed=1; grep -m 20 'error' build/tidy/errors; }
  echo "clang-tidy: $(find compiler -name '*.cpp' | wc -l) files, $([ $tidy -eq 0 ] && echo no finding || echo "findings")"
else
  echo "SKIPPED clang-tidy: needs clang-tidy and clang++"
fi

echo
echo "Counts for README.md:"
python3 - build/asan/junit.xml <<'PY'
import re, sys, xml.etree.ElementTree as ElementTree
for case in ElementTree.parse(sys.argv[1]).getroot().iter("testcase"):
    output = case.findtext("system-out") or ""
    name, seconds = case.get("name"), float(case.get("time") or 0)
    for pattern, text in ((r"All tests passed \((\d+) assertions? in (\d+) test cases?\)", "{1} cases, {0} assertions"),
                          (r"^(\d+) passed, (\d+) failed", "{0} passed, {1} failed"),
                          (r"^ok (\w+): (\d+) inputs in (\d+) s", "{0}: {1} inputs in {2} s")):
        for found in re.findall(pattern, output, re.MULTILINE):
            print(f"  {name}: {text.format(*found)} ({seconds:.0f} s)")
PY
[ "$failed" -eq 0 ]
