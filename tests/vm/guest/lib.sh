# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What the cases are written in: TAP, waiting with a limit, containers, the tool, what must be as before.
# shellcheck disable=SC2154,SC2034,SC2013 # host, state, out, job, stage come from main.sh; case, flavour, todo from the case

lxcpath=/var/lib/lxc
dropins=/usr/share/lxc/config/common.conf.d
phase=

#### TAP, on the second serial line; boot.sh passes it on and run.sh numbers it.

note() { printf '# %s\n' "$*" >&3; }

at() {
	note "at: $*"
	printf '%s\n' "$*" >"$state/at"
}

tap_line() { # RESULT TEXT
	printf '%s - %s: %s%s%s%s\n' "$1" "$host" "${case:+$case: }" "${phase:+$phase: }" "$2" \
		"${todo:+ # TODO $todo}" | tee /dev/fd/3
}

ok() { tap_line ok "$*"; }

not_ok() {
	tap_line 'not ok' "$*"
	# The state that the first failure met; a case goes on, and the next phase changes it.
	if [ -n "${case:-}" ] && [ -z "${todo:-}" ] && [ ! -e "$out/$case/failure" ]; then
		keep_evidence "$out/$case/failure"
	fi
	return 1
}

skip() { tap_line ok "$1 # SKIP $2"; }

# is TEXT COMMAND…: the command must succeed.
is() {
	local text=$1

	shift
	if "$@"; then ok "$text"; else not_ok "$text"; fi
}

show() { # FILE: a few lines of it, as TAP comments
	head -n "${2:-6}" "$1" | cut -c1-300 | sed "s/^/#   /" >&3
}

# limit SECONDS WHAT COMMAND…: no wait without an end, and the log says what was waited for. The seconds are those of a machine
# that has its processors for itself.
limit() {
	local seconds=$(($1 * slow)) what=$2 status

	shift 2
	timeout -k 5 "$seconds" "$@" </dev/null
	status=$?
	[ $status -ne 124 ] || note "waited $seconds s for $what"
	return $status
}

#### The machine

set_up_machine() {
	local controller

	mount -t securityfs securityfs /sys/kernel/security
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	mount --make-rshared /
	for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
		echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
	done 2>/dev/null
	mkdir -p /run/lxc
	hostname "$host"
	ip link set lo up
	sysctl -qw kernel.printk=1 kernel.printk_ratelimit=0 kernel.dmesg_restrict=0
	modprobe -a overlay veth bridge fuse 2>/dev/null
	mount -t ext4 -o rw,noatime /dev/vdd /ct
	cp -a "$job/container/." /ct/rootfs/vm/
	# LXC denies with explicit rules, which the kernel keeps quiet about unless told otherwise.
	printf noquiet >/sys/module/apparmor/parameters/audit
	dmesg >"$out/dmesg-boot-$stage"
}

install_tool() {
	if [ "$stage" = 1 ]; then
		tar -C "$job/tree" -cf - . | tar -C / --keep-directory-symlink -xf -
		put_static_profiles_aside
	fi
	load_policy_as_boot_does "$stage"
}

# A case has only the static profiles that it names in profiles=, since each costs an emulated machine seconds at every compile.
put_static_profiles_aside() {
	cp "$job/guest/static-profile" /etc/apparmor.d/lxc/lxc-vm-static
	mkdir "$state/static"
	mv /etc/apparmor.d/lxc/* "$state/static/"
}

begin_case() {
	local profile

	rm -f /etc/apparmor.d/lxc/*
	for profile in ${profiles:-lxc-default-cgns}; do
		cp -a "$state/static/$profile" /etc/apparmor.d/lxc/
	done
	for profile in $(sed -nE 's/^(lxc-container-[^ ]*|lxc-vm-static) .*/\1/p' /sys/kernel/security/apparmor/profiles); do
		printf %s "$profile" >/sys/kernel/security/apparmor/.remove
	done
	limit 150 'the load of lxc-containers' apparmor_parser -r -W -T /etc/apparmor.d/lxc-containers
	files_state >"$state/files-before"
	kernel_state >"$state/kernel-before"
}

