/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fsio-walk: a path is followed step by step, by descriptors: each folder is opened without following a link, and
 * judged by fstat before anything in it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "fsio-internal.h"

enum { LINKS = 40 }; /* as the kernel: MAXSYMLINKS */

static int end(struct walk *w, enum walk_why why, int errnum)
{
	if (w->why == WALK_ERRNO)
		w->why = why;
	errno = errnum;
	return -1;
}

/* Does the name that was taken last come from the target of a link? */
static bool is_target(const struct walk *w)
{
	return w->links > 0 && strlen(w->rest) >= w->behind_link;
}

/* errno as it is; a name that a link's target misses is the link's fault. */
static int end_errno(struct walk *w)
{
	return end(w, errno == ENOENT && is_target(w) ? WALK_LINK_GONE : WALK_ERRNO, errno);
}

/* The next component; 0 at the end, -1 for one that is too long. */
static int next_name(struct walk *w, char name[NAME_MAX + 1])
{
	size_t start = strspn(w->rest, "/"), len = strcspn(w->rest + start, "/");

	if (len > NAME_MAX)
		return end(w, WALK_ERRNO, ENAMETOOLONG);
	memcpy(name, w->rest + start, len);
	name[len] = '\0';
	memmove(w->rest, w->rest + start + len, strlen(w->rest + start + len) + 1);
	return len > 0;
}

static bool is_last(const struct walk *w)
{
	return w->rest[strspn(w->rest, "/")] == '\0';
}

/* Appends a name to `where`. */
static int note_name(struct walk *w, const char *name)
{
	size_t len = w->dirs[w->depth - 1].where;
	int n = snprintf(w->where + len, sizeof w->where - len, "/%s", name);

	return n < (int)(sizeof w->where - len) ? 0 : end(w, WALK_ERRNO, ENAMETOOLONG);
}

static void climb(struct walk *w, size_t depth)
{
	while (w->depth > depth)
		fsio_close(&w->dirs[--w->depth].fd);
	w->own = false;
	for (size_t i = 0; i < w->depth; i++)
		w->own = w->own || w->dirs[i].kind == FOLDER_OWN;
	w->where[w->dirs[w->depth - 1].where] = '\0';
}

static int refuse_folder(struct walk *w, const struct stat *st)
{
	w->st = *st;
	return end(w, fsio_is_roots(w->root, st->st_uid) ? WALK_MODE : WALK_OWNER, EPERM);
}

/* Goes into a folder, whose descriptor it takes. `next`: what will be opened there, or NULL. */
static int enter(struct walk *w, int *fd, const struct stat *st, const char *next)
{
	enum folder kind = walk_judge(w, *fd, st, next);

	if (kind == FOLDER_FOREIGN)
		return refuse_folder(w, st);
	if (w->depth == WALK_DEPTH)
		return end(w, WALK_ERRNO, ENAMETOOLONG);
	w->own = w->own || kind == FOLDER_OWN;
	w->dirs[w->depth].kind = kind;
	w->dirs[w->depth].where = strlen(w->where);
	w->dirs[w->depth++].fd = *fd;
	*fd = -1;
	return 0;
}

static int read_link(struct walk *w, int fd, const struct stat *st)
{
	enum folder in = w->dirs[w->depth - 1].kind;
	ssize_t n = readlinkat(fd, "", w->target, sizeof w->target);

	if (n < 0 || n == (ssize_t)sizeof w->target)
		return end(w, WALK_ERRNO, n < 0 ? errno : ENAMETOOLONG);
	w->target[n] = '\0';
	memcpy(w->link, w->where, sizeof w->link);
	w->st = *st;
	if (in == FOLDER_KERNEL || fsio_is_kernels(w->dirs[w->depth - 1].fd))
		return w->target[0] == '/' ? end(w, WALK_LINK_MAGIC, ELOOP) : 0;
	if (!fsio_is_roots(w->root, st->st_uid))
		return end(w, WALK_LINK_OWNER, EPERM);
	return in == FOLDER_SEALED ? 0 : end(w, WALK_LINK_PLACE, EPERM);
}

/* A link stands for its target, as on the machine that boots from this root. */
static int follow(struct walk *w, int fd, const struct stat *st)
{
	char rest[PATH_MAX];
	int n;

	if (read_link(w, fd, st) < 0)
		return -1;
	if (++w->links > LINKS)
		return end(w, WALK_LINK_LOOP, ELOOP);
	w->behind_link = strlen(w->rest);
	n = snprintf(rest, sizeof rest, "%s%s", w->target, w->rest);
	if (n >= (int)sizeof rest)
		return end(w, WALK_ERRNO, ENAMETOOLONG);
	memcpy(w->rest, rest, (size_t)n + 1);
	climb(w, w->target[0] == '/' ? 1 : w->depth);
	return 0;
}

