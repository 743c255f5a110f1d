/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between atomic.c (names and order) and atomic-attr.c (owner, mode, xattrs). */
#ifndef NESTFIX_ATOMIC_INTERNAL_H
#define NESTFIX_ATOMIC_INTERNAL_H

#include <nestfix/atomic.h>

/* True where errno says that a FUSE file system does not have this step, so that it is left out. */
bool atomic_may_skip(const struct atomic *a);

/* Gives the new, empty file its owner and takes off an ACL that it inherited. -1 with errno. */
int atomic_own(struct atomic *a);

/* Gives the written file the xattrs, mode and (forced) mtime that it is to have. */
int atomic_dress(struct atomic *a, struct err *err);

#endif
