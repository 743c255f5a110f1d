/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * re: regular languages over bytes, by Brzozowski derivatives.
 *
 * An expression is an immutable, hash-consed node of a pool: two expressions that are built alike are the same pointer.
 * The alphabet is the 255 bytes 1 … 255: a path holds no NUL, so no language here holds a string with one.
 *
 * Every function returns NULL only where the pool's node limit is reached (re_pool_full); NULL in gives NULL out, so
 * that a caller checks once, at the end.
 */
#ifndef NESTFIX_RE_H
#define NESTFIX_RE_H

#include <stdint.h>

#include <nestfix/buf.h>

struct re_set { /* a set of bytes; bit 0 of word 0 (NUL) is always clear */
	uint64_t bits[4];
};

bool re_set_has(const struct re_set *s, unsigned char c);
void re_set_add(struct re_set *s, unsigned char c);
struct re_set re_set_not(const struct re_set *s); /* all bytes but NUL that are not in s */
bool re_set_empty(const struct re_set *s);
bool re_set_eq(const struct re_set *a, const struct re_set *b);
size_t re_set_count(const struct re_set *s);

enum re_kind {
	RE_NONE,  /* the empty language */
	RE_EMPTY, /* just the empty string */
	RE_SET,   /* one byte of a set */
	RE_LOOP,  /* any number of bytes of a set: the only star that AppArmor's globs have */
	RE_CAT,   /* left, then right; right-nested, no RE_EMPTY or RE_NONE inside */
	RE_ALT,   /* left or right; right-nested, sorted, without duplicates */
};

struct re {
	enum re_kind kind;
	bool nullable; /* holds the empty string */
	unsigned id;   /* creation order in its pool; a stable sort key */
	struct re_set set;
	const struct re *left, *right;
};

struct re_pool;

struct re_pool *re_pool_new(struct arena *arena, size_t node_limit); /* 0: the default of 100,000 nodes */
bool re_pool_full(const struct re_pool *pool);
uint64_t re_pool_work(const struct re_pool *pool); /* steps taken so far; for a caller that sets itself a limit */

const struct re *re_none(struct re_pool *pool);
const struct re *re_empty(struct re_pool *pool);
const struct re *re_set(struct re_pool *pool, const struct re_set *set);
const struct re *re_loop(struct re_pool *pool, const struct re_set *set);
const struct re *re_cat(struct re_pool *pool, const struct re *left, const struct re *right);
const struct re *re_alt(struct re_pool *pool, const struct re *left, const struct re *right);
const struct re *re_alt_list(struct re_pool *pool, const struct re *const *items, size_t count);
const struct re *re_literal(struct re_pool *pool, struct slice bytes);
const struct re *re_any(struct re_pool *pool); /* every string without NUL */

/* The strings that follow byte c in the language. */
const struct re *re_derive(struct re_pool *pool, const struct re *e, unsigned char c);
const struct re *re_derive_slice(struct re_pool *pool, const struct re *e, struct slice bytes);

/* The language with every string reversed. */
const struct re *re_reverse(struct re_pool *pool, const struct re *e);

/* False also where the pool is full. */
bool re_matches(struct re_pool *pool, const struct re *e, struct slice s);

/*
 * Splits the alphabet into classes that neither a nor b (which may be NULL) can tell apart by their first byte: fills
 * representative bytes and their sets, returns how many (1 … 255).
 */
size_t re_classes(const struct re *a, const struct re *b, unsigned char rep[256], struct re_set set[256]);

/*
 * 1 yes, 0 no, -1 pool full or more than ten steps for each node that the pool may hold. Where `example` is given
 * and the answer is no, a shortest string that shows it.
 */
int re_equal(struct re_pool *pool, const struct re *a, const struct re *b, struct arena *arena, struct slice *example);
int re_contains(struct re_pool *pool, const struct re *whole, const struct re *part, struct arena *arena,
		struct slice *example); /* is part a subset of whole? */
int re_disjoint(struct re_pool *pool, const struct re *a, const struct re *b, struct arena *arena,
		struct slice *example); /* no: a string that both hold */

/* Is there a string that all the languages (1 to 4) hold? 1 yes, 0 no, -1 pool full or too large to tell. */
int re_common(struct re_pool *pool, const struct re *const *list, size_t count, struct arena *arena);

#endif
