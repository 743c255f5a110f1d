/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doc: one file of AppArmor policy as a tree of statements, lossless.
 *
 * Law print-parse: for any bytes x, doc_print(doc_parse(x), no edits) == x.
 * Law edit-one: parsing an edited text differs from the original in exactly the edited statements.
 *
 * Parsing never fails. What the language does not know (a rule of a future release, a stray byte) becomes a STMT_OPAQUE
 * that reaches to the next place where a statement can begin, so that what follows is read correctly. What is certainly
 * wrong (an unterminated quote, a missing brace) is kept as text and told in `broken`.
 *
 * All slices look into the text given to doc_parse, which must outlive the document.
 */
#ifndef NESTFIX_DOC_H
#define NESTFIX_DOC_H

#include <nestfix/buf.h>
#include <nestfix/err.h>

/* Bytes [at, at + len) of the text. */
struct span {
	size_t at, len;
};

enum stmt_kind {
	STMT_INCLUDE,     /* include, #include, with or without `if exists` */
	STMT_ABI,         /* abi <p>, */
	STMT_ALIAS,       /* alias /a -> /b, */
	STMT_VARIABLE,    /* @{X} = … , += , ?= , := */
	STMT_BOOLEAN,     /* $b = true */
	STMT_PROFILE,     /* profile NAME … { … }, also a hat (hat NAME, ^NAME) and a nested profile */
	STMT_CONDITIONAL, /* if … { … } ; its else branches follow as siblings with is_else */
	STMT_BLOCK,       /* QUALIFIERS { … } */
	STMT_RULE,
	STMT_OPAQUE,
};

enum rule_class {
	RULE_FILE, /* also `file …` and bare `file,` */
	RULE_LINK,
	RULE_CAPABILITY,
	RULE_NETWORK,
	RULE_MOUNT, /* mount, remount, umount */
	RULE_PIVOT_ROOT,
	RULE_CHANGE_PROFILE,
	RULE_RLIMIT,
	RULE_SIGNAL,
	RULE_PTRACE,
	RULE_UNIX,
	RULE_DBUS,
	RULE_USERNS,
	RULE_MQUEUE,
	RULE_IO_URING,
	RULE_ALL,
	RULE_UNKNOWN, /* looks like a rule of some class that this program does not know */
};

/* Qualifiers of a rule or of a block, as written on that statement itself (an enclosing block adds its own). */
struct qualifiers {
	bool has_priority;
	int priority; /* 0 unless has_priority */
	bool audit, deny, allow, prompt;
	bool owner, other;
	struct span text; /* from the first qualifier to the last; len 0 if none */
};

struct stmt {
	enum stmt_kind kind;
	/*
	 * First byte of its first token to the last byte of its terminator (comma, brace). An include or assignment
	 * ends before its newline; a rule that lacks its comma ends with its last token and is told in `broken`.
	 */
	struct span span;
	size_t line, column; /* of the first byte; from 1, columns in bytes */

	struct stmt *parent; /* the enclosing profile, conditional or block; NULL at top level */
	struct stmt *next;   /* the next statement of the same body, in order */
	struct stmt *body;   /* first statement inside the braces; NULL where there are none */
	bool has_body;
	bool unclosed; /* the text ends before the closing brace */

	struct qualifiers qualifiers; /* STMT_RULE and STMT_BLOCK */

	/* STMT_RULE */
	enum rule_class rule_class;
	/* RULE_FILE and RULE_LINK; as written, quotes included, nothing decoded. A bare `file,` has none of them. */
	struct slice path, perms, target;
	struct span path_span, perms_span;
	bool subset, perms_first; /* `link subset`; `MODE PATH` instead of `PATH MODE` */
	/* any rule: its text after the qualifiers, without the comma: "mount options=(ro) -> /" */
	struct slice text;

	/* STMT_INCLUDE and STMT_ABI: the name between <> (magic) or "" or bare */
	struct slice include_name;
	bool include_magic, include_if_exists, include_hash;

	/* STMT_VARIABLE, STMT_BOOLEAN: name without @{} or $, the operator, the values as written */
	struct slice name;    /* also STMT_PROFILE: the name as written, without quotes */
	struct slice op;      /* "=", "+=", "?=", ":=" */
	struct slice *values; /* each as written, quotes included */
	size_t value_count;

	/* STMT_PROFILE */
	bool is_hat;
	struct slice attachment; /* as written, or empty */
	struct slice flags;      /* what stands between the parentheses of flags=( ), or empty */
	struct slice xattrs;     /* likewise */

	/* STMT_ALIAS */
	struct slice alias_from, alias_to;

	/* STMT_CONDITIONAL: the condition as written; empty for a plain else */
	struct slice condition;
	bool is_else;
};

struct doc_broken {
	size_t line, column;
	const char *what; /* "a quote that never ends", …; static text */
};

struct doc {
	struct slice text;
	struct stmt *first; /* first statement at top level */
	struct doc_broken *broken;
	size_t broken_count;
	bool too_deep; /* statements below 64 braces are not told apart, includes among them */
};

/* Reads any bytes. Everything lives in the arena. Nesting deeper than 64 braces is kept as one STMT_OPAQUE. */
void doc_parse(struct doc *doc, struct slice text, struct arena *arena);

/* The next statement in document order (into bodies), or NULL. Start with doc->first. */
struct stmt *doc_next(const struct stmt *stmt);

/* Line and column (from 1, in bytes) of an offset. */
void doc_place(const struct doc *doc, size_t at, size_t *line, size_t *column);

/* Replaces `len` bytes at `at` with `with`. */
struct edit {
	size_t at, len;
	struct slice with;
};

/*
 * Appends the text with the edits applied, which must be sorted by place and must not overlap (ERR_FAILED otherwise,
 * and nothing is appended). No edits: exactly the text.
 */
int doc_print(const struct doc *doc, const struct edit *edits, size_t count, struct buf *out, struct err *err);

/*
 * The first de-escaping pass of a word, as apparmor_parser's processunquoted()/processid(): quotes removed, \NNN octal,
 * \xHH, \dNNN, \a \e \f \n \r \t decoded; what decodes to a glob character stays protected by a backslash. The result
 * still is a pattern for aare.
 */
struct slice doc_word(struct slice raw, struct arena *arena);

#endif
