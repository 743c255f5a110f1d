# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2086,SC2154,SC2119
# A container whose AppArmor was switched off to get round the bug, by two lines at the end of its configuration, comes back
# under its profile, and runc and Docker still work in it.

prepare() {
	container open generated-unpriv 'lxc.apparmor.profile = unconfined' \
		'lxc.mount.entry = /dev/null sys/module/apparmor/parameters/enabled none bind 0 0'
	start open
}
before() {
	works open $net
	is 'the container has no AppArmor' [ "$(label_of open)" = unconfined ]
}
cure() {
	tool 0 fix --yes
	tool 0 harden --yes open
	stop open
	start open
}
after() {
	is 'the container is under its own profile again' grep -q '^lxc-open_<' <(label_of open)
	works open $net
	docker_works open
}
undo() {
	tool 0 rollback --yes
	tool 0 rollback --yes
	stop open
	start open
}
