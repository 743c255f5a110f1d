#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every command on every fixture host: exit status, what check says of each container, what fix writes, what rollback
# leaves. NAME.check beside each fixture is the wanted answer. Prints TAP.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
. "$TOP/tests/lib/host.sh"

# The statuses of check, diff, fix, check after it, and a second fix.
statuses() {
	case $1 in
	lxc-trixie | pve9-cured) echo 0 0 0 0 0 ;;  # LXC is cured, and its unworn static profiles are nobody's trouble
	incus | lxd-*) echo 1 1 3 1 3 ;;            # the daemon's text is not ours to write
	mixed) echo 1 1 1 1 3 ;;
	lxc-bookworm | pve8) echo 1 1 1 1 1 ;; # a container there wears a profile that refuses runc's mounts
	*) echo 1 1 0 0 0 ;;
	esac
}

# The screen, without the scratch root's path.
screen() {
	sed "s| --root $2||g; s|$2||g" "$1"
}

# What stands in the tree but our own state.
state() {
	(cd "$1" && find . -path ./var/lib/aa-nestfix -prune -o ! -type d -printf '%p %m %U:%G %s %T@ %l\n' | sort)
	(cd "$1" && find . -path ./var/lib/aa-nestfix -prune -o -type f -exec sha256sum {} + | sort -k 2)
}

changed() {
	diff "$1" "$2" | sed -n 's/^[<>] [0-9a-f]\{64\}  \.//p' | sort -u
}

# The headline's numbers, the state and the exit status are one answer.
agree() {
	jq -r '"\(.found) \(.state) \(.failing)"' "$T/out" >"$T/said"
	read -r found state failing <"$T/said"
	case $(head -n 1 "$T/screen") in
	Healthy:*) [ "$found $state $failing" = 'false works 0' ] ;;
	"Docker will FAIL in $failing of "*) [ "$found $state" = 'true stopped' ] && [ "$(grep -c '^  .*  NO  ' "$T/screen")" -ge "$failing" ] ;;
	'Docker will FAIL in every'*) [ "$found $state $failing" = 'true stopped 0' ] ;;
	*) return 1 ;;
	esac
	jq -e '.failing == ([.containers[] | select(.now.word == "stopped" or .next.word == "stopped")] | length)' "$T/out" >/dev/null
}

walk() {
	host=$1
	root=$T/$host
	# shellcheck disable=SC2046
	set -- $(statuses "$host")
	host_make "$host" "$root"
	install -D -m 755 /dev/null "$root/usr/sbin/aa-nestfix"
	state "$root" >"$T/before"
	ok "$host: check" run_tool "$1" --root "$root" check
	screen "$T/out" "$root" >"$T/screen"
	[ -z "${RECORD-}" ] || cp "$T/screen" "$TOP/tests/fixtures/hosts/$host.check"
	ok "$host: check says" diff "$TOP/tests/fixtures/hosts/$host.check" "$T/screen"
	is "$host: in 80 columns, but for what is to be typed" "$(grep -v '^  aa-nestfix\|^(\|aa-nestfix -v check' "$T/screen" | awk 'length > 80')" ""
	ok "$host: check --json" run_tool "$1" --root "$root" --json check
	ok "$host: text and JSON say the same" agree
	ok "$host: diff" run_tool "$2" --root "$root" diff
	ok "$host: explain" run_tool 0 --root "$root" explain /sys/net/ipv4/ip_unprivileged_port_start
	state "$root" >"$T/after"
	is "$host: none of these changes anything" "$(changed "$T/before" "$T/after")" ""
	ok "$host: fix" run_tool "$3" --root "$root" fix
	state "$root" >"$T/after"
	is "$host: fix writes" "$(changed "$T/before" "$T/after")" "$(wanted_files "$host")"
	ok "$host: check after it" run_tool "$4" --root "$root" check
	ok "$host: a second fix" run_tool "$5" --root "$root" fix
	state "$root" >"$T/again"
	is "$host: and nothing moves" "$(diff "$T/after" "$T/again")" ""
	[ -n "$(wanted_files "$host")" ] && undo=0 || undo=3 # there is nothing to undo
	ok "$host: rollback" run_tool "$undo" --root "$root" rollback
	state "$root" >"$T/after"
	is "$host: all is as before" "$(diff "$T/before" "$T/after")" ""
	rm -rf "$root"
}

