#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What may be typed: an option that a command does not take is refused before anything is done, help is there whatever way it
# is asked for, a slip of the finger is met with what was meant. All of it from one table, which --help prints.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
cp -R tests/fixtures/sample-host "$T/root"
chmod -R go-w "$T/root"
tree_state "$T/root" >"$T/before"

# Lines "OPTION<blank>COMMANDS", as --help tells them; "every" for one that all take.
"$NESTFIX" --help | sed -n '/^Options:/,/^$/s/^ .*--\([a-z-]*\)\(=[^ ]*\)\{0,1\}  */\1 /p' |
	sed 's/^\([a-z-]*\) \([a-z, ]*\):.*/\1 \2/; t comma; s/ .*/ every/; : comma; s/, / /g' >"$T/options"
commands='check diff fix harden rollback explain probe prove'

takes() {
	sed -n "s/^$1 //p" "$T/options" | grep -Eqw "$2|every"
}

value_of() {
	"$NESTFIX" --help | grep -q -- "--$1=" && echo "--$1=x" || echo "--$1"
}

# Refused: status 2, one sentence that names both, nothing done.
is_refused() {
	run_tool 2 --root "$T/root" "$2" "$(value_of "$1")" && has "--$1" "$T/err" && has "'$2'" "$T/err" &&
		tree_state "$T/root" | diff "$T/before" -
}

is_known() {
	"$NESTFIX" help "$1" | grep -q -- "--$2\>"
}

ok 'the table of --help is read' test "$(grep -vc ' every$' "$T/options")" -ge 6
while read -r option of; do
	for command in $commands; do
		if takes "$option" "$command"; then
			ok "help $command tells of --$option ($of)" is_known "$command" "$option"
		else
			ok "$command --$option is refused" is_refused "$option" "$command"
			ok "help $command says nothing of --$option" test "$(is_known "$command" "$option" && echo told)" = ''
		fi
	done
done <"$T/options"


# Some by name, so that a wrong table shows.
while read -r command option; do
	ok "$command $option is refused" run_tool 2 --root "$T/root" "$command" "$option"
done <<END
fix --list
check --yes
diff --yes
explain --list
rollback --scope=net
prove --scope=net
harden --own-files
check --profile-for=web1
diff --pve-hookscript=101
fix --allow=/x:w
END
ok 'an option before its command, too' run_tool 2 --root "$T/root" --list fix
ok 'a beginning of an option is the option' run_tool 0 --root "$T/root" rollback --li
ok 'options that exclude each other' run_tool 2 --root "$T/root" --yes fix --pve-hookscript=101 --profile-for=web1
ok '… are named' has "'--profile-for' and '--pve-hookscript'" "$T/err"

# Help: on the standard output, status 0.
helps() {
	helps_want=$1
	shift
	status=0
	"$NESTFIX" "$@" >"$T/out" 2>"$T/err" </dev/null || status=$?
	[ "$status" = 0 ] && [ ! -s "$T/err" ] && has "$helps_want" "$T/out"
}
for word in --help -h '-?' help; do
	ok "$word" helps 'Usage: aa-nestfix ' "$word"
	ok "$word: names all commands" test "$(grep -Ecx "  ($(echo "$commands" | tr ' ' '|'))( .*)?" "$T/out")" = 8
done
for command in $commands hook; do
	ok "help $command" helps "Usage: aa-nestfix [OPTION...] $command" help "$command"
	ok "$command --help" helps "Usage: aa-nestfix [OPTION...] $command" "$command" --help
	ok "$command -h" helps "Usage: aa-nestfix [OPTION...] $command" "$command" -h
done
ok '--version' helps "aa-nestfix $(sed -n 's/^## \([0-9.]*\).*/\1/p' NEWS.md | head -n 1)" --version
"$NESTFIX" --help >"$T/out"
for command in $commands; do "$NESTFIX" help "$command" >>"$T/out"; done
is 'no line of help is over 80 columns' "$(awk 'length > 80' "$T/out")" ''
full() {
	! "$NESTFIX" --help >/dev/full 2>/dev/null
}
ok 'help that cannot be written is a failure' full

# slip TYPED MEANT: status 2, and what was meant.
slip() {
	# shellcheck disable=SC2086
	run_tool 2 --root "$T/root" $1 && has "did you mean '$2'?" "$T/err"
}
ok 'chekc' slip chekc check
ok 'chekc --help' slip 'chekc --help' check
ok 'help rolback' slip 'help rolback' rollback
ok 'fxi --yes' slip 'fxi --yes' fix
ok 'hraden web1' slip 'hraden web1' harden
ok 'rollback --lsit' slip 'rollback --lsit' --list
ok 'fix --profilefor=web1' slip 'fix --profilefor=web1' --profile-for
ok 'check -json' slip 'check -json' --json
none_meant() {
	run_tool 2 --root "$T/root" "$@" && ! has 'did you mean' "$T/err" && has 'aa-nestfix help' "$T/err"
}
ok 'frobnicate resembles nothing' none_meant frobnicate
ok 'unfix is not fix' none_meant unfix
ok '--frobnicate resembles nothing' none_meant --frobnicate

# A guest of another node: where it is, from every command that takes a container.
mkdir -p "$T/root/etc/pve/nodes/other/lxc"
: >"$T/root/etc/pve/nodes/other/lxc/777.conf"
for words in 777 'check 777' 'diff 777' 'explain /sys/x 777'; do
	# shellcheck disable=SC2086
	ok "$words: refused" run_tool 3 --root "$T/root" $words
	ok '… with its node' has "container 777: it is on the node 'other'" "$T/err"
done
ok 'a number that is on no node' run_tool 2 --root "$T/root" check 778

ok 'a value that is missing' run_tool 2 check --root
ok '… is named' has "'--root' needs DIR" "$T/err"
ok 'a value too many' run_tool 2 check --json=yes
ok '… is named' has "'--json' takes no value" "$T/err"
ok 'a word with an escape' run_tool 2 "$(printf 'a\033[1mb')"
ok '… is shown, not obeyed' has 'a\x1b[1mb' "$T/err"
is 'wrong use, as JSON' "$("$NESTFIX" --json chekc 2>/dev/null | jq -r .error.kind)" usage

# A target as first word is looked at.
mkdir -p "$T/root/var/lib/lxc/fxi"
cp "$T/root/var/lib/lxc/web1/config" "$T/root/var/lib/lxc/fxi/config"
same() {
	run_tool "$1" --root "$T/root" check "$2" && cp "$T/out" "$T/wanted" && run_tool "$1" --root "$T/root" "$2" && diff "$T/wanted" "$T/out"
}
ok 'a container' same 1 web1
ok 'a container that is called nearly like a command' same 1 fxi
ok 'a profile' same 1 profile:lxc-container-default
ok 'a file' same 1 "$T/root/etc/apparmor.d/lxc-containers"
ok 'a container that is not there' run_tool 2 --root "$T/root" 105
ok '… is named' has "'105'" "$T/err"
ok 'what a container as first word does not take' run_tool 2 --root "$T/root" web1 --yes
tap_done
