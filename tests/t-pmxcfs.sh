#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Changes of /etc/pve on a mounted FUSE file system with the restrictions of Proxmox' own (tests/vm/pve): each change is one
# write and one rename, a file is never missing, and a quorum that is lost in between leaves the old file or the new one.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
# shellcheck source=tests/lib/host.sh
. tests/lib/host.sh

if [ "$(id -u)" != 0 ] || ! command -v apparmor_parser >/dev/null; then
	skip 'pmxcfs' 'needs root and apparmor_parser'
	tap_done
	exit
fi
# In a mount namespace of its own, so that no mount stays.
if [ -z "${PMXCFS_NS-}" ]; then
	if [ -c /dev/fuse ] && unshare -m --propagation private true 2>/dev/null; then
		rm -rf "$T"
		PMXCFS_NS=1 exec unshare -m --propagation private sh "$TOP/tests/t-pmxcfs.sh"
	fi
	skip 'pmxcfs' 'this machine has no /dev/fuse, or forbids to mount'
	tap_done
	exit
fi
if [ ! -x "$BUILD/pmxcfs" ]; then
	skip 'pmxcfs' "no $BUILD/pmxcfs: it is not built with the sanitizers"
	tap_done
	exit
fi

R=$T/root
pve=$R/etc/pve/nodes/pve/lxc
server=
stop() {
	[ -z "$server" ] || {
		umount "$R/etc/pve"
		kill "$server" 2>/dev/null
	}
	server=
}
trap 'stop; rm -rf "$T"' EXIT

# host [NAME=VALUE]: a fresh host with the cure in place, its /etc/pve mounted.
host() {
	stop
	rm -rf "$R" "$T/log"
	cp -a "$T/fixed" "$R"
	server=$(env "$@" "$BUILD/pmxcfs" pve "$R/etc/pve" "$T/log") || exit
	: >"$T/log"
}

tool() {
	tool_want=$1
	shift
	run_tool "$tool_want" --root "$R" "$@"
}

host_make pve8 "$T/fixed"
mkdir -p "$T/fixed/usr/sbin" "$T/fixed/run/lock/lxc" "$T/fixed/etc/pve/nodes/other/lxc"
: >"$T/fixed/usr/sbin/aa-nestfix"
cp "$T/fixed/etc/pve/nodes/pve/lxc/100.conf" "$T/fixed/etc/pve/nodes/other/lxc/120.conf"
run_tool 1 --root "$T/fixed" fix

# What stands for pmxcfs answers as Proxmox' own does. How many bytes go into one write depends on the caller's memory.
probe() { # q|noq
	stop
	rm -rf "$R"
	mkdir -p "$R/etc/pve/priv" "$R/etc/pve/nodes/pve/lxc" "$R/etc/pve/nodes/pve/priv" "$R/etc/pve/nodes/other/lxc"
	printf 'arch: amd64\n' | tee "$R/etc/pve/nodes/pve/lxc/100.conf" >"$R/etc/pve/nodes/other/lxc/200.conf"
	printf 'dir: local\n' >"$R/etc/pve/storage.cfg"
	server=$("$BUILD/pmxcfs" pve "$R/etc/pve") || return
	if [ "$1" = noq ]; then
		kill -USR1 "$server"
		until [ "$(stat -c %a "$R/etc/pve/nodes")" = 555 ]; do sleep 0.1; done
	fi
	python3 tests/vm/pve/probe.py "$R/etc/pve" pve "$1" | sed '/^1MiB+1/,/^size/s/[0-9]*$//' >"$T/answers"
	sed '/^1MiB+1/,/^size/s/[0-9]*$//' "tests/vm/pve/probe-$1.txt" | diff - "$T/answers"
}
if command -v python3 >/dev/null; then
	ok 'what stands for pmxcfs answers as the real one' probe q
	ok 'without quorum, too' probe noq
else
	skip 'what stands for pmxcfs answers as the real one' 'no python3 here'
fi
host
is 'a guest: owner, mode, whole seconds' "$(stat -c '%U:%g %a %.9Y' "$pve/100.conf" | sed 's/\.0*$//; s/ [0-9]*$//')" 'root:33 640'
exec 5<"$pve/100.conf"
: >"$T/log"
echo x >"$pve/.new" && mv "$pve/.new" "$pve/100.conf"
exec 5<&-
ok 'what is open is renamed first' has 'to nodes/pve/lxc/.fuse_hidden' "$T/log"

