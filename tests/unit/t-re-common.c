/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/aare.h>

#include "../lib/tap.h"

static struct arena arena;
static struct re_pool *pool;

static const struct re *pattern(const char *text)
{
	struct aare a = { 0 };

	return aare_parse(&a, slice_of(text), pool, &arena, NULL) == 0 ? a.re : NULL;
}

static int common(const char *a, const char *b, const char *c)
{
	const struct re *list[] = { pattern(a), pattern(b), pattern(c) };

	return re_common(pool, list, 3, &arena);
}

int main(void)
{
	pool = re_pool_new(&arena, 0);
	is_num(common("/sys/**", "/**/net", "/sys/{a,b}/*"), 1, "three patterns that meet");
	is_num(common("/sys/[^fdc]*{,/**}", "/sys/k*{,/**}", "/sys/net{,/**}"), 0, "two that meet outside the third");
	is_num(common("/a*", "/b*", "/**"), 0, "two that never meet");
	is_num(common("/sys/net/**", "/sys/[^fdc]*{,/**}", "/sys/net{,/**}"), 1, "two rules in one scope");
	is_num(re_common(pool, NULL, 0, &arena), -1, "no language at all is not an answer");
	arena_release(&arena);
	return tap_done();
}
