#!/bin/sh
# Made by airtight from the isolation spec 'everything', target nftables.
# Spec digest: sha256:dc3bf170e0208c5270e8d25e5b4ce0c0e3cc57c2b39744247e85480dc2b8e9e7
# Do not edit: change the spec and compile again; `airtight compile --check` finds an edited file.
# loads both tables, binds the uplinks of this node, and rolls back unless confirmed
set -u
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/sbin:/sbin
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 4
state=/run/airtight

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
fail() {
  code=$1
  shift
  say "$*"
  exit "$code"
}
misused() { fail 2 "$* (--help explains)"; }
needs() {
  [ "$(id -u)" -eq 0 ] || fail 4 "needs root: only root may change a packet filter; nothing was changed"
  command -v nft >/dev/null 2>&1 || fail 4 "needs nft (package nftables); nothing was changed"
  for file in "$@"; do
    [ -r "$here/$file" ] || fail 4 "cannot read $here/$file; nothing was changed"
  done
}

usage() {
  cat <<'AIRTIGHT_TEXT'
Usage: apply.sh [--audit] [--confirm SECONDS] [--state DIR]
       apply.sh --confirmed [--state DIR]

Loads airtight.nft, then a base chain on the egress hook of every uplink, into
the network namespace that it runs in. Safe to run again: each table is replaced
in one transaction, and no other table is touched. Run it again when an uplink
was added, renamed or made anew.

  --audit            the same rules, but they only count and log: nothing is held
  --confirm SECONDS  goes back to what was in force before, unless confirmed in
                     time: by Enter on a terminal, else by --confirmed. Going back
                     does not depend on this session: it may die
  --confirmed        keep what waits for confirmation
  --state DIR        where what was in force before is kept (default /run/airtight)
  --help             this text

Exit status: 0 in force; 1 in force in part (an uplink is not there, or this
kernel has no egress hook), or not confirmed; 2 bad usage; 4 nothing was changed
(no root, no nft, a file is missing or refused).

Uplinks of this policy: eth0, bond0.100, enp*
AIRTIGHT_TEXT
}

marker='# uplinks: one base chain a device'
patterns='enp*'
header=18  # octets of a MAC header

# A device that a pattern of the spec matches.
is_matched() {
  case $1 in
    'enp'*) return 0 ;;
  esac
  return 1
}

