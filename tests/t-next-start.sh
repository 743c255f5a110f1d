#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Next starts: the text that liblxc will write, and what a drop-in that every container reads may do to them. Prints TAP.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
# shellcheck source=tests/lib/host.sh
. tests/lib/host.sh
REAL=$TOP/build/real
unit=$BUILD/unit/t-nextstart

library() {
	find "$REAL/$1/root" -type f -name 'liblxc.so.1*' 2>/dev/null
}

# liblxc SUITE VERSION DIGEST WORD…: the text that this liblxc wrote on a real kernel for a container named @NAME@, by its
# digest (recorded in virtual machines; tests/vm compares it byte for byte, on whatever version it has).
liblxc() {
	suite=$1
	version=$2
	digest=$3
	shift 3
	label="liblxc $version of $suite: $*"
	if ! grep -qFx "Version: $version" "$REAL/$suite/root/var/lib/dpkg/status" 2>/dev/null || [ ! -x "$unit" ]; then
		skip "$label" 'it could not be downloaded, or is another version by now'
		return
	fi
	is "$label" "$("$unit" write "$(library "$suite")" @NAME@ stacking "$@" | sha256sum | cut -d' ' -f1)" "$digest"
}

sh tests/real/fetch.sh >"$T/fetch.log" 2>&1 || sed 's/^/# /' "$T/fetch.log"
liblxc bookworm 1:5.0.2-1+deb12u4 e8c107d6daffea209246ffd888be7e702f164a3458b3b3fd596fe0e7ff7067cc nesting
liblxc bookworm 1:5.0.2-1+deb12u4 2a41dbfeeb26146fa91cf51d1668e7850490adf4843f83f2ce8730338ebbd50b nesting unprivileged
liblxc trixie 1:6.0.4-4+deb13u4 439bebfecabf557efb17a94efe9493dd28a645833b233bd469764379b8f483f5 nesting
liblxc trixie 1:6.0.4-4+deb13u4 20ff7ce16b1394e26863507f3d076eb01947cd391f8dd2d09eddb8763a0f5b7e nesting unprivileged
liblxc sid 1:7.0.0-2+b1 82efa789294e0995423f7450f88fab74b475296ce629c5a42ad451ceb631a184 nesting
liblxc sid 1:7.0.0-2+b1 cac06a09147e315b84dade72d15807905009292594beaef5c0f49aad46a8fb6e nesting unprivileged

#### The drop-in, on a host whose parser knows priority=

parser=$REAL/trixie/apparmor_parser
root=$T/root
dropin=$root/usr/share/lxc/config/common.conf.d/60-aa-nestfix.conf
rule='lxc.apparmor.raw = priority=1 allow /sys/net{,/**} w,'
own='lxc.apparmor.raw = deny /sys/net/ipv4/ip_forward w,'

# lxc NAME [LINE…]: a container that runs, and that is set up for Docker, unless $nesting is 0.
nesting=1
lxc() {
	name=$1
	shift
	mkdir -p "$root/var/lib/lxc/$name"
	printf '%s\n' 'lxc.include = /usr/share/lxc/config/common.conf' 'lxc.apparmor.profile = generated' "$@" "lxc.apparmor.allow_nesting = $nesting" \
		>"$root/var/lib/lxc/$name/config"
	if [ $nesting = 1 ]; then host_generated /var/lib/lxc "$name" nesting; else host_generated /var/lib/lxc "$name"; fi
	chmod -R go-w "$root/var/lib/lxc/$name"
}

# What a file of LXC's ladder and the parser's version make of it: an uncured host of Debian 13's kind.
lay_out() {
	rm -rf "$root"
	host_base "$root"
	rm -rf "$root/etc/apparmor.d/lxc" "$root/etc/apparmor.d/lxc-containers"
	host_liblxc denies
	mkdir -p "$root/var/lib/dpkg"
	printf 'Package: %s\nStatus: install ok installed\nVersion: %s\n\n' apparmor 4.1.0-1 lxc 1:6.0.4-4 >"$root/var/lib/dpkg/status"
	install -D -m 755 /dev/null "$root/usr/sbin/aa-nestfix"
	chmod -R go-w "$root"
	lxc plain
}

