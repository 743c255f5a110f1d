#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Completion: the bash one is sourced and completes lines on the sample host; zsh and fish read theirs where they are here.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
cp -R tests/fixtures/sample-host "$T/root"
chmod -R go-w "$T/root"
mkdir "$T/bin"
cat >"$T/bin/aa-nestfix" <<END
#!/bin/sh
exec "$NESTFIX" --patches "$TOP/patches" --root "$T/root" "\$@"
END
printf '#!/bin/sh\nprintf "%%s\\n" web1 db1\n' >"$T/bin/lxc-ls"
chmod +x "$T/bin/aa-nestfix" "$T/bin/lxc-ls"
PATH=$T/bin:$PATH

# What bash offers for a line, the cursor at its end; words cut as readline cuts them, at blanks, '=' and ':'.
cat >"$T/offer.bash" <<'END'
. "$1"
set -u
COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
COMP_LINE=$2 COMP_POINT=${#2}
mapfile -t COMP_WORDS < <(grep -oE '[:=]+|[^[:blank:]:=]+' <<<"$2")
[[ $2 == *[[:blank:]] ]] && COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_aa_nestfix
printf '%s\n' "${COMPREPLY[@]}"
END
offer() {
	bash "$T/offer.bash" completion/aa-nestfix.bash "$1" 2>&1 | sort | tr '\n' ' ' | sed 's/ $//'
}

is 'commands' "$(offer 'aa-nestfix ')" 'check diff explain fix harden probe prove rollback'
is 'commands that begin so' "$(offer 'aa-nestfix pro')" 'probe prove'
is 'a command after an option with a value' "$(offer 'aa-nestfix --scope net f')" 'fix'
is 'options, as --help has them' "$(offer 'aa-nestfix --pa')" '--parser= --patches='
is 'an option for one command' "$(offer 'aa-nestfix rollback --l')" '--list'
is 'an option of fix' "$(offer 'aa-nestfix fix --ow')" '--own-files'
is 'no option of another command' "$(offer 'aa-nestfix fix --l')" ''
is 'scopes' "$(offer 'aa-nestfix --scope ')" 'ipc net user uts'
is 'scopes after =' "$(offer 'aa-nestfix --scope=u')" 'user uts'
is 'a second scope, no scope twice' "$(offer 'aa-nestfix --scope=net,')" 'net,ipc net,user net,uts'
is 'containers of lxc-ls' "$(offer 'aa-nestfix check w')" 'web1'
is 'targets begin with profile:' "$(offer 'aa-nestfix check profile' | grep -c 'profile:lxc-container-default-cgns')" 1
is 'profiles after profile:, whose beginning readline keeps' "$(offer 'aa-nestfix check profile:lxc-container-default-with')" \
	'lxc-container-default-with-mounting lxc-container-default-with-nesting'
is 'files' "$(offer 'aa-nestfix check ./tests/lib/tap.')" './tests/lib/tap.h ./tests/lib/tap.sh'
is 'files of prove' "$(offer 'aa-nestfix prove tests/lib/tap.')" 'tests/lib/tap.h tests/lib/tap.sh'
is 'no change yet' "$(offer 'aa-nestfix rollback ')" ''
run_tool 0 --root "$T/root" --json fix
is 'IDs of changes' "$(offer 'aa-nestfix rollback 2')" "$(sed -n 's/.*"id": "\(.*\)".*/\1/p' "$T/out")"
is 'IDs after --to' "$(offer 'aa-nestfix rollback --to ')" "$(sed -n 's/.*"id": "\(.*\)".*/\1/p' "$T/out")"
mkdir -p "$T/other"
is "another root" "$(offer "aa-nestfix --root=$T/other rollback 2")" ""
is "another root, after a blank" "$(offer "aa-nestfix --root $T/other rollback 2")" ""
is "the same root, named" "$(offer "aa-nestfix --root=$T/root rollback 2" | cut -c1)" 2

# Every command and option of the program is offered by all three; hook is for programs.
"$NESTFIX" --help | sed -n 's/^  \([a-z][a-z]*\)\( .*\)*$/\1/p' | grep -v "^hook\$" | sort -u >"$T/commands"
"$NESTFIX" --help | sed -n 's/^ .* --\([a-z][a-z-]*\).*/\1/p' | sort -u >"$T/options"
offered() {
	[ -s "$T/commands" ] && [ -s "$T/options" ] || return 1
	while read -r word; do
		grep -Eq "(^|[ '|])$word(['): |]|\$)" "$1" || { echo "no command $word"; missing=1; }
	done <"$T/commands"
	while read -r word; do
		case $1 in *.bash) break ;; esac
		grep -Eq -- "(--|-l )$word\b" "$1" || { echo "no option $word"; missing=1; }
	done <"$T/options"
	[ -z "${missing-}" ]
}
for file in aa-nestfix.bash _aa-nestfix aa-nestfix.fish; do
	ok "$file offers every command and option of --help" offered "completion/$file"
done

# Which commands take an option is told as --help tells it: "OPTION COMMAND, COMMAND".
"$NESTFIX" --help | sed -n 's/^ .*--\([a-z-]*\)\(=[^ ]*\)\{0,1\}  *\([a-z, ]*\):.*/\1 \3/p; s/^ .*--\([a-z-]*\)\(=[^ ]*\)\{0,1\}  *\([a-z, ]*\):$/\1 \3/p' |
	sort -u >"$T/belong"
ok '--help says which commands take an option' test "$(wc -l <"$T/belong")" -ge 7
is '_aa-nestfix says the same' "$(sed -n "s/^.*'[*]\{0,1\}--\([a-z-]*\)=\{0,1\}\[\([a-z, ]*\)\\\\:.*/\1 \2/p" completion/_aa-nestfix | sort -u)" "$(cat "$T/belong")"
is 'aa-nestfix.fish says the same' "$(sed -n "s/^complete .* -n '__fish_seen_subcommand_from \([a-z ]*\)' -l \([a-z-]*\) .*/\2 \1/p" completion/aa-nestfix.fish |
	sort -u)" "$(sed 's/,//g' "$T/belong")"
is 'the manual says the same' "$(awk '/^\.It Fl -/ { name = substr($3, 2) } /^\.Cm .* :$/ && name { sub(/^\.Cm /, ""); sub(/ :$/, "")
	gsub(/ ,/, ","); print name, $0; name = "" } /^\.Sh WHERE/ { exit }' man/aa-nestfix.8 | sort -u)" "$(cat "$T/belong")"

if command -v zsh >/dev/null; then
	ok 'zsh reads its file' zsh -n completion/_aa-nestfix
else
	skip 'zsh reads its file' 'no zsh here'
fi
if command -v fish >/dev/null; then
	# shellcheck disable=SC2016
	fish_offer() {
		HOME=$T fish --no-config -c 'source completion/aa-nestfix.fish; complete -C $argv[1]' "$1" 2>&1 | cut -f1 | sort | tr '\n' ' ' | sed 's/ $//'
	}
	is 'fish: commands' "$(fish_offer 'aa-nestfix ')" 'check diff explain fix harden probe prove rollback'
	is 'fish: containers' "$(fish_offer 'aa-nestfix check we')" 'web1'
	is 'fish: profiles' "$(fish_offer 'aa-nestfix check profile:lxc-container-default-with')" \
		'profile:lxc-container-default-with-mounting profile:lxc-container-default-with-nesting'
else
	skip 'fish' 'no fish here'
fi
tap_done
