/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Input: pattern, newline, pattern, newline, path. Checks that PCRE2 and the derivatives agree, law subtract, and that
 * what is printed reads back as the difference.
 */
#include <stdint.h>
#include <stdlib.h>

#include <nestfix/aare.h>

enum { NODES = 20000, LONGEST = 512 };

static void must(bool good)
{
	if (!good)
		abort();
}

static struct slice line(struct slice *rest)
{
	size_t len = slice_find(*rest, '\n');
	struct slice out = slice_sub(*rest, 0, len);

	*rest = slice_from(*rest, len + 1);
	return out;
}

static void check_match(struct aare *p, struct slice path, struct re_pool *pool, struct arena *arena)
{
	bool want = re_matches(pool, p->re, path);

	if (!re_pool_full(pool))
		must(aare_match(p, path, arena) == want);
}

static void check_print(const struct aare *p, const struct aare *q, struct re_pool *pool, struct arena *arena)
{
	struct slice text = { 0 };
	bool empty = false;
	struct aare again;

	if (aare_subtract_text(p, q->re, pool, arena, &text, &empty, NULL) < 0)
		return;
	if (empty) {
		must(re_contains(pool, q->re, p->re, NULL, NULL) != 0);
		return;
	}
	must(aare_parse(&again, text, pool, arena, NULL) == 0 || re_pool_full(pool));
	must(re_disjoint(pool, again.re, q->re, NULL, NULL) != 0);
	must(re_contains(pool, p->re, again.re, NULL, NULL) != 0);
	must(re_contains(pool, re_alt(pool, again.re, q->re), p->re, NULL, NULL) != 0);
	must(aare_word(text, arena).len >= text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = { (const char *)data, size }, one = line(&rest), two = line(&rest), path = line(&rest);
	AUTOARENA arena = { 0 };
	struct re_pool *pool = re_pool_new(&arena, NODES);
	struct aare p = { 0 }, q = { 0 };
	const struct re *left;

	if (size > LONGEST || slice_find(path, '\0') < path.len)
		return 0;
	if (aare_parse(&p, one, pool, &arena, NULL) == 0 && aare_parse(&q, two, pool, &arena, NULL) == 0) {
		check_match(&p, path, pool, &arena);
		check_match(&q, path, pool, &arena);
		left = aare_subtract(p.re, q.re, pool, &arena, NULL);
		if (left && !re_pool_full(pool))
			must(re_matches(pool, left, path) ==
			     (re_matches(pool, p.re, path) && !re_matches(pool, q.re, path)));
		check_print(&p, &q, pool, &arena);
	}
	aare_release(&p);
	aare_release(&q);
	return 0;
}