aa() { # STATUS ARGUMENT…
	wanted=$1
	shift
	run_tool "$wanted" --root "$root" --parser "$parser" "$@"
}

# What else a host needs is not asked here: done (0), or done and something remains (1).
fixes() {
	aa 0 --yes "$@" fix || [ "$tool_status" = 1 ]
}

is_rule() { grep -qxF "$rule" "$dropin" && ! grep -q '^lxc.hook' "$dropin"; }
is_hook() { grep -q '^lxc.hook.start-host = .*--scope net' "$dropin" && ! grep -q priority= "$dropin"; }
not() { ! "$@"; }
lines() { # FILE: what the program wrote is left out
	grep -vE '^(# (Written by aa-nestfix|Conflict and scopes|To take it out again)|lxc.hook.start-host = /bin/sh -c ./usr/sbin/aa-nestfix|lxc.apparmor.raw = priority=1 allow /sys/)' "$1"
}

rules_where_nothing_is_lost() {
	lay_out
	ok 'fix on a host whose parser knows priority=' fixes
	ok '  writes a rule' is_rule
	ok '  and says what changes at the next start' grep -A 2 '^At the next start of container plain, by the profile that it runs with, as ' "$T/out"
	cp "$dropin" "$T/before"
	ok 'a second fix' fixes
	ok '  finds nothing to do' has 'Nothing to do' "$T/out"
	ok '  and leaves it as it is' cmp "$T/before" "$dropin"
}

# Containers that do not run: what they will wear comes from the library of Debian 13.
texts_of_the_library() {
	nesting=0
	lay_out
	rm -rf "$root"/var/lib/lxc/*/apparmor
	cp -L "$(library trixie)" "$root/usr/lib/x86_64-linux-gnu/liblxc.so.1"
	nesting=1
	lxc nested
	nesting=0
	lxc mapped 'lxc.idmap = u 0 100000 65536' 'lxc.idmap = g 0 100000 65536'
	lxc like 'lxc.idmap = u 0 100000 65536' 'lxc.idmap = g 0 100000 65536'
	rm -rf "$root"/var/lib/lxc/*/apparmor
	nesting=1
	aa 1 --json diff plain nested mapped like >"$T/log" 2>&1
	is 'the next starts of stopped containers are proved on what liblxc will write' \
		"$(jq -r '.proof.next_starts[] | "\(.container) \(.alike) \(.made_from) \(.why) \(.inside) \([.changes[] | select(.kind != "logging") | .change] | join(" "))"' "$T/out" | sort)" \
		"$(printf '%s\n' 'like 2 the texts in liblxc.so.1 null true w denied → allowed (user, other)' \
			'nested 1 the texts in liblxc.so.1 null true ' \
			'plain 1 the texts in liblxc.so.1 null true w denied → allowed (user, other)')"
}

own_lines_are_kept() {
	lay_out
	lxc adm "$own"
	ok 'a container denies a path of the scope itself: fix' fixes
	ok '  writes a hook, which leaves other rules alone' is_hook
	ok '  and says for which container and line' has "container 'adm' denies '/sys/net/ipv4/ip_forward' itself (/var/lib/lxc/adm/config:3: ${own#*= })" "$T/err"
	lxc adm
	ok 'without the line, fix' fixes
	ok '  makes a rule of the hook' is_rule
	lxc adm "lxc.apparmor.raw = 'deny /{proc/,}sys/net/ipv4/{ip_forward,conf/**} wl,'"
	ok 'a line that came later: check' aa 1 check
	ok '  says what the rule takes away' has "takes something away: container 'adm' denies '/sys/net/ipv4/" "$T/err"
	ok '  fix' fixes
	ok '  gives less again' is_hook
	aa 1 check >/dev/null 2>&1
	ok '  and check is content' not has 'takes something away' "$T/err"
}

own_lines_refuse_what_would_take_them() {
	lay_out
	lxc adm "$own"
	rm "$root/usr/sbin/aa-nestfix"
	ok 'no program for the hook to call: fix' aa 3 --yes fix
	ok '  writes no drop-in' not test -e "$dropin"
	ok '  and names container and line' has "container 'adm' denies '/sys/net/ipv4/ip_forward' itself (/var/lib/lxc/adm/config:3: ${own#*= }), which a rule with priority=" "$T/err"
	ok '  and what to do' has "needs '/usr/sbin/aa-nestfix', which is not installed; install it" "$T/err"
}

