#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# fix --pve-hookscript: the snippet lies where Proxmox looks for it and can be called, or nothing stays written; it calls the
# guest's own hookscript by itself, and keeps no guest from starting.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
# shellcheck source=tests/lib/host.sh
. tests/lib/host.sh
if [ "$(id -u)" != 0 ]; then
	skip 'hookscripts' 'owners cannot be set without root'
	tap_done
	exit
fi
R=$T/root
pve=$R/etc/pve/nodes/pve/lxc
snippets=$R/var/lib/vz/snippets

host() {
	rm -rf "$R"
	host_make "${1:-pve8}" "$R" && mkdir -p "$R/run/lock/lxc" && install -D -m 755 /dev/null "$R/usr/sbin/aa-nestfix"
}

tool() {
	tool_want=$1
	shift
	run_tool "$tool_want" --root "$R" "$@"
}

storage() { # TEXT of storage.cfg
	printf '%b' "$1" >"$R/etc/pve/storage.cfg"
	chmod 640 "$R/etc/pve/storage.cfg"
}

# All but the folder for the lock and the backups, which the first command makes.
state() {
	tree_state "$R" | grep -v '\./var/lib/aa-nestfix'
	(cd "$R" && find . -type d ! -path './var/lib/aa-nestfix*' | sort)
}

# refused TEXT ARGUMENTS...: status 3, this sentence, and nothing is left of it.
refused() {
	refused_text=$1
	shift
	state >"$T/before"
	tool 3 "$@" && has "$refused_text" "$T/err" || return 1
	state | diff "$T/before" -
}

host
rm "$R/usr/sbin/aa-nestfix"
ok 'a snippet that would call nothing is not set' refused "calls '/usr/sbin/aa-nestfix', which is not installed" \
	fix --pve-hookscript=100

# Where it lies.
host
cp -p "$pve/100.conf" "$T/was"
ok 'a guest without a hookscript' tool 0 fix --pve-hookscript=100
is 'one line came, in its place' "$(diff "$T/was" "$pve/100.conf")" '3a4
> hookscript: local:snippets/aa-nestfix'
ok 'the snippet was shown' has '+++ b/var/lib/vz/snippets/aa-nestfix' "$T/out"
ok 'and told' has 'wrote   /var/lib/vz/snippets/aa-nestfix' "$T/out"
is 'it is executable, and nobody else may write to it' "$(stat -c '%u %a' "$snippets/aa-nestfix")" '0 755'
ok 'again: nothing to do' tool 0 fix --pve-hookscript=100
ok 'it says so' has 'Nothing to do' "$T/out"
chmod 644 "$snippets/aa-nestfix"
ok 'it can be called no more: it is written anew' tool 0 fix --pve-hookscript=100
ok 'and that is told' has "wrote '/var/lib/vz/snippets/aa-nestfix' anew" "$T/err"
is 'it can be called' "$(stat -c %a "$snippets/aa-nestfix")" 755
ok 'rollback' tool 0 rollback
ok 'the exact bytes' cmp "$T/was" "$pve/100.conf"
ok 'the snippet stays, for others may name it' test -x "$snippets/aa-nestfix"

