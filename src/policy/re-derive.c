/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Derivatives and what is decided by them. Everything is a worklist: an expression may be as deep as the pool is large.
 */
#include <stdlib.h>

#include "re-internal.h"

uint64_t re_pool_work(const struct re_pool *pool)
{
	return pool->work;
}

/* -- derivatives ------------------------------------------------------------------------------------------- */

/* Queues what byte c can begin with in `e rest`. */
static bool step_cat(struct re_pool *pool, struct re_pairs *queue, re_ref e, re_ref rest, unsigned char c)
{
	re_ref left = e->left, after;
	bool fresh;

	if (left->kind == RE_ALT || re_set_has(&left->set, c)) {
		after = re_cat(pool, e->right, rest);
		if (!after)
			return false;
		re_pairs_put(queue, left, after, &fresh);
	}
	if (left->nullable)
		re_pairs_put(queue, e->right, rest, &fresh);
	return true;
}

/*
 * The queue holds pairs (e, rest), each meaning the language `e rest`. Pushes expressions whose union is what follows
 * c. A pair is looked at once, however many ways lead to it: without that, nested nullable groups cost exponential
 * time.
 */
static bool step_all(struct re_pool *pool, struct re_pairs *queue, unsigned char c, struct re_stack *out)
{
	bool fresh;

	for (size_t i = 0; i < queue->len; i++) {
		re_ref e = queue->pairs[i].a, rest = queue->pairs[i].b;

		pool->work++;
		switch (e->kind) {
		case RE_NONE:
		case RE_EMPTY:
			break;
		case RE_SET:
			if (re_set_has(&e->set, c))
				re_stack_push(out, rest);
			break;
		case RE_LOOP:
			if (!re_set_has(&e->set, c))
				break;
			e = re_cat(pool, e, rest);
			if (!e)
				return false;
			re_stack_push(out, e);
			break;
		case RE_CAT:
			if (!step_cat(pool, queue, e, rest, c))
				return false;
			break;
		case RE_ALT:
			for (; e->kind == RE_ALT; e = e->right)
				re_pairs_put(queue, e->left, rest, &fresh);
			re_pairs_put(queue, e, rest, &fresh);
			break;
		}
	}
	return true;
}

const struct re *re_derive(struct re_pool *pool, const struct re *e, unsigned char c)
{
	AUTOPAIRS queue = { 0 };
	AUTOSTACK out = { 0 };
	bool fresh;

	if (!e)
		return NULL;
	re_pairs_put(&queue, e, pool->empty, &fresh);
	if (!step_all(pool, &queue, c, &out))
		return NULL;
	return re_alt_list(pool, out.ptr, out.len);
}

const struct re *re_derive_slice(struct re_pool *pool, const struct re *e, struct slice bytes)
{
	for (size_t i = 0; e && e->kind != RE_NONE && i < bytes.len; i++)
		e = re_derive(pool, e, (unsigned char)bytes.ptr[i]);
	return e;
}

/*
 * Keeps the terms of a derivative apart rather than as one RE_ALT: there are never more of them than places in the
 * pattern (Antimirov's partial derivatives), so no string makes the pool grow without bound.
 */
bool re_matches(struct re_pool *pool, const struct re *e, struct slice s)
{
	AUTOPAIRS queue = { 0 };
	AUTOSTACK terms = { 0 };
	bool fresh;

	if (!e)
		return false;
	re_stack_push(&terms, e);
	for (size_t i = 0; i < s.len && terms.len > 0; i++) {
		re_pairs_clear(&queue);
		while (terms.len > 0)
			re_pairs_put(&queue, re_stack_pop(&terms), pool->empty, &fresh);
		if (!step_all(pool, &queue, (unsigned char)s.ptr[i], &terms))
			return false;
	}
	while (terms.len > 0)
		if (re_stack_pop(&terms)->nullable)
			return true;
	return false;
}

/* -- classes ----------------------------------------------------------------------------------------------- */

struct classes {
	struct re_set *sets; /* a partition of all bytes but NUL: 255 at most */
	size_t count;
};

/* Moves what `set` holds of a class into a class of its own, unless that is all of it or nothing. */
static void classes_split(struct classes *k, const struct re_set *set)
{
	for (size_t i = 0, n = k->count; i < n; i++) {
		struct re_set inside = k->sets[i], rest = k->sets[i];

		for (size_t word = 0; word < 4; word++) {
			inside.bits[word] &= set->bits[word];
			rest.bits[word] &= ~set->bits[word];
		}
		if (re_set_empty(&inside) || re_set_empty(&rest))
			continue;
		k->sets[i] = rest;
		k->sets[k->count++] = inside;
	}
}

