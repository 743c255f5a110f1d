/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The archive of a backup: pax, because it holds nanoseconds, xattrs, ACLs and names of any bytes. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "backup-internal.h"

enum { LIMIT_ARCHIVE = 256 << 20 };

static void free_writer(struct archive **a)
{
	archive_write_free(*a);
}

static void free_reader(struct archive **a)
{
	archive_read_free(*a);
}

static void free_entry(struct archive_entry **e)
{
	archive_entry_free(*e);
}

static int archive_failed(struct archive *a, const char *what, const char *subject, struct err *err)
{
	errno = archive_errno(a);
	if (errno > 0)
		return err_errno(err, "cannot %s '%s'", what, subject);
	return err_put(err, ERR_FAILED, "cannot %s '%s': %s", what, subject, archive_error_string(a));
}

/*
 * The attributes are read here, because libarchive passes over one that it cannot read. The ACL goes in twice: as
 * libarchive writes it, for a tar program in an administrator's hands, and as the raw xattr, from which it is restored
 * exactly (libarchive leaves "system." xattrs to its ACL code).
 */
static int add_xattrs(struct archive_entry *entry, int fd, const char *path, struct arena *arena, struct err *err)
{
	struct fsio_xattr *list;
	size_t count;

	if (fsio_xattrs(fd, path, arena, &list, &count, err) != 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		archive_entry_xattr_add_entry(entry, list[i].name, list[i].value.ptr, list[i].value.len);
	return 0;
}

static int write_entry(struct archive *out, int fd, const struct file *file, const char *path, struct arena *arena,
		       struct err *err)
{
	__attribute__((cleanup(free_reader))) struct archive *disk = archive_read_disk_new();
	__attribute__((cleanup(free_entry))) struct archive_entry *entry = archive_entry_new();

	if (!disk || !entry)
		abort(); /* as buf.h */
	archive_read_disk_set_behavior(disk, ARCHIVE_READDISK_NO_XATTR);
	archive_entry_copy_sourcepath(entry, path);
	archive_entry_copy_pathname(entry, path + 1); /* as tar has it, so that `tar -C /` unpacks it */
	if (archive_read_disk_entry_from_file(disk, entry, fd, &file->st) != ARCHIVE_OK)
		return archive_failed(disk, "read the attributes of", path, err);
	archive_entry_sparse_clear(entry);
	archive_entry_unset_atime(entry);
	archive_entry_unset_ctime(entry);
	if (add_xattrs(entry, fd, path, arena, err) != 0)
		return -1;
	if (archive_write_header(out, entry) != ARCHIVE_OK)
		return archive_failed(out, "write the backup of", path, err);
	if (file->bytes.len > 0 &&
	    archive_write_data(out, file->bytes.ptr, file->bytes.len) != (la_ssize_t)file->bytes.len)
		return archive_failed(out, "write the backup of", path, err);
	return 0;
}

static int not_as_planned(const char *path, const char *what, struct err *err)
{
	err_put(err, ERR_REFUSED, "cannot change '%s': it %s since the change was planned", path, what);
	return err_hint(err, "run it again, so that it looks at the file as it is now");
}

/* A new file takes the place of one name: the others would stay what they are, and no rollback could join them again.
 */
static int refuse_links(const char *path, struct err *err)
{
	err_put(err, ERR_REFUSED, "cannot change '%s': the file has another name, which would keep the old content",
		path);
	return err_hint(err,
			"see which: find / -xdev -samefile '%s'; where both are not needed, remove the other, else "
			"make it a file of its own by 'cp -p'",
			path);
}

static int write_file(struct archive *out, const struct root *root, const struct backup_file *file, struct arena *arena,
		      struct err *err)
{
	AUTOCLOSE fd = -1;
	enum fsio_kind kind;
	struct file now;

	if (fsio_kind(root, file->path, &kind, err) != 0)
		return -1;
	if (!file->existed) {
		if (kind != FSIO_MISSING)
			return not_as_planned(file->path, "was created", err);
		return backup_edits_fit(file, (struct slice){ 0 }) ? 0 : not_as_planned(file->path, "changed", err);
	}
	if (kind == FSIO_MISSING)
		return not_as_planned(file->path, "was removed", err);
	fd = fsio_open(root, file->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, err);
	if (fd < 0 ||
	    fsio_read_fd(fd, root, root_path(root, file->path, arena), FSIO_LIMIT_POLICY, arena, &now, err) != 0)
		return -1;
	if (!backup_edits_fit(file, now.bytes))
		return not_as_planned(file->path, "changed", err);
	if (now.st.st_nlink > 1)
		return refuse_links(file->path, err);
	return write_entry(out, fd, &now, file->path, arena, err);
}

int backup_write_archive(int fd, const struct root *root, const struct backup *backup, struct arena *arena,
			 struct err *err)
{
	__attribute__((cleanup(free_writer))) struct archive *out = archive_write_new();

	if (!out)
		abort();
	archive_write_set_format_pax(out);
	/* Names are bytes: no locale may judge them. One form of xattrs is enough, and where this is unknown, two do no
	 * harm. */
	archive_write_set_format_option(out, "pax", "hdrcharset", "BINARY");
	archive_write_set_format_option(out, "pax", "xattrheader", "SCHILY");
	if (archive_write_open_fd(out, fd) != ARCHIVE_OK)
		return archive_failed(out, "write the backup", backup->id, err);
	for (size_t i = 0; i < backup->file_count; i++)
		if (write_file(out, root, &backup->files[i], arena, err) != 0)
			return -1;
	if (archive_write_close(out) != ARCHIVE_OK)
		return archive_failed(out, "write the backup", backup->id, err);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct fsio_xattr *)a)->name, ((const struct fsio_xattr *)b)->name);
}

