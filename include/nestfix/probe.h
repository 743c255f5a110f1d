/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe: asks the kernel itself. A child takes on a label, as a container's processes wear it, and opens what the
 * conflict names as runc does: through a procfs that is mounted nowhere. Nothing is written, no program is run, no
 * container is touched; the child has network, IPC and UTS namespaces of its own and dies when it has answered.
 *
 * Each access is opened three times: without the label, so that a refusal can be laid at AppArmor's door; with it; and
 * with it by the plain path below /proc, which tells what the container may do without the detour.
 */
#ifndef NESTFIX_PROBE_H
#define NESTFIX_PROBE_H

#include <nestfix/kernel.h>

enum probe_state {
	PROBE_ALLOWED,
	PROBE_DENIED, /* under the label only: `errnum` */
	PROBE_ABSENT, /* this kernel has no such file, so nothing can be said */
	PROBE_BARRED, /* not even without the label: `errnum` */
};

struct probe_answer {
	struct slice path; /* as the conflict names it: /sys/net/ipv4/x */
	enum probe_state state;
	int errnum;
	int plain; /* 0, or the errno of the plain path: /proc/sys/net/ipv4/x */
};

struct probe_result {
	struct slice label;
	struct probe_answer *answers;
	size_t count;
};

/*
 * Asks for each access under one label: the name of a profile, or any label that the kernel knows, such as
 * "lxc-1_</var/lib/lxc>//&:lxc-1_<-var-lib-lxc>:unconfined". -1 where it cannot be asked, with a sentence that says
 * why: no AppArmor, another root, not root, a kernel before 5.2, no such label (err.errnum is ENOENT), the time was up.
 */
int probe_label(struct probe_result *out, const struct kernel *kernel, struct slice label,
		const struct conflict_access *accesses, size_t count, struct arena *arena, struct err *err);

/* Can this kernel be asked at all? -1 with a sentence: no AppArmor, another root, not root. */
int probe_ready(const struct kernel *kernel, struct err *err);

enum probe_self {
	PROBE_SELF_WORKS,
	PROBE_SELF_DENIED,   /* the open is refused, as runc's is */
	PROBE_SELF_NO_MOUNT, /* not even the procfs may be mounted: in a user namespace, nesting is off */
	PROBE_SELF_UNKNOWN,  /* with err: not root, a kernel before 5.2, the time was up */
};

/* The same from where this process stands: `sysctl` below the procfs, as "sys/net/ipv4/x", is opened for writing under
 * its own label. Nothing is written. */
enum probe_self probe_self(const char *sysctl, struct err *err);

/* The first access that is denied, or NULL. */
const struct probe_answer *probe_denied(const struct probe_result *result);

/* Was anything answered at all: allowed or denied? */
bool probe_answered(const struct probe_result *result);

#endif
