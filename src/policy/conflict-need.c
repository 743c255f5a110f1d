/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/mount.h>

#include "conflict-internal.h"

/* linux/mount.h; glibc does not know it yet. */
enum { NO_SYMFOLLOW = 256 };

/* What apparmor.d(5) calls the flags of mount(2). The kernel adds MS_REC to the r… ones itself only in its log. */
static const struct {
	const char *name;
	uint32_t flags;
} flag_names[] = {
	{ "rw", 0 },
	{ "ro", MS_RDONLY },
	{ "nosuid", MS_NOSUID },
	{ "nodev", MS_NODEV },
	{ "noexec", MS_NOEXEC },
	{ "sync", MS_SYNCHRONOUS },
	{ "remount", MS_REMOUNT },
	{ "mand", MS_MANDLOCK },
	{ "dirsync", MS_DIRSYNC },
	{ "nosymfollow", NO_SYMFOLLOW },
	{ "noatime", MS_NOATIME },
	{ "nodiratime", MS_NODIRATIME },
	{ "bind", MS_BIND },
	{ "rbind", MS_BIND | MS_REC },
	{ "move", MS_MOVE },
	{ "silent", MS_SILENT },
	{ "acl", MS_POSIXACL },
	{ "unbindable", MS_UNBINDABLE },
	{ "runbindable", MS_UNBINDABLE | MS_REC },
	{ "private", MS_PRIVATE },
	{ "rprivate", MS_PRIVATE | MS_REC },
	{ "slave", MS_SLAVE },
	{ "rslave", MS_SLAVE | MS_REC },
	{ "shared", MS_SHARED },
	{ "rshared", MS_SHARED | MS_REC },
	{ "relatime", MS_RELATIME },
	{ "iversion", MS_I_VERSION },
	{ "strictatime", MS_STRICTATIME },
};

enum { FLAG_NAMES = sizeof flag_names / sizeof *flag_names };

/* One line of the field, word by word. */
struct line {
	struct conflict_reader *reader;
	const struct keyval_line *at;
	struct slice rest;
};

static int wrong(struct line *l, const char *what)
{
	return conflict_wrong_line(l->reader, l->at, what);
}

static struct slice next_word(struct line *l)
{
	struct slice word;
	size_t n = 0;

	l->rest = slice_trim(l->rest);
	while (n < l->rest.len && l->rest.ptr[n] != ' ' && l->rest.ptr[n] != '\t')
		n++;
	word = slice_sub(l->rest, 0, n);
	l->rest = slice_from(l->rest, n);
	return word;
}

/* Takes "NAME=VALUE" off the front of the line where it stands there. */
static bool take_option(struct line *l, const char *name, struct slice *value)
{
	struct slice before = l->rest, word = next_word(l);
	size_t at = slice_find(word, '=');

	if (at == word.len || !slice_is(slice_sub(word, 0, at), name)) {
		l->rest = before;
		return false;
	}
	*value = slice_from(word, at + 1);
	return true;
}

static int read_flags(struct line *l, struct slice names, uint32_t *flags)
{
	for (;;) {
		struct slice name = slice_sub(names, 0, slice_find(names, ','));
		size_t i = 0;

		while (i < FLAG_NAMES && !slice_is(name, flag_names[i].name))
			i++;
		if (i == FLAG_NAMES)
			return wrong(l,
				     "options are names of mount flags as in apparmor.d(5), with commas and no blanks");
		*flags |= flag_names[i].flags;
		if (name.len == names.len)
			return 0;
		names = slice_from(names, name.len + 1);
	}
}

/* The path where it happens, the last word of every line. */
static int read_target(struct line *l, struct conflict_need *need)
{
	need->target = next_word(l);
	if (!slice_starts(need->target, "/"))
		return wrong(l, "a path is wanted here, and a path begins with '/'");
	if (slice_trim(l->rest).len > 0)
		return wrong(l, "nothing may follow the path");
	return 0;
}

static int read_mount(struct line *l, struct conflict_need *need)
{
	struct slice names, word;

	take_option(l, "fstype", &need->type);
	if (take_option(l, "options", &names) && read_flags(l, names, &need->flags) < 0)
		return -1;
	take_option(l, "data", &need->data);
	word = next_word(l);
	if (!slice_is(word, "->")) {
		need->source = word;
		word = next_word(l);
	}
	if (!slice_is(word, "->"))
		return wrong(l, "'-> PATH' is missing: mount [fstype=T] [options=F,F] [data=D] [SOURCE] -> PATH");
	return read_target(l, need);
}

static int read_pivot_root(struct line *l, struct conflict_need *need)
{
	if (!take_option(l, "oldroot", &need->source))
		return wrong(l, "'oldroot=PATH' is missing: pivot_root oldroot=PATH PATH");
	return read_target(l, need);
}

static int read_need(struct line *l, struct conflict_need *need)
{
	struct slice word = next_word(l);

	if (slice_is(word, "mount")) {
		need->operation = CONFLICT_MOUNT;
		return read_mount(l, need);
	}
	if (slice_is(word, "umount")) {
		need->operation = CONFLICT_UMOUNT;
		return read_target(l, need);
	}
	if (slice_is(word, "pivot_root")) {
		need->operation = CONFLICT_PIVOT_ROOT;
		return read_pivot_root(l, need);
	}
	return wrong(l, "a line begins with 'mount', 'umount' or 'pivot_root'");
}

int conflict_read_needs(struct conflict_reader *r, const struct conflict_value *v)
{
	struct conflict *c = r->out;

	c->needs = arena_array(r->arena, v->count, sizeof *c->needs);
	c->need_count = v->count;
	for (size_t i = 0; i < v->count; i++) {
		struct line line = { .reader = r, .at = &v->lines[i], .rest = v->lines[i].text };

		c->needs[i].text = v->lines[i].text;
		if (read_need(&line, &c->needs[i]) < 0)
			return -1;
	}
	return 0;
}
