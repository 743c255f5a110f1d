/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-automaton: any bytes as a compiled policy. What reads can be walked, asked, and compared: with itself without a
 * difference, with a damaged copy without trouble.
 */
#include <stdint.h>
#include <stdlib.h>

#include <nestfix/compare.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
	if (!good)
		abort();
}

static uint32_t ask(const struct automaton_profile *p)
{
	static const char *const paths[] = { "", "/", "/sys/net", "/sys/net/ipv4/ip_forward", "/proc/1/mem", "target" };
	uint32_t sum = 0;

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		sum += automaton_path(p, slice_of(paths[i])).half[i % 2].allow;
	sum += automaton_path(p, SLICE("/a\0/b")).half[0].more;
	for (uint32_t s = 0; p->file && s < automaton_states(p->file); s++)
		sum += automaton_file_perms(p, s).half[1].quiet + automaton_step(p->file, s, (unsigned char)s);
	for (uint32_t s = 0; p->policy && s < automaton_states(p->policy); s++)
		sum += automaton_policy_perms(p, s).half[0].allow + automaton_step_oob(p->policy, s);
	for (uint32_t s = 0; p->attach && s < automaton_states(p->attach); s++)
		sum += automaton_attach_perms(p, s).half[0].allow + automaton_step_oob(p->attach, s);
	for (size_t i = 0; i < p->rest_count; i++)
		sum += (uint32_t)p->rest[i].bytes.len + (p->rest[i].bytes.len ? (uint32_t)p->rest[i].bytes.ptr[0] : 0);
	return sum;
}

/* The same bytes but for a few that the input itself chooses. */
static char *damaged(const uint8_t *data, size_t size)
{
	char *copy = malloc(size);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	for (size_t i = 0; i < 4; i++)
		copy[(data[i % size] * 2654435761u + i * 977u) % size] ^= (char)(1u << i);
	return copy;
}

static void compare(const struct automaton *a, const struct automaton *b, struct arena *arena, bool same)
{
	struct re_pool *pool = re_pool_new(arena, 0);
	struct compare_exemption e = {
		re_cat(pool, re_literal(pool, SLICE("/s")), re_any(pool)),
		PERM_W,
	};
	struct comparison result;
	struct err err = { 0 };

	if (compare_automata(&result, a, b, &e, pool, arena, &err)) {
		require(err_is_set(&err));
		return;
	}
	require(!same || (result.equal && result.allowed && result.count == 0));
	for (size_t i = 0; i < result.count; i++) {
		AUTOBUF words = { 0 };

		compare_words(&result.changes[i], &words);
		require(words.len > 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTOARENA arena = { 0 };
	struct automaton a, b;
	struct err err = { 0 };
	uint32_t sum = 0;
	char *copy;

	if (automaton_read(&a, (struct slice){ (const char *)data, size }, &arena, &err)) {
		require(err_is_set(&err));
		return 0;
	}
	for (size_t i = 0; i < a.count; i++)
		sum += ask(&a.profiles[i]);
	compare(&a, &a, &arena, true);
	copy = damaged(data, size);
	if (automaton_read(&b, (struct slice){ copy, size }, &arena, NULL) == 0)
		compare(&a, &b, &arena, false);
	free(copy);
	*(volatile uint32_t *)&sum = sum; /* what was asked must not be optimised away */
	return 0;
}
