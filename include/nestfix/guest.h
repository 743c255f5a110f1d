/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest: what a running container's own dpkg holds back, as people did to get round the conflict.
 *
 * The only room that reads a file of a container, and only where that is asked for. The container is taken for hostile:
 * one regular file, reached from its root without any link and without leaving that file system (openat2(2):
 * RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV), opened without waiting for anybody, and read up to a limit. A
 * kernel that does not know openat2 (before 5.6) tells nothing.
 */
#ifndef NESTFIX_GUEST_H
#define NESTFIX_GUEST_H

#include <nestfix/container.h>

struct guest_package {
	const char *name;
	struct slice version; /* bytes of the container's */
	bool held;
	bool vulnerable; /* brings a runc from before the fix of CVE-2025-52881 */
};

/* Those of a container that runs; of what cannot be read, none. Returns how many. */
size_t guest_packages(struct guest_package **out, const struct root *root, const struct container *container,
		      struct arena *arena);

/* The same of the bytes of a status file of dpkg. */
size_t guest_read(struct guest_package **out, struct slice dpkg_status, struct arena *arena);

#endif
