/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/re.h>

enum {
	MOST = 4,         /* languages that are walked together */
	TUPLES = 1 << 12, /* of derivatives; LXC's rules need under a hundred */
};

struct tuple {
	const struct re *part[MOST];
};

/* A set of tuples in the order in which they were met: the queue of a breadth-first walk. */
struct tuples {
	struct tuple *met;
	size_t len;
	uint32_t *slots; /* index + 1, or 0; twice as many as tuples */
	size_t width;
};

static size_t slot_of(const struct tuples *t, const struct tuple *tuple)
{
	uint64_t hash = 14695981039346656037U; /* FNV-1a */

	for (size_t i = 0; i < t->width; i++)
		hash = (hash ^ tuple->part[i]->id) * 1099511628211U;
	return (size_t)(hash % (2 * (size_t)TUPLES));
}

static bool same(const struct tuples *t, const struct tuple *a, const struct tuple *b)
{
	return memcmp(a->part, b->part, t->width * sizeof *a->part) == 0;
}

/* False when there is no more room. */
static bool put(struct tuples *t, const struct tuple *tuple)
{
	size_t slot = slot_of(t, tuple);

	while (t->slots[slot] != 0) {
		if (same(t, &t->met[t->slots[slot] - 1], tuple))
			return true;
		slot = (slot + 1) % (2 * (size_t)TUPLES);
	}
	if (t->len == TUPLES)
		return false;
	t->met[t->len++] = *tuple;
	t->slots[slot] = (uint32_t)t->len;
	return true;
}

static bool all_nullable(const struct tuples *t, const struct tuple *tuple)
{
	for (size_t i = 0; i < t->width; i++)
		if (!tuple->part[i]->nullable)
			return false;
	return true;
}

/* 1: the step leads somewhere, 0: one of the languages ends there, -1: pool full. */
static int step(struct re_pool *pool, const struct tuples *t, const struct tuple *from, unsigned char c,
		struct tuple *to)
{
	for (size_t i = 0; i < t->width; i++) {
		to->part[i] = re_derive(pool, from->part[i], c);
		if (!to->part[i])
			return -1;
		if (to->part[i]->kind == RE_NONE)
			return 0;
	}
	return 1;
}

/* Bytes of which no two are in the same class for every part: one for each way that the parts can step together. */
static size_t bytes_of(const struct tuples *t, const struct tuple *tuple, unsigned char bytes[256])
{
	uint32_t sign[256] = { 0 }; /* of a byte: its class in each part */
	size_t count = 0;

	for (size_t i = 0; i < t->width; i++) {
		unsigned char rep[256];
		struct re_set set[256];
		size_t classes = re_classes(tuple->part[i], NULL, rep, set);

		for (size_t k = 0; k < classes; k++)
			for (unsigned c = 1; c < 256; c++)
				if (re_set_has(&set[k], (unsigned char)c))
					sign[c] = sign[c] << 8 | (uint32_t)k;
	}
	for (unsigned c = 1; c < 256; c++) {
		size_t k = 0;

		while (k < count && sign[bytes[k]] != sign[c])
			k++;
		if (k == count)
			bytes[count++] = (unsigned char)c;
	}
	return count;
}

static int walk(struct re_pool *pool, struct tuples *t)
{
	for (size_t at = 0; at < t->len; at++) {
		struct tuple from = t->met[at], to = { 0 };
		unsigned char bytes[256];
		size_t count;

		if (all_nullable(t, &from))
			return 1;
		count = bytes_of(t, &from, bytes);
		for (size_t i = 0; i < count; i++) {
			int leads = step(pool, t, &from, bytes[i], &to);

			if (leads < 0 || (leads > 0 && !put(t, &to)))
				return -1;
		}
	}
	return 0;
}

int re_common(struct re_pool *pool, const struct re *const *list, size_t count, struct arena *arena)
{
	struct tuples t = { .width = count };
	struct tuple start = { 0 };

	if (count == 0 || count > MOST)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (!list[i])
			return -1;
		start.part[i] = list[i];
		if (list[i]->kind == RE_NONE)
			return 0;
	}
	t.met = arena_array(arena, TUPLES, sizeof *t.met);
	t.slots = arena_array(arena, 2 * (size_t)TUPLES, sizeof *t.slots);
	put(&t, &start);
	return walk(pool, &t);
}
