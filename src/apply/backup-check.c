/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is what was archived what stands there? An attribute that was lost on the way would be found missing after a
 * rollback, when it is too late. */
#include <fcntl.h>

#include "backup-internal.h"

static const char *xattrs_differ(const struct backup_file *kept, const struct fsio_xattr *now, size_t count)
{
	for (size_t i = 0; i < count || i < kept->xattr_count; i++) {
		const char *a = i < kept->xattr_count ? kept->xattrs[i].name : NULL;
		const char *b = i < count ? now[i].name : NULL;

		if (!a || !b || strcmp(a, b) != 0)
			return a && (!b || strcmp(a, b) < 0) ? a : b;
		if (!slice_eq(kept->xattrs[i].value, now[i].value))
			return a;
	}
	return NULL;
}

/* What of a file is not as it was kept, or NULL. */
static const char *differs(const struct backup_file *kept, const struct file *now)
{
	const struct atomic_attr *attr = &kept->attr;

	if (!slice_eq(kept->content, now->bytes))
		return "content";
	if (attr->uid != now->st.st_uid || attr->gid != now->st.st_gid)
		return "owner";
	if (attr->mode != (now->st.st_mode & 07777))
		return "mode";
	if (attr->mtime.tv_sec != now->st.st_mtim.tv_sec || attr->mtime.tv_nsec != now->st.st_mtim.tv_nsec)
		return "time";
	return NULL;
}

static int compare_file(const struct root *root, const struct backup_file *kept, struct arena *arena, struct err *err)
{
	AUTOCLOSE fd = fsio_open(root, kept->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, err);
	const char *what;
	struct fsio_xattr *xattrs;
	struct file now;
	size_t count;

	if (fd < 0 || fsio_read_fd(fd, root, kept->path, FSIO_LIMIT_POLICY, arena, &now, err) != 0 ||
	    fsio_xattrs(fd, kept->path, arena, &xattrs, &count, err) != 0)
		return -1;
	what = differs(kept, &now);
	if (!what)
		what = xattrs_differ(kept, xattrs, count);
	if (!what)
		return 0;
	err_put(err, ERR_FAILED, "cannot keep the %s of '%s' as it is", what, kept->path);
	return err_hint(err,
			"nothing was changed; try again when nobody else works on the file, and see the kernel log "
			"for errors of its file system");
}

int backup_compare(const struct root *root, const struct backup *backup, struct arena *arena, struct err *err)
{
	for (size_t i = 0; i < backup->file_count; i++)
		if (backup->files[i].existed && compare_file(root, &backup->files[i], arena, err) != 0)
			return -1;
	return 0;
}
