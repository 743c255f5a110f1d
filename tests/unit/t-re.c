/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <nestfix/re.h>

#include "../lib/tap.h"

static unsigned long seed = 20250521;

static unsigned dice(unsigned sides)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return (unsigned)(seed >> 33) % sides;
}

static struct re_set set_of(const char *bytes)
{
	struct re_set s = { 0 };

	for (; *bytes; bytes++)
		re_set_add(&s, (unsigned char)*bytes);
	return s;
}

static const struct re *lit(struct re_pool *p, const char *text)
{
	return re_literal(p, slice_of(text));
}

static const struct re *loop(struct re_pool *p, const char *bytes)
{
	struct re_set s = set_of(bytes);

	return re_loop(p, &s);
}

static void sets_hold_no_nul(void)
{
	struct re_set s = { 0 }, all = re_set_not(&s);

	ok(re_set_empty(&s), "a zeroed set is empty");
	re_set_add(&s, 0);
	ok(re_set_empty(&s), "NUL cannot be added");
	is_num(re_set_count(&all), 255, "the complement of nothing is every byte but NUL");
	re_set_add(&s, 255);
	re_set_add(&s, 'a');
	ok(re_set_has(&s, 255) && re_set_has(&s, 'a') && !re_set_has(&s, 'b'), "members are members");
	all = re_set_not(&s);
	ok(!re_set_has(&all, 0) && !re_set_has(&all, 255) && re_set_has(&all, 'b'), "a complement holds the others");
	all = re_set_not(&all);
	ok(re_set_eq(&s, &all), "two complements are the set");
}

static void equal_expressions_are_one_node(void)
{
	AUTOARENA a = { 0 };
	struct re_pool *p = re_pool_new(&a, 0);
	const struct re *x = lit(p, "abc"), *y = re_cat(p, re_cat(p, lit(p, "a"), lit(p, "b")), lit(p, "c"));

	ok(x == y, "concatenation is right-nested whatever the order of building");
	ok(re_alt(p, x, lit(p, "d")) == re_alt(p, lit(p, "d"), x), "alternatives are sorted");
	ok(re_alt(p, x, x) == x && re_alt(p, re_none(p), x) == x, "no duplicates, no empty language in alternatives");
	ok(re_cat(p, x, re_none(p)) == re_none(p) && re_cat(p, re_empty(p), x) == x, "neutral and absorbing elements");
	ok(re_cat(p, loop(p, "ab"), loop(p, "a")) == loop(p, "ab"), "a loop swallows a smaller one");
	ok(re_cat(p, lit(p, "a"), loop(p, "a")) == re_cat(p, loop(p, "a"), lit(p, "a")), "a*a is aa*");
	ok(re_cat(p, NULL, x) == NULL && re_alt(p, x, NULL) == NULL && re_reverse(p, NULL) == NULL,
	   "NULL in, NULL out");
	ok(re_derive(p, x, 'a') == lit(p, "bc"), "derivative of a literal");
	ok(re_derive_slice(p, x, SLICE("abc")) == re_empty(p), "derivative by the whole literal");
	ok(re_derive(p, x, 'x') == re_none(p), "derivative by another byte");
}

/* An expression beside a matcher of its own that knows nothing of derivatives. */
struct tree {
	enum re_kind kind;
	struct re_set set;
	struct tree *left, *right;
};

static struct tree *tree_random(struct arena *a, int depth)
{
	static const char *const sets[] = { "a", "b", "/", "ab", "a/", "ab/", "b/" };
	struct tree *t = ARENA_NEW(a, struct tree);
	unsigned pick = dice(depth > 0 ? 8 : 4);

	t->set = set_of(sets[dice(7)]);
	t->kind = pick == 0 ? RE_EMPTY : pick < 3 ? RE_SET : pick == 3 ? RE_LOOP : pick < 6 ? RE_CAT : RE_ALT;
	if (dice(40) == 0)
		t->kind = RE_NONE;
	if (t->kind == RE_CAT || t->kind == RE_ALT) {
		t->left = tree_random(a, depth - 1);
		t->right = tree_random(a, depth - 1);
	}
	return t;
}

static const struct re *tree_re(const struct tree *t, struct re_pool *p)
{
	switch (t->kind) {
	case RE_NONE:
		return re_none(p);
	case RE_EMPTY:
		return re_empty(p);
	case RE_SET:
		return re_set(p, &t->set);
	case RE_LOOP:
		return re_loop(p, &t->set);
	case RE_CAT:
		return re_cat(p, tree_re(t->left, p), tree_re(t->right, p));
	default:
		return re_alt(p, tree_re(t->left, p), tree_re(t->right, p));
	}
}

