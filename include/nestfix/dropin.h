/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dropin: the file that makes a cure of generated profiles last. Pure.
 *
 * liblxc writes a generated profile anew at each start, so no edit of it lasts. What lasts is one file in the folder
 * that every container's configuration includes: with a parser that knows `priority=` lines of lxc.apparmor.raw, which
 * liblxc copies into the profile, else an lxc.hook.start-host, which cures the loaded profile before init runs. A line
 * there that the parser refuses stops every container of the host: prove.h tries each before it is placed.
 */
#ifndef NESTFIX_DROPIN_H
#define NESTFIX_DROPIN_H

#include <nestfix/conflict.h>

#define DROPIN_DIR "/usr/share/lxc/config/common.conf.d"
#define DROPIN_NAME "60-aa-nestfix.conf"
#define DROPIN_PATH DROPIN_DIR "/" DROPIN_NAME

/* The installed program, which the hook calls. */
#ifndef NESTFIX_PROGRAM
#define NESTFIX_PROGRAM "/usr/sbin/aa-nestfix"
#endif

enum dropin_mode {
	DROPIN_NONE,       /* there is no drop-in, or none of our lines in it */
	DROPIN_PRIORITY,   /* lxc.apparmor.raw = priority=1 … */
	DROPIN_HOOK,       /* lxc.hook.start-host = … hook lxc */
	DROPIN_UNREADABLE, /* there is one, and nobody knows what stands in it */
};

struct dropin {
	enum dropin_mode mode;
	struct slice text;
	const struct conflict_scope **scopes; /* that its lines give back */
	size_t scope_count;
	bool shared; /* lines that are not ours stand in it, too */
};

/*
 * The whole file, as this program alone would write it. A line of the file is ours if it stands so in what this writes
 * for the conflict, in any mode and for any scopes; every other line is somebody else's, and is never dropped, whoever
 * changes or takes away the file.
 */
void dropin_text(enum dropin_mode mode, const struct conflict *conflict, const struct conflict_scope *const *scopes,
		 size_t count, struct buf *out);

/*
 * The same put into a text that is there: our lines go, and what dropin_text writes takes the place of the first, or
 * the end; all others stay as they are. DROPIN_NONE takes ours out. Empty: nothing is left of the file.
 */
void dropin_write(struct slice old, enum dropin_mode mode, const struct conflict *conflict,
		  const struct conflict_scope *const *scopes, size_t count, struct buf *out);

/* Permissions as a rule's letters. */
void dropin_letters(uint32_t perms, struct buf *out);

/* The rules alone, on one line: "priority=1 allow PATTERN w, …". */
void dropin_rules(const struct conflict_scope *const *scopes, size_t count, struct buf *out);

/* Is it one of those rules, of any scope? */
bool dropin_is_rule(struct slice rule, const struct conflict *conflict);

/* Does this line of a configuration (the value of lxc.apparmor.raw, of lxc.hook.start-host) give back the scope, or a
 * part of it? Whoever wrote it, and wherever it stands. */
bool dropin_rule_gives(struct slice rule, const struct conflict_scope *scope, size_t pattern);
bool dropin_hook_gives(struct slice hook, const struct conflict_scope *scope);

/* Reads one back. A scope counts if all that gives it back stands there. */
void dropin_read(struct dropin *out, struct slice text, const struct conflict *conflict, struct arena *arena);

/* Does it still speak of us, or of priorities, though no line stands as this program writes it? Somebody edited ours.
 */
bool dropin_is_edited(const struct dropin *dropin);

bool dropin_covers(const struct dropin *dropin, const struct conflict_scope *scope);

/* The generated text as liblxc would write it with the drop-in's raw lines: each before its last brace (lsm/apparmor.c
 * get_apparmor_profile_content). False: the text has no brace. */
bool dropin_apply(struct slice generated, struct slice dropin, struct buf *out);

/* Takes those lines out of a generated text again. */
void dropin_strip(struct slice generated, struct slice dropin, struct buf *out);

#endif
