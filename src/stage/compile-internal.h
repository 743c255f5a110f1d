/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compile-internal: the staging directory of compile; see compile-stage.c. */
#ifndef COMPILE_INTERNAL_H
#define COMPILE_INTERNAL_H

#include <nestfix/compile.h>

#define COMPILE_BASE "/etc/apparmor.d" /* apparmor_parser's built-in search directory */

/* Where another root's own feature files lie below the staging directory. */
#define STAGE_KERNEL_FEATURES "/kernel-features"
#define STAGE_POLICY_FEATURES "/policy-features"
#define STAGE_CONFIG "/parser.conf"

struct stage {
	const struct compiler *compiler;
	struct arena *arena;
	unsigned pad;           /* how much longer its path is than it need be: see compile-steady.c */
	char tmp[40];           /* "/tmp/aa-nestfix-PID-XXXXXX", or "" before it is made */
	const char *dir;        /* the staging directory: this, or one in it */
	const char *top;        /* the path of the top-level file in it; NULL: the policy comes on stdin */
	struct slice text;      /* … as this */
	VEC(const char *) made; /* what is to be removed again, in the order it was made */
};

/*
 * Lays out all that a policy reads, or what a text on stdin reads of the disk, below a new private directory. On
 * failure, too, stage_release removes what was made.
 */
int stage_files(struct stage *stage, const struct policy_reach *reach, struct err *err);
int stage_text(struct stage *stage, const char *name, struct slice text, struct err *err);
void stage_release(struct stage *stage);
/* Compiles what was gathered for a policy. */
int compile_reach(const struct compiler *compiler, const struct policy_reach *reach, unsigned pad, struct arena *arena,
		  struct slice *blob, struct err *err);

#define AUTOSTAGE __attribute__((cleanup(stage_release))) struct stage

#endif
