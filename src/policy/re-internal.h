/* SPDX-License-Identifier: GPL-2.0-or-later */
/* re-internal: what the two files of the room share. */
#ifndef NESTFIX_RE_INTERNAL_H
#define NESTFIX_RE_INTERNAL_H

#include <nestfix/re.h>

typedef const struct re *re_ref;

struct re_pool {
	struct arena *arena;
	size_t limit, count;
	re_ref *table; /* open addressing, a power of two, at most half full */
	size_t table_cap;
	bool full;
	re_ref none, empty;
	uint64_t work; /* steps that derivatives have taken */
};

/* A growing stack on the heap, for walks that hostile input must not turn into recursion. */
struct re_stack {
	re_ref *ptr;
	size_t len, cap;
};

void re_stack_push(struct re_stack *s, re_ref e);
re_ref re_stack_pop(struct re_stack *s);
void re_stack_release(struct re_stack *s);
#define AUTOSTACK __attribute__((cleanup(re_stack_release))) struct re_stack

/* Pairs of expressions, each with a number: the order in which it was first put. */
struct re_pairs {
	struct re_pair {
		re_ref a, b;
	} * pairs;
	size_t len, cap;
	uint32_t *slots; /* index + 1, or 0 */
	size_t slot_cap;
};

size_t re_pairs_put(struct re_pairs *p, re_ref a, re_ref b, bool *fresh);
void re_pairs_clear(struct re_pairs *p);
void re_pairs_release(struct re_pairs *p);
#define AUTOPAIRS __attribute__((cleanup(re_pairs_release))) struct re_pairs

#endif
