#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# No function over 60 lines, no source file over 500. Prints TAP.
set -u
cd "$(dirname "$0")/.." || exit 1

# A function is what lies between a { and a } at the beginning of a line; tables end with "};" and do not count.
long_functions() {
	awk 'FNR == 1 { start = 0 } /^\{/ { start = FNR; name = last } !/^[{}]/ { last = $0 }
		/^}$/ && start { if (FNR - start - 1 > 60) printf "%s:%d: %d lines: %s\n", FILENAME, start, FNR - start - 1, name; start = 0 }' \
		src/*/*.c tests/unit/*.c tests/*.c tests/fuzz/*.c tests/lib/*.h
}

long_files() {
	wc -l src/*/*.c src/*/*.h include/nestfix/*.h | awk '$2 != "total" && $1 > 500 { print $2 ": " $1 " lines" }'
}

status=0
n=0
for check in long_functions long_files; do
	n=$((n + 1))
	found=$($check)
	if [ -z "$found" ]; then echo "ok $n - no $check"; else
		status=1
		echo "not ok $n - no $check"
		echo "$found" | sed 's/^/# /'
	fi
done | tr _ ' '
[ -z "$(long_functions)$(long_files)" ] || status=1
echo "1..2"
exit $status
