/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * buf: bytes. Length is the truth; a NUL is a byte like any other.
 *
 * struct slice  looks at bytes that somebody else owns.
 * struct buf    owns bytes and grows; it is NUL-terminated behind its length for the sake of C functions.
 * struct arena  owns everything of one run: what is parsed is allocated here and released at once.
 *
 * Life words: a zeroed struct is a legal empty one; release() frees the contents and leaves a zeroed struct; clear()
 * empties it but keeps the memory.
 *
 * Running out of memory is treated like a power cut: the process stops at once (abort). Nothing is lost by it: every
 * change to the machine goes through the journal, which the next run finishes or undoes.
 */
#ifndef NESTFIX_BUF_H
#define NESTFIX_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
	const char *ptr;
	size_t len;
};

#define SLICE(literal) ((struct slice){ (literal), sizeof(literal) - 1 })
#define SLICE_FMT(s) (int)(s).len, (s).ptr /* for "%.*s" */

static inline struct slice slice_of(const char *str)
{
	return (struct slice){ str, str ? strlen(str) : 0 };
}

bool slice_eq(struct slice a, struct slice b);
bool slice_is(struct slice s, const char *str);
bool slice_starts(struct slice s, const char *prefix);
bool slice_ends(struct slice s, const char *suffix);
int slice_cmp(struct slice a, struct slice b);                 /* byte order, for qsort-like use */
struct slice slice_sub(struct slice s, size_t at, size_t len); /* clamped to s */
struct slice slice_from(struct slice s, size_t at);            /* the rest from at, clamped */
struct slice slice_trim(struct slice s);                       /* without blanks, tabs, CR, LF at both ends */
size_t slice_find(struct slice s, char c);                     /* index of c, or s.len */
size_t slice_line(struct slice s, size_t at);                  /* where the line that holds `at` begins */
size_t slice_line_end(struct slice s, size_t at);              /* the offset behind that line and its LF */

struct buf {
	char *ptr; /* NULL or NUL-terminated */
	size_t len, cap;
};

void buf_add(struct buf *b, const void *ptr, size_t len);
void buf_adds(struct buf *b, const char *str);
void buf_addc(struct buf *b, char c);
void buf_addslice(struct buf *b, struct slice s);
void buf_addline(struct buf *b, struct slice s); /* on one line: runs of blanks and line ends become one blank */
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_reserve(struct buf *b, size_t more); /* room for `more` further bytes */
void buf_clear(struct buf *b);
void buf_release(struct buf *b);
struct slice buf_slice(const struct buf *b);
const char *buf_str(const struct buf *b); /* never NULL */

#define AUTOBUF __attribute__((cleanup(buf_release))) struct buf

struct arena_block;
struct arena {
	struct arena_block *blocks;
};

void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned for any type, never NULL */
void *arena_array(struct arena *a, size_t count, size_t size);
char *arena_str(struct arena *a, struct slice s); /* a NUL-terminated copy */
struct slice arena_slice(struct arena *a, struct slice s);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void arena_release(struct arena *a);

#define AUTOARENA __attribute__((cleanup(arena_release))) struct arena
#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))

/*
 * A growing array in an arena: struct { T *ptr; size_t len, cap; } with any T. Pointers into it do not survive a push;
 * store pointers as elements where that matters.
 */
#define VEC(T)                                                                                                         \
	struct {                                                                                                       \
		T *ptr;                                                                                                \
		size_t len, cap;                                                                                       \
	}
#define VEC_PUSH(a, v, ...)                                                                                            \
	do {                                                                                                           \
		(v)->ptr = arena_grow((a), (v)->ptr, (v)->len, &(v)->cap, sizeof *(v)->ptr);                           \
		(v)->ptr[(v)->len++] = (__VA_ARGS__);                                                                  \
	} while (0)

/* The capacity of an array that VEC_PUSH alone has grown to this length, where only that was kept. */
static inline size_t vec_cap(size_t len)
{
	size_t cap = len ? 8 : 0;

	while (cap < len)
		cap *= 2;
	return cap;
}

void *arena_grow(struct arena *a, void *ptr, size_t len, size_t *cap, size_t size); /* for VEC_PUSH only */

#endif
