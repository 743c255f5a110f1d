#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# harden and fix --profile-for on the fixture hosts: exactly the lines meant change, and come back; every case in which
# nothing may change has its sentence.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
# shellcheck source=tests/lib/host.sh
. tests/lib/host.sh
if [ "$(id -u)" != 0 ] || ! command -v apparmor_parser >/dev/null; then
	skip 'harden' 'needs root and apparmor_parser'
	tap_done
	exit
fi
R=$T/root
pve=$R/etc/pve/nodes/pve/lxc

# host NAME [fixed]: a fresh host; fixed: with the cure in place, which is done once.
host() {
	rm -rf "$R"
	if [ -d "$T/$1.fixed" ]; then
		cp -a "$T/$1.fixed" "$R"
		return
	fi
	host_make "$1" "$R" || return 1
	mkdir -p "$R/usr/sbin" "$R/run/lock/lxc"
	: >"$R/usr/sbin/aa-nestfix"
	cp profiles/lxc-container-nestfix "$R/etc/apparmor.d/lxc/"
	[ "${2-}" = fixed ] || return 0
	"$NESTFIX" --patches "$TOP/patches" --root "$R" -q fix </dev/null || [ $? = 1 ] || return # something may remain
	cp -a "$R" "$T/$1.fixed"
}

configs_state() {
	for configs_dir in etc/pve var/lib/lxc; do
		[ ! -d "$R/$configs_dir" ] || tree_state "$R/$configs_dir"
	done
}

tool() {
	tool_want=$1
	shift
	run_tool "$tool_want" --root "$R" "$@"
}

# refused TEXT ARGUMENTS...: status 3, this sentence, and no file of a container changed.
refused() {
	refused_text=$1
	shift
	configs_state >"$T/before"
	tool 3 "$@" && has "$refused_text" "$T/err" || return 1
	configs_state | diff "$T/before" -
}

# gone FILE LINE...: since $T/was exactly these lines are gone from the file.
gone() {
	gone_file=$1
	shift
	printf '%s\n' "$@" >"$T/lines"
	grep -vxF -f "$T/lines" "$T/was" | cmp - "$gone_file"
}

back() {
	tool 0 rollback && cmp "$T/was" "$1"
}

off_profile='lxc.apparmor.profile: unconfined'
off_mount='lxc.mount.entry: /dev/null sys/module/apparmor/parameters/enabled none bind 0 0'

# Proxmox.
host pve8
ok 'before fix it is refused' refused 'runc would stop in its profile' harden
ok 'and says what to do first' has ' fix' "$T/err"
host pve8 fixed
cp -p "$pve/103.conf" "$T/was"
ok 'harden after fix' tool 0 harden
ok 'who lost protection, by which line' has '103.conf:7: lxc.apparmor.profile = unconfined' "$T/out"
ok 'it says from when on it counts' has 'next start' "$T/out"
ok 'exactly the two lines are gone' gone "$pve/103.conf" "$off_profile" "$off_mount"
is 'owner and mode stay' "$(stat -c '%u:%g %a' "$pve/103.conf")" '0:33 640'
is 'a snapshot keeps its line' "$(grep -c unconfined "$pve/101.conf")" 1
ok 'harden again finds nothing' tool 0 harden
ok 'and says so' has 'Nothing to do' "$T/out"
ok 'rollback brings the exact bytes' back "$pve/103.conf"
is 'no hidden file is left' "$(find "$pve" -name '.*' | wc -l)" 0

# What would switch it off again.
tool 0 harden 101
ok 'a snapshot that still holds the line is named' has \
	"101: snapshot 'before-upgrade', /etc/pve/lxc/101.conf:$(grep -n unconfined "$pve/101.conf" | cut -d: -f1): lxc.apparmor.profile: unconfined" "$T/out"
is 'and only that one' "$(grep -c '^  [0-9]*: ' "$T/out")" 1
ok 'in JSON' tool 0 --json harden 101
is 'in JSON, its place' "$(jq -r '.again[] | "\(.container) \(.what) \(.file):\(.line)"' "$T/out")" \
	"101 snapshot 'before-upgrade' /etc/pve/lxc/101.conf:$(grep -n unconfined "$pve/101.conf" | cut -d: -f1)"
mkdir -p "$R/var/lib/vz/snippets"
# shellcheck disable=SC2016 # for the script
printf '#!/bin/sh\n# no apparmor here\n[ "$2" != post-start ] || aa-disable /etc/apparmor.d/lxc-containers\n' >"$R/var/lib/vz/snippets/off.sh"
cp -p "$pve/103.conf" "$T/was.hook"
sed -i 's|^hostname|hookscript: local:snippets/aa-nestfix+off.sh\nhostname|' "$pve/103.conf"
tool 0 harden 103
ok 'a hookscript that speaks of AppArmor is named, also one that ours calls' has \
	'103: hookscript local:snippets/aa-nestfix+off.sh, /var/lib/vz/snippets/off.sh:3: ' "$T/out"
