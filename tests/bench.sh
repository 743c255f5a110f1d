#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# make bench: what the slow things cost on this machine. Times are the best of several runs, in milliseconds; memory is
# the largest resident set, in KiB.
set -eu
cd "$(dirname "$0")/.."
TOP=$PWD
nestfix=${BUILD:-$TOP/build/release}/aa-nestfix
parser=${NESTFIX_PARSER:-/sbin/apparmor_parser}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
base=$root/etc/apparmor.d
mkdir -p "$root/var/lib/lxc/bench/apparmor"
cp -R tests/fixtures/sample-host/. "$root"
chmod -R go-w "$root"
text="$root/var/lib/lxc/bench/apparmor/lxc-bench_<-var-lib-lxc>"
recorded=${NESTFIX_RECORDED:-$TOP/../shared/recorded}/generated-bookworm-nesting-unpriv.txt
if [ -r "$recorded" ]; then
	sed 's/@NAME@/bench/g' "$recorded" >"$text"
else
	echo "bench: no recorded text of liblxc (NESTFIX_RECORDED); the shipped sample is shorter" >&2
	sed 's/lxc-sample_/lxc-bench_/' profiles/lxc-generated-sample >"$text"
fi
printf 'lxc.apparmor.profile = generated\n' >"$root/var/lib/lxc/bench/config"
export LXC_NAME=bench LXC_CONFIG_FILE=/var/lib/lxc/bench/config LXC_HOOK_TYPE=start-host

now() {
	date +%s%N
}

# best RUNS COMMAND...: milliseconds of the quickest run
best() {
	runs=$1 least=
	shift
	while [ "$runs" -gt 0 ]; do
		from=$(now)
		"$@" >/dev/null 2>&1 || :
		took=$((($(now) - from) / 10000))
		[ -n "$least" ] && [ "$least" -le "$took" ] || least=$took
		runs=$((runs - 1))
	done
	printf '%d.%02d' $((least / 100)) $((least % 100))
}

# The most memory that the program and what it ran took.
memory() {
	perl -MPOSIX -e 'my $pid = fork; if (!$pid) { open STDOUT, ">/dev/null"; open STDERR, ">/dev/null"; exec @ARGV; exit 1 }
		my $most = 0; while (waitpid($pid, WNOHANG) == 0) { if (open my $f, "<", "/proc/$pid/status") { while (<$f>) { $most = $1 if /^VmHWM:\s*(\d+)/ && $1 > $most } } select undef, undef, undef, 0.002 }
		print $most' "$@"
}

row() {
	printf '%-44s %12s %10s\n' "$1" "$2" "$3"
}

# As the tool calls it: without a kernel that tells its features, Debian's feature file stands in.
features=/usr/share/apparmor-features/features
[ ! -d /sys/kernel/security/apparmor/features ] || features=
compile() {
	"$parser" -q -Q -K -S --base "$base" ${features:+--kernel-features "$features"} "$1"
}

hook_cold() {
	rm -rf "$root/var/cache/aa-nestfix"
	"$nestfix" --patches patches --root "$root" hook lxc
}

compile "$text" >"$work/old"
sed 's|deny /sys/\[^fdck\]\*{,/\*\*} wklx,|deny /sys/[^fdckn]*{,/**} wklx,|' "$text" >"$work/text"
compile "$work/text" >"$work/new"

echo "make bench: $(nproc) × $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), Linux $(uname -r), $("$parser" --version | head -n 1)"
row 'what' 'ms' 'KiB'
row 'compile one generated profile' "$(best 5 compile "$text")" "$(memory "$parser" -q -Q -K -S --base "$base" ${features:+--kernel-features "$features"} "$text")"
row 'compare two compiled profiles (prove)' "$(best 5 "$nestfix" prove "$work/old" "$work/new")" \
	"$(memory "$nestfix" prove "$work/old" "$work/new")"
row 'check one generated profile' "$(best 3 "$nestfix" --patches patches --root "$root" check bench)" \
	"$(memory "$nestfix" --patches patches --root "$root" check bench)"
row 'diff of one generated profile, with its proof' "$(best 3 "$nestfix" --patches patches --root "$root" diff bench)" \
	"$(memory "$nestfix" --patches patches --root "$root" diff bench)"
row 'hook at a start, nothing in the cache' "$(best 3 hook_cold)" -
warm=$(best 20 "$nestfix" --patches patches --root "$root" hook lxc)
row 'hook at a start, cached' "$warm" "$(memory "$nestfix" --patches patches --root "$root" hook lxc)"
