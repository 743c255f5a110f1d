/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "atomic-internal.h"

static const char acl[] = "system.posix_acl_access";

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
	if ((a->old >= 0 || a->attr.force) && fremovexattr(a->fd, acl) != 0 && errno != ENODATA &&
	    !fsio_lacks_xattrs(errno) && !atomic_may_skip(a))
		return -1;
	return 0;
}

/*
 * IMA and EVM keep hashes of content and attributes there (kernel Documentation/ABI/testing/ima_policy, evm): copied to
 * other content they would make the file unreadable, and the kernel writes its own.
 */
static bool is_hash(const char *name)
{
	return strcmp(name, "security.ima") == 0 || strcmp(name, "security.evm") == 0;
}

static int copy_xattr(const struct atomic *a, const struct fsio_xattr *want, const struct fsio_xattr *have,
		      struct err *err)
{
	/* What is there already (a label given by the directory) needs no right to set it. */
	if (is_hash(want->name) || (have && slice_eq(want->value, have->value)))
		return 0;
	if (fsetxattr(a->fd, want->name, want->value.len ? want->value.ptr : "", want->value.len, 0) != 0 &&
	    !atomic_may_skip(a))
		return err_errno(err, "cannot copy the attribute '%s' of '%s'", want->name, a->path);
	return 0;
}

static int copy_xattrs(const struct atomic *a, struct err *err)
{
	AUTOARENA arena = { 0 };
	struct err trouble = { 0 };
	struct fsio_xattr *want, *have;
	size_t count, have_count;

	if (fsio_xattrs(a->old, a->path, &arena, &want, &count, &trouble) != 0) {
		errno = trouble.errnum;
		if (atomic_may_skip(a))
			return 0;
		err_put(err, trouble.kind, "%s", trouble.text);
		return -1;
	}
	fsio_xattrs(a->fd, a->path, &arena, &have, &have_count, NULL);
	for (size_t i = 0; i < count; i++)
		if (copy_xattr(a, &want[i], fsio_xattr_find(have, have_count, want[i].name), err) != 0)
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
