/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journal: what was begun, so that the next run can finish or undo it after a power cut or a kill.
 *
 * Below the root, mode 0700, in /var/lib/aa-nestfix: `lock` (flock) and `journal` (JSON, replaced atomically). At any
 * moment one of these is on disk:
 *
 *   step              action CHANGE                               action UNDO
 *   JOURNAL_NONE      nothing is unfinished                       the same
 *   JOURNAL_WRITING   each file is old or new, kernel old         each file is new or old, kernel new
 *   JOURNAL_LOADING   every file is new, kernel old, new or both  every file is old, kernel new, old or both
 *   JOURNAL_LOADED    files and kernel are new; the backup's      files and kernel are old; the backup's
 *                     mark may be missing                         mark may be missing
 *
 * ("Kernel" is the policy loaded; after a reboot, same_boot false, it is what the disk said when it booted.)
 *
 * What the next run does: CHANGE up to LOADING: undo (backup.h), load the old policy, backup_discard, journal_done.
 * CHANGE at LOADED: backup_mark IN_FORCE, journal_done. UNDO at any step: do it again, which changes nothing that is
 * done already; backup_mark UNDONE, journal_done. Every one of these can be killed and repeated.
 *
 * Calling order: journal_lock, journal_read, [recovery], backup_make, journal_begin, journal_step …, journal_done.
 */
#ifndef NESTFIX_JOURNAL_H
#define NESTFIX_JOURNAL_H

#include <sys/types.h>

#include <nestfix/backup.h>

#define JOURNAL_DIR "/var/lib/aa-nestfix"

enum journal_action { JOURNAL_CHANGE, JOURNAL_UNDO };
enum journal_step { JOURNAL_NONE, JOURNAL_WRITING, JOURNAL_LOADING, JOURNAL_LOADED };

struct journal {
	enum journal_action action;
	enum journal_step step;
	const char *backup; /* ID; JOURNAL_UNDO: of the newest */
	const char **back;  /* JOURNAL_UNDO: of all changes that are taken back, newest first */
	size_t back_count;
	const char *time; /* when it was begun */
	pid_t pid;        /* who began it; it is gone, for the lock was free */
	bool same_boot;   /* the kernel has not been booted since */
};

/*
 * A folder that belongs to somebody else than root, or lets others in, is ERR_REFUSED here and for journal_read.
 *
 * Takes the lock, waiting up to `seconds`, and makes the folder where it is missing. The lock lasts until *fd is
 * closed. Held by somebody else: ERR_REFUSED, with the number of the process.
 */
int journal_lock(const struct root *root, unsigned seconds, int *fd, struct err *err);

/*
 * What is unfinished; step JOURNAL_NONE where nothing is. A command that only reads needs no lock: then the process may
 * still be at work, see journal_is_locked.
 */
int journal_read(const struct root *root, struct arena *arena, struct journal *out, struct err *err);

/*
 * Writes the journal at JOURNAL_WRITING, for one backup, or for all that are taken back at once, newest first. When it
 * returns 0, it is on disk.
 */
int journal_begin(const struct root *root, enum journal_action action, const char *const *ids, size_t count,
		  struct err *err);

/* Goes on to a later step. When it returns 0, that is on disk. */
int journal_step(const struct root *root, enum journal_step step, struct err *err);

/* The end: removes the journal. Without one it does nothing. */
int journal_done(const struct root *root, struct err *err);

/* Does a process hold the lock now? *pid is it, or 0 when unknown. Takes nothing, makes nothing. */
int journal_is_locked(const struct root *root, bool *locked, pid_t *pid, struct err *err);

#endif
