/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes, sets and expressions as text; and the last step, which makes "pure" text AppArmor's. */
#include "aare-internal.h"

enum { MAX_TEXT = 64 * 1024 };

void aare_put_literal(struct buf *out, unsigned char c)
{
	if (strchr("*?[]{},\\", c))
		buf_addc(out, '\\');
	buf_addc(out, (char)c);
}

/* -- sets -------------------------------------------------------------------------------------------------- */

/*
 * May the byte stand at an end of a range? Not where the two steps of reading or a profile's word treat it specially:
 * '-' cannot be escaped in a class, '^' loses its backslash there, and blanks and control bytes are no pleasure to
 * read.
 */
static bool range_end(unsigned char c)
{
	return c > ' ' && c != 0x7f && !strchr("!\"*,-/?@[\\]^{}", c);
}

struct class_text {
	struct buf *out;
	const struct re_set *set;
	bool done[256];
};

static void class_byte(struct class_text *k, unsigned char c)
{
	if (!k->done[c]) {
		if (strchr("*?[]{}\\", c))
			buf_addc(k->out, '\\'); /* unescaped, * and ? would be expanded even here */
		buf_addc(k->out, (char)c);
	}
	k->done[c] = true;
}

/* The bytes around c as a range, where it makes the class shorter. */
static bool class_range(struct class_text *k, unsigned char c)
{
	int low = c, high = c;

	while (low > 1 && re_set_has(k->set, (unsigned char)(low - 1)) && !k->done[low - 1])
		low--;
	while (high < 255 && re_set_has(k->set, (unsigned char)(high + 1)) && !k->done[high + 1])
		high++;
	while (low < c && !range_end((unsigned char)low))
		low++;
	while (high > c && !range_end((unsigned char)high))
		high--;
	if (high - low < 3 || !range_end((unsigned char)low) || !range_end((unsigned char)high))
		return false;
	buf_addc(k->out, (char)low);
	buf_addc(k->out, '-');
	buf_addc(k->out, (char)high);
	for (int i = low; i <= high; i++)
		k->done[i] = true;
	return true;
}

/* As the rule had them, then by byte; the slash last, where it reads as an afterthought: [^n/]. */
static int member_rank(const struct aare_style *style, unsigned char c)
{
	int rank = style ? style->rank[c] : 256 + c;

	return c == '/' && rank >= 256 ? 1000 : rank;
}

/* The members between the brackets: '-' can only be meant literally in front, '^' must not be in front. */
static void class_members(struct buf *out, const struct re_set *set, const struct aare_style *style)
{
	struct class_text k = { .out = out, .set = set };
	unsigned char order[256];
	size_t n = 0;

	for (int c = 1; c < 256; c++) {
		size_t at = n;

		if (!re_set_has(set, (unsigned char)c) || c == '-' || c == '^')
			continue;
		for (; at > 0 && member_rank(style, order[at - 1]) > member_rank(style, (unsigned char)c); at--)
			order[at] = order[at - 1];
		order[at] = (unsigned char)c;
		n++;
	}
	if (re_set_has(set, '-'))
		class_byte(&k, '-');
	for (size_t i = 0; i < n; i++)
		if (!k.done[order[i]] && !class_range(&k, order[i]))
			class_byte(&k, order[i]);
	if (re_set_has(set, '^'))
		class_byte(&k, '^');
}

void aare_put_set(struct buf *out, const struct re_set *set, const struct aare_style *style)
{
	struct re_set rest = re_set_not(set), nonslash = aare_nonslash();
	size_t count = re_set_count(set);
	unsigned char c = 1;

	if (re_set_eq(set, &nonslash)) {
		buf_addc(out, '?');
	} else if (count == 255) {
		buf_adds(out, "{/,?}"); /* no class says "any byte" */
	} else if (count == 1) {
		while (!re_set_has(set, c))
			c++;
		aare_put_literal(out, c);
	} else {
		buf_adds(out, count > 127 ? "[^" : "[");
		class_members(out, count > 127 ? &rest : set, style);
		buf_addc(out, ']');
	}
}

/* -- expressions as they are built ------------------------------------------------------------------------- */

struct structure {
	struct buf *out;
	const struct aare_style *style;
	int depth;
};

