#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# fix --own-files, which maintainer scripts call: no file of another package is edited, and the drop-in goes again when LXC
# itself is cured.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
# shellcheck source=tests/lib/host.sh
. tests/lib/host.sh
[ "$(id -u)" = 0 ] || {
	skip '--own-files' 'owners of the fixture hosts cannot be set without root'
	tap_done
	exit
}
root=$T/host
dropin=$root/usr/share/lxc/config/common.conf.d/60-aa-nestfix.conf
host_make lxc-trixie "$root"
rm -rf "$root/var/lib/lxc/plain1"
install -D -m 755 /dev/null "$root/usr/sbin/aa-nestfix"

own() {
	own_status=$1
	shift
	run_tool "$own_status" --root "$root" --own-files "$@"
}
policy() {
	tree_state "$root/etc"
}
same_policy() {
	policy | diff "$T/policy" -
}
there() {
	[ -e "$dropin" ]
}
gone() {
	! [ -e "$dropin" ]
}
# liblxc STATE [WORD...]: the library, and the text of a container that it was started with.
liblxc() {
	host_root=$root
	rm -rf "$root/usr/lib/x86_64-linux-gnu" "$root/var/lib/lxc/docker1/apparmor"
	host_liblxc "$1"
	shift
	host_generated /var/lib/lxc docker1 nesting "$@"
	chmod -R go-w "$root/usr" "$root/var"
}

# Nothing but a static profile in the way.
policy >"$T/policy"
tree_state "$root" >"$T/all"
ok 'static profiles: nothing is done, exit status 0' own 0 fix
ok '  and it does not say that all is well' has 'what is left stands in files of other packages' "$T/out"
tree_state "$root" >"$T/after"
ok '  nothing is written' cmp "$T/all" "$T/after"
ok '  diff has nothing to show' own 0 --json diff
is '  and names itself' "$(jq -r '"\(.command) \(.changed)"' "$T/out")" 'diff false'
ok '  no container needs it, so that check finds nothing' run_tool 0 --root "$root" check

# A generated profile, and a static one.
liblxc denies
ok 'diff shows the drop-in' own 1 --json diff
is '  and what is loaded, but no policy file' "$(jq -r '[.patch[].kind] | unique | join(" ")' "$T/out")" 'drop-in kernel'
ok 'fix places it, exit status 0' own 0 --json fix
ok '  it is there' there
is '  its containers are well then' "$(jq -r .state "$T/out")" works
ok '  no policy file was touched' same_policy
tree_state "$root" >"$T/all"
ok 'again: nothing is done' own 0 fix
tree_state "$root" >"$T/after"
ok '  nothing is written' cmp "$T/all" "$T/after"

# LXC is upgraded to one that is cured; the container still runs with the old text.
liblxc cured
ok 'LXC is cured, but a text is older: exit status 0' own 0 fix
ok '  the drop-in stays' there
liblxc cured cured
host_generated /var/lib/lxc plain1
printf 'lxc.apparmor.profile = generated\n' >"$root/var/lib/lxc/plain1/config"
chmod -R go-w "$root/var"
ok 'LXC is cured, but not for a container without nesting' own 0 fix
ok '  the drop-in stays' there
rm -rf "$root/var/lib/lxc/plain1"
mkdir "$root/var/lib/lxc/broken1"
printf 'lxc.apparmor.profile = generated\nlxc.apparmor.allow_nesting = maybe\n' >"$root/var/lib/lxc/broken1/config"
ok 'LXC is cured, but a configuration cannot be read' own 0 fix
ok '  the drop-in stays' there
rm -rf "$root/var/lib/lxc/broken1"
cp "$dropin" "$T/dropin"
echo '# mine' >>"$dropin"
ok 'LXC is cured, but the drop-in was edited' own 0 fix
ok '  it stays' there
cp "$T/dropin" "$dropin"
ok 'LXC is cured: without --own-files' run_tool 1 --root "$root" --profiles --json diff
is '  the drop-in stays' "$(jq -r '[.patch[].kind] | unique | join(" ")' "$T/out")" policy
id=$(run_tool 0 --root "$root" rollback --list && sed -n 's/ *in force .*60-aa-nestfix.*//p' "$T/out")
ok '  check offers to undo what is not needed any more' run_tool 0 --root "$root" check
ok '  with what to type' has "  aa-nestfix --root $root rollback $id   '/usr/share/lxc/config/common.conf.d/60-aa-nestfix.conf'" "$T/out"
ok 'LXC is cured: for one container' own 0 fix docker1
ok '  the drop-in stays' there
policy >"$T/policy"
ok 'diff shows that it goes' own 1 diff
ok '  as patch takes it' has '+++ /dev/null' "$T/out"
ok 'fix takes it away' own 0 fix
ok '  it is gone' gone
ok '  and that is told' has "60-aa-nestfix.conf' was removed: LXC itself is cured" "$T/out"
ok '  no policy file was touched' same_policy
ok 'again: nothing is done' own 0 fix
ok '  it does not come back' gone
ok 'rollback puts it back' run_tool 0 --root "$root" rollback
ok '  byte for byte' cmp "$T/dropin" "$dropin"
ok 'fix takes it away once more' own 0 fix
echo '# of somebody else' >"$dropin"
ok 'rollback leaves a file that came since alone' run_tool 0 --root "$root" rollback
is '  as it is' "$(cat "$dropin")" '# of somebody else'
rm "$dropin"

# Killed at any call that changes something: the next run completes it.
rm -f "$dropin"
liblxc denies
ok 'the drop-in is put in place again' own 0 fix
liblxc cured cured
cp "$dropin" "$T/dropin"
cp -a "$root" "$T/before"
killed() {
	kill_count=0
	kill_fault=$BUILD/fault.so
	(FAULT_LOG=$T/log LD_PRELOAD=$kill_fault own 0 fix) || return
	gone || return
	awk '$2 == "ftruncate" { on = 1 } on && $2 ~ /^(renameat|unlinkat)/ && !/\/tmp\/aa-nestfix-/ { print $1 }' "$T/log" >"$T/calls"
	while read -r n <&3; do
		rm -rf "$root" "$T/log" && cp -a "$T/before" "$root"
		(FAULT_AT=$n FAULT_ERRNO=KILL FAULT_LOG=$T/log LD_PRELOAD=$kill_fault own 137 fix) || return
		gone || cmp "$T/dropin" "$dropin" || return
		own 0 fix && gone && [ ! -e "$root/var/lib/aa-nestfix/journal" ] || return
		run_tool 0 --root "$root" rollback && cmp "$T/dropin" "$dropin" || return
		kill_count=$((kill_count + 1))
	done 3<"$T/calls"
	[ $kill_count -ge 4 ]
}
if [ -f "$BUILD/fault.so" ]; then
	ok 'killed at any rename or removal: all or nothing, and rollback brings it back' killed
else
	skip 'killed' "no $BUILD/fault.so: a sanitized program takes no preloaded library"
fi

# Nothing of this can be cured on another root: not an error of the maintainer script that asks.
host_make incus "$T/incus"
root=$T/incus
tree_state "$root" >"$T/all"
ok 'Incus on another root: exit status 0' own 0 fix
tree_state "$root" >"$T/after"
ok '  nothing is written' cmp "$T/all" "$T/after"

ok '--own-files and --profile-for exclude each other' own 2 --profile-for=web1 fix
ok '  in one sentence' has '--own-files leaves the configuration of containers alone' "$T/err"
tap_done
