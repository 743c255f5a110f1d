/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy: reads a top-level file with its includes, statement by statement, as apparmor_parser's grammar does. */
#include "policy-internal.h"

static int walk_body(struct policy_reading *r, const struct policy_scope *scope, const struct stmt *first);

static int fail(struct policy_reading *r, const struct policy_scope *scope, const struct stmt *stmt, const char *what)
{
	return POLICY_FAIL(r->err, policy_stmt_place(scope->source, stmt), "%s", what);
}

static void list_source(struct policy_reading *r, struct policy_entry *entry)
{
	if (entry->serial == r->serial)
		return;
	entry->serial = r->serial;
	VEC_PUSH(r->arena, &r->files, entry->source);
}

static bool was_seen(const struct policy_reading *r, const struct policy_seen *seen, const struct policy_entry *entry)
{
	if (policy_dialect_of(r->sources)->include_every_time)
		return false;
	for (size_t i = 0; i < seen->list.len; i++)
		if (seen->list.ptr[i] == entry)
			return true;
	return false;
}

/* "a includes b includes a" for a file that is being read already. */
static int fail_loop(struct policy_reading *r, const struct policy_scope *scope, const struct stmt *stmt,
		     const struct policy_entry *entry)
{
	AUTOBUF chain = { 0 };
	VEC(const struct policy_source *) up = { 0 };
	const struct policy_via *via = scope->via;

	VEC_PUSH(r->arena, &up, scope->source);
	for (; up.ptr[up.len - 1] != entry->source && via; via = via->up)
		VEC_PUSH(r->arena, &up, via->source);
	for (size_t i = up.len; i > 0; i--)
		buf_addf(&chain, "'%s' includes ", up.ptr[i - 1]->path);
	return POLICY_FAIL(r->err, policy_stmt_place(scope->source, stmt), "cannot follow an include loop: %s'%s'",
			   buf_str(&chain), entry->path);
}

static bool is_open(const struct policy_scope *scope, const struct policy_source *source)
{
	if (scope->source == source)
		return true;
	for (const struct policy_via *via = scope->via; via; via = via->up)
		if (via->source == source)
			return true;
	return false;
}

static int include_file(struct policy_reading *r, const struct policy_scope *scope, const struct stmt *stmt,
			struct policy_entry *entry)
{
	struct policy_scope inner = *scope;
	struct policy_via *via;

	if (is_open(scope, entry->source))
		return fail_loop(r, scope, stmt, entry);
	list_source(r, entry);
	if (policy_check_broken(entry->source, r->err) < 0)
		return -1;
	via = ARENA_NEW(r->arena, struct policy_via);
	*via = (struct policy_via){ scope->source, stmt, scope->via };
	inner.source = entry->source;
	inner.via = via;
	return walk_body(r, &inner, entry->source->doc.first);
}

/* Regular files by byte order, not recursively: parser_lex.l include_dir_cb(). */
static int include_dir(struct policy_reading *r, const struct policy_scope *scope, const struct stmt *stmt,
		       const struct policy_entry *dir)
{
	for (size_t i = 0; i < dir->name_count; i++) {
		struct policy_entry *entry;
		const char *path;

		if (policy_is_skipped(dir->names[i]))
			continue;
		path = arena_printf(r->arena, "%s/%.*s", dir->path, SLICE_FMT(dir->names[i]));
		entry = policy_lookup(r->sources, path, r->err);
		if (!entry)
			return -1;
		if (entry->found == POLICY_MISSING)
			return POLICY_FAIL(r->err, policy_stmt_place(scope->source, stmt),
					   "cannot include '%s': it leads nowhere", path);
		if (entry->found != POLICY_FILE || was_seen(r, scope->seen, entry))
			continue;
		VEC_PUSH(r->arena, &scope->seen->list, entry);
		if (include_file(r, scope, stmt, entry) < 0)
			return -1;
	}
	return 0;
}

