/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loaded: the policy that the kernel holds, read back from it.
 *
 * What binds a container is this, whatever stands in a file: a policy may have been loaded by hand, or a file edited
 * and not loaded. It is read from securityfs, where the kernel keeps what it was given (CONFIG_SECURITY_APPARMOR_
 * EXPORT_BINARY; security/apparmor/apparmorfs.c). Below another root, which has no kernel, there is none.
 */
#ifndef NESTFIX_LOADED_H
#define NESTFIX_LOADED_H

#include <nestfix/automaton.h>
#include <nestfix/fsio.h>

enum loaded_state {
	LOADED_ABSENT, /* the kernel has no such profile */
	LOADED_READ,
	LOADED_HIDDEN, /* it has one, but does not show it */
};

/* What is in the kernel, as far as it was asked about. */
struct loaded {
	const struct root *root;
	struct arena *arena;
	struct slice *names; /* NAME.N of each profile; read once */
	size_t count;
	bool unlisted;             /* the kernel has policy, but not the folder that shows it (before 4.13) */
	struct loaded_blob *blobs; /* read so far */
};

void loaded_list(struct loaded *out, const struct root *root, struct arena *arena);

/* Some profiles as the kernel holds them: those of one policy file. */
struct loaded_policy {
	enum loaded_state state;    /* HIDDEN where one of them is */
	struct automaton automaton; /* LOADED_READ: those that the kernel has, with their hats */
	struct slice *pieces;       /* what was loaded, byte for byte */
	size_t piece_count;
	bool whole; /* loading the pieces again brings back these profiles and no other */
};

/* Profiles by their names, hats left out. */
void loaded_read(struct loaded_policy *out, struct loaded *loaded, const struct slice *names, size_t count);

/* Does the kernel still hold the same, byte for byte? It is asked anew. */
bool loaded_is_same(const struct loaded_policy *policy, const struct root *root);

#endif
