#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# All or nothing: `fix`, `harden` and `rollback` with a fault at each call that changes something. A call fails (EIO, ENOSPC),
# or the program is killed before it, after it, or in the middle of a write. Then each file is all old or all new, the exit
# status tells which, and the next run makes everything consistent.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
# shellcheck source=tests/lib/host.sh
. tests/lib/host.sh

base=etc/apparmor.d/abstractions/lxc/container-base
pve=etc/pve/nodes/pve/lxc
state=var/lib/aa-nestfix
fault=$BUILD/fault.so
real=${NESTFIX_PARSER:-/sbin/apparmor_parser}

if ! [ -f "$fault" ]; then
	skip 'crash' "no $fault: a sanitized program takes no preloaded library"
	tap_done
	exit
fi
if ! [ -x "$real" ]; then
	skip 'crash' "no apparmor_parser at $real"
	tap_done
	exit
fi

# The parser is not under test here: each policy is compiled once.
# shellcheck source=tests/lib/compiled.sh
. tests/lib/compiled.sh
cp -R "$TOP/patches" "$TOP/profiles" "$T"
chmod -R go-w "$T/patches" "$T/profiles"

tool() {
	"$NESTFIX" --patches "$T/patches" --parser "$T/parser" --root "$T/root" -q "$@" </dev/null
}

# Kind, mode, owner, time and content of all files; inodes and the times of directories may change.
files_state() {
	(
		cd "$T/root/etc" && find . ! -type d -printf '%p %y %m %U:%G %T@\n' | sort
		find . -type f -exec cat {} + | cksum
	)
}

# contents ROOT: of every file but temporary ones.
contents() {
	(cd "$1/etc" && find . -type f ! -name '.*' -exec cksum {} + | sort)
}

# "old" and "new" are what the files are, new ones without the time of those that are written.
files_are() {
	case $1 in
	old) files_state | diff "$T/old.state" - && return ;;
	new) contents "$T/root" | diff "$T/new.contents" - && [ -z "$(find "$T/root/etc" -name '.*')" ] && return ;;
	esac
	echo "the files are not $1:"
	find "$T/root" -name '.*'
	return 1
}

names_in() {
	cut -d' ' -f3- "$1" | sort
}

contents_are_old_or_new() {
	contents "$T/root" >"$T/contents"
	sort -u "$T/old.contents" "$T/new.contents" | comm -23 "$T/contents" - >"$T/neither"
	names_in "$T/contents" >"$T/names"
	names_in "$T/old.contents" | diff - "$T/names" || return
	[ ! -s "$T/neither" ] || {
		echo 'neither old nor new:'
		cat "$T/neither"
		return 1
	}
}

nothing_unfinished() {
	[ ! -e "$T/root/$state/journal" ] || {
		echo 'a journal is left'
		return 1
	}
}

no_backup() {
	[ -z "$(find "$T/root/$state" -name "*.json" 2>/dev/null)" ] || {
		echo "a backup is left of a change that was not made"
		return 1
	}
}

from() {
	rm -rf "$T/root"
	cp -a "$T/$1" "$T/root"
}

# The calls of a command that change something outside the staging folder, as "n name". Its first is the lock.
calls_of() {
	from "$1"
	rm -f "$T/log"
	# shellcheck disable=SC2086 # a command and its option
	FAULT_LOG=$T/log LD_PRELOAD=$fault tool $2 >/dev/null || return
	awk '$2 == "ftruncate" { on = 1 } on && !/\/tmp\/aa-nestfix-/ { print $1, $2 }' "$T/log"
}

# with_fault COMMAND N ERRNO: its exit status in $status.
with_fault() {
	status=0
	rm -f "$T/log"
	# shellcheck disable=SC2086 # a command and its option
	FAULT_AT=$2 FAULT_ERRNO=$3 FAULT_LOG=$T/log LD_PRELOAD=$fault tool $1 >"$T/out" 2>"$T/err" || status=$?
	# a killed run leaves its staging folder, which is harmless; the log names it
	sed -n 's,.* \(/tmp/aa-nestfix-[0-9]*-[A-Za-z0-9]*\)$,\1,p' "$T/log" | sort -u | xargs -r rm -rf
	grep -q HIT "$T/log" || {
		echo "call $2 of $1 was not reached"
		return 1
	}
}

