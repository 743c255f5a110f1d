/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The laws of the doc room over any bytes. The first byte chooses the statement that is edited. */
#include <stdint.h>
#include <stdlib.h>

#include <nestfix/doc.h>

#define LAW(cond)                                                                                                      \
	do {                                                                                                           \
		if (!(cond))                                                                                           \
			abort();                                                                                       \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t end_of(const struct stmt *s)
{
	return s->span.at + s->span.len;
}

static bool inside(struct slice part, const struct doc *doc, const struct stmt *s)
{
	return part.len == 0 ||
	       (part.ptr >= doc->text.ptr + s->span.at && part.ptr + part.len <= doc->text.ptr + end_of(s));
}

/* Law spans-nest: a statement lies inside its parent; brothers are in order and do not overlap. */
static void spans_nest(const struct doc *doc)
{
	for (struct stmt *s = doc->first; s; s = doc_next(s)) {
		size_t from = s->parent ? s->parent->span.at : 0;
		size_t to = s->parent ? end_of(s->parent) : doc->text.len;

		LAW(s->span.len > 0 && s->span.at >= from && end_of(s) <= to);
		LAW(!s->next || (s->next->span.at >= end_of(s) && s->next->parent == s->parent));
		LAW(!s->body || (s->has_body && s->body->parent == s));
		LAW(!s->has_body || s->unclosed || doc->text.ptr[end_of(s) - 1] == '}');
		LAW(inside(s->path, doc, s) && inside(s->perms, doc, s) && inside(s->target, doc, s));
		LAW(inside(s->name, doc, s) && inside(s->attachment, doc, s) && inside(s->flags, doc, s));
		LAW(inside(s->include_name, doc, s) && inside(s->condition, doc, s) && inside(s->text, doc, s));
		for (size_t i = 0; i < s->value_count; i++)
			LAW(inside(s->values[i], doc, s));
	}
}

/* Law places: line and column are those of the first byte. */
static void places(const struct doc *doc)
{
	size_t line, column, n = 0;

	for (struct stmt *s = doc->first; s && n < 8; s = doc_next(s), n++) {
		doc_place(doc, s->span.at, &line, &column);
		LAW(line == s->line && column == s->column);
	}
	for (size_t i = 0; i < doc->broken_count && i < 8; i++)
		LAW(doc->broken[i].line > 0 && doc->broken[i].column > 0);
}

/* The rule to edit: one behind a blank or a newline, so that it does not touch the word before it. */
static const struct stmt *choose(const struct doc *doc, size_t n)
{
	const struct stmt *chosen = NULL;

	for (struct stmt *s = doc->first; s; s = doc_next(s)) {
		if (s->kind != STMT_RULE || (s->span.at > 0 && !strchr(" \t\n", doc->text.ptr[s->span.at - 1])))
			continue;
		chosen = s;
		if (n-- == 0)
			break;
	}
	return chosen;
}

static bool holds(const struct stmt *s, const struct stmt *part)
{
	return s->span.at <= part->span.at && end_of(s) >= end_of(part);
}

static void same(const struct stmt *a, const struct stmt *b, const struct stmt *edited, size_t len)
{
	size_t shift = a->span.at > edited->span.at ? len - edited->span.len : 0;
	size_t grow = holds(a, edited) ? len - edited->span.len : 0;

	LAW(b && a->kind == b->kind && a->rule_class == b->rule_class && a->has_body == b->has_body);
	LAW(b->span.at == a->span.at + shift && b->span.len == a->span.len + grow);
	LAW(slice_eq(a->path, b->path) && slice_eq(a->perms, b->perms) && slice_eq(a->target, b->target));
	LAW(slice_eq(a->name, b->name) && slice_eq(a->include_name, b->include_name) && slice_eq(a->text, b->text));
	LAW(a->value_count == b->value_count && !a->parent == !b->parent);
}

/* Law edit-one: a text with one rule replaced has the same statements but that one. */
static void edit_one(const struct doc *doc, const struct stmt *edited, struct slice with, struct arena *arena)
{
	struct edit edit = { edited->span.at, edited->span.len, with };
	AUTOBUF out = { 0 };
	struct doc after;
	const struct stmt *b;

	LAW(doc_print(doc, &edit, 1, &out, NULL) == 0);
	doc_parse(&after, buf_slice(&out), arena);
	b = after.first;
	for (const struct stmt *a = doc->first; a; a = doc_next(a), b = doc_next(b)) {
		if (a != edited)
			same(a, b, edited, with.len);
		else
			LAW(b && b->kind == STMT_RULE && b->span.at == a->span.at && b->span.len == with.len);
	}
	LAW(!b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text;
	AUTOARENA arena = { 0 };
	AUTOBUF out = { 0 };
	const struct stmt *s;
	struct doc doc;

	if (size == 0)
		return 0;
	text = (struct slice){ (const char *)data + 1, size - 1 };
	doc_parse(&doc, text, &arena);
	LAW(doc_print(&doc, NULL, 0, &out, NULL) == 0 && slice_eq(buf_slice(&out), text));
	spans_nest(&doc);
	places(&doc);
	LAW(doc_word(text, &arena).len <= 2 * text.len);
	/* A broken text has no statements to speak of; a NUL ends a quote wherever it stands, and the edit may remove
	 * it. */
	s = doc.broken_count == 0 && slice_find(text, '\0') == text.len ? choose(&doc, data[0]) : NULL;
	if (!s)
		return 0;
	edit_one(&doc, s, slice_sub(text, s->span.at, s->span.len), &arena);
	edit_one(&doc, s, SLICE("/x r,"), &arena);
	return 0;
}
