/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * patched: files of LXC's and Proxmox' packages that decide what a container wears and that are not as their package
 * brought them. People mend liblxc or Proxmox' Perl by hand, and the next upgrade takes that away again.
 *
 * By /var/lib/dpkg/info/PACKAGE.md5sums (deb-md5sums(5)). A file that is diverted (dpkg-divert(1)) is no upgrade's prey
 * and is left out, as is one that is missing.
 */
#ifndef NESTFIX_PATCHED_H
#define NESTFIX_PATCHED_H

#include <nestfix/fsio.h>

struct patched {
	const char *path; /* below the root */
	const char *package;
};

/* Fills *out; returns how many. Where dpkg's books cannot be read: none. */
size_t patched_find(struct patched **out, const struct root *root, struct arena *arena);

#endif
