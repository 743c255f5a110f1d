#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Policies beside those that are cured: one that could read an edited file is proved, or the edit is not made.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"

ETC=$T/root/etc/apparmor.d
RULE='deny /sys/[^fdc]*{,/**} wklx,'

# put FILE TEXT: a file below /etc/apparmor.d; %b takes the text apart.
put() {
	mkdir -p "$(dirname "$ETC/$1")"
	printf '%b\n' "$2" >"$ETC/$1"
	chmod 0644 "$ETC/$1"
}

# lay_out: two profiles that are blocked, each by a file of its own.
lay_out() {
	rm -rf "$T/root"
	mkdir -p "$T/root/var/lib/lxc"
	put abstractions/x "$RULE"
	put abstractions/y "$RULE"
	put lxc-one 'profile lxc-one flags=(attach_disconnected) {\n  file,\n  include <abstractions/x>\n}'
	put lxc-two 'profile lxc-two flags=(attach_disconnected) {\n  file,\n  include <abstractions/y>\n}'
}

# cures: prints which of the two files are cured.
cured() {
	for file in x y; do
		grep -q 'aa-nestfix:' "$ETC/abstractions/$file" && printf '%s' "$file"
	done
	return 0
}

# fixes WANTED-STATUS WANTED-CURED ERROR...: what `fix` cures, and what it says of the rest.
fixes() {
	want=$1
	cures=$2
	shift 2
	run_tool "$want" --root "$T/root" --yes fix || return 1
	[ "$(cured)" = "$cures" ] || { echo "cured: '$(cured)', wanted '$cures'"; cat "$T/out" "$T/err"; return 1; }
	cat "$T/out" "$T/err" | tr '\n' ' ' | tr -s ' ' >"$T/said"
	for words; do has "$words" "$T/said" || return 1; done
}

# beside FILE TEXT: the host with one policy more.
beside() {
	lay_out
	put "$1" "$2"
}

READS='profile other {\n  file,\n  include <abstractions/x>\n}'
ALIAS='alias /sys/ -> /mysys/,\n'

lay_out
ok 'both are cured' fixes 0 xy

beside other "$READS"
ok 'one that reads the file is proved, and both are cured' fixes 0 xy

beside other "${ALIAS}profile other {\n  file,\n  include if exists etc/hosts.none\n  include <abstractions/x>\n}"
ok 'one that would change beyond the scope: nothing is written' \
	fixes 3 '' "'/etc/apparmor.d/other'" "'/mysys/net': w denied"

beside other "$ALIAS$READS"
ln -s x "$ETC/abstractions/link"
sed -i 's,abstractions/x,abstractions/link,' "$ETC/other"
ok 'one that reads it through a link' fixes 3 '' "'/etc/apparmor.d/other'" "'/mysys/net': w denied"

beside other "${ALIAS}profile other {\n  file,\n  include \042/etc//apparmor.d/./abstractions/x\042\n}"
ok 'one that spells it oddly' fixes 3 '' "'/etc/apparmor.d/other'" "'/mysys/net': w denied"

beside other "\$never = false\n$ALIAS\nprofile other {\n  file,\n  if \$never {\n    include <abstractions/x>\n  }\n}"
ok 'one that does not take the branch is not changed' fixes 0 xy

beside other "$READS"
chmod 0664 "$ETC/other"
ok 'one that others can write, and that reads it: the other file is cured' \
	fixes 1 y "'/etc/apparmor.d/other'" 'its mode 0664 lets its group write to it'

beside other 'profile other {\n  file,\n}'
chmod 0664 "$ETC/other"
ok 'one that others can write, but that does not read it' fixes 0 xy

beside other 'profile other {\n  file,\n  include <local/other>\n}'
put local/other 'include <abstractions/x>'
chmod 0666 "$ETC/local/other"
ok 'one that reads it through a file that others can write' fixes 1 y "'/etc/apparmor.d/other'" 'its mode 0666'

