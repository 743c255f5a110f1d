/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conflict, inside: conflict.c reads stanzas and the fields of a scope, conflict-need.c the field Needs. */
#ifndef NESTFIX_CONFLICT_INTERNAL_H
#define NESTFIX_CONFLICT_INTERNAL_H

#include <nestfix/conflict.h>

struct conflict_reader {
	const char *file;
	struct conflict *out;
	struct conflict_scope *scope; /* the one being read */
	struct keyval kv;
	struct re_pool *pool;
	struct arena *arena;
	struct err *err;
};

struct conflict_value {
	const struct keyval_entry *field;
	struct keyval_line *lines; /* at least one */
	size_t count;
};

/* "FILE:LINE:COLUMN: 'TEXT': what" */
int conflict_wrong_line(struct conflict_reader *r, const struct keyval_line *line, const char *what);

int conflict_read_needs(struct conflict_reader *r, const struct conflict_value *v);

#endif
