/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doc-internal.h"

struct token doc_peek(const struct parser *p, enum lex_mode mode)
{
	return lex_next(p->text, p->at, mode);
}

/* Goes on from the last place, so that all places of a text together cost one reading of it. */
static void place(struct parser *p, size_t at, size_t *line, size_t *column)
{
	if (at < p->place_at) {
		p->place_at = p->place_start = 0;
		p->place_line = 1;
	}
	while (p->place_at < at) {
		size_t end = p->place_at + slice_find(slice_sub(p->text, p->place_at, at - p->place_at), '\n');

		p->place_at = end;
		if (end == at)
			break;
		p->place_at++;
		p->place_line++;
		p->place_start = p->place_at;
	}
	*line = p->place_line;
	*column = at - p->place_start + 1;
}

void doc_broken(struct parser *p, size_t at, const char *what)
{
	struct doc_broken b = { .what = what };

	place(p, at, &b.line, &b.column);
	VEC_PUSH(p->arena, &p->broken, b);
}

void doc_accept(struct parser *p, struct token t)
{
	p->at = t.at + t.len;
	if (t.kind == TOKEN_INCLUDE && t.at >= p->last_line && p->text.ptr[t.at] == '#')
		doc_broken(p, t.at, "an #include without a newline behind it");
	if (!t.unended)
		return;
	if (t.kind == TOKEN_QUOTED)
		doc_broken(p, t.at, "a quote that never ends");
	else if (t.kind == TOKEN_LIST)
		doc_broken(p, t.at, "a parenthesis that never ends");
}

struct slice doc_slice(const struct parser *p, struct token t)
{
	return slice_sub(p->text, t.at, t.len);
}

struct slice doc_unquoted(const struct parser *p, struct token t)
{
	if (t.kind == TOKEN_QUOTED)
		return slice_sub(p->text, t.at + 1, t.len - 1 - !t.unended);
	return doc_slice(p, t);
}

bool doc_token_is(const struct parser *p, struct token t, const char *word)
{
	return slice_is(doc_slice(p, t), word);
}

bool doc_is_path(const struct parser *p, struct token t)
{
	if (t.kind == TOKEN_QUOTED) /* QUOTED_LABEL of parser_lex.l */
		return t.len > 2 && memchr("/@:&", p->text.ptr[t.at + 1], 4);
	return t.kind == TOKEN_PATH || t.kind == TOKEN_VARIABLE;
}

void doc_open(struct parser *p, struct stmt *s)
{
	if (p->deep > 0) {
		p->deep++;
		return;
	}
	if (p->depth == DOC_DEPTH) {
		*s = (struct stmt){ .span = s->span, .line = s->line, .column = s->column, .parent = s->parent };
		s->kind = STMT_OPAQUE;
		p->deep = 1;
		p->deep_stmt = s;
		p->too_deep = true;
		return;
	}
	s->has_body = true;
	p->open = s;
	p->tail = &s->body;
	p->depth++;
}

static void end_stmt(struct parser *p, struct stmt *s)
{
	s->span.len = p->at - s->span.at;
}

static void pop(struct parser *p)
{
	struct stmt *s = p->open;

	end_stmt(p, s);
	p->open = s->parent;
	p->tail = &s->next;
	p->depth--;
}

static struct stmt *new_stmt(struct parser *p, size_t at)
{
	struct stmt *s = p->deep > 0 ? &p->scratch : ARENA_NEW(p->arena, struct stmt);

	*s = (struct stmt){ .kind = STMT_OPAQUE, .parent = p->open };
	s->span.at = at;
	place(p, at, &s->line, &s->column);
	if (p->deep == 0) {
		*p->tail = s;
		p->tail = &s->next;
	}
	return s;
}

static void close_brace(struct parser *p, struct token t)
{
	struct stmt *s;

	if (p->deep > 0) {
		doc_accept(p, t);
		if (--p->deep == 0)
			end_stmt(p, p->deep_stmt);
		return;
	}
	if (p->open) {
		doc_accept(p, t);
		pop(p);
		return;
	}
	s = new_stmt(p, t.at);
	doc_broken(p, t.at, "a closing brace without an opening one");
	for (; t.kind == TOKEN_CLOSE; t = doc_peek(p, LEX_INITIAL))
		doc_accept(p, t);
	end_stmt(p, s);
}

static void close_all(struct parser *p, struct token end)
{
	p->at = p->text.len;
	if (end.unended)
		doc_broken(p, p->at, "a comment without a newline behind it");
	if (p->deep > 0) {
		end_stmt(p, p->deep_stmt);
		p->deep_stmt->unclosed = true;
	}
	while (p->open) {
		struct doc_broken b = { p->open->line, p->open->column, "a brace that is never closed" };

		VEC_PUSH(p->arena, &p->broken, b);
		p->open->unclosed = true;
		pop(p);
	}
}

static size_t last_line(struct slice text)
{
	const char *newline = text.len > 0 ? memrchr(text.ptr, '\n', text.len) : NULL;

	return newline ? (size_t)(newline - text.ptr) + 1 : 0;
}

void doc_parse(struct doc *doc, struct slice text, struct arena *arena)
{
	struct parser p = { .text = text, .arena = arena, .tail = &doc->first, .place_line = 1 };
	struct token t;

	*doc = (struct doc){ .text = text };
	p.last_line = last_line(text);
	while ((t = doc_peek(&p, LEX_INITIAL)).kind != TOKEN_END) {
		struct stmt *s;

		if (t.kind == TOKEN_CLOSE) {
			close_brace(&p, t);
			continue;
		}
		s = new_stmt(&p, t.at);
		doc_statement(&p, s, t);
		end_stmt(&p, s);
	}
	close_all(&p, t);
	doc->broken = p.broken.ptr;
	doc->broken_count = p.broken.len;
	doc->too_deep = p.too_deep;
}

struct stmt *doc_next(const struct stmt *stmt)
{
	if (stmt && stmt->body)
		return stmt->body;
	while (stmt && !stmt->next)
		stmt = stmt->parent;
	return stmt ? stmt->next : NULL;
}

void doc_place(const struct doc *doc, size_t at, size_t *line, size_t *column)
{
	struct parser p = { .text = doc->text, .place_line = 1 };

	place(&p, at < doc->text.len ? at : doc->text.len, line, column);
}

static int check_edits(const struct doc *doc, const struct edit *edits, size_t count, struct err *err)
{
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		if (edits[i].at < at)
			return err_put(err, ERR_FAILED, "cannot apply edit %zu: it begins before the end of the last",
				       i);
		if (edits[i].at > doc->text.len || edits[i].len > doc->text.len - edits[i].at)
			return err_put(err, ERR_FAILED, "cannot apply edit %zu: it lies beyond the end of the text", i);
		at = edits[i].at + edits[i].len;
	}
	return 0;
}

int doc_print(const struct doc *doc, const struct edit *edits, size_t count, struct buf *out, struct err *err)
{
	size_t at = 0;

	if (check_edits(doc, edits, count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		buf_addslice(out, slice_sub(doc->text, at, edits[i].at - at));
		buf_addslice(out, edits[i].with);
		at = edits[i].at + edits[i].len;
	}
	buf_addslice(out, slice_from(doc->text, at));
	return 0;
}
