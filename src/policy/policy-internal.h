/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy-internal: what the files of the room policy share. */
#ifndef NESTFIX_POLICY_INTERNAL_H
#define NESTFIX_POLICY_INTERNAL_H

#include <nestfix/policy.h>

/* Limits against hostile or broken policy; real trees stay far below each of them. */
enum {
	POLICY_MAX_FILES = 10000,
	POLICY_MAX_BYTES = 64 << 20,
	POLICY_MAX_DEPTH = 100,    /* includes inside each other */
	POLICY_MAX_RULES = 20000,  /* of one top-level file; the parser takes minutes for more, or gives up */
	POLICY_MAX_STEPS = 400000, /* statements read for one top-level file, included ones each time */
};

/* A path that was asked for, read or found missing. One a path, so that pointers can be compared. */
struct policy_entry {
	const char *path;
	enum policy_found found;
	struct policy_source *source; /* POLICY_FILE */
	struct slice *names;          /* POLICY_DIR, sorted */
	size_t name_count;
	unsigned serial; /* the policy that has listed it among its sources */
	struct policy_entry *next;
};

/* Looks a path up, reading it the first time. NULL with err on trouble. */
struct policy_entry *policy_lookup(struct policy_sources *sources, const char *path, struct err *err);

/*
 * What an include or abi statement means: below the search directories for <x>, as given for "/x", from / for a bare
 * x, where the parser is started. POLICY_MISSING where there is nothing; NULL with err where that cannot be told.
 */
struct policy_entry *policy_included(struct policy_sources *sources, const struct stmt *stmt, struct arena *arena,
				     struct err *err);

const struct policy_dialect *policy_dialect_of(const struct policy_sources *sources);
unsigned policy_next_serial(struct policy_sources *sources);

#endif