/* Bit i of `from`: a match may begin at i. Returns where it may end. */
static unsigned tree_ends(const struct tree *t, const char *s, size_t len, unsigned from)
{
	unsigned ends = 0;

	switch (t->kind) {
	case RE_NONE:
		return 0;
	case RE_EMPTY:
		return from;
	case RE_SET:
		for (size_t i = 0; i < len; i++)
			if (from >> i & 1 && re_set_has(&t->set, (unsigned char)s[i]))
				ends |= 2U << i;
		return ends;
	case RE_LOOP:
		ends = from;
		for (size_t i = 0; i < len; i++)
			if (ends >> i & 1 && re_set_has(&t->set, (unsigned char)s[i]))
				ends |= 2U << i;
		return ends;
	case RE_CAT:
		return tree_ends(t->right, s, len, tree_ends(t->left, s, len, from));
	default:
		return tree_ends(t->left, s, len, from) | tree_ends(t->right, s, len, from);
	}
}

static bool tree_matches(const struct tree *t, struct slice s)
{
	return tree_ends(t, s.ptr, s.len, 1) >> s.len & 1;
}

static struct slice string_random(char text[16])
{
	size_t len = dice(9);

	for (size_t i = 0; i < len; i++)
		text[i] = "ab/c"[dice(4)];
	return (struct slice){ text, len };
}

static void derivatives_match_as_a_naive_matcher(void)
{
	int bad = 0, hits = 0, reversed = 0, stepped = 0;

	for (int i = 0; i < 3000; i++) {
		AUTOARENA a = { 0 };
		struct re_pool *p = re_pool_new(&a, 0);
		struct tree *t = tree_random(&a, 5);
		const struct re *e = tree_re(t, p), *back = re_reverse(p, e);

		for (int k = 0; k < 20; k++) {
			char text[16], mirror[16];
			struct slice s = string_random(text);
			bool want = tree_matches(t, s);

			for (size_t n = 0; n < s.len; n++)
				mirror[n] = text[s.len - 1 - n];
			hits += want;
			bad += re_matches(p, e, s) != want;
			stepped += re_derive_slice(p, e, s)->nullable != want;
			reversed += re_matches(p, back, (struct slice){ mirror, s.len }) != want;
		}
	}
	ok(hits > 1000, "the random languages do hold some of the strings");
	is_num(bad, 0, "re_matches agrees with a naive matcher");
	is_num(stepped, 0, "re_derive_slice agrees with a naive matcher");
	is_num(reversed, 0, "re_reverse holds the reversed strings");
}

static void classes_cannot_be_told_apart(void)
{
	int bad = 0, missing = 0;

	for (int i = 0; i < 500; i++) {
		AUTOARENA a = { 0 };
		struct re_pool *p = re_pool_new(&a, 0);
		const struct re *x = tree_re(tree_random(&a, 5), p), *y = tree_re(tree_random(&a, 5), p);
		unsigned char rep[256];
		struct re_set set[256];
		size_t count = re_classes(x, y, rep, set), bytes = 0;

		for (size_t k = 0; k < count; k++) {
			bytes += re_set_count(&set[k]);
			for (int c = 1; c < 256; c++)
				if (re_set_has(&set[k], (unsigned char)c))
					bad += re_derive(p, x, (unsigned char)c) != re_derive(p, x, rep[k]) ||
					       re_derive(p, y, (unsigned char)c) != re_derive(p, y, rep[k]);
		}
		missing += bytes != 255;
	}
	is_num(bad, 0, "all bytes of a class have the same derivative");
	is_num(missing, 0, "classes cover the alphabet without overlap");
}

