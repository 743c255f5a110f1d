/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include <nestfix/lxc.h>

enum slot { PROFILE, NESTING, INCOMPLETE, VERSION, UTS, ROOTFS, RAW, START_HOST, MOUNT, IDMAP, HOOKS, INCLUDE };

enum { LISTS = IDMAP - RAW + 1 };

/* The keys that are asked about, as of 2.1 and, behind them, as of 2.0 (lxc-update-config knows both). */
static const struct {
	const char *key;
	enum slot slot;
} keys[] = {
	{ "lxc.apparmor.profile", PROFILE },
	{ "lxc.apparmor.allow_nesting", NESTING },
	{ "lxc.apparmor.allow_incomplete", INCOMPLETE },
	{ "lxc.apparmor.raw", RAW },
	{ "lxc.hook", HOOKS },
	{ "lxc.hook.start-host", START_HOST },
	{ "lxc.hook.version", VERSION },
	{ "lxc.include", INCLUDE },
	{ "lxc.idmap", IDMAP },
	{ "lxc.mount.entry", MOUNT },
	{ "lxc.rootfs.path", ROOTFS },
	{ "lxc.uts.name", UTS },
	{ "lxc.aa_profile", PROFILE },
	{ "lxc.aa_allow_incomplete", INCOMPLETE },
	{ "lxc.id_map", IDMAP },
	{ "lxc.rootfs", ROOTFS },
	{ "lxc.utsname", UTS },
};

/* Which slots were set and which were set back to nothing: of two files in no order, one undoing what the other does.
 */
struct marks {
	unsigned set, reset;
};

struct reading {
	struct lxc_config *out;
	const struct policy_reader *reader;
	struct arena *arena, *scratch; /* entries are needed only while their file is read */
	struct err *err;
	VEC(struct lxc_setting) lists[LISTS];
	VEC(const char *) files;
	const char *open[LXC_INCLUDE_DEPTH]; /* the files being read, outermost first */
	size_t depth, included;
	struct marks marks;
};

/* Where the line that is being obeyed stands, for errors. */
struct spot {
	struct lxc_place place;
	size_t column;
};

static int read_file(struct reading *r, const char *path, struct slice text);

static int read_path(struct reading *r, const char *path, enum policy_found *found, struct slice *bytes,
		     struct slice **names, size_t *count)
{
	if (r->reader->read(r->reader->ctx, path, found, bytes, names, count, r->arena, r->err) == 0)
		return 0;
	r->out->unread = true;
	return -1;
}

static int refuse(const struct reading *r, const struct spot *at, const char *what, struct slice subject,
		  const char *more)
{
	return err_at(r->err, ERR_FAILED, at->place.path, at->place.line, at->column, "cannot %s '%.*s'%s", what,
		      SLICE_FMT(subject), more);
}

/*
 * string_utils.c lxc_safe_uint(): any C notation, a sign, blanks in front. False for anything else, and what is over
 * UINT_MAX. */
static bool parse_number(struct slice value, unsigned *out, struct arena *scratch)
{
	const char *text = arena_str(scratch, value);
	unsigned long n;
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	if (*text == '-' || *text == '\0')
		return false;
	errno = 0;
	n = strtoul(text, &end, 0);
	if (errno != 0 || end == text || *end != '\0' || n > UINT_MAX)
		return false;
	*out = (unsigned)n;
	return true;
}

/* A switch; empty is off. lsm/apparmor.c refuses what is neither 0 nor 1. */
static int set_switch(struct reading *r, const struct spot *at, struct slice value, bool *out)
{
	unsigned n = 0;

	if (value.len > 0 && (!parse_number(value, &n, r->scratch) || n > 1)) {
		refuse(r, at, "read", value, " as 0 or 1");
		return err_hint(r->err, "LXC does not start the container with it: write 0 or 1");
	}
	*out = n == 1;
	return 0;
}

/* LXC takes a version that is no number as 0 (5.0.2). */
static int set_version(struct reading *r, const struct spot *at, struct slice value)
{
	unsigned n = 0;

	if (!parse_number(value, &n, r->scratch))
		n = 0;
	if (n > 1) {
		refuse(r, at, "use", value, " as the version of hooks");
		return err_hint(r->err, "LXC does not start the container with it: write 0 or 1");
	}
	r->out->hook_version = (int)n;
	return 0;
}

static void set_profile(struct reading *r, const struct lxc_setting *setting)
{
	struct lxc_config *out = r->out;

	out->profile = setting->value.len > 0 ? *setting : (struct lxc_setting){ 0 };
	out->generated = slice_is(setting->value, "generated");
	out->unconfined = slice_is(setting->value, "unconfined");
	out->unchanged = slice_is(setting->value, "unchanged");
}

static void mark_single(struct reading *r, enum slot slot)
{
	r->marks.set |= 1u << slot;
	r->marks.reset |= 1u << slot;
}

