/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>

#include <nestfix/mark.h>

#include "mark-internal.h"

uint32_t mark_letter(char letter)
{
	static const char letters[] = "xwralkm"; /* in the order of the PERM_* bits */
	const char *hit = letter ? strchr(letters, tolower((unsigned char)letter)) : NULL;

	return hit ? 1U << (hit - letters) : 0;
}

static struct slice on_one_line(struct slice text, struct arena *arena)
{
	AUTOBUF line = { 0 };

	buf_addline(&line, text);
	return arena_slice(arena, buf_slice(&line));
}

struct mark_rule mark_rule(struct slice text, const struct stmt *stmt, const struct aare *aare, struct arena *arena)
{
	struct span span = stmt->span, qualifiers = stmt->qualifiers.text;

	return (struct mark_rule){
		.text = on_one_line(slice_sub(text, span.at, span.len), arena),
		.qualifiers = on_one_line(slice_sub(text, qualifiers.at, qualifiers.len), arena),
		.path = stmt->path,
		.perms = stmt->perms,
		.aare = *aare,
	};
}

bool mark_read(struct mark_rule *out, struct slice text, const struct stmt *stmt, struct re_pool *pool,
	       struct arena *arena)
{
	struct aare aare;

	if (stmt->kind != STMT_RULE || stmt->rule_class != RULE_FILE || stmt->target.len > 0 || stmt->path.len == 0 ||
	    memmem(stmt->path.ptr, stmt->path.len, "@{", 2))
		return false;
	if (aare_parse(&aare, doc_word(stmt->path, arena), pool, arena, NULL) < 0)
		return false;
	*out = mark_rule(text, stmt, &aare, arena);
	return true;
}

bool mark_meets(const struct mark_rule *rule, const struct conflict_scope *scope, struct re_pool *pool)
{
	uint32_t perms = 0;

	for (size_t i = 0; i < rule->perms.len; i++)
		perms |= mark_letter(rule->perms.ptr[i]);
	for (size_t i = 0; i < scope->access_count; i++)
		if ((scope->access[i].perms & perms) && re_matches(pool, rule->aare.re, scope->access[i].path))
			return true;
	return false;
}

struct mark_layout mark_layout(struct slice text, struct span place)
{
	size_t line = slice_line(text, place.at), end = line, next = place.at + place.len;

	while (end < place.at && (text.ptr[end] == ' ' || text.ptr[end] == '\t'))
		end++;
	next += slice_find(slice_from(text, next), '\n');
	return (struct mark_layout){
		.eol = next < text.len && next > 0 && text.ptr[next - 1] == '\r' ? SLICE("\r\n") : SLICE("\n"),
		.indent = slice_sub(text, line, end - line),
	};
}

static void add_letter(struct mark_piece *piece, char letter, struct arena *arena)
{
	piece->letters = slice_of(arena_printf(arena, "%.*s%c", SLICE_FMT(piece->letters), letter));
}

/* What is given back of one letter of the rule. */
static const struct re *given_back(const struct mark_rule *rule, char letter,
				   const struct conflict_scope *const *scopes, size_t count, struct re_pool *pool)
{
	const struct re *all = re_none(pool);

	for (size_t i = 0; i < count; i++)
		if ((mark_letter(letter) & scopes[i]->perms) &&
		    re_disjoint(pool, rule->aare.re, scopes[i]->paths, NULL, NULL) != 1)
			all = re_alt(pool, all, scopes[i]->paths);
	return all;
}

size_t mark_split(const struct mark_rule *rule, const struct conflict_scope *const *scopes, size_t count,
		  struct mark_piece *pieces, struct re_pool *pool, struct arena *arena)
{
	size_t n = 1;

	pieces[0] = (struct mark_piece){ .given_back = re_none(pool) };
	for (size_t i = 0; i < rule->perms.len; i++) {
		const struct re *paths = given_back(rule, rule->perms.ptr[i], scopes, count, pool);
		size_t at = 0;

		while (at < n && pieces[at].given_back != paths)
			at++;
		if (at == MARK_PIECES)
			return 0;
		if (at == n)
			pieces[n++] = (struct mark_piece){ .given_back = paths };
		add_letter(&pieces[at], rule->perms.ptr[i], arena);
	}
	return n;
}

static void begin_line(struct buf *out, const struct mark_layout *layout)
{
	buf_addslice(out, layout->eol);
	buf_addslice(out, layout->indent);
}

