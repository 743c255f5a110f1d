#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# run.sh: boots real Debian machines and asks runc, before a fix, after it and after the rollback. Prints TAP.
#
#   VM="bookworm trixie"   the hosts (also sid); the default is bookworm and trixie, side by side
#   CASE="PATTERN…"        only the cases whose name matches, e.g. CASE='1* 30*'
#   WITHOUT_HOST="PATTERN…"   on this host not these, e.g. WITHOUT_trixie='05*'
#   BUILD=DIR              where aa-nestfix was built (build/release)
#   TREE=DIR               a tree with the tool installed, instead of `make install` of BUILD
#   LIMIT=SECONDS          for each machine; ACCEL=kvm where the processor helps
#   SLOW=FACTOR            what every limit inside a machine is multiplied by (3)
#
# Results: build/vm/out/HOST/CASE/ (log, trace, dmesg, policy in force, what the tool said), build/vm/out/matrix.txt.
# Missing programs are installed with apt. Needs root. Exit status: 0 all well, 1 not.
set -uo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
base=$top/build/vm
build=${BUILD:-$top/build/release}
hosts=${VM:-bookworm trixie}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

bail_out() {
	printf 'Bail out! %s\n' "$*"
	exit 1
}

# matches NAME PATTERN…
matches() {
	local name=$1 pattern

	shift
	for pattern; do
		# shellcheck disable=SC2053 # a pattern is meant
		[[ $name != $pattern ]] || return 0
	done
	return 1
}

cases_of() { # HOST
	local file name wanted without=WITHOUT_$1 left_out

	read -ra wanted <<<"${CASE:-*}"
	read -ra left_out <<<"${!without:-}"
	for file in "$here"/cases/*.sh; do
		name=$(basename "$file" .sh)
		! matches "$name" "${wanted[@]}" || matches "$name" "${left_out[@]}" || printf '%s ' "$name"
	done
}

all_cases() {
	local host

	for host in $hosts; do
		cases_of "$host"
	done
}

wants_package() { [[ $(all_cases) == *-package\ * ]]; }

wants_parser() { [[ $(all_cases) == *-upgrade\ * ]]; }

need_programs() {
	local missing=()

	! wants_parser || command -v patchelf >/dev/null || missing+=(patchelf)
	command -v qemu-system-x86_64 >/dev/null || missing+=(qemu-system-x86)
	command -v setfacl >/dev/null || missing+=(acl)
	[ ${#missing[@]} -eq 0 ] || apt-get -qq install -y --no-install-recommends "${missing[@]}" >&2 || return 1
	! wants_package || (cd "$top" && dpkg-checkbuilddeps -Pnocheck) 2>/dev/null ||
		(cd "$top" && apt-get -qq build-dep -y --no-install-recommends -P nocheck ./) >&2
}

# The parser of Debian 13, for a host of Debian 12. Its libraries lie where each program may read libraries, and its loader has a
# name of that kind, so that the program's own AppArmor profile needs no rule for it.
make_parser() {
	local from=$top/build/real/trixie/tools to=$base/parser libs=usr/lib/x86_64-linux-gnu

	sh "$top/tests/real/fetch.sh" >&2 && rm -rf "$to" && mkdir -p "$to" &&
		cp -L "$from/$libs/libc.so.6" "$to" &&
		cp -L "$from/$libs/ld-linux-x86-64.so.2" "$to/libloader.so.2" &&
		cp -L "$from/usr/sbin/apparmor_parser" "$to" &&
		patchelf --set-interpreter "/$libs/newer-parser/libloader.so.2" --set-rpath "/$libs/newer-parser" "$to/apparmor_parser"
}

make_job() { # HOST FOLDER
	mkdir -p "$2"
	cp -a "$here/guest" "$here/container" "$here/cases" "$here/pve" "$work/tree" "$2/"
	cp "$build/pmxcfs" "$2/pve/"
	cp "$top"/profiles/lxc-container-nestfix.* "$2/guest/"
	cp "$build/unit/t-nextstart" "$2/guest/next-start"
	if wants_package; then
		mkdir "$2/debs"
		cp "$base"/deb/*.deb "$base/$1"/next-* "$2/debs/"
	fi
	! wants_parser || cp -a "$base/parser" "$2/"
	printf "host='%s'\ncases='%s'\nslow='%s'\n" "$1" "$(cases_of "$1")" "${SLOW:-3}" >"$2/env"
}

# For the cases whose name ends in -package: this version and an older one. Built again only when what is in it changed.
build_packages() {
	local dir=$base/deb copy=$base/deb/aa-nestfix key

	key=$(cd "$top" && find . \( -name .git -o -path ./build -o -path ./tests \) -prune -o -type f -print0 | sort -z |
		xargs -0 sha256sum | sha256sum)
	[ "$(cat "$dir/key" 2>/dev/null)" != "$key" ] || return 0
	rm -rf "$dir"
	mkdir -p "$copy"
	tar -C "$top" --exclude=./build --exclude=./.git --exclude=./tests -cf - . | tar -C "$copy" -xf -
	(cd "$copy" && DEB_BUILD_OPTIONS='nocheck parallel=2' dpkg-buildpackage -us -uc -b) >"$dir/log" 2>&1 || {
		tail -n 20 "$dir/log" >&2
		return 1
	}
	rm -rf "$copy" "$dir"/*dbgsym*
	mv "$dir"/aa-nestfix_*.deb "$dir/package.deb"
	dpkg-deb -R "$dir/package.deb" "$copy" && sed -i 's/^Version: .*/&~older/' "$copy/DEBIAN/control" &&
		dpkg-deb -Znone --root-owner-group -b "$copy" "$dir/older.deb" >>"$dir/log" && rm -rf "$copy" && echo "$key" >"$dir/key"
}

