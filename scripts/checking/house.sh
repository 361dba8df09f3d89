# The appliance with mosquitto, broken in every way that a machine allows; at last with a broker of the house's own.
# shellcheck shell=bash disable=SC2034,SC2154 # name, suite and all that is done come from rig.sh

house() {
  local options=()
  # One of the two with TLS from the start.
  [ "$suite" != bookworm ] || { options=(--tls) tls='--cafile /etc/nursery-monitor/tls/ca.pem'; }
  "$root/scripts/machine" boot "$name" "$suite"
  step "$suite: booted"
  git clone -q "$root" "$work/source"
  publish
  inside apt-get -qq update
  inside git config --system --add safe.directory '*'
  inside git clone -q /srv/origin "$source"
  installed "${options[@]}"
  guarded
  first_alert
  hung
  starved
  unplugged
  updated
  removed
  step "$suite: all is well"
}

installed() {
  step "installing"
  inside "$source/scripts/install" --broker mosquitto "$@" --page-port "$page_port" --mqtt-port "$mqtt_port" >"$work/installed" </dev/null ||
    fail "install"
  step "installed; it says:"
  shown "$work/installed"
  # Short episodes, so that each cry here is one of its own.
  inside sh -c 'printf "\n[episode]\nsettle_after_s = 5\n" >>/etc/nursery-monitor/config.toml'
  inside "$source/scripts/install" </dev/null >"$work/again" || fail "a second install"
  # A password is shown once, and a certificate made once.
  diff <(grep -v 'password\|A new certificate' "$work/installed") <(grep -v password "$work/again") || fail "the second install has changed something"
  step "installed a second time"
  within 20 "its name in the house is nursery.local" named nursery
  sound_tools
  login
}

guarded() {
  exposed nursery-monitor.service nursery-web.service
  secret "$kept/credentials.json" /etc/nursery-monitor/config.toml /etc/mosquitto/nursery-monitor.{acl,passwd}
  inside systemd-analyze cat-config systemd/journald.conf | grep -x SystemMaxUse=50M >/dev/null || fail "the logs have no bound"
  within 20 "without a microphone it says so" hears 5 mic '^lost$'
  # shellcheck disable=SC2086 # options, or none
  inside mosquitto_sub $tls -p "$mqtt_port" -t '#' -C 1 -W 2 >/dev/null 2>&1 && fail "the broker lets anybody in"
  phone pub -r -t nursery/home/mic -m ok
  hears 5 mic '^lost$' || fail "a phone can pretend that the microphone works"
}

first_alert() {
  baby
  step "a sound card appears (PulseAudio behind ALSA), and a baby cries"
  sound_card
  within 40 "a flat microphone is told from a quiet room" hears 5 mic '^silent$'
  room
  within 30 "it listens" listens
  cry
  within 30 "the first alert" hears 30 alert .
  within 60 "and it is in the history" at_least episodes 1
  inside nursery-monitor arrived Ana >/dev/null
}

hung() {
  local before
  before=$(restarts)
  inside systemctl kill -s STOP --kill-whom=main nursery-monitor
  within 40 "a hung monitor is restarted" at_least restarts $((before + 1))
  within 30 "and listens again" listens
}

# The kernel has no memory left for the monitor, and chooses it; where the host's kernel cannot be told so, it may map no more.
starved() {
  local before group=/sys/fs/cgroup/memory/$name
  within 60 "the episode that was cut has its end" calm
  before=$(restarts)
  if mkdir "$group" 2>/dev/null; then
    echo 64K >"$group/memory.limit_in_bytes"
    "$root/scripts/machine" pid "$name" nursery-monitor >"$group/cgroup.procs"
    cry
    within 60 "out of memory, it is ended by the kernel and restarted" at_least restarts $((before + 1))
    step "the kernel counts: $(grep 'oom_kill ' "$group/memory.oom_control")"
    rmdir "$group"
  else
    inside runuser -u nursery -- prlimit --pid "$(inside systemctl show -P MainPID nursery-monitor)" --as=50331648:
    cry
    within 60 "given no more memory, it alerts all the same, or a new one does" hears 30 alert .
    inside systemctl kill -s KILL --kill-whom=main nursery-monitor
    within 40 "killed, as the kernel does when memory is out, it is restarted" at_least restarts $((before + 1))
  fi
  within 30 "and listens again" listens
  step "memory: monitor $(memory_mb nursery-monitor), page $(memory_mb nursery-web)"
}

unplugged() {
  local before
  within 60 "the episode that was cut has its end" calm
  cry
  within 30 "another alert" hears 30 alert .
  before=$(episodes)
  step "pulling the plug with $before episodes known"
  "$root/scripts/machine" kill "$name"
  "$root/scripts/machine" boot "$name"
  sound_card
  room
  within 40 "it listens after the power cut" listens
  at_least episodes "$before" || fail "the power cut lost an episode"
}

