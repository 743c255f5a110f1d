/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compare-internal.h"

static uint64_t scatter(uint64_t key)
{
	key ^= key >> 29;
	key *= 0xbf58476d1ce4e5b9u;
	key ^= key >> 32;
	return key * 0x94d049bb133111ebu >> 7;
}

/* The slot of a key, or the free one where it belongs. */
static size_t map_slot(const struct compare_map *m, uint64_t key)
{
	size_t at = scatter(key) & (m->cap - 1);

	while (m->values[at] != 0 && m->keys[at] != key)
		at = (at + 1) & (m->cap - 1);
	return at;
}

static void map_grow(struct compare_map *m)
{
	struct compare_map old = *m;

	m->cap = old.cap ? old.cap * 2 : 1024;
	m->keys = arena_array(m->arena, m->cap, sizeof *m->keys);
	m->values = arena_array(m->arena, m->cap, sizeof *m->values);
	for (size_t i = 0; i < old.cap; i++) {
		size_t at;

		if (old.values[i] == 0)
			continue;
		at = map_slot(m, old.keys[i]);
		m->keys[at] = old.keys[i];
		m->values[at] = old.values[i];
	}
}

uint32_t compare_map_put(struct compare_map *m, uint64_t key, uint32_t fresh, bool *added)
{
	size_t at;

	if (m->len * 2 >= m->cap)
		map_grow(m);
	at = map_slot(m, key);
	*added = m->values[at] == 0;
	if (*added) {
		m->keys[at] = key;
		m->values[at] = fresh + 1;
		m->len++;
	}
	return m->values[at] - 1;
}

uint32_t compare_map_get(const struct compare_map *m, uint64_t key)
{
	return m->cap ? m->values[map_slot(m, key)] - 1 : NO_PAIR;
}

static uint64_t hash_bytes(struct slice s)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)s.ptr[i]) * 0x100000001b3u;
	return scatter(h);
}

static size_t name_slot(const struct compare_names *n, struct slice bytes)
{
	size_t at = hash_bytes(bytes) & (n->cap - 1);

	while (n->slots[at] != 0 && !slice_eq(n->all.ptr[n->slots[at] - 1], bytes))
		at = (at + 1) & (n->cap - 1);
	return at;
}

uint32_t compare_name(struct compare_names *n, struct slice bytes)
{
	size_t at;

	if (n->all.len * 2 >= n->cap) {
		n->cap = n->cap ? n->cap * 2 : 256;
		n->slots = arena_array(n->arena, n->cap, sizeof *n->slots);
		for (size_t i = 0; i < n->all.len; i++)
			n->slots[name_slot(n, n->all.ptr[i])] = (uint32_t)i + 1;
	}
	at = name_slot(n, bytes);
	if (n->slots[at] == 0) {
		VEC_PUSH(n->arena, &n->all, arena_slice(n->arena, bytes));
		n->slots[at] = (uint32_t)n->all.len;
	}
	return n->slots[at] - 1;
}

static uint32_t step(const struct walk_side *side, uint32_t state, uint16_t symbol)
{
	if (!side->dfa || state == 0)
		return 0;
	return symbol == SYMBOL_OOB ? automaton_step_oob(side->dfa, state)
				    : automaton_step(side->dfa, state, (unsigned char)symbol);
}

/* Which byte speaks for its class in an example: one that people can read. */
static int readable(unsigned c)
{
	if (c == '/')
		return 5;
	if (c >= 'a' && c <= 'z')
		return 4;
	if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'))
		return 3;
	return c > ' ' && c < 0x7f ? 2 : c != 0;
}

static void classes_of(const struct walk_side *side, unsigned char class_of[256])
{
	memset(class_of, 0, 256);
	if (side->dfa)
		automaton_classes(side->dfa, class_of);
}

