/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parser behind doc_parse(): doc.c keeps the tree, doc-stmt.c reads statements, doc-rule.c reads rules. */
#ifndef NESTFIX_DOC_INTERNAL_H
#define NESTFIX_DOC_INTERNAL_H

#include <nestfix/doc.h>
#include <nestfix/lex.h>

enum { DOC_DEPTH = 64 };

struct parser {
	struct slice text;
	struct arena *arena;
	size_t at;        /* behind the last token that was accepted */
	size_t last_line; /* where the text's last line begins */

	struct stmt **tail; /* where the next statement goes */
	struct stmt *open;  /* the innermost open body, or NULL */
	size_t depth;

	/* Below DOC_DEPTH braces are counted, statements are read into `scratch` and forgotten. */
	size_t deep;
	struct stmt *deep_stmt, scratch;
	bool too_deep;

	/* Lines are counted once, from the last place asked for. */
	size_t place_at, place_line, place_start;

	VEC(struct doc_broken) broken;
};

/* The next token that counts, not yet taken. */
struct token doc_peek(const struct parser *p, enum lex_mode mode);
/* Takes a token that doc_peek gave; says so in `broken` where it is unended. */
void doc_accept(struct parser *p, struct token t);
void doc_broken(struct parser *p, size_t at, const char *what);

struct slice doc_slice(const struct parser *p, struct token t);
/* The same without quotes around it. */
struct slice doc_unquoted(const struct parser *p, struct token t);
bool doc_token_is(const struct parser *p, struct token t, const char *word);
/* True for a token that can be a path: bare, a variable, or quoted with a first byte that a path may have. */
bool doc_is_path(const struct parser *p, struct token t);

/* Begins the body of a statement whose brace was just accepted. */
void doc_open(struct parser *p, struct stmt *s);

/* Reads the statement that begins with `t`, up to its terminator or its opening brace. */
void doc_statement(struct parser *p, struct stmt *s, struct token t);
/* Reads qualifiers and then a rule or a block. p->at is where they begin. */
void doc_rule(struct parser *p, struct stmt *s);
/* Takes tokens that are no statement up to the next place where one can begin; at least one. */
void doc_junk(struct parser *p, struct stmt *s);

#endif