# A call failed: the exit status says whether the change was made, and nothing lies about.
judge_failure() {
	case $1:$status in
	rollback*:4 | rollback*:3) files_are new ;;
	rollback*:0) files_are old ;;
	*:0) files_are new ;;
	*:1) files_are new && ! grep -E 'nothing was changed' "$T/err" ;;
	*:4 | *:3) files_are old && nothing_unfinished && no_backup ;;
	*)
		echo "exit status $status"
		false
		;;
	esac
}

# Killed: all old or all new at once; and what the next run does is complete.
judge_kill() {
	contents_are_old_or_new || return
	[ "$status" = 137 ] || {
		echo "exit status $status: it was not killed"
		return 1
	}
	judge_undo=$1
	if [ "$1" = "${1#rollback}" ]; then
		tool "$1" >"$T/out" 2>"$T/err" && files_are new && nothing_unfinished || return
		judge_undo=rollback
	fi
	# shellcheck disable=SC2086 # a command and its option
	tool $judge_undo >"$T/out" 2>"$T/err"
	files_are old && nothing_unfinished
}

# each COMMAND ERRNO NAMES JUDGE: a fault at each call of these names.
each() {
	each_start=old
	[ "$1" = "${1#rollback}" ] || each_start=new
	each_count=0
	awk -v names=",$3," 'index(names, "," $2 ",") { print $1 }' "$T/${1%% *}.calls" >"$T/numbers"
	while read -r n <&3; do
		each_count=$((each_count + 1))
		from "$each_start"
		if with_fault "$1" "$n" "$2" && "$4" "$1"; then
			continue
		fi
		echo "at call $n of $1, $2: exit status $status"
		cat "$T/err"
		sed -n "$((n - 3)),$((n + 3))p" "$T/log"
		return 1
	done 3<"$T/numbers"
	echo "$each_count calls"
	[ "$each_count" -gt 3 ]
}

# Every call of a command is met by a kill and by one error that it can give.
try_calls() {
	calls_of "$2" "$1" >"$T/${1%% *}.calls"
	ok "the injector sees the renames of $3" grep -q renameat "$T/${1%% *}.calls"
	ok "$3: killed before any call" \
		each "$1" KILL openat,fsync,fdatasync,ftruncate,renameat,renameat2,unlinkat,mkdirat,fchmod,fchown,fsetxattr,futimens judge_kill
	ok "$3: killed in the middle of a write" each "$1" KILLAFTER write judge_kill
	ok "$3: an input/output error" \
		each "$1" EIO fsync,fdatasync,ftruncate,renameat,renameat2,unlinkat,fchmod,fchown,fsetxattr,futimens judge_failure
	ok "$3: no room" each "$1" ENOSPC openat,write,mkdirat judge_failure
}

# $T/old is the host before; what is there now is the one after.
keep_old() {
	from old
	files_state >"$T/old.state"
	contents "$T/old" >"$T/old.contents"
}

keep_new() {
	rm -rf "$T/new"
	cp -a "$T/root" "$T/new"
	contents "$T/new" >"$T/new.contents"
}

# A change and its rollback.
try_change() {
	keep_old
	ok "$1 without a fault" tool "$1"
	keep_new
	try_calls "$1" old "$1"
	try_calls rollback new "rollback of $1"
}

# One file of policy.
mkdir "$T/old"
cp -R "$TOP/tests/fixtures/sample-host/." "$T/old"
sed -i 's/^}/  mount,\n  pivot_root,\n  umount,\n}/; /deny mount/d' "$T/old"/etc/apparmor.d/lxc/* # nothing remains
chmod -R go-w "$T/old"
touch -d '2020-02-02 02:02:02.123456789' "$T/old/$base"
chmod 640 "$T/old/$base"
try_change fix

# The configuration of two containers, below a Proxmox lock each.
rm -rf "$T/old"
host_make pve8 "$T/old"
mkdir -p "$T/old/usr/sbin" "$T/old/run/lock/lxc"
: >"$T/old/usr/sbin/aa-nestfix"
from old
ok 'a cured host with two unconfined containers' tool fix 103
rm -rf "$T/old" "${T:?}/root/$state"
cp -p "$T/root/$pve/103.conf" "$T/root/$pve/190.conf"
cp -a "$T/root" "$T/old"
try_change harden

# Several changes of several files, taken back at once.
rm -rf "$T/old"
host_make pve8 "$T/old"
mkdir -p "$T/old/usr/sbin" "$T/old/run/lock/lxc"
: >"$T/old/usr/sbin/aa-nestfix"
keep_old
ok 'three changes' eval 'tool fix 103; tool --scope user fix 103 && tool harden'
keep_new
try_calls 'rollback --all' new 'rollback of all'
tap_done
