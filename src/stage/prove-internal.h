/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prove-internal: what the files of the room prove share. */
#ifndef PROVE_INTERNAL_H
#define PROVE_INTERNAL_H

#include <nestfix/prove.h>

/* Is the new text the old one with nothing but its edits, and does each replace a culprit alone? */
int prove_check_edits(const struct patch *patch, const struct patch_file *file, struct arena *arena, struct err *err);

/*
 * Nothing that a patch says of itself is believed: what its files are, what may change, whom it reaches. Is every
 * policy that could read a file of the patch one of those that are compared? ERR_REFUSED names it. *others are policies
 * that are not loaded at boot, and are to be compared, too.
 */
int prove_check_reach(const struct patch *patch, const struct policy ***others, size_t *other_count,
		      struct arena *arena, struct err *err);

#endif
