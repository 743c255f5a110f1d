/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report: all words and all JSON that a user sees.
 *
 * Data goes to stdout, talk to stderr. People get text for a tired reader: what is wrong, the rule with its place, who
 * is affected, the next command to type. With --json each command prints one object with stable names (doc/json.md) and
 * nothing else on stdout.
 */
#ifndef NESTFIX_REPORT_H
#define NESTFIX_REPORT_H

#include <stdio.h>
#include <time.h>

#include <nestfix/commit.h>
#include <nestfix/guest.h>
#include <nestfix/harden.h>
#include <nestfix/hold.h>
#include <nestfix/lasting.h>
#include <nestfix/patched.h>
#include <nestfix/probe.h>
#include <nestfix/verdict.h>

/* A line on a terminal that is there while something takes its time, and goes before anything else is written. */
struct report_progress {
	FILE *screen; /* NULL: nobody watches */
	bool shown;
	size_t count; /* of what was begun */
	struct timespec since;
};

struct report {
	struct report_progress *progress;
	FILE *out;    /* data */
	FILE *talk;   /* notes, questions, errors */
	FILE *screen; /* the terminal that `out` writes to, for colour; or NULL */
	bool json, quiet, verbose;
	bool has_priorities; /* the parser knows them */
	const char *locales; /* the folder of the translations */
	const char *self;    /* the command as a user would type it again: "aa-nestfix --root /srv/img" */
};

/* What still stops runc, or will; a text of several lines has the further ones set in. */
struct remains {
	const char **list;
	size_t count;
	bool obstructed; /* a profile refuses something else that runc needs */
};

void remains_add(struct remains *out, const char *text, struct arena *arena);

/* What a command has changed, for the words behind a failure that came later. */
struct report_done {
	const char *command;
	const char *words; /* "change ID is in force" */
	const struct receipt *receipt;
};

/*
 * A stream that writes to `under` and shows what a screen acts on (control bytes, what turns text around or hides it)
 * and what is no UTF-8 as \xHH, or in JSON as \uHHHH: names come from files and containers. Closing it does not close
 * `under`.
 */
FILE *report_stream(FILE *under, struct report_progress *progress, bool json);

/* Something that may take long is begun: shown once the run lasts longer than a second. Written past the stream. */
void report_progress(struct report_progress *p, const char *name);
void report_progress_end(struct report_progress *p);

/* On one line: the same as \xHH, and line ends, too. */
void report_show(struct buf *out, struct slice text);

/* Commands in the hint as this user types the program's name: rooms below know it by its own alone. */
void report_as_typed(const struct report *r, struct err *err);

void report_error(const struct report *r, const char *command, const struct err *err);

/*
 * A failure after a change was made: what stands there now, what went wrong, and how to undo it. Also with -q. The
 * second is the object of a command that could not print its own.
 */
