/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fault: run this test program again, with fault.so in front of libc. The program's main() calls its victim when it
 * gets the arguments "victim DIR"; fault_lib() says whether there is a fault.so at all.
 */
#ifndef TESTS_FAULT_H
#define TESTS_FAULT_H

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tmp.h"

static char fault_self[PATH_MAX];

/* build/X/fault.so for build/X/unit/t-room, or NULL. */
static const char *fault_lib(void)
{
	static char path[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", fault_self, sizeof fault_self - 1);

	fault_self[n > 0 ? n : 0] = '\0';
	for (int i = 0; i < 2 && n > 0; i++)
		while (n > 0 && fault_self[--n] != '/')
			;
	snprintf(path, sizeof path, "%.*s/fault.so", n > 0 ? (int)n : 0, fault_self);
	return access(path, R_OK) == 0 ? path : NULL;
}

static int fault_start(const char *lib, int n, const char *what)
{
	char at[16];
	int pid;

	snprintf(at, sizeof at, "%d", n);
	unlink(tmp_path("/log"));
	pid = fork();
	if (pid == 0) {
		setenv("LD_PRELOAD", lib, 1);
		setenv("FAULT_AT", at, 1);
		setenv("FAULT_LOG", tmp_path("/log"), 1);
		setenv("FAULT_NOSYNC", "1", 1);
		if (strcmp(what, "PMXCFS") == 0)
			setenv("FAULT_PMXCFS", "1", 1);
		else
			setenv("FAULT_ERRNO", what, 1);
		execl(fault_self, fault_self, "victim", tmp_dir, (char *)NULL);
		_exit(99);
	}
	return pid;
}

/* Runs the victim with the n-th call failing as `what` says (or "PMXCFS"). Its log is tmp_read("/log"). The wait
 * status. */
__attribute__((unused)) static int fault_run(const char *lib, int n, const char *what)
{
	int pid = fault_start(lib, n, what), status;

	waitpid(pid, &status, 0);
	return status;
}

/* The same, but right before the n-th of the calls named `only` somebody else does something. */
__attribute__((unused)) static int fault_meddle(const char *lib, int n, const char *only, void (*meddle)(void))
{
	int pid, status;

	setenv("FAULT_ONLY", only, 1);
	pid = fault_start(lib, n, "STOP");
	unsetenv("FAULT_ONLY");
	waitpid(pid, &status, WUNTRACED);
	if (WIFSTOPPED(status)) {
		meddle();
		kill(pid, SIGCONT);
		waitpid(pid, &status, 0);
	}
	return status;
}

#endif
