/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * aa-nestfix: option table, command table, exit status. The only file that prints usage and the only one that exits.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app.h"

#ifndef NESTFIX_VERSION
#define NESTFIX_VERSION "unknown"
#endif

const char *argp_program_version = "aa-nestfix " NESTFIX_VERSION;
const char *argp_program_bug_address = NULL;

static const struct command commands[] = {
	{ "check", cmd_check, 0, "[TARGET...]", "say which rule is in the way, where, and for whom (the default)" },
	{ "diff", cmd_diff, 0, "[TARGET...]", "show what fix would change, and the proof; change nothing" },
	{ "fix", cmd_fix, COMMAND_WRITES, "[TARGET...]", "back up, write, load into the kernel, look again" },
	{ "harden", cmd_harden, COMMAND_WRITES, "[CONTAINER...]",
	  "switch AppArmor on again where it was switched off because of this" },
	{ "rollback", cmd_rollback, COMMAND_WRITES | COMMAND_ARGUMENTS, "[ID | --to ID | --all]",
	  "undo the last change, the named one, all newer than it, or all" },
	{ "explain", cmd_explain, COMMAND_ARGUMENTS, "PATH [PERM] [TARGET...]", "say what decides this access" },
	{ "probe", cmd_probe, COMMAND_ARGUMENTS, "[TARGET...|label:LABEL...]",
	  "ask the kernel itself, as runc would; change nothing" },
	{ "prove", cmd_prove, COMMAND_ARGUMENTS, "OLD NEW", "show the difference of two profiles on all paths" },
	{ "hook", cmd_hook, COMMAND_ARGUMENTS | COMMAND_HARMLESS, "lxc | pve VMID PHASE",
	  "called by liblxc and by Proxmox when a container starts" },
};

enum {
	OPT_ROOT = 256,
	OPT_PARSER,
	OPT_FEATURES,
	OPT_PATCHES,
	OPT_JSON,
	OPT_SCOPE,
	OPT_YES,
	OPT_OWN_FILES,
	OPT_LIST,
	OPT_ALL,
	OPT_TO,
	OPT_ALLOW,
	OPT_PROFILE_FOR,
	OPT_PVE_HOOKSCRIPT
};

static const struct argp_option options[] = {
	{ "root", OPT_ROOT, "DIR", 0, "work on another root; this kernel is not touched", 1 },
	{ "parser", OPT_PARSER, "PROGRAM", 0, "another apparmor_parser", 1 },
	{ "features", OPT_FEATURES, "FILE", 0, "compile for the kernel features of FILE", 1 },
	{ "patches", OPT_PATCHES, "DIR", 0, "read the conflict files from DIR", 1 },
	{ "scope", OPT_SCOPE, "S[,S]", 0, "what to give back: net (the default), ipc, uts, user", 1 },
	{ "json", OPT_JSON, NULL, 0, "print one JSON object", 2 },
	{ "quiet", 'q', NULL, 0, "say nothing but errors", 2 },
	{ "verbose", 'v', NULL, 0, "say more", 2 },
	{ "yes", OPT_YES, NULL, 0, "fix, harden, rollback: do not ask", 3 },
	{ "own-files", OPT_OWN_FILES, NULL, 0, "fix, diff: leave the files of other packages alone", 3 },
	{ "profile-for", OPT_PROFILE_FOR, "NAME", 0, "fix: use lxc-container-nestfix in these containers", 3 },
	{ "pve-hookscript", OPT_PVE_HOOKSCRIPT, "VMID", 0, "fix: cure these guests by a hookscript of Proxmox", 3 },
	{ "list", OPT_LIST, NULL, 0, "rollback: list the changes", 3 },
	{ "to", OPT_TO, "ID", 0, "rollback: back to how it was right after change ID", 3 },
	{ "all", OPT_ALL, NULL, 0, "rollback: back to how it was before the first change", 3 },
	{ "allow", OPT_ALLOW, "PATTERN:PERMS", 0, "prove: a difference that is all right; may be repeated", 3 },
	{ 0 },
};

static void set_command(struct app *app, const char *arg, struct argp_state *state)
{
	AUTOBUF shown = { 0 };

	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(commands[i].name, arg) == 0)
			app->command = &commands[i];
	if (!app->command) {
		report_show(&shown, slice_of(arg));
		argp_error(state, "unknown command '%s'", buf_str(&shown));
	}
}

