/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The option table: which command takes which option, what it sets, which exclude each other. Parsing, the help, the
 * completion and the tests of the manual go by it.
 */
#include <getopt.h>

#include "usage.h"

enum kind { FLAG, TEXT, ALLOW, CONTAINER };

/* Options of one group say the same thing differently: one of them at most. */
enum group { ALONE, MEANS };

struct option_row {
	const char *name;
	char letter;
	const char *arg;
	const char *commands; /* those that take it; NULL: every one */
	const char *help;
	enum kind kind;
	size_t field; /* of struct app: a bool, a string; CHANGE_… for CONTAINER */
	enum group group;
};

#define SETS(member) offsetof(struct app, member)
#define LOOKS "check diff fix harden explain probe hook"

static const struct option_row rows[] = {
	{ "root", 0, "DIR", NULL, "work on another root; this kernel is not touched", TEXT, SETS(root_path), 0 },
	{ "parser", 0, "PROGRAM", NULL, "another apparmor_parser", TEXT, SETS(parser), 0 },
	{ "features", 0, "FILE", NULL, "compile for the kernel features of FILE", TEXT, SETS(features), 0 },
	{ "patches", 0, "DIR", NULL, "read the conflict files from DIR", TEXT, SETS(patches), 0 },
	{ "json", 0, NULL, NULL, "print one JSON object", FLAG, SETS(json), 0 },
	{ "quiet", 'q', NULL, NULL, "say nothing but errors", FLAG, SETS(quiet), 0 },
	{ "verbose", 'v', NULL, NULL, "say more", FLAG, SETS(verbose), 0 },
	{ "help", 'h', NULL, NULL, "show what may be typed", FLAG, SETS(help), 0 },
	{ "version", 'V', NULL, NULL, "print the version", FLAG, SETS(version), 0 },
	{ "scope", 0, "S[,S]", LOOKS, "what to give back: net (the default), ipc, uts, user", TEXT, SETS(scope_names),
	  0 },
	{ "yes", 0, NULL, "fix harden rollback", "do not ask", FLAG, SETS(yes), 0 },
	{ "own-files", 0, NULL, "fix diff", "leave the files of other packages alone", FLAG, SETS(own_files), 0 },
	{ "reload", 0, NULL, "fix diff rollback", "load it also where the kernel holds another policy than the file",
	  FLAG, SETS(reload), 0 },
	{ "profiles", 0, NULL, "fix diff", "also profiles of files that no container uses", FLAG, SETS(profiles), 0 },
	{ "profile-for", 0, "NAME", "fix", "use lxc-container-nestfix in these containers", CONTAINER, CHANGE_PROFILE,
	  MEANS },
	{ "pve-hookscript", 0, "VMID", "fix", "cure these guests by a hookscript of Proxmox", CONTAINER,
	  CHANGE_HOOKSCRIPT, MEANS },
	{ "only", 0, "NAME", "fix", "cure these containers alone, by lines of their own", CONTAINER, CHANGE_ONLY,
	  MEANS },
	{ "this-node-only", 0, NULL, "fix", "a hookscript, though other nodes do not have it", FLAG,
	  SETS(this_node_only), 0 },
	{ "list", 0, NULL, "rollback", "list the changes", FLAG, SETS(list), 0 },
	{ "to", 0, "ID", "rollback", "back to how it was right after change ID", TEXT, SETS(back_to), 0 },
	{ "all", 0, NULL, "rollback", "back to how it was before the first change", FLAG, SETS(all), 0 },
	{ "allow", 0, "PATTERN:PERMS", "prove", "a difference that is all right; may be repeated", ALLOW, 0, 0 },
};

enum { ROWS = sizeof rows / sizeof *rows, CODE = 256 }; /* getopt's code of rows[i] is CODE + i */

static void add_string(const char ***list, size_t *count, const char *string, struct arena *arena)
{
	VEC(const char *) all = { *list, *count, vec_cap(*count) };

	VEC_PUSH(arena, &all, string);
	*list = all.ptr;
	*count = all.len;
}

static void take_option(struct app *app, size_t i, char *value)
{
	void *field = (char *)app + rows[i].field;

	app->taken |= 1UL << i;
	switch (rows[i].kind) {
	case FLAG:
		*(bool *)field = true;
		break;
	case TEXT:
		*(const char **)field = value;
		break;
	case ALLOW:
		add_string(&app->allow, &app->allow_count, value, &app->arena);
		break;
	case CONTAINER:
		app->change = (enum change)rows[i].field;
		add_string(&app->args, &app->arg_count, value, &app->arena);
		break;
	}
}

/* The first word is the command, or the command "help", or a target: see options_target. */
static void take_word(struct app *app, const char *word)
{
	if (app->word) {
		add_string(&app->args, &app->arg_count, word, &app->arena);
	} else if (strcmp(word, "help") == 0) {
		app->help = true;
	} else {
		app->word = word;
		app->command = command_named(word);
	}
}

/* The row of a code of getopt's; ROWS: none. */
static size_t row_of(int code)
{
	size_t i = 0;

	while (i < ROWS && code != CODE + (int)i && (code == 0 || code != rows[i].letter))
		i++;
	return i;
}

