# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2086,SC2154,SC2119
# Generated profiles, as Debian's and Proxmox's containers have them, with Docker. On trixie and sid LXC is cured for nesting:
# there the rules of bookworm are given back through lxc.apparmor.raw. The cure holds through a restart of the container and
# for containers that are made later; after the rollback a restart brings LXC's own text.

docker_run='lxc-attach -n unpriv -- docker run --rm --network none local/busybox /bin/busybox cat /proc/sys/net/ipv4/ip_unprivileged_port_start'

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
	scene "$docker_run" "$out/$case/docker"
	tool 1 check unpriv
	scene 'aa-nestfix check unpriv' "$said"
	tool 1 probe priv unpriv
}

cure() {
	phase='one alone'
	tool 0 fix --only=priv --yes
	works priv $net
	refused unpriv $net
	tool 0 check priv
	tool 1 check unpriv
	tool 0 rollback --all --yes
	refused priv $net
	phase=fix
	tool 0 fix --yes
	scene 'aa-nestfix fix' "$said"
}

after() {
	works priv $net
	refused priv $ipc $uts
	works unpriv $net
	docker_works priv
	docker_works unpriv
	scene "$docker_run" "$out/$case/docker"
	tool 0 probe priv unpriv
	still_runs priv
	still_runs unpriv
	in_container priv sed -i '/^Package: runc$/,/^$/s/^Status: install /Status: hold /' /var/lib/dpkg/status
	tool 0 -v check
	says 'In priv: runc .* is on hold'
	phase=restarted
	stop priv
	start priv && works priv $net
	container late generated-unpriv
	start late && works late $net
}

undo() {
	tool 0 rollback --yes
	stop late
	rm "$out/$case/init-late"
}

afterwards() {
	phase='rollback, restarted'
	stop priv
	start priv && refused priv $net
}
