/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "backup-internal.h"

enum { ID_BASE = 16, ID_SIZE = 32, NUMBER_DIGITS = 4, ID_TRIES = 9999 };

const char *backup_part(const char *id, const char *suffix, struct arena *arena)
{
	return arena_printf(arena, "%s/%s.%s", BACKUP_DIR, id, suffix);
}

int backup_refuse(const char *id, const char *what, struct err *err)
{
	err_put(err, ERR_REFUSED, "cannot use the backup '%s': %s", id, what);
	return err_hint(err, "the files in it can still be looked at: tar -tvf %s/%s.tar", BACKUP_DIR, id);
}

static bool digits(const char *s, size_t n)
{
	return strspn(s, "0123456789") >= n;
}

bool backup_has_name(const struct backup_names *names, struct slice name)
{
	for (size_t i = 0; i < names->len; i++)
		if (slice_eq(names->ptr[i], name))
			return true;
	return false;
}

bool backup_is_id(const char *id)
{
	size_t n;

	if (strnlen(id, ID_SIZE) < ID_BASE || !digits(id, 8) || id[8] != 'T' || !digits(id + 9, 6) || id[15] != 'Z')
		return false;
	if (id[ID_BASE] == '\0')
		return true;
	n = strspn(id + ID_BASE + 1, "0123456789");
	return id[ID_BASE] == '-' && n > 0 && n <= NUMBER_DIGITS && id[ID_BASE + 1] != '0' &&
	       id[ID_BASE + 1 + n] == '\0';
}

/* The number behind the time; an ID without one is the first. */
static unsigned number(const char *id)
{
	return id[ID_BASE] ? (unsigned)strtoul(id + ID_BASE + 1, NULL, 10) : 1;
}

static int by_id(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	int r = strncmp(x, y, ID_BASE);

	return r ? r : (number(x) > number(y)) - (number(x) < number(y));
}

/* The IDs for which there is a file ID.SUFFIX, oldest first. */
static int list_ids(const struct root *root, const char *suffix, struct arena *arena, const char ***ids, size_t *count,
		    struct err *err)
{
	VEC(const char *) list = { 0 };
	struct slice *names;
	enum fsio_kind kind;
	size_t all;

	*ids = NULL;
	*count = 0;
	if (fsio_private(root, BACKUP_DIR, err) != 0 || fsio_kind(root, BACKUP_DIR, &kind, err) != 0)
		return -1;
	if (kind == FSIO_MISSING)
		return 0;
	if (fsio_list(root, BACKUP_DIR, arena, &names, &all, err) != 0)
		return -1;
	for (size_t i = 0; i < all; i++) {
		size_t dot = slice_find(names[i], '.');
		const char *id = arena_str(arena, slice_sub(names[i], 0, dot));

		if (backup_is_id(id) && slice_is(slice_from(names[i], dot + 1), suffix))
			VEC_PUSH(arena, &list, id);
	}
	if (list.len > 0)
		qsort(list.ptr, list.len, sizeof *list.ptr, by_id);
	*ids = list.ptr;
	*count = list.len;
	return 0;
}

static bool is_listed(const char *const *ids, size_t count, const char *id)
{
	return count > 0 && bsearch(&id, ids, count, sizeof *ids, by_id);
}

/* Did somebody remove the manifest of this archive? A killed run leaves one without only behind all others, and the
 * next change clears that away before it makes its own. */
static bool is_orphan(const char *const *ids, size_t count, const char *id)
{
	return count > 0 && by_id(&id, &ids[count - 1]) < 0 && !is_listed(ids, count, id);
}

/* All that was kept of changes, be its manifest lost. */
static int list_all(const struct root *root, struct arena *arena, const char ***ids, size_t *count, struct err *err)
{
	VEC(const char *) all = { 0 };
	const char **archives;
	size_t archive_count;

	if (list_ids(root, "json", arena, ids, count, err) != 0 ||
	    list_ids(root, "tar", arena, &archives, &archive_count, err) != 0)
		return -1;
	for (size_t i = 0; i < *count; i++)
		VEC_PUSH(arena, &all, (*ids)[i]);
	for (size_t i = 0; i < archive_count; i++)
		if (is_orphan(*ids, *count, archives[i]))
			VEC_PUSH(arena, &all, archives[i]);
	if (all.len > 0)
		qsort(all.ptr, all.len, sizeof *all.ptr, by_id);
	*ids = all.ptr;
	*count = all.len;
	return 0;
}

static const char *now_as(const char *format, struct arena *arena)
{
	char text[64];
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(text, sizeof text, format, &tm);
	return arena_str(arena, slice_of(text));
}