printf '#!/bin/sh\n# no apparmor here\nexit 0\n' >"$R/var/lib/vz/snippets/off.sh"
tool 0 harden 103
ok 'one that does not is not' sh -c "! grep hookscript '$T/out'"
cp -p "$T/was.hook" "$pve/103.conf"

# A snapshot that was taken since holds the same lines as the present.
ok 'harden, then a snapshot' tool 0 harden
{
	sed 's/^rootfs:/parent: snap1\n&/' "$pve/103.conf"
	printf '\n[snap1]\n'
	cat "$pve/103.conf"
	echo 'snaptime: 1795649307'
} >"$T/snapshot"
cat "$T/snapshot" >"$pve/103.conf"
ok '  rollback' tool 0 rollback
# shellcheck disable=SC2016 # for the script
ok '  brings the lines back to the present, and nowhere else' sh -c '{ sed "s/^rootfs:/parent: snap1\\n&/" "$1"; sed -n "/^\$/,\$p" "$2"; } | cmp - "$3"' sh "$T/was" "$T/snapshot" "$pve/103.conf"
{ cat "$T/was"; printf '\n[snap1]\n'; sed '/^lxc.apparmor.profile/d' "$T/was"; } >"$pve/103.conf"
cp -p "$pve/103.conf" "$T/was.both"
ok 'harden where a snapshot has the same lines' tool 0 harden
sed -i 's/^#.*//; s/^snaptime.*//; $ s/$/\nsnaptime: 1/' "$pve/103.conf"
ok '  rollback, when a later snapshot was taken' tool 0 rollback
is '  brings back just what was there' "$(sed '/^snaptime/d' "$pve/103.conf")" "$(cat "$T/was.both")"
cp -p "$T/was" "$pve/103.conf"

# What it is told to type is what Proxmox takes, and loses no other feature.
printf 'features: keyctl=1,mount=nfs;cifs\nhostname: nonest\nostype: debian\nunprivileged: 1\nlxc.apparmor.profile: unconfined\n' >"$pve/130.conf"
ok 'a guest without nesting' refused "nesting off, Docker would stop; type: pct set 130 --features 'keyctl=1,mount=nfs;cifs,nesting=1', then harden it again" harden 130
ok '  by its number and its name' has '130 (nonest)' "$T/out"
rm "$pve/130.conf"

# liblxc takes the quotes away.
quoted_profile='lxc.apparmor.profile: "unconfined"'
quoted_mount="lxc.mount.entry = '/dev/null sys/module/apparmor/parameters/enabled none bind 0 0'"
sed -i "s|^lxc.apparmor.profile.*|$quoted_profile|; s|^lxc.mount.entry.*|$quoted_mount|" "$pve/103.conf"
cp -p "$pve/103.conf" "$T/was.quoted"
ok 'quoted lines are found' tool 0 harden
# shellcheck disable=SC2016 # for the script
ok '  exactly they are gone' sh -c 'grep -vxF -e "$1" -e "$2" "$3" | cmp - "$4"' sh "$quoted_profile" "$quoted_mount" "$T/was.quoted" "$pve/103.conf"
tool 0 rollback
ok '  and come back' cmp "$T/was.quoted" "$pve/103.conf"
cp -p "$T/was" "$pve/103.conf"

edited_since() {
	tool 0 harden && sed -i 's/^memory: .*/memory: 8192/; s/^arch/#note\narch/' "$pve/103.conf" &&
		tool 0 rollback || return 1
	sed 's/^memory: .*/memory: 8192/; s/^arch/#note\narch/' "$T/was" | cmp - "$pve/103.conf"
}
ok 'rollback keeps an edit that came since' edited_since

# What Proxmox forbids.
host pve8 fixed
sed -i 's/^memory/lock: backup\nmemory/' "$pve/103.conf"
ok 'a guest that is locked' refused 'Proxmox has locked it (lock: backup)' harden 103
host pve8 fixed
chmod 555 "$R/etc/pve/nodes/pve"
ok 'no quorum' refused 'the cluster has no quorum' harden 103
host pve8 fixed
tool 0 harden 103
chmod 555 "$R/etc/pve/nodes/pve"
ok 'no quorum for the rollback' refused 'the cluster has no quorum' rollback
host pve8 fixed
held() {
	(
		exec 9>>"$R/run/lock/lxc/pve-config-103.lock" >/dev/null 2>&1
		flock 9 && exec sleep 30
	) &
	held_by=$!
	sleep 0.3
	refused 'Proxmox is at work on it, for over 10 seconds' harden 103
	held_status=$?
	kill $held_by 2>/dev/null
	return $held_status
}
ok "a lock that Proxmox holds" held
host pve8 fixed
{
	cat "$pve/103.conf"
	yes '#filler' | head -c 1048576
} >"$T/big"
cat "$T/big" >"$pve/103.conf"
ok 'over 1 MiB' refused 'over the limit' harden 103
host pve-cluster fixed
ok "another node's container" refused "it is on the node 'pve3'" harden 320
ok 'an unknown container' tool 2 harden 999

