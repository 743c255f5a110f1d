#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The truth about LXC configurations: what lxc_read says against what lxc-info, that is the host's liblxc, says; and
# liblxc still loads every file after an edit. Judged by LXC 4.0.7 and later: legacy keys are refused there.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"

show=$BUILD/unit/t-lxc
keys='lxc.apparmor.profile lxc.apparmor.allow_nesting lxc.apparmor.raw lxc.hook.start-host lxc.mount.entry lxc.idmap
	lxc.hook.version lxc.uts.name'

if ! command -v lxc-info >/dev/null; then
	skip 'liblxc reads configurations as lxc_read does' 'lxc-info is missing (package lxc)'
	tap_done
	exit
fi
if [ ! -x "$show" ]; then
	skip 'liblxc reads configurations as lxc_read does' "$show is not built"
	tap_done
	exit
fi

mkdir -p "$T/lxc/c" "$T/d.d" "$T/two.d"
chmod -R go-w "$T"
printf 'lxc.uts.name = included\nlxc.apparmor.raw = from file,\n' >"$T/inc"
printf 'lxc.hook.start-host = /dir/a\n' >"$T/d.d/a.conf"
printf 'lxc.apparmor.raw = hidden,\n' >"$T/d.d/.h.conf"
printf 'lxc.apparmor.raw = bare,\n' >"$T/d.d/.conf"
printf 'lxc.apparmor.raw = readme,\n' >"$T/d.d/README"
printf 'lxc.include = %s\n' "$T/inc" >"$T/chain"
printf "lxc.uts.name\n" >"$T/bad"

# Both answers; the one that fails says nothing on stdout.
lxc_says() {
	for lxc_key in $keys; do
		lxc-info -P "$T/lxc" -n c -c "$lxc_key" 2>/dev/null || return 1
	done
}

we_say() {
	"$show" show / "$T/lxc/c/config" 2>"$T/we-err"
}

same_answer() {
	lxc_status=0
	we_status=0
	lxc_says >"$T/lxc-out" || lxc_status=1
	we_say >"$T/we-out" || we_status=1
	[ $lxc_status = $we_status ] || {
		echo "lxc-info: $lxc_status, lxc_read: $we_status"
		cat "$T/we-err"
		return 1
	}
	[ $lxc_status = 1 ] || diff "$T/lxc-out" "$T/we-out"
}

# agree NAME FORMAT: the same file to both. @ stands for the scratch folder.
agree() {
	agree_format=$(printf '%s' "$2" | sed "s|@|$T|g")
	# shellcheck disable=SC2059 # the format is the file
	printf "$agree_format" >"$T/lxc/c/config"
	ok "$1" same_answer
}

