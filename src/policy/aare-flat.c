/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A language as a flat list of branches, the way an administrator would write it by hand:
 *     n{,e},n[^e]*,ne[^t]*,net?*       and not       n{,[^e]*,e{,[^t]*,t?*}}
 * It is read off the smallest automaton of the language. What this makes is a proposal: aare_print() checks it.
 */
#include "aare-internal.h"

enum {
	MAX_FLAT_STATES = 1000,
	MAX_TAIL_STATES = 600,
	MAX_ITEMS = 4000,
	MAX_BYTES = 64 * 1024,
	MAX_WORDS = 8,
	MAX_WORK = 200 * 1000
};
enum { NOWHERE = 0xffff, SELF = 0xfffe };

struct item {
	struct slice text;
	bool word; /* just literal bytes */
};

typedef VEC(struct item) item_list;

/* States that accept the same strings, as one. */
struct class
{
	size_t state;       /* its first member */
	unsigned short *to; /* class behind each byte, SELF or NOWHERE; NULL: a knot, which equals only itself */
	bool accept;
	struct aare_edge *edges; /* to other classes, in byte order of their first byte */
	size_t edge_count;
	struct re_set loop;
	size_t singles;  /* edges over one byte */
	size_t distance; /* bytes since the last fork: of a long stretch the branches share the text */
	item_list items;
};

struct flat {
	struct aare_graph g;
	struct re_pool *pool;
	struct arena *arena;
	const struct aare_style *style;
	const struct aare_tail *tail;
	VEC(struct class) classes;
	size_t *class_of;
	size_t root; /* the class behind the common prefix */
	struct buf prefix;
	size_t bytes;   /* of all item texts */
	uint64_t limit; /* of re_pool_work(), for questions about the tail */
};

/* -- the smallest automaton -------------------------------------------------------------------------------- */

static void class_table(struct flat *f, size_t state, unsigned short to[256])
{
	const struct aare_state *s = &f->g.states[state];

	for (size_t c = 0; c < 256; c++)
		to[c] = NOWHERE;
	for (size_t i = 0; i < s->edge_count; i++)
		for (size_t c = 1; c < 256; c++)
			if (re_set_has(&s->edges[i].set, (unsigned char)c))
				to[c] = s->edges[i].to == state ? SELF : (unsigned short)f->class_of[s->edges[i].to];
}

/* Is a state with this table the same as class k? Its own loop may be k's loop, or k itself. */
static bool class_same(const struct class *k, size_t number, bool accept, const unsigned short to[256])
{
	if (!k->to || k->accept != accept)
		return false;
	for (size_t c = 1; c < 256; c++) {
		size_t a = to[c] == SELF ? number : to[c], b = k->to[c] == SELF ? number : k->to[c];

		if (a != b)
			return false;
	}
	return true;
}

static void class_edges(struct flat *f, struct class *k)
{
	unsigned short to[256];

	memcpy(to, k->to, sizeof to);
	k->edges = arena_array(f->arena, 256, sizeof *k->edges);
	for (size_t c = 1; c < 256; c++) {
		struct aare_edge *e = &k->edges[k->edge_count];

		if (to[c] == SELF)
			re_set_add(&k->loop, (unsigned char)c);
		if (to[c] == SELF || to[c] == NOWHERE)
			continue;
		e->to = to[c];
		for (size_t d = c; d < 256; d++) {
			if (to[d] != e->to)
				continue;
			re_set_add(&e->set, (unsigned char)d);
			to[d] = NOWHERE;
		}
		k->singles += re_set_count(&e->set) == 1;
		k->edge_count++;
	}
}

/*
 * Targets come first in the order, so each state meets finished classes only. A state is the same as a class if
 * assuming so makes both tables equal.
 */
static void classes_build(struct flat *f)
{
	f->class_of = arena_array(f->arena, f->g.count, sizeof *f->class_of);
	for (size_t i = 0; i < f->g.order_count; i++) {
		size_t state = f->g.order[i], k = 0;
		const struct aare_state *s = &f->g.states[state];
		struct class fresh = { .state = state, .accept = s->accept };
		unsigned short to[256];

		class_table(f, state, to);
		while (!s->knot && k < f->classes.len && !class_same(&f->classes.ptr[k], k, s->accept, to))
			k++;
		if (s->knot)
			k = f->classes.len;
		f->class_of[state] = k;
		if (k < f->classes.len)
			continue;
		if (!s->knot) {
			fresh.to = arena_array(f->arena, 256, sizeof *fresh.to);
			memcpy(fresh.to, to, sizeof to);
			class_edges(f, &fresh);
		}
		VEC_PUSH(f->arena, &f->classes, fresh);
	}
}

