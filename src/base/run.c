/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <nestfix/fsio.h>
#include <nestfix/run.h>

enum { FIRST_FD = 10, STATUS_FD = 3, SLICE_MS = 20, CHUNK = 65536, CHUNKS = 64, FD_CAP = 65536 };

static const char *const folders[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin" };
static char *const environment[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"LC_ALL=C", NULL };

/* All that one run holds open. */
struct job {
	const char *program;
	int in, out, err, status;               /* our ends; `in` is the child's whole stdin */
	int out_child, err_child, status_child; /* the child's ends */
	pid_t pid;
	int pidfd; /* or -1: a kernel before 5.3, where the end is polled for */
	struct timespec end;
};

static void job_release(struct job *j)
{
	int *fds[] = {
		&j->in, &j->out, &j->err, &j->status, &j->out_child, &j->err_child, &j->status_child, &j->pidfd
	};

	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
		fsio_close(fds[i]);
}

/* Keeps a descriptor out of the way of 0 to 3, which the child sets up. */
static int lift(int fd)
{
	int up;

	if (fd < 0 || fd >= FIRST_FD)
		return fd;
	up = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);
	fsio_close(&fd);
	return up;
}

static int make_pipe(int *ours, int *childs)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0)
		return -1;
	*ours = lift(fds[0]);
	*childs = lift(fds[1]);
	return *ours < 0 || *childs < 0 ? -1 : fcntl(*ours, F_SETFL, O_NONBLOCK);
}

/*
 * stdin is a file in memory, not a pipe: it is there as a whole before the program starts, so a program that writes
 * before it reads cannot deadlock with us, and one that does not read costs no SIGPIPE.
 */
static int make_input(struct slice input)
{
	int fd;

	if (input.len == 0)
		return lift(open("/dev/null", O_RDONLY | O_CLOEXEC));
	fd = lift(memfd_create("input", MFD_CLOEXEC));
	while (fd >= 0 && input.len > 0) {
		ssize_t n = write(fd, input.ptr, input.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			fsio_close(&fd);
			return -1;
		}
		input = slice_from(input, (size_t)n);
	}
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

/* Finds the program where it may be found; `path` has room for PATH_MAX. */
static int find(struct job *j, const char *name, char *path, struct err *err)
{
	struct stat st;

	j->program = name;
	if (name[0] == '/')
		return 0;
	if (strchr(name, '/'))
		return err_put(err, ERR_FAILED, "cannot run '%s': it is neither a name nor an absolute path", name);
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		snprintf(path, PATH_MAX, "%s/%s", folders[i], name);
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0) {
			j->program = path;
			return 0;
		}
	}
	errno = ENOENT;
	err_errno(err, "cannot run '%s'", name);
	return err_hint(err, "it is not in /usr/sbin, /usr/bin, /sbin or /bin: install the package that holds it");
}

/* close_range(2) is in Linux 5.9. Before it: one by one, up to a bound; our own are all close-on-exec anyway. */
static void close_above(int last)
{
	struct rlimit limit;
	int max = FD_CAP;

	if (syscall(SYS_close_range, (unsigned)last + 1, ~0U, 0) == 0)
		return;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < FD_CAP)
		max = (int)limit.rlim_cur;
	for (int fd = last + 1; fd < max; fd++)
		close(fd);
}

/*
 * By the system call: glibc's sigaction() refuses its own two signals, 32 and 33, which its posix_spawn() (make uses
 * it) hands down ignored. Zeroes are SIG_DFL in the kernel's struct, whatever its layout.
 */
