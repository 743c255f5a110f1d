/* SPDX-License-Identifier: GPL-2.0-or-later */
/* app: one run of the program: its options, and the stages strung together. Each command is a function in cmd-NAME.c.
 */
#ifndef NESTFIX_APP_H
#define NESTFIX_APP_H

#include <nestfix/report.h>

struct app;

/* The exit status of the command: 0 healthy or done, 1 something found; or -1 with err. */
typedef int command_fn(struct app *app, struct err *err);

enum {
	COMMAND_WRITES = 1,   /* changes the machine: root only, on a live root */
	COMMAND_HARMLESS = 2, /* called at a container's start: trouble is one line on stderr, and exit status 0 */
};

/* fix, by other means than the policy: for the containers that are named. */
enum change { CHANGE_POLICY, CHANGE_PROFILE, CHANGE_HOOKSCRIPT, CHANGE_ONLY };

struct command {
	const char *name;
	command_fn *run;
	unsigned flags;
	const char *args; /* for the help text */
	const char *help;
};

struct app {
	/* as typed */
	const char *root_path, *parser, *features, *patches, *scope_names;
	bool json, quiet, verbose, yes, list, all, own_files, profiles, reload, this_node_only, help, version;
	const char *back_to; /* rollback --to */
	const char **allow;  /* prove --allow */
	size_t allow_count;
	const char **args; /* what follows the command */
	size_t arg_count;
	enum change change;
	const char *word; /* the first that is no option; NULL: there is none */
	const struct command *command;
	unsigned long taken; /* the options that were typed, a bit each (options.c) */

	/* made of it */
	const struct report_done *done; /* what is changed already; NULL: nothing is */
	int lock;                       /* of all that write, while this command holds it; else -1 */
	struct arena arena;
	struct root root;
	struct report report;
	struct re_pool *pool;
	struct judge *judge; /* made by app_judge() */
	struct conflict conflict;
	struct slice conflict_bytes;                   /* its file */
	const struct conflict_scope **scopes, **asked; /* the former may be more: see app_stand */
	size_t scope_count, asked_count;
};

/* What a look at the host shows. */
struct look {
	struct site site;
	struct finding finding;
	struct verdicts verdicts; /* after app_verdicts */
	bool by_container; /* the same: containers were asked about, or the whole of a host that has some; profiles and
			      files answer for themselves */
};

/* Reads the conflict's data and the scopes asked for. */
int app_conflict(struct app *app, struct err *err);

/*
 * What changes in force were asked for on the whole host is asked about as well, where no target is named: an upgrade
 * of a file may have lost it. Who may not read the records, and only looks, does without them.
 */
int app_stand(struct app *app, struct err *err);

/* The conflict, then discover, for the targets that args name. */
int app_site(struct app *app, const char **targets, size_t count, struct site *site, struct err *err);

/* The conflict, then discover and locate, for the targets that args name. */
int app_look(struct app *app, const char **targets, size_t count, struct look *look, struct err *err);

/* The shipped data, as it was built in: builtin.c. */
struct slice app_builtin_conflict(void);
struct slice app_builtin_sample(void);

/* A compiler for what the judge is not asked. */
int app_compiler(struct app *app, struct compiler *out, struct err *err);

/* The run's judge, which holds its compiler, too. */
struct judge *app_judge(struct app *app);

/* What earlier changes are read with: nothing, and a note, where the conflict cannot be read. */
void app_ground(struct app *app, struct undo_ground *out);

/* A patch, of no files where there is nothing to change; and its proof, once it has one. */
struct plan {
	struct patch patch;
	struct compiler compiler;
	struct proof *proof;
	struct proof_policy *policies;
	size_t policy_count;
	const char *note; /* why the cure of generated profiles does not last, or NULL */
};

/*
 * What is to be changed of all that was found: without a target, and with containers on the host, nothing in profiles
 * that no container uses (but with --profiles); with --own-files only what the texts alone cause that somebody
 * generates for a container. After app_verdicts.
 */
const struct finding *app_finding(struct app *app, const struct look *look);

int app_plan(struct app *app, const struct look *look, const struct finding *finding, struct plan *plan,
	     struct err *err);
int app_prove(struct app *app, struct plan *plan, struct err *err);

/* Writes and loads what was proved, under the lock, and says so to app_done. */
int app_commit(struct app *app, const struct plan *plan, const struct kernel *kernel, struct receipt *receipt,
	       struct err *err);

/* What must not exist on this machine for a change to open nothing real: /sys/net is on no kernel's sysfs. */
int app_check_absent(struct app *app, struct err *err);

/* Fills finding.obstacles. Fails nothing. */
void app_obstacles(struct app *app, struct look *look);

/* Fills verdicts: one answer a container. */
int app_verdicts(struct app *app, struct look *look, struct err *err);