lines_that_only_look_so() {
	lay_out
	lxc a 'lxc.apparmor.raw = deny mount -> /proc/,' 'lxc.apparmor.raw = deny /opt/** w,' 'lxc.apparmor.raw = allow /sys/net/** r,'
	lxc b "$own" 'lxc.apparmor.raw ='
	lxc c "$own" 'lxc.apparmor.raw = priority=2 allow /sys/net/ipv4/ip_forward w,'
	lxc d "$own" 'lxc.apparmor.raw = deny not a rule at all'
	lxc e "$own" 'lxc.apparmor.profile = unconfined'
	lxc f 'lxc.include = /no/such/file' "$own"
	ok 'denies of something else, taken back, overruled, of a container that does not start or wears none: fix' fixes
	ok '  writes a rule' is_rule
}

# What the parser refuses without the words "AppArmor parser error" is refused all the same.
lines_that_are_refused() {
	for line in 'deny @{nowhere}/net/x w,' 'deny /sys/[x w,' 'deny /sys/x}y w,' 'deny /x w, /y ux, /y px,' \
		'deny /x w, mount options=(ro,rw) /a -> /b,' 'deny /x w, profile a { /x r, } profile a { /y r, }'; do
		lay_out
		lxc adm "lxc.apparmor.raw = $line"
		ok "a container that '$line' keeps from starting: fix" fixes
		ok '  cures the others' is_rule
	done
}

lines_that_do_not_look_so() {
	lay_out
	mkdir -p "$root/etc/apparmor.d/abstractions"
	printf 'deny /sys/net/core/** w,\n' >"$root/etc/apparmor.d/abstractions/mine"
	lxc adm 'lxc.apparmor.raw = include <abstractions/mine>'
	ok 'a deny in a file that a raw line includes: fix' fixes
	ok '  writes a hook' is_hook
	lay_out
	lxc adm 'lxc.apparmor.raw = audit deny' 'lxc.apparmor.raw = owner /sys/net/core/** w,'
	ok 'a deny over two lines: fix' fixes
	ok '  writes a hook' is_hook
	lay_out
	lxc adm 'lxc.include = /etc/lxc/own.conf'
	mkdir -p "$root/etc/lxc"
	echo "$own" >"$root/etc/lxc/own.conf"
	ok 'a deny in another file of the configuration: fix' fixes
	ok '  names that file' has '(/etc/lxc/own.conf:1: ' "$T/err"
	lay_out
	lxc adm 'lxc.apparmor.raw = deny owner /sys/net/ipv4/** a,'
	ok "a deny of appending, to a file's owner alone: fix" fixes
	ok '  writes a hook' is_hook
	lay_out
	lxc adm 'lxc.apparmor.raw = deny /sys/net/** rklx,' 'lxc.apparmor.raw = deny /sys/network w,'
	ok 'denies of what is not given back: fix' fixes
	ok '  writes a rule' is_rule
	lay_out
	lxc adm
	chmod 666 "$root/var/lib/lxc/adm/config"
	ok 'a configuration that is not read: fix' fixes
	ok '  writes a hook' is_hook
	ok '  and says why' has "what container 'adm' denies itself is not known: " "$T/err"
}