/* parser_include.c search_path(). *out stays NULL where nothing is there; *seen: it was included before. */
static int search_include(struct policy_reading *r, const struct policy_scope *scope, struct slice name,
			  struct policy_entry **out, bool *seen)
{
	const struct policy_dialect *dialect = policy_dialect_of(r->sources);
	const char *const *dir = dialect->search;
	const char *base;

	do {
		base = dir && *dir ? *dir++ : NULL;
		*out = policy_lookup(r->sources,
				     arena_printf(r->arena, "%s/%.*s", base ? base : dialect->base, SLICE_FMT(name)),
				     r->err);
		if (!*out)
			return -1;
		*seen = was_seen(r, scope->seen, *out);
	} while (base && !*seen && (*out)->found == POLICY_MISSING);
	return 0;
}

static int find_include(struct policy_reading *r, const struct policy_scope *scope, const struct stmt *stmt,
			struct policy_entry **out, bool *seen)
{
	struct slice name = doc_word(slice_trim(stmt->include_name), r->arena);

	if (name.len == 0 || memchr(name.ptr, '\0', name.len))
		return fail(r, scope, stmt, "cannot include a file without a name");
	if (stmt->include_magic)
		return search_include(r, scope, name, out, seen);
	if (name.ptr[0] != '/') {
		POLICY_FAIL(r->err, policy_stmt_place(scope->source, stmt),
			    "cannot include '%.*s': it depends on the directory apparmor_parser is started in",
			    SLICE_FMT(name));
		return err_hint(r->err, "write <%.*s> or the whole path", SLICE_FMT(name));
	}
	*out = policy_lookup(r->sources, arena_str(r->arena, name), r->err);
	if (!*out)
		return -1;
	*seen = was_seen(r, scope->seen, *out);
	return 0;
}

static int walk_include(struct policy_reading *r, const struct policy_scope *scope, const struct stmt *stmt)
{
	struct policy_entry *entry = NULL;
	bool seen = false;

	if (find_include(r, scope, stmt, &entry, &seen) < 0)
		return -1;
	if (seen)
		return 0;
	if (entry->found == POLICY_MISSING) {
		if (stmt->include_if_exists)
			return 0;
		return POLICY_FAIL(r->err, policy_stmt_place(scope->source, stmt), "cannot include '%.*s': not found",
				   SLICE_FMT(stmt->include_name));
	}
	VEC_PUSH(r->arena, &scope->seen->list, entry);
	if (entry->found == POLICY_DEVICE)
		return 0;
	if (entry->found == POLICY_ELSE)
		return POLICY_FAIL(r->err, policy_stmt_place(scope->source, stmt),
				   "cannot include '%s': it is a FIFO or a socket", entry->path);
	return entry->found == POLICY_DIR ? include_dir(r, scope, stmt, entry) : include_file(r, scope, stmt, entry);
}

static int assign_boolean(struct policy_reading *r, const struct policy_scope *scope, const struct stmt *stmt)
{
	struct slice text = { 0 };
	bool truth;

	if (stmt->value_count > 0) {
		struct slice last = stmt->values[stmt->value_count - 1];

		text.ptr = stmt->values[0].ptr;
		text.len = (size_t)(last.ptr + last.len - text.ptr);
	}
	if (text.len == 0)
		return fail(r, scope, stmt, "cannot define a boolean without a value");
	if (policy_condition(&r->vars, scope->source, text, &truth, r->err) < 0)
		return -1;
	return policy_var_boolean(&r->vars, stmt->name, truth, policy_stmt_place(scope->source, stmt), r->err);
}

/* new_alias() keeps a sorted set of pairs. */
static void add_alias(struct policy_reading *r, const struct stmt *stmt)
{
	struct policy_alias new_ = { doc_word(stmt->alias_from, r->arena), doc_word(stmt->alias_to, r->arena) };
	size_t i = r->aliases.len;

	for (size_t j = 0; j < r->aliases.len; j++)
		if (slice_eq(r->aliases.ptr[j].from, new_.from) && slice_eq(r->aliases.ptr[j].to, new_.to))
			return;
	VEC_PUSH(r->arena, &r->aliases, new_);
	for (; i > 0 && slice_cmp(r->aliases.ptr[i - 1].from, new_.from) > 0; i--)
		r->aliases.ptr[i] = r->aliases.ptr[i - 1];
	r->aliases.ptr[i] = new_;
}

