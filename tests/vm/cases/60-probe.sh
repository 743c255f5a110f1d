# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2086,SC2154,SC2119
# probe asks the kernel, and must agree with runc: status 1 where runc is refused, 0 where it works.
todo='there is no probe yet'

prepare() {
	container static static-priv
	container gen generated-unpriv
	start static && start gen
}
before() {
	refused static net.ipv4.ip_unprivileged_port_start
	refused gen net.ipv4.ip_unprivileged_port_start
	[ "$phase" = before ] || tool 1 probe static
	[ "$phase" = before ] || tool 1 probe gen
}
cure() {
	tool 1 probe static
	tool 1 probe gen
	tool 0 fix --yes
}
after() {
	works static net.ipv4.ip_unprivileged_port_start
	works gen net.ipv4.ip_unprivileged_port_start
	tool 0 probe static
	tool 0 probe gen
}
