/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * undo: which bytes a file gets when changes are taken back. Pure.
 *
 * What is in force is a state, not a stack: the scopes of the changes that are not undone. So the file is planned anew
 * with the scopes that are left, and the order of undoing makes no difference. Where that gives what stood there before
 * a change, byte for byte, its attributes come back with it; what somebody else wrote in the file stays.
 *
 * Law undo-opens-nothing: whatever stands in the file, no scope is given back after undoing that was not before.
 */
#ifndef NESTFIX_UNDO_H
#define NESTFIX_UNDO_H

#include <nestfix/backup.h>
#include <nestfix/dropin.h>
#include <nestfix/mark.h>

/* What marks and drop-ins are read with. Without a conflict only a file that is as a change left it can be restored. */
struct undo_ground {
	const struct conflict *conflict;
	struct re_pool *pool;
	bool reload; /* load also where the kernel holds another policy than is known; see prove.h */
};

enum undo_role {
	UNDO_PAST,  /* undone earlier: it only tells what stood there once */
	UNDO_STAYS, /* in force */
	UNDO_BACK,  /* to be taken back */
};

/* A change that took part in making a file what it is. */
struct undo_change {
	const struct backup *backup;
	const struct backup_file *file; /* NULL: it was asked for what it found there already */
	enum undo_role role;
};

enum undo_how {
	UNDO_KEEP,
	UNDO_REMOVE,
	UNDO_EXACT, /* bytes and attributes of `exact` */
	UNDO_WRITE, /* `bytes`, with the attributes that the file has */
};

struct undo {
	enum undo_how how;
	const struct backup_file *exact;
	struct slice bytes;                 /* UNDO_EXACT, UNDO_WRITE */
	const struct conflict_scope **lost; /* given back there now, and no longer afterwards */
	size_t lost_count;
	const char *note; /* what the user should know, or NULL */
};

/*
 * Plans one file. `changes` are those that name it, oldest first; `now` is NULL where it is missing. ERR_REFUSED: it
 * cannot be done exactly (our lines were edited, a later change stands on this one); the hint says what to do.
 */
int undo_plan(struct undo *out, const struct undo_ground *ground, const struct undo_change *changes, size_t count,
	      const struct slice *now, struct arena *arena, struct err *err);

/*
 * A guest of Proxmox that is on another node now, whose business its configuration is: where, with `text`, and what to
 * type there to take back what the changes wrote.
 */
const char *undo_guest_moved(const struct undo_change *changes, size_t count, struct slice node, struct slice text,
			     struct arena *arena);

#endif
