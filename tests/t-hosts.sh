#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What is found on every fixture host: its versions and its containers, one line each, as NAME.containers says.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
# shellcheck source=tests/lib/host.sh
. tests/lib/host.sh

show=$BUILD/unit/t-container
if [ ! -x "$show" ]; then
	skip 'containers of the fixture hosts' "$show is not built"
	tap_done
	exit
fi
if [ "$(id -u)" != 0 ]; then
	skip 'containers of the fixture hosts' 'owners cannot be set without root'
	tap_done
	exit
fi

as_recorded() {
	"$show" show "$T/$1" >"$T/raw" || return 1
	sed "s|$T/$1||g" "$T/raw" | diff "tests/fixtures/hosts/$1.containers" -
}

unchanged() {
	tree_state "$T/$1" | diff "$T/before" -
}

for file in tests/fixtures/hosts/*.host; do
	name=$(basename "$file" .host)
	ok "$name is laid out" host_make "$name" "$T/$name"
	tree_state "$T/$name" >"$T/before"
	ok "$name: its containers" as_recorded "$name"
	ok "$name: looking changes nothing" unchanged "$name"
	rm -rf "${T:?}/$name"
done

counts() {
	"$show" count "$1" >"$T/raw" && has "containers=$2" "$T/raw"
}

host_many 1000 "$T/many" lxc
ok '1000 LXC containers' counts "$T/many" 1000
rm -rf "$T/many"
host_many 1000 "$T/many" pve
ok '1000 Proxmox containers' counts "$T/many" 1000
tap_done
