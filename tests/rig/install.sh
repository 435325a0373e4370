#!/bin/sh
# What docs/operating.md, section 2, tells: station and centre, both on this machine.
# Runs in the guest's root; $1 is a checkout, in which dist/ holds the wheel.
set -eu
cd "$1"
/opt/muster/bin/pip install --quiet --no-index --no-deps dist/muster-*.whl
ln -sf /opt/muster/bin/muster-* /usr/local/bin/
systemd-sysusers "$PWD/systemd/muster.sysusers"
cp config/calendar.toml /etc/muster/
chgrp muster /etc/muster/station.toml && chmod 0640 /etc/muster/station.toml
chgrp muster-index /etc/muster/index.toml && chmod 0640 /etc/muster/index.toml
cp config/udev/90-muster.rules /etc/udev/rules.d/
cp systemd/muster-agent.service systemd/muster-station.service systemd/muster-mounter* /etc/systemd/system/
cp systemd/muster-index.service /etc/systemd/system/
systemctl enable mosquitto muster-index muster-mounter.socket muster-agent muster-station
