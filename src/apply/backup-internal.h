/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between backup.c (folder and order), backup-manifest.c (JSON) and backup-archive.c (tar). */
#ifndef NESTFIX_BACKUP_INTERNAL_H
#define NESTFIX_BACKUP_INTERNAL_H

#include <nestfix/backup.h>

/* "/var/lib/aa-nestfix/backups/ID.SUFFIX" */
const char *backup_part(const char *id, const char *suffix, struct arena *arena);

/* "cannot use the backup 'ID': WHAT", ERR_REFUSED. */
int backup_refuse(const char *id, const char *what, struct err *err);

int backup_write_manifest(const struct root *root, const struct backup *backup, struct err *err);
int backup_read_manifest(const struct root *root, const char *id, struct arena *arena, struct backup *out,
			 struct err *err);
/* Changes only the state (and the time of undoing) in a manifest. */
int backup_mark_manifest(const struct root *root, const char *id, enum backup_state state, const char *now,
			 struct err *err);

/* Writes the files that existed into `fd`, and checks that they are what the edits were made for. */
int backup_write_archive(int fd, const struct root *root, const struct backup *backup, struct arena *arena,
			 struct err *err);
/* Fills content, attr and xattrs of the files of a manifest that was read. */
int backup_read_archive(const struct root *root, const char *id, struct arena *arena, struct backup *backup,
			struct err *err);

/* Is what was archived what stands there now, to the last attribute? */
int backup_compare(const struct root *root, const struct backup *backup, struct arena *arena, struct err *err);

/* Absolute, no empty, "." or ".." component, no NUL. */
bool backup_path_ok(struct slice path);

/* True when the edits are in order, apart from each other, and their old texts stand in the content. */
bool backup_edits_fit(const struct backup_file *file, struct slice content);

#endif
