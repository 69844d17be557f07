#!/usr/bin/env bash
# Fuzzes every reader. FUZZ_SECONDS (default 120) is the whole time, shared by the targets by weight.
# Inputs that once crashed (crashes/TARGET/) are run first. A new crash is written to crashes/TARGET/ and fails the run.
# SKIPPED (exit 77) without clang++.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
seconds=${FUZZ_SECONDS:-120}
if ! command -v clang++ >/dev/null; then
  echo "SKIPPED: clang++ is not installed (apt-get install clang)"
  exit 77
fi
cmake --preset fuzz -S "$root" >/dev/null
# TARGET=WEIGHT: its share of the whole.
targets="spec=15 rules=7 policy_json=7 net=7 document=8 dns=8 firewall=8
  packet=10 pcapng=8 dns_message=8 tls=8 quic=8 http=8 fragments=4 tcp_stream=3 local_protocols=3 evidence=4 judgement=10
  boundary_filter=3 opener_reply=3 links=3 ruleset_events=4 proof=4 canary=2 probe_answer=2 pods=2 inventory=2 report=4"
declare -A share=()
total=0
for target in $targets; do total=$((total + ${target#*=})); done
for target in $targets; do share[${target%=*}]=$((seconds * ${target#*=} / total + 1)); done  # 0 would be no bound
cmake --build "$root/build/fuzz" --target $(for target in $targets; do echo "fuzz_${target%=*}"; done) >/dev/null
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Captures of other projects, where they lie beside the checkout.
captures=$root/../shared/corpus/captures
seed() {  # TARGET: where its seeds are
  case $1 in
    spec) cp "$root"/policies/*.yaml "$work/$1/" 2>/dev/null || true; cp "$root"/tests/rejected/*.yaml "$work/$1/" 2>/dev/null || true ;;
    rules) cp "$root"/rules/*.yaml "$work/$1/" ;;
    policy_json) cp "$root"/tests/policy/fixtures/*.json "$work/$1/" 2>/dev/null || true ;;
    document) cp "$root"/policies/*.yaml "$work/$1/"; for file in "$root"/tests/golden/*/expected/networkpolicy/*.yaml; do cp "$file" "$work/$1/$(md5sum <<<"$file" | cut -c1-12)"; done; cp "$root"/tests/policy/fixtures/*.json "$work/$1/" 2>/dev/null || true ;;
    dns) for file in "$root"/tests/golden/*/expected/bind/named.conf "$root"/tests/golden/*/expected/rpz/*.zone; do [ -f "$file" ] && head -c 16000 "$file" >"$work/$1/$(md5sum <<<"$file" | cut -c1-12)"; done ;;
    firewall) for file in "$root"/tests/golden/*/expected/nftables/*.nft; do [ -f "$file" ] && head -c 16000 "$file" >"$work/$1/$(md5sum <<<"$file" | cut -c1-12)"; done ;;
    packet) python3 "$root/tests/fuzz/packet_seeds.py" "$work/$1" ;;
    local_protocols) python3 "$root/tests/fuzz/local_seeds.py" "$work/$1" ;;
    tls) mkdir -p "$work/quic" && python3 "$root/tests/fuzz/hello_seeds.py" "$work/tls" "$work/quic" ;;
    quic | fragments | tcp_stream | boundary_filter | opener_reply | links | ruleset_events | proof | canary | probe_answer | inventory | report) ;;
    pods) printf '{"interface":"cali1","namespace":"app","name":"web","addresses":["10.42.0.2"],"from":"2026-11-25T13:00:00Z","to":null}\n' >"$work/$1/one" ;;
    evidence) printf '\x01\x03\x00\x10\x01\x01\x20\x02' >"$work/$1/patch" ;;
    dns_message) printf '\x12\x34\x01\0\0\1\0\0\0\0\0\1\3www\7example\3com\0\0\x41\0\1\0\0\x29\x10\0\0\0\0\0\0\0' >"$work/$1/query" ;;
    http)
      printf '\5GET http://u@a/ HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n' >"$work/$1/get"
      printf '\2PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x14\1\4\0\0\0\1\x82\x86\x84\x41\x0fwww.example.com' >"$work/$1/h2"
      printf '\1\5\2\0\2\1\1u\1p\5\1\0\3\1a\0\x50' >"$work/$1/s5"
      printf '\1\4\1\0\x50\0\0\0\1me\0a.example\0' >"$work/$1/s4"
      ;;
    pcapng | judgement)
      cp "$root/packaging/sample.pcapng" "$work/$1/"
      [ ! -d "$captures" ] || find "$captures" -type f -size -12k \( -name '*.pcap' -o -name '*.pcapng' \) 2>/dev/null | while read -r file; do cp "$file" "$work/$1/$(md5sum <<<"$file" | cut -c1-12)"; done
      ;;
    net) printf '2001:db8::1' >"$work/net/v6"; printf '10.0.0.0/8' >"$work/net/v4"; printf 'xn--bcher-kva.example' >"$work/net/name" ;;
  esac
}
passed=0 failed=0
for target in $targets; do
  target=${target%=*}
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
