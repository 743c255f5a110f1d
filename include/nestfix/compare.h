/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compare: the difference of two compiled policies, on all strings.
 *
 * Both automata are walked together (product walk, breadth first, so that the first example found is a shortest one).
 * The result is either "equal" or the exact set of strings on which they differ, grouped by what changed. Everything
 * that is not the file class must be the same: profile names, hats, flags, capabilities, rlimits, network tables byte
 * by byte, the DFAs of the other classes (mount, signal, ptrace, unix, dbus, userns, change_profile …) and attachments
 * walk by walk. A state without x says nothing of how x is done, and a file class that is missing is one that
 * allows nothing.
 */
#ifndef NESTFIX_COMPARE_H
#define NESTFIX_COMPARE_H

#include <nestfix/automaton.h>
#include <nestfix/re.h>

enum compare_kind {
	COMPARE_FILE, /* permissions on paths changed, or on the names of profiles to change to */
	COMPARE_LINK, /* permissions on a pair path NUL target changed: link rules, change_profile with an exec path */
	COMPARE_LOGGING, /* only auditing or quieting of strings with a NUL changed; no access differs */
	COMPARE_CLASS,   /* a class other than file: mount, signal, network … */
	COMPARE_FIELD,   /* flags, capabilities, rlimits, … : `what` names the field */
	COMPARE_ADDED,   /* a profile or hat that the old policy has not */
	COMPARE_LOST,    /* … that the new policy has not */
};

/* One distinct change of one profile: the strings on which the permissions go from `from` to `to`. */
struct compare_change {
	enum compare_kind kind;
	struct slice profile;
	const char *what;                /* COMPARE_CLASS, COMPARE_FIELD: "mount", "flags", … ; else NULL */
	struct automaton_perms from, to; /* at the example; not for COMPARE_FIELD, COMPARE_ADDED, COMPARE_LOST */
	/*
	 * A shortest string; of a change that only its paths keep from being allowed, a shortest one outside the
	 * exemption. May hold a NUL for COMPARE_LINK and COMPARE_LOGGING; begins with the number of the class for
	 * COMPARE_CLASS; empty for the rest.
	 */
	struct slice example;
	struct slice pattern; /* COMPARE_FILE: all its strings as an AppArmor pattern; empty where no pattern says it */
	bool allowed;         /* inside the exemption given to compare_automata; always so for COMPARE_LOGGING */
};

struct comparison {
	struct compare_change *changes;
	size_t count;
	bool equal;   /* no change at all, COMPARE_LOGGING apart */
	bool allowed; /* every change lies inside the exemption, COMPARE_LOGGING apart */
};

/* What may change: the bits `perms` on the paths of `paths`. Zeroed: nothing may. */
struct compare_exemption {
	const struct re *paths;
	uint32_t perms; /* PERM_*; PERM_W covers PERM_A, which every w rule carries */
};

/*
 * Compares. Profiles are matched by name and namespace. ERR_FAILED where a walk would exceed its limit of state pairs
 * (told in the text); then nothing is known. Changes stand in order of profile, kind, example.
 */
int compare_automata(struct comparison *out, const struct automaton *old, const struct automaton *new_,
		     const struct compare_exemption *exemption, struct re_pool *pool, struct arena *arena,
		     struct err *err);

/* "w denied → allowed (user, other)": the difference of two permissions in words, for people. */
void compare_words(const struct compare_change *change, struct buf *out);

#endif
