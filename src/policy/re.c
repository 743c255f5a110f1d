/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "re-internal.h"

enum { DEFAULT_NODES = 100000, FIRST_TABLE = 256 };

/* -- sets -------------------------------------------------------------------------------------------------- */

bool re_set_has(const struct re_set *s, unsigned char c)
{
	return s->bits[c / 64] >> (c % 64) & 1;
}

void re_set_add(struct re_set *s, unsigned char c)
{
	if (c != 0)
		s->bits[c / 64] |= UINT64_C(1) << (c % 64);
}

struct re_set re_set_not(const struct re_set *s)
{
	struct re_set r;

	for (size_t i = 0; i < 4; i++)
		r.bits[i] = ~s->bits[i];
	r.bits[0] &= ~UINT64_C(1);
	return r;
}

bool re_set_empty(const struct re_set *s)
{
	return !(s->bits[0] | s->bits[1] | s->bits[2] | s->bits[3]);
}

bool re_set_eq(const struct re_set *a, const struct re_set *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

size_t re_set_count(const struct re_set *s)
{
	size_t n = 0;

	for (size_t i = 0; i < 4; i++)
		n += (size_t)__builtin_popcountll(s->bits[i]);
	return n;
}

static bool set_within(const struct re_set *part, const struct re_set *whole)
{
	uint64_t out = 0;

	for (size_t i = 0; i < 4; i++)
		out |= part->bits[i] & ~whole->bits[i];
	return out == 0;
}

static struct re_set set_or(const struct re_set *a, const struct re_set *b)
{
	struct re_set r;

	for (size_t i = 0; i < 4; i++)
		r.bits[i] = a->bits[i] | b->bits[i];
	return r;
}

/* -- the pool ---------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t h, uint64_t v)
{
	h ^= v;
	h *= UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static size_t node_hash(const struct re *n)
{
	uint64_t h = mix(0, n->kind);

	for (size_t i = 0; i < 4; i++)
		h = mix(h, n->set.bits[i]);
	h = mix(h, n->left ? n->left->id + 1U : 0);
	return (size_t)mix(h, n->right ? n->right->id + 1U : 0);
}

static bool node_eq(const struct re *a, const struct re *b)
{
	return a->kind == b->kind && a->left == b->left && a->right == b->right && re_set_eq(&a->set, &b->set);
}

static size_t table_find(re_ref *table, size_t cap, const struct re *n)
{
	size_t at = node_hash(n) & (cap - 1);

	while (table[at] && !node_eq(table[at], n))
		at = (at + 1) & (cap - 1);
	return at;
}

static void table_grow(struct re_pool *pool)
{
	size_t cap = pool->table_cap * 2;
	re_ref *table = arena_array(pool->arena, cap, sizeof *table);

	for (size_t i = 0; i < pool->table_cap; i++)
		if (pool->table[i])
			table[table_find(table, cap, pool->table[i])] = pool->table[i];
	pool->table = table;
	pool->table_cap = cap;
}

static re_ref intern(struct re_pool *pool, const struct re *want)
{
	size_t at = table_find(pool->table, pool->table_cap, want);
	struct re *fresh;

	if (pool->table[at])
		return pool->table[at];
	if (pool->count >= pool->limit) {
		pool->full = true;
		return NULL;
	}
	fresh = ARENA_NEW(pool->arena, struct re);
	*fresh = *want;
	fresh->id = (unsigned)pool->count++;
	pool->table[at] = fresh;
	if (pool->count * 2 > pool->table_cap)
		table_grow(pool);
	return fresh;
}

struct re_pool *re_pool_new(struct arena *arena, size_t node_limit)
{
	struct re_pool *pool = ARENA_NEW(arena, struct re_pool);

	pool->arena = arena;
	pool->limit = node_limit ? node_limit : DEFAULT_NODES;
	if (pool->limit < 2)
		pool->limit = 2; /* room for the two constants, which must always exist */
	pool->table_cap = FIRST_TABLE;
	pool->table = arena_array(arena, FIRST_TABLE, sizeof *pool->table);
	pool->none = intern(pool, &(struct re){ .kind = RE_NONE });
	pool->empty = intern(pool, &(struct re){ .kind = RE_EMPTY, .nullable = true });
	return pool;
}

bool re_pool_full(const struct re_pool *pool)
{
	return pool->full;
}

/* -- constructors ------------------------------------------------------------------------------------------ */

const struct re *re_none(struct re_pool *pool)
{
	return pool->none;
}

const struct re *re_empty(struct re_pool *pool)
{
	return pool->empty;
}

const struct re *re_set(struct re_pool *pool, const struct re_set *set)
{
	if (re_set_empty(set))
		return pool->none;
	return intern(pool, &(struct re){ .kind = RE_SET, .set = *set });
}

const struct re *re_loop(struct re_pool *pool, const struct re_set *set)
{
	if (re_set_empty(set))
		return pool->empty;
	return intern(pool, &(struct re){ .kind = RE_LOOP, .nullable = true, .set = *set });
}

