# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# tap: the Test Anything Protocol for shell tests. Source it, call ok/is/skip, end with tap_done.

tap_n=0
tap_failed=0
cd "$(dirname "$0")/.." || exit 1
TOP=$PWD
BUILD=${BUILD:-$TOP/build/release}
NESTFIX=$BUILD/aa-nestfix
T=$(mktemp -d "${TMPDIR:-/tmp}/nestfix-test.XXXXXX") || exit 1
trap 'rm -rf "$T"' EXIT
trap 'exit 1' INT TERM

# ok NAME COMMAND...: passes when the command succeeds; its output is shown when it does not.
ok() {
	tap_name=$1
	shift
	tap_n=$((tap_n + 1))
	if "$@" >"$T/.out" 2>&1; then
		echo "ok $tap_n - $tap_name"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_n - $tap_name"
		sed 's/^/#   /' "$T/.out"
	fi
}

# is NAME GOT WANTED
is() {
	tap_n=$((tap_n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $tap_n - $1"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_n - $1"
		printf '%s\n' "got:" "$2" "wanted:" "$3" | sed 's/^/#   /'
	fi
}

# skip NAME REASON: loud, never silent.
skip() {
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1 # SKIP $2"
	echo "SKIP: $1: $2" >&2
}

tap_done() {
	echo "1..$tap_n"
	[ "$tap_failed" = 0 ]
}

# has TEXT FILE
has() {
	grep -qF -- "$1" "$2" || {
		echo "no '$1' in:"
		cat "$2"
		return 1
	}
}

# run_tool WANTED-STATUS ARGUMENTS...: output in $T/out and $T/err.
run_tool() {
	tool_want=$1
	shift
	tool_status=0
	"$NESTFIX" --patches "$TOP/patches" "$@" >"$T/out" 2>"$T/err" </dev/null || tool_status=$?
	[ "$tool_status" = "$tool_want" ] || {
		echo "exit status $tool_status, wanted $tool_want: aa-nestfix $*"
		cat "$T/out" "$T/err"
		return 1
	}
}

# Everything about the files of a tree that must not change: kind, mode, owner, size, times, content, xattrs.
tree_state() {
	(
		cd "$1" && find . ! -type d -printf '%p %y %m %U:%G %s %T@ %i %l\n' | sort
		find . -type f -exec sha256sum {} + | sort -k 2
		getfattr -R -d -m - . 2>/dev/null
	)
}