static void set_list(struct reading *r, enum slot slot, const struct lxc_setting *setting)
{
	if (setting->value.len == 0) {
		r->lists[slot - RAW].len = 0;
		if (slot == RAW)
			r->out->raw_reset = setting->place;
		else if (slot == START_HOST)
			r->out->start_host_reset = setting->place;
		r->marks.reset |= 1u << slot;
		return;
	}
	VEC_PUSH(r->arena, &r->lists[slot - RAW], *setting);
	r->marks.set |= 1u << slot;
}

static const char *include_path(struct slice value, struct arena *arena)
{
	return arena_printf(arena, "%s%.*s", slice_starts(value, "/") ? "" : "/", SLICE_FMT(value));
}

/* confile.c do_includedir(): at least one byte before ".conf", hidden files too. */
static bool is_include_name(struct slice name)
{
	return name.len > 5 && slice_ends(name, ".conf");
}

static int include_dir(struct reading *r, const char *dir, const struct slice *names, size_t count)
{
	struct marks outer = r->marks, seen = { 0 };
	size_t len = strlen(dir);

	while (len > 0 && dir[len - 1] == '/')
		len--;
	for (size_t i = 0; i < count; i++) {
		const char *path = arena_printf(r->arena, "%.*s/%.*s", (int)len, dir, SLICE_FMT(names[i]));
		enum policy_found found;
		struct slice bytes, *inner;
		size_t inner_count;

		if (!is_include_name(names[i]))
			continue;
		if (read_path(r, path, &found, &bytes, &inner, &inner_count) < 0)
			return -1;
		if (found != POLICY_FILE) /* a directory of that name is passed over (5.0.2) */
			continue;
		r->marks = (struct marks){ 0 };
		if (read_file(r, path, bytes) < 0)
			return -1;
		if ((seen.set & r->marks.reset) || (seen.reset & r->marks.set))
			r->out->order_matters = true;
		seen.set |= r->marks.set;
		seen.reset |= r->marks.reset;
	}
	r->marks.set = outer.set | seen.set;
	r->marks.reset = outer.reset | seen.reset;
	return 0;
}

static int include(struct reading *r, const struct spot *at, struct slice value)
{
	const char *path;
	enum policy_found found;
	struct slice bytes = { 0 }, *names = NULL;
	size_t count = 0;

	if (value.len == 0)
		return 0;
	path = include_path(value, r->arena);
	if (read_path(r, path, &found, &bytes, &names, &count) < 0)
		return err_wrap(r->err, "%s:%zu", at->place.path, at->place.line);
	if (found == POLICY_DIR)
		return include_dir(r, path, names, count);
	if (found == POLICY_FILE)
		return read_file(r, path, bytes);
	if (slice_ends(value, "/"))
		return 0; /* since 4.0.12 a directory need not be there */
	refuse(r, at, "find the included file", value, "");
	return err_hint(r->err, "LXC does not start the container without it: restore the file or remove the line");
}

static int obey_single(struct reading *r, const struct spot *at, enum slot slot, const struct lxc_setting *setting)
{
	bool ignored;

	mark_single(r, slot);
	switch (slot) {
	case PROFILE:
		set_profile(r, setting);
		return 0;
	case NESTING:
		return set_switch(r, at, setting->value, &r->out->nesting);
	case INCOMPLETE:
		return set_switch(r, at, setting->value, &ignored);
	case VERSION:
		return set_version(r, at, setting->value);
	case UTS:
		r->out->uts_name = setting->value;
		return 0;
	default:
		r->out->rootfs = setting->value;
		return 0;
	}
}

/* One key and value, at the place where LXC meets it. */
static int obey(struct reading *r, const struct spot *at, struct slice key, struct slice value)
{
	struct lxc_setting setting = { value, at->place };
	size_t i = 0;

	while (i < sizeof keys / sizeof *keys && !slice_is(key, keys[i].key))
		i++;
	if (i == sizeof keys / sizeof *keys)
		return 0;
	switch (keys[i].slot) {
	case INCLUDE:
		return include(r, at, value);
	case HOOKS: /* only its empty form exists: it clears every hook */
		if (value.len == 0)
			set_list(r, START_HOST, &setting);
		return 0;
	case RAW:
	case START_HOST:
	case MOUNT:
	case IDMAP:
		set_list(r, keys[i].slot, &setting);
		return 0;
	default:
		return obey_single(r, at, keys[i].slot, &setting);
	}
}

static int refuse_loop(const struct reading *r, const char *path)
{
	err_put(r->err, ERR_FAILED, "cannot read '%s': it is included by itself%s%s", path,
		r->depth > 1 ? " through " : "", r->depth > 1 ? r->open[r->depth - 1] : "");
	return err_hint(r->err, "LXC never gets to the end of such an include: remove one of the lxc.include lines");
}

