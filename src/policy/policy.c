/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy: walks a top-level file with its includes, statement by statement. */
#include "policy-internal.h"

/* A profile that is being read; the one without a header is the preamble. */
struct build {
	struct policy_profile profile;
	VEC(struct policy_place) rules;
	VEC(const struct policy_entry *) seen; /* which files its body has included: parser/file_cache.h */
};

struct reading {
	struct policy_sources *sources;
	struct arena *arena;
	struct err *err;
	VEC(struct build *) builds; /* the preamble first */
	VEC(const struct policy_source *) files;
	VEC(struct policy_place) preamble;
	size_t steps, rules;
	unsigned serial;
};

/* One file being walked. */
struct scope {
	const struct policy_source *source;
	const struct policy_via *via;
	struct build *outer; /* what stands around its include */
	size_t depth;
};

static int walk_file(struct reading *r, const struct scope *scope);

static int too_large(struct reading *r, const struct scope *scope, const struct stmt *stmt, const char *what)
{
	return err_at(r->err, ERR_FAILED, scope->source->path, stmt->line, stmt->column, "cannot read this policy: %s",
		      what);
}

static void list_source(struct reading *r, struct policy_entry *entry)
{
	if (entry->serial == r->serial)
		return;
	entry->serial = r->serial;
	VEC_PUSH(r->arena, &r->files, entry->source);
}

/* Marks it as included in the body; false: it was included there before, which the parser passes over. */
static bool see(struct reading *r, struct build *build, const struct policy_entry *entry)
{
	for (size_t i = 0; i < build->seen.len; i++)
		if (build->seen.ptr[i] == entry)
			return false;
	VEC_PUSH(r->arena, &build->seen, entry);
	return true;
}

static bool is_open(const struct scope *scope, const struct policy_source *source)
{
	if (scope->source == source)
		return true;
	for (const struct policy_via *via = scope->via; via; via = via->up)
		if (via->source == source)
			return true;
	return false;
}

static int include_file(struct reading *r, const struct scope *scope, const struct stmt *stmt, struct build *build,
			struct policy_entry *entry)
{
	struct policy_via *via;
	struct scope inner = { .source = entry->source, .outer = build, .depth = scope->depth + 1 };

	if (!see(r, build, entry) || is_open(scope, entry->source))
		return 0;
	if (inner.depth > POLICY_MAX_DEPTH)
		return too_large(r, scope, stmt, "includes nest too deeply");
	list_source(r, entry);
	via = ARENA_NEW(r->arena, struct policy_via);
	*via = (struct policy_via){ scope->source, stmt, scope->via };
	inner.via = via;
	return walk_file(r, &inner);
}

/* Regular files by byte order, not recursively: parser_lex.l include_dir_cb(). */
static int include_dir(struct reading *r, const struct scope *scope, const struct stmt *stmt, struct build *build,
		       const struct policy_entry *dir)
{
	for (size_t i = 0; i < dir->name_count; i++) {
		struct policy_entry *entry;

		if (policy_is_skipped(dir->names[i]))
			continue;
		entry = policy_lookup(r->sources,
				      arena_printf(r->arena, "%s/%.*s", dir->path, SLICE_FMT(dir->names[i])), r->err);
		if (!entry || (entry->found == POLICY_FILE && include_file(r, scope, stmt, build, entry) < 0))
			return -1;
	}
	return 0;
}

static int walk_include(struct reading *r, const struct scope *scope, const struct stmt *stmt, struct build *build)
{
	struct policy_entry *entry;

	if (stmt->include_name.len == 0)
		return 0;
	entry = policy_included(r->sources, stmt, r->arena, r->err);
	if (!entry)
		return -1;
	if (entry->found == POLICY_ELSE)
		return err_at(r->err, ERR_REFUSED, scope->source->path, stmt->line, stmt->column,
			      "cannot include '%s': it is a FIFO or a socket", entry->path);
	if (entry->found == POLICY_DIR)
		return include_dir(r, scope, stmt, build, entry);
	return entry->found == POLICY_FILE ? include_file(r, scope, stmt, build, entry) : 0;
}

/* ":ns:name" and ":ns://name" (parser_misc.c parse_label). */
static struct slice without_namespace(struct slice name)
{
	size_t end;

	if (!slice_starts(name, ":"))
		return name;
	end = slice_find(slice_from(name, 1), ':');
	name = slice_from(name, end + 2);
	return slice_starts(name, "//") ? slice_from(name, 2) : name;
}

static void walk_profile(struct reading *r, const struct scope *scope, const struct stmt *stmt,
			 const struct build *parent)
{
	struct build *b = ARENA_NEW(r->arena, struct build);
	struct slice name = without_namespace(doc_word(stmt->name, r->arena));

	if (parent->profile.place.stmt)
		name = slice_of(arena_printf(r->arena, "%.*s//%.*s", SLICE_FMT(parent->profile.name), SLICE_FMT(name)));
	b->profile.name = name;
	b->profile.flags = stmt->flags;
	b->profile.place = (struct policy_place){ scope->source, stmt, scope->via };
	VEC_PUSH(r->arena, &r->builds, b);
}

