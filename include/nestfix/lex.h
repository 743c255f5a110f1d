/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lex: the tokens of AppArmor policy.
 *
 * Law lex-covers: from any offset of any bytes, lex_token() gives a token that begins there; a text is its tokens
 * joined. Only TOKEN_END is empty.
 *
 * The language is modal (parser/parser_lex.l): what `#`, `,`, `{` and `=` mean depends on the words before them. The
 * caller knows the statement it is in and names the mode of each token; nothing is remembered between two calls. A
 * whole text is read in linear time as long as each token is read a bounded number of times.
 */
#ifndef NESTFIX_LEX_H
#define NESTFIX_LEX_H

#include <nestfix/buf.h>

enum lex_mode {
	LEX_INITIAL, /* between statements; headers; file, link, capability, pivot_root, io_uring, rlimit rules, … */
	LEX_RULE,    /* mount, network, signal and the like, from the keyword to the comma: no comments, no braces */
	LEX_UNKNOWN, /* a rule of a class nobody knows yet: as LEX_RULE, but comments and braces count */
	LEX_NAME,    /* one word of any bytes: behind profile, hat, ^, ->, K=, and in change_profile */
	LEX_INCLUDE, /* behind include and abi */
	LEX_ASSIGN,  /* the values of a variable: the newline is a token, backslash newline is space */
	LEX_CONDITION, /* between if and its brace */
};

enum token_kind {
	TOKEN_END,      /* the text is over; unended: its last line is a comment without a newline */
	TOKEN_SPACE,    /* blanks, newlines */
	TOKEN_NEWLINE,  /* only LEX_ASSIGN */
	TOKEN_COMMENT,  /* from # to before the newline; unended: there is none, which the parser refuses */
	TOKEN_INCLUDE,  /* include, #include, with `if exists` */
	TOKEN_MAGIC,    /* <name>; only LEX_INCLUDE */
	TOKEN_QUOTED,   /* "…"; unended: no closing quote before the end (or a NUL) */
	TOKEN_LIST,     /* ( … ) as a whole; unended: no closing parenthesis */
	TOKEN_PATH,     /* a bare path or label: begins with / @{X}… : or & */
	TOKEN_VARIABLE, /* @{X} or @X, nothing more */
	TOKEN_BOOLEAN,  /* $x or ${x} */
	TOKEN_MODE,     /* file permissions before a blank or a comma; only LEX_INITIAL */
	TOKEN_WORD,     /* LEX_INITIAL: a name [A-Za-z][A-Za-z0-9_]*; else what the mode takes for a word */
	TOKEN_ASSIGN,   /* = += ?= := */
	TOKEN_ARROW,    /* -> ; only LEX_INITIAL */
	TOKEN_CARET,    /* ^ */
	TOKEN_COMMA,    /* a comma that ends a rule */
	TOKEN_OPEN,     /* { */
	TOKEN_CLOSE,    /* } */
	TOKEN_BYTE,     /* anything that begins no token of the mode */
};

struct token {
	enum token_kind kind;
	size_t at, len;
	bool unended;
};

/* The token at an offset, space and comments included. */
struct token lex_token(struct slice text, size_t at, enum lex_mode mode);

/* The first token from an offset on that is neither space nor comment. */
struct token lex_next(struct slice text, size_t at, enum lex_mode mode);

/* True for the letters of file permissions: "rw", "Pix", but not "pi" or "". */
bool lex_is_mode(struct slice word);

#endif