static int walk_preamble(struct policy_reading *r, const struct policy_scope *scope, const struct stmt *stmt)
{
	if (scope->in_profile || r->past_preamble)
		return fail(r, scope, stmt, "cannot define this here: definitions stand before the first profile");
	if (stmt->kind == STMT_BOOLEAN)
		return assign_boolean(r, scope, stmt);
	if (stmt->kind == STMT_VARIABLE)
		return policy_var_assign(&r->vars, stmt, policy_stmt_place(scope->source, stmt), r->err);
	add_alias(r, stmt);
	return 0;
}

/* ":ns:name" and ":ns://name" (parser_misc.c parse_label). */
static bool split_namespace(struct slice *name, struct slice *ns)
{
	size_t end;

	*ns = (struct slice){ 0 };
	if (name->len == 0 || name->ptr[0] != ':')
		return name->len > 0;
	*name = slice_from(*name, 1);
	end = slice_find(*name, ':');
	if (end == 0 || end == name->len)
		return false;
	*ns = slice_sub(*name, 0, end);
	*name = slice_from(*name, end + 1);
	if (slice_starts(*name, "//"))
		*name = slice_from(*name, 2);
	return name->len > 0;
}

static int new_build(struct policy_reading *r, const struct policy_scope *scope, const struct stmt *stmt,
		     struct policy_build **out)
{
	struct policy_build *b = ARENA_NEW(r->arena, struct policy_build);

	b->name = doc_word(stmt->name, r->arena);
	if (!split_namespace(&b->name, &b->ns))
		return fail(r, scope, stmt, "cannot read this profile: it has no name");
	b->parent = scope->build;
	b->is_hat = stmt->is_hat;
	b->profile.source = scope->source;
	b->profile.stmt = stmt;
	b->profile.via = scope->via;
	b->profile.attachment = stmt->attachment.len ? doc_word(stmt->attachment, r->arena) : stmt->attachment;
	b->profile.flags = stmt->flags;
	if (b->parent)
		b->parent->has_children = true;
	VEC_PUSH(r->arena, &r->builds, b);
	*out = b;
	return 0;
}

static int walk_profile(struct policy_reading *r, const struct policy_scope *scope, const struct stmt *stmt)
{
	struct policy_seen seen = { 0 };
	struct policy_scope inner = {
		.in_profile = true,
		.source = scope->source,
		.via = scope->via,
		.seen = &seen,
		/* apparmor_parser frees the hats inside a block with the block: they are not in force */
		.live = scope->live && !scope->block,
	};

	r->past_preamble = true;
	if (inner.live && new_build(r, scope, stmt, &inner.build) < 0)
		return -1;
	inner.conditional = scope->conditional;
	return walk_body(r, &inner, stmt->body);
}

static int walk_block(struct policy_reading *r, const struct policy_scope *scope, const struct stmt *stmt)
{
	struct policy_scope inner = *scope;

	if (stmt->qualifiers.has_priority && stmt->qualifiers.priority != 0)
		return fail(r, scope, stmt, "cannot read this block: a block takes no priority");
	if (!policy_join_mode(&inner.mode, &stmt->qualifiers))
		return fail(r, scope, stmt, "cannot read this block: its qualifiers contradict each other");
	inner.block = true;
	return walk_body(r, &inner, stmt->body);
}

/* Rules of other classes inside a block are dropped, change_profile excepted (parser_yacc.y copies `entries` only). */
static void keep_other(struct policy_reading *r, const struct policy_scope *scope, const struct stmt *stmt)
{
	bool change = stmt->kind == STMT_RULE && stmt->rule_class == RULE_CHANGE_PROFILE;

	if (!scope->live || !scope->build || (scope->block && !change))
		return;
	VEC_PUSH(r->arena, &scope->build->others, stmt);
	if (change && !scope->build->cause.stmt)
		scope->build->cause = (struct policy_rule){ .source = scope->source, .stmt = stmt, .via = scope->via };
}

