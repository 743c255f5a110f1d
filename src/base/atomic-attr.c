/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "atomic-internal.h"

static const char acl[] = "system.posix_acl_access";

static int lacks_xattrs(void)
{
	return errno == EOPNOTSUPP || errno == ENOSYS || errno == ENODATA;
}

int atomic_own(struct atomic *a)
{
	bool keeps = a->old >= 0 && !a->attr.force;
	uid_t uid = keeps ? a->st.st_uid : a->attr.uid;
	gid_t gid = keeps ? a->st.st_gid : a->attr.gid;
	struct stat st;

	if (fstat(a->fd, &st) != 0)
		return -1;
	if ((st.st_uid != uid || st.st_gid != gid) && fchown(a->fd, uid, gid) != 0 && !atomic_may_skip(a))
		return -1;
	/* A default ACL of the directory must not widen a file that had none. A file that is new here may have it. */
	if ((a->old >= 0 || a->attr.force) && fremovexattr(a->fd, acl) != 0 && !lacks_xattrs() && !atomic_may_skip(a))
		return -1;
	return 0;
}

/* The names of the xattrs of a file, each NUL-terminated, in one buf. */
static int list_xattrs(int fd, struct buf *names)
{
	for (;;) {
		ssize_t n = flistxattr(fd, NULL, 0);

		if (n <= 0)
			return n == 0 || lacks_xattrs() ? 0 : -1;
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

static int get_xattr(int fd, const char *name, struct buf *value)
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

/*
 * IMA and EVM keep hashes of content and attributes there (kernel Documentation/ABI/testing/ima_policy, evm): copied to
 * other content they would make the file unreadable, and the kernel writes its own.
 */
static bool is_hash(const char *name)
{
	return strcmp(name, "security.ima") == 0 || strcmp(name, "security.evm") == 0;
}

static int copy_xattr(const struct atomic *a, const char *name, struct err *err)
{
	AUTOBUF want = { 0 }, have = { 0 };

	if (is_hash(name))
		return 0;
	if (get_xattr(a->old, name, &want) != 0) {
		if (errno == ENODATA || atomic_may_skip(a))
			return 0;
		return err_errno(err, "cannot read the attribute '%s' of '%s'", name, a->path);
	}
	/* What is there already (a label given by the directory) needs no right to set it. */
	if (get_xattr(a->fd, name, &have) == 0 && slice_eq(buf_slice(&want), buf_slice(&have)))
		return 0;
	if (fsetxattr(a->fd, name, buf_str(&want), want.len, 0) != 0 && !atomic_may_skip(a))
		return err_errno(err, "cannot copy the attribute '%s' of '%s'", name, a->path);
	return 0;
}

static int copy_xattrs(const struct atomic *a, struct err *err)
{
	AUTOBUF names = { 0 };

	if (list_xattrs(a->old, &names) != 0 && !atomic_may_skip(a))
		return err_errno(err, "cannot list the attributes of '%s'", a->path);
	for (size_t at = 0; at < names.len; at += strlen(names.ptr + at) + 1)
		if (copy_xattr(a, names.ptr + at, err) != 0)
			return -1;
	return 0;
}

static int set_mode(const struct atomic *a, mode_t mode, struct err *err)
{
	struct stat st;

	if (fstat(a->fd, &st) != 0)
		return err_errno(err, "cannot look at the new '%s'", a->path);
	if ((st.st_mode & 07777) != (mode & 07777) && fchmod(a->fd, mode & 07777) != 0 && !atomic_may_skip(a))
		return err_errno(err, "cannot set the mode of the new '%s'", a->path);
	return 0;
}

/*
 * After the last write, because a write takes security.capability and set-id bits away (kernel file_remove_privs), and
 * the mode after the ACL, whose mask is the group part of the mode.
 */
int atomic_dress(struct atomic *a, struct err *err)
{
	bool keeps = a->old >= 0 && !a->attr.force;
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, a->attr.mtime };

	if (keeps && !a->let_go && copy_xattrs(a, err) != 0)
		return -1;
	if (set_mode(a, keeps ? a->st.st_mode : a->attr.mode, err) != 0)
		return -1;
	if (a->attr.force && futimens(a->fd, times) != 0 && !atomic_may_skip(a))
		return err_errno(err, "cannot set the time of the new '%s'", a->path);
	return 0;
}
