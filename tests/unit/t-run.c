/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <nestfix/run.h>

#include "../lib/tap.h"

/* A run of `sh -c SCRIPT`. */
#define SHELL(script)                                                                                                  \
	(const char *const[])                                                                                          \
	{                                                                                                              \
		"/bin/sh", "-c", (script), NULL                                                                        \
	}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void gives_output_and_status(void)
{
	AUTORUN run = { .argv = SHELL("echo out; echo err >&2; exit 7") };
	struct err err = { 0 };

	ok(run_program(&run, &err) == 0, "a program that fails did run");
	is_text(buf_slice(&run.out), "out\n", "its stdout");
	is_num(run.out.ptr[run.out.len], 0, "  terminated, as any buf is");
	is_text(buf_slice(&run.err), "err\n", "its stderr");
	is_num(run.status, 7, "its status");
	run.argv = SHELL("kill -TERM $$");
	ok(run_program(&run, &err) == 0, "one that a signal ends did run");
	is_num(run.status, 128 + SIGTERM, "  with 128 + n");
	is_num(run.out.len, 0, "  and the output of the run before is gone");
	ok(!run.out_cut && !run.err_cut, "  and nothing was cut");
}

static void the_environment_is_clean(void)
{
	AUTORUN run = {
		.argv = SHELL(
		    "env | grep -v '^\\(PWD\\|OLDPWD\\|SHLVL\\|_\\)=' | sort; pwd; cat; ls /proc/self/fd | wc -l")
	};
	struct err err = { 0 };
	int leak = open("/dev/null", O_RDONLY), high = fcntl(leak, F_DUPFD, 200);

	setenv("SECRET", "1", 1);
	setenv("LC_ALL", "de_DE.UTF-8", 1);
	ok(leak >= 0 && high >= 200, "descriptors that could leak");
	ok(run_program(&run, &err) == 0, "a program looks around");
	/* 0, 1, 2 and the one that ls opens */
	is_text(buf_slice(&run.out), "LC_ALL=C\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n/\n4\n",
		"it sees a clean environment, /, no input and no descriptor of ours");
	close(leak);
	close(high);
	run.argv = SHELL("pwd");
	run.cwd = "/usr";
	ok(run_program(&run, &err) == 0 && slice_is(buf_slice(&run.out), "/usr\n"), "or the folder asked for");
	run.cwd = "/nonexistent";
	ok(run_program(&run, &err) == -1 && err.errnum == ENOENT, "a missing folder is an error");
}

static void signals_are_reset(void)
{
	AUTORUN run = { .argv = SHELL("grep '^Sig[BI]' /proc/self/status") };
	sigset_t set, before;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	/* as under make: glibc's own signals come ignored */
	syscall(SYS_rt_sigaction, 32, &(struct {
			void (*handler)(int);
			long rest[8];
		}){ SIG_IGN, { 0 } },
		NULL, 8);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &before);
	ok(run_program(&run, NULL) == 0 && run.status == 0, "run where SIGCHLD is ignored");
	is_text(buf_slice(&run.out), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n",
		"the program ignores and blocks no signal");
	ok(signal(SIGCHLD, SIG_DFL) == SIG_IGN, "what we ignored is ignored again");
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static void large_input_and_output_do_not_deadlock(void)
{
	AUTORUN run = { .argv = (const char *const[]){ "cat", NULL } };
	AUTOBUF big = { 0 };
	struct err err = { 0 };

	for (int i = 0; i < 300000; i++)
		buf_addf(&big, "line %d\n", i);
	run.input = buf_slice(&big);
	ok(run_program(&run, &err) == 0, "megabytes through cat, found by its name");
	ok(slice_eq(buf_slice(&run.out), run.input), "  come back as they went in");
	run.argv = SHELL("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; cat | wc -c");
	run.err_limit = 4 << 20;
	ok(run_program(&run, &err) == 0 && run.out.len > 3000000 && run.err.len == 3000000,
	   "a program may write all before it reads");
	ok(buf_str(&run.out)[3000000] == '0' + (int)(big.len / 1000000), "  and still reads all");
	run.argv = SHELL("exec <&-; sleep 0.1; echo done");
	ok(run_program(&run, &err) == 0 && slice_is(buf_slice(&run.out), "done\n"), "a program may not read at all");
}

static void output_over_the_limit_is_cut_and_told(void)
{
	AUTORUN run = { .argv = SHELL("head -c 200000 /dev/zero; head -c 10 /dev/zero >&2"),
			.out_limit = 1000,
			.err_limit = 10 };

	ok(run_program(&run, NULL) == 0 && run.status == 0, "a program writes more than is kept");
	ok(run.out.len == 1000 && run.out_cut, "  the rest is dropped, and told");
	ok(run.err.len == 10 && !run.err_cut, "  exactly the limit is no cut");
}