# What a device's chain is made of.
uplink_block() {
  cat <<'AIRTIGHT_TEXT'
table netdev airtight_egress {
  counter accepted_%NAME% { }
  counter oversize_%NAME% { }
  counter dropped_%NAME% { }

  # What leaves is counted; buffers that will be cut into several frames are counted apart too.
  chain pass_%NAME% {
    meta length > %LONGEST% counter name "oversize_%NAME%"
    counter name "accepted_%NAME%" accept
  }

  chain uplink_%NAME% {
    type filter hook egress device "%DEVICE%" priority filter; policy drop;
    @ll,96,16 0x0806 goto pass_%NAME% comment "ARP"
    @ll,96,16 0x88cc goto pass_%NAME% comment "l2: lldp is declared"
    @ll,96,16 0x0800 @ll,112,8 0x45 @ll,240,32 @inside_v4 goto pass_%NAME% comment "IPv4 to inside, without options"
    @ll,96,16 0x86dd @ll,160,8 != { 0, 43, 44, 51, 60, 135, 139, 140 } @ll,304,128 @inside_v6 goto pass_%NAME% comment "IPv6 to inside"
    @ll,96,16 0x86dd @ll,160,8 { 44, 51, 60 } @ll,432,8 != { 0, 43, 44, 51, 60, 135, 139, 140 } @ll,304,128 @inside_v6 goto pass_%NAME% comment "IPv6 to inside: fragments, AH, destination options"
    @ll,96,16 0x86dd @ll,160,16 0x3aff @ll,432,16 { 0x8500, 0x8700, 0x8800 } @ll,304,128 @neighbours goto pass_%NAME% comment "neighbour discovery on the link"
    @ll,96,16 0x86dd @ll,160,16 0x0001 @ll,432,16 0x3a00 @ll,496,8 { 130, 131, 132, 143 } @ll,304,16 0xff02 goto pass_%NAME% comment "multicast listener discovery on the link"
    @ll,96,16 0x0800 @ll,112,8 0x45 @ll,160,16 & 0x3fff 0 @ll,184,8 17 @ll,240,32 0xffffffff @ll,272,32 0x00440043 goto pass_%NAME% comment "dhcp: v4 is declared"
    @ll,96,16 0x86dd @ll,160,8 17 @ll,304,128 0xff020000000000000000000000010002 @ll,432,32 0x02220223 goto pass_%NAME% comment "dhcp: v6 is declared"
    @ll,96,16 0x0800 @ll,112,8 0x45 @ll,184,8 112 @ll,240,32 0xe0000012 goto pass_%NAME% comment "vrrp: routers keep one address (spec.yaml:13)"
    @ll,96,16 0x0800 @ll,112,8 0x46 @ll,184,8 112 @ll,240,32 0xe0000012 @ll,272,32 0x94040000 goto pass_%NAME% comment "vrrp: routers keep one address (spec.yaml:13)"
    @ll,96,16 0x86dd @ll,160,8 89 @ll,304,128 0xff020000000000000000000000000005 goto pass_%NAME% comment "ospf: routes between racks (spec.yaml:14)"
    @ll,96,16 0x0800 @ll,112,8 0x45 @ll,184,8 254 @ll,240,32 0xef010203 goto pass_%NAME% comment "254: an experiment of the lab (spec.yaml:15)"
    @ll,96,16 0x0800 @ll,112,8 0x46 @ll,184,8 254 @ll,240,32 0xef010203 @ll,272,32 0x94040000 goto pass_%NAME% comment "254: an experiment of the lab (spec.yaml:15)"
    @ll,96,16 0x0800 @ll,112,8 0x45 @ll,240,32 0xcb007107 counter name "exception_1" goto pass_%NAME% comment "SEC-12, approved by ciso, until 2027-06-30 (spec.yaml:69)"
    @ll,96,16 0x86dd @ll,160,8 != { 0, 43, 44, 51, 60, 135, 139, 140 } @ll,304,128 0x20010db8012300000000000000000000-0x20010db80123ffffffffffffffffffff counter name "exception_2" goto pass_%NAME% comment "SEC-13, approved by ciso, until 2026-11-25 (spec.yaml:70)"
    @ll,96,16 0x86dd @ll,160,8 { 44, 51, 60 } @ll,432,8 != { 0, 43, 44, 51, 60, 135, 139, 140 } @ll,304,128 0x20010db8012300000000000000000000-0x20010db80123ffffffffffffffffffff counter name "exception_2" goto pass_%NAME% comment "SEC-13, approved by ciso, until 2026-11-25 (spec.yaml:70)"
    @ll,96,16 0x0800 @ll,112,8 0x45 @ll,240,32 0xc6336400-0xc63364ff counter name "exception_3" goto pass_%NAME% comment "SEC-14, approved by ciso, until 2027-01-01 (spec.yaml:71)"
    meta mark 0x61697274 @ll,0,48 0x026169727400 meta length 74 @ll,96,16 0x0800 @ll,112,8 0x45 @ll,128,16 60 @ll,160,16 0x4000 @ll,176,16 0x0111 @ll,240,32 0xc00002fe @ll,288,16 9 @ll,304,16 40 limit rate 10/minute burst 10 packets counter name "canary" goto pass_%NAME% comment "the sensor canary, IPv4"
    meta mark 0x61697274 @ll,0,48 0x026169727400 meta length 94 @ll,96,16 0x86dd @ll,144,16 40 @ll,160,16 0x1101 @ll,304,128 0x20010db8000000000000000000a10007 @ll,448,16 9 @ll,464,16 40 limit rate 10/minute burst 10 packets counter name "canary" goto pass_%NAME% comment "the sensor canary, IPv6"
    @ll,96,16 0x8100 @ll,128,16 0x0806 goto pass_%NAME% comment "ARP"
    @ll,96,16 0x8100 @ll,128,16 0x88cc goto pass_%NAME% comment "l2: lldp is declared"
    @ll,96,16 0x8100 @ll,128,16 0x0800 @ll,144,8 0x45 @ll,272,32 @inside_v4 goto pass_%NAME% comment "IPv4 to inside, without options"
    @ll,96,16 0x8100 @ll,128,16 0x86dd @ll,192,8 != { 0, 43, 44, 51, 60, 135, 139, 140 } @ll,336,128 @inside_v6 goto pass_%NAME% comment "IPv6 to inside"
    @ll,96,16 0x8100 @ll,128,16 0x86dd @ll,192,8 { 44, 51, 60 } @ll,464,8 != { 0, 43, 44, 51, 60, 135, 139, 140 } @ll,336,128 @inside_v6 goto pass_%NAME% comment "IPv6 to inside: fragments, AH, destination options"
    @ll,96,16 0x8100 @ll,128,16 0x86dd @ll,192,16 0x3aff @ll,464,16 { 0x8500, 0x8700, 0x8800 } @ll,336,128 @neighbours goto pass_%NAME% comment "neighbour discovery on the link"
    @ll,96,16 0x8100 @ll,128,16 0x86dd @ll,192,16 0x0001 @ll,464,16 0x3a00 @ll,528,8 { 130, 131, 132, 143 } @ll,336,16 0xff02 goto pass_%NAME% comment "multicast listener discovery on the link"
    @ll,96,16 0x8100 @ll,128,16 0x0800 @ll,144,8 0x45 @ll,192,16 & 0x3fff 0 @ll,216,8 17 @ll,272,32 0xffffffff @ll,304,32 0x00440043 goto pass_%NAME% comment "dhcp: v4 is declared"
    @ll,96,16 0x8100 @ll,128,16 0x86dd @ll,192,8 17 @ll,336,128 0xff020000000000000000000000010002 @ll,464,32 0x02220223 goto pass_%NAME% comment "dhcp: v6 is declared"
    @ll,96,16 0x8100 @ll,128,16 0x0800 @ll,144,8 0x45 @ll,216,8 112 @ll,272,32 0xe0000012 goto pass_%NAME% comment "vrrp: routers keep one address (spec.yaml:13)"
    @ll,96,16 0x8100 @ll,128,16 0x0800 @ll,144,8 0x46 @ll,216,8 112 @ll,272,32 0xe0000012 @ll,304,32 0x94040000 goto pass_%NAME% comment "vrrp: routers keep one address (spec.yaml:13)"
    @ll,96,16 0x8100 @ll,128,16 0x86dd @ll,192,8 89 @ll,336,128 0xff020000000000000000000000000005 goto pass_%NAME% comment "ospf: routes between racks (spec.yaml:14)"
    @ll,96,16 0x8100 @ll,128,16 0x0800 @ll,144,8 0x45 @ll,216,8 254 @ll,272,32 0xef010203 goto pass_%NAME% comment "254: an experiment of the lab (spec.yaml:15)"
    @ll,96,16 0x8100 @ll,128,16 0x0800 @ll,144,8 0x46 @ll,216,8 254 @ll,272,32 0xef010203 @ll,304,32 0x94040000 goto pass_%NAME% comment "254: an experiment of the lab (spec.yaml:15)"
    @ll,96,16 0x8100 @ll,128,16 0x0800 @ll,144,8 0x45 @ll,272,32 0xcb007107 counter name "exception_1" goto pass_%NAME% comment "SEC-12, approved by ciso, until 2027-06-30 (spec.yaml:69)"
    @ll,96,16 0x8100 @ll,128,16 0x86dd @ll,192,8 != { 0, 43, 44, 51, 60, 135, 139, 140 } @ll,336,128 0x20010db8012300000000000000000000-0x20010db80123ffffffffffffffffffff counter name "exception_2" goto pass_%NAME% comment "SEC-13, approved by ciso, until 2026-11-25 (spec.yaml:70)"
    @ll,96,16 0x8100 @ll,128,16 0x86dd @ll,192,8 { 44, 51, 60 } @ll,464,8 != { 0, 43, 44, 51, 60, 135, 139, 140 } @ll,336,128 0x20010db8012300000000000000000000-0x20010db80123ffffffffffffffffffff counter name "exception_2" goto pass_%NAME% comment "SEC-13, approved by ciso, until 2026-11-25 (spec.yaml:70)"
    @ll,96,16 0x8100 @ll,128,16 0x0800 @ll,144,8 0x45 @ll,272,32 0xc6336400-0xc63364ff counter name "exception_3" goto pass_%NAME% comment "SEC-14, approved by ciso, until 2027-01-01 (spec.yaml:71)"
    counter name "dropped_%NAME%"
    goto refused
  }
}
AIRTIGHT_TEXT
}

