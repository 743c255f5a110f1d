/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * locate: site × conflict → the rule, or the reason there is none. Pure.
 *
 * A culprit is a deny rule that takes from a profile an access which the conflict may give back. It is shown to be the
 * cause: without it the access is allowed, with it denied (the counterfactual). Two rules that deny the same path are
 * not one cause, and nothing is claimed then.
 */
#ifndef NESTFIX_LOCATE_H
#define NESTFIX_LOCATE_H

#include <nestfix/discover.h>

enum locate_state {
	LOCATE_ALLOWED,  /* the access is allowed: not affected, or cured (see `cure`) */
	LOCATE_BLOCKED,  /* one editable rule, shown to be the cause */
	LOCATE_SEVERAL,  /* several rules deny the same access */
	LOCATE_FIXED,    /* one rule, but its text cannot be replaced on its own: `why` */
	LOCATE_NO_ALLOW, /* it would stay denied without the rule: nothing allows it */
};

/* One rule text that denies, with every profile it denies in. */
struct culprit {
	const struct policy_rule *rule; /* as it stands in the first of the profiles */
	enum policy_fixed fixed;
	const struct conflict_scope **scopes; /* whose paths it denies */
	size_t scope_count;
	struct slice witness; /* a path of the scope that it denies: the conflict's own where one matches */
	struct policy_profile **profiles;
	size_t profile_count;
};

/* The state of one profile under one scope. */
struct locate_case {
	const struct policy *policy;
	struct policy_profile *profile;
	const struct conflict_scope *scope;
	enum locate_state state;
	struct culprit *
	    *culprits; /* LOCATE_BLOCKED: the one (or one for each part of the scope); LOCATE_SEVERAL: all */
	size_t culprit_count;
	struct slice witness;              /* the access that was decided */
	const struct policy_rule *allower; /* LOCATE_ALLOWED: the rule that allows it */
	struct slice cure; /* LOCATE_ALLOWED: "FILE:LINE" of our mark or of the priority rule; else empty */
};

struct finding {
	const struct conflict *conflict;
	const struct conflict_scope **scopes; /* asked about */
	size_t scope_count;
	const struct re *paths; /* union of the scopes */
	uint32_t perms;
	struct locate_case *cases; /* profile by profile, scope by scope */
	size_t case_count;
	struct culprit **culprits; /* every culprit once, by file and place */
	size_t culprit_count;
	size_t profile_count;    /* profiles looked at */
	enum locate_state worst; /* of the cases; one that no rule denies, though none allows it, does not count */
	const struct obstacles *obstacles; /* what else is in the way (obstacle.h); NULL: nobody has looked */
};

/* Finds. -1 only where something could not be decided at all (a pattern too large). */
int locate(struct finding *out, const struct site *site, const struct conflict_scope **scopes, size_t scope_count,
	   struct arena *arena, struct err *err);

/* "is inside a conditional", "is written with a variable": why a rule cannot be replaced on its own. */
const char *locate_why(enum policy_fixed fixed);

#endif