# LXC.
host lxc-bookworm fixed
cp -p "$R/var/lib/lxc/off1/config" "$T/was"
ok 'LXC: harden' tool 0 harden off1
is 'LXC: exactly the two lines are gone, and a profile in which Docker runs came' \
	"$(diff "$T/was" "$R/var/lib/lxc/off1/config" | grep '^[<>]')" \
	"$(printf '%s\n' '< lxc.apparmor.profile = unconfined' "< $(echo "$off_mount" | sed 's/:/ =/')" \
		'> lxc.apparmor.profile = generated' '> lxc.apparmor.allow_nesting = 1')"
is 'LXC: who was not named keeps his line' "$(grep -c unconfined "$R/var/lib/lxc/open1/config")" 1
ok 'LXC: rollback' back "$R/var/lib/lxc/off1/config"
ok 'LXC: JSON' tool 0 --json harden open1
is 'LXC: JSON: the state' "$(jq -r '.containers[] | "\(.container) \(.state) \(.lines[0].workaround)"' "$T/out")" 'open1 cured unconfined'
printf 'lxc.apparmor.profile = unconfined\n' >"$R/etc/lxc/off.conf"
printf '# for Docker\nlxc.include = /etc/lxc/off.conf\nlxc.uts.name = inc1\n' >"$R/var/lib/lxc/open1/config"
ok 'a line in an included file is only told' refused 'an included file switches it off' harden open1
ok 'with its place' has '/etc/lxc/off.conf:1' "$T/out"
ok 'the others are done all the same' tool 1 harden
printf 'lxc.apparmor.profile = lxc-mine\nlxc.apparmor.profile = unconfined\n' >"$R/var/lib/lxc/open1/config"
ok 'a profile that does not exist' refused "no policy file has its profile 'lxc-mine'" harden open1

host lxc-bookworm fixed
mkdir -p "$R/var/lib/lxc/web1/snaps/snap0"
printf 'lxc.uts.name = web1\nlxc.apparmor.profile = unconfined\n' >"$R/var/lib/lxc/web1/snaps/snap0/config"
printf '#!/bin/sh\nlog start\necho unconfined\n' >"$R/usr/sbin/off"
printf 'lxc.hook.pre-start = /usr/sbin/off now\n' >>"$R/var/lib/lxc/web1/config"
tool 0 harden web1
ok "LXC: a snapshot is named" has "web1: snapshot 'snap0', /var/lib/lxc/web1/snaps/snap0/config:2: " "$T/out"
ok "LXC: a hook is named" has 'web1: lxc.hook.pre-start, /usr/sbin/off:3: echo unconfined' "$T/out"

# Every edited configuration is still one for liblxc, and the profile is what was meant.
loads() {
	mkdir -p "$T/lxc/c"
	cp "$R/var/lib/lxc/$1/config" "$T/lxc/c/config"
	[ "$(lxc-info -P "$T/lxc" -n c -c lxc.apparmor.profile)" = "lxc.apparmor.profile =${2:+ $2}" ]
}
host lxc-bookworm fixed
tool 0 harden && tool 0 fix --profile-for web1 nest1 custom1 open1
for pair in hidden1=generated off1=generated open1=lxc-container-nestfix web1=lxc-container-nestfix nest1=lxc-container-nestfix custom1=lxc-container-nestfix; do
	if command -v lxc-info >/dev/null; then
		ok "liblxc loads ${pair%%=*}" loads "${pair%%=*}" "${pair#*=}"
	else
		skip "liblxc loads ${pair%%=*}" "lxc-info is missing (package lxc)"
	fi
done

# fix --profile-for.
host lxc-bookworm fixed
cp -p "$R/var/lib/lxc/web1/config" "$T/was"
ok 'a profile of its own for a container without one' tool 0 fix --profile-for=web1
is 'one line came' "$(diff "$T/was" "$R/var/lib/lxc/web1/config" | tail -n +2)" '> lxc.apparmor.profile = lxc-container-nestfix'
ok 'and again: nothing' tool 0 fix --profile-for=web1
ok 'it says so' has 'Nothing to do' "$T/out"
ok 'rollback' back "$R/var/lib/lxc/web1/config"
cp -p "$R/var/lib/lxc/custom1/config" "$T/was"
ok 'in the place of another one' tool 0 fix --profile-for custom1 web1
is 'one line is another' "$(diff "$T/was" "$R/var/lib/lxc/custom1/config" | tail -n +2)" '< lxc.apparmor.profile = lxc-container-mine
---
> lxc.apparmor.profile = lxc-container-nestfix'
ok 'not for a generated one' refused 'its profile is a generated one' fix --profile-for=docker1
rm "$R/etc/apparmor.d/lxc/lxc-container-nestfix"
ok 'not where it is not installed' refused 'no policy file has it' fix --profile-for=nest1
host pve8 fixed
cp -p "$pve/104.conf" "$T/was"
ok 'Proxmox: a profile of its own' tool 0 fix --profile-for=104
is 'Proxmox: one line is another' "$(diff "$T/was" "$pve/104.conf" | grep '^>')" '> lxc.apparmor.profile: lxc-container-nestfix'

tap_done
