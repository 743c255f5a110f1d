# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2086,SC2154,SC2119
# A profile that LXC itself no longer spoils: reported as such, and left alone.

prepare() {
	if ! is_cured_upstream; then
		skip 'a profile that is cured upstream' 'LXC of bookworm is not'
		return 1
	fi
	container priv generated-stock-priv
	start priv
}
before() { works priv $net; }
cure() {
	tool 0 check priv
	says 'cured|[Hh]ealthy'
	tool 0 fix --yes priv
	says 'Nothing to do'
}
after() { works priv $net; }
undo() { :; }