/* Makes one folder and syncs the one that it stands in, so that what is put into it survives a power cut. */
static int make_folder(struct walk *w, const char *name)
{
	AUTOCLOSE fd = openat(w->dirs[w->depth - 1].fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (mkdirat(fd, name, w->make) != 0)
		return errno == EEXIST ? 0 : -1;
	return fsync(fd) == 0 || errno == EINVAL ? 0 : -1;
}

/* What stands at a name, without following it. */
static int look(struct walk *w, const char *name, struct stat *st)
{
	int dir = w->dirs[w->depth - 1].fd;
	int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && w->make && !is_target(w) && w->dirs[w->depth - 1].kind != FOLDER_OWN &&
	    make_folder(w, name) == 0)
		fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, st) != 0)
		fsio_close(&fd);
	return fd;
}

static int open_folder(struct walk *w, int *fd, const struct stat *st, int flags)
{
	enum folder kind = walk_judge(w, *fd, st, NULL);

	if (kind == FOLDER_FOREIGN)
		return refuse_folder(w, st);
	return openat(*fd, ".", flags & ~(O_NOFOLLOW | O_CREAT | O_EXCL));
}

/* The last component, which is there. */
static int open_last(struct walk *w, int *look_fd, const char *name, const struct stat *st, int flags)
{
	AUTOCLOSE fd = -1;
	struct stat now = *st;
	int out;

	if (!walk_may_open(w, st))
		return -1;
	if ((flags & O_DIRECTORY) && !S_ISDIR(st->st_mode))
		return end(w, WALK_ERRNO, ENOTDIR);
	if ((flags & O_CREAT) && (flags & O_EXCL))
		return end(w, WALK_ERRNO, EEXIST);
	if ((flags & O_PATH) || (w->careful && !S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))) {
		out = *look_fd;
		*look_fd = -1;
		return out;
	}
	if (S_ISDIR(st->st_mode) && !(flags & O_CREAT))
		return open_folder(w, look_fd, st, flags);
	fd = openat(w->dirs[w->depth - 1].fd, name, flags | O_NOFOLLOW, 0600);
	if (fd < 0 || fstat(fd, &now) != 0)
		return end_errno(w);
	if (!walk_may_open(w, &now))
		return -1;
	out = fd;
	fd = -1;
	return out;
}

static int create(struct walk *w, const char *name, int flags)
{
	enum folder in = w->dirs[w->depth - 1].kind;

	if (in == FOLDER_STICKY || in == FOLDER_OWN)
		return end(w, in == FOLDER_OWN ? WALK_OWN : WALK_STICKY, EPERM);
	return openat(w->dirs[w->depth - 1].fd, name, flags | O_NOFOLLOW, 0600);
}

/* One component: 1 and *out where it was the last. */
static int step(struct walk *w, const char *name, int flags, int *out)
{
	bool last = is_last(w), folder = w->rest[0] == '/' || w->make;
	struct stat st;

	if (note_name(w, name) < 0)
		return -1;
	AUTOCLOSE fd = look(w, name, &st);
	if (fd < 0 && last && errno == ENOENT && (flags & O_CREAT) && !folder) {
		*out = create(w, name, flags);
		return *out < 0 ? end_errno(w) : 1;
	}
	if (fd < 0)
		return end_errno(w);
	if (S_ISLNK(st.st_mode) && !(last && !folder && (flags & O_NOFOLLOW)))
		return follow(w, fd, &st);
	if (last && !w->make) {
		*out = open_last(w, &fd, name, &st, folder ? flags | O_DIRECTORY : flags);
		return *out < 0 ? -1 : 1;
	}
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return end_errno(w);
	}
	char next[NAME_MAX + 1];
	size_t start = strspn(w->rest, "/"), len = strcspn(w->rest + start, "/");
	snprintf(next, sizeof next, "%.*s", len > NAME_MAX ? 0 : (int)len, w->rest + start);
	return enter(w, &fd, &st, next);
}

