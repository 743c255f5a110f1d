#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# fix --only: one container is cured for good, by lines of its own, and nothing else of the host is touched.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
# shellcheck source=tests/lib/host.sh
. tests/lib/host.sh
if [ "$(id -u)" != 0 ] || ! command -v jq >/dev/null; then
	skip 'fix --only' 'needs root and jq'
	tap_done
	exit
fi
sh tests/real/fetch.sh >"$T/fetch.log" 2>&1 || sed 's/^/# /' "$T/fetch.log"
root=$T/root
old=$TOP/build/real/bookworm/apparmor_parser
new=$TOP/build/real/trixie/apparmor_parser
dropin=$root/usr/share/lxc/config/common.conf.d/60-aa-nestfix.conf
rule='priority=1 allow /sys/net{,/**} w,'

# lay_out PARSER: a host with LXC whose apparmor has that version, and two containers.
lay_out() {
	parser=$1
	rm -rf "$root"
	host_base "$root"
	host_liblxc denies
	mkdir -p "$root/var/lib/dpkg"
	[ "$parser" = "$old" ] || printf 'Package: %s\nStatus: install ok installed\nVersion: %s\n\n' apparmor 4.1.0-1 lxc 1:6.0.4-4 >"$root/var/lib/dpkg/status"
	install -D -m 755 /dev/null "$root/usr/sbin/aa-nestfix"
	container canary
	container other
}

container() { # NAME LINE…
	container_name=$1
	shift
	mkdir -p "$root/var/lib/lxc/$container_name"
	printf '%s\n' 'lxc.include = /usr/share/lxc/config/common.conf' 'lxc.apparmor.profile = generated' 'lxc.apparmor.allow_nesting = 1' "$@" \
		>"$root/var/lib/lxc/$container_name/config"
	cp "$root/var/lib/lxc/$container_name/config" "$T/$container_name"
	chmod -R go-w "$root"
}

aa() { # STATUS ARGUMENT…
	wanted=$1
	shift
	run_tool "$wanted" --root "$root" --parser "$parser" "$@"
}
added() { # NAME: what was added to its configuration
	diff "$T/$1" "$root/var/lib/lxc/$1/config" | sed -n 's/^> //p'
}
answers() {
	aa 1 --json check
	jq -r '.containers[] | "\(.name) \(.next.word)"' "$T/out"
}
not() { ! "$@"; }

one_of_two() { # LINE, as a pattern
	ok '  fix --only' aa 0 fix --only canary
	ok '  writes the line' sh -c "printf '%s\n' \"\$1\" | grep -qx -- \"\$2\"" sh "$(added canary)" "$1"
	ok '  into no other configuration' cmp "$T/other" "$root/var/lib/lxc/other/config"
	ok '  and no drop-in' test ! -e "$dropin"
	is '  it works, and the other does not' "$(answers)" "$(printf 'canary works\nother stopped')"
	ok '  check of it' aa 0 -v check canary
	ok '  says by what' has '/var/lib/lxc/canary/config' "$T/out"
	ok '  once more' aa 0 fix --only canary
	ok '  there is nothing to do' has 'that is set already' "$T/out"
	ok '  rollback' aa 0 rollback
	ok '  brings back every byte' cmp "$T/canary" "$root/var/lib/lxc/canary/config"
}

if [ -x "$old" ] && [ -x "$new" ]; then
	lay_out "$old"
	ok 'a parser without priorities' aa 1 check
	one_of_two "lxc.hook.start-host = /bin/sh -c '/usr/sbin/aa-nestfix --scope net hook lxc -- .*"
	rm "$root/usr/sbin/aa-nestfix"
	ok '  without the program that the hook calls: refused' aa 3 fix --only canary
	ok '  and nothing is written' cmp "$T/canary" "$root/var/lib/lxc/canary/config"
	lay_out "$new"
	ok 'a parser with them' aa 1 check
	one_of_two "lxc.apparmor.raw = priority=1 allow /sys/net{,/\*\*} w,"
	container canary 'lxc.apparmor.raw = deny /sys/net/ipv4/ip_forward w,'
	ok 'a container that denies itself something' aa 0 fix --only canary
	ok '  keeps that' not grep -q priority= "$root/var/lib/lxc/canary/config"
	ok '  by the hook' grep -q '^lxc.hook.start-host' "$root/var/lib/lxc/canary/config"
	container canary 'lxc.apparmor.profile = lxc-container-default-cgns'
	ok 'a static profile: refused' aa 3 fix --only canary
	ok '  with the reason' has 'its profile is no generated one' "$T/err"
	container canary 'lxc.apparmor.raw = nonsense'
	ok 'one that would not start: refused' aa 3 fix --only canary
	ok '  and nothing is written' cmp "$T/canary" "$root/var/lib/lxc/canary/config"
	lay_out "$new"
	aa 0 --json fix --only canary
	is 'in JSON' "$(jq -c '[.changed, .switched, .loaded]' "$T/out")" '[true,["canary"],null]'
	is '  as its manual says' "$(jq -r --arg command fix -f tests/json/schema.jq "$T/out")" ''
	# Proxmox
	mkdir -p "$root/etc/pve/nodes/pve/lxc"
	ln -s nodes/pve "$root/etc/pve/local"
	ln -s nodes/pve/lxc "$root/etc/pve/lxc"
	printf '%s\n' 'arch: amd64' 'features: nesting=1' 'ostype: debian' 'unprivileged: 1' '' '[before]' 'arch: amd64' >"$root/etc/pve/nodes/pve/lxc/101.conf"
	host_pve
	chmod -R go-w "$root"
	cp "$root/etc/pve/nodes/pve/lxc/101.conf" "$T/101"
	ok 'a guest of Proxmox' aa 0 fix --only 101
	is '  gets a line, above its snapshots' "$(diff "$T/101" "$root/etc/pve/nodes/pve/lxc/101.conf" | sed -n 's/^> //p')" "lxc.apparmor.raw: $rule"
	ok '  and works' aa 0 check 101
	parser=$old
	aa 0 rollback
	rm "$root/var/lib/dpkg/status"
	ok '  where its parser does not know priorities: refused' aa 3 fix --only 101
	ok '  with the other way' has 'fix --pve-hookscript 101' "$T/err"
else
	skip 'fix --only' 'no parsers of Debian 12 and 13'
fi
tap_done
