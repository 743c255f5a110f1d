#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# SECURITY.md: behind each sentence of what is not trusted and what is promised stand the numbers of tests, which are there;
# and the tests of those sentences that no other file has.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
# shellcheck source=tests/lib/host.sh
. tests/lib/host.sh

# sentences SECTION: one a line. They end at a full stop, a semicolon, or with their paragraph or point.
sentences() {
	awk -v section="## $1" '
		/^## / { here = $0 == section; next }
		!here { next }
		/^\* / || /^$/ { print text; text = "" }
		{ sub(/^\* /, ""); sub(/^ +/, ""); text = text (text == "" ? "" : " ") $0 }
		END { print text }' SECURITY.md | sed 's/\([.;]\) /\1\n/g' | grep .
}

# FILE [NAME...] of each test, one a line, behind its number.
tests_of() {
	awk '/^## / { here = $0 == "## Tests"; next } here && /^[0-9]+\. / { n = $1 } here && /^[0-9 ]/ && NF {
		line = $0; sub(/^[0-9]+\. */, "", line); gsub(/^ +| +$/, "", line); print n, line }' SECURITY.md |
		sed 's/\. / /; s/`//g'
}

without_tests() {
	for section in 'Not trusted' 'Promised'; do
		sentences "$section" | grep -vE '\[[0-9]+(, [0-9]+)*\][.;:]?$' | sed "s/^/no test: /"
	done
}
is 'each sentence has a test' "$(without_tests)" ''
is 'there are sentences' "$([ "$(for section in 'Not trusted' Promised; do sentences "$section"; done | wc -l)" -ge 12 ] && echo yes)" yes

numbers() {
	sed '/^## Tests/,$d' SECURITY.md | grep -o '\[[0-9][0-9, ]*\]' | tr -d '[]' | tr ',' '\n' | tr -d ' ' | sort -un
}
is 'each number has its tests' "$(numbers)" "$(tests_of | cut -d' ' -f1 | sort -un)"

# A name is a function of a unit test, which main() calls, or what a shell test prints.
is_there() { # FILE [NAME]
	[ -f "$1" ] || return
	case $1 in
	*.c) [ -z "${2-}" ] || [ "$(grep -cE "(^|[^a-z_])$2\(" "$1")" -ge 2 ] ;;
	*) [ -z "${2-}" ] || grep -qF -- "$2" "$1" ;;
	esac
}
missing() {
	tests_of | while read -r number file name; do
		is_there "$file" "$name" || echo "$number: $file: no $name"
	done
}
is 'each test is there' "$(missing)" ''

ok 'a test that is not there is noticed, by its name' test "$(is_there tests/unit/t-fsio.c nothing_of_that_name || echo missing)" = missing
ok '  and by its file' test "$(is_there tests/unit/t-nothing.c || echo missing)" = missing

if [ "$(id -u)" != 0 ] || ! [ -x /sbin/apparmor_parser ]; then
	skip 'what root does' 'needs root and apparmor_parser'
	tap_done
	exit
fi

# A host whose names mean something to a shell, with a parser in front of PATH that is not the host's, and with bait in the
# containers.
R=$T/root
lay_out() {
	rm -rf "$R"
	cp -R tests/fixtures/sample-host "$R"
	# shellcheck disable=SC2016 # a name
	for name in 'a;touch pwned' '$(touch pwned)' '`touch pwned`' 'a|b&c' "it's" 'x>y'; do
		mkdir -p "$R/var/lib/lxc/$name"
		printf 'lxc.apparmor.profile = unconfined\nlxc.rootfs.path = dir:/var/lib/lxc/web1/rootfs\nlxc.uts.name = %s\n' "$name" >"$R/var/lib/lxc/$name/config"
	done
	mkdir -p "$R/var/lib/lxc/web1/rootfs/etc/apparmor.d" "$R/var/lib/lxc/web1/rootfs/etc/lxc"
	echo 'lxc.lxcpath = /evil' >"$R/var/lib/lxc/web1/rootfs/etc/lxc/lxc.conf"
	echo 'lxc.apparmor.profile = unconfined' >"$R/var/lib/lxc/web1/rootfs/config"
	chmod -R go-w "$R"
}
mkdir "$T/evil"
printf '#!/bin/sh\ntouch %s/pwned\n' "$T" >"$T/evil/apparmor_parser"
chmod 755 "$T/evil/apparmor_parser"

# traced ARGUMENTS...: every program that is run, and every path that is used; `cd` so that a name's command would show.
traced() {
	(cd "$T" && PATH=$T/evil:$PATH && strace -f -qq -y -s 4096 -e trace=%file,execve -o "$T/trace.one" "$NESTFIX" --patches "$TOP/patches" --root "$R" "$@" \
		>"$T/out" 2>"$T/err" </dev/null)
	cat "$T/trace.one" >>"$T/trace"
}
programs() {
	sed -n 's/.* execve("\([^"]*\)".* = 0$/\1/p' "$T/trace" | sed "s|^$NESTFIX$|aa-nestfix|; s|^/\(usr/\)*s*bin/||" | LC_ALL=C sort -u
}
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
	lay_out
	for words in check diff fix harden 'fix --profile-for=web1' 'explain /sys/net/x' rollback; do
		# shellcheck disable=SC2086 # words
		traced $words
	done
	traced check 'a;touch pwned'
	is 'nothing is run but apparmor_parser' "$(programs)" 'aa-nestfix
apparmor_parser'
	ok 'no name was taken for a command, no program from PATH' test ! -e "$T/pwned"
	is "a container's root is never entered" "$(grep -c 'rootfs/' "$T/trace")" 0
	is '  nor looked at' "$(grep -cE '"rootfs"|/rootfs[>"]' "$T/trace")" 0
else
	skip 'what is run and what is entered' 'strace cannot trace here'
fi

lay_out
run_tool 1 --root "$R" fix
is 'the own folder is for root alone' "$(stat -c '%a %u' "$R/var/lib/aa-nestfix")" '700 0'

# /sys/net: what is given back must exist nowhere. It is made up here, on a root that is live.
if unshare --mount --propagation private true 2>/dev/null && command -v ldd >/dev/null; then
	lay_out
	mkdir -p "$R/sys/net"
	tree_state "$R/etc" >"$T/before"
	status=0
	host_live "$R" /usr/sbin/aa-nestfix --yes fix >"$T/out" 2>"$T/err" </dev/null || status=$?
	is 'a machine that has /sys/net: refused' "$status" 3
	ok '  with the reason' has "cannot give back '/sys/net': it exists on this machine" "$T/err"
	tree_state "$R/etc" >"$T/after"
	ok '  and nothing is written' cmp "$T/before" "$T/after"
	rmdir "$R/sys/net"
	host_live "$R" /usr/sbin/aa-nestfix --yes fix >"$T/out" 2>"$T/err" </dev/null
	ok 'one that has not: done' has 'Done.' "$T/out"
else
	skip 'a machine that has /sys/net' 'may not make a mount namespace'
fi
tap_done