static void add_rule(struct buf *out, const struct mark_layout *layout, const struct mark_rule *rule, struct slice path,
		     struct slice perms)
{
	begin_line(out, layout);
	buf_addslice(out, rule->qualifiers);
	buf_addc(out, ' ');
	buf_addslice(out, path);
	buf_addc(out, ' ');
	buf_addslice(out, perms);
	buf_addc(out, ',');
}

/* Its lines; how many there are is added to *lines. */
static int add_piece(struct buf *out, const struct mark_layout *layout, const struct mark_rule *rule,
		     const struct mark_piece *piece, size_t *lines, struct re_pool *pool, struct arena *arena,
		     struct err *err)
{
	struct slice rest;
	bool empty;

	if (piece->letters.len == 0)
		return 0;
	if (piece->given_back == re_none(pool)) {
		add_rule(out, layout, rule, rule->path, piece->letters);
		++*lines;
		return 0;
	}
	if (aare_subtract_text(&rule->aare, piece->given_back, pool, arena, &rest, &empty, err) < 0)
		return -1;
	if (!empty) {
		add_rule(out, layout, rule, aare_word(rest, arena), piece->letters);
		++*lines;
	}
	return 0;
}

int mark_write(const struct mark_rule *rule, const struct conflict *conflict,
	       const struct conflict_scope *const *scopes, size_t count, struct mark_layout layout,
	       struct re_pool *pool, struct arena *arena, struct slice *out, struct err *err)
{
	struct mark_piece pieces[MARK_PIECES];
	size_t n = mark_split(rule, scopes, count, pieces, pool, arena), lines = 0;
	AUTOBUF text = { 0 };

	*out = rule->text;
	if (n == 1)
		return 0;
	if (n == 0 || re_pool_full(pool))
		return err_put(err, ERR_REFUSED, "cannot split the rule: it is too large");
	buf_addf(&text, MARK_START "%.*s, was: ", SLICE_FMT(conflict->name));
	buf_addslice(&text, rule->text);
	for (size_t i = 0; i < n; i++)
		if (add_piece(&text, &layout, rule, &pieces[i], &lines, pool, arena, err) < 0)
			return -1;
	if (lines == 0)
		begin_line(&text, &layout); /* whatever follows on the line must not become part of the comment */
	*out = arena_slice(arena, buf_slice(&text));
	return 0;
}

int mark_edits(const struct doc *doc, const struct conflict *conflict, const struct conflict_scope *const *scopes,
	       size_t count, struct re_pool *pool, struct arena *arena, struct edit **edits, size_t *edit_count,
	       struct err *err)
{
	VEC(struct edit) all = { 0 };

	for (const struct stmt *s = doc->first; s; s = doc_next(s)) {
		struct edit edit = { .at = s->span.at, .len = s->span.len };
		VEC(const struct conflict_scope *) met = { 0 };
		struct mark_rule rule;

		if (!s->qualifiers.deny || !mark_read(&rule, doc->text, s, pool, arena))
			continue;
		for (size_t i = 0; i < count; i++)
			if (mark_meets(&rule, scopes[i], pool))
				VEC_PUSH(arena, &met, scopes[i]);
		if (met.len == 0)
			continue;
		if (mark_write(&rule, conflict, met.ptr, met.len, mark_layout(doc->text, s->span), pool, arena,
			       &edit.with, err) < 0)
			return -1;
		VEC_PUSH(arena, &all, edit);
	}
	*edits = all.ptr;
	*edit_count = all.len;
	return 0;
}

int mark_text(struct slice text, const struct conflict *conflict, const struct conflict_scope *const *scopes,
	      size_t count, struct re_pool *pool, struct arena *arena, struct buf *out, struct err *err)
{
	struct edit *edits;
	size_t edit_count;
	struct doc doc;

	doc_parse(&doc, text, arena);
	if (mark_edits(&doc, conflict, scopes, count, pool, arena, &edits, &edit_count, err) < 0)
		return -1;
	return doc_print(&doc, edits, edit_count, out, err);
}

const struct mark *mark_at(const struct mark *marks, size_t count, struct span place)
{
	for (size_t i = 0; i < count; i++)
		if (place.at >= marks[i].span.at && place.at + place.len <= marks[i].span.at + marks[i].span.len)
			return &marks[i];
	return NULL;
}

bool mark_covers(const struct mark *mark, const struct conflict_scope *scope)
{
	for (size_t i = 0; i < mark->scope_count; i++)
		if (mark->scopes[i] == scope)
			return true;
	return false;
}
