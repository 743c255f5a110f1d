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

#include <nestfix/automaton.h>
#include <nestfix/container.h>
#include <nestfix/dropin.h>
#include <nestfix/loaded.h>
#include <nestfix/policy.h>
#include <nestfix/record.h>

/* What the user asked about: "profile:NAME", a container, or a path. */
struct site_target {
	struct slice profile;          /* or empty */
	struct slice container;        /* as typed; or empty */
	const char *path;              /* below the root; or NULL: of a policy file, or of a container */
	const struct container *found; /* set by discover where a container is meant */
	bool met;                      /* set by discover: something on the host answers to it */
};

struct site_policy {
	struct policy policy;
	bool named;                        /* the user named this very file, so that all its profiles are asked about */
	const struct container *container; /* whose generated text this is; NULL: a file of the boot policy */
	const struct loaded_policy *loaded; /* see discover_loaded */
	const struct site_record *record;   /* of what we loaded, where the kernel does not show it */
	bool by_name; /* not of the boot: some other program may load it; never one of site.policies */
};

struct site_record {
	bool fits;
	const struct conflict_scope **scopes;
	size_t count;
};

struct site_skipped {
	const char *path;
	bool is_policy; /* and not of a container's configuration */
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
	struct err host_err;          /* set: the containers could not be listed; none is in `host` */
	struct dropin dropin;         /* as it is on disk */
	struct loaded *loaded;        /* what the kernel holds */
	bool has_policy;              /* the policy directory exists */
	struct site_reached *reached; /* what each policy may read, once it was asked for: discover-reach.c */
};

/* A policy that may read a file. */
struct site_reader {
	const char *path;
	const struct site_policy *policy; /* NULL: it could not be read as policy is, see `err` */
	const struct err *err;            /* why nobody can tell all that it reads; NULL: it reads the file */
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

/* What the kernel holds of a policy of this site; read when it is asked for the first time. */
const struct loaded_policy *discover_loaded(const struct site *site, const struct policy *policy);

/* The kernel's own word on a scope, all its accesses together, in one profile of a policy. */
enum site_word {
	SITE_UNKNOWN, /* it does not have the profile, or does not show it and we wrote nothing down */
	SITE_DENIES,
	SITE_ALLOWS,
};
enum site_word discover_in_kernel(const struct site *site, const struct policy *policy, struct slice profile,
				  const struct conflict_scope *scope);

/* The scopes of the conflict, in its order, that the kernel gives back in every profile of a policy that it has. */
const struct conflict_scope **discover_held(const struct site *site, const struct policy *policy, size_t *count);

/* The kernel does not show the policy; does our own record say what was loaded? */
bool discover_is_recorded(const struct site *site, const struct policy *policy);
struct record_of discover_record(const struct site *site, const struct policy *policy);

/* The container whose generated text a policy is, or NULL. */
const struct container *discover_container(const struct site *site, const struct policy *policy);

/* A label without what is stacked behind it: "NAME//&:NAMESPACE:…" (security/apparmor/label.c). */
struct slice discover_label(struct slice label);

/* Does a container of this host, or one that will be made, wear the profile? Or one that is in no list, as the kernel
 * shows. */
bool discover_is_worn(const struct site *site, struct slice profile);

/* Is its profile written by liblxc, which reads the drop-in? Incus and LXD write theirs themselves. */
static inline bool discover_is_liblxc(const struct container *c)
{
	return c->kind == CONTAINER_LXC || c->kind == CONTAINER_PVE;
}

/*
 * A generated text without what tells one container from another: its profile's name, in both spellings. Of texts with
 * plain names whose rests are equal, one stands for all; one with another name is returned as it is.
 */
struct slice discover_anonymous(const struct container *c, struct slice text, struct arena *arena);

/* Does the policy read this file, be it by an include or as its top-level file? */
bool discover_reads(const struct policy *policy, const char *path);

/*
 * Every policy that apparmor_parser could open this file for, whatever branches are taken and by whatever name: those
 * of the boot, generated ones, and files that some other program may load by name. One that cannot be read, or followed
 * to its end, may read any file. *out lives as long as the site.
 */
size_t discover_readers(const struct site *site, const char *path, struct site_reader **out);

/* The next question about readers looks at the disk anew for policies that are not the site's. */
void discover_readers_anew(const struct site *site);

/* Do two policies of one site include the same files? */
bool discover_same_includes(const struct policy *x, const struct policy *y);

/* Are both generated by liblxc, and equal but for the name of the container? */
bool discover_are_twins(const struct site *site, const struct policy *x, const struct policy *y);

/* What configuration is read with, and what policy is: trusted files below the root. */
struct policy_reader discover_reader(const struct root *root);
struct policy_reader discover_policy_reader(const struct root *root);

/* What the root's parser.conf says of an option, one value after the other; ends with NULL. */
const char *const *discover_options(const struct root *root, const char *option, struct arena *arena);

/* The folders that it has `include <x>` searched for in before /etc/apparmor.d; and its text without them. */
const char *const *discover_search(const struct root *root, struct arena *arena);
struct slice discover_without_search(const struct root *root, struct arena *arena);

/* Is the profile asked about: concerned by the conflict, and one of the targets where there are any? */
bool discover_wants(const struct site *site, const struct site_policy *policy, const struct policy_profile *profile);

/*
 * A target as typed: "profile:NAME", the name of a container, or a path below the root, with or without the root's own
 * path in front (relative paths are taken from the working directory). ERR_USAGE for anything else.
 */
int discover_target(struct site_target *out, const struct root *root, const char *text, struct arena *arena,
		    struct err *err);

/* Are the containers known? Whoever changes what they read asks first: -1 with the reason where they are not. */
int discover_knows_host(const struct site *site, struct err *err);

/* A path as typed, absolute and below the root: the root's own path in front is taken off. NULL with err. */
const char *discover_path(const struct root *root, const char *text, struct arena *arena, struct err *err);

#endif
