# shellcheck shell=sh
# A small world in network namespaces, without any route out of it. To be read by a lab's script (`. lab.sh`):
#
#   pod ---- node ==== inside ---- internet
#   10.42.0.2     10.10.0.2  10.10.0.1        192.0.2.9 198.51.100.7 .9 203.0.113.7 .9
#   fd00:42::2    fd00:10::2 fd00:10::1       2001:db8::9
#                 uplink eth0; the pod's side is vethpod
#                            10.20.0.10 10.20.0.53 10.30.0.5 fd00:20::10 fd00:30::5: systems and people inside
#
# Needs root, iproute2 and python3. Documentation addresses play the internet (RFC 5737, RFC 3849).

lab_dir=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
lab_id=at$$
lab_passed=0
lab_failed=0
lab_skipped=0
lab_pids=
lab_work=
export LAB_WAIT=4

# lab_needs PROGRAM...: ends with 77 and the reason where the lab cannot run.
lab_needs() {
  if [ "$(id -u)" -ne 0 ]; then
    echo "SKIPPED: needs root for network namespaces"
    exit 77
  fi
  for lab_program in ip python3 "$@"; do
    command -v "$lab_program" >/dev/null 2>&1 || {
      echo "SKIPPED: needs $lab_program"
      exit 77
    }
  done
  ip netns add "$lab_id-probe" 2>/dev/null || {
    echo "SKIPPED: this machine makes no network namespaces"
    exit 77
  }
  ip netns del "$lab_id-probe"
}

# in_ns NAME COMMAND...
in_ns() {
  lab_where=$1
  shift
  ip netns exec "$lab_id-$lab_where" "$@"
}

talk() { # talk NAMESPACE ARGUMENTS...
  lab_where=$1
  shift
  in_ns "$lab_where" python3 "$lab_dir/talk.py" "$@"
}

frames() { # frames NAMESPACE ARGUMENTS...
  lab_where=$1
  shift
  in_ns "$lab_where" python3 "$lab_dir/frames.py" "$@"
}

# lab_wait_for FILE: it is there within ten seconds.
lab_wait_for() {
  lab_tries=0
  until [ -e "$1" ]; do
    lab_tries=$((lab_tries + 1))
    [ "$lab_tries" -le 500 ] || {
      echo "FAIL lab: $1 did not come"
      exit 1
    }
    sleep 0.02
  done
}

# lab_background COMMAND...: runs until the lab ends.
lab_background() {
  "$@" >>"$lab_work/background.log" 2>&1 &
  lab_pids="$lab_pids $!"
}

lab_end() {
  lab_status=$?
  trap - EXIT INT TERM HUP
  for lab_pid in $lab_pids; do kill "$lab_pid" 2>/dev/null; done
  for lab_where in pod node inside internet; do
    for lab_pid in $(ip netns pids "$lab_id-$lab_where" 2>/dev/null); do kill "$lab_pid" 2>/dev/null; done
    ip netns del "$lab_id-$lab_where" 2>/dev/null
  done
  [ -z "$lab_work" ] || rm -rf "$lab_work"
  exit "$lab_status"
}

lab_pass() {
  lab_passed=$((lab_passed + 1))
  echo "ok $1"
}
lab_fail() { # NAME WHY
  lab_failed=$((lab_failed + 1))
  echo "FAIL $1 $2"
}
lab_skip() { # NAME WHY
  lab_skipped=$((lab_skipped + 1))
  echo "SKIPPED $1 $2"
}
# works NAME COMMAND...; refused NAME COMMAND...; same NAME EXPECTED GOT
# What must work has time for it; what must not is given up soon (talk.py reads LAB_WAIT, in seconds).
works() {
  lab_name=$1
  shift
  LAB_WAIT=4
  if "$@" >"$lab_work/out" 2>&1; then lab_pass "$lab_name"; else lab_fail "$lab_name" "status $?: $(head -c 300 "$lab_work/out")"; fi
}
refused() {
  lab_name=$1
  shift
  LAB_WAIT=0.5
  if "$@" >"$lab_work/out" 2>&1; then lab_fail "$lab_name" "went through"; else lab_pass "$lab_name"; fi
}
same() {
  if [ "$2" = "$3" ]; then lab_pass "$1"; else lab_fail "$1" "expected '$2', got '$3'"; fi
}
lab_summary() {
  echo "$lab_passed passed, $lab_failed failed, $lab_skipped skipped"
  [ "$lab_failed" -eq 0 ]
}

