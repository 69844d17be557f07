#!/bin/sh
# The readers of the verifier against the kernel: verify_readers_lab.sh FIREWALL_TESTS, the test program of
# tests/verify/firewall. Every ruleset is loaded into an empty network namespace and listed as text and as JSON; what is
# read of the three must be one and the same. Prints one line a check; 1 if one failed, 77 where it cannot run.
set -u
[ $# -eq 1 ] || {
  echo "Usage: verify_readers_lab.sh FIREWALL_TESTS" >&2
  exit 2
}
program=$1
lab_dir=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
for tool in nft unshare ip; do
  command -v "$tool" >/dev/null || {
    echo "SKIPPED readers: $tool is not installed"
    exit 77
  }
done
unshare -n nft list ruleset >/dev/null 2>&1 || {
  echo "SKIPPED readers: no network namespace with nftables can be made here"
  exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# One rule a line: what people write, in forms that the kernel gives back in another one. `ether type ip ip daddr X` is not
# among them: nft lists it as `ip daddr X`, which asks the sender and not the frame.
rules() {
  case $1 in
    inet)
      cat <<'RULES'
ip daddr 10.0.0.0/8 accept
ip daddr != { 10.0.0.0/8, 192.168.0.0-192.168.0.9 } drop
ip6 saddr fd00::/8 tcp dport { 22, 80-90, 443 } accept
ip protocol { tcp, udp } accept
ip6 nexthdr ipv6-icmp accept
meta l4proto { tcp, udp } th dport 53 accept
meta nfproto ipv4 icmp type { redirect, router-advertisement } drop
icmpv6 type nd-redirect icmpv6 code 0 drop
icmp type echo-request icmp code 0 accept
udp sport 67 udp dport 68 drop
tcp dport > 1023 accept
tcp dport != 1-1023 accept
iifname "cali*" accept
oifname != { "eth0", "lo" } drop
ct state established,related accept
ct state != established drop
ct state { new, established } accept
ct state vmap { established : accept, related : jump other, invalid : drop }
tcp dport vmap { 22 : accept, 80-90 : drop }
ip daddr . tcp dport vmap { 10.0.0.1 . 22 : accept, 10.0.0.2 . 80 : goto other }
ip daddr . tcp dport { 10.0.0.1 . 22, 10.0.0.2 . 22, 10.1.0.0/16 . 80-90 } accept
ip daddr . udp dport != { 10.0.0.1 . 53 } drop
ct status dnat accept
ct direction original accept
ct mark 1 accept
meta mark 0x10 accept
meta mark & 0xff000000 == 0x01000000 accept
meta mark & 0xff == 1 accept
tcp flags syn accept
tcp flags & (fin | syn | rst | ack) == syn accept
tcp flags != syn accept
ip frag-off & 0x1fff != 0 drop
ip ttl 1 accept
ip6 hoplimit 255 accept
ip option lsrr exists drop
ip option ssrr missing accept
exthdr rt exists drop
exthdr frag exists drop
fib daddr type local accept
fib daddr type != local accept
fib saddr . iif oif missing drop
meta pkttype { broadcast, multicast } drop
meta length > 1500 drop
meta skuid 0 accept
ip daddr @inside accept
ip daddr != @inside drop
ip daddr @learned drop
ip daddr vmap @verdicts
counter packets 1 bytes 2 log prefix "x y" group 2 accept comment "why"
limit rate 5/second burst 10 packets accept
limit rate over 10 mbytes/second drop
quota over 25 mbytes drop
add @learned { ip saddr timeout 1m } drop
reject with icmpx type admin-prohibited
meta nfproto ipv4 reject
jump other
goto other
ip protocol tcp @th,16,16 443 accept
meta l4proto tcp @th,0,32 0x00160050 accept
meta mark set 0x1 accept
ct mark set meta mark
ip dscp set cs1 accept
notrack
RULES
      ;;
    ip)
      cat <<'RULES'
