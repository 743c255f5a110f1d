/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keyval: files of keys and values, lossless: deb822 stanzas, LXC configuration, Proxmox VMID.conf.
 *
 * Law print-parse: for any bytes x, the entries' spans in order are exactly x. Law edit-one: an edit changes one entry
 * and no other byte (LXC: where a lone CR meets an LF, a blank line may melt into a line end; LXC sees neither).
 * Parsing never fails; what is wrong is told in the entry (`wrong`), with line and column.
 *
 * All slices look into the text, which must outlive the keyval, or into the arena. Time is linear in the text; memory
 * is one entry (some 112 bytes) a line, so the caller limits the size of what it reads.
 *
 * Grammars: deb822(5); LXC: confile.c parse_line() and parse.c lxc_file_for_each_line_mmap(), as from 3.0.4 on;
 * Proxmox: PVE::LXC::Config parse_pct_config(). The facts are in ../shared/facts/lxc-pve.md, sections 1.1 and 4.1.
 */
#ifndef NESTFIX_KEYVAL_H
#define NESTFIX_KEYVAL_H

#include <nestfix/doc.h>

enum keyval_dialect { KEYVAL_DEB822, KEYVAL_LXC, KEYVAL_PVE };

enum keyval_kind {
	KEYVAL_PAIR,    /* key and value */
	KEYVAL_COMMENT, /* LXC and deb822: # …; PVE: a line of the description. The value is what follows the # */
	KEYVAL_SECTION, /* PVE: [name]; all that follows belongs to it, itself included */
	KEYVAL_BLANK,   /* nothing on the line; in deb822 it ends a stanza */
	KEYVAL_IGNORED, /* the owner of the format skips it: LXC's lines without "lxc.", bytes from a NUL on (one entry)
			 */
	KEYVAL_WRONG,   /* no line of the format; `wrong` says why */
};

struct keyval_entry {
	enum keyval_kind kind;
	struct span span; /* the whole line or, deb822, field with its continuation lines; with line end */
	size_t line;      /* from 1; lines end at LF, as editors count, also where LXC's end at CR */
	size_t column;    /* in bytes: where the trouble is for KEYVAL_WRONG, else of the first byte that is no blank */
	struct slice key; /* as written, trimmed */
	struct slice value; /* as the owner of the format sees it: trimmed, LXC's one pair of quotes removed; deb822:
			       continuation lines joined by LF, their leading blank removed, " ." as an empty line */
	char separator;     /* '=' or ':' */
	size_t section;     /* PVE: 0 before the first header, then 1, 2, …; deb822: number of the stanza, from 0 */
	struct slice section_name; /* PVE: "snap1", "pve:pending"; else empty */
	const char *wrong;         /* static text, to follow "FILE:LINE:COLUMN: " */
};

struct keyval {
	struct slice text;
	enum keyval_dialect dialect;
	struct keyval_entry *entries;
	size_t count;
	struct slice eol; /* the line end that new lines take: that of the first line, else LF */
};

void keyval_parse(struct keyval *kv, struct slice text, enum keyval_dialect dialect, struct arena *arena);

/* What LXC makes of a value: blanks and tabs around it fall away, then one pair of equal quotes. */
struct slice keyval_lxc_value(struct slice value);

/* What LXC makes of a line, be it one of its own or a raw line of Proxmox, which leaves the quotes to it. */
struct slice keyval_lxc_meaning(const struct keyval *kv, const struct keyval_entry *entry);

/* The last pair with this key in a section (PVE), stanza (deb822) or, LXC, in the whole file; NULL: none. Keys are
 * compared as the format does: deb822 without regard to case. */
const struct keyval_entry *keyval_last(const struct keyval *kv, size_t section, const char *key);

/* deb822: a field's value line by line, each trimmed, with its place; comments and empty lines (" .") are left out. For
 * lists, so that an error can name the line. Returns how many. */
struct keyval_line {
	struct slice text;
	size_t line, column;
};
size_t keyval_lines(const struct keyval *kv, const struct keyval_entry *field, struct keyval_line **out,
		    struct arena *arena);

/*
 * Appends the text with one entry taken out, or replaced by a line, or with a line put in before an entry (index
 * `count`: at the end, after a line end if the last line has none; for LXC before a NUL, as nothing behind one counts).
 * `line` comes without a line end. The replaced entry's own line end stays, also if it has none.
 */
void keyval_without(const struct keyval *kv, size_t index, struct buf *out);
void keyval_replace(const struct keyval *kv, size_t index, struct slice line, struct buf *out);
void keyval_insert(const struct keyval *kv, size_t index, struct slice line, struct buf *out);

/* PVE: the index before which a raw line belongs: the first section header (or the blank lines before it), else
 * `count`. */
size_t keyval_raw_place(const struct keyval *kv);

#endif
