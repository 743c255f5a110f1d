# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2086,SC2154,SC2119
# A host that is upgraded under a cure, as from Debian 12 to 13. On bookworm the parser becomes that of Debian 13 and goes back: the
# drop-in is a hook until the new parser has taken the rule, and no container meets a rule that its parser does not know. On trixie
# LXC becomes one that is cured: what was put in place is offered to be taken out, and is taken out by the package's own helper.

dropin=$dropins/60-aa-nestfix.conf
port=net.ipv4.ip_unprivileged_port_start
libs=/usr/lib/x86_64-linux-gnu/newer-parser
sbin=/usr/sbin/apparmor_parser

restart() {
	stop gen
	start gen
}
helper() { is 'the helper of the package runs' /usr/libexec/aa-nestfix/postinst-helper; }
is_hook() { grep -q '^lxc.hook.start-host' "$dropin" && ! grep -q priority= "$dropin"; }
is_rule() { grep -q '^lxc.apparmor.raw = priority=1 ' "$dropin" && ! grep -q start-host "$dropin"; }
has_rule() { grep -q '^priority=1 allow /sys/net' "$lxcpath/gen/apparmor/lxc-gen_<-var-lib-lxc>"; }
not() { ! "$@"; }

# As dpkg would: a file in the place of another.
newer_parser() {
	mkdir -p "$libs"
	cp "$job"/parser/lib* "$libs"
	cp -p "$sbin" /run/older-parser
	cp "$job/parser/apparmor_parser" "$sbin.new"
	mv "$sbin.new" "$sbin"
	is 'the parser is that of Debian 13' grep -q 'version 4\.' <("$sbin" --version)
}

older_parser() {
	cp -p /run/older-parser "$sbin.new"
	mv "$sbin.new" "$sbin"
	rm -r "$libs"
	is 'the parser is that of Debian 12 again' grep -q 'version 3\.' <("$sbin" --version)
}

parser_goes_and_comes() {
	phase='parser 3'
	tool 0 fix --yes
	is 'the drop-in is a hook' is_hook
	works gen $port
	phase='parser 4'
	newer_parser
	restart
	works gen $port
	is 'until somebody looks it stays a hook' is_hook
	helper
	is 'then the new parser is asked, and it is a rule' is_rule
	restart
	is 'which liblxc writes into the profile' has_rule
	works gen $port
	tool 0 check
	phase='parser 3 again'
	older_parser
	tool 1 check
	says 'DANGER: .*does not take'
	helper
	is 'it is a hook again' is_hook
	restart
	is 'and no rule meets the old parser' not has_rule
	works gen $port
	tool 0 check
}

# What stood for an uncured library is gone from the configuration.
lxc_is_cured() {
	phase='LXC uncured'
	tool 0 fix --yes
	works gen $port
	phase='LXC cured'
	stop gen
	sed -i '/^lxc.apparmor.raw = /d' "$lxcpath/gen/config"
	start gen
	works gen $port
	tool 0 check
	says 'not needed any more'
	helper
	is 'the drop-in is gone' not test -e "$dropin"
	restart
	works gen $port
	tool 0 check
	says 'Healthy'
}

whole_case() {
	phase=before
	container gen generated-unpriv
	start gen || return
	refused gen $port
	if is_cured_upstream; then lxc_is_cured; else parser_goes_and_comes; fi
	phase=rollback
	tool 0 rollback --yes --all
	is_as_before
}
