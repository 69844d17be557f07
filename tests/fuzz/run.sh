#!/usr/bin/env bash
# Fuzzes every reader. FUZZ_SECONDS (default 60) is the whole time, shared by the targets; the spec reader gets a quarter, artifact readers an eighth each.
# Inputs that once crashed (crashes/TARGET/) are run first. A new crash is written to crashes/TARGET/ and fails the run.
# SKIPPED (exit 77) without clang++.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
seconds=${FUZZ_SECONDS:-60}
if ! command -v clang++ >/dev/null; then
  echo "SKIPPED: clang++ is not installed (apt-get install clang)"
  exit 77
fi
cmake --preset fuzz -S "$root" >/dev/null
cmake --build "$root/build/fuzz" --target fuzz_spec fuzz_rules fuzz_policy_json fuzz_net fuzz_document fuzz_dns fuzz_firewall >/dev/null
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

eighth=$((seconds / 8))
declare -A share=([spec]=$((2 * eighth)) [rules]=$eighth [policy_json]=$eighth [net]=$eighth [document]=$eighth [dns]=$eighth [firewall]=$eighth)
seed() {  # TARGET: where its seeds are
  case $1 in
    spec) cp "$root"/policies/*.yaml "$work/$1/" 2>/dev/null || true; cp "$root"/tests/rejected/*.yaml "$work/$1/" 2>/dev/null || true ;;
    rules) cp "$root"/rules/*.yaml "$work/$1/" ;;
    policy_json) cp "$root"/tests/policy/fixtures/*.json "$work/$1/" 2>/dev/null || true ;;
    document) cp "$root"/policies/*.yaml "$work/$1/"; for file in "$root"/tests/golden/*/expected/networkpolicy/*.yaml; do cp "$file" "$work/$1/$(md5sum <<<"$file" | cut -c1-12)"; done; cp "$root"/tests/policy/fixtures/*.json "$work/$1/" 2>/dev/null || true ;;
    dns) for file in "$root"/tests/golden/*/expected/bind/named.conf "$root"/tests/golden/*/expected/rpz/*.zone; do [ -f "$file" ] && head -c 16000 "$file" >"$work/$1/$(md5sum <<<"$file" | cut -c1-12)"; done ;;
    firewall) for file in "$root"/tests/golden/*/expected/nftables/*.nft; do [ -f "$file" ] && head -c 16000 "$file" >"$work/$1/$(md5sum <<<"$file" | cut -c1-12)"; done ;;
    net) printf '2001:db8::1' >"$work/net/v6"; printf '10.0.0.0/8' >"$work/net/v4"; printf 'xn--bcher-kva.example' >"$work/net/name" ;;
  esac
}
passed=0 failed=0
for target in spec rules policy_json net document dns firewall; do
  binary=$root/build/fuzz/tests/fuzz/fuzz_$target
  mkdir -p "$work/$target" "$root/tests/fuzz/crashes/$target"
  seed "$target"
  dictionary=()
  [ -f "$root/tests/fuzz/$target.dict" ] && dictionary=(-dict="$root/tests/fuzz/$target.dict")
  # A hang over 2 s and more than 256 MB over what the sanitizers need are failures, as the project promises its users.
  if (cd "$work" && "$binary" "${dictionary[@]}" -max_total_time="${share[$target]}" -timeout=10 -rss_limit_mb=2048 -max_len=16384 \
      -artifact_prefix="$root/tests/fuzz/crashes/$target/" -print_final_stats=1 "$work/$target" "$root/tests/fuzz/crashes/$target") >"$work/$target.log" 2>&1; then
    passed=$((passed + 1))
    echo "ok $target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$target.log") inputs in ${share[$target]} s"
  else
    failed=$((failed + 1))
    echo "FAIL $target"
    tail -40 "$work/$target.log"
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
