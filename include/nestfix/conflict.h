/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conflict: what access is wrongly denied, and what may be given back, as data.
 *
 * A file NAME.conflict is deb822: one head stanza (Conflict, Title, Description, Profiles, References), then one stanza
 * a scope (Scope, Default, Access, Give-Back, Absent, Needs, Description). The format is described in patches/README.md
 * (later aa-nestfix-conflict(5)); unknown fields are an error, so that a misspelt one cannot be overlooked.
 */
#ifndef NESTFIX_CONFLICT_H
#define NESTFIX_CONFLICT_H

#include <stdint.h>

#include <nestfix/aare.h>
#include <nestfix/keyval.h>

/* One access that is wrongly denied, for showing that it is and that it no longer is. */
struct conflict_access {
	struct slice path;
	uint32_t perms; /* PERM_* of automaton.h */
};

struct conflict_scope {
	struct slice name;    /* "net" */
	struct slice summary; /* first line of Description */
	bool is_default;
	struct conflict_access *access; /* at least one; the first is the witness used in messages */
	size_t access_count;
	struct slice *give_back; /* patterns, as written */
	size_t give_back_count;
	const struct re *paths; /* union of the patterns */
	uint32_t perms;         /* what comes back on them; PERM_W for the first conflict */
	struct slice *absent;   /* directories that must not exist for the change to open nothing real: "/sys/net" */
	size_t absent_count;
	size_t line;
};

struct conflict {
	struct slice name;  /* "runc-detached-procfs" */
	struct slice title; /* one line for people */
	struct slice description;
	struct slice *profiles; /* globs over profile names that the conflict concerns: "lxc-*" */
	size_t profile_count;
	struct slice *references;
	size_t reference_count;
	struct conflict_scope *scopes;
	size_t scope_count;
	struct slice file; /* where it was read */
};

/* Reads one conflict file's bytes. ERR_FAILED with file, line and column on anything wrong in it. */
int conflict_parse(struct conflict *out, const char *file, struct slice text, struct re_pool *pool, struct arena *arena,
		   struct err *err);

/* The scope of a name, or NULL. */
const struct conflict_scope *conflict_scope(const struct conflict *c, struct slice name);

/* Does the conflict concern a profile of this name? (fnmatch(3) globs without special meaning of /) */
bool conflict_concerns(const struct conflict *c, struct slice profile);

/* "rwk" → PERM_R | PERM_W | PERM_K; false on anything but the letters r w a x m k l, each at most once. */
bool conflict_perms(struct slice letters, uint32_t *out);

#endif