/* -- the tail ---------------------------------------------------------------------------------------------- */

/* The only edge of a state, if it is over a single byte and the string cannot end before it. */
static const struct aare_edge *only_way(const struct aare_state *s)
{
	return s->edge_count == 1 && !s->accept && re_set_count(&s->edges[0].set) == 1 ? &s->edges[0] : NULL;
}

static void edges_cut(struct aare_state *s, unsigned char c)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->edge_count; i++) {
		struct aare_edge e = s->edges[i];

		e.set.bits[c / 64] &= ~(UINT64_C(1) << (c % 64));
		if (!re_set_empty(&e.set))
			s->edges[kept++] = e;
	}
	s->edge_count = kept;
}

/*
 * Makes the automaton of L into one of the part in front of the tail: it ends wherever the whole tail may follow, and
 * behind the common prefix it takes no slash but as the first byte, for what comes behind a slash is the tail's.
 */
static int tail_cut(struct flat *f)
{
	bool *keeps = arena_array(f->arena, f->g.count, sizeof *keeps);
	const struct aare_edge *way;
	size_t at = f->g.start;

	if (f->g.order_count > MAX_TAIL_STATES)
		return -1;
	for (keeps[at] = true; (way = only_way(&f->g.states[at])) && !keeps[way->to]; keeps[at] = true)
		at = way->to;
	for (size_t i = 0; i < f->g.order_count; i++) {
		struct aare_state *s = &f->g.states[f->g.order[i]];
		int holds =
		    s->accept || !f->tail->re->nullable ? re_contains(f->pool, s->p, f->tail->re, NULL, NULL) : 0;

		if (holds < 0 || re_pool_work(f->pool) > f->limit)
			return -1;
		s->accept = holds == 1;
		if (!keeps[f->g.order[i]])
			edges_cut(s, '/');
	}
	aare_graph_sort(&f->g, f->arena);
	return f->g.order_count > 0 ? 0 : -1;
}

/*
 * n[^e]* rather than n[^e/]*: where the slash was cut although what follows it is all there, the widest class may take
 * it back.
 */
static int tail_widen(struct flat *f)
{
	for (size_t i = 0; i < f->classes.len; i++) {
		struct class *k = &f->classes.ptr[i];
		const struct re *here = f->g.states[k->state].p, *behind = re_derive(f->pool, here, '/');

		if (re_pool_work(f->pool) > f->limit)
			return -1;
		for (size_t e = 0; behind && e < k->edge_count && behind->kind != RE_NONE; e++) {
			unsigned char c = 1;

			if (re_set_count(&k->edges[e].set) < 128 || re_set_has(&k->edges[e].set, '/'))
				continue;
			while (!re_set_has(&k->edges[e].set, c))
				c++;
			if (re_contains(f->pool, behind, re_derive(f->pool, here, c), NULL, NULL) == 1)
				re_set_add(&k->edges[e].set, '/');
		}
	}
	return re_pool_full(f->pool) ? -1 : 0;
}

/* -- branches ---------------------------------------------------------------------------------------------- */

static int item_add(struct flat *f, item_list *list, struct slice head, struct slice rest, bool word)
{
	char *text = arena_alloc(f->arena, head.len + rest.len + 1);

	f->bytes += head.len + rest.len;
	if (list->len >= MAX_ITEMS || f->bytes > 16 * MAX_BYTES)
		return -1;
	if (head.len > 0)
		memcpy(text, head.ptr, head.len);
	if (rest.len > 0)
		memcpy(text + head.len, rest.ptr, rest.len);
	VEC_PUSH(f->arena, list, (struct item){ { text, head.len + rest.len }, word });
	return 0;
}

