/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <nestfix/fsio.h>

enum { OPEN_TRIES = 32, LIST_LIMIT = 100000 };

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

/*
 * openat2(2) is in Linux 5.6; seccomp filters written before it answer EPERM. /proc/PID/root and the like are magic
 * links: they jump to where a process is, so no path of ours follows one.
 */
static int try_openat2(const struct root *root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)flags,
		.mode = flags & O_CREAT ? 0600 : 0,
		.resolve = root->live ? RESOLVE_NO_MAGICLINKS : RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;

	/* EAGAIN: a rename went on while ".." was resolved (openat2(2)). */
	for (int i = 0; i < OPEN_TRIES; i++) {
		fd = syscall(SYS_openat2, root->fd, path, &how, sizeof how);
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return (int)fd;
}

static bool has_openat2(void)
{
	struct root here = { .fd = AT_FDCWD, .live = true };
	AUTOCLOSE fd = try_openat2(&here, "/", O_PATH | O_CLOEXEC);

	return fd >= 0;
}

/* The next component of *path, or false at its end. */
static bool next_name(const char **path, char name[NAME_MAX + 1])
{
	const char *p = *path + strspn(*path, "/");
	size_t n = strcspn(p, "/");

	if (n == 0)
		return false;
	*path = p + n;
	if (n > NAME_MAX)
		n = NAME_MAX; /* cannot happen: open_below refuses such a path */
	memcpy(name, p, n);
	name[n] = '\0';
	return true;
}

static bool names_fit(const char *path)
{
	for (const char *p = path; *p;) {
		p += strspn(p, "/");
		if (strcspn(p, "/") > NAME_MAX)
			return false;
		p += strcspn(p, "/");
	}
	return true;
}

static bool is_symlink(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISLNK(st.st_mode);
}

/* Without openat2: component by component, no symlink, no "..". Slower and stricter, never wider. */
static int walk(const struct root *root, const char *path, int flags)
{
	AUTOCLOSE dir = openat(root->fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[NAME_MAX + 1];

	while (dir >= 0 && next_name(&path, name)) {
		bool last = path[strspn(path, "/")] == '\0';
		int fd;

		if (strcmp(name, "..") == 0) {
			errno = EXDEV;
			return -1;
		}
		if (last)
			return openat(dir, name, flags | O_NOFOLLOW, 0600);
		fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && is_symlink(fd)) {
			close(fd);
			errno = ELOOP;
			return -1;
		}
		fsio_close(&dir);
		dir = fd;
	}
	return dir < 0 ? -1 : openat(dir, ".", flags);
}

/* O_PATH|O_NOFOLLOW opens a symlink itself, which is what the walk must not do for a caller that follows. */
static int walk_checked(const struct root *root, const char *path, int flags)
{
	int fd = walk(root, path, flags);

	if (fd >= 0 && !(flags & O_NOFOLLOW) && is_symlink(fd)) {
		close(fd);
		errno = ELOOP;
		return -1;
	}
	return fd;
}

