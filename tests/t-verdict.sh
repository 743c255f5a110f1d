#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# One answer a container: hosts as people reported them, what check says of each, with which exit status, and what it gives
# to type. Each is one of a kind; the words are not all there is, the right value is.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
# shellcheck source=tests/lib/host.sh
. tests/lib/host.sh
if [ "$(id -u)" != 0 ] || ! command -v jq >/dev/null; then
	skip 'answers about containers' 'needs root, for owners as Proxmox has them, and jq'
	tap_done
	exit
fi
root=$T/root

# node VERSION LIBLXC: a Proxmox node without guests.
node() {
	rm -rf "$root"
	host_base "$root"
	host_liblxc "$2"
	mkdir -p "$root/var/lib/dpkg" "$root/etc/pve/nodes/pve/lxc"
	ln -s nodes/pve "$root/etc/pve/local"
	ln -s nodes/pve/lxc "$root/etc/pve/lxc"
	printf 'Package: %s\nStatus: install ok installed\nVersion: %s\n\n' pve-manager "$1" lxc-pve 6.0.0-9 >"$root/var/lib/dpkg/status"
	install -D -m 755 /dev/null "$root/usr/sbin/aa-nestfix"
}

# guest VMID [LINE…]
guest() {
	guest_conf=$root/etc/pve/nodes/pve/lxc/$1.conf
	shift
	printf '%s\n' 'arch: amd64' 'ostype: debian' 'unprivileged: 1' "$@" >"$guest_conf"
	host_pve
	chmod -R go-w "$root"
}

# A host with LXC, whose library writes the rule.
lxc_host() {
	rm -rf "$root"
	host_base "$root"
	host_liblxc denies
	install -D -m 755 /dev/null "$root/usr/sbin/aa-nestfix"
}

container() {
	mkdir -p "$root/var/lib/lxc/$1"
	container_conf=$root/var/lib/lxc/$1/config
	shift
	printf '%s\n' "$@" >"$container_conf"
	chmod -R go-w "$root"
}
common='lxc.include = /usr/share/lxc/config/common.conf'
generated='lxc.apparmor.profile = generated'
nesting='lxc.apparmor.allow_nesting = 1'

# aa STATUS ARGUMENT…
aa() {
	aa_status=$1
	shift
	run_tool "$aa_status" --root "$root" "$@"
}

answers() {
	jq -r '.containers[] | "\(.name) \(.now.word) \(.next.word)\(if .counts then " counts" else "" end)"' "$T/out"
}
remedies() {
	jq -r '.containers[].remedy[]' "$T/out" | sed "s| --root $root||"
}
says() { has "$1" "$T/out"; }
silent() { ! grep -i "$1" "$T/out"; }

#### A node that is cured

node 9.0.10 cured
guest 101 'features: nesting=1'
ok 'a cured node: check' aa 0 check
ok '  says so in one line, and of unworn profiles in another' [ "$(wc -l <"$T/out")" = 2 ]
ok '  first the answer' grep -q '^Healthy: LXC 6.0.0-9 is cured; 1 container looked at.$' "$T/out"
ok '  nothing is in the way of what nobody wears' silent 'in the way\|nestfix *$\|lxc-container-nestfix'
ok '  diff has nothing to change' aa 0 diff
ok '  nor has fix' aa 0 fix
ok '  which leaves the conffile alone' cmp "$root/etc/apparmor.d/abstractions/lxc/container-base" \
	tests/fixtures/sample-host/etc/apparmor.d/abstractions/lxc/container-base
ok '  unless it is asked to' aa 0 --profiles fix
ok '  by an option of its own' grep -q 'aa-nestfix: runc' "$root/etc/apparmor.d/abstractions/lxc/container-base"

node 9.0.10 cured
guest 101 'features: nesting=1' '#for Docker' 'lxc.apparmor.profile: unconfined'
guest 102 'features: nesting=1' 'lxc.mount.entry: /dev/null sys/module/apparmor/parameters/enabled none bind 0 0'
ok 'workarounds that were left on it: check' aa 0 check
ok '  says that the node is cured' says 'Healthy: LXC 6.0.0-9 is cured'
ok '  where AppArmor is off' says 'but AppArmor is OFF (/etc/pve/lxc/101.conf:6)'
ok '  where it is hidden' says 'but AppArmor is hidden from it'
ok '  and what takes that out' says 'harden 101 102'
run_tool 0 --root "$root" --json check
is '  in JSON' "$(answers)" "$(printf '101 none apparmor-off\n102 none works')"

