/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fnmatch.h>
#include <strings.h>

#include <nestfix/automaton.h>

#include "conflict-internal.h"

struct field {
	const char *name;
	bool required;
	int (*read)(struct conflict_reader *r, const struct conflict_value *v);
};

int conflict_wrong_line(struct conflict_reader *r, const struct keyval_line *line, const char *what)
{
	return err_at(r->err, ERR_FAILED, r->file, line->line, line->column, "'%.*s': %s", SLICE_FMT(line->text), what);
}

static int one_line(struct conflict_reader *r, const struct conflict_value *v, struct slice *out)
{
	*out = v->lines[0].text;
	return v->count == 1 ? 0 : conflict_wrong_line(r, &v->lines[1], "a second line where the field takes one");
}

static bool is_name(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !(c == '-' && i > 0))
			return false;
	}
	return s.len > 0;
}

static int read_name(struct conflict_reader *r, const struct conflict_value *v, struct slice *out)
{
	if (one_line(r, v, out) < 0)
		return -1;
	return is_name(*out) ? 0 : conflict_wrong_line(r, &v->lines[0], "a name is made of a-z, 0-9 and '-'");
}

static struct slice *read_list(struct conflict_reader *r, const struct conflict_value *v, size_t *count)
{
	struct slice *list = arena_array(r->arena, v->count, sizeof *list);

	for (size_t i = 0; i < v->count; i++)
		list[i] = arena_slice(r->arena, v->lines[i].text);
	*count = v->count;
	return list;
}

/* A path, not a pattern: it is opened, or asked for, as it stands. */
static int check_path(struct conflict_reader *r, const struct keyval_line *line, struct slice path)
{
	const struct slice globs = SLICE("*?[]{}");

	if (!slice_starts(path, "/"))
		return conflict_wrong_line(r, line, "a path begins with '/'");
	for (size_t i = 0; i < path.len; i++) {
		if (slice_find(globs, path.ptr[i]) < globs.len)
			return conflict_wrong_line(r, line, "a path is wanted here, not a pattern");
		if (path.ptr[i] == '/' && (i + 1 == path.len || path.ptr[i + 1] == '/'))
			return conflict_wrong_line(r, line, "a path has no '//' and no '/' at its end");
	}
	return 0;
}

/* Splits "PATH PERMS" at its last blanks: a path may hold blanks, permissions do not. */
static int split_perms(struct conflict_reader *r, const struct keyval_line *line, struct slice *path, uint32_t *perms)
{
	size_t at = line->text.len;

	while (at > 0 && line->text.ptr[at - 1] != ' ' && line->text.ptr[at - 1] != '\t')
		at--;
	*path = slice_trim(slice_sub(line->text, 0, at));
	if (path->len == 0)
		return conflict_wrong_line(r, line,
					   "a line is a path, a blank and permissions, such as '/sys/net/x w'");
	if (!conflict_perms(slice_from(line->text, at), perms)) {
		struct keyval_line word = { slice_from(line->text, at), line->line, line->column + at };

		return conflict_wrong_line(r, &word, "permissions are letters of r w a x m k l, each at most once");
	}
	return 0;
}

static int read_conflict(struct conflict_reader *r, const struct conflict_value *v)
{
	return read_name(r, v, &r->out->name);
}

static int read_title(struct conflict_reader *r, const struct conflict_value *v)
{
	return one_line(r, v, &r->out->title);
}

static int read_description(struct conflict_reader *r, const struct conflict_value *v)
{
	r->out->description = v->field->value;
	return 0;
}

static int read_profiles(struct conflict_reader *r, const struct conflict_value *v)
{
	r->out->profiles = read_list(r, v, &r->out->profile_count);
	return 0;
}

static int read_references(struct conflict_reader *r, const struct conflict_value *v)
{
	r->out->references = read_list(r, v, &r->out->reference_count);
	return 0;
}

