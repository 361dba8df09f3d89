# Shared by install, update and uninstall; source it after lib.sh.
# shellcheck shell=bash disable=SC2154,SC2034 # root comes from lib.sh, data and tls are for those who source this

prefix=/opt/nursery-monitor
config=/etc/nursery-monitor/config.toml
data=/var/lib/nursery-monitor
tls=$(dirname "$config")/tls
units=(nursery-monitor.service nursery-web.service)
certify=(nursery-certify.service nursery-certify.timer)

need_root() { [ "$(id -u)" = 0 ] || die "Only root can do this: sudo $0"; }

as_nursery() { (cd / && runuser -u nursery -- "$@"); }
monitor() { as_nursery "$prefix/current/bin/nursery-monitor" "$1" --config "$config" "${@:2}"; }

# One setting as it is in force: setting TABLE.KEY
setting() {
  "$prefix/current/bin/python" - "$config" "$1" <<'END'
import sys
from operator import attrgetter
from pathlib import Path

from device.config import load

print(attrgetter(sys.argv[2])(load(Path(sys.argv[1])).config))
END
}

# What the installed code was made from; the same source is not installed twice.
fingerprint() {
  (cd "$root" && { "$1" -VV; find device web systemd scripts pyproject.toml -type f -not -name '*.pyc' -print0 | sort -z |
    xargs -0 sha256sum; } | sha256sum | cut -c1-12)
}

# Makes a version beside the one in use, and prints its name; on failure nothing is left of it.
build_version() {
  local python name folder
  python=$(pick_python) || die "No Python 3.11 or newer: this needs Debian 12 or Raspberry Pi OS Bookworm, or newer."
  name=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' "$root/device/__init__.py")-$(fingerprint "$python")
  folder=$prefix/versions/$name
  if [ ! -e "$folder/complete" ]; then
    say "Installing version $name; on a small Pi this takes some minutes"
    mkdir -p "$prefix/versions"
    virtual_environment "$folder" "$python"
    if ! "$folder/bin/python" -m pip --disable-pip-version-check --no-cache-dir install -qq "$root"; then
      rm -rf "$folder"
      return 1
    fi
    cp -r "$root/systemd" "$folder/systemd"
    install -m 0755 "$root/scripts/"{as-nursery,working,certify} "$folder/bin/"
    chmod -R u=rwX,go=rX "$folder"
    touch "$folder/complete"
  fi
  echo "$name"
}

# Puts a version in use and starts it: activate NAME
activate() {
  local from=$prefix/versions/$1 drop=/etc/systemd/system/nursery-monitor.service.d
  ln -sfn "versions/$1" "$prefix/current.new"
  mv -T "$prefix/current.new" "$prefix/current"
  install -m 0755 "$from/bin/as-nursery" /usr/local/bin/nursery-monitor
  install -m 0644 "${units[@]/#/$from/systemd/}" /etc/systemd/system/
  # Pushes and a broker outside the house are the only things that may leave it, and only where the family asked for them.
  if [ -n "$(setting push.url)" ]; then install -D -m 0644 "$from/systemd/internet.conf" "$drop/internet.conf"
  else rm -f "$drop/internet.conf"; fi
  if [ -e "$tls/name" ]; then install -m 0644 "${certify[@]/#/$from/systemd/}" /etc/systemd/system/; fi
  systemctl daemon-reload
  if [ -e "$tls/name" ]; then systemctl enable -q --now nursery-certify.timer; fi
  systemctl enable -q "${units[@]}"
  systemctl restart "${units[@]}"
}

# Waits until all of WORDS (see scripts/working) hold, and still hold ten seconds later without a restart: healthy SECONDS WORDS...
healthy() {
  local until=$((SECONDS + $1)) word now restarts
  shift
  while [ "$SECONDS" -lt "$until" ]; do
    now=" $(as_nursery "$prefix/current/bin/python" "$prefix/current/bin/working" "$config" | tr '\n' ' ')" || true
    for word in "$@"; do [[ $now == *" $word "* ]] || { sleep 1; continue 2; }; done
    restarts=$(systemctl show -P NRestarts "${units[@]}")
    sleep 10
    systemctl is-active -q "${units[@]}" && [ "$(systemctl show -P NRestarts "${units[@]}")" = "$restarts" ] && return 0
  done
  say "Not working after the time allowed: wanted: $*; working:$now"
  return 1
}
