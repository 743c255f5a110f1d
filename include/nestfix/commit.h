/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * commit: the one place where order matters.
 *
 * lock → finish or undo an unfinished journal → re-read and compare with what was planned → backup (fsync) → journal
 * "begun" (fsync) → each file: temp, attributes by fd, fsync, rename, fsync dir → compile what is now on disk; equal to
 * what was proved → load into the kernel → refresh the boot cache → probe → journal "done". Any failure before "done"
 * restores files and kernel policy, newest first.
 */
#ifndef NESTFIX_COMMIT_H
#define NESTFIX_COMMIT_H

#include <nestfix/backup.h>
#include <nestfix/config.h>
#include <nestfix/journal.h>
#include <nestfix/kernel.h>
#include <nestfix/prove.h>
#include <nestfix/undo.h>

/* What the kernel said of a profile before and after the change: the room probe asked it. */
struct receipt_probe {
	struct slice profile;
	struct slice path; /* one that was denied, else one that was asked */
	int before, after; /* 0: allowed; an errno: denied; after -1: not asked */
	const struct locate_case *asked;
};

struct receipt {
	const char *backup_id;
	const char *const *undone; /* a rollback: the changes that were taken back, newest first */
	size_t undone_count;
	const char **files; /* written */
	size_t file_count;
	const char **removed; /* those of files that a rollback took away */
	size_t removed_count;
	struct slice *profiles; /* loaded into the kernel */
	size_t profile_count;
	enum kernel_state kernel;
	struct receipt_probe *probes;
	size_t probe_count;
	const char *recovered; /* what was done about an unfinished run before this one, or NULL */
	const char *note;      /* what else the user should know, or NULL: a removed file that stays so, … */
};

/*
 * Takes the lock of all that write: whoever looks and plans under it acts on what is there. It lasts until *lock is
 * closed. Held by another process for too long: ERR_REFUSED.
 */
int commit_lock(const struct root *root, int *lock, struct err *err);

/*
 * Writes what was proved. `lock` is that of commit_lock, or -1: it is taken here. Errors: ERR_FAILED (as before),
 * ERR_REFUSED (the files are not what was planned), ERR_BROKEN.
 */
int commit_proof(const struct proof *proof, const struct kernel *kernel, int lock, struct arena *arena,
		 struct receipt *out, struct err *err);

/*
 * Writes configuration of containers: the same order, but there is nothing to load, as it is read at their next start.
 * Guests of Proxmox are changed under its own lock.
 */
int commit_config(const struct config_proof *proof, const struct compiler *compiler, const struct kernel *kernel,
		  const struct undo_ground *ground, int lock, struct arena *arena, struct receipt *out,
		  struct err *err);

enum commit_back {
	COMMIT_BACK_LAST, /* the newest change in force */
	COMMIT_BACK_ONE,  /* the named one */
	COMMIT_BACK_TO,   /* all that are newer than the named one, which stays */
	COMMIT_BACK_ALL,
};

/*
 * Takes changes back, as one: what is left is what the others ask for. Exact bytes and attributes where a file becomes
 * what it was before one of them; where it was edited since, only ours is taken out; where that is impossible,
 * ERR_REFUSED with the steps by hand. The policy must lose what the changes gave back and nothing else, and is loaded,
 * before they count as undone.
 */
int commit_rollback(const struct compiler *compiler, const struct kernel *kernel, const struct undo_ground *ground,
		    enum commit_back which, const char *id, struct arena *arena, struct receipt *out, struct err *err);

/*
 * Finishes or undoes what a killed run left. The two above do it themselves; for a command that would write but finds
 * nothing to write. *words says what was done, NULL: nothing was unfinished, and nothing is written then.
 */
int commit_recover(const struct compiler *compiler, const struct kernel *kernel, const struct undo_ground *ground,
		   struct arena *arena, const char **words, struct err *err);

/* For a command that only reads and wants to say so: *words is NULL where there is nothing unfinished. Changes nothing.
 */
int commit_unfinished(const struct root *root, struct arena *arena, const char **words, struct err *err);

#endif
