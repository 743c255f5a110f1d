#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Fetches what the real-world tests run against, below build/real (or the folder named as first argument):
#
#   SUITE/apparmor_parser  that suite's parser, run with its own C library; takes the parser's options
#   SUITE/root/            a root tree: AppArmor's and LXC's files of the suite, and a dpkg status that names them
#   accepts                "PARSER SUITE" lines: whose lxc-containers each parser compiles
#   packages/, profiles/   apparmor-profiles and apparmor-profiles-extra as packages and as a tree
#
# apt runs with its own sources, state and cache, so the machine's apt is not touched; signatures are checked with
# Debian's archive keyring. A folder that is complete is left alone. Needs no root.
#
# Exit status: 0 all that is required is there · 77 the network or the mirror did not give it ("SKIP: …" says what) ·
# 1 something that was fetched does not work.
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@" # for those who call it with sh
set -u
export LC_ALL=C

suites=(bookworm trixie forky sid bullseye)
optional=" bullseye " # archived some day
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
format=1 # of the folder; a higher one fetches again

here=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
mkdir -p "${1:-$here/build/real}" || exit 1
out=$(cd "${1:-$here/build/real}" && pwd) || exit 1

say() { printf 'fetch: %s\n' "$*" >&2; }
skip() { printf '\nSKIP: %s\n\n' "$*" >&2; }

is_complete() { [ "$(cat "$1/complete" 2>/dev/null)" = "$format" ]; }

# The Debian mirrors of this machine, or the public one.
find_mirrors() {
	local uris

	# shellcheck disable=SC2016 # apt expands it
	uris=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | sort -u)
	mirror=$(grep -E '/debian/?$' <<<"$uris" | head -n 1)
	security=$(grep -E '/debian-security/?$' <<<"$uris" | head -n 1)
	mirror=${mirror:-http://deb.debian.org/debian}
	security=${security:-http://deb.debian.org/debian-security}
}

write_sources() {
	local suite=$1 sign="[signed-by=$keyring]"

	printf 'deb %s %s %s main\n' "$sign" "$mirror" "$suite"
	case $suite in
	sid | forky) ;;
	*)
		printf 'deb %s %s %s-updates main\n' "$sign" "$mirror" "$suite"
		printf 'deb %s %s %s-security main\n' "$sign" "$security" "$suite"
		;;
	esac
}

# An apt configuration of its own in $1 for suite $2. Of the machine's settings only those for the network are kept.
write_apt() {
	local dir=$1 suite=$2

	mkdir -p "$dir"/state/lists/partial "$dir"/cache/archives/partial "$dir"/etc/none || return 1
	: >"$dir/state/status"
	write_sources "$suite" >"$dir/etc/sources.list"
	{
		apt-config dump | grep -E '^Acquire::(http|https|ftp|Retries|ForceIPv[46])'
		printf 'Dir::State "%s/state";\nDir::State::status "%s/state/status";\n' "$dir" "$dir"
		printf 'Dir::Cache "%s/cache";\nDir::Etc "%s/etc";\n' "$dir" "$dir"
		printf 'Dir::Etc::sourcelist "%s/etc/sources.list";\nDir::Etc::sourceparts "%s/etc/none";\n' "$dir" "$dir"
		printf 'Dir::Etc::parts "%s/etc/none";\nDir::Etc::preferencesparts "%s/etc/none";\n' "$dir" "$dir"
		printf 'Dir::Etc::main "/dev/null";\nDir::Etc::preferences "/dev/null";\n'
		printf '\nAPT::Sandbox::User "";\nAcquire::Languages "none";\n'
		# A mirror that lags behind still serves: signatures are checked, freshness does not matter to tests.
		printf 'Acquire::Check-Valid-Until "false";\n'
		printf 'Acquire::Retries "3";\nAPT::Update::Error-Mode "any";\nAPT::Get::List-Cleanup "true";\n'
	} >"$dir/apt.conf"
}

own_apt() { # DIR PROGRAM ARGUMENT…
	local dir=$1

	shift
	APT_CONFIG="$dir/apt.conf" "$@"
}

