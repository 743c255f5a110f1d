/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verdict-internal: what the files of the room verdict share. */
#ifndef NESTFIX_VERDICT_INTERNAL_H
#define NESTFIX_VERDICT_INTERNAL_H

#include <nestfix/verdict.h>

enum {
	FILE_LIMIT = 1 << 20, /* bytes of a policy file that is searched for a name */
	RAW_TRIES = 50,       /* raw lines that are tried for the one that the parser refuses */
};

/* What the next starts that are alike bring. */
struct next_start {
	struct slice key;
	const struct container *container; /* the first of them */
	enum nextstart_base base;
	struct nextstart_kind kind; /* of the text */
	struct err err;
	struct judge_question *question; /* NULL: there is no text, or `err` */
};

/* One run. */
struct court {
	struct verdicts *out;
	const struct site *site;
	const struct finding *finding;
	struct judge *judge;
	const struct container **owners; /* of each case of the finding: whose generated text it is about, or NULL */
	struct nextstart next;
	VEC(struct next_start) starts;
	struct arena *arena;
};

/* Has the judge answer for the next start of all that are gathered. */
int verdict_ask(struct court *court, struct err *err);

/* Fills `next` for a container whose text liblxc will make. */
void verdict_next(struct court *court, struct verdict *v);

/* The first of the conflict's needs that a profile refuses; NULL: none, or there is no profile. */
const struct conflict_need *verdict_need(const struct automaton_profile *profile, const struct conflict *conflict);

/* A rule's text, on one line. */
struct slice verdict_rule(const struct policy_place *rule, struct arena *arena);

/* The word that follows from what is denied and refused. */
void verdict_settle(const struct verdict *v, struct verdict_answer *a);

/* What the drop-in, as it is or as it will be, can do for a container: VERDICT_FIX, or what keeps it from it. */
enum verdict_advice verdict_dropin(struct court *court, struct verdict *v);

#endif
