/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>

#include "discover-internal.h"

/* A NUL in a policy file is never meant: apparmor_parser stops there. Said at once, before a rule behind it is missed.
 */
static int refuse_binary(const struct policy *policy, struct err *err)
{
	for (size_t i = 0; i < policy->source_count; i++) {
		const struct policy_source *source = policy->sources[i];
		size_t at = slice_find(source->doc.text, '\0');
		size_t line, column;

		if (at == source->doc.text.len)
			continue;
		doc_place(&source->doc, at, &line, &column);
		err_at(err, ERR_FAILED, source->path, line, column, "cannot read this as policy: a NUL byte");
		return err_hint(err, "restore the file from its package or from a backup");
	}
	return 0;
}

/* Nobody can ask the parser about a profile whose name cannot be read. */
static int refuse_broken(const struct policy *policy, struct err *err)
{
	for (size_t i = 0; policy->count == 0 && i < policy->source_count; i++) {
		const struct policy_source *source = policy->sources[i];
		const struct doc_broken *b = source->doc.broken;

		if (source->doc.broken_count == 0)
			continue;
		err_at(err, ERR_FAILED, source->path, b->line, b->column, "cannot read this policy: %s", b->what);
		return err_hint(err, "mend the file; 'apparmor_parser -Q -K' tells whether it is right again");
	}
	return 0;
}

int discover_read(struct site *site, const char *path, struct policy *policy, struct err *err)
{
	if (policy_read(policy, site->sources, path, site->arena, err) < 0 || refuse_binary(policy, err) < 0)
		return -1;
	return refuse_broken(policy, err);
}

/* Reads one top-level file into the site, or lists it as skipped. */
static void add_file(struct site *site, const char *path, policy_vec *policies, skipped_vec *skipped)
{
	struct site_policy *sp = ARENA_NEW(site->arena, struct site_policy);
	struct site_skipped bad = { .path = path, .is_policy = true };

	if (discover_read(site, path, &sp->policy, &bad.err) < 0)
		VEC_PUSH(site->arena, skipped, bad);
	else
		VEC_PUSH(site->arena, policies, sp);
}

/* A file of that name in disable/ keeps apparmor_parser from loading the policy (parser_main.c test_for_dir_mode). */
bool discover_is_disabled(const struct site *site, struct slice name)
{
	const char *path = arena_printf(site->arena, DISCOVER_BASE "/disable/%.*s", SLICE_FMT(name));
	enum fsio_kind kind;

	return fsio_kind(site->root, path, &kind, NULL) == 0 && kind != FSIO_MISSING;
}

