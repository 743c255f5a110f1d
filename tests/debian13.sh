#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# debian13.sh: the unit and program tests of these sources on Debian 13, in a root of its own below build/debian13 (made once,
# with mmdebstrap, from the mirror that this machine's apt uses). Needs root. Exit status: that of `make check` in there.
set -eu
cd "$(dirname "$0")/.."
top=$PWD
base=$top/build/debian13
root=$base/root

# What `make check` needs; the list of ./test without compilers for fuzzing and without linters.
packages='gcc make pkg-config gettext locales libc6-dev perl libapparmor-dev libpcre2-dev libarchive-dev libjansson-dev libmd-dev
	apparmor apparmor-profiles apparmor-profiles-extra liblxc-common lxc acl attr jq git
	man-db mandoc bash-completion zsh fish strace'

mirror() {
	sed -n 's/^URIs: *\(http[^ ]*\/debian\) *$/\1/p; s/^deb  *\(\[[^]]*\] *\)\{0,1\}\(http[^ ]*\/debian\)\/\{0,1\} .*/\2/p' \
		/etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1
}

make_root() {
	[ "$(cat "$base/complete" 2>/dev/null)" != "$packages" ] || return 0
	command -v mmdebstrap >/dev/null ||
		DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends mmdebstrap >/dev/null
	rm -rf "$base"
	mkdir -p "$base"
	# shellcheck disable=SC2086
	mmdebstrap --quiet --variant=minbase --include="$(echo $packages | tr ' ' ,)" trixie "$root" "$(mirror)" >"$base/log" 2>&1 || {
		tail -n 20 "$base/log" >&2
		echo "debian13: cannot make a root of Debian 13 in $root" >&2
		exit 1
	}
	echo "$packages" >"$base/complete"
}

# In a mount namespace of its own, so that nothing stays mounted. The checkout has the same path inside as outside.
inside() {
	# shellcheck disable=SC2016
	exec unshare --mount --propagation private sh -euc '
		mount -t tmpfs tmp "$2/tmp"
		mkdir -p "$2$1"
		mount --rbind "$1" "$2$1"
		mount --rbind /proc "$2/proc"
		mount --rbind /sys "$2/sys"
		mount --rbind /dev "$2/dev"
		cp -L /etc/resolv.conf "$2/etc/resolv.conf" 2>/dev/null || :
		exec chroot "$2" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
			sh -euc "cd \"\$0\"; make --silent -j2 DEV=1 B=build/debian13/release all
			make --silent -j2 DEV=1 B=build/debian13/release check" "$1"
	' debian13 "$top" "$root"
}

[ "$(id -u)" = 0 ] || {
	echo 'debian13: only root can make a root of Debian 13' >&2
	exit 1
}
make_root
inside
