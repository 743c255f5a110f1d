/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prove-internal: what the files of the room prove share. */
#ifndef PROVE_INTERNAL_H
#define PROVE_INTERNAL_H

#include <nestfix/prove.h>

#define PROVE_RELOAD_HINT                                                                                              \
	"see all that it would change: aa-nestfix --reload diff; to load it all the same: aa-nestfix --reload fix"

struct proof {
	const struct patch *patch;
	struct compiler compiler;
	struct proof_policy *policies;
	size_t count;
	struct proof_start *starts;
	size_t start_count;
};

/* What one proof is made from. */
struct attempt {
	const struct patch *patch;
	const struct compiler *compiler;
	struct compile_text *texts; /* the files of the patch in their new form */
	size_t text_count;
	const struct policy **others; /* not loaded at boot, but they may read a file of the patch */
	size_t other_count;
	struct arena *arena;
	struct err *err;
};

/* Refuses for the first change that may not be; the text says how many others there are. */
int prove_refuse_change(const struct attempt *a, const char *name, const struct comparison *comparison);

/* Is the access allowed to the owner of the object and to everybody else? */
bool prove_allows(const struct automaton_profile *profile, const struct conflict_access *access);

/* Is the drop-in in the patch what this program writes into the one that is there? */
int prove_check_dropin(const struct patch *patch, const struct patch_file *file, struct err *err);

/* Every container whose next start the drop-in in the patch changes: old against new. */
int prove_dropin(const struct attempt *a, struct proof_start **starts, size_t *count);

/* Is the new text the old one with nothing but its edits, and does each replace a culprit alone? */
int prove_check_edits(const struct patch *patch, const struct patch_file *file, struct arena *arena, struct err *err);

/* A patch that puts rules back: is the text that it says was there before the one without the # alone? */
int prove_check_restored(const struct patch_file *file, struct err *err);
/* Does nothing differ from the policy with those rules but what is given back? */
int prove_restored(const struct attempt *a, struct proof_policy *p, const struct automaton *new_);
/* Allows, besides what is allowed already, each change that only takes away. */
void prove_narrow(struct comparison *comparison);

/* The changes of a comparison that may not be, in a sentence: the first, and how many others there are. */
const char *prove_excess(const struct comparison *comparison, struct arena *arena);

/*
 * What the kernel holds of p->policy against its new form. Before the old text is compiled: *done says that it need not
 * be, as the kernel's copy is all that counts for a generated one.
 */
int prove_live(const struct attempt *a, struct proof_policy *p, struct automaton *new_, bool *done);
/* Once the old text of a file was compared: is what the kernel holds the same, as far as it matters? */
int prove_loaded(const struct attempt *a, struct proof_policy *p, struct automaton *new_);

/*
 * Nothing that a patch says of itself is believed: what its files are, what may change, whom it reaches. Is every
 * policy that could read a file of the patch one of those that are compared? ERR_REFUSED names it. *others are policies
 * that are not loaded at boot, and are to be compared, too.
 */
int prove_check_reach(const struct patch *patch, const struct policy ***others, size_t *other_count,
		      struct arena *arena, struct err *err);

#endif
