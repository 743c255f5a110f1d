# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Proxmox VE, emulated (README.md says what): /etc/pve is a FUSE file system with the restrictions of pmxcfs, containers start
# and stop as with pct. The drop-in cures at each start, also when the guest reboots; the hookscript at a start through Proxmox.

port=net.ipv4.ip_unprivileged_port_start
pct=$job/pve/pct.sh
configs=/etc/pve/nodes/$host/lxc
snippets=/var/lib/vz/snippets
calls=/var/lib/vz/calls

# guest VMID HOOKSCRIPT-LINE [RAW-LINE…]: as Proxmox writes it. Where LXC is cured, the rules of an uncured one are raw lines.
guest() {
	local vmid=$1 hook=$2

	shift 2
	echo "pve" >"$out/$case/flavour-$vmid"
	{
		printf 'arch: amd64\nfeatures: keyctl=1,nesting=1\n%s' "$hook"
		printf 'hostname: ct%s\nmemory: 512\nostype: debian\nrootfs: local-lvm:vm-%s-disk-0,size=8G\nunprivileged: 1\n' "$vmid" "$vmid"
		[ $# -eq 0 ] || printf '%s\n' "$@"
		! is_cured_upstream || sed 's/^/lxc.apparmor.raw: /' /etc/vm-uncured-rules
	} >"$state/pve/nodes/$host/lxc/$vmid.conf"
}

# The packages by which a host of Proxmox is known, and lxc-pve's files for containers of Debian.
be_proxmox() {
	local version=8.4.1 file

	[ "$host" = bookworm ] || version=9.0.3
	cp -a /var/lib/dpkg/status "$state/dpkg-status"
	printf '\nPackage: %s\nStatus: install ok installed\nArchitecture: all\nVersion: %s\n' \
		pve-manager "$version" pve-container 5.2.6 lxc-pve 6.0.0-1 >>/var/lib/dpkg/status
	for file in common userns; do
		echo "lxc.include = /usr/share/lxc/config/$file.conf" >"/usr/share/lxc/config/debian.$file.conf"
	done
	# Of 01-pve.conf only the hook that matters here.
	echo "lxc.hook.post-stop = $pct post-stop" >>/usr/share/lxc/config/debian.common.conf
}

# The user's own hookscript: says what it was called with, and fails where it is told to.
own_hookscript() {
	mkdir -p $snippets
	cat >$snippets/own.sh <<-END
		#!/bin/sh
		echo "\$# \$1 \$2 \$LC_ALL" >>$calls
		[ ! -e $calls-fail-\$2 ]
	END
	chmod 755 $snippets/own.sh
}

prepare() {
	be_proxmox
	own_hookscript
	rm -rf "$state/pve"
	mkdir -p /etc/pve "$state/pve/nodes/$host/lxc" "$state/pve/nodes/other/lxc"
	printf 'dir: local\n\tpath /var/lib/vz\n\tcontent iso,vztmpl,snippets\n' >"$state/pve/storage.cfg"
	guest 101 $'hookscript: local:snippets/own.sh\n'
	guest 102 '' 'lxc.apparmor.profile: unconfined' \
		'lxc.mount.entry: /dev/null sys/module/apparmor/parameters/enabled none bind 0 0'
	cp "$state/pve/nodes/$host/lxc/102.conf" "$state/pve/nodes/other/lxc/201.conf"
	cp -a "$state/pve/." /etc/pve
	server=$("$job/pve/pmxcfs" "$host" /etc/pve "$out/$case/transactions")
	is 'pmxcfs is mounted' [ -L /etc/pve/local ]
	pct_start 101
	pct_start 102
}

pct_start() { is "pct start $1" limit 150 "pct start $1" "$pct" start "$1" || show "/run/pve-unit/$1.log"; }
pct_stop() { is "pct stop $1" limit 60 "pct stop $1" "$pct" stop "$1"; }

# From inside, as a user of the container does it.
guest_reboot() { # VMID
	local was tries=$((30 * slow))

	was=$(init_of "$1")
	in_container "$1" /bin/busybox reboot -f
	until [ -n "$(init_of "$1")" ] && [ "$(init_of "$1")" != "$was" ]; do
		sleep 1
		tries=$((tries - 1))
		[ $tries -gt 0 ] || {
			not_ok "waited $((30 * slow)) s for the guest $1 to reboot"
			return 1
		}
	done
	limit 60 "guest $1 to run" lxc-wait -n "$1" -s RUNNING
}

# same VMID [PATTERN]: its configuration is as in the beginning, but for lines of this pattern.
same() {
	is "the configuration of $1 is as before${2:+, but for $2}" \
		diff <(grep -vE "${2:-^$}" "$state/pve/nodes/$host/lxc/$1.conf") <(grep -vE "${2:-^$}" "$configs/$1.conf")
}

called() { # PHASE…: the user's hookscript since the last time
	is "the guest's own hookscript was called: $*" diff <(for phase; do echo "2 101 $phase C"; done) $calls
	: >$calls
}

before() { refused 101 $port; }

cure() {
	called pre-start post-start
	kill -USR1 "$server"
	: >"$out/$case/transactions"
	tool 3 fix --yes --this-node-only --pve-hookscript=101
	says 'no quorum'
	kill -USR2 "$server"
	tool 3 fix --yes --pve-hookscript=201
	says "on the node 'other'"
	while_locked
	is 'nothing was written' [ ! -s "$out/$case/transactions" ]
	tool 0 fix --yes 101
}

# Proxmox' own tasks hold this lock; the tool waits 10 seconds.
while_locked() {
	local lock=/run/lock/lxc/pve-config-101.lock holder

	(exec 9>>$lock && flock 9 && exec sleep 600) &
	holder=$!
	for _ in {1..100}; do
		flock -n $lock true || break
		sleep 0.1
	done
	tool 3 fix --yes --this-node-only --pve-hookscript=101
	says 'Proxmox is at work on it'
	kill $holder
}

not() { ! "$@"; }

after() {
	works 101 $port
	phase='guest rebooted'
	guest_reboot 101
	called
	works 101 $port
	phase=harden
	is '102 has no AppArmor' [ "$(label_of 102)" = unconfined ]
	tool 0 harden --yes 102
	same 102 '^lxc.(apparmor.profile|mount.entry): '
	is 'its two lines are gone' not grep -qE '^lxc.(apparmor.profile|mount.entry): ' "$configs/102.conf"
	pct_stop 102
	pct_start 102
	is '102 has AppArmor again' [ "$(label_of 102)" != unconfined ]
	works 102 $port
}

undo() {
	tool 0 rollback --yes
	same 102
	tool 0 rollback --yes
	same 101
	is "the other node's guest is as it was" diff "$state/pve/nodes/other/lxc/201.conf" /etc/pve/nodes/other/lxc/201.conf
}

# Without the drop-in.
hookscript_cures() {
	phase=hookscript
	tool 0 fix --yes --this-node-only --pve-hookscript=101
	same 101 '^hookscript: '
	pct_stop 101
	called pre-stop post-stop
	: >$calls-fail-pre-start
	is 'its exit status counts: no start' not limit 60 'pct start 101' "$pct" start 101
	rm $calls-fail-pre-start
	: >$calls
	pct_start 101
	called pre-start post-start
	works 101 $port
	tool 0 rollback --yes
	same 101
}

afterwards() {
	hookscript_cures
	phase=
	pct_stop 101
	pct_stop 102
	cp -a /run/pve-unit "$out/$case/"
	kill "$server"
	umount -l /etc/pve
	mv "$state/dpkg-status" /var/lib/dpkg/status
	rm -rf /etc/pve /var/lib/vz /usr/share/lxc/config/debian.*.conf
}
