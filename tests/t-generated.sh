#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Texts that liblxc really wrote, in containers of every kind of name: located, rewritten, proved, and cured by the hook.
# NESTFIX_RECORDED names the folder of recorded texts. Prints TAP.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"

parser=
sh tests/real/fetch.sh >"$T/fetch.log" 2>&1 || sed 's/^/# /' "$T/fetch.log"
recorded=${NESTFIX_RECORDED:-$TOP/../shared/recorded}
root=$T/root
mkdir -p "$root"
cp -R "$TOP/tests/fixtures/sample-host/." "$root"
rm -rf "$root/var/lib/lxc/web1"
mkdir -p "$root/usr/share/lxc/config/common.conf.d"
echo 'lxc.include = /usr/share/lxc/config/common.conf.d/' >"$root/usr/share/lxc/config/common.conf"
install -D -m 755 /dev/null "$root/usr/sbin/aa-nestfix"
chmod -R go-w "$root"

# The profile's name by lsm/apparmor.c, hashed where it is too long; t-lxc holds the tool to that.
expected_name() {
	run_tool 1 --root "$root" --json check >/dev/null 2>&1
	jq -r --arg name "$1" '.containers[] | select(.name == $name) | .profile' "$T/out"
}

# container LXCPATH NAME TEXT NESTING: one that runs.
container() {
	rm -rf "${root:?}$1/$2"
	mkdir -p "$root$1/$2/apparmor"
	printf 'lxc.include = /usr/share/lxc/config/common.conf\nlxc.apparmor.profile = generated\nlxc.apparmor.allow_nesting = %s\nlxc.uts.name = x\n' \
		"$4" >"$root$1/$2/config"
	profile=$(expected_name "$2")
	file=$root$1/$2/apparmor/$(printf %s "$profile" | tr / -)
	cp "$3" "$file"
	NAME=$2 PROFILE=$profile LXCPATH=$1 perl -pi -e 's{lxc-\@NAME\@_</var/lib/lxc>}{$ENV{PROFILE}}g; s{lxc-\@NAME\@_<-var-lib-lxc>}{$ENV{PROFILE} =~ tr!/!-!r}ge; s{\@NAME\@}{$ENV{NAME}}g' "$file"
	chmod 600 "$file"
	chmod -R go-w "$root$1"
}

hook() {
	LXC_NAME=$1 LXC_CONFIG_FILE=$2 LXC_HOOK_TYPE=${3:-start-host} run_tool 0 --root "$root" ${parser:+--parser "$parser"} hook lxc
}

rule_line() {
	grep -n 'deny /sys/\[^fdck\]\*{,/\*\*} wklx,' "$1" | cut -d: -f1
}

uncured() {
	name=$2
	container "$1" "$name" "$3" "$4"
	ok "$5: the rule is found" run_tool 1 --root "$root" --json check "$name"
	is "  in its line" "$(jq '.rules[0].line' "$T/out")" "$(rule_line "$file")"
	ok "  the change is proved" run_tool 1 --root "$root" --json diff "$name"
	is "  and touches nothing but the scope" "$(jq -c '[.proof.proved, .proof.policies[].inside, (.proof.policies[].changes[] | select(.kind != "logging") | .pattern)] | unique' "$T/out")" '[true,"/sys/net{,/**}"]'
	ok "  with every scope, too" run_tool 1 --root "$root" --scope net,ipc,uts,user diff "$name"
	ok "  the hook cures it" hook "$name" "$1/$name/config"
	ok "  but for this kernel, which is not its own" has "this is another root" "$T/err"
	rm -rf "${root:?}$1/$name"
}

# Older parsers refuse the text.
cured() {
	parser=$TOP/build/real/${3%%-*}/apparmor_parser
	if [ ! -x "$parser" ]; then
		skip "$3" "the parser of ${3%%-*} could not be downloaded"
		parser=
		return
	fi
	container /var/lib/lxc "$1" "$2" 1
	ok "$3: not affected" run_tool 0 --root "$root" --parser "$parser" --json check "$1"
	is "  by its text" "$(jq -r '.profiles[0].state' "$T/out")" allowed
	ok "  the hook has nothing to do" hook "$1" "/var/lib/lxc/$1/config"
	is "  and says nothing" "$(cat "$T/out" "$T/err")" ""
	parser=
	rm -rf "$root/var/lib/lxc/$1"
}

