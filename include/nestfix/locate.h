/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * locate: site × conflict → the rules, or the reason there are none.
 *
 * A culprit is a deny rule that takes from a profile one of the conflict's own accesses. The culprits are the cause:
 * without them the access is allowed, with them denied, as the host's parser says (judge.h). A deny rule that spares
 * these accesses is none, whatever else it denies of what the conflict may give back.
 */
#ifndef NESTFIX_LOCATE_H
#define NESTFIX_LOCATE_H

#include <nestfix/judge.h>

enum locate_state {
	LOCATE_ALLOWED,    /* the access is allowed: not affected, or cured (see `cure`) */
	LOCATE_UNLOADED,   /* the text allows it, but the kernel holds another one, which does not */
	LOCATE_BLOCKED,    /* the culprits are the cause, and each can be edited */
	LOCATE_FIXED,      /* they are the cause, but one cannot be edited: culprit.why */
	LOCATE_INCOMPLETE, /* it would stay denied without the rules that were found: others deny it, too */
	LOCATE_NO_ALLOW,   /* it would stay denied without the rules: nothing allows it */
	LOCATE_UNKNOWN,    /* the parser refuses the policy: `reason` */
};

/* One rule text that denies, with every profile it denies in. */
struct culprit {
	const struct policy_place *rule;      /* as it stands in the first of the profiles */
	const char *why;                      /* why a text edit cannot split it: "has a target"; or NULL */
	const char *hint;                     /* what to do about that, where it is not the rule; or NULL */
	struct aare aare;                     /* its path, where `why` is NULL */
	const struct conflict_scope **scopes; /* whose accesses it denies */
	size_t scope_count;
	struct slice witness; /* the first of the conflict's accesses that it denies */
	const struct policy_profile **profiles;
	size_t profile_count;
};

/* A deny rule that somebody commented out, so that nothing denies the accesses any more, nor what else it denied. */
struct locate_opened {
	const struct policy_source *source;
	size_t line;
	struct span span;  /* from the # to the end of the rule */
	struct slice rule; /* without the # */
};

/* "FILE:LINE" of it; empty for NULL. */
const char *locate_opened_place(const struct locate_opened *opened, struct arena *arena);

/* The state of one profile under one scope. */
struct locate_case {
	const struct policy *policy;
	const struct policy_profile *profile;
	const struct conflict_scope *scope;
	enum locate_state state;
	struct culprit **culprits; /* all that deny one of the scope's accesses */
	size_t culprit_count;
	struct slice witness;               /* the access that was decided: the first that is denied, else the first */
	const struct policy_place *allower; /* LOCATE_ALLOWED, LOCATE_UNLOADED: the rule that allows it, or NULL */
	struct slice cure;                  /* the same: "FILE:LINE" of our mark or of the priority rule; else empty */
	bool kernels; /* LOCATE_ALLOWED: by the policy that the kernel holds alone, not by the text */
	const struct locate_opened *opened; /* LOCATE_ALLOWED: by a rule that somebody commented out; or NULL */
	const char *reason;                 /* LOCATE_UNKNOWN and LOCATE_INCOMPLETE: what the parser says; or NULL */
};

struct finding {
	const struct conflict *conflict;
	const struct conflict_scope **scopes; /* asked about */
	size_t scope_count;
	const struct re *paths; /* union of the scopes */
	uint32_t perms;
	struct conflict_access *accesses; /* of all scopes, one scope after the other */
	size_t access_count;
	struct locate_case *cases; /* profile by profile, scope by scope */
	size_t case_count;
	struct culprit **culprits; /* every culprit once, by file and place */
	size_t culprit_count;
	const struct locate_opened **opened; /* each once, by file and place */
	size_t opened_count;
	size_t profile_count;    /* profiles looked at */
	enum locate_state worst; /* of the cases; one that no rule denies, though none allows it, does not count */
	const struct obstacles *obstacles; /* what else is in the way (obstacle.h); NULL: nobody has looked */
};

/* Finds. -1 only where nothing could be decided at all: there is no parser, or a pattern is too large. */
int locate(struct finding *out, const struct site *site, struct judge *judge, const struct conflict_scope **scopes,
	   size_t scope_count, struct arena *arena, struct err *err);

#endif
