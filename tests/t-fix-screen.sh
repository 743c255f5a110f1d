#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What fix and diff show: equal changes of many containers once, a summary before the question, diff and proof once, and in
# the end what works now, what from the next start on, how to test it and how to undo it.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
# shellcheck source=tests/lib/host.sh
. tests/lib/host.sh
root=$T/root
if ! command -v apparmor_parser >/dev/null || [ "$(id -u)" != 0 ]; then
	skip 'what fix shows' 'needs root and apparmor_parser'
	tap_done
	exit
fi

# Guests that run, each with a text of its own.
many() {
	host_many 60 "$root" pve
	install -D -m 755 /dev/null "$root/usr/sbin/aa-nestfix"
	host_root=$root
	for vmid in $(seq 100 159); do
		host_generated /var/lib/lxc "$vmid" nesting unprivileged
	done
}
lines() { wc -l <"$T/out"; }

many
ok '60 guests: diff' run_tool 1 --root "$root" diff
ok '  is one screen' [ "$(lines)" -lt 60 ]
ok '  says for how many the change is the same' has 'and the same in the profiles of 59 other containers' "$T/out"
ok '  and the proof' has '         and 52 more' "$T/out"
ok '  -v shows each' run_tool 1 -v --root "$root" diff
is '  each' "$(grep -c '^+++ b/var/lib/lxc/.*in the kernel only' "$T/out")" 60
ok '60 guests: fix' run_tool 0 --root "$root" fix
ok '  is one screen' [ "$(lines)" -lt 60 ]
ok '  says how many are cured' has 'Docker runs in 60 containers, from the next start on: 100 101' "$T/out"

rm -rf "$root"
host_make lxc-bookworm "$root"
install -D -m 755 /dev/null "$root/usr/sbin/aa-nestfix"
ok 'a file of another package is edited: fix' run_tool 1 --root "$root" fix
ok '  says what that does to upgrades, and what the other way is' grep -q 'dpkg asks at its next upgrade.*lxc-container-nestfix' "$T/out"

# terminal ANSWERS ARGUMENT…: on a terminal, where these are typed.
terminal() {
	answers=$1
	shift
	{
		printf '#!/bin/sh\nstty cols %s\nexec ' "${columns-80}"
		printf "'%s' " "$NESTFIX" --root "$root" "$@"
	} >"$T/command"
	# shellcheck disable=SC2059 # \n between the answers
	(sleep 2; printf "$answers") | TERM=xterm script -qec "sh '$T/command'" /dev/null >"$T/out" 2>&1
	perl -0pe 's/\r\e\[K(Policy [0-9]+, [0-9]+ s: [^\x00-\x1f\x7f]*)?//g; s/\r//g; s/\e\[[0-9;]*m//g' <"$T/out" >"$T/shown"
}
if command -v script >/dev/null; then
	rm -rf "$root"
	host_make pve7 "$root"
	install -D -m 755 /dev/null "$root/usr/sbin/aa-nestfix"
	dropin=$root/usr/share/lxc/config/common.conf.d/60-aa-nestfix.conf
	terminal 'n\n' fix
	ok 'a summary comes before the question' has 'To be changed: 1 running container, 1 drop-in, which every container of LXC reads.' "$T/shown"
	ok '  which can be answered by d' has 'Write this change? [y/N/d]' "$T/shown"
	ok '  the diff is not shown unasked' sh -c "! grep -q '^+++' '$T/shown'"
	ok '  no is no' sh -c "! [ -e '$dropin' ]"
	terminal 'd\ny\n' fix
	is 'd shows the diff, once' "$(grep -c '^+++ b/usr/share' "$T/shown")" 1
	ok '  then yes is yes' [ -e "$dropin" ]
	ok '  and it says what works' has 'Docker runs in 2 containers, from the next start on' "$T/shown"
	terminal 'n\n' rollback
	ok 'rollback asks' has 'Undo this? [y/N]' "$T/shown"
	ok '  says what it would undo' has 'in force' "$T/shown"
	ok '  no is no' [ -e "$dropin" ]
	terminal 'n\n' rollback --to none
	ok '  it does not ask for what it refuses' sh -c "! grep -qF 'Undo this?' '$T/shown'"
	terminal 'y\n' rollback
	ok '  yes is yes' sh -c "! [ -e '$dropin' ]"
	ok '  and what it removed is not written' grep -q '^ *removed  *.*60-aa-nestfix.conf' "$T/shown"
	terminal '' --yes fix
	terminal '' --yes rollback
	ok '  with --yes it does not ask' sh -c "! [ -e '$dropin' ]"
	terminal '' --yes fix
	is 'with --yes the diff is shown, once' "$(grep -c '^+++ b/usr/share' "$T/shown")" 1
	terminal '' --yes rollback
	columns=60
	terminal 'y\n' fix
	columns=80
	sed -n '/^Done/,$p' "$T/shown" >"$T/lines"
	ok '60 columns: what was done is told' grep -q '^  then  *Docker runs in' "$T/lines"
	is '  in 60, but for what is typed' "$(grep -v '/\|^  [a-z]*-*[a-z]* ' "$T/lines" | awk 'length > 60')" ''
	ok '  further lines begin where the first does' grep -q '^            [^ ]' "$T/lines"
	rm -rf "$root"
	host_make pve7 "$root"
	printf '#!/bin/sh\nsleep 0.4\nexec %s "$@"\n' "${NESTFIX_PARSER:-/sbin/apparmor_parser}" >"$T/slow"
	chmod +x "$T/slow"
	terminal '' --parser "$T/slow" check
	ok 'what takes over a second is shown on a terminal' grep -q 'Policy [0-9]*, [0-9]* s: ' "$T/out"
	tr '\r' '\n' <"$T/out" | sed -n '/Policy/,/Docker will FAIL/p' >"$T/lines"
	ok '  and goes before the answer' grep -q "^$(printf '\033')\[K.*Docker will FAIL" "$T/lines"
	run_tool 1 --parser "$T/slow" --root "$root" check
	ok '  elsewhere it is not' sh -c "! grep Policy '$T/out' '$T/err'"
else
	skip 'the question' 'no script (bsdutils)'
fi
tap_done
