/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between undo.c (which way, drop-ins, configuration), undo-policy.c (marks) and undo-guest.c (sections of guests). */
#ifndef NESTFIX_UNDO_INTERNAL_H
#define NESTFIX_UNDO_INTERNAL_H

#include <nestfix/undo.h>

/* One file to be planned. */
struct undo_case {
	const struct undo_ground *ground;
	const struct undo_change *changes;
	size_t count;
	const char *path;
	struct arena *arena;
	struct err *err;
	bool *stay; /* by scope of the conflict: a change that stays asked for it, or it was there before all of them */
	bool *back; /* a change that is taken back did, and none that stays */
};

/* The scopes that the text gave back before the first change are added to those that stay. */
void undo_keep_foreign(struct undo_case *u, const struct conflict_scope *const *scopes, size_t count);

/* The oldest change that wrote the file. */
const struct backup_file *undo_oldest(const struct undo_case *u);

/* Is there a scope that has to go? */
bool undo_is_needed(const struct undo_case *u);

bool undo_stays(const struct undo_case *u, const struct conflict_scope *scope);

/* Those of the scopes that stay; the others are added to out->lost. */
const struct conflict_scope **undo_narrow(const struct undo_case *u, const struct conflict_scope *const *scopes,
					  size_t count, size_t *kept, struct undo *out);

/* The file is to hold these bytes; what a change once found there comes back with its attributes. */
void undo_settle(const struct undo_case *u, struct slice bytes, struct slice now, struct undo *out);

/*
 * A guest of Proxmox. Did somebody set other values since, in the present, where lines of ours came? Then those are the
 * guest's own. And where lines of ours stand in other sections, out of which they come back: a sentence, or NULL.
 */
bool undo_guest_is_replaced(const struct backup_file *file, struct slice now, struct arena *arena);
const char *undo_guest_elsewhere(const struct backup_file *file, struct slice now, struct arena *arena);

int undo_policy(struct undo_case *u, struct slice now, struct undo *out);

#endif
