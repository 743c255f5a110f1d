/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compile-internal: the staging directory of compile; see compile-stage.c. */
#ifndef COMPILE_INTERNAL_H
#define COMPILE_INTERNAL_H

#include <nestfix/compile.h>

#define COMPILE_BASE "/etc/apparmor.d" /* apparmor_parser's built-in search directory */

/* Where another root's own feature files lie below the staging directory. */
#define STAGE_KERNEL_FEATURES "/kernel-features"
#define STAGE_POLICY_FEATURES "/policy-features"

/* A file of the policy and the bytes that it has in the staging directory. */
struct staged {
	const char *path; /* below the root, without "//" and "/./" */
	struct slice bytes;
};

struct stage {
	const struct compiler *compiler;
	struct arena *arena;
	const struct compile_text *texts; /* stand in for files */
	size_t text_count;
	bool is_text; /* the policy comes on stdin, and is none of the files */
	char dir[40]; /* "/tmp/aa-nestfix-PID-XXXXXX", or "" before it is made */
	VEC(struct staged) files;
	VEC(const char *) made; /* what is to be removed again, in the order it was made */
};

/*
 * Lays out a policy that was read, a file as it is on disk now, or what a text on stdin includes, with all that these
 * include, below a new private directory; the texts stand in for their files. On failure, too, stage_release removes
 * what was made. ERR_REFUSED: an include names what may not be read: a FIFO, a device, a file that cannot be trusted.
 */
int stage_policy(struct stage *stage, const struct policy *policy, struct err *err);
int stage_disk(struct stage *stage, const char *path, struct err *err);
int stage_text(struct stage *stage, struct slice text, struct err *err);
void stage_release(struct stage *stage);
#define AUTOSTAGE __attribute__((cleanup(stage_release))) struct stage

/* The path of the policy's top-level file inside the staging directory. */
const char *stage_top(const struct stage *stage);

/* The text with `dir` in front of every path that it includes by name: `include "/x"` does not look at the parser's
 * base directory, and `include "x"` looks below the working directory, which is / (run.h). */
int stage_redirect(struct slice text, const char *dir, struct arena *arena, struct slice *out, struct err *err);

/* Does BASE/FOLDER hold a name like that of this file? apparmor_parser looks into disable/ and force-complain/. */
bool compile_is_marked(const struct compiler *compiler, const char *folder, const char *path, struct arena *arena);

#endif
