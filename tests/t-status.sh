#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Exit statuses, and the last words where a change is made and something remains: a report that cannot be written, a host
# that cannot be looked at again, an obstacle, a rule that stays, two commands at once. What happened is told as it is.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
# shellcheck source=tests/lib/host.sh
. tests/lib/host.sh

real=${NESTFIX_PARSER:-/sbin/apparmor_parser}
root=$T/root
base=$root/etc/apparmor.d/abstractions/lxc/container-base
dropin=$root/usr/share/lxc/config/common.conf.d/60-aa-nestfix.conf
if ! [ -x "$real" ]; then
	skip 'exit statuses' "no apparmor_parser at $real"
	tap_done
	exit
fi

# web1 wears a static profile that lets runc mount, so that nothing remains behind the rule.
lay_out() {
	rm -rf "$root"
	cp -R tests/fixtures/sample-host "$root"
	sed -i 's/^}/  mount,\n  pivot_root,\n  umount,\n}/; /deny mount/d' "$root"/etc/apparmor.d/lxc/*
	chmod -R go-w "$root"
}

tool() {
	"$NESTFIX" --patches "$TOP/patches" --root "$root" "$@" </dev/null
}

# status WANTED COMMAND...: messages in $T/err.
status() {
	status_want=$1
	shift
	status_got=0
	"$@" 2>"$T/err" || status_got=$?
	[ "$status_got" = "$status_want" ] || {
		echo "exit status $status_got, wanted $status_want: $*"
		cat "$T/err"
		return 1
	}
}

is_cured() {
	grep -q '# aa-nestfix: ' "$base"
}

# WORDS: what stands there now is told, and nothing else.
tells() {
	has "$1" "$T/err" && ! grep -E 'nothing (else )?was changed|as before' "$T/err"
}

last_id() {
	tool --json rollback --list | jq -r '.changes[-1].id'
}

#### A report that cannot be written

into_full() {
	tool "$@" >/dev/full
}

# The reader is gone before the first byte.
into_closed_pipe() {
	{ { tool "$@" || echo $? >"$T/status"; } | :; } 3>&1
	return "$(cat "$T/status")"
}

into_nothing() {
	tool "$@" >&-
}

unwritten() {
	lay_out
	rm -f "$T/status"
	status 1 "$1" fix "$2" && is_cured && tells "change $(last_id) is in force" && has "rollback $(last_id)" "$T/err" &&
		has 'cannot write' "$T/err"
}

unwritten_rollback() {
	id=$(last_id)
	status 1 into_full rollback && ! is_cured && tells "change $id is undone"
}

nothing_said() {
	lay_out
	cp -R "$root" "$T/cured" && "$NESTFIX" --patches "$TOP/patches" --root "$T/cured" -q fix >/dev/full && is_there "$T/cured"
}

is_there() {
	grep -q '# aa-nestfix: ' "$1/etc/apparmor.d/abstractions/lxc/container-base"
}

only_looked() {
	lay_out
	status 4 into_full check && ! grep 'in force' "$T/err" && ! is_cured
}

ok 'fix >/dev/full: the change is in force, and it says so' unwritten into_full --yes
ok 'fix --json >/dev/full, too' unwritten into_full --json
ok 'rollback >/dev/full: undone, and it says so' unwritten_rollback
ok 'fix into a closed pipe' unwritten into_closed_pipe --yes
ok 'fix with its standard output closed' unwritten into_nothing --yes
ok 'fix -q has nothing to write: status 0' nothing_said
ok 'check >/dev/full: failed, and nothing else' only_looked

#### A host that cannot be looked at again

# The parser takes the container away once it has compiled the cure.
cat >"$T/parser" <<END
#!/bin/sh
base=
for arg; do
	[ "\$base" != --base ] || ! grep -rq '# aa-nestfix: ' "\$arg" || rm -rf "$root/var/lib/lxc/web1"
	base=\$arg
done 2>/dev/null
exec "$real" "\$@"
END
chmod 755 "$T/parser"

second_look() {
	lay_out
	status 1 tool --parser "$T/parser" "$@" fix web1 >"$T/out" && is_cured && tells 'could not be looked at' && has "$(last_id)" "$T/out" &&
		has 'could not be looked at' "$T/out" && has "web1" "$T/out"
}

second_look_quiet() {
	lay_out
	status 1 tool -q --parser "$T/parser" fix web1 >"$T/out" && [ ! -s "$T/out" ] && is_cured && tells "change $(last_id) is in force" && has 'could not be looked at' "$T/err"
}

ok 'the second look fails: the change is in force, and the report says what is not known' second_look
ok '  in JSON, too' second_look --json
is '  with the receipt' "$(jq -r '.receipt.id' "$T/out")" "$(last_id)"
is '  and the state that is not known' "$(jq -r '.state' "$T/out")" unknown
ok '  and with -q' second_look_quiet

#### Records that are lost

# The files hold the change: nobody may be told that none is in force.
unrecorded() {
	lay_out
	tool -q fix && rm -rf "$root/var/lib/aa-nestfix" || return
	status 3 tool rollback "$@" && is_cured && ! grep 'no change is in force' "$T/err" && has 'no record of a change' "$T/err" &&
		status 0 tool rollback --list >"$T/out" && has '/container-base: net' "$T/out"
}

ok 'rollback without its records: no word that nothing is in force' unrecorded
ok '  --all, too' unrecorded --all

#### What remains is said last

whole() {
	lay_out
	status 0 tool fix >"$T/out" && ! grep -i remains "$T/out" && status 0 tool check >"$T/out" && status 0 tool fix >"$T/out"
}

obstacle() {
	lay_out
	cp tests/fixtures/sample-host/etc/apparmor.d/lxc/* "$root/etc/apparmor.d/lxc/"
	status 1 tool fix >"$T/out" && remains_last 'its profile refuses mounts' &&
		status 1 tool fix >"$T/out" && has 'Nothing that a fix could change' "$T/out" && remains_last 'its profile refuses mounts' &&
		status 1 tool check >"$T/out" && has 'its profile refuses mounts' "$T/out"
}

# Nothing but what remains stands behind this line.
remains_last() {
	sed -n '/^What remains:$/,$p' "$T/out" >"$T/remains"
	has "$1" "$T/remains" && ! sed 1d "$T/remains" | grep '^[^ ]'
}

# One profile can be cured; in the other nothing would allow the write.
other_rule() {
	lay_out
	cat >"$root/etc/apparmor.d/lxc/lxc-own" <<-'END'
		profile lxc-own flags=(attach_disconnected,mediate_deleted) {
		  /** r,
		  mount,
		  umount,
		  pivot_root,
		  deny /sys/net/** w,
		}
	END
	status 1 tool --profiles fix >"$T/out" && is_cured && ! grep 'run check again' "$T/out" &&
		remains_last "/etc/apparmor.d/lxc/lxc-own:6" && has 'lxc-own' "$T/remains"
}

ok 'nothing remains: status 0, then nothing to do' whole
ok 'an obstacle remains: fix, a second fix and check end with 1 and say which' obstacle
ok 'a rule remains: fix says which' other_rule

#### Two at once

# The parser calls rollback at the first policy that fix compiles, and gives it time.
cat >"$T/parser" <<END
#!/bin/sh
if [ "\$1" != --version ] && mkdir "$T/once" 2>/dev/null; then
	("$NESTFIX" --patches "$TOP/patches" --root "$root" rollback >/dev/null 2>"$T/rollback.err" </dev/null; touch "$T/undone") &
	for i in 1 2 3 4 5 6 7 8 9 10; do
		[ -e "$T/undone" ] || sleep 0.1
	done
fi
exec "$real" "\$@"
END

at_once() {
	lay_out
	rm -rf "$T/once" "$T/undone"
	printf 'lxc.include = /usr/share/lxc/config/common.conf\nlxc.apparmor.profile = generated\nlxc.apparmor.allow_nesting = 1\n' \
		>"$root/var/lib/lxc/web1/config"
	mkdir -p "$root/usr/share/lxc/config/common.conf.d" "$root/usr/sbin"
	echo 'lxc.include = /usr/share/lxc/config/common.conf.d/' >"$root/usr/share/lxc/config/common.conf"
	touch "$root/usr/sbin/aa-nestfix"
	chmod 755 "$root/usr/sbin/aa-nestfix"
	tool -q fix web1 || :
	[ -e "$dropin" ] || {
		echo 'no drop-in to begin with'
		return 1
	}
	tool -q --parser "$T/parser" --profiles fix || :
	fixed=no
	[ ! -e "$T/undone" ] || [ ! -e "$dropin" ] || fixed=yes
	[ -e "$T/undone" ] || fixed=before
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		[ -e "$T/undone" ] || sleep 0.5
	done
	[ $fixed != no ] || {
		echo 'the rollback came first, and fix did not see it: nothing cures the next start'
		return 1
	}
}

ok 'fix and rollback at once: the second of them sees what the first did' at_once

# On a terminal the question is asked without the lock.
asked_meanwhile() {
	lay_out
	mkfifo "$T/answer"
	(
		exec 9>"$T/answer"
		for _ in $(seq 100); do
			grep -q 'Write this change' "$T/typescript" 2>/dev/null && break
			sleep 0.1
		done
		tool rollback --list >/dev/null
		echo '# an edit' >>"$base"
		echo y >&9
		sleep 1
	) &
	status_got=0
	script -qefc "'$NESTFIX' --patches '$TOP/patches' --root '$root' fix" "$T/typescript" <"$T/answer" >/dev/null ||
		status_got=$?
	wait
	[ $status_got = 3 ] && ! is_cured && has 'nothing was changed' "$T/typescript"
}

if command -v script >/dev/null; then
	ok 'the host changes while the question is asked: refused' asked_meanwhile
else
	skip 'the host changes while the question is asked' 'there is no script(1)'
fi
tap_done
