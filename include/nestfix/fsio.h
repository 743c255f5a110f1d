/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fsio: read files that may be trusted, below a root.
 *
 * Every path is absolute and means "below the root": /etc/apparmor.d/x of --root /srv/img is /srv/img/etc/apparmor.d/x.
 * It is followed step by step, and no path leaves the root.
 *
 * - Each folder on the way must belong to root (or to the caller, or to the owner of the root directory), and nobody
 *   else may write to it. The group 0 may. A sticky folder (/tmp) is passed on the way to a folder of root's, no more.
 * - A symlink is followed only if it belongs to root and stands in a folder that root alone can write to: a moved
 *   /var/lib/lxc, /etc/pve/lxc, a merged /usr. Magic links of procfs are never followed.
 * - The folder of a container may belong to the root of the container: see own_folder.
 *
 * What was opened is checked by fstat, never the name: a regular file, with an owner as above, not writable by group or
 * others, not over the limit.
 *
 * In procfs, sysfs, securityfs and cgroupfs the kernel answers: there owner and mode say nothing about trust and are
 * not checked.
 */
#ifndef NESTFIX_FSIO_H
#define NESTFIX_FSIO_H

#include <sys/stat.h>

#include <nestfix/buf.h>
#include <nestfix/err.h>

enum { FSIO_LIMIT_POLICY = 8 << 20 }; /* bytes; the largest policy file known is under 200 KiB */

struct root {
	int fd;     /* O_PATH directory, or -1 */
	bool live;  /* it is "/": this machine, this kernel */
	uid_t uid;  /* owner of the directory */
	char *path; /* absolute, symlinks resolved; "/" for the live root */

	/* Folders are not asked whose they are: for a path that the administrator typed, and for what is only shown. */
	bool anybody;
	/* Nor are files: for what is read, and then neither compiled to be loaded nor written. */
	bool untrusted;
	/*
	 * May a folder that belongs to `uid`, an owner not trusted else, be passed on the way to `name` in it (NULL:
	 * may files be replaced in it)? `dir` is its descriptor, `path` its path without links. It is asked only where
	 * root alone can have put the folder in its place. What is opened in it must be a folder of root's, or a
	 * regular file of root's with no other name, which others cannot write to; no link in it is followed. NULL:
	 * none is passed.
	 */
	bool (*own_folder)(const struct root *root, int dir, const char *path, uid_t uid, const char *name);
};

int root_open(struct root *root, const char *dir, struct err *err); /* ERR_USAGE where it is no directory */
void root_release(struct root *root);
#define AUTOROOT __attribute__((cleanup(root_release))) struct root

/* The path as the outside world sees it, for messages and for programs that are run (they resolve symlinks their way).
 */
const char *root_path(const struct root *root, const char *path, struct arena *arena);

/*
 * open(2) below the root; O_CLOEXEC and O_NOCTTY are added, O_CREAT makes files of mode 0600. -1 with errno set and err
 * filled. Opening a FIFO blocks unless O_NONBLOCK is given.
 */
int fsio_open(const struct root *root, const char *path, int flags, struct err *err);

struct file {
	struct slice bytes;
	struct stat st;
};

enum fsio_kind { FSIO_MISSING, FSIO_FILE, FSIO_DIR, FSIO_ELSE };

/* What a path is (trusted symlinks followed). -1 with err where it cannot be told. */
int fsio_kind(const struct root *root, const char *path, enum fsio_kind *out, struct err *err);

/*
 * Reads a whole trusted file into the arena. Kinds of error: ERR_REFUSED not regular, foreign owner, writable by
 * others, over the limit, on an untrusted way; ERR_FAILED for the rest, a file that changes while it is being read
 * among them. Every text names the file, every hint the way out. A FIFO or device is refused without being
 * opened.
 */
int fsio_read(const struct root *root, const char *path, size_t limit, struct arena *arena, struct file *out,
	      struct err *err);

/* As fsio_read, from a descriptor that is open already. `name` is for messages. */
int fsio_read_fd(int fd, const struct root *root, const char *name, size_t limit, struct arena *arena, struct file *out,
		 struct err *err);

/* Is this an owner who is trusted below the root: root, the caller, the owner of the root directory? */
bool fsio_is_roots(const struct root *root, uid_t uid);

/* What fsio_read_fd asks of owner and mode. 0, or -1 with ERR_REFUSED. */
int fsio_check(const struct stat *st, const struct root *root, const char *name, struct err *err);

/* An extended attribute; an ACL is one, too. */
struct fsio_xattr {
	const char *name;
	struct slice value;
};

/*
 * All those of an open file, sorted by name; none where the file system has none. One that cannot be read is an error.
 * `path` is for messages.
 */
int fsio_xattrs(int fd, const char *path, struct arena *arena, struct fsio_xattr **list, size_t *count,
		struct err *err);
const struct fsio_xattr *fsio_xattr_find(const struct fsio_xattr *list, size_t count, const char *name); /* or NULL */
bool fsio_lacks_xattrs(int errnum); /* errno of a file system that has no attributes, or not this kind */

/* The names in a directory without . and .., sorted by byte. */
int fsio_list(const struct root *root, const char *path, struct arena *arena, struct slice **names, size_t *count,
	      struct err *err);

/* mkdir -p below the root, with a mode (less the umask) for what is made; each new name is synced. */
int fsio_mkdirs(const struct root *root, const char *path, mode_t mode, struct err *err);

/*
 * A folder of our own, if it is there, must belong to root, and nobody else may look into it: else ERR_REFUSED. A
 * missing one is no error.
 */
int fsio_private(const struct root *root, const char *path, struct err *err);

/* A path as typed, made absolute by the working directory; NULL with err where that cannot be told. */
const char *fsio_absolute(const char *path, struct arena *arena, struct err *err);

void fsio_close(int *fd);
#define AUTOCLOSE __attribute__((cleanup(fsio_close))) int

#endif
