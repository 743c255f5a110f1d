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
