/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe-internal.h"

/* linux/mount.h, which does not go together with sys/mount.h everywhere. */
#ifndef SYS_fsopen
#define SYS_fsopen 430
#define SYS_fsconfig 431
#define SYS_fsmount 432
#endif
enum { FS_OPEN_CLOEXEC = 1, FS_CONFIG_CREATE = 6, FS_MOUNT_CLOEXEC = 1 };

enum { LABEL_LIMIT = 4000 }; /* bytes: with "changeprofile " it must fit into the page that procfs takes */

/* What the child sends: how far it came and why not further, then three numbers for each access. */
enum { AT_STEP, AT_ERRNO, HEAD };
enum { AT_BARE, AT_WORN, AT_PLAIN, EACH };
enum step { STEP_DONE, STEP_NAMESPACES, STEP_PROCFS, STEP_LABEL };

struct question {
	const char *command; /* "changeprofile LABEL" */
	const char **plain;  /* for each access its path below /proc; what follows that is its path in the procfs */
	int *flags;
	size_t count;
};

static const char procfs[] = "/proc/";

static int stop(int *numbers, enum step step)
{
	numbers[AT_ERRNO] = errno;
	numbers[AT_STEP] = step;
	return -1;
}

/* A procfs that is mounted nowhere, as runc's pathrs-lite makes it. */
int probe_procfs(void)
{
	int fs = (int)syscall(SYS_fsopen, "proc", FS_OPEN_CLOEXEC);
	int mount = -1;

	if (fs < 0)
		return -1;
	if (syscall(SYS_fsconfig, fs, FS_CONFIG_CREATE, NULL, NULL, 0) == 0)
		mount = (int)syscall(SYS_fsmount, fs, FS_MOUNT_CLOEXEC, 0);
	close(fs);
	return mount;
}