if [ ! -r "$recorded/generated-bookworm-nesting-unpriv.txt" ]; then
	skip 'recorded texts of liblxc' "no folder $recorded (NESTFIX_RECORDED)"
else
	text=$recorded/generated-bookworm-nesting-unpriv.txt
	uncured /var/lib/lxc web1 "$text" 1 'LXC 5.0.2, nesting, unprivileged'
	uncured /var/lib/lxc web1 "$recorded/generated-bookworm-nesting-priv.txt" 1 'LXC 5.0.2, nesting, privileged'
	# without the nesting part: what liblxc writes where nesting is off
	sed '/### Configuration: nesting/,/### Configuration: unpriv/{/### Configuration: unpriv/!d}' "$text" >"$T/plain"
	uncured /var/lib/lxc web1 "$T/plain" 0 'LXC 5.0.2, no nesting'
	# without stacking, LXC denies all of /sys/k
	sed 's|^  deny /sys/kern[^s].*||; s|^  deny /sys/k\[^e\]\*{,/\*\*} wklx,|  deny /sys/k*{,/**} rwklx,|' "$text" >"$T/nostack"
	uncured /var/lib/lxc web1 "$T/nostack" 1 'LXC 5.0.2, no stacking'
	uncured /var/lib/lxc "web two's" "$text" 1 'a name with a blank and a quote'
	mkdir -p "$root/etc/lxc"
	echo 'lxc.lxcpath = /srv/my-containers' >"$root/etc/lxc/lxc.conf"
	uncured /srv/my-containers web1 "$text" 1 'another lxcpath'
	rm "$root/etc/lxc/lxc.conf"
	long=$(printf 'n%.0s' $(seq 1 230))
	uncured /var/lib/lxc "$long" "$text" 1 'a name so long that liblxc hashes it'
	for f in trixie-nesting-priv trixie-nesting-unpriv sid-nesting-priv sid-nesting-unpriv; do
		cured web1 "$recorded/generated-$f.txt" "$f"
	done
fi

# The hook keeps what the kernel gives back already: it may be called after another one, with fewer scopes.
hook_blob() { # FILE SCOPE
	rm -rf "$root/var/cache/aa-nestfix"
	LXC_NAME=k LXC_CONFIG_FILE=/var/lib/lxc/k/config LXC_HOOK_TYPE=start-host run_tool 0 --root "$root" --scope "$2" hook lxc
	sed '1,2d' "$(find "$root/var/cache/aa-nestfix" -type f ! -name '*.lock')" >"$1"
	[ -s "$1" ]
}
shown=$root/sys/kernel/security/apparmor/policy/profiles/lxc-k_.var.lib.lxc.1
printf 'profile "lxc-k_</var/lib/lxc>" {\n  file,\n  deny /sys/[^fdck]*{,/**} wklx,\n  deny /sys/k*{,/**} wklx,\n  deny /sys/fs/[^c]*{,/**} wklx,\n}\n' >"$T/own"
container /var/lib/lxc k "$T/own" 1
ok 'hook: another scope is in force' hook_blob "$T/ipc" ipc
mkdir -p "$shown"
echo 'lxc-k_</var/lib/lxc>' >"$shown/name"
cp "$T/ipc" "$shown/raw_data"
ok '  one more is given back' hook_blob "$T/both" net
ok '  and nothing is taken away' run_tool 0 prove --allow '/sys/net{,/**}:w' "$T/ipc" "$T/both"
ok '  which is a difference' run_tool 1 prove "$T/ipc" "$T/both"
printf 'profile "lxc-k_</var/lib/lxc>" {\n  file,\n  deny /etc/shadow rw,\n  deny /sys/** w,\n}\n' |
	"${NESTFIX_PARSER:-/sbin/apparmor_parser}" -q -Q -K -S >"$shown/raw_data"
by_hand() {
	LXC_NAME=k LXC_CONFIG_FILE=/var/lib/lxc/k/config LXC_HOOK_TYPE=start-host run_tool 0 --root "$root" --scope ipc,user hook lxc
}
ok 'hook: another policy is in force, loaded by hand' by_hand
ok '  it is left alone' grep -q "the kernel holds another policy" "$T/err"
rm -rf "$root/sys" "$root/var/lib/lxc/k"

