/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * obstacle: what else is in the way. Once the rule is cured, would the profile still refuse something that the program
 * needs? Decided from the compiled policy, as the kernel decides (security/apparmor/mount.c).
 */
#ifndef NESTFIX_OBSTACLE_H
#define NESTFIX_OBSTACLE_H

#include <nestfix/locate.h>

/* A profile that refuses needs. At the first of them the program stops. */
struct obstacle {
	struct slice profile;
	const struct conflict_need **needs; /* in the order of the conflict; at least one */
	size_t need_count;
};

struct obstacles {
	struct obstacle *list;
	size_t count;
	size_t asked;      /* profiles that were looked at */
	size_t unasked;    /* profiles that could not be */
	struct err reason; /* why, for the first of them */
};

/* Does the profile allow it? One that does not mediate mounts, complains or is unconfined allows all. */
bool obstacle_allows(const struct automaton_profile *profile, const struct conflict_need *need);

/* The needs that the profile refuses, in the order of the conflict; returns how many. */
size_t obstacle_needs(const struct automaton_profile *profile, const struct conflict *conflict,
		      const struct conflict_need ***needs, struct arena *arena);

/* Asks for every profile of the finding. What cannot be compiled is counted in `unasked`: this room fails nothing. */
void obstacle_find(struct obstacles *out, const struct site *site, const struct finding *finding, struct judge *judge,
		   struct arena *arena);

#endif
