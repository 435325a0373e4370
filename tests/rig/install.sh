#!/bin/sh
# What docs/operating.md, section 2, tells: station and centre, both on this machine.
# Runs in the guest's root; $1 is a checkout, in which dist/ holds the wheel.
set -eu
cd "$1"
/opt/muster/bin/pip install --quiet --no-index --no-deps dist/muster-*.whl
ln -sf /opt/muster/bin/muster-* /usr/local/bin/
systemd-sysusers "$PWD/systemd/muster.sysusers"
mkdir -p /etc/muster
cp config/calendar.toml /etc/muster/
chgrp muster /etc/muster/station.toml && chmod 0640 /etc/muster/station.toml
chgrp muster-index /etc/muster/index.toml && chmod 0640 /etc/muster/index.toml
cp config/udev/*.rules /etc/udev/rules.d/
for unit in systemd/*.service systemd/*.socket; do
  [ -e "$unit" ] && cp "$unit" /etc/systemd/system/
done
mkdir -p /etc/systemd/system/muster-agent.service.d  # docs/clearing.md, section 1
cp systemd/muster-agent-clearing.conf /etc/systemd/system/muster-agent.service.d/
systemctl enable mosquitto muster-index muster-agent muster-station
