/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * harden: containers whose AppArmor was switched off to get round the conflict, and what switches it on again. Pure.
 *
 * Two workarounds are known: `lxc.apparmor.profile = unconfined`, and something (/dev/null) bound over
 * sys/module/apparmor/parameters/enabled. Exactly their lines are taken out of the container's own configuration; in
 * VMID.conf neither snapshots nor pending changes are touched. A line in an included file may serve other containers,
 * too: it is only told.
 */
#ifndef NESTFIX_HARDEN_H
#define NESTFIX_HARDEN_H

#include <nestfix/config.h>
#include <nestfix/lasting.h>

enum harden_kind { HARDEN_UNCONFINED, HARDEN_HIDDEN };

struct harden_line {
	enum harden_kind kind;
	struct lxc_place place;
	struct slice text; /* key and value, as the format sees them */
	bool own;          /* in the container's own configuration, so that it can be taken out */
};

/* What a container's next start would bring without these lines. */
enum harden_state {
	HARDEN_CURED,      /* a profile in which the conflict is cured */
	HARDEN_UNCURED,    /* a profile that still has the rule: runc would stop there */
	HARDEN_STILL_OFF,  /* an included file switches it off as well */
	HARDEN_NO_PROFILE, /* a profile that no policy file defines: the container would not start */
	HARDEN_REFUSED,    /* its configuration may not be changed now, or it would be the worse for it: `why` */
	HARDEN_UNBLAMED, /* nothing says that it was switched off because of the conflict; `why`: what it would lose */
};

struct harden {
	const struct container *container;
	struct harden_line *lines;
	size_t line_count;
	enum harden_state state;
	struct slice profile;   /* by name, that its next start would have */
	const char *why;        /* HARDEN_REFUSED, HARDEN_UNBLAMED, else NULL */
	const char *refused;    /* HARDEN_UNBLAMED: harden_refused */
	bool broken;            /* HARDEN_UNBLAMED, and it would not start with AppArmor on: that is `why` */
	bool generated;         /* it gets a generated profile, with nesting */
	struct patch_file file; /* without edits where nothing can be taken out */
};

/* The workarounds of a container; `text` is its configuration file. False: it has none. */
bool harden_find(struct harden *out, const struct container *container, struct slice text, struct arena *arena);

/*
 * The other way for a container of LXC's whose own lines leave a profile that refuses the program: without them, and
 * with a generated profile and nesting. False: not for this kind.
 */
bool harden_generate(struct patch_file *out, const struct container *container, struct slice text, struct arena *arena);

/*
 * The container as its next start would have it with another text of its configuration file. Its own raw lines keep the
 * places that they have now.
 */
int harden_after(struct container *out, const struct container_host *host, const struct root *root,
		 const struct container *container, struct slice text, const struct policy_reader *reader,
		 struct arena *arena, struct err *err);

/* What that start brings. */
enum harden_state harden_judge(const struct site *site, const struct finding *finding, const struct container *after);

/* What its configuration gives it that a profile may take away again, in words: "/dev/kmsg, all devices"; or empty. */
const char *harden_uses(const char *path, struct slice text, struct arena *arena);

/* Sysctls of this kernel as a whole that programs in such containers are known to set, and that its profile would
 * refuse: "kernel.panic, vm.overcommit_memory"; or empty. The root of an unprivileged container may set none of them
 * anyhow (kernel/sysctl.c test_perm). */
const char *harden_refused(const struct container *container, const struct automaton_profile *profile,
			   struct arena *arena);

/* What would switch AppArmor off again, though it is on. */
struct harden_again {
	const struct container *container;
	const char *what; /* "snapshot 'before'", "hookscript local:snippets/x" */
	struct lxc_place place;
	struct slice text; /* of the line */
};

enum { HARDEN_SCRIPT_LIMIT = 64 << 10 }; /* bytes of a script that are looked at */

/*
 * A snapshot, to which the container may be rolled back, that holds one of the workarounds, and a script that runs at
 * its start and speaks of AppArmor: one each, by its first such line. `text` is its configuration. A file that cannot
 * be read, or that others may write, tells nothing. Returns how many.
 */
size_t harden_again(struct harden_again **out, const struct container_host *host, const struct container *container,
		    struct slice text, const struct policy_reader *reader, struct arena *arena);

/* Why Proxmox' rules forbid to change its configuration now (a lock, no quorum, …), or NULL. */
const char *harden_forbidden(const struct container_host *host, const struct container *container, struct arena *arena);

#endif
