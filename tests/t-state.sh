#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What is in force is the set of scopes of the changes that are not undone, whatever the order of fixes, rollbacks, edits and
# upgrades: random sequences against a model (tests/lib/state.pl). NESTFIX_SEQUENCES of them, 500 for the whole run;
# NESTFIX_SEED repeats one.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"

real=${NESTFIX_PARSER:-/sbin/apparmor_parser}
if ! [ -x "$real" ] || ! command -v perl >/dev/null; then
	skip 'what is in force' 'no apparmor_parser, or no perl'
	tap_done
	exit
fi

# shellcheck source=tests/lib/compiled.sh
. tests/lib/compiled.sh
cp -R "$TOP/patches" "$TOP/profiles" "$T"
chmod -R go-w "$T/patches" "$T/profiles"

host=$T/host
mkdir -p "$host/etc/apparmor.d/abstractions/lxc" "$host/usr/share/lxc/config/common.conf.d" \
	"$host/usr/sbin" "$host/var/lib/lxc/web/apparmor"
cat >"$host/etc/apparmor.d/lxc-containers" <<'END'
profile lxc-container-default {
  file,
  mount,
  umount,
  pivot_root,
  include <abstractions/lxc/container-base>
}
END
: >"$host/usr/sbin/aa-nestfix"
printf 'lxc.include = /usr/share/lxc/config/common.conf\nlxc.apparmor.profile = generated\nlxc.apparmor.allow_nesting = 1\n' >"$host/var/lib/lxc/web/config"
echo 'lxc.include = /usr/share/lxc/config/common.conf.d/' >"$host/usr/share/lxc/config/common.conf"
chmod -R go-w "$host"

model() {
	perl tests/lib/state.pl "'$NESTFIX' --patches '$T/patches' --parser '$T/parser' --root ROOT" "$T" "$@"
}

ok 'lines of ours that were edited: all of the change is undone, or nothing' model edits 0
# The conflict's data is not needed where a file is as the change left it.
unread() {
	cp -a "$host/." "$T/bare" && cp -a "$T/old/etc/." "$T/bare/etc" && cp "$T/bare/etc/apparmor.d/lxc-other" "$T/other" || return
	run_tool 0 --parser "$T/parser" --root "$T/bare" --profiles fix && grep -q aa-nestfix "$T/bare/etc/apparmor.d/lxc-other" || return
	"$NESTFIX" --patches "$T/none" --parser "$T/parser" --root "$T/bare" rollback >"$T/out" 2>"$T/err" || return
	cmp "$T/other" "$T/bare/etc/apparmor.d/lxc-other" && has 'without it only what is as a change left it' "$T/err"
}

# Lines of ours that stay are no part of the diff.
widened() {
	run_tool 0 --parser "$T/parser" --root "$T/bare" --profiles fix && run_tool 1 --parser "$T/parser" --root "$T/bare" --profiles --scope user diff || return
	has ' # aa-nestfix: runc-detached-procfs, was: ' "$T/out" && ! grep '^[-+] *# aa-nestfix' "$T/out" || return
	command -v patch >/dev/null || return 0
	(cd "$T/bare" && sed '/^Proved/,$d' "$T/out" | patch -p1 --dry-run)
}

# What a change gave back and is gone; and what nobody can tell.
lists() {
	run_tool 0 --root "$T/bare" --json rollback --list
	jq -c --arg file "/etc/apparmor.d/$1" '.in_force[] | select(.file == $file) | [.scopes, .lost, .edited]' "$T/out"
}

listed() {
	list_file=$T/bare/etc/apparmor.d/lxc-other
	is '  holds what was given back' "$(lists lxc-other)" '[["net"],[],false]'
	sed -i '/^ *# aa-nestfix/{n;s/ w,$/ wk,/}' "$list_file"
	is '  lines of ours that were edited' "$(lists lxc-other)" '[[],[],true]'
	cp "$T/other" "$list_file"
	is '  a file of a newer package' "$(lists lxc-other)" '[[],["net"],false]'
	ok '  that a fix gives it back again' run_tool 0 --parser "$T/parser" --root "$T/bare" --profiles fix
	is '  and then is listed' "$(lists lxc-other)" '[["net"],[],false]'
}

# What the oldest change gave back would stay, and nobody would say so.
manifest_gone() {
	run_tool 0 --parser "$T/parser" --root "$T/bare" --profiles --scope net,user fix || return
	run_tool 0 --root "$T/bare" --json rollback --list
	gone=$T/bare/var/lib/aa-nestfix/backups/$(jq -r '.changes[0].id' "$T/out").json
	mv "$gone" "$T/gone.json" || return
	run_tool 3 --parser "$T/parser" --root "$T/bare" rollback --all && has "${gone##*/}" "$T/err" || return
	run_tool 0 --root "$T/bare" --json rollback --list && jq -e '.changes[0].state == "damaged"' "$T/out" || return
	mv "$T/gone.json" "$gone" && run_tool 0 --parser "$T/parser" --root "$T/bare" rollback --all &&
		cmp "$T/other" "$T/bare/etc/apparmor.d/lxc-other"
}

ok 'a rollback without the conflict' unread
ok 'the diff of a second scope' widened
listed
ok 'a record whose manifest is gone is told, not passed over' manifest_gone
seed=${NESTFIX_SEED:-$(date +%s)}
echo "# NESTFIX_SEED=$seed"
ok "the files hold what the changes in force were asked for" model "${NESTFIX_SEQUENCES:-15}" "$seed"
tap_done
