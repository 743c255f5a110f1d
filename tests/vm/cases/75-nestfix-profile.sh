# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016,SC2034,SC2046,SC2086,SC2154,SC2119
# The shipped profile for nested containers: runc and Docker work, with and without privilege; systemd boots, and its units get the
# sandboxes that they ask for; and where those are prepared, the host is protected as well.

profiles=lxc-container-nestfix

# unit NAME COMMAND LINE…: a service that only succeeds in its sandbox.
unit() {
	local name=vm-$1.service command=$2 units=/ct/rootfs/etc/systemd/system

	shift 2
	mkdir -p $units/multi-user.target.wants
	printf '%s\n' '[Service]' 'Type=oneshot' 'RemainAfterExit=yes' "ExecStart=/bin/sh -c '$command'" "$@" >$units/$name
	ln -sf ../$name $units/multi-user.target.wants/$name
	units_there+=" $name"
}

abstractions=/etc/apparmor.d/abstractions/lxc-container-nestfix.d

# The rules that not every parser knows, which the package brings where the parser does.
add_newer_rules() {
	local file

	[ "$host" != bookworm ] || return 0
	mkdir "$abstractions"
	for file in "$job"/guest/lxc-container-nestfix.*; do
		cp "$file" "$abstractions/${file##*.}"
	done
	reload
}

reload() { limit 150 'the load of the profile' apparmor_parser -r -K /etc/apparmor.d/lxc-containers; }

prepare() {
	add_newer_rules
	units_there=
	echo 00000000000000000000000000000075 >/ct/rootfs/etc/machine-id
	unit tmp 'grep -q " /systemd-private.* /tmp " /proc/self/mountinfo' PrivateTmp=yes
	unit system '! touch /usr/x' ProtectSystem=strict ProtectHome=yes NoNewPrivileges=yes
	unit devices '[ ! -e /dev/console ]' PrivateDevices=yes
	unit tunables '! sh -c "echo 1 >/proc/sys/net/ipv4/ip_forward"' ProtectKernelTunables=yes ProtectControlGroups=yes \
		ProtectKernelModules=yes ProtectKernelLogs=yes
	unit proc '[ ! -e /proc/meminfo ]' ProtectProc=invisible ProcSubset=pid
	unit credential 'grep -q word $CREDENTIALS_DIRECTORY/a && [ -s $CREDENTIALS_DIRECTORY/b ]' SetCredential=a:word \
		LoadCredential=b:/etc/machine-id
	unit paths '[ -e /mnt/machine-id ] && ! touch /mnt/x && touch /opt/x /var/tmp/x && [ "$(stat -c %%a /srv)" = 0 ]' \
		BindReadOnlyPaths=/etc:/mnt TemporaryFileSystem=/opt InaccessiblePaths=/srv ReadWritePaths=/var/tmp \
		ProtectSystem=strict
}

all_active() { ! in_container "$1" systemctl is-active "${@:2}" | grep -vx active; }

boots() { # NAME FLAVOUR
	# With this capability systemd tries to mount debugfs, which no kernel lets a container of an ordinary user do.
	container $1 $2 'lxc.init.cmd = /usr/lib/systemd/systemd' 'lxc.cap.drop = sys_rawio'
	start $1 || return
	seconds=300 in_container $1 sh -c 'until systemctl is-system-running --wait; do
		systemctl is-system-running | grep -Eq "degraded|maintenance" && exit; sleep 2; done' >"$out/$case/state-$1"
	in_container $1 systemctl --plain --no-legend list-units --failed >"$out/$case/failed-$1"
	in_container $1 journalctl -b --no-pager >"$out/$case/journal-$1"
	is "in $1 systemd boots and no unit fails" [ ! -s "$out/$case/failed-$1" ] || show "$out/$case/failed-$1" 20
	is "in $1 the sandboxes of all units are there" all_active $1 $units_there docker.service
	docker_works $1
}

before() { :; }
cure() {
	container priv nestfix-priv
	container unpriv nestfix-unpriv
	container bare nestfix-priv "${bare_mounts[@]}"
	start priv && start unpriv && start bare
}

# mount(2) and not its successors, of which AppArmor is asked less.
bind() { in_container bare env LIBMOUNT_FORCE_MOUNT2=always mount --rbind "$@"; }

refuses_bind() { # SOURCE TARGET
	! bind "$1" "$2" && grep -q "DENIED.* name=\"$2/\" .*srcname=\"${1%/}/\"" <(dmesg)
}

protects_the_root_of_units() {
	local root=/run/systemd/unit-root

	is "all of bare may be put at $root" bind / $root -o X-mount.mkdir
	open_in bare refused $(printf "$root%s " $behind_the_rule $behind_others)
	denied_in_log $root/proc/sysrq-trigger
	is '  and nowhere else' refuses_bind / /mnt
	is '  nor taken elsewhere from there' refuses_bind $root/sys /mnt
}

after() {
	works priv $net
	works unpriv $net
	docker_works unpriv
	open_in bare refused $behind_the_rule $behind_others
	protects_the_root_of_units
	stop priv && stop unpriv && stop bare
	rm -f "$out/$case"/init-*
	boots systemd-unpriv nestfix-unpriv
	stop systemd-unpriv
	boots systemd-priv nestfix-priv
	stop systemd-priv
	rm -f "$out/$case"/init-*
}
undo() {
	[ ! -e "$abstractions" ] || { rm -r "$abstractions" && reload; }
}