# Sections are not the guest's present: a snapshot holds the present of an earlier day, and a pending change is to come.
snapshot() { # VMID NAME: as PVE::LXC::Config writes it
	snapshot_now=$(sed '/^$/,$d; /^parent:/d' "$pve/$1.conf")
	sed -i "s/^rootfs:/parent: $2\nrootfs:/" "$pve/$1.conf"
	printf '\n[%s]\n%s\nsnaptime: 1795649307\n' "$2" "$snapshot_now" >>"$pve/$1.conf"
}
host
tool 0 fix --pve-hookscript=100
snapshot 100 snap1
cp "$pve/100.conf" "$T/was"
ok 'rollback after a snapshot' tool 0 rollback
# shellcheck disable=SC2016 # for the script
ok '  the line of the present is gone, and no other' sh -c 'sed "0,/^hookscript: /{/^hookscript: /d}" "$1" | cmp - "$2"' sh "$T/was" "$pve/100.conf"
ok '  the snapshot that brings it back is named' has "snapshot 'snap1' of guest 100 still has 'hookscript: local:snippets/aa-nestfix', which 'pct rollback' brings back" "$T/out"
host
tool 0 fix --pve-hookscript=100
snapshot 100 snap1
sed -i '0,/^hookscript: /s/^hookscript: .*/hookscript: local:snippets\/other.sh/' "$pve/100.conf"
cp -p "$pve/100.conf" "$T/was"
ok 'somebody set another hookscript, a snapshot has ours: what is in force is told' tool 0 rollback --list
ok '  of the present' has '100.conf: no line of ours stands there' "$T/out"
ok '  rollback' tool 0 rollback
ok '  the other one stays, and the snapshot too' cmp "$T/was" "$pve/100.conf"
ok '  it says so' has "'/etc/pve/lxc/100.conf' has no line of ours any more, and stays as it is" "$T/out"
host
tool 0 fix --pve-hookscript=101
sed -i 's/^delete: swap/&\nhookscript: local:snippets\/aa-nestfix+mail-hook.sh/' "$pve/101.conf"
ok 'rollback with a pending change that says the same' tool 0 rollback
is '  the present has its own again, and no other line is new' "$(diff "$T/root/etc/pve/nodes/pve/lxc/101.conf" tests/fixtures/hosts/pve8/etc/pve/nodes/pve/lxc/101.conf | tail -n +2)" \
	'< hookscript: local:snippets/aa-nestfix+mail-hook.sh'
ok '  it is named' has "a pending change of guest 101 still has 'hookscript: local:snippets/aa-nestfix+mail-hook.sh', which its next start brings back: pct set 101 --revert hookscript" "$T/out"

host
storage 'dir: local\n\tpath /data/vz\n\tcontent iso,vztmpl,backup,snippets,rootdir\n'
ok 'local is said to be elsewhere' tool 0 fix --pve-hookscript=100
ok 'the snippet lies where Proxmox looks all the same' test -x "$snippets/aa-nestfix"
ok 'and not there' test ! -e "$R/data"
host
storage 'dir: local\n\tpath /var/lib/vz\n\tcontent-dirs snippets=sn/ip\n'
ok 'another folder' tool 0 fix --pve-hookscript=100
ok 'the snippet lies there' test -x "$R/var/lib/vz/sn/ip/aa-nestfix"

# The guest's own hookscript.
host
cp -p "$pve/101.conf" "$T/was"
ok 'a guest that has a hookscript, snapshots and pending changes' tool 0 fix --pve-hookscript 101
is 'one line is another' "$(diff "$T/was" "$pve/101.conf" | tail -n +2)" '< hookscript: local:snippets/mail-hook.sh
---
> hookscript: local:snippets/aa-nestfix+mail-hook.sh'
cat >"$T/own" <<END
#!/bin/sh
echo "\$0 \$*" >>$T/calls
exit \${FAIL:-0}
END
rm -f "$snippets/mail-hook.sh"
cp "$T/own" "$snippets/mail-hook.sh"
chmod 755 "$snippets/mail-hook.sh"

# As Proxmox calls it, on a node where nobody knows of the guest, and without the program.
rm -rf "$R/var/lib/aa-nestfix"
hook() { # WANTED VMID PHASE
	hook_status=0
	env -i PATH=/sbin:/bin:/usr/sbin:/usr/bin ${FAIL:+"FAIL=$FAIL"} "$snippets/aa-nestfix+mail-hook.sh" "$2" "$3" >"$T/out" 2>"$T/err" </dev/null || hook_status=$?
	[ "$hook_status" = "$1" ] || {
		echo "status $hook_status"
		cat "$T/out" "$T/err"
		return 1
	}
}
for phase in pre-start post-start pre-stop post-stop; do
	ok "its own is called in $phase" hook 0 101 $phase
