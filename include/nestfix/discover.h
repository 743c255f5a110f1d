/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * discover: what stands on this host, read only.
 *
 * The site is everything that the later rooms look at: every policy file that apparmor_parser would load at boot, with
 * all its includes (an edit in a shared abstraction touches profiles of any name), and the text that was generated for
 * each running container. A broken file of somebody else does not stop the run: it is listed as skipped with its
 * reason.
 */
#ifndef NESTFIX_DISCOVER_H
#define NESTFIX_DISCOVER_H

#include <nestfix/container.h>
#include <nestfix/dropin.h>
#include <nestfix/policy.h>

/* What the user asked about: "profile:NAME", a container, or a path. */
struct site_target {
	struct slice profile;   /* or empty */
	struct slice container; /* or empty */
	const char *path;       /* below the root; or NULL */
	bool met;               /* set by discover: something on the host answers to it */
};

struct site_policy {
	struct policy policy;
	bool named;                        /* the user named this very file, so that all its profiles are asked about */
	const struct container *container; /* whose generated text this is; NULL: a file of the boot policy */
	const struct automaton *in_force;  /* the kernel's own copy of a generated profile, where it can be read */
};

struct site_skipped {
	const char *path;
	struct err err;
};

struct site {
	const struct root *root;
	struct arena *arena;
	struct re_pool *pool;
	const struct conflict *conflict;
	struct policy_dialect dialect;
	struct policy_sources *sources;
	struct site_target *targets;
	size_t target_count;
	struct site_policy **policies; /* every top-level file that could be read, by path */
	size_t policy_count;
	struct site_skipped *skipped; /* files that could not be read or understood */
	size_t skipped_count;
	struct container_host host;
	struct dropin dropin; /* as it is on disk */
	bool has_policy;      /* the policy directory exists */
};

/*
 * Reads the site. A target that nothing on the host answers to is ERR_USAGE; a target file that is no part of the boot
 * policy is read as a top-level file of its own, and must be readable.
 */
int discover(struct site *out, const struct root *root, const struct conflict *conflict, struct site_target *targets,
	     size_t target_count, struct re_pool *pool, struct arena *arena, struct err *err);
/* A site of nothing but the text that was generated for one container: for its start, which must not take long. */
int discover_generated(struct site *out, const struct root *root, const struct conflict *conflict,
		       const struct container *container, struct re_pool *pool, struct arena *arena, struct err *err);

void discover_release(struct site *site);

/* The container whose generated text a policy is, or NULL. */
const struct container *discover_container(const struct site *site, const struct policy *policy);

/* Is its profile written by liblxc, which reads the drop-in? Incus and LXD write theirs themselves. */
static inline bool discover_is_liblxc(const struct container *c)
{
	return c->kind == CONTAINER_LXC || c->kind == CONTAINER_PVE;
}

/* What discover reads policy with: trusted files below the root. */
struct policy_reader discover_reader(const struct root *root);

/* Is the profile asked about: concerned by the conflict, and one of the targets where there are any? */
bool discover_wants(const struct site *site, const struct site_policy *policy, const struct policy_profile *profile);

/*
 * A target as typed: "profile:NAME", the name of a container, or a path below the root, with or without the root's own
 * path in front (relative paths are taken from the working directory). ERR_USAGE for anything else.
 */
int discover_target(struct site_target *out, const struct root *root, const char *text, struct arena *arena,
		    struct err *err);

#endif
