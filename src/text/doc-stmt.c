/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Statements other than rules: parser/parser_yacc.y, from the first token to the comma, the line's end or the brace. */
#include "doc-internal.h"

/* What a failed guess left behind. */
static void forget_header(struct stmt *s)
{
	s->attachment = s->flags = s->xattrs = (struct slice){ 0 };
}

static struct slice list_inside(const struct parser *p, struct token t)
{
	return slice_sub(p->text, t.at + 1, t.len - 1 - !t.unended);
}

/* `flags=(…)`, `xattrs=(…)`, or a key of a later release. Returns where the value ends, or `at` if `=` does not follow.
 */
static size_t header_value(struct parser *p, struct stmt *s, struct token key)
{
	size_t at = key.at + key.len;
	struct token eq = lex_next(p->text, at, LEX_INITIAL), value;

	if (eq.kind != TOKEN_ASSIGN)
		return at;
	value = lex_next(p->text, eq.at + eq.len, LEX_INITIAL);
	if (value.kind != TOKEN_LIST) {
		value = lex_next(p->text, eq.at + eq.len, LEX_NAME);
		return value.kind == TOKEN_WORD || value.kind == TOKEN_QUOTED ? value.at + value.len : eq.at + eq.len;
	}
	if (doc_token_is(p, key, "flags"))
		s->flags = list_inside(p, value);
	if (doc_token_is(p, key, "xattrs"))
		s->xattrs = list_inside(p, value);
	return value.at + value.len;
}

/*
 * What stands between a profile's name and its brace, which is taken with it. With a keyword before the name it is
 * `sure` to be a header, and what is not understood is passed over. Without one, a path may also begin a file rule:
 * then nothing is taken and false returned as soon as it can be no header.
 */
static bool header(struct parser *p, struct stmt *s, size_t at, bool sure)
{
	for (;;) {
		struct token t = lex_next(p->text, at, LEX_INITIAL);
		size_t end = t.at + t.len;

		if (t.unended && !sure)
			break;
		if (t.kind == TOKEN_OPEN) {
			doc_accept(p, t);
			return true;
		}
		if (t.kind == TOKEN_LIST)
			s->flags = list_inside(p, t);
		else if (t.kind == TOKEN_WORD)
			at = header_value(p, s, t);
		if (t.kind == TOKEN_WORD && at != end) {
			end = at;
		} else if (doc_is_path(p, t) || (sure && (t.kind == TOKEN_WORD || t.kind == TOKEN_MODE))) {
			if (s->attachment.len > 0 && !sure)
				break;
			if (s->attachment.len == 0)
				s->attachment = doc_slice(p, t);
		} else if (t.kind != TOKEN_LIST && !(t.kind == TOKEN_BYTE && (sure || p->text.ptr[t.at] == '+'))) {
			break;
		}
		at = end;
		if (sure)
			doc_accept(p, (struct token){ t.kind, t.at, end - t.at, t.unended });
	}
	forget_header(s);
	return false;
}

/* profile NAME, hat NAME, ^NAME: the name is any one word. */
static void profile(struct parser *p, struct stmt *s, struct token keyword)
{
	struct token name;

	doc_accept(p, keyword);
	s->is_hat = !doc_token_is(p, keyword, "profile");
	name = doc_peek(p, LEX_NAME);
	if ((name.kind != TOKEN_WORD && name.kind != TOKEN_QUOTED) || doc_token_is(p, name, "{")) {
		doc_broken(p, p->at, "a profile without a name");
		if (!doc_token_is(p, name, "{")) {
			doc_junk(p, s);
			return;
		}
		name.len = 0;
		p->at = name.at;
	}
	doc_accept(p, name);
	s->name = doc_unquoted(p, name);
	if (!header(p, s, p->at, true)) {
		doc_broken(p, p->at, "a profile without a body");
		s->is_hat = false;
		s->name = (struct slice){ 0 };
		doc_junk(p, s);
		return;
	}
	s->kind = STMT_PROFILE;
	doc_open(p, s);
}

/* A path: a profile without keyword, or a file rule. */
static void path_first(struct parser *p, struct stmt *s, struct token t)
{
	if (!doc_is_path(p, t) || t.unended || !header(p, s, t.at + t.len, false)) {
		doc_rule(p, s);
		return;
	}
	s->kind = STMT_PROFILE;
	s->name = doc_unquoted(p, t);
	doc_open(p, s);
}

static bool read_condition(struct parser *p)
{
	for (;;) {
		struct token t = doc_peek(p, LEX_CONDITION);

		if (t.kind == TOKEN_OPEN)
			return true;
		if (t.kind == TOKEN_END || t.kind == TOKEN_CLOSE || t.kind == TOKEN_COMMA)
			return false;
		doc_accept(p, t);
	}
}

static void conditional(struct parser *p, struct stmt *s, struct token t)
{
	bool complete = true;
	size_t from, end;

	s->is_else = doc_token_is(p, t, "else");
	doc_accept(p, t);
	t = doc_peek(p, LEX_INITIAL);
	if (s->is_else && t.kind == TOKEN_WORD && doc_token_is(p, t, "if"))
		doc_accept(p, t);
	from = end = p->at;
	if (!s->is_else || t.kind == TOKEN_WORD) {
		complete = read_condition(p);
		end = p->at;
	}
	t = doc_peek(p, LEX_INITIAL);
	if (!complete || t.kind != TOKEN_OPEN) {
		doc_broken(p, p->at, "a condition without a body");
		s->is_else = false;
		doc_junk(p, s);
		return;
	}
	s->kind = STMT_CONDITIONAL;
	s->condition = slice_trim(slice_sub(p->text, from, end - from));
	doc_accept(p, t);
	doc_open(p, s);
}

