#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What judge answers, and which rules it names, holds with every parser that could be downloaded (t-judge has this
# machine's own): 2.13, 4.1, 5.0. So do the cures of a rule in every shape.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"

agrees() {
	NESTFIX_PARSER=$1 "$BUILD/unit/t-judge" && NESTFIX_PARSER=$1 "$BUILD/unit/t-variants"
}

sh tests/real/fetch.sh >"$T/fetch.log" 2>&1 || sed 's/^/# /' "$T/fetch.log"
for suite in bullseye trixie forky sid; do
	parser=$TOP/build/real/$suite/apparmor_parser
	if [ -x "$parser" ]; then
		ok "$("$parser" --version | head -n 1)" agrees "$parser"
	else
		skip "the parser of $suite" 'it could not be downloaded'
	fi
done
tap_done
