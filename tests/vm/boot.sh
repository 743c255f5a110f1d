#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# boot.sh HOST JOB OUT: boots the host's machine, runs the folder JOB in it, brings its results back.
#
# TAP lines without numbers go to standard output while they come. OUT then holds console (the kernel's serial line), tap, and
# a folder for each case. The images stay as they are. The whole run may take LIMIT seconds (default 1200).
# ACCEL=kvm uses the processor's help; the default is emulation, which every machine has.
set -uo pipefail
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
images=${IMAGES:-$here/../../build/vm}
host=${1:?host} job=${2:?job folder} out=${3:?output folder}
limit=${LIMIT:-1200}
accel=tcg,thread=multi
[ -z "${ACCEL:-}" ] || accel=$ACCEL

work=$(mktemp -d) || exit 1
machine=
# shellcheck disable=SC2317 # run by the trap
clean_up() {
	[ -z "$machine" ] || kill "$machine" 2>/dev/null
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

# The clock is the HPET: under load the speed of an emulated TSC is measured wrong, and then every limit ends early.
start_machine() {
	local disk=if=virtio,format=raw,cache=unsafe

	nice qemu-system-x86_64 -machine q35 -accel "$accel" -cpu max -smp 2 -m "${MEMORY:-2048}" \
		-nodefaults -display none -monitor none -serial "file:$out/console" -serial "file:$out/tap" \
		-kernel "$images/$host/vmlinuz" -initrd "$images/$host/initrd.img" \
		-append "console=ttyS0 quiet loglevel=3 panic=-1 lsm=landlock,lockdown,yama,integrity,apparmor apparmor=1 \
mitigations=off tsc=unstable clocksource=hpet" \
		-drive "file=$images/$host/root.img,$disk,snapshot=on" \
		-drive "file=$work/job.tar,if=virtio,format=raw,readonly=on" \
		-drive "file=$work/out.tar,$disk" \
		-drive "file=$images/container/ct.img,$disk,snapshot=on" </dev/null 2>"$out/qemu" &
	machine=$!
}

# Whole lines only, so that two machines may write to one pipe.
pass_on_tap() {
	local line

	tail -n +1 -s 0.2 -f --pid="$machine" "$out/tap" | while IFS= read -r line; do
		printf '%s\n' "${line%$'\r'}"
	done
}

wait_for_machine() {
	local end=$((SECONDS + limit))

	while kill -0 "$machine" 2>/dev/null; do
		if [ $SECONDS -ge $end ]; then
			kill "$machine"
			printf 'not ok - %s: waited %s s for the machine to end; it was at: %s\n' "$host" "$limit" \
				"$(sed -n 's/^# at: //p' "$out/tap" | tail -n 1 | tr -d '\r')"
			return 1
		fi
		sleep 0.5
	done
	wait "$machine"
}

rm -rf "$out"
mkdir -p "$out"
: >"$out/tap"
tar -C "$job" -cf "$work/job.tar" . || exit 1
truncate -s %1M "$work/job.tar"
truncate -s 256M "$work/out.tar"
start_machine
pass_on_tap &
reader=$!
wait_for_machine
status=$?
wait "$reader"
machine=
tar -C "$out" -xf "$work/out.tar" 2>/dev/null || printf '# %s: no results came back\n' "$host"
if [ $status -eq 0 ] && ! grep -q '^# at: end' "$out/tap"; then
	printf 'not ok - %s: the machine ended before its job: %s\n' "$host" "$(tail -n 1 "$out/console" "$out/qemu" | tr -d '\r' | tr '\n' ' ')"
	status=1
fi
printf '# %s: %s s; %s\n' "$host" "$SECONDS" "$(paste -sd, "$images/$host/versions")"
exit $status
