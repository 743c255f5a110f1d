#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Layering: a room includes headers of lower floors and, on its own floor, of rooms listed before it. Prints TAP.
set -u
cd "$(dirname "$0")/.." || exit 1

rooms='
base err buf fsio atomic run cache
text lex doc keyval
policy re aare automaton conflict policy compare lxc pve packages
stage container patched guest dropin mark loaded record discover nextstart compile judge locate rewrite lasting prove obstacle verdict config harden
apply backup undo hold journal kernel probe commit
cli report main
'

# "FLOOR NUMBER" of a room: its line above, and its place in the line.
place() {
	echo "$rooms" | awk -v room="$1" 'NF { floor++; for (i = 2; i <= NF; i++) if ($i == room) print floor * 100 + i }'
}

room_of() {
	case $1 in
	src/cli/report*) echo report ;;
	src/cli/*) echo main ;;
	*) basename "$1" | sed 's/[-.].*//' ;;
	esac
}

n=0
failed=0
result() {
	n=$((n + 1))
	if [ -z "$2" ]; then echo "ok $n - $1"; else
		failed=1
		echo "not ok $n - $1"
		echo "$2" | sed 's/^/# /'
	fi
}

check_file() {
	file=$1
	own=$(place "$(room_of "$file")")
	if [ -z "$own" ]; then
		echo "no room of that name in the list"
		return
	fi
	sed -n 's/^#include <nestfix\/\([a-z]*\)\.h>.*/\1/p' "$file" | while read -r other; do
		there=$(place "$other")
		if [ -z "$there" ]; then
			echo "includes <nestfix/$other.h>, which is no room"
		elif [ "$there" -gt "$own" ]; then
			echo "includes <nestfix/$other.h>, which stands above it"
		fi
	done
}

for f in src/*/*.c src/*/*-internal.h include/nestfix/*.h; do
	[ -e "$f" ] && result "$f includes nothing above it" "$(check_file "$f")"
done
for f in include/nestfix/*.h; do
	result "$f compiles alone" "$(echo "#include <nestfix/$(basename "$f")>" |
		${CC:-cc} -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Iinclude -fsyntax-only -x c - 2>&1)"
done
echo "1..$n"
exit $failed