# The counting form: what turns the drops above into counting, in the same transaction.
inet_counting() {
  cat <<'AIRTIGHT_TEXT'
add chain inet airtight forward { policy accept; }
add chain inet airtight output { policy accept; }
flush chain inet airtight drop_source_route
add rule inet airtight drop_source_route counter name "source_route"
add rule inet airtight drop_source_route limit rate 5/second burst 10 packets log prefix "audit: airtight source-route: "
flush chain inet airtight drop_rogue_server
add rule inet airtight drop_rogue_server counter name "rogue_server"
add rule inet airtight drop_rogue_server limit rate 5/second burst 10 packets log prefix "audit: airtight rogue-server: "
flush chain inet airtight drop_denied_cloud-metadata
add rule inet airtight drop_denied_cloud-metadata counter name "denied_cloud-metadata"
add rule inet airtight drop_denied_cloud-metadata limit rate 5/second burst 10 packets log prefix "audit: airtight cloud-metadata: "
flush chain inet airtight drop_outside
add rule inet airtight drop_outside counter name "outside"
add rule inet airtight drop_outside limit rate 5/second burst 10 packets log prefix "audit: airtight outside: "
flush chain inet airtight drop_outside_inbound
add rule inet airtight drop_outside_inbound counter name "outside_inbound"
add rule inet airtight drop_outside_inbound limit rate 5/second burst 10 packets log prefix "audit: airtight inbound: "
flush chain inet airtight drop_undeclared
add rule inet airtight drop_undeclared counter name "undeclared"
add rule inet airtight drop_undeclared limit rate 5/second burst 10 packets log prefix "audit: airtight undeclared: "
AIRTIGHT_TEXT
}
egress_counting() {
  cat <<'AIRTIGHT_TEXT'
flush chain netdev airtight_egress refused
add rule netdev airtight_egress refused @ll,96,16 { 0x0800, 0x86dd } counter name "refused_ip"
add rule netdev airtight_egress refused @ll,96,16 0x0800 @ll,112,8 != 0x45 counter name "refused_ip_options"
add rule netdev airtight_egress refused @ll,96,16 0x86dd @ll,160,8 { 0, 43, 44, 51, 60, 135, 139, 140 } counter name "refused_extension_headers"
add rule netdev airtight_egress refused @ll,96,16 != { 0x0800, 0x86dd } counter name "refused_frames"
add rule netdev airtight_egress refused limit rate 5/second burst 10 packets log prefix "audit: airtight egress: "
AIRTIGHT_TEXT
}
uplink_counting() {
  cat <<'AIRTIGHT_TEXT'
add chain netdev airtight_egress uplink_%NAME% { policy accept; }
AIRTIGHT_TEXT
}

