/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy-condition: the conditions of `if`, and of booleans in 5.0.
 *
 * Up to 4.1.8: [not] $b, [not] defined @{X} (parser_yacc.y). 5.0 adds and, or, parentheses and == != in < <= > >= over
 * words and variables (cond_expr.cc): == and != compare sets, `in` asks for a subset, the others compare numbers where
 * both sides are one, else sets in byte order. Every operand is evaluated, as there: an undefined one is an error even
 * where the result is known without it. `or` binds less than `and`, that less than `not`.
 */
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "policy-internal.h"

enum token_kind { T_END, T_WORD, T_OPEN, T_CLOSE, T_EQ, T_NE, T_LT, T_LE, T_GT, T_GE, T_IN, T_BAD };

struct token {
	enum token_kind kind;
	struct slice text;
};

struct cond {
	struct policy_vars *vars;
	const struct policy_source *source;
	struct slice rest;
	struct token now;
	unsigned depth;
	struct err *err;
};

static struct policy_place place_of(const struct cond *c)
{
	return policy_text_place(c->source, (size_t)(c->now.text.ptr - c->source->doc.text.ptr));
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_blanks(struct slice *s)
{
	while (s->len > 0 && (is_blank(s->ptr[0]) || s->ptr[0] == '#')) {
		if (s->ptr[0] == '#')
			*s = slice_from(*s, slice_find(*s, '\n'));
		else
			*s = slice_from(*s, 1);
	}
}

static size_t word_length(struct slice s)
{
	size_t n = 1;

	if (s.ptr[0] == '"') {
		while (n < s.len && s.ptr[n] != '"')
			n += s.ptr[n] == '\\' && n + 1 < s.len ? 2 : 1;
		return n < s.len ? n + 1 : s.len;
	}
	if (slice_starts(s, "@{") || slice_starts(s, "${"))
		return slice_find(s, '}') < s.len ? slice_find(s, '}') + 1 : s.len;
	while (n < s.len && !is_blank(s.ptr[n]) && !memchr("()=!<>\"", s.ptr[n], 7))
		n++;
	return n;
}

static void next_token(struct cond *c)
{
	static const struct {
		const char *text;
		enum token_kind kind;
	} marks[] = { { "==", T_EQ }, { "!=", T_NE },  { "<=", T_LE },   { ">=", T_GE }, { "<", T_LT },
		      { ">", T_GT },  { "(", T_OPEN }, { ")", T_CLOSE }, { "=", T_BAD }, { "!", T_BAD } };
	size_t n;

	skip_blanks(&c->rest);
	c->now = (struct token){ T_END, slice_sub(c->rest, 0, 0) };
	if (c->rest.len == 0)
		return;
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		if (!slice_starts(c->rest, marks[i].text))
			continue;
		n = strlen(marks[i].text);
		c->now = (struct token){ marks[i].kind, slice_sub(c->rest, 0, n) };
		c->rest = slice_from(c->rest, n);
		return;
	}
	n = word_length(c->rest);
	c->now = (struct token){ T_WORD, slice_sub(c->rest, 0, n) };
	if (slice_is(c->now.text, "in"))
		c->now.kind = T_IN;
	c->rest = slice_from(c->rest, n);
}

static int refuse(struct cond *c, const char *what)
{
	if (c->now.kind == T_END)
		return POLICY_FAIL(c->err, place_of(c), "cannot evaluate this condition: it ends too early");
	return POLICY_FAIL(c->err, place_of(c), "cannot evaluate this condition: %s '%.*s'", what,
			   SLICE_FMT(c->now.text));
}

/* The name in @{X}, @X, ${x} or $x; empty where the word is no variable. */
static struct slice variable_name(struct slice word, char sigil)
{
	if (word.len < 2 || word.ptr[0] != sigil)
		return (struct slice){ 0 };
	word = slice_from(word, 1);
	if (word.ptr[0] == '{')
		return slice_sub(word, 1, word.len >= 2 && word.ptr[word.len - 1] == '}' ? word.len - 2 : 0);
	return word;
}

struct operand {
	struct slice *values; /* sorted, each once */
	size_t count;
};