static void read_xattrs(struct archive_entry *entry, struct arena *arena, struct backup_file *file)
{
	VEC(struct fsio_xattr) list = { 0 };
	const char *name;
	const void *value;
	size_t size;

	archive_entry_xattr_reset(entry);
	while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
		struct fsio_xattr x = { arena_str(arena, slice_of(name)),
					arena_slice(arena, (struct slice){ value, size }) };

		if (!fsio_xattr_find(list.ptr, list.len, name))
			VEC_PUSH(arena, &list, x);
	}
	if (list.len > 0)
		qsort(list.ptr, list.len, sizeof *list.ptr, by_name);
	file->xattrs = list.ptr;
	file->xattr_count = list.len;
}

/* Why an entry is not the file that the manifest promises next, or NULL. */
static const char *judge(struct archive_entry *entry, const struct backup_file *file)
{
	const char *name = archive_entry_pathname(entry);

	if (!file || !name || strcmp(name, file->path + 1) != 0)
		return "its archive holds other files than its manifest says";
	if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) || archive_entry_symlink(entry))
		return "its archive holds something that is no regular file";
	if (!archive_entry_size_is_set(entry) || archive_entry_size(entry) < 0 ||
	    archive_entry_size(entry) > FSIO_LIMIT_POLICY)
		return "its archive holds a file of impossible size";
	return NULL;
}

static int read_entry(struct archive *in, struct archive_entry *entry, const char *id, struct arena *arena,
		      struct backup_file *file, struct err *err)
{
	size_t size = (size_t)archive_entry_size(entry), len = 0;
	char *ptr = arena_alloc(arena, size + 1);

	while (len < size) {
		la_ssize_t n = archive_read_data(in, ptr + len, size - len);

		if (n <= 0)
			return backup_refuse(id, "its archive is cut short", err);
		len += (size_t)n;
	}
	file->content = (struct slice){ ptr, size };
	file->attr = (struct atomic_attr){
		.mode = archive_entry_perm(entry),
		.uid = (uid_t)archive_entry_uid(entry),
		.gid = (gid_t)archive_entry_gid(entry),
		.force = true,
		.mtime = { .tv_sec = archive_entry_mtime(entry), .tv_nsec = archive_entry_mtime_nsec(entry) },
	};
	read_xattrs(entry, arena, file);
	return backup_edits_fit(file, file->content) ? 0
						     : backup_refuse(id, "its archive and its manifest disagree", err);
}

/* The next file of the manifest that the archive must hold, or NULL. */
static struct backup_file *next_file(struct backup *backup, size_t *at)
{
	while (*at < backup->file_count && !backup->files[*at].existed)
		++*at;
	return *at < backup->file_count ? &backup->files[(*at)++] : NULL;
}

static int read_all(struct archive *in, const char *id, struct arena *arena, struct backup *backup, struct err *err)
{
	struct archive_entry *entry;
	size_t at = 0;
	int r;

	while ((r = archive_read_next_header(in, &entry)) == ARCHIVE_OK) {
		struct backup_file *file = next_file(backup, &at);
		const char *wrong = judge(entry, file);

		if (wrong)
			return backup_refuse(id, wrong, err);
		if (read_entry(in, entry, id, arena, file, err) != 0)
			return -1;
	}
	if (r != ARCHIVE_EOF)
		return backup_refuse(id, "its archive cannot be read", err);
	return next_file(backup, &at) ? backup_refuse(id, "a file is missing in its archive", err) : 0;
}

int backup_read_archive(const struct root *root, const char *id, struct arena *arena, struct backup *backup,
			struct err *err)
{
	__attribute__((cleanup(free_reader))) struct archive *in = archive_read_new();
	const char *path = backup_part(id, "tar", arena);
	enum fsio_kind kind;
	struct file tar;

	if (!in)
		abort();
	for (size_t i = 0; i < backup->file_count; i++)
		if (!backup->files[i].existed && !backup_edits_fit(&backup->files[i], (struct slice){ 0 }))
			return backup_refuse(id, "its manifest is not sound", err);
	if (fsio_kind(root, path, &kind, err) != 0)
		return -1;
	if (kind == FSIO_MISSING)
		return backup_refuse(id, "its archive is missing", err);
	if (fsio_read(root, path, LIMIT_ARCHIVE, arena, &tar, err) != 0)
		return -1;
	archive_read_support_format_tar(in);
	if (archive_read_open_memory(in, tar.bytes.ptr, tar.bytes.len) != ARCHIVE_OK)
		return backup_refuse(id, "its archive cannot be read", err);
	return read_all(in, id, arena, backup, err);
}
