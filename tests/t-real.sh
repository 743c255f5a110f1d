#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The profile files that LXC really ships, in five Debian releases, with every parser that accepts them: found, cured, proved,
# cured only once, brought back byte for byte.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
REAL=$TOP/build/real
base=etc/apparmor.d/abstractions/lxc/container-base
witness=/sys/net/ipv4/ip_unprivileged_port_start

parsers_of() {
	case $1 in
	bullseye | bookworm) echo "$(command -v apparmor_parser) $REAL/trixie/apparmor_parser $REAL/sid/apparmor_parser" ;;
	sid) echo "$REAL/sid/apparmor_parser" ;; # its files are those of forky
	*) echo "$REAL/trixie/apparmor_parser $REAL/sid/apparmor_parser" ;;
	esac
}

# The state of all files but the tool's own and the boot cache, with attributes but without inode numbers.
attributes() {
	tree_state "$1" | grep -v '\./var/lib/aa-nestfix/\|\./var/cache/apparmor/' | sed 's/^\(.*\) [0-9]* \([^ ]*\)$/\1 \2/'
}

lay_out() {
	rm -rf "$root"
	cp -a "$REAL/$1/root" "$root"
	touch -d '2024-02-29 12:34:56.789' "$root/$base"
	chmod 640 "$root/$base"
	setfattr -n user.nestfix -v kept "$root/$base" 2>/dev/null
}

finds_the_rule() {
	line=$(grep -n '^ *deny /sys/\[^fdc\]' "$root/$base" | cut -d: -f1)
	run_tool 1 --root "$root" --parser "$parser" check && has "/$base:$line" "$T/out" || return 1
	for profile in $profiles; do has " $profile" "$T/out" || return 1; done
}

explains() {
	run_tool 0 --root "$root" --parser "$parser" --json explain $witness w && [ "$(jq -c '[.profiles[].allowed] | unique' "$T/out")" = "[$1]" ] &&
		[ "$(jq '.profiles | length' "$T/out")" = 4 ]
}

proof_is_exact() {
	jq -e --arg paths "$1" '.proof.proved and ([.proof.policies[].changes[] | .inside] | all) and
		([.proof.policies[].changes[] | select(.kind != "logging").pattern] | unique | join(" ")) == $paths and
		([.proof.policies[].changes[] | select(.kind != "logging").change] | unique) == ["w denied → allowed (user, other)"]' "$T/out" || {
		jq -c '.proof.policies[].changes[]' "$T/out"
		return 1
	}
}

writes_nothing() {
	tree_state "$root" >"$T/first"
	run_tool 0 --root "$root" --parser "$parser" fix && tree_state "$root" | diff "$T/first" -
}

parser_accepts() {
	"$parser" -q -Q -K -S --base "$root/etc/apparmor.d" "$root/etc/apparmor.d/lxc-containers" >"$T/blob" 2>"$T/err" &&
		for profile in $profiles; do grep -qa "$profile" "$T/blob" || return 1; done
}

brings_back() {
	run_tool 0 --root "$root" --parser "$parser" rollback && attributes "$root" | diff "$T/original" -
}

# With the first parser of a suite the other commands are asked, too.
cycle() {
	suite=$1
	parser=$2
	whole=$3
	label="$suite, parser $("$parser" --version | sed -n '1s/.* //p')"
	lay_out "$suite"
	attributes "$root" >"$T/original"
	ok "$label: check finds the rule, its line, four profiles" finds_the_rule
	[ -z "$whole" ] || ok "$label: explain says denied for each profile" explains false
	[ -z "$whole" ] || ok "$label: diff finds a change" run_tool 1 --root "$root" --parser "$parser" diff
	ok "$label: fix" run_tool 0 --root "$root" --parser "$parser" --json fix
	ok "$label: the proof is exact" proof_is_exact '/sys/net{,/**}'
	ok "$label: a second fix writes nothing" writes_nothing
	ok "$label: the parser accepts all four profiles" parser_accepts
	[ -z "$whole" ] || ok "$label: check is healthy" run_tool 0 --root "$root" --parser "$parser" check
	ok "$label: explain says allowed for each profile" explains true
	ok "$label: rollback brings back bytes, owner, mode, mtime and xattrs" brings_back
	[ -z "$whole" ] || ok "$label: check finds the rule again" run_tool 1 --root "$root" --parser "$parser" check
}

