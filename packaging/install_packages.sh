#!/bin/bash
# Installs the Debian packages of the given groups: install_packages.sh GROUP... (groups: packaging/packages.txt)
#
# Touches nothing and needs neither root nor network where everything is there already; safe to run again. Exit codes: 0 all
# there; 1 some are missing and could not be installed (said which, and how to get them); 2 bad usage.
set -u
list=$(cd "$(dirname "$0")" && pwd)/packages.txt
[ $# -gt 0 ] || { echo "usage: install_packages.sh GROUP..." >&2; exit 2; }

# missing GROUP...: the packages that are not there, one a line
missing() {
  local package group command rest
  while read -r package group command rest; do
    case " $* " in *" $group "*) ;; *) continue ;; esac
    if [ -n "$command" ] && PATH=$PATH:/usr/sbin:/sbin command -v "$command" >/dev/null; then continue; fi
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
  done < <(grep -v '^#' "$list")
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "install_packages: this is no Debian; these must be there under whatever name: $(awk '!/^#/ {printf "%s ", $1}' "$list")" >&2
  exit 0
fi
wanted=$(missing "$@")
[ -n "$wanted" ] || exit 0
wanted=${wanted//$'\n'/ }
if [ "$(id -u)" -ne 0 ]; then
  echo "install_packages: not root, and these packages are missing. Run: sudo apt-get install --no-install-recommends $wanted" >&2
  exit 1
fi

# Packages bring services (bind9 starts a resolver that asks the root servers): none is started, none is left enabled.
log=$(mktemp)
made_guard=
cleanup() {
  [ -z "$made_guard" ] || rm -f /usr/sbin/policy-rc.d
  rm -f "$log"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
if [ ! -e /usr/sbin/policy-rc.d ]; then
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d && made_guard=1
fi
export DEBIAN_FRONTEND=noninteractive
echo "Installing $(wc -w <<<"$wanted") packages: $wanted"
# shellcheck disable=SC2086 # a list of words
apt_install() { apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2 install -y --no-install-recommends $wanted >"$log" 2>&1 </dev/null; }
if ! { apt-get -q -o DPkg::Lock::Timeout=300 update >"$log" 2>&1 </dev/null && apt_install; } && ! apt_install; then
  tail -5 "$log" >&2
  echo "install_packages: could not install. It needs a reachable package archive, or these packages beforehand: $wanted" >&2
  exit 1
fi
case " $wanted " in
  *" bind9 "*) ! command -v systemctl >/dev/null || systemctl -q disable named.service >/dev/null 2>&1 || true ;;
esac
rest=$(missing "$@")
[ -z "$rest" ] || { echo "install_packages: still missing: ${rest//$'\n'/ }" >&2; exit 1; }
