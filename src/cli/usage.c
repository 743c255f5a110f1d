/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command table, and the help. */
#include "usage.h"

static const struct command commands[] = {
	{ "check", cmd_check, 0, "[TARGET...]", "say which rule is in the way, where, and for whom (the default)" },
	{ "diff", cmd_diff, 0, "[TARGET...]", "show what fix would change, and the proof; change nothing" },
	{ "fix", cmd_fix, COMMAND_WRITES, "[TARGET...]", "back up, write, load into the kernel, look again" },
	{ "harden", cmd_harden, COMMAND_WRITES, "[CONTAINER...]",
	  "switch AppArmor on again where it was switched off because of this" },
	{ "rollback", cmd_rollback, COMMAND_WRITES, "[ID | --to ID | --all]",
	  "undo the last change, the named one, all newer than it, or all" },
	{ "explain", cmd_explain, 0, "PATH [PERM] [TARGET...]", "say what decides this access" },
	{ "probe", cmd_probe, 0, "[TARGET...|label:LABEL...]", "ask the kernel itself, as runc would; change nothing" },
	{ "prove", cmd_prove, 0, "OLD NEW", "show the difference of two profiles on all paths" },
	{ "hook", cmd_hook, COMMAND_HARMLESS, "lxc | pve VMID PHASE",
	  "called by liblxc and by Proxmox when a container starts" },
};

enum { COMMANDS = sizeof commands / sizeof *commands };

const struct command *command_named(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

enum { NEAR_LIMIT = 24 }; /* bytes; longer than any name */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many letters are too many, missing, other ones, or exchanged with their neighbour. */
static size_t distance(struct slice a, struct slice b)
{
	size_t d[NEAR_LIMIT + 1][NEAR_LIMIT + 1];

	if (a.len > NEAR_LIMIT || b.len > NEAR_LIMIT)
		return SIZE_MAX;
	for (size_t i = 0; i <= a.len; i++) {
		for (size_t j = 0; j <= b.len; j++) {
			d[i][j] = i ? i : j;
			if (i == 0 || j == 0)
				continue;
			d[i][j] = least(least(d[i - 1][j], d[i][j - 1]) + 1,
					d[i - 1][j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]));
			if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[a.len][b.len];
}

/* One letter in three may be wrong. The beginning of a name means it, too. */
void near_consider(struct near *near, const char *name)
{
	size_t wrong = distance(near->word, slice_of(name));

	if (near->word.len > 1 && strncmp(name, near->word.ptr, near->word.len) == 0)
		wrong = 0;
	if (wrong <= near->word.len / 3 && (!near->best || wrong < near->distance)) {
		near->best = name;
		near->distance = wrong;
	}
}

int command_unknown(const char *word, struct err *err)
{
	struct near near = { .word = slice_of(word) };

	err_put(err, ERR_USAGE, "unknown command '%s'", word);
	for (size_t i = 0; i < COMMANDS; i++)
		near_consider(&near, commands[i].name);
	return near.best ? err_hint(err, "did you mean '%s'?", near.best)
			 : err_hint(err, "aa-nestfix help lists them all");
}

static void add_commands(struct buf *out)
{
	buf_adds(out, "Usage: aa-nestfix [OPTION...] [COMMAND] [ARGUMENT...]\n"
		      "Lets runc and Docker work inside LXC containers again, by the smallest change\n"
		      "of one AppArmor rule.\n\nCommands:\n");
	for (size_t i = 0; i < COMMANDS; i++)
		buf_addf(out, "  %s %s\n      %s\n", commands[i].name, commands[i].args, commands[i].help);
	buf_adds(out, "\nA TARGET is a container, profile:NAME or a policy file; none means all that is\n"
		      "affected on this host. 'aa-nestfix TARGET' checks it.\n"
		      "'aa-nestfix help COMMAND' tells what it takes.\n\n");
}

void usage_print(FILE *out, const struct command *command)
{
	AUTOBUF text = { 0 };

	if (command)
		buf_addf(&text, "Usage: aa-nestfix [OPTION...] %s %s\n       %s\n\n", command->name, command->args,
			 command->help);
	else
		add_commands(&text);
	options_list(&text, command ? command->name : NULL);
	buf_adds(&text, "\nExit status: 0 healthy or done, 1 something found, or done but something\n"
			"remains, 2 usage, 3 nothing was changed on purpose, 4 failed (the machine is as\n"
			"before), 5 failed and not restored.\n");
	fputs(buf_str(&text), out);
}
