# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# compiled: $T/parser, which compiles each policy once and then knows it by its bytes; for tests that run the program often.
# shellcheck disable=SC2154 # T and real are the test's

mkdir "$T/compiled"
cat >"$T/parser" <<EOF
#!/bin/sh
[ "\$1" = --version ] && exec $real --version
dir=
for arg; do
	[ "\$last" = --base ] && dir=\$arg
	last=\$arg
done
key=\$(cd "\$dir" && find . -type f ! -name '.*' | sort | xargs cat /dev/null "\$last" | cksum | tr ' ' -)
if ! [ -s $T/compiled/\$key ]; then
	$real "\$@" >$T/compiled/\$key.new || exit
	mv $T/compiled/\$key.new $T/compiled/\$key
fi
exec cat $T/compiled/\$key
EOF
chmod +x "$T/parser"
