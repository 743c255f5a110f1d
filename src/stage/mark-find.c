/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/lex.h>

#include "mark-internal.h"

typedef VEC(struct mark) mark_vec;
typedef VEC(const struct conflict_scope *) scope_vec;

/* Below a comment: a rule of the file, or a mark that stands for the rule that it names. */
struct item {
	struct mark_rule rule;
	size_t end;
	const struct mark *mark;
};

struct search {
	const struct doc *doc;
	const struct conflict *conflict;
	struct re_pool *pool;
	struct arena *arena;
	const struct stmt **stmts; /* that hold no others, in order */
	size_t stmt_count;
	struct mark *marks;
	size_t mark_count;
};

/* How many statements end at or before a place; the next one is the first that does not. */
static size_t before(const struct search *s, size_t at)
{
	size_t low = 0, high = s->stmt_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct span span = s->stmts[middle]->span;

		if (span.at + span.len <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Is there a comment that begins here? Between statements only braces and headers stand; *from is where to begin. */
static bool is_comment(const struct search *s, size_t at, size_t *from, struct token *token)
{
	size_t i = before(s, at);

	if (i > 0 && s->stmts[i - 1]->span.at + s->stmts[i - 1]->span.len > *from)
		*from = s->stmts[i - 1]->span.at + s->stmts[i - 1]->span.len;
	if (i < s->stmt_count && s->stmts[i]->span.at < at)
		return false;
	while (*from <= at) {
		*token = lex_token(s->doc->text, *from, LEX_INITIAL);
		if (token->kind == TOKEN_END)
			return false;
		*from = token->at + token->len;
		if (token->at == at)
			return token->kind == TOKEN_COMMENT;
	}
	return false;
}

/* The one rule that a mark names. */
static void read_original(const struct search *s, struct slice text, struct mark *mark)
{
	struct doc doc;

	doc_parse(&doc, text, s->arena);
	if (doc.broken_count == 0 && doc.first && !doc.first->next && doc.first->span.len == text.len)
		mark_read(&mark->rule, text, doc.first, s->pool, s->arena);
}

/* What stands at a place: a rule, or a mark that was understood. */
static bool next_item(const struct search *s, size_t at, struct item *out)
{
	struct slice rest = slice_from(s->doc->text, at);
	size_t i;

	while (rest.len > 0 && strchr(" \t\r\n", rest.ptr[0]) && rest.ptr[0])
		rest = slice_from(rest, 1);
	at = s->doc->text.len - rest.len;
	*out = (struct item){ 0 };
	for (i = 0; i < s->mark_count; i++) {
		if (s->marks[i].span.at != at || !s->marks[i].intact)
			continue;
		*out = (struct item){ s->marks[i].rule, at + s->marks[i].span.len, &s->marks[i] };
		return true;
	}
	i = before(s, at);
	if (i == s->stmt_count || s->stmts[i]->span.at != at)
		return false;
	out->end = at + s->stmts[i]->span.len;
	return mark_read(&out->rule, s->doc->text, s->stmts[i], s->pool, s->arena);
}

/* Does none of the items deny one of the letters that the rule denied on the scope's paths? */
static bool gives_back(const struct search *s, const struct mark_rule *rule, const struct item *items, size_t count,
		       const struct conflict_scope *scope)
{
	bool touches = false;

	if (re_disjoint(s->pool, rule->aare.re, scope->paths, NULL, NULL) == 1)
		return false;
	for (size_t l = 0; l < rule->perms.len; l++) {
		if (!(mark_letter(rule->perms.ptr[l]) & scope->perms))
			continue;
		touches = true;
		for (size_t i = 0; i < count; i++)
			if (slice_eq(items[i].rule.qualifiers, rule->qualifiers) &&
			    memchr(items[i].rule.perms.ptr, rule->perms.ptr[l], items[i].rule.perms.len) &&
			    re_disjoint(s->pool, items[i].rule.aare.re, scope->paths, NULL, NULL) != 1)
				return false;
	}
	return touches;
}

/* Is the item the line that is made of the piece? On a language, for another release may write it otherwise. */
static bool is_piece(const struct search *s, const struct mark_rule *rule, const struct mark_piece *piece,
		     const struct mark_rule *item)
{
	const struct re *q = piece->given_back;

	if (!slice_eq(item->qualifiers, rule->qualifiers) || !slice_eq(item->perms, piece->letters))
		return false;
	return re_disjoint(s->pool, item->aare.re, q, NULL, NULL) == 1 &&
	       re_equal(s->pool, re_alt(s->pool, item->aare.re, q), re_alt(s->pool, rule->aare.re, q), NULL, NULL) == 1;
}

static bool are_pieces(const struct search *s, const struct mark_rule *rule, const struct item *items, size_t count,
		       const scope_vec *scopes)
{
	struct mark_piece pieces[MARK_PIECES];
	size_t n = mark_split(rule, scopes->ptr, scopes->len, pieces, s->pool, s->arena), at = 0;

	for (size_t i = 0; i < n; i++) {
		if (pieces[i].letters.len == 0 ||
		    re_contains(s->pool, pieces[i].given_back, rule->aare.re, NULL, NULL) == 1)
			continue; /* no line is written of it */
		if (at == count || !is_piece(s, rule, &pieces[i], &items[at].rule))
			return false;
		at++;
	}
	return n > 1 && at == count;
}

static void add_scopes(const struct search *s, const struct mark *mark, scope_vec *scopes)
{
	for (size_t i = 0; mark && i < mark->scope_count; i++) {
		size_t k = 0;

		while (k < scopes->len && scopes->ptr[k] != mark->scopes[i])
			k++;
		if (k == scopes->len)
			VEC_PUSH(s->arena, scopes, mark->scopes[i]);
	}
}

/* Do so many items make up the lines of the mark? */
static bool explains(const struct search *s, struct mark *mark, const struct item *items, size_t count)
{
	scope_vec scopes = { 0 }, all = { 0 };

	for (size_t i = 0; i < s->conflict->scope_count; i++)
		if (gives_back(s, &mark->rule, items, count, &s->conflict->scopes[i]))
			VEC_PUSH(s->arena, &scopes, &s->conflict->scopes[i]);
	if (scopes.len == 0 || !are_pieces(s, &mark->rule, items, count, &scopes))
		return false;
	add_scopes(s, &(struct mark){ .scopes = scopes.ptr, .scope_count = scopes.len }, &all);
	for (size_t i = 0; i < count; i++)
		add_scopes(s, items[i].mark, &all);
	mark->intact = true;
	mark->scopes = all.ptr;
	mark->scope_count = all.len;
	return true;
}

/* Where nothing of the rule is left, the comment is followed by a line end and the indentation. */
static size_t bare_end(const struct search *s, const struct mark *mark)
{
	struct mark_layout layout = mark_layout(s->doc->text, mark->span);
	size_t at = mark->span.at + mark->span.len;
	struct slice rest = slice_from(s->doc->text, at);

	if (slice_starts(rest, "\n"))
		at++;
	rest = slice_from(s->doc->text, at);
	for (size_t i = 0; i < layout.indent.len && i < rest.len && rest.ptr[i] == layout.indent.ptr[i]; i++)
		at++;
	return at;
}

static void resolve(const struct search *s, struct mark *mark)
{
	struct item items[MARK_PIECES];
	size_t count = 0, end = mark->span.at + mark->span.len;

	for (;;) {
		if (explains(s, mark, items, count))
			break;
		if (count == MARK_PIECES || !next_item(s, count ? items[count - 1].end : end, &items[count]))
			return;
		count++;
	}
	mark->span.len = (count ? items[count - 1].end : bare_end(s, mark)) - mark->span.at;
}

static void list_comments(struct search *s, mark_vec *marks)
{
	const char *start = arena_printf(s->arena, MARK_START "%.*s, was: ", SLICE_FMT(s->conflict->name));
	struct slice text = s->doc->text;
	size_t from = 0, at = 0;

	for (const char *hit; at < text.len; at++) {
		struct mark mark = { 0 };
		struct token token;
		size_t column;

		hit = memmem(text.ptr + at, text.len - at, start, strlen(start));
		if (!hit)
			return;
		at = (size_t)(hit - text.ptr);
		if (!is_comment(s, at, &from, &token))
			continue;
		mark.span = (struct span){ at, token.len };
		while (mark.span.len > 0 && hit[mark.span.len - 1] == '\r')
			mark.span.len--;
		doc_place(s->doc, at, &mark.line, &column);
		read_original(s, slice_trim(slice_sub(text, at + strlen(start), mark.span.len - strlen(start))), &mark);
		VEC_PUSH(s->arena, marks, mark);
	}
}

static void list_statements(struct search *s)
{
	VEC(const struct stmt *) all = { 0 };

	for (const struct stmt *stmt = s->doc->first; stmt; stmt = doc_next(stmt))
		if (!stmt->has_body)
			VEC_PUSH(s->arena, &all, stmt);
	s->stmts = all.ptr;
	s->stmt_count = all.len;
}

int mark_find(const struct doc *doc, const struct conflict *conflict, struct re_pool *pool, struct arena *arena,
	      struct mark **marks, size_t *count, struct err *err)
{
	struct search s = { .doc = doc, .conflict = conflict, .pool = pool, .arena = arena };
	mark_vec found = { 0 }, outer = { 0 };

	*marks = NULL;
	*count = 0;
	if (doc->text.len == 0 || !memmem(doc->text.ptr, doc->text.len, MARK_START, strlen(MARK_START)))
		return 0;
	list_statements(&s);
	list_comments(&s, &found);
	s.marks = found.ptr;
	s.mark_count = found.len;
	for (size_t i = found.len; i > 0; i--) /* from below: a mark may stand on a line of the one above it */
		if (found.ptr[i - 1].rule.path.len > 0)
			resolve(&s, &found.ptr[i - 1]);
	for (size_t i = 0; i < found.len; i++)
		if (outer.len == 0 || !mark_at(&outer.ptr[outer.len - 1], 1, found.ptr[i].span))
			VEC_PUSH(arena, &outer, found.ptr[i]);
	*marks = outer.ptr;
	*count = outer.len;
	if (re_pool_full(pool))
		return err_put(err, ERR_FAILED, "cannot read the marks of earlier changes: the patterns are too large");
	return 0;
}
