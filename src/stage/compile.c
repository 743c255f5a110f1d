/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/apparmor.h>

#include "compile-internal.h"

static const char feature_file[] = "/usr/share/apparmor-features/features"; /* Debian's, as parser.conf names it */

static const char *absolute(const char *path, struct arena *arena)
{
	char *real = realpath(path, NULL);
	const char *kept = real ? arena_str(arena, slice_of(real)) : NULL;

	free(real);
	return kept;
}

static const char *find_program(const char *program, struct arena *arena)
{
	static const char *const dirs[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin" };

	if (!program)
		program = "apparmor_parser";
	if (strchr(program, '/'))
		return access(program, X_OK) == 0 ? absolute(program, arena) : NULL;
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		const char *path = arena_printf(arena, "%s/%s", dirs[i], program);

		if (access(path, X_OK) == 0)
			return path;
	}
	return NULL;
}

/* "AppArmor parser version 4.1.0~beta1" → "4.1.0~beta1", 4, 1. */
static bool read_version(struct compiler *c, const char *text)
{
	static const char word[] = "version ";
	const char *at = strstr(text, word);
	size_t len;

	if (!at)
		return false;
	at += sizeof word - 1;
	len = strcspn(at, " \t\r\n");
	if (len == 0 || len >= sizeof c->version || sscanf(at, "%d.%d", &c->major, &c->minor) != 2)
		return false;
	memcpy(c->version, at, len);
	c->version[len] = '\0';
	return true;
}

static int ask_version(struct compiler *c, struct arena *arena, struct err *err)
{
	const char *argv[] = { c->program, "--version", NULL };
	AUTORUN run = { .argv = argv, .seconds = 20 };

	if (run_program(&run, err) < 0)
		return err_wrap(err, "cannot ask '%s' for its version", c->program);
	if (run.status != 0 || !read_version(c, arena_str(arena, buf_slice(&run.out))))
		return err_put(err, ERR_FAILED, "cannot use '%s': it does not answer like apparmor_parser", c->program);
	return 0;
}

/* The bytes of a feature file of another root, or empty. A trusted one is a few KiB. */
static struct slice read_features(const struct compiler *c, const char *path, struct arena *arena)
{
	struct file file;

	if (fsio_read(c->root, path, 1 << 20, arena, &file, NULL) < 0)
		file.bytes = SLICE("");
	return file.bytes;
}

static bool kernel_tells_features(void)
{
	char *mount = NULL;
	char path[PATH_MAX];
	bool tells;

	if (aa_find_mountpoint(&mount) < 0)
		return false;
	snprintf(path, sizeof path, "%s/features", mount);
	tells = access(path, R_OK | X_OK) == 0;
	free(mount);
	return tells;
}

/* Another root's parser.conf is not handed to the parser, since it names paths of that root; what it says about the
 * features is. */
static void take_features_of_root(struct compiler *c, struct arena *arena)
{
	const char *const *policy = discover_options(c->root, "policy-features", arena);

	c->config = "/dev/null";
	while (policy[0] && policy[1])
		policy++; /* the last one counts */
	if (policy[0] && policy[0][0] == '/')
		c->root_policy_features = read_features(c, policy[0], arena);
	c->root_kernel_features = read_features(c, feature_file, arena);
}

int compiler_init(struct compiler *out, const struct root *root, const char *program, const char *features,
		  struct arena *arena, struct err *err)
{
	*out = (struct compiler){ .root = root, .dir = root->live ? "" : absolute(root->path, arena) };
	if (!out->dir)
		return err_errno(err, "cannot find the folder '%s'", root->path);
	out->program = find_program(program, arena);
	if (!out->program) {
		err_put(err, ERR_FAILED, "cannot find the program '%s'", program ? program : "apparmor_parser");
		return err_hint(err, "install the package 'apparmor', or name the program with --parser");
	}
	if (ask_version(out, arena, err) < 0)
		return -1;
	out->search = discover_search(root, arena);
	if (!root->live)
		take_features_of_root(out, arena);
	else if (out->search[0])
		out->root_config = discover_without_search(root, arena);
	if (features) {
		out->root_kernel_features = (struct slice){ 0 };
		out->kernel_features = absolute(features, arena);
		if (!out->kernel_features)
			return err_errno(err, "cannot find the feature file '%s'", features);
	}
	if (root->live && kernel_tells_features())
		return 0;
	if (!out->kernel_features && out->root_kernel_features.len == 0 && access(feature_file, R_OK) == 0)
		out->kernel_features = feature_file;
	return 0;
}

bool compile_is_marked(const struct compiler *compiler, const char *folder, const char *path, struct arena *arena)
{
	const char *slash = strrchr(path, '/');
	enum fsio_kind kind;

	if (!slash)
		return false;
	path = arena_printf(arena, COMPILE_BASE "/%s%s", folder, slash);
	return fsio_kind(compiler->root, path, &kind, NULL) == 0 && kind != FSIO_MISSING;
}

