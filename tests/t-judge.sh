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
	run_tool 0 --root "$root" --json explain "$1" w || return 1
	[ "$(jq -c "$2" "$T/out")" = "$3" ] && return
	jq -c . "$T/out"
	return 1
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
# 4.1 and 5.0 drop the "deny" of a rule in a block: there it denies nothing.
case $(apparmor_parser --version) in
*'version 4'* | *'version 5'*) skip 'a rule in a block is edited there' 'this parser makes an allow of it' ;;
*) ok 'a rule in a block is edited there' fixed '    deny /sys/[^fdc]*{,/**} klx,' ;;
esac
profile lxc-a lxc-a '  deny /sys/** wl -> /x,'
ok 'a rule that no edit can split is refused with the reason' unchanged run_tool 3 --root "$root" diff
ok '… before anything is tried' has 'lxc-a:6 has a target: deny /sys/** wl -> /x,' "$T/err"

profile lxc-a lxc-a '  deny /sys/[^fdcn]*{,/**} wklx,'
ok 'a rule that was narrowed by hand is healthy' says 0 Healthy out
ok '… and nothing more is said of it' lacks 'by hand' "$T/out"
profile lxc-a lxc-a '#  deny /sys/[^fdc]*{,/**} wklx,'
ok 'one that was commented out is told' says 1 'opened by hand: the rule at /etc/apparmor.d/lxc-a:6' out
profile lxc-a lxc-a '  deny /sys/[^fdc]*{,/**} WKLX,'
ok 'one that the parser refuses is not' says 1 'lxc-a' err
ok '… and the parser says where' has 'line 6' "$T/err"
ok '… explain knows nothing of it' run_tool 4 --root "$root" explain $witness w profile:lxc-a
ok '… nor does fix' unchanged run_tool 4 --root "$root" fix
profile lxc-b lxc-b '  deny /sys/[^fdc]*{,/**} wklx,'
ok 'it does not stop the cure of others' run_tool 1 --root "$root" fix
ok '… which goes on' has 'was: deny /sys/[^fdc]*{,/**} wklx,' "$root/etc/apparmor.d/lxc-b"
rm "$root/etc/apparmor.d/lxc-b"

ok 'a host with nothing else says that nothing is known' says 1 'Not known: apparmor_parser refuses' out

# shellcheck source=tests/lib/host.sh
. tests/lib/host.sh
rm "$root/etc/apparmor.d/lxc-a"
mkdir -p "$root/etc/apparmor.d/tunables"
: >"$root/etc/apparmor.d/tunables/global"
host_root=$root
host_daemon incus /var/lib/incus c1 nesting
sed -i 's|^  file,|  file,\n  deny /sys/** WKLX,|' "$root/var/lib/incus/security/apparmor/profiles/incus-c1"
ok 'a text of Incus that the parser refuses is not cured' says 1 'line 7' err
ok '… nor is advice given on it' lacks 'raw.apparmor' "$T/out"
host_generated /var/lib/lxc web1 nesting
mkdir -p "$root/usr/share/lxc/config/common.conf.d" "$root/usr/sbin"
echo 'lxc.include = /usr/share/lxc/config/common.conf.d/' >"$root/usr/share/lxc/config/common.conf"
printf 'lxc.include = /usr/share/lxc/config/common.conf\nlxc.apparmor.profile = generated\nlxc.apparmor.allow_nesting = 1\n' >"$root/var/lib/lxc/web1/config"
install -D -m 755 /dev/null "$root/usr/sbin/aa-nestfix"
rm -r "$root/var/lib/lxc/web1/apparmor"
ok 'a drop-in is placed all the same' run_tool 1 --root "$root" fix
ok '… for the next start' test -s "$root/usr/share/lxc/config/common.conf.d/60-aa-nestfix.conf"
rm -r "${root:?}/var/lib/incus" "${root:?}/var/lib/lxc" "${root:?}/usr"

#### What parsers know from 4.1 on