static bool is_gone(struct slice pid)
{
	AUTOARENA arena = { 0 };
	const char *path = arena_printf(&arena, "/proc/%.*s", SLICE_FMT(slice_trim(pid)));

	for (int i = 0; i < 100 && access(path, F_OK) == 0; i++) {
		AUTORUN run = { 0 };
		AUTOBUF status = { 0 };

		buf_addf(&status, "%s/status", path);
		run.argv = (const char *const[]){ "grep", "-q", "^State:.Z", buf_str(&status), NULL };
		if (run_program(&run, NULL) == 0 && run.status == 0)
			return true; /* dead, but nobody reaped it */
		usleep(20000);
	}
	return access(path, F_OK) != 0;
}

static void the_time_limit_ends_the_whole_group(void)
{
	AUTORUN run = { .argv = SHELL("sleep 100 & echo $!; wait"), .seconds = 1 };
	struct err err = { 0 };
	double start = now();

	ok(run_program(&run, &err) == -1, "a program that does not end");
	ok(now() - start >= 1 && now() - start < 5, "  is stopped when its time is up");
	is_err(&err, "cannot wait any longer for '/bin/sh': it was stopped after 1 seconds", "  which is told");
	ok(run.out.len > 1 && is_gone(buf_slice(&run.out)), "  and so is what it started");
	err_clear(&err);
	run.argv = SHELL("yes");
	start = now();
	run.out_limit = 1000;
	ok(run_program(&run, &err) == -1 && now() - start < 5, "a program that never stops writing is stopped too");
	run.argv = SHELL("exec >&- 2>&-; sleep 100");
	start = now();
	ok(run_program(&run, &err) == -1 && now() - start < 5, "one that closed its output, too");
}

static void a_background_child_does_not_hold_us(void)
{
	AUTORUN run = { .argv = SHELL("sleep 20 & echo started"), .seconds = 15 };
	double start = now();

	ok(run_program(&run, NULL) == 0 && slice_is(buf_slice(&run.out), "started\n"),
	   "a program leaves a child behind");
	ok(now() - start < 5, "  which holds its output open, but not us");
}

static void it_dies_with_us(void)
{
	int fds[2];
	char pid[32] = "";
	int child, status;
	ssize_t n;

	ok(pipe(fds) == 0, "pipe");
	child = fork();
	if (child == 0) {
		char script[64];
		AUTORUN run = { .argv = SHELL(script) };

		snprintf(script, sizeof script, "echo $$ > /proc/%d/fd/%d; exec sleep 100", (int)getpid(), fds[1]);
		run_program(&run, NULL);
		_exit(0);
	}
	n = read(fds[0], pid, sizeof pid - 1);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	ok(n > 1 && is_gone(slice_of(pid)), "a program dies when we are killed");
	close(fds[0]);
	close(fds[1]);
}

static void what_cannot_run_says_so(void)
{
	AUTORUN run = { .argv = (const char *const[]){ "/nonexistent/parser", NULL } };
	struct err err = { 0 };

	ok(run_program(&run, &err) == -1 && err.errnum == ENOENT, "a missing program");
	is_err(&err, "cannot run '/nonexistent/parser': No such file or directory", "  is told");
	err_clear(&err);
	run.argv = (const char *const[]){ "no-such-program-here", NULL };
	ok(run_program(&run, &err) == -1 && err.errnum == ENOENT, "a missing name");
	ok(strstr(err.hint, "install"), "  with a hint");
	err_clear(&err);
	run.argv = (const char *const[]){ "/etc/passwd", NULL };
	ok(run_program(&run, &err) == -1 && err.errnum == EACCES, "a file that is no program");
	err_clear(&err);
	run.argv = (const char *const[]){ "bin/sh", NULL };
	ok(run_program(&run, &err) == -1, "a relative path");
	is_err(&err, "neither a name nor an absolute path", "  is told");
	err_clear(&err);
	run.argv = (const char *const[]){ NULL };
	ok(run_program(&run, &err) == -1, "no name at all");
}

static void works_without_standard_descriptors(void)
{
	int pid = fork(), status;

	if (pid == 0) {
		AUTORUN run = { .argv = SHELL("cat; echo err >&2"), .input = SLICE("text") };

		close(0);
		close(1);
		close(2);
		_exit(run_program(&run, NULL) == 0 && slice_is(buf_slice(&run.out), "text") &&
			      slice_is(buf_slice(&run.err), "err\n")
			  ? 0
			  : 1);
	}
	waitpid(pid, &status, 0);
	ok(status == 0, "run works where 0, 1 and 2 are closed");
}

static void leaves_nothing_open(void)
{
	AUTORUN run = { .argv = SHELL("cat"), .input = SLICE("x") };
	int before = open("/dev/null", O_RDONLY), after;

	close(before);
	for (int i = 0; i < 20; i++)
		run_program(&run, NULL);
	after = open("/dev/null", O_RDONLY);
	close(after);
	is_num(after, before, "no descriptor is left open");
	ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "nor a zombie");
}

int main(void)
{
	gives_output_and_status();
	the_environment_is_clean();
	signals_are_reset();
	large_input_and_output_do_not_deadlock();
	output_over_the_limit_is_cut_and_told();
	the_time_limit_ends_the_whole_group();
	a_background_child_does_not_hold_us();
	it_dies_with_us();
	what_cannot_run_says_so();
	works_without_standard_descriptors();
	leaves_nothing_open();
	return tap_done();
}
