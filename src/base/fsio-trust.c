/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may put names into a folder, and what may be opened there. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fsio-internal.h"

bool fsio_is_roots(const struct root *root, uid_t uid)
{
	return uid == 0 || uid == geteuid() || (!root->live && uid == root->uid);
}

/*
 * File systems in which the kernel answers: there size, owner and mode say nothing on who wrote (0 or a page;
 * /proc/PID/attr/current is 0666), and nobody can put a name into a folder.
 */
bool fsio_is_kernels(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) != 0)
		return false;
	switch ((unsigned long)fs.f_type) {
	case PROC_SUPER_MAGIC:
	case SYSFS_MAGIC:
	case SECURITYFS_MAGIC:
	case AAFS_MAGIC:
	case CGROUP_SUPER_MAGIC:
	case CGROUP2_SUPER_MAGIC:
		return true;
	default:
		return false;
	}
}

/* With an ACL the group's bits are its mask (acl(5)): they tell nothing of the group, but may be anybody's. */
static bool has_acl(int dir)
{
	AUTOCLOSE fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fgetxattr(fd, "system.posix_acl_access", NULL, 0) >= 0 ||
	       (errno != ENODATA && errno != EOPNOTSUPP);
}

enum folder walk_judge(const struct walk *w, int dir, const struct stat *st, const char *name)
{
	const struct root *root = w->root;
	bool roots = fsio_is_roots(root, st->st_uid), others = st->st_mode & S_IWOTH;
	bool group = (st->st_mode & S_IWGRP) && (st->st_gid != 0 || has_acl(dir));

	if (roots && !(st->st_mode & (S_IWGRP | S_IWOTH)))
		return FOLDER_SEALED;
	if (roots && !group && !others)
		return FOLDER_ROOTS;
	if (fsio_is_kernels(dir))
		return FOLDER_KERNEL;
	if (root->anybody)
		return FOLDER_ANYBODY;
	if (roots && (st->st_mode & S_ISVTX))
		return FOLDER_STICKY;
	if (roots || others || w->own || !root->own_folder || w->dirs[w->depth - 1].kind > FOLDER_ROOTS)
		return FOLDER_FOREIGN;
	return root->own_folder(root, dir, w->where, st->st_uid, name) ? FOLDER_OWN : FOLDER_FOREIGN;
}

/*
 * In a sticky folder a file or link of root's may have been moved there by whoever found it in a folder of his own; a
 * folder may not (rename(2): another parent needs the right to write to the folder itself). In a container's own folder
 * the container's root moves names at will: what is opened there must be root's, and have no other name elsewhere.
 */
bool walk_may_open(struct walk *w, const struct stat *st)
{
	enum folder in = w->dirs[w->depth - 1].kind;

	if (in == FOLDER_STICKY && !S_ISDIR(st->st_mode))
		w->why = WALK_STICKY;
	else if (w->own && !S_ISDIR(st->st_mode) &&
		 (!S_ISREG(st->st_mode) || !fsio_is_roots(w->root, st->st_uid) || st->st_nlink != 1 ||
		  (st->st_mode & (S_IWGRP | S_IWOTH))))
		w->why = WALK_OWN;
	else
		return true;
	w->st = *st;
	errno = EPERM;
	return false;
}
