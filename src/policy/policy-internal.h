/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy-internal: what the files of the room policy share. */
#ifndef NESTFIX_POLICY_INTERNAL_H
#define NESTFIX_POLICY_INTERNAL_H

#include <nestfix/policy.h>

/* Limits against hostile or broken policy; real trees stay far below each of them. */
enum {
	POLICY_MAX_FILES = 10000,
	POLICY_MAX_BYTES = 64 << 20,
	POLICY_MAX_DEPTH = 200,     /* bodies and includes inside each other */
	POLICY_MAX_STEPS = 2000000, /* statements read for one top-level file, included ones each time */
	POLICY_MAX_RULES = 500000,
	POLICY_MAX_VALUES = 10000,    /* values of a variable with all its variables expanded */
	POLICY_MAX_TEXT = 256 * 1024, /* bytes of a pattern with its variables expanded */
};

/* Where in which file, for messages. */
struct policy_place {
	const char *file;
	size_t line, column;
};

#define POLICY_FAIL(err, place, ...) err_at((err), ERR_FAILED, (place).file, (place).line, (place).column, __VA_ARGS__)

static inline struct policy_place policy_stmt_place(const struct policy_source *source, const struct stmt *stmt)
{
	return (struct policy_place){ source->path, stmt->line, stmt->column };
}

struct policy_place policy_text_place(const struct policy_source *source, size_t at);

/* A path that was asked for, read or found missing. One a path, so that pointers can be compared. */
struct policy_entry {
	const char *path;
	enum policy_found found;
	struct policy_source *source; /* POLICY_FILE */
	struct slice *names;          /* POLICY_DIR, sorted */
	size_t name_count;
	unsigned serial; /* the policy that has listed it among its sources */
	struct policy_entry *next;
};

/* Looks a path up, reading it the first time. NULL with err on trouble. */
struct policy_entry *policy_lookup(struct policy_sources *sources, const char *path, struct err *err);

/*
 * What an include or abi statement means: below the search directories for <x>, as given for "/x", from / for a bare
 * x, where the parser is started. POLICY_MISSING where there is nothing; NULL with err where that cannot be told.
 */
struct policy_entry *policy_included(struct policy_sources *sources, const struct stmt *stmt, struct arena *arena,
				     struct err *err);

/* The error of a file whose text is broken; 0 where it is not. */
int policy_check_broken(const struct policy_source *source, struct err *err);

const struct policy_dialect *policy_dialect_of(const struct policy_sources *sources);
unsigned policy_next_serial(struct policy_sources *sources);

struct policy_var {
	struct slice name;
	bool is_boolean, truth;
	VEC(struct slice) values;   /* decoded, not expanded */
	VEC(struct slice) expanded; /* valid in state DONE */
	enum { POLICY_VAR_IDLE, POLICY_VAR_BUSY, POLICY_VAR_DONE } state;
};

struct policy_vars {
	VEC(struct policy_var *) list;
	const struct slice *profile_name; /* value of @{profile_name}, escaped; NULL outside profiles */
	const struct slice *attachment;   /* value of @{attach_path} and @{exec_path}; NULL: none */
	struct arena *arena;
};

struct policy_var *policy_var_find(const struct policy_vars *vars, struct slice name);
int policy_var_assign(struct policy_vars *vars, const struct stmt *stmt, struct policy_place place, struct err *err);
int policy_var_boolean(struct policy_vars *vars, struct slice name, bool truth, struct policy_place place,
		       struct err *err);
void policy_vars_forget(struct policy_vars *vars); /* drops what was expanded, for another profile name */

/* The values of a set variable, all expanded. -1: not defined, a boolean, a loop, too large. */
int policy_var_values(struct policy_vars *vars, struct slice name, struct slice **values, size_t *count,
		      struct policy_place place, struct err *err);

/* Replaces every variable of a decoded text. `found` (or NULL) tells whether there was one. */
int policy_expand(struct policy_vars *vars, struct slice text, struct slice *out, bool *found,
		  struct policy_place place, struct err *err);

/* A profile name as the value of @{profile_name}: its glob characters protected. */
struct slice policy_escape_name(struct slice name, struct arena *arena);

/* Decides a condition. `text` is a part of the source's text. */
int policy_condition(struct policy_vars *vars, const struct policy_source *source, struct slice text, bool *truth,
		     struct err *err);

/* What the qualifiers around a rule say together. */
struct policy_mode {
	bool deny, allow, prompt, audit, owner, other;
};

struct policy_build { /* a profile that is being read */
	struct policy_profile profile;
	struct policy_build *parent;
	struct slice name, ns; /* its own name, decoded; its namespace */
	bool is_hat, has_children;
	struct policy_rule cause; /* source, stmt and via of the first change_profile rule; stmt NULL: none */
	VEC(struct policy_rule) rules;
	VEC(const struct stmt *) others;
};

struct policy_seen { /* which files a body has included: parser/file_cache.h IncludeCache_t */
	VEC(const struct policy_entry *) list;
};

struct policy_alias {
	struct slice from, to;
};

struct policy_reading {
	struct policy_sources *sources;
	struct arena *arena;
	struct err *err;
	struct policy_vars vars;
	VEC(struct policy_alias) aliases;
	VEC(struct policy_build *) builds;
	VEC(const struct policy_source *) files;
	size_t steps, depth, rules;
	unsigned serial;
	bool past_preamble;
};

struct policy_scope {               /* where the reading stands */
	struct policy_build *build; /* NULL: preamble, or a body that is not in force */
	bool in_profile;
	bool live; /* false: a branch not taken; still read, as apparmor_parser does, for its includes and errors */
	bool conditional, block;
	struct policy_seen *seen;
	const struct policy_source *source;
	const struct policy_via *via;
	struct policy_mode mode;
};

/* Adds the rule(s) of a STMT_RULE that is a file, link or all rule. */
int policy_add_rule(struct policy_reading *r, const struct policy_scope *scope, const struct stmt *stmt);

/* Joins the qualifiers of an inner rule or block to those around it; false: they contradict each other. */
bool policy_join_mode(struct policy_mode *mode, const struct qualifiers *q);

/* Adds the rules on /proc that apparmor_parser adds by itself for hats or change_profile. */
void policy_add_implied(struct policy_reading *r, struct policy_build *build, const struct policy_rule *cause,
			bool for_hat);

/* Expands variables and applies aliases: fills build->profile.rules. */
int policy_finish_rules(struct policy_reading *r, struct policy_build *build);

#endif
