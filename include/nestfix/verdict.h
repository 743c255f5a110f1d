/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verdict: one answer a container. Will the program run in it, now and from its next start on, and what is to be done?
 *
 * Now is what binds it while it runs: the policy in force. Its next start is what will be written then, or worn: the
 * text that liblxc makes (nextstart.h), the one that a daemon writes anew, or the profile of a file. Each is asked for
 * the conflict's accesses and for everything else that the program needs (obstacle.h).
 *
 * Who counts: a container that the conflict stops and nothing else would, and one that is meant for the program, for it
 * asks for nesting, runs it, or was named. All others are left in peace: nobody is told to open a database's profile.
 */
#ifndef NESTFIX_VERDICT_H
#define NESTFIX_VERDICT_H

#include <nestfix/lasting.h>
#include <nestfix/obstacle.h>

/* From good to bad. */
enum verdict_word {
	VERDICT_NONE, /* now: it does not run; next: it never starts */
	VERDICT_WORKS,
	VERDICT_UNFIT, /* not set up for the program: its profile refuses what that needs, and nothing asks for more */
	VERDICT_OFF,   /* AppArmor does not confine it */
	VERDICT_UNKNOWN, /* `why` */
	VERDICT_STOPPED, /* by a rule, or by a need that is refused */
};

struct verdict_answer {
	enum verdict_word word;
	bool ruled;        /* one of the conflict's accesses is denied, whatever else is */
	bool unloaded;     /* its file is cured, but the kernel holds another policy */
	bool fixed;        /* no edit can cure the rule */
	bool broken;       /* UNKNOWN: something else keeps it from starting */
	struct slice rule; /* the text of the first rule that denies it, or empty */
	const char *place; /* "FILE:LINE" of it, or of the line that switches AppArmor off; NULL: in no file */
	const struct conflict_need *need;        /* the first that is refused, or NULL */
	const struct automaton_profile *profile; /* that was asked; NULL: none could be */
	const char *cure;                        /* WORKS: what cured it, "FILE:LINE" or words; or NULL */
	const char *why;                         /* UNKNOWN */
};

/* The one thing to do about it. */
enum verdict_advice {
	VERDICT_NOTHING,
	VERDICT_FIX,
	VERDICT_RELOAD,  /* fix --reload: file and kernel differ */
	VERDICT_NESTING, /* switch nesting on, by the means of its kind; LXC: with a generated profile */
	VERDICT_LINE,    /* Proxmox: take the hand-set profile (`line`) out, nesting on */
	VERDICT_PROFILE, /* fix --profile-for */
	VERDICT_INCLUDE, /* its configuration does not read the drop-in's folder */
	VERDICT_RESET,   /* its `line` takes back what the drop-in gives */
	VERDICT_UPDATE,  /* Incus, LXD: a version that is cured; until then fix cures what runs */
	VERDICT_HARDEN,  /* AppArmor on again */
	VERDICT_LOOK,    /* explain: no one remedy is known */
};

struct verdict {
	const struct container *container;
	bool named;  /* the user named it */
	bool counts; /* for headline and exit status */
	struct verdict_answer now, next;
	enum verdict_advice advice;
	const struct lxc_place *line; /* VERDICT_LINE, VERDICT_RESET, and where AppArmor is off or hidden: the line that
					 does it */
};

struct verdicts {
	struct verdict *list; /* by container, as the host's list; ordinary users' stopped ones are left out */
	size_t count;
	struct verdict *fresh;   /* what a new container would wear; NULL: nobody can tell, or containers were named */
	size_t failing, unknown; /* of those that count */
	size_t users;            /* containers of ordinary users that were left out */
	const struct policy_profile **unworn; /* profiles with the rule that nobody wears; each once */
	size_t unworn_count;
	bool whole;                         /* there is a container, so that profiles that nobody wears do not count */
	const struct locate_opened *opened; /* a rule that somebody commented out, so that more than this is open; or
					       NULL */
};

/*
 * Judges every container that was asked about. The site's finding must be of all its policies; finding.obstacles may be
 * NULL. `sample` is a generated text for want of any other. -1 only where there is no parser.
 */
int verdict_judge(struct verdicts *out, const struct site *site, const struct finding *finding, struct judge *judge,
		  struct slice sample, struct arena *arena, struct err *err);

/* What a container's next start would bring, were its configuration another: `next` alone is filled. */
int verdict_foresee(struct verdict *out, const struct site *site, const struct finding *finding, struct judge *judge,
		    struct slice sample, const struct container *after, struct arena *arena, struct err *err);

/* The worse of its two answers. */
const struct verdict_answer *verdict_worst(const struct verdict *v);

/* Is something found: does a container that counts not run the program, or does nobody know? */
bool verdict_is_found(const struct verdicts *v);

#endif