/* The first free ID that sorts behind all others, and its archive, created. */
static int create_archive(const struct root *root, struct backup *backup, struct arena *arena, struct err *err)
{
	const char *base = now_as("%Y%m%dT%H%M%SZ", arena), **ids;
	unsigned n = 1;
	size_t count;

	if (list_ids(root, "json", arena, &ids, &count, err) != 0)
		return -1;
	if (count > 0 && strncmp(ids[count - 1], base, ID_BASE) >= 0) {
		n = number(ids[count - 1]) + 1;
		base = arena_str(arena, slice_sub(slice_of(ids[count - 1]), 0, ID_BASE));
	}
	for (; n <= ID_TRIES; n++) {
		struct err e = { 0 };
		int fd;

		backup->id = n == 1 ? base : arena_printf(arena, "%s-%u", base, n);
		fd = fsio_open(root, backup_part(backup->id, "tar", arena), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
			       &e);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST) {
			if (err && !err_is_set(err))
				*err = e;
			return -1;
		}
	}
	return err_put(err, ERR_FAILED, "cannot find a free name for a backup in '%s'", BACKUP_DIR);
}

bool backup_path_ok(struct slice path)
{
	if (path.len < 2 || path.ptr[0] != '/' || memchr(path.ptr, '\0', path.len))
		return false;
	while (path.len > 0) {
		size_t n = slice_find(slice_from(path, 1), '/');
		struct slice name = slice_sub(path, 1, n);

		if (name.len == 0 || slice_is(name, ".") || slice_is(name, ".."))
			return false;
		path = slice_from(path, n + 1);
	}
	return true;
}

bool backup_edits_fit(const struct backup_file *file, struct slice content)
{
	size_t at = 0;

	if (!file->existed && file->edit_count != 1)
		return false;
	for (size_t i = 0; i < file->edit_count; i++) {
		const struct backup_edit *e = &file->edits[i];

		if (e->at < at || e->at > content.len || !slice_eq(slice_sub(content, e->at, e->old.len), e->old))
			return false;
		at = e->at + e->old.len;
	}
	return true;
}

static int sync_dir(const struct root *root, struct err *err)
{
	AUTOCLOSE dir = fsio_open(root, BACKUP_DIR, O_RDONLY | O_DIRECTORY, err);

	if (dir < 0)
		return -1;
	return fsync(dir) == 0 ? 0 : err_errno(err, "cannot sync '%s'", BACKUP_DIR);
}

static int write_parts(const struct root *root, struct backup *backup, int *fd, struct arena *arena, struct err *err)
{
	int archive = *fd;

	if (backup_write_archive(archive, root, backup, arena, err) != 0)
		return -1;
	if (fsync(archive) != 0)
		return err_errno(err, "cannot sync the backup '%s'", backup->id);
	*fd = -1;
	if (close(archive) != 0)
		return err_errno(err, "cannot write the backup '%s'", backup->id);
	/* The archive's name must be on disk before the manifest's is. */
	if (sync_dir(root, err) != 0)
		return -1;
	return backup_write_manifest(root, backup, err);
}

int backup_make(const struct root *root, struct backup *backup, struct arena *arena, struct err *err)
{
	AUTOCLOSE fd = -1;
	struct backup read;

	for (size_t i = 0; i < backup->file_count; i++)
		if (!backup_path_ok(slice_of(backup->files[i].path)))
			return err_put(err, ERR_FAILED, "cannot back up '%s': it is no clean absolute path",
				       backup->files[i].path);
	if (fsio_mkdirs(root, BACKUP_DIR, 0700, err) != 0 || fsio_private(root, BACKUP_DIR, err) != 0)
		return -1;
	backup->time = now_as("%Y-%m-%dT%H:%M:%SZ", arena);
	backup->tool = NESTFIX_VERSION;
	backup->state = BACKUP_PREPARED;
	backup->undone = NULL;
	fd = create_archive(root, backup, arena, err);
	if (fd < 0)
		return -1;
	/* Read back at once: a backup that cannot be read, or is not whole, is none, and nothing has been changed yet.
	 */
	if (write_parts(root, backup, &fd, arena, err) != 0 || backup_read(root, backup->id, arena, &read, err) != 0 ||
	    backup_compare(root, &read, arena, err) != 0) {
		backup_discard(root, backup->id, NULL);
		return err_wrap(err, "cannot make a backup");
	}
	*backup = read;
	return 0;
}

int backup_list(const struct root *root, struct arena *arena, struct backup **list, size_t *count, struct err *err)
{
	const char **ids;

	if (list_all(root, arena, &ids, count, err) != 0)
		return -1;
	*list = arena_array(arena, *count, sizeof **list);
	for (size_t i = 0; i < *count; i++) {
		struct backup *b = &(*list)[i];
		struct err e = { 0 };

		if (backup_read_manifest(root, ids[i], arena, b, &e) != 0)
			*b = (struct backup){ .state = BACKUP_DAMAGED, .damage = arena_str(arena, slice_of(e.text)) };
		b->id = ids[i];
	}
	return 0;
}

