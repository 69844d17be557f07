#!/bin/bash
# Installs what is missing, builds the release preset, runs every test that fits in 20 minutes on 2 cores: tests/run.sh
#
# On Debian 12. Root installs packages (packaging/packages.txt) and runs the network labs; without root, or offline with everything in
# place, it goes on and says what it skips. Nothing but the package installation (npm's included) uses a network. Safe to run again.
# CI=true: a skip that is not in tests/skips.txt fails the run. FUZZ_SECONDS (40): time of the fuzz test.
# Exit codes: 0 all passed; 1 a test failed; 4 it could not be built.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 4
# A plain chroot has no root that is a mount point, and network namespaces need one.
[ -n "${AIRTIGHT_ROOTED:-}" ] || AIRTIGHT_ROOTED=1 exec bash packaging/rooted.sh bash "$root/tests/run.sh" "$@"
preset=${AIRTIGHT_PRESET:-release}
export FUZZ_SECONDS=${FUZZ_SECONDS:-40}
export PATH=$PATH:/usr/sbin:/sbin
started=$SECONDS

bash packaging/install_packages.sh build unit || exit 4
bash packaging/install_packages.sh lab test || echo "Going on; tests that need them say SKIPPED."
[ "$(id -u)" -eq 0 ] || echo "Not root: the labs need network namespaces and say SKIPPED."

cmake --preset "$preset" >/dev/null || exit 4
cmake --build --preset "$preset" || exit 4
echo "Built in $((SECONDS - started)) s."

build=build/$preset
log=$build/ctest.log
ctest --test-dir "$build" --output-on-failure --no-tests=error -j "$(nproc)" --output-junit junit.xml \
  --timeout "$([ -n "${AIRTIGHT_LONG:-}" ] && echo 7200 || echo 900)" \
  --test-output-size-passed 4000000 --test-output-size-failed 4000000 2>&1 | tee "$log" | sed -u '/ tests passed, /,$d'
status=${PIPESTATUS[0]}
python3 tests/skips.py "$build/junit.xml" tests/skips.txt || status=1
echo
sed -n '/ tests passed, /,$p' "$log"
[ "$status" -eq 0 ] || exit 1
