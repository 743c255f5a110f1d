/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compile: policy text → compiled policy, by the host's own apparmor_parser.
 *
 * What is compiled is exactly what was read: all files of a policy are laid out in a private staging directory, with
 * the edited ones in their new form, and the parser's base directory is that. So the proof speaks of the bytes that
 * will be written, and a file that changes meanwhile cannot slip in. The parser never reads a policy tree in place: no
 * link, FIFO or device of one can lead it elsewhere or hold it, and an absolute include means the tree's file, not the
 * host's. Messages of the parser name the real paths again.
 */
#ifndef NESTFIX_COMPILE_H
#define NESTFIX_COMPILE_H

#include <nestfix/cache.h>
#include <nestfix/compare.h>
#include <nestfix/discover.h>
#include <nestfix/run.h>

/* Called before each run of the parser, which may take seconds, with the name of what is compiled. */
struct compile_watch {
	void (*begin)(void *ctx, const char *name);
	void *ctx;
};

struct compiler {
	struct compile_watch watch; /* set after compiler_init; zeroed: nobody watches */
	const struct root *root;
	const char *dir;     /* the root as an absolute path for programs that are run; "" for the live one */
	const char *program; /* absolute path of apparmor_parser */
	char version[32];    /* "3.0.8" */
	int major, minor;
	const char *kernel_features; /* file for --kernel-features (-M before 3.0), or NULL: the running kernel's own */
	struct slice root_kernel_features, root_policy_features; /* bytes of another root's own files, or empty */
	const char *config;                                      /* file for --config-file, or NULL */
	struct slice root_config;  /* what stands in its place, where parser.conf names search folders; or empty */
	const char *const *search; /* those folders, which are laid out, too: below the root; ends with NULL */
};

/*
 * Finds the parser (`program` or NULL: apparmor_parser) and asks its version. `features` (or NULL) names a feature
 * file. On the live root with AppArmor in the kernel the kernel's features and the host's parser.conf are used;
 * elsewhere those of the root, and where it has none those of the machine. ERR_FAILED with what to install where there
 * is no parser.
 */
int compiler_init(struct compiler *out, const struct root *root, const char *program, const char *features,
		  struct arena *arena, struct err *err);

/*
 * Everything about parser, kernel and configuration that a compiled policy depends on, for a key (the arguments are
 * those of compiler_init). Nothing is run for it: a program counts by path, size, time and inode.
 */
void compile_identity(const struct root *root, const char *program, const char *features, struct cache_key *key);

/* Does BASE/FOLDER hold a name like that of this file? apparmor_parser looks into disable/ and force-complain/. */
bool compile_is_marked(const struct compiler *compiler, const char *folder, const char *path, struct arena *arena);

/* Bytes that stand in for a file of the policy. */
struct compile_text {
	const char *path; /* below the root, as in policy_source */
	struct slice bytes;
};

/*
 * Compiles one top-level file of a policy that was read, with some of its files replaced. *blob lives in the arena.
 * ERR_FAILED with the parser's own words on a syntax error, an empty output, a time-out.
 */
int compile_policy(const struct compiler *compiler, const struct policy *policy, const struct compile_text *texts,
		   size_t text_count, struct arena *arena, struct slice *blob, struct err *err);

/* Compiles a text given on stdin, with what it includes as that is on disk now: a generated profile. */
int compile_text(const struct compiler *compiler, const char *name, struct slice text, struct arena *arena,
		 struct slice *blob, struct err *err);

/* As compile_policy, for a file as it is on disk now with all that it includes: with no texts, the check after writing.
 */
int compile_with(const struct compiler *compiler, const char *path, const struct compile_text *texts, size_t text_count,
		 struct arena *arena, struct slice *blob, struct err *err);

/* Did the parser refuse the text? Then it will do so again, which of all other trouble nobody can say. */
bool compile_is_refusal(const struct err *err);

/*
 * All that such a compilation reads, with the texts in place of their files, under whatever name these are reached:
 * that of a policy that was read, or (NULL) as it is on disk now. ERR_REFUSED: it would read what may not be read, a
 * FIFO or a file that cannot be trusted.
 */
int compile_gather(struct policy_reach *out, const struct compiler *compiler, const struct policy *policy,
		   const char *path, const struct compile_text *texts, size_t text_count, struct arena *arena,
		   struct err *err);

/* The first file that only one of them reads, or with other bytes. NULL: the parser makes the same policy of both. */
const char *compile_difference(const struct policy_reach *x, const struct policy_reach *y);

/*
 * Is a change that may not be none of the text's, but the parser's own? apparmor_parser 4.1.0 compiles some texts with
 * rules that hold `m` differently from run to run. Asked of one of the two texts (as compile_gather), where the
 * comparison is about that. -1 ERR_REFUSED with the sentence.
 */
int compile_check_steady(const struct compiler *compiler, const struct policy *policy, const char *path,
			 const struct compile_text *texts, size_t text_count, const struct comparison *comparison,
			 struct re_pool *pool, struct arena *arena, struct err *err);

/*
 * Does this parser take `priority=` on a file rule? Asked by a probe text, not by the version. 1, 0; -1 where it does
 * not answer: only a parser that calls the probe a syntax error does not know it.
 */
int compile_knows_priority(const struct compiler *compiler, struct arena *arena, struct err *err);

#endif