/* One call of the parser. All that it reads of the policy lies in the staging directory. */
struct job {
	const struct compiler *compiler;
	const char *name; /* for messages */
	const char *file; /* to be compiled; NULL: text on stdin */
	struct slice text;
	const char *base; /* the staging directory */
	struct arena *arena;
};

typedef VEC(const char *) word_vec;

static void add_option(word_vec *argv, const char *option, const char *value, struct arena *arena)
{
	VEC_PUSH(arena, argv, option);
	VEC_PUSH(arena, argv, value);
}

static void add_features(const struct job *job, word_vec *argv)
{
	const struct compiler *c = job->compiler;
	const char *kernel = c->kernel_features;

	if (c->root_kernel_features.len > 0)
		kernel = arena_printf(job->arena, "%s" STAGE_KERNEL_FEATURES, job->base);
	if (kernel)
		add_option(argv, c->major >= 3 ? "--kernel-features" : "--features-file", kernel, job->arena);
	if (c->root_policy_features.len > 0 && c->major >= 3)
		add_option(argv, "--policy-features", arena_printf(job->arena, "%s" STAGE_POLICY_FEATURES, job->base),
			   job->arena);
}

/* -S writes the policy to stdout; -Q -K leave the kernel and the cache alone. Options since 2.13 and 3.0:
 * parser_main.c. */
