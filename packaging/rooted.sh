#!/bin/bash
# Runs a command where / is a mount point: packaging/rooted.sh COMMAND [ARGUMENT...]
#
# In a plain chroot / is none, and then neither `ip netns exec` nor `unshare --mount` works: both begin by changing the propagation of /.
# There the command runs in a chroot on a bind mount of the same root, with /proc and /sys where they are missing. Elsewhere, and without
# root, it simply runs. The exit code is the command's.
set -u
has_root_mount() { awk '$5 == "/" {found = 1} END {exit !found}' /proc/self/mountinfo 2>/dev/null; }
if [ "$(id -u)" -ne 0 ] || has_root_mount; then exec "$@"; fi

new=$(mktemp -d) || exec "$@"
cleanup() {
  local status=$?
  umount -R -l "$new" 2>/dev/null
  rmdir "$new" 2>/dev/null
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
if ! mount --rbind / "$new"; then
  echo "rooted: / is no mount point and cannot be bound to one; what needs network namespaces will say SKIPPED" >&2
  "$@"
  exit
fi
mount --make-rslave "$new"
[ -e "$new/proc/self" ] || mount -t proc proc "$new/proc"
[ -e "$new/sys/class" ] || mount -t sysfs sysfs "$new/sys"
# shellcheck disable=SC2016 # the inner shell expands them
chroot "$new" /bin/bash -c 'cd "$1" && shift && exec "$@"' bash "$PWD" "$@"