done
is 'each time as Proxmox would call it' "$(cat "$T/calls")" "$snippets/mail-hook.sh 101 pre-start
$snippets/mail-hook.sh 101 post-start
$snippets/mail-hook.sh 101 pre-stop
$snippets/mail-hook.sh 101 post-stop"
FAIL=7
ok 'its exit status is passed on' hook 7 101 pre-start
FAIL=
: >"$T/calls"
# not_called NAME TEXT: a warning, and the guest starts.
not_called() {
	hook 0 101 pre-start && has "cannot call the hookscript of guest 101, '$snippets/mail-hook.sh'" "$T/err" && [ ! -s "$T/calls" ]
}
chmod 644 "$snippets/mail-hook.sh"
ok 'one that is not executable is a warning' not_called
chmod 755 "$snippets/mail-hook.sh"
chown 1 "$snippets/mail-hook.sh"
ok "one that is not root's is a warning" not_called
rm "$snippets/mail-hook.sh"
mkdir "$snippets/mail-hook.sh"
ok 'a folder is a warning' not_called
rmdir "$snippets/mail-hook.sh"
ok 'a missing one is a warning' not_called
ok 'a guest without one of its own' env -i "$snippets/../snippets/aa-nestfix+mail-hook.sh" 100 pre-start
# shellcheck disable=SC2016 # for the script
ok 'a name with blanks and a +' sh -c 'cp "$1" "$2/a+b c" && chmod 755 "$2/a+b c" && cp "$2/aa-nestfix+mail-hook.sh" "$2/aa-nestfix+a+b c" &&
	"$2/aa-nestfix+a+b c" 5 x && grep -qxF "$2/a+b c 5 x" "$3"' sh "$T/own" "$snippets" "$T/calls"

# Not root's, or not to be called: told before. Others than Proxmox' volumes: not at all.
host
chown 1 "$snippets/mail-hook.sh"
ok "an own one that is not root's: done, with a warning" tool 0 fix --pve-hookscript=101
ok 'that says so' has "will not be called: cannot use '/var/lib/vz/snippets/mail-hook.sh' as a hookscript: it does not belong to root" "$T/err"
host
sed -i 's/^hookscript: .*/hookscript: nowhere:snippets\/x/' "$pve/101.conf"
ok 'an own one on a storage that is not there' refused "Proxmox has no storage 'nowhere'" fix --pve-hookscript=101
sed -i 's/^hookscript: .*/hookscript: local:iso\/x/' "$pve/101.conf"
ok 'an own one that is no snippet' refused 'it is no volume of snippets' fix --pve-hookscript=101
host
sed -i "s/^hookscript: .*/hookscript: local:snippets\/$(printf %0250d 0)/" "$pve/101.conf"
ok 'an own one of a long name' refused 'its name is too long' fix --pve-hookscript=101

# More than one node: only where each has the snippet.
host pve-cluster
pve=$R/etc/pve/nodes/pve1/lxc
sed -i 's/images,rootdir,snippets/images,rootdir/' "$R/etc/pve/storage.cfg"
ok 'a cluster without a shared storage' refused "does not share the storage 'local'" fix --pve-hookscript=300
ok '  it says what to do' has '--this-node-only' "$T/err"
cat >>"$R/etc/pve/storage.cfg" <<'END'

nfs: part
	server 10.0.0.2
	export /part
	content snippets
	nodes pve1,pve3

nfs: off
	server 10.0.0.2
	export /off
	content snippets
	disable

nfs: iso
	server 10.0.0.2
	export /iso
	content iso

cephfs: all
	content snippets,iso
	nodes pve3,pve1,pve2