/* Splits the classes by every set that a string of e can begin with. */
static void classes_add(struct classes *k, struct re_pairs *seen, re_ref e)
{
	size_t i = seen->len;
	bool fresh;

	re_pairs_put(seen, e, NULL, &fresh);
	for (; i < seen->len; i++) {
		e = seen->pairs[i].a;
		if (e->kind == RE_SET || e->kind == RE_LOOP)
			classes_split(k, &e->set);
		if (e->kind != RE_CAT && e->kind != RE_ALT)
			continue;
		re_pairs_put(seen, e->left, NULL, &fresh);
		if (e->kind == RE_ALT || e->left->nullable)
			re_pairs_put(seen, e->right, NULL, &fresh);
	}
}

/* The byte that an example should show: a letter before a sign before something unprintable. */
static int readable(unsigned char c)
{
	if (c >= 'a' && c <= 'z')
		return 0;
	if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'))
		return 1;
	if (c == '/' || c == '-' || c == '_' || c == '.')
		return 2;
	return c > ' ' && c < 0x7f ? 3 : 4;
}

static unsigned char most_readable(const struct re_set *set)
{
	unsigned char best = 0;

	for (unsigned word = 0; word < 4; word++)
		for (uint64_t bits = set->bits[word]; bits != 0; bits &= bits - 1) {
			unsigned char byte = (unsigned char)(word * 64 + (unsigned)__builtin_ctzll(bits));

			if (best == 0 || readable(byte) < readable(best))
				best = byte;
		}
	return best;
}

size_t re_classes(const struct re *a, const struct re *b, unsigned char rep[256], struct re_set set[256])
{
	struct re_set none = { 0 };
	struct classes k = { .sets = set, .count = 1 };
	AUTOPAIRS seen = { 0 };

	set[0] = re_set_not(&none);
	classes_add(&k, &seen, a);
	if (b)
		classes_add(&k, &seen, b);
	for (size_t i = 0; i < k.count; i++)
		rep[i] = most_readable(&set[i]);
	return k.count;
}

/* -- questions --------------------------------------------------------------------------------------------- */

enum question { EQUAL, CONTAINS, DISJOINT };

struct step_back {
	uint32_t parent;
	unsigned char byte;
};

static bool refutes(enum question q, re_ref a, re_ref b)
{
	if (q == EQUAL)
		return a->nullable != b->nullable;
	return b->nullable && (q == CONTAINS ? !a->nullable : a->nullable);
}

/* Can nothing below this pair refute? */
static bool settled(struct re_pool *pool, enum question q, re_ref a, re_ref b)
{
	if (q != DISJOINT && a == b)
		return true;
	if (q == CONTAINS)
		return b->kind == RE_NONE || a == re_any(pool);
	return q == DISJOINT && (a->kind == RE_NONE || b->kind == RE_NONE);
}

static struct slice trace(const struct buf *steps, size_t at, struct arena *arena)
{
	const struct step_back *s = (const struct step_back *)(const void *)steps->ptr;
	size_t len = 0;
	char *text;

	for (size_t i = at; i > 0; i = s[i].parent)
		len++;
	text = arena_alloc(arena, len + 1);
	for (size_t i = at, n = len; i > 0; i = s[i].parent)
		text[--n] = (char)s[i].byte;
	return (struct slice){ text, len };
}

/* Queues the pairs one byte further; -1 where the pool is full. */
static int spread(struct re_pool *pool, enum question q, struct re_pairs *pairs, size_t at, struct buf *steps)
{
	re_ref a = pairs->pairs[at].a, b = pairs->pairs[at].b;
	unsigned char rep[256];
	struct re_set set[256];
	size_t count = re_classes(a, b, rep, set);

	for (size_t i = 0; i < count; i++) {
		re_ref da = re_derive(pool, a, rep[i]), db = re_derive(pool, b, rep[i]);
		struct step_back back = { (uint32_t)at, rep[i] };
		bool fresh;

		if (!da || !db)
			return -1;
		if (settled(pool, q, da, db))
			continue;
		re_pairs_put(pairs, da, db, &fresh);
		if (fresh)
			buf_add(steps, &back, sizeof back);
	}
	return 0;
}