void report_afterwards(const struct report *r, const struct report_done *done, const struct err *err);
void report_json_afterwards(const struct report *r, const struct report_done *done, const struct err *err);
void report_note(const struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Something of ours that is not needed any more, and the command that takes it out. */
struct report_offer {
	const char *what, *command;
};

/* All that check saw. */
/* What a container's own package books say. */
struct report_guest {
	const struct container *container;
	const struct guest_package *packages;
	size_t count;
};

struct report_seen {
	const struct site *site;
	const struct finding *finding;
	const struct verdicts *verdicts;
	bool by_container; /* containers were asked about; else profiles or files, or there is no container */
	bool found;        /* the exit status is 1 */
	bool is_off;       /* the running kernel has no AppArmor, or has it switched off */
	bool is_guest;     /* this is a container itself, and there is none in it */
	enum probe_self guest;
	struct err guest_err;   /* PROBE_SELF_UNKNOWN: why */
	const char *unfinished; /* a change that was cut off, or NULL */
	const struct report_offer *offers;
	size_t offer_count;
	const struct report_guest *guests; /* what containers hold back; with -v alone */
	size_t guest_count;
	const struct patched *patched; /* files that others changed by hand */
	size_t patched_count;
};

/* One container in which Docker does not run, or of which nobody knows: why, and on a second line what to type. */
const char *report_stopped(const struct report *r, const struct site *site, const struct finding *finding,
			   const struct verdicts *verdicts, const struct verdict *v);

void report_check(const struct report *r, const struct report_seen *seen);

/* The change and what the comparison of the compiled policies says; `proof` NULL: it was refused. */
void report_diff(const struct report *r, const struct patch *patch, const struct proof_policy *policies,
		 size_t policy_count, const struct proof *proof);

/* In a few lines, before the question whether it is to be done. */
void report_summary(const struct report *r, const struct patch *patch, const struct proof_policy *policies,
		    size_t policy_count);

struct report_fixed {
	const struct patch *patch;
	const struct proof_policy *policies;
	size_t policy_count;
	const struct proof *proof;
	const struct receipt *receipt;
	const struct report_seen *after; /* NULL: the host could not be looked at again */
	const struct remains *remains;
	bool shown; /* the diff and its proof were, before the question */
};

void report_fix(const struct report *r, const struct report_fixed *done);

/* `because` NULL: no profile of the finding is stopped; `remains` NULL: nobody asked. */
void report_nothing_to_fix(const struct report *r, const char *command, const struct finding *finding,
			   const char *because, const struct remains *remains);

/* What stands behind it that all is well: "LXC 6.0.5-3 is cured". */
const char *report_cure(const struct verdicts *verdicts);
/* "change ID", "changes ID, ID": what a rollback took back. */
void report_undone(const struct receipt *receipt, struct buf *out);
void report_rollback(const struct report *r, const struct receipt *receipt);

/* All that rollback --list shows. */
struct report_list {
	const struct backup *backups;
	size_t backup_count;
	struct hold *holds;
	size_t hold_count;
	struct hold_loaded *loaded; /* none on another root */
	size_t loaded_count;
};

/* What a rollback would undo, before it asks. */
void report_to_undo(const struct report *r, const struct backup *changes, size_t count);

void report_backups(const struct report *r, const struct report_list *list);
void report_prove(const struct report *r, const struct comparison *comparison);

/* What decides one access in each profile; each question has its answer. */
void report_explain(const struct report *r, struct slice perms, const struct judge_question *const *questions,
		    size_t count);

/* One label that the kernel was asked about; `err` is set where it could not be. */
struct report_probe {
	struct probe_result result;
	struct err err;
};

void report_probes(const struct report *r, const struct report_probe *probes, size_t count);

/* Rules that somebody had taken out of a policy, put back. */
struct report_restored {
	const struct patch *patch;
	const struct proof_policy *policies;
	size_t policy_count;
	const struct proof *proof;
	const struct receipt *receipt;
};

/* What is to be put back; and, with a receipt, that it was. Not with --json. */
void report_restored(const struct report *r, const struct report_restored *restored);

/* Containers whose AppArmor was switched off, and what would switch it off again. */
struct report_harden {
	const struct report_restored *restored; /* NULL: nothing was put back */
	const struct harden *list;
	size_t count;
	const struct harden_again *again;
	size_t again_count;
};

/* What becomes of each. Not with --json: report_hardened does that. */
void report_harden(const struct report *r, const struct report_harden *found);
void report_config_diff(const struct report *r, const struct patch_file *files, size_t count);

/* `receipt` NULL: nothing was to be done. */
void report_hardened(const struct report *r, const struct report_harden *found, const struct patch_file *files,
		     size_t file_count, const struct receipt *receipt);

/* `live`: of the policies that were loaded besides, or NULL. */
void report_switched(const struct report *r, const struct slice *names, size_t count, const struct patch_file *files,
		     size_t file_count, const struct receipt *receipt, const struct receipt *live);

/* Where a rule stands, its text, and why it denies what it does, on three lines. */
const char *report_culprit(const struct locate_case *c, const struct culprit *culprit, struct arena *arena);

/* What to type to switch nesting on in a guest of Proxmox, with the features that it has. */
const char *report_pct_nesting(const struct container *c, struct arena *arena);

/* "FILE:LINE": where a rule stands. */
const char *report_place(const struct policy_place *rule, struct arena *arena);

#endif