static int compare_slices(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static void make_set(struct operand *o)
{
	size_t n = 0;

	qsort(o->values, o->count, sizeof *o->values, compare_slices);
	for (size_t i = 0; i < o->count; i++)
		if (n == 0 || !slice_eq(o->values[n - 1], o->values[i]))
			o->values[n++] = o->values[i];
	o->count = n;
}

static int read_operand(struct cond *c, struct operand *o)
{
	struct arena *arena = c->vars->arena;
	struct slice name, *values;

	if (c->now.kind != T_WORD)
		return refuse(c, "a word or a variable is expected before");
	if (c->now.text.ptr[0] == '$')
		return refuse(c, "a boolean cannot be compared:");
	name = variable_name(c->now.text, '@');
	o->count = 1;
	if (name.len > 0) {
		if (policy_var_values(c->vars, name, &values, &o->count, place_of(c), c->err) < 0)
			return -1;
		o->values = arena_array(arena, o->count, sizeof *values);
		memcpy(o->values, values, o->count * sizeof *values);
	} else {
		o->values = arena_array(arena, 1, sizeof *o->values);
		o->values[0] = doc_word(c->now.text, arena);
	}
	make_set(o);
	next_token(c);
	return 0;
}

/* A set is a number where it holds one value that strtol(3) reads to its end. */
static bool as_number(const struct operand *o, struct arena *arena, long *out)
{
	char *text, *end;

	if (o->count != 1 || o->values[0].len == 0)
		return false;
	text = arena_str(arena, o->values[0]);
	errno = 0;
	*out = strtol(text, &end, 0);
	return errno == 0 && *end == '\0';
}

static int compare_sets(const struct operand *a, const struct operand *b)
{
	for (size_t i = 0; i < a->count && i < b->count; i++) {
		int d = slice_cmp(a->values[i], b->values[i]);

		if (d != 0)
			return d;
	}
	return (a->count > b->count) - (a->count < b->count);
}

static bool is_subset(const struct operand *part, const struct operand *whole)
{
	for (size_t i = 0; i < part->count; i++)
		if (!bsearch(&part->values[i], whole->values, whole->count, sizeof *whole->values, compare_slices))
			return false;
	return true;
}

static bool holds(enum token_kind op, int difference)
{
	switch (op) {
	case T_EQ:
		return difference == 0;
	case T_NE:
		return difference != 0;
	case T_LT:
		return difference < 0;
	case T_LE:
		return difference <= 0;
	case T_GT:
		return difference > 0;
	default:
		return difference >= 0;
	}
}

static int compare(struct cond *c, bool *truth)
{
	struct policy_place place = place_of(c);
	struct operand left, right;
	enum token_kind op;
	bool numbers;
	long a, b;

	if (read_operand(c, &left) < 0)
		return -1;
	op = c->now.kind;
	if (op < T_EQ || op > T_IN)
		return refuse(c, "a comparison is expected before");
	next_token(c);
	if (read_operand(c, &right) < 0)
		return -1;
	if (op == T_IN) {
		*truth = is_subset(&left, &right);
		return 0;
	}
	if (op == T_EQ || op == T_NE) {
		*truth = holds(op, compare_sets(&left, &right));
		return 0;
	}
	numbers = as_number(&left, c->vars->arena, &a);
	if (numbers != as_number(&right, c->vars->arena, &b))
		return POLICY_FAIL(c->err, place, "cannot evaluate this condition: only numbers compare with numbers");
	*truth = holds(op, numbers ? (a > b) - (a < b) : compare_sets(&left, &right));
	return 0;
}

static int read_defined(struct cond *c, bool *truth)
{
	struct slice name;
	struct policy_var *var;

	next_token(c);
	/* false, the boolean's value or an error for one that is not set: 3.0, 4.1 and 5.0 differ (cond_expr.cc) */
	if (c->now.kind == T_WORD && c->now.text.ptr[0] == '$')
		return refuse(c, "releases of apparmor_parser differ about 'defined'");
	name = variable_name(c->now.text, '@');
	if (c->now.kind != T_WORD || name.len == 0)
		return refuse(c, "a variable is expected before");
	var = policy_var_find(c->vars, name);
	*truth = var && !var->is_boolean;
	next_token(c);
	return 0;
}

static int read_boolean(struct cond *c, bool *truth)
{
	struct slice name = variable_name(c->now.text, '$');
	struct policy_var *var = policy_var_find(c->vars, name);

	if (!var || !var->is_boolean)
		return refuse(c, "there is no boolean");
	*truth = var->truth;
	next_token(c);
	return 0;
}

static bool is_word(const struct cond *c, const char *word)
{
	return c->now.kind == T_WORD && slice_is(c->now.text, word);
}

static bool is_literal(struct slice word, const char *value)
{
	return word.len == strlen(value) && strncasecmp(word.ptr, value, word.len) == 0;
}

static int read_or(struct cond *c, bool *truth);

static int read_group(struct cond *c, bool *truth)
{
	if (++c->depth > 64)
		return refuse(c, "parentheses nest too deeply at");
	next_token(c);
	if (read_or(c, truth) < 0)
		return -1;
	if (c->now.kind != T_CLOSE)
		return refuse(c, "')' is expected before");
	next_token(c);
	c->depth--;
	return 0;
}

static int read_term(struct cond *c, bool *truth)
{
	struct cond ahead = *c;

	if (c->now.kind == T_OPEN)
		return read_group(c, truth);
	if (is_word(c, "defined"))
		return read_defined(c, truth);
	next_token(&ahead);
	if (c->now.kind == T_WORD && ahead.now.kind >= T_EQ && ahead.now.kind <= T_IN)
		return compare(c, truth);
	if (c->now.kind == T_WORD && c->now.text.ptr[0] == '$')
		return read_boolean(c, truth);
	if (c->now.kind != T_WORD || !(is_literal(c->now.text, "true") || is_literal(c->now.text, "false")))
		return refuse(c, "neither a boolean nor a comparison:");
	*truth = is_literal(c->now.text, "true");
	next_token(c);
	return 0;
}

static int read_not(struct cond *c, bool *truth)
{
	bool negated = false;

	while (is_word(c, "not")) {
		negated = !negated;
		next_token(c);
	}
	if (read_term(c, truth) < 0)
		return -1;
	*truth ^= negated;
	return 0;
}

static int read_and(struct cond *c, bool *truth)
{
	bool right;

	if (read_not(c, truth) < 0)
		return -1;
	while (is_word(c, "and")) {
		next_token(c);
		if (read_not(c, &right) < 0)
			return -1;
		*truth &= right;
	}
	return 0;
}

static int read_or(struct cond *c, bool *truth)
{
	bool right;

	if (read_and(c, truth) < 0)
		return -1;
	while (is_word(c, "or")) {
		next_token(c);
		if (read_and(c, &right) < 0)
			return -1;
		*truth |= right;
	}
	return 0;
}

int policy_condition(struct policy_vars *vars, const struct policy_source *source, struct slice text, bool *truth,
		     struct err *err)
{
	struct cond c = { .vars = vars, .source = source, .rest = text, .err = err };

	next_token(&c);
	if (read_or(&c, truth) < 0)
		return -1;
	return c.now.kind == T_END ? 0 : refuse(&c, "nothing is expected at");
}
