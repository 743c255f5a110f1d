/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy-reach: everything that apparmor_parser could open for a policy. */
#include <ctype.h>

#include "policy-internal.h"

struct reach {
	struct policy_sources *sources;
	struct arena *arena;
	VEC(struct policy_part) parts;
	struct err *trouble;
	unsigned serial;
};

/* The path without "//" and "/./". Where `..` leads depends on links on the way, and is not guessed at: NULL. */
static const char *plain_path(const char *path, struct arena *arena)
{
	AUTOBUF out = { 0 };
	struct slice rest = slice_of(path);

	while (rest.len > 0) {
		size_t len = slice_find(rest, '/');
		struct slice part = slice_sub(rest, 0, len);

		rest = slice_from(rest, len + 1);
		if (part.len == 0 || slice_is(part, "."))
			continue;
		if (slice_is(part, ".."))
			return NULL;
		buf_addc(&out, '/');
		buf_addslice(&out, part);
	}
	return out.len > 0 ? arena_str(arena, buf_slice(&out)) : "/";
}

static struct policy_entry *look(struct policy_sources *sources, const char *dir, struct slice name,
				 struct arena *arena, struct err *err)
{
	const char *spelled = arena_printf(arena, "%s/%.*s", dir, SLICE_FMT(name));
	const char *path = plain_path(spelled, arena);

	if (path)
		return policy_lookup(sources, path, err);
	err_put(err, ERR_REFUSED, "cannot follow the include of '%s'", spelled);
	err_hint(err, "write the include without '..'");
	return NULL;
}

struct policy_entry *policy_included(struct policy_sources *sources, const struct stmt *stmt, struct arena *arena,
				     struct err *err)
{
	const struct policy_dialect *dialect = policy_dialect_of(sources);
	const char *const *dir = dialect->search;
	struct slice name = policy_include_name(stmt, arena);

	if (!stmt->include_magic)
		return look(sources, "", name, arena, err);
	for (; dir && *dir; dir++) {
		struct policy_entry *entry = look(sources, *dir, name, arena, err);

		if (!entry || entry->found != POLICY_MISSING)
			return entry;
	}
	return look(sources, dialect->base, name, arena, err);
}

struct slice policy_include_name(const struct stmt *stmt, struct arena *arena)
{
	struct slice name = doc_word(stmt->include_name, arena);

	return slice_sub(name, 0, slice_find(name, '\0'));
}

static struct err *trouble(struct reach *r)
{
	if (!r->trouble)
		r->trouble = ARENA_NEW(r->arena, struct err);
	return r->trouble;
}

static void add(struct reach *r, struct policy_entry *entry)
{
	if (entry->serial == r->serial)
		return;
	entry->serial = r->serial;
	if (r->parts.len == POLICY_MAX_FILES)
		err_put(trouble(r), ERR_FAILED, "cannot follow the includes of more than %d files", POLICY_MAX_FILES);
	else
		VEC_PUSH(r->arena, &r->parts, (struct policy_part){ entry->path, entry->found, entry->source });
}

/* Its regular files, not recursively; what is neither file nor folder is passed over (parser_lex.l include_dir_cb).
 * A name that leads nowhere makes the parser give up. */
static void add_entries(struct reach *r, const struct policy_entry *dir)
{
	for (size_t i = 0; i < dir->name_count; i++) {
		struct policy_entry *entry;

		if (policy_is_skipped(dir->names[i]))
			continue;
		entry = look(r->sources, dir->path, dir->names[i], r->arena, trouble(r));
		if (entry && entry->found == POLICY_FILE)
			add(r, entry);
		if (entry && entry->found == POLICY_MISSING)
			err_put(trouble(r), ERR_FAILED, "cannot include '%s': it leads nowhere", entry->path);
	}
}

/* A device is opened and passed over; of a FIFO or a socket there is no end (parser_lex.l include_filename). */
static void add_included(struct reach *r, const struct policy_source *in, const struct stmt *stmt)
{
	struct policy_entry *entry = policy_included(r->sources, stmt, r->arena, trouble(r));

	if (!entry)
		return;
	add(r, entry);
	if (entry->found == POLICY_DIR)
		add_entries(r, entry);
	if (entry->found == POLICY_ELSE) {
		err_at(trouble(r), ERR_REFUSED, in->path, stmt->line, stmt->column,
		       "cannot include '%s': it is a FIFO or a socket", entry->path);
		err_hint(trouble(r), "put the file that is meant in its place");
	}
}

/* Does the word stand at this place: not within a longer one, and as `include ` or `#include`? */
static bool is_include(struct slice text, size_t at, size_t len)
{
	char before = at > 0 ? text.ptr[at - 1] : ' ', after = at + len < text.len ? text.ptr[at + len] : ' ';

	return before == '#' || (!isalnum((unsigned char)before) && !strchr("_-./", before) && isblank(after));
}

/* In most kinds of rules `include` is a word like any other. Should a parser think otherwise of one, what it includes
 * there would be missed. */
static bool hides_include(const struct stmt *s, struct slice text)
{
	static const char word[] = "include";
	struct slice part = s->condition;

	if (s->kind == STMT_RULE && s->rule_class != RULE_FILE && s->rule_class != RULE_LINK)
		part = s->text;
	if (s->kind == STMT_OPAQUE)
		part = slice_sub(text, s->span.at, s->span.len);
	for (size_t at = 0; at < part.len; at++) {
		const char *hit = memmem(part.ptr + at, part.len - at, word, sizeof word - 1);

		if (!hit)
			break;
		at = (size_t)(hit - part.ptr);
		if (is_include(part, at, sizeof word - 1))
			return true;
	}
	return false;
}

static bool names_file(const struct stmt *s)
{
	return (s->kind == STMT_INCLUDE || s->kind == STMT_ABI) && s->include_name.len > 0;
}

static void follow(struct reach *r, const struct policy_source *source)
{
	const struct doc *doc = &source->doc;

	if (doc->too_deep)
		err_put(trouble(r), ERR_REFUSED, "cannot follow the includes of '%s': its braces nest too deeply",
			source->path);
	for (const struct stmt *s = doc->first; s; s = doc_next(s)) {
		if (names_file(s))
			add_included(r, source, s);
		else if (hides_include(s, doc->text))
			err_at(trouble(r), ERR_REFUSED, source->path, s->line, s->column,
			       "cannot follow an include inside a rule");
	}
}

void policy_reach(struct policy_reach *out, struct policy_sources *sources, const struct policy_source *top,
		  struct arena *arena)
{
	struct reach r = { .sources = sources, .arena = arena, .serial = policy_next_serial(sources) };

	VEC_PUSH(arena, &r.parts, (struct policy_part){ top->path, POLICY_FILE, top });
	/* the list grows while it is walked */
	for (size_t i = 0; i < r.parts.len; i++)
		if (r.parts.ptr[i].source)
			follow(&r, r.parts.ptr[i].source);
	*out = (struct policy_reach){ r.parts.ptr, r.parts.len, NULL };
	if (r.trouble && err_is_set(r.trouble))
		out->trouble = r.trouble;
}
