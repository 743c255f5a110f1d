/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge-internal: what the files of the room judge share. */
#ifndef NESTFIX_JUDGE_INTERNAL_H
#define NESTFIX_JUDGE_INTERNAL_H

#include <nestfix/cache.h>
#include <nestfix/judge.h>

/* Rules of a profile that may match, and of those, where there are priorities, that deny: more is no policy for people.
 */
enum { JUDGE_SINGLES = 2000, JUDGE_BACK = 100 };

/* A policy that is compiled, or will be. One a text. */
struct judge_compiled {
	const char *key; /* digest of everything that the result depends on */
	const struct policy *policy;
	bool done;
	struct slice blob;
	struct automaton automaton;
	struct err err;
};

struct judge {
	struct arena *arena;
	const struct root *root;
	const char *program, *features;
	struct compiler compiler;
	bool has_compiler;
	struct compile_watch watch;
	const char *identity; /* digest of what all results depend on */
	VEC(struct judge_compiled *) compiled;
	VEC(struct judge_question *) questions; /* not yet answered */
};

/* Small profiles made from one policy's text. */
struct judge_sheet {
	struct arena *arena;
	struct policy_sources *from; /* of the policy: an abi statement names a file */
	bool aliases;                /* any rule may match by one */
	struct buf text;
	VEC(struct slice) bodies; /* of the profiles so far; the n-th is called "n" and its number */
};

/*
 * A rule that may match an access. Numbers are of profiles of the sheet, from 1; 0: there is none. A rule that stands
 * in a block is tried both ways, since releases differ in what becomes of a deny rule there.
 */
struct judge_single {
	const struct policy_place *rule;
	bool deny;    /* by its text */
	size_t gives; /* the rule alone: what it allows */
	size_t takes; /* the rule beside `file,`: what it denies */
	size_t back;  /* put back into the take-out: only where the profile has priorities */
};

struct judge_singles {
	VEC(struct judge_single) list;
	size_t without; /* the take-out */
};

void judge_sheet_begin(struct judge_sheet *sheet, const struct policy *policy, struct arena *arena);

/* Adds the singles of a profile for some accesses, and its take-out. */
int judge_sheet_add(struct judge_sheet *sheet, const struct policy_profile *profile,
		    const struct conflict_access *accesses, size_t count, struct judge_singles *out, struct err *err);

/* The sheet as a policy of one file. */
const struct policy *judge_sheet_end(struct judge_sheet *sheet);

/* The entry of a policy, not compiled yet if it is new. */
struct judge_compiled *judge_take(struct judge *judge, const struct policy *policy, const struct container *container);

/* Compiles what is not. */
void judge_compile(struct judge *judge);

#endif
