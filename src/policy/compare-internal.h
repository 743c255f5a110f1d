/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compare, inside: compare.c matches profiles and orders changes, compare-walk.c walks two state machines together,
 * compare-file.c groups what differs in the file class and holds it against the exemption, compare-pattern.c says a
 * group as a pattern, compare-words.c is for people.
 */
#ifndef NESTFIX_COMPARE_INTERNAL_H
#define NESTFIX_COMPARE_INTERNAL_H

#include <nestfix/compare.h>

/* A walk holds some 40 bytes a pair; two profiles of LXC make some 2,000 pairs. */
enum { PAIR_LIMIT = 2000000 };
#define NO_PAIR UINT32_MAX

/* Numbers by a 64 bit key, for as long as its arena lives. */
struct compare_map {
	struct arena *arena;
	uint64_t *keys;
	uint32_t *values; /* 0: free; else value + 1 */
	size_t len, cap;
};

/* The number of a key: `fresh` if it is new, and *added tells. */
uint32_t compare_map_put(struct compare_map *m, uint64_t key, uint32_t fresh, bool *added);
uint32_t compare_map_get(const struct compare_map *m, uint64_t key); /* or NO_PAIR */

/* Byte strings as numbers: equal bytes, equal number. */
struct compare_names {
	struct arena *arena;
	VEC(struct slice) all;
	uint32_t *slots; /* 0: free; else number + 1 */
	size_t cap;
};

uint32_t compare_name(struct compare_names *names, struct slice bytes);

/* One of the two state machines of a walk; dfa may be NULL, which is a machine with nothing but its trap. */
struct walk_side {
	const struct automaton_dfa *dfa;
	uint32_t start;
	const uint32_t *perms; /* per state: number of its permissions, comparable across both sides */
};

/* What was reached: a state of either side. A string that has a NUL and one that has none never share a pair. */
struct walk_pair {
	uint32_t old, new_;
	uint32_t parent; /* NO_PAIR for the start */
	uint16_t symbol; /* that led here */
	bool nul;
};

enum { SYMBOL_OOB = 256 };

struct walk {
	struct walk_side old, new_;
	bool part_nul; /* keep strings with a NUL apart */
	bool oob;      /* follow out-of-band edges, too */
	struct arena *arena;
	uint16_t symbols[257]; /* representatives: bytes, or SYMBOL_OOB */
	size_t symbol_count;
	unsigned char class_of[256]; /* byte → index in symbols */
	VEC(struct walk_pair) pairs;
	struct compare_map index;
	const uint32_t *edges; /* made by walk_edges(): pair × symbol → pair */
};

/* Fills symbols; walk_run() does it where it is not done. */
void walk_symbols(struct walk *w);

/* All reachable pairs, breadth first. ERR_FAILED beyond PAIR_LIMIT. */
int walk_run(struct walk *w, struct err *err);
uint32_t walk_find(const struct walk *w, uint32_t pair, size_t symbol); /* the pair that a symbol leads to */
bool walk_edges(struct walk *w);                                        /* false: that would be too large */
bool walk_differs(const struct walk *w, uint32_t pair);                 /* other permissions */
void walk_text(const struct walk *w, uint32_t pair, struct buf *out);   /* a shortest string */

/* Changes with what orders them. */
struct found {
	struct compare_change change;
	size_t profile; /* its place */
};

struct findings {
	VEC(struct found) all;
	struct arena *arena; /* the caller's */
	const struct compare_exemption *exemption;
	struct re_pool *pool;
	struct err *err;
};

/* A new finding; valid until the next. */
struct compare_change *found_add(struct findings *f, size_t place, enum compare_kind kind, struct slice profile);

/* Number of the permissions of each state, with names instead of table indexes; for walk_side.perms. */
const uint32_t *compare_perms(struct compare_names *table, struct compare_names *names,
			      const struct automaton_profile *p, enum compare_kind kind, struct arena *arena);
struct automaton_perms compare_perms_of(const struct compare_names *table, uint32_t number);

/* The file class of two profiles. */
int compare_file(struct findings *f, size_t place, const struct automaton_profile *old,
		 const struct automaton_profile *new_);

/* The language of the pairs that `member` marks, as a pattern; empty where there is none. */
struct slice compare_pattern(const struct walk *w, const bool *member, struct arena *arena);

/* Do the two differ in nothing but what is logged? */
bool compare_only_logging(const struct automaton_perms *a, const struct automaton_perms *b);

#endif
