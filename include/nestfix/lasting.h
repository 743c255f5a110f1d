/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lasting: what a container's next start brings, and the drop-in that makes a cure of generated profiles last.
 *
 * Every container reads the drop-in, and a rule in it that has a priority beats whatever the container's own raw lines
 * deny. So it holds rules only where no container loses a deny of its own by them; else a hook, which changes nothing
 * but the rule that is the cause, and leaves all others of that container alone.
 */
#ifndef NESTFIX_LASTING_H
#define NESTFIX_LASTING_H

#include <nestfix/compare.h>
#include <nestfix/compile.h>
#include <nestfix/nextstart.h>
#include <nestfix/rewrite.h>

enum lasting {
	LASTING_FILE,     /* its profile is a file: what that says, holds */
	LASTING_DROPIN,   /* generated; our rules or our hook, in the drop-in or elsewhere, cure it */
	LASTING_UPSTREAM, /* generated; the liblxc on disk does not write the rule, with nesting on */
	LASTING_BLOCKED,  /* generated, and nothing cures it */
	LASTING_DAEMON,   /* Incus and LXD: their daemon writes it; what stands there tells */
	LASTING_NONE,     /* no AppArmor: unconfined, unchanged, or its configuration cannot be read */
};

/* What the next start of a container brings, for all scopes asked about: by the lines of its configuration that are in
 * force then, so that one which takes back what stood before it counts. */
enum lasting lasting_of(const struct site *site, const struct container *container,
			const struct conflict_scope *const *scopes, size_t count);

/* Does a container that was asked about, or one that will be made, need the drop-in, in these scopes? */
bool lasting_is_needed(const struct site *site, const struct finding *finding);

/* A deny of a container's own that rules with a priority would take away. */
struct lasting_loss {
	const struct container *container; /* NULL: there is none */
	const struct lxc_setting *line;    /* NULL: which lines it has is not known */
	struct slice path;                 /* that it denies */
	bool unlisted;                     /* there may be containers that nobody knows of */
	bool unordered;                    /* LXC reads the files of a folder as they come, and that decides */
};

/* "container 'adm' denies '/sys/net/ipv4/ip_forward' itself (/var/lib/lxc/adm/config:11: deny …)" */
const char *lasting_loss_words(const struct lasting_loss *loss, struct arena *arena);

/*
 * Adds the drop-in to a patch where it is needed and not there, or where another form of it is the right one by now.
 * *note says why it cannot be placed (the running containers are cured all the same), or stays NULL. `sample` is a
 * generated text to try it on where there is no other. Fails only where the parser does not answer.
 */
int lasting_plan(struct patch *patch, const struct compiler *compiler, struct slice sample, const char **note,
		 struct arena *arena, struct err *err);

/*
 * Is the drop-in on disk of no use any more? It is ours, the liblxc on disk writes no rule for any container of the
 * host, and none that runs has the rule but the kernel. Where a configuration cannot be read, it is not.
 */
bool lasting_is_over(const struct site *site, const struct finding *finding);

/* Adds to a patch that our lines are taken out of the drop-in, and that it goes where nothing else stands in it. */
void lasting_retire(struct patch *patch, struct arena *arena);

/*
 * Is the drop-in on disk one that the present parser refuses, so that no container starts? That comes of a parser that
 * was downgraded since. 1, 0; -1 where the parser does not answer.
 */
int lasting_is_dangerous(const struct site *site, const struct compiler *compiler, struct arena *arena,
			 struct err *err);

/* Do rules in the drop-in on disk take away what a container denies itself, by a line that came later? 1 with *loss, 0,
 * -1. */
int lasting_takes(const struct site *site, const struct compiler *compiler, struct lasting_loss *loss,
		  struct arena *arena, struct err *err);

/* What the raw lines of a configuration deny by themselves; our own rules do not count. */
struct lasting_own {
	const struct automaton_profile *all;    /* allows all but that; NULL: no line can deny anything */
	const struct automaton_profile *given;  /* allows what the scopes give back, and nothing else */
	const struct automaton_profile **marks; /* one a line: allows all but what that line denies */
	const struct lxc_setting **lines;
	size_t count;
};

/* -1: the parser refuses the lines (compile_is_refusal), or does not answer. */
int lasting_own(struct lasting_own *out, const struct site *site, const struct compiler *compiler,
		const struct lxc_config *config, const struct conflict_scope *const *scopes, size_t count,
		struct arena *arena, struct err *err);

/* Does a profile allow something of what they deny? 1 with line and path of *loss, 0, -1. */
int lasting_is_lost(struct lasting_loss *loss, const struct lasting_own *own, const struct automaton_profile *profile,
		    uint32_t perms, struct re_pool *pool, struct arena *arena, struct err *err);

/* Does one of them deny this path? */
bool lasting_denies(const struct lasting_own *own, struct slice path, uint32_t perms);

#endif
