/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/aare.h>

#include "compare-internal.h"

/* More than that no pattern that a person would read has. */
enum { LIVE_LIMIT = 1000, BLOCK_LIMIT = 300 };
#define DEAD UINT32_MAX

/* The part of a walk that leads to members, made minimal. */
struct part {
	const struct walk *w;
	struct arena *arena;
	const uint32_t *live; /* live pairs, ascending */
	size_t live_count;
	uint32_t *block_of; /* pair → block, or DEAD */
	uint32_t *edges;    /* block × symbol → block, or DEAD */
	bool *accepts;      /* block */
	size_t block_count;
};

/* Pairs from which a member can be reached. Going backwards through a breadth first order settles in a few rounds. */
static bool find_live(struct part *p, const bool *member)
{
	size_t n = p->w->pairs.len, symbols = p->w->symbol_count, count = 0;
	bool *live = arena_array(p->arena, n, sizeof *live), more = true;
	uint32_t *list;

	memcpy(live, member, n * sizeof *live);
	while (more) {
		more = false;
		for (size_t i = n; i-- > 0;)
			for (size_t s = 0; s < symbols && !live[i]; s++)
				more |= live[i] = live[p->w->edges[i * symbols + s]];
	}
	for (size_t i = 0; i < n; i++)
		count += live[i];
	if (count > LIVE_LIMIT)
		return false;
	list = arena_array(p->arena, count + 1, sizeof *list);
	for (size_t i = 0; i < n; i++)
		if (live[i])
			list[p->live_count++] = (uint32_t)i;
	p->live = list;
	return true;
}

/* Moore: states stay together until a symbol tells them apart. */
static void minimise(struct part *p, const bool *member)
{
	size_t n = p->w->pairs.len, symbols = p->w->symbol_count, before = 0;
	uint32_t *row = arena_array(p->arena, symbols + 1, sizeof *row);
	uint32_t *fresh = arena_array(p->arena, n, sizeof *fresh);

	p->block_of = arena_array(p->arena, n, sizeof *p->block_of);
	memset(p->block_of, 0xff, n * sizeof *p->block_of);
	memset(fresh, 0xff, n * sizeof *fresh);
	for (size_t i = 0; i < p->live_count; i++)
		p->block_of[p->live[i]] = member[p->live[i]];
	for (;;) {
		AUTOARENA round = { 0 };
		struct compare_names rows = { .arena = &round };

		for (size_t i = 0; i < p->live_count; i++) {
			row[symbols] = p->block_of[p->live[i]];
			for (size_t s = 0; s < symbols; s++)
				row[s] = p->block_of[p->w->edges[p->live[i] * symbols + s]];
			fresh[p->live[i]] =
			    compare_name(&rows, (struct slice){ (char *)row, (symbols + 1) * sizeof *row });
		}
		memcpy(p->block_of, fresh, n * sizeof *fresh);
		if (rows.all.len == before)
			break;
		before = rows.all.len;
	}
	p->block_count = before;
}

static void join(struct part *p, const bool *member)
{
	size_t symbols = p->w->symbol_count;

	p->edges = arena_array(p->arena, p->block_count * symbols, sizeof *p->edges);
	p->accepts = arena_array(p->arena, p->block_count, sizeof *p->accepts);
	for (size_t i = 0; i < p->live_count; i++) {
		uint32_t pair = p->live[i], b = p->block_of[pair];

		p->accepts[b] = member[pair];
		for (size_t s = 0; s < symbols; s++)
			p->edges[b * symbols + s] = p->block_of[p->w->edges[pair * symbols + s]];
	}
}

/* The bytes that lead from one block to another. */
static struct re_set bytes_between(const struct part *p, size_t from, uint32_t to)
{
	struct re_set set = { { 0 } };

	for (unsigned c = 1; c < 256; c++)
		if (p->edges[from * p->w->symbol_count + p->w->class_of[c]] == to)
			re_set_add(&set, (unsigned char)c);
	return set;
}

