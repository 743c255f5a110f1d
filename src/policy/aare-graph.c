/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "aare-internal.h"

enum { MAX_STATES = 4000, MAX_WORK = 400 * 1000 };

/* -- building ---------------------------------------------------------------------------------------------- */

struct builder {
	struct re_pool *pool;
	struct arena *arena;
	VEC(struct aare_state) states;
	uint16_t *slots; /* state + 1, or 0 */
	bool unfold;
};

enum { SLOTS = 16384 }; /* a power of two, well above MAX_STATES */

static size_t state_of(struct builder *b, const struct re *p, const struct re *q)
{
	size_t at = (p->id * (size_t)2654435761U ^ q->id * (size_t)40503U) & (SLOTS - 1);

	for (; b->slots[at]; at = (at + 1) & (SLOTS - 1)) {
		const struct aare_state *s = &b->states.ptr[b->slots[at] - 1];

		if (s->p == p && s->q == q)
			return b->slots[at] - 1;
	}
	VEC_PUSH(b->arena, &b->states,
		 (struct aare_state){
		     .p = p, .q = q, .accept = p->nullable && !q->nullable, .leaf = !b->unfold && q->kind == RE_NONE });
	b->slots[at] = (uint16_t)b->states.len;
	return b->states.len - 1;
}

static void edge_add(struct aare_state *s, const struct re_set *set, size_t to)
{
	size_t i = 0;

	while (i < s->edge_count && s->edges[i].to != to)
		i++;
	if (i == s->edge_count)
		s->edges[s->edge_count++] = (struct aare_edge){ .to = to };
	for (size_t w = 0; w < 4; w++)
		s->edges[i].set.bits[w] |= set->bits[w];
}

/* Reads one byte on from a state. */
static int expand(struct builder *b, size_t at)
{
	struct aare_state s = b->states.ptr[at];
	unsigned char rep[256];
	struct re_set set[256];
	size_t count = re_classes(s.p, s.q, rep, set);

	s.edges = arena_array(b->arena, count, sizeof *s.edges);
	for (size_t i = 0; i < count; i++) {
		const struct re *p = re_derive(b->pool, s.p, rep[i]), *q = re_derive(b->pool, s.q, rep[i]);

		if (!p || !q)
			return 1;
		if (p->kind != RE_NONE && p != q)
			edge_add(&s, &set[i], state_of(b, p, q));
	}
	b->states.ptr[at] = s;
	return 0;
}

int aare_graph_build(struct aare_graph *g, const struct re *p, const struct re *q, bool unfold, struct re_pool *pool,
		     struct arena *arena)
{
	struct builder b = { .pool = pool, .arena = arena, .unfold = unfold };
	uint64_t limit = re_pool_work(pool) + MAX_WORK;

	*g = (struct aare_graph){ 0 };
	if (!p || !q)
		return 1;
	b.slots = arena_array(arena, SLOTS, sizeof *b.slots);
	g->start = state_of(&b, p, q);
	for (size_t i = 0; i < b.states.len; i++) {
		if (b.states.len > MAX_STATES || re_pool_work(pool) > limit)
			return 1;
		if (!b.states.ptr[i].leaf && expand(&b, i) != 0)
			return 1;
	}
	g->states = b.states.ptr;
	g->count = b.states.len;
	aare_graph_sort(g, arena);
	return 0;
}

/* -- sorting: Tarjan's strongly connected components, without recursion -------------------------------------- */

struct sorter {
	struct aare_graph *g;
	size_t *seen; /* visit number from 1; 0: not yet */
	size_t *low;
	size_t *knot; /* component, from 1; 0: still open */
	size_t *open, open_len;
	struct frame {
		size_t state, edge;
	} * frames;
	size_t depth, visits, knots;
};

static void sorter_enter(struct sorter *t, size_t state)
{
	t->seen[state] = t->low[state] = ++t->visits;
	t->open[t->open_len++] = state;
	t->frames[t->depth++] = (struct frame){ state, 0 };
}

