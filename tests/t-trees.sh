#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Trees that are not this host: what the parser reads of them is theirs, whatever their links and includes say.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"

# tree DIR TEXT-OF-EXTRA INCLUDE: a policy tree whose profile p includes a file outside the policy folder.
tree() {
	mkdir -p "$1/etc/apparmor.d" "$1/srv"
	printf '%s\n' "$2" >"$1/srv/extra"
	printf 'profile p {\n  /own r,\n  %s\n}\n' "$3" >"$1/etc/apparmor.d/p"
}

# differ INCLUDE: do trees that differ only behind it count as different?
differ() {
	rm -rf "$T/old" "$T/new"
	tree "$T/old" 'deny /x w,' "$1"
	tree "$T/new" '/x w,' "$1"
	run_tool 1 prove "$T/old/etc/apparmor.d/p" "$T/new/etc/apparmor.d/p" || return 1
	has '/x: w denied' "$T/out" && has 'allowed' "$T/out"
}

for include in 'include "/srv/extra"' 'include /srv/extra' '#include "/srv/extra"' 'include if exists "/srv/extra"' \
	'include "srv/extra"' 'include srv/extra'; do
	ok "prove sees what differs behind: $include" differ "$include"
done

# An absolute include of an included file, one of a folder, and the parser's own words for what is not there.
nested() {
	rm -rf "$T/old" "$T/new"
	for side in old new; do
		tree "$T/$side" 'include "/srv/dir"' 'include "/srv/extra"'
		mkdir "$T/$side/srv/dir"
	done
	echo '/x w,' >"$T/new/srv/dir/a"
	echo '/y w,' >"$T/new/srv/dir/.hidden"
	run_tool 1 prove "$T/old/etc/apparmor.d/p" "$T/new/etc/apparmor.d/p" || return 1
	has '/x: w denied' "$T/out" && ! has '/y' "$T/out" >/dev/null
}
ok 'prove follows includes of included files, and folders' nested

host_only() {
	rm -rf "$T/old" "$T/new"
	echo '/x w,' >"$T/host-only"
	tree "$T/old" '' "include \"$T/host-only\""
	tree "$T/new" '' "include \"$T/host-only\""
	run_tool 4 prove "$T/old/etc/apparmor.d/p" "$T/new/etc/apparmor.d/p" || return 1
	has 'host-only' "$T/err"
}
ok 'prove does not take a file of the host for one that the tree lacks' host_only

lay_out() {
	rm -rf "$T/root"
	cp -R "$TOP/tests/fixtures/sample-host" "$T/root"
	chmod -R go-w "$T/root"
}

# image LINE: a sample host whose container-base has one line more.
image() {
	lay_out
	printf '  %s\n' "$1" >>"$T/root/etc/apparmor.d/abstractions/lxc/container-base"
}

# A link that is absolute stays in the image; what it leads to on this machine is not looked at.
link_out() {
	echo '/host-only rw,' >"$T/host-only"
	image 'include <abstractions/foo>'
	ln -s "$T/host-only" "$T/root/etc/apparmor.d/abstractions/foo"
	tree_state "$T/root" >"$T/before"
	"$NESTFIX" --patches "$TOP/patches" --root "$T/root" --yes fix >"$T/out" 2>"$T/err" && return 1
	has 'abstractions/foo' "$T/err" && tree_state "$T/root" | diff "$T/before" -
}
ok 'fix: a link out of the image is told, and nothing is written' link_out

fifo() {
	image 'include <abstractions/foo>'
	mkfifo "$T/root/etc/apparmor.d/abstractions/foo"
	tree_state "$T/root" >"$T/before"
	timeout 30 "$NESTFIX" --patches "$TOP/patches" --root "$T/root" --yes fix >"$T/out" 2>"$T/err"
	status=$?
	[ $status = 3 ] || { echo "status $status"; return 1; }
	has 'FIFO' "$T/err" && tree_state "$T/root" | diff "$T/before" -
}
ok 'fix: a FIFO in the image holds nobody' fifo

# What was opened by the parser while an image was fixed: its own files, and nothing of the image in place.
in_place() {
	image 'include <abstractions/foo>'
	echo '/x r,' >"$T/root/etc/apparmor.d/abstractions/foo"
	strace -f -qq -e trace=execve,openat -o "$T/trace" "$NESTFIX" --patches "$TOP/patches" --root "$T/root" --yes fix \
		>"$T/out" 2>"$T/err"
	sed -n 's/^\([0-9]*\) *execve(.*apparmor_parser.*/\1/p' "$T/trace" | sort -u >"$T/parsers"
	[ -s "$T/parsers" ] || { echo 'no parser was run'; return 1; }
	while read -r pid; do
		sed -n "/^$pid .*execve(.*apparmor_parser/,\$p" "$T/trace" | grep "^$pid .*openat(.*$T/root" && return 1
	done <"$T/parsers"
	return 0
}
if strace -o /dev/null true 2>/dev/null; then
	ok 'fix: the parser opens no file of the image in place' in_place
