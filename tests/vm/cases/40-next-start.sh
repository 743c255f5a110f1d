# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Next starts: the text that is told beforehand is, byte for byte, the one that liblxc writes then; privileged and not, with
# nesting and without, with raw lines and what takes them back, without a drop-in, with one, and with another. What a container
# denies itself stays denied when Docker's sysctls are cured in it.

dropin=$dropins/60-aa-nestfix.conf
port=net.ipv4.ip_unprivileged_port_start
forward=net.ipv4.ip_forward
own='lxc.apparmor.raw = deny /sys/net/ipv4/ip_forward w,'

# first NAME LINE: puts a line before all others of its configuration.
first() { sed -i "1i $2" "$lxcpath/$1/config"; }

# Of one that stands for an uncured host only the flavour counts here, not its many raw lines.
make_containers() {
	container nested generated-stock-priv
	container mapped generated-stock-unpriv "lxc.apparmor.raw = 'deny \"/opt/two words\" w,'" 'lxc.apparmor.raw = deny /srv/** w,'
	container plain generated-stock-priv 'lxc.apparmor.allow_nesting = 0'
	first plain 'lxc.apparmor.raw = deny /first/** w,'
	container reset generated-stock-unpriv 'lxc.apparmor.allow_nesting = 0' 'lxc.apparmor.raw = deny /gone w,' \
		'lxc.apparmor.raw =' "lxc.apparmor.raw = 'deny /kept w,'"
	container own generated-priv "$own"
}

# tell NAME: what its next start is, from the texts of the library and nothing else.
tell() { "$job/guest/next-start" next / "$1" >"$out/$case/told-$1" 2>"$out/$case/why-$1"; }

starts_as_told() { # NAME
	local told=$out/$case/told-$1 wrote="$lxcpath/$1/apparmor/lxc-$1_<-var-lib-lxc>"

	is "the next start of $1 is told from the library" tell "$1" || show "$out/$case/why-$1"
	start "$1" || return
	is "$1 starts with the text that was told" cmp "$told" "$wrote" || show <(diff "$told" "$wrote") 12
}

all_start_as_told() {
	local name

	for name; do
		starts_as_told "$name"
	done
}

start_again() {
	local name

	for name; do
		stop "$name"
	done
	all_start_as_told "$@"
}

has_our_rule() { grep -q '^priority=1 allow /sys/net{,/\*\*} w,$' "$lxcpath/$1/apparmor/lxc-$1_<-var-lib-lxc>"; }
not() { ! "$@"; }

whole_case() {
	phase=before
	make_containers
	all_start_as_told nested mapped plain reset own
	refused own $port
	tool 1 probe plain
	phase=hook
	tool 0 fix --yes
	[ "$host" = bookworm ] || says "the drop-in is a hook, not a rule: container 'own' denies '/sys/net"
	is 'the drop-in is a hook' grep -q '^lxc.hook.start-host' "$dropin"
	works own $port
	refused own $forward
	phase='hook, restarted'
	start_again plain reset own
	works own $port
	refused own $forward
	tool 0 probe plain
	[ "$host" = bookworm ] || with_a_rule
	phase=rollback
	tool 0 rollback --yes --all
	is_as_before
	phase=
}

# Where the parser knows priority= and no container denies something of the scope itself.
with_a_rule() {
	phase=rule
	stop own
	rm -rf "${lxcpath:?}/own"
	tool 0 fix --yes
	is 'the drop-in is a rule' grep -q '^lxc.apparmor.raw = priority=1 ' "$dropin"
	phase='rule, restarted'
	start_again nested mapped plain reset
	is 'the rule stands in a profile' has_our_rule plain
	is 'but not where it is taken back' not has_our_rule reset
	tool 0 probe plain
	tool 1 probe reset
	echo "$own" >>"$lxcpath/plain/config"
	tool 1 check
	says "takes something away: container 'plain' denies '/sys/net/ipv4/ip_forward' itself"
}
