#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The manual: it renders without a warning, it tells of every command and option, and every command in it is run on the
# sample host. See the comment at the top of man/aa-nestfix.8 for how an example gives its exit status.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/lib/tap.sh"
tab=$(printf '\t')

lay_out() {
	rm -rf "$T/root" "$T/srv"
	mkdir -p "$T/srv"
	for tree in root srv/image srv/old; do
		cp -R "$TOP/tests/fixtures/sample-host" "$T/$tree"
		# profiles that allow runc's mounts, so that nothing remains behind the rule
		sed -i 's/^}/  mount,\n  pivot_root,\n  umount,\n}/; /deny mount/d' "$T/$tree"/etc/apparmor.d/lxc/*
		chmod -R go-w "$T/$tree"
	done
}

# The program as the manual calls it, but on the sample host. An option of the example comes later and wins.
mkdir "$T/bin"
cat >"$T/bin/aa-nestfix" <<END
#!/bin/sh
exec "$NESTFIX" --patches "$TOP/patches" --root "$T/root" "\$@"
END
chmod +x "$T/bin/aa-nestfix"
PATH=$T/bin:$PATH

# PAGE → lines "KIND<tab>COMMAND", KIND a wanted exit status or a word that says what the example needs, or section: each
# section begins on a host that is not cured.
examples() {
	awk '
		/^\.Sh/ { print "section\t" $2 }
		/^\.Sh/ { print "section\t" $2 }
		/^\.Bd -literal/ { inside = 1 }
		/^\.Ed/ { inside = 0 }
		/^\.\\" (exit [0-9]|container$|kernel$)/ { kind = $2 == "exit" ? $3 : $2; next }
		!inside { next }
		more { line = line $0 }
		!more && /^# / { line = substr($0, 3) }
		!more && !/^# / { next }
		{ more = sub(/\\e$/, "", line) }
		!more { print (kind == "" ? 0 : kind) "\t" line; kind = "" }
	' "$1"
}

# Places of a real machine, replaced by ours.
placed() {
	printf '%s\n' "$1" | sed "s|/srv/|$T/srv/|g; s|/root/patches|$T/patches|g; s|/var/lib/prometheus/node-exporter|$T/metrics|g"
}

run_example() {
	status=0
	(eval "$(placed "$2")") </dev/null >"$T/out" 2>"$T/err" || status=$?
	[ "$status" = "$1" ] || {
		echo "exit status $status, wanted $1"
		cat "$T/out" "$T/err"
		return 1
	}
}

knows() {
	"$NESTFIX" --help | grep -q "^  $1 "
}

try_example() {
	if [ "$1" = section ]; then lay_out; return; fi
	[ "$1" = section ] && lay_out && return
	case $2 in
	'aa-nestfix '* | aa-nestfix | 'mv '*) ;;
	*)
		not_ours=$((not_ours + 1))
		return
		;;
	esac
	case $1 in
	[0-9]) ok "$page: $2" run_example "$1" "$2" ;;
	kernel) skip "$page: $2" 'needs a kernel with AppArmor; tests/vm runs it' ;;
	container)
		word=$(printf '%s' "$2" | cut -d' ' -f2)
		if knows "$word"; then
			ok "$page: $2" run_container "$2"
		else
			skip "$page: $2" "this build of the program has no command $word"
		fi
		;;
	esac
}

# What it says of a container depends on the host; that it answers does not.
run_container() {
	run_example 0 "$1" >/dev/null || run_example 1 "$1"
}

mkdir "$T/metrics" "$T/patches"
sed -n '/conflict file/,/^\.Ed/{/^\./d;p}' man/aa-nestfix-conflict.5 >"$T/patches/runc-detached-procfs.conflict"
for page in aa-nestfix.8 aa-nestfix-conflict.5; do
	not_ours=0
	examples "man/$page" >"$T/examples"
	ok "$page: has examples" grep -q 'aa-nestfix ' "$T/examples"
	while IFS=$tab read -r kind command; do
		try_example "$kind" "$command"
	done <"$T/examples"
	is "$page: no command is left out but apt-get and systemctl" "$not_ours" "$(grep -Ec '^# (apt-get|systemctl) ' "man/$page")"
done
ok 'the textfile for node-exporter has its metric' grep -Eqx 'aa_nestfix_status [0-9]' "$T/metrics/aa_nestfix.prom"

renders() {
	# a line that groff 1.23 cannot fill is no fault of the page
	MANROFFOPT='-W break' man --warnings -l -Tutf8 "man/$1" >"$T/out" 2>"$T/err"
	cat "$T/err"
	[ -s "$T/out" ] && ! [ -s "$T/err" ]
}

# Pages of other packages that are missing here are no fault of ours.
lints() {
	mandoc -T lint -W style "man/$1" 2>/dev/null | grep -v 'referenced manual not found' >"$T/out"
	cat "$T/out"
	! [ -s "$T/out" ]
}
for page in aa-nestfix.8 aa-nestfix-conflict.5; do
	if command -v man >/dev/null; then ok "$page: man has no warning" renders "$page"; else skip "$page: man" 'no man here'; fi
	if command -v mandoc >/dev/null; then ok "$page: mandoc has no complaint" lints "$page"; else skip "$page: mandoc" 'no mandoc here'; fi
done

# Every command and long option of --help is in the manual.
all_told() {
	"$NESTFIX" --help | sed -n 's/^  \([a-z][a-z]*\)\( .*\)*$/\1/p' | sort -u >"$T/commands"
	"$NESTFIX" --help | grep -o -- '--[a-z][a-z-]*' | sort -u >"$T/options"
	[ -s "$T/commands" ] && [ -s "$T/options" ] || return 1
	while read -r word; do
		grep -Eq "^\.(It )?Cm $word( |\$)" man/aa-nestfix.8 || { echo "no command $word"; missing=1; }
	done <"$T/commands"
	while read -r word; do
		grep -Eq "Fl (. , Fl )?-(${word#--})( |\$)|Fl -help , Fl -${word#--}\$" man/aa-nestfix.8 || { echo "no option $word"; missing=1; }
	done <"$T/options"
	[ -z "${missing-}" ]
}
ok 'aa-nestfix.8 tells of every command and option of --help' all_told
tap_done