/* The bytes that all words with the first byte of `first` begin with, never half an escape. */
static size_t words_common(const item_list *list, size_t first, size_t *count)
{
	struct slice a = list->ptr[first].text;
	size_t len = a.len, slashes = 0;

	*count = 0;
	for (size_t i = first; i < list->len; i++) {
		struct slice b = list->ptr[i].text;
		size_t n = 0;

		if (!list->ptr[i].word || b.len == 0 || b.ptr[0] != a.ptr[0])
			continue;
		while (n < len && n < b.len && a.ptr[n] == b.ptr[n])
			n++;
		len = n;
		++*count;
	}
	while (slashes < len && a.ptr[len - 1 - slashes] == '\\')
		slashes++;
	return len - slashes % 2;
}

/* Words with the same beginning as one branch: n,ne → n{,e}. Marks them as done by emptying `word`. */
static void put_words(struct buf *out, item_list *list, size_t first, size_t common)
{
	struct slice a = list->ptr[first].text;
	char begin = a.ptr[0];
	bool comma = false;

	buf_add(out, a.ptr, common);
	buf_addc(out, '{');
	for (size_t i = first; i < list->len; i++) {
		struct item *it = &list->ptr[i];

		if (!it->word || it->text.len == 0 || it->text.ptr[0] != begin)
			continue;
		if (comma)
			buf_addc(out, ',');
		comma = true;
		buf_addslice(out, slice_from(it->text, common));
		*it = (struct item){ { NULL, 0 }, false };
	}
	buf_addc(out, '}');
}

/* All branches behind one another; with braces where there are several. Returns how many were written. */
static size_t put_items(struct flat *f, struct buf *out, const item_list *items)
{
	item_list list = { 0 };
	bool braces = items->len > 1;
	size_t written = 0;

	for (size_t i = 0; i < items->len; i++)
		VEC_PUSH(f->arena, &list, items->ptr[i]);
	if (braces)
		buf_addc(out, '{');
	for (size_t i = 0; i < list.len; i++) {
		struct item *it = &list.ptr[i];
		size_t count = 0, common = 0;

		if (!it->text.ptr)
			continue; /* went into a group of words */
		if (written++ > 0)
			buf_addc(out, ',');
		if (it->word && it->text.len > 0)
			common = words_common(&list, i, &count);
		if (count > 1 && common > 0)
			put_words(out, &list, i, common);
		else
			buf_addslice(out, it->text);
	}
	if (braces)
		buf_addc(out, '}');
	return written;
}

static bool only_words(const item_list *list)
{
	for (size_t i = 0; i < list->len; i++)
		if (!list->ptr[i].word)
			return false;
	return true;
}

/* c before each branch of the class behind it; long common beginnings stay in front of braces. */
static int branch_single(struct flat *f, item_list *out, unsigned char c, const struct class *to)
{
	AUTOBUF head = { 0 };
	AUTOBUF group = { 0 };

	aare_put_literal(&head, c);
	if (to->singles > 1 && to->distance > 2 && !only_words(&to->items)) {
		put_items(f, &group, &to->items);
		return item_add(f, out, buf_slice(&head), buf_slice(&group), false);
	}
	for (size_t i = 0; i < to->items.len; i++)
		if (item_add(f, out, buf_slice(&head), to->items.ptr[i].text, to->items.ptr[i].word) < 0)
			return -1;
	return 0;
}

static int branch_set(struct flat *f, item_list *out, const struct re_set *set, const struct class *to)
{
	AUTOBUF head = { 0 };
	AUTOBUF rest = { 0 };

	aare_put_set(&head, set, f->style);
	put_items(f, &rest, &to->items);
	return item_add(f, out, buf_slice(&head), buf_slice(&rest), false);
}

/* Few bytes before plain words are words, too: {b,c} rather than [bc]. */
static bool edge_is_words(const struct flat *f, const struct aare_edge *e)
{
	size_t count = re_set_count(&e->set);

	return count == 1 || (count <= MAX_WORDS && f->classes.ptr[e->to].items.len <= MAX_WORDS &&
			      only_words(&f->classes.ptr[e->to].items));
}

