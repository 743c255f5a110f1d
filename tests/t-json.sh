#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# --json: each object is what doc/json.md says, and the values that scripts rely on are right.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
# shellcheck source=tests/lib/host.sh
. tests/lib/host.sh
command -v jq >/dev/null || {
	skip 'JSON' 'no jq here'
	tap_done
	exit
}
cp -R tests/fixtures/sample-host "$T/root"
chmod -R go-w "$T/root"
containers=/etc/apparmor.d/lxc-containers

complaints() {
	jq -r --arg command "$1" -f tests/json/schema.jq "$2"
}

# keeps COMMAND STATUS ARGUMENTS...: one object, as documented.
keeps() {
	keeps_command=$1
	shift
	run_tool "$@" || return 1
	[ "$(jq -s length "$T/out")" = 1 ] || {
		echo 'not one object:'
		cat "$T/out"
		return 1
	}
	complaints "$keeps_command" "$T/out" >"$T/complaints" || return 1
	cat "$T/complaints"
	! [ -s "$T/complaints" ]
}

value() {
	jq -r "$1" "$T/out"
}

ok 'check' keeps check 1 --root "$T/root" --json check
is 'check: the state' "$(value .state)" stopped
is 'check: the rule' "$(value '.rules[] | "\(.file):\(.line) \(.text)"')" \
	'/etc/apparmor.d/abstractions/lxc/container-base:188 deny /sys/[^fdc]*{,/**} wklx,'
is 'check: the profiles' "$(value '[.profiles[].state] | unique | join(",")')/$(value '.profiles | length')" blocked/4
is "check: the containers" "$(value '.containers[] | "\(.name) \(.profile) \(.now.word) \(.next.word)"')" "web1 lxc-container-default-with-nesting none stopped"
is 'check: what to type' "$(value '.containers[0].remedy[0]' | cut -d, -f1)" "write 'lxc.apparmor.profile = generated' and 'lxc.apparmor.allow_nesting = 1' into /var/lib/lxc/web1/config"
ok 'diff' keeps diff 1 --root "$T/root" --json diff
is 'diff: proved, and all inside' "$(value '.proof | .proved and (.policies | all(.inside))')" true
ok 'fix' keeps fix 1 --root "$T/root" --json fix
is 'fix: the state after it, as its container still cannot mount' "$(value .state)" stopped
id=$(value .receipt.id)
is 'fix: what remains' "$(value '.remains[]' | head -n 1)" \
	'web1: its profile refuses mounts: mount options=private -> /var/lib/docker/overlay2/id/merged/'
ok 'fix again' keeps fix 1 --root "$T/root" --json fix
is 'fix again: nothing changed' "$(value .changed)" false
ok 'diff where nothing is to be done' keeps diff 0 --root "$T/root" --json diff
is 'diff where nothing is to be done: says so' "$(value .changed)" false
ok 'check of a cured host' keeps check 1 --root "$T/root" --json check
is 'check of a cured host: each profile has its cure' "$(value '.profiles | all(.cure != "" and .allowed_by != null)')" true
ok 'rollback --list' keeps rollback 0 --root "$T/root" --json rollback --list
is 'rollback --list: the change of fix' "$(value '.changes[] | "\(.id) \(.state)"')" "$id in force"
ok 'explain' keeps explain 0 --root "$T/root" --json explain /sys/net/x
is 'explain: allowed everywhere' "$(value '.profiles | all(.allowed)')" true
ok 'explain without a rule' keeps explain 0 --root "$T/root" --json explain /sys/net/x x
ok 'prove' keeps prove 1 --json prove "tests/fixtures/sample-host$containers" "$T/root$containers"
is 'prove: the change as a pattern' "$(value '[.changes[] | select(.kind == "file") | .pattern] | unique | join(" ")')" '/sys/net{,/**}'
ok 'rollback' keeps rollback 0 --root "$T/root" --json rollback
is 'rollback: the change of fix' "$(value .receipt.id)" "$id"
ok 'an error' keeps rollback 3 --root "$T/root" --json rollback
is 'an error: its kind' "$(value .error.kind)" refused
ok 'a usage error' keeps check 2 --root "$T/root" --json check profile:nothing
ok 'a kernel that cannot be asked' keeps probe 4 --root "$T/root" --json probe
ok 'bytes that are no UTF-8' keeps explain 0 --root "$T/root" --json explain "$(printf '/sys/\377')"

# Containers of a host with other means of a cure.
if [ "$(id -u)" = 0 ]; then
	host_make pve8 "$T/pve"
	mkdir -p "$T/pve/usr/sbin" && : >"$T/pve/usr/sbin/aa-nestfix"
	run_tool 0 --root "$T/pve" fix
	ok 'harden' keeps harden 0 --root "$T/pve" --json harden
	is 'harden: what was off' "$(value '.containers[] | "\(.container) \(.state) \([.lines[].workaround] | join(" "))"')" \
		'103 cured unconfined hidden'
	is 'harden: kind of the change' "$(value '.patch[].kind')" config
	ok 'harden again' keeps harden 0 --root "$T/pve" --json harden
	is 'harden again: nothing changed' "$(value .changed)" false
	ok 'fix --pve-hookscript' keeps fix 0 --root "$T/pve" --json fix --pve-hookscript=100
	is 'fix --pve-hookscript: whom' "$(value '.switched[]')" 100
else
	skip 'harden' 'owners cannot be set without root'
fi

# A schema that complains of nothing would be no test.
spoiled() {
	jq "$1" "$T/check" >"$T/spoiled" && [ -n "$(complaints check "$T/spoiled")" ]
}
run_tool 1 --root "$T/root" --json check && cp "$T/out" "$T/check"
for change in '.state = "fine"' 'del(.rules[0].line)' '.profiles[0].cure = null' '.skipped = {}' '.format = 2' '.command = "diff"'; do
	ok "the schema notices $change" spoiled "$change"
done

# Each field that the schema knows is in the manual of the objects.
told() {
	grep -o 'field("[a-z_]*"' tests/json/schema.jq | cut -d'"' -f2 | sort -u >"$T/fields"
	while read -r name; do
		grep -q "\`$name\`" doc/json.md || { echo "doc/json.md does not tell of $name"; untold=1; }
	done <"$T/fields"
	[ -s "$T/fields" ] && [ -z "${untold-}" ]
}
ok 'doc/json.md tells of every field' told
tap_done