END
ok 'a storage that all nodes share' tool 0 fix --pve-hookscript=300
ok '  is taken' grep -qx 'hookscript: all:snippets/aa-nestfix' "$pve/300.conf"
ok '  the snippet is there' test -x "$R/mnt/pve/all/snippets/aa-nestfix"
sed -i '1ihookscript: part:snippets/x' "$pve/301.conf"
ok "a guest's own hookscript on a storage of some nodes" refused "does not share the storage 'part'" fix --pve-hookscript=301
ok '  this node only' tool 0 fix --this-node-only --pve-hookscript=301
ok '  the snippet is beside it' test -x "$R/mnt/pve/part/snippets/aa-nestfix+x"
host pve-cluster
sed -i '1ihookscript: nas:snippets/x' "$pve/300.conf"
ok "a guest's own hookscript on a shared storage" tool 0 fix --pve-hookscript=300
ok '  the snippet is beside it' test -x "$R/mnt/pve/nas/snippets/aa-nestfix+x"
# A guest that moved since is another node's to change. Whoever calls the snippet is named when the program goes.
moved() { # VMID: what rollback says of it, which changes nothing there
	mv "$R/etc/pve/nodes/pve1/lxc/$1.conf" "$R/etc/pve/nodes/pve2/lxc/"
	cp -p "$R/etc/pve/nodes/pve2/lxc/$1.conf" "$T/was"
	tool 0 rollback --list && has "guest $1 is on the node 'pve2' now" "$T/out" && tool 0 rollback &&
		cmp "$T/was" "$R/etc/pve/nodes/pve2/lxc/$1.conf" && ! grep 'was removed' "$T/out"
}
host pve-cluster
tool 0 fix --this-node-only --pve-hookscript=300
ok 'a guest without a hookscript of its own moved: rollback leaves it' moved 300
ok '  says where it is, and what to type there' has "guest 300 is on the node 'pve2' now, and stays as it is there: 'hookscript: local:snippets/aa-nestfix'; take it back there: pct set 300 --delete hookscript" "$T/out"
host pve-cluster
sed -i '1ihookscript: nas:snippets/x' "$pve/300.conf"
tool 0 fix --pve-hookscript=300
ok 'a guest with one moved' moved 300
ok '  what to type there' has "take it back there: pct set 300 --hookscript nas:snippets/x" "$T/out"
host pve-cluster
tool 0 fix --this-node-only --pve-hookscript=300
sed -i '/^hookscript/d' "$pve/300.conf"
ok 'one whose line is gone moved' moved 300
ok '  there is nothing to type' has "guest 300 is on the node 'pve2' now, and no line of ours stands there" "$T/out"
host pve-cluster
tool 0 fix --this-node-only --pve-hookscript=300
mv "$pve/300.conf" "$R/etc/pve/nodes/pve2/lxc/"
sed -i '1ihookscript: local:snippets/other' "$pve/301.conf"
printf '\n[old]\nhookscript: nas:snippets/aa-nestfix+mail\n' >>"$R/etc/pve/nodes/pve2/lxc/310.conf"
removal() {
	NESTFIX_TOOL="$NESTFIX" NESTFIX_ROOT=$R sh libexec/postinst-helper remove 2>"$T/err"
}
ok 'the package goes' removal
is '  who still calls the snippet is named, in snapshots too' "$(grep guest "$T/err")" "aa-nestfix: guest 300 (node pve2) still calls 'local:snippets/aa-nestfix', so keep that file: it does nothing but call the guest's own hookscript now; to name another: pct set 300 --hookscript, or --delete hookscript
aa-nestfix: guest 310 (node pve2) still calls 'nas:snippets/aa-nestfix+mail', so keep that file: it does nothing but call the guest's own hookscript now; to name another: pct set 310 --hookscript, or --delete hookscript"
host
pve=$R/etc/pve/nodes/pve/lxc
mkdir "$R/etc/pve/ha"
printf 'vm: 102\n\nct: 100\n\tgroup g\n' >"$R/etc/pve/ha/resources.cfg"
ok 'one node, but HA manages the guest' refused "does not share the storage 'local'" fix --pve-hookscript=100
ok '  another guest' tool 0 fix --pve-hookscript=102
if unshare --mount --propagation private true 2>/dev/null && command -v ldd >/dev/null && [ -x /sbin/apparmor_parser ]; then
	live=yes
	host
	storage 'nfs: nas\n\tserver 10.0.0.2\n\texport /x\n\tcontent snippets\n'
	sed -i 's/^hookscript: .*/hookscript: nas:snippets\/x/' "$pve/101.conf"
	mkdir -p "$R/mnt/pve/nas"
	status=0
	host_live "$R" /usr/sbin/aa-nestfix fix --pve-hookscript=101 >"$T/out" 2>"$T/err" </dev/null || status=$?
	is 'a network storage that is not mounted: refused' "$status" 3
	ok '  with the reason' has "cannot write to the storage 'nas': it is not mounted at '/mnt/pve/nas'" "$T/err"
	is '  nothing is written' "$(ls -A "$R/mnt/pve/nas")" ''
	# shellcheck disable=SC2016 # for the script
	ok '  one that is' unshare --mount --propagation private sh -c 'NESTFIX=$2 TOP=$PWD; . tests/lib/host.sh; mount -t tmpfs tmpfs "$1/mnt/pve/nas" &&
		host_live "$1" /usr/sbin/aa-nestfix fix --pve-hookscript=101 </dev/null && [ -x "$1/mnt/pve/nas/snippets/aa-nestfix+x" ]' sh "$R" "$NESTFIX"
