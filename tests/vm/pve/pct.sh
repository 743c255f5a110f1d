#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# pct.sh start VMID | stop VMID: what Proxmox VE does at `pct start` and `pct stop`, in its order, as far as configuration,
# hookscripts and lxc-start go (PVE::LXC vm_start, vm_stop, update_lxc_config, make_apparmor_config; PVE::GuestHelpers
# exec_hookscript). Volumes and network are not emulated: the root is a folder.
# pct.sh unit VMID: what the unit pve-container@VMID does; pct.sh post-stop: lxc-pve-poststop-hook, called by liblxc.
set -uo pipefail
# PVE::GuestHelpers gives hookscripts this environment.
export LC_ALL=C LVM_SUPPRESS_FD_WARNINGS=1 PATH=/sbin:/bin:/usr/sbin:/usr/bin

self=$(readlink -f "$0")
pve=${PVE:-/etc/pve} lxc=${LXC:-/var/lib/lxc} share=${SHARE:-/usr/share/lxc/config} state=/run/pve-unit
rootfs=${ROOTFS:-/ct/rootfs}

die() {
	printf '%s\n' "$*" >&2
	exit 1
}

warn() { printf 'WARN: %s\n' "$*" >&2; }

# The lines above the first section.
current() { sed '/^\[/,$d' "$pve/lxc/$vmid.conf"; }

value() { current | sed -n "s/^$1: *//p" | tail -n 1; }

major() { sed -n '/^Package: pve-manager$/,/^$/s/^Version: \([0-9]*\).*/\1/p' /var/lib/dpkg/status; }

include_of() { # common.conf | userns.conf
	local file
	file=$share/$(value ostype).$1
	[ -e "$file" ] || file=$share/$1
	echo "lxc.include = $file"
}

is_nesting() { [[ ,$(value features), == *,nesting=1,* ]]; }

# Nothing of it where the guest names a profile.
apparmor() {
	! current | grep -q '^lxc\.apparmor\.profile *[:=]' || return 0
	echo 'lxc.apparmor.profile = generated'
	[ "$(major)" -lt 9 ] || echo 'lxc.apparmor.raw = allow mqueue,'
	if is_nesting; then
		echo 'lxc.apparmor.allow_nesting = 1'
		[ "$(major)" -lt 9 ] || echo 'lxc.apparmor.raw = allow userns,'
	else
		printf 'lxc.apparmor.raw = deny mount -> /%s/,\n' proc sys
	fi
}

# The root, and what the container needs of a folder that it shares with others.
root() {
	local path

	printf 'lxc.rootfs.path = dir:%s\nlxc.init.cmd = /vm/init\nlxc.net.0.type = empty\n' "$rootfs"
	[ "$(value unprivileged)" != 1 ] || echo 'lxc.rootfs.options = idmap=container'
	for path in run tmp var/lib/docker; do
		echo "lxc.mount.entry = tmpfs $path tmpfs create=dir,mode=755 0 0"
	done
}

write_config() {
	mkdir -p "$lxc/$vmid"
	{
		printf 'lxc.cgroup.relative = 0\nlxc.cgroup.dir.monitor = lxc.monitor/%s\nlxc.cgroup.dir.container = lxc/%s\n' "$vmid" "$vmid"
		printf 'lxc.cgroup.dir.container.inner = ns\nlxc.arch = %s\n' "$(value arch)"
		include_of common.conf
		[ "$(value unprivileged)" != 1 ] || include_of userns.conf
		apparmor
		[ "$(value unprivileged)" != 1 ] || printf 'lxc.idmap = %s 0 100000 65536\n' u g
		printf 'lxc.tty.max = 2\nlxc.environment = TERM=linux\nlxc.uts.name = %s\n' "$(value hostname)"
		root
		current | sed -nE 's/^(lxc\.[a-z0-9_.-]+) *[:=] */\1 = /p'
	} >"$lxc/$vmid/config"
}

