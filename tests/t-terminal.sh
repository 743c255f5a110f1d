#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Whatever bytes names, paths and texts hold: a terminal gets none that it acts on but our own bold and colour, never made of
# them; no name begins a line of its own; and the same without a terminal.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
R=$T/root
esc=$(printf '\033')

# Each control byte that a file's name may hold, C1 as UTF-8 and alone, a cut character, one that turns the text behind it
# around, one that is not seen; then a line of its own.
printf 'x\001b\002\003\004\005\006\007\010\013\014\r\016\017\020\021\022\023\024\025\026\027\030\031\032\033[1m\034\035\036\037\177\302\233z\233\302y\342\200\256\342\200\213' >"$T/bytes"
bytes=$(cat "$T/bytes")
# More than any buffer takes at once: somewhere characters are cut in two.
many=$(awk 'BEGIN { for (i = 0; i < 9000; i++) printf "\302\233\342\202\254" }')
name=$bytes'
Healthy: forged'

lay_out() {
	rm -rf "$R"
	cp -R "$TOP/tests/fixtures/sample-host" "$R"
	mkdir -p "$R/usr/sbin" && : >"$R/usr/sbin/aa-nestfix"
	sed "s|^  deny /sys/\[^fdc\].*|  # $bytes\n&|" "$TOP/tests/fixtures/sample-host/etc/apparmor.d/abstractions/lxc/container-base" \
		>"$R/etc/apparmor.d/abstractions/lxc/container-base"
	for broken in a b; do
		mkdir "$R/var/lib/lxc/$broken$name"
		printf 'lxc.apparmor.profile = lxc-%s\nlxc.net.0.type = %s\n' "$bytes" "$bytes" >"$R/var/lib/lxc/$broken$name/config"
	done
	printf 'lxc.%s = 1\nno value\nlxc.no\n' "$bytes" >>"$R/var/lib/lxc/b$name/config"
	mkdir "$R/var/lib/lxc/off$name"
	printf 'lxc.apparmor.profile = unconfined\nlxc.mount.entry = /dev/null sys/module/apparmor/parameters/enabled none bind,x-%s 0 0\n# %s\n#%s\n#-%s\n' "$bytes" "$many" "$many" "$many" \
		>"$R/var/lib/lxc/off$name/config"
	# a profile in which Docker runs, as no text with such a name compiles
	sed -i 's/^}/  mount,\n  pivot_root,\n  umount,\n}/; /deny mount/d' "$R/etc/apparmor.d/lxc/lxc-default-cgns"
	chmod -R go-w "$R"
	[ $fixed = no ] || run_tool 1 --root "$R" --profiles fix
}
fixed=no

# no_controls FILE: but blanks and line ends, and what is said in bold.
no_controls() {
	LC_ALL=C sed "s/${esc}\[1\(;3[12]\)*m\([ -~]*\)${esc}\[0m/\2/g" "$1" >"$T/plain"
	if LC_ALL=C tr -d '\11\12\40-\176\200-\377' <"$T/plain" | grep -q . ||
		LC_ALL=C grep -q "$(printf '\302[\200-\237]')" "$T/plain" ||
		LC_ALL=C grep -q "$(printf '\342\200[\213-\217\250-\256]')" "$T/plain" ||
		! iconv -f UTF-8 -t UTF-8 "$T/plain" >/dev/null; then
		echo "raw bytes:" && cat -v "$1"
		return 1
	fi
	! grep '^Healthy: forged' "$T/plain"
}

# off NAME ARGUMENTS...: both streams, in files.
off() {
	off_name=$1
	shift
	lay_out
	"$NESTFIX" --patches "$TOP/patches" --root "$R" "$@" >"$T/out" 2>"$T/err" </dev/null
	ok "$off_name" no_controls "$T/out"
	ok '  and its notes' no_controls "$T/err"
	is '  and no bold' "$(cat "$T/out" "$T/err" | grep -c "$esc")" 0
}