/* The profile around a statement of this file. Looked for from the end, where the one being read is. */
static struct build *build_of(const struct reading *r, const struct scope *scope, const struct stmt *stmt)
{
	const struct stmt *header = stmt->parent;

	while (header && header->kind != STMT_PROFILE)
		header = header->parent;
	for (size_t i = r->builds.len; header && i > 0; i--) {
		struct build *b = r->builds.ptr[i - 1];

		if (b->profile.place.stmt == header && b->profile.place.via == scope->via)
			return b;
	}
	return scope->outer;
}

static int add_rule(struct reading *r, const struct scope *scope, const struct stmt *stmt, struct build *build)
{
	struct policy_place rule = { scope->source, stmt, scope->via };

	if (stmt->rule_class != RULE_FILE && stmt->rule_class != RULE_LINK && stmt->rule_class != RULE_ALL)
		return 0;
	if (++r->rules > POLICY_MAX_RULES)
		return too_large(r, scope, stmt,
				 arena_printf(r->arena, "it has more than %d file rules", POLICY_MAX_RULES));
	VEC_PUSH(r->arena, &build->rules, rule);
	return 0;
}

static int walk_stmt(struct reading *r, const struct scope *scope, const struct stmt *stmt)
{
	struct build *build = build_of(r, scope, stmt);

	switch (stmt->kind) {
	case STMT_INCLUDE:
		return walk_include(r, scope, stmt, build);
	case STMT_PROFILE:
		walk_profile(r, scope, stmt, build);
		return 0;
	case STMT_RULE:
		return add_rule(r, scope, stmt, build);
	case STMT_ABI:
	case STMT_ALIAS:
	case STMT_VARIABLE:
	case STMT_BOOLEAN:
		if (!build->profile.place.stmt)
			VEC_PUSH(r->arena, &r->preamble, (struct policy_place){ scope->source, stmt, scope->via });
		return 0;
	default:
		return 0;
	}
}

static int walk_file(struct reading *r, const struct scope *scope)
{
	for (const struct stmt *s = scope->source->doc.first; s; s = doc_next(s)) {
		if (++r->steps > POLICY_MAX_STEPS)
			return too_large(r, scope, s, "it includes too much");
		if (walk_stmt(r, scope, s) < 0)
			return -1;
	}
	return 0;
}

static int read_policy(struct policy *out, struct reading *r, const struct policy_source *source)
{
	struct build *preamble = ARENA_NEW(r->arena, struct build);
	struct scope scope = { .source = source, .outer = preamble };

	VEC_PUSH(r->arena, &r->builds, preamble);
	if (walk_file(r, &scope) < 0)
		return -1;
	out->count = r->builds.len - 1;
	out->profiles = arena_array(r->arena, out->count, sizeof *out->profiles);
	for (size_t i = 0; i < out->count; i++) {
		struct build *b = r->builds.ptr[i + 1];

		out->profiles[i] = b->profile;
		out->profiles[i].rules = b->rules.ptr;
		out->profiles[i].rule_count = b->rules.len;
	}
	out->sources = r->files.ptr;
	out->source_count = r->files.len;
	out->preamble = r->preamble.ptr;
	out->preamble_count = r->preamble.len;
	return 0;
}

int policy_read(struct policy *out, struct policy_sources *sources, const char *path, struct arena *arena,
		struct err *err)
{
	struct reading r = { .sources = sources, .arena = arena, .err = err };
	struct policy_entry *entry = policy_lookup(sources, path, err);

	*out = (struct policy){ .path = path };
	if (!entry || !policy_source(sources, path, err))
		return -1;
	out->path = entry->path;
	out->from = sources;
	r.serial = policy_next_serial(sources);
	list_source(&r, entry);
	return read_policy(out, &r, entry->source);
}

struct policy_profile *policy_find(const struct policy *policy, struct slice name)
{
	for (size_t i = 0; i < policy->count; i++)
		if (slice_eq(policy->profiles[i].name, name))
			return &policy->profiles[i];
	return NULL;
}

bool policy_outer(struct policy_place *place)
{
	const struct policy_via *via = place->via;

	if (place->stmt->parent)
		place->stmt = place->stmt->parent;
	else if (via)
		*place = (struct policy_place){ via->source, via->include, via->up };
	else
		return false;
	return true;
}

bool policy_denies(const struct policy_place *rule)
{
	struct policy_place at = *rule;

	do {
		if (at.stmt->kind == STMT_PROFILE)
			return false;
		if ((at.stmt->kind == STMT_RULE || at.stmt->kind == STMT_BLOCK) && at.stmt->qualifiers.deny)
			return true;
	} while (policy_outer(&at));
	return false;
}