# once FILE: since the log was emptied the file was replaced by one write and one rename, and nothing else was done.
once() {
	sed "s/\.$1\.aa-nestfix-[a-z0-5]*/TEMP/; /^mtime .*TEMP/d" "$T/log" >"$T/seen"
	printf '%s nodes/pve/lxc/%s\n' create TEMP write TEMP rename TEMP '    to' "$1" | diff - "$T/seen"
}
# same FILE: bytes, owner and mode are as on the host before.
same() {
	cmp "$T/fixed/etc/pve/nodes/pve/lxc/$1" "$pve/$1" && [ "$(stat -c '%u:%g %a' "$pve/$1")" = '0:33 640' ]
}

host
ok 'a hookscript for a guest that has one' tool 0 fix --this-node-only --pve-hookscript=101
ok 'is one write and one rename' once 101.conf
is 'one line is another' "$(diff "$T/fixed/etc/pve/nodes/pve/lxc/101.conf" "$pve/101.conf" | grep -c '^[<>]')" 2
: >"$T/log"
ok 'rollback' tool 0 rollback
ok 'is one write and one rename, too' once 101.conf
ok 'all is as before' same 101.conf
: >"$T/log"
ok 'harden' tool 0 harden 103
ok 'harden is one write and one rename' once 103.conf
kill -USR1 "$server"
: >"$T/log"
ok 'no quorum: rollback' tool 3 rollback
ok 'no quorum: rollback says so' has 'no quorum' "$T/err"
ok 'no quorum: a hookscript' tool 3 fix --this-node-only --pve-hookscript=100
ok 'no quorum: it says so' has 'no quorum' "$T/err"
is 'no quorum: nothing was tried' "$(cat "$T/log")" ''
kill -USR2 "$server"
ok 'the quorum is back: rollback' tool 0 rollback
ok 'harden: all is as before' same 103.conf
: >"$T/log"
ok "another node's guest" tool 3 fix --pve-hookscript=120
is 'is left alone' "$(cat "$T/log")" ''

# The database is full: a change is answered by EIO, though it stands in memory.
full() { # N STATUS
	host FULL_AFTER="$1"
	tool "$2" fix --this-node-only --pve-hookscript=100
}
ok 'the database is full: a hookscript' full 2 4
ok '  it says where to look' has 'pve-cluster' "$T/err"
ok '  the guest is as before' same 100.conf
ok '  no snippet stays' test ! -e "$R/var/lib/vz/snippets/aa-nestfix"
ok 'the database is full after the rename: what stands cannot be undone' full 3 5
ok '  the guest names the snippet' grep -qx 'hookscript: local:snippets/aa-nestfix' "$pve/100.conf"
ok '  so that stays' test -x "$R/var/lib/vz/snippets/aa-nestfix"

# The quorum is lost after each transaction of a change.
old_or_new() {
	cmp -s "$T/fixed/etc/pve/nodes/pve/lxc/101.conf" "$pve/101.conf" || cmp -s "$T/new" "$pve/101.conf" || {
		ls -la "$pve"
		return 1
	}
}
# The next run cleans up, and makes what the user asked for.
again() {
	kill -USR2 "$server"
	tool 0 fix --this-node-only --pve-hookscript=101 && cmp "$T/new" "$pve/101.conf" &&
		[ -z "$(find "$pve" -name '.*')" ] && tool 0 rollback && same 101.conf
}
host
tool 0 fix --this-node-only --pve-hookscript=101
cp "$pve/101.conf" "$T/new"
for n in 1 2 3; do
	host LOSE_AFTER=$n
	status=0
	"$NESTFIX" --patches patches --root "$R" fix --this-node-only --pve-hookscript=101 >"$T/out" 2>"$T/err" || status=$?
	is "quorum lost after $n: the status tells what was done" "$status" "$([ $n = 3 ] && echo 0 || echo 4)"
	ok "quorum lost after $n: the file is old or new" old_or_new
	ok "quorum lost after $n: the next run" again
done

# And after each transaction of its rollback.
rollback_again() {
	kill -USR2 "$server"
	tool 0 rollback && same 101.conf && [ -z "$(find "$pve" -name '.*')" ]
}
for n in 4 5; do
	host LOSE_AFTER=$n
	tool 0 fix --this-node-only --pve-hookscript=101
	ok "quorum lost after $((n - 3)) of a rollback: it fails" tool 4 rollback
	ok "quorum lost after $((n - 3)) of a rollback: the file is old or new" old_or_new
	ok "quorum lost after $((n - 3)) of a rollback: the next one" rollback_again
done

tap_done
