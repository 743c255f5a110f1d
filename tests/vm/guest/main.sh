#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # host and cases come from run.sh
# The job of a host: prepare the machine, run the cases, power off; between the stages of a case that asks for it, reboot.
#
# A case is a file of cases/, run in a shell of its own. It sets flavour= and profiles= and defines prepare, before, cure and after;
# `before` is run again after the rollback. Or it defines stage_1, stage_2 …, each run in a boot of its own, and stage_off, run in one
# without AppArmor; or bare, run before the tool is on the machine. README.md tells more.
set -u
export LC_ALL=C
job=/run/job
state=/var/lib/vm
out=$state/out
mkdir -p "$out"
exec 3>/dev/ttyS1

# shellcheck source=tests/vm/guest/lib.sh
. "$job/guest/lib.sh"
# shellcheck disable=SC1091,SC2154 # written by run.sh: host, cases
. "$job/env"

# Shell functions of a case file, by name.
case_has() { # CASE FUNCTION
	# shellcheck disable=SC1090
	(. "$job/cases/$1.sh" && declare -F "$2") >/dev/null 2>&1
}

run_in_shell() { # CASE FUNCTION…
	local case=$1 dir=$out/$1

	shift
	mkdir -p "$dir"
	at "$case"
	echo "vm: $case, stage $stage" >/dev/kmsg
	(
		exec >>"$dir/log" 2>&1 4>>"$dir/trace"
		BASH_XTRACEFD=4
		PS4='+ $SECONDS '
		# shellcheck disable=SC1090
		. "$job/cases/$case.sh"
		todo=${todo:-}
		set -x
		for step in "$@"; do
			"$step"
		done
		set +x
	)
	send_results
}

in_this_stage() { # CASE: what is to be run of it now?
	if case_has "$1" "stage_$stage"; then
		echo "stage_$stage"
	elif [ "$stage" = 1 ] && ! case_has "$1" stage_1 && ! case_has "$1" bare; then
		echo whole_case
	fi
}

# On the machine as Debian leaves it.
run_bare_cases() {
	local case

	for case in $cases; do
		case_has "$case" bare || continue
		run_in_shell "$case" bare keep_evidence remove_containers
	done
}

run_cases() {
	local case step later=()

	for case in $cases; do
		step=$(in_this_stage "$case")
		case $step in
		whole_case) run_in_shell "$case" begin_case whole_case own_profile_suffices keep_evidence reset_machine ;;
		stage_*) later+=("$case") ;;
		esac
	done
	# Stages leave the machine changed, so they come last.
	for case in "${later[@]}"; do
		case $stage in
		off) run_in_shell "$case" stage_off ;;
		1) run_in_shell "$case" begin_case stage_1 own_profile_suffices keep_evidence ;;
		*) run_in_shell "$case" "stage_$stage" own_profile_suffices keep_evidence ;;
		esac
	done
}

# The number of the next, or "off" after the last number; nothing after the last.
next_stage() {
	local next case

	[ "$stage" != off ] || return
	for next in $((stage + 1)) off; do
		for case in $cases; do
			case_has "$case" "stage_$next" && echo "$next" && return
		done
	done
}

# boot.sh reads the words behind "with".
reboot_for() { # STAGE
	echo "$1" >"$state/stage"
	case $1 in
	off) at 'reboot for stage off with apparmor=0' ;;
	*) at "reboot for stage $1" ;;
	esac
	sync
	echo b >/proc/sysrq-trigger
	sleep 60
}

main() {
	local next

	stage=$(cat "$state/stage" 2>/dev/null || echo 1)
	at "start of stage $stage"
	set_up_machine
	case $stage in
	1)
		run_bare_cases
		install_tool
		remember_machine
		;;
	off) remove_tool ;;
	*) install_tool ;;
	esac
	run_cases
	next=$(next_stage)
	[ -z "$next" ] || reboot_for "$next"
	send_results
	at end
}

main
