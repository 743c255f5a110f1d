# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2086,SC2154,SC2119
# The Debian package on a machine that never had the tool, with a container running all the time: installed, LXC upgraded,
# reinstalled in a chroot, downgraded, removed, purged; and installed while AppArmor is off. Nobody can be asked, standard input is
# closed. In the end all of /etc, /usr and /var is as before, and so is the kernel's policy.
#
# Most of the time goes into compiling LXC's static profiles, so only one of them is on the machine. tests/package.sh has them
# all, and the administrator's consent, natively.

debs=$job/debs
base=/etc/apparmor.d/abstractions/lxc/container-base
sysctl=net.ipv4.ip_unprivileged_port_start
work=/run/package-case

run_dpkg() {
	limit 120 "dpkg $*" ${in_root:+chroot "$in_root"} env DEBIAN_FRONTEND=noninteractive \
		sh -c 'exec dpkg "$@" <&-' dpkg "$@" >"$said" 2>&1
}

# dpkg_does TEXT ARGUMENT…: what it said is in $said; in the folder $in_root, if that is set.
dpkg_does() {
	local text=$1

	shift
	said=$out/$case/dpkg-$(find "$out/$case" -name 'dpkg-*' | wc -l)
	is "$text" run_dpkg "$@" || show "$said" 20
}

says_nothing() {
	is 'it says nothing' [ -z "$(grep '^aa-nestfix:' "$said")" ] || show "$said" 20
}

# Kinds, modes, owners, sizes, times, and the bytes of what may have been written: all of /etc and /var; and of /usr what changed
# since the start, together with the package that is upgraded here. dpkg's and debconf's own books do not count, nor do compiled
# profiles, but for the own one.
trees() {
	find /etc /usr /var \( -path /var/lib/dpkg -o -path /var/lib/vm -o -path /var/log -o -path /var/cache/debconf \
		-o -path /var/cache/ldconfig -o -path /etc/ld.so.cache \) -prune -o \
		-type d -printf '%p %y %m %u:%g\n' -o -path '/var/cache/apparmor/*' ! -name '*nestfix*' \
		-o -printf '%p %y %m %u:%g %s %T@ %l\n' >"$work/list"
	awk '/^\/(etc|var)\// && $2 == "f" { print $1 }' "$work/list" >"$work/written"
	find /usr -type f -newercc "$work/start" >>"$work/written"
	sort "$work/list"
	cat "$work/written" "$work/of-lxc" | sort -u | xargs -d '\n' sha256sum
}

remember_trees() {
	local file

	mkdir -p "$work"
	dpkg -L liblxc-common | while IFS= read -r file; do
		[ ! -f "$file" ] || [ -h "$file" ] || printf '%s\n' "$file"
	done >"$work/of-lxc"
	: >"$work/start"
	trees >"$work/before"
}

# As before, but what PATTERN matches. The purge of any package with a profile removes an empty folder "disable" (dh_apparmor).
trees_are_as_before() { # TEXT PATTERN
	local but="$2|^/etc/apparmor.d/disable d "

	trees | grep -vE -- "$but" >"$work/now"
	grep -vE -- "$but" "$work/before" >"$work/then"
	diff "$work/then" "$work/now" >"$out/$case/differs"
	is "$1" [ ! -s "$out/$case/differs" ] || show "$out/$case/differs" 20
}

# What the kernel holds, the policy of the container among it.
policy() {
	kernel_state
	cat /sys/kernel/security/apparmor/policy/profiles/lxc-web_*/{name,mode,sha*}
}

policy_is_as_in() { # FILE
	diff "$work/$1" <(policy) >"$out/$case/differs"
	is "the kernel's policy is as before" [ ! -s "$out/$case/differs" ] || show "$out/$case/differs"
}

# No proc, no sys, only the files.
reinstall_in_a_chroot() {
	local in_root=/run/chroot

	phase='in a chroot'
	mkdir -p $in_root
	mount --bind / $in_root
	policy >"$work/cured"
	dpkg_does 'reinstalls' -i /root/package.deb
	says_nothing # what is left stands in profiles that no container uses
	policy_is_as_in cured
	umount $in_root
}

install_and_upgrade() {
	phase=install
	dpkg_does 'installs' -i "$debs/package.deb"
	says_nothing # what is left stands in profiles that no container uses
	works web $sysctl
	own_profile_suffices
	phase='LXC upgraded'
	dpkg_does 'LXC is upgraded' --force-depends -i "$debs/next-liblxc-common.deb"
	is 'the trigger ran' grep -q 'Processing triggers for aa-nestfix' "$said"
	says_nothing # what is left stands in profiles that no container uses
	is "LXC's file is as the upgrade left it" cmp "$debs/next-container-base" $base
	works web $sysctl
	reinstall_in_a_chroot
	phase=
	dpkg_does 'downgrades' -i "$debs/older.deb"
	works web $sysctl
	own_profile_suffices
}

remove_and_purge() {
	phase=removed
	dpkg_does 'removes' -r aa-nestfix
	says_nothing
	own_profile_refuses_nothing
	refused web $sysctl
	policy_is_as_in policy
	trees_are_as_before 'files are as before, but those that dpkg keeps' "(^| )/(etc|var)/.*nestfix| $base\$|^$base "
	phase=purged
	dpkg_does 'purges' -P aa-nestfix
	says_nothing
	policy_is_as_in policy
	trees_are_as_before 'no file is left, none is changed' " $base\$|^$base "
	is "LXC's file is as the upgrade left it" cmp "$debs/next-container-base" $base
}

# The cases behind this one get LXC's policy as it was.
bare() {
	mkdir /root/lxc
	cp -a $base /root/
	mv /etc/apparmor.d/lxc/lxc-default-* /root/lxc/
	load_policy_as_boot_does bare
	with_one_static_profile
	mv /root/lxc/* /etc/apparmor.d/lxc/
	mv /root/container-base $base
}

with_one_static_profile() {
	container web generated-unpriv
	start web || return
	phase=before
	refused web $sysctl
	remember_trees
	policy >"$work/policy"
	cp "$debs/package.deb" /root/
	install_and_upgrade
	remove_and_purge
	phase=
	still_runs web
}

stage_off() {
	phase='AppArmor off'
	is 'the kernel has no AppArmor' grep -qx N /sys/module/apparmor/parameters/enabled
	container web generated-unpriv
	rm /etc/apparmor.d/lxc-containers
	remember_trees
	dpkg_does 'installs' -i "$debs/package.deb"
	says_nothing
	is_cured_upstream || is 'the drop-in waits for AppArmor' [ -s "$dropins/60-aa-nestfix.conf" ]
	dpkg_does 'purges' -P aa-nestfix
	trees_are_as_before 'no file is left, none is changed' '^$'
}
