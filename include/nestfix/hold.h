/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hold: what is given back now, file by file, read from the files themselves; and what the changes in force were asked
 * for that stands there no more.
 */
#ifndef NESTFIX_HOLD_H
#define NESTFIX_HOLD_H

#include <nestfix/backup.h>
#include <nestfix/discover.h>
#include <nestfix/mark.h>

/* One file. */
struct hold {
	const char *path;
	enum backup_kind kind;
	struct backup_names scopes;  /* that it gives back; a configuration has none */
	struct backup_names lost;    /* a change in force wrote that there, and it is gone */
	struct backup_names changes; /* IDs of the changes in force that name it */
	struct slice node;           /* the guest whose configuration it is moved there; or empty */
	bool stands;                 /* BACKUP_CONFIG: something of the changes is there */
	bool edited;                 /* lines of ours were edited since, so that nobody can say what they give back */
};

/*
 * Every file that holds something of ours, whoever put it there, and every file that a change in force names; by path.
 * The list is backup_list's. -1 where a file of the site is too large to be understood.
 */
int hold_list(struct hold **out, size_t *count, const struct site *site, const struct backup *list, size_t list_count,
	      struct arena *arena, struct err *err);

/* What the kernel holds of a policy file that holds something of ours, or of a container's generated text. */
struct hold_loaded {
	const char *path;                  /* of the file, or of the text */
	const struct container *container; /* whose text it is, or NULL */
	struct backup_names scopes;        /* given back in every profile of it that the kernel has */
	bool hidden;                       /* the kernel does not show it; the scopes are what we wrote down */
	bool known;                        /* false: it does not show it, and nothing that we wrote down fits */
};

/* Of every policy that the kernel has, in the site's order; `holds` tells which files count. */
void hold_in_kernel(struct hold_loaded **out, size_t *count, const struct site *site, const struct hold *holds,
		    size_t hold_count, struct arena *arena);

#endif