audit=
confirm=
confirmed=
while [ $# -gt 0 ]; do
  case $1 in
    --audit) audit=yes ;;
    --confirm)
      [ $# -ge 2 ] || misused "--confirm needs a number of seconds"
      confirm=$2
      shift
      case $confirm in
        '' | *[!0-9]* | 0* | ??????*) misused "--confirm needs a number of seconds from 1 to 99999, not '$confirm'" ;;
      esac
      ;;
    --confirmed) confirmed=yes ;;
    --state)
      [ $# -ge 2 ] || misused "--state needs a directory"
      state=$2
      shift
      case $state in
        /*) ;;
        *) misused "--state needs an absolute path, not '$state'" ;;
      esac
      ;;
    --help | -h)
      usage
      exit 0
      ;;
    *) misused "unknown argument '$1'" ;;
  esac
  shift
done
if [ -n "$confirmed" ] && [ -n "$audit$confirm" ]; then misused "--confirmed stands alone"; fi

if [ -n "$confirmed" ]; then
  needs
  for pending in "$state"/pending.*; do
    [ -d "$pending" ] || continue
    mv "$pending" "$state/confirmed.${pending##*/pending.}" 2>/dev/null || continue
    rm -rf "$state/confirmed.${pending##*/pending.}"
    say "confirmed: the rules stay"
    exit 0
  done
  fail 1 "nothing waits for confirmation: it was confirmed already, or rolled back"
