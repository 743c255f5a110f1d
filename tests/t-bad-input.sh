#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Bad input, one case each: its exit status, one clear message, nothing changed.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
base=etc/apparmor.d/abstractions/lxc/container-base
rule='deny /sys/[^fdc]*{,/**} wklx,'

lay_out() {
	rm -rf "$T/root"
	cp -R "$TOP/tests/fixtures/sample-host" "$T/root"
	chmod -R go-w "$T/root"
}

# refused NAME STATUS MESSAGE ARGUMENTS...: runs the tool on the tree as it is now.
refused() {
	refused_name=$1
	refused_status=$2
	refused_message=$3
	shift 3
	ok "$refused_name: exit status $refused_status, one message, nothing changed" is_refused "$@"
}

is_refused() {
	tree_state "$T/root" >"$T/before"
	run_tool "$refused_status" --root "$T/root" "$@" || return 1
	has "$refused_message" "$T/err" || return 1
	[ "$(grep -c '^aa-nestfix: cannot\|^aa-nestfix: unknown\|^aa-nestfix: /' "$T/err")" = 1 ] || {
		echo 'not one message:'
		cat "$T/err"
		return 1
	}
	tree_state "$T/root" | diff "$T/before" -
}

# The rule's line replaced by other text.
with_rule() {
	lay_out
	awk -v old="  $rule" -v new="$1" '$0 == old { print new; next } { print }' "$TOP/tests/fixtures/sample-host/$base" >"$T/root/$base"
	grep -qF "$rule" "$TOP/tests/fixtures/sample-host/$base" || echo "Bail out! the sample host has lost its rule"
}

lay_out
refused 'missing file' 2 "cannot find the file" check /etc/apparmor.d/nothing
refused 'unknown profile' 2 "cannot find a profile named 'lxc-nothing'" check profile:lxc-nothing
refused 'unknown scope' 2 "unknown scope 'nte'" --scope nte fix
refused 'unknown permission' 2 "unknown permission 'z'" explain /sys/net z

lay_out
chmod 600 "$T/root/$base"
chmod 755 "$T" "$T/root"
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	cp "$NESTFIX" "$T/nestfix"
	cp -R patches "$T/patches"
	unreadable() {
		status=0
		setpriv --reuid 65534 --clear-groups "$T/nestfix" --patches "$T/patches" --root "$T/root" check >"$T/out" 2>"$T/err" </dev/null || status=$?
		[ $status = 4 ] && has "container-base" "$T/err" && has "Permission denied" "$T/err"
	}
	ok 'unreadable file: exit status 4, one message' unreadable
else
	skip 'unreadable file' 'needs root and setpriv'
fi

lay_out
rm "$T/root/$base"
mkfifo "$T/root/$base"
refused 'not a regular file' 3 'container-base' fix

lay_out
mv "$T/root/$base" "$T/outside"
ln -s "$T/outside" "$T/root/$base"
refused 'symlink out of --root' 4 'container-base' fix
ok 'symlink out of --root: what it points to is untouched' cmp "$T/outside" "$TOP/tests/fixtures/sample-host/$base"

with_rule '  deny "/sys/[^fdc]*{,/**} wklx,'
refused 'unterminated quote' 4 'at line 188' fix

with_rule "  $rule"
head -c 4096 /dev/zero >>"$T/root/$base"
refused 'binary file' 4 'a NUL byte' fix

lay_out
head -c 50000000 /dev/zero | tr '\0' '#' >>"$T/root/$base"
refused '50 MB file' 3 'container-base' fix

