/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * err: an error is a value.
 *
 * A function that can fail takes a `struct err *` last and returns 0 or -1 (or a documented value). The functions
 * here that fill an error return -1, so a failing line is one statement:
 *
 *         return err_errno(err, "cannot open '%s'", path);
 *
 * The first error wins: filling an error that is already set changes nothing. A struct err needs no initialiser
 * but zeroes, owns no memory, and is never released. NULL is legal everywhere: the caller does not care.
 *
 * Wording: "cannot …", lower case, the subject quoted, no full stop; what to do next goes into the hint.
 */
#ifndef NESTFIX_ERR_H
#define NESTFIX_ERR_H

#include <stdbool.h>
#include <stddef.h>

/* What the error means for the machine; main() turns it into the exit status beside it. */
enum err_kind {
	ERR_NONE = 0,
	ERR_USAGE,   /* 2: the command line asks for something that does not exist */
	ERR_REFUSED, /* 3: refused on purpose; nothing was changed */
	ERR_FAILED,  /* 4: something did not work; the machine is as before */
	ERR_BROKEN,  /* 5: something did not work and could not be undone; the hint holds the steps by hand */
};

struct err {
	enum err_kind kind;
	int errnum;      /* errno of the failed call, or 0 */
	char text[3072]; /* "FILE:LINE:COLUMN: what" where err_at made it; long texts end in "..." */
	char hint[1536]; /* what to do next, or "" */
};

/* Fills *e unless it is set. Always returns -1. */
int err_put(struct err *e, enum err_kind kind, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As err_put with ERR_FAILED, ": " and the text of the present errno, which is kept in errnum. */
int err_errno(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* As err_put, with "FILE:LINE:COLUMN: " in front. Line and column count from 1, columns in bytes; a 0 is left out. */
int err_at(struct err *e, enum err_kind kind, const char *file, size_t line, size_t column, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));

/* Puts "PREFIX: " in front of the text of an error that is set. Always returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Sets what to do next, unless there is a hint already. Always returns -1. */
int err_hint(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Makes an error worse: sets the kind, keeps the text. For commit, when undoing fails. */
void err_raise(struct err *e, enum err_kind kind);

bool err_is_set(const struct err *e);
void err_clear(struct err *e);

/* The exit status of a kind: 0, 2, 3, 4 or 5. */
int err_status(enum err_kind kind);

#endif