static int walk_stmt(struct policy_reading *r, const struct policy_scope *scope, const struct stmt *stmt)
{
	bool is_rule = stmt->kind == STMT_RULE || stmt->kind == STMT_BLOCK || stmt->kind == STMT_CONDITIONAL;

	if (is_rule && !scope->in_profile)
		return fail(r, scope, stmt, "cannot read this policy: rules stand inside a profile");
	switch (stmt->kind) {
	case STMT_INCLUDE:
		return walk_include(r, scope, stmt);
	case STMT_ALIAS:
	case STMT_VARIABLE:
	case STMT_BOOLEAN:
		return walk_preamble(r, scope, stmt);
	case STMT_PROFILE:
		return walk_profile(r, scope, stmt);
	case STMT_BLOCK:
		return walk_block(r, scope, stmt);
	case STMT_RULE:
		if (stmt->rule_class == RULE_FILE || stmt->rule_class == RULE_LINK)
			return policy_add_rule(r, scope, stmt);
		keep_other(r, scope, stmt);
		return stmt->rule_class == RULE_ALL ? policy_add_rule(r, scope, stmt) : 0;
	case STMT_OPAQUE:
		keep_other(r, scope, stmt);
		return 0;
	default: /* abi: file rules do not depend on it */
		return 0;
	}
}

/* An `if` and the branches that follow it. */
struct branches {
	bool open;  /* an else may follow */
	bool taken; /* one of them is in force */
};

static int walk_conditional(struct policy_reading *r, const struct policy_scope *scope, const struct stmt *stmt,
			    struct branches *b)
{
	struct policy_scope inner = *scope;
	bool truth = true;

	if (!scope->in_profile)
		return fail(r, scope, stmt, "cannot read this policy: conditions stand inside a profile");
	if (stmt->is_else && !b->open)
		return fail(r, scope, stmt, "cannot read this policy: an else without an if");
	if (!stmt->is_else)
		b->taken = false;
	b->open = !stmt->is_else || stmt->condition.len > 0;
	if (b->open && policy_condition(&r->vars, scope->source, stmt->condition, &truth, r->err) < 0)
		return -1;
	inner.live = scope->live && truth && !b->taken;
	inner.conditional = true;
	b->taken |= truth;
	return walk_body(r, &inner, stmt->body);
}

static int walk_body(struct policy_reading *r, const struct policy_scope *scope, const struct stmt *first)
{
	struct branches branches = { 0 };
	int rc = 0;

	if (first && ++r->depth > POLICY_MAX_DEPTH)
		return fail(r, scope, first, "cannot read this policy: includes and blocks nest too deeply");
	for (const struct stmt *s = first; s && rc == 0; s = s->next) {
		if (++r->steps > POLICY_MAX_STEPS)
			return fail(r, scope, s, "cannot read this policy: it includes too much");
		if (s->kind == STMT_CONDITIONAL) {
			rc = walk_conditional(r, scope, s, &branches);
			continue;
		}
		branches.open = false;
		rc = walk_stmt(r, scope, s);
	}
	if (first)
		r->depth--;
	return rc;
}

/* The full name, its variables expanded: Profile::get_name(). @{profile_name} is not defined yet. */
static int finish_name(struct policy_reading *r, struct policy_build *b)
{
	struct policy_place place = policy_stmt_place(b->profile.source, b->profile.stmt);
	struct slice name;

	r->vars.profile_name = NULL;
	r->vars.attachment = NULL;
	policy_vars_forget(&r->vars);
	if (policy_expand(&r->vars, b->name, &name, NULL, place, r->err) < 0 ||
	    policy_expand(&r->vars, b->profile.attachment, &b->profile.attachment, NULL, place, r->err) < 0)
		return -1;
	if (b->profile.attachment.len == 0 && slice_starts(name, "/"))
		b->profile.attachment = name;
	b->profile.name = name;
	if (b->parent) {
		b->ns = b->parent->ns;
		b->profile.name =
		    slice_of(arena_printf(r->arena, "%.*s//%.*s", SLICE_FMT(b->parent->profile.name), SLICE_FMT(name)));
	}
	return 0;
}

