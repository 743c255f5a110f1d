/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe-internal.h"

/*
 * The child ends itself as well: a label may forbid to receive our SIGKILL (AppArmor's signal rules), but not the
 * kernel's own timer.
 */
static void limit_self(unsigned seconds)
{
	sigset_t all;

	signal(SIGALRM, SIG_DFL);
	sigfillset(&all);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(seconds + 1);
}

static bool write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Reads until the answer is whole, the child is gone or the time is up; returns how much came, -1 for the time. */
static ssize_t read_answer(int fd, char *bytes, size_t len, unsigned seconds)
{
	long long end = now_ms() + (long long)seconds * 1000;
	size_t got = 0;

	while (got < len) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		long long left = end - now_ms();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return -1;
		n = read(fd, bytes + got, len - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

/* A child that hangs in the kernel is left to it: its end is not waited for longer than a moment. */
static int reap(pid_t pid)
{
	int status = 0;

	for (int i = 0; i < 200; i++) {
		pid_t done = waitpid(pid, &status, WNOHANG);

		if (done == pid)
			return status;
		if (done < 0 && errno != EINTR)
			break;
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	}
	return 0;
}

int probe_child(probe_body *body, const void *question, int *numbers, size_t count, unsigned seconds, struct err *err)
{
	size_t len = count * sizeof *numbers;
	int ends[2], status;
	ssize_t got;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(err, "cannot make a pipe");
	pid = fork();
	if (pid == 0) {
		limit_self(seconds);
		body(question, numbers, count);
		_exit(!write_all(ends[1], (const char *)numbers, len));
	}
	close(ends[1]);
	if (pid < 0) {
		err_errno(err, "cannot start a child");
		close(ends[0]);
		return -1;
	}
	got = read_answer(ends[0], (char *)numbers, len, seconds);
	close(ends[0]);
	if (got != (ssize_t)len)
		kill(pid, SIGKILL);
	status = reap(pid);
	if (got == (ssize_t)len)
		return 0;
	if (got < 0)
		return err_put(err, ERR_FAILED, "cannot wait longer than %u seconds for the answer", seconds);
	return err_put(err, ERR_FAILED, "cannot get an answer: the child ended (%s %d)",
		       WIFSIGNALED(status) ? "signal" : "status",
		       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}
