/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy: a policy file with all that it includes, as text: which profiles stand in it, and which file rules in each.
 *
 * Nothing is evaluated: no variable, condition, alias, priority. What the text means, the host's parser says (judge.h);
 * what stands where, this room says. Both branches of a condition are read. Files come from a reader, so that the room
 * stays pure: bytes in, values out.
 *
 * Calling order: policy_sources_new once a run; policy_read for each top-level file.
 */
#ifndef NESTFIX_POLICY_H
#define NESTFIX_POLICY_H

#include <stdint.h>

#include <nestfix/doc.h>

enum policy_found {
	POLICY_MISSING,
	POLICY_FILE,
	POLICY_DIR,
	POLICY_DEVICE, /* apparmor_parser opens it, and passes it over */
	POLICY_ELSE,   /* a FIFO, a socket */
};

/* Where bytes come from. Paths are absolute, below the root. Returns -1 with err on trouble. */
struct policy_reader {
	void *ctx;
	/* Sets what the path is; for a file its bytes, for a directory its entry names (sorted, unfiltered). */
	int (*read)(void *ctx, const char *path, enum policy_found *found, struct slice *bytes, struct slice **names,
		    size_t *count, struct arena *arena, struct err *err);
};

/* One file that was read; each is read and parsed once a run. */
struct policy_source {
	const char *path; /* absolute, below the root; "<stdin>" or a generated profile's name are possible */
	struct doc doc;
};

struct policy_sources;

struct policy_dialect {
	const char *base;          /* "/etc/apparmor.d" */
	const char *const *search; /* further directories (-I), searched before the base; NULL-terminated, or NULL */
};

struct policy_sources *policy_sources_new(const struct policy_reader *reader, const struct policy_dialect *dialect,
					  struct arena *arena);

/* Files that stand in front of those of another set: what was not put into it is looked up there. */
struct policy_sources *policy_sources_over(struct policy_sources *under, struct arena *arena);
void policy_sources_put(struct policy_sources *sources, const char *path, struct slice bytes);

/* One file of the set, read now if it was not before. NULL with err where it is none. */
const struct policy_source *policy_source(struct policy_sources *sources, const char *path, struct err *err);

/* Is this the name of a file that apparmor_parser skips in a directory (dotfiles, README, .dpkg-*, ~ …)? libapparmor's
 * _aa_is_blacklisted(). */
bool policy_is_skipped(struct slice name);

/* How a statement came in: the include statement, and how its file came in. NULL: the top-level file itself. */
struct policy_via {
	const struct policy_source *source;
	const struct stmt *include;
	const struct policy_via *up;
};

/* A statement where it stands. One file that is included twice gives its statements twice. */
struct policy_place {
	const struct policy_source *source;
	const struct stmt *stmt;
	const struct policy_via *via;
};

/* Goes to the statement around: of the same file, or around the include that brought it in. False: there is none. */
bool policy_outer(struct policy_place *place);

/* Is the rule a deny rule, by its own qualifiers or those of a block around it? */
bool policy_denies(const struct policy_place *rule);

struct policy_profile {
	struct slice name;          /* full, as written: "parent//child" */
	struct slice flags;         /* as written */
	struct policy_place place;  /* of its header */
	struct policy_place *rules; /* `file`, `link` and `all` rules, in order of appearance, includes in place */
	size_t rule_count;
};

struct policy {
	const char *path; /* of the top-level file */
	struct policy_profile *profiles;
	size_t count;
	const struct policy_source **sources; /* every file read for it, the top-level one first */
	size_t source_count;
	struct policy_sources *from;   /* where they came from; NULL: they were put together by hand */
	struct policy_place *preamble; /* abi, variables, booleans and aliases, in order of appearance */
	size_t preamble_count;
};

/*
 * Reads a top-level file and all its includes. What apparmor_parser would refuse is no error here, be it broken syntax
 * or an include that is not there: the parser says so in its own words. ERR_FAILED: not there, or larger than any
 * policy is. What the reader says is passed on.
 */
int policy_read(struct policy *out, struct policy_sources *sources, const char *path, struct arena *arena,
		struct err *err);

/* A file, folder or device that apparmor_parser would open by this path. */
struct policy_part {
	const char *path; /* without "//" and "/./" */
	enum policy_found found;
	const struct policy_source *source; /* POLICY_FILE */
};

struct policy_reach {
	struct policy_part *parts; /* the top-level file first; each path once */
	size_t count;
	const struct err *trouble; /* the first that could not be read or followed; NULL: these are all */
};

/*
 * Everything that apparmor_parser could open for a top-level file or text: what its include and abi statements name,
 * in whatever branch they stand, and what those files name in turn. With a `trouble` there may be more, and what that
 * would be nobody knows.
 */
void policy_reach(struct policy_reach *out, struct policy_sources *sources, const struct policy_source *top,
		  struct arena *arena);

/* The name that an include or abi statement gives, decoded as the parser does. */
struct slice policy_include_name(const struct stmt *stmt, struct arena *arena);

struct policy_profile *policy_find(const struct policy *policy, struct slice name);

#endif
