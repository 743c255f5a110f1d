/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prove-internal: what the files of the room prove share. */
#ifndef PROVE_INTERNAL_H
#define PROVE_INTERNAL_H

#include <nestfix/prove.h>

/* Is every policy that reads, or may read, a file of the patch one of those that are compared? ERR_REFUSED names it. */
int prove_check_reach(const struct patch *patch, struct err *err);

#endif