int walk_open(struct walk *w, const struct root *root, const char *path, int flags)
{
	char name[NAME_MAX + 1];
	int r, fd = -1;

	w->root = root;
	w->dirs[0].fd = openat(root->fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	w->dirs[0].kind = FOLDER_SEALED; /* "/", or named by the administrator */
	w->depth = w->dirs[0].fd >= 0;
	if (w->depth == 0)
		return -1;
	if (path[0] != '/' || strlen(path) >= sizeof w->rest)
		return end(w, WALK_ERRNO, path[0] == '/' ? ENAMETOOLONG : EINVAL);
	memcpy(w->rest, path, strlen(path) + 1);
	flags |= O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY | O_LARGEFILE);
	while ((r = next_name(w, name)) == 1) {
		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0) {
			climb(w, w->depth > 1 ? w->depth - 1 : 1);
			continue;
		}
		r = step(w, name, flags, &fd);
		if (r != 0)
			return r < 0 ? -1 : fd;
	}
	if (r < 0)
		return -1;
	return openat(w->dirs[w->depth - 1].fd, ".", (flags & ~O_NOFOLLOW) & ~(O_CREAT | O_EXCL));
}

void walk_release(struct walk *w)
{
	int saved = errno;

	while (w->depth > 0)
		fsio_close(&w->dirs[--w->depth].fd);
	errno = saved;
}

static int explain_link(const struct walk *w, const char *link, const char *verb, const char *name, struct err *err)
{
	enum err_kind kind = w->root->live ? ERR_FAILED : ERR_REFUSED;

	switch (w->why) {
	case WALK_LINK_OWNER:
		err_put(err, ERR_REFUSED, "cannot %s '%s': '%s' is a symlink that belongs to uid %u, not to root", verb,
			name, link, (unsigned)w->st.st_uid);
		return err_hint(err, "find out who made it; put the file that is meant in its place");
	case WALK_LINK_PLACE:
		err_put(err, ERR_REFUSED, "cannot %s '%s': '%s' is a symlink in a folder that others can write to",
			verb, name, link);
		return err_hint(err, "put the file that is meant in its place");
	case WALK_LINK_GONE:
		err_put(err, kind, "cannot %s '%s': '%s' is a symlink to '%s', which does not exist%s", verb, name,
			link, w->target, w->root->live ? "" : " inside the root");
		return err_hint(err, "remove the symlink or create what it points to");
	default:
		err_put(err, kind, "cannot %s '%s': '%s' is a symlink to '%s', which leads in circles or out of /proc",
			verb, name, link, w->target);
		return err_hint(err, "replace the symlink by the file that is meant");
	}
}

static int explain_folder(const struct walk *w, const char *where, const char *verb, const char *name, struct err *err)
{
	bool all = w->st.st_mode & S_IWOTH;

	switch (w->why) {
	case WALK_OWNER:
		err_put(err, ERR_REFUSED, "cannot %s '%s': '%s' belongs to uid %u, not to root", verb, name, where,
			(unsigned)w->st.st_uid);
		return err_hint(err, "find out who made it; then: chown root '%s'", where);
	case WALK_MODE:
		err_put(err, ERR_REFUSED, "cannot %s '%s': the mode %04o of '%s' lets %s write to it", verb, name,
			(unsigned)w->st.st_mode & 07777, where, all ? "everybody" : "its group");
		return err_hint(err, "find out who changed it; then: chmod go-w '%s'", where);
	case WALK_STICKY:
		err_put(err, ERR_REFUSED, "cannot %s '%s': everybody may put files into the folder of '%s'", verb, name,
			where);
		return err_hint(err, "move it to a folder that only root can write to");
	default:
		err_put(
		    err, ERR_REFUSED,
		    "cannot %s '%s': in a folder of a container's own root, '%s' is no file of root's with one name",
		    verb, name, where);
		return err_hint(err, "find out who changed it; then: chown root '%s', chmod go-w '%s'", where, where);
	}
}

int walk_cannot(const struct walk *w, const char *path, const char *verb, struct err *err)
{
	int errnum = errno;
	AUTOARENA arena = { 0 };
	const char *name = root_path(w->root, path, &arena);

	if (w->why == WALK_ERRNO) {
		err_errno(err, "cannot %s '%s'", verb, name);
		if ((errnum == EACCES || errnum == EPERM) && geteuid() != 0)
			err_hint(err, "run it as root");
	} else {
		if (w->why >= WALK_LINK_OWNER)
			explain_link(w, root_path(w->root, w->link, &arena), verb, name, err);
		else
			explain_folder(w, root_path(w->root, w->where, &arena), verb, name, err);
		if (err && err->errnum == 0)
			err->errnum = errnum;
	}
	errno = errnum;
	return -1;
}