# As on a machine that never had it.
remove_tool() {
	remove_containers
	(cd "$job/tree" && find . ! -type d -print0) | (cd / && xargs -0 rm -f)
	(cd "$job/tree" && find . -mindepth 1 -depth -type d -print0) |
		(cd / && xargs -0 rmdir --ignore-fail-on-non-empty)
	rm -rf /var/lib/aa-nestfix /var/cache/aa-nestfix /var/cache/apparmor/*/usr.sbin.aa-nestfix
}

# What apparmor.service runs. It keeps a compiled copy of each profile and takes it as long as it is newer than the text.
load_policy_as_boot_does() { # NAME
	limit 300 'the boot policy' /lib/apparmor/apparmor.systemd reload >"$out/load-$1" 2>&1 ||
		note "loading the boot policy: $(tail -n 3 "$out/load-$1" | tr '\n' ' ')"
}

# All that must be as before after a rollback: bytes, modes, owners, times; and what the kernel holds. The parser of AppArmor 3
# makes the same automaton of the same text; that of 4.1 numbers its states anew each time, so its digests tell nothing.
files_state() {
	find /etc/apparmor.d "$dropins" -type d -printf '%p %m %u:%g\n' -o -printf '%p %y %m %u:%g %s %T@ %l\n' | sort
	find /etc/apparmor.d "$dropins" -type f -exec sha256sum {} + | sort
}

kernel_state() {
	local dir name mode hash file

	for dir in /sys/kernel/security/apparmor/policy/profiles/*; do
		read -r name <"$dir/name"
		read -r mode <"$dir/mode"
		case $name in
		lxc-*_*) continue ;; # a container's own, as long as it runs
		esac
		hash=
		if [ "$host" = bookworm ]; then
			for file in "$dir"/sha*; do
				read -r hash <"$file"
			done
		fi
		printf '%s %s %s\n' "$name" "$mode" "$hash"
	done | sort
}

remember_machine() {
	mkdir -p "$state/first"
	cp -a /etc/apparmor.d "$state/first/"
	[ ! -d "$dropins" ] || cp -a "$dropins" "$state/first/common.conf.d"
	cp -a /var/cache/apparmor "$state/first/cache"
}

is_as_before() {
	files_state >"$out/$case/files-after"
	kernel_state >"$out/$case/kernel-after"
	is 'policy files are as before: bytes, mode, owner, time' diff -u "$state/files-before" "$out/$case/files-after"
	is "the kernel's policy is as before" diff -u "$state/kernel-before" "$out/$case/kernel-after"
}

remove_containers() {
	local config name

	for config in "$lxcpath"/*/config; do
		[ -e "$config" ] || continue
		name=$(basename "${config%/config}")
		(limit 60 "lxc-stop of $name" lxc-stop -k -n "$name"; rm -rf "${config%/config}") &
	done
	wait
}

# The next case starts as the first one did, whatever happened.
reset_machine() {
	remove_containers
	rm -rf /var/lib/aa-nestfix /var/cache/aa-nestfix /run/aa-nestfix
	rm -rf /etc/apparmor.d "$dropins" /var/cache/apparmor
	cp -a "$state/first/apparmor.d" /etc/apparmor.d
	[ ! -d "$state/first/common.conf.d" ] || cp -a "$state/first/common.conf.d" "$dropins"
	cp -a "$state/first/cache" /var/cache/apparmor
}

keep_evidence() { # [FOLDER]
	local dir=${1:-$out/$case/end} profile

	mkdir -p "$dir/policy" "$dir/in-force"
	dmesg >"$dir/dmesg"
	cat /sys/kernel/security/apparmor/profiles >"$dir/profiles"
	for profile in /sys/kernel/security/apparmor/policy/profiles/lxc-*; do
		cp "$profile/raw_data" "$dir/in-force/${profile##*/}"
	done
	cp -a /etc/apparmor.d/lxc-containers /etc/apparmor.d/lxc /etc/apparmor.d/abstractions/lxc/* "$dir/policy/"
	for profile in "$lxcpath"/*/apparmor/lxc-*; do
		[ ! -f "$profile" ] || cp "$profile" "$dir/policy/"
	done
	[ ! -d "$dropins" ] || cp -a "$dropins" "$dir/policy/"
}