# STORAGE:snippets/NAME, found as PVE::Storage path does: sections end at an empty line, the first value of a key counts, and
# `local` is at /var/lib/vz whatever the file says (PVE::SectionConfig and PVE::Storage::Plugin parse_config).
snippet() { # VOLUME
	local dir

	dir=$(awk -v id="${1%%:*}" '
		/^[[:space:]]*#/ { next }
		$0 == "" || $0 == "0" { open = here = 0; next }
		!open {
			open = /^[^[:space:]]+:[[:space:]]*[^[:space:]]+[[:space:]]*$/
			name = type = $0
			sub(/^[^[:space:]]+:[[:space:]]*/, "", name); sub(/[[:space:]]*$/, "", name); sub(/:.*/, "", type)
			here = open && name == id
			if (here) { kind = type; path = dirs = "" }
			next
		}
		here && /^[[:space:]]/ && $1 == "path" && path == "" { path = $2 }
		here && /^[[:space:]]/ && $1 == "content-dirs" && dirs == "" { dirs = $2 }
		END {
			if (id == "local" && (kind != "dir" || path != "/var/lib/vz")) { path = "/var/lib/vz"; dirs = "" }
			if (path == "" && kind ~ /^(nfs|cifs|cephfs)$/) path = "/mnt/pve/" id
			if (path == "") exit 1
			folder = "snippets"
			n = split(dirs, list, ",")
			for (i = 1; i <= n; i++) if (list[i] ~ /^snippets=./) folder = substr(list[i], 10)
			print path "/" folder
		}' "$pve/storage.cfg") || return
	printf '%s/%s\n' "$dir" "${1#*:snippets/}"
}

# GuestHelpers check_hookscript, exec_hookscript.
hookscript() { # PHASE
	local volume path

	volume=$(value hookscript)
	[ -n "$volume" ] || return 0
	path=$(snippet "$volume") || { warn "storage '${volume%%:*}' does not exist" && return 1; }
	[ -f "$path" ] || { warn "script '$volume' does not exist" && return 1; }
	[ -x "$path" ] || { warn "script '$volume' is not executable" && return 1; }
	"$path" "$vmid" "$1" </dev/null 2>&1 | sed 's/^/hookscript: /'
	return "${PIPESTATUS[0]}"
}

lock() {
	mkdir -p /run/lock/lxc
	exec 9>>"/run/lock/lxc/pve-config-$vmid.lock"
	flock -w 10 9 || die "can't lock file '/run/lock/lxc/pve-config-$vmid.lock' - got timeout"
	[ -e "$pve/lxc/$vmid.conf" ] || die "Configuration file 'nodes/$(hostname)/lxc/$vmid.conf' does not exist"
	[ -z "$(value lock)" ] || die "CT is locked ($(value lock))"
}

start() {
	lock
	write_config
	hookscript pre-start || die "hookscript error for $vmid on pre-start"
	mkdir -p "$state"
	setsid "$self" unit "$vmid" >"$state/$vmid.log" 2>&1 </dev/null 9>&- &
	echo $! >"$state/$vmid.pid"
	lxc-wait -P "$lxc" -n "$vmid" -s RUNNING -t "${WAIT:-120}" || die "startup for container '$vmid' failed"
	hookscript post-start || warn "hookscript error for $vmid on post-start"
}

stop() {
	lock
	hookscript pre-stop || warn "hookscript error for $vmid on pre-stop"
	lxc-stop -P "$lxc" -n "$vmid" --kill
	tail -f /dev/null -s 0.1 --pid="$(cat "$state/$vmid.pid")"
}

# Restarted by ExecStop when the hook below has left its flag.
unit() {
	while :; do
		rm -f "$state/$vmid.reboot"
		lxc-start -P "$lxc" -F -n "$vmid" -l DEBUG -o "$state/$vmid.lxc" || echo "lxc-start: $?"
		[ -e "$state/$vmid.reboot" ] || break
	done
}

# When the guest reboots, liblxc is told not to: the unit starts lxc-start anew, and no hookscript is called.
post_stop() {
	write_config
	if [ "${LXC_TARGET-}" = reboot ]; then
		: >"$state/$vmid.reboot"
		exit 1
	fi
	hookscript post-stop || warn "hookscript error for $vmid on post-stop"
}

[ $# -ge 1 ] || die 'usage: pct.sh start|stop VMID'
vmid=${LXC_NAME:-${2-}}
case $1 in
start) start ;;
stop) stop ;;
unit) unit ;;
post-stop) post_stop ;;
*) die "unknown command '$1'" ;;
esac