static const char **command(const struct job *job)
{
	const struct compiler *c = job->compiler;
	word_vec argv = { 0 };
	const char *all[] = {
		c->program, "-q", "-Q", "-K", "-S", "--base", arena_printf(job->arena, "%s" COMPILE_BASE, job->base),
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		VEC_PUSH(job->arena, &argv, all[i]);
	for (size_t i = 0; c->search && c->search[i]; i++)
		add_option(&argv, "--Include", arena_printf(job->arena, "%s%s", job->base, c->search[i]), job->arena);
	if (c->root_config.len > 0 && c->major >= 3)
		add_option(&argv, "--config-file", arena_printf(job->arena, "%s" STAGE_CONFIG, job->base), job->arena);
	else if (c->config && c->major >= 3)
		add_option(&argv, "--config-file", c->config, job->arena);
	add_features(job, &argv);
	/* 5.0 compresses where the kernel offers to take that; what is compared and loaded here is plain */
	if (c->major >= 5)
		VEC_PUSH(job->arena, &argv, "--zstd-compress-level=none");
	if (job->file)
		VEC_PUSH(job->arena, &argv, job->file);
	VEC_PUSH(job->arena, &argv, NULL);
	return argv.ptr;
}

/* The line that says what is wrong: the first that speaks of an error, else the first that is no warning. */
static struct slice telling_line(struct slice text)
{
	struct slice first = { 0 };

	while (text.len > 0) {
		size_t end = slice_find(text, '\n');
		struct slice line = slice_trim(slice_sub(text, 0, end));

		text = slice_from(text, end + 1);
		if (line.len > 0 && memmem(line.ptr, line.len, "error", 5))
			return line;
		/* "Cache read/write disabled" comes without AppArmor in the kernel, even with -q */
		if (first.len == 0 && !slice_starts(line, "Warning") && !slice_starts(line, "Cache "))
			first = line;
	}
	return first;
}

/* The parser's words with the real paths: those of the staging directory mean nothing to anybody. */
static const char *real_words(const struct job *job, struct slice words)
{
	const struct root *root = job->compiler->root;
	size_t len = strlen(job->base);
	AUTOBUF out = { 0 };

	while (words.len > 0) {
		if (len > 0 && slice_starts(words, job->base)) {
			buf_adds(&out, root->live ? "" : root->path);
			words = slice_from(words, len);
			continue;
		}
		buf_addc(&out, words.ptr[0]);
		words = slice_from(words, 1);
	}
	return arena_str(job->arena, buf_slice(&out));
}

static int refused(const struct job *job, const struct run *run, struct err *err)
{
	const char *words = real_words(job, telling_line(buf_slice(&run->err)));

	if (run->status > 128)
		return err_put(err, ERR_FAILED, "cannot compile '%s': the parser was ended by signal %d", job->name,
			       run->status - 128);
	if (run->status == 0)
		return err_put(err, ERR_FAILED, "cannot compile '%s': the parser made no policy of it%s%s", job->name,
			       *words ? ": " : "", words);
	err_put(err, ERR_FAILED, "cannot compile '%s': %s", job->name, *words ? words : "the parser does not say why");
	return err_hint(err, "this is apparmor_parser %s; if the policy needs a newer one, name it with --parser",
			job->compiler->version);
}

/* A second is enough for LXC's profiles; the limit is for a parser that hangs, not for a busy or slow machine: under
 * load an emulated one took over 60 seconds. */
#define PARSER_SECONDS 300

/* The exit status alone says too little: a file that is skipped gives status 0 and no policy. */
static int compile(const struct job *job, struct slice *blob, struct err *err)
{
	AUTORUN run = { .argv = command(job), .input = job->text, .seconds = PARSER_SECONDS };

	if (job->compiler->watch.begin)
		job->compiler->watch.begin(job->compiler->watch.ctx, job->name);
	if (run_program(&run, err) < 0)
		return err_wrap(err, "cannot compile '%s'", job->name);
	if (run.status != 0 || run.out.len == 0)
		return refused(job, &run, err);
	if (run.out_cut)
		return err_put(err, ERR_FAILED, "cannot compile '%s': the policy is too large", job->name);
	*blob = arena_slice(job->arena, buf_slice(&run.out));
	return 0;
}

static int compile_stage(const struct stage *stage, const char *name, struct slice *blob, struct err *err)
{
	struct job job = {
		.compiler = stage->compiler,
		.name = name,
		.file = stage->top,
		.text = stage->text,
		.base = stage->dir,
		.arena = stage->arena,
	};

	return compile(&job, blob, err);
}

int compile_reach(const struct compiler *compiler, const struct policy_reach *reach, unsigned pad, struct arena *arena,
		  struct slice *blob, struct err *err)
{
	AUTOSTAGE stage = { .compiler = compiler, .arena = arena, .pad = pad };

	if (stage_files(&stage, reach, err) < 0)
		return -1;
	return compile_stage(&stage, root_path(compiler->root, reach->parts[0].path, arena), blob, err);
}

static int compile_gathered(const struct compiler *compiler, const struct policy *policy, const char *path,
			    const struct compile_text *texts, size_t text_count, struct arena *arena,
			    struct slice *blob, struct err *err)
{
	struct policy_reach reach;

	if (compile_gather(&reach, compiler, policy, path, texts, text_count, arena, err) < 0)
		return -1;
	return compile_reach(compiler, &reach, 0, arena, blob, err);
}

int compile_policy(const struct compiler *compiler, const struct policy *policy, const struct compile_text *texts,
		   size_t text_count, struct arena *arena, struct slice *blob, struct err *err)
{
	if (policy->source_count == 0 || policy->sources[0]->path[0] != '/')
		return err_put(err, ERR_FAILED, "cannot compile '%s': it is no file", policy->path);
	return compile_gathered(compiler, policy, policy->path, texts, text_count, arena, blob, err);
}

int compile_with(const struct compiler *compiler, const char *path, const struct compile_text *texts, size_t text_count,
		 struct arena *arena, struct slice *blob, struct err *err)
{
	return compile_gathered(compiler, NULL, path, texts, text_count, arena, blob, err);
}

int compile_text(const struct compiler *compiler, const char *name, struct slice text, struct arena *arena,
		 struct slice *blob, struct err *err)
{
	AUTOSTAGE stage = { .compiler = compiler, .arena = arena };

	if (stage_text(&stage, name, text, err) < 0)
		return -1;
	return compile_stage(&stage, name, blob, err);
}

bool compile_is_refusal(const struct err *err)
{
	/* What it finds while reading; of variables, of patterns, of transitions, of mount flags and of profiles that
	 * it finds later (parser_variable.c, parser_regex.c, parser_merge.c, mount.cc, parser_policy.c). Its exit
	 * status is 1 for these as for trouble of its own. All else (no memory, killed, no time) says nothing on the
	 * text: a word too few here stops with an error, one too many would pass over a container unproved. */
	static const char *const words[] = {
		"AppArmor parser error",     "Found reference to variable", "Failed to find declaration for",
		"is referenced recursively", "Regex grouping error",        "with conflicting x modifiers",
		"conflicting flag",          "Multiple definitions for"
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strstr(err->text, words[i]))
			return true;
	return false;
}

/* The parser's own word on the text, as every version of it puts it. All else (it was killed, it ran out of memory or
 * time) says nothing. */
static bool is_syntax_error(const struct err *err)
{
	return strstr(err->text, "syntax error") != NULL;
}

int compile_knows_priority(const struct compiler *compiler, struct arena *arena, struct err *err)
{
	static const char with[] = "profile aa-nestfix-probe { priority=1 /aa-nestfix-probe r, }\n";
	static const char without[] = "profile aa-nestfix-probe { /aa-nestfix-probe r, }\n";
	struct err trouble = { 0 };
	struct slice blob;

	if (compile_text(compiler, "a probe", SLICE(with), arena, &blob, &trouble) == 0)
		return 1;
	if (is_syntax_error(&trouble) && compile_text(compiler, "a probe", SLICE(without), arena, &blob, err) == 0)
		return 0;
	err_put(err, trouble.kind, "%s", trouble.text);
	err_hint(err, "%s", trouble.hint);
	return err_wrap(err, "cannot ask the parser whether it knows priority=");
}