/* Before a file is read: no loop, no depth without end, no flood of includes, no giant. */
static int may_read(struct reading *r, const char *path, struct slice text)
{
	for (size_t i = 0; i < r->depth; i++)
		if (strcmp(r->open[i], path) == 0)
			return refuse_loop(r, path);
	if (r->depth == LXC_INCLUDE_DEPTH)
		return err_put(r->err, ERR_FAILED, "cannot read '%s': it is included over %d levels deep", path,
			       LXC_INCLUDE_DEPTH);
	if (r->included++ == LXC_INCLUDE_LIMIT)
		return err_put(r->err, ERR_FAILED, "cannot read '%s': over %d files are included", path,
			       LXC_INCLUDE_LIMIT);
	if (text.len > LXC_FILE_LIMIT)
		return err_put(r->err, ERR_REFUSED, "cannot read '%s': it has over %d bytes", path, LXC_FILE_LIMIT);
	return 0;
}

static void note_file(struct reading *r, const char *path)
{
	for (size_t i = 0; i < r->files.len; i++)
		if (strcmp(r->files.ptr[i], path) == 0)
			return;
	VEC_PUSH(r->arena, &r->files, path);
}

static int read_entries(struct reading *r, const char *path, const struct keyval *kv)
{
	for (size_t i = 0; i < kv->count; i++) {
		const struct keyval_entry *e = &kv->entries[i];
		struct spot at = { { path, e->line }, e->column };

		if (e->kind == KEYVAL_WRONG) {
			err_at(r->err, ERR_FAILED, path, e->line, e->column, "%s", e->wrong);
			return err_hint(r->err, "correct or remove the line");
		}
		if (e->kind == KEYVAL_PAIR && obey(r, &at, e->key, e->value) < 0)
			return -1;
	}
	return 0;
}

/* Recursion ends at LXC_INCLUDE_DEPTH. */
static int read_file(struct reading *r, const char *path, struct slice text)
{
	struct keyval kv;
	int status;

	if (may_read(r, path, text) < 0)
		return -1;
	note_file(r, path);
	r->open[r->depth++] = path;
	keyval_parse(&kv, text, KEYVAL_LXC, r->scratch);
	status = read_entries(r, path, &kv);
	r->depth--;
	return status;
}

static struct lxc_list list_of(const struct reading *r, enum slot slot)
{
	return (struct lxc_list){ r->lists[slot - RAW].ptr, r->lists[slot - RAW].len };
}

static void finish(struct reading *r)
{
	r->out->raw = list_of(r, RAW);
	r->out->start_host = list_of(r, START_HOST);
	r->out->mount_entries = list_of(r, MOUNT);
	r->out->idmaps = list_of(r, IDMAP);
	r->out->unprivileged = r->out->idmaps.count > 0;
	r->out->files = r->files.ptr;
	r->out->file_count = r->files.len;
}

static int read_top(struct reading *r, const char *path)
{
	enum policy_found found;
	struct slice bytes, *names;
	size_t count;

	if (read_path(r, path, &found, &bytes, &names, &count) < 0)
		return -1;
	if (found == POLICY_FILE)
		return read_file(r, path, bytes);
	return err_put(r->err, ERR_FAILED, "cannot read '%s': %s", path,
		       found == POLICY_DIR ? "it is a directory" : "there is no such file");
}

int lxc_read(struct lxc_config *out, const struct policy_reader *reader, const char *path, struct arena *arena,
	     struct err *err)
{
	AUTOARENA scratch = { 0 };
	struct reading r = { .out = out, .reader = reader, .arena = arena, .scratch = &scratch, .err = err };
	int status;

	*out = (struct lxc_config){ .path = path };
	status = read_top(&r, path);
	finish(&r);
	return status;
}

int lxc_read_lines(struct lxc_config *out, const struct policy_reader *reader, const char *path,
		   const struct lxc_line *lines, size_t count, struct arena *arena, struct err *err)
{
	AUTOARENA scratch = { 0 };
	struct reading r = { .out = out, .reader = reader, .arena = arena, .scratch = &scratch, .err = err };
	int status = 0;

	*out = (struct lxc_config){ .path = path };
	note_file(&r, path);
	for (size_t i = 0; i < count && status == 0; i++) {
		struct spot at = { lines[i].place, 0 };

		status = obey(&r, &at, lines[i].key, lines[i].value);
	}
	finish(&r);
	return status;
}

static struct slice next_word(struct slice *rest)
{
	struct slice s = *rest;
	size_t start = 0, end;

	while (start < s.len && (s.ptr[start] == ' ' || s.ptr[start] == '\t'))
		start++;
	end = start;
	while (end < s.len && s.ptr[end] != ' ' && s.ptr[end] != '\t')
		end++;
	*rest = slice_from(s, end);
	return slice_sub(s, start, end - start);
}

bool lxc_hides_apparmor(struct slice mount_entry)
{
	struct slice rest = mount_entry, target;

	next_word(&rest);
	target = next_word(&rest);
	return slice_ends(target, "module/apparmor/parameters/enabled");
}