# on NAME ARGUMENTS...: all on one terminal, which changes no byte. `script` wants a command line.
on() {
	on_name=$1
	shift
	lay_out
	{
		printf '#!/bin/sh\nstty -opost\nexec '
		for word in "$NESTFIX" --patches "$TOP/patches" --root "$R" "$@"; do
			printf "'%s' " "$word"
		done
	} >"$T/command"
	TERM=xterm script -qec "sh '$T/command'" /dev/null >"$T/raw" 2>&1 </dev/null
	# what is shown while a slow machine compiles, and taken away: a line of harmless bytes
	perl -0pe 's/\r\e\[K(Policy [0-9]+, [0-9]+ s: [^\x00-\x1f\x7f]*)?//g' <"$T/raw" >"$T/out"
	ok "$on_name, on a terminal" no_controls "$T/out"
}

each() {
	"$1" 'check' -v check
	"$1" 'check of a name' check "$name"
	"$1" 'diff' diff
	"$1" 'fix' --yes fix
	"$1" 'harden' --yes harden
	"$1" 'harden of a name' --yes harden "off$name"
	"$1" 'fix --profile-for' --yes fix "--profile-for=a$name"
	"$1" 'rollback of a name' rollback "$name"
	"$1" 'explain' explain "/sys/$name"
	"$1" 'prove' prove "$name" "$name"
	"$1" 'an unknown command' "$name"
	"$1" 'an unknown option' "--$bytes"
	"$1" 'another root' --root "$name"
	"$1" 'another scope' --scope "$name" check
	"$1" 'JSON' --json check
	"$1" 'JSON of an error' --json check "$name"
}
each off
if command -v script >/dev/null; then
	each on
	on 'check' check
	ok '  says in red what fails' has "${esc}[1;31mDocker will FAIL in" "$T/out"
	fixed=yes
	on 'harden' --yes harden "off$name"
	ok '  and in green what is done' has "${esc}[1;32mDone.${esc}[0m" "$T/out"
	NO_COLOR=1
	export NO_COLOR
	on 'harden, but with NO_COLOR' --yes harden "off$name"
	ok '  it is done, too' has 'Done.' "$T/out"
	is '  without bold' "$(grep -c "$esc" "$T/out")" 0
	unset NO_COLOR
	lay_out
	TERM=dumb script -qec "sh '$T/command'" /dev/null >"$T/out" 2>&1 </dev/null
	is '  nor on a dumb terminal' "$(grep -c "$esc" "$T/out")" 0
	ok '  where it is done, too' has 'Done.' "$T/out"
else
	skip 'on a terminal' 'no script (bsdutils)'
fi

ok 'what is data is known to be: nothing is printed by printf' sh -c '! grep -n "printf(r->\|printf(stdout" src/cli/*.c | grep -v "fprintf(r->talk, \"aa-nestfix: %s"'

# What is shown of them: no byte is lost, and 0x01, which once began bold, is a byte like the others.
shown='x\x01b\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b[1m\x1c\x1d\x1e\x1f\x7f\xc2\x9bz\x9b\xc2y\xe2\x80\xae\xe2\x80\x8b'
fixed=no
off 'diff' diff
ok 'each byte is shown by its number' has "$shown" "$T/out"
off 'harden' --yes harden "off$name"
ok 'a line end in a name is shown, too' has "off$shown\\x0aHealthy: forged" "$T/out"
fixed=yes
off 'harden' --yes harden "off$name"
is 'no byte is lost between two buffers' "$(grep -o '\\xc2\\x9b€' "$T/out" | wc -l)" 27000
fixed=no
off 'JSON' --json check
ok 'JSON brings DEL and C1 as numbers' has '\u007f\u009b' "$T/out"
ok '  and what turns text around' has '\u202e\u200b' "$T/out"
is '  as JSON has them' "$(jq -r '.containers[0].name' "$T/out" | head -n 1 | LC_ALL=C grep -c "$(printf '\177\302\233z')")" 1

# The others of their kind, and what stands beside them and is text.
for hidden in 061c 200f 2028 2029 202a 2060 2066 2069 feff; do
	char=$(printf '"\\u%s"' $hidden | jq -r .)
	run_tool 2 --root "$R" check "x${char}y"
	is "U+$hidden is shown by its bytes" "$(grep -c "x\\\\x[0-9a-f\\\\x]*y" "$T/err")" 2
done
run_tool 2 --root "$R" check 'é€‐‧⁰'
is 'text beside them is not' "$(grep -c 'é€‐‧⁰' "$T/err")" 2
tap_done