/* What the next start of a container would bring, were it this one. */
int app_foresee(struct app *app, const struct look *look, const struct container *after, struct verdict *out,
		struct err *err);

/* Is this root inside an LXC container? And what does runc meet there? */
bool app_is_guest(const struct app *app);
enum probe_self app_guest_meets(const struct app *app, struct err *err);

/* Why nothing is to be changed; NULL: no profile is stopped. After app_verdicts. */
const char *app_because(const struct app *app, const struct look *look);

/* Spares the look that follows a change what was compiled for its proof. */
void app_know(struct app *app, const struct plan *plan);

/*
 * What still stops runc, or will, once a command is through: said last, and exit status 1. `look` is what was seen
 * afterwards, or NULL; `note` why the cure does not last, `receipt` of what was changed, or NULL.
 */
void app_remains(struct app *app, const struct look *look, const char *note, const struct receipt *receipt,
		 struct remains *out);

/* Does a profile that counts refuse something else that the program needs? After app_obstacles. */
bool app_is_obstructed(const struct look *look);

/* What an LXC that is cured has made needless. */
void app_over(struct app *app, const struct look *look, struct report_offer **out, size_t *count);

/* Asks only where somebody sits at a terminal; without one the command itself is the consent. */
bool app_asks(const struct app *app);
bool app_is_agreed(const struct app *app, const char *question);

/*
 * A command that writes looks once more under the lock, and acts on that: between its first look and the lock another
 * one may have changed the host. The lock is not held while a question is asked, and not taken where there is nothing
 * to do, which writes nothing.
 */
int app_lock(struct app *app, struct err *err);
void app_unlock(struct app *app);

/* From here on a failure leaves something changed: what main says of it. */
void app_done(struct app *app, const struct receipt *receipt, const char *words);

/* Finishes or undoes what a killed run left, and says so. */
int app_recover(struct app *app, struct err *err);

/* A container by name; ERR_REFUSED says on which node of the cluster it is. */
int app_container(struct app *app, const struct look *look, const char *name, const struct container **out,
		  struct err *err);
/* The bytes of its configuration file. */
int app_config_text(struct app *app, const struct container *c, struct slice *out, struct err *err);
/* Proves and writes. */
int app_config_commit(struct app *app, const struct patch_file *files, size_t count, struct receipt *receipt,
		      struct err *err);

/* Loads the cured profile of a container that was started; its name is set, and its lxcpath where that is known. */
int app_hook_cure(struct app *app, struct container *c, struct err *err);
int hook_pve(struct app *app, struct err *err);

/* The nodes of a cluster, by /etc/pve: app-cluster.c. */
struct cluster {
	struct slice *nodes;
	size_t count;
};

int cluster_read(struct app *app, struct cluster *out, struct err *err);
/* May the guest start on another node? */
bool cluster_moves(struct app *app, const struct cluster *cluster, struct slice vmid);
/* Have all nodes the same files on it? */
bool cluster_shares(const struct cluster *cluster, const struct pve_storage *storage);
/* Does a guest name this hookscript, now or in a snapshot? */
bool cluster_names(struct app *app, const struct cluster *cluster, struct slice volume);

/* The hookscript that cures a guest: app-snippet.c. */
struct snippet {
	struct slice volume; /* as the guest's configuration names it */
	struct patch_file file;
	bool stands;               /* as it is to be, and can be called */
	bool named;                /* a guest of the cluster names it, whether it stands or not */
	bool written;              /* by snippet_write */
	VEC(const char *) folders; /* that were made for it, the innermost first */
};

bool snippet_is_own(struct slice volume);
/* Writes nothing. */
int snippet_plan(struct app *app, const struct look *look, const struct container *c, struct snippet *out,
		 struct err *err);
/* Writes it where it does not stand, and asks for it as Proxmox will. On failure snippet_take_back is due. */
int snippet_write(struct app *app, const struct look *look, struct snippet *s, struct err *err);
/* But for one that a guest names since it was planned. */
void snippet_take_back(struct app *app, struct snippet *s);

/* fix --only: app-only.c. `out` without edits: it is cured for good already. */
int app_only_plan(struct app *app, const struct look *look, const struct container *c, struct patch_file *out,
		  struct err *err);
/* What is to be loaded of those that run; a plan without files: nothing. */
int app_only_prove(struct app *app, const struct look *look, struct plan *plan, struct kernel *kernel, struct err *err);

/* fix --profile-for, fix --pve-hookscript, fix --only. */
int cmd_switch(struct app *app, struct err *err);

command_fn cmd_check, cmd_diff, cmd_fix, cmd_rollback, cmd_explain, cmd_harden, cmd_hook, cmd_probe, cmd_prove;

#endif