node 8.4.1 denies
guest 101 'features: nesting=1'
run_tool 0 --root "$root" fix
books=$root/var/lib/dpkg/info
mkdir -p "$books" "$root/usr/share/perl5/PVE/LXC"
echo 'sub x { }' >"$root/usr/share/perl5/PVE/LXC.pm"
cp "$root/usr/share/perl5/PVE/LXC.pm" "$root/usr/share/perl5/PVE/LXC/Config.pm"
(cd "$root" && md5sum usr/share/perl5/PVE/LXC.pm usr/share/perl5/PVE/LXC/Config.pm >"$books/pve-container.md5sums" &&
	find usr/lib -name 'liblxc.so.1*' -type f -exec md5sum {} + >"$books/lxc-pve:amd64.md5sums")
echo '00000000000000000000000000000000  usr/share/perl5/PVE/LXC/Gone.pm' >>"$books/pve-container.md5sums"
echo '00000000000000000000000000000000  usr/share/perl5/PVE/LXC.pm' >"$books/other.md5sums"
ok 'files as their packages brought them: check' aa 0 check
ok '  says nothing of them' silent 'by hand'
echo '# mended' >>"$root/usr/share/perl5/PVE/LXC.pm"
ok 'a file of Proxmox that somebody mended: check' aa 0 check
ok '  names it, and who undoes it' says 'Changed by hand: /usr/share/perl5/PVE/LXC.pm, and the next upgrade of pve-container undoes it.'
ok '  and no other' [ "$(grep -c 'by hand' "$T/out")" = 1 ]
run_tool 0 --root "$root" --json check
is '  in JSON' "$(jq -c .patched "$T/out")" '[{"file":"/usr/share/perl5/PVE/LXC.pm","package":"pve-container"}]'
printf '%s\n' /usr/share/perl5/PVE/LXC.pm /usr/share/perl5/PVE/LXC.pm.distrib : >"$root/var/lib/dpkg/diversions"
ok '  a diverted one is the administrator'"'"'s: check' aa 0 check
ok '  says nothing' silent 'by hand'
echo >>"$(find "$root/usr/lib" -name 'liblxc.so.1*' -type f)"
ok '  a mended liblxc: check' aa 0 check
ok '  is named' says 'liblxc.so.1'

#### Nesting

node 8.4.1 denies
guest 105 'features: keyctl=1,nesting=1' 'lxc.apparmor.profile: generated'
guest 106
guest 107 'features: nesting=1'
run_tool 1 --root "$root" --json check
is 'nesting: who counts' "$(answers)" "$(printf '105 none stopped counts\n106 none not-set-up\n107 none stopped counts')"
ok 'features without effect' aa 1 check 105
ok '  which line takes it' says '(/etc/pve/lxc/105.conf:5)'
ok '  what to type, with the features that it has' says 'pct set 105 --features keyctl=1,nesting=1'
ok '  and no other profile' silent 'lxc-container-nestfix'
ok 'a guest without nesting is named' aa 1 check 106
ok '  nesting is off' says 'nesting is off'
ok '  what to type' says 'pct set 106 --features nesting=1'
ok 'fix' aa 1 fix
run_tool 1 --root "$root" --json check
is '  cures the one that it can, and calls no other cured' "$(answers)" \
	"$(printf '105 none stopped counts\n106 none not-set-up\n107 none works')"
ok '  one that is not meant for Docker makes no noise' aa 0 check 107

ok 'explain takes a number for a guest, as no digit is a permission' aa 0 explain /sys/net/x 107
ok '  and with a permission, too' aa 0 explain /sys/net/x w 107

#### AppArmor on again

node 8.4.1 denies
guest 104 '#for Docker' 'features: nesting=1' 'lxc.apparmor.profile: unconfined' 'lxc.apparmor.raw: mount'
ok 'a raw line that only a profile would read: fix' aa 0 fix
cp "$root/etc/pve/nodes/pve/lxc/104.conf" "$T/was"
ok '  harden' aa 3 harden
ok '  names the line that would keep it from starting' has "apparmor_parser refuses 'lxc.apparmor.raw = mount' (/etc/pve/lxc/104.conf:7)" "$T/err"
ok '  and what to do about it' has 'mend or remove that line' "$T/err"
ok '  and changes nothing' cmp "$T/was" "$root/etc/pve/nodes/pve/lxc/104.conf"
guest 104 'features: nesting=1' 'lxc.apparmor.profile: unconfined' 'lxc.apparmor.raw: mount'
ok '  where nothing speaks of Docker, too: harden without a name' aa 3 harden
ok '  names that line' has '(/etc/pve/lxc/104.conf:6): mend or remove that line' "$T/out"
ok '  and gives nothing to type that would be refused again' sh -c "! cat '$T/out' '$T/err' | grep 'harden 104'"

