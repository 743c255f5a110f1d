#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# 500 random VMID.conf: what Proxmox reads of the present differs after each change by the intended key alone, every section
# stays, and a rollback gives back each byte; after a snapshot that was taken in between, the present.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
# shellcheck source=tests/lib/host.sh
. tests/lib/host.sh
if [ "$(id -u)" != 0 ] || ! command -v apparmor_parser >/dev/null; then
	skip 'random guests' 'needs root and apparmor_parser'
	tap_done
	exit
fi
R=$T/root
pve=$R/etc/pve/nodes/pve/lxc
vmid() {
	perl tests/lib/vmid.pl "$@"
}
tool() {
	tool_want=$1
	shift
	run_tool "$tool_want" --root "$R" "$@"
}

host_make pve8 "$R"
mkdir -p "$R/run/lock/lxc"
install -D -m 755 /dev/null "$R/usr/sbin/aa-nestfix"
install -m 644 profiles/lxc-container-nestfix "$R/etc/apparmor.d/lxc/"
rm "$pve"/*.conf
mkdir "$T/was"
seed=${NESTFIX_SEED:-20261126}
echo "# seed $seed"
vmid make "$T/was" 500 "$seed"
cp "$T/was"/*.conf "$pve"
chown 0:33 "$pve"/*
chmod 640 "$pve"/*
tool 1 fix # some of them need more

# changed KIND LEAST: since the start the meaning changed by this kind alone, in so many guests.
changed() {
	changed_count=$(vmid compare "$1" "$T/was" "$pve") && echo "$changed_count" && [ "$changed_count" -ge "$2" ]
}
# undone NAME: after a rollback each byte is back.
undone() {
	ok "$1: rollback" tool 0 rollback
	ok '  brings each byte back' diff -r "$T/was" "$pve"
}
# later NAME KIND: and after one with snapshots that were taken since, the present is.
later() {
	# shellcheck disable=SC2046 # numbers
	vmid snapshot "$pve" $(vmid list "$2" "$T/was")
	ok "$1: rollback after snapshots" tool 0 rollback
	ok '  brings the present back, and leaves the sections' changed undone 500
	cp "$T/was"/*.conf "$pve"
}
# each KIND OPTION: for all guests that it is for.
each() {
	each_option=$2
	# shellcheck disable=SC2046 # numbers
	set -- $(vmid list "$1" "$T/was")
	tool 0 fix --this-node-only "$each_option=$1" "$@"
}

ok 'harden' tool 1 harden
ok '  takes out what switches AppArmor off, and nothing else' changed harden 50
undone harden
tool 1 harden
later harden harden
ok '--pve-hookscript' each hookscript --pve-hookscript
ok '  names ours in the place of the own one, and nothing else' changed hookscript 300
undone --pve-hookscript
each hookscript --pve-hookscript
later --pve-hookscript hookscript
ok '--profile-for' each profile --profile-for
ok '  sets the profile, and nothing else' changed profile 100
undone --profile-for
each profile --profile-for
later --profile-for profile
tap_done
