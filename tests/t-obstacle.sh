#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What else is in the way, as real kernels showed it (runc 1.3.6 under the stock static profiles): the first mount that they
# refused there is the first that check names, and fix does not claim that runc works then.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
. "$TOP/tests/lib/host.sh"
REAL=$TOP/build/real
rootfs=/var/lib/docker/overlay2/id/merged/

# The first need that each profile refuses.
first() {
	jq -r --arg p "$1" '.obstacles[] | select(.profile == $p) | .needs[0]' "$T/out"
}

lay_out() {
	rm -rf "$T/root"
	cp -a "$1" "$T/root"
}

# SUITE PROFILE NEED
kernel_refused() {
	lay_out "$REAL/$1/root"
	run_tool 1 --root "$T/root" --parser "$REAL/$1/apparmor_parser" --json check
	is "$1: $2 is refused what the kernel refused" "$(first "$2")" "$3"
}

# A cured rule is no cured container.
fix_is_honest() {
	lay_out tests/fixtures/sample-host
	run_tool 1 --root "$T/root" fix && ! grep 'Docker runs in' "$T/out" &&
		has "web1: its profile refuses mounts: mount options=private -> $rootfs" "$T/out" &&
		has "'lxc.apparmor.profile = generated'" "$T/out"
}

cured_is_honest() {
	run_tool 1 --root "$T/root" check && has 'Docker will FAIL in 1 of 1' "$T/out" && has 'its profile refuses' "$T/out"
}

# A profile that grants the mounts, as an administrator writes it.
mounting_profile() {
	lay_out tests/fixtures/sample-host
	cat >"$T/root/etc/apparmor.d/lxc/lxc-own" <<-X
		profile lxc-own flags=(attach_disconnected,mediate_deleted) {
		  #include <abstractions/lxc/container-base>
		  mount,
		  pivot_root,
		}
	X
	run_tool 1 --root "$T/root" --json check profile:lxc-own && [ "$(jq -c .obstacles "$T/out")" = '[]' ] &&
		run_tool 1 --root "$T/root" check profile:lxc-own && ! grep 'in the way' "$T/out"
}

# Their texts are equal but for the name, so that one stands for all: more than could be compiled.
many_containers() {
	rm -rf "$T/root"
	host_many 60 "$T/root" lxc
	for i in $(seq 60); do
		mv "$T/root/var/lib/lxc/ct$i" "$T/root/var/lib/lxc/ct$i.example.org"
		host_generated /var/lib/lxc "ct$i.example.org" nesting
	done
	run_tool 1 --root "$T/root" -v check && ! grep 'not looked at' "$T/err"
}

without_parser() {
	run_tool 4 --root "$T/root" --parser /nonexistent check && has "cannot find the program '/nonexistent'" "$T/err"
}

if command -v apparmor_parser >/dev/null; then
	ok 'fix says what is still in the way' fix_is_honest
	ok 'check of a cured host says it, too' cured_is_honest
	ok 'all of many containers are asked' many_containers
	ok 'nothing is in the way of a profile that may mount' mounting_profile
	ok 'without a parser nothing is claimed' without_parser
else
	skip 'obstacles' 'there is no apparmor_parser'
fi
if sh tests/real/fetch.sh >"$T/fetch.log" 2>&1; then
	kernel_refused bookworm lxc-container-default-cgns 'mount options=rslave -> /'
	kernel_refused bookworm lxc-container-default-with-nesting "mount options=private -> $rootfs"
	for suite in trixie sid; do
		kernel_refused $suite lxc-container-default-cgns "mount options=rbind $rootfs -> $rootfs"
		kernel_refused $suite lxc-container-default-with-nesting "mount options=rbind $rootfs -> $rootfs"
	done
else
	skip 'real packages' 'they could not be downloaded'
fi
tap_done
