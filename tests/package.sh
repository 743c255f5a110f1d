#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The Debian package in a throw-away root without AppArmor in the kernel: built twice, installed, upgraded, downgraded, told of
# an upgrade of LXC, removed and purged, with standard input closed. Not part of `make check`: `make check-package`.
# The root is kept in build/package; its first making takes a minute more and needs the network.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
base=/etc/apparmor.d/abstractions/lxc/container-base
packages=apparmor,liblxc-common,liblxc1,debconf,libarchive13,libpcre2-8-0,libjansson4,libapparmor1,libmd0,perl
root=$T/root
store=$TOP/build/package

give_up() {
	skip 'the package' "$1"
	tap_done
	exit 0
}
[ "$(id -u)" = 0 ] || give_up 'needs root'
for program in mmdebstrap dpkg-buildpackage dh dh_apparmor; do
	command -v $program >/dev/null || give_up "needs $program"
done

# Two builds of one tree, in folders of different names.
build() {
	mkdir -p "$T/$1/aa-nestfix"
	tar --exclude=./build --exclude=./.git -cf - . | tar -C "$T/$1/aa-nestfix" -xf -
	(cd "$T/$1/aa-nestfix" && DEB_BUILD_OPTIONS=nocheck dpkg-buildpackage -us -uc -b >"$T/$1.log" 2>&1) || {
		tail -20 "$T/$1.log"
		return 1
	}
}
ok 'builds' build one
ok 'builds once more, elsewhere' build two/deeper
deb=$(find "$T/one" -name 'aa-nestfix_*.deb')
[ -n "$deb" ] || { tap_done; exit 1; }
ok 'both packages are equal, byte for byte' cmp "$deb" "$(find "$T/two" -name 'aa-nestfix_*.deb')"
is 'its version is that of NEWS.md' "$(dpkg-deb -f "$deb" Version)" "$(sed -n 's/^## \([0-9.]*\).*/\1/p' NEWS.md | head -n 1)"
if command -v lintian >/dev/null; then
	is 'lintian --pedantic has nothing to complain of' \
		"$(lintian --allow-root --pedantic "$(find "$T/one" -name '*.changes')" 2>&1 | grep -v '^running with root')" ''
else
	skip 'lintian' 'no lintian here'
fi
echo "# size: $(stat -c %s "$deb") bytes, installed $(dpkg-deb -f "$deb" Installed-Size) KiB"

make_root() {
	mkdir -p "$store"
	[ -e "$store/root.tar" ] || {
		# shellcheck disable=SC2016
		mmdebstrap --quiet --format=tar --variant=minbase --include="$packages" \
			--customize-hook='cd "$1/root" && chroot "$1" sh -c "cd /root && apt-get download -q liblxc-common"' \
			bookworm - 2>"$T/mmdebstrap.log" >"$store/root.tar.new" &&
			mv "$store/root.tar.new" "$store/root.tar"
	}
}
make_root || give_up "no root: $(tail -n 1 "$T/mmdebstrap.log")"
mkdir "$root" && tar -C "$root" -xf "$store/root.tar"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod +x "$root/usr/sbin/policy-rc.d"

# In the root, with standard input closed: a prompt would fail.
inside() {
	DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot "$root" "$@" >"$T/out" 2>&1 <&-
}
install() {
	cp "$1" "$root/tmp/package.deb"
	shift
	inside dpkg "$@" -i /tmp/package.deb
}
# Every file, link and folder, but what dpkg and debconf keep for themselves.
files() {
	(cd "$root" && find etc usr var \( -path var/lib/dpkg -o -path var/log -o -path var/cache/debconf -o -path var/lib/apt -o \
		-path var/cache/ldconfig -o -path etc/ld.so.cache -o -path var/backups \) -prune -o -printf '%p %y %m %U:%G %l ' \
		\( -type f -exec sha256sum {} \; -o -printf '\n' \) | sort)
}
said() {
	grep '^aa-nestfix: ' "$T/out"
}
consent() {
	echo "aa-nestfix aa-nestfix/keep-conffiles-cured boolean $1" | chroot "$root" debconf-set-selections
	rm -f "$root/etc/default/aa-nestfix"
	inside dpkg-reconfigure aa-nestfix
}
# repack DEB VERSION [COMMAND]: the same package as another version, COMMAND run in its tree.
repack() {
	rm -rf "$T/repack"
	dpkg-deb -R "$1" "$T/repack"
	sed -i "s/^Version: .*/Version: $2/" "$T/repack/DEBIAN/control"
	(cd "$T/repack" && eval "${3-}")
	dpkg-deb --root-owner-group -b "$T/repack" "$T/repacked-$2.deb" >/dev/null
}