# What the hook must never do: keep a container from starting, or talk.
printf 'profile "lxc-h_</var/lib/lxc>" {\n  file,\n  deny /sys/[^fdck]*{,/**} wklx,\n}\n' >"$T/own"
container /var/lib/lxc h "$T/own" 1
ok 'hook: another type does nothing' hook h /var/lib/lxc/h/config pre-start
is '  and says nothing' "$(cat "$T/out" "$T/err")" ""
ok 'hook: a container that is not generated' hook other /var/lib/lxc/other/config
is '  is none of its business' "$(cat "$T/out" "$T/err")" ""
ok 'hook: a name with ../ is refused, with status 0' hook ../h /var/lib/lxc/h/config
is '  in one line' "$(grep -c . "$T/err")" 1
ok 'hook: arguments as under hook version 0' env -u LXC_HOOK_TYPE LXC_NAME=h LXC_CONFIG_FILE=/var/lib/lxc/h/config \
	"$NESTFIX" --patches "$TOP/patches" --root "$root" hook lxc -- h lxc start-host
ok '  keep the compiled policy' sh -c "ls '$root'/var/cache/aa-nestfix | grep -qx '[0-9a-f]\{64\}'"
# The key of what is kept holds all that the parser reads.
printf 'abi <abi/own>,\n' | cat - "$T/own" >"$T/own.abi"
cp "$T/own.abi" "$file"
mkdir -p "$root/etc/apparmor.d/abi"
rm -r "$root/var/cache/aa-nestfix"
kept() { # COUNT
	hook h /var/lib/lxc/h/config || return
	is_kept=$(find "$root/var/cache/aa-nestfix" -type f | grep -c '/[0-9a-f]\{64\}$')
	[ "$is_kept" = "$1" ] || {
		echo "$is_kept kept, wanted $1"
		return 1
	}
}
cp "$TOP/tests/fixtures/blobs/features-old" "$root/etc/apparmor.d/abi/own"
ok 'hook: a profile with an abi' kept 1
ok '  again: nothing new' kept 1
echo >>"$root/etc/apparmor.d/abi/own"
ok '  another file of features' kept 2
rm -r "$root/etc/apparmor.d/abi"
cp "$T/own" "$file"
ok 'hook: a configuration elsewhere' hook h /tmp/h.conf
ok '  finds the text in the default lxcpath' has "container 'h'" "$T/err"
container /srv/other h "$T/own" 1
rm -r "$root/srv/other/h/apparmor"
ok 'hook: another container of the name' hook h /srv/other/h/config
is '  is none of its business' "$(cat "$T/out" "$T/err")" ""
chown 65534 "$root/srv/other/h"
ok 'hook: a folder of somebody else' hook h /srv/other/h/config
ok '  is told' has "/srv/other/h' belongs to uid 65534" "$T/err"
mv "$root/var/cache/aa-nestfix" "$T/cache"
: >"$root/var/cache/aa-nestfix"
ok 'hook: without a cache folder' hook h /var/lib/lxc/h/config
rm "$root/var/cache/aa-nestfix"
# shellcheck disable=SC2016
printf '#!/bin/sh\n[ "$1" = --version ] && exec %s --version\nkill -9 $$\n' "${NESTFIX_PARSER:-/sbin/apparmor_parser}" >"$T/parser"
chmod 755 "$T/parser"
killed() {
	LXC_NAME=h LXC_CONFIG_FILE=/var/lib/lxc/h/config LXC_HOOK_TYPE=start-host run_tool 0 --root "$root" --parser "$T/parser" hook lxc
}
ok 'hook: a parser that is killed' killed
is '  is one line' "$(grep -c . "$T/err")" 1
ok 'hook: an ordinary user' env HOME=/ LXC_NAME=h LXC_CONFIG_FILE=/var/lib/lxc/h/config LXC_HOOK_TYPE=start-host \
	setpriv --reuid=65534 --clear-groups "$NESTFIX" --patches "$TOP/patches" --root / hook lxc
ok 'hook: no name at all' env -u LXC_NAME "$NESTFIX" --patches "$TOP/patches" hook lxc
ok 'hook: no conflict file' env LXC_NAME=h LXC_CONFIG_FILE=/var/lib/lxc/h/config LXC_HOOK_TYPE=start-host \
	"$NESTFIX" --patches /nowhere --root "$root" hook lxc
tap_done
