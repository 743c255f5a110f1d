/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record: what was loaded last for a policy, written down for a kernel that does not show what it holds (loaded.h).
 *
 * Below the root, mode 0700, in /var/lib/aa-nestfix/loaded, one file a policy, named by a digest of its path. It tells
 * the scopes that were given back, and a digest of what they were given back in: the text, this boot and, of a
 * generated text, this start of its container. A record that does not fit says nothing: the container was started anew,
 * the host was booted, the file was edited. It goes before policy is loaded and comes when the kernel has taken it, so
 * that a crash between leaves none. Records of policies that are gone are cleared away.
 */
#ifndef NESTFIX_RECORD_H
#define NESTFIX_RECORD_H

#include <nestfix/automaton.h>
#include <nestfix/cache.h>
#include <nestfix/conflict.h>

/* What a record is about. */
struct record_of {
	const char *path;  /* of the policy's top-level file */
	struct slice text; /* as it was loaded, without what was given back: all files that are part of it */
	bool live;         /* generated for a container that runs: the file is made anew at each start */
	int pid;           /* of that container's init; 0: not known */
};

/* Appends one file of the policy to what becomes `text`. */
void record_add(struct buf *text, const char *path, struct slice bytes);

/* The scopes that were given back, in the order of the conflict. False: nothing fits. */
bool record_read(const struct root *root, const struct record_of *of, const struct conflict *conflict,
		 const struct conflict_scope ***scopes, size_t *count, struct arena *arena);

/* `blob` is what the kernel has taken: the scopes that it gives back in every profile are written down. */
int record_write(const struct root *root, const struct record_of *of, const struct conflict *conflict,
		 struct slice blob, struct err *err);

/* Does the profile allow all accesses of a scope, to the owner and to everybody else? */
bool record_allows(const struct automaton_profile *profile, const struct conflict_scope *scope);

/* -1: it is still there. */
int record_drop(const struct root *root, const char *path, struct err *err);

#endif