node 8.4.1 denies
guest 104 'features: nesting=1' 'lxc.apparmor.profile: unconfined' 'lxc.cgroup2.devices.allow: a' \
	'lxc.mount.entry: /dev/kmsg dev/kmsg none defaults,bind,create=file'
guest 105 'lxc.apparmor.profile: unconfined' '#switched off because runc failed'
run_tool 0 --root "$root" fix
ok 'reasons that nobody knows: harden without a name' aa 3 harden
ok '  lists them, with what they would lose' says 'it has all devices, /dev/kmsg'
ok '  and says how it is done all the same' says 'harden 104'
ok '  a guest without nesting would be the worse for it' says 'pct set 105 --features nesting=1'
ok '  check gives none of them to type' sh -c "! '$NESTFIX' --patches patches --root '$root' check | grep 'harden 104'"
ok '  the named one is done' aa 0 harden 104
rm "$root"/etc/pve/nodes/pve/lxc/*
guest 104 'lxc.apparmor.profile: unconfined'
ok 'where nothing is blamed: harden' aa 3 harden
ok '  speaks of no trouble' silent 'get round this trouble'
ok '  the root of an unprivileged guest sets no sysctl of the whole kernel anyhow' silent 'vm.overcommit'
sed -i '/^unprivileged/d' "$guest_conf"
ok '  of a privileged one: harden' aa 3 harden
ok '  names those that it would lose' grep -q 'may no longer write .*kernel.panic, .*vm.overcommit_memory, ' "$T/out"
ok '  and no others' silent 'kernel.hostname\|net.ipv4'

lxc_host
container docker1 "$common" '# for docker' 'lxc.apparmor.profile = unconfined'
ok 'LXC: fix' aa 0 fix
ok '  harden' aa 0 harden
is '  leads to a profile in which Docker runs' "$(grep apparmor "$root/var/lib/lxc/docker1/config")" "$(printf '%s\n%s' "$generated" "$nesting")"
ok '  as check says' aa 0 check

#### Profiles of files

node 8.4.1 denies
guest 100 'features: nesting=1' 'lxc.apparmor.profile: my_docker_nested'
sed '1s/^/#include <tunables\/global>\n/; s/^profile [^ ]*/profile my_docker_nested/; s/^}/  mount,\n  umount,\n  pivot_root,\n}/; /deny mount/d' \
	"$root/etc/apparmor.d/lxc/lxc-default" >"$root/etc/apparmor.d/my-profile"
run_tool 1 --root "$root" --json check
is 'a profile with a name of its own' "$(jq -r '.containers[] | "\(.next.word) \(.next.place)"' "$T/out")" \
	'stopped /etc/apparmor.d/abstractions/lxc/container-base:188'
rm "$root/etc/apparmor.d/my-profile"
ok 'a profile that is not there' aa 1 check
ok '  is not called healthy' says 'its profile my_docker_nested is not on'

node 8.4.1 denies
guest 100 'features: nesting=1' 'lxc.apparmor.profile: lxc-container-default-cgns'
guest 101 'features: nesting=1'
printf 'profile lxc-broken {\n  moun,\n' >"$root/etc/apparmor.d/lxc/lxc-broken"
ok 'one broken profile file: check' aa 1 check
ok '  names it' grep -q '/etc/apparmor.d/lxc/lxc-broken$' "$T/out"
ok '  and judges the other guest' grep -q '^  101 .* NO  *the runc rule (1)$' "$T/out"
ok '  which fix cures' aa 0 fix 101
run_tool 0 --root "$root" --json check 101
is '  from its next start on' "$(answers)" '101 none works'

lxc_host
container web "$common" 'lxc.uts.name = web'
container nest "$common" 'lxc.apparmor.profile = lxc-container-default-with-nesting'
run_tool 1 --root "$root" --json check
is 'LXC: its default profile is no trouble, the one for nesting is' "$(answers | sort)" \
	"$(printf 'nest none stopped counts\nweb none not-set-up')"
ok 'a container that is named counts' aa 1 check web
ok '  and is told what to write' says "'lxc.apparmor.profile = generated'"
cp profiles/lxc-container-nestfix "$root/etc/apparmor.d/lxc/"
ok '  where the profile of this program is, that is offered' aa 1 check web
ok '  by one command' says 'fix --profile-for web'
ok '  fix of it' aa 1 fix web
ok '  says what is left' says 'web: its profile refuses mounts'

