#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Nobody but root steers root, on a live root: a chroot of its own with a /proc, in private mount, pid and network
# namespaces. An ordinary user (uid 65534) pretends to run containers, lays links, and swaps what stands at a path between
# the look and the write; so does the root of an unprivileged container in its folder.
if [ "${TRUST_INSIDE-}" != yes ] && [ "$(id -u)" = 0 ] &&
	unshare -m -p -n --fork --mount-proc mount -t tmpfs none /mnt 2>/dev/null; then
	TRUST_INSIDE=yes exec unshare -m -p -n --fork --kill-child --mount-proc sh "$0"
fi
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
parser=${NESTFIX_PARSER:-/sbin/apparmor_parser}
if [ "${TRUST_INSIDE-}" != yes ] || ! [ -x "$parser" ] || ! command -v perl setpriv >/dev/null; then
	skip 'a live root' 'needs root, namespaces, perl, setpriv and apparmor_parser'
	tap_done
	exit
fi

# The root lies in a tmpfs that only these namespaces see; what it borrows of the machine is read-only.
L=/mnt
mount -t tmpfs -o mode=755 none $L || exit 1
for dir in lib lib64 bin sbin usr/lib usr/lib64 usr/bin usr/sbin; do
	if [ -L "/$dir" ]; then
		mkdir -p "$(dirname $L/$dir)" && cp -P "/$dir" "$L/$dir"
	elif [ -d "/$dir" ]; then
		mkdir -p $L/$dir && mount --bind "/$dir" $L/$dir && mount -o remount,bind,ro $L/$dir || exit 1
	fi
