# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2086,SC2154,SC2119
# A reboot of the host keeps the cure: of a static profile by the boot cache, which must hold what the disk says, of a generated
# one at the next start. After the rollback a reboot brings the original policy, not a stale copy from the cache.

profiles=lxc-vm-static

stage_1() {
	phase=before
	container static static-priv
	container gen generated-unpriv
	start static && start gen
	refused static $net
	refused gen $net
	phase=fix
	tool 0 fix --yes
	phase=after
	works static $net
	works gen $net
}

stage_2() {
	phase=rebooted
	start static && start gen
	works static $net
	works gen $net
	tool 0 check
	phase=rollback
	tool 0 rollback --yes
	refused static $net
	refused gen $net
	still_runs static
}

stage_3() {
	phase='rollback, rebooted'
	start static && start gen
	refused static $net
	refused gen $net
	tool 1 check
	is_as_before
}
