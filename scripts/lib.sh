# Shared by the scripts beside it; source it. Says what it does, installs only what is missing, and goes on without root or
# network where that is possible.
# shellcheck shell=bash

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd -P)
venv=$root/.venv

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# As root, with sudo where needed; without a terminal to ask on, only where sudo needs no password.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif ! command -v sudo >/dev/null; then return 1
  elif [ -t 0 ]; then sudo "$@"
  else sudo -n "$@" 2>/dev/null; fi
}

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Installs the Debian packages that are missing; where it cannot, says which and returns 1.
debian_packages() {
  local package missing=()
  command -v dpkg-query >/dev/null || { say "Not a Debian: please see that these are installed: $*"; return 1; }
  for package in "$@"; do installed "$package" || missing+=("$package"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "Installing Debian packages: ${missing[*]}"
  apt_install "${missing[@]}" 2>/dev/null && return
  as_root apt-get -qq update >/dev/null 2>&1 || true
  apt_install "${missing[@]}" && return
  say "Missing, and not installed for want of root or network: ${missing[*]}"
  say "To install: sudo apt-get install ${missing[*]}"
  return 1
}

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends -o DPkg::Lock::Timeout=300 install "$@" >/dev/null
}

on_raspberry_pi() { grep -qs 'Raspberry Pi' /proc/device-tree/model; }

# Buttons and lights on a Pi need Debian's own lgpio, which PyPI does not have for every Python.
gpio_packages() {
  if on_raspberry_pi && apt-cache show python3-lgpio >/dev/null 2>&1; then echo python3-lgpio; fi
}

# Prints the Python to use: Debian's own where it has lgpio, else the first that is new enough.
pick_python() {
  local python
  local lgpio=()
  if sees_lgpio /usr/bin/python3; then lgpio=(/usr/bin/python3); fi
  for python in ${PYTHON:+"$PYTHON"} "${lgpio[@]}" python3 /usr/bin/python3 python3.13 python3.12 python3.11; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo "$python"; return; fi
  done
  return 1
}

sees_lgpio() { "$1" -c 'import lgpio' 2>/dev/null; }

# Makes a virtual environment, with Debian's own packages in sight where they hold lgpio: virtual_environment FOLDER PYTHON
virtual_environment() {
  local options=()
  "$2" -c 'import ensurepip, venv' 2>/dev/null || debian_packages python3-venv ||
    die "A virtual environment cannot be made without python3-venv."
  if sees_lgpio "$2"; then options+=(--system-site-packages); fi
  "$2" -m venv --clear "${options[@]}" "$1" || die "The virtual environment $1 cannot be made: is there room, and may you write there?"
}

# True if .venv is of the same Python and sees lgpio where that does: fits PYTHON
fits() {
  [ "$("$venv/bin/python" -VV 2>/dev/null)" = "$("$1" -VV)" ] && { ! sees_lgpio "$1" || sees_lgpio "$venv/bin/python"; }
}

# Installs into .venv what WORDS say, unless it was installed already: into_venv NAME WORDS...
# The stamp changes with the Python, the place and the list of dependencies.
into_venv() {
  local name=$1 python stamp
  shift
  python=$(pick_python) || { debian_packages python3 python3-venv && python=$(pick_python); } ||
    die "No Python 3.11 or newer found. Install Debian 12 or newer, or set PYTHON to one."
  stamp=$({ "$python" -VV; echo "$root" "$@"; cat "$root/pyproject.toml"; } | sha256sum)
  if fits "$python"; then
    [ "$(cat "$venv/.$name" 2>/dev/null)" != "$stamp" ] || return 0
  else
    virtual_environment "$venv" "$python"
  fi
  say "Installing into $venv ($name); the first time takes a few minutes"
  "$venv/bin/python" -m pip --disable-pip-version-check install -qq "$@" || return 1
  echo "$stamp" >"$venv/.$name"
}
