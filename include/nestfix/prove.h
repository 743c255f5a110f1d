/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prove: patch → proof. Old and new policy are compiled and compared on all strings.
 *
 * Of generated texts that are equal but for a plain container name, one is compared for all; the new policy of each of
 * the others is compiled, and its witnesses are asked.
 *
 * A struct proof can be made only here, and commit takes nothing else: an unproved change cannot be written.
 */
#ifndef NESTFIX_PROVE_H
#define NESTFIX_PROVE_H

#include <nestfix/compare.h>
#include <nestfix/compile.h>
#include <nestfix/lasting.h>
#include <nestfix/rewrite.h>

struct proof_policy {
	const struct policy *policy;
	/* The old text, compiled; empty where another container's stood for it, or what the kernel holds did. */
	struct slice old_blob, new_blob;
	/*
	 * What loading it changes: what is in force against the new policy. Where the kernel has none of its profiles,
	 * or this is not its root, the old text against the new one.
	 */
	struct comparison comparison;
	const struct loaded_policy *loaded; /* what the kernel holds */
	const char *skipped;                /* why it is not loaded, though all the rest may be done; or NULL */
	const char *assumed; /* what is taken for granted of a policy in force that cannot be read; or NULL */
	bool beyond;         /* only with patch.reload: it changes more than what is given back */
	struct policy_reach old_input, new_input; /* all that the parser read for the two */
};

/* One container's next start, before the change of the drop-in and after it. */
struct proof_start {
	const struct container *container; /* NULL: a container that may be made some day */
	size_t alike;                      /* how many are like it, itself included */
	enum nextstart_base base;          /* what its text was made from */
	const char *why;                   /* why not from the library; NULL: it was */
	struct comparison comparison;
};

struct proof; /* opaque: see prove-internal.h */

/*
 * Where the drop-in changes, the next start of every container that reads it is proved, too: its old text against its
 * new one. Nothing may change there but the scopes, and nothing that the container's own raw lines deny may come back;
 * the error names the line. A hook changes no text: what it will do, it proves itself.
 *
 * What is in force is the kernel's copy, not the text on disk (loaded.h), or what our record says of it (record.h). A
 * file is proved both ways: its old text against the new one, and what the kernel holds. Where the latter is another
 * policy, so that loading the new one would change more, ERR_REFUSED says what; a generated text that it is so of is
 * skipped, and the rest goes on. So is each policy of which nobody knows what the kernel holds: its file is written,
 * and not loaded. patch.reload does both all the same, and what changes is in the comparison.
 *
 * 0: *out holds a proof that each policy with a blocked case changes, and that none changes outside the patch's
 * exemption; that each file's bytes outside its edits are the same; that the witnesses of the finding are allowed in
 * the new policy. -1 ERR_REFUSED: the change is not what it should be; the text holds profile, path and permission of
 * an example. -1 ERR_FAILED: could not be compiled or compared. On -1 *out is NULL, and *policies (where not NULL)
 * still holds what was compared, for the report.
 */
int prove_patch(struct proof **out, const struct patch *patch, const struct compiler *compiler, struct arena *arena,
		struct proof_policy **policies, size_t *policy_count, struct err *err);

const struct patch *proof_patch(const struct proof *proof);
const struct compiler *proof_compiler(const struct proof *proof);
const struct proof_policy *proof_policies(const struct proof *proof, size_t *count);

/* Next starts, those that are equal but for the container's name once. */
const struct proof_start *proof_starts(const struct proof *proof, size_t *count);

#endif
