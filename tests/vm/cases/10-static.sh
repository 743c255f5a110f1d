# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2086,SC2154,SC2119
# Static profiles. One that lets runc mount: cured in scope net, and only there. The stock ones: the rule goes, but runc still
# meets a mount that they refuse, and `check` must not promise more. What LXC protects stays protected. probe agrees with runc.

profiles='lxc-default-cgns lxc-default-with-nesting lxc-vm-static'

prepare() {
	container priv static-priv
	container unpriv static-unpriv
	container nesting nesting-priv
	container cgns cgns-priv
	container bare static-priv "${bare_mounts[@]}"
	start priv && start unpriv && start nesting && start cgns && start bare
}

before() {
	refused priv $net
	denied_in_log /sys/net/ipv4/ip_unprivileged_port_start
	refused unpriv $net
	tool 1 probe priv unpriv
	refused_mount nesting
	refused_mount cgns
	tool 1 check
	says 'abstractions/lxc/container-base:[0-9]+'
	says 'deny /sys/\[\^fdc\]\*\{,/\*\*\} wklx,'
	says 'mount'
}

# The mounts that the stock profiles refuse remain, so that neither fix nor check ends with 0.
cure() { tool 1 fix --yes; }

after() {
	works priv $net
	refused priv $ipc $uts
	works unpriv $net
	tool 0 probe priv unpriv
	refused_mount nesting
	refused_mount cgns
	tool 1 check profile:lxc-container-default-cgns
	says 'still in the way: mount'
	open_in bare refused $behind_the_rule $behind_others
	tool 1 fix --yes
	says 'Nothing that a fix could change'
}

# Why not simply take the rule out: the same files, without it; and harden, which puts it back but for what runc needs.
afterwards() {
	phase='rule commented out'
	sed -i 's|^ *deny /sys/\[^fdc\]\*{,/\*\*} wklx,$|  #&|' /etc/apparmor.d/abstractions/lxc/container-base
	limit 150 'the reload of lxc-containers' apparmor_parser -r -K /etc/apparmor.d/lxc-containers
	open_in bare opens $behind_the_rule
	tool 1 check
	says 'Opened by hand'
	tool 0 harden --yes
	open_in bare refused $behind_the_rule $behind_others
	works priv $net
	tool 0 rollback --yes
	open_in bare opens $behind_the_rule
	tool 0 harden --yes
	tool 0 rollback --all --yes
	sed -i 's|^  # *deny /sys/\[^fdc\]|  deny /sys/[^fdc]|' /etc/apparmor.d/abstractions/lxc/container-base
	phase='rule deleted'
	sed -i '\|^ *deny /sys/\[^fdc\]\*{,/\*\*} wklx,$|d' /etc/apparmor.d/abstractions/lxc/container-base
	limit 150 'the reload of lxc-containers' apparmor_parser -r -K /etc/apparmor.d/lxc-containers
	open_in bare opens $behind_the_rule
	open_in bare refused $behind_others
}