static int put_sequence(struct structure *s, const struct re *e);

static int put_group(struct structure *s, const struct re *e)
{
	bool first = true;

	if (++s->depth >= AARE_MAX_GROUPS - 1)
		return -1;
	buf_addc(s->out, '{');
	for (;; e = e->right, first = false) {
		if (!first)
			buf_addc(s->out, ',');
		if (put_sequence(s, e->kind == RE_ALT ? e->left : e) < 0)
			return -1;
		if (e->kind != RE_ALT)
			break;
	}
	buf_addc(s->out, '}');
	s->depth--;
	return 0;
}

static int put_part(struct structure *s, const struct re *e)
{
	struct re_set all = aare_all(), nonslash = aare_nonslash();

	if (s->out->len > MAX_TEXT || e->kind == RE_NONE)
		return -1;
	if (e->kind == RE_ALT)
		return put_group(s, e);
	if (e->kind == RE_SET)
		aare_put_set(s->out, &e->set, s->style);
	if (e->kind != RE_LOOP)
		return 0;
	if (!re_set_eq(&e->set, &all) && !re_set_eq(&e->set, &nonslash))
		return -1;
	buf_adds(s->out, re_set_eq(&e->set, &all) ? "**" : "*");
	return 0;
}

/* Recursion goes through put_group(), which counts. */
static int put_sequence(struct structure *s, const struct re *e)
{
	for (; e->kind == RE_CAT; e = e->right)
		if (put_part(s, e->left) < 0)
			return -1;
	return put_part(s, e);
}

int aare_put_structure(struct buf *out, const struct re *e, const struct aare_style *style)
{
	struct structure s = { .out = out, .style = style };

	return put_sequence(&s, e);
}

/* -- dressing ---------------------------------------------------------------------------------------------- */

static size_t stars_at(struct slice s)
{
	size_t n = 0;

	while (n < s.len && s.ptr[n] == '*')
		n++;
	return n;
}

/* How long a class or an escape at the start of s is; 0 where there is neither. */
static size_t opaque_at(struct slice s)
{
	size_t n = 1;

	if (s.ptr[0] == '\\')
		return s.len > 1 ? 2 : 1;
	if (s.ptr[0] != '[')
		return 0;
	while (n < s.len && s.ptr[n] != ']')
		n += s.ptr[n] == '\\' ? 2 : 1;
	return n < s.len ? n + 1 : s.len;
}

/*
 * Behind a slash: a star that stands alone between two slashes or ends the pattern means "at least one byte that is no
 * slash" (glob_star() in aare-glob.c). Returns how many bytes of the text were dealt with.
 */
static size_t dress_star(struct buf *out, struct slice s)
{
	bool one = s.ptr[0] == '?';
	size_t stars = stars_at(slice_from(s, one ? 1 : 0)), len = stars + (one ? 1 : 0);
	bool alone = stars > 0 && (len == s.len || s.ptr[len] == '/');

	if (!alone) {
		len = one ? 1 : stars;
		buf_add(out, s.ptr, len);
	} else if (one) {
		buf_add(out, s.ptr + 1, stars);
	} else {
		buf_adds(out, "{,");
		buf_add(out, s.ptr, stars);
		buf_addc(out, '}');
	}
	return len;
}

void aare_dress(struct buf *out, struct slice pure)
{
	bool slash = false;

	for (size_t i = 0, step; i < pure.len; i += step) {
		struct slice s = slice_from(pure, i);
		bool was = slash;

		slash = false;
		step = opaque_at(s);
		if (step > 0) {
			buf_add(out, s.ptr, step);
		} else if (was && (s.ptr[0] == '*' || s.ptr[0] == '?')) {
			step = dress_star(out, s);
		} else if (was && s.ptr[0] == '/' && !(i == 1 && (s.len == 1 || s.ptr[1] != '/'))) {
			step = 1;
			buf_adds(out, "[/]"); /* a second slash would be dropped, but for exactly two in front */
		} else if (slice_starts(s, "@{")) {
			step = 1;
			buf_adds(out, "[@]"); /* or it would become a variable */
		} else {
			step = 1;
			slash = s.ptr[0] == '/';
			buf_addc(out, s.ptr[0]);
		}
	}
}