else
	skip 'a network storage that is not mounted' 'may not make a mount namespace'
fi

# A pending change comes at the next start, and takes ours away.
host
sed -i 's/^delete: swap/delete: swap,hookscript/' "$pve/101.conf"
ok 'a pending deletion of the hookscript' refused 'a pending change of its hookscript takes this one away' fix --pve-hookscript=101
ok '  it says how to take it back' has 'pct set 101 --revert hookscript' "$T/err"
host
printf '\n[pve:pending]\nhookscript: local:snippets/x\n' >>"$pve/100.conf"
ok 'a pending hookscript' refused 'a pending change of its hookscript takes this one away' fix --pve-hookscript=100
host
sed -i '1ihookscript:  ' "$pve/100.conf"
ok 'a hookscript of blanks is one, which Proxmox cannot call' refused 'it is no volume of snippets' fix --pve-hookscript=100

# Without pmxcfs.
host
rm "$R/etc/pve/local"
ok 'pmxcfs is down: the guest cannot be changed' refused '/etc/pve is not mounted' fix --pve-hookscript=100
is '  that is no lost quorum' "$(grep -c quorum "$T/err")" 0
ok '  check says so' run_tool 1 --root "$R" check
ok '    in a line' has 'cannot look at the guests of Proxmox: /etc/pve is not mounted' "$T/err"
ok '  harden' refused '/etc/pve is not mounted' harden 103

# Nothing stays written.
host
mkdir "$snippets/aa-nestfix"
ok 'a folder of that name' refused 'aa-nestfix' fix --pve-hookscript=100
host
echo mine >"$snippets/aa-nestfix"
ok "somebody else's file of that name" refused "it is somebody else's" fix --pve-hookscript=100
host pve9
rm -rf "$R/var/lib/vz"
chmod 555 "$R/etc/pve/nodes/pve"
ok 'no quorum: no folder stays, either' refused 'the cluster has no quorum' fix --pve-hookscript=100
host
tool 0 fix --pve-hookscript=100
sed -i '$d' "$snippets/aa-nestfix"
chmod 700 "$snippets/aa-nestfix"
chmod 555 "$R/etc/pve/nodes/pve"
ok 'no quorum: an older snippet is as it was' refused 'the cluster has no quorum' fix --pve-hookscript=102
if unshare --mount --propagation private true 2>/dev/null; then
	host pve9
	mkdir -p "$R/var/lib/vz"
	# shellcheck disable=SC2016 # for the script
	ok 'a file system without programs' unshare --mount --propagation private sh -c '
		mount -t tmpfs -o noexec tmpfs "$1/var/lib/vz" || exit
		"$2" --patches patches --root "$1" fix --pve-hookscript=100 2>"$3"; [ $? = 3 ] &&
		grep -q "its file system is mounted noexec" "$3" && [ -z "$(ls -A "$1/var/lib/vz")" ]' sh "$R" "$NESTFIX" "$T/err"
else
	skip 'a file system without programs' 'may not make a mount namespace'
fi

# A fault at each call that changes something: the guest is changed, or nothing of the snippet is left.
faults() {
	fault=$BUILD/fault.so
	fault_count=0
	host
	rm -rf "$R/var/lib/vz"
	cp -a "$R" "$T/fresh"
	state >"$T/before"
	(FAULT_LOG=$T/log LD_PRELOAD=$fault tool 0 fix --pve-hookscript=100) || return
	awk '$2 != "close" { print $1 }' "$T/log" >"$T/calls"
	while read -r n <&3; do
		fault_count=$((fault_count + 1))
		rm -rf "$R" && cp -a "$T/fresh" "$R"
		status=0
		FAULT_AT=$n FAULT_ERRNO=EIO LD_PRELOAD=$fault "$NESTFIX" --patches patches --root "$R" fix --pve-hookscript=100 >"$T/out" 2>"$T/err" </dev/null || status=$?
		case $status in
		0) grep -q aa-nestfix "$pve/100.conf" && [ -x "$snippets/aa-nestfix" ] || return ;;
		*)
			if grep -q aa-nestfix "$pve/100.conf" || [ -e "$R/var/lib/vz" ]; then
				echo "fault at $n, status $status:"
				cat "$T/err"
				find "$R/var/lib/vz"
				return 1
			fi
			;;
		esac
	done 3<"$T/calls"
	[ $fault_count -gt 20 ]
}
if [ -f "$BUILD/fault.so" ]; then
	ok 'a fault at any call: all or nothing' faults
