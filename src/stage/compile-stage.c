/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "compile-internal.h"

enum { STAGE_FILES = 4096 }; /* a policy reads some dozen files; more is an include that multiplies itself */

/* The path without "//" and "/./". One that climbs by ".." could leave the staging directory and is refused. */
static const char *plain_path(const char *path, struct arena *arena, struct err *err)
{
	AUTOBUF out = { 0 };
	struct slice rest = slice_of(path);

	while (rest.len > 0) {
		size_t len = slice_find(rest, '/');
		struct slice part = slice_sub(rest, 0, len);

		rest = slice_from(rest, len + 1);
		if (part.len == 0 || slice_is(part, "."))
			continue;
		if (slice_is(part, "..")) {
			err_put(err, ERR_REFUSED, "cannot compile a policy that reads '%s'", path);
			err_hint(err, "write the include without '..'");
			return NULL;
		}
		buf_addc(&out, '/');
		buf_addslice(&out, part);
	}
	return arena_str(arena, buf_slice(&out));
}

static bool is_staged(const struct stage *stage, const char *path)
{
	for (size_t i = 0; i < stage->files.len; i++)
		if (strcmp(stage->files.ptr[i].path, path) == 0)
			return true;
	return false;
}

/* The bytes that stand in for a file, or NULL. */
static const struct compile_text *find_text(const struct stage *stage, const char *path)
{
	for (size_t i = 0; i < stage->text_count; i++)
		if (strcmp(stage->texts[i].path, path) == 0)
			return &stage->texts[i];
	return NULL;
}

static int add_file(struct stage *stage, const char *path, struct slice bytes, struct err *err)
{
	const struct compile_text *text = find_text(stage, path);
	struct staged file = { .path = plain_path(path, stage->arena, err), .bytes = text ? text->bytes : bytes };

	if (!file.path)
		return -1;
	if (is_staged(stage, file.path))
		return 0;
	if (stage->files.len == STAGE_FILES)
		return err_put(err, ERR_FAILED, "cannot compile a policy of more than %d files", STAGE_FILES);
	VEC_PUSH(stage->arena, &stage->files, file);
	return 0;
}

/* mkdir -p for a directory below the staging directory. */
static int make_dirs(struct stage *stage, const char *path, struct err *err)
{
	for (const char *slash = path; slash; slash = strchr(slash + 1, '/')) {
		const char *dir = arena_printf(stage->arena, "%s%.*s", stage->dir, (int)(slash - path), path);

		if (mkdir(dir, 0700) == 0)
			VEC_PUSH(stage->arena, &stage->made, dir);
		else if (errno != EEXIST)
			return err_errno(err, "cannot make the folder '%s'", dir);
	}
	return 0;
}

static int write_all(int fd, struct slice bytes, const char *name, struct err *err)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, "cannot write '%s'", name);
		bytes = slice_from(bytes, (size_t)n);
	}
	return 0;
}

static int put_file(struct stage *stage, const char *path, struct slice bytes, struct err *err)
{
	const char *name = arena_printf(stage->arena, "%s%s", stage->dir, path);
	AUTOCLOSE fd = -1;

	if (make_dirs(stage, path, err) < 0)
		return -1;
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, "cannot write '%s'", name);
	VEC_PUSH(stage->arena, &stage->made, name);
	return write_all(fd, bytes, name, err);
}

/* Where an include or abi statement looks: below the base for <x>, as given for "/x", from / for a bare x. */
static const char *included_path(const struct stmt *stmt, struct arena *arena)
{
	struct slice name = doc_word(slice_trim(stmt->include_name), arena);

	if (stmt->include_magic)
		return arena_printf(arena, COMPILE_BASE "/%.*s", SLICE_FMT(name));
	return arena_printf(arena, "%s%.*s", slice_starts(name, "/") ? "" : "/", SLICE_FMT(name));
}

static int add_directory(struct stage *stage, const char *path, struct err *err);

/* A file or directory that a statement names and that the policy room had no reason to read: an abi file, an empty
 * directory, an include in a branch that is not taken. What is missing, the parser tells. */
static int add_included(struct stage *stage, const char *path, bool directory_too, struct err *err)
{
	const char *plain = plain_path(path, stage->arena, err);
	enum fsio_kind kind;
	struct file file;

	if (!plain)
		return -1;
	if (is_staged(stage, plain))
		return 0;
	if (find_text(stage, plain))
		return add_file(stage, plain, SLICE(""), err);
	if (fsio_kind(stage->compiler->root, plain, &kind, err) < 0)
		return -1;
	if (kind == FSIO_DIR && directory_too)
		return add_directory(stage, plain, err);
	/* in a directory the parser passes over what is no file (parser_lex.l include_dir_cb); named, it would open it
	 */
	if (kind == FSIO_MISSING || kind == FSIO_DIR || (kind == FSIO_ELSE && !directory_too))
		return 0;
	if (fsio_read(stage->compiler->root, plain, FSIO_LIMIT_POLICY, stage->arena, &file, err) < 0)
		return -1;
	return add_file(stage, plain, file.bytes, err);
}

