/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy: a policy file with all that it includes, as the profiles and ordered file rules in force.
 *
 * Includes, variables, aliases, conditionals and qualifier blocks mean here what they mean to apparmor_parser (sources:
 * parser_include.c, parser_variable.c, parser_alias.c, parser_yacc.y). Files come from a reader, so that the room stays
 * pure: bytes in, values out.
 *
 * Calling order: policy_sources_init once a run; policy_read for each top-level file; policy_prepare for each profile
 * that is asked about; policy_decide, any number of times.
 */
#ifndef NESTFIX_POLICY_H
#define NESTFIX_POLICY_H

#include <nestfix/aare.h>
#include <nestfix/automaton.h>
#include <nestfix/doc.h>

enum policy_found {
	POLICY_MISSING,
	POLICY_FILE,
	POLICY_DIR,
	POLICY_DEVICE, /* apparmor_parser opens it, and passes it over */
	POLICY_ELSE,   /* a FIFO, a socket */
};

/* Where bytes come from. Paths are absolute, below the root. Returns -1 with err on trouble. */
struct policy_reader {
	void *ctx;
	/* Sets what the path is; for a file its bytes, for a directory its entry names (sorted, unfiltered). */
	int (*read)(void *ctx, const char *path, enum policy_found *found, struct slice *bytes, struct slice **names,
		    size_t *count, struct arena *arena, struct err *err);
};

/* One file that was read; each is read and parsed once a run. */
struct policy_source {
	const char *path; /* absolute, below the root; "<stdin>" or a generated profile's name are possible */
	struct doc doc;
};

struct policy_sources;

struct policy_dialect {
	const char *base;          /* "/etc/apparmor.d" */
	const char *const *search; /* further directories (-I), searched before the base; NULL-terminated, or NULL */
	bool include_every_time;   /* 2.13: no include cache, other implied rules; false is 3.0 and later */
};

struct policy_sources *policy_sources_new(const struct policy_reader *reader, const struct policy_dialect *dialect,
					  struct arena *arena);

/* Files that stand in front of those of another set: what was not put into it is looked up there. */
struct policy_sources *policy_sources_over(struct policy_sources *under, struct arena *arena);
void policy_sources_put(struct policy_sources *sources, const char *path, struct slice bytes);

/* One file of the set, read now if it was not before. NULL with err where it is none. */
const struct policy_source *policy_source(struct policy_sources *sources, const char *path, struct err *err);

/* Is this the name of a file that apparmor_parser skips in a directory (dotfiles, README, .dpkg-*, ~ …)? libapparmor's
 * _aa_is_blacklisted(). */
bool policy_is_skipped(struct slice name);

/* How a rule came in: the include statement, and how its file came in. NULL: the top-level file itself. */
struct policy_via {
	const struct policy_source *source;
	const struct stmt *include;
	const struct policy_via *up;
};

enum policy_fixed { /* why a rule's text cannot be replaced on its own */
		    POLICY_EDITABLE = 0,
		    POLICY_IN_CONDITIONAL,
		    POLICY_IN_BLOCK,
		    POLICY_BY_VARIABLE, /* its path holds a variable */
		    POLICY_BY_ALIAS,    /* it is a copy made by an alias */
		    POLICY_IMPLIED,     /* apparmor_parser adds it for hats or change_profile; stmt is the cause */
};

struct policy_rule {
	const struct policy_source *source;
	const struct stmt *stmt;
	const struct policy_via *via;
	bool deny, audit, prompt;
	bool owner, other; /* neither: both halves */
	int priority;
	uint32_t perms;       /* PERM_*; `w` brings PERM_W and PERM_A, ix does not bring PERM_M, see `inherit` */
	bool inherit;         /* its x is ix, pix or cix: where that x wins, m is allowed, too */
	struct slice pattern; /* decoded, variables expanded, before aare */
	struct slice target;  /* RULE_LINK: its target pattern; file rules: exec target; or empty */
	bool is_link; /* target belongs to its PERM_L: `link A -> B`, `l A -> B`, from 4.1.8 on also `A l -> B` */
	enum policy_fixed fixed;
	struct aare aare; /* zeroed until policy_prepare */
};