static void answers_come_with_a_shortest_example(void)
{
	AUTOARENA a = { 0 };
	struct re_pool *p = re_pool_new(&a, 0);
	const struct re *ab = re_cat(p, lit(p, "/sys/"), re_any(p)), *net = lit(p, "/sys/net");
	struct slice example = { 0 };

	is_num(re_contains(p, ab, net, &a, &example), 1, "/sys/** holds /sys/net");
	is_num(re_contains(p, net, ab, &a, &example), 0, "and not the other way round");
	is_text(example, "/sys/", "the shortest path that shows it");
	is_num(re_equal(p, ab, net, &a, &example), 0, "they are not equal");
	is_num(re_disjoint(p, ab, net, &a, &example), 0, "they meet");
	is_text(example, "/sys/net", "in this path");
	is_num(re_disjoint(p, net, lit(p, "/sys/user"), &a, &example), 1, "different literals do not");
	is_num(re_equal(p, re_alt(p, lit(p, "ax"), lit(p, "bx")),
			re_cat(p, re_alt(p, lit(p, "a"), lit(p, "b")), lit(p, "x")), &a, &example),
	       1, "equal languages in different forms");
	is_num(re_equal(p, net, re_none(p), &a, &example), 0, "something is not nothing");
	is_text(example, "/sys/net", "and shows itself");
	is_num(re_equal(p, re_none(p), re_none(p), NULL, NULL), 1, "nothing is nothing, and no example is needed");
	is_num(re_equal(p, re_cat(p, lit(p, "/"), loop(p, "\001z")), lit(p, "/"), &a, &example), 0, "one byte more");
	is_text(example, "/z", "a readable byte is preferred");
}

static void answers_agree_with_strings(void)
{
	int bad = 0, equal = 0;

	for (int i = 0; i < 1500; i++) {
		AUTOARENA a = { 0 };
		struct re_pool *p = re_pool_new(&a, 0);
		const struct re *x = tree_re(tree_random(&a, 3), p), *y = tree_re(tree_random(&a, 3), p);
		struct slice w = { 0 };
		int r = re_equal(p, x, y, &a, &w);

		equal += r == 1;
		bad += r == 0 && re_matches(p, x, w) == re_matches(p, y, w);
		if (re_contains(p, x, y, &a, &w) == 0)
			bad += !re_matches(p, y, w) || re_matches(p, x, w);
		else
			bad += r == 1 ? 0 : re_equal(p, re_alt(p, x, y), x, &a, &w) != 1;
		if (re_disjoint(p, x, y, &a, &w) == 0)
			bad += !re_matches(p, y, w) || !re_matches(p, x, w);
		for (int k = 0; k < 10 && r == 1; k++) {
			char text[16];
			struct slice s = string_random(text);

			bad += re_matches(p, x, s) != re_matches(p, y, s);
		}
	}
	ok(equal > 10, "some random pairs are equal");
	is_num(bad, 0, "examples are examples, and equal languages hold the same strings");
}

static void full_pools_say_so(void)
{
	AUTOARENA a = { 0 };
	struct re_pool *p = re_pool_new(&a, 20);
	const struct re *e = lit(p, "a string of more than twenty bytes");

	ok(!e && re_pool_full(p), "a full pool gives NULL");
	ok(re_none(p) && re_empty(p), "the constants are there all the same");
	is_num(re_equal(p, e, e, &a, NULL), -1, "and no answer");
	ok(!re_matches(p, e, SLICE("x")), "nothing matches NULL");
	ok(!re_pool_full(re_pool_new(&a, 1)), "the smallest pool");
}

/* Neither depth nor nested empty alternatives may cost stack or exponential time. */
static void hostile_shapes_end(void)
{
	AUTOARENA a = { 0 };
	struct re_pool *p = re_pool_new(&a, 400000);
	const struct re *deep = re_empty(p), *wide = re_empty(p), *back;
	AUTOBUF text = { 0 };

	for (int i = 0; i < 30000; i++)
		deep = re_alt(p, lit(p, "z"), re_cat(p, lit(p, i % 2 ? "a" : "b"), deep));
	ok(deep != NULL, "30,000 alternatives inside each other");
	back = re_reverse(p, deep);
	ok(back != NULL, "and reversed");
	ok(re_matches(p, deep, SLICE("z")) && re_matches(p, deep, SLICE("abz")), "still match");
	for (int i = 0; i < 2000; i++)
		wide = re_cat(p, re_alt(p, re_empty(p), re_alt(p, lit(p, "a"), lit(p, "aa"))), wide);
	for (int i = 0; i < 300; i++)
		buf_adds(&text, "a");
	ok(re_matches(p, wide, buf_slice(&text)), "2,000 optional groups match without trying them all");
	buf_adds(&text, "b");
	ok(!re_matches(p, wide, buf_slice(&text)), "and fail likewise");
}

int main(void)
{
	sets_hold_no_nul();
	equal_expressions_are_one_node();
	derivatives_match_as_a_naive_matcher();
	classes_cannot_be_told_apart();
	answers_come_with_a_shortest_example();
	answers_agree_with_strings();
	full_pools_say_so();
	hostile_shapes_end();
	return tap_done();
}
