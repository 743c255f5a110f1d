/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * container-socket: whose the socket of a running container is.
 *
 * liblxc's monitor of a container listens on the abstract socket LXCPATH/NAME/command. Any user of the host may listen
 * on any such name, so that it tells something only where it is shown to be root's:
 *
 * - whoever holds it must be root: real, effective, saved and file system uid, for a setuid program keeps what it was
 *   started with, and a daemon what it opened before it gave up root. All holders count, found by /proc/PID/fd; there
 *   must be one, for a socket that is sent to oneself is held by nobody;
 * - in our pid namespace: the root of a privileged container is uid 0, and may share the host's network;
 * - with our root directory, for a path of a chroot's means something else;
 * - made by root: a user's socket can be sent to a process of root's;
 * - bound to the name that /proc/net/unix tells: a name may hold a line end, behind which another line is pretended.
 *
 * A process may end while it is looked at, and another get its number: then its sockets are not made by root. Who opens
 * sockets without end gets an error said, and does not hide those of root's.
 *
 * Numbers of uids are those of our user namespace; what is not mapped there is nobody's, and not 0.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "container-internal.h"

enum { SOCKETS_LIMIT = 64 << 20 };

typedef VEC(struct container_socket) socket_vec;
typedef VEC(struct container_holder) holder_vec;

/*
 * A line of /proc/net/unix (net/unix/af_unix.c unix_seq_show): Num RefCount Protocol Flags Type St Inode Path, where
 * Flags 00010000 is a listener's, and the NULs of an abstract name are shown as '@'.
 */
static bool parse_socket(struct slice line, struct container_socket *out)
{
	struct slice word[7];

	for (int i = 0; i < 7; i++)
		word[i] = container_word(&line);
	line = slice_from(line, 1);
	if (!slice_is(word[3], "00010000") || !container_number(word[6], &out->inode))
		return false;
	if (!slice_starts(line, "@") || !slice_ends(line, "/command"))
		return false;
	out->name = slice_from(line, 1);
	return true;
}

static int by_name(const void *a, const void *b)
{
	return slice_cmp(((const struct container_socket *)a)->name, ((const struct container_socket *)b)->name);
}

int container_sockets_read(struct container_live *out, const struct root *proc, struct arena *arena, struct err *err)
{
	struct err trouble = { 0 };
	socket_vec found = { 0 };
	struct slice line;
	struct file file;

	if (fsio_read(proc, "/proc/net/unix", SOCKETS_LIMIT, arena, &file, &trouble) < 0) {
		if (trouble.kind != ERR_REFUSED) /* no procfs, or none for us */
			return 0;
		return err_put(err, ERR_REFUSED, "cannot tell which containers run: %s", trouble.text);
	}
	while (container_line(&file.bytes, &line)) {
		struct container_socket socket = { 0 };

		if (parse_socket(line, &socket))
			VEC_PUSH(arena, &found, socket);
	}
	if (found.len > 0)
		qsort(found.ptr, found.len, sizeof *found.ptr, by_name);
	out->sockets = found.ptr;
	out->socket_count = found.len;
	return 0;
}

/* "socket:[INODE]" is what /proc/PID/fd/N links to (net/socket.c sockfs_dname). */
static bool parse_link(struct slice link, unsigned long *inode)
{
	static const char front[] = "socket:[";

	if (!slice_starts(link, front) || !slice_ends(link, "]"))
		return false;
	return container_number(slice_sub(link, sizeof front - 1, link.len - sizeof front), inode);
}

static int by_inode(const void *a, const void *b)
{
	const struct container_holder *x = a, *y = b;

	return (x->inode > y->inode) - (x->inode < y->inode);
}

static int by_number(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

	return (x > y) - (x < y);
}

/* Its maker: the owner of its inode (net/socket.c sock_alloc). */
static bool is_made_by(int dir, const char *fd, uid_t uid)
{
	struct stat st;

	return fstatat(dir, fd, &st, 0) == 0 && S_ISSOCK(st.st_mode) && st.st_uid == uid;
}

