/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <strings.h>

#include "keyval-internal.h"

bool keyval_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

size_t keyval_skip_blanks(struct slice s, size_t at)
{
	while (at < s.len && keyval_is_blank(s.ptr[at]))
		at++;
	return at;
}

size_t keyval_skip_word(struct slice s, size_t at)
{
	while (at < s.len && !keyval_is_blank(s.ptr[at]))
		at++;
	return at;
}

struct slice keyval_trim_blanks(struct slice s)
{
	s = slice_from(s, keyval_skip_blanks(s, 0));
	while (s.len > 0 && keyval_is_blank(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

/* CRLF and LF end a line everywhere, a lone CR only for LXC. Returns its length at `at`, 0: none there. */
static size_t eol_len(struct slice text, size_t at, enum keyval_dialect dialect)
{
	if (at >= text.len)
		return 0;
	if (text.ptr[at] == '\n')
		return 1;
	if (text.ptr[at] != '\r')
		return 0;
	if (at + 1 < text.len && text.ptr[at + 1] == '\n')
		return 2;
	return dialect == KEYVAL_LXC ? 1 : 0;
}

bool keyval_next_line(struct keyval_cursor *c, struct keyval_raw *out)
{
	size_t at = c->at, eol = 0;

	if (at >= c->text.len)
		return false;
	while (at < c->text.len && (eol = eol_len(c->text, at, c->dialect)) == 0)
		at++;
	*out = (struct keyval_raw){
		.text = slice_sub(c->text, c->at, at - c->at),
		.span = { c->at, at - c->at + eol },
		.line = c->line,
		.column = c->at - c->line_start + 1,
	};
	c->at = at + eol;
	if (eol > 0 && c->text.ptr[c->at - 1] == '\n') {
		c->line++;
		c->line_start = c->at;
	}
	return true;
}

struct keyval_entry keyval_entry_of(const struct keyval_raw *raw, enum keyval_kind kind)
{
	return (struct keyval_entry){
		.kind = kind,
		.span = raw->span,
		.line = raw->line,
		.column = raw->column + keyval_skip_blanks(raw->text, 0),
	};
}

struct keyval_entry keyval_wrong(const struct keyval_raw *raw, size_t at, const char *what)
{
	struct keyval_entry e = keyval_entry_of(raw, KEYVAL_WRONG);

	e.column = raw->column + at;
	e.wrong = what;
	return e;
}

void keyval_push(struct keyval *kv, struct keyval_entry e)
{
	kv->entries[kv->count++] = e;
}

/* More than the entries of any text with these line ends: one for each, the last line, and the tail behind a NUL. */
static size_t count_entries(struct slice text)
{
	size_t n = 2;

	for (size_t i = 0; i < text.len; i++)
		n += text.ptr[i] == '\n' || text.ptr[i] == '\r';
	return n;
}

static struct slice first_eol(struct slice text, enum keyval_dialect dialect)
{
	for (size_t i = 0; i < text.len; i++) {
		size_t n = eol_len(text, i, dialect);

		if (n > 0)
			return slice_sub(text, i, n);
	}
	return SLICE("\n");
}

static bool ends_line(const struct keyval *kv, size_t at)
{
	char last = at > 0 ? kv->text.ptr[at - 1] : '\n';

	return last == '\n' || (last == '\r' && kv->dialect == KEYVAL_LXC);
}

/* LXC reads its file as a C string: what follows a NUL does not exist for it. */
static void parse_lxc(struct keyval *kv, struct keyval_cursor *c)
{
	struct slice whole = c->text;
	struct keyval_raw raw;

	c->text.len = slice_find(whole, '\0');
	while (keyval_next_line(c, &raw))
		keyval_push(kv, keyval_lxc_line(&raw));
	if (c->at < whole.len) {
		raw = (struct keyval_raw){
			.text = slice_from(whole, c->at),
			.span = { c->at, whole.len - c->at },
			.line = c->line,
			.column = c->at - c->line_start + 1,
		};
		keyval_push(kv, keyval_entry_of(&raw, KEYVAL_IGNORED));
	}
}

void keyval_parse(struct keyval *kv, struct slice text, enum keyval_dialect dialect, struct arena *arena)
{
	struct keyval_cursor c = { .text = text, .dialect = dialect, .line = 1 };

	*kv = (struct keyval){ .text = text, .dialect = dialect };
	kv->entries = arena_array(arena, count_entries(text), sizeof *kv->entries);
	kv->eol = first_eol(dialect == KEYVAL_LXC ? slice_sub(text, 0, slice_find(text, '\0')) : text, dialect);
	if (dialect == KEYVAL_LXC)
		parse_lxc(kv, &c);
	else if (dialect == KEYVAL_PVE)
		keyval_parse_pve(kv, &c);
	else
		keyval_parse_deb822(kv, &c, arena);
}

static bool same_key(enum keyval_dialect dialect, struct slice a, struct slice b)
{
	if (dialect != KEYVAL_DEB822)
		return slice_eq(a, b);
	return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

const struct keyval_entry *keyval_last(const struct keyval *kv, size_t section, const char *key)
{
	for (size_t i = kv->count; i > 0; i--) {
		const struct keyval_entry *e = &kv->entries[i - 1];

		if (e->kind != KEYVAL_PAIR || (kv->dialect != KEYVAL_LXC && e->section != section))
			continue;
		if (same_key(kv->dialect, e->key, slice_of(key)))
			return e;
	}
	return NULL;
}

static void add_rest(const struct keyval *kv, size_t at, struct buf *out)
{
	buf_addslice(out, slice_from(kv->text, at));
}

void keyval_without(const struct keyval *kv, size_t index, struct buf *out)
{
	const struct span *s = &kv->entries[index].span;

	buf_addslice(out, slice_sub(kv->text, 0, s->at));
	add_rest(kv, s->at + s->len, out);
}

/* The length of an entry's line end, 0 if it has none. What stands behind a NUL in LXC's is no line and has none. */
static size_t entry_eol(const struct keyval *kv, const struct span *s)
{
	size_t end = s->at + s->len;

	if (s->len == 0 || (kv->dialect == KEYVAL_LXC && kv->text.ptr[s->at] == '\0'))
		return 0;
	if (s->len > 1 && eol_len(kv->text, end - 2, kv->dialect) == 2)
		return 2;
	return eol_len(kv->text, end - 1, kv->dialect);
}

void keyval_replace(const struct keyval *kv, size_t index, struct slice line, struct buf *out)
{
	const struct span *s = &kv->entries[index].span;
	size_t end = s->at + s->len;

	buf_addslice(out, slice_sub(kv->text, 0, s->at));
	buf_addslice(out, line);
	add_rest(kv, end - entry_eol(kv, s), out);
}

void keyval_insert(const struct keyval *kv, size_t index, struct slice line, struct buf *out)
{
	size_t at = kv->text.len;

	if (index < kv->count)
		at = kv->entries[index].span.at;
	else if (kv->dialect == KEYVAL_LXC)
		at = slice_find(kv->text, '\0');
	buf_addslice(out, slice_sub(kv->text, 0, at));
	if (!ends_line(kv, at))
		buf_addslice(out, kv->eol);
	buf_addslice(out, line);
	buf_addslice(out, kv->eol);
	add_rest(kv, at, out);
}

size_t keyval_raw_place(const struct keyval *kv)
{
	size_t i = 0;

	while (i < kv->count && kv->entries[i].kind != KEYVAL_SECTION)
		i++;
	if (i == kv->count)
		return i;
	while (i > 0 && kv->entries[i - 1].kind == KEYVAL_BLANK)
		i--;
	return i;
}