static int try_open(int dir, const char *path, int flags)
{
	int fd = openat(dir, path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* One write is one request. The first file is AppArmor's own; before Linux 5.1 there was only the shared one. */
static int wear(const char *command)
{
	size_t len = strlen(command);
	int fd = open("/proc/thread-self/attr/apparmor/current", O_WRONLY | O_CLOEXEC);
	ssize_t n;
	int errnum;

	if (fd < 0 && errno == ENOENT)
		fd = open("/proc/thread-self/attr/current", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = write(fd, command, len);
	errnum = errno;
	close(fd);
	errno = errnum;
	return n == (ssize_t)len ? 0 : -1;
}

/*
 * In the child. All that the label could forbid, but is not asked about, is done before it is worn: the namespaces and
 * the mount need capabilities.
 */
static void ask(const void *asked, int *numbers, size_t count)
{
	const struct question *q = asked;
	int dir;

	(void)count;
	numbers[AT_STEP] = STEP_DONE;
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0) {
		stop(numbers, STEP_NAMESPACES);
		return;
	}
	dir = probe_procfs();
	if (dir < 0) {
		stop(numbers, STEP_PROCFS);
		return;
	}
	for (size_t i = 0; i < q->count; i++)
		numbers[HEAD + i * EACH + AT_BARE] = try_open(dir, q->plain[i] + sizeof procfs - 1, q->flags[i]);
	if (wear(q->command) < 0) {
		stop(numbers, STEP_LABEL);
		return;
	}
	for (size_t i = 0; i < q->count; i++) {
		numbers[HEAD + i * EACH + AT_WORN] = try_open(dir, q->plain[i] + sizeof procfs - 1, q->flags[i]);
		numbers[HEAD + i * EACH + AT_PLAIN] = try_open(AT_FDCWD, q->plain[i], q->flags[i]);
	}
}

static int no_label(struct slice label, int errnum, struct err *err)
{
	errno = errnum;
	if (errnum == ENOENT) {
		err_put(err, ERR_FAILED, "cannot ask under '%.*s': the kernel has no profile of this name loaded",
			SLICE_FMT(label));
		if (err)
			err->errnum = ENOENT;
		return -1;
	}
	if (errnum == EACCES || errnum == EPERM) {
		err_errno(err, "cannot take on the label '%.*s'", SLICE_FMT(label));
		return err_hint(err, "is aa-nestfix itself confined, or was it started with no_new_privs?");
	}
	return err_errno(err, "cannot take on the label '%.*s'", SLICE_FMT(label));
}

static int stopped(const int *numbers, struct slice label, struct err *err)
{
	errno = numbers[AT_ERRNO];
	switch (numbers[AT_STEP]) {
	case STEP_DONE:
		return 0;
	case STEP_NAMESPACES:
		return err_errno(err, "cannot make namespaces to ask in");
	case STEP_PROCFS:
		if (errno == ENOSYS)
			return err_put(err, ERR_FAILED,
				       "cannot ask: this needs Linux 5.2 or later, as runc's way does");
		return err_errno(err, "cannot make a procfs to ask with");
	case STEP_LABEL:
		return no_label(label, numbers[AT_ERRNO], err);
	}
	return err_put(err, ERR_FAILED, "cannot make out the child's answer");
}

static void judge(struct probe_answer *a, const int *numbers)
{
	int bare = numbers[AT_BARE];

	a->plain = numbers[AT_PLAIN];
	a->errnum = bare != 0 ? bare : numbers[AT_WORN];
	if (bare == ENOENT)
		a->state = PROBE_ABSENT;
	else if (bare != 0)
		a->state = PROBE_BARRED;
	else
		a->state = numbers[AT_WORN] == 0 ? PROBE_ALLOWED : PROBE_DENIED;
}

/* Can this kernel be asked at all? Loading is not needed for it, nor securityfs. */
int probe_ready(const struct kernel *kernel, struct err *err)
{
	switch (kernel->state) {
	case KERNEL_OTHER_ROOT:
		return err_put(err, ERR_FAILED, "cannot ask the kernel about another root");
	case KERNEL_NO_APPARMOR:
		return err_put(err, ERR_FAILED, "cannot ask the kernel: AppArmor is not switched on in it");
	case KERNEL_READY:
	case KERNEL_HIDDEN:
	case KERNEL_DENIED:
		break;
	}
	if (kernel->pretended)
		return err_put(err, ERR_FAILED, "cannot ask a pretended kernel");
	if (geteuid() == 0)
		return 0;
	err_put(err, ERR_FAILED, "cannot ask the kernel: only root may take on a label");
	return err_hint(err, "sudo aa-nestfix probe");
}

static int check_label(struct slice label, struct err *err)
{
	if (label.len > LABEL_LIMIT)
		return err_put(err, ERR_USAGE, "cannot take on a label of more than %d bytes", LABEL_LIMIT);
	if (label.len == 0 || slice_find(label, '\0') < label.len || slice_find(label, '\n') < label.len)
		return err_put(err, ERR_USAGE, "cannot take on '%.*s': it is no label", SLICE_FMT(label));
	return 0;
}

static void fill_question(struct question *q, struct slice label, const struct conflict_access *accesses, size_t count,
			  struct arena *arena)
{
	q->command = arena_printf(arena, "changeprofile %.*s", SLICE_FMT(label));
	q->plain = arena_array(arena, count, sizeof *q->plain);
	q->flags = arena_array(arena, count, sizeof *q->flags);
	q->count = count;
	for (size_t i = 0; i < count; i++) {
		bool reads = accesses[i].perms & PERM_R, writes = accesses[i].perms & (PERM_W | PERM_A);

		q->plain[i] =
		    arena_printf(arena, "%.*s%.*s", (int)sizeof procfs - 2, procfs, SLICE_FMT(accesses[i].path));
		q->flags[i] = !writes ? O_RDONLY : reads ? O_RDWR : O_WRONLY;
	}
}

/* Tests put answers into the mouth of a pretended kernel. */
static void ask_pretended(const struct probe_result *out, const struct kernel *kernel)
{
	for (size_t i = 0; i < out->count; i++) {
		int numbers[EACH] = { [AT_WORN] = kernel->pretend(out->label, out->answers[i].path) };

		judge(&out->answers[i], numbers);
	}
}

int probe_label(struct probe_result *out, const struct kernel *kernel, struct slice label,
		const struct conflict_access *accesses, size_t count, struct arena *arena, struct err *err)
{
	size_t total = HEAD + count * EACH;
	struct question q;
	int *numbers;

	*out = (struct probe_result){ .label = label, .answers = arena_array(arena, count, sizeof *out->answers) };
	if (check_label(label, err) < 0)
		return -1;
	for (out->count = 0; out->count < count; out->count++)
		out->answers[out->count].path = accesses[out->count].path;
	if (kernel->pretend) {
		ask_pretended(out, kernel);
		return 0;
	}
	if (probe_ready(kernel, err) < 0)
		return -1;
	fill_question(&q, label, accesses, count, arena);
	numbers = arena_array(arena, total, sizeof *numbers);
	if (probe_child(ask, &q, numbers, total, PROBE_SECONDS, err) < 0)
		return err_wrap(err, "cannot ask under '%.*s'", SLICE_FMT(label));
	if (stopped(numbers, label, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		judge(&out->answers[i], numbers + HEAD + i * EACH);
	return 0;
}

const struct probe_answer *probe_denied(const struct probe_result *result)
{
	for (size_t i = 0; i < result->count; i++)
		if (result->answers[i].state == PROBE_DENIED)
			return &result->answers[i];
	return NULL;
}

bool probe_answered(const struct probe_result *result)
{
	for (size_t i = 0; i < result->count; i++)
		if (result->answers[i].state == PROBE_ALLOWED || result->answers[i].state == PROBE_DENIED)
			return true;
	return false;
}
