# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# bash completion for aa-nestfix: commands, options, scopes, containers, profiles and IDs of changes.

# The words from $1 that begin as the current one, taken literally: names of profiles hold '<', '/' and blanks.
_aa_nestfix_offer() {
	local word
	while IFS= read -r word; do
		[[ -n $word && $word == "$cur"* ]] && COMPREPLY+=("$word")
	done <<<"$1"
}

# The program itself, on the root that the line names.
_aa_nestfix_ask() {
	local i root=()
	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		--root=?*) root=("${words[i]}") ;;
		--root) root=("--root=${words[i + 1]}") ;;
		esac
	done
	aa-nestfix "${root[@]}" "$@" 2>/dev/null </dev/null
}

_aa_nestfix_containers() {
	local file name
	for file in /etc/pve/lxc/*.conf /var/lib/lxc/*/config; do
		[[ -e $file ]] || continue
		case $file in
		/etc/pve/*) name=${file##*/} name=${name%.conf} ;;
		*) name=${file%/config} name=${name##*/} ;;
		esac
		printf '%s\n' "$name"
	done
	if type -P lxc-ls >/dev/null; then lxc-ls -1 2>/dev/null </dev/null; fi
}

# Names in JSON; no jq is needed for "profile": "NAME", one a line.
_aa_nestfix_profiles() {
	_aa_nestfix_ask --json check | sed -n 's/^ *"profile": "\(.*\)",*$/profile:\1/p'
}

_aa_nestfix_ids() {
	_aa_nestfix_ask rollback --list | sed -n 's/^\([0-9][0-9TZ-]*\) .*/\1/p'
}

_aa_nestfix_scopes() {
	local done_='' name
	[[ $cur == *,* ]] && done_=${cur%,*},
	for name in net ipc uts user; do
		[[ ",$done_" == *",$name,"* ]] || printf '%s%s\n' "$done_" "$name"
	done
}

_aa_nestfix_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen "$@" -- "$cur")
}

_aa_nestfix_targets() {
	if [[ $cur == /* || $cur == .* ]]; then
		_aa_nestfix_files -f
		return
	fi
	_aa_nestfix_offer "$(_aa_nestfix_containers | sort -u)"
	_aa_nestfix_offer "$(_aa_nestfix_profiles | sort -u)"
}

# Which command the line holds: the first word that is no option and no value of one.
_aa_nestfix_command() {
	local i
	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		--root | --parser | --features | --patches | --scope | --allow | --pve-hookscript | --profile-for | --only | --to) i=$((i + 1)) ;;
		-*) ;;
		*)
			printf '%s' "${words[i]}"
			return
			;;
		esac
	done
}

_aa_nestfix_value() {
	case $1 in
	--root | --patches) _aa_nestfix_files -d ;;
	--parser | --features) _aa_nestfix_files -f ;;
	--scope) _aa_nestfix_offer "$(_aa_nestfix_scopes)" ;;
	--pve-hookscript | --profile-for | --only) _aa_nestfix_offer "$(_aa_nestfix_containers | sort -u)" ;;
	--to) _aa_nestfix_offer "$(_aa_nestfix_ids)" ;;
	--allow) ;;
	*) return 1 ;;
	esac
}

_aa_nestfix_argument() {
	local commands='check
diff
fix
rollback
explain
prove
probe
harden'
	case $(_aa_nestfix_command) in
	'') _aa_nestfix_offer "$commands" ;;
	check | diff | fix | probe | harden) _aa_nestfix_targets ;;
	rollback) _aa_nestfix_offer "$(_aa_nestfix_ids)" ;;
	explain) if [[ $prev == explain ]]; then _aa_nestfix_files -f; else _aa_nestfix_targets; fi ;;
	prove) _aa_nestfix_files -f ;;
	esac
}

# readline cuts words at ':' and '='; what stands before the last cut must not be offered again.
_aa_nestfix_cut() {
	local i cut=${cur##*[:=]}
	[[ $COMP_WORDBREAKS == *:* && $cur == *:* ]] || return 0
	for i in "${!COMPREPLY[@]}"; do
		COMPREPLY[i]=${COMPREPLY[i]#"${cur%"$cut"}"}
	done
}

# The line in words cut at blanks only: "profile:x" and "--scope=net" are one each.
_aa_nestfix_words() {
	local line=${COMP_LINE:0:COMP_POINT}
	read -ra words <<<"$line"
	[[ $line == *[[:blank:]] ]] && words+=('')
	cword=$((${#words[@]} - 1))
	cur=${words[cword]} prev=${words[cword - 1]}
}

_aa_nestfix() {
	local cur prev cword words=()
	COMPREPLY=()
	_aa_nestfix_words
	if [[ $cur == --*=* ]]; then
		prev=${cur%%=*} cur=${cur#*=}
		_aa_nestfix_value "$prev"
	elif _aa_nestfix_value "$prev"; then
		:
	elif [[ $cur == -* ]]; then
		# shellcheck disable=SC2046 # no command, no word
		_aa_nestfix_offer "$(aa-nestfix help $(_aa_nestfix_command) 2>/dev/null | grep -o -- '--[a-z][a-z-]*=\{0,1\}' | sort -u)"
		[[ ${COMPREPLY[*]} == *= ]] && compopt -o nospace 2>/dev/null
	else
		_aa_nestfix_argument
	fi
	_aa_nestfix_cut
}
complete -F _aa_nestfix aa-nestfix
