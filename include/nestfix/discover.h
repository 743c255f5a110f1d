/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * discover: what stands on this host, read only.
 *
 * The site is everything that the later rooms look at: the policy files that define profiles which a conflict concerns,
 * each with all its includes. A broken file of somebody else does not stop the run: it is listed as skipped with its
 * reason.
 */
#ifndef NESTFIX_DISCOVER_H
#define NESTFIX_DISCOVER_H

#include <nestfix/conflict.h>
#include <nestfix/fsio.h>
#include <nestfix/policy.h>

struct site_skipped {
	const char *path;
	struct err err;
};

struct site {
	const struct root *root;
	struct arena *arena;
	struct re_pool *pool;
	const struct conflict *conflict;
	struct policy_sources *sources;
	struct policy_dialect dialect;
	struct policy *policies; /* top-level files that define at least one concerned profile */
	size_t policy_count;
	struct site_skipped *skipped;
	size_t skipped_count;
	bool has_policy; /* the policy directory exists */
};

/* What the user asked about; empty: everything. Kinds: "profile:NAME" or a path. */
struct site_target {
	struct slice profile; /* or empty */
	const char *path;     /* below the root; or NULL */
};

/*
 * Reads the site. With targets, only policies that define a named profile or read a named file remain; a target that
 * matches nothing is ERR_USAGE, a target file that cannot be read keeps its own error.
 */
int discover(struct site *out, const struct root *root, const struct conflict *conflict,
	     const struct site_target *targets, size_t target_count, struct re_pool *pool, struct arena *arena,
	     struct err *err);
void discover_release(struct site *site);

/* A target as typed: "profile:NAME" or a file's path as the caller's shell sees it (a leading root path is taken off).
 */
int discover_target(struct site_target *out, const struct root *root, const char *text, struct arena *arena,
		    struct err *err);

/* The reader that policy uses: trusted files below a root. */
struct policy_reader discover_reader(const struct root *root);

#endif