/* Breadth first, so that the first refutation is a shortest one. */
static int decide(struct re_pool *pool, enum question q, re_ref a, re_ref b, struct arena *arena, struct slice *example)
{
	AUTOPAIRS pairs = { 0 };
	AUTOBUF steps = { 0 };
	struct step_back first = { 0 };
	uint64_t limit = pool->work + pool->limit * UINT64_C(10);
	bool fresh;

	if (!a || !b || !re_any(pool))
		return -1;
	if (settled(pool, q, a, b))
		return 1;
	re_pairs_put(&pairs, a, b, &fresh);
	buf_add(&steps, &first, sizeof first);
	for (size_t i = 0; i < pairs.len; i++) {
		if (refutes(q, pairs.pairs[i].a, pairs.pairs[i].b)) {
			if (example)
				*example = trace(&steps, i, arena);
			return 0;
		}
		if (pairs.len > pool->limit || pool->work > limit || spread(pool, q, &pairs, i, &steps) < 0)
			return -1;
	}
	return 1;
}

int re_equal(struct re_pool *pool, const struct re *a, const struct re *b, struct arena *arena, struct slice *example)
{
	return decide(pool, EQUAL, a, b, arena, example);
}

int re_contains(struct re_pool *pool, const struct re *whole, const struct re *part, struct arena *arena,
		struct slice *example)
{
	return decide(pool, CONTAINS, whole, part, arena, example);
}

int re_disjoint(struct re_pool *pool, const struct re *a, const struct re *b, struct arena *arena,
		struct slice *example)
{
	return decide(pool, DISJOINT, a, b, arena, example);
}

/* -- reverse ----------------------------------------------------------------------------------------------- */

struct reversal {
	struct re_pool *pool;
	struct re_pairs known; /* (e, NULL), its number being the index into done */
	struct re_stack done;  /* NULL while not yet known */
};

static size_t reversal_slot(struct reversal *r, re_ref e)
{
	bool fresh;
	size_t at = re_pairs_put(&r->known, e, NULL, &fresh);

	if (fresh)
		re_stack_push(&r->done, e->kind == RE_CAT || e->kind == RE_ALT ? NULL : e);
	return at;
}

/* A call of its own: reversal_slot() may move `done`. */
static re_ref reversal_known(struct reversal *r, re_ref e)
{
	size_t at = reversal_slot(r, e);

	return r->done.ptr[at];
}

/* Pushes the parts of a RE_CAT or RE_ALT that are not reversed yet. */
static bool reversal_pending(struct reversal *r, re_ref e, struct re_stack *todo)
{
	size_t before = todo->len;
	re_ref part = e;

	for (; part->kind == e->kind; part = part->right)
		if (!reversal_known(r, part->left))
			re_stack_push(todo, part->left);
	if (!reversal_known(r, part))
		re_stack_push(todo, part);
	return todo->len > before;
}

static re_ref reversal_build(struct reversal *r, re_ref e)
{
	AUTOSTACK parts = { 0 };
	re_ref part = e, out = r->pool->empty;

	for (; part->kind == e->kind; part = part->right)
		re_stack_push(&parts, reversal_known(r, part->left));
	re_stack_push(&parts, reversal_known(r, part));
	if (e->kind == RE_ALT)
		return re_alt_list(r->pool, parts.ptr, parts.len);
	for (size_t i = 0; i < parts.len; i++)
		out = re_cat(r->pool, parts.ptr[i], out);
	return out;
}

const struct re *re_reverse(struct re_pool *pool, const struct re *e)
{
	struct reversal r = { .pool = pool };
	AUTOSTACK todo = { 0 };
	re_ref result = NULL;

	if (!e)
		return NULL;
	re_stack_push(&todo, e);
	while (todo.len > 0) {
		re_ref top = todo.ptr[todo.len - 1];
		size_t slot = reversal_slot(&r, top);

		if (!r.done.ptr[slot] && reversal_pending(&r, top, &todo))
			continue;
		if (!r.done.ptr[slot])
			r.done.ptr[slot] = reversal_build(&r, top);
		result = r.done.ptr[slot];
		if (!result)
			break;
		todo.len--;
	}
	re_pairs_release(&r.known);
	re_stack_release(&r.done);
	return result;
}
