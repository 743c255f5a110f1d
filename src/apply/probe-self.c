/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe-self: what runc would meet right here, under the label that this process has anyway. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "probe-internal.h"

enum { AT_MOUNT, AT_OPEN, NUMBERS };

/* In the child: the errno of the mount, and that of the open. */
static void ask(const void *asked, int *numbers, size_t count)
{
	int dir = probe_procfs(), fd;

	(void)count;
	numbers[AT_MOUNT] = dir < 0 ? errno : 0;
	if (dir < 0)
		return;
	fd = openat(dir, asked, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	numbers[AT_OPEN] = fd < 0 ? errno : 0;
}

enum probe_self probe_self(const char *sysctl, struct err *err)
{
	int numbers[NUMBERS] = { 0 };

	if (geteuid() != 0) {
		err_put(err, ERR_REFUSED, "only root may mount a procfs, as runc does");
		return PROBE_SELF_UNKNOWN;
	}
	if (probe_child(ask, sysctl, numbers, NUMBERS, PROBE_SECONDS, err) < 0)
		return PROBE_SELF_UNKNOWN;
	if (numbers[AT_MOUNT] == EPERM)
		return PROBE_SELF_NO_MOUNT;
	if (numbers[AT_MOUNT] == 0 && numbers[AT_OPEN] == 0)
		return PROBE_SELF_WORKS;
	if (numbers[AT_MOUNT] == 0 && (numbers[AT_OPEN] == EACCES || numbers[AT_OPEN] == EPERM))
		return PROBE_SELF_DENIED;
	errno = numbers[AT_MOUNT] != 0 ? numbers[AT_MOUNT] : numbers[AT_OPEN];
	err_errno(err, "cannot open '%s' as runc does", sysctl);
	return PROBE_SELF_UNKNOWN;
}