@nh,128,32 0x0a000001 accept
ip saddr 10.0.0.1 ip daddr 10.0.0.2 tcp dport 22 accept
ip daddr set 10.0.0.1
tcp option maxseg size set rt mtu
dup to 10.0.0.1
RULES
      ;;
    netdev)
      cat <<'RULES'
ip daddr 10.0.0.0/8 accept
ip6 daddr fd00::/8 accept
meta protocol != { ip, ip6 } drop
ether type arp accept
tcp dport 443 accept
icmp type echo-request accept
vlan type ip accept
fwd to "lo"
@ll,96,16 0x0806 accept
@ll,96,16 0x0800 @ll,112,8 0x45 accept
@ll,96,16 { 0x0800, 0x86dd } accept
@ll,0,48 0x026169727400 accept
@ll,96,16 0x0800 @ll,240,32 0x0a000000-0x0affffff accept
@ll,96,16 0x0800 @ll,160,16 & 0x3fff 0 accept
@ll,96,16 0x0800 @ll,176,16 0x0111 accept
@ll,96,16 0x0800 @ll,112,8 0x45 @ll,160,16 0x4000 @ll,184,8 17 @ll,288,16 53 @ll,304,16 40 accept
@ll,96,16 0x86dd @ll,160,16 0x3aff @ll,432,16 { 0x8500, 0x8700 } accept
@ll,96,16 0x86dd @ll,160,8 { 44, 60 } @ll,432,8 != { 0, 43, 44, 51, 60, 135, 139, 140 } accept
@ll,96,16 0x86dd @ll,304,16 0xff02 accept
RULES
      ;;
  esac
}

ruleset() {
  echo "table $1 t {"
  if [ "$1" = inet ]; then
    echo "  set inside { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 127.0.0.1, 192.0.2.7-192.0.2.9 } }"
    echo "  set learned { type ipv4_addr; flags dynamic,timeout; }"
    echo "  map verdicts { type ipv4_addr : verdict; elements = { 10.0.0.1 : accept, 10.0.0.2 : jump other } }"
  fi
  echo "  chain other { }"
  echo "  chain c {"
  case $1 in
    netdev) echo "    type filter hook egress device \"lo\" priority filter; policy drop;" ;;
    ip) echo "    type filter hook output priority filter; policy drop;" ;;
  esac
  rules "$1" | sed 's/^/    /'
  echo "  }"
  echo "}"
}

failed=0
# load NAME: the kernel's two listings of NAME.nft; egress chains need their devices.
load() {
  # shellcheck disable=SC2016 # expanded by the inner shell
  unshare -n sh -c '
    ip link set lo up
    sed -n "s/.*hook egress device \"\([^\"]*\)\".*/\1/p" "$1.nft" | sort -u | while read -r device; do
      ip link show "$device" >/dev/null 2>&1 || ip link add "$device" type veth || exit 1
    done
    nft -f "$1.nft" && nft list ruleset >"$1.list" && nft -j list ruleset >"$1.json"' sh "$1" || {
    echo "FAIL load $(basename "$1") nft refuses it"
    rm -f "$1.nft"
    failed=1
  }
}

for family in inet ip netdev; do
  ruleset "$family" >"$work/$family.nft"
  load "$work/$family"
done
for file in "$lab_dir"/../golden/*/expected/nftables/airtight*.nft; do
  name=$(basename "$(dirname "$(dirname "$(dirname "$file")")")")-$(basename "$file" .nft)
  cp "$file" "$work/$name.nft"
  load "$work/$name"
done
if AIRTIGHT_READERS_LAB=$work "$program" "[.lab]" >"$work/out" 2>&1; then
  for file in "$work"/*.nft; do echo "ok $(basename "$file" .nft) is read alike as written, listed and in JSON"; done
else
  cat "$work/out"
  echo "FAIL readers disagree with the kernel's listings"
  failed=1
fi
exit $failed
