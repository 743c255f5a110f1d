/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nextstart: the text that liblxc will write for a container at its next start.
 *
 * What a container wears after its next start stands in no file: liblxc makes it then (lsm/apparmor.c
 * get_apparmor_profile_content), out of texts of its own and the raw lines of the configuration, the drop-in's among
 * them. It is made here in the same way, out of the same texts: those in the data of the installed library.
 *
 * The library is believed where what it makes agrees with what the running containers were given. Where it cannot be
 * read so, or does not agree, a text that liblxc wrote stands in for it, with its raw lines exchanged; where there is
 * none, a sample. `base` says which.
 */
#ifndef NESTFIX_NEXTSTART_H
#define NESTFIX_NEXTSTART_H

#include <nestfix/discover.h>

enum { NEXTSTART_OPTIONS = 8, NEXTSTART_TARGETS = 64 };

/* The texts in a liblxc.so that a profile is put together from. */
struct nextstart_library {
	struct slice head, flags; /* before and behind the profile's name */
	struct slice base;
	struct slice denies; /* LXC's ladder; empty where it is part of the base: a library that is not cured */
	struct slice stacking, nesting, unprivileged;
	struct slice options[NEXTSTART_OPTIONS], targets[NEXTSTART_TARGETS]; /* of the rules for remounting */
	size_t option_count, target_count;
	bool denies_binfmt; /* to a privileged container, by a rule of its own: since 7.0 */
};

/* Finds them. False where one is missing, there twice, or not as it should be; *out is then zeroed. All slices look
 * into the bytes, which may be hostile. */
bool nextstart_library(struct nextstart_library *out, struct slice bytes);

/* What tells one profile from another. */
struct nextstart_kind {
	bool nesting, unprivileged, stacking;
};

/* That of a generated text. */
struct nextstart_kind nextstart_kind(struct slice text);

/* The whole text; `raw` are its raw lines in their order. */
void nextstart_write(const struct nextstart_library *library, struct slice name, struct slice lxcpath,
		     struct nextstart_kind kind, const struct lxc_list *raw, struct buf *out);

/* A text that was generated for a container that runs, and what it says of its settings. */
struct nextstart_given {
	const struct site_policy *policy;
	struct nextstart_kind kind;
};

/* What next starts are made from, on one host. */
struct nextstart {
	const struct site *site;
	struct arena *arena;
	struct slice sample; /* a generated text, for want of any other */
	struct nextstart_library library;
	bool has_library; /* it was found, read and agrees with what runs */
	const char *why;  /* why not; NULL where it is believed */
	bool stacking;    /* containers have policy namespaces of their own */
	struct nextstart_given *given;
	size_t given_count;
	struct nextstart_cache *cache;
};

void nextstart_open(struct nextstart *out, const struct site *site, struct slice sample, struct arena *arena);

/*
 * A container's configuration at its next start, were `dropin` the text of the drop-in; an empty one stands for none.
 * Its raw lines are in the order in which liblxc comes to them, and without what an empty value takes back. Errors are
 * those of lxc_read.
 */
int nextstart_config(struct lxc_config *out, struct nextstart *n, const struct container *c, struct slice dropin,
		     struct err *err);

enum nextstart_base {
	NEXTSTART_LIBRARY, /* made of the library's texts */
	NEXTSTART_OWN,     /* the text that it runs with, with these raw lines */
	NEXTSTART_OTHER,   /* that of a container with the same settings */
	NEXTSTART_SAMPLE,
};

/* The text for a container whose profile liblxc generates; *base tells what stood behind it. Empty: there is none. */
struct slice nextstart_text(const struct nextstart *n, const struct container *c, const struct lxc_config *config,
			    enum nextstart_base *base, struct arena *arena);

/*
 * What the text hangs on, but for a plain name of the container: texts with equal keys are alike. A short one where it
 * is made from the library, for a host may have thousands of containers.
 */
struct slice nextstart_key(const struct nextstart *n, const struct container *c, const struct lxc_config *config,
			   struct arena *arena);

/* "the texts in liblxc.so.1", "the profile that it runs with" … */
const char *nextstart_words(enum nextstart_base base);

#endif