install_tool() {
	if [ -n "${TREE:-}" ]; then
		cp -a "$TREE" "$work/tree"
	else
		make -s -C "$top" B="$build" prefix=/usr DESTDIR="$work/tree" install >&2
	fi && make -s -C "$top" B="$build" "$build/pmxcfs" "$build/unit/t-nextstart" >&2
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

# A table in Markdown, one row for each container and scope: what runc met before the cure, after it and after the rollback, and
# each time after a restart of the container or the host.
print_matrix() {
	echo '| host | case | flavour | scope | before | cured | restarted | undone | restarted |'
	echo '|---|---|---|---|---|---|---|---|---|'
	cat "$base"/out/*/matrix.tsv 2>/dev/null | awk -F'\t' '
		function scope(sysctl) {
			if (sysctl ~ /^net\./) return "net"
			if (sysctl ~ /^(fs\.mqueue|kernel\.(shm|msg|sem))/) return "ipc"
			return sysctl ~ /^kernel\./ ? "uts" : sysctl
		}
		function column(phase) {
			if (phase ~ /^rollback, /) return 5
			if (phase ~ /^(rollback|removed)$/) return 4
			if (phase ~ /(restarted|rebooted)$/) return 3
			if (phase ~ /^(after|install)$/) return 2
			return phase == "before" ? 1 : 0
		}
		{
			row = "| " $1 " | " $2 " | " $3 " | " scope($4) " |"
			at = column($5)
			if (!at) next
			if (!(row in seen)) { seen[row] = 1; rows[++n] = row }
			if (cell[row, at] !~ $6) cell[row, at] = cell[row, at] (cell[row, at] ? ", " : "") $6
		}
		END {
			for (i = 1; i <= n; i++) {
				line = rows[i]
				for (at = 1; at <= 5; at++) line = line " " cell[rows[i], at] " |"
				print line
			}
		}'
}

main() {
	local host status

	[ "$(id -u)" = 0 ] || bail_out 'only root may build and boot the machines'
	[ -n "$(all_cases)" ] || bail_out "no case matches '${CASE:-*}'"
	need_programs || bail_out 'cannot install what is needed to run a machine'
	install_tool || bail_out 'cannot install aa-nestfix into a folder'
	! wants_parser || make_parser || bail_out 'cannot make the newer parser'
	! wants_package || build_packages || bail_out 'cannot build the Debian package'
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
}

main