/* The name between <>, "" or neither. Inside <> there may be quotes again, and blanks that do not count. */
static bool included_name(struct parser *p, struct stmt *s)
{
	struct token t = doc_peek(p, LEX_INCLUDE);
	struct slice name = doc_unquoted(p, t);

	if (t.kind != TOKEN_MAGIC && t.kind != TOKEN_QUOTED && t.kind != TOKEN_WORD)
		return false;
	doc_accept(p, t);
	s->include_magic = t.kind == TOKEN_MAGIC;
	if (s->include_magic)
		name = slice_trim(slice_sub(name, 1, name.len - 2));
	if (s->include_magic && name.len >= 2 && name.ptr[0] == '"')
		name = slice_sub(name, 1, name.len - 2);
	s->include_name = name;
	return true;
}

static void include(struct parser *p, struct stmt *s, struct token t)
{
	doc_accept(p, t);
	if (!included_name(p, s)) {
		doc_broken(p, p->at, "an include without a name");
		return;
	}
	s->kind = STMT_INCLUDE;
	s->include_hash = p->text.ptr[t.at] == '#';
	s->include_if_exists = slice_ends(doc_slice(p, t), "exists");
}

static void end_with_comma(struct parser *p, enum lex_mode mode)
{
	struct token t = doc_peek(p, mode);

	if (t.kind == TOKEN_COMMA)
		doc_accept(p, t);
	else
		doc_broken(p, p->at, "a statement without a comma at its end");
}

static void abi(struct parser *p, struct stmt *s, struct token t)
{
	doc_accept(p, t);
	if (!included_name(p, s)) {
		doc_broken(p, p->at, "an abi without a name");
		doc_junk(p, s);
		return;
	}
	s->kind = STMT_ABI;
	end_with_comma(p, LEX_INCLUDE);
}

static void alias(struct parser *p, struct stmt *s, struct token t)
{
	struct token from, arrow, to;

	doc_accept(p, t);
	from = doc_peek(p, LEX_INITIAL);
	arrow = lex_next(p->text, from.at + from.len, LEX_INITIAL);
	to = lex_next(p->text, arrow.at + arrow.len, LEX_NAME);
	if (!doc_is_path(p, from) || arrow.kind != TOKEN_ARROW || (to.kind != TOKEN_WORD && to.kind != TOKEN_QUOTED)) {
		doc_broken(p, p->at, "an alias that is not `alias /a -> /b,`");
		doc_junk(p, s);
		return;
	}
	doc_accept(p, from);
	doc_accept(p, to);
	s->kind = STMT_ALIAS;
	s->alias_from = doc_slice(p, from);
	s->alias_to = doc_slice(p, to);
	end_with_comma(p, LEX_INITIAL);
}

/* Everything up to the end of the line; a backslash there takes the next line with it. */
static void values(struct parser *p, struct stmt *s)
{
	VEC(struct slice) found = { 0 };

	for (;;) {
		struct token t = doc_peek(p, LEX_ASSIGN);

		if (t.kind == TOKEN_END || t.kind == TOKEN_NEWLINE)
			break;
		doc_accept(p, t);
		if (t.kind == TOKEN_WORD || t.kind == TOKEN_QUOTED)
			VEC_PUSH(p->arena, &found, doc_slice(p, t));
		else
			doc_broken(p, t.at, "a comma or ! among the values of a variable");
	}
	s->values = found.ptr;
	s->value_count = found.len;
	if (found.len == 0)
		doc_broken(p, p->at, "a variable without a value");
}

static bool assignment(struct parser *p, struct stmt *s, struct token t)
{
	struct token op = lex_next(p->text, t.at + t.len, LEX_INITIAL);
	struct slice name = slice_from(doc_slice(p, t), 1);

	if (op.kind != TOKEN_ASSIGN)
		return false;
	doc_accept(p, op);
	s->kind = t.kind == TOKEN_VARIABLE ? STMT_VARIABLE : STMT_BOOLEAN;
	s->name = name.ptr[0] == '{' ? slice_sub(name, 1, name.len - 2) : name;
	s->op = doc_slice(p, op);
	values(p, s);
	return true;
}

static void keyword(struct parser *p, struct stmt *s, struct token t)
{
	if (doc_token_is(p, t, "profile") || doc_token_is(p, t, "hat"))
		profile(p, s, t);
	else if (doc_token_is(p, t, "if") || doc_token_is(p, t, "else"))
		conditional(p, s, t);
	else if (doc_token_is(p, t, "abi"))
		abi(p, s, t);
	else if (doc_token_is(p, t, "alias") || doc_token_is(p, t, "rewrite"))
		alias(p, s, t);
	else
		doc_rule(p, s);
}

void doc_statement(struct parser *p, struct stmt *s, struct token t)
{
	p->at = t.at;
	switch (t.kind) {
	case TOKEN_INCLUDE:
		include(p, s, t);
		break;
	case TOKEN_WORD:
		keyword(p, s, t);
		break;
	case TOKEN_CARET:
		profile(p, s, t);
		break;
	case TOKEN_VARIABLE:
	case TOKEN_BOOLEAN:
		if (!assignment(p, s, t))
			path_first(p, s, t);
		break;
	case TOKEN_PATH:
	case TOKEN_QUOTED:
		path_first(p, s, t);
		break;
	default:
		doc_rule(p, s);
	}
}