newer=$TOP/build/real/trixie/apparmor_parser
sh tests/real/fetch.sh >"$T/fetch.log" 2>&1 || sed 's/^/# /' "$T/fetch.log"
if [ -x "$newer" ]; then
	profile lxc-a lxc-a '  deny all,'
	ok 'deny all: refused with the reason' unchanged run_tool 3 --root "$root" --parser "$newer" fix
	ok '… before anything is tried' has 'lxc-a:6 denies all files at once: deny all,' "$T/err"
	profile lxc-a lxc-a '  priority=-5 deny /sys/** w,
  priority=2 deny owner /sys/net/ipv4/** wk,
  priority=3 /sys/net/ipv4/ip_un* w,'
	ok 'priorities: of three rules the one that counts is named' run_tool 1 --root "$root" --parser "$newer" --json check
	is '… alone, and for the access that it denies' "$(jq -c '[.rules[] | [.line, .denies]]' "$T/out")" \
		'[[7,"/sys/net/ipv4/ping_group_range"]]'
	ok '… and explained' run_tool 0 --root "$root" --parser "$newer" --json explain $witness w
	is '… with the priority that decides' "$(jq -c '.profiles[0] | [.allowed, .rule.line, .rule.priority]' "$T/out")" '[true,8,3]'
else
	skip 'deny all, and priorities' 'the parser of trixie could not be downloaded'
fi

#### What was compiled is kept, on the live root alone

profile lxc-a lxc-a '  deny /sys/[^fdc]*{,/**} wklx,'
ok 'another root gets no cache' unchanged run_tool 1 --root "$root" check

cat >"$T/parser" <<END
#!/bin/sh
echo x >>"$T/calls"
exec ${NESTFIX_PARSER:-/sbin/apparmor_parser} "\$@"
END
chmod 755 "$T/parser"

# live CODE: runs it where this policy is the host's, with a cache of its own. In it `check N` wants the parser to be called N times.
live() {
	# shellcheck disable=SC2016
	work=$T policy=$root/etc/apparmor.d tool=$NESTFIX unshare --mount sh -c '
		mount --bind "$policy" /etc/apparmor.d && mount -t tmpfs -o mode=755 tmpfs /var/cache || exit 9
		cache=/var/cache/aa-nestfix
		check() {
			: >"$work/calls"
			"$tool" --patches patches --parser "$work/parser" check profile:lxc-a >"$work/out" 2>"$work/err"
			[ $? = 1 ] && grep -q /etc/apparmor.d/lxc-a:6 "$work/out" && [ "$(wc -l <"$work/calls")" = "$1" ] && return
			cat "$work/out" "$work/err" "$work/calls"
			exit 1
		}
		eval "$1"' sh "$1"
}

# shellcheck disable=SC2016
if unshare --mount true 2>/dev/null; then
	ok 'a first look asks the parser: its version, the policy, the rules' live 'check 3; [ "$(stat -c %a:%u $cache)" = 700:0 ]'
	ok 'a second look asks for the version alone' live 'check 3; check 1'
	ok 'nothing but the cache is written' live '
		# what liblxc locks, other tests that run at the same time have it lock
		: >"$work/stamp"
		check 3
		find /etc /root /run /usr /var -xdev -newer "$work/stamp" ! -path "$cache*" ! -path /var/cache ! -path "/run/lxc*" | grep . && exit 1
		[ -d $cache ]'
	ok 'another text is another entry' live 'check 3; echo "# x" >>/etc/apparmor.d/lxc-a; check 2'
	profile lxc-a lxc-a '  deny /sys/[^fdc]*{,/**} wklx,'
	ok 'a damaged entry is made anew' live 'check 3
		for f in $cache/*; do [ ! -s "$f" ] || printf x | dd of="$f" bs=1 seek=200 conv=notrunc 2>/dev/null; done
		check 3; check 1'
	ok 'an entry of somebody else, too' live 'check 3; chown 65534 $cache/*; check 3'
	ok 'a cache that cannot be used is no error' live ': >$cache; check 3; check 3'
else
	skip 'the cache' 'may not make a mount namespace'
fi

{
	echo 'profile lxc-a { file,'
	seq 1 100000 | sed 's|.*|  deny /sys/n&/x w,|'
	echo '}'
} >"$root/etc/apparmor.d/lxc-a"
# shellcheck disable=SC2016
ok '100,000 deny rules are refused with a sentence' timeout 20 sh -c '
	"$1" --patches patches --root "$2" check 2>"$3" >"$3"; [ $? = 4 ] && grep -q "more than 20000 file rules" "$3"' \
	sh "$NESTFIX" "$root" "$T/err"
{
	echo 'profile lxc-a { file,'
	seq 1 15000 | sed 's|.*|  deny /sys/n&/x w,|'
	echo '  deny /sys/[^fdc]*{,/**} wklx, }'
} >"$root/etc/apparmor.d/lxc-a"
# shellcheck disable=SC2016
ok '15,000 are answered' timeout 60 sh -c '
	"$1" --patches patches --root "$2" check 2>"$3" >"$3"; [ $? = 1 ] && grep -q "lxc-a:15002" "$3"' \
	sh "$NESTFIX" "$root" "$T/err"
tap_done