static int add_boot_policy(struct site *site, policy_vec *policies, skipped_vec *skipped, struct err *err)
{
	struct slice *names;
	enum fsio_kind kind;
	size_t count;

	if (fsio_kind(site->root, DISCOVER_BASE, &kind, err) < 0)
		return -1;
	site->has_policy = kind == FSIO_DIR;
	if (!site->has_policy)
		return 0;
	if (fsio_list(site->root, DISCOVER_BASE, site->arena, &names, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const char *path = arena_printf(site->arena, DISCOVER_BASE "/%.*s", SLICE_FMT(names[i]));

		if (policy_is_skipped(names[i]) || discover_is_disabled(site, names[i]))
			continue;
		/* what cannot be looked at is left to the reader, which says why */
		if (fsio_kind(site->root, path, &kind, NULL) == 0 && kind != FSIO_FILE)
			continue;
		add_file(site, path, policies, skipped);
	}
	return 0;
}

bool discover_reads(const struct policy *policy, const char *path)
{
	for (size_t i = 0; i < policy->source_count; i++)
		if (strcmp(policy->sources[i]->path, path) == 0)
			return true;
	return false;
}

static bool meets(const struct site_target *target, const struct policy *policy)
{
	if (target->path)
		return discover_reads(policy, target->path);
	return target->profile.len > 0 && policy_find(policy, target->profile) != NULL;
}

static bool is_skipped_file(const skipped_vec *skipped, const struct site_target *target)
{
	for (size_t i = 0; target->path && i < skipped->len; i++)
		if (strcmp(skipped->ptr[i].path, target->path) == 0)
			return true;
	return false;
}

static int not_found(const struct site *site, const struct site_target *target, struct err *err)
{
	struct slice node;

	if (target->container.len > 0 && discover_knows_host(site, err) < 0)
		return -1;
	node = container_node(site->root, target->container, site->arena);
	if (node.len > 0) {
		err_put(err, ERR_REFUSED, "cannot look at container %.*s: it is on the node '%.*s'",
			SLICE_FMT(target->container), SLICE_FMT(node));
		return err_hint(err, "run the same on that node");
	}
	if (target->container.len > 0) {
		err_put(err, ERR_USAGE, "cannot find a container or file '%.*s'", SLICE_FMT(target->container));
		return err_hint(err, "a profile is named 'profile:%.*s', a file by its path",
				SLICE_FMT(target->container));
	}
	err_put(err, ERR_USAGE, "cannot find a profile named '%.*s'", SLICE_FMT(target->profile));
	return err_hint(err, "type 'aa-nestfix check' for all that are affected");
}

/* A file outside the boot policy that the user named. */
static int add_named(struct site *site, struct site_target *target, policy_vec *policies, struct err *err)
{
	struct site_policy *sp = ARENA_NEW(site->arena, struct site_policy);
	enum fsio_kind kind;

	if (fsio_kind(site->root, target->path, &kind, err) < 0)
		return -1;
	if (kind == FSIO_MISSING)
		return err_put(err, ERR_USAGE, "cannot find the file '%s'",
			       root_path(site->root, target->path, site->arena));
	sp->named = true;
	if (discover_read(site, target->path, &sp->policy, err) < 0)
		return -1;
	if (sp->policy.count == 0)
		return err_put(err, ERR_USAGE, "cannot find a profile in '%s'", target->path);
	VEC_PUSH(site->arena, policies, sp);
	target->met = true;
	return 0;
}

static int meet_container(struct site *site, struct site_target *target, struct err *err)
{
	struct slice text = target->path ? slice_of(target->path) : target->container;

	return text.len > 0 ? container_find(&site->host, text, &target->found, err) : 0;
}

static int meet_targets(struct site *site, policy_vec *policies, const skipped_vec *skipped, struct err *err)
{
	size_t boot = policies->len;

	for (size_t t = 0; t < site->target_count; t++) {
		struct site_target *target = &site->targets[t];

		if (meet_container(site, target, err) < 0)
			return -1;
		target->met = target->found != NULL;
		for (size_t i = 0; i < boot && !target->met; i++)
			target->met = meets(target, &policies->ptr[i]->policy);
		if (target->met || is_skipped_file(skipped, target))
			continue;
		if (target->path && add_named(site, target, policies, err) < 0)
			return -1;
		if (!target->met)
			return not_found(site, target, err);
	}
	return 0;
}

static bool is_device(const struct root *root, const char *path)
{
	AUTOCLOSE fd = fsio_open(root, path, O_PATH, NULL);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode));
}

/* policy_reader.read: what the parser passes over, or does not find behind a link, is no error here either. */
static int read_policy(void *ctx, const char *path, enum policy_found *found, struct slice *bytes, struct slice **names,
		       size_t *count, struct arena *arena, struct err *err)
{
	const struct root *root = ctx;
	const struct policy_reader reader = container_reader(root);
	enum fsio_kind kind;

	if (fsio_kind(root, path, &kind, err) < 0)
		return -1;
	if (kind == FSIO_FILE || kind == FSIO_DIR)
		return reader.read(reader.ctx, path, found, bytes, names, count, arena, err);
	*found = kind == FSIO_MISSING ? POLICY_MISSING : is_device(root, path) ? POLICY_DEVICE : POLICY_ELSE;
	return 0;
}

struct policy_reader discover_policy_reader(const struct root *root)
{
	return (struct policy_reader){ .ctx = (void *)(uintptr_t)root, .read = read_policy };
}

struct policy_reader discover_reader(const struct root *root)
{
	return container_reader(root);
}

static void begin(struct site *out, const struct root *root, const struct conflict *conflict, struct re_pool *pool,
		  struct arena *arena)
{
	struct policy_reader *reader = ARENA_NEW(arena, struct policy_reader); /* the sources keep it */

	*reader = discover_policy_reader(root);
	*out = (struct site){
		.root = root,
		.arena = arena,
		.pool = pool,
		.conflict = conflict,
		.dialect = { .base = DISCOVER_BASE, .search = discover_search(root, arena) },
		.reached = discover_reached_new(arena),
	};
	out->sources = policy_sources_new(reader, &out->dialect, arena);
	out->loaded = ARENA_NEW(arena, struct loaded);
	loaded_list(out->loaded, root, arena);
}

