/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A language as a pattern. Several ways of writing make proposals; each proposal is parsed again and only one that
 * describes exactly the language can be taken, so that nothing here has to be right, only good.
 */
#include "aare-internal.h"

enum { MAX_WORK = 400 * 1000 }; /* steps for all proposals together; LXC's rules take some ten thousand */

struct choice {
	const struct re *language;
	const struct aare_style *style;
	struct re_pool *pool;
	struct arena *arena;
	struct slice best;
	size_t cost;
	bool slash;     /* every path of the language begins with one */
	uint64_t limit; /* of re_pool_work() */
};

/* Length, and more for braces inside braces: n{,e},n[^e]* reads better than n{,[^e]*,e}. */
static size_t cost_of(struct slice text)
{
	enum { NESTING = 8 };
	size_t depth = 0, cost = text.len;

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\\')
			i++;
		else if (text.ptr[i] == '{' && ++depth > 2)
			cost += NESTING;
		else if (text.ptr[i] == '}' && depth > 0)
			depth--;
	}
	return cost;
}

static void propose(struct choice *c, struct slice pure, bool tail)
{
	AUTOBUF text = { 0 };
	const struct re *again;
	size_t cost;

	aare_dress(&text, pure);
	cost = cost_of(buf_slice(&text));
	if (tail)
		cost -=
		    cost / 4; /* text that stays outside the braces is text that the reader knows from the old rule */
	if ((c->best.ptr && cost >= c->cost) || re_pool_work(c->pool) > c->limit)
		return;
	if (c->slash && (text.len == 0 || text.ptr[0] != '/'))
		return; /* a rule's path cannot begin with a brace or a star */
	if (aare_translate(buf_slice(&text), c->pool, &again, NULL, NULL) < 0)
		return;
	if (re_equal(c->pool, again, c->language, NULL, NULL) != 1)
		return;
	c->best = arena_slice(c->arena, buf_slice(&text));
	c->cost = cost;
}

// Branches that share a tail, the commonest shape of a rule. Only where there are several: /a/** is better than the
// /a/?*{,/**} that it also is.
static void propose_tails(struct choice *c)
{
	static const char *const tails[] = { "{,/**}", "{/,/**}", "{,/}", "/?**", "/?*", "/**" };

	for (size_t i = 0; i < sizeof tails / sizeof *tails && re_pool_work(c->pool) <= c->limit; i++) {
		struct aare_tail tail = { .text = slice_of(tails[i]) };
		AUTOBUF dressed = { 0 };
		AUTOBUF text = { 0 };
		size_t branches;

		aare_dress(&dressed, tail.text);
		if (aare_translate(buf_slice(&dressed), c->pool, &tail.re, NULL, NULL) < 0)
			return;
		if (aare_put_flat(&text, c->language, &tail, c->style, c->pool, &branches) == 0 && branches > 1)
			propose(c, buf_slice(&text), true);
	}
}

/* The bytes that all strings begin with, then what follows as it is built. */
static void propose_structure(struct choice *c)
{
	AUTOBUF text = { 0 };
	const struct re *e = c->language;
	unsigned char rep[256];
	struct re_set set[256];

	if (aare_put_structure(&text, e, c->style) == 0)
		propose(c, buf_slice(&text), false);
	buf_clear(&text);
	while (e && e->kind == RE_ALT && !e->nullable && text.len < 4096) {
		size_t count = re_classes(e, NULL, rep, set), ways = 0;
		const struct re *next = NULL;
		unsigned char byte = 0;

		for (size_t i = 0; i < count; i++) {
			const struct re *d = re_derive(c->pool, e, rep[i]);

			if (!d)
				return;
			if (d->kind == RE_NONE)
				continue;
			ways += re_set_count(&set[i]);
			byte = rep[i];
			next = d;
		}
		if (ways != 1)
			break;
		aare_put_literal(&text, byte);
		e = next;
	}
	if (e && text.len > 0 && aare_put_structure(&text, e, c->style) == 0)
		propose(c, buf_slice(&text), false);
}

static bool begins_with_slash(struct re_pool *pool, const struct re *e)
{
	struct re_set slash = { 0 };

	re_set_add(&slash, '/');
	return re_contains(pool, re_cat(pool, re_set(pool, &slash), re_any(pool)), e, NULL, NULL) == 1;
}

int aare_print_styled(const struct re *language, const struct aare_style *style, struct re_pool *pool,
		      struct arena *arena, struct slice *out, struct err *err)
{
	struct choice c = { .language = language, .style = style, .pool = pool, .arena = arena };
	AUTOBUF text = { 0 };
	size_t branches;

	if (!language)
		return err_put(err, ERR_REFUSED, "cannot write the paths as a pattern: they are too many");
	if (language->kind == RE_NONE)
		return err_put(err, ERR_REFUSED, "cannot write a pattern that matches nothing");
	c.limit = re_pool_work(pool) + MAX_WORK;
	c.slash = begins_with_slash(pool, language);
	propose_tails(&c);
	if (aare_put_flat(&text, language, NULL, style, pool, &branches) == 0)
		propose(&c, buf_slice(&text), false);
	propose_structure(&c);
	if (!c.best.ptr)
		return err_put(err, ERR_REFUSED,
			       "cannot write the paths as one pattern: AppArmor has none for them, or a very long one");
	*out = c.best;
	return 0;
}

int aare_print(const struct re *language, struct re_pool *pool, struct arena *arena, struct slice *out, struct err *err)
{
	return aare_print_styled(language, NULL, pool, arena, out, err);
}

/* -- p − q as text ----------------------------------------------------------------------------------------- */

/* The bytes of p's classes come first, in the order they have there: [^fdc] becomes [^fdcn], not [^cdfn]. */
static struct aare_style style_of(struct slice pattern)
{
	struct aare_style style;
	unsigned short next = 0;
	bool class = false;

	for (size_t c = 0; c < 256; c++)
		style.rank[c] = (unsigned short)(256 + c);
	for (size_t i = 0; i < pattern.len; i++) {
		unsigned char c = (unsigned char)pattern.ptr[i];
		bool escaped = c == '\\' && i + 1 < pattern.len;

		if (escaped)
			c = (unsigned char)pattern.ptr[++i];
		else if (c == '[' || c == ']')
			class = c == '[';
		if (class && style.rank[c] >= 256 && (escaped || !strchr("[^-", c)))
			style.rank[c] = next++;
	}
	return style;
}

int aare_subtract_text(const struct aare *p, const struct re *q, struct re_pool *pool, struct arena *arena,
		       struct slice *out, bool *empty, struct err *err)
{
	struct aare_style style = style_of(p->text);
	const struct re *rest = aare_subtract(p->re, q, pool, arena, err);

	*empty = rest && rest->kind == RE_NONE;
	if (!rest)
		return -1;
	if (*empty)
		return 0;
	if (re_disjoint(pool, p->re, q, NULL, NULL) == 1) {
		*out = p->text;
		return 0;
	}
	return aare_print_styled(rest, &style, pool, arena, out, err);
}