lab_link() { # NAMESPACE DEVICE NAMESPACE DEVICE
  ip link add "$2" netns "$lab_id-$1" type veth peer name "$4" netns "$lab_id-$3"
  in_ns "$1" ip link set "$2" up
  in_ns "$3" ip link set "$4" up
}

# The uplink's addresses and routes; again after it was renamed or was down.
lab_node_routes() { # DEVICE
  in_ns node ip link set "$1" up
  in_ns node ip addr replace 10.10.0.2/24 dev "$1"
  in_ns node ip addr replace fd00:10::2/64 dev "$1" nodad
  in_ns node ip route replace default via 10.10.0.1 dev "$1"
  in_ns node ip -6 route replace default via fd00:10::1 dev "$1"
}

lab_build() {
  lab_work=$(mktemp -d)
  trap lab_end EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  for lab_where in pod node inside internet; do
    ip netns add "$lab_id-$lab_where"
    in_ns "$lab_where" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
      net.ipv6.conf.all.accept_ra=0 net.ipv6.conf.default.accept_ra=0
    in_ns "$lab_where" ip link set lo up
  done
  lab_link pod eth0 node vethpod
  lab_link node eth0 inside lan0
  lab_link inside wan0 internet eth0
  in_ns node sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  in_ns inside sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1

  in_ns pod ip addr add 10.42.0.2/24 dev eth0
  in_ns pod ip addr add fd00:42::2/64 dev eth0 nodad
  in_ns node ip addr add 10.42.0.1/24 dev vethpod
  in_ns node ip addr add fd00:42::1/64 dev vethpod nodad
  in_ns pod ip route add default via 10.42.0.1
  in_ns pod ip -6 route add default via fd00:42::1
  lab_node_routes eth0
  in_ns inside ip addr add 10.10.0.1/24 dev lan0
  in_ns inside ip addr add fd00:10::1/64 dev lan0 nodad
  in_ns inside ip addr add 172.31.255.1/30 dev wan0
  in_ns inside ip addr add fd00:ffff::1/64 dev wan0 nodad
  for lab_address in 10.20.0.10/32 10.20.0.53/32 10.30.0.5/32; do in_ns inside ip addr add "$lab_address" dev lo; done
  for lab_address in fd00:20::10/128 fd00:30::5/128; do in_ns inside ip addr add "$lab_address" dev lo nodad; done
  in_ns inside ip route add 10.42.0.0/16 via 10.10.0.2
  in_ns inside ip -6 route add fd00:42::/56 via fd00:10::2
  in_ns inside ip route add default via 172.31.255.2
  in_ns inside ip -6 route add default via fd00:ffff::2
  in_ns internet ip addr add 172.31.255.2/30 dev eth0
  in_ns internet ip addr add fd00:ffff::2/64 dev eth0 nodad
  for lab_address in 192.0.2.9 198.51.100.7 198.51.100.9 203.0.113.7 203.0.113.9 169.254.169.254; do
    in_ns internet ip addr add "$lab_address/32" dev lo
  done
  in_ns internet ip addr add 2001:db8::9/128 dev lo nodad
  # The internet knows the way back: only the node's filter stands between.
  in_ns internet ip route add default via 172.31.255.1
  in_ns internet ip -6 route add default via fd00:ffff::1
}
