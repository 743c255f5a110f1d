/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel: the policy in force. Load, look, keep the boot cache true.
 */
#ifndef NESTFIX_KERNEL_H
#define NESTFIX_KERNEL_H

#include <nestfix/automaton.h>
#include <nestfix/compile.h>

enum kernel_state {
	KERNEL_READY,       /* AppArmor is on, and its interface can be reached */
	KERNEL_OTHER_ROOT,  /* --root: this kernel is not touched */
	KERNEL_NO_APPARMOR, /* not in this kernel, or switched off at boot */
	KERNEL_HIDDEN,      /* on, but securityfs is not mounted */
	KERNEL_DENIED,      /* on, but this process may not load policy (no CAP_MAC_ADMIN, or inside a container) */
};

struct kernel {
	enum kernel_state state;
	const char *apparmorfs; /* /sys/kernel/security/apparmor, or a test's directory */
	bool pretended;         /* apparmorfs is a test's */
	int (*pretend)(struct slice label, struct slice path); /* what it answers to the room probe: 0 or an errno */
};

/* `apparmorfs` is NULL but in tests. Never fails: a kernel that cannot be used is a state. */
void kernel_open(struct kernel *out, const struct root *root, const char *apparmorfs, struct arena *arena);

/* "files only: this kernel has no AppArmor" … : what a state means for the user, in one clause. */
const char *kernel_state_words(enum kernel_state state);

/* Is a profile of this name loaded (in our own policy namespace)? */
int kernel_has(const struct kernel *kernel, struct slice profile, bool *loaded, struct err *err);

/*
 * Loads (replaces) all profiles of a blob by libapparmor's kernel interface; running tasks are bound by it at once. A
 * reload that the kernel refuses is ERR_FAILED with its reason; the kernel keeps the old policy then.
 */
int kernel_load(const struct kernel *kernel, struct slice blob, struct err *err);

/*
 * Keeps the boot cache from bringing back another policy than the disk's: entries of this top-level file in the root's
 * cache folders (/var/cache/apparmor/HASH.N/NAME) are removed, and on a live host written anew by the parser. A cache
 * entry is taken as valid by its mtime alone, so a rollback that brings back an old mtime would leave a stale one in
 * force.
 */
int kernel_refresh_cache(const struct kernel *kernel, const struct compiler *compiler, const char *path,
			 struct arena *arena, struct err *err);

#endif