agree 'empty file' ''
agree 'comments and foreign lines' '# lxc.uts.name = x\nuts = 1\n \t# y\nlxcfoo = 1\n'
agree 'no final newline' 'lxc.uts.name = x'
agree 'CRLF' 'lxc.uts.name = x\r\nlxc.apparmor.profile = generated\r\n'
agree 'lone CR' 'lxc.uts.name = x\rlxc.apparmor.profile = generated\r'
agree 'NUL' 'lxc.uts.name = x\n\0\nlxc.uts.name = y\n'
agree 'blanks and tabs' ' \tlxc.uts.name \t=\t  x \t \n'
agree 'quotes' 'lxc.uts.name = "x"\nlxc.apparmor.raw = '"' y '"'\nlxc.apparmor.raw = "z'"'"'\n'
agree 'a value with = and #' 'lxc.apparmor.raw = a = b # c\n'
agree 'the last single value' 'lxc.apparmor.profile = a\nlxc.apparmor.profile = b\n'
agree 'profile set back' 'lxc.apparmor.profile = a\nlxc.apparmor.profile =\n'
agree 'nesting' 'lxc.apparmor.allow_nesting = 1\n'
agree 'nesting in hexadecimal' 'lxc.apparmor.allow_nesting = 0x1\n'
agree 'nesting in octal' 'lxc.apparmor.allow_nesting = 01\n'
agree 'nesting with a sign' 'lxc.apparmor.allow_nesting = +1\n'
agree 'nesting set back' 'lxc.apparmor.allow_nesting = 1\nlxc.apparmor.allow_nesting =\n'
agree 'nesting = 2 is refused' 'lxc.apparmor.allow_nesting = 2\n'
agree 'nesting = yes is refused' 'lxc.apparmor.allow_nesting = yes\n'
agree 'nesting = -1 is refused' 'lxc.apparmor.allow_nesting = -1\n'
agree 'nesting = 4294967296 is refused' 'lxc.apparmor.allow_nesting = 4294967296\n'
agree 'incomplete = x is refused' 'lxc.apparmor.allow_incomplete = x\n'
agree 'incomplete, empty' 'lxc.apparmor.allow_incomplete =\n'
agree 'raw lines in order' 'lxc.apparmor.raw = a,\nlxc.apparmor.raw = b,\n'
agree 'raw set back' 'lxc.apparmor.raw = a,\nlxc.apparmor.raw =\nlxc.apparmor.raw = b,\n'
agree 'hooks set back one by one' 'lxc.hook.start-host = /a\nlxc.hook.start-host =\nlxc.hook.start-host = /b c\n'
agree 'all hooks set back' 'lxc.hook.start-host = /a\nlxc.hook =\nlxc.hook.start-host = /b\n'
agree 'hook version' 'lxc.hook.version = 1\n'
agree 'hook version set back' 'lxc.hook.version = 1\nlxc.hook.version =\n'
agree 'hook version after lxc.hook =' 'lxc.hook.version = 1\nlxc.hook =\n'
agree 'hook version 2 is refused' 'lxc.hook.version = 2\n'
agree 'hook version x' 'lxc.hook.version = x\n'
agree 'hook version 4294967297' 'lxc.hook.version = 4294967297\n'
agree 'mount entries' 'lxc.mount.entry = /dev/null sys/module/apparmor/parameters/enabled none bind 0 0\nlxc.mount.entry=a b\n'
agree 'mount entries set back' 'lxc.mount.entry = a b\nlxc.mount.entry =\n'
agree 'id maps' 'lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536\n'
agree 'id maps set back' 'lxc.idmap = u 0 100000 65536\nlxc.idmap =\n'
agree 'include a file' 'lxc.uts.name = before\nlxc.include = @/inc\n'
agree 'include a file, then override' 'lxc.include = @/inc\nlxc.uts.name = after\n'
agree 'include a file twice' 'lxc.include = @/inc\nlxc.include = @/inc\n'
agree 'include through a file' 'lxc.include = @/chain\n'
agree 'include a directory' 'lxc.include = @/d.d\n'
agree 'include a directory with a slash' 'lxc.include = @/d.d/\n'
agree 'include nothing' 'lxc.include =\nlxc.uts.name = x\n'
agree 'a missing file is refused' 'lxc.include = @/nothing\n'
agree 'a missing directory is none' 'lxc.include = @/nothing/\nlxc.uts.name = x\n'
agree 'no = is refused' 'lxc.uts.name\n'
agree 'no = is refused in an included file' 'lxc.include = @/bad\n'
agree 'the common configuration' 'lxc.include = /usr/share/lxc/config/common.conf\nlxc.apparmor.profile = generated\n'
agree 'nesting.conf' 'lxc.include = /usr/share/lxc/config/nesting.conf\n'
agree 'userns.conf' 'lxc.include = /usr/share/lxc/config/common.conf\nlxc.include = /usr/share/lxc/config/userns.conf\n'

# Every fixture host's LXC configuration, as it is and after the line that the cure adds.
loads() {
	lxc-info -P "$T/lxc" -n c -c lxc.apparmor.raw >/dev/null 2>"$T/lxc-err" || {
		cat "$T/lxc-err"
		return 1
	}
}

added() {
	loads && same_answer || return 1
	added_raw=$(lxc-info -P "$T/lxc" -n c -c lxc.apparmor.raw)
	[ "$(printf "%s\n" "${added_raw#lxc.apparmor.raw = }" | tail -n 1)" = "$1" ]
}

line='priority=1 /sys/net/** w,'
for config in tests/fixtures/hosts/[!p]*/var/lib/lxc/*/config; do
	{ [ ! -f "$config" ] || grep -q "lxc.aa_profile" "$config"; } && continue
	name=$(echo "$config" | cut -d/ -f4,8)
	cp "$config" "$T/lxc/c/config"
	ok "$name: the same to both" same_answer
	[ "$lxc_status" = 0 ] || continue
	[ -z "$(tail -c 1 "$config")" ] || echo >>"$T/lxc/c/config"
	echo "lxc.apparmor.raw = $line" >>"$T/lxc/c/config"
	ok "$name: loads after the edit, with the new line last" added "$line"
done
tap_done
