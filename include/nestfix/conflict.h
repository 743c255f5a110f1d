/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conflict: what access is wrongly denied, and what may be given back, as data.
 *
 * A file NAME.conflict is deb822: one head stanza (Conflict, Title, Description, Profiles, Needs, References), then one
 * stanza a scope (Scope, Default, Description, Access, Give-Back, Absent). The format is described in patches/README.md
 * (later aa-nestfix-conflict(5)).
 *
 * The reader is strict, so that a misspelt field cannot be overlooked and a file that reads is one that makes sense:
 * unknown, double and missing fields are errors, and so is an Access that Give-Back does not cover, or a path that is
 * given back outside everything that Absent names.
 */
#ifndef NESTFIX_CONFLICT_H
#define NESTFIX_CONFLICT_H

#include <stdint.h>

#include <nestfix/aare.h>
#include <nestfix/keyval.h>

/* One access that is wrongly denied, for showing that it is and that it no longer is. */
struct conflict_access {
	struct slice path; /* NUL-terminated */
	uint32_t perms;    /* PERM_* of automaton.h */
};

/* What else must be allowed for the program to run at all, put as the kernel asks AppArmor (security/apparmor/mount.c).
 */
enum conflict_operation { CONFLICT_MOUNT, CONFLICT_UMOUNT, CONFLICT_PIVOT_ROOT };

struct conflict_need {
	enum conflict_operation operation;
	struct slice text;   /* as written, for messages */
	struct slice target; /* where: a folder ends with a slash */
	struct slice source; /* what is mounted there, or the old root; empty: none is asked about */
	struct slice type;   /* of the file system; empty: none */
	struct slice data;   /* options of the file system; empty: none */
	uint32_t flags;      /* MS_* */
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
	struct slice *absent; /* paths that must not exist for the change to open nothing real: "/sys/net"; whatever is
				 given back is one of them or below one; NUL-terminated. None: nothing is promised */
	size_t absent_count;
	size_t line;
};

struct conflict {
	struct slice name;  /* "runc-detached-procfs" */
	struct slice title; /* one line for people */
	struct slice description;
	struct slice *profiles; /* globs over profile names that the conflict concerns: "lxc-*"; NUL-terminated */
	size_t profile_count;
	struct slice *references;
	size_t reference_count;
	struct conflict_need *needs; /* in the order in which the program asks */
	size_t need_count;
	struct conflict_scope *scopes; /* at least one, and at least one of them is a default */
	size_t scope_count;
	struct slice file; /* where it was read */
};

/*
 * Reads one conflict file's bytes. ERR_FAILED with file, line and column on anything wrong in it; *out is then not to
 * be used. What is read lives in the arena and in the text, which must outlive it.
 */
int conflict_parse(struct conflict *out, const char *file, struct slice text, struct re_pool *pool, struct arena *arena,
		   struct err *err);

/* The scope of a name, or NULL. */
const struct conflict_scope *conflict_scope(const struct conflict *c, struct slice name);

/* Does the conflict concern a profile of this name? (fnmatch(3) globs without special meaning of /) */
bool conflict_concerns(const struct conflict *c, struct slice profile);

/* "rwk" → PERM_R | PERM_W | PERM_K; false on anything but the letters r w a x m k l, each at most once. */
bool conflict_perms(struct slice letters, uint32_t *out);

#endif
