#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# ./run on machines that lack something: it says what it does, and in a sentence what it cannot do. sudo, apt-get, dpkg-query
# and make are stand-ins; nothing is installed.
# shellcheck disable=SC2016 # stand-ins are scripts in quotes
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"

mkdir -p "$T/bin" "$T/tree/build/release" "$T/tree/tests/fixtures" "$T/rest"
cp run "$T/tree/"
cp -R tests/fixtures/sample-host tests/fixtures/sample-docker "$T/tree/tests/fixtures/"
for program in ln sh env mkdir cat rm cp mktemp chmod id grep dirname basename sed; do
	ln -s "$(command -v $program)" "$T/rest/$program"
done

# stand NAME SCRIPT: what it is called with stands in $T/calls.
stand() {
	printf '#!/bin/sh\necho "%s $*" >>"%s"\n%s\n' "$1" "$T/calls" "$2" >"$T/bin/$1"
	chmod +x "$T/bin/$1"
}

machine() {
	rm -rf "${T:?}/bin" "$T/calls" "$T/tree/build"
	mkdir -p "$T/bin" "$T/tree/build"
	: >"$T/calls"
	stand make "mkdir -p build/release; ln -sf '$NESTFIX' build/release/aa-nestfix"
	stand dpkg-query 'for p; do :; done; echo installed'
	stand apt-get ''
	stand sudo 'exec "$@"'
	stand id 'case $1 in -un) echo jo ;; *) echo 1000 ;; esac'
}

# goes STATUS ARGUMENT…
goes() {
	goes_want=$1
	shift
	goes_status=0
	PATH=$T/bin:$T/rest /bin/sh "$T/tree/run" "$@" >"$T/out" 2>"$T/err" </dev/null || goes_status=$?
	[ "$goes_status" = "$goes_want" ] || {
		echo "status $goes_status, wanted $goes_want"
		cat "$T/out" "$T/err"
		return 1
	}
}

machine
ok 'all is there' goes 0 --version
ok '  nothing is installed' sh -c "! grep -q apt-get '$T/calls'"
ok '  it says that it builds' has 'run: builds the program' "$T/err"
ok '  and the program is asked as root' grep -q '^sudo env AA_NESTFIX_SELF=./run build/release/aa-nestfix --version' "$T/calls"
cp -R tests/fixtures/sample-host/. "$T/host"
cp -R tests/fixtures/sample-docker/. "$T/host"
chmod -R go-w "$T/host"
AA_NESTFIX_SELF=./run "$NESTFIX" --root "$T/host" check >"$T/out" 2>&1 </dev/null
ok 'what it gives to type begins with ./run' has "  ./run --root $T/host fix " "$T/out"
AA_NESTFIX_SELF=./run "$NESTFIX" --root "$T/host" rollback 20200101T000000Z >"$T/out" 2>"$T/err" </dev/null
ok '  and so does what rooms below know' has "see the list: ./run --root $T/host rollback --list" "$T/err"
"$NESTFIX" --root "$T/host" check nobody >"$T/out" 2>"$T/err" </dev/null
ok '  once' sh -c "! grep -q -- '--root.*--root' '$T/err'"
AA_NESTFIX_SELF=./run "$NESTFIX" --root "$T/host" --json rollback 20200101T000000Z >"$T/out" 2>"$T/err" </dev/null
ok '  in JSON, too' has "./run --root $T/host rollback --list" "$T/out"

machine
stand dpkg-query 'case " $* " in *" -f "*) echo installed; echo not-installed ;; esac'
ok 'a package is missing' goes 0 --version
ok '  it says what it installs' has 'run: installs what it builds with' "$T/err"
ok '  by apt-get, as root' grep -q '^sudo env DEBIAN_FRONTEND=noninteractive apt-get install .* libapparmor-dev' "$T/calls"

machine
rm "$T/bin/sudo"
ok 'no sudo' goes 1 --version
ok '  a sentence' has 'run: cannot do this as jo, and there is no sudo: log in as root' "$T/err"

machine
rm "$T/bin/dpkg-query"
ok 'no dpkg' goes 0 --version
ok '  it says what must be there' has 'run: this is no Debian, nor made of it: what is needed must be there already: gcc' "$T/err"

machine
stand make 'echo "no libapparmor"; exit 2'
ok 'it cannot be built' goes 1 --version
ok '  and says why' has 'no libapparmor' "$T/err"

# Whatever umask its user has, what it lays out is nobody else's to write.
machine
umask 002
ok 'with umask 002: the sample host' env PATH="$PATH" sh -c "cd '$T/tree' && sed -i 's/^has_lxc() {/has_lxc() { return 1; }\nunused() {/; s/^build$/:/; s/^install_packages$/:/' run && mkdir -p build/release && ln -sf '$NESTFIX' build/release/aa-nestfix && ./run"
tap_done
