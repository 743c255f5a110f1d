/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keyval-internal: what the dialects of keyval share. */
#ifndef KEYVAL_INTERNAL_H
#define KEYVAL_INTERNAL_H

#include <nestfix/keyval.h>

/* One line of the text, its line end in the span but not in the text. */
struct keyval_raw {
	struct slice text;
	struct span span;
	size_t line, column; /* of its first byte */
};

struct keyval_cursor {
	struct slice text;
	enum keyval_dialect dialect;
	size_t at, line, line_start;
};

/* The next line, or false at the end of the text. */
bool keyval_next_line(struct keyval_cursor *c, struct keyval_raw *out);

bool keyval_is_blank(char c);                         /* space or tab */
size_t keyval_skip_blanks(struct slice s, size_t at); /* index of the next byte that is none */
size_t keyval_skip_word(struct slice s, size_t at);   /* index of the next blank */
struct slice keyval_trim_blanks(struct slice s);      /* both ends, blanks only */

struct keyval_entry keyval_entry_of(const struct keyval_raw *raw, enum keyval_kind kind);
struct keyval_entry keyval_wrong(const struct keyval_raw *raw, size_t at, const char *what); /* at: in the line */
void keyval_push(struct keyval *kv, struct keyval_entry e); /* room was made for one entry a line */

struct keyval_entry keyval_lxc_line(const struct keyval_raw *raw);
void keyval_parse_pve(struct keyval *kv, struct keyval_cursor *c);
void keyval_parse_deb822(struct keyval *kv, struct keyval_cursor *c, struct arena *arena);

#endif