# Each scope on its own, and all together: the paths given back, as the compiled policy says.
scopes() {
	suite=$1
	parser=$2
	while read -r scope paths; do
		lay_out "$suite"
		ok "$suite: fix --scope $scope" run_tool 0 --root "$root" --parser "$parser" --scope "$scope" --json fix
		ok "$suite: scope $scope is given back exactly" proof_is_exact "$paths"
	done <<-'X'
		net /sys/net{,/**}
		ipc /sys/{fs/mqueue,fs/mqueue/**,kernel/{msgmax,msgmnb,msgmni,sem,shm_rmid_forced,shmall,shmmax,shmmni}}
		uts /sys/kernel/domainname
		user /sys/user{,/**}
		net,ipc,uts,user /sys/{fs/mqueue,fs/mqueue/**,kernel/{domainname,msgmax,msgmnb,msgmni,sem,shm_rmid_forced,shmall,shmmax,shmmni},net,net/**,user,user/**}
	X
}

# What the pattern says, asked path by path.
scope_is_exact() {
	while read -r want path; do
		run_tool 0 --root "$root" --parser "$parser" --json explain "$path" w profile:lxc-container-default
		[ "$(jq -c '.profiles[].allowed' "$T/out")" = "$want" ] || {
			echo "$path: wanted $want"
			return 1
		}
	done <<-X
		true /sys/net
		true /sys/net/ipv4/ip_unprivileged_port_start
		true /sys/kernel/shm_rmid_forced
		true /sys/fs/mqueue/msg_max
		true /sys/user/max_net_namespaces
		false /sys/n
		false /sys/netx
		false /sys/kernel/mm
		false /sys/kernel/msgmaxx
		false /sys/fs/mqueuex
		false /sys/module/kernel/parameters/panic
	X
}

# One scope after the other is the text of all at once, and is taken back in any order.
one_by_one() {
	cp "$root/$base" "$T/at_once"
	lay_out "$suite"
	attributes "$root" >"$T/original"
	for scope in user net uts ipc; do
		run_tool 0 --root "$root" --parser "$parser" --scope $scope fix || return
	done
	cmp "$T/at_once" "$root/$base" && run_tool 0 --root "$root" --json rollback --list || return
	# shellcheck disable=SC2046 # IDs
	set -- $(jq -r '.changes[].id' "$T/out")
	run_tool 0 --root "$root" --parser "$parser" rollback "$1" && run_tool 0 --root "$root" --parser "$parser" rollback "$3" || return
	run_tool 0 --root "$root" --json rollback --list && [ "$(jq -c '.in_force[].scopes' "$T/out")" = '["net","ipc"]' ] || return
	for path in user/max_net_namespaces:false net/ipv4/ip_unprivileged_port_start:true kernel/domainname:false kernel/sem:true; do
		run_tool 0 --root "$root" --parser "$parser" --json explain "/sys/${path%:*}" w || return
		[ "$(jq -c '[.profiles[].allowed] | unique' "$T/out")" = "[${path#*:}]" ] || {
			echo "/sys/${path%:*}: wanted ${path#*:}"
			return 1
		}
	done
	run_tool 0 --root "$root" --parser "$parser" rollback --all && attributes "$root" | diff "$T/original" -
}

sh tests/real/fetch.sh >"$T/fetch.log" 2>&1 || {
	sed 's/^/# /' "$T/fetch.log"
	skip 'real packages' 'they could not be downloaded'
	tap_done
	exit
}
root=$T/root
profiles='lxc-container-default lxc-container-default-cgns lxc-container-default-with-mounting lxc-container-default-with-nesting'
for s in bullseye bookworm trixie forky sid; do
	if [ ! -d "$REAL/$s/root/etc/apparmor.d/lxc" ]; then
		skip "$s" 'its packages could not be downloaded'
		continue
	fi
	whole=yes
	for p in $(parsers_of $s); do
		if [ -x "$p" ]; then cycle $s "$p" $whole; else skip "$s with $p" 'that parser could not be downloaded'; fi
		whole=
	done
	[ $s = sid ] || scopes $s "$REAL/trixie/apparmor_parser"
	[ $s != bookworm ] || ok "$s: all scopes, path by path" scope_is_exact
	[ $s != bookworm ] || ok "$s: scopes one by one, taken back in any order" one_by_one
done
tap_done
