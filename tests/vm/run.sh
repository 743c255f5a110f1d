#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# run.sh: boots real Debian machines and asks runc, before a fix, after it and after the rollback. Prints TAP.
#
#   VM="bookworm trixie"   the hosts (also sid); the default is bookworm and trixie, side by side
#   CASE=PATTERN           only the cases whose name matches, e.g. CASE='1*' or CASE=10-static-priv
#   BUILD=DIR              where aa-nestfix was built (build/release)
#   TREE=DIR               a tree with the tool installed, instead of `make install` of BUILD
#   LIMIT=SECONDS          for each machine; ACCEL=kvm where the processor helps
#   SLOW=FACTOR            what every limit inside a machine is multiplied by (3)
#
# Results: build/vm/out/HOST/CASE/ (log, trace, dmesg, policy in force, what the tool said), build/vm/out/matrix.txt.
# Missing programs are installed with apt. Needs root. Exit status: 0 all well, 1 not.
set -uo pipefail
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
base=$top/build/vm
build=${BUILD:-$top/build/release}
hosts=${VM:-bookworm trixie}
pattern=${CASE:-*}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

bail_out() {
	printf 'Bail out! %s\n' "$*"
	exit 1
}

need_programs() {
	local missing=()

	command -v qemu-system-x86_64 >/dev/null || missing+=(qemu-system-x86)
	command -v setfacl >/dev/null || missing+=(acl)
	[ ${#missing[@]} -eq 0 ] && return
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >&2
}

selected_cases() {
	local file name

	for file in "$here"/cases/*.sh; do
		name=$(basename "$file" .sh)
		# shellcheck disable=SC2254 # a pattern is meant
		case $name in
		$pattern) printf '%s ' "$name" ;;
		esac
	done
}

make_job() { # HOST FOLDER
	mkdir -p "$2"
	cp -a "$here/guest" "$here/container" "$here/cases" "$here/pve" "$work/tree" "$2/"
	cp "$build/pmxcfs" "$2/pve/"
	printf "host='%s'\ncases='%s'\nslow='%s'\n" "$1" "$cases" "${SLOW:-3}" >"$2/env"
}

install_tool() {
	if [ -n "${TREE:-}" ]; then
		cp -a "$TREE" "$work/tree"
	else
		make -s -C "$top" B="$build" prefix=/usr DESTDIR="$work/tree" install >&2
	fi && make -s -C "$top" B="$build" "$build/pmxcfs" >&2
}

boot_hosts() {
	local host

	trap 'kill $(jobs -p) 2>/dev/null; exit 1' INT TERM
	for host in $hosts; do
		"$here/boot.sh" "$host" "$work/job-$host" "$base/out/$host" &
	done
	wait
}

number() {
	awk '
		/^(not )?ok / {
			if ($0 ~ /^not ok/ && $0 !~ /# TODO/) failed++
			sub(/ok - /, "ok " ++count " - ")
		}
		{ print; fflush() }
		END {
			print "1.." count + 0
			if (failed) print "# " failed " of " count " failed; look in build/vm/out"
			exit failed || !count
		}'
}

# One row for each flavour and sysctl; a column for each phase.
print_matrix() {
	sort -u "$base"/out/*/matrix.tsv 2>/dev/null | awk -F'\t' '
		{ row = sprintf("%-9s %-22s %-20s %-36s", $1, $2, $3, $4); if (!(row in seen)) { seen[row] = 1; rows[++n] = row } cell[row, $5] = $6 }
		END {
			printf "%-9s %-22s %-20s %-36s %-8s %-8s %s\n", "host", "case", "flavour", "sysctl", "before", "after", "rollback"
			for (i = 1; i <= n; i++)
				printf "%s %-8s %-8s %s\n", rows[i], cell[rows[i], "before"], cell[rows[i], "after"], cell[rows[i], "rollback"]
		}'
}

[ "$(id -u)" = 0 ] || bail_out 'only root may build and boot the machines'
cases=$(selected_cases)
[ -n "$cases" ] || bail_out "no case matches '$pattern'"
need_programs || bail_out 'cannot install what is needed to run a machine'
install_tool || bail_out 'cannot install aa-nestfix into a folder'
# shellcheck disable=SC2086 # a list of words
"$here/build.sh" container $hosts >&2 || bail_out 'cannot build the images'
rm -rf "$base/out"
mkdir -p "$base/out"
for host in $hosts; do
	make_job "$host" "$work/job-$host"
done
# In the background, since a shell that waits for a pipeline in front hears no signal, and the machines would stay.
boot_hosts | number &
trap 'kill $(jobs -p) 2>/dev/null; exit 1' INT TERM
wait $!
status=$?
print_matrix | tee "$base/out/matrix.txt" | sed 's/^/# /'
exit $status
