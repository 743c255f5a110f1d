# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2086,SC2154,SC2119
# What is in force is what the kernel holds: a wider scope, a narrower one by rollback, changes undone in another order, a restart
# between any two steps, a policy that was loaded by hand, a file that was edited and not loaded, a kernel that does not show what it
# holds. After each step the program says of files and kernel what runc meets.

profiles=lxc-vm-static
port=net.ipv4.ip_unprivileged_port_start
shm=kernel.shmmax
mine=/etc/apparmor.d/lxc/lxc-vm-static

not() { ! "$@"; }

restart() {
	phase="$phase, restarted"
	stop gen
	start gen
}

# in_force SCOPES: what the list says of the container's policy in the kernel, and of the file.
in_force() {
	tool 0 rollback --list
	says "^  container gen: $1\$"
	[ "$1" = nothing ] || says "^  /etc/apparmor.d/abstractions/lxc/container-base: $1 \\(by "
}

# meets SCOPES: as runc says, in the generated profile and in the static one; and as check says.
meets() {
	local name

	for name in gen static; do
		case ,$1, in *,net,*) works $name $port ;; *) refused $name $port ;; esac
		case ,$1, in *,ipc,*) works $name $shm ;; *) refused $name $shm ;; esac
	done
	case ,$1, in *,net,*) tool 0 check ;; *) tool 1 check ;; esac
	case ,$1, in *,ipc,*) tool 0 check --scope ipc ;; *) tool 1 check --scope ipc ;; esac
	in_force "$1"
}

last_id() { aa-nestfix rollback --list | awk '$2 " " $3 == "in force" { id = $1 } END { print id }'; }

widen_and_narrow() {
	local first

	phase=net
	tool 0 fix --yes
	first=$(last_id)
	meets net
	restart
	meets net
	phase=net,ipc
	tool 0 fix --yes --scope net,ipc
	meets net,ipc
	tool 0 fix --yes --scope net,ipc
	says 'Nothing to do'
	restart
	meets net,ipc
	phase='narrowed'
	tool 0 rollback --yes
	meets net
	restart
	meets net
	phase='the first undone before the second'
	tool 0 fix --yes --scope ipc
	meets net,ipc
	tool 0 rollback --yes "$first"
	meets ipc
	restart
	meets ipc
	phase='all undone'
	tool 0 rollback --yes --all
	meets nothing
	still_runs static
	is_as_before
}

# The text of the container with a rule more, loaded under its name.
loaded_by_hand() {
	local text="$lxcpath/gen/apparmor/lxc-gen_<-var-lib-lxc>"

	phase='loaded by hand'
	sed '$s|^}|  deny /srv/by-hand w,\n}|' "$text" >/run/by-hand
	is 'a policy is loaded by hand' apparmor_parser -r -K /run/by-hand
	tool 1 fix --yes gen
	says "not loaded: .*'/srv/by-hand'"
	says 'aa-nestfix --reload fix gen'
	refused gen $port
	tool 0 fix --yes --reload gen
	works gen $port
	tool 0 rollback --yes --all
}

edited_and_not_loaded() {
	phase='edited, not loaded'
	cp -p "$mine" /run/mine
	sed -i 's|^}|  deny /srv/edited w,\n}|' "$mine"
	tool 3 fix --yes static
	says '--reload'
	refused static $port
	cp -p /run/mine "$mine"
}

# shows WHETHER: does the kernel keep what it is given from now on, for anybody to read?
shows() {
	printf %s "$1" >/sys/module/apparmor/parameters/export_binary
	apparmor_parser -r -K /etc/apparmor.d/lxc/lxc-vm-static
	restart
}
has_raw_data() { ls /sys/kernel/security/apparmor/policy/profiles/lxc-gen_*/raw_data; }

# by_record SCOPES: what the list says where nothing but our own record tells it.
by_record() {
	tool 0 rollback --list
	says "^  container gen: $1 \\(the kernel does not show it; by our own record\\)\$"
}

# Without a record nothing is loaded; with one the next step starts from it.
hidden() {
	phase=hidden
	shows N
	is 'the kernel does not show what it holds' not has_raw_data
	tool 1 fix --yes gen
	says "not loaded: .*'/var/lib/lxc/gen/"
	says 'aa-nestfix --reload fix gen'
	refused gen $port
	tool 0 rollback --list
	says '^  container gen: not known \(the kernel does not show it'
	tool 0 fix --yes --reload gen
	works gen $port
	by_record net
	restart
	works gen $port
	by_record net
	phase='hidden, widened'
	tool 0 fix --yes --scope net,ipc gen
	works gen $port $shm
	by_record net,ipc
	restart
	works gen $port $shm
	phase='hidden, narrowed'
	tool 0 rollback --yes
	works gen $port
	refused gen $shm
	by_record net
	phase='hidden, all undone'
	tool 0 rollback --yes --all
	refused gen $port $shm
	by_record nothing
	shows Y
	is 'the kernel shows again what it holds' has_raw_data
}

whole_case() {
	phase=before
	container gen generated-unpriv
	container static static-priv
	start gen && start static || return
	meets nothing
	widen_and_narrow
	loaded_by_hand
	edited_and_not_loaded
	hidden
}