static int check_unique(struct policy_reading *r, size_t index)
{
	const struct policy_build *b = r->builds.ptr[index], *a;

	for (size_t i = 0; i < index; i++) {
		a = r->builds.ptr[i];
		if (slice_eq(a->profile.name, b->profile.name) && slice_eq(a->ns, b->ns))
			return POLICY_FAIL(r->err, policy_stmt_place(b->profile.source, b->profile.stmt),
					   "cannot define profile '%.*s' twice: it is defined at %s:%zu:%zu",
					   SLICE_FMT(b->profile.name), a->profile.source->path, a->profile.stmt->line,
					   a->profile.stmt->column);
	}
	return 0;
}

/* Order as in apparmor_parser: change_profile's rules, those of hats, then variables, then aliases. */
static int finish_profile(struct policy_reading *r, size_t index)
{
	struct policy_build *b = r->builds.ptr[index];
	struct slice escaped;
	struct policy_rule header = { .source = b->profile.source, .stmt = b->profile.stmt, .via = b->profile.via };

	if (finish_name(r, b) < 0 || check_unique(r, index) < 0)
		return -1;
	if (b->cause.stmt)
		policy_add_implied(r, b, &b->cause, false);
	/* 2.13 gives them to the hat only, later ones to its parent, too (profile.cc profile_add_hat_rules) */
	if (b->is_hat || (b->has_children && !policy_dialect_of(r->sources)->include_every_time))
		policy_add_implied(r, b, &header, true);
	escaped = policy_escape_name(b->profile.name, r->arena);
	r->vars.profile_name = &escaped;
	r->vars.attachment = b->profile.attachment.len > 0 ? &b->profile.attachment : NULL;
	policy_vars_forget(&r->vars);
	if (policy_finish_rules(r, b) < 0)
		return -1;
	r->vars.profile_name = NULL;
	b->profile.others = b->others.ptr;
	b->profile.other_count = b->others.len;
	return 0;
}

static int read_policy(struct policy *out, struct policy_reading *r, const struct policy_source *source)
{
	struct policy_seen seen = { 0 };
	struct policy_scope scope = { .live = true, .seen = &seen, .source = source };

	r->vars.arena = r->arena;
	if (policy_check_broken(source, r->err) < 0 || walk_body(r, &scope, source->doc.first) < 0)
		return -1;
	out->profiles = arena_array(r->arena, r->builds.len, sizeof *out->profiles);
	for (size_t i = 0; i < r->builds.len; i++) {
		if (finish_profile(r, i) < 0)
			return -1;
		out->profiles[i] = r->builds.ptr[i]->profile;
	}
	out->count = r->builds.len;
	out->sources = r->files.ptr;
	out->source_count = r->files.len;
	return 0;
}

int policy_read(struct policy *out, struct policy_sources *sources, const char *path, struct arena *arena,
		struct err *err)
{
	struct policy_reading r = { .sources = sources, .arena = arena, .err = err };
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

int policy_read_text(struct policy *out, struct policy_sources *sources, const char *name, struct slice text,
		     struct arena *arena, struct err *err)
{
	struct policy_reading r = { .sources = sources, .arena = arena, .err = err };
	struct policy_source *source = ARENA_NEW(arena, struct policy_source);

	source->path = arena_str(arena, slice_of(name));
	*out = (struct policy){ .path = source->path };
	if (text.len > POLICY_MAX_BYTES)
		return err_put(err, ERR_FAILED, "cannot read '%s': more than %d MiB of policy", name,
			       POLICY_MAX_BYTES >> 20);
	doc_parse(&source->doc, text, arena);
	r.serial = policy_next_serial(sources);
	VEC_PUSH(arena, &r.files, source);
	return read_policy(out, &r, source);
}

struct policy_profile *policy_find(const struct policy *policy, struct slice name)
{
	for (size_t i = 0; i < policy->count; i++)
		if (slice_eq(policy->profiles[i].name, name))
			return &policy->profiles[i];
	return NULL;
}
