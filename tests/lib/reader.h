/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reader: policy_readers for tests: of files in memory, and of trusted files below a root as the program's own. */
#ifndef TESTS_READER_H
#define TESTS_READER_H

#include <nestfix/fsio.h>
#include <nestfix/policy.h>

/* A file in memory; a directory where bytes.ptr is NULL. The list ends with a NULL path. */
struct reader_file {
	const char *path;
	struct slice bytes;
};

static inline bool reader_is_below(const char *path, const char *dir, struct slice *name)
{
	size_t len = strlen(dir);

	if (strncmp(path, dir, len) != 0 || path[len] != '/' || strchr(path + len + 1, '/'))
		return false;
	*name = slice_of(path + len + 1);
	return true;
}

static inline int reader_memory(void *ctx, const char *path, enum policy_found *found, struct slice *bytes,
				struct slice **names, size_t *count, struct arena *arena, struct err *err)
{
	size_t len = strlen(path);
	const char *key = arena_str(arena, (struct slice){ path, len && path[len - 1] == '/' ? len - 1 : len });
	VEC(struct slice) list = { 0 };
	const struct reader_file *f;
	struct slice name;

	(void)err;
	*found = POLICY_MISSING;
	for (f = ctx; f->path; f++)
		if (strcmp(f->path, key) == 0)
			break;
	if (!f->path)
		return 0;
	*found = f->bytes.ptr ? POLICY_FILE : POLICY_DIR;
	*bytes = f->bytes;
	for (f = ctx; f->path && *found == POLICY_DIR; f++)
		if (reader_is_below(f->path, key, &name))
			VEC_PUSH(arena, &list, name);
	*names = list.ptr;
	*count = list.len;
	return 0;
}

static inline int reader_disk(void *ctx, const char *path, enum policy_found *found, struct slice *bytes,
			      struct slice **names, size_t *count, struct arena *arena, struct err *err)
{
	enum fsio_kind kind;
	struct file file;

	*found = POLICY_MISSING;
	if (fsio_kind(ctx, path, &kind, err) < 0)
		return -1;
	if (kind == FSIO_MISSING)
		return 0;
	*found = kind == FSIO_DIR ? POLICY_DIR : POLICY_FILE;
	if (kind == FSIO_DIR)
		return fsio_list(ctx, path, arena, names, count, err);
	if (fsio_read(ctx, path, FSIO_LIMIT_POLICY, arena, &file, err) < 0)
		return -1;
	*bytes = file.bytes;
	return 0;
}

#endif
