#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The host's parser decides what policy means: which rule is the cause, what explain answers, what is no policy at all.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"

root=$T/root
witness=/sys/net/ipv4/ip_unprivileged_port_start
mkdir -p "$root/etc/apparmor.d" "$root/var/lib/dpkg"
: >"$root/var/lib/dpkg/status"

# profile FILE NAME RULES: a small policy; what runc mounts is allowed.
profile() {
	printf 'profile %s flags=(attach_disconnected,mediate_deleted) {\n  file,\n  mount,\n  umount,\n  pivot_root,\n%s\n}\n' \
		"$2" "$3" >"$root/etc/apparmor.d/$1"
	chmod 644 "$root/etc/apparmor.d/$1"
}

unchanged() {
	tree_state "$root" >"$T/before"
	"$@" && tree_state "$root" | diff "$T/before" -
}

# fixed LINE...: fix succeeds, and each of these lines is in the file then.
fixed() {
	run_tool 0 --root "$root" fix || return 1
	for line in "$@"; do has "$line" "$root/etc/apparmor.d/lxc-a" || return 1; done
	run_tool 0 --root "$root" check && run_tool 0 --root "$root" rollback
}

says() {
	run_tool "$1" --root "$root" check && has "$2" "$T/$3"
}

lacks() {
	! grep -F "$1" "$2"
}

explains() {
	run_tool 0 --root "$root" --json explain "$1" w && [ "$(jq -c "$2" "$T/out")" = "$3" ] || {
		jq -c . "$T/out"
		return 1
	}
}

profile lxc-a lxc-a '  deny /sys/net/ipv4/ip_forward w,'
ok "an administrator's own deny rule is the cause of nothing" says 0 Healthy out
ok '… and fix leaves it alone' unchanged run_tool 0 --root "$root" fix
profile lxc-a lxc-a "  deny $witness w,"
ok 'one that denies just what is written is the cause' says 1 'it is the cause' out
ok '… and is not dropped whole' unchanged run_tool 3 --root "$root" fix
ok '… as fix says' has 'no rule is dropped whole' "$T/err"

profile lxc-a lxc-a '  deny owner /sys/net/** w,'
ok 'explain tells both halves, each with its rule' explains /sys/net/x \
	'.profiles[0] | [.allowed, .rule.line, .owner_allowed, .owner_rule.line, .others_allowed, .others_rule.line]' \
	'[false,6,false,6,true,2]'
ok '… in words, too' run_tool 0 --root "$root" explain /sys/net/x w profile:lxc-a
ok '… the owner' has 'lxc-a: denied to the owner by /etc/apparmor.d/lxc-a:6' "$T/out"
ok '… and others' has 'lxc-a: allowed to others by /etc/apparmor.d/lxc-a:2' "$T/out"

profile lxc-a lxc-a '  deny /sys/[^fdc]*{,/**} wklx,
  deny /sys/n*/** wk,'
ok 'two rules are one cause' fixed 'was: deny /sys/[^fdc]*{,/**} wklx,' 'was: deny /sys/n*/** wk,' '  deny /sys/n*/** k,'
profile lxc-a lxc-a '  if defined @{NONE} {
    deny /sys/n** wk,
  } else {
    deny /sys/[^fdc]*{,/**} wklx,
  }'
ok 'a rule in a branch is edited there' fixed '    deny /sys/[^fdc]*{,/**} klx,' '    deny /sys/n** wk,'
profile lxc-a lxc-a '  audit {
    deny /sys/[^fdc]*{,/**} wklx,
  }'
ok 'a rule in a block is edited there' fixed '    deny /sys/[^fdc]*{,/**} klx,'
profile lxc-a lxc-a '  deny /sys/** wl -> /x,'
ok 'a rule that no edit can split is refused with the reason' unchanged run_tool 3 --root "$root" diff
ok '… before anything is tried' has 'lxc-a:6 has a target: deny /sys/** wl -> /x,' "$T/err"

profile lxc-a lxc-a '  deny /sys/[^fdcn]*{,/**} wklx,'
ok 'a rule that was narrowed by hand is healthy' says 0 Healthy out
ok '… and nothing more is said of it' lacks 'by hand' "$T/out"
profile lxc-a lxc-a '#  deny /sys/[^fdc]*{,/**} wklx,'
ok 'one that was commented out is told' says 0 'opened by hand: the rule at /etc/apparmor.d/lxc-a:6' out
profile lxc-a lxc-a '  deny /sys/[^fdc]*{,/**} WKLX,'
ok 'one that the parser refuses is not' says 1 'lxc-a' err
ok '… and the parser says where' has 'line 6' "$T/err"
ok '… explain knows nothing of it' run_tool 4 --root "$root" explain $witness w profile:lxc-a
ok '… nor does fix' unchanged run_tool 4 --root "$root" fix
profile lxc-b lxc-b '  deny /sys/[^fdc]*{,/**} wklx,'
ok 'it does not stop the cure of others' run_tool 1 --root "$root" fix
ok '… which goes on' has 'was: deny /sys/[^fdc]*{,/**} wklx,' "$root/etc/apparmor.d/lxc-b"
rm "$root/etc/apparmor.d/lxc-b"

{
	echo 'profile lxc-a { file,'
	seq 1 100000 | sed 's|.*|  deny /sys/n&/x w,|'
	echo '}'
} >"$root/etc/apparmor.d/lxc-a"
ok '100,000 deny rules are refused with a sentence' timeout 20 sh -c '
	"$1" --patches patches --root "$2" check 2>"$3" >"$3"; [ $? = 4 ] && grep -q "more than 20000 file rules" "$3"' \
	sh "$NESTFIX" "$root" "$T/err"
{
	echo 'profile lxc-a { file,'
	seq 1 15000 | sed 's|.*|  deny /sys/n&/x w,|'
	echo '  deny /sys/[^fdc]*{,/**} wklx, }'
} >"$root/etc/apparmor.d/lxc-a"
ok '15,000 are answered' timeout 60 sh -c '
	"$1" --patches patches --root "$2" check 2>"$3" >"$3"; [ $? = 1 ] && grep -q "lxc-a:15002" "$3"' \
	sh "$NESTFIX" "$root" "$T/err"
tap_done
