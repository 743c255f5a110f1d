#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Inside a container, where most people meet the error: it says so, asks the kernel as runc does, and never that all is well
# because no rule stands there.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
# shellcheck source=tests/lib/host.sh
. tests/lib/host.sh
root=$T/root

guest() {
	rm -rf "$root"
	mkdir -p "$root/run/systemd" "$root/etc"
	echo "$1" >"$root/run/systemd/container"
	chmod -R go-w "$root"
}

guest lxc
ok 'a container: check' run_tool 1 --root "$root" check
ok '  says what it is' has 'This is an LXC container' "$T/out"
ok '  what to send, and to whom' has 'To send to whoever runs the host' "$T/out"
ok '  with the command for the host' has '    aa-nestfix fix' "$T/out"
ok '  and that nothing need be downgraded' has 'nothing need be downgraded or switched off' "$T/out"
run_tool 1 --root "$root" --json check
is '  in JSON' "$(jq -r '"\(.guest) \(.state) \(.found)"' "$T/out")" 'unknown unknown true'

# The letter, for who does not read English. The locales are made here: a minimal system has none.
speaks() { # VARIABLE=LANGUAGE WORDS
	env LC_ALL= LOCPATH="$T/locales" "$1" "$NESTFIX" --root "$root" check >"$T/out" 2>&1 || :
	grep -q "$2" "$T/out" && grep -q '^    aa-nestfix fix$' "$T/out" && grep -qF 'deny /sys/[^fdck]*{,/**} wklx,' "$T/out"
}
mkdir "$T/locales"
if for l in de_DE pl_PL zh_TW; do localedef -i $l -f UTF-8 "$T/locales/$l.UTF-8" >/dev/null 2>&1; done && [ -e "$T/locales/zh_TW.UTF-8" ]; then
	ok '  in German' speaks LANG=de_DE.UTF-8 'scheitert Docker an einer einzigen AppArmor-Regel'
	ok '  in Polish' speaks LC_MESSAGES=pl_PL.UTF-8 'zatrzymuje jedna reguła AppArmor'
	ok '  in Chinese as it is written in Taiwan' speaks LANG=zh_TW.UTF-8 '被 LXC 的一條 AppArmor 規則擋住'
else
	skip '  in other languages' 'no localedef, or no sources of locales'
fi
ok '  in a language that it has not' speaks LANG=tlh 'is stopped by one AppArmor rule'
mkdir -p "$T/evil/LC_MESSAGES"
cp "$BUILD/locale/de/LC_MESSAGES/aa-nestfix.mo" "$T/evil/LC_MESSAGES"
ok '  a language is no folder' speaks "LANGUAGE=$(echo "$BUILD/locale" | sed 's|[^/]*|..|g')$T/evil" 'is stopped by one AppArmor rule'
if command -v xgettext >/dev/null; then
	xgettext --from-code=UTF-8 --keyword=gettext -o "$T/texts.pot" src/cli/*.c
	for po in po/*.po; do
		ok "every text is in $po" msgcmp "$po" "$T/texts.pot"
	done
else
	skip 'every text is translated' 'no gettext'
fi
guest docker
ok 'a container of another kind: check' run_tool 0 --root "$root" check
ok '  is none of LXC' sh -c "! grep -q 'LXC container;' '$T/out'"
guest lxc
mkdir -p "$root/var/lib/lxc/inner"
printf 'lxc.apparmor.profile = unconfined\n' >"$root/var/lib/lxc/inner/config"
chmod -R go-w "$root"
ok 'a container that has containers: check' run_tool 0 --root "$root" check
ok '  speaks of those' has '1 container looked at' "$T/out"

# As on a machine of its own: the kernel is asked, and whatever it says, state and status are one answer.
if [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null; then
	guest lxc
	status=0
	host_live "$root" /usr/sbin/aa-nestfix --json check >"$T/out" 2>"$T/err" </dev/null || status=$?
	is 'the kernel is asked as runc would' "$(jq -r '.guest' "$T/out" | grep -cx 'works\|stopped\|no-nesting\|unknown')" 1
	is '  and the status says the same' "$status" "$(jq -r 'if .guest == "works" then 0 else 1 end' "$T/out")"
	host_live "$root" /usr/sbin/aa-nestfix check >"$T/out" 2>&1 </dev/null
	ok '  as do the words' grep -q 'this is an LXC container\|This is an LXC container' "$T/out"
else
	skip 'the kernel is asked as runc would' 'needs root and a mount namespace'
fi
tap_done