static int read_scope_name(struct conflict_reader *r, const struct conflict_value *v)
{
	if (read_name(r, v, &r->scope->name) < 0)
		return -1;
	if (conflict_scope(r->out, r->scope->name))
		return conflict_wrong_line(r, &v->lines[0], "a scope of this name stands above already");
	r->scope->line = v->field->line;
	return 0;
}

static int read_default(struct conflict_reader *r, const struct conflict_value *v)
{
	struct slice answer;

	if (one_line(r, v, &answer) < 0)
		return -1;
	if (!slice_is(answer, "yes") && !slice_is(answer, "no"))
		return conflict_wrong_line(r, &v->lines[0], "'yes' or 'no' is wanted here");
	r->scope->is_default = slice_is(answer, "yes");
	return 0;
}

static int read_summary(struct conflict_reader *r, const struct conflict_value *v)
{
	r->scope->summary = v->lines[0].text;
	return 0;
}

static int read_pattern(struct conflict_reader *r, const struct keyval_line *line, struct slice pattern)
{
	struct err inner = { 0 };
	struct aare glob;

	if (!slice_starts(pattern, "/"))
		return conflict_wrong_line(r, line, "a pattern of paths begins with '/'");
	if (aare_parse(&glob, pattern, r->pool, r->arena, &inner) < 0)
		return err_at(r->err, ERR_FAILED, r->file, line->line, line->column, "%s", inner.text);
	r->scope->paths = re_alt(r->pool, r->scope->paths, glob.re);
	return 0;
}

static int read_give_back(struct conflict_reader *r, const struct conflict_value *v)
{
	struct conflict_scope *s = r->scope;

	s->paths = re_none(r->pool);
	s->give_back = arena_array(r->arena, v->count, sizeof *s->give_back);
	s->give_back_count = v->count;
	for (size_t i = 0; i < v->count; i++) {
		struct slice pattern;
		uint32_t perms;

		if (split_perms(r, &v->lines[i], &pattern, &perms) < 0 || read_pattern(r, &v->lines[i], pattern) < 0)
			return -1;
		if (i > 0 && perms != s->perms)
			return conflict_wrong_line(r, &v->lines[i],
						   "all lines of a scope give back the same permissions");
		s->perms = perms;
		s->give_back[i] = pattern;
	}
	if (!s->paths)
		return conflict_wrong_line(r, &v->lines[0], "the patterns are too large");
	return 0;
}

static int read_access(struct conflict_reader *r, const struct conflict_value *v)
{
	struct conflict_scope *s = r->scope;
	uint32_t given = s->perms | (s->perms & PERM_W ? PERM_A : 0); /* a rule's w carries a */

	s->access = arena_array(r->arena, v->count, sizeof *s->access);
	s->access_count = v->count;
	for (size_t i = 0; i < v->count; i++) {
		struct conflict_access *a = &s->access[i];

		if (split_perms(r, &v->lines[i], &a->path, &a->perms) < 0 || check_path(r, &v->lines[i], a->path) < 0)
			return -1;
		a->path = arena_slice(r->arena, a->path);
		if ((a->perms & ~given) != 0 || !re_matches(r->pool, s->paths, a->path))
			return conflict_wrong_line(r, &v->lines[i],
						   "this access is not among what Give-Back gives back");
	}
	return 0;
}

/* The path itself and all that can be below it. */
static const struct re *tree_of(struct conflict_reader *r, struct slice path)
{
	const struct re *below = re_cat(r->pool, re_literal(r->pool, SLICE("/")), re_any(r->pool));

	return re_cat(r->pool, re_literal(r->pool, path), re_alt(r->pool, re_empty(r->pool), below));
}

