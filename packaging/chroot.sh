#!/bin/bash
# Proves the README's two commands on a fresh machine: packaging/chroot.sh [COMMAND...]
#
# Makes a minimal Debian 12 with debootstrap in a temporary directory, gives it this machine's package sources, clones this checkout's
# HEAD into it (what is not committed is not in it), and runs there, with nothing else done before, each COMMAND (default:
# packaging/quickstart.sh, then tests/run.sh). Prints each command's output, its exit code and its time. Needs root, debootstrap, git and
# the machine's own package archive; about 2 GB below TMPDIR. Exit codes: 0 all succeeded; 1 one did not; 4 no chroot could be made.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || set -- packaging/quickstart.sh tests/run.sh
stop() {
  echo "chroot: $*" >&2
  exit 4
}
[ "$(id -u)" -eq 0 ] || stop "needs root"
export PATH=$PATH:/usr/sbin:/sbin
for tool in debootstrap git chroot mount; do command -v $tool >/dev/null || stop "needs $tool"; done

new=$(mktemp -d "${TMPDIR:-/tmp}/airtight-chroot.XXXXXX") || exit 4
chmod 755 "$new"
# shellcheck disable=SC2317,SC2013 # called by the trap; mount points without spaces
cleanup() {
  local status=$? mounted
  trap - EXIT
  # Only what this script mounted lies below the directory; nothing is removed while anything is mounted there.
  for mounted in $(awk -v new="$new/" 'index($2, new) == 1 {print $2}' /proc/mounts | sort -r); do umount "$mounted" || umount -l "$mounted"; done
  if grep -qF " $new/" /proc/mounts; then echo "chroot: $new is still in use and stays" >&2; else rm -rf --one-file-system "$new"; fi
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# The archive that this machine itself uses, whatever it is.
# shellcheck disable=SC2016 # apt expands it
archive=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' 2>/dev/null | head -1)
[ -n "$archive" ] || stop "no Debian archive in this machine's package sources"
started=$SECONDS
debootstrap --variant=minbase bookworm "$new" "$archive" >"$new.log" 2>&1 || { tail -5 "$new.log" >&2; rm -f "$new.log"; stop "debootstrap failed"; }
rm -f "$new.log"
rm -rf "$new/etc/apt/sources.list" "$new/etc/apt/sources.list.d" "$new/etc/apt/apt.conf.d"
cp -rL /etc/apt/. "$new/etc/apt/"
[ ! -e /etc/resolv.conf ] || cp -L /etc/resolv.conf "$new/etc/resolv.conf"
[ ! -d /usr/share/keyrings ] || cp -rLn /usr/share/keyrings "$new/usr/share/"
[ ! -d /etc/ssl/certs ] || { mkdir -p "$new/etc/ssl" && cp -rn /etc/ssl/certs "$new/etc/ssl/"; }
cp -L /etc/hosts "$new/etc/hosts"
{ mount -t proc proc "$new/proc" && mount -t sysfs sysfs "$new/sys" && mount --rbind /dev "$new/dev" && mount --make-rslave "$new/dev" &&
  mount -t tmpfs tmpfs "$new/run"; } || stop "cannot mount /proc, /sys, /dev and /run"
git -c safe.directory="$root" clone -q "file://$root" "$new/opt/airtight" || stop "cannot clone the checkout"
echo "Fresh Debian 12 ($(cat "$new/etc/debian_version")) in $((SECONDS - started)) s, $(git -C "$new/opt/airtight" rev-parse --short HEAD)"

failed=0
for command; do
  begun=$SECONDS
  echo "--- $command"
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb CI="${CI:-}" http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" \
    no_proxy="${no_proxy:-}" chroot "$new" /bin/bash -c "cd /opt/airtight && bash $command"
  status=$?
  echo "--- $command: exit $status after $((SECONDS - begun)) s"
  [ $status -eq 0 ] || failed=1
done
exit $failed