const struct re *re_any(struct re_pool *pool)
{
	struct re_set none = { 0 }, all = re_set_not(&none);

	return re_loop(pool, &all);
}

static re_ref cat_plain(struct re_pool *pool, re_ref left, re_ref right)
{
	if (!left || !right)
		return NULL;
	if (right->kind == RE_EMPTY)
		return left;
	return intern(
	    pool, &(struct re){
		      .kind = RE_CAT, .nullable = left->nullable && right->nullable, .left = left, .right = right });
}

static re_ref head_of(re_ref e)
{
	return e->kind == RE_CAT ? e->left : e;
}

static re_ref tail_of(struct re_pool *pool, re_ref e)
{
	return e->kind == RE_CAT ? e->right : pool->empty;
}

/*
 * A loop in front of something. Loops of which one holds the other become one, and a byte of the loop's own set moves
 * in front of it ([a][a]* rather than [a]*[a]), so that equal languages more often are the same pointer.
 */
static re_ref cat_loop(struct re_pool *pool, re_ref loop, re_ref rest)
{
	size_t moved = 0;
	re_ref byte = NULL;

	while (rest->kind != RE_EMPTY) {
		re_ref head = head_of(rest);

		if (head->kind == RE_LOOP && set_within(&loop->set, &head->set)) {
			loop = NULL;
			break;
		}
		if (head->kind == RE_SET && re_set_eq(&head->set, &loop->set)) {
			byte = head;
			moved++;
		} else if (head->kind != RE_LOOP || !set_within(&head->set, &loop->set)) {
			break;
		}
		rest = tail_of(pool, rest);
	}
	if (loop)
		rest = cat_plain(pool, loop, rest);
	while (moved-- > 0)
		rest = cat_plain(pool, byte, rest);
	return rest;
}

/* left is no RE_CAT. */
static re_ref cat_one(struct re_pool *pool, re_ref left, re_ref right)
{
	if (!left || !right)
		return NULL;
	if (left->kind == RE_LOOP)
		return cat_loop(pool, left, right);
	return cat_plain(pool, left, right);
}

const struct re *re_cat(struct re_pool *pool, const struct re *left, const struct re *right)
{
	AUTOSTACK parts = { 0 };

	if (!left || !right)
		return NULL;
	if (left->kind == RE_NONE || right->kind == RE_NONE)
		return pool->none;
	if (left->kind == RE_EMPTY)
		return right;
	if (right->kind == RE_EMPTY)
		return left;
	for (; left->kind == RE_CAT; left = left->right)
		re_stack_push(&parts, left->left);
	right = cat_one(pool, left, right);
	while (parts.len > 0)
		right = cat_one(pool, re_stack_pop(&parts), right);
	return right;
}

const struct re *re_literal(struct re_pool *pool, struct slice bytes)
{
	re_ref e = pool->empty;

	for (size_t i = bytes.len; i-- > 0;) {
		struct re_set one = { 0 };

		re_set_add(&one, (unsigned char)bytes.ptr[i]);
		e = re_cat(pool, re_set(pool, &one), e);
	}
	return e;
}

/* -- alternatives ------------------------------------------------------------------------------------------ */

static int by_id(const void *a, const void *b)
{
	re_ref x = *(const re_ref *)a, y = *(const re_ref *)b;

	return (x->id > y->id) - (x->id < y->id);
}

/* What follows the first byte of `[set] rest`; NULL where the expression has another form. */
static re_ref rest_of(struct re_pool *pool, re_ref e)
{
	return head_of(e)->kind == RE_SET ? tail_of(pool, e) : NULL;
}

/* `[set] rest` first, together where the rest is the same; everything else behind it. */
static int by_rest(const void *a, const void *b)
{
	re_ref x = *(const re_ref *)a, y = *(const re_ref *)b;
	bool sx = head_of(x)->kind == RE_SET, sy = head_of(y)->kind == RE_SET;
	unsigned rx, ry;

	if (sx != sy)
		return sx ? -1 : 1;
	if (!sx)
		return by_id(a, b);
	rx = x->kind == RE_CAT ? x->right->id : 0; /* 0 is RE_NONE, which nothing holds: stands for "no rest" */
	ry = y->kind == RE_CAT ? y->right->id : 0;
	return rx != ry ? (rx > ry) - (rx < ry) : by_id(a, b);
}

/* [a]x | [b]x → [ab]x. Without it the derivatives of a plain word list would multiply. */
static bool merge_sets(struct re_pool *pool, struct re_stack *s)
{
	size_t out = 0;

	if (s->len < 2)
		return true;
	qsort(s->ptr, s->len, sizeof *s->ptr, by_rest);
	for (size_t i = 0; i < s->len;) {
		re_ref first = s->ptr[i++], rest = rest_of(pool, first);
		struct re_set set = head_of(first)->set;
		bool more = false;

		for (; rest && i < s->len && rest_of(pool, s->ptr[i]) == rest; i++, more = true)
			set = set_or(&set, &head_of(s->ptr[i])->set);
		s->ptr[out++] = more ? re_cat(pool, re_set(pool, &set), rest) : first;
		if (!s->ptr[out - 1])
			return false;
	}
	s->len = out;
	return true;
}

