/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The second step of reading a pattern; aare-glob.c is the first and says why there are two. */
#include "aare-internal.h"

enum token { TOK_END = 256, TOK_BYTE }; /* an operator is its own token */

struct regex {
	const struct aare_source *source;
	const struct aare_traced *text;
	size_t at;    /* behind the token */
	size_t begin; /* of the token */
	int token;
	int byte; /* of a TOK_BYTE; the operator's own byte otherwise */
	struct re_pool *pool;
	struct arena scratch;
	struct buf *pcre; /* may be NULL */
	size_t depth;
};

static int regex_refuse(const struct regex *r, const char *what)
{
	return aare_refuse(r->source, aare_traced_from(r->text, r->begin), what);
}

static void regex_next(struct regex *r)
{
	struct slice rest = slice_from(buf_slice(&r->text->text), r->at);
	size_t len;
	int value = '\\';

	r->begin = r->at;
	if (rest.len == 0) {
		r->token = TOK_END;
		return;
	}
	r->at++;
	r->byte = (unsigned char)rest.ptr[0];
	r->token = r->byte != 0 && strchr("*+.|^-[]()", r->byte) ? r->byte : TOK_BYTE;
	if (r->byte != '\\')
		return;
	len = aare_escape(slice_from(rest, 1), "*+.|^$-[](){}", &value);
	r->byte = len > 0 ? (unsigned char)value : '\\';
	r->at += len;
}

static void pcre_puts(struct regex *r, const char *text)
{
	if (r->pcre)
		buf_adds(r->pcre, text);
}

static void pcre_byte(struct regex *r, int c)
{
	static const char digits[] = "0123456789abcdef";

	buf_adds(r->pcre, "\\x");
	buf_addc(r->pcre, digits[c >> 4]);
	buf_addc(r->pcre, digits[c & 15]);
}

/* As ranges: most sets are all bytes but a few. */
static void pcre_set(struct regex *r, const struct re_set *set)
{
	if (!r->pcre)
		return;
	if (re_set_empty(set)) {
		buf_adds(r->pcre, "(?!)"); /* only NUL would match, which no path holds */
		return;
	}
	buf_addc(r->pcre, '[');
	for (int c = 1, end; c < 256; c = end + 1) {
		end = c;
		if (!re_set_has(set, (unsigned char)c))
			continue;
		while (end < 255 && re_set_has(set, (unsigned char)(end + 1)))
			end++;
		pcre_byte(r, c);
		if (end > c) {
			buf_addc(r->pcre, '-');
			pcre_byte(r, end);
		}
	}
	buf_addc(r->pcre, ']');
}

/* cset_charN of the grammar, and with first also the ']' and '-' of cset_char1. Moves on where it is one. */
static bool class_byte(struct regex *r, bool first, int *byte)
{
	if (r->token == TOK_END || (r->token == '^' && first))
		return false;
	if ((r->token == ']' || r->token == '-') && !first)
		return false;
	*byte = r->byte;
	regex_next(r);
	return true;
}

/* One byte or one range. */
static int class_item(struct regex *r, bool first, struct re_set *set)
{
	int low, high;

	if (!class_byte(r, first, &low))
		return regex_refuse(r, r->token == '-' ? "a '-' in a class that is neither first nor inside a range"
						       : "an empty class, or one that is never closed");
	high = low;
	if (r->token == '-') {
		regex_next(r);
		if (!class_byte(r, false, &high))
			return regex_refuse(r, "a range in a class without its end");
	}
	if (low > high) { /* insert_char_range() swaps them */
		int swap = low;

		low = high;
		high = swap;
	}
	for (int c = low; c <= high; c++)
		re_set_add(set, (unsigned char)c);
	return 0;
}

/* From behind the '[' to behind the ']'. */
static int class_read(struct regex *r, struct re_set *set)
{
	bool negated = r->token == '^', first = true;

	*set = (struct re_set){ 0 };
	if (negated) {
		regex_next(r);
		if (r->token == '^') {
			re_set_add(set, '^');
			regex_next(r);
			first = false;
		}
	}
	while (first || r->token != ']') {
		if (class_item(r, first, set) < 0)
			return -1;
		first = false;
	}
	regex_next(r);
	if (negated)
		*set = re_set_not(set);
	return 0;
}

static const struct re *regex_alternatives(struct regex *r);

static const struct re *regex_group(struct regex *r)
{
	const struct re *e;

	if (++r->depth >= AARE_MAX_GROUPS) {
		regex_refuse(r, "more than 49 groups inside each other");
		return NULL;
	}
	pcre_puts(r, "(?:");
	e = regex_alternatives(r);
	if (!e)
		return NULL;
	if (r->token != ')') {
		regex_refuse(r, "a group that is never closed");
		return NULL;
	}
	pcre_puts(r, ")");
	regex_next(r);
	r->depth--;
	return e;
}

/* qterm of the grammar. Only a class is ever starred: the first step writes no star behind anything else. */
static const struct re *regex_term(struct regex *r)
{
	struct re_set set = { 0 };

	if (r->token == '(') {
		regex_next(r);
		return regex_group(r);
	}
	if (r->token == '*' || r->token == '+' || r->token == '.') {
		regex_refuse(r, "a class with an unescaped wildcard in it");
		return NULL;
	}
	if (r->token == '[') {
		regex_next(r);
		if (class_read(r, &set) < 0)
			return NULL;
	} else {
		re_set_add(&set, (unsigned char)r->byte);
		regex_next(r);
	}
	if (r->token != '*') {
		pcre_set(r, &set);
		return re_set(r->pool, &set);
	}
	regex_next(r);
	if (!re_set_empty(&set)) {
		pcre_set(r, &set);
		pcre_puts(r, "*");
	}
	return re_loop(r->pool, &set);
}

static const struct re *regex_terms(struct regex *r)
{
	VEC(const struct re *) parts = { 0 };
	const struct re *e = re_empty(r->pool);

	while (r->token != TOK_END && r->token != '|' && r->token != ')') {
		const struct re *term = regex_term(r);

		if (!term)
			return NULL;
		VEC_PUSH(&r->scratch, &parts, term);
	}
	while (e && parts.len > 0)
		e = re_cat(r->pool, parts.ptr[--parts.len], e);
	return e;
}

static const struct re *regex_alternatives(struct regex *r)
{
	VEC(const struct re *) list = { 0 };

	for (;;) {
		const struct re *e = regex_terms(r);

		if (!e)
			return NULL;
		VEC_PUSH(&r->scratch, &list, e);
		if (r->token != '|')
			break;
		pcre_puts(r, "|");
		regex_next(r);
	}
	return list.len == 1 ? list.ptr[0] : re_alt_list(r->pool, list.ptr, list.len);
}

const struct re *aare_regex(const struct aare_source *source, const struct aare_traced *text, struct re_pool *pool,
			    struct buf *pcre)
{
	struct regex r = { .source = source, .text = text, .pool = pool, .pcre = pcre };
	const struct re *e;

	regex_next(&r);
	e = regex_alternatives(&r);
	if (e && r.token != TOK_END) {
		regex_refuse(&r, "a group that is closed twice");
		e = NULL;
	}
	arena_release(&r.scratch);
	return e;
}
