/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backup: what was there before a change, kept so that it comes back byte for byte.
 *
 * Below the root, mode 0700, in /var/lib/aa-nestfix/backups:
 *
 *   ID.tar   a pax archive: content, owner, mode, mtime (ns), xattrs and ACLs of every file that the change touches
 *   ID.json  the manifest: what was done, the edits, and whether it is in force
 *
 * ID is the time in UTC, 20261121T213455Z, with -2, -3 … where that is taken; IDs sort in the order of the changes,
 * even when the clock went back.
 *
 * A backup without its manifest does not exist: the archive is written and synced first, the manifest appears by one
 * rename. Only where a later backup has one, somebody took it away: that is a damaged backup. Its states:
 *
 *   BACKUP_PREPARED  made; whether files were written the journal tells. Without a journal: none was.
 *   BACKUP_IN_FORCE  the change is complete
 *   BACKUP_UNDONE    it was taken back; the archive stays
 *
 * Calling order for a change, all under journal_lock:
 *
 *   backup_sweep        (no unfinished journal) clears away what a killed run prepared and did not use
 *   backup_make         PREPARED; ERR_REFUSED where a file is not what the edits were planned on
 *   journal_begin, the writes, the load …
 *   backup_mark         IN_FORCE
 *   journal_done
 *
 * and for undoing, be it a rollback or a failed or killed change:
 *
 *   undo_plan           (undo.h) for each file that the changes name
 *   backup_restore      where a file becomes what a change found: exact bytes and attributes
 *   backup_mark         UNDONE (a change that failed and was undone: backup_discard)
 */
#ifndef NESTFIX_BACKUP_H
#define NESTFIX_BACKUP_H

#include <nestfix/atomic.h>

#define BACKUP_DIR "/var/lib/aa-nestfix/backups"

enum backup_state {
	BACKUP_DAMAGED, /* only in a list: its manifest cannot be read */
	BACKUP_PREPARED,
	BACKUP_IN_FORCE,
	BACKUP_UNDONE,
};

/* At `at` of the old content stood `old`, now stands `new_`. */
struct backup_edit {
	size_t at;
	struct slice old, new_;
};

enum backup_kind {
	BACKUP_CONFIG, /* single lines of a container's configuration, or a record of one */
	BACKUP_POLICY, /* rules below our marks (mark.h) */
	BACKUP_DROPIN, /* our drop-in (dropin.h) */
};

struct backup_file {
	const char *path; /* absolute, below the root */
	enum backup_kind kind;
	bool existed;              /* false: the change creates it, with one edit { 0, "", its content } */
	bool removed;              /* the change takes it away, with one edit { 0, its content, "" } */
	struct backup_edit *edits; /* sorted by place, apart from each other */
	size_t edit_count;

	/* Filled by backup_read, where it existed. */
	struct slice content;
	struct atomic_attr attr;   /* forced */
	struct fsio_xattr *xattrs; /* by name */
	size_t xattr_count;
};

/* Texts in order; each is NUL-terminated behind its length where backup filled it. */
struct backup_names {
	struct slice *ptr;
	size_t len;
};

struct backup {
	const char *id, *time, *tool; /* filled by backup_make; time is 2026-11-21T21:34:55Z */
	const char *undone;           /* time, or NULL */
	enum backup_state state;
	const char *damage; /* BACKUP_DAMAGED: why, else NULL */
	struct backup_names conflicts;
	struct backup_names scopes;   /* asked for */
	bool everywhere;              /* … on the whole host, not for single targets */
	struct backup_names profiles; /* names of the profiles that the change concerns */
	struct backup_names reload;   /* top-level policy files to load after writing or undoing */
	struct backup_names
	    holds; /* files that gave back what was asked for before, so that this change keeps it, too */
	struct backup_names live;  /* generated texts of containers whose policy was replaced in the kernel alone */
	struct backup_file *files; /* by path, in the order of writing */
	size_t file_count;
};

/*
 * Makes a backup of the files as they are now. It is read back, and what was archived compared with what stands there:
 * content, owner, mode, time, xattrs, ACLs. ERR_FAILED where they differ or one cannot be read. ERR_REFUSED for a file
 * with more than one name: the others would keep what is changed here.
 * The caller fills conflicts, scopes, profiles, reload and for each file
 * path, existed and edits; id, time, tool and state are filled here.
 */
int backup_make(const struct root *root, struct backup *backup, struct arena *arena, struct err *err);

/* All backups, oldest first, without contents and attributes. No folder: none. A damaged one is listed as such. */
int backup_list(const struct root *root, struct arena *arena, struct backup **list, size_t *count, struct err *err);

/*
 * Reads one back, manifest and archive, and checks that they fit: the archive holds exactly the manifest's files, all
 * regular, none over FSIO_LIMIT_POLICY, and each edit's old text stands at its place. ERR_USAGE: there is no such ID.
 * ERR_REFUSED: it is not what this program wrote.
 */
int backup_read(const struct root *root, const char *id, struct arena *arena, struct backup *out, struct err *err);

/* Puts one file back, atomically, as it was; one that the change created is removed. `now`: see atomic.h. */
int backup_restore(const struct root *root, const struct backup_file *file, const struct file *now, struct err *err);

int backup_mark(const struct root *root, const char *id, enum backup_state state, struct err *err);

/* Removes a backup, manifest first. A missing one is no error. */
int backup_discard(const struct root *root, const char *id, struct err *err);

/* Removes PREPARED backups and parts of backups. Only under the lock and without an unfinished journal. */
int backup_sweep(const struct root *root, struct err *err);

/* Removes hidden files that a killed run left beside the files of a backup. */
int backup_sweep_files(const struct root *root, const struct backup *backup, struct err *err);

bool backup_has_name(const struct backup_names *names, struct slice name);

/* Is this the form of an ID? */
bool backup_is_id(const char *id);

/* ---- pure: bytes in, values out. They need what backup_read fills. ---- */

enum backup_look { BACKUP_AS_LEFT, BACKUP_AS_BEFORE, BACKUP_EDITED };

/* What the present bytes of a file are. `now` is NULL where the file is missing. */
enum backup_look backup_look(const struct backup_file *file, const struct slice *now);

/* Appends the content that the change leaves: the old one with the edits. */
void backup_after(const struct backup_file *file, struct buf *out);

/*
 * Takes only our change out of bytes that somebody edited since, and appends the result. Each new text must stand there
 * as often as the change wrote it, at the same place of its line; one that is gone counts as taken back where its old
 * text stands again, in the same place of its line, and no line that only the new text has. Else ERR_REFUSED, with a
 * sentence and the steps by hand, and nothing is appended. Where the change took a file away, what stands there now is
 * not ours, and all of it is appended.
 */
int backup_take_out(const struct backup_file *file, struct slice now, struct buf *out, struct err *err);

#endif