/* Is the language of every block that follows (itself apart) known? */
static bool ready(const struct part *p, size_t b, const struct re *const *re)
{
	for (size_t s = 0; s < p->w->symbol_count; s++) {
		uint32_t to = p->edges[b * p->w->symbol_count + s];

		if (to != DEAD && to != b && !re[to])
			return false;
	}
	return true;
}

/* Loop* (empty | bytes other-block | …) */
static const struct re *language(const struct part *p, size_t b, const struct re *const *re, struct re_pool *pool)
{
	const struct re *sum = p->accepts[b] ? re_empty(pool) : re_none(pool);
	struct re_set loop = bytes_between(p, b, (uint32_t)b);

	for (uint32_t to = 0; to < p->block_count; to++) {
		struct re_set set = { { 0 } };

		if (to != b && re[to])
			set = bytes_between(p, b, to);
		if (!re_set_empty(&set))
			sum = re_alt(pool, sum, re_cat(pool, re_set(pool, &set), re[to]));
	}
	return re_set_empty(&loop) ? sum : re_cat(pool, re_loop(pool, &loop), sum);
}

/*
 * The language of block `start`, from the ends backwards. A circle of more than one block has no glob: NULL, as where
 * the pool is full.
 */
static const struct re *solve(const struct part *p, uint32_t start, struct re_pool *pool)
{
	const struct re **re = arena_array(p->arena, p->block_count, sizeof *re);
	bool more = true;

	while (more && !re[start]) {
		more = false;
		for (size_t b = 0; b < p->block_count; b++) {
			if (re[b] || !ready(p, b, re))
				continue;
			re[b] = language(p, b, re, pool);
			if (!re[b])
				return NULL;
			more = true;
		}
	}
	return re[start];
}

/* The bytes that every string begins with. False where one of them would have to be escaped. */
static bool literal_start(const struct part *p, uint32_t start, struct buf *out)
{
	uint32_t b = start;

	while (!p->accepts[b]) {
		uint32_t next = DEAD;
		unsigned byte = 0;

		for (unsigned c = 1; c < 256; c++) {
			uint32_t to = p->edges[b * p->w->symbol_count + p->w->class_of[c]];

			if (to == DEAD)
				continue;
			if (next != DEAD)
				return true;
			next = to;
			byte = c;
		}
		if (next == DEAD || byte <= ' ' || byte >= 0x7f || strchr("*?[]{},\"\\^", (int)byte))
			return false;
		buf_addc(out, (char)byte);
		b = next;
	}
	return true;
}

/* The shapes in which people write most rules; aare_print() knows all, but not which of two equal ones reads better. */
static bool plain_shape(const struct part *p, uint32_t start, const struct re *re, struct re_pool *pool,
			struct arena *arena, struct slice *out)
{
	static const char *const tails[] = { "", "{,/**}", "**", "*" };
	AUTOBUF text = { 0 };
	size_t len;

	if (!literal_start(p, start, &text))
		return false;
	len = text.len;
	for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
		struct aare a = { 0 };

		text.len = len;
		buf_adds(&text, tails[i]);
		if (aare_parse(&a, buf_slice(&text), pool, p->arena, NULL) == 0 &&
		    re_equal(pool, a.re, re, p->arena, NULL) == 1) {
			*out = arena_slice(arena, buf_slice(&text));
			return true;
		}
	}
	return false;
}

struct slice compare_pattern(const struct walk *w, const bool *member, struct arena *arena)
{
	AUTOARENA local = { 0 };
	struct re_pool *pool = re_pool_new(&local, 0); /* own: a hard pattern must not use up the caller's */
	struct part p = { .w = w, .arena = &local };
	struct slice none = { 0 }, text = { 0 };
	const struct re *re;
	struct err err = { 0 };

	if (!w->edges || !find_live(&p, member))
		return none;
	minimise(&p, member);
	if (p.block_count > BLOCK_LIMIT || p.block_of[0] == DEAD)
		return none;
	join(&p, member);
	re = solve(&p, p.block_of[0], pool);
	if (!re)
		return none;
	if (!plain_shape(&p, p.block_of[0], re, pool, arena, &text) && aare_print(re, pool, arena, &text, &err))
		return none;
	return text;
}