files >"$T/before"
vendor=$(sha256sum <"$root$base")
base_is_vendors() {
	[ "$(sha256sum <"$root$base")" = "$vendor" ]
}

ok 'installs, standard input closed' install "$deb"
is 'says one line, about the static profiles' "$(said)" \
	"aa-nestfix: an AppArmor rule stops runc inside LXC containers here: see 'aa-nestfix check'; 'aa-nestfix fix' cures it"
ok "does not edit LXC's configuration file" base_is_vendors
ok 'records the answer no' grep -qx KEEP_CONFFILES_CURED=no "$root/etc/default/aa-nestfix"
ok 'puts its profile, manual, completion and timer in place' test -e "$root/etc/apparmor.d/usr.sbin.aa-nestfix" -a \
	-e "$root/usr/share/bash-completion/completions/aa-nestfix" -a -e "$root/usr/share/man/man8/aa-nestfix.8.gz" -a \
	-e "$root/lib/systemd/system/aa-nestfix-check.timer"
timer_is_off() {
	! find "$root/etc/systemd" -name 'aa-nestfix*' | grep -q .
}
ok 'the timer is off' timer_is_off
ok 'reinstalls' install "$deb"
repack "$deb" 9.0
ok 'upgrades' install "$T/repacked-9.0.deb"
ok 'downgrades' install "$deb" --force-downgrade
ok "still does not edit LXC's configuration file" base_is_vendors

ok 'with consent: reconfigures' consent true
is 'with consent: nothing is left to say' "$(said)" ''
ok 'with consent: the host is cured' inside aa-nestfix check
ok 'with consent: records the answer' grep -qx KEEP_CONFFILES_CURED=yes "$root/etc/default/aa-nestfix"
ok 'reinstalls on a cured host' install "$deb"
is 'reinstalls on a cured host: silent' "$(said)" ''

# An upgrade of LXC with another text of the file, which the administrator takes.
lxc=$(find "$root/root" -name 'liblxc-common_*.deb')
repack "$lxc" 1:99.1 "echo '# another text' >>.$base"
ok 'with consent: LXC is upgraded' install "$T/repacked-1:99.1.deb" --force-depends --force-confnew
ok 'with consent: the trigger ran' grep -q 'Processing triggers for aa-nestfix' "$T/out"
ok 'with consent: the new text is cured' inside aa-nestfix check
ok 'with consent: and it is the new text' grep -q '^# another text' "$root$base"

ok 'without consent: reconfigures' consent false
repack "$lxc" 1:99.2 "echo '# a third text' >>.$base"
ok 'without consent: LXC is upgraded' install "$T/repacked-1:99.2.deb" --force-depends --force-confnew
is 'without consent: one line' "$(said | wc -l)" 1
ok 'without consent: the file is as the upgrade left it' cmp "$T/repack$base" "$root$base"