/* Sorts, drops duplicates, and the empty string where another alternative holds it anyway. */
static void tidy(struct re_stack *s)
{
	bool nullable = false;
	size_t out = 0;

	if (s->len > 1)
		qsort(s->ptr, s->len, sizeof *s->ptr, by_id);
	for (size_t i = 0; i < s->len; i++)
		nullable |= s->ptr[i]->nullable && s->ptr[i]->kind != RE_EMPTY;
	for (size_t i = 0; i < s->len; i++) {
		if (out > 0 && s->ptr[out - 1] == s->ptr[i])
			continue;
		if (s->ptr[i]->kind == RE_EMPTY && nullable)
			continue;
		s->ptr[out++] = s->ptr[i];
	}
	s->len = out;
}

const struct re *re_alt_list(struct re_pool *pool, const struct re *const *items, size_t count)
{
	AUTOSTACK s = { 0 };
	re_ref any = re_any(pool), e;

	if (!any)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		e = items[i];
		if (!e)
			return NULL;
		for (; e->kind == RE_ALT; e = e->right)
			re_stack_push(&s, e->left);
		if (e->kind != RE_NONE)
			re_stack_push(&s, e);
	}
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] == any)
			return any;
	if (!merge_sets(pool, &s))
		return NULL;
	tidy(&s);
	if (s.len == 0)
		return pool->none;
	e = re_stack_pop(&s);
	while (e && s.len > 0) {
		re_ref left = re_stack_pop(&s);

		e = intern(pool,
			   &(struct re){
			       .kind = RE_ALT, .nullable = left->nullable || e->nullable, .left = left, .right = e });
	}
	return e;
}

const struct re *re_alt(struct re_pool *pool, const struct re *left, const struct re *right)
{
	const struct re *both[2] = { left, right };

	if (left && left == right)
		return left;
	return re_alt_list(pool, both, 2);
}

/* -- containers -------------------------------------------------------------------------------------------- */

static void *grown(void *ptr, size_t *cap, size_t size)
{
	size_t want = *cap ? *cap * 2 : 16, bytes;

	if (want < *cap || __builtin_mul_overflow(want, size, &bytes))
		abort();
	ptr = realloc(ptr, bytes);
	if (!ptr)
		abort(); /* buf.h: out of memory is a power cut */
	*cap = want;
	return ptr;
}

void re_stack_push(struct re_stack *s, re_ref e)
{
	if (s->len == s->cap)
		s->ptr = grown(s->ptr, &s->cap, sizeof *s->ptr);
	s->ptr[s->len++] = e;
}

re_ref re_stack_pop(struct re_stack *s)
{
	return s->ptr[--s->len];
}

void re_stack_release(struct re_stack *s)
{
	free(s->ptr);
	*s = (struct re_stack){ 0 };
}

static size_t pair_slot(const struct re_pairs *p, re_ref a, re_ref b)
{
	uint64_t h = mix(mix(0, (uintptr_t)a), (uintptr_t)b);
	size_t at = (size_t)h & (p->slot_cap - 1);

	while (p->slots[at] && (p->pairs[p->slots[at] - 1].a != a || p->pairs[p->slots[at] - 1].b != b))
		at = (at + 1) & (p->slot_cap - 1);
	return at;
}

static void pairs_rehash(struct re_pairs *p)
{
	free(p->slots);
	p->slot_cap = p->slot_cap ? p->slot_cap * 2 : 32;
	p->slots = calloc(p->slot_cap, sizeof *p->slots);
	if (!p->slots)
		abort();
	for (size_t i = 0; i < p->len; i++)
		p->slots[pair_slot(p, p->pairs[i].a, p->pairs[i].b)] = (uint32_t)i + 1;
}

size_t re_pairs_put(struct re_pairs *p, re_ref a, re_ref b, bool *fresh)
{
	size_t at;

	if ((p->len + 1) * 2 > p->slot_cap)
		pairs_rehash(p);
	at = pair_slot(p, a, b);
	*fresh = p->slots[at] == 0;
	if (!*fresh)
		return p->slots[at] - 1;
	if (p->len == p->cap)
		p->pairs = grown(p->pairs, &p->cap, sizeof *p->pairs);
	p->pairs[p->len] = (struct re_pair){ a, b };
	p->slots[at] = (uint32_t)p->len + 1;
	return p->len++;
}

void re_pairs_clear(struct re_pairs *p)
{
	if (p->slots)
		memset(p->slots, 0, p->slot_cap * sizeof *p->slots);
	p->len = 0;
}

void re_pairs_release(struct re_pairs *p)
{
	free(p->pairs);
	free(p->slots);
	*p = (struct re_pairs){ 0 };
}