int discover_generated(struct site *out, const struct root *root, const struct conflict *conflict,
		       const struct container *container, struct re_pool *pool, struct arena *arena, struct err *err)
{
	struct site_policy *sp = ARENA_NEW(arena, struct site_policy);
	policy_vec policies = { 0 };

	begin(out, root, conflict, pool, arena);
	sp->container = container;
	if (discover_read(out, container->generated, &sp->policy, err) < 0)
		return -1;
	VEC_PUSH(arena, &policies, sp);
	out->policies = policies.ptr;
	out->policy_count = policies.len;
	return 0;
}

int discover(struct site *out, const struct root *root, const struct conflict *conflict, struct site_target *targets,
	     size_t target_count, struct re_pool *pool, struct arena *arena, struct err *err)
{
	struct policy_reader reader = discover_reader(root);
	policy_vec policies = { 0 };
	skipped_vec skipped = { 0 };

	begin(out, root, conflict, pool, arena);
	out->targets = targets;
	out->target_count = target_count;
	if (add_boot_policy(out, &policies, &skipped, err) < 0)
		return -1;
	discover_containers(out, &reader, &policies, &skipped);
	if (meet_targets(out, &policies, &skipped, err) < 0)
		return -1;
	out->policies = policies.ptr;
	out->policy_count = policies.len;
	out->skipped = skipped.ptr;
	out->skipped_count = skipped.len;
	return 0;
}

/* flags=(unconfined): a profile that only gives a name, as AppArmor ships them for LXC's own commands. */
static bool is_unconfined(const struct policy_profile *profile)
{
	struct slice rest = profile->flags;

	while (rest.len > 0) {
		size_t n = 0;

		while (n < rest.len && !strchr(", \t\r\n", rest.ptr[n]))
			n++;
		if (slice_is(slice_sub(rest, 0, n), "unconfined"))
			return true;
		rest = slice_from(rest, n + 1);
	}
	return false;
}

/* Is it the container that was named, by its generated text or by the static profile that it asks for? */
static bool wears(const struct site_target *target, const struct site_policy *policy, struct slice profile)
{
	const struct container *c = target->found;

	if (policy->container)
		return policy->container == c;
	return (c->origin == CONTAINER_STATIC && slice_eq(c->profile, profile)) ||
	       slice_eq(discover_label(c->label), profile);
}

bool discover_wants(const struct site *site, const struct site_policy *policy, const struct policy_profile *profile)
{
	if (site->target_count == 0 && policy->container)
		return !is_unconfined(profile); /* whatever its name: a long one is hashed */
	if (site->target_count == 0)
		return (conflict_concerns(site->conflict, profile->name) || discover_is_worn(site, profile->name)) &&
		       !is_unconfined(profile);
	for (size_t t = 0; t < site->target_count; t++) {
		const struct site_target *target = &site->targets[t];

		if (target->found) {
			if (wears(target, policy, profile->name))
				return true;
			continue;
		}
		if (!target->path && slice_eq(target->profile, profile->name))
			return true;
		if (target->path && discover_reads(&policy->policy, target->path))
			return policy->named || policy->container || conflict_concerns(site->conflict, profile->name);
	}
	return false;
}

const char *discover_path(const struct root *root, const char *text, struct arena *arena, struct err *err)
{
	const char *path = fsio_absolute(text, arena, err);
	size_t len = strlen(root->path);

	if (path && !root->live && strncmp(path, root->path, len) == 0 && path[len] == '/')
		return path + len;
	return path;
}

int discover_target(struct site_target *out, const struct root *root, const char *text, struct arena *arena,
		    struct err *err)
{
	static const char prefix[] = "profile:";

	*out = (struct site_target){ 0 };
	if (strncmp(text, prefix, sizeof prefix - 1) == 0 && text[sizeof prefix - 1]) {
		out->profile = slice_of(text + sizeof prefix - 1);
		return 0;
	}
	if (!strchr(text, '/')) {
		out->container = slice_of(text);
		return *text ? 0 : err_put(err, ERR_USAGE, "cannot find a container without a name");
	}
	out->path = discover_path(root, text, arena, err);
	return out->path ? 0 : -1;
}
