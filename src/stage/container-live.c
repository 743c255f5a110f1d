/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * container-live: which containers run, and which process is whose init.
 *
 * A running container listens on an abstract socket named after it. The process that holds this socket is its monitor,
 * and the monitor's child that is process 1 of a pid namespace is its init. All of this is the kernel's word. A
 * socket's name alone is not enough, since any user of the host may bind one: the monitor must run as root. cgroup
 * names, command lines and process titles are not looked at.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "container-internal.h"

enum { PROC_LIMIT = 16 << 20, STATUS_LIMIT = 1 << 16, LABEL_LIMIT = 1 << 14 };

typedef VEC(unsigned long) inode_vec;
typedef VEC(struct container_socket) socket_vec;
typedef VEC(struct container_init) init_vec;

static struct slice next_word(struct slice *rest)
{
	size_t start = 0, end;
	struct slice s = *rest;

	while (start < s.len && (s.ptr[start] == ' ' || s.ptr[start] == '\t'))
		start++;
	end = start;
	while (end < s.len && s.ptr[end] != ' ' && s.ptr[end] != '\t')
		end++;
	*rest = slice_from(s, end);
	return slice_sub(s, start, end - start);
}

static bool next_line(struct slice *rest, struct slice *line)
{
	size_t end = slice_find(*rest, '\n');

	if (rest->len == 0)
		return false;
	*line = slice_sub(*rest, 0, end);
	*rest = slice_from(*rest, end + 1);
	return true;
}

/* Decimal digits and nothing else. */
static bool parse_number(struct slice s, unsigned long *out)
{
	unsigned long n = 0;

	if (s.len == 0 || s.len > 18)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
		n = n * 10 + (unsigned long)(s.ptr[i] - '0');
	}
	*out = n;
	return true;
}

/*
 * A line of /proc/net/unix (net/unix/af_unix.c unix_seq_show): Num RefCount Protocol Flags Type St Inode Path, where
 * Flags 00010000 is a listener's, and the NULs of an abstract name are shown as '@'.
 */