/* Which of the sockets a process holds. */
static void read_held(struct container_live *live, const struct root *proc, const struct container_process *process,
		      const unsigned long *inodes, holder_vec *holders, struct arena *arena)
{
	AUTOARENA scratch = { 0 };
	AUTOCLOSE fd =
	    fsio_open(proc, arena_printf(&scratch, "/proc/%d/fd", process->pid), O_RDONLY | O_DIRECTORY, NULL);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	live->blind = live->blind && !(dir && process->pid == 1);
	while (dir && (entry = readdir(dir))) {
		struct container_holder h = { .pid = process->pid, .uid = process->uid, .here = process->here };
		char link[64];
		ssize_t n = readlinkat(fd, entry->d_name, link, sizeof link);
		unsigned long number;

		if (n <= 0 || !parse_link((struct slice){ link, (size_t)n }, &h.inode) ||
		    !container_number(slice_of(entry->d_name), &number) ||
		    !bsearch(&h.inode, inodes, live->socket_count, sizeof *inodes, by_number))
			continue;
		h.fd = (int)number;
		h.made = is_made_by(fd, entry->d_name, process->uid);
		VEC_PUSH(arena, holders, h);
	}
	if (dir) {
		fd = -1; /* closedir closes it */
		closedir(dir);
	}
}

/* Does its process see the root that we see? -1: it cannot be told. */
static int is_rooted(const struct root *proc, int pid)
{
	AUTOARENA scratch = { 0 };
	AUTOCLOSE fd = fsio_open(proc, arena_printf(&scratch, "/proc/%d/root", pid), O_PATH | O_NOFOLLOW, NULL);
	char link[2];
	ssize_t n = fd < 0 ? -1 : readlinkat(fd, "", link, sizeof link);

	return n < 0 ? -1 : n == 1 && link[0] == '/';
}

/* Is it the listener of this very name? By a duplicate of the descriptor; -1: none is to be had. */
static int is_bound(const struct container_holder *h, struct slice name)
{
	AUTOCLOSE process = (int)syscall(SYS_pidfd_open, h->pid, 0);
	AUTOCLOSE fd = process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, h->fd, 0);
	struct sockaddr_un address = { 0 };
	socklen_t size = sizeof address, flag = sizeof(int);
	size_t head = offsetof(struct sockaddr_un, sun_path) + 1;
	int listens = 0;
	struct stat st;

	if (fd < 0)
		return errno == EPERM || errno == ENOSYS || errno == EACCES ? -1 : 0;
	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_ino == h->inode && st.st_uid == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &flag) == 0 && listens &&
	       getsockname(fd, (struct sockaddr *)&address, &size) == 0 && address.sun_family == AF_UNIX &&
	       size >= head && address.sun_path[0] == '\0' &&
	       slice_eq((struct slice){ address.sun_path + 1, size - head }, name);
}

static enum container_owner judge(const struct container_socket *s, const struct root *proc)
{
	int shown;

	if (s->holder_count == 0)
		return SOCKET_UNSEEN;
	for (size_t i = 0; i < s->holder_count; i++)
		if (s->holders[i].uid != 0 || !s->holders[i].here || !s->holders[i].made)
			return SOCKET_FOREIGN;
	shown = is_rooted(proc, s->holders[0].pid);
	if (shown > 0 && proc->live)
		shown = is_bound(&s->holders[0], s->name);
	return shown < 0 ? SOCKET_UNPROVED : shown ? SOCKET_ROOTS : SOCKET_FOREIGN;
}

static uid_t common_uid(const struct container_socket *s)
{
	for (size_t i = 0; i < s->holder_count; i++)
		if (!s->holders[i].made || s->holders[i].uid != s->holders[0].uid)
			return (uid_t)-1;
	return s->holder_count > 0 ? s->holders[0].uid : (uid_t)-1;
}

static void find_holders(struct container_socket *s, holder_vec *all)
{
	size_t low = 0, high = all->len, end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (all->ptr[middle].inode < s->inode)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < all->len && all->ptr[end].inode == s->inode;)
		end++;
	s->holders = all->ptr + low;
	s->holder_count = end - low;
}

void container_sockets_judge(struct container_live *live, const struct root *proc, struct arena *arena)
{
	unsigned long *inodes = arena_array(arena, live->socket_count, sizeof *inodes);
	holder_vec holders = { 0 };

	for (size_t i = 0; i < live->socket_count; i++)
		inodes[i] = live->sockets[i].inode;
	qsort(inodes, live->socket_count, sizeof *inodes, by_number);
	live->blind = true; /* until process 1 is seen */
	for (size_t i = 0; i < live->process_count; i++)
		read_held(live, proc, &live->processes[i], inodes, &holders, arena);
	if (holders.len > 0)
		qsort(holders.ptr, holders.len, sizeof *holders.ptr, by_inode);
	for (size_t i = 0; i < live->socket_count; i++) {
		struct container_socket *s = &live->sockets[i];

		find_holders(s, &holders);
		s->uid = common_uid(s);
		s->owner = judge(s, proc);
	}
}