/* Bytes that neither side tells apart make one symbol. A NUL stands alone. */
void walk_symbols(struct walk *w)
{
	unsigned char a[256], b[256];
	size_t n = 0;

	classes_of(&w->old, a);
	classes_of(&w->new_, b);
	for (unsigned c = 0; c < 256; c++) {
		size_t k = 0;

		while (k < n && (c == 0 || w->symbols[k] == 0 || a[w->symbols[k]] != a[c] || b[w->symbols[k]] != b[c]))
			k++;
		if (k == n)
			w->symbols[n++] = (uint16_t)c;
		else if (readable(c) > readable(w->symbols[k]))
			w->symbols[k] = (uint16_t)c;
		w->class_of[c] = (unsigned char)k;
	}
	if (w->oob)
		w->symbols[n++] = SYMBOL_OOB;
	w->symbol_count = n;
}

/* States are below 2^24 (automaton-dfa.c), so that a pair fits into one number. */
static uint64_t key_of(uint32_t old, uint32_t new_, bool nul)
{
	return (uint64_t)old << 33 | (uint64_t)new_ << 1 | nul;
}

static void visit(struct walk *w, struct walk_pair p)
{
	bool added;

	compare_map_put(&w->index, key_of(p.old, p.new_, p.nul), (uint32_t)w->pairs.len, &added);
	if (added)
		VEC_PUSH(w->arena, &w->pairs, p);
}

static struct walk_pair next(const struct walk *w, uint32_t pair, size_t symbol)
{
	const struct walk_pair *p = &w->pairs.ptr[pair];
	uint16_t c = w->symbols[symbol];

	return (struct walk_pair){ .old = step(&w->old, p->old, c),
				   .new_ = step(&w->new_, p->new_, c),
				   .parent = pair,
				   .symbol = c,
				   .nul = w->part_nul && (p->nul || c == 0) };
}

int walk_run(struct walk *w, struct err *err)
{
	w->index.arena = w->arena;
	if (w->symbol_count == 0)
		walk_symbols(w);
	visit(w, (struct walk_pair){ .old = w->old.dfa ? w->old.start : 0,
				     .new_ = w->new_.dfa ? w->new_.start : 0,
				     .parent = NO_PAIR });
	for (uint32_t i = 0; i < w->pairs.len; i++) {
		for (size_t s = 0; s < w->symbol_count; s++)
			visit(w, next(w, i, s));
		if (w->pairs.len > PAIR_LIMIT)
			return err_put(err, ERR_FAILED, "cannot compare the policies: more than %d pairs of states",
				       PAIR_LIMIT);
	}
	return 0;
}

uint32_t walk_find(const struct walk *w, uint32_t pair, size_t symbol)
{
	struct walk_pair p = next(w, pair, symbol);

	return compare_map_get(&w->index, key_of(p.old, p.new_, p.nul));
}

bool walk_differs(const struct walk *w, uint32_t pair)
{
	const struct walk_pair *p = &w->pairs.ptr[pair];

	return w->old.perms[p->old] != w->new_.perms[p->new_];
}

void walk_text(const struct walk *w, uint32_t pair, struct buf *out)
{
	size_t start = out->len;

	for (uint32_t i = pair; w->pairs.ptr[i].parent != NO_PAIR; i = w->pairs.ptr[i].parent)
		if (w->pairs.ptr[i].symbol != SYMBOL_OOB)
			buf_addc(out, (char)w->pairs.ptr[i].symbol);
	for (size_t a = start, b = out->len; a + 1 < b; a++, b--) {
		char c = out->ptr[a];

		out->ptr[a] = out->ptr[b - 1];
		out->ptr[b - 1] = c;
	}
}

bool walk_edges(struct walk *w)
{
	enum { EDGE_LIMIT = 4000000 };
	uint32_t *edges;

	if (w->edges)
		return true;
	if (w->pairs.len > EDGE_LIMIT / w->symbol_count)
		return false;
	edges = arena_array(w->arena, w->pairs.len * w->symbol_count, sizeof *edges);
	for (uint32_t i = 0; i < w->pairs.len; i++)
		for (size_t s = 0; s < w->symbol_count; s++)
			edges[i * w->symbol_count + s] = walk_find(w, i, s);
	w->edges = edges;
	return true;
}
