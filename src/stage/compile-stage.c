/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "compile-internal.h"

enum { STAGE_FILES = 4096 }; /* a policy reads some dozen files; more is an include that multiplies itself */

/* What files are read from: those of a policy that was read, else the disk as it is now. */
static struct policy_sources *open_sources(const struct compiler *compiler, const struct policy *policy,
					   struct arena *arena)
{
	struct policy_reader *reader = ARENA_NEW(arena, struct policy_reader);
	struct policy_dialect *dialect = ARENA_NEW(arena, struct policy_dialect);
	struct policy_sources *sources;

	if (policy && policy->from)
		return policy_sources_over(policy->from, arena);
	*reader = discover_policy_reader(compiler->root);
	*dialect = (struct policy_dialect){ .base = COMPILE_BASE, .search = compiler->search };
	sources = policy_sources_over(policy_sources_new(reader, dialect, arena), arena);
	for (size_t i = 0; policy && i < policy->source_count; i++)
		policy_sources_put(sources, policy->sources[i]->path, policy->sources[i]->doc.text);
	return sources;
}

static bool look_at(const struct root *root, const char *path, struct stat *st)
{
	AUTOCLOSE fd = fsio_open(root, path, O_PATH, NULL);

	return fd >= 0 && fstat(fd, st) == 0;
}

/* A file may be reached by another name than the one that a text is for: a link. Tells whether there was one. */
static bool put_other_names(const struct root *root, struct policy_sources *sources, const struct policy_reach *reach,
			    const struct compile_text *text)
{
	bool any = false;
	struct stat edited, st;

	if (!look_at(root, text->path, &edited))
		return false;
	for (size_t i = 0; i < reach->count; i++) {
		const struct policy_part *part = &reach->parts[i];

		if (!part->source || slice_eq(part->source->doc.text, text->bytes) || !look_at(root, part->path, &st) ||
		    st.st_dev != edited.st_dev || st.st_ino != edited.st_ino)
			continue;
		policy_sources_put(sources, part->path, text->bytes);
		any = true;
	}
	return any;
}

static int refuse(const struct policy_reach *reach, struct err *err)
{
	err_put(err, reach->trouble->kind, "%s", reach->trouble->text);
	return err_hint(err, "%s", reach->trouble->hint);
}

static int check_parts(const struct policy_reach *reach, struct err *err)
{
	if (reach->trouble)
		return refuse(reach, err);
	if (reach->count > STAGE_FILES)
		return err_put(err, ERR_FAILED, "cannot compile a policy of more than %d files", STAGE_FILES);
	for (size_t i = 0; i < reach->count; i++) {
		const struct policy_source *source = reach->parts[i].source;

		if (source && memchr(source->doc.text.ptr, '\0', source->doc.text.len))
			return err_put(err, ERR_FAILED, "cannot read '%s' as policy: it holds a NUL byte",
				       source->path);
	}
	return 0;
}

int compile_gather(struct policy_reach *out, const struct compiler *compiler, const struct policy *policy,
		   const char *path, const struct compile_text *texts, size_t text_count, struct arena *arena,
		   struct err *err)
{
	struct policy_sources *sources = open_sources(compiler, policy, arena);
	const struct policy_source *top;
	bool again = true;

	for (size_t i = 0; i < text_count; i++)
		policy_sources_put(sources, texts[i].path, texts[i].bytes);
	while (again) {
		top = policy_source(sources, path, err);
		if (!top)
			return -1;
		policy_reach(out, sources, top, arena);
		again = false;
		for (size_t i = 0; i < text_count; i++)
			again |= put_other_names(compiler->root, sources, out, &texts[i]);
	}
	return check_parts(out, err);
}