lxc_host
container web "$common" 'lxc.uts.name = web'
sed -i 's|^  deny /sys/\[^fdc\]|  #deny /sys/[^fdc]|' "$root/etc/apparmor.d/abstractions/lxc/container-base"
ok 'a rule that was commented out: check' aa 1 check
ok '  is not healthy' silent healthy
ok '  names its place' says 'Opened by hand: the rule at /etc/apparmor.d/abstractions/lxc/container-base:188'
ok '  and what puts it back' grep -q '^  .* harden$' "$T/out"
base=$root/etc/apparmor.d/abstractions/lxc/container-base
for comment in '  #deny' '# deny' '#  deny' '  ### deny'; do
	sed -i "s|^[ #]*deny /sys/\[^fdc\].*|$comment /sys/[^fdc]*{,/**} wklx, # by me|" "$base"
	cp "$base" "$T/opened"
	ok "  '$comment': harden" aa 0 harden
	ok '  writes it, but for what runc needs' grep -q '^ *deny /sys/\[^fdc\]\*{,/\*\*} klx,$' "$base"
	ok '  leaves what was said of it' grep -q ' w, # by me$' "$base"
	ok '  and says that accesses are taken away' grep -q 'allowed → denied' "$T/out"
	ok '  then all is well' aa 0 check
	ok '  and little is open' aa 0 explain /sys/power/state w profile:lxc-container-default-cgns
	ok '  as it was' says 'denied by'
	ok '  again: harden' aa 0 harden
	ok '  has nothing to do' says 'Nothing to do'
	ok '  rollback' aa 0 rollback
	ok '  brings back every byte' cmp "$base" "$T/opened"
done
ok 'a rule that was put back, in a file that was edited since: harden' aa 0 harden
echo '# mine' >>"$base"
cp "$base" "$T/edited"
ok '  rollback is refused' aa 3 rollback
ok '  says why, and what to do' has 'write a # before the rule that the mark names' "$T/err"
ok '  and leaves all as it is' cmp "$T/edited" "$base"
sed -i '$d' "$base"
ok '  without that, it is done' aa 0 rollback
status=0
"$NESTFIX" --root "$root" --patches patches harden >/dev/full 2>"$T/err" </dev/null || status=$?
is 'a report that cannot be written: harden' "$status" 1
ok '  says what is in force' grep -q 'change [0-9TZ-]* is in force' "$T/err"
ok '  and it is' grep -q '# aa-nestfix' "$base"
ok '  rollback' aa 0 rollback
sed -i 's|^ *### deny /sys/|  deny /sys/[^fdc]*{,/**} klx,\n  deny /sys/{[^fdcn]*,n{,e},n[^e]*,ne[^t]*,net?*}{,/**} w,\n&|' "$base"
ok 'where somebody put another rule in its place: check' aa 0 check
ok '  that is not open' silent 'opened by hand'
ok '  harden' aa 0 harden
ok '  has nothing to do' says 'Nothing to do'
sed -i '/^  deny .sys.\[^fdc\]\*{,.\*\*} klx/d; /^  deny .sys.{\[^fdcn\]/d' "$base"
run_tool 0 --root "$root" --json harden
is '  in JSON' "$(jq -r '"\(.changed) \(.restored.patch[0].file) \(.restored.proof.proved)"' "$T/out")" \
	'false /etc/apparmor.d/abstractions/lxc/container-base true'
is '  as the manual of it says' "$(jq -r --arg command harden -f tests/json/schema.jq "$T/out")" ''

#### What the next start brings

lxc_host
container other "$common" "$generated" "$nesting"
container own "$generated" "$nesting"
ok 'a container that does not read the drop-in: fix' aa 1 fix
ok '  says who is left' says 'own: the runc rule'
ok 'check' aa 1 check
ok '  counts it' says 'Docker will FAIL in 1 of 2 containers.'
ok '  and says what to write' says "write 'lxc.include = /usr/share/lxc/config/common.conf.d/' into"
ok 'fix of it has nothing to write' aa 1 fix own
ok '  and does not say that all is well' silent 'nothing to do\|healthy'

