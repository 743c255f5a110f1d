/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * discover-reach: which policies an edit of a file would change.
 *
 * Beside the policies that are loaded at boot there are some that a program loads by name, from a folder below
 * /etc/apparmor.d (libvirt) or from one of its own (snapd): any file that holds a profile and that no policy of the
 * boot includes may be one.
 */
#include <fcntl.h>

#include "discover-internal.h"

enum { NAMED_FOLDERS = 1000 };

/* A policy, and everything that the parser could open for it. */
struct reached {
	struct site_reader reader;
	struct policy_reach reach;
	bool unread; /* nobody knows what it names */
};

/* Which file a source is, whatever the name by which it was reached. */
struct identity {
	const struct policy_source *source;
	dev_t dev;
	ino_t ino;
};

struct site_reached {
	bool done;
	struct root
	    root; /* as that of the site, but nobody's word is taken: what is read is only asked what it names */
	struct policy_reader reader;
	struct policy_sources *sources;
	VEC(struct reached) list;
	VEC(struct identity) identities;
	VEC(const char *) folders; /* still to be looked through */
};

static bool look_at(const struct root *root, const char *path, struct stat *st)
{
	AUTOCLOSE fd = fsio_open(root, path, O_PATH, NULL);

	return fd >= 0 && fstat(fd, st) == 0;
}

static const struct identity *identify(const struct site *site, const struct policy_source *source)
{
	struct site_reached *r = site->reached;
	struct identity id = { .source = source };
	struct stat st;

	for (size_t i = 0; i < r->identities.len; i++)
		if (r->identities.ptr[i].source == source)
			return &r->identities.ptr[i];
	if (look_at(&r->root, source->path, &st)) {
		id.dev = st.st_dev;
		id.ino = st.st_ino;
	}
	VEC_PUSH(site->arena, &r->identities, id);
	return &r->identities.ptr[r->identities.len - 1];
}

/* May it open the file, by this name or, through a link, by another? */
static bool may_read(const struct site *site, const struct reached *reached, const char *path, const struct stat *st)
{
	if (reached->unread || reached->reach.trouble)
		return true;
	for (size_t i = 0; i < reached->reach.count; i++) {
		const struct policy_part *part = &reached->reach.parts[i];
		const struct identity *id;

		if (strcmp(part->path, path) == 0)
			return true;
		if (!part->source || !st)
			continue;
		id = identify(site, part->source);
		if (id->dev == st->st_dev && id->ino == st->st_ino)
			return true;
	}
	return false;
}

static void add_policy(const struct site *site, const struct site_policy *sp)
{
	struct reached new_ = { .reader = { .path = sp->policy.path, .policy = sp } };

	policy_reach(&new_.reach, sp->policy.from, sp->policy.sources[0], site->arena);
	new_.reader.err = new_.reach.trouble;
	VEC_PUSH(site->arena, &site->reached->list, new_);
}

/* One that cannot be proved, for `err`; what it names can often be told all the same. */
static void add_skipped(const struct site *site, const char *path, const struct err *err)
{
	struct site_reached *r = site->reached;
	struct reached new_ = { .reader = { .path = path, .err = err } };
	const struct policy_source *top = policy_source(r->sources, path, NULL);

	new_.unread = !top;
	if (top)
		policy_reach(&new_.reach, r->sources, top, site->arena);
	VEC_PUSH(site->arena, &r->list, new_);
}

/* Is it one of the policies that are known, or included by one? */
static bool is_known(const struct site *site, const char *path)
{
	const struct site_reached *r = site->reached;

	for (size_t i = 0; i < r->list.len; i++) {
		if (strcmp(r->list.ptr[i].reader.path, path) == 0)
			return true;
		for (size_t p = 0; p < r->list.ptr[i].reach.count; p++)
			if (strcmp(r->list.ptr[i].reach.parts[p].path, path) == 0)
				return true;
	}
	return false;
}