/* Everything from `state` on above the open stack is one component. */
static void sorter_close(struct sorter *t, size_t state)
{
	size_t member;

	t->knots++;
	do {
		member = t->open[--t->open_len];
		t->knot[member] = t->knots;
		t->g->order[t->g->order_count++] = member;
	} while (member != state);
}

static void sorter_run(struct sorter *t, size_t start)
{
	sorter_enter(t, start);
	while (t->depth > 0) {
		struct frame *f = &t->frames[t->depth - 1];
		const struct aare_state *s = &t->g->states[f->state];
		size_t state = f->state, to;

		if (f->edge == s->edge_count) {
			if (t->low[state] == t->seen[state])
				sorter_close(t, state);
			if (--t->depth > 0 && t->low[t->frames[t->depth - 1].state] > t->low[state])
				t->low[t->frames[t->depth - 1].state] = t->low[state];
			continue;
		}
		to = s->edges[f->edge++].to;
		if (!t->seen[to])
			sorter_enter(t, to);
		else if (!t->knot[to] && t->low[state] > t->seen[to])
			t->low[state] = t->seen[to];
	}
}

/* Targets stand first, so one pass tells what is live, but for knots, which are live or dead as a whole. */
static void mark_live(struct aare_graph *g, const size_t *knot)
{
	for (size_t from = 0, to; from < g->order_count; from = to) {
		bool live = false;

		for (to = from; to < g->order_count && knot[g->order[to]] == knot[g->order[from]]; to++) {
			const struct aare_state *s = &g->states[g->order[to]];

			live |= s->accept || s->leaf;
			for (size_t i = 0; i < s->edge_count; i++)
				live |= g->states[s->edges[i].to].live;
		}
		for (size_t i = from; i < to; i++) {
			g->states[g->order[i]].live = live;
			g->states[g->order[i]].knot = to - from > 1;
		}
	}
}

static void drop_dead(struct aare_graph *g, const size_t *knot)
{
	size_t kept = 0;

	for (size_t i = 0; i < g->order_count; i++)
		if (g->states[g->order[i]].live)
			g->order[kept++] = g->order[i];
	g->order_count = kept;
	for (size_t i = 0; i < g->count; i++) {
		struct aare_state *s = &g->states[i];
		size_t edges = 0;

		for (size_t k = 0; k < s->edge_count; k++) {
			struct aare_edge e = s->edges[k];

			if (!g->states[e.to].live || !s->live)
				continue;
			s->edges[edges++] = e;
			if (knot[e.to] != knot[i])
				g->states[e.to].entry = true;
		}
		s->edge_count = edges;
	}
	g->states[g->start].entry = true;
}

void aare_graph_sort(struct aare_graph *g, struct arena *arena)
{
	struct sorter t = { .g = g };

	t.seen = arena_array(arena, g->count, sizeof *t.seen);
	t.low = arena_array(arena, g->count, sizeof *t.low);
	t.knot = arena_array(arena, g->count, sizeof *t.knot);
	t.open = arena_array(arena, g->count, sizeof *t.open);
	t.frames = arena_array(arena, g->count, sizeof *t.frames);
	g->order = arena_array(arena, g->count, sizeof *g->order);
	g->order_count = 0;
	for (size_t i = 0; i < g->count; i++)
		g->states[i].live = g->states[i].knot = g->states[i].entry = false;
	sorter_run(&t, g->start);
	mark_live(g, t.knot);
	drop_dead(g, t.knot);
}

struct re_set aare_graph_loop(const struct aare_graph *g, size_t state)
{
	const struct aare_state *s = &g->states[state];

	for (size_t i = 0; i < s->edge_count; i++)
		if (s->edges[i].to == state)
			return s->edges[i].set;
	return (struct re_set){ 0 };
}
