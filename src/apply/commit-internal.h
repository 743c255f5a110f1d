/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * commit-internal: one run that writes, under the lock. commit.c makes a change, commit-rollback.c takes changes back,
 * commit-recover.c does what a killed run left, commit-load.c sees to the kernel and the boot cache.
 */
#ifndef COMMIT_INTERNAL_H
#define COMMIT_INTERNAL_H

#include <nestfix/commit.h>

/* One top-level policy file that the change concerns. */
struct reload {
	const char *path;
	struct slice before, after;         /* compiled: what is to be put back, what is to be loaded; may be empty */
	bool in_force;                      /* at least one of its profiles is in the kernel */
	bool live;                          /* the text generated for a running container: not in the boot cache */
	bool gone;                          /* live, and its container was stopped meanwhile: nothing is to be done */
	struct slice text;                  /* live: the text that the change was planned on */
	bool skip;                          /* not to be loaded */
	const struct loaded_policy *loaded; /* what the kernel holds of it; NULL: nobody has looked */
	struct record_of record;            /* where the kernel does not show it: what is to be written down */
};

/* What is to be done with one file. */
struct step {
	const char *path;
	struct undo undo;
	struct file was;        /* as it is now, for the write */
	struct backup_file now; /* the same, for putting it back; `existed` tells whether it is there */
	bool done;
};

/* Changes that are taken back at once. */
struct back {
	const char *const *ids; /* newest first */
	size_t id_count;
	struct backup *list; /* all that were ever made, oldest first; those that share a file with them are whole */
	size_t count;
	struct step *steps; /* in the order of undoing: files of the newest change first, its last one first */
	size_t step_count;
};

struct work {
	const struct root *root;
	const struct compiler *compiler;
	const struct kernel *kernel;
	struct arena *arena;
	const struct undo_ground *ground;
	struct receipt *receipt;
	int lock;
	int *guests; /* Proxmox' own locks of the guests whose configuration is written */
	size_t guest_count;
	bool recovering; /* the files are half-way: a failure leaves them so, and the journal for the next run */
	const char *id;  /* of the backup */
	struct reload *reloads;
	size_t reload_count;
	size_t loaded; /* how many of them the kernel has taken */
};

void work_open(struct work *w, const struct compiler *compiler, const struct kernel *kernel,
	       const struct undo_ground *ground, struct arena *arena, struct receipt *receipt);
/* Takes the lock, or shares the one that the caller holds; -1: it holds none. */
int work_lock(struct work *w, int held, struct err *err);
void work_release(struct work *w);

/*
 * Takes Proxmox' lock of each guest whose configuration is among the files, until work_release. ERR_REFUSED where that
 * is held, the guest is locked by a backup or the like, or the cluster has no quorum.
 */
int work_lock_guests(struct work *w, const struct backup_file *files, size_t count, struct err *err);
void work_unlock_guests(struct work *w);

struct backup_file work_describe_file(const struct patch_file *from, struct arena *arena);

/* The file is read once more through the directory that it will be replaced in: what is renamed over is what was read.
 */
int work_write_file(const struct work *w, const struct patch_file *file, struct err *err);

/*
 * Goes to JOURNAL_LOADED. A step that failed may stand on disk all the same, when only the directory could not be
 * synced. Undoing it then would be wrong: killed in the middle of that, the next run would take the change for
 * complete.
 */
int work_reach_loaded(struct work *w, struct err *err);

/* The change failed: files and kernel go back, newest first. */
void work_undo(struct work *w, struct err *err);

/* ERR_REFUSED where a generated text is another than planned; `gone` where its container was stopped. */
int work_check_live(struct work *w, struct reload *r, struct err *err);

/*
 * The generated texts that are loaded once changes are taken back, appended to the reloads: those that the changes
 * loaded and, where the drop-in changes, those of all containers that run. `dropin` is what is on disk then, NULL where
 * none of the changes touched it.
 */
int work_plan_live(struct work *w, const struct back *back, const struct slice *dropin, struct err *err);

/* ERR_REFUSED where somebody loaded another policy since the kernel was looked at. */
int work_check_loaded(struct work *w, const struct reload *r, struct err *err);

/*
 * What taking changes back loads, against what the kernel holds: nothing may differ but what is lost. ERR_REFUSED says
 * what would, or that nobody knows what the kernel holds; not where that is to be loaded all the same, or a cut-short
 * run is ended.
 */
int work_prove_loaded(struct work *w, const struct reload *r, bool recorded, const struct compare_exemption *lost,
		      struct err *err);
/* Looks at the kernel for a policy file that was compiled. */
int work_look_loaded(struct work *w, struct reload *r, struct err *err);

/* Which policies are in force: an `after` (else `before`) of which the kernel holds a profile. Fills receipt->profiles.
 */
int work_find_loaded(struct work *w, struct err *err);
/* Loads every `after` that is in force; `loaded` tells how far it came. */
int work_load(struct work *w, struct err *err);
/* Loads every `before` of what was loaded, newest first. */
int work_unload(struct work *w, struct err *err);
int work_refresh_cache(struct work *w, struct err *err);

/*
 * Asks the kernel for each profile that is blocked and in force, as runc would; once more after loading. A kernel that
 * still denies then is an error; one that cannot be asked is noted.
 */
void work_ask_before(struct work *w, const struct proof *proof);
int work_ask_after(struct work *w, struct err *err);

/* Files and kernel are as they should be: marks the backups and ends the journal. What cannot be written down is noted,
 * and done by the next run: the journal says so. */
void work_finish(struct work *w, const char *const *ids, size_t count, enum backup_state state);

/* ERR_REFUSED: somebody else changed the file since it was read. */
int work_changed_meanwhile(const char *path, struct err *err);

/* Appends a sentence to receipt->note. */
void work_note(struct work *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds to an error that the machine could not be put back, with the steps by hand. */
void work_break(const struct work *w, const struct err *trouble, struct err *err);

/* The history of the files of these changes, which must all be there; steps have their paths. */
int work_read_back(struct work *w, const char *const *ids, size_t count, struct back *out, struct err *err);
/* One step for each file; ERR_REFUSED where one cannot be done exactly. */
int work_plan_back(struct work *w, struct back *back, struct err *err);
int work_do_step(struct work *w, struct step *step, struct err *err);
/* A step that failed before the new file took its place: nothing is to be put back, and maybe nothing can be written.
 */
bool work_is_untouched(struct work *w, const struct step *step);

/* What the step left, and nothing else, gives way to what it found. */
void work_put_back(struct work *w, const struct step *step, struct err *err);

/* The policies that are to be loaded, as they are and as they will be; what changes must be what the steps take away.
 */
int work_prove_back(struct work *w, const struct back *back, struct err *err);

/*
 * Takes the unfinished change w->id out of its files, last first, as far as that goes. What is back already is left
 * alone.
 */
int work_restore(struct work *w, struct err *err);

/* Takes changes back, newest first. */
int work_take_back(struct work *w, const char *const *ids, size_t count, struct err *err);

/* Finishes or undoes what a killed run left. *undone: the ID of a change that was undone here, or NULL. */
int work_recover(struct work *w, const char **undone, struct err *err);

#endif
