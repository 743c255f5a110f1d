#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# All or nothing: `fix` and `rollback` with a fault at each call that changes something. A call fails (EIO, ENOSPC), or the
# program is killed before it, after it, or in the middle of a write. Then the policy is all old or all new, the exit status
# tells which, and the next run makes everything consistent.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"

base=etc/apparmor.d/abstractions/lxc/container-base
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

# The parser is not under test here: each policy is compiled once, and then known by its bytes.
mkdir "$T/compiled"
cat >"$T/parser" <<EOF
#!/bin/sh
[ "\$1" = --version ] && exec $real --version
dir=
for arg; do
	[ "\$last" = --base ] && dir=\$arg
	last=\$arg
done
key=\$(cd "\$dir" && find . -type f ! -name '.*' | sort | xargs cat /dev/null "\$last" | cksum | tr ' ' -)
if ! [ -s $T/compiled/\$key ]; then
	$real "\$@" >$T/compiled/\$key.new || exit
	mv $T/compiled/\$key.new $T/compiled/\$key
fi
exec cat $T/compiled/\$key
EOF
chmod +x "$T/parser"
cp -R "$TOP/patches" "$T/patches"
chmod -R go-w "$T/patches"

tool() {
	"$NESTFIX" --patches "$T/patches" --parser "$T/parser" --root "$T/root" -q "$@" </dev/null
}

# Kind, mode, owner, time and content of all policy; inodes and the times of directories may change.
policy_state() {
	(
		cd "$T/root/etc" && find . ! -type d -printf '%p %y %m %U:%G %T@\n' | sort
		find . -type f -exec cat {} + | cksum
	)
}

# "old" and "new" are what the policy is without the time of the one file that is written.
policy_is() {
	case $1 in
	old) policy_state | diff "$T/old.state" - >/dev/null && return ;;
	new) cmp -s "$T/root/$base" "$T/new/$base" && [ -z "$(find "$T/root/etc" -name '.*')" ] && return ;;
	esac
	echo "the policy is not $1:"
	find "$T/root" -name '.*'
	diff "$T/old/$base" "$T/root/$base"
	return 1
}

content_is_old_or_new() {
	cmp -s "$T/root/$base" "$T/old/$base" || cmp -s "$T/root/$base" "$T/new/$base" || {
		echo "neither old nor new:"
		diff "$T/old/$base" "$T/root/$base"
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
	FAULT_LOG=$T/log LD_PRELOAD=$fault tool "$2" >/dev/null || return
	awk '$2 == "ftruncate" { on = 1 } on && !/\/tmp\/aa-nestfix-/ { print $1, $2 }' "$T/log"
}

# with_fault COMMAND N ERRNO: its exit status in $status.
with_fault() {
	status=0
	rm -f "$T/log"
	FAULT_AT=$2 FAULT_ERRNO=$3 FAULT_LOG=$T/log LD_PRELOAD=$fault tool "$1" >"$T/out" 2>"$T/err" || status=$?
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
	fix:0 | rollback:4 | rollback:3) policy_is new ;;
	fix:4 | fix:3) policy_is old && nothing_unfinished && no_backup ;;
	rollback:0) policy_is old ;;
	*)
		echo "exit status $status"
		false
		;;
	esac
}

# Killed: all old or all new at once; and what the next run does is complete.
judge_kill() {
	content_is_old_or_new || return
	[ "$status" = 137 ] || {
		echo "exit status $status: it was not killed"
		return 1
	}
	if [ "$1" = fix ]; then
		tool fix >"$T/out" 2>"$T/err" && policy_is new && nothing_unfinished || return
	fi
	tool rollback >"$T/out" 2>"$T/err"
	policy_is old && nothing_unfinished
}

# each COMMAND ERRNO NAMES JUDGE: a fault at each call of these names.
each() {
	each_start=old
	[ "$1" = rollback ] && each_start=new
	each_count=0
	awk -v names=",$3," 'index(names, "," $2 ",") { print $1 }' "$T/$1.calls" >"$T/numbers"
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

mkdir "$T/old"
cp -R "$TOP/tests/fixtures/sample-host/." "$T/old"
chmod -R go-w "$T/old"
touch -d '2020-02-02 02:02:02.123456789' "$T/old/$base"
chmod 640 "$T/old/$base"
from old
policy_state >"$T/old.state"
ok 'fix without a fault' tool fix
cp -a "$T/root" "$T/new"
calls_of old fix >"$T/fix.calls"
calls_of new rollback >"$T/rollback.calls"
ok 'the injector sees the renames' grep -q renameat "$T/fix.calls"

# Every call is met by a kill and by one error that it can give.
for command in fix rollback; do
	ok "$command: killed before any call" \
		each $command KILL openat,fsync,fdatasync,ftruncate,renameat,renameat2,unlinkat,mkdirat,fchmod,fchown,fsetxattr,futimens judge_kill
	ok "$command: killed in the middle of a write" each $command KILLAFTER write judge_kill
	ok "$command: an input/output error" \
		each $command EIO fsync,fdatasync,ftruncate,renameat,renameat2,unlinkat,fchmod,fchown,fsetxattr,futimens judge_failure
	ok "$command: no room" each $command ENOSPC openat,write,mkdirat judge_failure
done
tap_done