static int read_absent(struct conflict_reader *r, const struct conflict_value *v)
{
	const struct re *trees = re_none(r->pool);
	struct slice example;
	int inside;

	for (size_t i = 0; i < v->count; i++) {
		if (check_path(r, &v->lines[i], v->lines[i].text) < 0)
			return -1;
		trees = re_alt(r->pool, trees, tree_of(r, v->lines[i].text));
	}
	r->scope->absent = read_list(r, v, &r->scope->absent_count);
	inside = re_contains(r->pool, trees, r->scope->paths, r->arena, &example);
	if (inside < 0)
		return conflict_wrong_line(r, &v->lines[0], "the patterns are too large");
	if (inside == 0)
		return err_at(r->err, ERR_FAILED, r->file, v->field->line, v->field->column,
			      "Give-Back gives back '%.*s', which is below no path that is named here",
			      SLICE_FMT(example));
	return 0;
}

/* Fields are read in the order of these tables: what a field is checked against stands before it. */
static const struct field head_fields[] = {
	{ "Conflict", true, read_conflict },       { "Title", true, read_title },
	{ "Description", true, read_description }, { "Profiles", true, read_profiles },
	{ "Needs", false, conflict_read_needs },   { "References", false, read_references },
};

static const struct field scope_fields[] = {
	{ "Scope", true, read_scope_name },    { "Default", false, read_default },
	{ "Description", true, read_summary }, { "Give-Back", true, read_give_back },
	{ "Access", true, read_access },       { "Absent", false, read_absent },
};

enum { MAX_FIELDS = sizeof scope_fields / sizeof *scope_fields };
_Static_assert(sizeof head_fields <= sizeof scope_fields, "a stanza has room for the fields of either table");

static int find_field(const struct field *fields, size_t count, struct slice key)
{
	for (size_t i = 0; i < count; i++)
		if (key.len == strlen(fields[i].name) && strncasecmp(key.ptr, fields[i].name, key.len) == 0)
			return (int)i;
	return -1;
}

/* Sorts one entry of a stanza into its place in `values`. */
static int take_entry(struct conflict_reader *r, const struct keyval_entry *e, const struct field *fields, size_t count,
		      struct conflict_value *values)
{
	struct conflict_value *v;
	int at;

	if (e->kind == KEYVAL_WRONG)
		return err_at(r->err, ERR_FAILED, r->file, e->line, e->column, "%s", e->wrong);
	if (e->kind != KEYVAL_PAIR)
		return 0;
	at = find_field(fields, count, e->key);
	if (at < 0) {
		err_at(r->err, ERR_FAILED, r->file, e->line, e->column,
		       "a stanza that begins with '%s' has no field '%.*s'", fields[0].name, SLICE_FMT(e->key));
		return err_hint(r->err, "the fields are described in patches/README.md; is it misspelt?");
	}
	v = &values[at];
	if (v->field)
		return err_at(r->err, ERR_FAILED, r->file, e->line, e->column,
			      "the field '%s' stands in this stanza twice, first in line %zu", fields[at].name,
			      v->field->line);
	v->field = e;
	v->count = keyval_lines(&r->kv, e, &v->lines, r->arena);
	if (v->count == 0)
		return err_at(r->err, ERR_FAILED, r->file, e->line, e->column, "the field '%s' is empty",
			      fields[at].name);
	return 0;
}

/* Reads the stanza that begins at entry *at and moves *at behind it. */
static int read_stanza(struct conflict_reader *r, size_t *at, const struct field *fields, size_t count)
{
	const struct keyval_entry *first = &r->kv.entries[*at];
	struct conflict_value values[MAX_FIELDS] = { 0 };

	for (; *at < r->kv.count && r->kv.entries[*at].section == first->section; (*at)++)
		if (take_entry(r, &r->kv.entries[*at], fields, count, values) < 0)
			return -1;
	for (size_t i = 0; i < count; i++)
		if (fields[i].required && !values[i].field)
			return err_at(r->err, ERR_FAILED, r->file, first->line, 0, "this stanza lacks the field '%s'",
				      fields[i].name);
	for (size_t i = 0; i < count; i++)
		if (values[i].field && fields[i].read(r, &values[i]) < 0)
			return -1;
	return 0;
}