fi

needs airtight.nft airtight-egress.nft
umask 077
work=$(mktemp -d) || fail 4 "cannot make a temporary directory; nothing was changed"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM

# The table as it is now, as a transaction that brings it back; only its removal where it is absent.
save_table() {
  printf 'table %s\ndelete table %s\n' "$1" "$1" >"$2"
  # shellcheck disable=SC2086 # family and name are two words
  if nft list table $1 >"$work/listing" 2>/dev/null; then cat "$work/listing" >>"$2"; fi
  nft -c -f "$2" 2>"$work/error" || {
    cat "$work/error" >&2
    fail 4 "cannot save the table $1, so it could not be brought back; nothing was changed"
  }
}

pending=
begin_confirmation() {
  mkdir -p "$state" || fail 4 "cannot make $state; nothing was changed"
  for other in "$state"/pending.*; do
    [ -d "$other" ] || continue
    if [ -s "$other/watchdog" ] && kill -0 "$(cat "$other/watchdog")" 2>/dev/null; then
      fail 4 "an earlier --confirm still waits: confirm it (--confirmed) or let it roll back; nothing was changed"
    fi
    rm -rf "$other"
  done
  pending=$state/pending.$$.$(date +%s)
  mkdir -m 700 "$pending" || fail 4 "cannot make $pending; nothing was changed"
  save_table "inet airtight" "$pending/inet.nft"
  save_table "netdev airtight_egress" "$pending/egress.nft"
  # In a session of its own before anything is loaded, so that it outlives this one.
  # shellcheck disable=SC2016 # the inner shell expands
  setsid sh -c '
    trap "" HUP INT
    echo $$ >"$2/watchdog"
    sleep "$1"
    going=${2%/pending.*}/rolling.${2##*/pending.}
    mv "$2" "$going" 2>/dev/null || exit 0
    nft -f "$going/inet.nft" >"$going/log" 2>&1
    nft -f "$going/egress.nft" >>"$going/log" 2>&1
    mv "$going" "${2%/pending.*}/rolled-back.${2##*/pending.}"
  ' airtight-rollback "$confirm" "$pending" </dev/null >/dev/null 2>&1 &
  tries=0
  until [ -s "$pending/watchdog" ]; do
    tries=$((tries + 1))
    [ "$tries" -le 50 ] || {
      cancel_confirmation
      fail 4 "cannot start the watchdog that would roll back; nothing was changed"
    }
    sleep 0.1
  done
}

cancel_confirmation() {
  [ -n "$pending" ] || return 0
  mv "$pending" "$work/cancelled" 2>/dev/null
  pending=
}

# Waits for the user; says how it went. Not confirmed: status 1, once the old rules are back.
await_confirmation() {
  if ! [ -t 0 ]; then
    say "rolls back in $confirm seconds unless you run: $here/apply.sh --confirmed --state $state"
    return 0
  fi
  say "press Enter within $confirm seconds to keep these rules"
  # shellcheck disable=SC2016 # the inner shell reads the line
  if timeout --foreground "$confirm" sh -c 'IFS= read -r line' && mv "$pending" "$work/confirmed" 2>/dev/null; then
    say "confirmed: the rules stay"
    return 0
  fi
  back=$state/rolled-back.${pending##*/pending.}
  tries=0
  until [ -d "$back" ] || [ "$tries" -gt $((confirm + 10)) ]; do
    tries=$((tries + 1))
    sleep 1
  done
  [ -s "$back/log" ] && cat "$back/log" >&2
  rm -rf "$back"
  fail 1 "not confirmed: what was in force before is back"
}

cat >"$work/literals" <<'AIRTIGHT_TEXT'
eth0
bond0.100
AIRTIGHT_TEXT

status=0
here_now() { sed -n 's/^ *\([^ :][^ :]*\):.*/\1/p' /proc/self/net/dev; }

# $present and $missing: names of devices, one a line.
find_uplinks() {
  here_now >"$work/devices"
  : >"$work/present"
  : >"$work/missing"
  while IFS= read -r literal; do
    [ -n "$literal" ] || continue
    if grep -qxF -- "$literal" "$work/devices"; then
      printf '%s\n' "$literal" >>"$work/present"
    else
      printf '%s\n' "$literal" >>"$work/missing"
      say "uplink $literal is not there: it is not held until it is; run this again then"
      status=1
    fi
  done <"$work/literals"
  found=
  while IFS= read -r device; do
    [ "$device" != lo ] || continue
    is_matched "$device" || continue
    found=yes
    grep -qxF -- "$device" "$work/present" && continue
    case $device in
      *[!A-Za-z0-9_.-]*)
        say "uplink $device cannot be named in a rule: it is not held"
        status=1
        ;;
      *) printf '%s\n' "$device" >>"$work/present" ;;
    esac
  done <"$work/devices"
  if [ -n "$patterns" ] && [ -z "$found" ]; then
    say "no device matches $patterns: no such uplink is held"
    status=1
  fi
}