# Downloads packages into $2. "a|b" takes the first of the names that the suite has.
download() { # APT-DIR DEST PACKAGE…
	local apt=$1 dest=$2 want name found names=()

	shift 2
	mkdir -p "$dest" || return 1
	for want in "$@"; do
		found=
		for name in ${want//|/ }; do
			if [ -n "$(own_apt "$apt" apt-cache show --no-all-versions "$name" 2>/dev/null)" ]; then
				found=$name
				break
			fi
		done
		[ -n "$found" ] || { say "no package $want in $(basename "$dest")"; return 1; }
		names+=("$found")
	done
	(cd "$dest" && own_apt "$apt" apt-get -qq download "${names[@]}" >&2)
}

unpack() { # TREE DEB…
	local tree=$1 deb

	shift
	mkdir -p "$tree" || return 1
	for deb in "$@"; do
		dpkg-deb -x "$deb" "$tree" || return 1
	done
}

# A status file as dpkg would have it, for the packages of the root tree.
write_status() { # ROOT DEB…
	local root=$1 deb

	shift
	mkdir -p "$root/var/lib/dpkg" || return 1
	for deb in "$@"; do
		dpkg-deb -f "$deb" Package || return 1
		printf 'Status: install ok installed\n'
		dpkg-deb -f "$deb" Architecture Source Version Depends
		printf '\n'
	done | sed -e '1s/^/Package: /' -e '/^$/{n;s/^./Package: &/}' >"$root/var/lib/dpkg/status"
}

# parser.conf names a file of the machine (policy-features=/usr/share/…): the copy names the suite's own.
write_wrapper() { # SUITE-DIR
	local dir=$1 loader parser libs conf=$1/parser.conf

	loader=$(find "$dir/tools" -name 'ld-linux*.so.*' -o -name 'ld64.so.*' | sort | head -n 1)
	parser=$(find "$dir/tools" -path '*/sbin/apparmor_parser' | head -n 1)
	libs=$(find "$dir/tools" -name 'lib*.so.*' ! -name '*.py' -printf '%h\n' | sort -u | paste -sd:)
	if [ -z "$loader" ] || [ -z "$parser" ]; then
		say "no parser or no loader in $dir/tools"
		return 1
	fi
	sed "s|=/usr/share/|=$dir/tools/usr/share/|" "$dir/tools/etc/apparmor/parser.conf" >"$conf" || return 1
	{
		printf '#!/bin/sh\n# Made by tests/real/fetch.sh.\n'
		printf 'exec "%s" --library-path "%s" "%s" --config-file "%s" "$@"\n' \
			"$loader" "$libs" "$parser" "$conf"
	} >"$dir/apparmor_parser"
	chmod +x "$dir/apparmor_parser"
}

# Does the parser of suite directory $1 compile the LXC profiles of $2?
compiles() {
	local base=$2/root/etc/apparmor.d

	[ "$("$1/apparmor_parser" -q -Q -K -S --base "$base" "$base/lxc-containers" | wc -c)" -gt 1000 ]
}

check_wrapper() { # SUITE-DIR
	local dir=$1

	"$dir/apparmor_parser" --version >"$dir/version" || { say "$dir/apparmor_parser does not run"; return 1; }
	if ! compiles "$1" "$1" 2>"$dir/log"; then
		cat "$dir/log" >&2
		say "$dir/apparmor_parser does not compile the suite's lxc-containers"
		return 1
	fi
	say "$(basename "$dir"): $(head -n 1 "$dir/version")"
}

# Returns 0, 1 (broken) or 77 (not to be had).
fetch_suite() {
	local suite=$1 dir=$out/$1 apt=$out/$1/apt
	local tools=(apparmor libapparmor1 libc6 libstdc++6 'libgcc-s1|libgcc1')
	local lxc=('liblxc1t64|liblxc1' lxc)

	is_complete "$dir" && return 0
	rm -rf "$dir" "$out/accepts"
	write_apt "$apt" "$suite" || return 1
	if ! own_apt "$apt" apt-get -qq update >&2; then
		skip "$suite: the mirror $mirror does not answer, or no longer has this suite"
		return 77
	fi
	[ "$suite" = bullseye ] || lxc+=(liblxc-common) # split off lxc in bookworm
	if ! download "$apt" "$dir/debs/tools" "${tools[@]}" || ! download "$apt" "$dir/debs/lxc" "${lxc[@]}"; then
		skip "$suite: the mirror $mirror lacks one of its packages"
		return 77
	fi
	unpack "$dir/tools" "$dir"/debs/tools/*.deb || return 1
	unpack "$dir/root" "$dir"/debs/tools/apparmor_*.deb "$dir"/debs/lxc/*.deb || return 1
	write_status "$dir/root" "$dir"/debs/tools/apparmor_*.deb "$dir"/debs/lxc/*.deb || return 1
	write_wrapper "$dir" || return 1
	check_wrapper "$dir" || return 1
	rm -rf "$apt"
	printf '%s\n' "$format" >"$dir/complete"
}

fetch_profiles() {
	local apt=$out/packages/apt

	is_complete "$out/profiles" && return 0
	rm -rf "$out/profiles" "$out/packages"
	write_apt "$apt" bookworm || return 1
	if ! own_apt "$apt" apt-get -qq update >&2 ||
		! download "$apt" "$out/packages" apparmor apparmor-profiles apparmor-profiles-extra; then
		skip "the mirror $mirror does not give the profile packages"
		return 77
	fi
	unpack "$out/profiles" "$out"/packages/*.deb || return 1
	rm -rf "$apt"
	printf '%s\n' "$format" >"$out/profiles/complete"
}

# The profiles of LXC 6 begin with "userns,", which came with AppArmor 4.
is_expected() { # PARSER-SUITE POLICY-SUITE
	case $1,$2 in
	bullseye,trixie | bullseye,forky | bullseye,sid | bookworm,trixie | bookworm,forky | bookworm,sid) return 1 ;;
	esac
}

fetch_accepts() {
	local parser suite status=0

	[ -e "$out/accepts" ] && return 0
	for parser in "${suites[@]}"; do
		for suite in "${suites[@]}"; do
			{ is_complete "$out/$parser" && is_complete "$out/$suite"; } || continue
			if compiles "$out/$parser" "$out/$suite" 2>/dev/null; then
				printf '%s %s\n' "$parser" "$suite"
				is_expected "$parser" "$suite" || say "unexpected: $parser compiles $suite"
			elif is_expected "$parser" "$suite"; then
				say "the parser of $parser does not compile the profiles of $suite"
				status=1
			fi
		done
	done >"$out/accepts.new"
	mv "$out/accepts.new" "$out/accepts" && return $status
}

main() {
	local suite status=0 rc

	# Tests run side by side, and each of them fetches.
	exec 9>"$out/lock"
	flock 9
	find_mirrors
	[ -r "$keyring" ] || { skip "no $keyring (package debian-archive-keyring)"; return 77; }
	for suite in "${suites[@]}" profiles; do
		if [ "$suite" = profiles ]; then fetch_profiles; else fetch_suite "$suite"; fi
		rc=$?
		case $rc,$optional in
		0,* | 77,*" $suite "*) ;;
		77,*) [ $status -eq 1 ] || status=77 ;;
		*) say "$suite: failed" && status=1 ;;
		esac
	done
	fetch_accepts || status=1
	return $status
}

main
