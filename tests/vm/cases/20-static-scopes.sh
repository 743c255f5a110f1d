# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2086,SC2154,SC2119
# All scopes: every sysctl that runc takes works under a static profile, and nothing else is opened.
prepare() {
	container priv static-priv
	container bare static-priv "${bare_mounts[@]}"
	start priv && start bare
}

before() { refused priv $net $ipc $uts; }
cure() { tool 0 fix --yes --scope net,ipc,uts; }
after() {
	works priv $net $ipc $uts
	open_in bare refused $behind_the_rule $behind_others
}
