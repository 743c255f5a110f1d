# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2086,SC2154,SC2119
# All scopes: every sysctl that runc takes works, under static and generated profiles, and nothing else is opened. Without
# privilege kernel.domainname is left out: there the kernel itself refuses it.

profiles=lxc-vm-static

prepare() {
	container static static-priv
	container bare static-priv "${bare_mounts[@]}"
	container gen generated-priv
	container unpriv generated-unpriv
	start static && start bare && start gen && start unpriv
}

before() {
	refused static $net $ipc $uts
	refused gen $net $ipc $uts
	refused unpriv $net $ipc
}

cure() { tool 0 fix --yes --scope net,ipc,uts; }

after() {
	works static $net $ipc $uts
	open_in bare refused $behind_the_rule $behind_others
	works gen $net $ipc $uts
	works unpriv $net $ipc
}
