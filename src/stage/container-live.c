/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * container-live: which containers run, and which process is whose init.
 *
 * A running container listens on an abstract socket named after it. The process that holds this socket is its monitor,
 * and the monitor's child that is process 1 of a pid namespace is its init. All of this is the kernel's word, and
 * counts where the socket is shown to be root's (container-socket.c). cgroup names, command lines and process titles
 * are not looked at; a process' name stands in its status with line ends escaped (fs/proc/array.c proc_task_name).
 */
#include <limits.h>
#include <stdlib.h>

#include "container-internal.h"

enum { STATUS_LIMIT = 1 << 16, LABEL_LIMIT = 1 << 14, PROCESS_DEPTH = 1000 };

typedef VEC(struct container_process) process_vec;

struct slice container_word(struct slice *rest)
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

bool container_line(struct slice *rest, struct slice *line)
{
	size_t end = slice_find(*rest, '\n');

	if (rest->len == 0)
		return false;
	*line = slice_sub(*rest, 0, end);
	*rest = slice_from(*rest, end + 1);
	return true;
}

bool container_number(struct slice s, unsigned long *out)
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

/* "Uid: REAL EFFECTIVE SAVED FILESYSTEM", in our user namespace. */
static uid_t read_uid(struct slice rest)
{
	unsigned long first, n;

	if (!container_number(container_word(&rest), &first))
		return (uid_t)-1;
	for (int i = 0; i < 3; i++)
		if (!container_number(container_word(&rest), &n) || n != first)
			return (uid_t)-1;
	return (uid_t)first;
}

static bool is_docker(struct slice name)
{
	return slice_is(name, "dockerd") || slice_is(name, "containerd") || slice_is(name, "podman");
}