else
	skip 'a fault at any call' "no $BUILD/fault.so: a sanitized program takes no preloaded library"
fi

# Planning writes nothing.
if command -v script >/dev/null; then
	host
	tool 0 fix --pve-hookscript=100 && tool 0 rollback
	rm "$snippets/aa-nestfix"
	state >"$T/before"
	tree_state "$R/var/lib/aa-nestfix" >>"$T/before"
	echo n | script -qec "'$NESTFIX' --patches patches --root '$R' fix --pve-hookscript=100 101" /dev/null >"$T/out" 2>&1
	ok 'the answer is no' has 'the answer was no' "$T/out"
	{
		state
		tree_state "$R/var/lib/aa-nestfix"
	} >"$T/after"
	ok 'nothing was written, nothing was removed' cmp "$T/before" "$T/after"
else
	skip 'the answer is no' 'no script (bsdutils)'
fi

# What Proxmox calls, it calls in vain at no time.
host
ok 'hook pve: a container that is not there' tool 0 hook pve 100 post-start
ok 'hook pve: other phases' tool 0 hook pve 101 pre-start
ok 'hook pve: a broken call does no harm' tool 0 hook pve 101 nonsense

# What goes wrong in a hook is seen where Proxmox shows it, and in the journal.
started() { # HOOK… with a conflict file that is not there: trouble
	LXC_NAME=100 LXC_CONFIG_FILE=/var/lib/lxc/100/config LXC_HOOK_TYPE=start-host tool 0 --patches /nowhere hook "$@"
}
host
ok 'trouble where there is no Proxmox' started lxc
ok '  makes no file' test ! -e "$R/run/pve"
mkdir "$R/run/pve"
echo earlier >"$R/run/pve/ct-100.warnings"
ok 'trouble when a guest starts' started lxc
ok '  is for who starts it' grep -qx "aa-nestfix: container '100': cannot .*/nowhere.*" "$R/run/pve/ct-100.warnings"
is '  with what stood there' "$(head -n 1 "$R/run/pve/ct-100.warnings")" earlier
rm "$R/run/pve/ct-100.warnings"
ok 'trouble in post-start' started pve 100 post-start
is '  too' "$(wc -l <"$R/run/pve/ct-100.warnings")" 1
ln -sf /etc/passwd "$R/run/pve/ct-100.warnings"
cp "$R/etc/passwd" "$T/passwd" 2>/dev/null || echo x | tee "$R/etc/passwd" >"$T/passwd"
ok 'a link there' started lxc
ok '  is not followed' cmp "$T/passwd" "$R/etc/passwd"
for name in ../../etc/x 99 0100 web1; do
	LXC_NAME=$name LXC_CONFIG_FILE=/var/lib/lxc/$name/config LXC_HOOK_TYPE=start-host run_tool 0 --root "$R" --patches /nowhere hook lxc
done
is 'what is no VMID has no file' "$(ls "$R/run/pve")" ct-100.warnings
if [ -n "${live-}" ] && command -v python3 >/dev/null; then
	rm -rf "$R/run/pve/ct-100.warnings"
	rm -rf "$R/usr/share/aa-nestfix"
	# shellcheck disable=SC2016,SC2089,SC2090 # for eval
	HOST_BEFORE='python3 -c "import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); s.settimeout(10); open(sys.argv[2], \"wb\").write(s.recv(4096))" "$0/dev/log" "$0/journal" & until [ -e "$0/dev/log" ]; do sleep 0.1; done'
	# shellcheck disable=SC2090
	export HOST_BEFORE
	LXC_NAME=100 LXC_CONFIG_FILE=/var/lib/lxc/100/config LXC_HOOK_TYPE=start-host host_live "$R" /usr/sbin/aa-nestfix --patches /nowhere hook lxc >"$T/out" 2>&1
	unset HOST_BEFORE
	for _ in 1 2 3 4 5 6 7 8 9 10; do [ -s "$R/journal" ] || sleep 0.1; done
	ok 'the journal has it' grep -q "aa-nestfix: container '100': cannot " "$R/journal"
else
	skip 'the journal has it' 'no python3, or no mount namespace'
fi
tap_done
