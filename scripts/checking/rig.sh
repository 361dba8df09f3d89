# What house.sh and card.sh share: a machine, a microphone, a phone. Source it after lib.sh, with `name` and `suite` set.
# shellcheck shell=bash disable=SC2154,SC2034 # root comes from lib.sh, name and suite from check-machine

source=/usr/local/src/nursery-monitor
kept=/var/lib/nursery-monitor
work=$(mktemp -d)
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])'; }
page_port=$(free_port) mqtt_port=$(free_port)
trap '"$root/scripts/machine" rm "$name" >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

inside() { "$root/scripts/machine" exec "$name" "$@"; }
step() { say "[$SECONDS s] $*"; }
fail() {
  say "FAILED: $*"
  inside journalctl -u nursery-monitor -u nursery-web -u cloud-final -n 60 --no-pager -o cat >&2 || true
  exit 1
}
# within SECONDS WHAT COMMAND...: the command holds before the time is over
within() {
  local until=$((SECONDS + $1)) what=$2 from=$SECONDS
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$until" ] || fail "$what: not within the time allowed"
    sleep 0.5
  done
  step "$what, after $((SECONDS - from)) s"
}

# ---- the monitor
# memory_mb UNIT: resident memory of its main process
memory_mb() { inside ps -o rss= -p "$(inside systemctl show -P MainPID "$1")" | awk '{printf "%.0f MB", $1 / 1024}'; }
version() { inside readlink /opt/nursery-monitor/current; }
restarts() { inside systemctl show -P NRestarts nursery-monitor; }
at_least() { [ "$("$1")" -ge "$2" ]; }
listens() { inside nursery-monitor check --json | grep -q '"mic": "ok"'; }
episodes() { inside nursery-monitor export | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["episodes"]))'; }
secret() {
  local path open
  for path in "$@"; do [[ $(inside stat -c %a "$path") == 600 ]] || fail "$path is not 0600"; done
  open=$(inside find "$kept" -perm /077 -not -type l)
  [ -z "$open" ] || fail "others may read $open"
}
# exposed UNIT...: systemd has nothing to say about the units, and they are little exposed
exposed() {
  local unit
  inside systemd-analyze verify "${@/#//etc/systemd/system/}" || fail "verify"
  for unit in "$@"; do inside systemd-analyze security --no-pager --threshold=20 "$unit" | tail -1 >&2 || fail "$unit is exposed"; done
}
# shown FILE: what the installer has said at the end, without the QR codes that must be there
shown() {
  grep -q '█\|▀\|▄' "$1" || fail "no QR code"
  grep -v '█\|▀\|▄' "$1" >&2
}
# What is in $work/source becomes the newest version on the machine's origin.
publish() {
  git -C "$work/source" add -A
  git -C "$work/source" -c user.name=check -c user.email=check@localhost commit -qm check --allow-empty
  "$root/scripts/machine" put "$name" "$work/source" /srv/origin
}
# In the house's network the other machine, or another device, may have taken the first name.
named() { inside busctl call org.freedesktop.Avahi / org.freedesktop.Avahi.Server GetHostNameFqdn | grep -qE "\"$1(-[0-9]+)?\.local\""; }

# ---- a phone; "tls" holds options of mosquitto's clients
tls='' user=nursery password=''
login() { password=$(inside python3 -c "import json; print(json.load(open('$kept/credentials.json'))['mqtt_password'])"); }
phone() {
  local tool=$1
  shift
  # shellcheck disable=SC2086 # options, or none
  inside "mosquitto_$tool" $tls -p "$mqtt_port" -u "$user" -P "$password" "$@"
}
# hears SECONDS TOPIC PATTERN: the next message on the topic, or the one retained there, matches
hears() { phone sub -t "nursery/home/$2" -W "$1" -C 1 2>/dev/null | grep -qE "$3"; }
calm() { hears 5 episode '"open": *false'; }

# ---- a microphone: what is played into the sink, ALSA's default device hears
# shellcheck disable=SC2016 # for the shell within
sound_tools() {
  inside apt-get -qq -y --no-install-recommends install mosquitto-clients pulseaudio pulseaudio-utils >/dev/null 2>&1 || fail "no sound server"
  # Of this package one file is needed; what else it asks for is all of ffmpeg.
  inside sh -ec 'cd /tmp; apt-get -qq download libasound2-plugins 2>/dev/null; dpkg -x libasound2-plugins_*.deb plugins
    cp plugins/usr/lib/*/alsa-lib/libasound_module_*_pulse.so "$(dirname "$(ls /usr/lib/*/libasound.so.2)")/alsa-lib/"' || fail "no plug-in"
}
sound_card() {
  printf 'pcm.!default { type pulse\n server "unix:/run/nursery-sound/native"\n device "nursery.monitor" }\n' >"$work/asound.conf"
  printf 'enable-shm = no\nautospawn = no\n' >"$work/client.conf"
  "$root/scripts/machine" put "$name" "$work/asound.conf" /etc/asound.conf
  "$root/scripts/machine" put "$name" "$work/client.conf" /etc/pulse/client.conf
  inside systemctl stop -q room.service sound-card.service 2>/dev/null || true
  inside systemd-run -q --unit sound-card --collect -p RuntimeDirectory=nursery-sound -p Environment=HOME=/run/nursery-sound \
    pulseaudio -n --exit-idle-time=-1 -L "module-native-protocol-unix auth-anonymous=1 socket=/run/nursery-sound/native" \
    -L "module-null-sink sink_name=nursery"
  for _ in $(seq 100); do # systemd-run returns before the server serves
    inside pactl --server=unix:/run/nursery-sound/native info >/dev/null 2>&1 && return
    sleep 0.1
  done
  fail "the sound server does not start"
}
# The faint noise that every real room and microphone has.
room() {
  inside systemd-run -q --unit room --collect -p Restart=on-failure -p RestartSec=0.5 sh -c \
    'exec pacat --server=unix:/run/nursery-sound/native --device=nursery --rate=16000 --channels=1 --volume=6000 </dev/urandom'
}
baby() {
  inside /opt/nursery-monitor/current/bin/python -c 'import numpy, soundfile
from device.synthesis import cry
soundfile.write("/root/cry.wav", cry(12.0, 0.6, numpy.random.default_rng(1)), 16000)'
}
cry() { inside systemd-run -q --unit "cry-$RANDOM" paplay --server=unix:/run/nursery-sound/native --device=nursery /root/cry.wav; }
