/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "fsio-internal.h"

enum { LIST_LIMIT = 100000 };

void fsio_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

int root_open(struct root *root, const char *dir, struct err *err)
{
	char *real = realpath(dir, NULL);
	struct stat st;

	*root = (struct root){ .fd = -1 };
	if (real)
		root->fd = open(real, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root->fd < 0 || fstat(root->fd, &st) != 0) {
		fsio_close(&root->fd);
		free(real);
		err_errno(err, "cannot use '%s' as the root", dir);
		if (err && err->kind == ERR_FAILED)
			err->kind = ERR_USAGE;
		return err_hint(err, "name a directory that holds a system, such as / or the root of an image");
	}
	root->live = strcmp(real, "/") == 0;
	root->uid = st.st_uid;
	root->path = real;
	return 0;
}

void root_release(struct root *root)
{
	if (!root->path)
		return; /* zeroed: its fd 0 is not ours */
	fsio_close(&root->fd);
	free(root->path);
	*root = (struct root){ .fd = -1 };
}

const char *root_path(const struct root *root, const char *path, struct arena *arena)
{
	return arena_printf(arena, "%s%s", root->live ? "" : root->path, path);
}

int fsio_open(const struct root *root, const char *path, int flags, struct err *err)
{
	AUTOWALK w = { 0 };
	int fd = walk_open(&w, root, path, flags);

	if (fd >= 0)
		return fd;
	if (errno != ELOOP || w.why != WALK_ERRNO)
		return walk_cannot(&w, path, "open", err);
	/* O_NOFOLLOW: ELOOP speaks of circles where there is but one link */
	AUTOARENA arena = { 0 };
	err_put(err, ERR_REFUSED, "cannot open '%s': it is a symlink", root_path(root, path, &arena));
	err_hint(err, "put the file that is meant in its place");
	if (err)
		err->errnum = ELOOP;
	errno = ELOOP;
	return -1;
}

int fsio_kind(const struct root *root, const char *path, enum fsio_kind *out, struct err *err)
{
	AUTOWALK w = { 0 };
	AUTOCLOSE fd = walk_open(&w, root, path, O_PATH);
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		*out = FSIO_MISSING;
		return 0;
	}
	if (fd < 0 || fstat(fd, &st) != 0)
		return walk_cannot(&w, path, "look at", err);
	*out = S_ISREG(st.st_mode) ? FSIO_FILE : S_ISDIR(st.st_mode) ? FSIO_DIR : FSIO_ELSE;
	return 0;
}

int fsio_read(const struct root *root, const char *path, size_t limit, struct arena *arena, struct file *out,
	      struct err *err)
{
	/* Opening a FIFO can block and opening a device can act (tapes, watchdogs). */
	AUTOWALK w = { .careful = true };
	AUTOCLOSE fd = walk_open(&w, root, path, O_RDONLY | O_NONBLOCK);

	if (fd < 0)
		return walk_cannot(&w, path, "read", err);
	return fsio_read_fd(fd, root, root_path(root, path, arena), limit, arena, out, err);
}

static int by_bytes(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

int fsio_list(const struct root *root, const char *path, struct arena *arena, struct slice **names, size_t *count,
	      struct err *err)
{
	VEC(struct slice) list = { 0 };
	AUTOWALK w = { 0 };
	AUTOCLOSE fd = walk_open(&w, root, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
	__attribute__((cleanup(close_dir))) DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (!dir)
		return walk_cannot(&w, path, "list", err);
	fd = -1; /* closedir closes it */
	while ((errno = 0, entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (list.len == LIST_LIMIT)
			return err_put(err, ERR_REFUSED, "cannot list '%s': it has over %d entries",
				       root_path(root, path, arena), LIST_LIMIT);
		VEC_PUSH(arena, &list, arena_slice(arena, slice_of(entry->d_name)));
	}
	if (errno != 0)
		return walk_cannot(&w, path, "list", err);
	if (list.len > 0)
		qsort(list.ptr, list.len, sizeof *list.ptr, by_bytes);
	*names = list.ptr;
	*count = list.len;
	return 0;
}

int fsio_mkdirs(const struct root *root, const char *path, mode_t mode, struct err *err)
{
	AUTOWALK w = { .make = mode };
	AUTOCLOSE fd = walk_open(&w, root, path, O_PATH | O_DIRECTORY);

	return fd >= 0 ? 0 : walk_cannot(&w, path, "create the directory", err);
}

int fsio_private(const struct root *root, const char *path, struct err *err)
{
	AUTOWALK w = { 0 };
	AUTOCLOSE fd = walk_open(&w, root, path, O_PATH | O_DIRECTORY);
	AUTOARENA arena = { 0 };
	const char *name = root_path(root, path, &arena);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) != 0)
		return walk_cannot(&w, path, "use", err);
	if (!fsio_is_roots(root, st.st_uid)) {
		err_put(err, ERR_REFUSED, "cannot trust '%s': it belongs to uid %u, not to root", name,
			(unsigned)st.st_uid);
		return err_hint(err, "find out who made it and what is in it; then: chown root '%s'", name);
	}
	if (st.st_mode & (S_IRWXG | S_IRWXO)) {
		err_put(err, ERR_REFUSED, "cannot trust '%s': its mode %04o lets others in", name,
			(unsigned)st.st_mode & 07777);
		return err_hint(err, "find out who changed it, and look at what is in it; then: chmod 700 '%s'", name);
	}
	return 0;
}

const char *fsio_absolute(const char *path, struct arena *arena, struct err *err)
{
	char cwd[PATH_MAX];

	if (path[0] == '/')
		return path;
	if (!getcwd(cwd, sizeof cwd)) {
		err_errno(err, "cannot tell the working directory");
		return NULL;
	}
	return arena_printf(arena, "%s/%s", cwd, path);
}
