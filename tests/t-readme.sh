#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The session in README.md is what the program prints. `tests/t-readme.sh --record` writes it anew.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"

# One command of the session: shown without the options that only name the sample host.
show() {
	echo "\$ aa-nestfix $*"
	"$NESTFIX" --patches "$TOP/patches" --root "$T/root" "$@" </dev/null 2>&1 |
		sed "s| --root $T/root||g; s/[0-9]\{8\}T[0-9]\{6\}Z/20261121T213455Z/g; /loaded    files only/d"
	echo
}

session() {
	cp -R tests/fixtures/sample-host "$T/root"
	rm -r "$T/root/var/lib/lxc/web1"
	cp -R tests/fixtures/sample-docker/. "$T/root"
	chmod -R go-w "$T/root"
	show check
	show fix
	show check
	show explain /sys/power/state profile:lxc-container-default
	show rollback
}

session | sed '$d' >"$T/session"
if [ "${1:-}" = --record ]; then
	sed '/^<!-- session -->$/q' README.md >"$T/readme"
	{
		echo '```console'
		cat "$T/session"
		echo '```'
	} >>"$T/readme"
	sed -n '/^<!-- \/session -->$/,$p' README.md >>"$T/readme"
	cp "$T/readme" README.md
	exit
fi
sed -n '/^<!-- session -->$/,/^<!-- \/session -->$/p' README.md | sed '1,2d; $d' | sed '$d' >"$T/readme"
if printf 'profile x { priority=1 /x r, }\n' | apparmor_parser -q -Q -K -S >/dev/null 2>&1; then
	skip 'the session in README.md' 'it is of Debian 12; this parser knows priority=, so that the drop-in is another'
else
	ok 'the session in README.md is true' diff "$T/readme" "$T/session"
fi
ok 'the picture shows what was recorded' sh -c "tests/vm/picture.pl <doc/docker.txt | cmp - doc/docker.svg"
tap_done