# After each case, so that a machine that hangs later has sent all before it.
send_results() {
	tar -C "$out" -cf /dev/vdc .
	sync
}

#### Containers

# Is LXC here cured for nesting? Then a container that stands for an uncured host gets bookworm's rules back.
is_cured_upstream() { [ "$host" != bookworm ]; }

flavour_config() { # FLAVOUR
	case $1 in
	generated-*)
		echo 'lxc.apparmor.profile = generated'
		echo 'lxc.apparmor.allow_nesting = 1'
		;;
	static-*) echo 'lxc.apparmor.profile = lxc-vm-static' ;;
	nesting-*) echo 'lxc.apparmor.profile = lxc-container-default-with-nesting' ;;
	cgns-*) echo 'lxc.apparmor.profile = lxc-container-default-cgns' ;;
	nestfix-*) echo 'lxc.apparmor.profile = lxc-container-nestfix' ;;
	esac
	case $1 in
	*-unpriv)
		printf 'lxc.include = /usr/share/lxc/config/userns.conf\nlxc.rootfs.options = idmap=container\n'
		printf 'lxc.idmap = %s 0 100000 65536\n' u g
		;;
	esac
	case $1 in
	generated-stock-*) ;;
	generated-*) ! is_cured_upstream || sed 's/^/lxc.apparmor.raw = /' /etc/vm-uncured-rules ;;
	esac
}

# container NAME FLAVOUR [LINE…]; the lines go last into its config.
container() {
	local name=$1 kind=$2 path

	shift 2
	mkdir -p "$lxcpath/$name"
	echo "$kind" >"$out/$case/flavour-$name"
	{
		echo 'lxc.include = /usr/share/lxc/config/common.conf'
		flavour_config "$kind"
		printf '%s\n' 'lxc.rootfs.path = dir:/ct/rootfs' "lxc.uts.name = $name" 'lxc.init.cmd = /vm/init' \
			'lxc.net.0.type = empty' 'lxc.mount.auto = proc:mixed sys:mixed cgroup:mixed'
		for path in run tmp var/lib/docker; do
			echo "lxc.mount.entry = tmpfs $path tmpfs create=dir,mode=755 0 0"
		done
		[ $# -eq 0 ] || printf '%s\n' "$@"
	} >"$lxcpath/$name/config"
}

init_of() { # NAME: its init process, told from a later one with the same number
	local pid

	pid=$(lxc-info -n "$1" -pH) && [ -n "$pid" ] && printf '%s %s\n' "$pid" "$(awk '{ print $22 }' "/proc/$pid/stat")"
}

start() { # NAME
	rm -f "$out/$case/lxc-$1.log"
	if limit 120 "lxc-start of $1" lxc-start -n "$1" -l DEBUG -o "$out/$case/lxc-$1.log" &&
		limit 60 "container $1 to run" lxc-wait -n "$1" -s RUNNING; then
		init_of "$1" >"$out/$case/init-$1"
		return
	fi
	grep -E ' (ERROR|WARN) ' "$out/$case/lxc-$1.log" >"$out/$case/start-errors"
	not_ok "container $1 starts"
	show "$out/$case/start-errors"
	return 1
}

stop() { limit 60 "lxc-stop of $1" lxc-stop -k -n "$1"; }

in_container() { # NAME COMMAND…
	local name=$1

	shift
	limit "${seconds:-180}" "$* in $name" lxc-attach -n "$name" --clear-env -- "$@" 2>&1 | cat
	return "${PIPESTATUS[0]}"
}

still_runs() { # NAME: since its start, without a restart
	is "container $1 ran all the time" [ "$(init_of "$1")" = "$(cat "$out/$case/init-$1")" ]
}

label_of() { # NAME
	local label

	label=$(cat "/proc/$(lxc-info -n "$1" -pH)/attr/current")
	printf '%s\n' "${label% (*}"
}

#### runc: the only judge

value_of() { # SYSCTL
	case $1 in
	net.ipv4.ip_unprivileged_port_start) echo 0 ;;
	net.ipv4.ping_group_range) echo '0 0' ;;
	net.ipv4.ip_forward) echo 1 ;;
	kernel.shmmax) echo 68719476736 ;;
	kernel.msgmax) echo 65536 ;;
	kernel.domainname) echo vm.test ;;
	fs.mqueue.msg_max) echo 100 ;;
	esac
}