static bool holds_profile(const struct policy_source *source)
{
	for (const struct stmt *s = source->doc.first; s; s = s->next)
		if (s->kind == STMT_PROFILE && !s->is_hat)
			return true;
	return false;
}

/* A file that may be a policy of its own. One that cannot be read may be, too. */
static void add_named(const struct site *site, const char *path)
{
	struct site_policy *sp;
	struct err *err;
	const struct policy_source *source = policy_source(site->reached->sources, path, NULL);

	if (is_known(site, path) || (source && !holds_profile(source)))
		return;
	sp = ARENA_NEW(site->arena, struct site_policy);
	err = ARENA_NEW(site->arena, struct err);
	sp->by_name = true;
	if (policy_read(&sp->policy, site->sources, path, site->arena, err) == 0)
		add_policy(site, sp);
	else
		add_skipped(site, path, err);
}

/* At the top: what tells how a policy is loaded, or is compiled; and a policy that is not loaded. */
static bool is_set_aside(const struct site *site, struct slice name)
{
	static const char *const folders[] = { "disable", "force-complain", "cache", "cache.d" };

	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		if (slice_is(name, folders[i]))
			return true;
	return discover_is_disabled(site, name);
}

/* What a folder holds: files that may be policies, and further folders. */
static void look_through(const struct site *site, const char *dir, bool top)
{
	struct site_reached *r = site->reached;
	struct slice *names;
	size_t count;

	if (fsio_list(&r->root, dir, site->arena, &names, &count, NULL) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		const char *path = arena_printf(site->arena, "%s/%.*s", dir, SLICE_FMT(names[i]));
		enum fsio_kind kind;

		if (policy_is_skipped(names[i]) || (top && is_set_aside(site, names[i])) ||
		    fsio_kind(&r->root, path, &kind, NULL) < 0)
			continue;
		if (kind == FSIO_DIR && r->folders.len < NAMED_FOLDERS)
			VEC_PUSH(site->arena, &r->folders, path);
		if (kind == FSIO_FILE)
			add_named(site, path);
	}
}

/* The boot's policies are known, unless one has come since they were looked at. */
static void add_all_named(const struct site *site)
{
	struct site_reached *r = site->reached;

	look_through(site, DISCOVER_BASE, true);
	VEC_PUSH(site->arena, &r->folders, "/var/lib/snapd/apparmor/profiles");
	/* the list grows while it is walked */
	for (size_t i = 0; i < r->folders.len; i++)
		look_through(site, r->folders.ptr[i], false);
}

static void reach_all(const struct site *site)
{
	struct site_reached *r = site->reached;

	r->done = true;
	r->root = *site->root;
	r->root.anybody = r->root.untrusted = true;
	r->reader = discover_policy_reader(&r->root);
	r->sources = policy_sources_new(&r->reader, &site->dialect, site->arena);
	for (size_t i = 0; i < site->policy_count; i++)
		add_policy(site, site->policies[i]);
	for (size_t i = 0; i < site->skipped_count; i++)
		if (site->skipped[i].is_policy)
			add_skipped(site, site->skipped[i].path, &site->skipped[i].err);
	add_all_named(site);
}

size_t discover_readers(const struct site *site, const char *path, struct site_reader **out)
{
	VEC(struct site_reader) found = { 0 };
	struct site_reached *r = site->reached;
	struct stat st;
	bool there;

	if (!r->done)
		reach_all(site);
	there = look_at(&r->root, path, &st);
	for (size_t i = 0; i < r->list.len; i++)
		if (may_read(site, &r->list.ptr[i], path, there ? &st : NULL))
			VEC_PUSH(site->arena, &found, r->list.ptr[i].reader);
	*out = found.ptr;
	return found.len;
}

void discover_readers_anew(const struct site *site)
{
	*site->reached = (struct site_reached){ 0 };
}

struct site_reached *discover_reached_new(struct arena *arena)
{
	return ARENA_NEW(arena, struct site_reached);
}