# A container whose profile is generated; then a liblxc that is cured. The triggers call the helper.
helper=/usr/libexec/aa-nestfix/postinst-helper
lxcpath=$(cd "$root" && ls -d var/lib/lxc 2>/dev/null)
add_container() {
	mkdir -p "$root/var/lib/lxc/web"
	printf 'lxc.include = /usr/share/lxc/config/common.conf\nlxc.apparmor.profile = generated\nlxc.apparmor.allow_nesting = 1\n' >"$root/var/lib/lxc/web/config"
}
remove_container() {
	rm -rf "$root/${lxcpath:-var/lib/lxc}/web"
	[ -n "$lxcpath" ] || rmdir "$root/var/lib/lxc"
}
add_container
dropin=$root/usr/share/lxc/config/common.conf.d/60-aa-nestfix.conf
no_dropin() {
	! [ -e "$dropin" ]
}
ok 'helper: a container with a generated profile' inside $helper
ok 'helper: its next start is cured' grep -q '^lxc\.' "$dropin"
is 'helper: silent, as no container uses the static profiles' "$(said)" ''
ok "helper: LXC's configuration file is as it was" cmp "$T/repack$base" "$root$base"
library=$(readlink -f "$root"/usr/lib/*/liblxc.so.1)
cp "$library" "$T/library"
# shellcheck source=tests/lib/host.sh
. tests/lib/host.sh
export host_root="$T/cured"
host_liblxc cured
cat "$T/cured/usr/lib/x86_64-linux-gnu/liblxc.so.1" >"$library"
ok 'helper: LXC is cured upstream' inside $helper
ok 'helper: the drop-in is taken away' no_dropin
cat "$T/library" >"$library"
ok 'helper: LXC is downgraded' inside $helper
ok 'helper: the drop-in is there again' grep -q '^lxc\.' "$dropin"
remove_container

# What fix did before is in force in name only: the upgrade replaced the file.
ok 'removes' inside dpkg -r aa-nestfix
ok 'removes: no drop-in is left that calls a missing program' no_dropin
ok 'installs again after removal' install "$deb"
ok 'fix by hand' inside aa-nestfix fix
ok 'removes after fix by hand' inside dpkg -r aa-nestfix
ok "removes: LXC's configuration file is as it was" cmp "$T/repack$base" "$root$base"
ok 'purges' inside dpkg -P aa-nestfix
ok 'purges: says where the last copy of the backups is' grep -q "in '/var/backups/aa-nestfix.tar'" "$T/out"
ok 'purges: the copy can be read' tar -tf "$root/var/backups/aa-nestfix.tar"
same_files() {
	install "$lxc" --force-downgrade --force-confnew --force-depends || return 1
	# dpkg kept what --force-confnew replaced; the purge of any package with a profile removes an empty folder "disable" (dh_apparmor).
	rm -f "$root$base.dpkg-old" && mkdir -p "$root/etc/apparmor.d/disable"
	files | diff "$T/before" -
}
ok 'purges: no file is left, none is changed' same_files

sed -i '/^Package: liblxc-common$/,/^$/s/^Status: .*/Status: install ok half-configured/' "$root/var/lib/dpkg/status"
rm "$root/var/backups/aa-nestfix.tar"
add_container
ok 'installs while LXC is half configured' install "$deb"
ok 'writes only its own file' grep -q '^lxc\.' "$dropin"
inside dpkg --configure -a
inside dpkg -P aa-nestfix
is 'purges: no copy of its own files is kept' "$(said)$(ls "$root/var/backups")" ''
remove_container
inside dpkg -P --force-depends liblxc-common
ok 'installs without LXC' install "$deb"
is 'installs without LXC: silent' "$(said)" ''
mv "$root/sbin/apparmor_parser" "$root/sbin/apparmor_parser.away"
ok 'reinstalls without apparmor_parser' install "$deb"
ok 'purges without apparmor_parser' inside dpkg -P aa-nestfix

# The contract of the helper for others.
install "$deb"
ok 'helper: nothing to do, exit status 0' inside $helper
is 'helper: nothing to do, silent' "$(cat "$T/out")" ''
misused() {
	inside $helper nonsense
	[ $? = 2 ]
}
ok 'helper: misused, exit status 2' misused
tap_done
