/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <nestfix/buf.h>

static void *must(void *ptr)
{
	if (!ptr)
		abort(); /* see the header: as a power cut */
	return ptr;
}

/* a + b, or the end of the process: a wrapped size must never reach malloc. */
static size_t sum(size_t a, size_t b)
{
	size_t r;

	if (__builtin_add_overflow(a, b, &r))
		abort();
	return r;
}

static size_t product(size_t a, size_t b)
{
	size_t r;

	if (__builtin_mul_overflow(a, b, &r))
		abort();
	return r;
}

bool slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool slice_is(struct slice s, const char *str)
{
	return slice_eq(s, slice_of(str));
}

bool slice_starts(struct slice s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.len >= n && slice_is(slice_sub(s, 0, n), prefix);
}

bool slice_ends(struct slice s, const char *suffix)
{
	size_t n = strlen(suffix);

	return s.len >= n && slice_is(slice_from(s, s.len - n), suffix);
}

int slice_cmp(struct slice a, struct slice b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int r = n ? memcmp(a.ptr, b.ptr, n) : 0;

	if (r != 0)
		return r;
	return (a.len > b.len) - (a.len < b.len);
}

struct slice slice_sub(struct slice s, size_t at, size_t len)
{
	if (at > s.len)
		at = s.len;
	if (len > s.len - at)
		len = s.len - at;
	return (struct slice){ s.ptr ? s.ptr + at : NULL, len };
}

struct slice slice_from(struct slice s, size_t at)
{
	return slice_sub(s, at, SIZE_MAX);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim(struct slice s)
{
	while (s.len > 0 && is_space(s.ptr[0]))
		s = slice_from(s, 1);
	while (s.len > 0 && is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

size_t slice_find(struct slice s, char c)
{
	const char *hit = s.len ? memchr(s.ptr, c, s.len) : NULL;

	return hit ? (size_t)(hit - s.ptr) : s.len;
}

size_t slice_line(struct slice s, size_t at)
{
	while (at > 0 && s.ptr[at - 1] != '\n')
		at--;
	return at;
}

size_t slice_line_end(struct slice s, size_t at)
{
	at += slice_find(slice_from(s, at), '\n');
	return at < s.len ? at + 1 : at;
}

void buf_reserve(struct buf *b, size_t more)
{
	size_t need = sum(sum(b->len, more), 1);
	size_t cap = b->cap ? b->cap : 64;

	if (need <= b->cap)
		return;
	while (cap < need)
		cap = product(cap, 2);
	b->ptr = must(realloc(b->ptr, cap));
	b->cap = cap;
}

void buf_add(struct buf *b, const void *ptr, size_t len)
{
	buf_reserve(b, len);
	if (len > 0)
		memcpy(b->ptr + b->len, ptr, len);
	b->len += len;
	b->ptr[b->len] = '\0';
}

void buf_adds(struct buf *b, const char *str)
{
	buf_add(b, str, strlen(str));
}

void buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_addslice(struct buf *b, struct slice s)
{
	buf_add(b, s.ptr, s.len);
}

void buf_addline(struct buf *b, struct slice s)
{
	bool gap = false;

	s = slice_trim(s);
	for (size_t i = 0; i < s.len; i++) {
		if (is_space(s.ptr[i])) {
			gap = true;
			continue;
		}
		if (gap)
			buf_addc(b, ' ');
		gap = false;
		buf_addc(b, s.ptr[i]);
	}
}

static void buf_addv(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		abort(); /* only a broken format string gets here */
	buf_reserve(b, (size_t)n);
	vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_addv(b, fmt, ap);
	va_end(ap);
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->ptr)
		b->ptr[0] = '\0';
}

void buf_release(struct buf *b)
{
	free(b->ptr);
	*b = (struct buf){ 0 };
}

struct slice buf_slice(const struct buf *b)
{
	return (struct slice){ b->ptr, b->len };
}

const char *buf_str(const struct buf *b)
{
	return b->ptr ? b->ptr : "";
}

enum { ARENA_BLOCK = 64 * 1024, ARENA_ALIGN = 16 };

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	_Alignas(ARENA_ALIGN) char data[];
};

static struct arena_block *arena_add_block(struct arena *a, size_t size)
{
	struct arena_block *b = must(calloc(1, sum(sizeof *b, size)));

	b->size = size;
	b->next = a->blocks;
	a->blocks = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t need = sum(size, ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	struct arena_block *b = a->blocks;
	void *ptr;

	if (!b || b->size - b->used < need)
		b = arena_add_block(a, need > ARENA_BLOCK ? need : ARENA_BLOCK);
	ptr = b->data + b->used;
	b->used += need;
	return ptr;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	return arena_alloc(a, product(count, size));
}

char *arena_str(struct arena *a, struct slice s)
{
	char *copy = arena_alloc(a, sum(s.len, 1));

	if (s.len > 0)
		memcpy(copy, s.ptr, s.len);
	return copy;
}

struct slice arena_slice(struct arena *a, struct slice s)
{
	return (struct slice){ arena_str(a, s), s.len };
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	AUTOBUF text = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	return arena_str(a, buf_slice(&text));
}

void arena_release(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *next = a->blocks->next;

		free(a->blocks);
		a->blocks = next;
	}
}

void *arena_grow(struct arena *a, void *ptr, size_t len, size_t *cap, size_t size)
{
	void *grown;

	if (len < *cap)
		return ptr;
	*cap = *cap ? product(*cap, 2) : 8;
	grown = arena_array(a, *cap, size);
	if (len > 0)
		memcpy(grown, ptr, product(len, size));
	return grown;
}
