/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <nestfix/atomic.h>

#include "atomic-internal.h"

#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546 /* linux/magic.h since 5.5 */
#endif

static const char mark[] = ".aa-nestfix-";
static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345"; /* 32, so that a masked byte is uniform */
enum { TAIL = 6, TEMP_TRIES = 100 };

static void say_where(const struct atomic *a, struct err *err)
{
	if (errno == EACCES && a->fuse && geteuid() == 0)
		err_hint(err, "a cluster file system refuses writes when it has no quorum: see 'pvecm status'");
	else if (errno == EACCES || errno == EPERM)
		err_hint(err, geteuid() == 0 ? "see whether the directory is immutable (lsattr -d) or mounted by others"
					     : "run it as root");
	else if (errno == EROFS)
		err_hint(err, "the file system is mounted read-only: remount it read-write, or see in the kernel log "
			      "why it became read-only");
	else if (errno == ENOSPC || errno == EDQUOT)
		err_hint(err, "make room on the file system (df, df -i), then try again");
}

/* An errno in words, for the step that failed; err_errno reads errno last, so keep it. */
static int cannot(const struct atomic *a, const char *what, struct err *err)
{
	int errnum = errno;

	err_errno(err, "cannot %s '%s'", what, a->path);
	errno = errnum;
	say_where(a, err);
	return -1;
}

static bool is_fuse(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && (unsigned long)fs.f_type == FUSE_SUPER_MAGIC;
}

/* Steps that a FUSE file system without chown, xattr or fsync answers with one of these are left out there. */
bool atomic_may_skip(const struct atomic *a)
{
	return a->fuse && (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL);
}

static int split(struct atomic *a, const struct root *root, const char *path, char **dir, struct err *err)
{
	const char *slash = strrchr(path, '/');
	AUTOARENA arena = { 0 };

	if (!slash || slash[1] == '\0' || strcmp(slash, "/.") == 0 || strcmp(slash, "/..") == 0 ||
	    strlen(slash) > NAME_MAX + 1)
		return err_put(err, ERR_FAILED, "cannot %s '%s': it does not name a file", a->verb, path);
	a->name = strdup(slash + 1);
	a->path = strdup(root_path(root, path, &arena));
	*dir = slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
	if (!a->name || !a->path || !*dir)
		abort(); /* as buf.h */
	return 0;
}

/* A flag set by chattr(1) makes rename fail with a bare EPERM only at the end; say it first. */
static int refuse_flags(const struct atomic *a, int fd, const char *what, struct err *err)
{
	unsigned flags = 0; /* the kernel writes an int, whatever FS_IOC_GETFLAGS declares (ioctl_iflags(2)) */

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0 || !(flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)))
		return 0;
	err_put(err, ERR_REFUSED, "cannot %s '%s': %s was made %s by chattr", a->verb, a->path, what,
		flags & FS_IMMUTABLE_FL ? "immutable" : "append-only");
	return err_hint(err, "find out why it was locked; then: chattr -ia on %s", what);
}

static int refuse_kind(const struct atomic *a, mode_t mode, struct err *err)
{
	if (S_ISLNK(mode)) {
		err_put(err, ERR_REFUSED, "cannot %s '%s': it is a symlink", a->verb, a->path);
		return err_hint(err, "name the file that the symlink points to");
	}
	err_put(err, ERR_REFUSED, "cannot %s '%s': it is not a regular file", a->verb, a->path);
	return err_hint(err, "put the file that is meant in its place");
}

static int meanwhile(const struct atomic *a, const char *what, struct err *err)
{
	err_put(err, ERR_REFUSED, "cannot %s '%s': somebody else %s it meanwhile", a->verb, a->path, what);
	return err_hint(err, "try again when nobody else works on it");
}

static bool is_inode(const struct stat *x, const struct stat *y)
{
	return x->st_dev == y->st_dev && x->st_ino == y->st_ino;
}

