/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checks of an open file, and reading it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "fsio-internal.h"

static const char *kind_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "a directory";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	case S_IFCHR:
	case S_IFBLK:
		return "a device";
	default:
		return "a symlink";
	}
}

static int refuse_size(const char *name, size_t limit, const char *size, struct err *err)
{
	err_put(err, ERR_REFUSED, "cannot read '%s': it has %s, over the limit of %zu", name, size, limit);
	return err_hint(err, "look at what it is; no file of this kind is that large");
}

int fsio_check(const struct stat *st, const struct root *root, const char *name, struct err *err)
{
	uid_t uid = st->st_uid;

	if (root->untrusted)
		return 0;
	if (!fsio_is_roots(root, uid)) {
		err_put(err, ERR_REFUSED, "cannot trust '%s': it belongs to uid %u, not to root", name, (unsigned)uid);
		return err_hint(err, "find out who wrote it; then: chown root '%s'", name);
	}
	if (st->st_mode & (S_IWGRP | S_IWOTH)) {
		err_put(err, ERR_REFUSED, "cannot trust '%s': its mode %04o lets %s write to it", name,
			(unsigned)st->st_mode & 07777, st->st_mode & S_IWOTH ? "everybody" : "its group");
		return err_hint(err, "find out who changed it; then: chmod go-w '%s'", name);
	}
	return 0;
}

/* Reads until the end or until `size` bytes are there; -1 with errno. */
static ssize_t read_some(int fd, char *ptr, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = pread(fd, ptr + len, size - len, (off_t)len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

static int read_kernel_file(int fd, const char *name, size_t limit, struct arena *arena, struct slice *out,
			    struct err *err)
{
	AUTOBUF text = { 0 };

	for (;;) {
		ssize_t n;

		buf_reserve(&text, 65536);
		n = pread(fd, text.ptr + text.len, 65536, (off_t)text.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, "cannot read '%s'", name);
		if (n == 0)
			break;
		text.len += (size_t)n;
		if (text.len > limit)
			return refuse_size(name, limit, "more bytes", err);
	}
	*out = arena_slice(arena, buf_slice(&text));
	return 0;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static int read_exactly(int fd, const struct stat *st, const char *name, struct arena *arena, struct slice *out,
			struct err *err)
{
	size_t size = (size_t)st->st_size;
	char *ptr = arena_alloc(arena, size + 2); /* one to see growth, one that stays NUL */
	ssize_t n = read_some(fd, ptr, size + 1);
	struct stat after;

	if (n < 0 || fstat(fd, &after) != 0)
		return err_errno(err, "cannot read '%s'", name);
	if ((size_t)n != size || after.st_size != st->st_size || !same_time(after.st_mtim, st->st_mtim)) {
		err_put(err, ERR_FAILED, "cannot read '%s': it changed while it was being read", name);
		return err_hint(err, "try again when nobody writes to it");
	}
	*out = (struct slice){ ptr, size };
	return 0;
}

int fsio_read_fd(int fd, const struct root *root, const char *name, size_t limit, struct arena *arena, struct file *out,
		 struct err *err)
{
	char size[32];

	*out = (struct file){ 0 };
	if (fstat(fd, &out->st) != 0)
		return err_errno(err, "cannot read '%s'", name);
	if (!S_ISREG(out->st.st_mode)) {
		err_put(err, ERR_REFUSED, "cannot read '%s': it is %s, not a regular file", name,
			kind_name(out->st.st_mode));
		return err_hint(err, "put the file that is meant in its place");
	}
	if (fsio_is_kernels(fd))
		return read_kernel_file(fd, name, limit, arena, &out->bytes, err);
	if (fsio_check(&out->st, root, name, err) != 0)
		return -1;
	if (out->st.st_size < 0 || (unsigned long long)out->st.st_size > limit) {
		snprintf(size, sizeof size, "%lld bytes", (long long)out->st.st_size);
		return refuse_size(name, limit, size, err);
	}
	return read_exactly(fd, &out->st, name, arena, &out->bytes, err);
}