static bool parse_socket(struct slice line, struct container_socket *out)
{
	struct slice word[7];

	for (int i = 0; i < 7; i++)
		word[i] = next_word(&line);
	line = slice_from(line, 1);
	if (!slice_is(word[3], "00010000") || !parse_number(word[6], &out->inode))
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

static void read_sockets(struct container_live *out, const struct root *proc, struct arena *arena)
{
	socket_vec found = { 0 };
	struct slice line;
	struct file file;

	if (fsio_read(proc, "/proc/net/unix", PROC_LIMIT, arena, &file, NULL) < 0)
		return;
	while (next_line(&file.bytes, &line)) {
		struct container_socket socket;

		if (parse_socket(line, &socket))
			VEC_PUSH(arena, &found, socket);
	}
	if (found.len > 0)
		qsort(found.ptr, found.len, sizeof *found.ptr, by_name);
	out->sockets = found.ptr;
	out->socket_count = found.len;
}

/* What /proc/PID/status says. */
struct status {
	unsigned long ppid, uid; /* effective */
	bool is_init;            /* process 1 of a namespace one below ours */
};

static bool read_status(struct status *out, const struct root *proc, unsigned long pid)
{
	AUTOARENA scratch = { 0 };
	struct slice line, rest;
	struct file file;

	*out = (struct status){ .uid = (unsigned long)-1 };
	if (fsio_read(proc, arena_printf(&scratch, "/proc/%lu/status", pid), STATUS_LIMIT, &scratch, &file, NULL) < 0)
		return false;
	while (next_line(&file.bytes, &line)) {
		struct slice key = next_word(&line), second;
		unsigned long n;

		rest = line;
		if (slice_is(key, "PPid:") && parse_number(next_word(&rest), &n))
			out->ppid = n;
		else if (slice_is(key, "Uid:")) {
			next_word(&rest);
			if (parse_number(next_word(&rest), &n))
				out->uid = n;
		} else if (slice_is(key, "NSpid:")) {
			next_word(&rest);
			second = next_word(&rest);
			out->is_init = slice_is(second, "1"); /* a nested one has more, and another number here */
		}
	}
	return true;
}

/* The label without its mode: "NAME (enforce)" (security/apparmor/procattr.c). */
static struct slice without_mode(struct slice text)
{
	size_t end;

	while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\0'))
		text.len--;
	if (text.len == 0 || text.ptr[text.len - 1] != ')')
		return text;
	for (end = text.len; end > 1; end--)
		if (text.ptr[end - 1] == '(' && text.ptr[end - 2] == ' ')
			return slice_sub(text, 0, end - 2);
	return text;
}

static struct slice read_label(const struct root *proc, unsigned long pid, struct arena *arena)
{
	static const char *const names[] = { "apparmor/current", "current" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		AUTOARENA scratch = { 0 };
		const char *path = arena_printf(&scratch, "/proc/%lu/attr/%s", pid, names[i]);
		struct file file;

		if (fsio_read(proc, path, LABEL_LIMIT, &scratch, &file, NULL) == 0 && file.bytes.len > 0)
			return arena_slice(arena, without_mode(file.bytes));
	}
	return (struct slice){ 0 };
}

/* "socket:[INODE]" is what /proc/PID/fd/N links to (net/socket.c sockfs_dname). */
static bool parse_link(struct slice link, unsigned long *inode)
{
	static const char front[] = "socket:[";

	if (!slice_starts(link, front) || !slice_ends(link, "]"))
		return false;
	return parse_number(slice_sub(link, sizeof front - 1, link.len - sizeof front), inode);
}

static void read_held(struct container_init *out, const struct root *proc, unsigned long pid, struct arena *arena)
{
	AUTOARENA scratch = { 0 };
	inode_vec held = { 0 };
	const char *dir = arena_printf(&scratch, "/proc/%lu/fd", pid);
	struct slice *names;
	size_t count;

	if (fsio_list(proc, dir, &scratch, &names, &count, NULL) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		const char *path = arena_printf(&scratch, "%s/%.*s", dir, SLICE_FMT(names[i]));
		AUTOCLOSE fd = fsio_open(proc, path, O_PATH | O_NOFOLLOW, NULL);
		char link[64];
		ssize_t n = fd < 0 ? -1 : readlinkat(fd, "", link, sizeof link);
		unsigned long inode;

		if (n > 0 && parse_link((struct slice){ link, (size_t)n }, &inode))
			VEC_PUSH(arena, &held, inode);
	}
	out->sockets = held.ptr;
	out->socket_count = held.len;
}

static int by_pid(const void *a, const void *b)
{
	const struct container_init *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static void read_inits(struct container_live *out, const struct root *proc, struct arena *arena)
{
	AUTOARENA scratch = { 0 };
	init_vec found = { 0 };
	struct slice *names;
	size_t count;

	if (fsio_list(proc, "/proc", &scratch, &names, &count, NULL) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		struct container_init init = { 0 };
		struct status status, parent;
		unsigned long pid;

		if (!parse_number(names[i], &pid) || !read_status(&status, proc, pid) || !status.is_init)
			continue;
		init.pid = (int)pid;
		init.label = read_label(proc, pid, arena);
		init.by_root = status.ppid > 1 && read_status(&parent, proc, status.ppid) && parent.uid == 0;
		if (init.by_root)
			read_held(&init, proc, status.ppid, arena);
		VEC_PUSH(arena, &found, init);
	}
	if (found.len > 0)
		qsort(found.ptr, found.len, sizeof *found.ptr, by_pid);
	out->inits = found.ptr;
	out->init_count = found.len;
}

void container_live_read(struct container_live *out, const struct root *proc, struct arena *arena)
{
	*out = (struct container_live){ 0 };
	read_sockets(out, proc, arena);
	if (out->socket_count > 0)
		read_inits(out, proc, arena);
}

static bool holds(const struct container_init *init, unsigned long inode)
{
	for (size_t i = 0; i < init->socket_count; i++)
		if (init->sockets[i] == inode)
			return true;
	return false;
}

/* Where the monitor's descriptors cannot be listed (the program is confined): a generated profile is one container's.
 */
static bool wears(const struct container_init *init, struct slice profile)
{
	struct slice rest = slice_from(init->label, profile.len);

	return init->by_root && slice_eq(slice_sub(init->label, 0, profile.len), profile) &&
	       (rest.len == 0 || slice_starts(rest, "//&"));
}

static const struct container_init *find_init(const struct container *c, const struct container_live *live,
					      size_t first, size_t end)
{
	for (size_t i = 0; i < live->init_count; i++)
		for (size_t s = first; s < end; s++)
			if (holds(&live->inits[i], live->sockets[s].inode))
				return &live->inits[i];
	for (size_t i = 0; i < live->init_count && c->origin == CONTAINER_GENERATED; i++)
		if (wears(&live->inits[i], c->profile))
			return &live->inits[i];
	return NULL;
}

/* The index of the first socket whose name is not before this one. */
static size_t lower_bound(const struct container_live *live, struct slice name)
{
	size_t low = 0, high = live->socket_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (slice_cmp(live->sockets[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void container_live_join(struct container *c, const struct container_live *live, struct arena *arena)
{
	struct slice name = lxc_socket(c->name, c->lxcpath, arena);
	size_t first = lower_bound(live, name), end = first;
	const struct container_init *init;

	/* A name is bound once; but a path with a line end in it can look like a second line. */
	while (end < live->socket_count && slice_eq(live->sockets[end].name, name))
		end++;
	if (first == end)
		return;
	c->running = true;
	init = find_init(c, live, first, end);
	c->pid = init ? init->pid : 0;
	c->label = init ? init->label : (struct slice){ 0 };
}
