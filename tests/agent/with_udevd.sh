#!/bin/sh
# Runs a command beside a udevd of its own that knows one rule, unseen by the rest of the machine.
# Needs a mount namespace of its own: unshare --mount with_udevd.sh RULE COMMAND...
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/udev /run/none /run/rules /etc/udev/rules.d
echo "$1" > /run/rules/10-test.rules
shift
mount --bind /run/none /usr/lib/udev/rules.d
mount --bind /run/rules /etc/udev/rules.d
/lib/systemd/systemd-udevd &
udevd=$!
trap 'kill $udevd; wait $udevd || true' EXIT
until [ -e /run/udev/control ]; do sleep 0.05; done
"$@"
