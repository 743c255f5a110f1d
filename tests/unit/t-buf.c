/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../lib/tap.h"

static void slices_are_clamped(void)
{
	struct slice s = SLICE("hello");

	is_text(slice_sub(s, 1, 3), "ell", "slice_sub");
	is_text(slice_sub(s, 9, 3), "", "slice_sub beyond the end");
	is_text(slice_from(s, 3), "lo", "slice_from");
	is_text(slice_trim(SLICE(" \t a b\r\n")), "a b", "slice_trim");
	is_num(slice_find(s, 'l'), 2, "slice_find");
	is_num(slice_find(s, 'z'), 5, "slice_find of nothing");
	is_num(slice_line(SLICE("a\nbc\n"), 3), 2, "slice_line");
	is_num(slice_line_end(SLICE("a\nbc\n"), 3), 5, "slice_line_end");
	is_num(slice_line_end(SLICE("a\nbc"), 3), 4, "slice_line_end of a last line without LF");
	ok(slice_starts(s, "he") && !slice_starts(s, "hello!"), "slice_starts");
	ok(slice_ends(s, "lo") && !slice_ends(s, "xhello"), "slice_ends");
	ok(slice_cmp(SLICE("a"), SLICE("ab")) < 0 && slice_cmp(SLICE("b"), SLICE("ab")) > 0, "slice_cmp");
	ok(slice_eq((struct slice){ 0 }, SLICE("")), "an empty slice equals a zeroed one");
}

static void bufs_hold_any_bytes(void)
{
	AUTOBUF b = { 0 };

	is_text(slice_of(buf_str(&b)), "", "a zeroed buf is an empty string");
	buf_add(&b, "a\0b", 3);
	is_num(b.len, 3, "a NUL counts");
	buf_clear(&b);
	buf_addline(&b, SLICE("\n a \r\n\tb  c "));
	is_text(buf_slice(&b), "a b c", "buf_addline makes one line of several");
	buf_clear(&b);
	buf_addf(&b, "%d-%s", 7, "x");
	buf_addc(&b, '!');
	is_text(buf_slice(&b), "7-x!", "buf_addf and buf_addc");
	for (int i = 0; i < 5000; i++)
		buf_adds(&b, "0123456789");
	is_num(b.len, 50004, "a buf grows");
	is_num(b.ptr[b.len], 0, "a buf is terminated");
}

static void arenas_grow_vectors(void)
{
	AUTOARENA a = { 0 };
	VEC(int) v = { 0 };
	bool same = true;
	int sum = 0;

	for (int i = 0; i < 1000; i++) {
		VEC_PUSH(&a, &v, i);
		same = same && vec_cap(v.len) == v.cap;
	}
	for (size_t i = 0; i < v.len; i++)
		sum += v.ptr[i];
	is_num(sum, 499500, "VEC_PUSH keeps every element");
	ok(same && vec_cap(0) == 0, "vec_cap tells the capacity by the length");
	is_text(slice_of(arena_printf(&a, "%s/%d", "x", 5)), "x/5", "arena_printf");
	ok(arena_alloc(&a, 1 << 20) != NULL, "a block larger than the block size");
}

int main(void)
{
	slices_are_clamped();
	bufs_hold_any_bytes();
	arenas_grow_vectors();
	return tap_done();
}
