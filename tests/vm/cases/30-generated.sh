# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2086,SC2154,SC2119
# Generated profiles, as Debian's and Proxmox's containers have them, with Docker. On trixie and sid LXC is cured for nesting:
# there the rules of bookworm are given back through lxc.apparmor.raw.
todo='generated profiles are not cured yet'

prepare() {
	container priv generated-priv
	container unpriv generated-unpriv
	start priv && start unpriv
}

before() {
	refused priv $net
	refused unpriv $net
	denied_in_log /sys/net/ipv4/ip_unprivileged_port_start
	docker_refused unpriv
}

after() {
	works priv $net
	refused priv $ipc $uts
	works unpriv $net
	docker_works priv
	docker_works unpriv
}