# The egress file with a chain for each device of the files given.
egress_with() {
  sed "/^$marker\$/,\$d" "$here/airtight-egress.nft"
  [ -z "$audit" ] || egress_counting
  cat "$@" | while IFS= read -r device; do
    mtu=$(cat "/sys/class/net/$device/mtu" 2>/dev/null)
    case $mtu in
      '' | *[!0-9]*) mtu=1500 ;;
    esac
    name=$(printf '%s' "$device" | tr -c 'A-Za-z0-9-' _)
    fields="s/%DEVICE%/$device/g; s/%NAME%/$name/g; s/%LONGEST%/$((mtu + header))/g"
    uplink_block | sed "$fields"
    [ -z "$audit" ] || uplink_counting | sed "$fields"
  done
}

load_egress() {
  find_uplinks
  # A current kernel binds the chain of an absent device once it comes; an older one refuses the file.
  egress_with "$work/present" "$work/missing" >"$work/egress.nft"
  if [ -s "$work/missing" ] && ! nft -c -f "$work/egress.nft" 2>/dev/null; then
    egress_with "$work/present" >"$work/egress.nft"
  fi
  if nft -f "$work/egress.nft" 2>"$work/error"; then
    while IFS= read -r device; do say "uplink $device is bound${audit:+, counting only}"; done <"$work/present"
    return 0
  fi
  sed -n 1,5p "$work/error" >&2
  say "the egress table was refused. It needs a kernel from 5.16 on; this is $(uname -r)"
  say "the inet table is in force; senders of raw frames are not held"
  status=1
}

if [ -n "$audit" ]; then
  { cat "$here/airtight.nft" && inet_counting; } >"$work/inet.nft"
else
  cat "$here/airtight.nft" >"$work/inet.nft"
fi
grep -qxF -- "$marker" "$here/airtight-egress.nft" ||
  fail 4 "$here/airtight-egress.nft is not of this script's making; nothing was changed"
nft -c -f "$work/inet.nft" || fail 4 "airtight.nft was refused; nothing was changed"
[ -z "$confirm" ] || begin_confirmation
nft -f "$work/inet.nft" || {
  cancel_confirmation
  fail 4 "airtight.nft was refused; nothing was changed"
}
load_egress
[ -z "$audit" ] || say "audit: these rules count and log, they hold nothing"
[ -z "$confirm" ] || await_confirmation
exit "$status"
