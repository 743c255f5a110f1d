/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules: their qualifiers, their class, and where they end. */
#include <limits.h>

#include "doc-internal.h"

/* The mode behind each keyword is the state that parser_lex.l pushes; userns and rlimit hold no free words. */
static const struct keyword {
	const char *word;
	enum rule_class class;
	enum lex_mode mode;
} keywords[] = {
	{ "capability", RULE_CAPABILITY, LEX_INITIAL },
	{ "network", RULE_NETWORK, LEX_RULE },
	{ "mount", RULE_MOUNT, LEX_RULE },
	{ "remount", RULE_MOUNT, LEX_RULE },
	{ "umount", RULE_MOUNT, LEX_RULE },
	{ "unmount", RULE_MOUNT, LEX_RULE },
	{ "pivot_root", RULE_PIVOT_ROOT, LEX_INITIAL },
	{ "change_profile", RULE_CHANGE_PROFILE, LEX_NAME },
	{ "set", RULE_RLIMIT, LEX_INITIAL },
	{ "signal", RULE_SIGNAL, LEX_RULE },
	{ "ptrace", RULE_PTRACE, LEX_RULE },
	{ "unix", RULE_UNIX, LEX_RULE },
	{ "dbus", RULE_DBUS, LEX_RULE },
	{ "userns", RULE_USERNS, LEX_INITIAL },
	{ "mqueue", RULE_MQUEUE, LEX_RULE },
	{ "io_uring", RULE_IO_URING, LEX_INITIAL },
	{ "all", RULE_ALL, LEX_INITIAL },
};

static const struct keyword *find_keyword(const struct parser *p, struct token t)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (doc_token_is(p, t, keywords[i].word))
			return &keywords[i];
	return NULL;
}

/* The number behind `priority=`; one that does not fit stays at the limit, which no parser accepts either. */
static bool priority(struct parser *p, struct token t, struct qualifiers *q)
{
	struct token eq = lex_next(p->text, t.at + t.len, LEX_INITIAL);
	size_t at = eq.at + eq.len, digits;
	bool minus = false;
	long value = 0;

	if (eq.kind != TOKEN_ASSIGN || !doc_token_is(p, eq, "="))
		return false;
	while (at < p->text.len && (p->text.ptr[at] == ' ' || p->text.ptr[at] == '\t'))
		at++;
	if (at < p->text.len && (p->text.ptr[at] == '-' || p->text.ptr[at] == '+'))
		minus = p->text.ptr[at++] == '-';
	digits = at;
	for (; at < p->text.len && p->text.ptr[at] >= '0' && p->text.ptr[at] <= '9'; at++)
		value = value > INT_MAX / 10 ? INT_MAX : value * 10 + (p->text.ptr[at] - '0');
	if (at == digits)
		return false;
	if (value > INT_MAX)
		value = INT_MAX;
	q->has_priority = true;
	q->priority = (int)(minus ? -value : value);
	p->at = at;
	return true;
}

