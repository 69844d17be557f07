#!/bin/sh
# Made by airtight from the isolation spec 'ipv4-only', target nftables.
# Spec digest: sha256:0e7ec21c9f67b1a137e2c0d9edd716e56b1ebaa494006156ad0eb8fbc3e8567a
# Do not edit: change the spec and compile again; `airtight compile --check` finds an edited file.
# takes both tables away
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
Usage: remove.sh [--state DIR]

Takes away the tables inet airtight and netdev airtight_egress, and nothing else.
Safe where they are absent. What waits for confirmation is forgotten.

  --state DIR  as given to apply.sh (default /run/airtight)
  --help       this text

Exit status: 0 done; 2 bad usage; 4 nothing was changed.
AIRTIGHT_TEXT
}

while [ $# -gt 0 ]; do
  case $1 in
    --state)
      [ $# -ge 2 ] || misused "--state needs a directory"
      state=$2
      shift
      ;;
    --help | -h)
      usage
      exit 0
      ;;
    *) misused "unknown argument '$1'" ;;
  esac
  shift
done

needs remove.nft
nft -f "$here/remove.nft" || fail 4 "remove.nft was refused; nothing was changed"
for pending in "$state"/pending.*; do
  [ -d "$pending" ] || continue
  mv "$pending" "$state/removed.${pending##*/pending.}" 2>/dev/null && rm -rf "$state/removed.${pending##*/pending.}"
done
exit 0
