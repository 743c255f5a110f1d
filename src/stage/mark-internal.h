/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between mark.c (what our lines are) and mark-find.c (where they stand). */
#ifndef NESTFIX_MARK_INTERNAL_H
#define NESTFIX_MARK_INTERNAL_H

#include <nestfix/mark.h>

/* Letters of a rule that are given back on the same paths: one line of ours, none where no path is left. */
struct mark_piece {
	struct slice letters;
	const struct re *given_back; /* re_none: nothing; these letters stay on the rule's own path */
};

enum { MARK_PIECES = 8 };

/* The PERM_* bit of a letter of permissions, or 0. */
uint32_t mark_letter(char letter);

/* The pieces of a rule, in the order of the lines; the first is what stays, and may have no letters. 0: too many. */
size_t mark_split(const struct mark_rule *rule, const struct conflict_scope *const *scopes, size_t count,
		  struct mark_piece *pieces, struct re_pool *pool, struct arena *arena);

#endif