static bool *qualifier(const struct parser *p, struct token t, struct qualifiers *q)
{
	const struct {
		const char *word;
		bool *flag;
	} table[] = {
		{ "audit", &q->audit }, { "deny", &q->deny },  { "allow", &q->allow }, { "prompt", &q->prompt },
		{ "owner", &q->owner }, { "user", &q->owner }, { "other", &q->other },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (doc_token_is(p, t, table[i].word))
			return table[i].flag;
	return NULL;
}

/* In any order: one that the parser refuses is still told from the rule behind it. */
static void qualifiers(struct parser *p, struct qualifiers *q)
{
	for (;;) {
		struct token t = doc_peek(p, LEX_INITIAL);
		bool *flag = qualifier(p, t, q);

		if (t.kind != TOKEN_WORD)
			return;
		if (flag) {
			*flag = true;
			doc_accept(p, t);
		} else if (!doc_token_is(p, t, "priority") || !priority(p, t, q)) {
			return;
		}
		if (q->text.len == 0)
			q->text.at = t.at;
		q->text.len = p->at - q->text.at;
	}
}

/* Takes a value behind `=` or `->`, where one follows. */
static void value(struct parser *p)
{
	struct token t = doc_peek(p, LEX_NAME);

	if ((t.kind == TOKEN_WORD && p->text.ptr[t.at] != '(') || t.kind == TOKEN_QUOTED)
		doc_accept(p, t);
}

/* What no rule can hold: here it ended without its comma. */
static bool stops(struct token t)
{
	return t.kind == TOKEN_END || t.kind == TOKEN_OPEN || t.kind == TOKEN_CLOSE || t.kind == TOKEN_INCLUDE;
}

/* The rest of a rule in the initial mode, up to the comma, which is not taken. False where there is none. */
static bool rest_initial(struct parser *p)
{
	bool word = false;

	for (;;) {
		struct token t = doc_peek(p, LEX_INITIAL);

		if (t.kind == TOKEN_COMMA || stops(t))
			return t.kind == TOKEN_COMMA;
		doc_accept(p, t);
		/* not behind `<=` of an rlimit, whose value may have the next rule directly behind its comma */
		if (t.kind == TOKEN_ARROW || (t.kind == TOKEN_ASSIGN && word))
			value(p);
		word = t.kind == TOKEN_WORD;
	}
}

/*
 * The same in the other modes. There braces are letters, but no word of a rule that the parser takes begins with a
 * closing one: it is the end of the profile behind a rule that lacks its comma.
 */
static bool rest_mode(struct parser *p, enum lex_mode mode)
{
	for (;;) {
		struct token t = doc_peek(p, mode);

		if (t.kind == TOKEN_COMMA || stops(t))
			return t.kind == TOKEN_COMMA;
		if (t.kind == TOKEN_WORD && p->text.ptr[t.at] == '}')
			return false;
		doc_accept(p, t);
		if (t.kind == TOKEN_ASSIGN)
			value(p);
	}
}

static bool rest(struct parser *p, enum lex_mode mode)
{
	return mode == LEX_INITIAL ? rest_initial(p) : rest_mode(p, mode);
}

/* Takes the comma. `from` is where the rule's text begins. */
static void end_rule(struct parser *p, struct stmt *s, size_t from, bool comma)
{
	s->text = slice_sub(p->text, from, p->at - from);
	if (comma)
		doc_accept(p, doc_peek(p, LEX_INITIAL));
	else
		doc_broken(p, p->at, "a rule without a comma at its end");
}

void doc_junk(struct parser *p, struct stmt *s)
{
	struct token t = doc_peek(p, LEX_INITIAL);

	s->kind = STMT_OPAQUE;
	if (s->span.at == p->at && !stops(t) && t.kind != TOKEN_COMMA)
		doc_accept(p, t);
	if (!rest_initial(p))
		return;
	while ((t = doc_peek(p, LEX_INITIAL)).kind == TOKEN_COMMA)
		doc_accept(p, t);
}

static bool take_word(struct parser *p, const char *word)
{
	struct token t = doc_peek(p, LEX_INITIAL);

	if (t.kind != TOKEN_WORD || !doc_token_is(p, t, word))
		return false;
	doc_accept(p, t);
	return true;
}

static bool take_path(struct parser *p, struct stmt *s)
{
	struct token t = doc_peek(p, LEX_INITIAL);

	if (!doc_is_path(p, t))
		return false;
	doc_accept(p, t);
	s->path = doc_slice(p, t);
	s->path_span = (struct span){ t.at, t.len };
	return true;
}

static bool take_perms(struct parser *p, struct stmt *s)
{
	struct token t = doc_peek(p, LEX_INITIAL);

	if (t.kind != TOKEN_MODE)
		return false;
	doc_accept(p, t);
	s->perms = doc_slice(p, t);
	s->perms_span = (struct span){ t.at, t.len };
	return true;
}

/* `-> TARGET`. False only where the arrow points at nothing. */
static bool take_target(struct parser *p, struct stmt *s)
{
	struct token t = doc_peek(p, LEX_INITIAL);

	if (t.kind != TOKEN_ARROW)
		return true;
	doc_accept(p, t);
	t = doc_peek(p, LEX_NAME);
	if (t.kind != TOKEN_WORD && t.kind != TOKEN_QUOTED)
		return false;
	doc_accept(p, t);
	s->target = doc_slice(p, t);
	return true;
}

/* [file] [safe|unsafe] (PATH MODE | MODE [subset] PATH) [-> TARGET], or `file` alone. */
static bool file_parts(struct parser *p, struct stmt *s)
{
	bool prefix = take_word(p, "safe") || take_word(p, "unsafe");
	bool file = take_word(p, "file");

	if (!prefix)
		prefix = take_word(p, "safe") || take_word(p, "unsafe");
	if (file && !prefix && doc_peek(p, LEX_INITIAL).kind == TOKEN_COMMA)
		return true;
	if (take_path(p, s))
		return take_perms(p, s) && take_target(p, s);
	s->perms_first = take_perms(p, s);
	if (!s->perms_first)
		return false;
	s->subset = take_word(p, "subset");
	return take_path(p, s) && take_target(p, s);
}

/* link [subset] PATH -> TARGET */
static bool link_parts(struct parser *p, struct stmt *s)
{
	take_word(p, "link");
	s->subset = take_word(p, "subset");
	return take_path(p, s) && take_target(p, s) && s->target.len > 0;
}

/* File and link rules are taken apart; what does not fit their shape is a rule nobody knows. */
static void path_rule(struct parser *p, struct stmt *s, size_t from)
{
	bool fits = s->rule_class == RULE_LINK ? link_parts(p, s) : file_parts(p, s);
	struct token t = doc_peek(p, LEX_INITIAL);

	if (!fits || (t.kind != TOKEN_COMMA && !stops(t))) {
		s->rule_class = RULE_UNKNOWN;
		s->path = s->perms = s->target = (struct slice){ 0 };
		s->path_span = s->perms_span = (struct span){ 0, 0 };
		s->subset = s->perms_first = false;
	}
	end_rule(p, s, from, rest_initial(p));
}

static bool begins_file_rule(const struct parser *p, struct token t)
{
	if (t.kind == TOKEN_WORD)
		return doc_token_is(p, t, "file") || doc_token_is(p, t, "safe") || doc_token_is(p, t, "unsafe");
	return t.kind == TOKEN_MODE || doc_is_path(p, t);
}

/* A rule that begins with a name. Behind one that nobody knows, a brace begins a body: then it was no rule. */
static void word_rule(struct parser *p, struct stmt *s, struct token t)
{
	const struct keyword *k = find_keyword(p, t);
	struct token second = lex_next(p->text, t.at + t.len, LEX_INITIAL);
	bool comma;

	if (k && k->class == RULE_RLIMIT && !doc_token_is(p, second, "rlimit"))
		k = NULL;
	s->kind = STMT_RULE;
	s->rule_class = k ? k->class : RULE_UNKNOWN;
	doc_accept(p, t);
	if (k)
		comma = rest(p, k->mode);
	else /* NAME MODE is a file rule to the lexers of today */
		comma = rest(p, second.kind == TOKEN_MODE ? LEX_INITIAL : LEX_UNKNOWN);
	if (!comma && !k && doc_peek(p, LEX_INITIAL).kind == TOKEN_OPEN) {
		s->kind = STMT_OPAQUE;
		return;
	}
	end_rule(p, s, t.at, comma);
}

void doc_rule(struct parser *p, struct stmt *s)
{
	struct token t;

	qualifiers(p, &s->qualifiers);
	t = doc_peek(p, LEX_INITIAL);
	if (t.kind == TOKEN_OPEN) {
		s->kind = STMT_BLOCK;
		doc_accept(p, t);
		doc_open(p, s);
	} else if (begins_file_rule(p, t)) {
		s->kind = STMT_RULE;
		s->rule_class = RULE_FILE;
		path_rule(p, s, t.at);
	} else if (t.kind == TOKEN_WORD && doc_token_is(p, t, "link")) {
		s->kind = STMT_RULE;
		s->rule_class = RULE_LINK;
		path_rule(p, s, t.at);
	} else if (t.kind == TOKEN_WORD) {
		word_rule(p, s, t);
	} else {
		doc_junk(p, s);
	}
}