static int branch_edges(struct flat *f, const struct class *k, item_list *out)
{
	if (k->accept && item_add(f, out, SLICE(""), SLICE(""), true) < 0)
		return -1;
	for (size_t i = 0; i < k->edge_count; i++)
		if (!edge_is_words(f, &k->edges[i]) &&
		    branch_set(f, out, &k->edges[i].set, &f->classes.ptr[k->edges[i].to]) < 0)
			return -1;
	for (size_t c = 1; c < 256; c++)
		for (size_t i = 0; i < k->edge_count; i++)
			if (re_set_has(&k->edges[i].set, (unsigned char)c) && edge_is_words(f, &k->edges[i]) &&
			    branch_single(f, out, (unsigned char)c, &f->classes.ptr[k->edges[i].to]) < 0)
				return -1;
	return 0;
}

/* A class on a cycle that no star describes: as its expression stands. */
static int branch_knot(struct flat *f, struct class *k)
{
	AUTOBUF text = { 0 };

	if (f->tail || aare_put_structure(&text, f->g.states[k->state].p, f->style) < 0)
		return -1;
	return item_add(f, &k->items, buf_slice(&text), SLICE(""), false);
}

static int branch(struct flat *f, struct class *k)
{
	struct re_set all = aare_all(), nonslash = aare_nonslash();
	bool star = re_set_eq(&k->loop, &nonslash), stars = re_set_eq(&k->loop, &all);
	AUTOBUF rest = { 0 };
	item_list behind = { 0 };

	if (!k->to || (!re_set_empty(&k->loop) && !star && !stars))
		return branch_knot(f, k);
	if (!star && !stars)
		return branch_edges(f, k, &k->items);
	if (branch_edges(f, k, &behind) < 0)
		return -1;
	put_items(f, &rest, &behind);
	return item_add(f, &k->items, star ? SLICE("*") : SLICE("**"), buf_slice(&rest), false);
}

/* -- the whole --------------------------------------------------------------------------------------------- */

/* Follows the literal bytes that everything begins with. */
static void find_root(struct flat *f)
{
	f->root = f->class_of[f->g.start];
	for (;;) {
		const struct class *k = &f->classes.ptr[f->root];
		unsigned char c = 1;

		if (!k->to || k->edge_count != 1 || k->accept || !re_set_empty(&k->loop) ||
		    re_set_count(&k->edges[0].set) != 1)
			return;
		while (!re_set_has(&k->edges[0].set, c))
			c++;
		aare_put_literal(&f->prefix, c);
		f->root = k->edges[0].to;
	}
}

/* Sources stand last, so going backwards meets every class after all that lead to it. */
static void measure(struct flat *f)
{
	for (size_t i = f->classes.len; i-- > 0;) {
		const struct class *k = &f->classes.ptr[i];
		size_t base = i == f->root || k->singles > 1 ? 0 : k->distance;

		for (size_t e = 0; e < k->edge_count; e++)
			f->classes.ptr[k->edges[e].to].distance = base + 1;
	}
}

static int flat_write(struct flat *f, struct buf *out, size_t *branches)
{
	classes_build(f);
	if (f->tail && tail_widen(f) < 0)
		return -1;
	find_root(f);
	measure(f);
	for (size_t i = 0; i <= f->root; i++)
		if (branch(f, &f->classes.ptr[i]) < 0)
			return -1;
	buf_addslice(out, buf_slice(&f->prefix));
	*branches = put_items(f, out, &f->classes.ptr[f->root].items);
	if (f->tail)
		buf_addslice(out, f->tail->text);
	return out->len <= MAX_BYTES ? 0 : -1;
}

int aare_put_flat(struct buf *out, const struct re *e, const struct aare_tail *tail, const struct aare_style *style,
		  struct re_pool *pool, size_t *branches)
{
	AUTOARENA arena = { 0 };
	struct flat f = { .pool = pool, .arena = &arena, .style = style, .tail = tail };
	int r = -1;

	*branches = 0;
	if (aare_graph_build(&f.g, e, re_none(pool), true, pool, &arena) != 0)
		return -1;
	f.limit = re_pool_work(pool) + MAX_WORK;
	if (f.g.order_count == 0 || f.g.order_count > MAX_FLAT_STATES)
		return -1;
	if (!tail || tail_cut(&f) == 0)
		r = flat_write(&f, out, branches);
	buf_release(&f.prefix);
	return r;
}
