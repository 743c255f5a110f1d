#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# print(parse(x)) == x, and every statement understood, for every policy file of AppArmor's and LXC's packages.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
ROUNDTRIP=$BUILD/roundtrip

# Policy files of a tree: no README, no abi (features, not policy), nothing that is only a link.
policy_files() {
	find "$1" -type f \( -path "*/apparmor.d/*" -o -path "*/extra-profiles/*" \) ! -name "README*" ! -path "*/abi/*" ! -path "*/disable/*"
}

survives() {
	policy_files "$1" >"$T/files"
	[ "$(wc -l <"$T/files")" -ge "$2" ] || {
		echo "only $(wc -l <"$T/files") files in $1"
		return 1
	}
	while read -r file; do
		"$ROUNDTRIP" <"$file" >"$T/copy" && cmp "$T/copy" "$file" || return 1
		"$ROUNDTRIP" -s <"$file" >"$T/told" 2>&1 || {
			echo "$file:"
			cat "$T/told"
			return 1
		}
	done <"$T/files"
}

ok "every file below /etc/apparmor.d" survives /etc/apparmor.d 50
if sh tests/real/fetch.sh >"$T/fetch.log" 2>&1; then
	for tree in bullseye bookworm trixie forky sid; do
		if [ -d "build/real/$tree/root" ]; then
			ok "every policy file of $tree" survives "build/real/$tree/root/etc/apparmor.d" 50
		else
			skip "the policy files of $tree" 'they could not be downloaded'
		fi
	done
	ok 'every file of apparmor-profiles and apparmor-profiles-extra' survives build/real/profiles 50
else
	sed 's/^/# /' "$T/fetch.log"
	skip 'the policy files of other releases' 'they could not be downloaded'
fi
printf 'profile x {\r\n  /a r,\0\377' >"$T/bytes"
any_bytes() {
	"$ROUNDTRIP" <"$T/bytes" >"$T/copy" && cmp "$T/copy" "$T/bytes"
}
ok 'any bytes' any_bytes
tap_done
