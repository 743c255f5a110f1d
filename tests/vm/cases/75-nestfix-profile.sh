# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2086,SC2154,SC2119
# The shipped profile for nested containers: runc and Docker work, with and without privilege.

profiles=lxc-container-nestfix

prepare() { :; }
before() { :; }
cure() {
	container priv nestfix-priv
	container unpriv nestfix-unpriv
	container bare nestfix-priv "${bare_mounts[@]}"
	start priv && start unpriv && start bare
}
after() {
	works priv $net
	works unpriv $net
	docker_works unpriv
	open_in bare refused $behind_the_rule $behind_others
}
undo() { :; }
