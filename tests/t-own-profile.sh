#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# profiles/usr.sbin.aa-nestfix: it compiles with every parser, and it allows what the program really does. The files that the
# program touches are taken from strace and judged by the program's own explain; tests/vm asks a kernel.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
profile=profiles/usr.sbin.aa-nestfix

# A root with this profile and the abstractions it includes; nothing below local/, as `make install` leaves it.
lay_out() {
	mkdir -p "$1/etc/apparmor.d"
	cp -R "$2/abstractions" "$2/tunables" "$1/etc/apparmor.d/"
	if [ -d "$2/abi" ]; then cp -R "$2/abi" "$1/etc/apparmor.d/"; fi
	cp "$profile" "$1/etc/apparmor.d/"
}

compiles() {
	lay_out "$T/$1" "build/real/$1/root/etc/apparmor.d"
	"build/real/$1/apparmor_parser" -q -Q -K -S --base "$T/$1/etc/apparmor.d" "$T/$1/etc/apparmor.d/usr.sbin.aa-nestfix" >"$T/blob" &&
		[ -s "$T/blob" ]
}
for suite in bullseye bookworm trixie forky sid; do
	if [ -x "build/real/$suite/apparmor_parser" ]; then
		ok "compiles with the parser of $suite" compiles "$suite"
	else
		skip "compiles with the parser of $suite" 'not fetched: sh tests/real/fetch.sh'
	fi
done

names() {
	apparmor_parser -N --base "$T/own/etc/apparmor.d" "$T/own/etc/apparmor.d/usr.sbin.aa-nestfix" | tr '\n' ' '
}
if ! command -v apparmor_parser >/dev/null || ! [ -d /etc/apparmor.d/abstractions ]; then
	skip 'allows what the program does' 'no apparmor_parser here'
	tap_done
	exit
fi
lay_out "$T/own" /etc/apparmor.d
is 'two profiles, the program and its parser' "$(names)" 'aa-nestfix aa-nestfix//parser '

# A conflict about nothing, so that explain looks at this profile.
mkdir "$T/patches"
cat >"$T/patches/runc-detached-procfs.conflict" <<'END'
Conflict: own-profile
Title: none
Description: none
Profiles:
 aa-nestfix
 aa-nestfix//parser

Scope: none
Default: yes
Description: none
Give-Back:
 /none w
Access:
 /none w
END

# may PROFILE PERM PATH
may() {
	"$NESTFIX" --patches "$T/patches" --root "$T/own" --json explain "$3" "$2" "profile:$1" >"$T/verdict" </dev/null || return 1
	[ "$(jq -r '.profiles | length' "$T/verdict")" = 1 ] && [ "$(jq -r '.profiles[0].allowed' "$T/verdict")" = true ]
}
may_not() {
	may "$@"
	[ "$(jq -r '.profiles[0].allowed' "$T/verdict")" = false ]
}
ok 'may read policy' may aa-nestfix r /etc/apparmor.d/abstractions/lxc/container-base
ok 'may read what the kernel holds' may aa-nestfix r /profiles/lxc-web1_.var.lib.lxc.12/name
ok 'may read the compiled policy that the kernel holds' may aa-nestfix r /raw_data/12/raw_data
ok 'may ask whether it is in a container' may aa-nestfix r /run/systemd/container
ok '  and in which way it was told' may aa-nestfix r /proc/1/environ
ok 'may write policy' may aa-nestfix w /etc/apparmor.d/abstractions/lxc/container-base
ok 'may write its drop-in' may aa-nestfix w /usr/share/lxc/config/common.conf.d/60-aa-nestfix.conf
for path in /etc/shadow /usr/sbin/aa-nestfix /etc/ld.so.preload /root/.bashrc /etc/cron.d/x /usr/share/lxc/config/common.conf \
	/etc/systemd/system/x.service /sys/kernel/uevent_helper /proc/sys/kernel/core_pattern /var/lib/dpkg/status; do
	ok "may not write $path" may_not aa-nestfix w "$path"
	ok "its parser may not write $path" may_not aa-nestfix//parser w "$path"
