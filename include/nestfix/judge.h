/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * judge: what a profile allows, and which rules decide it. The host's own apparmor_parser says so, nobody else.
 *
 * Two compilations answer every question about a policy. One is the policy as it stands: what its automaton allows is
 * allowed. The other is a sheet of small profiles that are made from its text. A mark holds one rule alone, in the
 * conditions and blocks that it stands in, a deny rule beside `file,`: what the rule does by itself. The take-out holds
 * all file rules of the profile, but the deny rules that may match without the permissions asked about: what would be
 * allowed without them. Rules that cannot match are left out of the marks by their text (aare.h).
 *
 * Denies are a union: of those of one priority each denies what it meets, whatever the others do. So the rules without
 * which an access is allowed are all that deny it, and no search for the smallest set is needed. Where rules have
 * priorities, a deny may count for nothing: each is put back alone into the take-out, and counts if it denies there.
 *
 * Policies that are equal but for the name of their container are compiled once; so are equal sheets. On the live root
 * what was compiled is kept for the next run (cache.h); a cache that cannot be used costs time, nothing else.
 */
#ifndef NESTFIX_JUDGE_H
#define NESTFIX_JUDGE_H

#include <nestfix/compile.h>

struct judge;

/* One a run. The parser, by the arguments of compiler_init, is looked for when it is needed. */
struct judge *judge_new(const struct root *root, const char *program, const char *features, struct arena *arena);

/* Who is told of each compilation, and of those of all copies of the judge's compiler. */
void judge_watch(struct judge *judge, const struct compile_watch *watch);

/* The run's compiler; NULL with err where there is no parser. */
const struct compiler *judge_compiler(struct judge *judge, struct err *err);

/* What the profile says of one access. AUTOMATON_USER and AUTOMATON_OTHER are the halves. */
struct judge_answer {
	bool allowed[2];
	const struct policy_place *rule[2]; /* what decides: a deny rule, an allow rule, or NULL: no rule of the text */
	const struct policy_place **deniers; /* every rule that takes one of the permissions from one of the halves */
	size_t denier_count;
	bool granted; /* some rule allows it, whatever others deny */
	bool freed;   /* without the deniers it is allowed, to both halves: the list is complete */
};

struct judge_question {
	const struct policy *policy;
	const struct policy_profile *profile;
	const struct container *container; /* whose generated text it is, or NULL */
	const struct conflict_access *accesses;
	size_t count;

	/* filled by judge_run */
	struct err err;                           /* the policy cannot be had: the parser's own words */
	const struct automaton_profile *compiled; /* NULL, and no err: the profile is not in force */
	struct judge_answer *answers;             /* one an access; NULL where there is no `compiled` */
	struct err unsure; /* why rules could not be asked: `rule`, `deniers`, `granted` and `freed` say nothing */
};

/* The accesses must outlive the judge. */
struct judge_question *judge_add(struct judge *judge, const struct policy *policy, const struct policy_profile *profile,
				 const struct container *container, const struct conflict_access *accesses,
				 size_t count);

/* Answers all that was added since the last time. -1: there is no parser. */
int judge_run(struct judge *judge, struct err *err);

/* Policy that was compiled elsewhere in this run, of this input: for the look that follows. */
void judge_know(struct judge *judge, const struct policy *policy, const struct policy_reach *input,
		const struct container *container, struct slice blob);

/* Does the parser take the policy as it stands? -1 with its own words. */
int judge_takes(struct judge *judge, const struct policy *policy, const struct container *container, struct err *err);

/* The compiled form of a profile, or of its twin's under the twin's name. NULL with err: the parser's words, or NULL
 * without: it is not in force. */
const struct automaton_profile *judge_profile(struct judge *judge, const struct policy *policy,
					      const struct policy_profile *profile, const struct container *container,
					      struct err *err);

#endif