with_rule "  $rule
  deny /sys/net/** w,"
refused 'a rule that denies nothing else' 3 'no rule is dropped whole: deny /sys/net/** w,' fix

with_rule '  deny @{SYSDIR}/[^fdc]*{,/**} wklx,'
echo '@{SYSDIR}=/sys' >>"$T/root/etc/apparmor.d/tunables/global"
refused 'rule given through a variable' 3 'is written with a variable' fix

with_rule '  deny /sys/[^fdcn]*{,/**} wklx,'
cured() {
	sed -i 's/^}/  mount,\n  pivot_root,\n  umount,\n}/; /deny mount/d' "$T/root"/etc/apparmor.d/lxc/*
	tree_state "$T/root" >"$T/before"
	run_tool 0 --root "$T/root" check && run_tool 0 --root "$T/root" fix && has 'Nothing to do' "$T/out" &&
		tree_state "$T/root" | diff "$T/before" -
}
ok 'rule already cured: exit status 0, nothing written' cured

# The own state folder may appear.
unchanged_but_for_state() {
	diff -r -x aa-nestfix "$T/as-it-was" "$T/root"
}
two_names() {
	lay_out
	ln "$T/root/$base" "$T/root/twin"
	rm -rf "$T/as-it-was"
	cp -a "$T/root" "$T/as-it-was"
	run_tool 3 --root "$T/root" fix && has 'the file has another name' "$T/err" && unchanged_but_for_state &&
		[ "$(stat -c %h "$T/root/$base")" = 2 ]
}
ok 'a file with two names: exit status 3, both stay one' two_names

# A write over the limit is EFBIG, not the end by SIGXFSZ, be it of the first file that is written or of the last.
over_limit() {
	for blocks in 0 1 16 20 32 64 128; do
		lay_out
		rm -rf "$T/as-it-was"
		cp -a "$T/root" "$T/as-it-was"
		(
			ulimit -f $blocks
			"$NESTFIX" --patches "$TOP/patches" --root "$T/root" -q fix </dev/null 2>&1 >/dev/null || echo "status $?"
		) | cat >"$T/err"
		grep -q 'status 4' "$T/err" || break
		has 'File too large' "$T/err" && unchanged_but_for_state && [ ! -e "$T/root/var/lib/aa-nestfix/journal" ] || return
	done
	echo "limit $blocks"
	cat "$T/err"
	has 'status 1' "$T/err" && [ "$blocks" -gt 16 ]
}
ok 'a limit on the size of files: exit status 4, nothing changed' over_limit

# shellcheck disable=SC2046,SC3045
too_many() {
	run_tool 2 --root "$T/root" check $(seq -f 'profile:p%.0f' 1001) || return
	has 'cannot look at more than 1000 targets' "$T/err" || return
	! grep -q __asan_init "$NESTFIX" || return 0 # its shadow memory alone is terabytes
	(ulimit -v 100000 && run_tool 2 --root "$T/root" check $(seq -f 'profile:p%.0f' 20000))
}
lay_out
ok 'more targets than anybody types' too_many

mkdir "$T/patches-bad"
sed 's/^Scope: uts$/Scope uts/' patches/runc-detached-procfs.conflict >"$T/patches-bad/runc-detached-procfs.conflict"
line=$(grep -n '^Scope uts' "$T/patches-bad/runc-detached-procfs.conflict" | cut -d: -f1)
lay_out
refused 'malformed conflict file' 4 "runc-detached-procfs.conflict:$line:" --patches "$T/patches-bad" check

# A file system that is full or read-only needs a mount namespace of our own. The tool's own state folder may appear.
# shellcheck disable=SC2016
mounted() {
	unshare --mount sh -c '
		mount -t tmpfs -o size='"$1"' tmpfs "$0/mnt" && cp -R "$0/root/." "$0/mnt" && '"$2"' &&
		status=0 && { "$1" --patches "$2" --root "$0/mnt" fix >"$0/out" 2>"$0/err" </dev/null || status=$?; } &&
		cd "$0/mnt" && cp -R . "$0/after" && exit $status' "$T" "$NESTFIX" "$TOP/patches"
	[ $? = 4 ] && has "$3" "$T/err" && diff -r -x aa-nestfix "$T/root" "$T/after"
}
mkdir "$T/mnt"
lay_out
if unshare --mount true 2>/dev/null; then
	# shellcheck disable=SC2016
	ok 'read-only file system: exit status 4, nothing changed' mounted 4m 'mount -o remount,ro "$0/mnt"' 'Read-only file system'
	rm -rf "$T/after"
	# shellcheck disable=SC2016
	ok 'no space: exit status 4, nothing changed' mounted 4m \
		'{ dd if=/dev/zero of="$0/mnt/fill" bs=1k 2>/dev/null; cp "$0/mnt/fill" "$0/root/fill"; }' 'No space left on device'
else
	skip 'read-only file system' 'may not make a mount namespace'
	skip 'no space' 'may not make a mount namespace'
fi
tap_done
