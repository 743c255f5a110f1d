/* SPDX-License-Identifier: GPL-2.0-or-later */
/* aa-nestfix: from what was typed to a command, and from its result to the exit status. The only file that exits. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "usage.h"

#ifndef NESTFIX_VERSION
#define NESTFIX_VERSION "unknown"
#endif

/* "aa-nestfix --root X": what a user types before a command to mean the same host again. A script that calls the
 * program tells by what name it is typed itself; the word is shown, and nothing else is done with it. */
static const char *self_words(struct app *app)
{
	const char *name = getenv("AA_NESTFIX_SELF");

	if (!name || !*name)
		name = "aa-nestfix";
	return app->root_path ? arena_printf(&app->arena, "%s --root %s", name, app->root_path) : name;
}

static bool is_terminal(FILE *file)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fileno(file)) && !(no_colour && *no_colour) && !(term && strcmp(term, "dumb") == 0);
}

/* A program that was built and not installed has its translations beside it. */
static const char *locales_of(struct app *app)
{
	char self[PATH_MAX] = "";
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	const char *slash = n > 0 ? strrchr(self, '/') : NULL, *built;

	built = slash ? arena_printf(&app->arena, "%.*s/locale", (int)(slash - self), self) : NULL;
	return built && access(built, F_OK) == 0 ? built : NESTFIX_LOCALEDIR;
}

static struct report_progress progress; /* these two outlive the streams, which end with the process */
static FILE *terminal;

static bool is_watched(const struct app *app)
{
	const char *term = getenv("TERM");

	return !app->json && !app->quiet && isatty(fileno(terminal)) && term && strcmp(term, "dumb") != 0;
}

static void open_report(struct app *app)
{
	app->report = (struct report){
		.progress = &progress,
		.out = report_stream(stdout, &progress, app->json),
		.talk = stderr,
		.screen = is_terminal(stdout) && !app->json ? stdout : NULL,
		.json = app->json,
		.quiet = app->quiet,
		.verbose = app->verbose,
		.locales = locales_of(app),
		.self = self_words(app),
	};
	progress.screen = is_watched(app) ? terminal : NULL;
}

/* A first word that is no command: a path, a profile, a number, a container of this host. */
static bool is_target(struct app *app)
{
	struct policy_reader reader = container_reader(&app->root);
	const struct container *c;
	struct container_host host;

	if (strchr(app->word, '/') || strncmp(app->word, "profile:", 8) == 0 ||
	    app->word[strspn(app->word, "0123456789")] == '\0')
		return true;
	/* a name of several is one: which of them, the command asks */
	return container_list(&host, &app->root, &reader, &app->arena, NULL) == 0 &&
	       (container_find(&host, slice_of(app->word), &c, NULL) < 0 || c);
}

static void check_word(struct app *app)
{
	const char **args = arena_array(&app->arena, app->arg_count + 1, sizeof *args);

	args[0] = app->word;
	for (size_t i = 0; i < app->arg_count; i++)
		args[i + 1] = app->args[i];
	app->args = args;
	app->arg_count++;
}

static int help(struct app *app, struct err *err)
{
	if (app->word && !app->command)
		return command_unknown(app->word, err);
	usage_print(app->report.out, app->command);
	return 0;
}

/* app->command, and whether it may do what was typed. */
static int choose_command(struct app *app, struct err *err)
{
	if (!app->command) {
		if (app->word && !is_target(app))
			return command_unknown(app->word, err);
		if (app->word)
			check_word(app);
		app->command = command_named("check");
	}
	if (options_check(app, err) < 0)
		return -1;
	if ((app->command->flags & COMMAND_WRITES) && app->root.live && geteuid() != 0 && !app->list) {
		err_put(err, ERR_FAILED, "cannot %s: only root may change policy", app->command->name);
		return err_hint(err, "sudo aa-nestfix %s", app->command->name);
	}
	return 0;
}

static int run_command(struct app *app, int argc, char **argv, struct err *err)
{
	int parsed = options_parse(app, argc, argv, err);

	open_report(app);
	if (parsed < 0)
		return -1;
	if (app->version) {
		fprintf(app->report.out, "aa-nestfix %s\n", NESTFIX_VERSION);
		return 0;
	}
	if (app->help)
		return help(app, err);
	/* One that changes something lives to say so, when nobody reads what it prints. */
	if (app->command && (app->command->flags & (COMMAND_WRITES | COMMAND_HARMLESS)))
		signal(SIGPIPE, SIG_IGN);
	app->pool = re_pool_new(&app->arena, 0);
	if (root_open(&app->root, app->root_path ? app->root_path : "/", err) < 0)
		return -1;
	app->root.own_folder = container_own_folder;
	if (choose_command(app, err) < 0)
		return -1;
	return app->command->run(app, err);
}

/*
 * A descriptor that the caller closed must not become that of a file which is opened here. Opened for reading only, so
 * that nobody takes what is written to it for written.
 */
static void keep_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* A full disk behind stdout must not look like success. */
static int close_output(const struct report *r, struct err *err)
{
	if (fflush(r->out) != 0 || ferror(r->out) || fflush(stdout) != 0 || ferror(stdout))
		return err_errno(err, "cannot write to standard output");
	return 0;
}

/* Also what libraries say goes through the stream: glibc writes it to whatever `stderr` is. */
static void guard_stderr(void)
{
	terminal = stderr;
	stderr = report_stream(stderr, &progress, false);
}

/* The exit status of a command that failed. What it had changed by then stays so, whatever went wrong afterwards. */
static int tell_failure(struct app *app, struct err *err)
{
	report_as_typed(&app->report, err);
	if (app->done) {
		report_afterwards(&app->report, app->done, err);
		if (app->report.json)
			report_json_afterwards(&app->report, app->done, err);
		return 1;
	}
	report_error(&app->report, app->command ? app->command->name : "check", err);
	return err_status(err->kind);
}

/* What the process ends with. */
static int end(struct app *app, int status, struct err *err)
{
	if (app->command && (app->command->flags & COMMAND_HARMLESS)) {
		if (status < 0)
			report_note(&app->report, "%s", err->text);
		return 0;
	}
	if (status >= 0 && close_output(&app->report, err) < 0) {
		app->report.json = false; /* its place is taken */
		status = -1;
	}
	return status < 0 ? tell_failure(app, err) : status;
}

int main(int argc, char **argv)
{
	struct app app = { .lock = -1 };
	struct err err = { 0 };
	int status;

	keep_standard_descriptors();
	umask(022);
	signal(SIGXFSZ, SIG_IGN); /* a write over the limit is then EFBIG, and is undone as any that fails */
	guard_stderr();
	app.root.fd = -1;
	status = end(&app, run_command(&app, argc, argv, &err), &err);
	fclose(app.report.out);
	fclose(stderr);
	root_release(&app.root);
	arena_release(&app.arena);
	return status;
}
