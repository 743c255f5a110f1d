/* SPDX-License-Identifier: GPL-2.0-or-later */
/* random: the same numbers in every run, unless NESTFIX_SEED says otherwise. */
#ifndef TESTS_RANDOM_H
#define TESTS_RANDOM_H

#include <stdint.h>
#include <stdlib.h>

static uint64_t random_seed = 20261121;

static void random_begin(void)
{
	if (getenv("NESTFIX_SEED"))
		random_seed = strtoull(getenv("NESTFIX_SEED"), NULL, 10) | 1;
}

static uint64_t random_next(void) /* xorshift64* */
{
	random_seed ^= random_seed >> 12;
	random_seed ^= random_seed << 25;
	random_seed ^= random_seed >> 27;
	return random_seed * 0x2545F4914F6CDD1D;
}

static unsigned random_below(unsigned n)
{
	return (unsigned)((random_next() >> 33) % n);
}

#define RANDOM_PICK(list) (list)[random_below(sizeof(list) / sizeof *(list))]

#endif