static void reset_signals(void)
{
	static const long plain[16];
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		syscall(SYS_rt_sigaction, s, plain, NULL, (NSIG - 1) / 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child, between fork and exec: only calls that are safe there (signal-safety(7)). Tells errno through status.
 */
static void become(const struct run *run, const struct job *j, pid_t parent)
{
	int errnum;

	setpgid(0, 0);
	reset_signals();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(127); /* the parent died before the prctl */
	if (dup3(j->status_child, STATUS_FD, O_CLOEXEC) != STATUS_FD)
		_exit(127);
	if (dup2(j->in, 0) == 0 && dup2(j->out_child, 1) == 1 && dup2(j->err_child, 2) == 2 &&
	    chdir(run->cwd ? run->cwd : "/") == 0) {
		close_above(STATUS_FD);
		execve(j->program, (char *const *)run->argv, environment);
	}
	errnum = errno;
	while (write(STATUS_FD, &errnum, sizeof errnum) < 0 && errno == EINTR)
		;
	_exit(127);
}

static int start(struct run *run, struct job *j, struct err *err)
{
	pid_t parent = getpid();

	j->in = make_input(run->input);
	if (j->in < 0 || make_pipe(&j->out, &j->out_child) != 0 || make_pipe(&j->err, &j->err_child) != 0 ||
	    make_pipe(&j->status, &j->status_child) != 0)
		return err_errno(err, "cannot run '%s'", run->argv[0]);
	j->pid = fork();
	if (j->pid < 0)
		return err_errno(err, "cannot run '%s'", run->argv[0]);
	if (j->pid == 0)
		become(run, j, parent);
	setpgid(j->pid, j->pid); /* here too: whoever is first, kill(-pid) must find the group */
	fsio_close(&j->out_child);
	fsio_close(&j->err_child);
	fsio_close(&j->status_child);
	j->pidfd = lift((int)syscall(SYS_pidfd_open, j->pid, 0));
	return 0;
}

/* Milliseconds left, rounded up; 0 when the time is up. */
static int time_left(const struct job *j)
{
	struct timespec now;
	int64_t ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = ((int64_t)j->end.tv_sec - now.tv_sec) * 1000 + (j->end.tv_nsec - now.tv_nsec + 999999) / 1000000;
	return ms <= 0 ? 0 : ms > INT_MAX ? INT_MAX : (int)ms;
}

/*
 * Reads what is there into b, up to the limit; drops the rest. Closes at the end. CHUNKS bounds one call, so that a
 * program that never stops writing meets its time limit; it is more than a pipe can hold when its writer has ended.
 */
static void drain(int *fd, struct buf *b, size_t limit, bool *cut)
{
	static char dropped[CHUNK]; /* never looked at */

	for (int i = 0; i < CHUNKS && *fd >= 0; i++) {
		size_t room = limit - b->len < CHUNK ? limit - b->len : CHUNK;
		ssize_t n;

		buf_reserve(b, room);
		n = read(*fd, room ? b->ptr + b->len : dropped, room ? room : CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			fsio_close(fd);
			return;
		}
		if (room == 0)
			*cut = true;
		else
			b->ptr[b->len += (size_t)n] = '\0';
	}
}

static void drain_both(struct run *run, struct job *j)
{
	drain(&j->out, &run->out, run->out_limit ? run->out_limit : 64U << 20, &run->out_cut);
	drain(&j->err, &run->err, run->err_limit ? run->err_limit : 64U << 10, &run->err_cut);
}

/* True when the child has ended; it stays a zombie, so that its group number cannot be taken by somebody else. */
static bool has_ended(const struct job *j)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)j->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == j->pid;
}

/* Until the child ends (what a grandchild holds open does not count) or the time is up: then false. */
static bool follow(struct run *run, struct job *j)
{
	for (;;) {
		struct pollfd fds[3] = {
			{ .fd = j->out, .events = POLLIN },
			{ .fd = j->err, .events = POLLIN },
			{ .fd = j->pidfd, .events = POLLIN },
		};
		bool ended = has_ended(j);
		int left = time_left(j);

		drain_both(run, j); /* after has_ended: so nothing that it wrote is missed */
		if (ended || left == 0)
			return ended;
		poll(fds, 3, j->pidfd >= 0 || left < SLICE_MS ? left : SLICE_MS);
	}
}

static int reap(struct run *run, struct job *j, struct err *err)
{
	int status;

	while (waitpid(j->pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_errno(err, "cannot learn how '%s' ended", run->argv[0]);
	run->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return 0;
}

static int stop(struct run *run, struct job *j, unsigned seconds, struct err *err)
{
	kill(-j->pid, SIGKILL);
	kill(j->pid, SIGKILL); /* where the child has not reached its setpgid and ours failed */
	reap(run, j, err);
	drain_both(run, j);
	err_put(err, ERR_FAILED, "cannot wait any longer for '%s': it was stopped after %u seconds", run->argv[0],
		seconds);
	return err_hint(err, "see what keeps it busy: run it by hand");
}

static int run_started(struct run *run, struct job *j, struct err *err)
{
	unsigned seconds = run->seconds ? run->seconds : 60;
	int errnum = 0;

	clock_gettime(CLOCK_MONOTONIC, &j->end);
	j->end.tv_sec += (time_t)seconds;
	if (!follow(run, j))
		return stop(run, j, seconds, err);
	if (reap(run, j, err) != 0)
		return -1;
	if (read(j->status, &errnum, sizeof errnum) == sizeof errnum) {
		errno = errnum;
		return err_errno(err, "cannot run '%s'", run->argv[0]);
	}
	return 0;
}

int run_program(struct run *run, struct err *err)
{
	struct job j = { .in = -1,
			 .out = -1,
			 .err = -1,
			 .status = -1,
			 .out_child = -1,
			 .err_child = -1,
			 .status_child = -1,
			 .pidfd = -1 };
	struct sigaction plain = { .sa_handler = SIG_DFL }, before;
	char path[PATH_MAX];
	int r;

	run_release(run);
	if (!run->argv || !run->argv[0])
		return err_put(err, ERR_FAILED, "cannot run a program without a name");
	if (find(&j, run->argv[0], path, err) != 0)
		return -1;
	/* Who starts us may ignore SIGCHLD, and then the kernel keeps no exit status (waitpid(2)). */
	sigaction(SIGCHLD, &plain, &before);
	r = start(run, &j, err);
	if (r == 0)
		r = run_started(run, &j, err);
	sigaction(SIGCHLD, &before, NULL);
	job_release(&j);
	return r;
}

void run_release(struct run *run)
{
	buf_release(&run->out);
	buf_release(&run->err);
	run->out_cut = run->err_cut = false;
	run->status = 0;
}