done
ok 'may not read keys' may_not aa-nestfix r /root/.ssh/id_ed25519
ok 'may not read passwords' may_not aa-nestfix r /etc/shadow
no_network() {
	! sed -n '/^profile/,$p' "$profile" | grep -Eq '^ *(network|unix|dbus|mount|umount|pivot_root)'
}
ok 'no rule gives network or mounts' no_network

# What probe opens, so that it knows a refusal under the container's label from one under its own. AppArmor sees a file of a
# procfs that is mounted nowhere only in a profile with attach_disconnected (kernel, security/apparmor/path.c).
may_probe() {
	awk '/^[^ ]/ { on = /^Access:/ } on && $2 == "w" { print $1 }' patches/*.conflict >"$T/probed"
	[ "$(wc -l <"$T/probed")" -gt 10 ] && grep -q '^profile aa-nestfix .*flags=(attach_disconnected)' "$profile" || return 1
	while read -r path; do
		may aa-nestfix w "$path" || { echo "$path"; return 1; }
	done <"$T/probed"
}
ok 'may open what probe asks about' may_probe

# Lines "PROFILE PERM PATH" of all that a traced run touched. A process is the parser's from its execve on. With -y strace
# shows the path of a descriptor behind it: that of the directory in front of a name, that of the file as result of an open.
touched() {
	awk '
		function say(perm, path) { print ($1 in who ? who[$1] : "aa-nestfix"), perm, path }
		$2 ~ /^execve\(/ && /apparmor_parser/ && / = 0$/ { who[$1] = "aa-nestfix//parser"; next }
		$2 ~ /^(clone|clone3|vfork|fork)\(/ && / = [0-9]+$/ { if ($1 in who) who[$NF] = who[$1]; next }
		/ = -1 / || /O_PATH/ { next }
		$2 ~ /^open(at|at2)?\(/ && / = [0-9]+<\// {
			path = $0
			sub(/.* = [0-9]+</, "", path); sub(/>$/, "", path); sub(/\\?<.*/, "", path)
			say(/O_WRONLY|O_RDWR|O_CREAT/ ? "w" : "r", /O_DIRECTORY/ ? path "/" : path)
		}
		$2 ~ /^(rename|unlink|mkdir|rmdir)(at|at2)?\(/ {
			rest = $0
			while (match(rest, /(<[^>]*>, )?"[^"]*"/)) {
				name = substr(rest, RSTART, RLENGTH); rest = substr(rest, RSTART + RLENGTH)
				dir = name
				sub(/^<?/, "", dir); sub(/>?, ".*/, "", dir)
				sub(/^[^"]*"/, "", name); sub(/"$/, "", name)
				say("w", (name ~ /^\// ? name : dir "/" name) ($2 ~ /^(mkdir|rmdir)|AT_REMOVEDIR/ ? "/" : ""))
			}
		}' "$1" | sort -u
}

trace() {
	setarch -R strace -f -qq -y -s 4096 -e trace=%file,%process,%desc -o "$T/trace" "$NESTFIX" --patches "$TOP/patches" --root "$T/host" "$@" \
		>/dev/null 2>&1 </dev/null
	touched "$T/trace" | sed "s|$T/host/|/srv/host/|; s|$BUILD/aa-nestfix|/usr/sbin/aa-nestfix|; s#$TOP/\\(patches\\|profiles\\)#/usr/share/aa-nestfix/\\1#" >>"$T/touched"
}

all_allowed() {
	[ "$(wc -l <"$T/accesses")" -gt 20 ] || { cat "$T/accesses"; return 1; }
	while read -r who perm path; do
		may "$who" "$perm" "$path" || { echo "$who: $perm $path is denied"; refused=1; }
	done <"$T/accesses"
	[ -z "${refused-}" ]
}
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
	cp -R tests/fixtures/sample-host "$T/host"
	chmod -R go-w "$T/host"
	: >"$T/touched"
	for command in check fix rollback; do
		# shellcheck disable=SC2086
		trace $command
	done
	sed -E "s,aa-nestfix-[0-9]*-?[[:alnum:]]{6}(/|\$),aa-nestfix-1\\1,; s,[0-9]{8}T[0-9]{6}Z,20261121T213455Z," "$T/touched" | sort -u >"$T/accesses"
	ok 'allows what check, fix and rollback do' all_allowed
else
	skip 'allows what check, fix and rollback do' 'no strace here'
fi
tap_done
