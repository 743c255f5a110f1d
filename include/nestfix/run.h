/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * run: run a program.
 *
 * No shell. The input is a file in memory, so a program that does not read it, or writes before it reads, does no harm.
 * The program is an absolute path or is looked for in /usr/sbin:/usr/bin:/sbin:/bin. Its environment is PATH, LC_ALL=C
 * and nothing else; every descriptor above 2 is closed; it runs in its own process group and is killed with it when the
 * time is up; it dies with us. Output beyond the limits is read and dropped, and told. The run is over when the program
 * ends, whatever its children still hold open.
 */
#ifndef NESTFIX_RUN_H
#define NESTFIX_RUN_H

#include <nestfix/buf.h>
#include <nestfix/err.h>

struct run {
	const char *const *argv;     /* NULL-terminated */
	struct slice input;          /* given on stdin; empty: /dev/null */
	const char *cwd;             /* or NULL: "/" */
	unsigned seconds;            /* time limit; 0: 60 */
	size_t out_limit, err_limit; /* bytes kept; 0: 64 MiB and 64 KiB */

	struct buf out, err; /* what it wrote; filled by run_program, released by run_release */
	bool out_cut, err_cut;
	int status; /* exit status; 128 + n for signal n */
};

/* 0: it ran and ended by itself, see status. -1: it could not be run, or its time was up. */
int run_program(struct run *run, struct err *err);
void run_release(struct run *run);
#define AUTORUN __attribute__((cleanup(run_release))) struct run

#endif