net='net.ipv4.ip_unprivileged_port_start net.ipv4.ping_group_range'
ipc='kernel.shmmax kernel.msgmax fs.mqueue.msg_max'
uts='kernel.domainname'

# The case matrix: flavour, sysctl, phase, what runc met.
record() { # NAME SYSCTL RESULT
	printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$host" "$case" "$(cat "$out/$case/flavour-$1")" \
		"$2" "${phase:-}" "$3" >>"$out/matrix.tsv"
}

# Every sysctl in a runc container of its own; the answer is "SYSCTL<tab>works" or "SYSCTL<tab>refused<tab>TEXT".
ask_runc() { # NAME SYSCTL…
	local name=$1 sysctl arguments=()

	shift
	for sysctl in "$@"; do
		arguments+=("$sysctl=$(value_of "$sysctl")")
	done
	in_container "$name" /vm/try "${arguments[@]}" | tee "$out/$case/runc"
}

works() { # NAME SYSCTL…
	local name=$1 sysctl

	ask_runc "$@" >/dev/null
	shift
	for sysctl in "$@"; do
		if grep -q "^$sysctl	works" "$out/$case/runc"; then
			record "$name" "$sysctl" works
			ok "runc sets $sysctl in $name"
		else
			record "$name" "$sysctl" refused
			not_ok "runc sets $sysctl in $name"
			show "$out/$case/runc"
		fi
	done
}

# Refused for the reason of this project: runc itself names the sysctl and the missing permission.
refused() { # NAME SYSCTL…
	local name=$1 sysctl

	ask_runc "$@" >/dev/null
	shift
	for sysctl in "$@"; do
		if grep -q "^$sysctl	refused	.*open sysctl $sysctl file: .*permission denied" "$out/$case/runc"; then
			record "$name" "$sysctl" refused
			ok "runc is refused $sysctl in $name"
		else
			record "$name" "$sysctl" "$(cut -f2 "$out/$case/runc" | head -n 1)"
			not_ok "runc is refused $sysctl in $name"
			show "$out/$case/runc"
		fi
	done
}

# runc does not get as far as the sysctl.
refused_mount() { # NAME
	ask_runc "$1" net.ipv4.ip_unprivileged_port_start >/dev/null
	record "$1" net.ipv4.ip_unprivileged_port_start mount
	if grep -v 'open sysctl' "$out/$case/runc" | grep -qE '	refused	.*(mount|rootfs|pivot).*permission denied'; then
		ok "runc is refused a mount in $1"
	else
		not_ok "runc is refused a mount in $1"
		show "$out/$case/runc"
	fi
}

#### Docker, as the user meets it

# dockerd is started at the first call and stays; the image is a local one.
ask_docker() { # NAME
	seconds=240 in_container "$1" /vm/docker-try >"$out/$case/docker"
}

docker_works() { # NAME
	if ask_docker "$1"; then
		record "$1" 'docker run' works
		ok "docker run works in $1"
	else
		record "$1" 'docker run' refused
		not_ok "docker run works in $1"
		show "$out/$case/docker"
	fi
}

docker_refused() { # NAME
	if ! ask_docker "$1" && grep -q 'OCI runtime create failed: .*open sysctl .*permission denied' "$out/$case/docker"; then
		record "$1" 'docker run' refused
		ok "docker run is refused in $1"
	else
		record "$1" 'docker run' other
		not_ok "docker run is refused in $1"
		show "$out/$case/docker"
	fi
}

