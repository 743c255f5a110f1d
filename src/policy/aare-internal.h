/* SPDX-License-Identifier: GPL-2.0-or-later */
/* aare-internal: what the files of the room share. */
#ifndef NESTFIX_AARE_INTERNAL_H
#define NESTFIX_AARE_INTERNAL_H

#include <nestfix/aare.h>

enum { AARE_MAX_GROUPS = 50 }; /* MAX_ALT_DEPTH of parser_regex.c; the deepest legal nesting is one less */

struct aare_source {
	struct slice pattern; /* as the caller gave it: columns count in it */
	struct err *err;
};

int aare_refuse(const struct aare_source *s, size_t at, const char *what);

/* Text that remembers which byte of the pattern each of its bytes comes from. */
struct aare_traced {
	struct buf text;
	struct buf from; /* one size_t for each byte of text */
};

size_t aare_traced_from(const struct aare_traced *t, size_t at);
void aare_traced_release(struct aare_traced *t);
#define AUTOTRACED __attribute__((cleanup(aare_traced_release))) struct aare_traced

/* s begins behind the backslash. How many bytes the escape takes and its value; 0 where it is none. */
size_t aare_escape(struct slice s, const char *literal, int *value);

/* The two steps of reading a pattern: text to text, and that text to a language. */
int aare_glob(const struct aare_source *source, struct aare_traced *out);
const struct re *aare_regex(const struct aare_source *source, const struct aare_traced *text, struct re_pool *pool,
			    struct buf *pcre);

/* Reads a pattern into its language; pcre, where given, gets the same as a PCRE2 pattern. */
int aare_translate(struct slice pattern, struct re_pool *pool, const struct re **language, struct buf *pcre,
		   struct err *err);

struct re_set aare_all(void);      /* every byte but NUL: what ** repeats */
struct re_set aare_nonslash(void); /* what * repeats */

/*
 * The left-to-right reading of p − q (q RE_NONE: of p): one state for each pair of derivatives. States are sorted so
 * that what a state leads to, other than itself, stands before it; only states of one knot (a cycle of two or more)
 * break that.
 */
struct aare_edge {
	struct re_set set;
	size_t to;
};

struct aare_state {
	const struct re *p, *q;
	bool accept;             /* the string may end here */
	bool leaf;               /* q holds nothing any more: what remains is p, unread */
	bool live;               /* some string gets accepted from here */
	bool knot;               /* on a cycle that is not a plain loop over one state */
	bool entry;              /* the first state, or reached from outside its knot */
	struct aare_edge *edges; /* to live states, one for each target */
	size_t edge_count;
};

struct aare_graph {
	struct aare_state *states;
	size_t count, start;
	size_t *order; /* indices, targets first; dead states are left out */
	size_t order_count;
};

/* 0; 1 where it would be too large (also: pool full). unfold: read on where q holds nothing any more. */
int aare_graph_build(struct aare_graph *g, const struct re *p, const struct re *q, bool unfold, struct re_pool *pool,
		     struct arena *arena);

/* After edges or acceptance were changed: finds anew what is live, the knots and the order. */
void aare_graph_sort(struct aare_graph *g, struct arena *arena);

/* The loop of a state over itself, an empty set where there is none. */
struct re_set aare_graph_loop(const struct aare_graph *g, size_t state);

/*
 * Texts are made "pure" first: * and ** may be empty wherever they stand. aare_dress() turns that into AppArmor's text,
 * where they may not between two slashes or between a slash and the end.
 */
void aare_dress(struct buf *out, struct slice pure);

/* For sets: which bytes a reader wants to see first, so that a class keeps the order it had in the rule. */
struct aare_style {
	unsigned short rank[256];
};

void aare_put_literal(struct buf *out, unsigned char c);
void aare_put_set(struct buf *out, const struct re_set *set, const struct aare_style *style);

/* The expression as it is built, pure. -1 where AppArmor has no word for it (a loop over other bytes, too deep). */
int aare_put_structure(struct buf *out, const struct re *e, const struct aare_style *style);

/*
 * The expression as a flat list of branches, pure. With a tail (a language and its text), only the part in front of the
 * tail, followed by its text. Fills how many branches there are. -1 where that is not possible.
 */
struct aare_tail {
	const struct re *re;
	struct slice text;
};
int aare_put_flat(struct buf *out, const struct re *e, const struct aare_tail *tail, const struct aare_style *style,
		  struct re_pool *pool, size_t *branches);

int aare_print_styled(const struct re *language, const struct aare_style *style, struct re_pool *pool,
		      struct arena *arena, struct slice *out, struct err *err);

#endif