struct policy_profile {
	struct slice name;       /* full: "parent//child" */
	struct slice attachment; /* variables expanded; a name that is a path is one, too; or empty */
	struct slice flags;
	const struct policy_source *source; /* where its header stands */
	const struct stmt *stmt;
	const struct policy_via *via;
	struct policy_rule *rules; /* file and link rules, in order of appearance, includes in place */
	size_t rule_count;
	const struct stmt **others; /* rules of the other classes in force, in order (mount, signal, …) */
	size_t other_count;
	bool prepared;
};

struct policy {
	const char *path; /* of the top-level file */
	struct policy_profile *profiles;
	size_t count;
	const struct policy_source **sources; /* every file read for it, the top-level one first */
	size_t source_count;
	struct policy_sources *from; /* where they came from; NULL: they were put together by hand */
};

/*
 * Reads a top-level file and all its includes. ERR_FAILED with file, line, column: missing include, include loop (the
 * chain is told), undefined variable, broken syntax (doc.broken), bad conditional; whatever apparmor_parser refuses
 * about rules that this room understands. ERR_REFUSED from the reader is passed on.
 */
int policy_read(struct policy *out, struct policy_sources *sources, const char *path, struct arena *arena,
		struct err *err);

/* The same for a text that is no file: a generated profile. `name` is for messages and origins. */
int policy_read_text(struct policy *out, struct policy_sources *sources, const char *name, struct slice text,
		     struct arena *arena, struct err *err);

/* A file, folder or device that apparmor_parser would open by this path. */
struct policy_part {
	const char *path; /* without "//" and "/./" */
	enum policy_found found;
	const struct policy_source *source; /* POLICY_FILE */
};

struct policy_reach {
	struct policy_part *parts; /* the top-level file first; each path once */
	size_t count;
	const struct err *trouble; /* the first that could not be read or followed; NULL: these are all */
};

/*
 * Everything that apparmor_parser could open for a top-level file or text: what its include and abi statements name,
 * in whatever branch they stand, and what those files name in turn. With a `trouble` there may be more, and what that
 * would be nobody knows.
 */
void policy_reach(struct policy_reach *out, struct policy_sources *sources, const struct policy_source *top,
		  struct arena *arena);

/* The name that an include or abi statement gives, decoded as the parser does. */
struct slice policy_include_name(const struct stmt *stmt, struct arena *arena);

/* Compiles the patterns of a profile. Once; a second call does nothing. */
int policy_prepare(struct policy_profile *profile, struct re_pool *pool, struct arena *arena, struct err *err);
void policy_release(struct policy *policy); /* the PCRE2 programs */

struct policy_profile *policy_find(const struct policy *policy, struct slice name);

struct policy_verdict {
	bool allowed;                       /* all bits asked, in the half asked */
	const struct policy_rule *rule;     /* what decides: the deny rule, the allow rule, or NULL: no rule matches */
	const struct policy_rule **deniers; /* every rule that denies one of the bits at the deciding priority */
	size_t denier_count;
};

/*
 * Decides an access: for each bit the matching rules of the highest priority that name it count, deny before allow
 * (hfa.cc pri_update_perm). `without` (or NULL) is left out: the counterfactual. half: AUTOMATON_USER or
 * AUTOMATON_OTHER. The profile must be prepared. PERM_L is decided as for a link from this path to some target: an
 * allow counts whatever its target, a deny only if it has none. Rules that come from the statement of `without` (copies
 * made by aliases) are left out with it. A bit that a prompt rule decides is not allowed.
 */
void policy_decide(struct policy_profile *profile, struct slice path, uint32_t perms, int half,
		   const struct policy_rule *without, struct policy_verdict *out, struct arena *arena);

#endif