/* What /proc/PID/status says. */
static bool read_status(struct container_process *out, const struct root *proc, const char *pid)
{
	AUTOARENA scratch = { 0 };
	unsigned long n;
	struct slice line;
	struct file file;

	*out = (struct container_process){ .uid = (uid_t)-1 };
	if (!container_number(slice_of(pid), &n) || n > INT_MAX ||
	    fsio_read(proc, arena_printf(&scratch, "/proc/%s/status", pid), STATUS_LIMIT, &scratch, &file, NULL) < 0)
		return false;
	out->pid = (int)n;
	while (container_line(&file.bytes, &line)) {
		struct slice key = container_word(&line), second;

		if (slice_is(key, "PPid:") && container_number(container_word(&line), &n) && n <= INT_MAX)
			out->ppid = (int)n;
		else if (slice_is(key, "Uid:"))
			out->uid = read_uid(line);
		else if (slice_is(key, "Name:"))
			out->is_docker = is_docker(slice_trim(line));
		else if (slice_is(key, "NSpid:")) { /* outermost first; of a nested container there are more */
			container_word(&line);
			second = container_word(&line);
			out->here = second.len == 0;
			out->is_init = slice_is(second, "1");
			out->is_inner = second.len > 0 && container_word(&line).len == 0;
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

static int by_pid(const void *a, const void *b)
{
	const struct container_process *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static void read_processes(struct container_live *out, const struct root *proc, struct arena *arena)
{
	AUTOARENA scratch = { 0 };
	process_vec found = { 0 };
	struct slice *names;
	size_t count;

	if (fsio_list(proc, "/proc", &scratch, &names, &count, NULL) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		struct container_process process;

		if (!read_status(&process, proc, arena_str(&scratch, names[i])))
			continue;
		if (process.is_init)
			process.label = read_label(proc, (unsigned long)process.pid, arena);
		VEC_PUSH(arena, &found, process);
	}
	if (found.len > 0)
		qsort(found.ptr, found.len, sizeof *found.ptr, by_pid);
	out->processes = found.ptr;
	out->process_count = found.len;
}

static const struct container_process *find_process(const struct container_live *live, int pid)
{
	struct container_process key = { .pid = pid };

	return live->process_count == 0
		   ? NULL
		   : bsearch(&key, live->processes, live->process_count, sizeof *live->processes, by_pid);
}

/* The init that a process of a container comes from: in a namespace an orphan goes to an ancestor that lives there. */
static int init_of(const struct container_live *live, const struct container_process *p)
{
	for (size_t depth = 0; p && depth < PROCESS_DEPTH; depth++) {
		if (p->is_init)
			return p->pid;
		p = find_process(live, p->ppid);
	}
	return 0;
}

static void find_dockers(struct container_live *live, struct arena *arena)
{
	VEC(int) found = { 0 };

	for (size_t i = 0; i < live->process_count; i++) {
		const struct container_process *p = &live->processes[i];
		int init = p->is_docker && p->is_inner ? init_of(live, p) : 0;

		if (init > 0)
			VEC_PUSH(arena, &found, init);
	}
	live->dockers = found.ptr;
	live->docker_count = found.len;
}

int container_live_read(struct container_live *out, const struct root *proc, struct arena *arena, struct err *err)
{
	*out = (struct container_live){ 0 };
	if (container_sockets_read(out, proc, arena, err) < 0)
		return -1;
	if (out->socket_count == 0)
		return 0;
	read_processes(out, proc, arena);
	find_dockers(out, arena);
	container_sockets_judge(out, proc, arena);
	return 0;
}

static bool is_monitor(const struct container_socket *s, int pid)
{
	for (size_t i = 0; i < s->holder_count; i++)
		if (s->holders[i].pid == pid)
			return true;
	return false;
}

/*
 * Where the monitor's descriptors cannot be listed: a generated profile is one container's, and its init is the child
 * of a process of root's that orphans do not fall to.
 */
static bool wears(const struct container_live *live, const struct container_process *init, struct slice profile)
{
	const struct container_process *parent = init->ppid > 1 ? find_process(live, init->ppid) : NULL;
	struct slice rest = slice_from(init->label, profile.len);

	return parent && parent->uid == 0 && parent->here &&
	       slice_eq(slice_sub(init->label, 0, profile.len), profile) &&
	       (rest.len == 0 || slice_starts(rest, "//&"));
}

/* Does the container run, by this socket of its name? */
static bool counts(const struct container *c, const struct container_live *live, const struct container_socket *s)
{
	if (s->owner == SOCKET_UNSEEN)
		return live->blind;
	return s->owner != SOCKET_FOREIGN || (c->kind == CONTAINER_USER && s->uid != (uid_t)-1);
}

static const struct container_process *find_init(const struct container *c, const struct container_live *live,
						 size_t first, size_t end)
{
	for (size_t i = 0; i < live->process_count; i++) {
		const struct container_process *p = &live->processes[i];

		for (size_t s = first; s < end && p->is_init; s++)
			if (counts(c, live, &live->sockets[s]) && is_monitor(&live->sockets[s], p->ppid))
				return p;
	}
	for (size_t i = 0; i < live->process_count && live->blind && c->origin == CONTAINER_GENERATED; i++)
		if (live->processes[i].is_init && wears(live, &live->processes[i], c->profile))
			return &live->processes[i];
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
	const struct container_process *init;

	/* A name is bound once; but a path with a line end in it can look like a second line. */
	for (; end < live->socket_count && slice_eq(live->sockets[end].name, name); end++)
		c->running = c->running || counts(c, live, &live->sockets[end]);
	if (!c->running)
		return;
	init = find_init(c, live, first, end);
	c->pid = init ? init->pid : 0;
	c->label = init ? init->label : (struct slice){ 0 };
	for (size_t i = 0; i < live->docker_count; i++)
		c->docker = c->docker || (c->pid > 0 && live->dockers[i] == c->pid);
}

void container_live_labels(struct container_host *out, const struct container_live *live, struct arena *arena)
{
	VEC(struct slice) labels = { 0 };

	for (size_t i = 0; i < live->process_count; i++)
		if (live->processes[i].label.len > 0)
			VEC_PUSH(arena, &labels, live->processes[i].label);
	out->labels = labels.ptr;
	out->label_count = labels.len;
}