else
	skip 'fix: the parser opens no file of the image in place' 'strace cannot trace here'
fi

# Somebody edits an included file between the write and the look after it: what is on disk then is not what was proved.
meddled() {
	lay_out
	policy=$T/root/etc/apparmor.d
	cp -a "$policy" "$T/policy"
	(
		tries=1000
		until grep -q 'aa-nestfix:' "$policy/abstractions/lxc/container-base" || [ $((tries -= 1)) = 0 ]; do sleep 0.02; done
		echo '# edited meanwhile' >>"$policy/lxc/lxc-default"
	) &
	strace -f -qq -o /dev/null -e trace=renameat,renameat2 -e inject=renameat,renameat2:delay_exit=200000 \
		"$NESTFIX" --patches "$TOP/patches" --root "$T/root" --yes fix >"$T/out" 2>"$T/err"
	status=$?
	wait
	has "'/etc/apparmor.d/lxc/lxc-default' is not what was proved" "$T/err" || return 1
	[ $status = 4 ] && cmp "$policy/abstractions/lxc/container-base" "$T/policy/abstractions/lxc/container-base"
}
if strace -o /dev/null true 2>/dev/null; then
	ok 'fix: what was edited after the proof is undone, not taken for proved' meddled
else
	skip 'fix: what was edited after the proof is undone, not taken for proved' 'strace cannot trace here'
fi

# A checkout of a group's: what is only compared may be anybody's.
of_a_group() {
	rm -rf "$T/old" "$T/new"
	tree "$T/old" 'deny /x w,' 'include "/srv/extra"'
	tree "$T/new" '/x w,' 'include "/srv/extra"'
	chmod -R g+w,o+w "$T/old" "$T/new"
	run_tool 1 prove "$T/old/etc/apparmor.d/p" "$T/new/etc/apparmor.d/p" && has '/x: w denied' "$T/out"
}
ok 'prove compares what others can write' of_a_group

# A parser that allows m by chance, as 4.1.0 does: here in texts that are cured, and below long names.
cat >"$T/parser" <<'EOF'
#!/bin/sh
for file; do :; done
case $file in
*/etc/apparmor.d/*)
	letter=r
	if grep -q aa-nestfix: "$file" || [ ${#file} -gt 120 ]; then letter=m; fi
	echo "profile by-chance { /x $letter, }" >>"$file"
	;;
esac
exec apparmor_parser "$@"
EOF
chmod 0755 "$T/parser"

by_chance() {
	rm -rf "$T/root"
	mkdir -p "$T/root/etc/apparmor.d" "$T/root/var/lib/lxc"
	printf 'profile lxc-one {\n  file,\n  deny /sys/[^fdc]*{,/**} wklx,\n}\n' >"$T/root/etc/apparmor.d/one"
	run_tool 3 --parser "$T/parser" --root "$T/root" --yes fix || return 1
	has 'compiles this text differently from run to run' "$T/err" && has "profile 'by-chance'" "$T/err"
}
ok 'fix says of a parser that it compiles the same text in two ways' by_chance

by_chance_prove() {
	rm -rf "$T/old" "$T/new"
	tree "$T/old" '' ''
	tree "$T/new" '' ''
	sed -i '1i# aa-nestfix: x' "$T/new/etc/apparmor.d/p"
	run_tool 3 --parser "$T/parser" prove "$T/old/etc/apparmor.d/p" "$T/new/etc/apparmor.d/p" || return 1
	has 'compiles this text differently from run to run' "$T/err"
}
ok 'prove says so, too' by_chance_prove

# 4.1.0 itself, on a text that it was seen to compile in two ways. By chance it may do it right.
really_by_chance() {
	rm -rf "$T/root"
	mkdir -p "$T/root/etc/apparmor.d" "$T/root/var/lib/lxc"
	cat >"$T/root/etc/apparmor.d/lxc-qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq" <<'EOF'
profile lxc-one {
  file,
  deny /sys/[^fdc]*{,/**} wklx,
  /b ix,
  owner /a rmix,
  deny owner /usr/bin/* m,
  deny /[ab]* mx,
  audit /a mr,
  audit /a ix,
  deny owner /a* mx,
  audit /a/** rm,
  audit /usr/** rwm,
  deny owner /x/y rm,
}
EOF
	"$NESTFIX" --patches "$TOP/patches" --parser "$REAL" --root "$T/root" --yes fix >"$T/out" 2>"$T/err" </dev/null &&
		return 0
	has 'compiles this text differently from run to run' "$T/err"
}
REAL=$TOP/build/real/trixie/apparmor_parser
if [ -x "$REAL" ]; then
	ok 'apparmor_parser 4.1.0: its own changes are not taken for those of the edit' really_by_chance
else
	skip 'apparmor_parser 4.1.0: its own changes' 'tests/real/fetch.sh has not fetched it'
fi

tap_done
