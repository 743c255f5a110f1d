/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * p − q is read off the pairs of their derivatives. AppArmor's patterns have no other repetition than * and **, so
 * a pair may come back only to itself, over exactly the bytes that one of the two repeats. A pair that comes back in
 * another way is tried from its right end: what * separates from the left is plain from there.
 */
#include "aare-internal.h"

enum { MAX_WORK = 400 * 1000 }; /* steps; LXC's rules take some ten thousand */

enum outcome { DONE, NO_PATTERN, TOO_LARGE };

struct walk {
	struct re_pool *pool;
	struct arena *arena;
	struct aare_graph graph;
	const struct re **result; /* one for each state */
	bool may_turn;            /* try hard states from the right */
	uint64_t limit;           /* of re_pool_work() */
};

static enum outcome subtract(const struct re *p, const struct re *q, bool may_turn, uint64_t limit,
			     struct re_pool *pool, struct arena *arena, const struct re **out);

/* A loop of the set, the empty string where there is none; NULL where AppArmor cannot repeat the set. */
static const struct re *loop_of(struct re_pool *pool, const struct re_set *set)
{
	struct re_set all = aare_all(), nonslash = aare_nonslash();

	if (!re_set_empty(set) && !re_set_eq(set, &all) && !re_set_eq(set, &nonslash))
		return NULL;
	return re_loop(pool, set);
}

static enum outcome turn(struct walk *w, const struct aare_state *s, const struct re **out)
{
	const struct re *back = NULL;
	enum outcome r;

	if (!w->may_turn)
		return NO_PATTERN;
	r = subtract(re_reverse(w->pool, s->p), re_reverse(w->pool, s->q), false, w->limit, w->pool, w->arena, &back);
	if (r != DONE)
		return r;
	*out = re_reverse(w->pool, back);
	return *out ? DONE : TOO_LARGE;
}

static enum outcome settle(struct walk *w, size_t state, const struct re **out)
{
	const struct aare_state *s = &w->graph.states[state];
	struct re_set again = aare_graph_loop(&w->graph, state);
	VEC(const struct re *) ways = { 0 };
	const struct re *loop;

	if (s->leaf) {
		*out = s->p;
		return DONE;
	}
	loop = s->knot ? NULL : loop_of(w->pool, &again);
	if (!loop)
		return re_pool_full(w->pool) ? TOO_LARGE : turn(w, s, out);
	if (s->accept)
		VEC_PUSH(w->arena, &ways, re_empty(w->pool));
	for (size_t i = 0; i < s->edge_count; i++)
		if (s->edges[i].to != state)
			VEC_PUSH(w->arena, &ways,
				 re_cat(w->pool, re_set(w->pool, &s->edges[i].set), w->result[s->edges[i].to]));
	*out = re_cat(w->pool, loop, re_alt_list(w->pool, ways.ptr, ways.len));
	return *out ? DONE : TOO_LARGE;
}

static enum outcome subtract(const struct re *p, const struct re *q, bool may_turn, uint64_t limit,
			     struct re_pool *pool, struct arena *arena, const struct re **out)
{
	struct walk w = { .pool = pool, .arena = arena, .may_turn = may_turn, .limit = limit };

	*out = re_none(pool);
	if (aare_graph_build(&w.graph, p, q, false, pool, arena) != 0)
		return TOO_LARGE;
	w.result = arena_array(arena, w.graph.count, sizeof *w.result);
	for (size_t i = 0; i < w.graph.order_count; i++) {
		size_t state = w.graph.order[i];
		enum outcome r;

		if (w.graph.states[state].knot && !w.graph.states[state].entry)
			continue; /* only its knot needs it, and a knot is written as a whole */
		r = settle(&w, state, &w.result[state]);
		if (r != DONE)
			return r;
		if (re_pool_work(pool) > limit)
			return TOO_LARGE;
		if (state == w.graph.start)
			*out = w.result[state];
	}
	return DONE;
}

/* The law itself: nothing of q is left, and nothing of p but q is lost. 1 yes, 0 no, -1 too large. */
static int proved(const struct re *p, const struct re *q, const struct re *rest, struct re_pool *pool)
{
	int apart = re_disjoint(pool, rest, q, NULL, NULL);

	if (apart != 1)
		return apart;
	return re_equal(pool, re_alt(pool, rest, q), re_alt(pool, p, q), NULL, NULL);
}

const struct re *aare_subtract(const struct re *p, const struct re *q, struct re_pool *pool, struct arena *arena,
			       struct err *err)
{
	AUTOARENA scratch = { 0 };
	const struct re *rest = NULL;
	enum outcome r = TOO_LARGE;
	int same;

	(void)arena; /* nodes live in the pool's own */
	if (p && q)
		r = subtract(p, q, true, re_pool_work(pool) + MAX_WORK, pool, &scratch, &rest);
	same = r == DONE ? proved(p, q, rest, pool) : 0;
	if (r == DONE && same == 1)
		return rest;
	if (r == NO_PATTERN) {
		err_put(err, ERR_REFUSED,
			"cannot take the paths out of the rule exactly: what would be left needs \"no such component "
			"anywhere\", for which AppArmor has no pattern");
		err_hint(err, "take out paths that begin at a fixed directory");
	} else if (r == TOO_LARGE || same < 0) {
		err_put(err, ERR_REFUSED, "cannot take the paths out of the rule: the patterns are too large");
	} else {
		err_put(err, ERR_REFUSED, "cannot take the paths out of the rule: the result does not hold up");
	}
	return NULL;
}
