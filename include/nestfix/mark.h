/* SPDX-License-Identifier: GPL-2.0-or-later */
// mark: what stands in place of a rule that a change has split, and what stood there before. Pure.
//
//     # aa-nestfix: CONFLICT, was: deny /sys/[^fdc]*{,/**} wklx,
//     deny /sys/[^fdc]*{,/**} klx,
//     deny /sys/{[^fdcn]*,n{,e},n[^e]*,ne[^t]*,net?*}{,/**} w,
//
// The comment names the original rule, so that the lines below it can be planned anew, with any scopes, or taken out:
// what is in force is a set of scopes, and the text is the same whatever the order of the changes that led to it.
// Which scopes those are is read from the rules themselves.
#ifndef NESTFIX_MARK_H
#define NESTFIX_MARK_H

#include <nestfix/conflict.h>
#include <nestfix/doc.h>

/* The comment begins with this. */
#define MARK_START "# aa-nestfix: "

/* A rule as it stands, or stood, without a mark. */
struct mark_rule {
	struct slice text;       /* all of it, on one line */
	struct slice qualifiers; /* "audit deny", on one line */
	struct slice path, perms;
	struct aare aare; /* of the path */
};

/* How new lines are laid out: as the lines around them are. */
struct mark_layout {
	struct slice eol, indent;
};

struct mark {
	struct span span;      /* from the comment to the last of our rules */
	size_t line;           /* of the comment */
	struct mark_rule rule; /* the original one; without path where it cannot be read */
	/*
	 * False: the lines below the comment are not those that a set of scopes makes of the rule; somebody edited
	 * them. The span is that of the comment alone, then.
	 */
	bool intact;
	const struct conflict_scope **scopes; /* given back, in the order of the conflict */
	size_t scope_count;
};

/*
 * The marks of a conflict, in order. Marks on lines that another mark explains (an earlier release split its own lines
 * once more) are part of that one. -1: a pattern is too large.
 */
int mark_find(const struct doc *doc, const struct conflict *conflict, struct re_pool *pool, struct arena *arena,
	      struct mark **marks, size_t *count, struct err *err);

/* The mark that a place lies in, or NULL. */
const struct mark *mark_at(const struct mark *marks, size_t count, struct span place);

bool mark_covers(const struct mark *mark, const struct conflict_scope *scope);

/* Indentation of a place's line, and the line end that the file uses there. */
struct mark_layout mark_layout(struct slice text, struct span place);

/* The rule of a statement, whose path was expanded and parsed by the caller. */
struct mark_rule mark_rule(struct slice text, const struct stmt *stmt, const struct aare *aare, struct arena *arena);

/* The same of a file rule that needs no profile around it to be understood; false where it is none. */
bool mark_read(struct mark_rule *out, struct slice text, const struct stmt *stmt, struct re_pool *pool,
	       struct arena *arena);

/* Does the rule speak of one of the scope's own accesses? Only such a one is split for the scope's sake. */
bool mark_meets(const struct mark_rule *rule, const struct conflict_scope *scope, struct re_pool *pool);

/*
 * The text that takes the rule's place: the comment, the rule without the letters that are given back, and one that
 * keeps them on all other paths. Scopes that the rule does not touch make no difference; where none does, the text is
 * the rule's. ERR_REFUSED where the rest cannot be written as a pattern.
 */
int mark_write(const struct mark_rule *rule, const struct conflict *conflict,
	       const struct conflict_scope *const *scopes, size_t count, struct mark_layout layout,
	       struct re_pool *pool, struct arena *arena, struct slice *out, struct err *err);

/* The edits by which a text without marks, a generated profile, gives back scopes: each deny rule that speaks of one of
 * them is split. */
int mark_edits(const struct doc *doc, const struct conflict *conflict, const struct conflict_scope *const *scopes,
	       size_t count, struct re_pool *pool, struct arena *arena, struct edit **edits, size_t *edit_count,
	       struct err *err);

/* Appends the text with these edits. */
int mark_text(struct slice text, const struct conflict *conflict, const struct conflict_scope *const *scopes,
	      size_t count, struct re_pool *pool, struct arena *arena, struct buf *out, struct err *err);

#endif
