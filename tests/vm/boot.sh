#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# boot.sh HOST JOB OUT: boots the host's machine, runs the folder JOB in it, brings its results back.
#
# TAP lines without numbers go to standard output while they come. OUT then holds console (the kernel's serial line), tap, and
# a folder for each case. The machine works on a copy of its disk, which stays from one boot to the next when the job
# reboots. The whole run may take LIMIT seconds (default 2700). ACCEL=kvm uses the processor's help; the default is
# emulation, which every machine has.
set -uo pipefail
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
images=${IMAGES:-$here/../../build/vm}
host=${1:?host} job=${2:?job folder} out=${3:?output folder}
limit=${LIMIT:-2700}
append=
accel=(-accel 'tcg,thread=single' -cpu Nehalem -icount shift=2)
[ -z "${ACCEL:-}" ] || accel=(-accel "$ACCEL" -cpu max)

work=$out/disks
machine=
# shellcheck disable=SC2317 # run by the trap
clean_up() {
	[ -z "$machine" ] || kill "$machine" 2>/dev/null
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

prepare_disks() {
	rm -rf "$out"
	mkdir -p "$work"
	: >"$out/tap"
	: >"$out/console"
	cp --sparse=always --reflink=auto "$images/$host/root.img" "$work/root.img" &&
		tar -C "$job" -cf "$work/job.tar" . && truncate -s %1M "$work/job.tar" && truncate -s 256M "$work/out.tar"
}

# An emulated machine's time goes on with its instructions, four nanoseconds each, which is about what two quiet cores do: however
# little of a processor it gets, none of the limits in it ends early, nor any of LXC's and Docker's own. The clock is the HPET: the
# speed of an emulated TSC is measured wrong under load. A reboot ends the machine, and it is started anew: a reset under
# emulation may hang.
#
# What emulation is slow at is left out: addresses that differ from run to run (a program is then translated anew each time:
# a fork and exec costs 15 ms without, 70 with them), huge pages, wide vectors, a second processor.
start_machine() {
	local disk=if=virtio,format=raw,cache=unsafe

	nice qemu-system-x86_64 -machine q35 "${accel[@]}" -smp 1 -m "${MEMORY:-2048}" -no-reboot \
		-nodefaults -display none -monitor none \
		-chardev "file,id=console,path=$out/console,append=on" -serial chardev:console \
		-chardev "file,id=tap,path=$out/tap,append=on" -serial chardev:tap \
		-kernel "$images/$host/vmlinuz" -initrd "$images/$host/initrd.img" \
		-append "console=ttyS0 quiet loglevel=3 panic=-1 lsm=landlock,lockdown,yama,integrity,apparmor apparmor=1 \
mitigations=off norandmaps transparent_hugepage=never tsc=unstable clocksource=hpet $append" \
		-drive "file=$work/root.img,$disk" \
		-drive "file=$work/job.tar,if=virtio,format=raw,readonly=on" \
		-drive "file=$work/out.tar,$disk" \
		-drive "file=$images/container/ct.img,$disk,snapshot=on" </dev/null 2>>"$out/qemu" &
	machine=$!
}

# Whole lines only, so that two machines may write to one pipe.
pass_on_tap() { # FROM-LINE
	local line

	tail -n "+$1" -s 0.2 -f --pid="$machine" "$out/tap" | while IFS= read -r line; do
		printf '%s\n' "${line%$'\r'}"
	done
}

last_place() { sed -n 's/^# at: //p' "$out/tap" | tail -n 1 | tr -d '\r'; }

wait_for_machine() {
	while kill -0 "$machine" 2>/dev/null; do
		if [ $SECONDS -ge "$limit" ]; then
			kill "$machine"
			printf 'not ok - %s: waited %s s for the machine to end; it was at: %s\n' "$host" "$limit" "$(last_place)"
			return 1
		fi
		sleep 0.5
	done
	wait "$machine"
}

boot_once() {
	local reader status

	start_machine
	pass_on_tap $(($(wc -l <"$out/tap") + 1)) &
	reader=$!
	wait_for_machine
	status=$?
	wait "$reader"
	machine=
	return $status
}

# What the job wants of the next boot: "reboot for stage N with WORDS" of the kernel's command line.
set_append() { # PLACE
	case $1 in
	*' with '*) append=${1##* with } ;;
	*) append= ;;
	esac
}

boot_until_end() {
	local place=

	while boot_once; do
		case $(last_place) in
		end) return 0 ;;
		"$place") break ;;
		reboot*)
			place=$(last_place)
			set_append "$place"
			;;
		*) break ;;
		esac
	done
	[ $SECONDS -ge "$limit" ] || printf 'not ok - %s: the machine ended by itself; it was at: %s; %s\n' "$host" \
		"$(last_place)" "$(tail -q -n 1 "$out/console" "$out/qemu" | tr -d '\r' | tr '\n' ' ')"
	return 1
}

prepare_disks || exit 1
boot_until_end
status=$?
tar -C "$out" -xf "$work/out.tar" 2>/dev/null || printf '# %s: no results came back\n' "$host"
printf '# %s: %s s; %s\n' "$host" "$SECONDS" "$(paste -sd, "$images/$host/versions")"
exit $status