updated() {
  local before
  before=$(version)
  sed -i 's/^__version__ = "\(.*\)"/__version__ = "\1.post1"/' "$work/source/device/__init__.py"
  publish
  inside "$source/scripts/update" </dev/null || fail "update"
  [ "$(version)" != "$before" ] || fail "the update changed nothing"
  step "updated from $before to $(version)"

  before=$(version)
  echo 'raise SystemExit("broken on purpose")' >"$work/source/device/app.py"
  publish
  if inside env NURSERY_UPDATE_WAIT_S=20 "$source/scripts/update" </dev/null; then fail "a broken version was taken for good"; fi
  [ "$(version)" = "$before" ] || fail "a broken version stayed"
  within 60 "all is calm" calm
  cry
  within 30 "taken back from a broken version, it alerts" hears 30 alert .

  git -C "$work/source" checkout -q HEAD~1 -- device/app.py
  # This one works but for its page, hears a cry, and has given the journal a form that the version of before does not know.
  cat >>"$work/source/device/journal_tables.py" <<'END'
MIGRATIONS += ("ALTER TABLE episode ADD COLUMN mood TEXT NOT NULL DEFAULT 'fine';\nCREATE TABLE lullaby (title TEXT) STRICT;\n",)
END
  echo 'raise SystemExit("broken on purpose")' >"$work/source/web/serve.py"
  publish
  before=$(episodes)
  inside systemd-run -q --unit cry-meanwhile sh -c "while sleep 10; do paplay --server=unix:/run/nursery-sound/native --device=nursery /root/cry.wav; done"
  if inside env NURSERY_UPDATE_WAIT_S=45 "$source/scripts/update" </dev/null 2>"$work/taken-back"; then fail "a version without a page was taken for good"; fi
  inside systemctl stop cry-meanwhile
  grep 'episodes heard since' "$work/taken-back" >&2 || { cat "$work/taken-back" >&2; fail "the journal did not come back"; }
  grep -q 'with 0 episodes' "$work/taken-back" && fail "what was heard meanwhile is lost"
  at_least episodes $((before + 1)) || fail "what was heard meanwhile is lost"
  step "taken back from a version that changed the journal: $before episodes before, $(episodes) now"
  git -C "$work/source" checkout -q HEAD~1 -- device/journal_tables.py web/serve.py
  publish
  inside git -C "$source" pull -q --ff-only
}

# Without its settings, but with its history, it comes again: to a broker that the house has already, of which it touches nothing.
removed() {
  local before left
  step "lines in the log of all this: $(inside journalctl -u nursery-monitor -u nursery-web -o cat | wc -l)"
  before=$(episodes)
  inside "$source/scripts/uninstall" </dev/null
  for left in /opt/nursery-monitor /etc/systemd/system/nursery-monitor.service /etc/mosquitto/conf.d/nursery-monitor.conf; do
    inside test ! -e "$left" || fail "uninstall left $left"
  done
  inside rm /etc/nursery-monitor/config.toml
  another_broker
  inside "$source/scripts/install" --broker "127.0.0.1:$mqtt_port" --name kinderzimmer --page-port "$page_port" </dev/null >"$work/installed" ||
    fail "install with the house's broker"
  shown "$work/installed"
  at_least episodes "$before" || fail "uninstall lost the history"
  inside sed -i "s/^# user = .*/user = \"$user\"/; s/^# password = .*/password = \"$password\"/" /etc/nursery-monitor/config.toml
  inside systemctl restart nursery-monitor
  within 20 "its name in the house is kinderzimmer.local" named kinderzimmer
  within 30 "it listens" listens
  cry
  within 30 "an alert over the house's own broker" hears 30 alert .
  inside "$source/scripts/uninstall" --purge </dev/null
  for left in /opt/nursery-monitor /etc/nursery-monitor "$kept" /etc/systemd/system/nursery-monitor.service \
    /etc/systemd/system/nursery-web.service /usr/local/bin/nursery-monitor /etc/mosquitto/nursery-monitor.passwd; do
    inside test ! -e "$left" || fail "uninstall --purge left $left"
  done
}

another_broker() {
  user=home password=assistant tls=''
  printf 'listener %s\nallow_anonymous false\npassword_file /etc/mosquitto/house\n' "$mqtt_port" >"$work/house.conf"
  "$root/scripts/machine" put "$name" "$work/house.conf" /etc/mosquitto/conf.d/house.conf
  inside sh -ec "mosquitto_passwd -b -c /etc/mosquitto/house $user $password; chown mosquitto: /etc/mosquitto/house; systemctl restart mosquitto"
}