wanted_files() {
	case $1 in
	incus | lxd-* | lxc-trixie | pve9-cured) ;;
	lxc-bookworm) printf '%s\n' /etc/apparmor.d/abstractions/lxc/container-base /usr/share/lxc/config/common.conf.d/60-aa-nestfix.conf ;;
	*) echo /usr/share/lxc/config/common.conf.d/60-aa-nestfix.conf ;;
	esac
}

one_container() {
	root=$T/one
	host_make pve8 "$root"
	install -D -m 755 /dev/null "$root/usr/sbin/aa-nestfix"
	ok "one container can be named" run_tool 1 --root "$root" check 100
	is "  and is all that is shown" "$(awk '/^  CT/ { on = 1; next } /^$/ { on = 0 } on { print $1 }' "$T/out")" 100
	ok "  fix of it" run_tool 0 --root "$root" fix 100
	ok "  leaves the policy files alone" sh -c "! grep -rq 'aa-nestfix:' '$root/etc/apparmor.d'"
	ok "one that is not there is a usage error" run_tool 2 --root "$root" check 999
	ok "  in a sentence" has "cannot find a container or file '999'" "$T/err"
	rm -rf "$root"
}

no_folder() {
	root=$T/bare
	host_make pve8 "$root"
	rm -rf "$root/usr/share/lxc/config/common.conf.d"
	ok "a host without the drop-in's folder" run_tool 1 --root "$root" diff 100
	ok "  is told what to do" has "there is no folder '/usr/share/lxc/config/common.conf.d'" "$T/err"
	mkdir "$root/usr/share/lxc/config/common.conf.d"
	ok "a host without the program" run_tool 1 --root "$root" diff 100
	ok "  is told what to do" has "which is not installed" "$T/err"
	rm -rf "$root"
}

# A drop-in with priorities under a parser that does not take them: no container would start.
downgraded() {
	root=$T/downgraded
	if printf 'profile x { priority=1 /x r, }\n' | "${NESTFIX_PARSER:-/sbin/apparmor_parser}" -q -Q -K -S >/dev/null 2>&1; then
		skip "a downgraded parser" "this machine's parser knows priority="
		return
	fi
	host_make pve8 "$root"
	printf 'lxc.apparmor.raw = priority=1 allow /sys/net{,/**} w,\n' >"$root/usr/share/lxc/config/common.conf.d/60-aa-nestfix.conf"
	ok "a drop-in that the parser does not take is found" run_tool 1 --root "$root" check
	ok "  and called dangerous" has "DANGER: '/usr/share/lxc/config/common.conf.d/60-aa-nestfix.conf'" "$T/err"
	rm -rf "$root"
}

many() {
	for kind in lxc pve; do
		root=$T/many
		host_many 1000 "$root" $kind
		ok "1,000 $kind containers: check" run_tool 1 --root "$root" check
		ok "  they are counted" has "of 1000 containers" "$T/out"
		ok "  on one screen" [ "$(wc -l <"$T/out")" -lt 60 ]
		ok "  -v lists them" run_tool 1 -v --root "$root" check
		is "  each" "$(sed -n '/^  CT/,/^$/p' "$T/out" | grep -c "^  [c1-9]")" 1000
		rm -rf "$root"
	done
}

if [ "$(id -u)" != 0 ]; then
	skip 'hosts' 'needs root: owners as Proxmox has them'
else
	for f in "$TOP"/tests/fixtures/hosts/*.host; do
		walk "$(basename "$f" .host)"
	done
	one_container
	no_folder
	downgraded
	many
fi
tap_done