static void add_string(const char ***list, size_t *count, const char *string, struct arena *arena)
{
	VEC(const char *) all = { *list, *count, *count };

	VEC_PUSH(arena, &all, string);
	*list = all.ptr;
	*count = all.len;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct app *app = state->input;

	switch (key) {
	case OPT_ROOT:
		app->root_path = arg;
		break;
	case OPT_PARSER:
		app->parser = arg;
		break;
	case OPT_FEATURES:
		app->features = arg;
		break;
	case OPT_PATCHES:
		app->patches = arg;
		break;
	case OPT_SCOPE:
		app->scope_names = arg;
		break;
	case OPT_JSON:
		app->json = true;
		break;
	case 'q':
		app->quiet = true;
		break;
	case 'v':
		app->verbose = true;
		break;
	case OPT_YES:
		app->yes = true;
		break;
	case OPT_OWN_FILES:
		app->own_files = true;
		break;
	case OPT_LIST:
		app->list = true;
		break;
	case OPT_ALL:
		app->all = true;
		break;
	case OPT_TO:
		app->back_to = arg;
		break;
	case OPT_PROFILE_FOR:
	case OPT_PVE_HOOKSCRIPT:
		app->change = key == OPT_PROFILE_FOR ? CHANGE_PROFILE : CHANGE_HOOKSCRIPT;
		add_string(&app->args, &app->arg_count, arg, &app->arena);
		break;
	case OPT_ALLOW:
		add_string(&app->allow, &app->allow_count, arg, &app->arena);
		break;
	case ARGP_KEY_ARG:
		if (!app->command)
			set_command(app, arg, state);
		else
			add_string(&app->args, &app->arg_count, arg, &app->arena);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* The list of commands in --help is made from the table. argp frees what is returned. */
static char *help_filter(int key, const char *text, void *input)
{
	AUTOBUF help = { 0 };

	(void)input;
	if (key != ARGP_KEY_HELP_PRE_DOC)
		return (char *)(uintptr_t)text;
	buf_adds(
	    &help,
	    "Lets runc and Docker work inside LXC containers again, by the smallest change of one AppArmor rule.\n\n"
	    "Commands:\n");
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		buf_addf(&help, "  %s %s\n      %s\n", commands[i].name, commands[i].args, commands[i].help);
	buf_adds(&help,
		 "\nA TARGET is a container, profile:NAME or a policy file; none means all that is affected on this "
		 "host.\n");
	return strdup(buf_str(&help));
}

static char *help_doc(int key, const char *text, void *input)
{
	if (key == ARGP_KEY_HELP_POST_DOC)
		return strdup(
		    "Exit status: 0 healthy or done, 1 something found, or done but something remains, 2 usage, "
		    "3 nothing was changed on purpose, 4 failed (the machine is as before), 5 failed and not "
		    "restored.");
	return help_filter(key, text, input);
}

/* "aa-nestfix --root X": what a user types before a command to mean the same host again. */
static const char *self_words(struct app *app)
{
	if (!app->root_path)
		return "aa-nestfix";
	return arena_printf(&app->arena, "aa-nestfix --root %s", app->root_path);
}

static bool is_terminal(FILE *file)
{
	const char *no_colour = getenv("NO_COLOR");

	return isatty(fileno(file)) && !(no_colour && *no_colour);
}

static int run_command(struct app *app, struct err *err)
{
	app->report = (struct report){
		.out = report_stream(stdout, app->json),
		.talk = stderr,
		.screen = is_terminal(stdout) && !app->json ? stdout : NULL,
		.json = app->json,
		.quiet = app->quiet,
		.verbose = app->verbose,
		.self = self_words(app),
	};
	/* One that changes something lives to say so, when nobody reads what it prints. */
	if (app->command && (app->command->flags & (COMMAND_WRITES | COMMAND_HARMLESS)))
		signal(SIGPIPE, SIG_IGN);
	app->pool = re_pool_new(&app->arena, 0);
	if (!app->command)
		app->command = &commands[0];
	if (root_open(&app->root, app->root_path ? app->root_path : "/", err) < 0)
		return -1;
	app->root.own_folder = container_own_folder;
	if ((app->command->flags & COMMAND_WRITES) && app->root.live && geteuid() != 0 && !app->list) {
		err_put(err, ERR_FAILED, "cannot %s: only root may change policy", app->command->name);
		return err_hint(err, "sudo aa-nestfix %s", app->command->name);
	}
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

/* Also getopt's and argp's own messages go through the stream: glibc writes them to whatever `stderr` is. */
static void guard_stderr(void)
{
	stderr = report_stream(stderr, false);
}

/* The exit status of a command that failed. What it had changed by then stays so, whatever went wrong afterwards. */
static int tell_failure(struct app *app, const struct err *err)
{
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
	static const struct argp parser = {
		options, parse_option, "[COMMAND] [TARGET...]", "\v", NULL, help_doc, NULL
	};
	struct app app = { .lock = -1 };
	struct err err = { 0 };
	int status;

	keep_standard_descriptors();
	umask(022);
	signal(SIGXFSZ, SIG_IGN); /* a write over the limit is then EFBIG, and is undone as any that fails */
	guard_stderr();
	argp_err_exit_status = 2;
	argp_parse(&parser, argc, argv, 0, NULL, &app);
	app.root.fd = -1;
	status = end(&app, run_command(&app, &err), &err);
	fclose(app.report.out);
	fclose(stderr);
	root_release(&app.root);
	arena_release(&app.arena);
	return status;
}