static int check_id(const struct root *root, const char *id, struct arena *arena, struct err *err)
{
	enum fsio_kind kind = FSIO_MISSING;

	if (fsio_private(root, BACKUP_DIR, err) != 0)
		return -1;
	if (backup_is_id(id) && fsio_kind(root, backup_part(id, "json", arena), &kind, err) != 0)
		return -1;
	if (kind == FSIO_MISSING) {
		err_put(err, ERR_USAGE, "cannot find the backup '%s'", id);
		return err_hint(err, "see the list: aa-nestfix rollback --list");
	}
	return 0;
}

int backup_read(const struct root *root, const char *id, struct arena *arena, struct backup *out, struct err *err)
{
	if (check_id(root, id, arena, err) != 0 || backup_read_manifest(root, id, arena, out, err) != 0)
		return -1;
	return backup_read_archive(root, id, arena, out, err);
}

int backup_mark(const struct root *root, const char *id, enum backup_state state, struct err *err)
{
	AUTOARENA arena = { 0 };

	if (check_id(root, id, &arena, err) != 0)
		return -1;
	return backup_mark_manifest(root, id, state, now_as("%Y-%m-%dT%H:%M:%SZ", &arena), err);
}

int backup_discard(const struct root *root, const char *id, struct err *err)
{
	AUTOARENA arena = { 0 };

	if (!backup_is_id(id))
		return err_put(err, ERR_USAGE, "cannot find the backup '%s'", id);
	if (atomic_remove(root, backup_part(id, "json", &arena), ATOMIC_ANY, err) != 0)
		return -1;
	return atomic_remove(root, backup_part(id, "tar", &arena), ATOMIC_ANY, err);
}

/* Archives whose manifest never came, or went first when the backup was discarded. `ids`: of all manifests. */
static int sweep_archives(const struct root *root, const char *const *ids, size_t count, struct arena *arena,
			  struct err *err)
{
	const char **archives;
	size_t archive_count;

	if (list_ids(root, "tar", arena, &archives, &archive_count, err) != 0)
		return -1;
	for (size_t i = 0; i < archive_count; i++) {
		if (is_listed(ids, count, archives[i]) || is_orphan(ids, count, archives[i]))
			continue;
		if (atomic_remove(root, backup_part(archives[i], "tar", arena), ATOMIC_ANY, err) != 0)
			return -1;
	}
	return 0;
}

int backup_sweep(const struct root *root, struct err *err)
{
	AUTOARENA arena = { 0 };
	struct backup *list;
	const char **ids;
	size_t count, id_count;

	if (backup_list(root, &arena, &list, &count, err) != 0 ||
	    list_ids(root, "json", &arena, &ids, &id_count, err) != 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (list[i].state == BACKUP_PREPARED && backup_discard(root, list[i].id, err) != 0)
			return -1;
	if (sweep_archives(root, ids, id_count, &arena, err) != 0)
		return -1;
	return atomic_sweep(root, BACKUP_DIR, err);
}

int backup_sweep_files(const struct root *root, const struct backup *backup, struct err *err)
{
	AUTOARENA arena = { 0 };

	for (size_t i = 0; i < backup->file_count; i++) {
		const char *path = backup->files[i].path, *slash = strrchr(path, '/');
		size_t n = slash == path ? 1 : (size_t)(slash - path);

		if (atomic_sweep(root, arena_str(&arena, (struct slice){ path, n }), err) != 0)
			return -1;
	}
	return 0;
}

/* The kernel may keep its integrity hashes to itself; it makes them anew. FUSE may have no xattrs. */
static bool may_miss(const struct atomic *a, const struct fsio_xattr *x)
{
	return strcmp(x->name, "security.ima") == 0 || strcmp(x->name, "security.evm") == 0 ||
	       (a->fuse && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EPERM));
}

static int restore_xattrs(const struct atomic *a, const struct backup_file *file, struct err *err)
{
	AUTOARENA arena = { 0 };
	int fd = atomic_fd(a);
	struct fsio_xattr *there;
	size_t count;

	fsio_xattrs(fd, file->path, &arena, &there, &count, NULL);
	for (size_t i = 0; i < file->xattr_count; i++) {
		const struct fsio_xattr *x = &file->xattrs[i], *have = fsio_xattr_find(there, count, x->name);

		if ((have && slice_eq(have->value, x->value)) ||
		    fsetxattr(fd, x->name, x->value.len ? x->value.ptr : "", x->value.len, 0) == 0 || may_miss(a, x))
			continue;
		return err_errno(err, "cannot put back the attribute '%s' of '%s'", x->name, file->path);
	}
	return 0;
}

int backup_restore(const struct root *root, const struct backup_file *file, const struct file *now, struct err *err)
{
	AUTOATOMIC a = { 0 };

	if (!file->existed)
		return atomic_remove(root, file->path, now, err);
	if (atomic_open(&a, root, file->path, now, &file->attr, err) != 0 ||
	    atomic_write(&a, file->content, err) != 0 || restore_xattrs(&a, file, err) != 0)
		return -1;
	return atomic_commit(&a, err);
}