static int unknown(const char *word, struct err *err)
{
	const char *name = word + strspn(word, "-");
	struct near near = { .word = { name, strcspn(name, "=") } };

	err_put(err, ERR_USAGE, "unknown option '%s'", word);
	for (size_t i = 0; i < ROWS; i++)
		near_consider(&near, rows[i].name);
	return near.best ? err_hint(err, "did you mean '--%s'?", near.best)
			 : err_hint(err, "aa-nestfix help lists them all");
}

/* What getopt could not take, and the word that it stands in. */
static int refuse(int code, const char *word, struct err *err)
{
	size_t i = row_of(optopt);

	if (i == ROWS)
		return unknown(word, err);
	if (code == ':')
		return err_put(err, ERR_USAGE, "'--%s' needs %s", rows[i].name, rows[i].arg);
	return err_put(err, ERR_USAGE, "'--%s' takes no value", rows[i].name);
}

int options_parse(struct app *app, int argc, char **argv, struct err *err)
{
	struct option longs[ROWS + 1] = { 0 };
	AUTOBUF letters = { 0 };
	int code;

	buf_adds(&letters, "-:"); /* words in their order; ':' for a value that is missing */
	for (size_t i = 0; i < ROWS; i++) {
		longs[i] =
		    (struct option){ rows[i].name, rows[i].arg ? required_argument : no_argument, NULL, CODE + (int)i };
		if (rows[i].letter)
			buf_addc(&letters, rows[i].letter);
	}
	opterr = 0;
	optopt = 0;
	for (int at = 1; (code = getopt_long(argc, argv, buf_str(&letters), longs, NULL)) != -1; at = optind) {
		size_t i = row_of(code);

		if (code == 1)
			take_word(app, optarg);
		else if (i < ROWS)
			take_option(app, i, optarg);
		else if (strcmp(argv[at], "-?") == 0)
			app->help = true;
		else
			return refuse(code, argv[at], err);
	}
	for (; optind < argc; optind++)
		take_word(app, argv[optind]);
	return 0;
}

static bool belongs(const struct option_row *row, const char *command)
{
	struct slice rest = slice_of(row->commands);

	while (rest.len > 0) {
		struct slice name = slice_sub(rest, 0, slice_find(rest, ' '));

		if (slice_is(name, command))
			return true;
		rest = slice_from(rest, name.len + 1);
	}
	return !row->commands;
}

int options_check(const struct app *app, struct err *err)
{
	const struct option_row *first = NULL; /* of its group */

	for (size_t i = 0; i < ROWS; i++) {
		if (!(app->taken >> i & 1))
			continue;
		if (!belongs(&rows[i], app->command->name)) {
			err_put(err, ERR_USAGE, "'%s' does not take '--%s'", app->command->name, rows[i].name);
			return err_hint(err, "aa-nestfix help %s", app->command->name);
		}
		if (rows[i].group == ALONE)
			continue;
		if (first)
			return err_put(err, ERR_USAGE, "'--%s' and '--%s' exclude each other", first->name,
				       rows[i].name);
		first = &rows[i];
	}
	return 0;
}

/* Broken at blanks; further lines begin where the first did. */
static void add_wrapped(struct buf *out, size_t column, const char *text)
{
	enum { WIDTH = 80 };
	size_t at = column;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (at > column && at + 1 + len > WIDTH) {
			buf_addf(out, "\n%*s", (int)column, "");
			at = column;
		} else if (at > column) {
			buf_addc(out, ' ');
			at++;
		}
		buf_add(out, text, len);
		at += len;
		text += len + (text[len] == ' ');
	}
	buf_addc(out, '\n');
}

static void add_row(struct buf *out, const struct option_row *row, bool commands)
{
	enum { COLUMN = 29 };
	AUTOBUF text = { 0 };
	size_t begin = out->len;

	if (row->letter)
		buf_addf(out, "  -%c, ", row->letter);
	else
		buf_adds(out, "      ");
	buf_addf(out, "--%s%s%s", row->name, row->arg ? "=" : "", row->arg ? row->arg : "");
	buf_addf(out, "%*s", (int)(begin + COLUMN - out->len), "");
	for (const char *at = row->commands; commands && at && *at; at++)
		buf_adds(&text, *at == ' ' ? ", " : (char[]){ *at, '\0' });
	buf_addf(&text, "%s%s", text.len > 0 ? ": " : "", row->help);
	add_wrapped(out, COLUMN, buf_str(&text));
}

void options_list(struct buf *out, const char *command)
{
	bool own = false;

	for (size_t i = 0; command && i < ROWS; i++)
		own = own || (rows[i].commands && belongs(&rows[i], command));
	if (own)
		buf_addf(out, "Options of %s:\n", command);
	for (size_t i = 0; own && i < ROWS; i++)
		if (rows[i].commands && belongs(&rows[i], command))
			add_row(out, &rows[i], false);
	buf_adds(out, own ? "\nOptions of every command:\n" : "Options:\n");
	for (size_t i = 0; i < ROWS; i++)
		if (!command || !rows[i].commands)
			add_row(out, &rows[i], true);
}
