/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The extended attributes of an open file. */
#include <errno.h>
#include <stdlib.h>
#include <sys/xattr.h>

#include <nestfix/fsio.h>

bool fsio_lacks_xattrs(int errnum)
{
	return errnum == EOPNOTSUPP || errnum == ENOSYS;
}

/* The names, each NUL-terminated, in one buf. */
static int list_names(int fd, struct buf *names)
{
	for (;;) {
		ssize_t n = flistxattr(fd, NULL, 0);

		if (n <= 0)
			return n == 0 || fsio_lacks_xattrs(errno) ? 0 : -1;
		buf_clear(names);
		buf_reserve(names, (size_t)n);
		n = flistxattr(fd, names->ptr, (size_t)n);
		if (n >= 0) {
			names->len = (size_t)n;
			return 0;
		}
		if (errno != ERANGE) /* ERANGE: it grew between the two calls */
			return -1;
	}
}

static int get_value(int fd, const char *name, struct buf *value)
{
	for (;;) {
		ssize_t n = fgetxattr(fd, name, NULL, 0);

		if (n < 0)
			return -1;
		buf_clear(value);
		buf_reserve(value, (size_t)n + 1);
		n = fgetxattr(fd, name, value->ptr, (size_t)n + 1);
		if (n >= 0) {
			value->len = (size_t)n;
			return 0;
		}
		if (errno != ERANGE)
			return -1;
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct fsio_xattr *)a)->name, ((const struct fsio_xattr *)b)->name);
}

int fsio_xattrs(int fd, const char *path, struct arena *arena, struct fsio_xattr **out, size_t *count, struct err *err)
{
	VEC(struct fsio_xattr) list = { 0 };
	AUTOBUF names = { 0 }, value = { 0 };

	*out = NULL;
	*count = 0;
	if (list_names(fd, &names) != 0)
		return err_errno(err, "cannot list the attributes of '%s'", path);
	for (size_t at = 0; at < names.len; at += strlen(names.ptr + at) + 1) {
		const char *name = names.ptr + at;

		if (get_value(fd, name, &value) == 0)
			VEC_PUSH(arena, &list,
				 (struct fsio_xattr){ arena_str(arena, slice_of(name)),
						      arena_slice(arena, buf_slice(&value)) });
		else if (errno != ENODATA) /* somebody took it away meanwhile */
			return err_errno(err, "cannot read the attribute '%s' of '%s'", name, path);
	}
	if (list.len > 0)
		qsort(list.ptr, list.len, sizeof *list.ptr, by_name);
	*out = list.ptr;
	*count = list.len;
	return 0;
}

const struct fsio_xattr *fsio_xattr_find(const struct fsio_xattr *list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	return NULL;
}