beside other 'profile other {\n  file,\n}'
truncate -s 9M "$ETC/other"
ok 'one that cannot be read may include anything: nothing is written' \
	fixes 3 '' "'/etc/apparmor.d/other'" 'over the limit'

beside other 'profile other {\n  file,\n  include <local/other>\n}'
put local/other ''
truncate -s 9M "$ETC/local/other"
ok 'nor may a file that it includes' fixes 3 '' "'/etc/apparmor.d/other'" 'over the limit'

# An error of the disk, for nobody but the program.
broken_disk() {
	strace -f -qq -o /dev/null -P "$ETC/other" -e trace=pread64 -e inject=pread64:error=EIO \
		"$NESTFIX" --patches "$TOP/patches" --root "$T/root" --yes fix >"$T/out" 2>"$T/err" </dev/null
	status=$?
	[ $status = 3 ] && [ -z "$(cured)" ] && has "'/etc/apparmor.d/other'" "$T/err" && has 'Input/output error' "$T/err"
}
beside other "$READS"
if strace -o /dev/null true 2>/dev/null; then
	ok 'one that the disk does not give' broken_disk
else
	skip 'one that the disk does not give' 'strace cannot trace here'
fi

beside other "${READS%?}  this is no rule,\n}"
ok 'one that the parser refuses, and that reads it: the other file is cured' \
	fixes 1 y "'/etc/apparmor.d/other'" 'the parser refuses that policy' 'syntax error'

beside other 'profile other {\n  this is no rule,\n}'
ok 'one that the parser refuses, but that does not read it' fixes 0 xy

beside other "profile other {\n  file,\n  include <../srv/x>\n}"
ok 'one that climbs out may include anything' fixes 3 '' "'/etc/apparmor.d/other'" 'cannot follow'

beside other "$ALIAS$READS"
mkdir "$ETC/disable"
ln -s /etc/apparmor.d/other "$ETC/disable/other"
ok 'one that is disabled is not in force' fixes 0 xy

beside other 'profile other {\n  file,\n  include <site>\n}'
mkdir -p "$T/root/etc/apparmor" "$T/root/srv/site"
echo 'Include /srv/site' >"$T/root/etc/apparmor/parser.conf"
printf '%b\n' 'include <abstractions/x>' >"$T/root/srv/site/site"
sed -i "1i${ALIAS%??}" "$ETC/other"
ok 'one that reads it by way of a search folder of parser.conf' \
	fixes 3 '' "'/etc/apparmor.d/other'" "'/mysys/net': w denied"

# The other way round: what reads it through a link loses what was given back, and no more.
taken_back() {
	fixes 0 xy || return
	put late "${ALIAS}profile late {\n  file,\n  include <abstractions/link>\n}"
	ln -s x "$ETC/abstractions/link"
	run_tool 3 --root "$T/root" rollback || return
	has "'/mysys/net" "$T/err" || has "'/etc/apparmor.d/late'" "$T/err"
}
lay_out
ok 'one that came since: it would change beyond the scope when the change is taken back' taken_back

# Not loaded at boot, but by the program whose policy it is.
beside libvirt/libvirt-1 "$READS"
ok 'one that is loaded by name is proved' fixes 0 xy
beside libvirt/libvirt-1 "$ALIAS$READS"
ok 'one that is loaded by name and would change beyond the scope' \
	fixes 3 '' "'/etc/apparmor.d/libvirt/libvirt-1'" "'/mysys/net': w denied"
lay_out
mkdir -p "$T/root/var/lib/snapd/apparmor/profiles"
printf '%b\n' "$ALIAS$READS" >"$T/root/var/lib/snapd/apparmor/profiles/snap.x"
ok 'one of a snap' fixes 3 '' "'/var/lib/snapd/apparmor/profiles/snap.x'" "'/mysys/net': w denied"

tap_done
