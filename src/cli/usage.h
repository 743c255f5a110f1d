/* SPDX-License-Identifier: GPL-2.0-or-later */
/* usage: what may be typed, told from two tables: the commands (usage.c) and their options (options.c). */
#ifndef NESTFIX_USAGE_H
#define NESTFIX_USAGE_H

#include "app.h"

/* NULL: there is none of that name. */
const struct command *command_named(const char *name);

/* Says so, and what was meant. Always returns -1. */
int command_unknown(const char *word, struct err *err);

/* All commands and options, or those of one command. */
void usage_print(FILE *out, const struct command *command);

/* What was typed, into app: word, command, args, and what options set. Changes nothing else. */
int options_parse(struct app *app, int argc, char **argv, struct err *err);

/* Does app->command take the options that were typed, and do they go together? */
int options_check(const struct app *app, struct err *err);

/* The lines of the help; for one command, or NULL for all. */
void options_list(struct buf *out, const char *command);

/* Which of several names was meant by a mistyped word? Offer them one by one. */
struct near {
	struct slice word;
	const char *best; /* NULL: none is close */
	size_t distance;
};
void near_consider(struct near *near, const char *name);

#endif