lxc_host
container off "$common" 'lxc.apparmor.profile = unconfined'
printf '%s\n%s\n' "$generated" "$nesting" >"$root/etc/lxc.default"
install -D -m 644 "$root/etc/lxc.default" "$root/etc/lxc/default.conf"
ok 'a host whose new containers will fail: check' aa 1 check
ok '  says so' says 'Docker will FAIL in every container that is made from now on.'
ok '  in a row' grep -q '^  (new containers)  -  *NO  *the runc rule (1)$' "$T/out"
ok '  fix' aa 0 fix
ok '  cures them' aa 0 check

#### Incus

lxc_host
host_daemon incus /var/lib/incus c1 nesting
host_daemon incus /var/lib/incus c2
chmod -R go-w "$root"
run_tool 1 --root "$root" --json check
is 'Incus: nesting decides who counts' "$(answers)" "$(printf 'c1 none stopped counts\nc2 none not-set-up')"
run_tool 1 --root "$root" --json check c2
ok '  the one without it is told how' has 'incus config set c2 security.nesting=true' "$T/out"
ok '  and never LXC'"'"'s profile' silent 'lxc-container-nestfix'
run_tool 1 --root "$root" check c1
if printf 'profile x { priority=1 /x r, }\n' | /sbin/apparmor_parser -q -Q -K -S >/dev/null 2>&1; then
	ok '  a line with priority= where the parser takes it' says 'raw.apparmor='
else
	ok '  no line with priority= where the parser does not take it' silent 'priority='
fi

#### A line that takes back what the drop-in gives

lxc_host
container web "$common" "$generated" "$nesting"
ok 'a line behind the drop-in: fix' aa 0 --yes fix
ok '  before it, all is well' aa 0 check
dropin=$root/usr/share/lxc/config/common.conf.d/60-aa-nestfix.conf
if grep -q '^lxc.apparmor.raw' "$dropin"; then reset='lxc.apparmor.raw ='; else reset='lxc.hook.start-host ='; fi
container web "$common" "$generated" "$nesting" "$reset"
ok '  at the end of the container: check' aa 1 check
ok '  names it' says 'take line 4 out of /var/lib/lxc/web/config: it takes back'
ok '  and advises nothing that would change nothing' silent ' fix web'
ok '  nor does fix, which changes nothing' aa 1 fix
ok '  and names it, too' says 'take line 4 out of /var/lib/lxc/web/config'
container web "$common" "$reset" "$generated" "$nesting"
ok '  wherever it stands behind the include' aa 1 check
ok '  it is named' says 'take line 2 out of /var/lib/lxc/web/config'
container web "$reset" "$common" "$generated" "$nesting"
ok '  before the include it takes nothing' aa 0 check
container web "$common" "$generated" "$nesting"
echo "$reset" >>"$dropin"
ok '  in the drop-in: check' aa 1 check
ok '  names it' sh -c "tr -s ' \n' '  ' <'$T/out' | grep -q 'take line $(wc -l <"$dropin") out of /usr/share/lxc/config/common.conf.d/60-aa-nestfix.conf:'"
container web "$generated" "$nesting"
ok '  where the folder is not read at all, that is said' aa 1 check
ok '  and no line is blamed' silent 'take line'

#### What is advised is followed, and leads somewhere

# The commands of the section "Type", as they stand.
typed() {
	sed -n "/^Type:/,/^[^ T]/s/^  \\(aa-nestfix .*\\)/\\1/p" "$1" | sed 's/   .*//'
}
follow() {
	host_make "$1" "$root" || return
	install -D -m 755 /dev/null "$root/usr/sbin/aa-nestfix"
	: >"$T/done"
	for round in 1 2 3 4; do
		"$NESTFIX" --patches patches --root "$root" check >"$T/screen" 2>"$T/err" </dev/null || :
		typed "$T/screen" >"$T/typed"
		[ -s "$T/typed" ] || return 0
		while read -r _ words <&3; do
			words=$(printf %s "$words" | sed "s|--root $root||")
			! grep -qxF -- "$words" "$T/done" || { echo "advised again in round $round: $words"; cat "$T/screen"; return 1; }
			echo "$words" >>"$T/done"
			status=0
			eval "\"\$NESTFIX\" --patches patches --root \"\$root\" $words" >"$T/out" 2>"$T/err" </dev/null || status=$?
			[ $status != 2 ] || { echo "cannot be typed: $words"; cat "$T/err"; return 1; }
		done 3<"$T/typed"
	done
	echo 'no end of advice'
	return 1
}
for file in tests/fixtures/hosts/*.host; do
	name=$(basename "$file" .host)
	rm -rf "$root"
	ok "$name: the advice is followed, and comes to an end" follow "$name"
done
tap_done