/* Comments and blank lines between stanzas belong to none. */
static bool next_stanza(const struct conflict_reader *r, size_t *at)
{
	while (*at < r->kv.count &&
	       (r->kv.entries[*at].kind == KEYVAL_BLANK || r->kv.entries[*at].kind == KEYVAL_COMMENT))
		(*at)++;
	return *at < r->kv.count;
}

static int check_text(struct conflict_reader *r, struct slice text)
{
	size_t nul = slice_find(text, '\0'), line = 1, start = 0;

	for (size_t i = 0; i < nul; i++) {
		if (text.ptr[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	if (nul < text.len)
		return err_at(r->err, ERR_FAILED, r->file, line, nul - start + 1, "a NUL byte: this is no text");
	return 0;
}

static int read_scopes(struct conflict_reader *r, size_t at)
{
	struct conflict *c = r->out;
	bool any_default = false;

	c->scopes = arena_array(r->arena, r->kv.count, sizeof *c->scopes); /* more than there can be */
	while (next_stanza(r, &at)) {
		r->scope = &c->scopes[c->scope_count];
		if (read_stanza(r, &at, scope_fields, sizeof scope_fields / sizeof *scope_fields) < 0)
			return -1;
		any_default |= r->scope->is_default;
		c->scope_count++;
	}
	if (c->scope_count == 0)
		return err_at(r->err, ERR_FAILED, r->file, 0, 0, "there is no stanza of a scope");
	if (!any_default)
		return err_at(r->err, ERR_FAILED, r->file, 0, 0, "no scope says 'Default: yes'");
	return 0;
}

int conflict_parse(struct conflict *out, const char *file, struct slice text, struct re_pool *pool, struct arena *arena,
		   struct err *err)
{
	struct conflict_reader r = { .file = file, .out = out, .pool = pool, .arena = arena, .err = err };
	size_t at = 0;

	*out = (struct conflict){ .file = arena_slice(arena, slice_of(file)) };
	if (check_text(&r, text) < 0)
		return -1;
	keyval_parse(&r.kv, text, KEYVAL_DEB822, arena);
	if (!next_stanza(&r, &at))
		return err_at(err, ERR_FAILED, file, 0, 0, "the file is empty");
	if (read_stanza(&r, &at, head_fields, sizeof head_fields / sizeof *head_fields) < 0)
		return -1;
	return read_scopes(&r, at);
}

const struct conflict_scope *conflict_scope(const struct conflict *c, struct slice name)
{
	for (size_t i = 0; i < c->scope_count; i++)
		if (slice_eq(c->scopes[i].name, name))
			return &c->scopes[i];
	return NULL;
}

bool conflict_concerns(const struct conflict *c, struct slice profile)
{
	AUTOBUF name = { 0 };

	if (slice_find(profile, '\0') < profile.len)
		return false;
	buf_addslice(&name, profile);
	for (size_t i = 0; i < c->profile_count; i++)
		if (fnmatch(c->profiles[i].ptr, buf_str(&name), 0) == 0)
			return true;
	return false;
}

bool conflict_perms(struct slice letters, uint32_t *out)
{
	static const struct {
		char letter;
		uint32_t perm;
	} table[] = { { 'r', PERM_R }, { 'w', PERM_W }, { 'a', PERM_A }, { 'x', PERM_X },
		      { 'm', PERM_M }, { 'k', PERM_K }, { 'l', PERM_L } };
	uint32_t perms = 0;

	for (size_t i = 0; i < letters.len; i++) {
		size_t k = 0;

		while (k < sizeof table / sizeof *table && table[k].letter != letters.ptr[i])
			k++;
		if (k == sizeof table / sizeof *table || (perms & table[k].perm))
			return false;
		perms |= table[k].perm;
	}
	*out = perms;
	return perms != 0;
}
