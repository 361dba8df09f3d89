# A card that installs itself: cloud-init reads systemd/user-data at the first boot; embedded broker, TLS. Then erasing all of it.
# shellcheck shell=bash disable=SC2034,SC2154 # name, suite and all that is done come from rig.sh

card() {
  local folder=/etc/nursery-monitor/tls
  prepared
  step "booting the card"
  "$root/scripts/machine" kill "$name"
  "$root/scripts/machine" boot "$name"
  inside timeout 900 cloud-init status --wait >/dev/null || fail "cloud-init: $(inside cloud-init status --long)"
  step "it has installed itself"
  [ "$(inside hostname)" = nursery ] || fail "it has another name"
  inside test ! -e /etc/nursery-monitor/first-start || fail "the password lies about in the clear"
  exposed nursery-monitor.service nursery-web.service nursery-certify.service
  secret "$kept/credentials.json" "$folder/ca.key" "$folder/key.pem"
  tls="--cafile $folder/ca.pem"
  login
  inside grep -rqF -e "$password" /var/log && fail "a log holds the login of MQTT"
  sound_tools
  baby
  sound_card
  room
  within 40 "it listens" listens
  inside nursery-monitor check || fail "a test alert does not come back over TLS"
  cry
  within 40 "an alert over TLS" hears 30 alert .
  tls='' hears 5 mic . && fail "the broker speaks in the clear"
  tls='--cafile /etc/ssl/certs/ca-certificates.crt' hears 5 mic . && fail "a phone trusts any authority"
  inside python3 -c "import json, ssl, urllib.request as r
ask = r.Request('https://localhost:$page_port/api/v1/login', b'{\"password\": \"a-password-of-our-own\"}', {'Content-Type': 'application/json'})
r.urlopen(ask, context=ssl.create_default_context(cafile='$folder/ca.pem')).read()" || fail "the password of the card opens no page over TLS"
  frozen
  inside rm "$folder/cert.pem"
  inside systemctl start nursery-certify.service || fail "the certificate cannot be renewed"
  inside systemctl is-active -q nursery-certify.timer || fail "nobody looks after the certificate"
  within 40 "renewed, the certificate is in use" hears 5 mic '^ok$'
  step "memory: monitor $(memory_mb nursery-monitor), page $(memory_mb nursery-web)"
  inside systemctl stop nursery-monitor nursery-web
  inside nursery-monitor erase --yes || fail "erase"
  [ -z "$(inside ls -A "$kept")" ] || fail "erase left something"
  inside "$source/scripts/uninstall" --purge </dev/null
  step "$suite: all is well"
}

# What Raspberry Pi Imager does: the file on the boot partition, with the lines marked CHANGE changed.
prepared() {
  "$root/scripts/machine" boot "$name" "$suite"
  inside apt-get -qq update
  inside apt-get -qq -y --no-install-recommends install cloud-init >/dev/null 2>&1 || fail "no cloud-init"
  git clone -q "$root" "$work/source"
  publish
  sed -e "s,REPOSITORY=.*,REPOSITORY=/srv/origin,; s,PAGE_PASSWORD=CHANGE.*,PAGE_PASSWORD=a-password-of-our-own," \
    -e "s,OPTIONS=\"\",OPTIONS=\"--tls --page-port $page_port --mqtt-port $mqtt_port\"," "$root/systemd/user-data" >"$work/user-data"
  grep -q 'CHANGE-to\|/CHANGE/' "$work/user-data" && fail "a line marked CHANGE was not changed"
  echo "instance-id: card" >"$work/meta-data"
  "$root/scripts/machine" put "$name" "$work/user-data" /var/lib/cloud/seed/nocloud/user-data
  "$root/scripts/machine" put "$name" "$work/meta-data" /var/lib/cloud/seed/nocloud/meta-data
  inside cloud-init schema --config-file /var/lib/cloud/seed/nocloud/user-data || fail "cloud-init does not understand systemd/user-data"
  # The machine has the host's network and mirror, no ssh, and one language: these are not the card's to set.
  printf '%s\n' 'datasource_list: [NoCloud]' 'network: {config: disabled}' 'apt: {preserve_sources_list: true}' 'ssh_genkeytypes: []' \
    'locale: false' >"$work/machine.cfg"
  "$root/scripts/machine" put "$name" "$work/machine.cfg" /etc/cloud/cloud.cfg.d/99-machine.cfg
  inside git config --system --add safe.directory '*'
}

# A sound server that dies in the middle of a word, and one that hangs for good: only a new process helps then, and there is one.
frozen() {
  local before
  for _ in 1 2 3; do
    inside systemctl kill -s KILL sound-card
    within 10 "a sound server that dies is told as a lost microphone" hears 5 mic '^lost$'
    sound_card
    room
    within 60 "with the next it listens again" hears 5 mic '^ok$'
  done
  before=$(restarts)
  inside systemctl kill -s STOP --kill-whom=main sound-card
  within 10 "a sound server that hangs is told as a lost microphone" hears 5 mic '^lost$'
  within 90 "and the monitor is started anew" at_least restarts $((before + 1))
  sound_card
  room
  within 60 "with a sound server that works it listens again" listens
}
