/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * atomic: replace, create or remove a file so that a power cut leaves the old or the new one.
 *
 * Calling order: atomic_open, atomic_write any number of times, then atomic_commit or atomic_abandon. The new content
 * grows in a hidden file beside the target (".NAME.aa-nestfix-XXXXXX", O_EXCL), with owner, mode, xattrs (ACLs and
 * security labels among them) of the old file set by descriptor before anything is renamed. commit is fsync, renameat,
 * fsync of the directory; no caller can forget a step.
 *
 * The caller says what it decided on, as it read it: `was`. What stands at the name must be a regular file of root's,
 * not a symlink, and hold these bytes, else ERR_REFUSED: by its descriptor at atomic_open, and once more right before
 * the rename, when it must also be the inode that it was, unwritten; one that did not exist must still not exist. Then
 * both names are looked at: the hidden one before the rename, the target's after it, must be the new file. In the
 * folder of a container's own root (fsio.h) somebody may exchange them.
 *
 * On a FUSE file system that has no chown, xattr or fsync (/etc/pve) those steps are left out when they answer EPERM,
 * EOPNOTSUPP, ENOSYS or EINVAL, the bytes go out in one write, and the old file is closed before it is replaced.
 *
 * A failed atomic_commit left the target as it was, with one exception: "cannot sync the directory of" means that the
 * new file stands but may not survive a power cut. Undo it as any later failure. security.ima and security.evm are not
 * copied: they are hashes of the old content.
 */
#ifndef NESTFIX_ATOMIC_H
#define NESTFIX_ATOMIC_H

#include <nestfix/fsio.h>

/* Attributes for a file that does not exist yet; for one that does they are ignored (it keeps its own) unless `force`.
 */
struct atomic_attr {
	mode_t mode;
	uid_t uid;
	gid_t gid;
	bool force;
	struct timespec mtime; /* tv_nsec UTIME_NOW: now; used only with force */
};

/*
 * What was decided on, for `was`: NULL: nothing stands there. st.st_ino 0: whichever inode. It must stay until commit.
 * ATOMIC_ANY: any regular file of root's, or none: for our own state, which nobody else has to do with.
 */
extern const struct file atomic_any;
#define ATOMIC_ANY (&atomic_any)

struct atomic {
	int dirfd;        /* of the directory, or -1 */
	int fd;           /* of the new file, or -1 */
	int old;          /* of the file that stands there, or -1; to be read before the first atomic_write */
	struct stat st;   /* of the file that stands there */
	const char *verb; /* for messages */
	const struct root *root;
	const struct file *was;
	struct stat made; /* of the new file */
	char *name, *temp, *path;
	struct atomic_attr attr;
	struct buf pending; /* on FUSE: what the one write is to write */
	bool fuse, let_go;  /* let_go: `old` is a path descriptor, for its file must not be open when it is replaced */
};

int atomic_open(struct atomic *a, const struct root *root, const char *path, const struct file *was,
		const struct atomic_attr *attr, struct err *err);
int atomic_write(struct atomic *a, struct slice bytes, struct err *err);
/*
 * The descriptor of the new file, for attributes that the caller sets itself (backup: xattrs and ACLs of an archive).
 * Only with `force`, and after the last write, because writing drops some of them.
 */
int atomic_fd(const struct atomic *a);
int atomic_commit(struct atomic *a, struct err *err); /* on failure as atomic_abandon */
void atomic_abandon(struct atomic *a);                /* removes the hidden file; the target was never touched */
#define AUTOATOMIC __attribute__((cleanup(atomic_abandon))) struct atomic

/* All four in one call. */
int atomic_replace(const struct root *root, const char *path, const struct file *was, struct slice bytes,
		   const struct atomic_attr *attr, struct err *err);

/* Removes a regular file of root's that is as it was, and syncs its directory. A missing file is no error. */
int atomic_remove(const struct root *root, const char *path, const struct file *was, struct err *err);

/* Removes hidden files that a killed run left in a directory. Only under the lock: a running one has such files too. */
int atomic_sweep(const struct root *root, const char *dir, struct err *err);

#endif