static int open_below(const struct root *root, const char *path, int flags)
{
	int fd;

	if (path[0] != '/') {
		errno = EINVAL;
		return -1;
	}
	if (!names_fit(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	/* openat2 is strict where open is not: O_PATH goes with few other flags, O_LARGEFILE must be said. */
	if (flags & O_PATH)
		flags = (flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW)) | O_CLOEXEC;
	else
		flags |= O_CLOEXEC | O_NOCTTY | O_LARGEFILE;
	fd = try_openat2(root, path, flags);
	if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
		return fd;
	if (errno == EPERM && has_openat2()) {
		errno = EPERM;
		return -1;
	}
	return root->live ? open(path, flags, 0600) : walk_checked(root, path, flags);
}

static int refuse_link(const struct root *root, const char *link, const char *target, int errnum, const char *verb,
		       const char *name, struct err *err)
{
	enum err_kind kind = root->live ? ERR_FAILED : ERR_REFUSED;
	bool circle = errnum == ELOOP || errnum == EXDEV;

	if (circle && !root->live && !has_openat2()) {
		err_put(err, kind, "cannot %s '%s': '%s' is a symlink to '%s', which this kernel cannot follow safely",
			verb, name, link, target);
		err_hint(err, "a root other than / with symlinks needs Linux 5.6 or newer");
	} else if (circle) {
		err_put(err, kind, "cannot %s '%s': '%s' is a symlink to '%s', which leads in circles or out of /proc",
			verb, name, link, target);
		err_hint(err, "replace the symlink by the file that is meant");
	} else {
		err_put(err, kind, "cannot %s '%s': '%s' is a symlink to '%s', which does not exist%s", verb, name,
			link, target, root->live ? "" : " inside the root");
		err_hint(err, "remove the symlink or create what it points to");
	}
	if (err)
		err->errnum = errnum;
	return -1;
}

/* Looks for the symlink that is to blame for errno, component by component. True when it was found and told. */
static bool blame_link(const struct root *root, const char *path, const char *verb, const char *name, struct err *err)
{
	AUTOARENA arena = { 0 };
	size_t at = 0;

	while (path[at]) {
		const char *prefix;
		char target[PATH_MAX];
		ssize_t n;

		at += strspn(path + at, "/");
		at += strcspn(path + at, "/");
		prefix = arena_str(&arena, (struct slice){ path, at });
		AUTOCLOSE self = open_below(root, prefix, O_PATH | O_NOFOLLOW);
		if (self < 0)
			return false;
		if (!is_symlink(self))
			continue;
		AUTOCLOSE there = open_below(root, prefix, O_PATH);
		if (there >= 0)
			continue;
		int errnum = errno;
		n = readlinkat(self, "", target, sizeof target - 1);
		target[n > 0 ? n : 0] = '\0';
		refuse_link(root, root_path(root, prefix, &arena), target, errnum, verb, name, err);
		return true;
	}
	return false;
}

/* Fills err from errno, which is kept, with the reason in words where errno alone misleads. */
static int cannot(const struct root *root, const char *path, const char *verb, struct err *err)
{
	int errnum = errno;
	AUTOARENA arena = { 0 };
	const char *name = root_path(root, path, &arena);
	bool told =
	    (errnum == ENOENT || errnum == ELOOP || errnum == ENOTDIR) && blame_link(root, path, verb, name, err);

	errno = errnum;
	if (!told)
		err_errno(err, "cannot %s '%s'", verb, name);
	if (!told && (errnum == EACCES || errnum == EPERM) && geteuid() != 0)
		err_hint(err, "run it as root");
	errno = errnum;
	return -1;
}

/* With O_NOFOLLOW, ELOOP speaks of circles where there is but one link. */
static int refuse_last_link(const struct root *root, const char *path, struct err *err)
{
	AUTOARENA arena = { 0 };
	AUTOCLOSE self = open_below(root, path, O_PATH | O_NOFOLLOW);

	if (self < 0 || !is_symlink(self)) {
		errno = ELOOP;
		return cannot(root, path, "open", err);
	}
	err_put(err, ERR_REFUSED, "cannot open '%s': it is a symlink", root_path(root, path, &arena));
	err_hint(err, "put the file that is meant in its place");
	if (err)
		err->errnum = ELOOP;
	errno = ELOOP;
	return -1;
}

int fsio_open(const struct root *root, const char *path, int flags, struct err *err)
{
	int fd = open_below(root, path, flags);

	if (fd >= 0)
		return fd;
	if (errno == ELOOP && (flags & O_NOFOLLOW))
		return refuse_last_link(root, path, err);
	return cannot(root, path, "open", err);
}

int fsio_kind(const struct root *root, const char *path, enum fsio_kind *out, struct err *err)
{
	AUTOCLOSE fd = open_below(root, path, O_PATH);
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		*out = FSIO_MISSING;
		return 0;
	}
	if (fd < 0 || fstat(fd, &st) != 0)
		return cannot(root, path, "look at", err);
	*out = S_ISREG(st.st_mode) ? FSIO_FILE : S_ISDIR(st.st_mode) ? FSIO_DIR : FSIO_ELSE;
	return 0;
}

int fsio_read(const struct root *root, const char *path, size_t limit, struct arena *arena, struct file *out,
	      struct err *err)
{
	const char *name = root_path(root, path, arena);
	AUTOCLOSE look = open_below(root, path, O_PATH);
	AUTOCLOSE fd = -1;
	struct stat st;

	if (look < 0 || fstat(look, &st) != 0)
		return cannot(root, path, "read", err);
	/* Opening a FIFO can block and opening a device can act (tapes, watchdogs), so look first. */
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) {
		fd = open_below(root, path, O_RDONLY | O_NONBLOCK);
		if (fd < 0)
			return cannot(root, path, "read", err);
		return fsio_read_fd(fd, root, name, limit, arena, out, err);
	}
	return fsio_read_fd(look, root, name, limit, arena, out, err);
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
	AUTOCLOSE fd = open_below(root, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
	__attribute__((cleanup(close_dir))) DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (!dir)
		return cannot(root, path, "list", err);
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
		return cannot(root, path, "list", err);
	if (list.len > 0)
		qsort(list.ptr, list.len, sizeof *list.ptr, by_bytes);
	*names = list.ptr;
	*count = list.len;
	return 0;
}

/* Makes one directory and syncs its parent, so that what is put into it survives a power cut. */
static int make_dir(int parent, const char *name, mode_t mode)
{
	AUTOCLOSE fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (mkdirat(parent, name, mode) != 0)
		return errno == EEXIST ? 0 : -1;
	if (fsync(fd) != 0 && errno != EINVAL)
		return -1;
	return 0;
}

int fsio_mkdirs(const struct root *root, const char *path, mode_t mode, struct err *err)
{
	AUTOARENA arena = { 0 };
	AUTOCLOSE dir = open_below(root, "/", O_PATH | O_DIRECTORY);
	const char *rest = path;
	char name[NAME_MAX + 1];

	if (path[0] != '/' || !names_fit(path)) {
		errno = path[0] == '/' ? ENAMETOOLONG : EINVAL;
		return cannot(root, path, "create the directory", err);
	}
	while (dir >= 0 && next_name(&rest, name)) {
		const char *prefix = arena_str(&arena, (struct slice){ path, (size_t)(rest - path) });
		int next = open_below(root, prefix, O_PATH | O_DIRECTORY);

		if (next < 0 && errno == ENOENT && make_dir(dir, name, mode) == 0)
			next = open_below(root, prefix, O_PATH | O_DIRECTORY);
		if (next < 0)
			return cannot(root, prefix, "create the directory", err);
		fsio_close(&dir);
		dir = next;
	}
	return dir >= 0 ? 0 : cannot(root, path, "create the directory", err);
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