#### What LXC protects, seen from a container where nothing but AppArmor stands before it

bare_mounts=('lxc.mount.auto =' 'lxc.mount.auto = proc:rw sys:rw cgroup:mixed')

# Behind the rule of this project, and behind other rules. Opened for writing, never written.
behind_the_rule='/sys/module/apparmor/parameters/audit /sys/bus/pci/rescan
	/sys/kernel/mm/transparent_hugepage/enabled /sys/kernel/mm/ksm/run /sys/kernel/profiling /sys/power/pm_async'
behind_others='/proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/sys/vm/panic_on_oom /proc/sys/fs/suid_dumpable
	/sys/devices/system/clocksource/clocksource0/current_clocksource /sys/kernel/security/apparmor/.load'

open_in() { # NAME WORD PATH…: all of them end with this word: opens, refused
	local name=$1 word=$2 answer=$out/$case/open path

	shift 2
	in_container "$name" /vm/may-write "$@" >"$answer"
	for path in "$@"; do
		if grep -q "^$path	absent" "$answer"; then
			skip "$path in $name: $word" 'this kernel has no such file'
		else
			is "$path in $name: $word" grep -q "^$path	$word" "$answer" || show "$answer" 20
		fi
	done
}

# The kernel's own word that AppArmor, and nothing else, was asked and said no.
denied_in_log() { # PATH
	is "the kernel log says that AppArmor denied $1" grep -q "apparmor=\"DENIED\" .*name=\"$1\"" <(dmesg)
}

# Its profile confined the program all the time, and nothing that it wanted was refused.
own_profile_suffices() {
	phase=
	is 'aa-nestfix is under its own profile' grep -q '^aa-nestfix (enforce)' /sys/kernel/security/apparmor/profiles
	own_profile_refuses_nothing
}

own_profile_refuses_nothing() {
	local denied=$out/$case/own-denied

	dmesg | sed "1,/vm: $case, stage $stage\$/d" | grep 'apparmor="DENIED".* profile="aa-nestfix[/"]' >"$denied"
	is 'its own profile refuses aa-nestfix nothing' [ ! -s "$denied" ] || show "$denied" 20
}

#### The tool

# tool STATUS ARGUMENT…: runs aa-nestfix, which must end with this status. What it said is in $said.
tool() {
	local want=$1 got

	shift
	said=$out/$case/tool-$(find "$out/$case" -name 'tool-*' | wc -l)
	printf '$ aa-nestfix %s\n' "$*" >"$said"
	limit 240 "aa-nestfix $*" aa-nestfix "$@" >>"$said" 2>&1
	got=$?
	printf 'exit status %s\n' $got >>"$said"
	if [ $got = "$want" ]; then
		ok "aa-nestfix $* ends with $want"
	else
		not_ok "aa-nestfix $* ends with $want, not $got"
		show <(tail -n 14 "$said") 14
	fi
}

# What README shows: a command as somebody would type it, and what it printed, kept in the folder of the case; up to the
# rollback.
scene() { # COMMAND FILE
	[ "$phase" != rollback ] || return 0
	{
		printf '$ %s\n' "$1"
		grep -vE '^(\$ aa-nestfix|exit status )' "$2"
		echo
	} >>"$out/$case/recording"
}

says() { # PATTERN
	is "it says '$1'" grep -qE -- "$1" "$said" || show "$said" 12
}

#### The usual course of a case

# A case marked todo is judged strictly until its cure is tried.
whole_case() {
	local later=$todo name

	todo=
	phase=
	prepare || return 0
	phase=before
	before
	todo=$later
	phase=fix
	cure
	phase=after
	after
	phase=rollback
	undo
	before
	for name in "$out/$case"/init-*; do
		[ ! -e "$name" ] || still_runs "${name##*/init-}"
	done
	is_as_before
	phase=
	afterwards
}

# What a case may define otherwise.
prepare() {
	container web "$flavour"
	start web
}
cure() { tool 0 fix --yes; }
undo() { tool 0 rollback --yes; }
afterwards() { :; }