const char *compile_difference(const struct policy_reach *x, const struct policy_reach *y)
{
	for (size_t i = 0; i < x->count || i < y->count; i++) {
		const struct policy_part *a = &x->parts[i], *b = &y->parts[i];

		if (i >= x->count || i >= y->count)
			return i >= x->count ? b->path : a->path;
		if (strcmp(a->path, b->path) != 0 || a->found != b->found ||
		    (a->source && !slice_eq(a->source->doc.text, b->source->doc.text)))
			return a->path;
	}
	return NULL;
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

/*
 * The text with the staging directory in front of every path that it includes by name: `include "/x"` does not look at
 * the parser's base directory, and `include "x"` looks below the working directory, which is / (run.h).
 */
static int redirect(struct stage *stage, const struct doc *doc, struct slice *out, struct err *err)
{
	VEC(struct edit) edits = { 0 };
	AUTOBUF printed = { 0 };

	for (const struct stmt *s = doc->first; s; s = doc_next(s)) {
		struct slice name = s->include_name;
		const char *slash;

		if ((s->kind != STMT_INCLUDE && s->kind != STMT_ABI) || name.len == 0 || s->include_magic)
			continue;
		slash = slice_starts(policy_include_name(s, stage->arena), "/") ? "" : "/";
		VEC_PUSH(stage->arena, &edits,
			 (struct edit){ .at = (size_t)(name.ptr - doc->text.ptr),
					.with = slice_of(arena_printf(stage->arena, "%s%s", stage->dir, slash)) });
	}
	if (doc_print(doc, edits.ptr, edits.len, &printed, err) < 0)
		return -1;
	*out = edits.len > 0 ? arena_slice(stage->arena, buf_slice(&printed)) : doc->text;
	return 0;
}

static int put_part(struct stage *stage, const struct policy_part *part, struct err *err)
{
	struct slice text = { 0 };

	switch (part->found) {
	case POLICY_FILE:
		if (redirect(stage, &part->source->doc, &text, err) < 0)
			return -1;
		return put_file(stage, part->path, text, err);
	case POLICY_DIR:
		return make_dirs(stage, arena_printf(stage->arena, "%s/", part->path), err);
	case POLICY_DEVICE: /* passed over by the parser, as an empty file is */
		return put_file(stage, part->path, text, err);
	default: /* what is missing, the parser tells */
		return 0;
	}
}

/* A profile that the administrator forces into complain mode is compared, and loaded, as such. */
static int put_marker(struct stage *stage, const char *top, struct err *err)
{
	if (!compile_is_marked(stage->compiler, "force-complain", top, stage->arena))
		return 0;
	return put_file(stage, arena_printf(stage->arena, COMPILE_BASE "/force-complain%s", strrchr(top, '/')),
			SLICE(""), err);
}

static int put_settings(struct stage *stage, struct err *err)
{
	const struct compiler *c = stage->compiler;

	if (c->root_kernel_features.len > 0 && put_file(stage, STAGE_KERNEL_FEATURES, c->root_kernel_features, err) < 0)
		return -1;
	if (c->root_policy_features.len > 0 && put_file(stage, STAGE_POLICY_FEATURES, c->root_policy_features, err) < 0)
		return -1;
	return c->root_config.len > 0 ? put_file(stage, STAGE_CONFIG, c->root_config, err) : 0;
}

static int make_stage(struct stage *stage, struct err *err)
{
	snprintf(stage->tmp, sizeof stage->tmp, "/tmp/aa-nestfix-%d-XXXXXX", (int)getpid());
	if (!mkdtemp(stage->tmp)) {
		stage->tmp[0] = '\0';
		return err_errno(err, "cannot make a folder in '/tmp'");
	}
	stage->dir = stage->tmp;
	if (stage->pad > 0) {
		const char *pad = arena_printf(stage->arena, "/%0*d/", (int)stage->pad, 0);

		if (make_dirs(stage, pad, err) < 0)
			return -1;
		stage->dir = arena_printf(stage->arena, "%s/%0*d", stage->tmp, (int)stage->pad, 0);
	}
	if (make_dirs(stage, COMPILE_BASE "/", err) < 0)
		return -1;
	return put_settings(stage, err);
}

int stage_files(struct stage *stage, const struct policy_reach *reach, struct err *err)
{
	const char *top = reach->parts[0].path;

	if (make_stage(stage, err) < 0)
		return -1;
	for (size_t i = 0; i < reach->count; i++)
		if (put_part(stage, &reach->parts[i], err) < 0)
			return -1;
	stage->top = arena_printf(stage->arena, "%s%s", stage->dir, top);
	return put_marker(stage, top, err);
}

int stage_text(struct stage *stage, const char *name, struct slice text, struct err *err)
{
	struct policy_source top = { .path = name };
	struct policy_reach reach;

	doc_parse(&top.doc, text, stage->arena);
	policy_reach(&reach, open_sources(stage->compiler, NULL, stage->arena), &top, stage->arena);
	if (check_parts(&reach, err) < 0 || make_stage(stage, err) < 0)
		return -1;
	for (size_t i = 1; i < reach.count; i++)
		if (put_part(stage, &reach.parts[i], err) < 0)
			return -1;
	return redirect(stage, &top.doc, &stage->text, err);
}

void stage_release(struct stage *stage)
{
	for (size_t i = stage->made.len; i > 0; i--)
		remove(stage->made.ptr[i - 1]);
	if (stage->tmp[0])
		rmdir(stage->tmp);
	*stage = (struct stage){ 0 };
}
