/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lasting: what a container's next start brings, and the drop-in that makes a cure of generated profiles last.
 */
#ifndef NESTFIX_LASTING_H
#define NESTFIX_LASTING_H

#include <nestfix/compile.h>
#include <nestfix/rewrite.h>

enum lasting {
	LASTING_FILE,     /* its profile is a file: what that says, holds */
	LASTING_DROPIN,   /* generated; our drop-in cures it */
	LASTING_UPSTREAM, /* generated; the liblxc on disk does not write the rule, with nesting on */
	LASTING_BLOCKED,  /* generated, and nothing cures it */
	LASTING_DAEMON,   /* Incus and LXD: their daemon writes it; what stands there tells */
	LASTING_NONE,     /* no AppArmor: unconfined, unchanged, or its configuration cannot be read */
};

/* What the next start of a container brings, for all scopes asked about. */
enum lasting lasting_of(const struct site *site, const struct container *container,
			const struct conflict_scope *const *scopes, size_t count);

/* Does a container that was asked about need the drop-in, in these scopes? */
bool lasting_is_needed(const struct site *site, const struct finding *finding);

/*
 * Adds the drop-in to a patch where it is needed and not there. *note says why it cannot be placed, or stays NULL; the
 * running containers are cured all the same. `sample` is a generated text to try it on. Fails only where the parser
 * does not answer.
 */
int lasting_plan(struct patch *patch, const struct compiler *compiler, struct slice sample, const char **note,
		 struct arena *arena, struct err *err);

/*
 * Is the drop-in on disk of no use any more? It is ours, the liblxc on disk writes no rule for any container of the
 * host, and none that runs has the rule but the kernel. Where a configuration cannot be read, it is not.
 */
bool lasting_is_over(const struct site *site, const struct finding *finding);

/* Adds to a patch that the drop-in is taken away. */
void lasting_retire(struct patch *patch, struct arena *arena);

/*
 * Is the drop-in on disk one that the present parser refuses, so that no container starts? That comes of a parser that
 * was downgraded since. 1, 0; -1 where the parser does not answer.
 */
int lasting_is_dangerous(const struct site *site, const struct compiler *compiler, struct arena *arena,
			 struct err *err);

#endif
