/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../src/apply/probe-internal.h"
#include "../lib/tap.h"

static struct arena arena;

static const struct conflict_access accesses[] = {
	{ { "/sys/net/ipv4/ip_unprivileged_port_start", sizeof("/sys/net/ipv4/ip_unprivileged_port_start") - 1 },
	  PERM_W },
	{ { "/sys/kernel/shmmax", sizeof("/sys/kernel/shmmax") - 1 }, PERM_W },
};

enum { ACCESSES = sizeof accesses / sizeof *accesses };

static int refused_path(struct slice label, struct slice path)
{
	if (slice_is(label, "none"))
		return ENOENT;
	return slice_is(label, "bad") && slice_ends(path, "shmmax") ? EACCES : 0;
}

static void answers_are_judged(void)
{
	struct kernel kernel = { .pretended = true, .pretend = refused_path };
	struct probe_result r;

	ok(probe_label(&r, &kernel, SLICE("good"), accesses, ACCESSES, &arena, NULL) == 0,
	   "a pretended kernel answers");
	is_num(r.count, ACCESSES, "one answer for each access");
	ok(!probe_denied(&r) && probe_answered(&r), "all is allowed");
	is_text(r.answers[1].path, "/sys/kernel/shmmax", "the path as the conflict names it");
	probe_label(&r, &kernel, SLICE("bad"), accesses, ACCESSES, &arena, NULL);
	is_num(r.answers[0].state, PROBE_ALLOWED, "one allowed");
	is_num(r.answers[1].state, PROBE_DENIED, "one denied");
	is_num(r.answers[1].errnum, EACCES, "  with its errno");
	ok(probe_denied(&r) == &r.answers[1], "  which is found");
	is_text(r.label, "bad", "the label is kept");
	probe_label(&r, &kernel, SLICE("good"), accesses, 0, &arena, NULL);
	ok(!probe_answered(&r), "no question, no answer");
}

static void fails_for(enum kernel_state state, const char *words)
{
	struct kernel kernel = { .state = state };
	struct probe_result r;
	struct err err = { 0 };

	ok(probe_label(&r, &kernel, SLICE("lxc-x"), accesses, ACCESSES, &arena, &err) == -1 && err.kind == ERR_FAILED,
	   "a kernel that cannot be asked is an error");
	is_err(&err, words, "  with its reason");
}

static void label_fails(struct slice label, const char *words)
{
	struct kernel kernel = { .pretended = true, .pretend = refused_path };
	struct probe_result r;
	struct err err = { 0 };

	ok(probe_label(&r, &kernel, label, accesses, ACCESSES, &arena, &err) == -1 && err.kind == ERR_USAGE,
	   "no label: refused before anything is asked");
	is_err(&err, words, "  and said so");
}

static void what_cannot_be_asked(void)
{
	struct kernel pretended = { .pretended = true };
	struct probe_result r;
	struct err err = { 0 };
	AUTOBUF longer = { 0 };

	fails_for(KERNEL_NO_APPARMOR, "AppArmor is not switched on");
	fails_for(KERNEL_OTHER_ROOT, "another root");
	ok(probe_label(&r, &pretended, SLICE("x"), accesses, ACCESSES, &arena, &err) == -1,
	   "a test's kernel never leads to the real one");
	is_err(&err, "pretended", "  and says why");
	label_fails(SLICE(""), "is no label");
	label_fails(SLICE("a\nb"), "is no label");
	label_fails(SLICE("a\0b"), "is no label");
	while (longer.len < 5000)
		buf_adds(&longer, "long");
	label_fails(buf_slice(&longer), "more than 4000 bytes");
}

/* The real kernel, up to the label; whatever LSM it has, no profile of this name is loaded. */
static void the_real_kernel(void)
{
	struct kernel kernel = { .state = KERNEL_READY };
	struct probe_result r;
	struct err err = { 0 };
	int before = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct conflict_access none = { SLICE("/sys/no/such/sysctl"), PERM_W };

	if (geteuid() != 0) {
		ok(probe_label(&r, &kernel, SLICE("x"), accesses, ACCESSES, &arena, &err) == -1, "asking needs root");
		is_err(&err, "only root", "  and says so");
	} else {
		ok(probe_label(&r, &kernel, SLICE("nestfix-no-such-profile"), &none, 1, &arena, &err) == -1,
		   "a label that does not exist");
		ok(err_is_set(&err) && err.kind == ERR_FAILED, "  is an error with a reason");
		printf("# here: %s\n", err.text);
	}
	ok(before >= 0 && waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "no child is left behind");
	close(before);
}

static void counts(const void *question, int *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		numbers[i] = *(const int *)question + (int)i;
}

static void sleeps(const void *question, int *numbers, size_t count)
{
	(void)question, (void)numbers, (void)count;
	signal(SIGTERM, SIG_IGN);
	for (;;)
		pause();
}

static void dies(const void *question, int *numbers, size_t count)
{
	(void)numbers, (void)count;
	raise(*(const int *)question);
}

static void leaves(const void *question, int *numbers, size_t count)
{
	(void)numbers, (void)count;
	_exit(*(const int *)question);
}

enum { MANY = 100000 }; /* more than a pipe holds */

static void a_child_answers(void)
{
	int *numbers = arena_array(&arena, MANY, sizeof *numbers);
	int seven = 7, killed = SIGKILL;
	struct err err = { 0 };
	struct timespec from, to;

	ok(probe_child(counts, &seven, numbers, MANY, 10, &err) == 0, "a child answers");
	is_num(numbers[MANY - 1], 7 + MANY - 1, "  the whole of it");
	ok(probe_child(dies, &killed, numbers, 1, 10, &err) == -1, "a child that is killed");
	is_err(&err, "signal 9", "  is told");
	err_clear(&err);
	ok(probe_child(leaves, &seven, numbers, 1, 10, &err) == -1, "a child that leaves without an answer");
	is_err(&err, "status 7", "  is told");
	err_clear(&err);
	clock_gettime(CLOCK_MONOTONIC, &from);
	ok(probe_child(sleeps, NULL, numbers, 1, 1, &err) == -1, "a child that does not answer");
	clock_gettime(CLOCK_MONOTONIC, &to);
	is_err(&err, "longer than 1 seconds", "  is told");
	ok(to.tv_sec - from.tv_sec < 5, "  in time");
	ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "no child is left behind");
}

/* The caller's own signal settings do not keep the child alive. */
static void the_limit_is_the_childs_own(void)
{
	struct err err = { 0 };
	int number;

	signal(SIGALRM, SIG_IGN);
	ok(probe_child(sleeps, NULL, &number, 1, 1, &err) == -1, "an ignored alarm is set right in the child");
	signal(SIGALRM, SIG_DFL);
}

int main(void)
{
	answers_are_judged();
	what_cannot_be_asked();
	the_real_kernel();
	a_child_answers();
	the_limit_is_the_childs_own();
	arena_release(&arena);
	return tap_done();
}
