/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between fsio.c (what callers ask for), fsio-walk.c (how a path is followed) and fsio-trust.c (who may write there).
 */
#ifndef NESTFIX_FSIO_INTERNAL_H
#define NESTFIX_FSIO_INTERNAL_H

#include <limits.h>

#include <nestfix/fsio.h>

enum { WALK_DEPTH = 64 }; /* folders within folders; each is held open, for ".." */

/* What a folder on the way is, by who may put names into it. */
enum folder {
	FOLDER_SEALED,  /* root alone: its links are followed */
	FOLDER_ROOTS,   /* root, and the group root, as liblxc makes a container's folder (0770) */
	FOLDER_STICKY,  /* everybody adds, nobody takes away: only a folder of root's is passed */
	FOLDER_KERNEL,  /* procfs and the like: the kernel names what is in it */
	FOLDER_OWN,     /* a container's own, which belongs to the root of the container: see struct root */
	FOLDER_ANYBODY, /* not asked about */
	FOLDER_FOREIGN, /* somebody else may write there */
};

/* Why a walk ended. */
enum walk_why {
	WALK_ERRNO,      /* errno tells */
	WALK_OWNER,      /* the folder belongs to somebody else */
	WALK_MODE,       /* others may write to the folder */
	WALK_STICKY,     /* anybody could have put it there */
	WALK_OWN,        /* in a container's own folder, and no plain file of root's */
	WALK_LINK_OWNER, /* a link of somebody else's */
	WALK_LINK_PLACE, /* a link in a folder that others can write to */
	WALK_LINK_MAGIC, /* a link of procfs that jumps */
	WALK_LINK_LOOP,  /* links without end */
	WALK_LINK_GONE,  /* a link to nothing */
};

struct walk {
	const struct root *root;
	struct {
		int fd;
		enum folder kind;
		size_t where; /* length of its path */
	} dirs[WALK_DEPTH];
	size_t depth; /* of the folders that are open */
	bool own;     /* one of them is FOLDER_OWN */

	char where[PATH_MAX]; /* the path without links, as far as it was walked */
	char rest[PATH_MAX];  /* what is still to be walked */
	char link[PATH_MAX], target[PATH_MAX];
	size_t behind_link; /* length of the rest behind the last link's own target */
	unsigned links;

	mode_t make;  /* not 0: missing folders are made, with this mode */
	bool careful; /* opens nothing but a regular file or a folder; all else stays a path descriptor */

	enum walk_why why;
	struct stat st; /* of what is to blame */
};

/*
 * open(2) below the root, step by step: see fsio.h for what is followed. -1 with errno, and `why` and `where` for
 * walk_cannot. The walk is released by walk_release in any case.
 */
int walk_open(struct walk *w, const struct root *root, const char *path, int flags);
void walk_release(struct walk *w);
#define AUTOWALK __attribute__((cleanup(walk_release))) struct walk

/* Fills err: "cannot VERB 'PATH': " and why. errno stays. Always -1. */
int walk_cannot(const struct walk *w, const char *path, const char *verb, struct err *err);

bool fsio_is_kernels(int fd);

/* What kind of folder is this? `name`: what is to be opened in it next, NULL: it is itself what is opened. */
enum folder walk_judge(const struct walk *w, int dir, const struct stat *st, const char *name);

/* May this be opened, which was found in the last of the folders? False with w->why set. */
bool walk_may_open(struct walk *w, const struct stat *st);

#endif