/* Is the file that is open the one that was decided on? */
static int check_old(struct atomic *a, struct err *err)
{
	AUTOARENA arena = { 0 };
	struct file now;

	if (a->was == ATOMIC_ANY) /* of a file that is not read the mode says nothing */
		return fsio_is_roots(a->root, a->st.st_uid) ? 0 : fsio_check(&a->st, a->root, a->path, err);
	if (!a->was)
		return meanwhile(a, "created", err);
	if (fsio_read_fd(a->old, a->root, a->path, FSIO_LIMIT_POLICY, &arena, &now, err) != 0)
		return -1;
	if (!slice_eq(now.bytes, a->was->bytes) || (a->was->st.st_ino != 0 && !is_inode(&now.st, &a->was->st)))
		return meanwhile(a, "changed", err);
	return 0;
}

/* Opens what stands at the name: fills a->old and a->st, or leaves old -1 where there is nothing. */
static int open_old(struct atomic *a, struct err *err)
{
	struct stat st;

	if (fstatat(a->dirfd, a->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : cannot(a, a->verb, err);
	if (!S_ISREG(st.st_mode))
		return refuse_kind(a, st.st_mode, err);
	a->old = openat(a->dirfd, a->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (a->old < 0 || fstat(a->old, &a->st) != 0)
		return cannot(a, a->verb, err);
	if (!S_ISREG(a->st.st_mode))
		return refuse_kind(a, a->st.st_mode, err);
	if (refuse_flags(a, a->old, "the file", err) != 0)
		return -1;
	return check_old(a, err);
}

/*
 * libfuse does not replace a file that is open: it renames it to .fuse_hiddenXXXX first (lib/fuse.c fuse_lib_rename),
 * so that for a moment there is none, and for good when the cluster loses its quorum then. A path descriptor keeps the
 * inode without opening it.
 */
static int let_go(struct atomic *a)
{
	int path;

	if (!a->fuse || a->old < 0 || a->let_go)
		return 0;
	path = openat(a->dirfd, a->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (path < 0)
		return -1;
	close(a->old);
	a->old = path;
	a->let_go = true;
	return 0;
}

/* ".NAME.aa-nestfix-XXXXXX"; a long NAME is cut so that the whole fits. A dot keeps parsers of directories away. */
static int make_temp(struct atomic *a)
{
	int room = NAME_MAX - 1 - (int)(sizeof mark - 1) - TAIL;
	char temp[NAME_MAX + 1], tail[TAIL + 1] = "";
	unsigned char random[TAIL];

	for (int i = 0; i < TEMP_TRIES; i++) {
		if (getrandom(random, sizeof random, 0) != sizeof random)
			return -1;
		for (int k = 0; k < TAIL; k++)
			tail[k] = letters[random[k] & 31];
		snprintf(temp, sizeof temp, ".%.*s%s%s", room, a->name, mark, tail);
		a->fd = openat(a->dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (a->fd >= 0) {
			a->temp = strdup(temp);
			return a->temp ? 0 : -1;
		}
		if (errno != EEXIST)
			return -1;
	}
	return -1;
}

static int open_all(struct atomic *a, const char *dir, struct err *err)
{
	a->dirfd = fsio_open(a->root, dir, O_RDONLY | O_DIRECTORY, err);
	if (a->dirfd < 0)
		return err_wrap(err, "cannot replace '%s'", a->path);
	a->fuse = is_fuse(a->dirfd);
	if (refuse_flags(a, a->dirfd, "its directory", err) != 0 || open_old(a, err) != 0)
		return -1;
	if (a->old < 0 && a->was && a->was != ATOMIC_ANY)
		return meanwhile(a, "removed", err);
	if (make_temp(a) != 0)
		return cannot(a, "create a new file beside", err);
	return atomic_own(a) == 0 ? 0 : cannot(a, "set the owner of the new", err);
}

const struct file atomic_any;

int atomic_open(struct atomic *a, const struct root *root, const char *path, const struct file *was,
		const struct atomic_attr *attr, struct err *err)
{
	char *dir = NULL;
	int r;

	*a = (struct atomic){
		.dirfd = -1, .fd = -1, .old = -1, .verb = "replace", .root = root, .was = was, .attr = *attr
	};
	r = split(a, root, path, &dir, err);
	if (r == 0)
		r = open_all(a, dir, err);
	free(dir);
	if (r != 0)
		atomic_abandon(a);
	return r;
}

static int write_all(struct atomic *a, struct slice bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(a->fd, bytes.ptr, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		bytes = slice_from(bytes, (size_t)n);
	}
	return 0;
}

int atomic_write(struct atomic *a, struct slice bytes, struct err *err)
{
	if (a->fuse) { /* each write(2) is a transaction of the cluster: one at the end */
		/* The sooner, the better: the kernel does not wait until the file system has closed it. */
		if (a->old >= 0 && !a->let_go && flistxattr(a->old, NULL, 0) <= 0 && let_go(a) != 0)
			return cannot(a, a->verb, err);
		buf_addslice(&a->pending, bytes);
		return 0;
	}
	return write_all(a, bytes) == 0 ? 0 : cannot(a, "write the new", err);
}

int atomic_fd(const struct atomic *a)
{
	return a->fd;
}

static bool same_time(struct timespec x, struct timespec y)
{
	return x.tv_sec == y.tv_sec && x.tv_nsec == y.tv_nsec;
}

/* Nobody put another file there, and nobody wrote to the one that we looked at. */
static int check_target(struct atomic *a, struct err *err)
{
	struct stat now;
	bool there = fstatat(a->dirfd, a->name, &now, AT_SYMLINK_NOFOLLOW) == 0;

	if (!there && errno != ENOENT)
		return cannot(a, a->verb, err);
	if (there != (a->old >= 0))
		return meanwhile(a, there ? "created" : "removed", err);
	if (!there)
		return 0;
	if (!is_inode(&now, &a->st) || now.st_size != a->st.st_size || !same_time(now.st_mtim, a->st.st_mtim) ||
	    !same_time(now.st_ctim, a->st.st_ctim))
		return meanwhile(a, "changed", err);
	return a->let_go ? 0 : check_old(a, err);
}

/* Does a name of the folder stand for the new file? FUSE may number its files anew. */
static int check_new(struct atomic *a, const char *name, struct err *err)
{
	struct stat now;

	if (a->fuse || (fstatat(a->dirfd, name, &now, AT_SYMLINK_NOFOLLOW) == 0 && is_inode(&now, &a->made)))
		return 0;
	err_put(err, ERR_FAILED, "cannot replace '%s': somebody exchanged the new file while it was put in its place",
		a->path);
	return err_hint(err, "see who may write to the folder, and what stands there now");
}

/*
 * The last step. A new name is taken by RENAME_NOREPLACE, which closes the race with somebody who creates the file now.
 * For a name that exists no call renames on condition: a writer who comes between check_target and renameat is lost.
 * Writers of our own kind are kept out by the journal's lock.
 */
static int put_in_place(struct atomic *a, struct err *err)
{
	if (check_new(a, a->temp, err) != 0 || check_target(a, err) != 0)
		return -1;
	if (a->old < 0 && renameat2(a->dirfd, a->temp, a->dirfd, a->name, RENAME_NOREPLACE) == 0)
		return 0;
	if (a->old < 0 && errno == EEXIST)
		return check_target(a, err) == 0 ? cannot(a, a->verb, err) : -1;
	if (a->old < 0 && errno != EINVAL && errno != ENOSYS)
		return cannot(a, "put the new file in the place of", err);
	if (renameat(a->dirfd, a->temp, a->dirfd, a->name) != 0)
		return cannot(a, "put the new file in the place of", err);
	return 0;
}

static int finish(struct atomic *a, struct err *err)
{
	int fd = a->fd;

	if (a->pending.len > 0 && write_all(a, buf_slice(&a->pending)) != 0)
		return cannot(a, "write the new", err);
	if (atomic_dress(a, err) != 0)
		return -1;
	if (let_go(a) != 0)
		return cannot(a, a->verb, err);
	if (fstat(fd, &a->made) != 0 || (fsync(fd) != 0 && !atomic_may_skip(a)))
		return cannot(a, "sync the new", err);
	a->fd = -1;
	if (close(fd) != 0 && errno != EINTR) /* network and FUSE file systems tell a failed write here */
		return cannot(a, "write the new", err);
	if (put_in_place(a, err) != 0)
		return -1;
	free(a->temp);
	a->temp = NULL; /* from here on abandon has nothing to remove */
	if (fsync(a->dirfd) != 0 && !atomic_may_skip(a))
		return cannot(a, "sync the directory of", err);
	return check_new(a, a->name, err);
}

int atomic_commit(struct atomic *a, struct err *err)
{
	int r = finish(a, err);

	atomic_abandon(a);
	return r;
}

void atomic_abandon(struct atomic *a)
{
	int errnum = errno;

	if (!a->name && !a->path)
		return; /* zeroed or released: its descriptors are not ours */
	if (a->temp)
		unlinkat(a->dirfd, a->temp, 0);
	fsio_close(&a->fd);
	fsio_close(&a->old);
	fsio_close(&a->dirfd);
	buf_release(&a->pending);
	free(a->name);
	free(a->temp);
	free(a->path);
	*a = (struct atomic){ .dirfd = -1, .fd = -1, .old = -1 };
	errno = errnum;
}

int atomic_replace(const struct root *root, const char *path, const struct file *was, struct slice bytes,
		   const struct atomic_attr *attr, struct err *err)
{
	AUTOATOMIC a = { 0 };

	if (atomic_open(&a, root, path, was, attr, err) != 0 || atomic_write(&a, bytes, err) != 0)
		return -1;
	return atomic_commit(&a, err);
}

static int remove_open(struct atomic *a, struct err *err)
{
	struct stat st;

	if (fstatat(a->dirfd, a->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : cannot(a, a->verb, err);
	if (open_old(a, err) != 0)
		return -1;
	if (let_go(a) != 0 || check_target(a, err) != 0)
		return err_is_set(err) ? -1 : cannot(a, a->verb, err);
	if (unlinkat(a->dirfd, a->name, 0) != 0 && errno != ENOENT)
		return cannot(a, a->verb, err);
	if (fsync(a->dirfd) != 0 && !atomic_may_skip(a))
		return cannot(a, "sync the directory of", err);
	return 0;
}

int atomic_remove(const struct root *root, const char *path, const struct file *was, struct err *err)
{
	AUTOATOMIC a = { .dirfd = -1, .fd = -1, .old = -1, .verb = "remove", .root = root, .was = was };
	enum fsio_kind kind;
	char *dir = NULL;
	int r = split(&a, root, path, &dir, err);

	if (r == 0)
		r = fsio_kind(root, dir, &kind, err);
	if (r == 0 && kind != FSIO_MISSING) {
		a.dirfd = fsio_open(root, dir, O_RDONLY | O_DIRECTORY, err);
		a.fuse = a.dirfd >= 0 && is_fuse(a.dirfd);
		r = a.dirfd < 0 ? -1 : remove_open(&a, err);
	}
	free(dir);
	return r;
}

static bool is_ours(struct slice name)
{
	struct slice tail = slice_from(name, name.len - TAIL);
	struct slice head = slice_sub(name, 0, name.len - TAIL);

	if (name.len < sizeof mark - 1 + TAIL + 2 || name.ptr[0] != '.' || !slice_ends(head, mark))
		return false;
	for (size_t i = 0; i < tail.len; i++)
		if (!memchr(letters, tail.ptr[i], sizeof letters - 1))
			return false;
	return true;
}

int atomic_sweep(const struct root *root, const char *dir, struct err *err)
{
	AUTOARENA arena = { 0 };
	struct slice *names;
	enum fsio_kind kind;
	size_t count;

	if (fsio_kind(root, dir, &kind, err) != 0)
		return -1;
	if (kind == FSIO_MISSING)
		return 0;
	if (fsio_list(root, dir, &arena, &names, &count, err) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct err e = { 0 };

		if (!is_ours(names[i]))
			continue;
		/* Refused: no regular file, so none of ours. */
		if (atomic_remove(root, arena_printf(&arena, "%s/%.*s", dir, SLICE_FMT(names[i])), ATOMIC_ANY, &e) !=
			0 &&
		    e.kind != ERR_REFUSED) {
			if (err && !err_is_set(err))
				*err = e;
			return -1;
		}
	}
	return 0;
}