done
mkdir -p $L/proc $L/dev $L/opt $L/var/lib/dpkg $L/etc/apparmor.d/lxc $L/var/lib/lxc $L/usr/share/lxc/config/common.conf.d
mkdir -m 1777 $L/tmp
mount -t proc none $L/proc
mknod -m 666 $L/dev/null c 1 3
cp -R patches profiles "$NESTFIX" $L/opt
chmod -R go-w $L/opt
cp "$parser" $L/opt/apparmor_parser
[ ! -f "$BUILD/fault.so" ] || cp "$BUILD/fault.so" $L/opt
cat >$L/etc/apparmor.d/lxc-containers <<'PROFILES'
profile lxc-container-default-cgns flags=(attach_disconnected,mediate_deleted) {
  file, mount, capability,
  deny /sys/[^fdc]*{,/**} wklx,
}
profile lxc-container-nestfix flags=(attach_disconnected,mediate_deleted) {
  file, mount, capability,
}
PROFILES

# A listener: UID-WHEN-BOUND UID-AFTER SOCKET-NAME; prints its inode when it listens.
cat >$L/opt/listen.pl <<'PERL'
use Socket; use POSIX; $| = 1;
my ($before, $after, $name) = @ARGV;
sub become { my $u = shift; $) = $( = "$u $u"; POSIX::setgid($u); POSIX::setuid($u) if $u; }
become($before);
socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
bind($s, pack("S a*", AF_UNIX, "\0$name")) or die "$name: $!";
listen($s, 5) or die;
become($after) if $after != $before;
print((stat($s))[1], "\n");
close(STDOUT);
sleep 600;
PERL

# listen UID UID NAME: its inode in $inode, its process in $listener.
listen() {
	: >"$T/inode"
	chroot $L perl /opt/listen.pl "$1" "$2" "$3" >"$T/inode" &
	listener=$!
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		[ -s "$T/inode" ] && break
		sleep 0.1
	done
	inode=$(cat "$T/inode")
}

hush() {
	kill "$listener" && wait "$listener" 2>/dev/null
}

# live WANTED-STATUS ARGUMENTS...: as run_tool, on the live root; the status `any` is any.
live() {
	live_want=$1
	shift
	live_status=0
	# shellcheck disable=SC2086 # live_env: words
	chroot $L env ${live_env-} /opt/aa-nestfix --patches /opt/patches --parser /opt/apparmor_parser "$@" \
		>"$T/out" 2>"$T/err" </dev/null || live_status=$?
	[ "$live_want" = any ] || [ "$live_status" = "$live_want" ] || {
		echo "exit status $live_status, wanted $live_want: aa-nestfix $*"
		cat "$T/out" "$T/err"
		return 1
	}
}

# As uid 65534.
user() {
	chroot $L setpriv --reuid 65534 --regid 65534 --clear-groups sh -c "$1"
}

# container PATH LINE...: a configuration of root's.
container() {
	mkdir -p "$L$1"
	shift_path=$1
	shift
	printf '%s\n' 'lxc.uts.name = x' "$@" >"$L$shift_path/config"
}

# The containers that check tells of, as TARGET of each.
containers() {
	live any --json check "$@"
	jq -r '.containers[] | "\(.target)\(if .running then " runs" else "" end)"' "$T/out" | sort
}

container /var/lib/lxc/web1
container /var/lib/lxc/open1 '# for Docker' 'lxc.apparmor.profile = unconfined'
web1_is() {
	grep '^lxc.apparmor.profile' $L/var/lib/lxc/web1/config | diff "$T/wanted" - && cmp "$T/open1" $L/var/lib/lxc/open1/config
}
cp $L/var/lib/lxc/open1/config "$T/open1"
echo 'lxc.apparmor.profile = lxc-container-nestfix' >"$T/nestfix"
: >"$T/none"

# ---- a user pretends to run a container ----
ok 'this is a live root' live 1 check
user 'mkdir /tmp/evil && ln -s /var/lib/lxc/open1 /tmp/evil/web1'
listen 65534 65534 /tmp/evil/web1/command
is "a user's socket tells of no container" "$(containers)" "open1
web1"
is "  the one of that name is root's" "$(containers web1)" web1
live any fix --profile-for web1
cp "$T/nestfix" "$T/wanted"
ok '  whose profile is changed, and nothing else' web1_is
ok '  and comes back' live 0 rollback
cp "$T/none" "$T/wanted"
ok '  as it was' web1_is
live any fix
live any harden
ok 'harden concerns the containers of this host' grep -qx open1 "$T/out"
ok '  alone' sh -c "! grep -q evil '$T/out' '$T/err'"
ok '  and changes the one that was off' sh -c "! grep -q unconfined $L/var/lib/lxc/open1/config"
live 0 rollback
ok '  which comes back' cmp "$T/open1" $L/var/lib/lxc/open1/config
hush

listen 65534 65534 /var/lib/lxc/web1/command
is "a user's socket of the name of a container of root's says not that it runs" "$(containers web1)" web1
hush
container /srv/old/web1
listen 0 0 /srv/real/r1/command
container /srv/real/r1
roots=$listener
is "root's tells of a path, and that it runs" "$(containers)" "open1
r1 runs
web1"
listen 65534 65534 "x
0000000000000000: 00000002 00000000 00010000 0001 01 $inode @/srv/old/web1/command"
is 'a name with a line end pretends nothing' "$(containers)" "open1
r1 runs
web1"
hush
listener=$roots
hush
listen 0 65534 /srv/real/r1/command
is "nor does a socket of root's in a user's hands" "$(containers)" "open1
web1"
hush
listen 0 0 /srv/old/web1/command
is 'two of one name' "$(containers)" "/srv/old/web1 runs
/var/lib/lxc/web1
open1"
ok '  are asked back' live 2 fix --profile-for web1
ok '  with both' has '/srv/old/web1 (lxc), /var/lib/lxc/web1 (lxc)' "$T/err"
live any fix --profile-for /srv/old/web1
ok '  and told apart by their folders: one is changed' grep -qxf "$T/nestfix" $L/srv/old/web1/config
ok '  the other is not' web1_is
live 0 rollback
hush

# ---- links and folders ----
mv $L/var/lib/lxc $L/srv/lxc
ln -s ../../srv/lxc $L/var/lib/lxc
is "a link of root's to a moved folder is followed" "$(containers)" "open1
web1"
chown -h 65534 $L/var/lib/lxc
live any check
ok "a user's is not, and it is told" has "is a symlink that belongs to uid 65534" "$T/err"
rm $L/var/lib/lxc
mv $L/srv/lxc $L/var/lib/lxc
chown 65534 $L/var/lib/lxc
for command in fix harden 'fix --profile-for web1'; do
	# shellcheck disable=SC2086 # words
	ok "nor is a folder of a user's passed: $command" live 3 $command
	ok '  and it is told' has "'/var/lib/lxc' belongs to uid 65534" "$T/err"
	ok '  and nothing is changed' web1_is
done
chown 0 $L/var/lib/lxc

# ---- a swap between the look and the write ----
fixed_again() {
	rm -rf "${L:?}/var" "${L:?}/srv"
	cp -a "$T/fixed/var" "$T/fixed/srv" $L
}

# stopped N SWAP: rollback is stopped right before its N-th call, then SWAP is done, then it goes on; its status.
stopped() {
	fixed_again
	chroot $L env LD_PRELOAD=/opt/fault.so FAULT_AT="$1" FAULT_ERRNO=STOP /opt/aa-nestfix --patches /opt/patches \
		--parser /opt/apparmor_parser rollback >"$T/out" 2>"$T/err" </dev/null &
	stopped_pid=$!
	for _ in $(seq 500); do
		grep -q '^State:	[TZ]' /proc/$stopped_pid/status && break
		sleep 0.01
	done
	"$2"
	kill -CONT $stopped_pid
	live_status=0
	wait $stopped_pid || live_status=$?
}

swap_for_a_link() {
	chown 65534 $L/var/lib/lxc
	user 'mv /var/lib/lxc/web1 /var/lib/lxc/web0 && ln -s /srv/victim /var/lib/lxc/web1'
}
swap_for_a_file() {
	mv $L/var/lib/lxc/web1 $L/var/lib/lxc/web0
	cp -a $L/srv/victim $L/var/lib/lxc/web1
}

# at_each_step SWAP FOLDER: the victim, which came to the path of what is undone as FOLDER, stays as it is.
at_each_step() {
	steps=0
	while read -r n <&3; do
		steps=$((steps + 1))
		stopped "$n" "$1"
		cmp "$T/victim" "$L$2/config" && [ "$(stat -c '%Y %a' "$L$2/config")" = "$(stat -c '%Y %a' "$T/victim")" ] && continue
		echo "stopped at call $n: exit status $live_status"
		sed -n "${n}p" "$T/log"
		cat "$T/err"
		return 1
	done 3<"$T/numbers"
	echo "$steps steps"
	[ $steps -gt 10 ]
}

container /srv/victim
touch -d 2020-02-02 $L/srv/victim/config
cp -a $L/srv/victim/config "$T/victim"
victim_is_untouched() {
	cmp "$T/victim" $L/srv/victim/config
}
if [ -f $L/opt/fault.so ]; then
	live any fix --profile-for web1
	mkdir "$T/fixed"
	cp -a $L/var $L/srv "$T/fixed"
	live_env='LD_PRELOAD=/opt/fault.so FAULT_LOG=/opt/log' live any rollback
	live_env=
	cp $L/opt/log "$T/log"
	ok 'rollback' web1_is
	# from the journal, which comes behind the look at what is to be undone, to the new file's coming to its name
	awk '$2 == "renameat2" && $3 == "journal" { on = 1 } on { print $1 } on && $2 == "renameat" && $3 == "config" { exit }' \
		"$T/log" >"$T/numbers"
	ok '  and at each step a user swaps the folder for a link: no other file is written' at_each_step swap_for_a_link /srv/victim
	ok "  or another file of root's comes to its name: that stays" at_each_step swap_for_a_file /var/lib/lxc/web1
	fixed_again
	live 0 rollback
else
	skip 'a swap between the look and the write' 'fault.so is not built: a sanitized program takes no preloaded library'
fi

# ---- the folder of a container's own root ----
container /var/lib/lxc/un1 'lxc.idmap = u 0 100000 65536' 'lxc.idmap = g 0 100000 65536'
cp $L/var/lib/lxc/un1/config "$T/un1"
chmod 770 $L/var/lib/lxc/un1
chown 100000:0 $L/var/lib/lxc/un1
guest() {
	setpriv --reuid 100000 --regid 100000 --clear-groups sh -c "cd $L/var/lib/lxc/un1 && $1"
}
live any fix --profile-for un1
ok "a container's folder may belong to its root: its configuration is changed" grep -qxf "$T/nestfix" $L/var/lib/lxc/un1/config
is "  as root's" "$(stat -c '%u %a' $L/var/lib/lxc/un1/config)" '0 644'
ok '  and comes back' live 0 rollback
ok '  to the byte' cmp "$T/un1" $L/var/lib/lxc/un1/config
for swap in 'cp config mine && mv mine config' 'mv config away && ln -s away config' 'mv config away && ln -s /srv/victim/config config' \
	'mv config away && mkfifo config'; do
	rm -rf $L/var/lib/lxc/un1/*
	cp "$T/un1" $L/var/lib/lxc/un1/config
	guest "$swap"
	live any fix --profile-for un1
	ok "its root does: $swap: that is refused" sh -c "[ $live_status -ge 2 ] && grep -q un1 '$T/err'"
	ok '  and nothing is written' victim_is_untouched
done

# ---- our own folder ----
chown 65534 $L/var/lib/aa-nestfix
ok "a folder of records of somebody else's is refused" live 3 fix --profile-for web1
ok '  by name' has "'/var/lib/aa-nestfix' belongs to uid 65534" "$T/err"
chown 0 $L/var/lib/aa-nestfix
chmod 755 $L/var/lib/aa-nestfix
ok 'and one that lets others in' live 3 rollback
ok '  by its mode' has 'its mode 0755 lets others in' "$T/err"
tap_done