lines_in_no_order() {
	lay_out
	printf 'lxc.apparmor.raw =\n' >"${dropin%/*}/50-reset.conf"
	ok 'a file beside the drop-in that takes back what others add: fix' fixes
	ok '  writes a hook' is_hook
	ok '  and says why' has "what container 'plain' denies itself is not known: a file of a folder" "$T/err"
	rm "${dropin%/*}/50-reset.conf"
	ok 'without it, fix' fixes
	ok '  writes a rule' is_rule
	printf 'lxc.apparmor.raw =\n' >"${dropin%/*}/50-reset.conf"
	rm -rf "$root"/var/lib/lxc/*/apparmor
	aa 1 --json check >/dev/null 2>&1
	is 'and where it comes later, nobody counts on the rule' "$(jq -r '.containers[].next.word' "$T/out")" stopped
}

lines_of_others_in_the_dropin() {
	lay_out
	printf '# mine\nlxc.cap.drop = sys_rawio\n' >"$dropin"
	ok 'a drop-in with a line of somebody else: fix' fixes
	ok '  adds a rule' is_rule
	is '  and leaves the others' "$(lines "$dropin")" "$(printf '# mine\nlxc.cap.drop = sys_rawio')"
	echo 'lxc.apparmor.raw = deny /sys/net/core/** w,' >>"$dropin"
	ok 'a deny that is added there: fix' fixes
	ok '  makes a hook of the rule' is_hook
	is '  and leaves the others' "$(lines "$dropin")" "$(printf '# mine\nlxc.cap.drop = sys_rawio\nlxc.apparmor.raw = deny /sys/net/core/** w,')"
	ok 'another scope' fixes --scope net,ipc
	ok '  is added' grep -q -- '--scope net,ipc hook lxc' "$dropin"
	is '  and leaves the others' "$(lines "$dropin")" "$(printf '# mine\nlxc.cap.drop = sys_rawio\nlxc.apparmor.raw = deny /sys/net/core/** w,')"
}

# parser_that SHELL-COMMAND: which it obeys when a text holds priority=, until $T/well is there.
parser_that() {
	cat >"$T/parser" <<-END
		#!/bin/sh
		cat >$T/text
		exec <$T/text
		[ -e $T/well ] || ! grep -qsd skip priority= -- $T/text "\$@" || $1
		exec $REAL/trixie/apparmor_parser "\$@"
	END
	chmod 755 "$T/parser"
}

trouble_chooses_nothing() {
	lay_out
	# shellcheck disable=SC2016
	parser_that 'kill -9 $$'
	parser=$T/parser
	tree_state "$root" >"$T/state"
	ok 'a parser that is killed when it is asked about priority=: fix' aa 4 --yes fix
	ok '  says so' has 'cannot ask the parser whether it knows priority=' "$T/err"
	tree_state "$root" | diff "$T/state" - >"$T/changed"
	is '  and writes nothing' "$(cat "$T/changed")" ""
	: >"$T/well"
	ok 'when it is well again, fix' fixes
	ok '  writes a rule' is_rule
	parser=$REAL/trixie/apparmor_parser
}

older_parsers() {
	old=${NESTFIX_PARSER:-/sbin/apparmor_parser}
	if printf 'profile x { priority=1 /x r, }\n' | "$old" -q -Q -K -S >/dev/null 2>&1; then
		skip 'a downgraded parser' "this machine's parser knows priority="
		return
	fi
	lay_out
	ok 'a rule' fixes
	sed -i 's/4.1.0-1/3.0.8-3/' "$root/var/lib/dpkg/status"
	parser=$old
	ok '  and a parser that was downgraded: check' aa 1 check
	ok '  says that no container starts' has 'DANGER:' "$T/err"
	ok '  fix' fixes
	ok '  makes a hook of it' is_hook
	parser=$REAL/trixie/apparmor_parser
	sed -i 's/3.0.8-3/4.1.0-1/' "$root/var/lib/dpkg/status"
	ok 'and upgraded again: fix' fixes
	ok '  makes it a rule' is_rule
}

lines_that_take_ours_back() {
	lay_out
	ok 'fix' fixes
	lxc late 'lxc.apparmor.raw ='
	rm -rf "$root"/var/lib/lxc/*/apparmor
	aa 1 --json check >/dev/null 2>&1
	is 'a container that takes the drop-in back is blocked at its next start' \
		"$(jq -r '.containers[] | .name + " " + .next.word' "$T/out")" "$(printf 'late stopped\nplain works')"
}

if [ "$(id -u)" != 0 ] || ! [ -x "$parser" ]; then
	skip 'the drop-in and next starts' 'needs root, and the parser of trixie, which could not be downloaded'
else
	rules_where_nothing_is_lost
	texts_of_the_library
	own_lines_are_kept
	own_lines_refuse_what_would_take_them
	lines_that_only_look_so
	lines_that_are_refused
	lines_that_do_not_look_so
	lines_in_no_order
	lines_of_others_in_the_dropin
	trouble_chooses_nothing
	older_parsers
	lines_that_take_ours_back
fi
tap_done
