#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# profiles/lxc-container-nestfix on the LXC and the parser of each release: it compiles among LXC's own profiles, its file
# rules are those of container-base but for the cure, runc's needs are met, and of the other mounts no more than is meant.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
REAL=$TOP/build/real
name=lxc-container-nestfix
root=$T/root
other=$T/compare

lay_out() {
	rm -rf "$root"
	cp -a "$REAL/$1/root" "$root"
	cp "profiles/$name" "$root/etc/apparmor.d/lxc/"
	rm -rf "$other"
	cp -a "$root" "$other"
	# the same file rules by LXC's own text, under the same name, for comparing
	cat >"$other/etc/apparmor.d/reference" <<-X
		#include <tunables/global>
		profile $name flags=(attach_disconnected,mediate_deleted) {
		  #include <abstractions/lxc/container-base>
		  deny /dev/.lxc/proc/** rw,
		  deny /dev/.lxc/sys/** rw,
		  #include <unit-roots>
		}
	X
	# and all that they deny, once more where systemd prepares the root of a unit
	sed -nE 's,^ *deny (@\{PROC\}|/proc|/sys)/,  deny \1/,; s,@\{PROC\},/proc,; /^ *deny \/(proc|sys)\//p' \
		"$other/etc/apparmor.d/abstractions/lxc/container-base" |
		sed 's,deny /,deny /run/systemd/*-root*/,' >"$other/etc/apparmor.d/unit-roots"
	echo '  deny /run/systemd/*-root*/dev/.lxc/{proc,sys}/** rw,' >>"$other/etc/apparmor.d/unit-roots"
	printf '#include <tunables/global>\n#include <lxc/%s>\n' "$name" >"$other/etc/apparmor.d/ours"
}

compiles() {
	"$parser" -q -Q -K -S --base "$root/etc/apparmor.d" "$root/etc/apparmor.d/lxc-containers" >"$T/blob" 2>"$T/err" &&
		! grep -v "^Cache read/write disabled" "$T/err" && grep -qa "$name" "$T/blob" && return
	cat "$T/err"
	return 1
}

is_healthy() {
	run_tool 0 --root "$root" --parser "$parser" --json check profile:$name &&
		jq -e '.state == "allowed" and .obstacles == []' "$T/out"
}

# Of the files, only writing below /sys/net is new, also in the root of a unit, and nothing is lost.
file_rules_are_base() {
	run_tool 1 --parser "$parser" --json prove --allow '/sys/net{,/**}:w' --allow '/run/systemd/*-root*/sys/net{,/**}:w' \
		"$other/etc/apparmor.d/reference" "$other/etc/apparmor.d/ours" &&
		jq -e '[.changes[] | select(.kind == "file" or .kind == "link")] | length > 0 and all(.inside) and
			all(.change == "w denied → allowed (user, other)")' "$T/out" && return
	jq -c '.changes[]' "$T/out"
	return 1
}

# LXC 6 and later allow user namespaces; parsers from 4.0 on refuse what is not allowed, and older ones do not know the word.
allows_userns() {
	mkdir -p "$other/etc/apparmor.d/abstractions/$name.d"
	cp "profiles/$name.userns" "$other/etc/apparmor.d/abstractions/$name.d/userns"
	run_tool 1 --parser "$parser" --json prove "$other/etc/apparmor.d/reference" "$other/etc/apparmor.d/ours" &&
		jq -e '[.changes[] | select(.kind == "class").change] == ["mount rules changed"]' "$T/out" && return
	jq -c '.changes[]' "$T/out"
	return 1
}

# Where the parser has the word: what systemd mounts its credentials with, and nothing else.
credentials='
mount options=ro,nosuid,nodev,remount,bind,nosymfollow -> /dev/shm/
mount options=ro,nosuid,nodev,noexec,remount,bind,nosymfollow -> /run/credentials/x.service/
mount options=ro,nosuid,nodev,noexec,remount,bind,nosymfollow,relatime -> /run/systemd/unit-root/run/credentials/x.service/
'
others='
mount options=nosuid,nodev,noexec,remount,bind,nosymfollow -> /proc/sys/
mount options=ro,nosuid,nodev,noexec,remount,nosymfollow -> /mnt/
mount fstype=ext4 options=ro,nosuid,nodev,nosymfollow /dev/sda1 -> /mnt/
'

knows_nosymfollow() {
	mkdir -p "$root/etc/apparmor.d/abstractions/$name.d"
	cp "profiles/$name.nosymfollow" "$root/etc/apparmor.d/abstractions/$name.d/nosymfollow"
	compiles && [ "$(refused_of "$credentials$others")" = "$(printf '%s' "$others" | sed 1d)" ] && return
	refused_of "$credentials$others"
	return 1
}

stays_denied() {
	while read -r perm path; do
		run_tool 0 --root "$root" --json explain "$path" "$perm" profile:$name &&
			[ "$(jq -c '[.profiles[] | .allowed, .owner_allowed] | unique' "$T/out")" = '[false]' ] && continue
		echo "$perm $path is not denied"
		return 1
	done <<-X
		w /sys/n
		w /sys/ne
		w /sys/netx
		k /sys/net/ipv4/ip_unprivileged_port_start
		l /sys/net/ipv4/ip_unprivileged_port_start
		w /sys/power/state
		w /sys/module/apparmor/parameters/enabled
		w /sys/bus/pci/rescan
		w /sys/block/sda/uevent
		w /sys/kernel/mm/ksm/run
		w /sys/kernel/msgmax
		w /sys/kernel/uevent_helper
		r /sys/kernel/debug/x
		r /sys/kernel/security/apparmor/profiles
		w /sys/kernel/security/apparmor/.load
		r /sys/firmware/efi/efivars/x
		w /sys/devices/system/cpu/cpu1/online
		w /sys/class/block/sda/uevent
		w /sys/fs/selinux/enforce
		w /sys/fs/mqueue/msg_max
		w /proc/sysrq-trigger
		r /proc/kcore
		r /proc/acpi/wakeup
		w /proc/bus/pci/00/00.0
		w /proc/sys/fs/suid_dumpable
		w /proc/sys/vm/panic_on_oom
		w /proc/sys/kernel/core_pattern
		w /proc/sys/kernel/modprobe
		w /proc/sys/kernel/hotplug
		r /dev/.lxc/proc/1/mem
		w /run/systemd/unit-root/sys/kernel/uevent_helper
		w /run/systemd/mount-rootfs/sys/kernel/uevent_helper
		w /run/systemd/unit-root/sys/module/apparmor/parameters/enabled
		w /run/systemd/unit-root/sys/netx
		w /run/systemd/unit-root/sys/fs/selinux/enforce
		r /run/systemd/unit-root/sys/kernel/security/apparmor/profiles
		w /run/systemd/unit-root/sys/devices/system/cpu/cpu1/online
		w /run/systemd/unit-root/proc/sysrq-trigger
		w /run/systemd/mount-rootfs/proc/sysrq-trigger
		r /run/systemd/mount-rootfs/proc/kcore
		w /run/systemd/unit-root/proc/sys/kernel/core_pattern
		w /run/systemd/unit-root/proc/sys/kernel/hotplug
		w /run/systemd/unit-root/proc/sys/fs/suid_dumpable
		r /run/systemd/unit-root/dev/.lxc/proc/1/mem
	X
}

still_works() {
	while read -r perm path; do
		run_tool 0 --root "$root" --json explain "$path" "$perm" profile:$name &&
			[ "$(jq -c '[.profiles[] | .allowed, .owner_allowed] | unique' "$T/out")" = '[true]' ] && continue
		echo "$perm $path is denied"
		return 1
	done <<-X
		w /sys/net/ipv4/ip_unprivileged_port_start
		w /sys/net/ipv4/ping_group_range
		w /sys/fs/cgroup/system.slice/cgroup.procs
		w /sys/class/net/eth0/mtu
		w /sys/devices/virtual/net/lo/mtu
		w /proc/sys/net/ipv4/ip_forward
		w /proc/sys/kernel/hostname
		w /proc/sys/kernel/shmmax
		w /run/systemd/unit-root/sys/fs/cgroup/system.slice/cgroup.procs
		w /run/systemd/mount-rootfs/proc/sys/net/ipv4/ip_forward
		w /run/systemd/unit-root/etc/hostname
		x /usr/bin/runc
	X
}

# Refused by every parser, whatever the older ones make of other rules.
unwanted='
mount fstype=ext4 /dev/sda1 -> /mnt/
mount fstype=ext4 options=ro /dev/sda1 -> /mnt/
mount fstype=ext4 options=nosuid,nodev /dev/sda1 -> /mnt/
mount fstype=ext4 options=ro,nosuid,nodev,noexec,relatime /dev/sda1 -> /mnt/
mount fstype=ext4 -> /mnt/
mount fstype=xfs /dev/sda1 -> /mnt/
mount fstype=btrfs options=ro /dev/sda1 -> /mnt/
mount fstype=fuseblk /dev/sda1 -> /mnt/
mount fstype=nfs server:/ -> /mnt/
mount fstype=9p host -> /mnt/
mount fstype=devtmpfs devtmpfs -> /mnt/
mount fstype=securityfs securityfs -> /mnt/
mount fstype=securityfs options=nosuid,nodev,noexec securityfs -> /mnt/
mount fstype=debugfs debugfs -> /mnt/
mount fstype=tracefs tracefs -> /sys/kernel/tracing/
mount fstype=configfs configfs -> /mnt/
mount fstype=reiserfs /dev/sda1 -> /mnt/
mount fstype=binfmt_misc binfmt_misc -> /mnt/
mount fstype=binfmt_misc binfmt_misc -> /proc/sys/net/
mount fstype=binfmt_misc binfmt_misc -> /proc/
mount fstype=binder binder -> /mnt/
mount fstype=sysfs sysfs -> /mnt/
mount fstype=sysfs options=nosuid,nodev,noexec sysfs -> /mnt/
mount fstype=sysfs sysfs -> /run/systemd/unit-root/sys/
mount fstype=sysfs sysfs -> /sys/kernel/
mount fstype=sysfs sysfs -> /
mount fstype=ext4 -> /proc/
mount fstype=ext4 / -> /run/systemd/unit-root/
mount options=bind /sys/ -> /mnt/
mount options=rbind /sys/ -> /mnt/
mount options=bind /sys/kernel/security/ -> /mnt/
mount options=rbind /sys/fs/ -> /mnt/
mount options=rbind / -> /mnt/
mount options=bind / -> /mnt/
mount options=rbind /dev/ -> /mnt/
mount options=bind /dev/.lxc/proc/ -> /mnt/
mount options=move /sys/ -> /mnt/
mount options=move /proc/ -> /mnt/
mount options=rbind / -> /run/
mount options=rbind / -> /run/systemd/
mount options=rbind / -> /run/systemd/unit-root/x/
mount options=rbind / -> /run/systemd/unit-rootfs/
mount options=rbind / -> /run/systemd/mount-root/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /mnt/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /r/
mount options=rbind / -> /r/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /ru/
mount options=rbind / -> /ru/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /runx/
mount options=rbind / -> /runx/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/s/
mount options=rbind / -> /run/s/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/sys/
mount options=rbind / -> /run/sys/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemx/
mount options=rbind / -> /run/systemx/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemdx/
mount options=rbind / -> /run/systemdx/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/x/
mount options=rbind / -> /run/systemd/x/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/mount-rootx/
mount options=rbind / -> /run/systemd/mount-rootx/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/mount-rootfsx/
mount options=rbind / -> /run/systemd/mount-rootfsx/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/mounts/
mount options=rbind / -> /run/systemd/mounts/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/units/
mount options=rbind / -> /run/systemd/units/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/unit-r/
mount options=rbind / -> /run/systemd/unit-r/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/unit-rootx/
mount options=rbind / -> /run/systemd/unit-rootx/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/unit-root/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/unit-root/s/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/unit-root/mnt/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/unit-root/sysx/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/unit-root/sys/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/unit-root/sys/fs/cgroup/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/unit-root/sys/class/net/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/unit-root/sys/kernel/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/unit-root/sys/kernels/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/unit-root/sys/kern/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/unit-root/sys/kernel/mm/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/unit-root/sys/kernel/debugx/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/unit-root/sys/kernel/security/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/unit-root/sys/kernel/tracingx/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/unit-root/sys/kernel/trace/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/unit-root/sys/kernel/de/
mount options=rbind /run/systemd/unit-root/sys/kernel/ -> /run/systemd/unit-root/sys/kernel/debug/
mount options=rbind /run/systemd/unit-root/sys/kernel/debugx/ -> /run/systemd/unit-root/sys/kernel/debug/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/x/ -> /run/systemd/unit-root/sys/kernel/debug/
mount options=rbind /run/systemd/unit-root/sys/kernel/deb/ -> /run/systemd/unit-root/sys/kernel/debug/
mount options=rbind /run/systemd/unit-root/sys/kernel/tracing/x/ -> /run/systemd/unit-root/sys/kernel/debug/
mount options=rbind /run/systemd/unit-root/sys/kernel/tracingx/ -> /run/systemd/unit-root/sys/kernel/debug/
mount options=rbind /run/systemd/unit-root/sys/kernel/tr/ -> /run/systemd/unit-root/sys/kernel/debug/
mount options=rbind /run/systemd/unit-root/sys/kernel/mm/ -> /run/systemd/unit-root/sys/kernel/debug/
mount options=rbind /run/systemd/unit-root/sys/kernel/security/ -> /run/systemd/unit-root/sys/kernel/debug/
mount options=rbind /run/systemd/unit-root/sys/kernelx/ -> /run/systemd/unit-root/sys/kernel/debug/
mount options=rbind /run/systemd/unit-root/sys/k/ -> /run/systemd/unit-root/sys/kernel/debug/
mount options=rbind /run/systemd/unit-root/sys/kern/ -> /run/systemd/unit-root/sys/kernel/debug/
mount options=rbind /run/systemd/unit-root/sys/power/ -> /run/systemd/unit-root/sys/kernel/debug/
mount options=rbind /run/systemd/unit-root/sys/fs/ -> /run/systemd/unit-root/sys/kernel/debug/
mount options=rbind /run/systemd/unit-root/sys/fs/selinux/ -> /run/systemd/unit-root/sys/kernel/debug/
mount options=rbind /run/systemd/unit-root/sys/fs/b/ -> /run/systemd/unit-root/sys/kernel/debug/
mount options=rbind /run/systemd/mount-rootfs/sys/kernel/tracing/ -> /mnt/
mount options=bind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/unit-root/sys/kernel/debug/
mount options=bind / -> /run/systemd/unit-root/
mount options=bind /run/systemd/unit-root/ -> /mnt/
mount options=rbind /run/systemd/unit-root/ -> /mnt/
mount options=move /run/systemd/mount-rootfs/ -> /mnt/
mount options=bind /run/systemd/unit-root/sys/ -> /mnt/
mount options=rbind /run/systemd/mount-rootfs/sys/ -> /mnt/
mount options=bind /run/systemd/unit-root/sys/kernel/ -> /run/systemd/unit-root/sys/fs/cgroup/
mount options=rbind /run/systemd/unit-root/sys/fs/ -> /mnt/
mount options=bind /run/systemd/unit-root/dev/.lxc/proc/ -> /mnt/
mount options=rbind /run/systemd/unit-root/dev/ -> /mnt/
mount options=move /run/systemd/unit-root/sys/ -> /mnt/
mount options=move /run/systemd/unit-root/sys/kernel/security/ -> /mnt/
mount options=move /run/systemd/unit-root/proc/ -> /mnt/
mount options=move /run/systemd/unit-root/dev/.lxc/proc/ -> /mnt/
mount options=remount -> /mnt/
mount options=remount,bind -> /proc/sys/
mount options=remount,bind -> /run/systemd/unit-root/proc/
mount options=remount,bind,nosuid,nodev,noexec -> /proc/sys/
mount options=remount,bind,nosuid,nodev,noexec -> /run/systemd/unit-root/proc/sys/
mount options=remount,bind,nosuid,nodev,noexec -> /run/systemd/unit-root/sys/
mount options=remount,nosuid,nodev,noexec -> /run/systemd/unit-root/proc/
mount options=remount,nosuid,nodev,noexec -> /mnt/
mount options=ro,remount -> /
'

# Meant to work, besides what the conflict names.
wanted='
mount options=rprivate -> /
mount options=rshared -> /
mount options=shared -> /var/lib/kubelet/
mount options=slave -> /x/
mount options=runbindable -> /x/
mount fstype=overlay options=relatime data=lowerdir=a,upperdir=b,workdir=c overlay -> /var/lib/docker/overlay2/id/merged/
mount fstype=cgroup2 options=ro,nosuid,nodev,noexec,relatime cgroup -> /r/sys/fs/cgroup/
mount fstype=cgroup options=nosuid,nodev,noexec data=memory cgroup -> /r/sys/fs/cgroup/memory/
mount fstype=tmpfs options=nosuid,nodev,noexec data=mode=1777,size=67108864 shm -> /var/lib/docker/containers/id/mounts/shm/
mount fstype=tmpfs options=ro tmpfs -> /proc/acpi/
mount fstype=fuse.fuse-overlayfs options=nodev,noatime data=fd=3 x -> /r/
mount options=bind /dev/null -> /proc/timer_list
mount options=bind /dev/pts/0 -> /r/dev/console
mount options=bind / -> /run/docker/netns/1
mount options=bind /proc/meminfo -> /r/proc/meminfo
mount options=rbind /sys/fs/cgroup/x/ -> /r/sys/fs/cgroup/
mount options=rbind /srv/data/ -> /r/data/
mount options=ro,remount,rbind -> /r/data/
mount options=ro,remount,bind,nosuid,nodev,relatime -> /r/data/
mount options=ro,remount,bind -> /
mount options=move /tmp/x/ -> /r/y/
umount /r/
mount options=move -> /
mount options=move -> /tmp/
mount options=move -> /dev/mqueue/
mount options=move -> /proc/
mount options=move -> /run/credentials/x.service/
mount options=move -> /run/systemd/mount-rootfs/proc/
mount options=rslave -> /
mount options=rbind / -> /run/systemd/unit-root/
mount options=rbind / -> /run/systemd/mount-rootfs/
mount options=bind /etc/hostname -> /run/systemd/unit-root/etc/hostname
mount options=rbind /run/systemd/unit-root/etc/ -> /run/systemd/unit-root/etc/
mount options=rbind /run/systemd/unit-root/sys/fs/cgroup/ -> /run/systemd/unit-root/sys/fs/cgroup/
mount options=rbind /run/systemd/mount-rootfs/sys/kernel/debug/ -> /run/systemd/mount-rootfs/sys/kernel/debug/
mount options=rbind /run/systemd/mount-rootfs/sys/kernel/tracing/ -> /run/systemd/mount-rootfs/sys/kernel/tracing/
mount options=rbind /run/systemd/unit-root/sys/kernel/debug/ -> /run/systemd/unit-root/sys/kernel/debug/
mount options=rbind /run/systemd/unit-root/sys/kernel/tracing/ -> /run/systemd/unit-root/sys/kernel/tracing/
mount options=rbind /run/systemd/mount-rootfs/sys/fs/bpf/ -> /run/systemd/mount-rootfs/sys/fs/bpf/
mount options=rbind /run/systemd/unit-root/proc/sys/ -> /run/systemd/unit-root/proc/sys/
mount options=move /tmp/namespace-dev-x/dev/ -> /run/systemd/unit-root/dev/
mount options=move /run/systemd/unit-root/ -> /
mount options=move /run/systemd/mount-rootfs/ -> /
mount options=ro,nosuid,nodev,noexec,remount,bind -> /run/systemd/unit-root/proc/
mount options=nosuid,nodev,noexec,remount,bind -> /run/systemd/unit-root/proc/
mount options=nosuid,nodev,noexec,remount,bind,relatime -> /run/systemd/mount-rootfs/proc/
mount options=ro,nosuid,nodev,noexec,remount,bind -> /dev/shm/
mount fstype=proc options=nosuid,nodev,noexec data=hidepid=invisible proc -> /run/systemd/unit-root/proc/
mount fstype=ramfs options=nosuid,nodev,noexec data=mode=0700 ramfs -> /dev/shm/
mount fstype=ramfs options=nosuid,nodev,noexec,nosymfollow ramfs -> /dev/shm/
mount options=move /dev/shm/ -> /run/credentials/x.service/
mount fstype=tmpfs options=nosuid,nodev tmpfs -> /run/credentials/
mount fstype=bpf options=nosuid,nodev,noexec data=mode=0700 bpf -> /sys/fs/bpf/
mount fstype=bpf bpf -> /sys/fs/bpf/
mount fstype=binfmt_misc binfmt_misc -> /proc/sys/fs/binfmt_misc/
mount fstype=binfmt_misc options=nosuid,nodev,noexec binfmt_misc -> /proc/sys/fs/binfmt_misc/
mount fstype=sysfs sysfs -> /sys/
mount fstype=sysfs options=nosuid,nodev,noexec sysfs -> /sys/
'

# Which of these needs are refused, one a line.
refused_of() {
	mkdir -p "$T/patches"
	{
		printf 'Conflict: runc-detached-procfs\nTitle: t\nDescription: d\nProfiles: lxc-*\nNeeds:\n'
		printf '%s\n' "$1" | sed -n 's/^./ &/p'
		printf '\nScope: net\nDefault: yes\nDescription: d\nGive-Back: /sys/net{,/**} w\nAccess: /sys/net/x w\n'
	} >"$T/patches/runc-detached-procfs.conflict"
	"$NESTFIX" --patches "$T/patches" --root "$root" --parser "$parser" --json check profile:$name |
		jq -r '.obstacles[].needs[]'
}

on() {
	parser=$REAL/$1/apparmor_parser
	lay_out "$1"
	label="$1, parser $("$parser" --version | sed -n '1s/.* //p')"
	ok "$label: it compiles, without a warning" compiles
	ok "$label: check finds nothing in the way" is_healthy
	ok "$label: its file rules are those of container-base but for /sys/net" file_rules_are_base
	is "$label: the other mounts of nested containers work" "$(refused_of "$wanted")" ''
	is "$label: no other mount does" "$(refused_of "$unwanted")" "$(printf '%s' "$unwanted" | sed 1d)"
	case $1 in
	trixie | sid)
		ok "$label: with the rule for user namespaces only the mounts differ from LXC's" allows_userns
		ok "$label: with those for nosymfollow credentials are handed to units" knows_nosymfollow
		;;
	esac
	[ "$1" = bookworm ] || return
	ok "$label: what LXC protects stays denied" stays_denied
	ok "$label: what LXC allows is allowed" still_works
}

is 'no line is too long to read' "$(awk 'length > 132' profiles/$name)" ''
if sh tests/real/fetch.sh >"$T/fetch.log" 2>&1; then
	for suite in bullseye bookworm trixie sid; do
		if [ -x "$REAL/$suite/apparmor_parser" ]; then
			on $suite
		else
			skip "$suite" 'its packages could not be downloaded'
		fi
	done
else
	skip 'real packages' 'they could not be downloaded'
fi
tap_done