static int add_directory(struct stage *stage, const char *path, struct err *err)
{
	struct slice *names;
	size_t count;

	if (make_dirs(stage, arena_printf(stage->arena, "%s/", path), err) < 0)
		return -1;
	if (fsio_list(stage->compiler->root, path, stage->arena, &names, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const char *entry = arena_printf(stage->arena, "%s/%.*s", path, SLICE_FMT(names[i]));

		if (!policy_is_skipped(names[i]) && add_included(stage, entry, false, err) < 0)
			return -1;
	}
	return 0;
}

static bool names_file(const struct stmt *stmt)
{
	return (stmt->kind == STMT_INCLUDE || stmt->kind == STMT_ABI) && stmt->include_name.len > 0;
}

static int follow(struct stage *stage, struct slice text, struct err *err)
{
	struct doc doc;

	doc_parse(&doc, text, stage->arena);
	for (const struct stmt *s = doc.first; s; s = doc_next(s))
		if (names_file(s) && add_included(stage, included_path(s, stage->arena), true, err) < 0)
			return -1;
	return 0;
}

int stage_redirect(struct slice text, const char *dir, struct arena *arena, struct slice *out, struct err *err)
{
	VEC(struct edit) edits = { 0 };
	AUTOBUF printed = { 0 };
	struct doc doc;

	*out = text;
	doc_parse(&doc, text, arena);
	for (const struct stmt *s = doc.first; s; s = doc_next(s)) {
		struct slice name = s->include_name;
		const char *before = slice_starts(name, "/") ? dir : arena_printf(arena, "%s/", dir);

		if (!names_file(s) || s->include_magic)
			continue;
		VEC_PUSH(arena, &edits, (struct edit){ .at = (size_t)(name.ptr - text.ptr), .with = slice_of(before) });
	}
	if (edits.len == 0)
		return 0;
	if (doc_print(&doc, edits.ptr, edits.len, &printed, err) < 0)
		return -1;
	*out = arena_slice(arena, buf_slice(&printed));
	return 0;
}

static int write_files(struct stage *stage, struct err *err)
{
	for (size_t i = 0; i < stage->files.len; i++) {
		struct slice text;

		if (stage_redirect(stage->files.ptr[i].bytes, stage->dir, stage->arena, &text, err) < 0)
			return -1;
		if (put_file(stage, stage->files.ptr[i].path, text, err) < 0)
			return -1;
	}
	return 0;
}

/* A profile that the administrator forces into complain mode is compared, and loaded, as such. */
static int put_marker(struct stage *stage, struct err *err)
{
	const char *top;

	if (stage->is_text)
		return 0;
	top = stage->files.ptr[0].path;
	if (!compile_is_marked(stage->compiler, "force-complain", top, stage->arena))
		return 0;
	return put_file(stage, arena_printf(stage->arena, COMPILE_BASE "/force-complain%s", strrchr(top, '/')),
			SLICE(""), err);
}

static int put_features(struct stage *stage, struct err *err)
{
	const struct compiler *c = stage->compiler;

	if (c->root_kernel_features.len > 0 && put_file(stage, STAGE_KERNEL_FEATURES, c->root_kernel_features, err) < 0)
		return -1;
	if (c->root_policy_features.len == 0)
		return 0;
	return put_file(stage, STAGE_POLICY_FEATURES, c->root_policy_features, err);
}

static int make_stage(struct stage *stage, struct err *err)
{
	snprintf(stage->dir, sizeof stage->dir, "/tmp/aa-nestfix-%d-XXXXXX", (int)getpid());
	if (mkdtemp(stage->dir))
		return 0;
	stage->dir[0] = '\0';
	return err_errno(err, "cannot make a folder in '/tmp'");
}

/* What the files that are listed so far include, then everything is written. */
static int lay_out(struct stage *stage, struct err *err)
{
	/* the list grows while it is walked */
	for (size_t i = 0; i < stage->files.len; i++)
		if (follow(stage, stage->files.ptr[i].bytes, err) < 0)
			return -1;
	if (make_dirs(stage, COMPILE_BASE "/", err) < 0 || write_files(stage, err) < 0 || put_features(stage, err) < 0)
		return -1;
	return put_marker(stage, err);
}

int stage_policy(struct stage *stage, const struct policy *policy, struct err *err)
{
	if (make_stage(stage, err) < 0)
		return -1;
	for (size_t i = 0; i < policy->source_count; i++)
		if (add_file(stage, policy->sources[i]->path, policy->sources[i]->doc.text, err) < 0)
			return -1;
	return lay_out(stage, err);
}

int stage_disk(struct stage *stage, const char *path, struct err *err)
{
	struct file file = { 0 };

	if (make_stage(stage, err) < 0)
		return -1;
	if (!find_text(stage, path) &&
	    fsio_read(stage->compiler->root, path, FSIO_LIMIT_POLICY, stage->arena, &file, err) < 0)
		return -1;
	if (add_file(stage, path, file.bytes, err) < 0)
		return -1;
	return lay_out(stage, err);
}

int stage_text(struct stage *stage, struct slice text, struct err *err)
{
	stage->is_text = true;
	if (make_stage(stage, err) < 0 || follow(stage, text, err) < 0)
		return -1;
	return lay_out(stage, err);
}

const char *stage_top(const struct stage *stage)
{
	return arena_printf(stage->arena, "%s%s", stage->dir, stage->files.ptr[0].path);
}

void stage_release(struct stage *stage)
{
	for (size_t i = stage->made.len; i > 0; i--)
		remove(stage->made.ptr[i - 1]);
	if (stage->dir[0])
		rmdir(stage->dir);
	*stage = (struct stage){ 0 };
}
